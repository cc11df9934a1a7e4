"""Operations of a user's own, usable like those of the table."""

from __future__ import annotations

import ast
import keyword
import re
import sys
from collections.abc import Sequence
from typing import Any, Never
from unicodedata import normalize

from microgradcheck.functions.elementwise import elementwise
from microgradcheck.ops import FLOATS, OPERATIONS, RESERVED, Operation, Rule, define
from microgradcheck.structure import Function, is_array, misfit, number
from microgradcheck.value import Value, watching


def operation(name: str, *, value: Rule, derivatives: Sequence[Rule]) -> Function:
    """Define a primitive operation of your own and return it as a function.

    Args:
        name: what messages and pictures call it; a Python identifier that is not taken.
        value: a text in the inputs `a` (and `b`) and the table's functions, such as `"a**3"`; or
            a Python function of the inputs, which gets and returns floats.
        derivatives: one for each input, one or two: a text in `a` (and `b`) and the output `y`,
            such as `"3 * a**2"`; or a Python function of the inputs and of `y`.

    Returns:
        A function of numbers, `Value`s and arrays. Its derivative is believed as given:
        `gradcheck` tells whether it is right. Higher ones come from texts, and from Python
        functions that use this library's functions only.

    Raises:
        ValueError: the name or a text cannot be used, or there are not one or two derivatives.
        TypeError: the name is not a string, or a rule is neither a string nor a function.

    Example:
        >>> cube = operation("cube", value="a**3", derivatives=["3 * a**2"])
        >>> x = Value(2.0)
        >>> cube(x).backward()
        >>> x.grad
        12.0
    """
    if not isinstance(name, str):
        raise TypeError(f"an operation's name is a string, got {name!r}")
    name = normalize("NFKC", name)  # As Python reads it in generated code.
    if not (name.isidentifier() and re.fullmatch(r"\w+", name)) or keyword.iskeyword(name):
        raise ValueError(f"an operation's name is a Python identifier, got {name!r}")
    if name in {*OPERATIONS, *FLOATS.names, *RESERVED, "a", "b", "y", "real", "value"}:
        raise ValueError(
            f"the name {name!r} is taken; choose another for your operation, or begin anew if it "
            "is that of your own before: graphs and tapes that use it keep it"
        )
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
        if problem := misfit(rule, parameters):
            raise TypeError(
                f"{what} is a function of {', '.join(parameters)}, got {rule!r} ({problem})"
            )
        return _python_rule(rule, what)
    if not isinstance(rule, str):
        raise TypeError(f"{what} is a string or a function, got {rule!r}")
    rule = rule.strip()
    try:
        given = ast.parse(rule, mode="eval").body
        as_given = ast.unparse(given)
        body = _Mathematics(parameters).number(given)
        if not _is_float(body):  # Such as `1`, an integer.
            for node in ast.walk(body):
                if isinstance(node, ast.Constant) and isinstance(node.value, int):
                    node.value = float(node.value)
        text = ast.unparse(body)
        return rule if text == as_given else text
    except (SyntaxError, RecursionError) as error:
        reason = getattr(error, "msg", error)
        raise ValueError(f"{what} is not an expression: {rule!r} ({reason})") from None


class _Mathematics:
    """Refuse what has no meaning over every kind of number, and write truths as numbers."""

    def __init__(self, parameters: list[str]) -> None:
        self.names = [*parameters, "pi", "inf"]

    def number(self, node: ast.expr) -> ast.expr:
        """Return an expression as one that gives a number, with 1.0 or 0.0 for a condition."""
        match node:
            case ast.Name(id=name) if name in self.names:
                pass
            case ast.Constant(value=int() | float()):
                pass
            case ast.UnaryOp(op=ast.UAdd() | ast.USub()):
                node.operand = self.number(node.operand)
            case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow()):
                node.left, node.right = self.number(node.left), self.number(node.right)
            case ast.Call(ast.Name(name), args, []) if len(args) == _arity(name):
                node.args = list(map(self.number, args))
            case ast.IfExp():
                node.test = self.condition(node.test)
                node.body, node.orelse = self.number(node.body), self.number(node.orelse)
            case ast.Compare() | ast.BoolOp() | ast.BinOp(op=ast.BitAnd() | ast.BitOr()):
                return ast.IfExp(self.condition(node), ast.Constant(1.0), ast.Constant(0.0))
            case _:
                self.refuse(node)
        return node

    def refuse(self, node: ast.expr) -> Never:
        """Say what the expression that holds a node may hold."""
        raise SyntaxError(
            f"it cannot use {ast.unparse(node)!r}; it may use {', '.join(self.names)}, numbers, "
            "+ - * / **, comparisons, '... if ... else ...' and functions of the table"
        )

    def condition(self, node: ast.expr) -> ast.expr:
        """Return an expression as one that is true or false."""
        match node:
            case ast.Compare():
                if not all(isinstance(link, _COMPARISONS) for link in node.ops):
                    self.refuse(node)
                node.left = self.number(node.left)
                node.comparators = list(map(self.number, node.comparators))
            case ast.BoolOp():
                node.values = list(map(self.condition, node.values))
            case ast.BinOp(op=ast.BitAnd() | ast.BitOr()):
                node.left, node.right = self.condition(node.left), self.condition(node.right)
            case _:
                # An array library may not take a number for a truth.
                return ast.Compare(self.number(node), [ast.NotEq()], [ast.Constant(0.0)])
        return node


_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)


def _arity(name: str) -> int:
    """Return how many inputs a function of the table has; 0 for a name that is none."""
    row = OPERATIONS.get("absolute" if name == "abs" else name)
    return row.arity if row else 0


def _is_float(node: ast.expr) -> bool:
    """Tell whether an expression gives a float because something in it is one."""
    match node:
        case ast.IfExp():
            return _is_float(node.body) and _is_float(node.orelse)
        case ast.BinOp():
            return _is_float(node.left) or _is_float(node.right)
        case ast.UnaryOp():
            return _is_float(node.operand)
    return not isinstance(node, ast.Constant) or isinstance(node.value, float)


def _python_rule(rule: Function, what: str) -> Function:
    def over_any(*inputs: Any) -> Any:
        if any(isinstance(x, Value) for x in inputs):
            with watching(read=refuse_to_read):
                return rule(*inputs)
        if any(map(is_array, inputs)):
            import numpy as np

            def one(*entries: Any) -> Any:
                try:
                    return rule(*entries)
                except (ValueError, ArithmeticError):
                    return np.nan  # As NumPy has it; a tape then asks the function itself.

            return np.asarray(np.frompyfunc(one, len(inputs), 1)(*inputs), dtype=float)
        result = rule(*inputs)
        if isinstance(result, complex) and not any(isinstance(x, complex) for x in inputs):
            raise ValueError(f"{what} is the complex {result!r} there")
        plain = result if isinstance(result, complex) else number(result)
        if plain is None:
            raise TypeError(f"{what} returned {result!r}, which is not a number")
        return plain

    def refuse_to_read(value: Value) -> None:
        raise TypeError(
            f"{what} was read as a plain number, which loses its own derivative; write it with "
            "this library's functions (microgradcheck.exp, not math.exp) or as a text"
        )

    return over_any
