"""What a gradcheck found, entry by entry, and how it is told."""

from __future__ import annotations

import html
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

__all__ = ["Entry", "GradcheckError", "OperationFault", "Report", "Verdict"]

_WIDTH = 72
_MOST_ENTRIES = 5
_MOST_LINES = 15
_MOST_LINES_OF_A_TEXT = 3  # of a cause or a note, such as the words of an exception
# How many entries, operations and notes a report shows: the first that fits its lines.
_ALLOWANCES = ((5, 2, 2), (5, 1, 2), (3, 1, 2), (3, 1, 1), (1, 1, 0))
_HEADLINE = 41  # what pytest's short summary shows of it


class Verdict(StrEnum):
    """What is known of one entry of a gradient."""

    PASS = "PASS"
    KINK = "KINK"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOISY = "NOISY"
    EDGE = "EDGE"
    WRONG = "WRONG"

    @property
    def severity(self) -> int:
        """0 for PASS, up to 5 for WRONG."""
        return list(Verdict).index(self)


@dataclass(frozen=True, slots=True)
class Entry:
    """One number of the gradient, and the number that it should be.

    Attributes:
        input: which argument of f, counted from 0.
        index: which entry of that argument; `()` for a number.
        output: which entry of f's output; `()` where f returns a number.
        name: how reports call it, such as `df/dx[1]`.
        gradient: the number under test.
        verdict: what is known of it.
        reference: the number that it was compared with.
        error_bound: how far the reference may be off.
        resolution: the smallest error that would have been seen.
        power: the same, relative to the derivative.
        noise: the standard deviation of f's noise.
        slopes: the slopes on the left and right, at a kink.
        cause: what is wrong, in words; "" for a plain pass.
    """

    input: int
    index: tuple[int, ...]
    output: tuple[int, ...]
    name: str
    gradient: float
    verdict: Verdict = Verdict.PASS
    reference: float = math.nan
    error_bound: float = math.inf
    resolution: float = math.inf
    power: float = math.inf
    noise: float = 0.0
    slopes: tuple[float, float] | None = None
    cause: str = ""

    @property
    def gap(self) -> float:
        """How far the gradient is from the reference."""
        return abs(self.gradient - self.reference)


@dataclass(frozen=True, slots=True)
class OperationFault:
    """A recorded operation whose own derivative is wrong at its recorded inputs.

    Attributes:
        name: the operation.
        input: which of its inputs, "a" or "b".
        gradient: its derivative, by its row of the table.
        reference: the derivative of its value.
        location: where it was recorded, as `file.py:12`; "" where that is not known.
        expression: the line that recorded it, and the expression underlined.
        count: how many recorded operations are wrong in this way.
    """

    name: str
    input: str
    gradient: float
    reference: float
    location: str
    expression: str
    count: int


class GradcheckError(AssertionError):
    """A gradient did not pass; `report` says which entries, and why."""

    __module__ = "microgradcheck"  # where it is public: a shorter name in tracebacks

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report

    def __reduce__(self) -> tuple[Any, ...]:
        return GradcheckError, (self.report,)


class Report:
    """The result of a gradcheck.

    Attributes:
        passed: whether every entry passed, or has a verdict that was accepted.
        verdict: the worst verdict of any entry.
        cause: what is wrong, in words; "" where nothing is.
        power: the smallest relative error that would have been seen in every entry.
        calls: how often f was called.
        entries: all entries, in reading order.
        operations: the operations whose own derivatives are wrong.
        notes: what else the reader should know.
        repeat: the call that repeats the check.
        nodes: with `nodes=True`, the interior nodes; their index is their place in the order of
            recording, and their input is -1.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        *,
        passed: bool,
        cause: str = "",
        calls: int = 0,
        operations: Sequence[OperationFault] = (),
        notes: Sequence[str] = (),
        repeat: str = "",
        nodes: Sequence[Entry] = (),
        ask: Callable[[Entry], object] | None = None,
    ) -> None:
        self.entries = list(entries)
        self.passed = passed
        self.cause = cause
        self.calls = calls
        self.operations = list(operations)
        self.notes = list(notes)
        self.repeat = repeat
        self.nodes = list(nodes)
        self._ask = ask
        # A node that is wrong is told of like an entry; one that is right is no news.
        self._told = [*entries, *(node for node in nodes if node.verdict is Verdict.WRONG)]
        self.verdict = max((entry.verdict for entry in self._told), key=lambda v: v.severity)
        self.power = max(entry.power for entry in self.entries)

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"<Report {self._headline()}>"

    def __str__(self) -> str:
        for entries, operations, notes in _ALLOWANCES:
            lines = self._lines(entries, operations, notes)
            if len(lines) <= _MOST_LINES:
                break
        return "\n".join(map(_cut, lines))

    def _lines(self, most_entries: int, most_operations: int, most_notes: int) -> list[str]:
        bad = [entry for entry in self._worst_first() if entry.verdict is not Verdict.PASS]
        if not bad and len(self.entries) <= most_entries:
            bad = self.entries  # Few enough to show all, both numbers of each.
        shown = bad[:most_entries]
        width = max([11, *(len(entry.name) for entry in shown)])
        lines = [self._headline(), *(_row(entry, width) for entry in shown)]
        rest = len(self._told) - len(shown)
        if bad and rest:
            lines.append(f"  and {rest:,} more ({_counts(self._worst_first()[len(shown) :])})")
        for fault in self.operations[:most_operations]:
            lines += _fault_lines(fault)
        others = self.operations[most_operations:]
        if others:
            names = ", ".join(dict.fromkeys(fault.name for fault in others))
            places = "1 more place" if len(others) == 1 else f"{len(others):,} more places"
            lines.append(f"    and in {places}: {names}")
        if self.cause:
            lines += _wrap("cause: ", self.cause)
        for note in self.notes[:most_notes]:
            lines += _wrap("note: ", note)
        if math.isfinite(self.power) or self.verdict is not Verdict.WRONG:
            lines.append(f"power: {_power(self.power)}")
        calls = f"calls: {self.calls:,} of f"
        if self.repeat and not self.passed:
            lines += _wrap(f"{calls}; repeat: ", self.repeat)
        else:
            lines.append(calls)
        return lines

    def _headline(self) -> str:
        """Return the verdict, the worst entry and its numbers, in at most 41 characters."""
        worst = self._worst_first()[0]
        if self.passed and len(self.entries) > 1:
            counts = _counts(self.entries)
            return _cut(f"{self.verdict} {len(self.entries):,} entries ({counts})", _HEADLINE)
        return _headline(worst)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(e.name)}</td><td>{e.verdict}</td><td>{_number(e.gradient)}</td>"
            f"<td>{_number(e.reference)}</td><td>{html.escape(e.cause)}</td></tr>"
            for e in self._worst_first()[:_MOST_ENTRIES]
        )
        return (
            f"<p><b>{html.escape(str(self).splitlines()[0])}</b> {html.escape(self.cause)}</p>"
            "<table><tr><th>entry</th><th>verdict</th><th>gradient</th><th>reference</th>"
            f"<th>cause</th></tr>{rows}</table>"
        )

    def opinions(self, entry: Entry | None = None) -> object:
        """Return what other ways say of one entry's derivative, side by side.

        Args:
            entry: one of `entries`; by default the worst.

        Returns:
            An object whose text is a table: central differences over a sweep of steps, each with
            its noise; backprop, forward mode and a complex step; and how the Taylor remainder
            shrinks, with h² where the gradient is right and with h where it is wrong.

        Raises:
            ValueError: the report was pickled, and has lost the function.

        Example:
            >>> from microgradcheck.gradcheck import gradcheck
            >>> print(gradcheck(lambda x: x**3, 2.0).opinions().conclusion)
            All agree.
        """
        if self._ask is None:
            raise ValueError("a report that was pickled has no function to ask again")
        return self._ask(entry or self._worst_first()[0])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_ask": None}

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, every number included.

        Example:
            >>> from microgradcheck.gradcheck import gradcheck
            >>> gradcheck(lambda x: x * x, 3.0).to_dict()["passed"]
            True
        """
        return {
            "schema": 1,
            "passed": self.passed,
            "verdict": str(self.verdict),
            "cause": self.cause,
            "power": self.power,
            "calls": self.calls,
            "notes": list(self.notes),
            "repeat": self.repeat,
            "operations": [asdict(fault) for fault in self.operations],
            "entries": [_plain(entry) for entry in self.entries],
            "nodes": [_plain(entry) for entry in self.nodes],
        }

    def _worst_first(self) -> list[Entry]:
        return sorted(self._told, key=lambda e: (-e.verdict.severity, -_relative(e)))


def _plain(entry: Entry) -> dict[str, Any]:
    return {
        **asdict(entry),
        "index": list(entry.index),
        "output": list(entry.output),
        "verdict": str(entry.verdict),
        "slopes": None if entry.slopes is None else list(entry.slopes),
    }


def _relative(entry: Entry) -> float:
    size = max(abs(entry.reference), abs(entry.gradient))
    gap = entry.gap / size if size else 0.0
    return math.inf if math.isnan(gap) else gap


def _headline(entry: Entry) -> str:
    head = f"{entry.verdict} {entry.name}: "
    for digits in _digits_for(entry):
        numbers = _telling_numbers(entry, digits)
        if numbers and len(head + numbers) <= _HEADLINE:
            return head + numbers
    # A cause begins with its name, and goes on after a colon.
    whole = head + entry.cause
    return whole if len(whole) <= _HEADLINE else _cut(head + entry.cause.split(":")[0], _HEADLINE)


def _telling_numbers(entry: Entry, digits: int) -> str:
    """Return the numbers that show what a verdict is about; "" where none do."""
    if entry.verdict is Verdict.EDGE or math.isnan(entry.gradient):
        return ""
    wrong = entry.verdict is Verdict.WRONG
    given, expected = _number(entry.gradient, digits), _number(entry.reference, digits)
    if entry.slopes:
        low, high = sorted(entry.slopes)
        between = f"in {_number(low, digits)}..{_number(high, digits)}"
        if not wrong:
            return f"{given} {between}"
        return "" if low <= entry.gradient <= high else f"{given}, not {between}"
    if not wrong:
        return given
    return "" if given == expected else f"{given}, not {expected}"


def _row(entry: Entry, width: int) -> str:
    head = f"  {entry.name:<{width}} {entry.verdict:<12} "
    for digits in _digits_for(entry):
        given, expected = _number(entry.gradient, digits), _number(entry.reference, digits)
        if entry.slopes:
            left, right = (_number(slope, digits) for slope in entry.slopes)
            row = f"{head}{given}, slopes {left} and {right}"
        elif math.isnan(entry.reference):
            row = f"{head}{given} against nothing"
        else:
            row = f"{head}{given} against {expected} ± {_number(entry.error_bound, 2)}"
        if len(row) <= _WIDTH:
            break
    return row


def _digits_for(entry: Entry) -> list[int]:
    """Return six digits, or more to tell wrong numbers apart, then fewer for full lines."""
    if entry.verdict is Verdict.WRONG:
        given, expected = entry.gradient, entry.reference
        apart = (n for n in range(6, 13) if _number(given, n) != _number(expected, n))
        return [next(apart, 6), 5, 4, 3, 2]
    return [6, 5, 4, 3, 2]


def _fault_lines(fault: OperationFault) -> list[str]:
    others = f", and {fault.count - 1:,} more like it" if fault.count > 1 else ""
    where = f" at {fault.location}" if fault.location else ""
    lines = _wrap(
        "operation: ",
        f"d {fault.name} / d {fault.input} is {_number(fault.gradient)}, "
        f"not {_number(fault.reference)}{where}{others}",
    )
    return lines + [f"    {line}" for line in _in_view(fault.expression, _WIDTH - 4)]


def _in_view(expression: str, width: int) -> list[str]:
    """Return a line of source and its underline, cut so that what is underlined can be seen."""
    line, _, underline = expression.partition("\n")
    start = max(0, min(underline.find("~") - width // 3, len(line) - width))
    if start:
        line = f"…{line[start + 1 :]}"
    return [text for text in (_cut(line, width), underline[start:][:width]) if text]


def _counts(entries: Sequence[Entry]) -> str:
    counts = Counter(str(entry.verdict) for entry in entries)
    if len(counts) == 1:
        return f"all {next(iter(counts))}"
    return ", ".join(f"{count:,} {verdict}" for verdict, count in counts.items())


def _wrap(head: str, text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(
        head + text,
        _WIDTH,
        subsequent_indent="    ",
        max_lines=_MOST_LINES_OF_A_TEXT,
        placeholder=" …",
    )


def _cut(line: str, width: int = _WIDTH) -> str:
    return line if len(line) <= width else line[: width - 1] + "…"


def _number(value: float, digits: int = 6) -> str:
    if value == 0:
        return "0"
    plain = f"{value:.{digits}g}"
    # Trailing zeros are digits that were compared, too.
    return plain if "e" in plain or "n" in plain else f"{value:#.{digits}g}".rstrip(".")


def _power(power: float) -> str:
    if not math.isfinite(power):
        return "none: no error of any size would have been seen"
    if power == 0:
        return "f stands still at every step, as a gradient of zero says"
    return f"relative errors of {max(power, 0.0):.1e} would have been seen"
