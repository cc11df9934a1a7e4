"""A graph by the places of its values, and the boxes that they lie in: the calls of scopes.

An output of a call lies in the call's box. Any other value lies in the innermost box that holds
all its uses: so a weight that one neuron has to itself lies in that neuron.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise, takewhile

from microgradcheck import sweep
from microgradcheck.value import Call, NotComputed, Note, Value


@dataclass(eq=False)
class Box:
    """One call of a scope, or several calls or values that are drawn as if they were one."""

    title: str  # calls of the same scope in the same box have the same
    outer: Box | None  # only the whole graph lies in none
    inputs: Collection[int] = ()  # the ids of the values that went into the call
    is_open: bool = True  # whether what it holds is drawn, too
    level: int = field(init=False)  # how many boxes it lies in

    def __post_init__(self) -> None:
        self.level = self.outer.level + 1 if self.outer else 0

    @property
    def way_out(self) -> Iterator[Box]:
        """It and all boxes that it lies in, from the inside out."""
        box: Box | None = self
        while box is not None:
            yield box
            box = box.outer


Unit = Value | Box
"""What is drawn as one: a value, or a closed box."""


class Graph:
    """Everything that some values, the roots, were computed from.

    Attributes:
        roots: those values.
        values: all, inputs before their users; the index of each is its place.
        sources: the places of each value's inputs.
        whole: the box around everything.
        homes: the innermost box that each value lies in.
    """

    def __init__(self, roots: Sequence[Value]) -> None:
        self.roots = set(roots)
        self.values = sweep.topological_order(*roots)
        places = {value: place for place, value in enumerate(self.values)}
        self.sources = [tuple(places[slot] for slot in value.inputs) for value in self.values]
        self.whole = Box("", None)
        self.homes = self._find_homes()

    def boxes(self) -> list[Box]:
        """Return all boxes, each after the one that it lies in."""
        found: dict[Box, None] = {}
        for home in dict.fromkeys(self.homes):
            new = takewhile(lambda box: box not in found, home.way_out)
            found.update(dict.fromkeys([*new][::-1]))
        return list(found)

    def units(self) -> list[Unit]:
        """Return what each value is drawn as: itself, or the outermost closed box around it."""
        closed: dict[Box | None, Box | None] = {None: None}
        for box in self.boxes():
            closed[box] = closed[box.outer] or (None if box.is_open else box)
        return [closed[home] or value for home, value in zip(self.homes, self.values, strict=True)]

    def lines(self, units: Sequence[Unit]) -> Iterator[tuple[int, int]]:
        """Yield where something goes from one unit to another, as the places of two values."""
        for place, sources in enumerate(self.sources):
            for source in dict.fromkeys(sources):
                if units[source] is not units[place]:
                    yield source, place

    def ways(self, units: Sequence[Unit]) -> list[tuple[Unit, Unit]]:
        """Return between which units there are lines."""
        pairs = ((units[start], units[end]) for start, end in self.lines(units))
        return list(dict.fromkeys(pairs))

    def amounts(self) -> Counter[tuple[Box, bool]]:
        """Return how many operations, False, and leaves, True, each box holds, at any depth."""
        leaves = [value.operation is None for value in self.values]
        found: Counter[tuple[Box, bool]] = Counter()
        for (home, is_leaf), number in Counter(zip(self.homes, leaves, strict=True)).items():
            for box in home.way_out:
                found[box, is_leaf] += number
        return found

    def _find_homes(self) -> list[Box]:
        ids = set(map(id, self.values))
        boxes: dict[Call | None, Box] = {None: self.whole}
        homes: dict[int, Box] = {}
        # Users come before inputs here, so all uses of a value are known when its turn comes.
        for place in range(len(self.values) - 1, -1, -1):
            note = self.values[place].note
            if isinstance(note, Note) and note.call:
                homes[place] = _box_of(note.call, boxes, ids)
            home = homes.setdefault(place, self.whole)
            for source in self.sources[place]:
                box = home
                while box.outer is not None and id(self.values[source]) in box.inputs:
                    box = box.outer
                homes[source] = _innermost_common(homes.get(source, box), box)
        return [homes[place] for place in range(len(homes))]


def _box_of(innermost: Call, boxes: dict[Call | None, Box], ids: set[int]) -> Box:
    calls = []
    call: Call | None = innermost
    while call is not None and call not in boxes:
        calls.append(call)
        call = call.outer
    for call in reversed(calls):
        boxes[call] = outer = boxes[call.outer]
        # A class that calls its base is part of the same call.
        if call.outer is None or call.owner is not call.outer.owner or isinstance(call.owner, str):
            boxes[call] = Box(_title(call), outer, {id(thing) for thing in call.inputs(ids)})
    return boxes[innermost]


def _title(call: Call) -> str:
    """Return the name of a scope: its own, or that in the object whose call it is part of."""
    if isinstance(call.owner, str):
        return call.owner
    for name, part in getattr(call.outer and call.outer.owner, "__dict__", {}).items():
        if part is call.owner:
            return str(name)
        for index, entry in enumerate(part if isinstance(part, (list, tuple)) else ()):
            if entry is call.owner:
                return f"{name}[{index}]"
    return type(call.owner).__name__


def _innermost_common(one: Box, other: Box) -> Box:
    while one is not other:
        if one.level < other.level:
            one, other = other, one
        assert one.outer is not None, "every box lies in the whole"
        one = one.outer
    return one


def in_order(graph: Graph) -> list[Unit]:
    """Return all that is drawn: inputs before their users, open boxes before what they hold."""
    units = graph.units()
    # Each unit with the boxes around it, from the outside in.
    chains: dict[Unit, list[Unit]] = {}
    # What each box holds immediately, in the order of its first value.
    parts: defaultdict[Unit, dict[Unit, None]] = defaultdict(dict)
    for unit, home in zip(units, graph.homes, strict=True):
        if unit not in chains:
            chain = unit.way_out if isinstance(unit, Box) else [unit, *home.way_out]
            chains[unit] = [*chain][::-1]
            for outer, inner in pairwise(chains[unit]):
                parts[outer].setdefault(inner)
    before: defaultdict[Unit, list[Unit]] = defaultdict(list)
    for start, end in graph.ways(units):
        ways = zip(chains[start], chains[end], strict=False)
        first, second = next((one, other) for one, other in ways if one is not other)
        before[second].append(first)
    order: dict[Unit, None] = {}
    met: set[Unit] = set()
    pending: list[Unit] = [graph.whole]
    while pending:
        unit = pending[-1]
        if unit not in met:
            met.add(unit)
            # Calls that are drawn as one may take from each other in a circle.
            pending += [source for source in before[unit][::-1] if source not in met]
        elif pending.pop() not in order:
            order[unit] = None
            pending += [*parts[unit]][::-1]
    return list(order)[1:]  # The first is the whole graph.


@dataclass(frozen=True)
class Input:
    """One input of an operation: a value or a constant, and what the chain rule says there."""

    parameter: str  # its name in the table, a or b
    content: Value | float
    formula: str  # such as "∂/∂a = cos(a)"
    slope: float | None  # None where it does not exist, or of a constant
    flow: float | None  # the slope times the gradient of the result, None before there is one
    exact: str  # both in all their digits


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
        exact = "undefined" if slope is None else repr(slope)
        if slope is not None and has_gradient(value):
            flow = slope * value.grad
            exact += f" × {value.grad!r} = {flow!r}"
        formula = f"∂/∂{parameter}" + (f" = {text}" if isinstance(text, str) else "")
        yield Input(parameter, slot, formula, slope, flow, exact)


def has_gradient(value: Value) -> bool:
    """Tell whether a backward pass has reached a value."""
    return not isinstance(value.grad, (NotComputed, type(None)))


def flow_through(value: Value, users: Iterable[Value]) -> float | None:
    """Return what flows back to a value from some of its users, None where that is not known."""
    flows = [each.flow for user in users for each in inputs_of(user) if each.content is value]
    return None if None in flows else sum(flow for flow in flows if flow is not None)
