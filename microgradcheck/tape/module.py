"""A graph as a Python module: both sweeps in straight lines, for one point."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, Final

from microgradcheck.ops import FLOATS, OPERATIONS, RESERVED, NumberSystem
from microgradcheck.structure import argument_names, put_together
from microgradcheck.tape.expression import TEXTS, Expression
from microgradcheck.tape.graph import Graph, Guard
from microgradcheck.tape.straight import WIDTH, Names, StraightLine, foreign_derivative

# An operation of a user's own may have the name of any other function there.
FROM_MATH: Final = {"hypot", "isfinite", "isnan", "nan", "pow"} | {
    name for name, meaning in FLOATS.names.items() if meaning is getattr(math, name, None)
}
"""What generated code takes from `math`, or from an array library in its place."""


class Module:
    """The text of a Python module that needs `math` alone, and the function in it.

    It has f's names for the arguments, and calls `foreign`, the rules that are Python functions.
    """

    def __init__(
        self, graph: Graph, f: Callable[..., Any], likes: Sequence[Any], *, gradient: bool = True
    ) -> None:
        self.foreign = foreign_rules(graph)
        self._name = "value_and_grad" if gradient else "value"
        self._what = "value and gradient" if gradient else "value"
        name = getattr(f, "__name__", "")
        self._title = name if name.isidentifier() else "a function"
        names = Names({*RESERVED, *OPERATIONS, *self.foreign})
        self._parameters = [names.fresh(name, "x") for name in argument_names(f, len(likes))]
        labels = iter([graph.labels.get(place, "") for place in range(graph.inputs)])
        parts = [names.entries(*pair, labels) for pair in zip(self._parameters, likes, strict=True)]
        self._entries = list(chain(*parts))
        lines = StraightLine(graph, TEXTS, self._entries, _raised, gradient=gradient, names=names)
        taken_apart = [
            line
            for parameter, entries, like in zip(self._parameters, parts, likes, strict=True)
            if isinstance(like, (list, tuple))
            for line in unpacking(entries, like, parameter)
        ]
        forward = ["# Forward: each line reads the arguments and the lines above it."]
        forward += [*lines.forward, *_finite([*lines.watched, lines.value])]
        backward = [f"return {lines.value}"]
        if gradient:
            returned = pattern(lines.partials, tuple(likes) if len(likes) > 1 else likes[0])
            backward = ["# Backward: d_x is the derivative of the value with respect to x."]
            backward += [*lines.backward, *listing(f"return {lines.value}, {returned}")]
        self._paragraphs = [taken_apart, forward, backward]

    @property
    def source(self) -> str:
        """The text of the module."""
        return self._text(self._paragraphs)

    def compile(self, otherwise: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, for floats.

        For anything else, such as whole numbers, and after an error, the other one is called.
        """
        types = " is ".join(f"type({name})" for name in self._entries)
        taken_apart, *rest = self._paragraphs
        checked = [*taken_apart, f"if not {types} is float:", "    raise TypeError", *chain(*rest)]
        body = [
            "try:",
            *(f"    {line}" for line in checked),
            "except (ArithmeticError, TypeError, ValueError):",
            "    pass",
            f"return otherwise({', '.join(self._parameters)})",
        ]
        namespace: dict[str, Any] = {**self.foreign, "otherwise": otherwise}
        exec(compile(self._text([body]), f"<tape of {self._title}>", "exec"), namespace)
        function: Callable[..., Any] = namespace[self._name]
        return function

    def _text(self, paragraphs: list[list[str]]) -> str:
        used = words(chain(*paragraphs))
        helpers = definitions(used, TEXTS)
        used |= words(helpers)
        header = [f'"""The {self._what} of {self._title}, as recorded by microgradcheck."""']
        header += ["", f"from math import {', '.join(sorted(used & FROM_MATH))}"]
        if self.foreign:
            header += ["", f"# Python functions of your own, not shown: {', '.join(self.foreign)}"]
        parts = ["\n".join(f"    {line}" for line in lines) for lines in paragraphs if lines]
        function = f"def {self._name}({', '.join(self._parameters)}):\n" + "\n\n".join(parts)
        return "\n\n\n".join(["\n".join(header), *helpers, function]) + "\n"


def _raised(guard: Guard, condition: str) -> list[str]:
    """Return lines that raise an error where a guard does not hold."""
    said = f"{condition} was {guard.answer} when this was recorded, at {guard.line}"
    test = f"if not {condition}:" if guard.answer else f"if {condition}:"
    return [test, f"    raise ValueError({said!r})"]


def _finite(numbers: Sequence[str]) -> list[str]:
    """Return lines that raise an error where a number is not finite."""
    lines = []
    # Not their sum, which may overflow where they do not.
    checks = [f"isfinite({number})" for number in dict.fromkeys(numbers)]
    for start in range(0, len(checks), 4):
        row = " and ".join(checks[start : start + 4])
        lines.append(f"if not ({row}):" if " and " in row else f"if not {row}:")
        lines.append("    raise OverflowError('a number on the way is not finite')")
    return lines


def pattern(names: Iterable[str], like: Any) -> str:
    """Return names in the nesting of an argument, such as `[a, (b, c)]`."""
    return str(put_together(names, like)).replace("'", "")


def unpacking(names: Sequence[str], like: Sequence[Any], source: str) -> list[str]:
    """Return lines that name the entries of a list or tuple."""
    target = pattern(names, list(like))
    bare = f"{target[1:-1]} = {source}"
    return [bare] if len(like) > 1 and len(bare) <= WIDTH else listing(f"{target} = {source}")


def listing(line: str) -> list[str]:
    """Break a line that is too long after commas."""
    rows = [""]
    for item in re.findall(r".+?(?:, |$)", line):
        if len(rows[-1]) + len(item.rstrip()) > WIDTH:
            rows.append("    ")
        rows[-1] += item
    return [row.rstrip() for row in rows]


def words(lines: Iterable[str]) -> set[str]:
    """Return the names in lines of code; what `raise` says does not count."""
    code = (line for line in lines if not line.lstrip().startswith("raise "))
    return set(re.findall(r"[^\W\d]\w*", " ".join(code)))


def definitions(used: set[str], texts: NumberSystem) -> list[str]:
    """Define the used operations that `math` lacks, and those that their own definitions use."""
    written = []
    pending = sorted(used)
    for name in pending:  # The list grows while it is walked.
        operation = OPERATIONS.get(name)
        if operation is None or name in FROM_MATH or not isinstance(operation.value, str):
            continue
        if name == "power":
            lines = _POWER if texts is TEXTS else _ARRAY_POWER
        else:
            rule = texts.compile(operation.value, *operation.parameters)
            body = rule(*map(Expression, operation.parameters))
            lines = [f"def {name}({', '.join(operation.parameters)}):", f"    return {body}"]
        written.append("\n".join(lines))
        pending += sorted(words(lines[1:]).difference(pending))
    return written


# As in the table's floats and arrays: neither 1 ** nan nor nan ** 0 hides the nan.
_POWER = [
    "def power(a, b):",
    "    if isnan(a) or isnan(b):",
    "        return a + b",
    "    return pow(a, b) if a != 0.0 else a**b",
]
_ARRAY_POWER = ["def power(a, b):", "    return where((a != a) | (b != b), a + b, a**b)"]


def foreign_rules(graph: Graph) -> dict[str, Callable[..., Any]]:
    """Return the rules that are Python functions of a user's own, by the names in the code."""
    rules: dict[str, Callable[..., Any]] = {}
    for operation in set(graph.operations):
        if not isinstance(operation.value, str):
            rules[operation.name] = operation.value
        for position, rule in enumerate(operation.derivatives):
            if not isinstance(rule, str):
                rules[foreign_derivative(operation, position)] = rule
    return dict(sorted(rules.items()))
