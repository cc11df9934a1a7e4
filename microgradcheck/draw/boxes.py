"""Which values lie in which call of which scope: the boxes of a picture, one in another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from microgradcheck.value import Call, Note, Value

__all__ = ["Box", "find_boxes"]


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

    def __init__(
        self,
        title: str,
        outer: Box | None,
        inputs: Collection[int] = (),
        *,
        is_open: bool = True,
        is_counted: bool = False,
    ) -> None:
        self.title = title
        self.outer = outer
        self.inputs = inputs
        self.place = (1, 1)
        self.is_open = is_open
        self.is_counted = is_counted

    @property
    def way_out(self) -> Iterator[Box]:
        """It and all boxes that it lies in, from the inside out."""
        box: Box | None = self
        while box is not None:
            yield box
            box = box.outer

    @property
    def outermost_closed(self) -> Box | None:
        """The box that is drawn in place of all that it holds, if there is one."""
        found = None
        for box in self.way_out:
            if not box.is_open:
                found = box
        return found


def find_boxes(values: Sequence[Value], sources: Sequence[Sequence[int]]) -> list[Box]:
    """Return the innermost box of each value; those around it are its `way_out`.

    An output of a call lies in the call's box. Any other value lies in the innermost box that
    holds all its uses: so a weight that one neuron has to itself lies in that neuron.

    Args:
        values: every value of a graph, inputs before their users.
        sources: the indices of each value's inputs.
    """
    ids = {id(value) for value in values}
    whole = Box("", None)
    boxes: dict[Call | None, Box] = {None: whole}
    homes: list[Box | None] = [None] * len(values)
    # Users come before inputs here, so all uses of a value are known when its turn comes.
    for place in range(len(values) - 1, -1, -1):
        note = values[place].note
        home = homes[place] or whole
        if isinstance(note, Note) and note.call:
            home = _box_of(note.call, boxes, ids)
        homes[place] = home
        for source in sources[place]:
            box, known = home, homes[source]
            while box.outer is not None and id(values[source]) in box.inputs:
                box = box.outer
            homes[source] = box if known is None else _innermost_common(known, box)
    _count_alike(boxes.values())
    return [home or whole for home in homes]


def _box_of(innermost: Call, boxes: dict[Call | None, Box], ids: set[int]) -> Box:
    calls = []
    call: Call | None = innermost
    while call not in boxes:
        assert call is not None
        calls.append(call)
        call = call.outer
    for each in reversed(calls):
        outer = boxes[each.outer]
        if _repeats(each):
            boxes[each] = outer
        else:
            boxes[each] = Box(_title(each), outer, {id(thing) for thing in each.inputs(ids)})
    return boxes[innermost]


def _repeats(call: Call) -> bool:
    """Tell whether an object's call is part of its own call, as when a class calls its base."""
    return call.outer is not None and call.owner is call.outer.owner and not _is_name(call)


def _is_name(call: Call) -> bool:
    return isinstance(call.owner, str)


def _title(call: Call) -> str:
    """Return the name of a scope: its own, or that in the object whose call it is part of."""
    if _is_name(call):
        return str(call.owner)
    if call.outer is not None and not _is_name(call.outer):
        for name, part in getattr(call.outer.owner, "__dict__", {}).items():
            if part is call.owner:
                return str(name)
            if isinstance(part, (list, tuple)):
                for index, entry in enumerate(part):
                    if entry is call.owner:
                        return f"{name}[{index}]"
    return type(call.owner).__name__


def _innermost_common(one: Box, other: Box) -> Box:
    if one is other:
        return one
    others = set(other.way_out)
    return next(box for box in one.way_out if box in others)


def _count_alike(boxes: Iterable[Box]) -> None:
    """Number the boxes that have the same title and lie in the same box."""
    alike: defaultdict[tuple[Box | None, str], list[Box]] = defaultdict(list)
    for box in dict.fromkeys(boxes):
        alike[box.outer, box.title].append(box)
    for same in alike.values():
        # They were found from the result backward.
        for number, box in enumerate(reversed(same), start=1):
            box.place = (number, len(same))
