"""Take a number, list, tuple or array apart into its entries, and put it back together."""

from __future__ import annotations

import difflib
import inspect
import math
import operator
import reprlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, product
from numbers import Real
from typing import Any

__tracebackhide__ = True  # from pytest

Function = Callable[..., Any]
"""What is differentiated, whatever it takes."""


class _Short(reprlib.Repr):
    def repr_int(self, x: int, level: int) -> str:
        # Python writes no integer of more than 4,300 digits.
        bits = x.bit_length()
        return f"an integer of {bits:,} bits" if bits > 9999 else super().repr_int(x, level)


_SHORT = _Short()
_SHORT.maxstring = _SHORT.maxother = 120
# By what only they have: what to make of things that hold numbers in another way.
_ADVICE = {
    "to_numpy": "; write x.to_numpy()",
    "keys": "; give each of its values as an argument of its own",
    "detach": "; write x.detach().numpy()",
    "toarray": "; write x.toarray()",
    "backward": "; write x.data",
    "with_parameters": "; give [p.data for p in model.parameters()], and an f of such numbers that "
    "calls model.with_parameters(numbers)",
    "__array__": "; write numpy.asarray(x)",
    "as_integer_ratio": "; write float(x)",
    "tolist": "; write x.tolist()",
}


def number(thing: object) -> float | None:
    """Return a plain real number as a float, and None for anything else.

    Python's and NumPy's integers, floats, booleans and fractions are plain numbers; strings,
    complex numbers, arrays and `Value`s are not. An integer beyond the floats raises.

    Example:
        >>> number(3), number("3")
        (3.0, None)
    """
    if isinstance(thing, (float, int, Real)) or is_numpy(thing, "bool"):
        try:
            return float(thing)  # type: ignore[arg-type]
        except OverflowError:
            raise OverflowError(
                f"{shown(thing)} is too large for a float, whose largest is 1.8e308"
            ) from None
    return None


def shown(thing: object) -> str:
    """Return how messages show a thing: in one line, the middle left out where it is long."""
    return " ".join(_SHORT.repr(thing).split())


def is_number(thing: object) -> bool:
    """Tell whether a thing is a plain real number."""
    return number(thing) is not None


def is_array(thing: object) -> bool:
    """Tell whether a thing is a NumPy array, without importing NumPy for the question."""
    return is_numpy(thing, "ndarray")


def is_numpy(thing: object, kind: str) -> bool:
    """Tell whether a thing is of a class of NumPy's, by its name, in the same way."""
    # Another thread may be importing NumPy, which then has no such class yet, nor anyone one of it.
    return isinstance(thing, getattr(sys.modules.get("numpy"), kind, ()))


def with_numpy_arrays(thing: Any) -> Any:
    """Return arrays of other libraries, such as torch and JAX, as NumPy's; all else as it is."""
    if isinstance(thing, (list, tuple)):
        parts = [with_numpy_arrays(part) for part in thing]
        return tuple(parts) if isinstance(thing, tuple) else parts
    # A float first: that is what an f that is checked returns, thousands of times.
    if isinstance(thing, float) or not hasattr(thing, "__array__"):
        return thing
    if is_array(thing) or is_number(thing):
        return thing
    import numpy as np

    # torch makes no array of what it would have to differentiate.
    return np.asarray(thing.detach() if hasattr(thing, "detach") else thing)


def require_function(f: object) -> None:
    """Raise an error for what cannot be called."""
    if not callable(f):
        raise TypeError(
            f"this takes a function, such as lambda x: x**2, got {f!r} of type "
            f"{type(f).__name__}; a Value has backward() for its gradient"
        )


def advice(thing: object) -> str:
    """Return what to write for a thing that holds numbers in another way, or ""."""
    return next((told for kind, told in _ADVICE.items() if hasattr(thing, kind)), "")


def take_apart(
    thing: object,
    is_entry: Callable[[object], bool] = is_number,
    *,
    name: str = "the argument",
) -> list[Any]:
    """Return the entries of a number, list, tuple or array, nested or not, in reading order.

    Errors call it by the name: something in it is no entry, or there is none.

    Example:
        >>> take_apart([1, (2, 3)])
        [1, 2, 3]
    """
    entries: list[Any] = []
    pending = [thing]
    try:
        while pending:
            part: Any = pending.pop()
            if isinstance(part, (list, tuple)):
                # Most hold nothing but floats, of which all are entries if one of them is.
                if set(map(type, part)) == {float} and is_entry(part[0]):
                    entries.extend(part)
                else:
                    pending.extend(reversed(part))
            elif not isinstance(part, float) and is_array(part) and part.dtype.names is None:
                pending.append(part.ravel().tolist())
            elif is_entry(part):
                entries.append(part)
            else:
                expected = f"a real number, or a list, tuple or NumPy array of them{advice(part)}"
                if part is None and hasattr(thing, "filled"):
                    expected = "no masked entry; fill them with numbers first: x.filled(0.0)"
                kind = type(part).__name__
                raise TypeError(f"{name} holds {shown(part)} of type {kind}; expected {expected}")
    except OverflowError as error:  # An integer beyond the floats.
        raise OverflowError(f"{name}: {error}") from None
    if not entries:
        raise ValueError(f"{name} is empty: {shown(thing)}; give it at least one number")
    return entries


def put_together(entries: Iterable[Any], like: Any) -> Any:
    """Return the entries in the kind and shape of another thing: the inverse of `take_apart`.

    An array comes back as one of its class and memory order that can hold the entries.

    Example:
        >>> put_together([4, 5, 6], like=[1, (2, 3)])
        [4, (5, 6)]
    """
    remaining = iter(entries)
    parts, pending = [], [like]
    while pending:
        part = pending.pop()
        # Most lists hold nothing but plain numbers, and need no look at each.
        is_nested = isinstance(part, (list, tuple)) and not set(map(type, part)) <= {float, int}
        parts.append((part, is_nested))
        if is_nested:
            pending.extend(part)
    # From behind, the parts of a list come before it, the first one first.
    done: list[Any] = []
    for part, is_nested in reversed(parts):
        if is_nested:
            first = len(done) - len(part)
            done[first:] = [_sequence(done[first:], part)]
        elif isinstance(part, (list, tuple)):
            done.append(_sequence(list(islice(remaining, len(part))), part))
        else:
            done.append(_array(remaining, part) if is_array(part) else next(remaining))
    return done[0]


def one_or_all(parts: Sequence[Any]) -> Any:
    """Return what belongs to the only argument, or a tuple of what belongs to each of several."""
    return parts[0] if len(parts) == 1 else tuple(parts)


def _sequence(parts: list[Any], like: Any) -> Any:
    if isinstance(like, list):
        return parts
    return like._make(parts) if hasattr(like, "_make") else tuple(parts)


def _array(entries: Iterator[Any], like: Any) -> Any:
    import numpy as np

    numbers = list(islice(entries, like.size))
    kinds = set(map(type, numbers))
    dtype = float if kinds <= {float} else complex if kinds <= {float, complex} else object
    flat = np.empty(like.size, dtype=dtype)
    flat[:] = numbers
    array = np.empty_like(like, dtype=dtype)
    array[...] = flat.reshape(like.shape)
    return array


def indices_of(thing: Any) -> list[tuple[int, ...]]:
    """Return the index of every entry, in reading order: `(0,), (1, 0)` for `[1.0, [2.0]]`."""
    if is_array(thing):
        return list(product(*map(range, thing.shape)))
    if isinstance(thing, (list, tuple)):
        return [(i, *rest) for i, part in enumerate(thing) for rest in indices_of(part)]
    return [()]


def entry_names(name: str, thing: Any) -> list[str]:
    """Return what every entry of a thing of that name is called, such as `w[0][1]`."""
    return [name + "".join(f"[{i}]" for i in index) for index in indices_of(thing)]


def shape_of(thing: Any) -> tuple[int, ...]:
    """Return the shape that a number, list, tuple or array has as an array."""
    import numpy as np

    try:
        return np.shape(thing)
    except ValueError:
        raise ValueError(
            f"no array has the shape of {shown(thing)}: it is nested unevenly or too deeply; give "
            "a flat list"
        ) from None


def argument_names(f: Callable[..., Any], count: int, *, longest: float = math.inf) -> list[str]:
    """Return how f calls its first arguments, or x0, x1, ... where it has no names for them."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):  # Some functions written in C have none.
        parameters = []
    names = [p.name for p in parameters if p.kind <= p.POSITIONAL_OR_KEYWORD][:count]
    if len(names) == count and all(len(name) <= longest for name in names):
        return names
    return ["x"] if count == 1 else [f"x{position}" for position in range(count)]


def misfit(f: Callable[..., Any], arguments: Sequence[Any]) -> str:
    """Return why f cannot be called with these arguments; "" where it can, or does not tell."""
    try:
        inspect.signature(f).bind(*arguments)
    except TypeError as error:
        return str(error)
    except ValueError:  # Some functions written in C have no signature.
        pass
    return ""


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return a question after the known name that was probably meant, or what else to say."""
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else otherwise


def count(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it needs one."""
    many = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else many}"


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
    converted = None if isinstance(given, bool) else number(given)
    bounds = {"at least": least, "above": above, "below": below}
    said = " and ".join(f"{word} {x:g}" for word, x in bounds.items() if math.isfinite(x))
    kind = "number" if math.isfinite(below) else "finite number"
    expected = f"{name} is a {kind}{said and ', '}{said}"
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
