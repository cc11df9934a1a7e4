"""Numbers and `Value`s as entries: what is one, and functions of all entries of a sequence."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any, overload

from microgradcheck.functions.elementwise import VALUES, Number
from microgradcheck.structure import is_array, is_number, put_together, shape_of, take_apart
from microgradcheck.value import Value

__tracebackhide__ = True  # from pytest


def is_entry(thing: object) -> bool:
    """Tell whether a thing is a `Value` or a plain number."""
    return isinstance(thing, Value) or is_number(thing)


def lift(numbers: Any) -> Any:
    """Return a number, list, tuple or array with a new `Value` for each number in it.

    Example:
        >>> lift([1.0, 2.0])
        [Value(data=1.0), Value(data=2.0)]
    """
    return put_together(map(Value, take_apart(numbers)), like=numbers)


@overload
def sum(values: Iterable[Number]) -> Number | Any: ...
@overload
def sum(values: Any) -> Any: ...
def sum(values: Any) -> Any:
    """Return the sum of all entries of a sequence or array.

    Args:
        values: a list, tuple or array of any shape, of `Value`s or numbers.

    Returns:
        A `Value` where one is among the entries, else a float; 0.0 for an empty sequence.

    Raises:
        TypeError: an entry is neither a number nor a `Value`.
        OverflowError: the sum is too large for a float.

    Example:
        >>> sum([Value(1.0), 2.0]).data
        3.0
    """
    values = _listed(values)  # Here, since an iterator's own ValueError is none of an empty one's.
    try:
        entries = _entries(values, "sum")
    except ValueError:  # There is none.
        return 0.0
    total = reduce(operator.add, entries)
    if not isinstance(total, Value) and total - total != 0 and all(x - x == 0 for x in entries):
        raise OverflowError("the sum is too large for a float, whose largest is 1.8e308")
    return total


@overload
def mean(values: Iterable[Number]) -> Number: ...
@overload
def mean(values: Any) -> Any: ...
def mean(values: Any) -> Any:
    """Return the mean of all entries of a sequence or array.

    Args:
        values: a list, tuple or array of any shape, of `Value`s or numbers, not empty.

    Returns:
        A `Value` where one is among the entries, else a float.

    Raises:
        TypeError: an entry is neither a number nor a `Value`.
        ValueError: there is no entry.
        OverflowError: the sum is too large for a float.

    Example:
        >>> mean([1.0, 2.0, 6.0])
        3.0
    """
    entries = _entries(values, "mean")
    return sum(entries) / len(entries)


@overload
def dot(left: Sequence[Value] | Sequence[float], right: Sequence[Value]) -> Value: ...
@overload
def dot(left: Sequence[Number], right: Sequence[float]) -> Number: ...
@overload
def dot(left: Any, right: Any) -> Any: ...
def dot(left: Any, right: Any) -> Any:
    """Return the sum of the products of the entries of two sequences or arrays of one dimension.

    Args:
        left: a sequence of n `Value`s or numbers.
        right: another of the same length.

    Returns:
        A `Value` where one is among the entries, else a float.

    Raises:
        TypeError: an entry is neither a number nor a `Value`.
        ValueError: they are empty, differ in length, or have more dimensions.

    Example:
        >>> dot([1.0, 2.0], [3.0, 4.0])
        11.0
    """
    lefts, rights = _entries(left, "dot"), _entries(right, "dot")
    for given in (left, right):
        if len(shape := shape_of(_listed(given))) != 1:
            raise ValueError(f"dot takes two sequences of one dimension, got the shape {shape}")
    if len(lefts) != len(rights):
        raise ValueError(f"dot takes two of the same length, got {len(lefts)} and {len(rights)}")
    return sum([a * b for a, b in zip(lefts, rights, strict=True)])


@overload
def logsumexp(values: Iterable[Number]) -> Number: ...
@overload
def logsumexp(values: Any) -> Any: ...
def logsumexp(values: Any) -> Any:
    """Return the logarithm of the sum of the exponentials, without overflow.

    Args:
        values: a list, tuple or array of any shape, of `Value`s or numbers, not empty.

    Returns:
        A `Value` where one is among the entries, else a float.

    Raises:
        TypeError: an entry is neither a number nor a `Value`.
        ValueError: there is no entry.

    Source: Blanchard, Higham and Higham, Accurately computing the log-sum-exp and softmax
    functions, IMA J. Numer. Anal. 41 (2021).

    Example:
        >>> logsumexp([1000.0, 1000.0]) == 1000.0 + math.log(2.0)
        True
    """
    entries = _entries(values, "logsumexp")
    largest = _largest(entries)
    if math.isinf(_number(largest)) and largest == _number(largest):
        return largest  # Less itself, it would be no number.
    return VALUES.names["log"](sum(_shifted_exponentials(entries, largest))) + largest


@overload
def softmax(values: list[Number]) -> list[Number]: ...
@overload
def softmax(values: Any) -> Any: ...
def softmax(values: Any) -> Any:
    """Return each exponential divided by the sum of all, without overflow.

    Args:
        values: a list, tuple or array of any shape, of `Value`s or numbers, not empty.

    Returns:
        The same kind and shape, a list for any other iterable, with entries that are not negative
        and sum to 1.

    Raises:
        TypeError: an entry is neither a number nor a `Value`.
        ValueError: there is no entry.

    Source: as for `logsumexp`.

    Example:
        >>> softmax([1000.0, 1000.0])
        [0.5, 0.5]
    """
    values = _listed(values)
    entries = _entries(values, "softmax")
    exponentials = _shifted_exponentials(entries, _largest(entries))
    total = sum(exponentials)
    return put_together([exponential / total for exponential in exponentials], like=values)


@overload
def clip(values: Number, low: float, high: float) -> Number: ...
@overload
def clip(values: list[Number], low: float, high: float) -> list[Number]: ...
@overload
def clip(values: Any, low: Any, high: Any) -> Any: ...
def clip(values: Any, low: Any, high: Any) -> Any:
    """Return each entry, or the nearer bound where it is outside of them.

    Args:
        values: a number, `Value`, list, tuple, array or another iterable.
        low: the lower bound, a number or `Value`.
        high: the upper bound, not below the lower.

    Returns:
        The same kind and shape, a list for another iterable. At a bound the derivative is one
        half, as at any tie.

    Raises:
        TypeError: an entry or a bound is neither a number nor a `Value`.
        ValueError: the lower bound is above the upper one.

    Example:
        >>> clip([-3.0, 0.5, 2.0], 0.0, 1.0)
        [0.0, 0.5, 1.0]
    """
    for bound in (low, high):
        if not is_entry(bound):
            raise TypeError(
                f"clip takes bounds that are numbers or Values, got {bound!r} of type "
                f"{type(bound).__name__}; where there is none, give -math.inf or math.inf"
            )
    if low > high:
        raise ValueError(
            f"clip takes a lower bound that is not above the upper: {low!r} > {high!r}"
        )
    maximum, minimum = VALUES.names["maximum"], VALUES.names["minimum"]
    values = _listed(values)
    entries = _entries(values, "clip")
    return put_together([minimum(maximum(entry, low), high) for entry in entries], like=values)


def _listed(values: Any) -> Any:
    """Return a range, an iterator or another iterable as a list, which has entries and a shape."""
    is_shaped = isinstance(values, (list, tuple, str)) or is_array(values)
    return list(values) if isinstance(values, Iterable) and not is_shaped else values


def _entries(values: Any, name: str) -> list[Any]:
    entries = take_apart(
        _listed(values),
        lambda entry: is_entry(entry) or isinstance(entry, complex),
        name=f"the argument of {name}",
    )
    return [entry if isinstance(entry, Value | complex) else float(entry) for entry in entries]


def _largest(entries: list[Any]) -> Any:
    # Recorded as it is computed, so that a tape finds the largest anew at other inputs.
    return reduce(VALUES.names["maximum"], entries)


def _shifted_exponentials(entries: list[Any], largest: Any) -> list[Any]:
    exp = VALUES.names["exp"]

    def exponential(entry: Any) -> Any:
        if _number(entry) - _number(largest) == -math.inf and entry / 2 < largest / 2 - 1e300:
            return 0.0  # The difference itself may be too large for a float.
        # Moving all entries alike changes neither result, and the largest exponential becomes 1.
        return exp(entry - largest)

    return list(map(exponential, entries))


def _number(entry: Any) -> float:
    """Return the number in an entry, unseen by a tape, which learns of each comparison."""
    number: float = entry.number if isinstance(entry, Value) else entry.real
    return number
