"""Expressions that a person types: a text in, a function of its variables out, nothing else run.

Python's own parser reads the text, but no Python is made of it: numbers, names, arithmetic and
calls of the table's functions become steps for a machine with a stack, and all else is an error.
Numbers become floats, so that a huge power overflows at once.
"""

from __future__ import annotations

import ast
import inspect
import keyword
import math
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from microgradcheck.cli.result import ExpressionError, point_out
from microgradcheck.functions.elementwise import VALUES
from microgradcheck.ops import OPERATIONS
from microgradcheck.structure import count, did_you_mean
from microgradcheck.value import OPERATORS

LONGEST: Final = 1000  # characters
DEEPEST: Final = 50  # parentheses in each other

CONSTANTS: Final = {"pi": math.pi, "π": math.pi, "e": math.e}

FUNCTIONS: Final = {
    **{name: name for name in OPERATIONS if name not in OPERATORS},
    "abs": "absolute",
    "max": "maximum",
    "min": "minimum",
}
"""The names of an expression's functions, and each one's operation in the table."""

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
    "ln": "; write log(x)",
    "log10": "; write log(x) / log(10)",
    "log2": "; write log(x) / log(2)",
    "pow": "; write x**y",
    "cot": "; write 1 / tan(x)",
    **{f"arc{name}": f"; write a{name}(x)" for name in ("sin", "cos", "tan")},
}

# What people write for Python's arithmetic, and what Python would explain less well.
_REPLACEMENTS: Final = {"^": "**", "²": "**2", "³": "**3", "÷": "/"} | {
    **dict.fromkeys("×·⋅", "*"),
    **dict.fromkeys("−–", "-"),
}
_HINTS: Final = {
    "=": "values stand after the expression, as in 'x**2' x=3",
    "√": "write sqrt(x) for a root",
    "|": "write abs(x) for an absolute value",
    **dict.fromkeys("[]{}", "write parentheses, ( and )"),
    "!": "there is no factorial here",
    **dict.fromkeys("<>&~", "comparisons cannot be used here; max, min, abs and relu can"),
}
_MISSING: Final = "a number or a name is missing here"
_NO_SIGN: Final = "a product needs a * here"

_TOKEN: Final = re.compile(
    r"(?P<number>(?:\d[\d_]*\.?[\d_]*|\.\d+)(?:[eE][-+]?\d+)?)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<sign>\*\*|//|\S)"
)


class _Call(NamedTuple):
    """A step that takes its inputs from the stack and puts its result there."""

    function: Callable[..., Any]
    arity: int
    column: int


class Expression:
    """A function that was written as a text, such as `"sin(x*y) + x**2"`.

    Its variables are in `names`, in the order in which they appear. A `ValueError` or
    `ArithmeticError` that arises when it is called has a note that shows where that was.

    Example:
        >>> f = Expression("y * x**2")
        >>> f.names, f(3.0, 2.0)
        (('y', 'x'), 12.0)
    """

    def __init__(self, text: str) -> None:
        # One space for each, so that all stands on the one line that a caret can point at.
        self.text = self.__name__ = re.sub(r"\s", " ", text).strip()
        self._columns: dict[str, int] = {}
        self._steps = [self._step(node) for node in _inputs_first(_parse(self.text))]
        self.names = tuple(self._columns)
        kind = inspect.Parameter.POSITIONAL_ONLY
        self.__signature__ = inspect.Signature(
            [inspect.Parameter(name, kind) for name in self.names]
        )

    def __call__(self, *values: Any) -> Any:
        """Return its value for a number of any kind, a `Value` or an array for each of `names`."""
        variables: dict[Any, Any] = dict(zip(self.names, values, strict=True))
        stack: list[Any] = []
        for step in self._steps:
            if not isinstance(step, _Call):
                stack.append(variables.get(step, step))
                continue
            inputs = stack[-step.arity :]
            del stack[-step.arity :]
            try:
                stack.append(step.function(*inputs))
            except (ValueError, ArithmeticError) as error:
                error.add_note(point_out(self.text, step.column))
                raise
        return stack.pop()

    def complaint(self, reason: str, name: str) -> ExpressionError:
        """Return an error about a variable."""
        return ExpressionError(reason, self.text, self._columns[name])

    def _step(self, node: ast.expr) -> float | str | _Call:
        column = self._characters(node.col_offset)
        reason = "this is not arithmetic: use numbers, names, + - * / ** and functions"
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                if number <= sys.float_info.max:
                    return float(number)
                reason = "this number is too large for a float"
            case ast.Name(id=name) if name in CONSTANTS:
                return CONSTANTS[name]
            case ast.Name(id=name) if name in FUNCTIONS:
                inputs = ", ".join("xyz"[: OPERATIONS[FUNCTIONS[name]].arity])
                reason = f"{name} is a function: write {name}({inputs})"
            case ast.Name(id=name):
                self._columns.setdefault(name, column)
                return name
            case ast.UnaryOp(op=op) if type(op) in _OPERATORS:
                return _operation(_OPERATORS[type(op)], column)
            case ast.BinOp(left=left, op=op) if type(op) in _OPERATORS:
                return _operation(_OPERATORS[type(op)], self._behind(left))
            case ast.Call(func=ast.Name(id=name), args=inputs) if name in FUNCTIONS:
                step = _operation(FUNCTIONS[name], column)
                if len(inputs) == step.arity:
                    return step
                reason = f"{name} takes {count(step.arity, 'input')}, got {len(inputs)}"
            case ast.Call(func=ast.Name(id=name)) if len(name) == 1:
                reason = f"there is no function {name}; for a product, write {name}*("
            case ast.Call(func=ast.Name(id=name)):
                hint = _OTHER_LIBRARIES.get(name) or did_you_mean(name, FUNCTIONS)
                reason = f"there is no function {name}{hint}"
            case ast.Call(func=ast.Attribute() as function):
                return self._step(function)
            case ast.Call(func=function):
                # Python takes "2(x)" for a call, and people mean a product.
                column, reason = self._behind(function), _NO_SIGN
            case ast.Attribute(attr=name) if name in FUNCTIONS | CONSTANTS:
                reason = f"write {name}, without a module"
            case ast.Tuple(elts=[first, *_]):
                column, reason = self._behind(first), "this is more than one expression"
                if isinstance(first, ast.Constant):
                    reason += "; write a decimal point, not a comma"
        raise ExpressionError(reason, self.text, column)

    def _behind(self, node: ast.expr) -> int:
        """Return the column behind a node and the parentheses that it stands in."""
        end = self._characters(node.end_col_offset or 0)
        return end + len(re.findall(r"^[ )]*", self.text[end:])[0])

    def _characters(self, count: int) -> int:
        # Python's parser counts bytes.
        return len(self.text.encode()[:count].decode())


def expressions(text: str) -> list[Expression]:
    """Return the expressions between the commas of a text.

    Example:
        >>> [part.text for part in expressions("2*x, max(x, y)")]
        ['2*x', 'max(x, y)']
    """
    text = re.sub(r"\s", " ", text).strip()
    match _parse(text):
        case ast.Tuple(elts=[_, *_] as parts):
            return [Expression(ast.get_source_segment(text, part) or "") for part in parts]
    return [Expression(text)]


def _operation(name: str, column: int) -> _Call:
    return _Call(VALUES.names[name], OPERATIONS[name].arity, column)


def _inputs_first(root: ast.expr) -> Iterator[ast.expr]:
    """Return every operand before its operation, left before right."""
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


def _parse(text: str) -> ast.expr:
    _check_characters(text)
    try:
        with warnings.catch_warnings():
            # Python only warns of texts such as "1if", which fail later.
            warnings.simplefilter("ignore")
            return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        _check_neighbours(text)
        column = min(max((error.offset or 1) - 1, 0), len(text))
        raise ExpressionError(f"this is not an expression: {error.msg}", text, column) from None
    except (MemoryError, RecursionError):
        raise ExpressionError("too many operations in each other", text, 0) from None


def _check_characters(text: str) -> None:
    if not text:
        raise ExpressionError("the expression is empty", text, 0)
    if len(text) > LONGEST:
        reason = f"the expression is too long: {len(text)} characters, of {LONGEST} at most"
        raise ExpressionError(reason, text, LONGEST)
    opened: list[int] = []
    for column, character in enumerate(text):
        if character == "(":
            opened.append(column)
            if len(opened) > DEEPEST:
                reason = f"more than {DEEPEST} parentheses in each other"
                raise ExpressionError(reason, text, column)
        elif character == ")":
            if not opened:
                raise ExpressionError("this parenthesis was never opened", text, column)
            opened.pop()
        elif character in _REPLACEMENTS or (
            # A middle dot may stand in a Python name.
            character not in " +-*/.," and not ("_" + character).isidentifier()
        ):
            raise ExpressionError(_why_not(text, column), text, column)
    if opened:
        raise ExpressionError("this parenthesis is never closed", text, opened[-1])


def _why_not(text: str, column: int) -> str:
    character = text[column]
    if character in _REPLACEMENTS:
        before = re.findall(r"\w*$", text[:column])[0]
        after = re.findall(r"^\w*", text[column + 1 :])[0]
        inputs = "(x)" if before in FUNCTIONS else ""
        right = f"{before}{inputs}{_REPLACEMENTS[character]}{after}"
        return f"write {right}, not {before}{character}{after}"
    shown = character if character.isprintable() else f"U+{ord(character):04X}"
    return _HINTS.get(character, f"the character {shown} has no place in an expression")


def _check_neighbours(text: str) -> None:
    """Find two neighbours that cannot be: two operands, or two operators."""
    left, left_ends = "", False  # Whether an operand ends there, and another may not begin.
    for right in _TOKEN.finditer(text):
        if keyword.iskeyword(right[0]):
            reason = f"{right[0]} is a word of the Python language, not a name"
            raise ExpressionError(reason, text, right.start())
        begins = right.lastgroup != "sign" or right[0] == "("
        if left_ends and begins:
            if right[0] != "(" or not left.isidentifier():
                raise ExpressionError(_product(left, right[0]), text, right.start())
        elif not left_ends and not begins and right[0] not in "+-":
            raise ExpressionError(_MISSING, text, right.start())
        left, left_ends = right[0], right.lastgroup != "sign" or right[0] == ")"
    if left and not left_ends:
        raise ExpressionError(_MISSING, text, len(text))


def _product(left: str, right: str) -> str:
    if "(" in right or ")" in left:
        return _NO_SIGN
    return f"write {left}({right})" if left in OPERATIONS else f"write {left}*{right}"
