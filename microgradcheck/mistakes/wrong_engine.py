"""A wrong engine, run beside the right one on the smallest graph that tells them apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from microgradcheck.draw import draw
from microgradcheck.mistakes.graph import Graph
from microgradcheck.mistakes.outcome import Mistake, Outcome, Row
from microgradcheck.mistakes.variant import Variant
from microgradcheck.value import Value

__all__ = ["RIGHT", "WrongEngine"]

RIGHT: Final = Variant()
"""The right engine, as a gradient source."""


@dataclass(frozen=True)
class WrongEngine(Mistake):
    """A mistake in an engine.

    Attributes:
        engine: the engine that has it, a gradient source.
        lines: the smallest graph that shows it, one operation a line.
        at: the inputs of the graph.
        unseen_at: inputs at which the same graph shows nothing.
    """

    engine: Variant
    lines: str
    at: Mapping[str, float]
    unseen_at: Mapping[str, float] | None = None

    @cached_property
    def graph(self) -> Graph:
        """The graph, as a function of its inputs."""
        return Graph(self.name, self.lines, **self.at)

    def run(self) -> Outcome:
        """Run both engines on the graph, check the wrong one, and draw what it did."""
        root, rows = self._side_by_side(self.at)
        if self.unseen_at:
            hidden = self._side_by_side(self.unseen_at)[1][-len(self.unseen_at) :]
            rows += [(f"not seen: {what}", wrong, right) for what, wrong, right in hidden]
        return Outcome(
            self,
            {
                "What differs from the right engine (-) in this one (+)": self.engine.difference(),
                "The graph": self.graph.program(),
            },
            ("this engine", "the right one"),
            tuple(rows),
            self.engine.check(self.graph, *self.at.values()),
            draw(root, check=True),
        )

    def _side_by_side(self, at: Mapping[str, float]) -> tuple[Value, list[Row]]:
        """Return the result that the wrong engine has swept, and the gradients of both."""
        right, wrong = self.graph.nodes(at), self.graph.nodes(at)
        *_, root = wrong.values()
        self.engine.put_row_into(root)
        self.engine.backward(root)
        *_, right_root = right.values()
        RIGHT.backward(right_root)
        return root, [
            (f"df/d{name} at {name} = {node.number:.6g}", node.grad, right[name].grad)
            for name, node in reversed(wrong.items())
        ]
