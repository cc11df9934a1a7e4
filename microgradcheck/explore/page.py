"""One HTML page with everything in it: the picture, the program, the data and the scripts."""

from __future__ import annotations

import json
import re
import sys
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html import escape
from importlib.resources import files
from math import ceil, floor, log10
from string import Template
from typing import Any, Final

from microgradcheck.draw.compose import compose
from microgradcheck.draw.layout import arrange, dot_source
from microgradcheck.draw.scene import Line, Node
from microgradcheck.draw.svg import write_svg
from microgradcheck.explore.listing import Listing
from microgradcheck.explore.recording import Recording
from microgradcheck.value import Value

_SCRIPTS: Final = ("engine.js", "check.js", "words.js", "picture.js", "page.js")

_EDGE_WIDTH: Final = 112.0
_WIDEST: Final = "-1.234"
_TIME_LIMIT: Final = 20.0
_LEAST: Final = 1e-300  # of which a slider's grain is still a float

_INPUT: Final = Template("""\
<div class="entry">
<label for="slider-$index"><bdi>$name</bdi></label>
<input id="slider-$index" class="slider" type="range" min="-$reach" max="$reach" step="$grain">
<input class="exact" type="text" inputmode="decimal" autocomplete="off" spellcheck="false" \
aria-label="$name, exactly">
<span class="partial">∂<bdi>$root</bdi>/∂<bdi>$name</bdi></span>
<span class="by">chain rule</span> <output class="backprop"></output>
<span class="by">differences</span> <output class="numerical"></output>
<span class="verdict"></span>
</div>
""")


def template_text(name: str) -> str:
    """Return a file of the page: HTML, CSS or JavaScript."""
    return files("microgradcheck.explore").joinpath("templates", name).read_text("utf-8")


def write_page(recording: Recording, listing: Listing, table: str) -> str:
    """Return the page of a recorded function; the table has its rules in JavaScript.

    Raises:
        TimeoutError: the layout takes too long.
    """
    picture = _draw(recording)
    size = re.search(r'width="(?P<width>\d+)" height="(?P<height>\d+)"', picture)
    assert size is not None
    script = "\n".join([table, *map(template_text, _SCRIPTS)])
    html = Template(template_text("page.html")).substitute(
        size.groupdict(),
        title=escape(recording.title),
        picture=picture,
        inputs="\n".join(_input(recording, index) for index in range(len(recording.inputs))),
        listing="\n".join(f"<li><code>{escape(line) or ' '}</code></li>" for line in listing.lines),
        # No text in it may end the script element that it is in, or begin a comment.
        data=json.dumps(page_data(recording, listing)).replace("<", "\\u003c"),
        script=f'(() => {{\n"use strict";\n{script}\n}})();',
    )
    # Lets in what is written here, and nothing else.
    hashes = {"style": "", "script": ""}
    for kind, text in re.findall(r"<(style|script)>(.*?)</\1>", html, re.DOTALL):
        hashes[kind] += f" 'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
    allowed = "; ".join(f"{kind}-src{found}" for kind, found in hashes.items())
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    return html.replace("POLICY", escape(policy), 1)


def page_data(recording: Recording, listing: Listing) -> dict[str, Any]:
    """Return what the page's scripts need to know of a recorded function, for JSON."""

    def slot(thing: Any) -> int | str:
        return recording.places[thing] if isinstance(thing, Value) else _number(float(thing))

    nodes = []
    for value in recording.values:
        operation = value.operation
        nodes.append(
            {
                "name": value.label,
                "number": _number(value.number),
                "operation": operation and operation.name,
                "symbol": operation and operation.symbol,
                "slots": list(map(slot, (value.a, value.b)[: operation.arity if operation else 0])),
            }
        )
    rows = zip(recording.steps, listing.of_step, listing.slopes, strict=True)
    return {
        "title": recording.title,
        "root": recording.root,
        "inputs": recording.inputs,
        "nodes": nodes,
        "steps": [{**step._asdict(), "line": line, "rule": slope} for step, line, slope in rows],
        "guards": [
            {**guard._asdict(), "slots": list(map(slot, guard.slots))} for guard in recording.guards
        ],
    }


def _number(x: float) -> str:
    """Write a number as JavaScript reads it from a text; JSON has neither infinity nor nan."""
    return repr(x).replace("inf", "Infinity")


def _input(recording: Recording, index: int) -> str:
    leaf = recording.values[recording.inputs[index]]
    # A slider reaches equally far on both sides of 0; its reach and its grain are round numbers.
    size = max(abs(leaf.number), _LEAST) if leaf.number else 1.0
    power = 10.0 ** floor(log10(size))
    reach = min(2 * ceil(size / power) * power, sys.float_info.max)
    return _INPUT.substitute(
        index=index,
        name=escape(leaf.label),
        root=escape(recording.names[recording.root]),
        reach=f"{reach:.6g}",
        grain=f"{power / 100:g}",
    )


def _draw(recording: Recording) -> str:
    """Return the graph as `draw` draws it, with room for every number that sliders may bring.

    The ids are those of `draw`: `graph-v0` is the first node, `graph-v2_operation` the operation
    that made the third, `graph-v2_a` what stands on the edge to its first input.
    """
    root = recording.values[recording.root]
    scene = compose([root], precision=4, derivatives=True, formulas=False)
    often = {f"v{step.target}" for step in recording.steps if step.uses > 1}
    nodes = tuple(_with_room(node, node.name in often) for node in scene.nodes)
    scene = replace(scene, title=f"Computation graph of {recording.title}", nodes=nodes)
    # Lines run on behind what stands on them, since a short text leaves most of its place empty.
    dot = dot_source(scene, "LR").replace("dir=none", "dir=none headclip=false")
    dot = re.sub(r"(_[ab] -> \S+ \[)", r"\1tailclip=false ", dot)
    layout = arrange(dot, _TIME_LIMIT)
    # What stands on a line gets a box of its own to light up.
    nodes = tuple(
        replace(node, kind="flow") if node.kind == "derivative" else node for node in nodes
    )
    return write_svg(replace(scene, nodes=nodes), layout, "graph")


def _with_room(node: Node, used_often: bool) -> Node:
    """Return what is drawn of a node or derivative, each part of a sum or product on a line."""
    parts = node.lines[-1].text.split(" = ")
    if node.kind == "derivative":
        product, flow = (*parts, "—")[:2]
        lines = Line(13, ("slope", product)), Line(13, ("grad", f"= {flow}"))
        return replace(node, lines=lines, least_width=_EDGE_WIDTH)
    if node.kind not in {"input", "value", "result"}:
        return node
    name, _ = node.lines[0].runs
    widest = [Line(14, name, ("data", f" = {_WIDEST}"))]
    shown = [node.lines[0], Line(13, ("quiet", "grad "), ("grad", parts[0].removeprefix("grad ")))]
    if used_often:
        shown.append(Line(11, ("quiet", " = ".join(parts[1:]))))
        widest.append(Line(11, ("quiet", f"{_WIDEST} + {_WIDEST}")))
    width = round(max(line.width for line in widest) + 20, 1)
    return replace(node, lines=tuple(shown), least_width=width)
