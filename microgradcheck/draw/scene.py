"""What a picture of a graph shows: boxes, circles and texts, and how much room each takes."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

# XML cannot hold control characters, not even escaped; each has a picture of its own in Unicode.
_PICTURES: dict[int, int] = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}
_PICTURES |= dict.fromkeys([*range(0xD800, 0xE000), 0xFFFE, 0xFFFF], 0xFFFD)
_IN_LINES = _PICTURES | {ord(space): ord(space) for space in "\t\n"}
_IN_ONE_LINE = _PICTURES | {ord(space): ord(" ") for space in "\t\n\v\f\r\x85\u2028\u2029"}

_WIDTHS = {
    character: width
    for width, characters in {
        0.22: "'ijl",
        0.28: " !,./:;I[\\]ft|",
        0.33: '"()-`r{}²³',
        0.39: "*",
        0.5: "Jcksvxyz^",
        0.58: "+<=>~×÷−",
        0.61: "FTZ",
        0.67: "&ABEKPSVXY",
        0.72: "CDHNRUw",
        0.78: "GOQ",
        0.83: "Mm",
        0.92: "%W",
        1.0: "@…—",
    }.items()
    for character in characters
}


def in_one_line(text: str) -> str:
    """Return any text as one line of characters that XML can hold."""
    return text.translate(_IN_ONE_LINE)


def in_lines(text: str) -> str:
    """Return any text in characters that XML can hold, its line breaks and tabs kept."""
    return text.translate(_IN_LINES)


def shortened(text: str, longest: int = 24) -> str:
    """Return a text, cut where it is too long."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _width(character: str) -> float:
    """Return how wide a character of Helvetica is, as a part of its size."""
    if character in _WIDTHS:
        return _WIDTHS[character]
    if unicodedata.category(character) in {"Cf", "Me", "Mn"}:
        return 0.0
    if unicodedata.east_asian_width(character) in "FW":
        return 1.0
    return 0.7 if character.isupper() else 0.56


class Line:
    """One line of text in runs of different looks, each a pair `(look, text)`."""

    def __init__(self, size: float, *runs: tuple[str, str]) -> None:
        self.size, self.runs = size, runs

    @property
    def text(self) -> str:
        """The line without its looks."""
        return "".join(text for _, text in self.runs)

    @cached_property
    def width(self) -> float:
        """Its width in Helvetica, in points; a picture makes it that wide in every font."""
        return round(self.size * max(sum(map(_width, self.text)), 0.1), 1)


@dataclass(frozen=True)
class Node:
    """One thing to place: a value, an operation, a constant, the text on an edge, or a frame."""

    name: str  # `v0` for the first value, `b0` for the first box
    # "input", "value", "result", "folded", "folded result" and any of these "failed",
    # "operation", "constant", "derivative", "frame" or "frame odd".
    kind: str
    lines: tuple[Line, ...]
    tooltip: str  # what is too exact or too long for the lines
    sources: Sequence[str] = ()  # the names of the nodes that a line to it comes from
    ordered: bool = False  # whether their order matters
    frame: str = ""  # the name of the frame that it lies in
    least_width: float = 0.0  # of its place, in points

    @property
    def is_frame(self) -> bool:
        """Whether it lies around others."""
        return self.kind.startswith("frame")

    @cached_property
    def size(self) -> tuple[float, float]:
        """Its width and height in points."""
        width = max(line.width for line in self.lines)
        height = sum(1.3 * line.size for line in self.lines)
        if self.kind == "operation":
            return max(round(width + 14, 1), 30.0), 30.0
        if self.kind in {"constant", "derivative"}:
            return max(round(width + 8, 1), self.least_width), round(height + 2, 1)
        return max(round(width + 20, 1), 44.0, self.least_width), round(height + 11, 1)


@dataclass(frozen=True)
class Scene:
    """All that a picture shows, before anything has its place; frames before what they hold."""

    title: str
    description: str
    nodes: Sequence[Node]
