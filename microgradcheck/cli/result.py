"""What a command answers: text for people, data for programs, an exit status, or a complaint."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path
from shutil import get_terminal_size
from typing import Any, Final, NamedTuple, TextIO

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

_WINDOW: Final = 68  # characters of a long text around the caret, so that 80 columns hold them

# One character for each, so that columns stay columns.
_NEAREST: Final = str.maketrans("×·−–—→←∂≈…“”‘’", "**---><d~.\"\"''") | {
    ord("±"): "+-",  # Whatever the columns, since one character would say something else.
    ord("≤"): "<=",
    ord("≥"): ">=",
}


class Result(NamedTuple):
    """The exit status, what machines get, as far as JSON can hold it, and what people get."""

    status: int
    data: dict[str, Any]
    shown: Iterable[RenderableType]


def write(stream: TextIO, text: str) -> None:
    """Write a text and end the line; what the stream's encoding cannot hold is replaced."""
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(_NEAREST).encode(encoding, "backslashreplace").decode(encoding)
    stream.write(f"{text}\n")


def show(stream: TextIO, *things: RenderableType) -> None:
    """Write texts as they are, and texts and tables of rich wrapped, one below the other."""
    terminal = stream.isatty()
    console = Console(
        file=stream,
        # The terminal, and COLUMNS before it.
        width=get_terminal_size().columns if terminal or "COLUMNS" in os.environ else 80,
        color_system="auto" if terminal and not os.environ.get("NO_COLOR") else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    # Rich would end the program itself where a pipe breaks, as if a gradient were wrong.
    with console.capture() as capture:
        for thing in things:
            console.print(thing, soft_wrap=isinstance(thing, str))
    write(stream, "\n".join(map(str.rstrip, capture.get().splitlines())))


def prose(text: str) -> Text:
    """Return a text that is wrapped, with its verdicts in colour."""
    styled = Text(text)
    styled.highlight_regex(r"\bPASS\b", "bold green")
    styled.highlight_regex(r"\bWRONG\b", "bold red")
    styled.highlight_regex(r"\b(KINK|EDGE|NOISY|INCONCLUSIVE)\b", "bold yellow")
    return styled


def grid(*rows: Iterable[RenderableType], gap: int = 2) -> Table:
    """Return rows whose columns stand below each other."""
    table = Table.grid(padding=(0, gap))
    for row in rows:
        table.add_row(*row)
    for column in table.columns:
        column.overflow = "fold"  # In a narrow terminal, a name or a number is broken, not cut.
    return table


# Complaints


class ExpressionError(ValueError):
    """An expression that cannot be read: why, on one line, and at which of its characters."""

    def __init__(self, reason: str, text: str, column: int) -> None:
        super().__init__(reason, text, column)
        # A long name or number is shown by how it begins.
        self.reason = re.sub(r"(\w{27})\w{4,}", r"\1...", reason)
        self.text, self.column = text, column

    def __str__(self) -> str:
        return f"{self.reason}\n{point_out(self.text, self.column)}"


def point_out(text: str, column: int) -> str:
    """Return a text, as one line that stderr can show, with a caret below one of its columns."""

    def visible(character: str) -> str:
        if character.isspace():
            return " "
        if character.isprintable() and character.encode(sys.stderr.encoding or "utf-8", "ignore"):
            return character
        return character.encode("unicode_escape").decode("ascii")

    start = max(0, min(column - _WINDOW // 2, len(text) - _WINDOW))
    shown = [visible(character) for character in text[start : start + _WINDOW]]
    if start > 0:
        shown[0] = "..."
    if start + _WINDOW < len(text):
        shown[-1] = "..."
    indent = cell_len("".join(shown[: column - start]))
    return f"  {''.join(shown)}\n  {' ' * indent}^"


def complaint(error: BaseException) -> str:
    """Return what a person should read, who sees no traceback."""
    if isinstance(error, KeyboardInterrupt):
        return "stopped"
    if isinstance(error, SystemExit):
        return "the function ended the program instead of returning a number"
    text = str(error) or type(error).__name__
    if place := _place(error):
        text = f"{type(error).__name__}: {text} ({place})"
    return "\n".join([text, *getattr(error, "__notes__", [])])


def _place(error: BaseException) -> str:
    """Return the last line of a user's own file that an error passed, and nothing without one."""
    paths = sysconfig.get_paths()
    libraries = {Path(paths[name]) for name in ("stdlib", "purelib", "platlib")}
    libraries.add(Path(__file__).parent.parent)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_file() and libraries.isdisjoint(file.resolve().parents):
            return f"{file.name}:{frame.lineno}"
    return ""
