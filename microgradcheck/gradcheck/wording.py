"""The lines of a report: each finding in words, as wide as a terminal in a test run."""

from __future__ import annotations

import math
import re
import textwrap
import traceback
from collections import Counter
from collections.abc import Iterable, Sequence

from microgradcheck.gradcheck.entry import Cause, Entry, OperationFault, Verdict
from microgradcheck.value import is_ours, line_name

HEADLINE = 41  # characters: what pytest's short summary shows of a failure
_WIDTH = 72
_MOST_OF_ARGUMENTS = 60
_MOST_LINES_OF_A_TEXT = 3  # of a cause or a note, such as the words of an exception


def headline(entry: Entry) -> str:
    """Return the verdict on an entry and its numbers, or its cause, in a short line."""
    head = f"{entry.verdict} {entry.name}: "
    for digits in _digits_for(entry):
        numbers = _telling_numbers(entry, digits)
        if numbers and len(head + numbers) <= HEADLINE:
            return head + numbers
    # A cause begins with its name, and goes on after a colon or semicolon.
    cause = " ".join(entry.cause.split())
    whole = head + cause
    return whole if len(whole) <= HEADLINE else cut(head + re.split("[:;]", cause)[0], HEADLINE)


def _telling_numbers(entry: Entry, digits: int) -> str:
    """Return the numbers that show what a verdict is about; "" where none do."""
    if entry.verdict is Verdict.EDGE or math.isnan(entry.gradient):
        return ""
    given = number(entry.gradient, digits)
    low, high = sorted(entry.slopes or (entry.reference, entry.reference))
    shown = [number(low, digits), number(high, digits)]
    expected = f"in {'..'.join(shown)}" if entry.slopes else shown[0]
    if entry.verdict is not Verdict.WRONG:
        return f"{given} {expected}" if entry.slopes else given
    is_between = low - entry.error_bound <= entry.gradient <= high + entry.error_bound
    return "" if given in shown or (entry.slopes and is_between) else f"{given}, not {expected}"


def row(entry: Entry, width: int) -> str:
    """Return a line with an entry's name, as wide as told, its verdict and its numbers."""
    has_gradient = not math.isnan(entry.gradient) or entry.cause.startswith(Cause.NOT_FINITE)
    for digits in _digits_for(entry):
        given = number(entry.gradient, digits) if has_gradient else "nothing"
        if entry.slopes:
            left, right = (number(slope, digits) for slope in entry.slopes)
            numbers = f"{given}, slopes {left} and {right}"
        elif math.isnan(entry.reference):
            numbers = f"{given} against nothing" if has_gradient else "nothing to compare"
        else:
            reference, bound = number(entry.reference, digits), number(entry.error_bound, 2)
            numbers = f"{given} against {reference} ± {bound}"
        line = f"  {entry.name:<{width}} {entry.verdict:<12} {numbers}"
        if len(line) <= _WIDTH:
            break
    return line


def _digits_for(entry: Entry) -> list[int]:
    """Return six digits, or more to tell numbers apart that differ, then fewer for full lines."""
    most = 6
    if entry.verdict is Verdict.WRONG and entry.gap > entry.error_bound:
        given, expected = entry.gradient, entry.slopes or (entry.reference,)
        apart = (n for n in range(6, 13) if all(number(given, n) != number(x, n) for x in expected))
        most = next(apart, 6)
    return [most, 5, 4, 3, 2]


def fault_lines(fault: OperationFault) -> list[str]:
    """Return what is wrong with an operation, and below it the expression, underlined."""
    others = f", and {fault.count - 1:,} more like it" if fault.count > 1 else ""
    where = f" at {fault.location}" if fault.location else ""
    lines = wrap(
        "operation: ",
        f"d {fault.name} / d {fault.input} is {number(fault.gradient)}, "
        f"not {number(fault.reference)}{where}{others}",
    )
    return lines + [f"    {line}" for line in _in_view(fault.expression, _WIDTH - 4)]


def _in_view(expression: str, width: int) -> list[str]:
    """Return a line of source and its underline, cut so that what is underlined can be seen."""
    line, _, underline = expression.partition("\n")
    start = max(0, min(underline.find("~") - width // 3, len(line) - width))
    if start:
        line = f"…{line[start + 1 :]}"
    return [text for text in (cut(line, width), underline[start:][:width]) if text]


def counts(entries: Sequence[Entry]) -> str:
    """Return how many entries have which verdict."""
    found = Counter(str(entry.verdict) for entry in entries)
    if len(found) == 1:
        return f"all {next(iter(found))}"
    return ", ".join(f"{count:,} {verdict}" for verdict, count in found.items())


def wrap(head: str, text: str) -> list[str]:
    """Return the lines of a text, with an ellipsis where it goes on for too long."""
    return textwrap.wrap(
        head + text,
        _WIDTH,
        subsequent_indent="    ",
        max_lines=_MOST_LINES_OF_A_TEXT,
        placeholder=" …",
    )


def cut(line: str, width: int = _WIDTH) -> str:
    """Return a line that fits, with an ellipsis where it did not."""
    return line if len(line) <= width else line[: width - 1] + "…"


def short(things: Iterable[object]) -> str:
    """Return arguments as text on one line, with an ellipsis where it goes on for too long."""
    return cut(" ".join(", ".join(map(repr, things)).split()), _MOST_OF_ARGUMENTS)


def in_words(error: Exception) -> str:
    """Return an error's text, and the line outside of this package that led to it."""
    for frame, line in traceback.walk_tb(error.__traceback__):
        if not is_ours(frame.f_code.co_filename):
            return f"{str(error).strip()} ({line_name(frame.f_code.co_filename, line)})"
    return str(error)


def number(value: float, digits: int = 6) -> str:
    """Return a number with as many significant digits as told, trailing zeros included."""
    if value == 0:
        return "0"
    plain = f"{value:.{digits}g}"
    # Trailing zeros are digits that were compared, too.
    return plain if "e" in plain or "n" in plain else f"{value:#.{digits}g}".rstrip(".")


def power(power: float, *, kinks: bool) -> str:
    """Return what a check would have seen, in words."""
    if not math.isfinite(power):
        return "none: no error of any size would have been seen"
    if power == 0:
        return "f stands still but for rounding, and so does the gradient"
    beyond = ", at a kink beyond its slopes" if kinks else ""
    return f"relative errors of {power:.1e} would have been seen{beyond}"
