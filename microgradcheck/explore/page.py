"""One HTML page with everything in it: the picture, the program, the steps and the scripts."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from math import floor, isnan, log10
from string import Template
from typing import Any, Final

from microgradcheck.explore.javascript import rules
from microgradcheck.explore.listing import Listing, slope_formula, write_listing
from microgradcheck.explore.picture import draw_recording
from microgradcheck.explore.recording import Recording
from microgradcheck.explore.words import describe, readable, template
from microgradcheck.value import Value

__all__ = ["SCRIPTS", "page_data", "template_text", "write_page"]

SCRIPTS: Final = (
    *("arithmetic.js", "engine.js", "words.js", "guess.js"),
    *("picture.js", "panels.js", "page.js"),
)
"""The scripts of a page, in order."""


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
    operations = [value.operation for value in recording.values if value.operation is not None]
    table = rules(operations)
    listing = write_listing(recording)
    picture = draw_recording(recording)
    style = template_text("page.css")
    for side in ("width", "height"):
        natural = re.search(rf'{side}="(\d+)"', picture)
        style = style.replace(f"NATURAL_{side.upper()}", f"{natural[1] if natural else 600}px")
    body = [table, *map(template_text, SCRIPTS)]
    script = "(() => {\n" + '"use strict";\n' + "\n".join(body) + "\n})();"
    styles = [style, *re.findall(r"<style>(.*?)</style>", picture, re.DOTALL)]
    return Template(template_text("page.html")).substitute(
        policy=escape(_policy(styles, script)),
        title=escape(recording.title),
        style=style,
        picture=picture,
        inputs="\n".join(_input(recording, place) for place in recording.inputs),
        listing="\n".join(
            f'<li data-line="{index}"><code>{escape(line) or " "}</code></li>'
            for index, line in enumerate(listing.lines)
        ),
        rows="\n".join(_rows(recording, listing)),
        data=_harmless(json.dumps(page_data(recording, listing))),
        script=script,
    )


def _policy(styles: list[str], script: str) -> str:
    """Return a content security policy that lets in what is written here, and nothing else."""
    style_hashes = " ".join(map(_hash, styles))
    return (
        f"default-src 'none'; style-src {style_hashes}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _harmless(text: str) -> str:
    """Let no text in the data end the script element that it is in, or begin a comment."""
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def page_data(recording: Recording, listing: Listing) -> dict[str, Any]:
    """Return what the page's scripts need to know of a recorded function, for JSON."""
    return {
        "title": recording.title,
        "root": recording.root,
        "drawn": recording.drawn,
        "inputs": [{"place": place} for place in recording.inputs],
        "nodes": [_node(recording, place) for place in range(len(recording.values))],
        "steps": [
            {
                "kind": step.kind,
                "place": step.place,
                "position": step.position,
                "target": step.target,
                "use": step.use,
                "uses": step.uses,
                "line": line,
                "rule": slope_formula(recording, step, recording.names)
                if step.kind == "backward"
                else "",
            }
            for step, line in zip(recording.steps, listing.of_step, strict=True)
        ],
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


def _node(recording: Recording, place: int) -> dict[str, Any]:
    value = recording.values[place]
    operation = value.operation
    return {
        "name": recording.names[place],
        "number": _number(value.number),
        "operation": operation and operation.name,
        "slots": [_slot(recording, slot) for slot in (value.a, value.b)][
            : operation.arity if operation else 0
        ],
        "template": template(value) if operation else "",
    }


def _slot(recording: Recording, slot: Value | float) -> dict[str, Any]:
    if isinstance(slot, Value):
        return {"place": recording.place(slot)}
    return {"constant": _number(slot)}


def _number(x: float) -> str:
    """Write a number as JavaScript reads it; JSON has neither infinity nor nan."""
    return "NaN" if isnan(x) else repr(x).replace("inf", "Infinity")


def _input(recording: Recording, place: int) -> str:
    value = recording.values[place]
    reach, grain = _range(value.number)
    return Template(template_text("input.html")).substitute(
        name=escape(recording.names[place]),
        root=escape(recording.names[recording.root]),
        number=_number(value.number),
        least=f"{-reach:g}",
        most=f"{reach:g}",
        grain=f"{grain:g}",
        index=recording.inputs.index(place),
        readable=readable(value.number),
    )


def _range(x: float) -> tuple[float, float]:
    """Return how far a slider reaches on both sides of 0, and its grain: round numbers."""
    size = max(1.0, abs(x))
    power = 10.0 ** floor(log10(size))
    reach = 2 * next(power * factor for factor in (1, 2, 5, 10) if power * factor >= size)
    return reach, 10.0 ** floor(log10(reach / 100))


def _rows(recording: Recording, listing: Listing) -> list[str]:
    rows = zip(recording.steps, listing.of_step, describe(recording), strict=True)
    return [
        f'<tr data-step="{number}"><th scope="row">{number}</th><td>{_PHASES[step.kind]}</td>'
        f"<td><code>{escape(listing.lines[line].strip())}</code></td>"
        f'<td class="formula">{escape(row.formula)}</td><td class="total">{escape(row.total)}</td>'
        "</tr>"
        for number, (step, line, row) in enumerate(rows, start=1)
    ]


_PHASES: Final = {"forward": "forward", "seed": "backward", "backward": "backward"}
