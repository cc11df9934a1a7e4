"""Check the numbers that a caller gives, with errors that say what was expected."""

from __future__ import annotations

import math
import operator

from microgradcheck.structure import number

__all__ = ["real", "whole"]


def real(
    name: str,
    given: object,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    below: float = math.inf,
) -> float:
    """Return a finite number within bounds as a float.

    Example:
        >>> real("momentum", 1.5, least=0, below=1)
        Traceback (most recent call last):
        ValueError: momentum is a number, at least 0 and below 1; got 1.5
    """
    converted = number(given)
    bounds = {"at least": least, "above": above, "below": below}
    said = " and ".join(f"{word} {x:g}" for word, x in bounds.items() if math.isfinite(x))
    expected = f"{name} is a {'number, ' + said if said else 'finite number'}"
    if converted is None:
        raise TypeError(f"{expected}; got {given!r} of type {type(given).__name__}")
    if not (least <= converted < below and above < converted and math.isfinite(converted)):
        raise ValueError(f"{expected}; got {given!r}")
    return converted


def whole(name: str, given: object, *, least: int) -> int:
    """Return an integer that is not too small."""
    expected = f"{name} is an integer, at least {least}"
    if isinstance(given, bool) or not hasattr(given, "__index__"):
        raise TypeError(f"{expected}; got {given!r} of type {type(given).__name__}")
    if operator.index(given) < least:
        raise ValueError(f"{expected}; got {given!r}")
    return operator.index(given)
