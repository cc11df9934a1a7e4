"""What a picture of a graph shows: its boxes, circles and arrows, with every text in them."""

from __future__ import annotations

from dataclasses import dataclass

from microgradcheck.draw.text import Line

__all__ = ["Frame", "Node", "Scene"]


@dataclass(frozen=True)
class Node:
    """One thing to place: a value, an operation, a constant, or the text on an edge.

    Attributes:
        name: its name in the picture: `v0` for the first value.
        kind: "input", "value", "result", "folded", "operation", "constant" or "derivative".
        lines: what is written in it.
        tooltip: what is too exact or too long to be written in it.
        sources: the names of the nodes that a line to it comes from.
        ordered: whether the order of the sources matters.
        wrong: whether a check of it failed.
        frame: the name of the frame that it lies in, if there is one.
    """

    name: str
    kind: str
    lines: tuple[Line, ...]
    tooltip: str
    sources: tuple[str, ...] = ()
    ordered: bool = False
    wrong: bool = False
    frame: str = ""

    @property
    def size(self) -> tuple[float, float]:
        """Its width and height in points."""
        width = max(line.width for line in self.lines)
        height = sum(1.3 * line.size for line in self.lines)
        if self.kind == "operation":
            return max(round(width + 14, 1), 30.0), 30.0
        if self.kind in {"constant", "derivative"}:
            return round(width + 8, 1), round(height + 2, 1)
        return max(round(width + 20, 1), 44.0), round(height + 11, 1)


@dataclass(frozen=True)
class Frame:
    """A box around nodes and other frames: one call of a scope.

    Attributes:
        name: its name in the picture: `b0` for the first.
        title: what stands in its corner.
        tooltip: how much it holds.
        outer: the name of the frame that it lies in, if there is one.
        level: how many frames it lies in.
    """

    name: str
    title: Line
    tooltip: str
    outer: str
    level: int


@dataclass(frozen=True)
class Scene:
    """All that a picture shows, before anything has its place.

    Attributes:
        title: what it is a picture of.
        description: all of it in words.
        nodes: inputs before their users.
        frames: those that hold others before those.
    """

    title: str
    description: str
    nodes: tuple[Node, ...]
    frames: tuple[Frame, ...] = ()
