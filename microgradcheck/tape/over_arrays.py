"""Both sweeps of a graph over arrays: straight lines for few operations and any array library.

A loop over the operations is for graphs too large and deep for other ways, at one point, too.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from microgradcheck.ops import FLOATS, OPERATIONS, RESERVED, NumberSystem, arrays
from microgradcheck.structure import number, one_or_all
from microgradcheck.tape.arguments import Arguments
from microgradcheck.tape.expression import ARRAY_TEXTS
from microgradcheck.tape.graph import Graph, Guard, Mask, Numbers
from microgradcheck.tape.module import FROM_MATH, definitions, foreign_rules, unpacking, words
from microgradcheck.tape.straight import Names, StraightLine, lossy_places

ArrayFunction = Callable[[Sequence[Any]], tuple[Any, list[Any], Any]]

_MOST = 4096
"""At more points at once, the arrays would not stay in the cache."""

_NUMBERS = 2**23
"""How many numbers a loop over many points may hold, 64 MB."""


class Loop:
    """Both sweeps of a graph, over floats or over arrays with one entry for each point."""

    def __init__(self, graph: Graph, system: NumberSystem = FLOATS) -> None:
        self._graph = graph
        live = graph.live()
        self._steps = []
        for place, operation, slots in graph.steps():
            slopes = [
                slope if live[place] and slot >= 0 else None
                for slope, slot in zip(system.derivatives(operation), slots, strict=True)
            ]
            slope_a, slope_b = [*slopes, None][:2]
            two = len(slots) == 2
            step = (place, slots[0], slots[-1], two, system.value(operation), slope_a, slope_b)
            self._steps.append(step)

    def forward(self, entries: Sequence[Any]) -> list[Any]:
        """Return what every place holds."""
        numbers = [*entries, *self._graph.numbers[self._graph.inputs :]]
        for place, a, b, two, value, _, _ in self._steps:
            numbers[place] = value(numbers[a], numbers[b]) if two else value(numbers[a])
        return numbers

    def backward(self, numbers: Sequence[Any]) -> list[Any]:
        """Return the derivative of the result with respect to each input."""
        adjoints: list[Any] = [None] * len(numbers)
        adjoints[self._graph.root] = 1.0
        for place, a, b, _, _, slope_a, slope_b in reversed(self._steps):
            adjoint = adjoints[place]
            adjoints[place] = None  # It is not read again; over arrays its memory is worth it.
            if slope_a is not None:
                term = adjoint * slope_a(numbers[a], numbers[b], numbers[place])
                adjoints[a] = term if adjoints[a] is None else adjoints[a] + term
            if slope_b is not None:
                term = adjoint * slope_b(numbers[a], numbers[b], numbers[place])
                adjoints[b] = term if adjoints[b] is None else adjoints[b] + term
        return [0.0 if d is None else d for d in adjoints[: self._graph.inputs]]

    def at_one(self, entries: Sequence[float], gradient: bool) -> tuple[float, list[float]] | None:
        """Return the value and, if wanted, derivatives at one point; None if not to be trusted."""
        try:
            numbers = self.forward(entries)
            if math.isfinite(sum(numbers)) and self._graph.holds(numbers):
                return numbers[self._graph.root], self.backward(numbers) if gradient else []
        except (ArithmeticError, ValueError):
            pass
        return None


class OverArrays:
    """Runs at many points by a function over arrays, or numbers that all points share.

    The function is told whether derivatives are wanted, and returns what `_array_function`'s does.
    """

    def __init__(
        self, compute: Callable[[list[Any], bool], tuple[Any, Sequence[Any], Any]], most: int
    ) -> None:
        self._compute = compute
        self.most = most

    def run(
        self, parts: Sequence[Numbers], count: int, partials: Numbers | None
    ) -> tuple[Numbers, Mask]:
        """Run at many points: see `Runner`."""
        import numpy as np

        entries: list[Any] = []
        for part in parts:
            entries += list(part if part.shape[1] == count else part[:, 0])
        values = np.empty(count)
        with np.errstate(all="ignore"):
            values[:], derivatives, good = self._compute(entries, partials is not None)
            good = np.isfinite(values) & good
            if partials is not None:
                for row, derivative in zip(partials, derivatives, strict=True):
                    row[:] = derivative
                if not math.isfinite(partials.sum()):  # This tells in most cases, and costs least.
                    good &= np.isfinite(partials.sum(axis=0))
        return values, good


def loop_over_points(graph: Graph) -> OverArrays:
    """Return both sweeps of a graph at many points, one operation after the other."""
    import numpy as np

    loop = Loop(graph, arrays())
    watched = lossy_places(graph)

    def compute(entries: list[Any], gradient: bool) -> tuple[Any, Sequence[Any], Any]:
        numbers = loop.forward(entries)
        good = np.isfinite(sum(numbers[place] for place in watched)) & graph.holds(numbers)
        return numbers[graph.root], loop.backward(numbers) if gradient else [], good

    return OverArrays(compute, most=max(16, min(_MOST, _NUMBERS // len(graph))))


def array_lines(graph: Graph) -> OverArrays:
    """Return both sweeps of a graph at many points, as straight lines over NumPy arrays."""
    import numpy as np

    compiled = cache(lambda gradient: _array_function(graph, np, gradient=gradient))
    return OverArrays(lambda entries, gradient: compiled(gradient)(entries), _MOST)


def namespace_function(graph: Graph, arguments: Arguments, namespace: Any) -> Callable[..., Any]:
    """Return the recorded function with its gradient over arrays of a library."""
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
    if not hasattr(namespace, "asarray"):
        raise ValueError(f"{namespace.__name__} is no array library: it has no asarray")

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
            whole = [d + (zero + own) for d, own in zip(partials, zeros, strict=True)]
            remaining = iter([_where_finite(d, valid, namespace) for d in whole])
            gradients = [_like(remaining, given, like, namespace) for given, like in pairs]
        return value, one_or_all(gradients)

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
    if any("complex" in str(dtype) for dtype in examples):
        raise TypeError("an argument holds complex numbers; a tape is of real ones")
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
    """Return an array with nan where it is not finite or not valid."""
    # A factor: of a choice of nan, a library would find derivatives of 0.
    good = valid & namespace.isfinite(x)
    return x * namespace.where(good, namespace.ones_like(x), math.nan)


def _array_function(graph: Graph, namespace: Any, *, gradient: bool = True) -> ArrayFunction:
    """Compile the straight lines of a graph over arrays of a library.

    The function takes the entries, each a number or an array, and no branch. It returns the value,
    the derivatives, and where guards hold and the numbers before the value are finite.
    """
    foreign = foreign_rules(graph)
    names = Names({*RESERVED, *OPERATIONS, *foreign})
    entries = [names.fresh(f"x{i}") for i in range(graph.inputs)]
    valid = names.fresh("valid")

    def check(guard: Guard, condition: str) -> list[str]:
        return [f"{valid} = {valid} & (({condition}) == {guard.answer})"]

    lines = StraightLine(graph, ARRAY_TEXTS, entries, check, gradient=gradient, names=names)
    body = [*unpacking(entries, entries, "entries"), f"{valid} = True", *lines.forward]
    body += [f"{valid} = {valid} & isfinite({number})" for number in lines.watched]
    body += [*lines.backward, f"return {lines.value}, [{', '.join(lines.partials)}], {valid}"]
    used = words(body)
    helpers = definitions(used, ARRAY_TEXTS)
    source = [*helpers, "\n    ".join(["def run(entries):", *body])]
    names_in_code = (used | words(helpers)) & {*FROM_MATH, "full_like", "where"}
    meanings = {**foreign, **{name: _meaning(namespace, name) for name in names_in_code}}
    exec("\n\n\n".join(source), meanings)
    run: ArrayFunction = meanings["run"]
    return run


def _meaning(namespace: Any, name: str) -> Any:
    """Return what a name, such as "exp", "where" or "inf", means in an array library."""
    if name in {"inf", "nan"}:
        return getattr(math, name)
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
