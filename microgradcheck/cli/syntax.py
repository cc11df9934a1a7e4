"""The syntax of an expression: what Python's parser may see of a text, and what it saw."""

from __future__ import annotations

import ast
import keyword
import re
import warnings
from typing import Final

from microgradcheck.cli.complaint import ExpressionError, shortened
from microgradcheck.ops import OPERATIONS

__all__ = ["parse", "product"]

LONGEST: Final = 1000  # characters
DEEPEST: Final = 50  # parentheses in each other

# What people write for Python's arithmetic, and what Python would explain less well.
_REPLACEMENTS: Final = {
    "^": "**",
    "²": "**2",
    "³": "**3",
    "×": "*",
    "·": "*",
    "⋅": "*",
    "÷": "/",
    "−": "-",
    "–": "-",
}
_HINTS: Final = {
    "=": "values stand after the expression, as in 'x**2' x=3",
    "√": "write sqrt(x) for a root",
    "|": "write abs(x) for an absolute value",
    **dict.fromkeys("[]{}", "write parentheses, ( and )"),
    **dict.fromkeys("<>!&~", "there are no comparisons here, but max, min, abs and relu"),
}

_TOKEN: Final = re.compile(
    r"(?P<number>(?:\d[\d_]*\.?[\d_]*|\.\d+)(?:[eE][-+]?\d+)?)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<sign>\*\*|//|\S)"
)


def parse(text: str) -> ast.expr:
    """Return the syntax tree of an expression, which no one may run.

    Args:
        text: one line.

    Raises:
        ExpressionError: it is too long or too deep, holds a character of anything but names,
            numbers, arithmetic and calls, or is no Python expression.
    """
    _check_characters(text)
    try:
        with warnings.catch_warnings():
            # Python only warns of texts such as "1if", which fail later.
            warnings.simplefilter("ignore")
            return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        misplaced = _find_misplaced(text)
        if misplaced is not None:
            raise misplaced from None
        column = min(max((error.offset or 1) - 1, 0), len(text))
        raise ExpressionError(f"this is no expression: {error.msg}", text, column) from None
    except (MemoryError, RecursionError):
        raise ExpressionError("too many operations in each other", text, 0) from None


def product(left: str, right: str) -> str:
    """Return the advice to write what is missing between two neighbours.

    Example:
        >>> product("2", "x"), product("2", "("), product("sin", "x")
        ('write 2*x', 'a product needs a * here', 'write sin(x)')
    """
    if "(" in right or ")" in left:
        return "a product needs a * here"
    left, right = shortened(left), shortened(right)
    return f"write {left}({right})" if left in OPERATIONS else f"write {left}*{right}"


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
        elif character not in " +-*/.," and not ("_" + character).isidentifier():
            raise ExpressionError(_why_not(text, column), text, column)
    if opened:
        raise ExpressionError("this parenthesis is never closed", text, opened[-1])


def _why_not(text: str, column: int) -> str:
    character = text[column]
    if character in _REPLACEMENTS:
        before = shortened(re.findall(r"\w*$", text[:column])[0])
        after = shortened(re.findall(r"^\w*", text[column + 1 :])[0])
        better = _REPLACEMENTS[character]
        return f"write {before}{better}{after}, not {before}{character}{after}"
    if character in _HINTS:
        return _HINTS[character]
    shown = character if character.isprintable() else f"U+{ord(character):04X}"
    return f"the character {shown} has no place in an expression"


def _find_misplaced(text: str) -> ExpressionError | None:
    """Find two neighbours that cannot be: two operands, or two operators."""
    left: re.Match[str] | None = None
    for right in _TOKEN.finditer(text):
        if keyword.iskeyword(right[0]):
            reason = f"{right[0]} is a word of the Python language, not a name"
            return ExpressionError(reason, text, right.start())
        operand_ends = left is not None and _ends_operand(left)
        operand_begins = right.lastgroup != "sign" or right[0] == "("
        if left is not None and operand_ends and operand_begins:
            if left.lastgroup != "name" or right[0] != "(":
                return ExpressionError(product(left[0], right[0]), text, right.start())
        elif not operand_ends and not operand_begins and right[0] not in "+-":
            return ExpressionError("a number or a name is missing here", text, right.start())
        left = right
    if left is not None and not _ends_operand(left):
        return ExpressionError("a number or a name is missing here", text, len(text))
    return None


def _ends_operand(token: re.Match[str]) -> bool:
    return token.lastgroup != "sign" or token[0] == ")"
