"""Take a number, list, tuple or array apart into its entries, and put it back together."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from numbers import Real
from reprlib import Repr
from typing import Any

__all__ = ["in_short", "is_array", "number", "put_together", "take_apart", "with_numpy_arrays"]


_SHORT = Repr()
_SHORT.maxother = _SHORT.maxstring = _SHORT.maxlong = 80


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


def in_short(thing: object) -> str:
    """Return a thing as text, with an ellipsis where it goes on for too long.

    Example:
        >>> in_short([0.5] * 5000)
        '[0.5, 0.5, 0.5, 0.5, 0.5, 0.5, ...]'
    """
    return " ".join(_SHORT.repr(thing).split())


def is_array(thing: object) -> bool:
    """Tell whether a thing is a NumPy array, without importing NumPy for the question."""
    return _is_numpy(thing, "ndarray")


def _is_numpy(thing: object, kind: str) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(thing, getattr(numpy, kind))


def with_numpy_arrays(thing: Any) -> Any:
    """Return arrays of other libraries, such as torch and JAX, as NumPy's; all else as it is.

    Args:
        thing: one, or a list or tuple of such things.

    Example:
        >>> with_numpy_arrays([1.0, 2.0])
        [1.0, 2.0]
    """
    if isinstance(thing, (list, tuple)):
        return [with_numpy_arrays(part) for part in thing]
    if not hasattr(thing, "__array__") or is_array(thing) or number(thing) is not None:
        return thing
    import numpy as np

    return np.asarray(thing)


def take_apart(
    thing: object, is_entry: Callable[[object], bool], *, name: str = "the argument"
) -> list[Any]:
    """Return the entries of a number, list, tuple or array in reading order.

    Args:
        thing: one entry, a list or tuple of such (nested to any depth), or a NumPy array.
        is_entry: tells an entry from anything else.
        name: what an error calls the thing.

    Raises:
        TypeError: something in it is neither an entry nor a list, tuple or array.
        ValueError: there is no entry in it.

    Example:
        >>> take_apart([1, (2, 3)], lambda entry: isinstance(entry, int))
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
                f"{name} holds {in_short(part)} of type {type(part).__name__}; "
                "expected a real number, or a list, tuple or NumPy array of them"
            )
    if not entries:
        raise ValueError(f"{name} is empty: {thing!r}; give it at least one number")
    return entries


def put_together(entries: Sequence[Any], like: object) -> Any:
    """Return the entries in the kind and shape of another thing: the inverse of `take_apart`.

    Args:
        entries: as many as `like` holds, in reading order.
        like: a number, list, tuple or array. An array comes back as one of its class and memory
            order, with floats, complex numbers or objects, whichever can hold the entries.

    Example:
        >>> put_together([4, 5, 6], like=[1, (2, 3)])
        [4, (5, 6)]
    """
    remaining = iter(entries)
    # Nesting is as deep as the caller's own literal, so recursion is safe here.
    return _put_together(remaining, like)


def _put_together(remaining: Any, like: Any) -> Any:
    if isinstance(like, tuple) and hasattr(like, "_make"):
        return like._make(_put_together(remaining, part) for part in like)
    if isinstance(like, (list, tuple)):
        return (list if isinstance(like, list) else tuple)(
            _put_together(remaining, part) for part in like
        )
    if is_array(like):
        import numpy as np

        entries = [next(remaining) for _ in range(like.size)]
        kinds = {type(entry) for entry in entries}
        dtype = float if kinds <= {float} else complex if kinds <= {float, complex} else object
        flat = np.empty(like.size, dtype=dtype)
        flat[:] = entries
        array = np.empty_like(like, dtype=dtype)
        array[...] = flat.reshape(like.shape)
        return array
    return next(remaining)
