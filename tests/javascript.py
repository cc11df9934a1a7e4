"""The page's own scripts, run in an embedded JavaScript engine without a page."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from py_mini_racer import MiniRacer

from microgradcheck.explore.javascript import rules
from microgradcheck.explore.listing import write_listing
from microgradcheck.explore.page import page_data, template_text
from microgradcheck.explore.recording import Recording
from microgradcheck.ops import Operation

SCRIPTS = ("engine.js", "check.js", "words.js")

# JSON has no infinity and no nan; texts have.
SPELL = "JSON.stringify(%s, (key, x) => typeof x === 'number' ? String(x) : x)"


def program(operations: Iterable[Operation]) -> str:
    """Return the scripts of a page that has these operations, without those for the page."""
    return "\n".join([rules(operations), *map(template_text, SCRIPTS)])


class Engine:
    """An engine that has read a page's scripts, and its data where a recording is given."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self.context = MiniRacer()
        self.context.eval(program(operations))

    @classmethod
    def of(cls, recording: Recording) -> Engine:
        engine = cls([v.operation for v in recording.values if v.operation is not None])
        data = page_data(recording, write_listing(recording))
        engine.context.eval(f"var graph = {json.dumps(data)};")
        return engine

    def run(self, expression: str) -> Any:
        """Return what an expression gives, its numbers as floats."""
        return json.loads(self.context.eval(SPELL % expression), object_hook=None)

    def numbers(self, expression: str) -> list[float]:
        """Return an array of numbers."""
        return [float(x.replace("Infinity", "inf")) for x in self.run(expression)]
