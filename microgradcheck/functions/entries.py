"""`Value`s among the entries of numbers, lists, tuples and arrays."""

from __future__ import annotations

from typing import Any

from microgradcheck.structure import number, put_together, take_apart
from microgradcheck.value import Value

__all__ = ["is_entry", "lift"]


def is_entry(thing: object) -> bool:
    """Tell whether a thing is a `Value` or a plain number."""
    return isinstance(thing, Value) or number(thing) is not None


def lift(numbers: Any) -> Any:
    """Return a number, list, tuple or array with a new `Value` for each number in it.

    Args:
        numbers: what a function of `Value`s is to be called with.

    Raises:
        TypeError, ValueError: as for `take_apart`.

    Example:
        >>> lift([1.0, 2.0])
        [Value(data=1.0), Value(data=2.0)]
    """
    entries = take_apart(numbers, lambda entry: number(entry) is not None)
    return put_together(list(map(Value, entries)), like=numbers)
