"""A graph as a Python module: both sweeps in straight lines, for one point."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

from microgradcheck.ops import OPERATIONS
from microgradcheck.tape.arguments import flat
from microgradcheck.tape.graph import Graph
from microgradcheck.tape.infinities import lossy_places
from microgradcheck.tape.lines.definitions import RESERVED, definitions, foreign_rules, words
from microgradcheck.tape.lines.names import Names, listing, pattern, summed, unpacking
from microgradcheck.tape.lines.straight import StraightLine
from microgradcheck.tape.lines.texts import TEXTS

__all__ = ["Module"]


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
        remaining = iter([graph.labels.get(place, "") for place in range(graph.inputs)])
        self._entries = [
            names.entries(parameter, like, [next(remaining) for _ in flat(like)])
            for parameter, like in zip(self._parameters, likes, strict=True)
        ]
        self._total = names.fresh("total", "total")
        self._lines = StraightLine(
            graph,
            TEXTS,
            [name for part in self._entries for name in part],
            names,
            watched=[*lossy_places(graph, raising=True), graph.root],
            gradient=gradient,
        )

    @property
    def source(self) -> str:
        """The text of the module."""
        return self._text(self._body())

    def compile(self, otherwise: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, for floats: its lines are those of the source.

        Args:
            otherwise: what is called in its place where the lines raise an error, or where an
                argument holds something else than floats, such as whole numbers or `Value`s.
        """
        types = " is ".join(f"type({name})" for part in self._entries for name in part)
        unpacking, *rest = self._body()
        checked = [*unpacking, f"if not {types} is float:", "    raise TypeError", *chain(*rest)]
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
        value = [[f"return {self._lines.value}"]]
        return [
            self._unpacking(),
            self._forward(),
            *(self._backward() if self._gradient else value),
        ]

    def _text(self, paragraphs: list[list[str]]) -> str:
        used = words(chain(*paragraphs))
        helpers = definitions(used, TEXTS)
        lines = [line for paragraph in paragraphs if paragraph for line in ("", *paragraph)][1:]
        head = f"def {self._name}({', '.join(self._parameters)}):"
        function = "\n".join([head, *(line and f"    {line}" for line in lines)])
        return "\n\n\n".join([self._header(used), *helpers, function]) + "\n"

    def _header(self, used: set[str]) -> str:
        what = "value and gradient" if self._gradient else "value"
        lines = [f'"""The {what} of {self._title}, as recorded by microgradcheck."""']
        lines += ["", f"from math import {', '.join(sorted(used & set(dir(math))))}"]
        if self.foreign:
            lines += ["", f"# Python functions of your own, not shown: {', '.join(self.foreign)}"]
        return "\n".join(lines)

    def _unpacking(self) -> list[str]:
        lines = []
        for parameter, entries, like in zip(
            self._parameters, self._entries, self._likes, strict=True
        ):
            if isinstance(like, (list, tuple)):
                lines += unpacking(entries, like, parameter)
        return lines

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
        sums, total = summed(self._lines.watched, self._total)
        lines += sums
        lines += [f"if not isfinite({total}):", f"    raise OverflowError({_NOT_FINITE!r})"]
        return lines

    def _backward(self) -> list[list[str]]:
        remaining = iter(self._lines.partials)
        gradients = [
            pattern([next(remaining) for _ in entries], like)
            for entries, like in zip(self._entries, self._likes, strict=True)
        ]
        gradient = gradients[0] if len(gradients) == 1 else f"({', '.join(gradients)})"
        return [
            [
                "# Backward: d_x is the derivative of the value with respect to x.",
                *self._lines.backward,
                *listing(f"return {self._lines.value}, {gradient}"),
            ]
        ]


_NOT_FINITE = "a number on the way is not finite"
