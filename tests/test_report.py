"""How reports are told: within their lines and columns, whatever was found."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradcheck.gradcheck import Entry, GradcheckError, OperationFault, Report, Verdict
from microgradcheck.gradcheck.entry import Cause

NUMBERS = st.floats() | st.sampled_from([0.0, 1.0, 5.07, 5.070001, -1.2345678e-100, 1e300])
INDICES = st.lists(st.integers(0, 99_999), max_size=3).map(tuple)
TEXTS = st.text(st.characters(codec="ascii"), max_size=400) | st.sampled_from(list(Cause))


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    index, output = draw(INDICES), draw(INDICES)
    name = draw(st.sampled_from(["x", "x0", "weights_"]))
    return Entry(
        input=0,
        index=index,
        output=output,
        name=f"df[{','.join(map(str, output))}]/d{name}[{','.join(map(str, index))}]",
        gradient=draw(NUMBERS),
        verdict=draw(st.sampled_from(Verdict)),
        reference=draw(NUMBERS),
        error_bound=abs(draw(NUMBERS)),
        power=abs(draw(NUMBERS)),
        slopes=draw(st.none() | st.tuples(NUMBERS, NUMBERS)),
        cause=draw(TEXTS),
    )


@st.composite
def faults(draw: st.DrawFn) -> OperationFault:
    line = draw(st.text("abc +*()", max_size=200)).strip()
    start = draw(st.integers(0, len(line)))
    return OperationFault(
        name=draw(st.sampled_from(["cube", "a_long_name_of_an_operation"])),
        input=draw(st.sampled_from("ab")),
        gradient=draw(NUMBERS),
        reference=draw(NUMBERS),
        location="a_rather_long_name_of_a_file.py:1234",
        expression=f"{line}\n{' ' * start}{'~' * (len(line) - start)}",
        count=draw(st.sampled_from([1, 2, 10_000])),
    )


@given(
    found=st.lists(entries(), min_size=1, max_size=12),
    passed=st.booleans(),
    operations=st.lists(faults(), max_size=3),
    notes=st.lists(TEXTS, max_size=3),
    repeat=st.text("abc, ", max_size=130),
)
def test_a_report_keeps_within_its_lines_and_columns(
    *,
    found: list[Entry],
    passed: bool,
    operations: list[OperationFault],
    notes: list[str],
    repeat: str,
) -> None:
    report = Report(
        found,
        passed=passed,
        calls=1_234_567,
        operations=operations,
        notes=notes,
        repeat=f"gradcheck(f, {repeat}, rng=0)",
    )
    lines = str(report).split("\n")
    assert len(lines) <= 15
    assert max(map(len, lines)) <= 72
    assert len(lines[0]) <= 41
    assert lines[0].startswith(str(report.verdict))
    # However little room there is, it says why, and how to see it again.
    assert any(line.startswith("cause: ") for line in lines) == bool(report.cause.strip())
    assert any(line.startswith("calls: ") for line in lines)
    assert repr(report) == f"<Report {lines[0]}>"


def entry(gradient: float, reference: float, *, name: str = "df/dx", **others: object) -> Entry:
    given = {"verdict": Verdict.WRONG, "error_bound": 1e-12, "power": 1e-6, **others}
    return Entry(0, (), (), name, gradient, reference=reference, **given)  # type: ignore[arg-type]


def headline(*found: Entry, passed: bool = False) -> str:
    return str(Report(found, passed=passed)).split("\n")[0]


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (entry(1.682941970, 1.08060461, name="df/dx[1]"), "df/dx[1]: 1.68294, not 1.08060"),
        (entry(5.070002, 5.07), "df/dx: 5.070002, not 5.070000"),
        (entry(5.07 + 1e-9, 5.07), "df/dx: 5.070000001, not 5.070000000"),
        (
            entry(5.07005, 5.07, name="df[2]/dweight[10]"),
            "df[2]/dweight[10]: misfit at a tie",
        ),
        (entry(7.0, 5.07, name="df[2]/dweights[10,10]"), "df[2]/dweights[10,10]: 7.0, not 5.1"),
        (entry(math.nan, 5.07), "df/dx: misfit at a tie"),
        (entry(math.inf, 5.07), "df/dx: inf, not 5.07000"),
        (entry(2.0, 0.5, slopes=(0.0, 1.0)), "df/dx: 2.00000, not in 0..1.00000"),
        (entry(1.0, 0.5, slopes=(0.0, 1.0)), "df/dx: misfit at a tie"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_headline_shows_what_is_wrong(found: Entry, line: str) -> None:
    named = replace(found, cause=f"{Cause.TIE}: in many words that have no room in a headline")
    assert headline(named) == f"WRONG {line}"


def test_a_cause_of_several_lines_makes_one_headline() -> None:
    found = entry(math.nan, math.nan, verdict=Verdict.EDGE, cause=f"{Cause.JUMP}: a\nb")
    assert headline(found) == "EDGE df/dx: f jumps here: a b"


def test_the_worst_entries_come_first() -> None:
    found = [
        entry(1.0, 1.0, name="df/dx[0]", verdict=Verdict.PASS),
        entry(1.0, 1.1, name="df/dx[1]"),
        entry(1.0, 9.0, name="df/dx[2]"),
        entry(1.0, 1.0, name="df/dx[3]", verdict=Verdict.NOISY),
    ]
    lines = str(Report(found, passed=False)).split("\n")
    assert [line.split()[0] for line in lines[1:4]] == ["df/dx[2]", "df/dx[1]", "df/dx[3]"]
    assert lines[4] == "  and 1 more (all PASS)"


def test_the_error_is_its_report_and_pickles() -> None:
    report = Report([entry(1.0, 2.0, cause="always zero")], passed=False)
    error = GradcheckError(report)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is GradcheckError
    assert str(again) == str(error) == str(report)
    assert again.report.entries == report.entries
    assert GradcheckError.__module__ == "microgradcheck"
