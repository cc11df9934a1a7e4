"""One HTML page with everything in it: the picture, the program, the steps and the scripts."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from math import floor, isnan, log10
from string import Template
from typing import Any, Final

from microgradcheck.draw.compose import compose
from microgradcheck.draw.layout import arrange, dot_source
from microgradcheck.draw.scene import Line, Node
from microgradcheck.draw.svg import write_svg
from microgradcheck.draw.writer import made_at
from microgradcheck.explore.javascript import rules
from microgradcheck.explore.listing import (
    Listing,
    describe,
    fill,
    readable,
    slope_formula,
    sum_of,
    template,
    write_listing,
)
from microgradcheck.explore.recording import Application, Recording, apply_chain_rule
from microgradcheck.value import NotComputed, Value

__all__ = ["page_data", "template_text", "write_page"]

_SCRIPTS: Final = ("engine.js", "words.js", "picture.js", "page.js")
_PHASES: Final = {"forward": "forward", "seed": "backward", "backward": "backward"}

# picture.js knows it too.
_EDGE_WIDTH: Final = 112.0
_WIDEST: Final = "-1.234"
_TIME_LIMIT: Final = 20.0

_INPUT: Final = Template("""\
<div class="entry" data-input="$index">
<label class="name" for="slider-$index"><bdi>$name</bdi></label>
<input id="slider-$index" class="slider" type="range" min="$least" max="$most" step="$grain" \
value="$number">
<input class="exact" type="text" inputmode="decimal" autocomplete="off" spellcheck="false" \
value="$readable" aria-label="$name, exactly">
<p class="gradient"><span class="symbol">∂<bdi>$root</bdi>/∂<bdi>$name</bdi></span>
<span class="by">chain rule</span> <output class="backprop">—</output>
<span class="by">differences</span> <output class="numerical">—</output>
<span class="verdict"></span></p>
</div>
""")


@cache
def template_text(name: str) -> str:
    """Return a file of the page: HTML, CSS or JavaScript."""
    return files("microgradcheck.explore").joinpath("templates", name).read_text("utf-8")


def write_page(recording: Recording) -> str:
    """Return the page of a recorded function.

    Raises:
        ValueError: it uses an operation whose rules are Python functions.
        TimeoutError: the layout takes too long.
    """
    # First, since this refuses what a page cannot run.
    table = rules(value.operation for value in recording.values if value.operation is not None)
    listing = write_listing(recording)
    picture = _draw(recording)
    style = template_text("page.css")
    for side in ("width", "height"):
        natural = re.search(rf'{side}="(\d+)"', picture)
        assert natural is not None
        style = style.replace(f"NATURAL_{side.upper()}", f"{natural[1]}px")
    body = [table, *map(template_text, _SCRIPTS)]
    script = "(() => {\n" + '"use strict";\n' + "\n".join(body) + "\n})();"
    styles = [style, *re.findall(r"<style>(.*?)</style>", picture, re.DOTALL)]
    # Lets in what is written here, and nothing else.
    policy = (
        f"default-src 'none'; style-src {' '.join(map(_hash, styles))}; "
        f"script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    # No text in the data may end the script element that it is in, or begin a comment.
    data = json.dumps(page_data(recording, listing))
    for character in "&<>":
        data = data.replace(character, f"\\u{ord(character):04x}")
    return Template(template_text("page.html")).substitute(
        policy=escape(policy),
        title=escape(recording.title),
        style=style,
        picture=picture,
        inputs="\n".join(_input(recording, index) for index in range(len(recording.inputs))),
        listing="\n".join(
            f'<li data-line="{index}"><code>{escape(line) or " "}</code></li>'
            for index, line in enumerate(listing.lines)
        ),
        rows="\n".join(_rows(recording, listing)),
        data=data,
        script=script,
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def page_data(recording: Recording, listing: Listing) -> dict[str, Any]:
    """Return what the page's scripts need to know of a recorded function, for JSON."""
    nodes = []
    for name, value in zip(recording.names, recording.values, strict=True):
        operation = value.operation
        slots = (value.a, value.b)[: operation.arity if operation else 0]
        nodes.append(
            {
                "name": name,
                "number": _number(value.number),
                "operation": operation and operation.name,
                "slots": [_slot(recording, slot) for slot in slots],
                "template": template(value),
                "madeAt": made_at(value),
            }
        )
    steps = []
    for step, line in zip(recording.steps, listing.of_step, strict=True):
        rule = slope_formula(recording, step) if step.kind == "backward" else ""
        steps.append({**vars(step), "line": line, "rule": rule})
    return {
        "title": recording.title,
        "root": recording.root,
        "drawn": recording.drawn,
        "inputs": [{"place": place} for place in recording.inputs],
        "nodes": nodes,
        "steps": steps,
        "guards": [
            {
                "left": _slot(recording, guard.left),
                "symbol": guard.symbol,
                "right": _slot(recording, guard.right),
                "answer": guard.answer,
            }
            for guard in recording.guards
        ],
    }


def _slot(recording: Recording, slot: Value | float) -> dict[str, Any]:
    if isinstance(slot, Value):
        return {"place": recording.places[slot]}
    return {"constant": _number(slot)}


def _number(x: float) -> str:
    """Write a number as JavaScript reads it; JSON has neither infinity nor nan."""
    return "NaN" if isnan(x) else repr(x).replace("inf", "Infinity")


def _input(recording: Recording, index: int) -> str:
    place = recording.inputs[index]
    number = recording.values[place].number
    # A slider reaches equally far on both sides of 0; its reach and its grain are round numbers.
    size = max(1.0, abs(number))
    power = 10.0 ** floor(log10(size))
    reach = 2 * next(power * factor for factor in (1, 2, 5, 10) if power * factor >= size)
    return _INPUT.substitute(
        name=escape(recording.names[place]),
        root=escape(recording.names[recording.root]),
        number=_number(number),
        least=f"{-reach:g}",
        most=f"{reach:g}",
        grain=f"{10.0 ** floor(log10(reach / 100)):g}",
        index=index,
        readable=readable(number),
    )


def _rows(recording: Recording, listing: Listing) -> list[str]:
    rows = zip(recording.steps, listing.of_step, describe(recording), strict=True)
    return [
        f'<tr data-step="{number}"><th scope="row">{number}</th><td>{_PHASES[step.kind]}</td>'
        f"<td><code>{escape(listing.lines[line].strip())}</code></td>"
        f'<td class="formula">{escape(row.formula)}</td><td class="total">{escape(row.total)}</td>'
        "</tr>"
        for number, (step, line, row) in enumerate(rows, start=1)
    ]


def _draw(recording: Recording) -> str:
    """Return the graph as `draw` draws it, with room for every number that sliders may bring.

    The ids are those of `draw`: `graph-v0` is the first node, `graph-v2_operation` the operation
    that made the third, `graph-v2_a` what stands on the edge to its first input.
    """
    scene = compose([_named_twin(recording)], precision=4, derivatives=True, formulas=False)
    on_edges: dict[str, Application] = {}
    # What has reached each node in the end, in words.
    terms = {recording.root: ["1"]}
    totals: dict[int, float] = {recording.root: 1.0}
    for step, numbers in zip(recording.steps, apply_chain_rule(recording), strict=True):
        if numbers is not None:
            on_edges[f"v{step.place}_{'ab'[step.position]}"] = numbers
            terms[step.target] = list(map(readable, numbers.terms))
            totals[step.target] = numbers.after
    nodes: list[Node] = []
    for node in scene.nodes:
        lines, width = node.lines, 0.0
        if node.kind == "derivative":
            numbers = on_edges[node.name]
            product = fill("{a} × {b}", readable(numbers.upstream), readable(numbers.slope))
            flow = f"= {readable(numbers.terms[-1])}"
            lines = (Line(13, (("slope", product),)), Line(13, (("grad", flow),)))
            width = _EDGE_WIDTH
        elif node.kind in {"input", "value", "result"}:
            place = int(node.name.removeprefix("v"))
            name, number = recording.names[place], recording.values[place].number
            gradient = readable(totals.get(place))
            lines = (
                Line(14, (("name", name), ("data", f" = {readable(number)}"))),
                Line(13, (("quiet", "grad "), ("grad", gradient))),
            )
            width = _width(14, name) + _width(14, f" = {_WIDEST}") + 20
            reached = terms.get(place, [])
            if len(reached) > 1:
                lines += (Line(11, (("quiet", sum_of(reached)),)),)
                width = max(width, _width(11, f"{_WIDEST} + {_WIDEST}") + 20)
        nodes.append(replace(node, lines=lines, least_width=round(width, 1)))
    scene = replace(scene, title=f"Computation graph of {recording.title}", nodes=tuple(nodes))
    return write_svg(scene, arrange(dot_source(scene, "LR"), _TIME_LIMIT), "graph")


def _width(size: float, text: str) -> float:
    return Line(size, (("", text),)).width


def _named_twin(recording: Recording) -> Value:
    """Return a copy of the graph whose labels are the names, and whose gradients are its own."""
    memo: dict[int, Value] = {}
    twin = deepcopy(recording.values[recording.root], memo)
    for value, name in zip(recording.values[: recording.drawn], recording.names, strict=False):
        memo[id(value)].label = name
        memo[id(value)].grad = NotComputed()
    # Where a derivative does not exist, the page shows that it does not.
    with suppress(ValueError, ArithmeticError):
        twin.backward()
    return twin
