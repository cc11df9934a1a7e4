"""The same as a picture in words, for a reader who cannot see it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from microgradcheck.draw.boxes import Box
from microgradcheck.draw.flows import has_gradient
from microgradcheck.draw.graph import Unit
from microgradcheck.draw.text import in_one_line
from microgradcheck.draw.writer import Writer, count
from microgradcheck.value import Value

__all__ = ["tell"]

LONGEST = 100


def tell(order: Sequence[Unit], writer: Writer) -> Iterator[str]:
    """Yield a line for each value and box that a picture shows, indented as the boxes lie.

    Args:
        order: what is drawn.
        writer: what is written in it.
    """
    for unit in order[:LONGEST]:
        home = writer.homes[id(unit)] if isinstance(unit, Value) else unit.outer
        assert home is not None
        indent = "  " * (sum(1 for _ in home.way_out) - 1)
        said = _value(unit, writer) if isinstance(unit, Value) else _box(unit, writer)
        yield indent + in_one_line(said)
    if len(order) > LONGEST:
        yield f"and {count(len(order) - LONGEST, 'more value')}"


def _value(value: Value, writer: Writer) -> str:
    made = ""
    if value.operation is not None:
        inputs = ", ".join(
            writer.names[id(each.content)]
            if isinstance(each.content, Value)
            else writer.number(each.content)
            for each in writer.inputs[id(value)]
        )
        made = f"{value.operation.name}({inputs}) = "
    return f"{writer.called(value)} = {made}{_numbers(value, writer)}"


def _box(box: Box, writer: Writer) -> str:
    if box.is_open:
        return f"{writer.title(box)}:"
    content = writer.contents[box]
    said = f"{writer.called(box)}, folded"
    if any(writer.values[place].operation is not None for place in content.places):
        said += f": {writer.amount(box)}"
    if content.sources:
        said += f" of {', '.join(writer.names[id(source)] for source in content.sources)}"
    if len(content.results) == 1:
        (value,) = content.results.values()
        said += f" = {_numbers(value, writer)}"
    if wrong := writer.differing(box):
        said += f"; {wrong}"
    return said


def _numbers(value: Value, writer: Writer) -> str:
    gradient = writer.number(value.grad) if has_gradient(value) else "not computed"
    checked = ""
    if (estimate := writer.checks.get(id(value))) is not None:
        verdict = "differs from" if writer.is_wrong(value) else "agrees with"
        checked = f", which {verdict} {writer.number(estimate.value)} by nudging"
    return f"{writer.number(value.number)}, gradient {gradient}{checked}"
