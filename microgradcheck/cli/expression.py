"""Expressions that a person types: a text in, a function of its variables out, nothing else run.

Python's own parser reads the text, but no Python is made of it. Numbers, names, arithmetic and
calls of the table's functions are taken over as steps for a machine with a stack; everything else
is an error. All numbers become floats, so that a huge power overflows at once.
"""

from __future__ import annotations

import ast
import inspect
import math
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from microgradcheck.cli.complaint import ExpressionError, near_miss, point_out, shortened
from microgradcheck.cli.syntax import parse, product
from microgradcheck.functions.elementwise import VALUES
from microgradcheck.ops import OPERATIONS
from microgradcheck.value import OPERATORS

__all__ = ["CONSTANTS", "Expression", "functions"]

CONSTANTS: Final = {"pi": math.pi, "π": math.pi, "e": math.e}
"""The names that stand for a number of their own."""

_ALIASES: Final = {"abs": "absolute", "max": "maximum", "min": "minimum"}

_OPERATORS: Final[dict[type[ast.AST], str]] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.Pow: "power",
    ast.USub: "negative",
    ast.UAdd: "positive",
}

_OTHER_LIBRARIES: Final = {
    "ln": "log(x)",
    "log10": "log(x) / log(10)",
    "log2": "log(x) / log(2)",
    "pow": "x**y",
    "cot": "1 / tan(x)",
    **{f"arc{name}": f"a{name}(x)" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
}


class _Call(NamedTuple):
    """A step that takes its inputs from the stack and puts its result there."""

    function: Callable[..., Any]
    arity: int
    column: int


_Step = float | str | _Call  # A number, the name of a variable, or an operation.


def functions() -> dict[str, str]:
    """Return the names of an expression's functions, and each one's operation in the table.

    Example:
        >>> functions()["max"], functions()["sin"]
        ('maximum', 'sin')
    """
    return {name: name for name in OPERATIONS if name not in OPERATORS} | _ALIASES


class Expression:
    """A function that was written as a text, such as `"sin(x*y) + x**2"`.

    Args:
        text: numbers, names, `+ - * / **`, parentheses and the functions of the table, with
            Python's rules of precedence. `pi` and `e` are numbers, all other names variables.

    Attributes:
        text: as given, on one line.
        names: its variables, in the order in which they first appear.

    Called with one number, `Value`, complex number or array for each variable, it returns its
    value. A `ValueError` or `ArithmeticError` out of the table has a note that shows where in the
    expression it arose.

    Raises:
        ExpressionError: the text is something else.

    Limits: 1000 characters, and 50 parentheses in each other.

    Example:
        >>> f = Expression("y * x**2")
        >>> f.names, f(3.0, 2.0)
        (('y', 'x'), 12.0)
    """

    def __init__(self, text: str) -> None:
        # One space for each, so that all stands on the one line that a caret can point at.
        self.text = self.__name__ = re.sub(r"\s", " ", text).strip()
        self._columns: dict[str, int] = {}
        self._steps = [self._step(node) for node in _inputs_first(parse(self.text))]
        self.names = tuple(self._columns)

    def __call__(self, *values: Any) -> Any:
        """Return its value for one number each of `names`."""
        if len(values) != len(self.names):
            raise TypeError(f"{self!r} takes {self.names}, got {len(values)} values")
        variables = dict(zip(self.names, values, strict=True))
        stack: list[Any] = []
        for step in self._steps:
            if isinstance(step, str):
                stack.append(variables[step])
            elif isinstance(step, float):
                stack.append(step)
            else:
                inputs = stack[-step.arity :]
                del stack[-step.arity :]
                try:
                    stack.append(step.function(*inputs))
                except (ValueError, ArithmeticError) as error:
                    error.add_note(point_out(self.text, step.column))
                    raise
        return stack.pop()

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    @property
    def __signature__(self) -> inspect.Signature:
        kind = inspect.Parameter.POSITIONAL_ONLY
        return inspect.Signature([inspect.Parameter(name, kind) for name in self.names])

    def complaint(self, reason: str, name: str) -> ExpressionError:
        """Return an error about one of its variables, for the caller to raise."""
        return ExpressionError(reason, self.text, self._columns[name])

    def _error(self, reason: str, node: ast.expr) -> ExpressionError:
        return ExpressionError(reason, self.text, self._begin(node))

    def _step(self, node: ast.expr) -> _Step:
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return self._number(number, node)
            case ast.Name(id=name):
                return self._name(name, node)
            case ast.UnaryOp(op=op) if type(op) in _OPERATORS:
                return _operation(_OPERATORS[type(op)], self._begin(node))
            case ast.BinOp(left=left, op=op) if type(op) in _OPERATORS:
                return _operation(_OPERATORS[type(op)], self._next(left))
            case ast.Call(func=ast.Name(id=name)):
                return self._call(name, node)
            case ast.Call(func=ast.Attribute() as function):
                return self._step(function)
            case ast.Call(func=function):
                # Python takes "2(x)" for a call, and people mean a product.
                raise ExpressionError(product("", "("), self.text, self._next(function))
            case ast.Attribute(attr=name) if name in functions() | CONSTANTS:
                raise self._error(f"write {name}, without a module", node)
            case ast.Tuple(elts=[first, *_]):
                reason = "this is more than one expression"
                raise ExpressionError(reason, self.text, self._next(first))
        reason = "this is no arithmetic; there are numbers, names, + - * / ** and functions"
        raise self._error(reason, node)

    def _number(self, number: float, node: ast.expr) -> float:
        try:
            if math.isfinite(converted := float(number)):
                return converted
        except OverflowError:
            pass
        raise self._error("this number is too large for a float", node)

    def _name(self, name: str, node: ast.expr) -> float | str:
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name in functions():
            raise self._error(f"{name} is a function: write {name}(x)", node)
        self._columns.setdefault(name, self._begin(node))
        return name

    def _call(self, name: str, node: ast.Call) -> _Call:
        operation = functions().get(name)
        if operation is None:
            raise self._error(_unknown_function(name), node)
        arity = OPERATIONS[operation].arity
        if len(node.args) != arity:
            wanted = "1 input" if arity == 1 else f"{arity} inputs"
            raise self._error(f"{name} takes {wanted}, got {len(node.args)}", node)
        return _operation(operation, self._begin(node))

    def _begin(self, node: ast.expr) -> int:
        return self._characters(node.col_offset)

    def _next(self, node: ast.expr) -> int:
        """Return the column of what comes next, behind the parentheses that a node stands in."""
        end = self._characters(node.end_col_offset or 0)
        return end + len(re.findall(r"^[ )]*", self.text[end:])[0])

    def _characters(self, count: int) -> int:
        """Return how many characters a number of bytes is, which is what Python counts."""
        return len(self.text.encode()[:count].decode())


def _inputs_first(root: ast.expr) -> Iterator[ast.expr]:
    """Return every operand before its operation, left before right, without recursion."""
    waiting, order = [root], []
    while waiting:
        node = waiting.pop()
        order.append(node)
        match node:
            case ast.BinOp(left=left, right=right):
                waiting += [left, right]
            case ast.UnaryOp(operand=operand):
                waiting.append(operand)
            case ast.Call(args=arguments):
                waiting += arguments
    return reversed(order)


def _operation(name: str, column: int) -> _Call:
    return _Call(VALUES.names[name], OPERATIONS[name].arity, column)


def _unknown_function(name: str) -> str:
    if name in _OTHER_LIBRARIES:
        return f"there is no function {name}; write {_OTHER_LIBRARIES[name]}"
    if len(name) == 1:
        return f"there is no function {name}; for a product, write {name}*("
    return f"there is no function {shortened(name)}{near_miss(name, functions())}"
