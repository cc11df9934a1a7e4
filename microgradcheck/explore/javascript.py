"""The table's texts as JavaScript, so that a page computes what the library computes."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable
from typing import Final

from microgradcheck.ops import OPERATIONS, Operation, Rule, rewritten
from microgradcheck.tape.module import FROM_MATH

# What a name means in JavaScript; that of another operation means the rule in its own row.
_NAMES: Final = {
    **{name: f"Math.{name}" for name in (*FROM_MATH, "abs")},
    "pi": "Math.PI",
    "inf": "Infinity",
    "erf": "erf",
    "power": "power",
}
_CONDITIONS: Final[dict[type[ast.AST], str]] = {ast.BitAnd: "both", ast.BitOr: "either"}


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
    tree = _Translation().visit(rewritten(ast.parse(text, mode="eval").body, {"where"}))
    # Never --a, which JavaScript has another meaning for.
    return re.sub("(?<=[-+])(?=[-+])", " ", ast.unparse(tree))


class _Translation(ast.NodeTransformer):
    """Give names and conditions their meaning; the rest reads alike in both languages."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        name = f"table[{node.id!r}].value" if node.id in OPERATIONS else node.id
        return ast.Name(_NAMES.get(node.id, name))

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        function = _CONDITIONS.get(type(node.op))
        return ast.Call(ast.Name(function), [node.left, node.right], []) if function else node
