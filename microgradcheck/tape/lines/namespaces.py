"""The straight-line program over arrays of any library: NumPy, JAX, PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from microgradcheck.tape.arguments import Arguments
from microgradcheck.tape.graph import Graph
from microgradcheck.tape.lines.definitions import foreign_rules
from microgradcheck.tape.lines.over_arrays import array_function, meaning

__all__ = ["namespace_function"]


def namespace_function(graph: Graph, arguments: Arguments, namespace: Any) -> Callable[..., Any]:
    """Return the recorded function with its gradient, over arrays of a library.

    Args:
        graph: what to compute.
        arguments: what it was recorded with.
        namespace: the library's module.

    Raises:
        ValueError: the library lacks a function, or an operation is a Python function.
    """
    if foreign := foreign_rules(graph):
        raise ValueError(
            f"the program calls {', '.join(foreign)}, which are Python functions of your own; give "
            "microgradcheck.operation the rules as texts, which can be written for any library"
        )
    import numpy as np

    run = array_function(graph, lambda name: meaning(namespace, name))

    def value_and_grad(*inputs: Any) -> tuple[Any, Any]:
        arguments.require_count(inputs)
        pairs = list(zip(inputs, arguments.lists, strict=True))
        entries = _as_arrays([x for given, like in pairs for x in _entries(given, like)], namespace)
        with np.errstate(all="ignore"):
            value, partials, valid = run(entries)
        value = value + namespace.zeros_like(entries[0])
        partials = [d + namespace.zeros_like(x) for d, x in zip(partials, entries, strict=True)]
        if valid is not True:
            value = namespace.where(valid, value, math.nan)
            partials = [namespace.where(valid, partial, math.nan) for partial in partials]
        remaining = iter(partials)
        gradients = [_like(remaining, given, like, namespace) for given, like in pairs]
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


def _as_arrays(entries: list[Any], namespace: Any) -> list[Any]:
    """Return entries with an array for each plain number, which not every library computes with."""
    given = [entry for entry in entries if not isinstance(entry, (int, float))]
    if len(given) == len(entries):
        return entries
    dtype = (given[0] * 1.0).dtype if given else None
    return [
        namespace.asarray(entry, dtype=dtype) if isinstance(entry, (int, float)) else entry
        for entry in entries
    ]


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
