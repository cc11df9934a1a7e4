"""A graph by the places of its values, and the boxes that they lie in: the calls of scopes.

An output of a call lies in the call's box. Any other value lies in the innermost box that holds
all its uses: so a weight that one neuron has to itself lies in that neuron.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise, takewhile, zip_longest

from microgradcheck import sweep
from microgradcheck.value import Call, Note, Value

__all__ = ["Box", "Graph", "Unit", "in_order"]


@dataclass(eq=False)
class Box:
    """One call of a scope, or several calls or values that are drawn as if they were one.

    Attributes:
        title: what stands on it; calls of the same scope in the same box have the same.
        outer: the box that it lies in; only the whole graph lies in none.
        inputs: the ids of the values that went into the call.
        place: which of the boxes with its title in the same box it is, and how many there are.
        is_open: whether what it holds is drawn, too.
        is_counted: whether its title says how much it holds.
    """

    title: str
    outer: Box | None
    inputs: Collection[int] = ()
    place: tuple[int, int] = (1, 1)
    is_open: bool = True
    is_counted: bool = False

    @property
    def way_out(self) -> Iterator[Box]:
        """It and all boxes that it lies in, from the inside out."""
        box: Box | None = self
        while box is not None:
            yield box
            box = box.outer

    @property
    def level(self) -> int:
        """How many boxes it lies in."""
        return sum(1 for _ in self.way_out) - 1


Unit = Value | Box
"""What is drawn as one: a value, or a closed box."""


class Graph:
    """Everything that some values, the roots, were computed from.

    Attributes:
        roots: those values.
        values: all of them, inputs before their users. A value's index is its place.
        sources: the places of each value's inputs.
        whole: the box around everything.
        homes: the innermost box that each value lies in.

    Raises:
        RuntimeError: the data of a `Value` was set after others were computed from it.
    """

    def __init__(self, roots: Sequence[Value]) -> None:
        self.roots = set(roots)
        orders = map(sweep.topological_order, roots)
        # A dict keeps the order, whichever root a value was reached from.
        self.values = list(dict.fromkeys(value for order in orders for value in order))
        places = {value: place for place, value in enumerate(self.values)}
        self.sources = [
            tuple(places[slot] for slot in (value.a, value.b) if isinstance(slot, Value))
            for value in self.values
        ]
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
            for source in sources:
                if units[source] is not units[place]:
                    yield source, place

    def _find_homes(self) -> list[Box]:
        ids = set(map(id, self.values))
        boxes: dict[Call | None, Box] = {None: self.whole}
        homes: list[Box | None] = [None] * len(self.values)
        # Users come before inputs here, so all uses of a value are known when its turn comes.
        for place in range(len(self.values) - 1, -1, -1):
            note = self.values[place].note
            home = homes[place] or self.whole
            if isinstance(note, Note) and note.call:
                home = _box_of(note.call, boxes, ids)
            homes[place] = home
            for source in self.sources[place]:
                box, known = home, homes[source]
                while box.outer is not None and id(self.values[source]) in box.inputs:
                    box = box.outer
                homes[source] = box if known is None else _innermost_common(known, box)
        _count_alike(boxes.values())
        return [home or self.whole for home in homes]


def _box_of(innermost: Call, boxes: dict[Call | None, Box], ids: set[int]) -> Box:
    calls = []
    call: Call | None = innermost
    while call not in boxes:
        assert call is not None
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
        if isinstance(part, (list, tuple)):
            for index, entry in enumerate(part):
                if entry is call.owner:
                    return f"{name}[{index}]"
    return type(call.owner).__name__


def _innermost_common(one: Box, other: Box) -> Box:
    # Step by step on both ways, so that two that are near need not go all the way out.
    met: set[Box | None] = {None}
    for box in chain.from_iterable(zip_longest(one.way_out, other.way_out)):
        if box in met and box is not None:
            return box
        met.add(box)
    raise AssertionError("every box lies in the whole")


def _count_alike(boxes: Iterable[Box]) -> None:
    """Number the boxes that have the same title and lie in the same box."""
    alike: defaultdict[tuple[Box | None, str], list[Box]] = defaultdict(list)
    for box in dict.fromkeys(boxes):
        alike[box.outer, box.title].append(box)
    for same in alike.values():
        # They were found from the result backward.
        for number, box in enumerate(reversed(same), start=1):
            box.place = (number, len(same))


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
    before: defaultdict[Unit, set[Unit]] = defaultdict(set)
    for start, end in {(units[start], units[end]) for start, end in graph.lines(units)}:
        ways = zip(chains[start], chains[end], strict=False)
        first, second = next((one, other) for one, other in ways if one is not other)
        before[second].add(first)
    order: list[Unit] = []
    pending: list[Unit] = [graph.whole]
    while pending:
        unit = pending.pop()
        order.append(unit)
        pending += reversed(_sorted(list(parts[unit]), before))
    return order[1:]  # The first is the whole graph.


def _sorted(parts: Sequence[Unit], before: dict[Unit, set[Unit]]) -> list[Unit]:
    """Sort topologically, and where that leaves a choice, in the order given."""
    places = {part: place for place, part in enumerate(parts)}
    waiting = {part: len(before.get(part, ())) for part in parts}
    users: defaultdict[Unit, list[Unit]] = defaultdict(list)
    for part in parts:
        for source in before.get(part, ()):
            users[source].append(part)
    ready = [place for place, part in enumerate(parts) if not waiting[part]]
    order = []
    while ready:
        part = parts[heapq.heappop(ready)]
        order.append(part)
        for user in users[part]:
            waiting[user] -= 1
            if not waiting[user]:
                heapq.heappush(ready, places[user])
    # Calls that are drawn as one may take from each other in a circle.
    return order + [part for part in parts if waiting[part]]
