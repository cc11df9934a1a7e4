"""Complaints that a person can act on: one clear line, and a caret where it went wrong."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["ExpressionError", "UsageError", "near_miss", "point_out", "shortened"]

_WINDOW = 68  # characters of a long text around the caret, so that 80 columns hold them


class UsageError(Exception):
    """A command line that cannot be carried out; its text is for the person who typed it."""


class ExpressionError(ValueError):
    """An expression that cannot be read, and where.

    Args:
        reason: what is wrong and what to write, on one line.
        text: the expression.
        column: where in it, counted in characters from 0.

    Example:
        >>> print(ExpressionError("write x**2, not x^2", "3 + x^2", 5))
        write x**2, not x^2
          3 + x^2
               ^
    """

    def __init__(self, reason: str, text: str, column: int) -> None:
        super().__init__(reason, text, column)
        self.reason = reason
        self.text = text
        self.column = column

    def __str__(self) -> str:
        return self.shown("utf-8")

    def shown(self, encoding: str) -> str:
        """Return the complaint for a stream of an encoding, with the caret in its place there."""
        return f"{self.reason}\n{point_out(self.text, self.column, encoding)}"


def point_out(text: str, column: int, encoding: str = "utf-8") -> str:
    """Return a line of text with a caret below one of its columns.

    Args:
        text: any text. What a terminal would obey or cannot show comes out as an escape.
        column: where the caret goes, from 0 to the text's length.
        encoding: how the terminal takes characters.

    Example:
        >>> print(point_out("面積 / 0", 3))
          面積 / 0
               ^
    """
    from rich.cells import cell_len

    start = max(0, min(column - _WINDOW // 2, len(text) - _WINDOW))
    shown = [_visible(character, encoding) for character in text[start : start + _WINDOW]]
    if start > 0:
        shown[0] = "..."
    if start + _WINDOW < len(text):
        shown[-1] = "..."
    indent = cell_len("".join(shown[: column - start]))
    return f"  {''.join(shown)}\n  {' ' * indent}^"


def _visible(character: str, encoding: str) -> str:
    if character.isspace():
        return " "
    if character.isprintable() and character.encode(encoding, "ignore"):
        return character
    return character.encode("unicode_escape").decode("ascii")


def shortened(name: str) -> str:
    """Return a name, or its beginning where it is too long to be shown."""
    return name if len(name) <= 30 else name[:27] + "..."


def near_miss(name: str, known: Iterable[str]) -> str:
    """Return a question after the known name that was probably meant, or nothing.

    Example:
        >>> near_miss("sinn", ["sin", "cos"])
        '; did you mean sin?'
    """
    import difflib

    found = difflib.get_close_matches(name.lower(), known, n=1)
    return f"; did you mean {found[0]}?" if found else ""
