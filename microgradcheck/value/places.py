"""Which code asked for an operation: the line that tooltips and reports show beside it."""

from __future__ import annotations

import linecache
import math
import os
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

from microgradcheck.ops import OPERATIONS
from microgradcheck.value.value import Note, Value, binary, reflected, unary

# As code says it, which without source files is not where it was imported from.
_PACKAGE = f"{Path(unary.__code__.co_filename).parent.parent}{os.sep}"
# The functions that make nodes: each of the three is one piece of code for all operations.
_RECORDERS = {make(OPERATIONS["add"]).__code__ for make in (unary, binary, reflected)}


class Place(NamedTuple):
    """One instruction of a piece of code."""

    code: CodeType
    instruction: int

    @property
    def location(self) -> str:
        """Its line, as `file.py:12`."""
        return line_name(self.code.co_filename, self._positions[0])

    @property
    def line(self) -> str:
        """Its line of source; "" where that cannot be found."""
        return self._line.strip()

    @property
    def underlined(self) -> str:
        """Its line of source and, below it, the expression underlined."""
        line = self._line
        first, last, column, end_column = self._positions
        if not line or column is None or end_column is None:
            return self.line
        # Columns count bytes of UTF-8.
        encoded = line.encode()
        before = encoded[:column].decode(errors="replace")
        marked = (encoded[column:] if last > first else encoded[column:end_column]).decode(
            errors="replace"
        )
        indent = len(line) - len(line.lstrip())
        return f"{line.strip()}\n{' ' * _width(before[indent:])}{'~' * _width(marked)}"

    @property
    def _line(self) -> str:
        return linecache.getline(self.code.co_filename, self._positions[0]).rstrip("\n")

    @property
    def _positions(self) -> tuple[int, int, int | None, int | None]:
        positions = islice(self.code.co_positions(), self.instruction // 2, None)
        line, end_line, column, end_column = next(positions)
        first = line or self.code.co_firstlineno
        return first, end_line or first, column, end_column


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


@contextmanager
def source_lines(*, most: float = math.inf) -> Iterator[None]:
    """Remember, for each operation that is recorded in a `with` block, the line that asked for it.

    Pictures of what was recorded show the line in the tooltip of the operation.

    Args:
        most: how many operations may be recorded.

    Raises:
        RuntimeError: from one operation more, in the block.

    Returns:
        A context manager for the thread that enters it.

    Limits: a function call costs about a microsecond more in the block, and a profiler that is at
    work, such as that of `cProfile`, rests until its end.

    Example:
        >>> x = Value(3.0)
        >>> with source_lines():
        ...     y = x * x
        >>> source_line(y).partition(": ")[2]
        'y = x * x'
    """
    count = 0

    # No tracer, such as that of coverage, is called inside of a profiler.
    def profile(frame: FrameType, event: str, result: Any) -> None:  # pragma: no cover
        nonlocal count
        if event == "return" and frame.f_code in _RECORDERS and isinstance(result, Value):
            result.note = Note("", None, caller(frame))
            count += 1
            if count > most:
                raise RuntimeError(f"more than {most:,} operations are recorded")

    outer = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield
    finally:
        # Profilers written in C are no functions, and go on by themselves.
        resume = getattr(outer, "enable", lambda: sys.setprofile(outer))
        resume()


def caller(frame: FrameType | None, until: FrameType | None = None) -> Place | None:
    """Return the nearest place outside of this package that led to a frame, if after another.

    NumPy's own code, as that of `numpy.sum`, is no such place either.
    """
    while frame is not None and (
        is_ours(frame.f_code.co_filename)
        or frame.f_globals.get("__name__", "").startswith("numpy.")
    ):
        if frame is until:
            return None
        frame = frame.f_back
    return frame and Place(frame.f_code, frame.f_lasti)


def is_ours(filename: str) -> bool:
    """Tell whether code is of this package, or a rule of its table."""
    return filename.startswith(_PACKAGE) or (filename.startswith("<") and " over " in filename)


def line_name(filename: str, line: int) -> str:
    """Return how messages call a line: `file.py:12`, or `In[3]:12` for a cell of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    cell = shell and shell.compile.format_code_name(filename)
    return f"{cell[1] if cell else Path(filename).name}:{line}"


def source_line(value: Value) -> str:
    """Return where a `Value` was recorded, as `file.py:12: z = y**2`; "" where that is not known.

    Only those that were recorded within `source_lines` know.
    """
    place = None if isinstance(value.note, str) else value.note.place
    return f"{place.location}: {place.line}".rstrip(": ") if place else ""
