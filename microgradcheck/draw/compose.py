"""Compose a picture: what is drawn one by one, and what is folded into boxes that say how much.

A picture that would be too large opens fewer levels of boxes. Where closing all of them is not
enough, it draws the calls of a scope as one, then long sums, and last what is far from the result.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import partial

from microgradcheck.draw.graph import Box, Graph, Unit, in_order
from microgradcheck.draw.scene import Frame, Node, Scene, in_one_line
from microgradcheck.draw.writer import CHECKED_WITHIN, Writer, count
from microgradcheck.gradcheck.nodes import estimate_nodes
from microgradcheck.value import Value

__all__ = ["compose", "fold"]

MOST_UNITS_WITH_DERIVATIVES = 1000
MOST_LINES_WITH_DERIVATIVES = 100  # to closed boxes
MOST_VALUES_CHECKED = 1000
MOST_LINES_IN_WORDS = 100
FEWEST_ADDITIONS = 5


def compose(
    roots: Sequence[Value],
    *,
    precision: int,
    derivatives: bool | None,
    formulas: bool,
    check: bool = False,
    depth: int | None = None,
    limit: int | None = None,
) -> Scene:
    """Write down everything that a picture of the given values shows, with the options of `draw`.

    Raises:
        ValueError: there are too many values to check each.
        RuntimeError: the data of a `Value` was set after others were computed from it.
    """
    graph = Graph(roots)
    size = len(graph.values)
    if check and size > MOST_VALUES_CHECKED:
        raise ValueError(
            f"check=True nudges every value, {MOST_VALUES_CHECKED:,} at most, and this graph has "
            f"{size:,}; draw a smaller part of it, or leave the check to gradcheck"
        )
    fold(graph, depth, limit)
    order = in_order(graph)
    if derivatives is None:
        units = graph.units()
        lines = {(units[start], units[end]) for start, end in graph.lines(units)}
        to_boxes = sum(isinstance(end, Box) for _, end in lines)
        derivatives = (
            to_boxes <= MOST_LINES_WITH_DERIVATIVES and len(order) <= MOST_UNITS_WITH_DERIVATIVES
        )
    found = estimate_nodes(roots[0], CHECKED_WITHIN, leaves=True) if check else []
    writer = Writer(
        graph,
        order,
        precision=precision,
        derivatives=derivatives,
        formulas=formulas,
        checks={node: estimate for node, _, estimate in found},
    )
    nodes: list[Node] = []
    frames: list[Frame] = []
    for unit in order:
        if isinstance(unit, Box) and unit.is_open:
            frames.append(writer.frame(unit))
        else:
            nodes += writer.nodes(unit)
    labels = " and ".join(root.label for root in roots if root.label)
    title = in_one_line(f"Computation graph of {labels or 'an expression'}")
    operations = sum(value.operation is not None for value in graph.values)
    words = [f"{title}: {count(size, 'value')} and {count(operations, 'operation')}."]
    words += map(writer.in_words, order[:MOST_LINES_IN_WORDS])
    if len(order) > MOST_LINES_IN_WORDS:
        words.append(f"and {count(len(order) - MOST_LINES_IN_WORDS, 'more value')}")
    return Scene(title, "\n".join(words), tuple(nodes), tuple(frames))


def fold(graph: Graph, depth: int | None, limit: int | None) -> None:
    """Close boxes of a graph, and put what is too much into closed ones.

    What is drawn is at most `limit` values and closed boxes, with twice as many lines between them.
    """
    levels = _levels(graph)
    depths = range(max(levels.values()), -1, -1) if depth is None else [depth]
    if not _open_as_fits(graph, levels, depths, limit) and limit is not None:
        for merge in (_merge_alike, _merge_sums, partial(_merge_far, limit=limit)):
            merge(graph)
            if _fits(graph, limit):
                break
        # There may be room for what is in the boxes now.
        _open_as_fits(graph, levels, depths, limit)
    if depth is None and limit is not None:
        _open_further(graph, levels, limit)


def _levels(graph: Graph) -> dict[Box, int]:
    levels: dict[Box, int] = {}
    for box in graph.boxes():
        levels[box] = 0 if box.outer is None else levels[box.outer] + 1
    return levels


def _open_as_fits(
    graph: Graph, levels: dict[Box, int], depths: Sequence[int], limit: int | None
) -> bool:
    """Open as many levels of boxes as there is room for, and tell whether there is for any."""

    def has_room(depth: int) -> bool:
        for box, level in levels.items():
            box.is_open = level <= depth
        return limit is None or _fits(graph, limit)

    return _open_deepest(depths, has_room)


def _open_further(graph: Graph, levels: dict[Box, int], limit: int) -> None:
    """Open more levels in those outermost boxes that have little in them."""
    alike: defaultdict[str, list[Box]] = defaultdict(list)
    outermost: dict[Box | None, Box] = {}
    for box in graph.boxes():
        if levels.get(box, 0) > 0:
            outermost[box] = outermost.get(box.outer, box)
            # As neurons[0] and neurons[1].
            alike[outermost[box].title.partition("[")[0]].append(box)
    values = Counter(graph.homes)
    for inner in alike.values():
        closed = [box for box in inner if not box.is_open]

        def has_room(depth: int, closed: Sequence[Box] = closed) -> bool:
            for box in closed:
                box.is_open = levels[box] <= depth
            opened = sum(values[box] for box in closed if box.is_open)
            return opened <= limit and _fits(graph, limit)

        _open_deepest(range(max(levels[box] for box in inner), -1, -1), has_room)


def _open_deepest(depths: Sequence[int], has_room: Callable[[int], bool]) -> bool:
    """Open boxes to the first of some falling depths that leaves room, else to the last."""
    # What is drawn is never more where fewer levels are open, so not every depth need be tried.
    first = bisect_left(depths, True, key=has_room)
    return has_room(depths[min(first, len(depths) - 1)])


def _fits(graph: Graph, limit: int) -> bool:
    units = graph.units()
    if len(set(units)) > limit:
        return False
    lines = {(units[start], units[end]) for start, end in graph.lines(units)}
    return len(lines) <= 2 * limit


def _merge_alike(graph: Graph) -> None:
    """Draw the calls of a scope that lie in the same box as one, and so what lies in them."""
    parts: defaultdict[Box, dict[Box, None]] = defaultdict(dict)
    for box in graph.boxes():
        if box.outer is not None:
            parts[box.outer][box] = None
    merged: dict[Box, Box] = {}
    pending = [graph.whole]
    for box in pending:  # It grows under way.
        alike: defaultdict[str, list[Box]] = defaultdict(list)
        for part in parts[box]:
            alike[part.title].append(part)
        for title, (first, *others) in alike.items():
            pending.append(first)
            if not others:
                continue
            first.title, first.place = f"{title} × {1 + len(others):,}", (1, 1)
            for other in others:
                merged[other] = first
                for part in parts[other]:
                    part.outer = first
                    parts[first][part] = None
    graph.homes = [merged.get(home, home) for home in graph.homes]


def _merge_sums(graph: Graph) -> None:
    """Draw the additions of a long sum as one, where nothing else needs what lies between them."""
    uses = Counter(source for sources in graph.sources for source in sources)
    totals: dict[int, int] = {}
    sums: defaultdict[int, list[int]] = defaultdict(list)
    units = graph.units()
    for place in range(len(units) - 1, -1, -1):
        value, home = graph.values[place], graph.homes[place]
        if units[place] is not value or value.op != "add":
            continue
        total = totals.get(place, place)
        sums[total].append(place)
        for source in graph.sources[place]:
            named = graph.values[source].label or graph.values[source] in graph.roots
            if uses[source] == 1 and not named and graph.homes[source] is home:
                totals[source] = total
    for total, additions in sums.items():
        if len(additions) >= FEWEST_ADDITIONS:
            box = Box("sum", graph.homes[total], is_open=False)
            for place in additions:
                graph.homes[place] = box


def _merge_far(graph: Graph, limit: int) -> None:
    """Draw what is farthest from the roots as a few boxes, one for each part of the graph."""
    units = graph.units()
    distances = _distances(graph, units)
    closed = {unit: None for unit in units if isinstance(unit, Box)}
    # Boxes that are too many to be seen fold like values do.
    kept = closed if len(closed) <= limit // 2 else {}
    nearest: dict[Unit, int] = {}
    for unit, home, distance in zip(units, graph.homes, distances, strict=True):
        # What a box shows that was opened on demand stays.
        if unit not in kept and (isinstance(unit, Box) or home.outer is None):
            nearest[unit] = min(distance, nearest.get(unit, distance))
    by_distance = sorted(nearest.values())
    most_parts = max(limit // 10, 2)
    room = max(limit - len(kept) - most_parts, 1)
    if len(by_distance) <= room:
        return
    # The roots are at 0, and seen however many they are.
    first_hidden = max(by_distance[room], 1)
    hidden = {unit for unit, distance in nearest.items() if distance >= first_hidden}
    parts: defaultdict[Hashable, list[int]] = defaultdict(list)
    for part, place in _parts(graph, units, hidden, kept):
        parts[part].append(place)
    # Too many parts are no overview: then all leaves are one, and at worst all that is hidden.
    for is_one in (lambda part: isinstance(part, frozenset), lambda part: True):
        if len(parts) > most_parts:
            places = [place for part in [*filter(is_one, parts)] for place in parts.pop(part)]
            parts[None] = sorted(places)
    smallest_first = sorted(parts.values(), key=len)
    # What is little is shown after all, as far as there is room.
    room -= len(nearest) - len(hidden)
    for places in smallest_first:
        shown = {units[place] for place in places}
        room -= len(shown)
        if room < 0 and len(shown) > 1:
            _hide(graph, places, units)


def _distances(graph: Graph, units: Sequence[Unit]) -> list[int]:
    """Return how many lines the longest way from each value to a root has."""
    distances = [0] * len(units)
    for place in range(len(units) - 1, -1, -1):
        for source in graph.sources[place]:
            further = distances[place] + (units[source] is not units[place])
            distances[source] = max(further, distances[source])
    return distances


def _parts(
    graph: Graph, units: Sequence[Unit], hidden: set[Unit], kept: Iterable[Unit]
) -> Iterator[tuple[Hashable, int]]:
    """Yield the place of each hidden value after the part that it belongs to.

    What was computed is told apart by the closed boxes that it depends on, so that no way leads
    out of a part and back into it; and leaves by where they go, and whether they have a name.
    """
    # One bit for each closed box.
    bits = {unit: 1 << number for number, unit in enumerate(kept)}
    depends = [0] * len(units)
    goes: defaultdict[int, set[Hashable]] = defaultdict(set)
    for place, sources in enumerate(graph.sources):
        for source in sources:
            depends[place] |= depends[source] | bits.get(units[source], 0)
        unit = units[place]
        for source in sources:
            goes[source].add(("part", depends[place]) if unit in hidden else id(unit))
    for place, unit in enumerate(units):
        if unit in hidden:
            is_leaf = not graph.sources[place]
            named = {"named"} if graph.values[place].label else set()
            yield (frozenset(goes[place] | named) if is_leaf else depends[place]), place


def _hide(graph: Graph, part: Sequence[int], units: Sequence[Unit]) -> None:
    leaves = all(graph.values[place].operation is None for place in part)
    title = f"{len(part):,} inputs" if leaves else f"… {len(part):,} more"
    far = Box(title, graph.whole, is_open=False, is_counted=True)
    for place in part:
        unit = units[place]
        if isinstance(unit, Box):
            unit.outer = far
        else:
            graph.homes[place] = far
