"""Losses: how far a model's outputs are from what they should be, as one number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from microgradcheck import functions
from microgradcheck.functions import logsumexp, mean
from microgradcheck.structure import is_array, number, shown
from microgradcheck.value import scope


@scope
def squared_error(predictions: Sequence[Any], targets: Sequence[Any]) -> Any:
    """Return the mean of the squared differences of predictions and targets.

    Args:
        predictions: a sequence of numbers or `Value`s, in the units of the targets.
        targets: as many numbers.

    Returns:
        A `Value` where one is among the predictions, else a float.

    Raises:
        TypeError: an argument is no sequence.
        ValueError: they are empty or differ in length.

    Example:
        >>> squared_error([1.0, 4.0], [1.0, 2.0])
        2.0
    """
    _check_lengths("predictions", predictions, "targets", targets)
    pairs = zip(_plain("predictions", predictions), _plain("targets", targets), strict=True)
    return mean([(p - t) ** 2 for p, t in pairs])


@scope
def hinge(scores: Sequence[Any], labels: Sequence[Any]) -> Any:
    """Return the mean of max(0, 1 − label · score), which is 0 for scores beyond ±1.

    Args:
        scores: a sequence of numbers or `Value`s, positive for the class +1.
        labels: as many, each −1 or +1.

    Returns:
        A `Value` where one is among the scores, else a float.

    Raises:
        TypeError: an argument is no sequence.
        ValueError: they are empty or differ in length, or a label is neither −1 nor +1.

    Source: Cortes and Vapnik, Support-Vector Networks, Machine Learning 20 (1995).

    Example:
        >>> hinge([2.0, 0.5], [1, -1])
        0.75
    """
    return mean([functions.relu(1 - y * s) for s, y in _with_signs(scores, labels)])


@scope
def logistic(scores: Sequence[Any], labels: Sequence[Any]) -> Any:
    """Return the mean of log(1 + exp(−label · score)), the binary cross-entropy of sigmoid(score).

    Args:
        scores: a sequence of numbers or `Value`s, the log-odds of the class +1.
        labels: as many, each −1 or +1.

    Returns:
        A `Value` where one is among the scores, else a float; in nats.

    Raises:
        TypeError: an argument is no sequence.
        ValueError: they are empty or differ in length, or a label is neither −1 nor +1.

    Source: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd ed. (2009),
    section 10.5.

    Example:
        >>> logistic([1000.0, 1000.0], [1, -1])
        500.0
    """
    return mean([functions.softplus(-y * s) for s, y in _with_signs(scores, labels)])


@scope
def cross_entropy(scores: Sequence[Sequence[Any]], labels: Sequence[int]) -> Any:
    """Return the mean of −log softmax(scores)[label], without overflow.

    Args:
        scores: for each sample, a sequence with a number or `Value` for each class.
        labels: for each sample, the index of its class, from 0.

    Returns:
        A `Value` where one is among the scores, else a float; in nats.

    Raises:
        TypeError: an argument is no sequence, or a label no integer.
        ValueError: they are empty or differ in length, or there is no class of that index.

    Source: Bishop, Pattern Recognition and Machine Learning (2006), section 4.3.4.

    Example:
        >>> cross_entropy([[1000.0, 0.0], [1000.0, 0.0]], [0, 1])
        500.0
    """
    _check_lengths("scores", scores, "labels", labels)
    losses = []
    for sample, label in zip(scores, labels, strict=True):
        if not hasattr(sample, "__len__"):
            raise TypeError(
                f"cross_entropy takes a sequence of scores for each sample, got {sample!r}; "
                "for one score and two classes use logistic"
            )
        if not hasattr(label, "__index__"):
            raise TypeError(f"a label is the index of a class, an integer; got {label!r}")
        if not 0 <= label < len(sample):
            raise ValueError(f"a label is an index from 0 to {len(sample) - 1}, got {label!r}")
        of_classes = _plain("the scores of a sample", sample)
        losses.append(logsumexp(of_classes) - of_classes[label])
    return mean(losses)


def _check_lengths(name: str, left: Any, other: str, right: Any) -> None:
    for called, given in ((name, left), (other, right)):
        if not hasattr(given, "__len__") or isinstance(given, str):
            raise TypeError(
                f"{called} are a sequence, got {given!r} of type {type(given).__name__}"
            )
    if len(left) != len(right) or not len(left):
        raise ValueError(
            f"{name} and {other} are as many, and at least one; got {len(left)} and {len(right)}"
        )


def _with_signs(scores: Any, labels: Any) -> Iterable[tuple[Any, float]]:
    """Return each score with its label."""
    _check_lengths("scores", scores, "labels", labels)
    for label in labels:
        if label not in (-1, 1):
            raise ValueError(f"a label is -1 or +1, got {label!r}; of 0 and 1 make 2 * label - 1")
    return zip(_plain("scores", scores), _plain("labels", labels), strict=True)


def _plain(name: str, entries: Iterable[Any]) -> list[Any]:
    """Return entries with numbers as floats, since NumPy computes in the kind of its own."""
    plain = []
    for entry in entries:
        if isinstance(entry, (list, tuple)) or (is_array(entry) and entry.shape != ()):
            raise TypeError(f"{name} are one number for each sample, got {shown(entry)}")
        as_float = number(entry)
        plain.append(entry if as_float is None else as_float)
    return plain
