"""The table's texts as JavaScript, so that a page computes what the library computes."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable
from functools import reduce
from typing import Final

from microgradcheck.ops import OPERATIONS, Operation, Rule

__all__ = ["rules", "translate"]

# What a name means in JavaScript; that of another operation means the rule in its own row.
_NAMES: Final = {
    **{name: f"Math.{name}" for name in ("exp", "expm1", "log", "log1p", "sqrt", "abs", "hypot")},
    **{name: f"Math.{name}" for name in ("sin", "cos", "tan", "asin", "acos", "atan", "atan2")},
    **{name: f"Math.{name}" for name in ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh")},
    "pi": "Math.PI",
    "inf": "Infinity",
    "erf": "erf",
    "power": "power",
}
# What calls a function of engine.js there.
_CALLS: Final[dict[type[ast.AST], str]] = {
    ast.Pow: "power",
    ast.BitAnd: "both",
    ast.And: "both",
    ast.BitOr: "either",
    ast.Or: "either",
}


def rules(operations: Iterable[Operation]) -> str:
    """Return JavaScript that defines `table`: the rules of operations, and of those they call.

    Raises:
        ValueError: a rule is a Python function.
    """
    known = {operation.name: operation for operation in operations}
    pending, rows = list(known.values()), []
    for operation in pending:
        rows.append(_row(operation))
        # The list grows while it is walked, so callees' callees are met as well.
        for callee in re.findall(r"table\['(\w+)'\]", rows[-1]):
            if callee not in known:
                known[callee] = OPERATIONS[callee]
                pending.append(known[callee])
    # Joined by line breaks and never by "</", so that no rule can end the script that it is in.
    return "const table = {\n" + "\n".join(rows) + "\n};"


def _row(operation: Operation) -> str:
    slopes = ", ".join(f"(a, b, y) => {_rule(rule, operation)}" for rule in operation.derivatives)
    return "\n".join(
        [
            f"  {json.dumps(operation.name)}: {{",
            f"    value: (a, b) => {_rule(operation.value, operation)},",
            f"    slopes: [{slopes}],",
            f"    inside: (a, b) => {translate(operation.domain or '0 == 0')},",
            f"    kink: (a, b) => {translate(operation.kink or '0 != 0')},",
            f"    needs: {json.dumps(operation.domain)},",
            "  },",
        ]
    )


def _rule(rule: Rule, operation: Operation) -> str:
    if isinstance(rule, str):
        return translate(rule)
    raise ValueError(
        f"a rule of {operation.name} is a Python function, which a page cannot run; give "
        'microgradcheck.operation its rules as texts, such as value="a**3"'
    )


def translate(text: str) -> str:
    """Return an expression of the table in JavaScript.

    Example:
        >>> translate("b * a ** 2 if 0 < a <= 1 else sigmoid(-a)")
        "where(both(0 < a, a <= 1), b * power(a, 2), table['sigmoid'].value(-a))"
    """
    return ast.unparse(_Translation().visit(ast.parse(text, mode="eval").body))


class _Translation(ast.NodeTransformer):
    """Turn Python that JavaScript would read otherwise into calls; the rest reads alike in both."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        name = f"table[{node.id!r}].value" if node.id in OPERATIONS else node.id
        return ast.Name(_NAMES.get(node.id, name))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        operand: ast.expr = self.visit(node.operand)
        if isinstance(node.op, ast.UAdd):
            return operand
        # Never --a, which JavaScript has another meaning for.
        return (
            operand.operand if isinstance(operand, ast.UnaryOp) else ast.UnaryOp(node.op, operand)
        )

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        left, right = self.visit(node.left), self.visit(node.right)
        function = _CALLS.get(type(node.op))
        return _call(function, left, right) if function else ast.BinOp(left, node.op, right)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        return _joined(_CALLS[type(node.op)], map(self.visit, node.values))

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        sides = list(map(self.visit, [node.left, *node.comparators]))
        links = [
            ast.Compare(p, [comparison], [q])
            for p, comparison, q in zip(sides, node.ops, sides[1:], strict=False)
        ]
        return _joined("both", links)

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        return _call("where", *map(self.visit, (node.test, node.body, node.orelse)))


def _call(function: str, *inputs: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(function), list(inputs), [])


def _joined(function: str, conditions: Iterable[ast.expr]) -> ast.expr:
    return reduce(lambda p, q: _call(function, p, q), conditions)
