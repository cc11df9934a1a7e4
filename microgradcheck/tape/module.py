"""A graph as a Python module: both sweeps in straight lines, for one point."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import chain
from typing import Any, Final

from microgradcheck.ops import OPERATIONS, NumberSystem
from microgradcheck.tape.expression import TEXTS, Expression
from microgradcheck.tape.graph import Graph
from microgradcheck.tape.loop import lossy_places
from microgradcheck.tape.straight import WIDTH, Names, foreign_derivative, straight_line

__all__ = ["RESERVED", "Module", "definitions", "foreign_rules", "unpacking", "words"]

RESERVED: Final = {
    *("abs", "float", "full_like", "inf", "isfinite", "isnan", "modulus", "nan", "pow", "type"),
    *("where", "otherwise", "value_and_grad"),
    *("ArithmeticError", "OverflowError", "TypeError", "ValueError"),
}
"""Names that generated code may use and that no variable in it can have."""


class Module:
    """The text of a Python module that needs `math` alone, and the function in it.

    Args:
        graph: what to compute.
        f: the function that was recorded, for its name and those of its arguments.
        likes: the arguments it was recorded with, with lists in the places of arrays.
        gradient: whether to compute the pair (value, gradient), or the value alone.

    Attributes:
        foreign: the Python functions of the user's own that it calls, which it does not contain.
    """

    def __init__(
        self, graph: Graph, f: Callable[..., Any], likes: Sequence[Any], *, gradient: bool = True
    ) -> None:
        self.foreign = foreign_rules(graph)
        self._name = "value_and_grad" if gradient else "value"
        name = getattr(f, "__name__", "")
        self._title = name if name.isidentifier() else "a function"
        self._gradient = gradient
        self._likes = likes
        names = Names({*RESERVED, *OPERATIONS, *self.foreign})
        self._parameters = names.parameters(f, len(likes))
        labels = iter([graph.labels.get(place, "") for place in range(graph.inputs)])
        self._entries = [
            names.entries(parameter, like, labels)
            for parameter, like in zip(self._parameters, likes, strict=True)
        ]
        watched = [*lossy_places(graph, raising=True), graph.root]
        entries = list(chain(*self._entries))
        self._lines = straight_line(graph, TEXTS, entries, names, watched, gradient=gradient)

    @cached_property
    def source(self) -> str:
        """The text of the module."""
        return self._text(self._body())

    def compile(self, otherwise: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, for floats: its lines are those of the source.

        Args:
            otherwise: what is called in its place where the lines raise an error, or where an
                argument holds something else than floats, such as whole numbers or `Value`s.
        """
        types = " is ".join(f"type({name})" for name in chain(*self._entries))
        first, *rest = self._body()
        checked = [*first, f"if not {types} is float:", "    raise TypeError", *chain(*rest)]
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

    def _body(self) -> list[list[str]]:
        """Return the paragraphs of the function; the first takes the arguments apart."""
        arguments = zip(self._parameters, self._entries, self._likes, strict=True)
        first = [
            line
            for parameter, entries, like in arguments
            if isinstance(like, (list, tuple))
            for line in unpacking(entries, like, parameter)
        ]
        last = self._backward() if self._gradient else [f"return {self._lines.value}"]
        return [first, self._forward(), last]

    def _text(self, paragraphs: list[list[str]]) -> str:
        used = words(chain(*paragraphs))
        helpers = definitions(used, TEXTS)
        what = "value and gradient" if self._gradient else "value"
        header = [f'"""The {what} of {self._title}, as recorded by microgradcheck."""']
        header += ["", f"from math import {', '.join(sorted(used & set(dir(math))))}"]
        if self.foreign:
            header += ["", f"# Python functions of your own, not shown: {', '.join(self.foreign)}"]
        function = [f"def {self._name}({', '.join(self._parameters)}):"]
        for paragraph in filter(None, paragraphs):
            function += ["", *(f"    {line}" for line in paragraph)]
        del function[1]
        return "\n\n\n".join(["\n".join(header), *helpers, "\n".join(function)]) + "\n"

    def _forward(self) -> list[str]:
        lines = ["# Forward: each line reads the arguments and the lines above it."]
        for line in self._lines.forward:
            if isinstance(line, str):
                lines.append(line)
                continue
            guard, condition = line
            lines.append(f"if not {condition}:" if guard.answer else f"if {condition}:")
            said = f"{condition} was {guard.answer} when this was recorded, at {guard.line}"
            lines.append(f"    raise ValueError({said!r})")
        # Not their sum, which may overflow where they do not.
        checks = [f"isfinite({number})" for number in dict.fromkeys(self._lines.watched)]
        for start in range(0, len(checks), 4):
            row = " and ".join(checks[start : start + 4])
            lines.append(f"if not ({row}):" if " and " in row else f"if not {row}:")
            lines.append("    raise OverflowError('a number on the way is not finite')")
        return lines

    def _backward(self) -> list[str]:
        remaining = iter(self._lines.partials)
        gradients = [
            pattern([next(remaining) for _ in entries], like)
            for entries, like in zip(self._entries, self._likes, strict=True)
        ]
        gradient = gradients[0] if len(gradients) == 1 else f"({', '.join(gradients)})"
        return [
            "# Backward: d_x is the derivative of the value with respect to x.",
            *self._lines.backward,
            *listing(f"return {self._lines.value}, {gradient}"),
        ]


def pattern(names: Sequence[str], like: Any) -> str:
    """Return the names in the nesting of an argument.

    Example:
        >>> pattern(["a", "b", "c"], [1.0, [2.0, 3.0]])
        '[a, [b, c]]'
    """
    remaining = iter(names)

    def write(part: Any) -> str:
        if not isinstance(part, (list, tuple)):
            return next(remaining)
        inside = ", ".join(map(write, part))
        if isinstance(part, list):
            return f"[{inside}]"
        return f"({inside},)" if len(part) == 1 else f"({inside})"

    return write(like)


def unpacking(names: Sequence[str], like: Sequence[Any], source: str) -> list[str]:
    """Return lines that give the entries of a list or tuple their names."""
    target = pattern(names, list(like))
    bare = f"{target[1:-1]} = {source}"
    return [bare] if len(like) > 1 and len(bare) <= WIDTH else listing(f"{target} = {source}")


def listing(line: str) -> list[str]:
    """Return a line with a list in it, broken after the commas where it is too long."""
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
    """Return a definition for each operation among the used names that `math` does not have.

    The names that the definitions use are added to those.
    """
    written = []
    pending = sorted(used)
    while pending:
        name = pending.pop(0)
        operation = OPERATIONS.get(name)
        if operation is None or hasattr(math, name) or not isinstance(operation.value, str):
            continue
        if name == "power":
            lines = _POWER if texts is TEXTS else _ARRAY_POWER
        else:
            rule = texts.compile(operation.value, *operation.parameters)
            body = rule(*map(Expression, operation.parameters))
            lines = [f"def {name}({', '.join(operation.parameters)}):", f"    return {body}"]
        written.append("\n".join(lines))
        pending += sorted(words(lines[1:]) - used)
        used |= words(lines[1:])
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
