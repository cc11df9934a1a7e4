"""The table's texts as JavaScript, so that a page computes what the library computes."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator
from functools import reduce
from typing import Final

from microgradcheck.ops import OPERATIONS, Operation, Rule

__all__ = ["rules", "translate"]

# What a text may call, and what the page's engine.js or JavaScript itself calls it. All
# other names are operations, which get their meaning from their own rows.
_NAMES: Final = {
    **{name: f"Math.{name}" for name in ("exp", "expm1", "log", "log1p", "sqrt", "abs", "hypot")},
    **{name: f"Math.{name}" for name in ("sin", "cos", "tan", "asin", "acos", "atan", "atan2")},
    **{name: f"Math.{name}" for name in ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh")},
    "erf": "erf",
    "power": "power",
}
_CONSTANTS: Final = {"pi": "Math.PI", "inf": "Infinity"}

_FUNCTIONS: Final[dict[type[ast.operator], str]] = {ast.Pow: "power", ast.Mod: "modulo"}
_INFIX: Final[dict[type[ast.AST], str]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.BitAnd: "&&",
    ast.BitOr: "||",
    ast.And: "&&",
    ast.Or: "||",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "===",
    ast.NotEq: "!==",
}
_CONDITIONS: Final = (ast.Compare, ast.BoolOp)


def rules(operations: Iterable[Operation]) -> str:
    """Return JavaScript that defines `table`: the rules of operations, and of those they call.

    Raises:
        ValueError: a rule is a Python function, or a text that JavaScript has no words for.

    Example:
        >>> print(rules([OPERATIONS["sin"]]))
        const table = {
          "sin": {
            value: (a, b) => Math.sin(a),
            slopes: [(a, b, y) => Math.cos(a)],
            inside: (a, b) => (Math.abs(a) < Infinity),
            kink: (a, b) => false,
            needs: "abs(a) < inf",
          },
        };
    """
    # Joined by line breaks and never by "</", so that no rule can end the script that it is in.
    rows = "\n".join(map(_row, _with_callees(operations)))
    return f"const table = {{\n{rows}\n}};"


def translate(text: str) -> str:
    """Return an expression of the table in JavaScript; what no rule needs is a `ValueError`.

    Example:
        >>> translate("b * a ** 2 if 0 < a <= 1 else sigmoid(-a)")
        '(((0.0 < a) && (a <= 1.0)) ? (b * power(a, 2.0)) : table["sigmoid"].value((-a)))'
    """
    return _write(ast.parse(text, mode="eval").body)


def _row(operation: Operation) -> str:
    slopes = ", ".join(f"(a, b, y) => {_rule(rule, operation)}" for rule in operation.derivatives)
    return "\n".join(
        [
            f"  {_quoted(operation.name)}: {{",
            f"    value: (a, b) => {_rule(operation.value, operation)},",
            f"    slopes: [{slopes}],",
            f"    inside: (a, b) => {translate(operation.domain or '0 == 0')},",
            f"    kink: (a, b) => {translate(operation.kink) if operation.kink else 'false'},",
            f"    needs: {_quoted(operation.domain)},",
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


def _with_callees(operations: Iterable[Operation]) -> Iterator[Operation]:
    """Yield the operations and all that their rules call, each once."""
    pending = list(dict.fromkeys(operations))
    met = {operation.name for operation in pending}
    for operation in pending:
        yield operation
        for rule in (operation.value, *operation.derivatives):
            tree = ast.parse(rule) if isinstance(rule, str) else ast.Module([], [])
            for node in ast.walk(tree):
                if isinstance(node, ast.Name) and node.id not in met | _NAMES.keys():
                    met.add(node.id)
                    # The list grows while it is walked, so callees' callees are met as well.
                    pending += [OPERATIONS[node.id]] if node.id in OPERATIONS else []


def _write(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=bool() | int() | float() as number):
            # Beyond the range of floats, Python writes inf.
            return repr(float(number)).replace("inf", "Infinity")
        case ast.Name(id=name):
            return _CONSTANTS.get(name, name)
        case ast.BinOp(left=left, op=ast.BitAnd() | ast.BitOr() as joint, right=right):
            return f"({_truth(left)} {_INFIX[type(joint)]} {_truth(right)})"
        case ast.BinOp(left=left, op=ast.Pow() | ast.Mod() as operator, right=right):
            return f"{_FUNCTIONS[type(operator)]}({_write(left)}, {_write(right)})"
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _INFIX:
            return f"({_write(left)} {_INFIX[type(operator)]} {_write(right)})"
        case ast.BoolOp(op=joint, values=values):
            return f"({f' {_INFIX[type(joint)]} '.join(map(_truth, values))})"
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return f"(-{_write(operand)})"
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return f"(+{_write(operand)})"
        case ast.IfExp(test=test, body=chosen, orelse=otherwise):
            return f"({_truth(test)} ? {_write(chosen)} : {_write(otherwise)})"
        case ast.Compare(left=left, ops=comparisons, comparators=others):
            sides = [left, *others]
            links = [
                f"({_write(p)} {_INFIX[type(comparison)]} {_write(q)})"
                for p, comparison, q in zip(sides, comparisons, others, strict=False)
            ]
            return reduce(lambda p, q: f"({p} && {q})", links)
        case ast.Call(func=ast.Name(id=name), args=inputs, keywords=[]):
            return f"{_callee(name)}({', '.join(map(_write, inputs))})"
    raise ValueError(f"a page cannot compute {ast.unparse(node)!r}")


def _truth(node: ast.expr) -> str:
    """Write a condition; to Python nan is true, and to JavaScript it is false."""
    joined = isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr)
    return _write(node) if joined or isinstance(node, _CONDITIONS) else f"({_write(node)} !== 0)"


def _callee(name: str) -> str:
    if name not in _NAMES and name not in OPERATIONS:
        raise ValueError(f"a page knows no function {name!r}")
    return _NAMES.get(name, f"table[{_quoted(name)}].value")


def _quoted(text: str) -> str:
    return json.dumps(text).replace("<", "\\u003c") if "</" in text else json.dumps(text)
