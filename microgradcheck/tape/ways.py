"""In which way a recorded function runs, at one point and at many.

Where a tape does not hold, or the function is undefined, the function itself is asked: nothing
makes a better message than the line that fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from microgradcheck.backprop import Run
from microgradcheck.tape.arguments import Arguments, Points, as_lists, flat
from microgradcheck.tape.graph import Graph
from microgradcheck.tape.loop import Loop, loop_over_points
from microgradcheck.tape.module import Module
from microgradcheck.tape.over_arrays import array_lines
from microgradcheck.tape.passes import Passes
from microgradcheck.tape.schedule import Schedule
from microgradcheck.tape.terms import Terms

if TYPE_CHECKING:
    from microgradcheck.tape.graph import Mask, Numbers

__all__ = ["LOOP", "PASSES", "STRAIGHT", "Many", "Once", "Plan", "Runner"]

Function = Callable[..., Any]

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
    """A way to run at many points at once."""

    most: int  # points that a call may have

    def run(
        self, parts: Sequence[Numbers], count: int, partials: Numbers | None
    ) -> tuple[Numbers, Mask]:
        """Return the value at each point, and whether it can be trusted.

        That is so where all numbers on the way to it are finite and all guards hold.

        Args:
            parts: for each argument its entries, of shape (entries, points), or (entries, 1)
                where all points share it.
            count: how many points there are.
            partials: where to write the derivatives, of shape (all entries, points); None to
                leave them out.
        """
        ...


class Plan:
    """The ways in which a graph is to run at one point and at many.

    The rule: a straight line, or a loop where it would take long to compile; but array passes
    where the graph is so wide that the average pass makes up for its calls.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.operations = len(graph.operations)

    @cached_property
    def one_point(self) -> str:
        """The way to run at one point: STRAIGHT, PASSES or LOOP."""
        return self._way(_PASS)

    @cached_property
    def many_points(self) -> str:
        """The way to run at many points at once."""
        return self._way(_PASS_OVER_POINTS)

    def runner(self) -> Runner:
        """Return what runs at many points at once."""
        if self.many_points == PASSES:
            return self.passes
        return (array_lines if self.many_points == STRAIGHT else loop_over_points)(self._graph)

    @cached_property
    def passes(self) -> Passes:
        """The graph as array passes."""
        return Passes(Schedule(self._graph, self._terms))

    @cached_property
    def _count(self) -> int:
        """About how many array passes both sweeps take."""
        # To each group of the forward sweep there are, roughly, one of slopes and one of adjoints.
        return 3 * self._terms.count_groups()

    @cached_property
    def _terms(self) -> Terms:
        return Terms(self._graph)

    def _way(self, least_operations_a_pass: dict[str, float]) -> str:
        other = STRAIGHT if self.operations <= _MOST_TO_COMPILE else LOOP
        if self.operations < _LEAST_FOR_PASSES:
            return other
        return PASSES if self.operations > least_operations_a_pass[other] * self._count else other

    def __str__(self) -> str:
        graph = self._graph
        size = [
            f"{self.operations:,} operations, up to {graph.depth():,} in a row",
            f"{graph.inputs:,} inputs",
            f"{len(graph) - graph.inputs - self.operations:,} constants",
            f"{len(graph.guards):,} guards",
        ]
        why = f"fewer than {_LEAST_FOR_PASSES} operations do not fill array passes"
        if self.operations >= _LEAST_FOR_PASSES:
            average = self.operations / self._count
            why = f"about {self._count:,} array passes would do {average:,.0f} operations each"
        return (
            f"{', '.join(size)}\none point: {self.one_point}\nmany points: {self.many_points}\n"
            f"because {why}"
        )


class Once:
    """Runs a recorded function at one point."""

    def __init__(self, f: Function, graph: Graph, arguments: Arguments, plan: Plan) -> None:
        self._f = f
        self._graph = graph
        self._arguments = arguments
        self._plan = plan

    def eager(self, entries: list[float], gradient: bool) -> tuple[float, list[float]]:
        """Ask the function itself for its value and, if wanted, its derivatives."""
        with Run(self._f, self._arguments.like(entries), {}) as run:
            output = run.one_output()
            return float(output), run.derivatives(output) if gradient else []

    def prepared(self, *, gradient: bool) -> Function:
        """Return a function that runs in the way of the plan, and carefully where that fails."""
        way = self._plan.one_point
        if way == LOOP:
            run: Function = partial(self._carefully, gradient)
        else:
            run = self._straight(gradient) if way == STRAIGHT else self._in_passes(gradient)
        if not self._graph.captured:
            return run

        def run_if_fresh(*inputs: Any) -> Any:
            self._graph.require_fresh()
            return run(*inputs)

        return run_if_fresh

    def _straight(self, gradient: bool) -> Function:
        module = Module(self._graph, self._f, self._arguments.lists, gradient=gradient)
        run = module.compile(otherwise=partial(self._carefully, gradient))
        if self._arguments.plain:
            return run
        if not gradient:
            return lambda *inputs: run(*map(as_lists, inputs))

        def run_with_lists(*inputs: Any) -> tuple[float, Any]:
            value, partials = run(*map(as_lists, inputs))
            return value, self._arguments.gradient(list(flat(as_lists(partials))))

        return run_with_lists

    def _in_passes(self, gradient: bool) -> Function:
        arguments, run_at = self._arguments, self._plan.passes.at_one

        def run(*inputs: Any) -> Any:
            found = run_at(arguments.row(inputs), gradient)
            if found is None:
                return self._carefully(gradient, *inputs)
            return (found[0], arguments.gradient(found[1])) if gradient else found[0]

        return run

    @cached_property
    def _loop(self) -> Loop:
        return Loop(self._graph)

    def _carefully(self, gradient: bool, *inputs: Any) -> Any:
        """Run operation by operation; where that fails, say why or let the function itself say."""
        entries = self._arguments.numbers(inputs)
        try:
            if not gradient:
                return self._loop.value(entries)
            value, partials = self._loop.value_and_gradient(entries)
            return value, self._arguments.gradient(partials)
        except (ArithmeticError, ValueError):
            pass
        self._graph.require_same_branches(entries)
        value, partials = self.eager(entries, gradient)
        return (value, self._arguments.gradient(partials)) if gradient else value


class Many:
    """Runs a recorded function at any number of points, with bounded memory.

    Args:
        runner: computes a block of points, and says at which of them it cannot be trusted.
        recorded_at: returns the same for a recording of the function at other entries.
        eager: asks the function itself for the value and, if wanted, the derivatives.
    """

    def __init__(
        self,
        runner: Runner,
        recorded_at: Callable[[list[float]], Many],
        eager: Callable[[list[float], bool], tuple[float, Sequence[float]]],
    ) -> None:
        self._runner = runner
        self._recorded_at = recorded_at
        self._eager = eager

    def run(self, points: Points, *, gradient: bool) -> tuple[Numbers, Numbers]:
        """Return the values, of shape (points,), and derivatives, of shape (entries, points).

        Where the tape does not hold, the function is recorded again, or asked itself.
        """
        import numpy as np

        values, partials, good = self.run_tape(points, gradient=gradient)
        doubtful = np.flatnonzero(~good)
        while len(doubtful) >= _WORTH_A_TAPE:
            with _noted(points, doubtful[0]):
                other = self._recorded_at(points.point(doubtful[0]))
            results = other.run_tape(points.chosen(doubtful), gradient=gradient)
            values[doubtful], partials[:, doubtful], good = results
            before, doubtful = len(doubtful), doubtful[~good]
            if len(doubtful) > before / 2:
                break  # Each point seems to go a way of its own.
        for index in doubtful.tolist():
            with _noted(points, index):
                values[index], partials[:, index] = self._eager(points.point(index), gradient)
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
            # All blocks have the same size, so that their memory can be used again; the last
            # one computes some points once more.
            start = min(block * width, count - width)
            lanes = slice(start, start + width)
            values[lanes], good[lanes] = self._runner.run(
                points.block(lanes), width, partials[:, lanes] if gradient else None
            )
        return values, partials, good


@contextmanager
def _noted(points: Points, index: int) -> Iterator[None]:
    """Add to an error at which of many points it arose."""
    try:
        yield
    except (ArithmeticError, TypeError, ValueError) as error:
        entries = ", ".join(map(repr, points.point(index)[:8]))
        error.add_note(f"at point {index} of {points.count}: {entries}")
        raise
