"""Compose a picture: what is drawn one by one, and what is folded into boxes that say how much."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Hashable, Iterable, Sequence
from functools import partial

from microgradcheck.draw.checking import check_all
from microgradcheck.draw.graph import Box, Graph, Unit, in_order
from microgradcheck.draw.scene import Scene, in_one_line
from microgradcheck.draw.writer import Writer
from microgradcheck.structure import count
from microgradcheck.value import Value

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
    """Write down everything that a picture of some values shows, with the options of `draw`."""
    graph = Graph(roots)
    size = len(graph.values)
    if check and size > MOST_VALUES_CHECKED:
        raise ValueError(
            f"check=True nudges every value, {MOST_VALUES_CHECKED:,} at most, and this graph has "
            f"{size:,}; draw a smaller part of it, or call gradcheck"
        )
    fold(graph, depth, limit)
    order = in_order(graph)
    if derivatives is None:
        to_boxes = sum(isinstance(end, Box) for _, end in graph.ways(graph.units()))
        derivatives = (
            to_boxes <= MOST_LINES_WITH_DERIVATIVES and len(order) <= MOST_UNITS_WITH_DERIVATIVES
        )
    writer = Writer(
        graph,
        order,
        precision=precision,
        derivatives=derivatives,
        formulas=formulas,
        checks=check_all(roots[0]) if check else {},
    )
    for unit in order:
        writer.write(unit)
    labels = " and ".join(root.label for root in roots if root.label)
    title = in_one_line(f"Computation graph of {labels or 'an expression'}")
    operations = sum(value.operation is not None for value in graph.values)
    words = [f"{title}: {count(size, 'value')} and {count(operations, 'operation')}."]
    words += writer.words[:MOST_LINES_IN_WORDS]
    if len(order) > MOST_LINES_IN_WORDS:
        words.append(f"and {count(len(order) - MOST_LINES_IN_WORDS, 'more value')}")
    return Scene(title, "\n".join(words), writer.nodes)


def fold(graph: Graph, depth: int | None, limit: int | None) -> None:
    """Draw at most `limit` values and closed boxes, and between them twice as many lines."""
    calls = {*graph.boxes()} - {graph.whole}
    wanted = {box for box in calls if depth is None or box.level <= depth}
    for box in calls:
        box.is_open = box in wanted and (limit is None or depth is not None)
    if limit is None:
        return
    for merge in (_merge_alike, _merge_sums, _close, partial(_merge_far, limit=limit)):
        if _fits(graph, limit):
            break
        merge(graph)
    _open(graph, wanted, limit)


def _fits(graph: Graph, limit: int) -> bool:
    units = graph.units()
    return len(set(units)) <= limit and len(graph.ways(units)) <= 2 * limit


def _close(graph: Graph) -> None:
    """Close all calls, of which those are opened again that there is room for."""
    for box in graph.boxes():
        box.is_open = box is graph.whole


def _open(graph: Graph, calls: Container[Box], limit: int) -> None:
    """Open the calls that there is room for, from the outside in, and alike ones together."""
    outermost: dict[Box | None, Box] = {}
    alike: defaultdict[tuple[int, str], list[Box]] = defaultdict(list)
    for box in graph.boxes():
        if box in calls:
            outermost[box] = outermost.get(box.outer, box)
            # As neurons[0] and neurons[1].
            alike[box.level, outermost[box].title.partition("[")[0]].append(box)
    held = Counter(graph.homes)
    for kind in sorted(alike):
        closed = [box for box in alike[kind] if box.outer and box.outer.is_open]
        if closed and sum(held[box] for box in closed) <= limit:
            for box in closed:
                box.is_open = True
            if not _fits(graph, limit):
                for box in closed:
                    box.is_open = False


def _merge_alike(graph: Graph) -> None:
    """Draw the calls of a scope that lie in the same box as one, and so what lies in them."""
    merged = {graph.whole: graph.whole}
    first: dict[tuple[Box, str], Box] = {}
    for box in graph.boxes():
        if box.outer is not None:
            box.outer = merged[box.outer]
            merged[box] = first.setdefault((box.outer, box.title), box)
    for box, times in Counter(merged.values()).items():
        if times > 1:
            box.title += f" × {times:,}"
    graph.homes = [merged[home] for home in graph.homes]


def _merge_sums(graph: Graph) -> None:
    """Draw the additions of a long sum as one, where nothing else needs what lies between them."""
    uses = Counter(source for sources in graph.sources for source in sources)
    units = graph.units()
    sums: dict[int, Box] = {}
    for place in range(len(units) - 1, -1, -1):
        value, home = graph.values[place], graph.homes[place]
        if units[place] is not value or value.op != "add":
            sums.pop(place, None)
            continue
        box = sums.setdefault(place, Box("sum", home, is_open=False))
        for source in graph.sources[place]:
            named = graph.values[source].label or graph.values[source] in graph.roots
            if uses[source] == 1 and not named and graph.homes[source] is home:
                sums[source] = box
    additions = Counter(sums.values())
    for place, box in sums.items():
        if additions[box] >= FEWEST_ADDITIONS:
            graph.homes[place] = box


def _merge_far(graph: Graph, limit: int) -> None:
    """Draw what is farthest from the roots as a few boxes, one for each part of the graph."""
    units = graph.units()
    closed = {unit for unit in units if isinstance(unit, Box)}
    # Boxes that are too many to be seen fold like values do.
    kept = closed if len(closed) <= limit // 2 else set()
    nearest: dict[Unit, int] = {}
    for unit, distance in zip(units, _distances(graph, units), strict=True):
        if unit not in kept:
            nearest[unit] = min(distance, nearest.get(unit, distance))
    most_parts = max(limit // 10, 2)
    room = max(limit - len(kept) - most_parts, 1)
    if len(nearest) <= room:
        return
    # The roots are at 0, and seen however many they are.
    first_hidden = max(sorted(nearest.values())[room], 1)
    hidden = {unit for unit, distance in nearest.items() if distance >= first_hidden}
    parts = _parts(graph, units, hidden, kept)
    if len(parts) > most_parts:  # They would be no overview.
        parts = [[place for place, unit in enumerate(units) if unit in hidden]]
    # What is little is shown after all, as far as there is room.
    room -= len(nearest) - len(hidden)
    for part in sorted(parts, key=len):
        folded = {units[place] for place in part}
        room -= len(folded)
        if room < 0 and len(folded) > 1:
            _hide(graph, part, units)


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
) -> list[list[int]]:
    """Return the places of the hidden values, in the parts that they belong to.

    What was computed is told apart by the closed boxes that it depends on, so that no way leads
    out of a part and back into it; leaves by what they go to, and whether they have a name.
    """
    bits = {unit: 1 << number for number, unit in enumerate(kept)}
    depends = [0] * len(units)
    goes: defaultdict[int, set[int | Box]] = defaultdict(set)
    for place, sources in enumerate(graph.sources):
        for source in sources:
            depends[place] |= depends[source] | bits.get(units[source], 0)
        end = depends[place] if units[place] in hidden else units[place]
        if not isinstance(end, Value):
            for source in sources:
                goes[source].add(end)
    parts: defaultdict[Hashable, list[int]] = defaultdict(list)
    for place, value in enumerate(graph.values):
        if units[place] in hidden:
            leaf = bool(value.label), frozenset(goes[place])
            parts[leaf if value.operation is None else depends[place]].append(place)
    return list(parts.values())


def _hide(graph: Graph, part: Sequence[int], units: Sequence[Unit]) -> None:
    leaves = all(graph.values[place].operation is None for place in part)
    title = f"{len(part):,} inputs" if leaves else f"… {len(part):,} more"
    far = Box(title, graph.whole, is_open=False)
    for place in part:
        unit = units[place]
        if isinstance(unit, Box):
            unit.outer = far
        else:
            graph.homes[place] = far
