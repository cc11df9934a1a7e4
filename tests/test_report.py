"""How reports are told: within their lines and columns, whatever was found."""

from __future__ import annotations

import math
import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradcheck.gradcheck import (
    Entry,
    GradcheckError,
    OperationFault,
    Report,
    Verdict,
    gradcheck,
)
from microgradcheck.gradcheck.entry import Cause, worst_first
from microgradcheck.gradcheck.wording import row

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
        (entry(7.0, 5.07, name="df[2]/dweight[10,10]"), "df[2]/dweight[10,10]: 7.0, not 5.1"),
        (entry(math.nan, 5.07), "df/dx: misfit at a tie"),
        (entry(math.inf, 5.07), "df/dx: inf, not 5.07000"),
        (entry(2.0, 0.5, slopes=(0.0, 1.0)), "df/dx: 2.00000, not in 0..1.00000"),
        (entry(1.0, 0.5, slopes=(0.0, 1.0)), "df/dx: misfit at a tie"),
        (entry(0.0, 0.5, slopes=(0.0, 1.0)), "df/dx: misfit at a tie"),
        (entry(0.92, 1.5, slopes=(1.0, 2.0), error_bound=0.1), "df/dx: misfit at a tie"),
        (entry(2.08, 1.5, slopes=(1.0, 2.0), error_bound=0.1), "df/dx: misfit at a tie"),
        (
            entry(0.85, 1.5, slopes=(1.0, 2.0), error_bound=0.1),
            "df/dx: 0.8500, not in 1.000..2.000",
        ),
        (entry(1.23e16, -9.87e16, name="df/dxy[12]"), "df/dxy[12]: 1.23e+16, not -9.87e+16"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_headline_shows_what_is_wrong(found: Entry, line: str) -> None:
    named = replace(found, cause=f"{Cause.TIE}: in many words that have no room in a headline")
    assert headline(named) == f"WRONG {line}"


def test_a_cause_of_several_lines_makes_one_headline() -> None:
    found = entry(math.nan, math.nan, verdict=Verdict.EDGE, cause=f"{Cause.JUMP}: a\nb")
    assert headline(found) == "EDGE df/dx: f jumps here: a b"


@pytest.mark.parametrize(
    ("detail", "shown"), [("in 11 words", ": in 11 words"), ("in 111 words", "")]
)
def test_a_headline_has_the_detail_of_a_cause_where_41_characters_hold_it(
    detail: str, shown: str
) -> None:
    found = entry(math.nan, 1.0, cause=f"{Cause.TIE}: {detail}")
    assert headline(found) == f"WRONG df/dx: {Cause.TIE}{shown}"


@pytest.mark.parametrize(
    ("length", "numbers"),
    [
        (15, "1.23457e+16 against -9.87654e+16"),
        (17, "1.2346e+16 against -9.8765e+16"),
        (21, "1.23e+16 against -9.88e+16"),
        (40, "1.2e+16 against -9.9e+16"),
    ],
)
def test_a_row_has_as_many_digits_as_there_is_room_for(length: int, numbers: str) -> None:
    found = entry(1.234567e16, -9.876543e16, name="d" * length, error_bound=1e-9)
    line = row(found, length)
    assert line == f"  {found.name} WRONG        {numbers} ± 1e-09"
    assert (len(line) <= 72) == (length < 40)


def test_a_bound_and_the_power_have_two_digits() -> None:
    report = str(Report([entry(1.0, 2.0, error_bound=0.00123, power=2.46e-7)], passed=False))
    assert "1.00000 against 2.00000 ± 0.0012\n" in report
    assert "power: relative errors of 2.5e-07 would have been seen\n" in report


def test_a_long_cause_has_three_lines() -> None:
    cause = f"{Cause.TIE}: {' '.join(f't{n:02}' for n in range(80))}"
    lines = str(Report([entry(1.0, 2.0, cause=cause)], passed=False)).split("\n")
    assert [line[:9] for line in lines[2:6]] == ["cause: mi", "    t12 t", "    t29 t", "power: re"]
    assert lines[4].endswith(" …")


@pytest.mark.parametrize(
    ("gradient", "slopes", "told"),
    [
        (1.5, (-1.0, 1.0), "WRONG df/dx: 1.500, not in -1.000..1.000"),
        (-1.0002, (-1.0, 1.0), "WRONG df/dx: outside the slopes of a kink"),
        (-0.5, (-1.0, 1.0), "WRONG df/dx: outside the slopes of a kink"),  # as a tie can make it
        (1.0001, (1.0, -1.0), "WRONG df/dx: outside the slopes of a kink"),
        (3.1234561, (3.0, 3.123456), "WRONG df/dx: outside the slopes of a kink"),
    ],
)
def test_a_number_is_not_said_to_lie_outside_of_slopes_that_look_like_it(
    gradient: float, slopes: tuple[float, float], told: str
) -> None:
    cause = f"{Cause.OUTSIDE_A_KINK}; any number between them would do"
    found = replace(entry(gradient, sum(slopes) / 2, cause=cause), slopes=slopes, error_bound=1e-9)
    first = str(Report([found], passed=False)).split("\n")[0]
    assert first == told


def test_a_worse_verdict_comes_before_a_larger_gap() -> None:
    found = [
        entry(1.0, 1.0 + n, verdict=verdict)
        for n, verdict in enumerate(sorted(Verdict, key=lambda v: -v.severity))
    ]
    assert worst_first(reversed(found)) == found


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


@pytest.mark.parametrize(
    ("count", "others"),
    [(1, ""), (2, ", and 1 more like it"), (1002, ", and 1,001 more like it")],
)
def test_operations_that_are_wrong_alike_are_counted(count: int, others: str) -> None:
    fault = OperationFault("cube", "a", 1.0, 2.0, "", "", count)
    lines = str(Report([entry(1.0, 2.0)], passed=False, operations=[fault])).split("\n")
    assert f"operation: d cube / d a is 1.00000, not 2.00000{others}" in lines


@pytest.mark.parametrize(("gap", "bound"), [(1e-12, 1e-15), (1e-9, 1e-8)])
def test_numbers_that_no_digits_tell_apart_are_shown_with_the_usual_six(
    gap: float, bound: float
) -> None:
    found = entry(5.07 + gap, 5.07, error_bound=bound, cause=Cause.MUTATED_BY_F)
    assert f"5.07000 against 5.07000 ± {bound:.0e}" in str(Report([found], passed=False))


@pytest.mark.parametrize(
    ("start", "line", "underline"),
    [
        (8, "t00 t01 t02 t03 t04 t05 t06 t07 t08 t09 t10 t11 t12 t13 t14 t15 t16…", " " * 8),
        (80, "… t15 t16 t17 t18 t19 t20 t21 t22 t23 t24 t25 t26 t27 t28 t29 t30 t…", " " * 22),
        (152, "…t23 t24 t25 t26 t27 t28 t29 t30 t31 t32 t33 t34 t35 t36 t37 t38 t39", " " * 61),
    ],
)
def test_a_long_line_is_cut_so_that_what_is_underlined_is_in_view(
    start: int, line: str, underline: str
) -> None:
    whole = " ".join(f"t{n:02}" for n in range(40))
    fault = OperationFault("cube", "a", 1.0, 2.0, "", f"{whole}\n{' ' * start}~~~~~~~", 1)
    lines = str(Report([entry(1.0, 2.0)], passed=False, operations=[fault])).split("\n")
    at = next(n for n, told in enumerate(lines) if told.startswith("operation: "))
    assert lines[at + 1 : at + 3] == [f"    {line}", f"    {underline}~~~~~~~"]


@pytest.mark.parametrize(
    "found",
    [entry(1.0, 2.0), OperationFault("cube", "a", 1.0, 2.0, "", "", 1)],
    ids=["entry", "fault"],
)
def test_what_was_found_stays_as_it_was(found: Entry | OperationFault) -> None:
    with pytest.raises(FrozenInstanceError):
        found.gradient = 2.0  # type: ignore[misc]
    assert hash(found) == hash(replace(found))


@pytest.mark.parametrize(("count", "rows"), [(1, 1), (5, 5), (6, 0)])
def test_few_entries_that_pass_are_all_shown(count: int, rows: int) -> None:
    found = [entry(1.0, 1.0, verdict=Verdict.PASS)] * count
    assert str(Report(found, passed=True)).count("  df/dx ") == rows


@pytest.mark.parametrize(
    ("operation", "cause", "note", "shown"),
    [
        (1, 1, 1, (5, 2, 2)),
        (1, 2, 1, (5, 1, 2)),
        (2, 1, 1, (5, 1, 2)),
        (2, 1, 2, (3, 1, 2)),
        (3, 1, 3, (3, 1, 1)),
        (3, 3, 3, (1, 1, 0)),
    ],
)
def test_a_report_shows_as_much_as_there_are_lines_for(
    operation: int, cause: int, note: int, shown: tuple[int, int, int]
) -> None:
    words = {1: "why", 2: "why " * 20, 3: "why " * 40}  # by the lines that they take
    places = {1: ("", ""), 2: ("file.py:12" * 3, ""), 3: ("", "cube(x)\n~~~~~~~")}
    lines = str(
        Report(
            [entry(1.0, 2.0, cause=words[cause])] * 8,
            passed=False,
            operations=[OperationFault("cube", "a", 1.0, 2.0, *places[operation], 1)] * 4,
            notes=[words[note]] * 3,
        )
    ).split("\n")
    heads = ("  df/dx", "operation: ", "note: ")
    assert tuple(sum(line.startswith(head) for line in lines) for head in heads) == shown
    assert f"    and in {4 - shown[1]} more places: cube" in lines
    assert lines[-1] == "calls: 0 of f"


def test_in_a_notebook_the_five_worst_entries_are_shown() -> None:
    found = [entry(1.0, 1.0 + k, name=f"df/dx[{k}]") for k in range(7)]
    page = Report(found, passed=False)._repr_html_()
    assert [f"df/dx[{k}]</td>" in page for k in range(7)] == [False] * 2 + [True] * 5


def test_the_error_is_its_report_and_pickles() -> None:
    report = Report([entry(1.0, 2.0, cause="always zero")], passed=False)
    error = GradcheckError(report)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is GradcheckError
    assert str(again) == str(error) == str(report)
    assert again.report.entries == report.entries
    assert len({again.report, report}) == 2
    assert GradcheckError.__module__ == "microgradcheck"


def test_a_report_that_does_not_show_all_tells_of_each_input() -> None:
    report = gradcheck(
        *(lambda w, b: (w**3).sum() + (b**2).sum(), np.arange(1.0, 7.0), np.ones(2)),
        gradient=lambda w, b: (2 * w**2 + w, 2 * b),
        raise_on_failure=False,
    )
    assert report.inputs == ["w", "b"]
    assert "  by input: w 5 WRONG, 1 PASS; b all PASS" in str(report).splitlines()
    for shape in ((), (4,)):  # Where each input is an entry, and where all are alike.
        alike = gradcheck(
            *(lambda x, y: np.sum(x**2 + y**2), np.ones(shape), np.ones(shape)),
            gradient=lambda x, y: (3 * x, 3 * y if y.shape else 2 * y),
            raise_on_failure=False,
        )
        assert " more (" in str(alike)
        assert "by input" not in str(alike)


def test_zeros_are_told_to_hide_what_is_wrong() -> None:
    def f(mean: Any, width: Any) -> Any:
        return (mean**2).sum() + (width**3).sum()

    def gradient(mean: Any, width: Any) -> Any:
        return -2 * mean, 3 * width**2

    at_zero = gradcheck(f, np.zeros(3), np.ones(2), gradient=gradient)
    assert at_zero.notes == [
        "with respect to mean, the inputs or the gradient are 0 here, where wrong terms and "
        "factors can hide; check at other inputs too"
    ]
    balanced = gradcheck(lambda x, y: (x - 1) ** 2 * y, 1.0, 2.0, gradient=lambda x, y: (0.0, 0.0))
    assert balanced.notes[0].startswith("with respect to x, the inputs or")
    one_is_not = np.array([0.0, 0.0, 1e-3])
    assert not gradcheck(f, one_is_not, np.ones(2), raise_on_failure=False).notes
    away = gradcheck(lambda x: np.sin(x).sum(), np.zeros(2), gradient=np.cos)
    assert away.notes[0].startswith("with respect to x, the inputs or")
    for one in (0.0, np.zeros(1)):
        assert not gradcheck(lambda x: np.sin(x).sum(), one, gradient=np.cos).notes
    ignored = gradcheck(lambda x, y: x**2, 1.0, 2.0, gradient=lambda x, y: (2 * x, 0.0))
    assert not ignored.notes


def test_what_is_too_small_beside_the_rest_is_told_to_be() -> None:
    def f(x: Any) -> Any:
        return 3 * np.exp(x).sum()

    def gradient(x: Any) -> Any:
        return 3 * np.exp(x)

    report = gradcheck(f, np.array([0.0, -30.0]), gradient=gradient, raise_on_failure=False)
    assert report.verdict == "INCONCLUSIVE"
    (note,) = report.notes
    ratio = (report.entries[1].reference + report.entries[1].error_bound) / 3
    assert report.entries[1].error_bound > 0.03 * report.entries[1].reference
    assert f"INCONCLUSIVE since it is below {ratio:.1e} of the largest entry; check at" in note
    two = gradcheck(f, np.array([0.0, -27.0, -26.0]), gradient=gradient, raise_on_failure=False)
    assert two.notes[0].startswith("INCONCLUSIVE since all 2 of them are below ")
    mixed = gradcheck(f, np.array([0.0, -27.0, -11.0]), gradient=gradient, raise_on_failure=False)
    assert [entry.verdict for entry in mixed.entries] == ["PASS", "INCONCLUSIVE", "PASS"]
    hidden = gradcheck(lambda x: 1e16 + math.sin(x), 1.3, gradient=math.cos, raise_on_failure=False)
    assert (hidden.verdict, hidden.notes) == ("INCONCLUSIVE", [])


def test_what_is_small_beside_another_output_is_not_told_to_be() -> None:
    report = gradcheck(
        lambda x: np.array([1e12 * x[0], math.tanh(20 * x[1])]),
        [1.0, 1.0],
        gradient=lambda x: np.array([[1e12, 0], [0, 20 / math.cosh(20 * x[1]) ** 2]]),
        raise_on_failure=False,
    )
    assert not report.notes


def test_the_error_of_f_at_the_inputs_given_is_where_the_report_comes_from() -> None:
    matrix = np.ones((2, 4))
    with pytest.raises(GradcheckError, match="EDGE") as caught:
        gradcheck(lambda x: matrix @ x, np.ones(3), gradient=lambda x: x)
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda x: x**0.5, 4.0, gradient=lambda x: x)
    assert caught.value.__cause__ is None
