"""Which way a graph is to run: the rule, and what was measured for it."""

from __future__ import annotations

from functools import cached_property
from typing import Final

from microgradcheck.tape.graph import Graph
from microgradcheck.tape.passes import Schedule, Terms

__all__ = ["LOOP", "PASSES", "STRAIGHT", "Plan"]

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


class Plan:
    """The ways in which a graph is to run at one point and at many.

    The rule: a straight line, or a loop where it would take long to compile; but array passes
    where the graph is so wide that the average pass makes up for its calls.

    Args:
        graph: a recorded function.

    Attributes:
        operations: how many operations there are.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.operations = sum(operation is not None for operation in graph.operations)

    @cached_property
    def one_point(self) -> str:
        """The way to run at one point: STRAIGHT, PASSES or LOOP."""
        return self._way(_PASS)

    @cached_property
    def many_points(self) -> str:
        """The way to run at many points at once."""
        return self._way(_PASS_OVER_POINTS)

    @cached_property
    def schedule(self) -> Schedule:
        """The graph as array passes."""
        return Schedule(self._graph, self._terms)

    @cached_property
    def passes(self) -> int:
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
        wide = self.operations > least_operations_a_pass[other] * self.passes
        return PASSES if wide else other

    def __str__(self) -> str:
        graph = self._graph
        constants = len(graph) - graph.inputs - self.operations
        size = [
            f"{self.operations:,} operations, up to {graph.depth():,} in a row",
            f"{graph.inputs:,} inputs",
            f"{constants:,} constants",
            f"{len(graph.guards):,} guards",
        ]
        why = f"fewer than {_LEAST_FOR_PASSES} operations do not fill array passes"
        if self.operations >= _LEAST_FOR_PASSES:
            average = self.operations / self.passes
            why = f"about {self.passes:,} array passes would do {average:,.0f} operations each"
        return (
            f"{', '.join(size)}\none point: {self.one_point}\nmany points: {self.many_points}\n"
            f"because {why}"
        )
