"""What flows back on each line of a picture, and what a closed box holds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from microgradcheck.draw.graph import Box, Graph, Unit
from microgradcheck.value import NotComputed, Value

__all__ = ["Content", "Crossing", "Input", "amounts", "contents", "has_gradient", "inputs_of"]


@dataclass(frozen=True)
class Input:
    """One input of an operation: a value or a constant, and what the chain rule says there.

    Attributes:
        parameter: its name in the table, a or b.
        content: the value or number.
        formula: the table's rule, such as "∂/∂a = cos(a)".
        slope: the rule's number, None where it does not exist or the content is a constant.
        flow: the slope times the gradient of the result, None where there is none yet.
    """

    parameter: str
    content: Value | float
    formula: str
    slope: float | None
    flow: float | None


def inputs_of(value: Value) -> Iterator[Input]:
    """Yield the inputs of the operation that made a value; none for a leaf."""
    operation = value.operation
    if operation is None:
        return
    slots = (value.a, value.b)
    numbers = [slot.number if isinstance(slot, Value) else slot for slot in slots]
    rules = (operation.derivative_a, operation.derivative_b)
    # An operation of one input has a second slot and a second rule too; zip leaves them out.
    for parameter, text, slot, rule in zip(
        operation.parameters, operation.derivatives, slots, rules, strict=False
    ):
        slope = flow = None
        if isinstance(slot, Value):
            with suppress(ValueError, ArithmeticError):
                slope = float(rule(*numbers, value.number))
        if slope is not None and has_gradient(value):
            flow = slope * value.grad
        formula = f"∂/∂{parameter}" + (f" = {text}" if isinstance(text, str) else "")
        yield Input(parameter, slot, formula, slope, flow)


def has_gradient(value: Value) -> bool:
    """Tell whether a backward pass has reached a value."""
    return not isinstance(value.grad, (NotComputed, type(None)))


Crossing = dict[Value, float | None]
"""What goes along a line to a box: values, each with what flows back, where it is known."""


@dataclass
class Content:
    """What a closed box holds, what comes from each other unit, and what is used outside of it."""

    values: list[Value] = field(default_factory=list)
    sources: dict[Unit, Crossing] = field(default_factory=dict)
    results: set[Value] = field(default_factory=set)


def contents(graph: Graph, units: Sequence[Unit]) -> dict[Box, Content]:
    """Return what is in each closed box of a picture; a root is used outside of it, too."""
    found: defaultdict[Box, Content] = defaultdict(Content)
    for value, unit in zip(graph.values, units, strict=True):
        if isinstance(unit, Box):
            found[unit].values.append(value)
            if value in graph.roots:
                found[unit].results.add(value)
    users: defaultdict[tuple[Box, Value], dict[Value, None]] = defaultdict(dict)
    for start, end in graph.lines(units):
        value, source, unit = graph.values[start], units[start], units[end]
        if isinstance(source, Box):
            found[source].results.add(value)
        if isinstance(unit, Box):
            users[unit, value].setdefault(graph.values[end])
            found[unit].sources.setdefault(source, {})[value] = None
    for unit, content in found.items():
        for source, crossing in content.sources.items():
            # Flows are shown where they go to a value that is seen.
            if isinstance(source, Value) or len(found[source].results) == 1:
                for value in crossing:
                    crossing[value] = _flow(value, users[unit, value])
    return dict(found)


def _flow(value: Value, users: Iterable[Value]) -> float | None:
    """Return what flows back to a value from some of its users, None where that is not known."""
    total = 0.0
    for user in users:
        for each in inputs_of(user):
            if each.content is value:
                if each.flow is None:
                    return None
                total += each.flow
    return total


def amounts(graph: Graph) -> Counter[tuple[Box, bool]]:
    """Return how many operations, False, and leaves, True, each box holds, in boxes in it too."""
    leaves = (value.operation is None for value in graph.values)
    found: Counter[tuple[Box, bool]] = Counter()
    for (home, is_leaf), count in Counter(zip(graph.homes, leaves, strict=True)).items():
        found[home, is_leaf] += count
    for box in reversed(graph.boxes()):
        if box.outer is not None:
            for is_leaf in (False, True):
                found[box.outer, is_leaf] += found[box, is_leaf]
    return found
