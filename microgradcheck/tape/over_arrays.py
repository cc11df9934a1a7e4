"""A graph as straight lines over arrays: few operations, many points, any array library."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from microgradcheck.ops import OPERATIONS, arrays
from microgradcheck.structure import number
from microgradcheck.tape.arguments import Arguments
from microgradcheck.tape.expression import ARRAY_TEXTS
from microgradcheck.tape.graph import Graph
from microgradcheck.tape.loop import OverArrays, lossy_places
from microgradcheck.tape.module import (
    RESERVED,
    definitions,
    foreign_rules,
    unpacking,
    words,
)
from microgradcheck.tape.straight import Names, straight_line

__all__ = ["array_lines", "namespace_function"]

ArrayFunction = Callable[[Sequence[Any]], tuple[Any, list[Any], Any]]

_MOST = 4096
"""At more points at once, the arrays would not stay in the cache."""


def array_lines(graph: Graph) -> OverArrays:
    """Return both sweeps of a graph at many points, as straight lines over NumPy arrays."""
    import numpy as np

    compiled = cache(lambda gradient: _array_function(graph, np, gradient=gradient))
    return OverArrays(lambda entries, gradient: compiled(gradient)(entries), _MOST)


def namespace_function(graph: Graph, arguments: Arguments, namespace: Any) -> Callable[..., Any]:
    """Return the recorded function with its gradient, over arrays of a library."""
    if not hasattr(namespace, "__name__"):
        raise TypeError(
            f"a namespace is the module of an array library, such as numpy or jax.numpy; got "
            f"{namespace!r}"
        )
    graph.require_fresh()
    if foreign := foreign_rules(graph):
        raise ValueError(
            f"the program calls {', '.join(foreign)}, which are Python functions of your own; give "
            "microgradcheck.operation the rules as texts, which can be written for any library"
        )
    import numpy as np

    run = _array_function(graph, namespace)

    def value_and_grad(*inputs: Any) -> tuple[Any, Any]:
        graph.require_fresh()
        arguments.require_count(inputs)
        pairs = list(zip(inputs, arguments.lists, strict=True))
        entries = _as_floats([x for given, like in pairs for x in _entries(given, like)], namespace)
        zeros = list(map(namespace.zeros_like, entries))
        with np.errstate(all="ignore"):
            value, partials, valid = run(entries)
            value = _where_finite(value + zeros[0], valid, namespace)
            valid, zero = namespace.isfinite(value), namespace.zeros_like(value)
            remaining = iter([d + (zero + own) for d, own in zip(partials, zeros, strict=True)])
            gradients = [
                _where_finite(_like(remaining, given, like, namespace), valid, namespace)
                for given, like in pairs
            ]
        return value, gradients[0] if len(gradients) == 1 else tuple(gradients)

    return value_and_grad


def _entries(given: Any, like: Any) -> Iterator[Any]:
    """Yield the entries of an argument: of nested lists, or of an array's first axes."""
    if not isinstance(like, (list, tuple)):
        yield given
        return
    if len(given) != len(like):
        raise ValueError(
            f"an argument has {len(given)} entries, where the tape was recorded with {len(like)}"
        )
    for i, part in enumerate(like):
        yield from _entries(given[i], part)


def _as_floats(entries: list[Any], namespace: Any) -> list[Any]:
    """Return entries as arrays of floats; plain and whole numbers take the others' precision."""
    import numpy as np

    # Only what has to be is made anew: torch and JAX follow arrays, to find their own gradients.
    arrays = [
        namespace.asarray(x) if isinstance(x, np.generic | np.ndarray) else x for x in entries
    ]
    examples = {x.dtype: x for x in arrays if hasattr(x, "dtype")}
    floats = {dtype: (x * 1.0).dtype for dtype, x in examples.items()}
    right = [dtype for dtype, as_float in floats.items() if dtype == as_float]
    common = next(iter([*right, *floats.values()]), None)

    def as_float(x: Any) -> Any:
        if hasattr(x, "dtype"):
            return x if x.dtype in right else namespace.asarray(x, dtype=common)
        if (entry := number(x)) is None:
            raise TypeError(
                f"an argument holds {x!r} of type {type(x).__name__}, where the tape was recorded "
                f"with a number; give numbers, or arrays of {namespace.__name__}"
            )
        return namespace.asarray(entry, dtype=common)

    return list(map(as_float, arrays))


def _like(partials: Iterator[Any], given: Any, like: Any, namespace: Any) -> Any:
    """Return derivatives as lists where lists were given, else as arrays."""
    if not isinstance(like, (list, tuple)):
        return next(partials)
    parts: Sequence[Any] = [
        _like(partials, given[i], part, namespace) for i, part in enumerate(like)
    ]
    if isinstance(given, (list, tuple)):
        return parts if isinstance(given, list) else tuple(parts)
    return namespace.stack(parts)


def _where_finite(x: Any, valid: Any, namespace: Any) -> Any:
    """Return arrays, in lists or not, with nan where they are not finite or not valid."""
    if isinstance(x, (list, tuple)):
        return type(x)([_where_finite(part, valid, namespace) for part in x])
    # A factor: of a choice of nan, a library would find derivatives of 0.
    good = valid & namespace.isfinite(x)
    return x * namespace.where(good, namespace.ones_like(x), math.nan)


def _array_function(graph: Graph, namespace: Any, *, gradient: bool = True) -> ArrayFunction:
    """Compile the straight lines of a graph over arrays of a library.

    The function takes a flat list of entries, each a number or an array. It takes no branch and
    returns the value, a flat list of derivatives, and a condition: where that is False or the
    value not finite, a guard does not hold or the recorded function is undefined.
    """
    foreign = foreign_rules(graph)
    names = Names({*RESERVED, *OPERATIONS, *foreign, "entries"})
    entries = [names.fresh(f"x{i}") for i in range(graph.inputs)]
    valid = names.fresh("valid")
    watched = [place for place in lossy_places(graph, raising=False) if place != graph.root]
    lines = straight_line(graph, ARRAY_TEXTS, entries, names, watched, gradient=gradient)
    body = [*unpacking(entries, entries, "entries"), f"{valid} = True"]
    for line in lines.forward:
        if isinstance(line, str):
            body.append(line)
        else:
            guard, condition = line
            body.append(f"{valid} = {valid} & (({condition}) == {guard.answer})")
    body += [f"{valid} = {valid} & isfinite({number})" for number in lines.watched]
    body += [*lines.backward, f"return {lines.value}, [{', '.join(lines.partials)}], {valid}"]
    used = words(body)
    source = [*definitions(used, ARRAY_TEXTS), "\n    ".join(["def run(entries):", *body])]
    names_in_code = used & {*dir(math), "full_like", "modulus", "where"}
    meanings = {**foreign, **{name: _meaning(namespace, name) for name in names_in_code}}
    exec("\n\n\n".join(source), meanings)
    run: ArrayFunction = meanings["run"]
    return run


def _meaning(namespace: Any, name: str) -> Any:
    """Return what a name, such as "exp", "where" or "inf", means in an array library."""
    if name in {"inf", "nan"}:
        return getattr(math, name)
    if name == "modulus" and namespace.__name__ != "numpy":
        # At 0 the side that the table's maximum and minimum take at a tie: the derivative of abs
        # itself, which libraries do not agree on, would be wrong in that of sigmoid or softplus.
        return lambda a: namespace.where(a >= 0.0, a, -a)
    if name == "modulus":
        return namespace.abs
    if namespace.__name__ == "numpy" and name in arrays().names:
        return arrays().names[name]
    for alias in (name, f"arc{name[1:]}"):  # asin is arcsin in some.
        if hasattr(namespace, alias):
            return getattr(namespace, alias)
    try:
        library = namespace.__name__.partition(".")[0]
        return getattr(importlib.import_module(f"{library}.scipy.special"), name)
    except (AttributeError, ImportError):
        raise ValueError(
            f"{namespace.__name__} has no function {name!r}, which the tape calls"
        ) from None
