"""In which way a recorded function runs, at one point and at many.

Where a tape does not hold, or f is undefined, f itself is asked: no message is better than that of
the line that fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol

from microgradcheck import sweep
from microgradcheck.backprop import Run
from microgradcheck.structure import Function, take_apart
from microgradcheck.tape.arguments import Arguments, Points, as_lists
from microgradcheck.tape.graph import Graph, Mask, Numbers
from microgradcheck.tape.module import Module
from microgradcheck.tape.over_arrays import Loop, array_lines, loop_over_points
from microgradcheck.tape.recorder import trace
from microgradcheck.value import Value

if TYPE_CHECKING:
    from microgradcheck.tape.passes import Passes  # It loads NumPy.
    from microgradcheck.tape.schedule import Terms

STRAIGHT: Final = "straight line"
PASSES: Final = "array passes"
LOOP: Final = "loop over the operations"

# Measured with CPython 3.11 on one core. At one point an operation takes 40 ns in a straight line,
# both sweeps, and 200 ns in a loop, but 30 µs to write and compile; a pass takes 1.6 µs. At many
# points an operation takes 1 µs in a straight line over arrays, 2 µs in a loop, and a pass 4 µs.
_MOST_TO_COMPILE = 2000
_LEAST_FOR_PASSES = 100
_PASS: Final = {STRAIGHT: 1600 / 40, LOOP: 1600 / 200}
_PASS_OVER_POINTS: Final = {STRAIGHT: 4 / 1, LOOP: 4 / 2}

_WORTH_A_TAPE = 8
"""So many points at least must need another branch for it to be recorded."""


class Runner(Protocol):
    """A way to run at many points at once, but at no more than `most`."""

    most: int

    def run(
        self, parts: Sequence[Numbers], count: int, partials: Numbers | None
    ) -> tuple[Numbers, Mask]:
        """Return the value at each point, and whether it can be trusted.

        That is so where all numbers on the way to it are finite and all guards hold. The parts
        are the arguments' entries, of shape (entries, count), or (entries, 1) where all points
        share them. The derivatives, if wanted, are written to an array of shape (entries, count).
        """
        ...


class Ways:
    """Runs a recorded function at one point, or at any number of them with bounded memory.

    The rule: in a straight line, or in a loop where that would take long to compile; but in array
    passes where the graph is so wide that the average pass makes up for its calls.
    """

    def __init__(self, f: Function, graph: Graph, arguments: Arguments) -> None:
        self._f, self._graph, self._arguments = f, graph, arguments
        self.operations = len(graph.operations)

    @cached_property
    def one_point(self) -> str:
        """The way at one point: STRAIGHT, PASSES or LOOP."""
        return self._way(_PASS)

    @cached_property
    def many_points(self) -> str:
        """The way at many points."""
        return self._way(_PASS_OVER_POINTS)

    @cached_property
    def _runner(self) -> Runner:
        if self.many_points == PASSES:
            return self._passes
        return (array_lines if self.many_points == STRAIGHT else loop_over_points)(self._graph)

    @cached_property
    def _passes(self) -> Passes:
        from microgradcheck.tape.passes import Passes
        from microgradcheck.tape.schedule import Schedule

        return Passes(Schedule(self._graph, self._terms))

    @cached_property
    def _terms(self) -> Terms:
        from microgradcheck.tape.schedule import Terms

        return Terms(self._graph)

    @cached_property
    def _count(self) -> int:
        # To each group of the forward sweep there is, roughly, one of slopes and one of adjoints.
        return 3 * len(self._terms.groups(self._terms.codes)[1])

    def _way(self, least_operations_a_pass: dict[str, float]) -> str:
        lines = self.operations + self._graph.inputs + len(self._graph.guards)
        other = STRAIGHT if lines <= _MOST_TO_COMPILE else LOOP
        if self.operations < _LEAST_FOR_PASSES:
            return other
        return PASSES if self.operations > least_operations_a_pass[other] * self._count else other

    def __str__(self) -> str:
        graph = self._graph
        why = f"fewer than {_LEAST_FOR_PASSES} operations do not fill array passes"
        if self.operations >= _LEAST_FOR_PASSES:
            average = self.operations / self._count
            why = f"about {self._count:,} array passes would do {average:,.0f} operations each"
        return (
            f"{self.operations:,} operations, up to {max(graph.levels()):,} in a row, "
            f"{graph.inputs:,} inputs, "
            f"{len(graph) - graph.inputs - self.operations:,} constants, "
            f"{len(graph.guards):,} guards\n"
            f"one point: {self.one_point}\nmany points: {self.many_points}\nbecause {why}"
        )

    def once(self, *, gradient: bool) -> Function:
        """Return the function, with its gradient if wanted, as it runs at one point."""
        graph, arguments = self._graph, self._arguments
        in_passes = self.one_point == PASSES
        entries_of = arguments.row if in_passes else arguments.numbers
        at_one = (self._passes if in_passes else Loop(graph)).at_one

        def run(*inputs: Any) -> Any:
            entries: Any = entries_of(inputs)
            found = at_one(entries, gradient)
            if found is None:
                entries = list(map(float, entries))
                graph.require_same_branches(entries)
                found = self.ask(entries, gradient)
            return (found[0], arguments.gradient(found[1])) if gradient else found[0]

        if self.one_point == STRAIGHT:
            module = Module(graph, self._f, arguments.lists, gradient=gradient)
            run = _in_kind(module.compile(otherwise=run), arguments, gradient)
        if not graph.captured:
            return run

        def run_if_fresh(*inputs: Any) -> Any:
            graph.require_fresh()
            return run(*inputs)

        return run_if_fresh

    def ask(self, entries: Sequence[float], gradient: bool) -> tuple[float, list[float]]:
        """Return what the function itself gives at a point, with derivatives if wanted."""
        with Run(self._f, self._arguments.like(entries), {}) as run:
            output = run.one_output()
            return float(output), run.derivatives(output) if gradient else []

    def ask_for_terms(self, entries: Sequence[float]) -> tuple[float, float]:
        """Return what the function itself gives at a point, and the largest term in that.

        A term is what a number on the way adds to the result: in proportion, so that what is
        divided or cancelled later counts as much as it matters.
        """
        with Run(self._f, self._arguments.like(entries), {}) as run:
            output = run.one_output()
            terms = [abs(float(output))]
            if isinstance(output, Value):
                with suppress(ValueError, ArithmeticError):  # A derivative need not exist.
                    nodes, slopes = sweep.reverse(output)
                    terms += [abs(s * n.number) for n, s in zip(nodes, slopes, strict=True)]
            return float(output), max(terms)

    def run(self, points: Points, *, gradient: bool) -> tuple[Numbers, Numbers]:
        """Return the values, of shape (points,), and derivatives, of shape (entries, points).

        Where the tape does not hold, the function is recorded again, or asked itself.
        """
        import numpy as np

        values, partials, good = self.run_tape(points, gradient=gradient)
        doubtful = np.flatnonzero(~good)
        while len(doubtful) >= _WORTH_A_TAPE:
            with _noted(points, doubtful[0]):
                graph = trace(self._f, self._arguments.like(points.point(doubtful[0])))
            other = Ways(self._f, graph, self._arguments)
            results = other.run_tape(points.chosen(doubtful), gradient=gradient)
            values[doubtful], partials[:, doubtful], good = results
            before, doubtful = len(doubtful), doubtful[~good]
            if len(doubtful) > before / 2:
                break  # Each point seems to go a way of its own.
        for index in doubtful.tolist():
            with _noted(points, index):
                values[index], partials[:, index] = self.ask(points.point(index), gradient)
        return values, partials

    def run_tape(self, points: Points, *, gradient: bool) -> tuple[Numbers, Numbers, Mask]:
        """Return values and derivatives as `run` does, and at which points they can be trusted."""
        import numpy as np

        count = points.count
        entries = sum(map(len, points.columns)) if gradient else 0
        values, partials = np.empty(count), np.empty((entries, count))
        good = np.ones(count, dtype=bool)
        blocks = -(-count // self._runner.most)
        width = -(-count // max(blocks, 1))
        for block in range(blocks):
            # All have the same size, so that their memory can be used again; the last one
            # computes some points once more.
            start = min(block * width, count - width)
            lanes = slice(start, start + width)
            values[lanes], good[lanes] = self._runner.run(
                points.block(lanes), width, partials[:, lanes] if gradient else None
            )
        return values, partials, good


def _in_kind(run: Function, arguments: Arguments, gradient: bool) -> Function:
    """Return a function of lists, tuples and numbers as one of arguments of any kind."""
    if arguments.plain:
        return run

    def run_with_lists(*inputs: Any) -> Any:
        found = run(*map(as_lists, inputs))
        return (found[0], arguments.gradient(take_apart(found[1]))) if gradient else found

    return run_with_lists


@contextmanager
def _noted(points: Points, index: int) -> Iterator[None]:
    """Add to an error at which of many points it arose."""
    try:
        yield
    except (ArithmeticError, TypeError, ValueError) as error:
        entries = ", ".join(map(repr, points.point(index)[:8]))
        error.add_note(f"at point {index} of {points.count}: {entries}")
        raise
