"""The functions that generated code calls: which it imports, which it defines for itself."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from microgradcheck.ops import OPERATIONS, NumberSystem, Operation
from microgradcheck.tape.graph import Graph
from microgradcheck.tape.lines.expression import Expression
from microgradcheck.tape.lines.texts import TEXTS

__all__ = ["RESERVED", "definitions", "foreign_derivative", "foreign_rules", "words"]

RESERVED: Final = {
    *("abs", "float", "full_like", "inf", "isfinite", "isnan", "modulus", "nan", "pow", "type"),
    *("where", "otherwise", "value_and_grad"),
    *("ArithmeticError", "OverflowError", "TypeError", "ValueError"),
}
"""Names that generated code may use and that no variable in it can have."""


def words(lines: Iterable[str]) -> set[str]:
    """Return the names in lines of code; what `raise` says does not count."""
    code = (line for line in lines if not line.lstrip().startswith("raise "))
    return set(re.findall(r"[^\W\d]\w*", " ".join(code)))


def definitions(used: set[str], texts: NumberSystem) -> list[str]:
    """Return a definition for each operation among the names that `math` does not have.

    Args:
        used: the names that code uses; those that the definitions use are added.
        texts: the number system that writes.
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
    for operation in {operation for operation in graph.operations if operation is not None}:
        if not isinstance(operation.value, str):
            rules[operation.name] = operation.value
        for position, rule in enumerate(operation.derivatives):
            if not isinstance(rule, str):
                rules[foreign_derivative(operation, position)] = rule
    return dict(sorted(rules.items()))


def foreign_derivative(operation: Operation, position: int) -> str:
    """Return the name by which code calls a derivative that is a Python function."""
    return f"{operation.name}_derivative_{operation.parameters[position]}"
