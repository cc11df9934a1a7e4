"""The graph as `draw` draws it, with room for every number that the sliders may bring."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from dataclasses import replace

from microgradcheck.draw.compose import compose
from microgradcheck.draw.layout import arrange, dot_source
from microgradcheck.draw.scene import Line, Node
from microgradcheck.draw.svg import write_svg
from microgradcheck.explore.recording import Recording
from microgradcheck.explore.words import Application, apply_chain_rule, fill, readable
from microgradcheck.value import NotComputed, Value

__all__ = ["PREFIX", "draw_recording"]

PREFIX = "graph"
"""What every id in the picture begins with."""

EDGE_ROOM = 112.0
"""How wide the place of a product on an edge is; picture.js knows it too."""

_WIDEST = "-1.234"
_TIME_LIMIT = 20.0


class _Roomy(Node):
    """A node whose size is that of the widest texts that it may get."""

    @property
    def size(self) -> tuple[float, float]:
        """Its width and height in points."""
        width, height = super().size
        name = sum(Line(14, ((look, text),)).width for look, text in self.lines[0].runs[:1])
        if self.kind == "derivative":
            room = EDGE_ROOM
        elif self.kind in {"input", "value", "result"}:
            room = name + Line(14, (("", f" = {_WIDEST}"),)).width + 20
            if len(self.lines) == 3:
                room = max(room, Line(11, (("", f"{_WIDEST} + {_WIDEST}"),)).width + 20)
        else:
            room = 0.0
        return max(width, round(room, 1)), height


def draw_recording(recording: Recording) -> str:
    """Return an SVG element with the graph, its values, and all that flows back.

    The ids are those of `draw`: `graph-v0` is the first node, `graph-v2_operation` the operation
    that made the third, `graph-v2_a` what stands on the edge to its first input.

    Raises:
        TimeoutError: the layout takes too long.
    """
    twin = _named_twin(recording)
    scene = compose([twin], precision=4, derivatives=True, formulas=False)
    applications = apply_chain_rule(recording)
    on_edges = {
        f"v{step.place}_{'ab'[step.position]}": application
        for step, application in zip(recording.steps, applications, strict=True)
        if application is not None
    }
    gradients = _gradients(recording, applications)
    uses = {step.target: step.uses for step in recording.steps if step.kind == "backward"}
    nodes = tuple(_roomy(node, recording, on_edges, gradients, uses) for node in scene.nodes)
    scene = replace(scene, title=f"Computation graph of {recording.title}", nodes=nodes)
    return write_svg(scene, arrange(dot_source(scene, "LR"), _TIME_LIMIT), PREFIX)


def _named_twin(recording: Recording) -> Value:
    """Return a copy of the graph whose labels are the names, and whose gradients are its own."""
    root = recording.values[recording.root]
    memo: dict[int, Value] = {}
    twin = deepcopy(root, memo)
    for value, name in zip(recording.values[: recording.drawn], recording.names, strict=False):
        memo[id(value)].label = name
        memo[id(value)].grad = NotComputed()
    # Where a derivative does not exist, the page shows that it does not.
    with suppress(ValueError, ArithmeticError):
        twin.backward()
    return twin


def _gradients(
    recording: Recording, applications: list[Application | None]
) -> dict[int, list[float]]:
    """Return what reaches each node, contribution by contribution."""
    found: dict[int, list[float]] = {recording.root: [1.0]}
    for step, application in zip(recording.steps, applications, strict=True):
        if application is not None:
            found.setdefault(step.target, []).append(application.flow)
    return found


def _roomy(
    node: Node,
    recording: Recording,
    on_edges: dict[str, Application],
    gradients: dict[int, list[float]],
    uses: dict[int, int],
) -> Node:
    lines = node.lines
    if node.kind == "derivative":
        upstream, slope, flow, _ = on_edges[node.name]
        product = fill("{a} × {b}", readable(upstream), readable(slope))
        lines = (Line(13, (("slope", product),)), Line(13, (("grad", f"= {readable(flow)}"),)))
    elif node.kind in {"input", "value", "result"}:
        place = int(node.name.removeprefix("v"))
        flows = gradients.get(place, [])
        value = f" = {readable(recording.values[place].number)}"
        lines = (
            Line(14, (("name", recording.names[place]), ("data", value))),
            Line(13, (("quiet", "grad "), ("grad", readable(sum(flows)) if flows else "—"))),
        )
        if uses.get(place, 0) > 1:
            terms = " + ".join(map(readable, flows)).replace("+ −", "− ")
            lines += (Line(11, (("quiet", terms),)),)
    fields = {**vars(node), "lines": lines}
    return _Roomy(**fields)
