"""Operations of a user's own, usable like those of the table."""

from __future__ import annotations

import ast
import keyword
import sys
from collections.abc import Sequence
from typing import Any, cast

from microgradcheck.functions.elementwise import Function, elementwise
from microgradcheck.ops import FLOATS, OPERATIONS, Operation, Rule, define
from microgradcheck.structure import is_array, number
from microgradcheck.value import Value, watching

__all__ = ["operation"]


def operation(name: str, *, value: Rule, derivatives: Sequence[Rule]) -> Function:
    """Define a primitive operation of your own and return it as a function.

    Args:
        name: what messages and pictures call it; a Python identifier that is not taken.
        value: a text in the inputs `a` (and `b`), such as `"a**3"`, in the table's functions; or
            a Python function of the inputs, which gets and returns floats.
        derivatives: one for each input, one or two: a text in `a` (and `b`) and the output `y`,
            such as `"3 * a**2"`; or a Python function of the inputs and of `y`.

    Returns:
        A function of numbers, `Value`s and arrays, like those of the table. Its derivative is
        believed as given: `gradcheck` tells whether it is right. Higher derivatives come from
        texts, and from Python functions that use this library's functions only.

    Raises:
        ValueError: the name is taken or no identifier, a text is no expression or uses an
            unknown name, or there are not one or two derivatives.
        TypeError: the name is no text, or a rule is neither a text nor a function.

    Example:
        >>> cube = operation("cube", value="a**3", derivatives=["3 * a**2"])
        >>> x = Value(2.0)
        >>> y = cube(x)
        >>> y.backward()
        >>> y.data, x.grad
        (8.0, 12.0)
    """
    if not isinstance(name, str):
        raise TypeError(f"an operation's name is a text, got {name!r}")
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"an operation's name is a Python identifier, got {name!r}")
    if name in OPERATIONS or name in {*FLOATS.names, "a", "b", "y", "real", "where"}:
        raise ValueError(f"the name {name!r} is taken; choose another for your operation")
    if not isinstance(derivatives, (list, tuple)):
        raise TypeError(f"derivatives is a list with one rule for each input, got {derivatives!r}")
    if len(derivatives) not in (1, 2):
        raise ValueError(f"an operation has one or two inputs, got {len(derivatives)} derivatives")
    inputs = ["a", "b"][: len(derivatives)]
    checked_value = _check_rule(value, inputs, f"the value of {name}")
    checked = [
        _check_rule(rule, [*inputs, "y"], f"the derivative of {name} with respect to {parameter}")
        for parameter, rule in zip(inputs, derivatives, strict=True)
    ]
    function = elementwise(define(Operation(name, name, checked_value, *checked)))
    # Pickle looks for it where it was defined, as for any function there.
    function.__module__ = sys._getframe(1).f_globals.get("__name__", "__main__")
    return function


def _check_rule(rule: Rule, parameters: list[str], what: str) -> Rule:
    if callable(rule):
        return _python_rule(rule, what)
    if not isinstance(rule, str):
        raise TypeError(f"{what} is a text or a function, got {rule!r}")
    try:
        nodes = list(ast.walk(ast.parse(rule.strip(), mode="eval")))
        text = _giving_floats(rule.strip())
    except (SyntaxError, RecursionError) as error:
        raise ValueError(
            f"{what} is no expression: {rule!r} ({getattr(error, 'msg', error)})"
        ) from None
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        if isinstance(node, ast.expr) and not _is_mathematics(node, parameters, called):
            raise ValueError(
                f"{what} cannot use {ast.unparse(node)!r} in {rule!r}; a text may use "
                f"{', '.join(parameters)}, pi, numbers, + - * / **, comparisons, "
                "'... if ... else ...' and functions of the table"
            )
    return text


def _giving_floats(rule: str) -> str:
    """Return a text that gives floats, as those of the table do: 1.0 for `1` and for a truth."""
    tree = _TruthsAsNumbers().visit(ast.parse(rule, mode="eval"))
    if not _is_float(tree.body):
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, int):
                node.value = float(node.value)
    text = ast.unparse(tree)
    return rule if text == ast.unparse(ast.parse(rule, mode="eval")) else text


def _is_float(node: ast.expr) -> bool:
    """Tell whether an expression gives a float because something in it is one."""
    if isinstance(node, ast.IfExp):
        return _is_float(node.body) and _is_float(node.orelse)
    if isinstance(node, ast.BinOp):
        return _is_float(node.left) or _is_float(node.right)
    if isinstance(node, ast.UnaryOp):
        return _is_float(node.operand)
    return not isinstance(node, ast.Constant) or isinstance(node.value, float)


class _TruthsAsNumbers(ast.NodeTransformer):
    """Write 1.0 or 0.0 for each condition that stands for a number, as in `(a > 0) * a`."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        choices = (self.visit(node.body), self.visit(node.orelse))
        return ast.IfExp(self._condition(node.test), *choices)

    def visit_Compare(self, node: ast.expr) -> ast.expr:
        return ast.IfExp(self._condition(node), ast.Constant(1.0), ast.Constant(0.0))

    visit_BoolOp = visit_Compare

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        is_condition = isinstance(node.op, (ast.BitAnd, ast.BitOr))
        visit = self.visit_Compare if is_condition else self.generic_visit
        return cast(ast.expr, visit(node))

    def _condition(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.BoolOp):
            return ast.BoolOp(node.op, list(map(self._condition, node.values)))
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitAnd, ast.BitOr)):
            return ast.BinOp(self._condition(node.left), node.op, self._condition(node.right))
        is_bare = isinstance(node, ast.Compare)
        return cast(ast.expr, self.generic_visit(node) if is_bare else self.visit(node))


# All that has a meaning over every kind of number.
_SYNTAX = (
    *(ast.Name, ast.Load, ast.Constant, ast.Call, ast.IfExp),
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.UnaryOp, ast.UAdd, ast.USub),
    *(ast.Compare, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq),
    *(ast.BoolOp, ast.And, ast.Or, ast.BitAnd, ast.BitOr),
)


def _is_mathematics(node: ast.expr, parameters: list[str], called: set[int]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in (
            {*OPERATIONS, "abs"} if id(node) in called else {*parameters, "pi", "inf"}
        )
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float)
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", "")
        row = OPERATIONS.get("absolute" if name == "abs" else name)
        return row is not None and len(node.args) == row.arity and not node.keywords
    return all(isinstance(part, _SYNTAX) for part in (node, *ast.iter_child_nodes(node)))


def _python_rule(rule: Function, what: str) -> Function:
    def over_any(*inputs: Any) -> Any:
        if any(isinstance(x, Value) for x in inputs):
            with watching(read=refuse_to_read):
                return rule(*inputs)
        if any(is_array(x) for x in inputs):
            import numpy as np

            return np.asarray(np.frompyfunc(rule, len(inputs), 1)(*inputs), dtype=float)
        result = rule(*inputs)
        if isinstance(result, complex):
            return result
        if (plain := number(result)) is None:
            raise TypeError(f"{what} returned {result!r}, which is not a number")
        return plain

    def refuse_to_read(value: Value) -> None:
        raise TypeError(
            f"{what} was read as a plain number, so its own derivative would be lost; write it "
            "with this library's functions (microgradcheck.exp, not math.exp) or as a text"
        )

    return over_any
