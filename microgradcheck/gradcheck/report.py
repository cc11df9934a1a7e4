"""What a gradcheck found, entry by entry, and how it is told."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Callable
from dataclasses import InitVar, asdict, dataclass, field
from typing import Any

from microgradcheck.gradcheck.entry import Cause, Entry, OperationFault, Verdict, worst_first
from microgradcheck.gradcheck.wording import (
    HEADLINE,
    counts,
    cut,
    fault_lines,
    headline,
    number,
    power,
    row,
    wrap,
)
from microgradcheck.structure import count

_MOST_ENTRIES = 5
_MOST_LINES = 15
# How many entries, operations and notes a report shows: the first that fits its lines.
_ALLOWANCES = ((5, 2, 2), (5, 1, 2), (3, 1, 2), (3, 1, 1), (1, 1, 0))


class GradcheckError(AssertionError):
    """A gradient did not pass; `report` says which entries, and why.

    Args:
        report: the report of the check.

    Example:
        >>> from microgradcheck.gradcheck import gradcheck
        >>> try:
        ...     gradcheck(lambda x: x * x, 3.0, gradient=lambda x: x)
        ... except GradcheckError as error:
        ...     print(error.report.verdict, error.report.entries[0].reference)
        WRONG 6.0
    """

    __module__ = "microgradcheck"  # where it is public: a shorter name in tracebacks

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report

    def __reduce__(self) -> tuple[Any, ...]:
        return GradcheckError, (self.report,)


@dataclass(eq=False, kw_only=True)
class Report:
    """The result of a gradcheck.

    Attributes:
        entries: all entries, in reading order.
        passed: whether every entry passed, or has a verdict that was accepted.
        verdict: the worst verdict of any entry.
        cause: what is wrong, in words; "" where nothing is.
        power: the smallest relative error that would have been seen in every entry.
        inputs: how f calls its arguments, in order.
        calls: how often f was called, but by the source of the gradient.
        taped: at how many more points f's tape was run in its place.
        operations: the operations whose own derivatives are wrong.
        notes: what else the reader should know.
        repeat: the call that repeats the check.
        nodes: with `nodes=True`, the interior nodes; their index is their place in the order of
            recording, and their input is -1.
        ask: what `opinions` asks of an entry; None where f is not at hand.

    Example:
        >>> from microgradcheck.gradcheck import gradcheck
        >>> report = gradcheck(lambda x: x * x, 3.0, gradient=lambda x: x, raise_on_failure=False)
        >>> report.passed, str(report.verdict), report.entries[0].gradient
        (False, 'WRONG', 3.0)
    """

    entries: list[Entry] = field(kw_only=False)
    passed: bool
    inputs: list[str] = field(default_factory=list)
    calls: int = 0
    taped: int = 0
    operations: list[OperationFault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    repeat: str = ""
    nodes: list[Entry] = field(default_factory=list)
    ask: InitVar[Callable[[Entry], object] | None] = None

    def __post_init__(self, ask: Callable[[Entry], object] | None) -> None:
        self._ask = ask
        # A node that is wrong is told of like an entry; one that is right is no news.
        wrong_nodes = [node for node in self.nodes if node.verdict is Verdict.WRONG]
        self._told = worst_first([*self.entries, *wrong_nodes])
        self.verdict = self._told[0].verdict
        # A node has no cause of its own; that of the entries explains it.
        self.cause = next((entry.cause for entry in self._like_the_worst() if entry.cause), "")
        self.power = max(entry.power for entry in self.entries)

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"<Report {self._headline()}>"

    def __str__(self) -> str:
        for entries, operations, notes in _ALLOWANCES:
            lines = [
                self._headline(),
                *self._entry_lines(entries),
                *self._operation_lines(operations),
                *(wrap("cause: ", self.cause + self._share_of_cause()) if self.cause else ()),
                *(line for note in self.notes[:notes] for line in wrap("note: ", note)),
                *self._cost_lines(),
            ]
            if len(lines) <= _MOST_LINES:
                break
        return "\n".join(map(cut, lines))

    def _headline(self) -> str:
        if self.passed and len(self.entries) > 1:
            summary = f"{len(self.entries):,} entries ({counts(self.entries)})"
            return cut(f"{self.verdict} {summary}", HEADLINE)
        return headline(self._told[0])

    def _entry_lines(self, most: int) -> list[str]:
        bad = [entry for entry in self._told if entry.verdict is not Verdict.PASS]
        if not bad and len(self.entries) <= most:
            bad = self.entries  # Few enough to show all, both numbers of each.
        if all(map(_is_empty, bad)):
            return []  # The gradient is none of f's at all, so there are no numbers to show.
        shown, rest = bad[:most], self._told[min(most, len(bad)) :]
        width = max(11, *(len(entry.name) for entry in shown))
        more = [f"  and {len(rest):,} more ({counts(rest)})"] if rest else []
        if rest and 1 < len(self.inputs) < len(self.entries):
            parts = [[e for e in self._told if e.input == n] for n in range(len(self.inputs))]
            found = list(map(counts, parts))
            if len(set(found)) > 1:
                told = map(" ".join, zip(self.inputs, found, strict=True))
                more += wrap("  by input: ", "; ".join(told))
        return [*(row(entry, width) for entry in shown), *more]

    def _operation_lines(self, most: int) -> list[str]:
        lines = [line for fault in self.operations[:most] for line in fault_lines(fault)]
        others = self.operations[most:]
        if others:
            names = ", ".join(dict.fromkeys(fault.name for fault in others))
            lines.append(f"    and in {count(len(others), 'more place')}: {names}")
        return lines

    def _cost_lines(self) -> list[str]:
        lines = []
        if math.isfinite(self.power) or self.verdict is not Verdict.WRONG:
            kinks = any(entry.verdict is Verdict.KINK for entry in self.entries)
            lines += wrap("power: ", power(self.power, kinks=kinks))
        tape = f", and {self.taped:,} of its tape" if self.taped else ""
        calls = f"calls: {self.calls:,} of f{tape}"
        if self.repeat and not self.passed:
            return lines + wrap(f"{calls}; repeat: ", self.repeat)
        return [*lines, calls]

    def _like_the_worst(self) -> list[Entry]:
        return [entry for entry in self._told if entry.verdict is self.verdict]

    def _share_of_cause(self) -> str:
        """Return for how many it holds, where other entries of the verdict have another cause."""
        alike = self._like_the_worst()
        cause = Cause.of(self.cause)
        sharing = [entry for entry in alike if Cause.of(entry.cause) is cause]
        if len(sharing) == len(alike):
            return ""
        return f" ({len(sharing):,} of {len(alike):,} {self.verdict})"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(e.name)}</td><td>{e.verdict}</td><td>{number(e.gradient)}</td>"
            f"<td>{number(e.reference)}</td><td>{html.escape(e.cause)}</td></tr>"
            for e in self._told[:_MOST_ENTRIES]
        )
        return (
            f"<p><b>{html.escape(self._headline())}</b> {html.escape(self.cause)}</p>"
            "<table><tr><th>entry</th><th>verdict</th><th>gradient</th><th>reference</th>"
            f"<th>cause</th></tr>{rows}</table>"
        )

    def opinions(self, entry: Entry | None = None) -> object:
        """Return what other ways say of one entry's derivative, side by side.

        Args:
            entry: one of `entries`; by default the worst of them.

        Returns:
            An object whose text is a table: central differences over many steps, with their noise;
            backprop, forward mode and a complex step; and how the Taylor remainder shrinks, with
            h² where the gradient is right and with h where it is wrong.

        Raises:
            ValueError: the report was pickled, which loses f, or it has no such entry.

        Example:
            >>> from microgradcheck.gradcheck import gradcheck
            >>> print(gradcheck(lambda x: x**3, 2.0).opinions().conclusion)
            All agree.
        """
        if self._ask is None:
            raise ValueError("a report that was pickled has no function to ask again")
        if entry is None:
            entry = next(worst for worst in self._told if worst in self.entries)
        elif entry not in self.entries:
            raise ValueError(f"opinions are of one of the report's entries, got {entry!r}")
        return self._ask(entry)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_ask": None}

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, which JSON holds: None for what is not finite.

        Example:
            >>> from microgradcheck.gradcheck import gradcheck
            >>> gradcheck(lambda x: x * x, 3.0).to_dict()["passed"]
            True
        """
        public = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        text = json.dumps({"schema": 1, **public}, default=asdict)
        plain: dict[str, Any] = json.loads(text, parse_constant=lambda _: None)
        return plain


def _is_empty(entry: Entry) -> bool:
    is_undefined = entry.verdict is Verdict.EDGE
    return not is_undefined and math.isnan(entry.gradient) and math.isnan(entry.reference)
