"""A mistake, and what came out where it was run beside what is right."""

from __future__ import annotations

import inspect
import re
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from types import FunctionType
from typing import Any, Final

from microgradcheck.draw import Picture
from microgradcheck.gradcheck import Report
from microgradcheck.mistakes.engine import compile_text

Row = tuple[str, object, object]
"""What is looked at, what the mistaken side gives or expects, and what is right."""

Evidence = Row | Report | Picture

_WIDTH: Final = 76
_ANNOTATIONS: Final = re.compile(r": Any\b| -> Any| -> Iterator\[Evidence\]")


class Question(StrEnum):
    """What a learner asks; every mistake answers one.

    Example:
        >>> from microgradcheck.mistakes import GALLERY
        >>> [mistake.name for mistake in GALLERY.values() if mistake.question is Question.ADD]
        ['add-overwrites', 'multiply-overwrites', 'unary-overwrites']
    """

    ADD = "Why += and not =?"
    ORDER = "Why a topological order?"
    CHAIN = "Why times the gradient from above?"
    SLOPE = "What is the slope of one operation?"
    GRAPH = "What is in the graph, and what is not?"
    GRAD = "What does .grad say, and since when?"
    CHECK = "What does a check prove?"


@dataclass(frozen=True)
class Mistake(ABC):
    """Something that one may build or believe, and that numbers refute.

    Attributes:
        name: what `show` and the command line call it.
        question: the question that it answers.
        sentence: the mistake.
        answer: what is true, and why.

    Example:
        >>> from microgradcheck.mistakes import GALLERY
        >>> GALLERY["minus-lost"].sentence
        'The slope of a - b is 1 in a, and 1 in b.'
    """

    name: str
    question: Question
    sentence: str
    answer: str

    @abstractmethod
    def run(self) -> Outcome:
        """Run the mistake beside what is right.

        Returns:
            What both give.
        """


@dataclass(frozen=True, repr=False)
class Outcome:
    """A mistake and what is right, side by side. A Python prompt and Jupyter show it in full.

    Attributes:
        mistake: whose outcome it is.
        code: by title, the change that makes an engine wrong and the graph that shows it, or a
            program that prints the numbers.
        columns: the titles of the two columns of numbers, the mistaken one first.
        rows: what is looked at, and the two numbers.
        report: what gradcheck says of it, or None.
        picture: the graph, with what disagrees in a warning color, or None.

    Example:
        >>> from microgradcheck.mistakes import show
        >>> outcome = show("minus-lost")
        >>> outcome.columns, outcome.rows[1]
        (('this engine', 'the right one'), ('df/db at b = 3', 1.0, -1.0))
    """

    mistake: Mistake
    code: dict[str, str]
    columns: tuple[str, str]
    rows: tuple[Row, ...]
    report: Report | None = None
    picture: Picture | None = None

    def __repr__(self) -> str:
        mistake, cells = self.mistake, self._cells()
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            f"{what:<{widths[0]}}  {wrong:>{widths[1]}}  {right:>{widths[2]}}"
            for what, wrong, right in cells
        ]
        parts = [
            f"{mistake.name}: {mistake.question}",
            textwrap.fill(f"Mistake: {mistake.sentence}", _WIDTH),
            textwrap.fill(f"Answer: {mistake.answer}", _WIDTH),
            *(f"{title}:\n\n{text}" for title, text in self.code.items()),
            textwrap.indent("\n".join(lines), "    "),
        ]
        if self.report is not None:
            parts.append(f"Gradcheck says:\n{textwrap.indent(str(self.report), '    ')}")
        return "\n\n".join(parts)

    def _cells(self) -> list[tuple[str, ...]]:
        rows = ((what, *map(_shown, pair)) for what, *pair in self.rows)
        return [("", *self.columns), *rows]

    def _repr_html_(self) -> str:
        mistake = self.mistake
        tags = ["th", *["td"] * len(self.rows)]
        rows = "".join(
            f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in row)}</tr>"
            for tag, row in zip(tags, self._cells(), strict=True)
        )
        code = "".join(
            f"<p>{escape(title)}:</p><pre>{escape(text)}</pre>" for title, text in self.code.items()
        )
        report = "" if self.report is None else f"<pre>{escape(str(self.report))}</pre>"
        return (
            f"<h4>{escape(mistake.question)}</h4>"
            f"<p><b>Mistake:</b> {escape(mistake.sentence)}</p>"
            f"<p><b>Answer:</b> {escape(mistake.answer)}</p>{code}"
            f"<table>{rows}</table>{report}"
            f"{'' if self.picture is None else self.picture.svg}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, every number included."""
        mistake = self.mistake
        return {
            "name": mistake.name,
            "question": str(mistake.question),
            "sentence": mistake.sentence,
            "answer": mistake.answer,
            "code": self.code,
            "columns": list(self.columns),
            "rows": [list(row) for row in self.rows],
            "report": None if self.report is None else self.report.to_dict(),
            "picture": None if self.picture is None else self.picture.text,
        }


def _shown(thing: object) -> str:
    return f"{thing:.6g}" if isinstance(thing, float) else str(thing)


@dataclass(frozen=True)
class Belief(Mistake):
    """A belief about gradients, and a function that yields what is so beside what is believed."""

    demonstrate: FunctionType

    def run(self) -> Outcome:
        """Run the program, as it is shown, but for its last lines, which print."""
        function = self.demonstrate.__name__
        definition = self._definition()
        names: dict[str, Any] = {}
        exec(compile_text(self.name, definition), names)
        evidence = list(names[function]())
        program = f"{definition}\n\nfor evidence in {function}():\n    print(evidence)"
        return Outcome(
            self,
            {"A program that shows it": program},
            ("believed", "in fact"),
            tuple(row for row in evidence if isinstance(row, tuple)),
            next((thing for thing in evidence if isinstance(thing, Report)), None),
            next((thing for thing in evidence if isinstance(thing, Picture)), None),
        )

    def _definition(self) -> str:
        """Return the demonstration without annotations and answer, below what it imports."""
        source = _ANNOTATIONS.sub("", inspect.getsource(self.demonstrate).partition("def ")[2])
        head, _, rest = source.partition('"""')
        body = rest.partition('"""')[2].strip("\n")
        used = set(re.findall(r"(?<!\.)\b\w+(?=[.(])", body)) & set(self.demonstrate.__globals__)
        imports = ["import math"] if "math" in used else []
        if ours := sorted(used - {"engine", "math"}):
            imports.append(f"from microgradcheck import {', '.join(ours)}")
        if "engine" in used:
            imports.append("from microgradcheck.mistakes import engine")
        return "\n".join([*imports, "", f"def {head.rstrip()}", body])


def belief(
    question: Question, sentence: str
) -> Callable[[Callable[[], Iterator[Evidence]]], Belief]:
    """Make a belief of a demonstration, whose name is its name and whose docstring its answer."""

    def decorate(demonstrate: Callable[[], Iterator[Evidence]]) -> Belief:
        assert isinstance(demonstrate, FunctionType)
        answer = " ".join((demonstrate.__doc__ or "").split())
        return Belief(
            demonstrate.__name__.replace("_", "-"), question, sentence, answer, demonstrate
        )

    return decorate
