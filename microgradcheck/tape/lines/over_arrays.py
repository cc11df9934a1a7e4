"""A graph as straight lines over arrays: few operations, many points, any array library."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from microgradcheck.ops import OPERATIONS, arrays
from microgradcheck.tape.graph import Graph
from microgradcheck.tape.infinities import finite_columns, lossy_places
from microgradcheck.tape.lines.definitions import RESERVED, definitions, foreign_rules, words
from microgradcheck.tape.lines.names import Names, summed, unpacking
from microgradcheck.tape.lines.straight import StraightLine
from microgradcheck.tape.lines.texts import ARRAY_TEXTS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Mask = NDArray[np.bool_]

__all__ = ["ArrayLines", "array_function", "meaning"]

ArrayFunction = Callable[[Sequence[Any]], tuple[Any, list[Any], Any]]


def array_function(
    graph: Graph, meaning_of: Callable[[str], Any], *, gradient: bool = True
) -> ArrayFunction:
    """Compile the straight lines of a graph over arrays.

    Args:
        graph: what to compute.
        meaning_of: gives a name in the code, such as "exp" or "where", its meaning.
        gradient: whether there is a reverse sweep.

    Returns:
        A function of a flat list of entries, each a number or an array. It takes no branch and
        returns the value, a flat list of derivatives, and a condition: where that is False or
        the value not finite, a guard does not hold or the recorded function is undefined.
    """
    foreign = foreign_rules(graph)
    names = Names({*RESERVED, *OPERATIONS, *foreign, "entries"})
    entries = [names.fresh(f"x{i}", "") for i in range(graph.inputs)]
    valid, total = names.fresh("valid", ""), names.fresh("total", "")
    watched = [place for place in lossy_places(graph, raising=False) if place != graph.root]
    lines = StraightLine(graph, ARRAY_TEXTS, entries, names, watched, gradient=gradient)
    body = [*unpacking(entries, entries, "entries"), f"{valid} = True"]
    for line in lines.forward:
        if isinstance(line, str):
            body.append(line)
        else:
            guard, condition = line
            body.append(f"{valid} = {valid} & (({condition}) == {guard.answer})")
    if watched:
        sums, text = summed(lines.watched, total)
        body += [*sums, f"{valid} = {valid} & isfinite({text})"]
    body += [*lines.backward, f"return {lines.value}, [{', '.join(lines.partials)}], {valid}"]
    used = words(body)
    source = [*definitions(used, ARRAY_TEXTS), "\n    ".join(["def run(entries):", *body])]
    namespace: dict[str, Any] = dict(foreign)
    for name in used & {*dir(math), "full_like", "modulus", "where"}:
        namespace[name] = meaning_of(name)
    exec("\n\n\n".join(source), namespace)
    run: ArrayFunction = namespace["run"]
    return run


def meaning(namespace: Any, name: str) -> Any:
    """Return what a name means in an array library.

    Args:
        namespace: its module, such as `jax.numpy`, `numpy` or `torch`.
        name: such as "exp", "where" or "inf".

    Raises:
        ValueError: the library has no such function.
    """
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


class ArrayLines:
    """Both sweeps of a graph at many points, as straight lines over NumPy arrays.

    Args:
        graph: what to compute.
    """

    most = 4096
    """The most points that a call may have: more would not stay in the cache."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def run(
        self, parts: Sequence[Numbers], count: int, partials: Numbers | None
    ) -> tuple[Numbers, Mask]:
        """Compute many points: see `Blocks.run`."""
        import numpy as np

        entries: list[Any] = []
        for part in parts:
            entries += list(part if part.shape[1] == count else part[:, 0])
        with np.errstate(all="ignore"):
            value, derivatives, valid = (
                self._value(entries) if partials is None else self._both(entries)
            )
        values = np.empty(count)
        values[:] = value
        good = np.isfinite(values) & valid
        if partials is not None:
            for row, derivative in zip(partials, derivatives, strict=True):
                row[:] = derivative
            good &= finite_columns(partials)
        return values, good

    @cached_property
    def _both(self) -> ArrayFunction:
        return self._compiled(gradient=True)

    @cached_property
    def _value(self) -> ArrayFunction:
        return self._compiled(gradient=False)

    def _compiled(self, *, gradient: bool) -> ArrayFunction:
        import numpy as np

        return array_function(self._graph, partial(meaning, np), gradient=gradient)
