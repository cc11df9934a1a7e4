"""What one may believe of a gradient or of a check, and a few lines that show otherwise."""

from __future__ import annotations

import builtins
import dis
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any, Final

from microgradcheck.draw import Picture
from microgradcheck.gradcheck import Report
from microgradcheck.mistakes.listing import compile_text
from microgradcheck.mistakes.outcome import Mistake, Outcome, Question, Row

__all__ = ["Belief", "Evidence", "belief"]

Evidence = Row | Report | Picture
Demonstration = Callable[[], Iterator[Evidence]]

_ANNOTATIONS: Final = re.compile(r": Any\b| -> Any| -> Iterator\[Evidence\]")
_BUILTINS: Final = frozenset(dir(builtins))


@dataclass(frozen=True)
class Belief(Mistake):
    """A belief about gradients that numbers refute.

    Attributes:
        demonstrate: yields what is believed beside what is so, and a report or picture of it.
    """

    demonstrate: FunctionType

    def run(self) -> Outcome:
        """Run the program, as it is shown, but for its last lines, which print."""
        names: dict[str, Any] = {}
        exec(compile_text(self.name, self._definition()), names)
        evidence = list(names[self.demonstrate.__name__]())
        return Outcome(
            self,
            {"A program that shows it": self.program()},
            ("believed", "in fact"),
            tuple(row for row in evidence if isinstance(row, tuple)),
            next((thing for thing in evidence if isinstance(thing, Report)), None),
            next((thing for thing in evidence if isinstance(thing, Picture)), None),
        )

    def program(self) -> str:
        """Return the demonstration as a program that imports what it uses and prints."""
        call = f"for evidence in {self.demonstrate.__name__}():\n    print(evidence)"
        return f"{self._definition()}\n\n{call}"

    def _definition(self) -> str:
        source = _ANNOTATIONS.sub("", inspect.getsource(self.demonstrate).partition("def ")[2])
        head, _, rest = source.partition('"""')
        body = rest.partition('"""')[2].strip("\n")
        names = sorted(set(_globals(self.demonstrate.__code__)) - _BUILTINS)
        return "\n".join([*_imports(names), "", f"def {head.rstrip()}", body])


def belief(question: Question, sentence: str) -> Callable[[Demonstration], Belief]:
    """Make a belief of a demonstration, whose name is its name and whose docstring its answer."""

    def decorate(demonstrate: Demonstration) -> Belief:
        assert isinstance(demonstrate, FunctionType)
        answer = " ".join((demonstrate.__doc__ or "").split())
        name = demonstrate.__name__.replace("_", "-")
        return Belief(name, question, sentence, answer, demonstrate)

    return decorate


def _imports(names: list[str]) -> list[str]:
    ours = [name for name in names if name not in {"engine", "math"}]
    lines = ["import math"] if "math" in names else []
    if ours:
        lines.append(f"from microgradcheck import {', '.join(ours)}")
    if "engine" in names:
        lines.append("from microgradcheck.mistakes import engine")
    return lines


def _globals(code: CodeType) -> Iterator[str]:
    """Yield the names that a function and those inside of it take from their module."""
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_GLOBAL":
            yield instruction.argval
        elif isinstance(instruction.argval, CodeType):
            yield from _globals(instruction.argval)
