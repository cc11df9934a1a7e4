"""Take a number, list, tuple or array apart into its entries, and put it back together."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any

__all__ = ["is_array", "is_number", "number", "put_together", "take_apart", "with_numpy_arrays"]


def number(thing: object) -> float | None:
    """Return a plain real number as a float, and None for anything else.

    Python's and NumPy's integers, floats, booleans and fractions are plain numbers; strings,
    complex numbers, arrays and `Value`s are not.

    Example:
        >>> number(3), number("3")
        (3.0, None)
    """
    if isinstance(thing, (float, int, Real)) or _is_numpy(thing, "bool"):
        return float(thing)  # type: ignore[arg-type]
    return None


def is_number(thing: object) -> bool:
    """Tell whether a thing is a plain real number."""
    return number(thing) is not None


def is_array(thing: object) -> bool:
    """Tell whether a thing is a NumPy array, without importing NumPy for the question."""
    return _is_numpy(thing, "ndarray")


def _is_numpy(thing: object, kind: str) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(thing, getattr(numpy, kind))


def with_numpy_arrays(thing: Any) -> Any:
    """Return arrays of other libraries, such as torch and JAX, as NumPy's; all else as it is."""
    if isinstance(thing, (list, tuple)):
        return [with_numpy_arrays(part) for part in thing]
    if not hasattr(thing, "__array__") or is_array(thing) or is_number(thing):
        return thing
    import numpy as np

    return np.asarray(thing)


def take_apart(
    thing: object,
    is_entry: Callable[[object], bool] = is_number,
    *,
    name: str = "the argument",
) -> list[Any]:
    """Return the entries of a number, list, tuple or array, nested or not, in reading order.

    The name is what errors call it: a `TypeError` where something in it is no entry, and a
    `ValueError` where there is none.

    Example:
        >>> take_apart([1, (2, 3)])
        [1, 2, 3]
    """
    entries: list[Any] = []
    pending = [thing]
    while pending:
        part: Any = pending.pop()
        if isinstance(part, (list, tuple)):
            pending.extend(reversed(part))
        elif is_array(part) and part.dtype.names is None:
            pending.extend(reversed(part.ravel().tolist()))
        elif is_entry(part):
            entries.append(part)
        else:
            raise TypeError(
                f"{name} holds {part!r} of type {type(part).__name__}; "
                "expected a real number, or a list, tuple or NumPy array of them"
            )
    if not entries:
        raise ValueError(f"{name} is empty: {thing!r}; give it at least one number")
    return entries


def put_together(entries: Iterable[Any], like: Any) -> Any:
    """Return the entries in the kind and shape of another thing: the inverse of `take_apart`.

    An array comes back as one of its class and memory order, with floats, complex numbers or
    objects, whichever can hold the entries.

    Example:
        >>> put_together([4, 5, 6], like=[1, (2, 3)])
        [4, (5, 6)]
    """
    remaining = iter(entries)
    # Nesting is as deep as the caller's own literal, so recursion is safe here.
    if isinstance(like, tuple) and hasattr(like, "_make"):
        return like._make(put_together(remaining, part) for part in like)
    if isinstance(like, (list, tuple)):
        return (list if isinstance(like, list) else tuple)(
            put_together(remaining, part) for part in like
        )
    if is_array(like):
        import numpy as np

        numbers = [next(remaining) for _ in range(like.size)]
        kinds = {type(entry) for entry in numbers}
        dtype = float if kinds <= {float} else complex if kinds <= {float, complex} else object
        flat = np.empty(like.size, dtype=dtype)
        flat[:] = numbers
        array = np.empty_like(like, dtype=dtype)
        array[...] = flat.reshape(like.shape)
        return array
    return next(remaining)
