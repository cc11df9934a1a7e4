"""Gradcheck takes f from its tape where that is sooner, and sees the same as without."""

from __future__ import annotations

import itertools
import math
import operator
import random
from typing import Any

import numpy as np
import pytest

import microgradcheck as mg
from microgradcheck.gradcheck import comparison, nudges
from microgradcheck.gradcheck.nudges import Taped
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.tape import Recorder
from random_functions import Claimed

X = np.linspace(0.5, 2.0, 40)


def smooth(x: Any) -> Any:
    return mg.sum([mg.sin(a) * b for a, b in itertools.pairwise(x)])


def check(f: Any, x: Any = X, **options: Any) -> mg.Report:
    return mg.gradcheck(f, x, raise_on_failure=False, **options)


@pytest.fixture
def without_tape(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A check that calls f for every point."""

    def check_by_calls(f: Any, x: Any = X, **options: Any) -> mg.Report:
        with monkeypatch.context() as patch:
            patch.setattr(Taped, "of", lambda *_: None)
            return check(f, x, **options)

    return check_by_calls


def test_many_entries_take_a_few_calls(without_tape: Any) -> None:
    report, slow = check(smooth), without_tape(smooth)
    assert report.calls < 10 < 4 * len(X) < slow.calls
    assert report.taped > 4 * len(X) > slow.taped == 0
    assert f"calls: {report.calls} of f, and {report.taped} of its tape" in str(report)
    assert report.to_dict()["taped"] == report.taped
    assert check(lambda x: np.array(smooth(x))).taped == report.taped
    for ours, theirs in zip(report.entries, slow.entries, strict=True):
        assert ours.verdict == theirs.verdict == "PASS"
        assert abs(ours.reference - theirs.reference) <= ours.error_bound + theirs.error_bound
        assert ours.resolution == pytest.approx(theirs.resolution, rel=0.5)


def test_steps_begin_wider_where_they_cost_little(without_tape: Any) -> None:
    report, slow = check(smooth), without_tape(smooth)
    bound, slow_bound = (max(e.error_bound for e in found.entries) for found in (report, slow))
    assert bound < slow_bound / 4


def test_few_entries_are_not_worth_a_tape() -> None:
    assert check(smooth, X[:15]).taped == 0
    assert check(smooth, X[:16]).taped


def test_arguments_of_every_kind() -> None:
    def f(a: Any, b: Any, c: Any) -> Any:
        return a * smooth(b) + c[0][1] * c[1][0] ** 2 + c[0][0] * c[1][1]

    matrix = [[1.0, 2.0], [3.0, 4.0]]
    report = mg.gradcheck(lambda a, b, c: f(a, b.ravel(), c), 0.5, X.reshape(8, 5), matrix)
    assert report.passed
    assert report.taped
    ragged = mg.gradcheck(lambda x: smooth(x[0]) + x[1][0], [list(X), [1.0]])
    assert ragged.passed
    assert ragged.taped


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-8])
def test_one_wrong_entry_is_found(size: float) -> None:
    right = mg.grad(smooth)(X)
    wrong = right.copy()
    wrong[17] *= 1 + 1e-4 * size
    report = check(smooth, gradient=Claimed(wrong))
    assert report.taped
    wrong_entries = [entry.index for entry in report.entries if entry.verdict == "WRONG"]
    assert wrong_entries == ([(17,)] if size == 1.0 else [])


# What a tape does not hold


@pytest.mark.parametrize(
    ("n", "is_beyond"), [(0, operator.ge), (3, operator.gt), (len(X) - 1, operator.gt)]
)
def test_another_branch_is_taken_by_f_itself(n: int, is_beyond: Any, without_tape: Any) -> None:
    def bent(x: Any) -> Any:
        return smooth(x) + (1 if is_beyond(x[n], X[n]) else 5) * (x[n] - X[n])

    report, slow = check(bent), without_tape(bent)
    assert report.taped
    assert report.calls < slow.calls / 2
    assert [e.verdict for e in report.entries] == [e.verdict for e in slow.entries]
    assert report.entries[n].slopes == pytest.approx(slow.entries[n].slopes, rel=0.01)
    assert report.entries[n].verdict == "KINK"


def test_a_border_of_the_domain_is_an_edge(without_tape: Any) -> None:
    x = X.copy()
    x[5] = 0.0

    def bounded(x: Any) -> Any:
        return smooth(x) + mg.sqrt(x[5] * x[5] * x[5])

    report, slow = check(bounded, x, gradient=Claimed(np.zeros(40))), without_tape(bounded, x)
    assert report.taped
    assert report.entries[5].verdict == slow.entries[5].verdict == "EDGE"
    assert report.entries[5].cause == slow.entries[5].cause


def only_for_values(x: Any) -> Any:
    """Leave a term out where a graph is recorded."""
    return smooth(x) + (0.0 if isinstance(x[7], mg.Value) else 1e-3 * x[7])


def remembering() -> Any:
    calls = itertools.count()
    return lambda x: smooth(x) + 1e-3 * math.sin(next(calls))


@pytest.mark.parametrize(
    ("f", "verdict"), [(only_for_values, "WRONG"), (remembering(), "NOISY")], ids=["cut", "new"]
)
def test_f_confirms_its_tape(
    f: Any, verdict: str, without_tape: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = check(f)
    assert report.taped == 0
    assert report.verdict == without_tape(f).verdict == verdict
    monkeypatch.setattr(Taped, "is_confirmed", lambda *_: True)
    monkeypatch.setattr(comparison, "scatter", lambda *_, **__: 0.0)
    assert check(f).passed  # So it is the confirmation that finds it.


def test_a_small_part_that_is_cut_off_is_seen_beside_a_large_number() -> None:
    def f(x: Any) -> Any:
        return 1e6 + only_for_values(x)

    assert check(f).entries[7].verdict == "WRONG"


def test_f_that_reads_a_value_is_not_taped(without_tape: Any) -> None:
    def cut(x: Any) -> Any:
        return smooth(x) + float(x[7])

    report = check(cut)
    assert report.taped == 0
    assert report.cause == without_tape(cut).cause
    assert "cut" in report.cause


def test_a_tape_is_not_confirmed_by_points_without_a_value() -> None:
    def narrow(x: Any) -> Any:
        return mg.sum([mg.log(1e-6 - (a - 1.0) ** 2) for a in x])

    problem = Problem(narrow, (np.ones(40),))
    taped = Taped.of(problem, [narrow(np.ones(40))], None)
    assert taped is not None
    assert not taped.is_confirmed(0.0, random.Random(0))


def test_f_confirms_its_tape_as_far_as_steps_went(without_tape: Any) -> None:
    # At the scale of this entry, what is cut off is less than the rounding of the others.
    x = X.copy()
    x[7] = 1e-12
    report = check(only_for_values, x)
    assert report.entries[7].verdict == without_tape(only_for_values, x).entries[7].verdict
    assert report.entries[7].verdict == "WRONG"
    assert report.taped == 0


def test_f_confirms_its_tape_next_to_the_inputs() -> None:
    def only_here(x: Any) -> Any:
        bump = 0.0 if isinstance(x[7], mg.Value) else x[7] - X[7]
        return smooth(x) + bump * math.exp(-((1e4 * bump) ** 2))

    assert check(only_here).entries[7].verdict == "WRONG"


def test_f_is_asked_near_its_inputs_alone() -> None:
    x, asked = 1e-3 * X, []

    def f(x: Any) -> Any:
        if isinstance(x, np.ndarray) and x.dtype == float:
            asked.append(x)
        return mg.sum([mg.sin(a * 1e3) for a in x])

    assert check(f, x).taped
    assert np.abs(np.array(asked) - x).max() < 0.3 * x.max()


def test_a_small_part_that_is_cut_off_is_seen_beside_small_numbers() -> None:
    assert check(lambda x: 1e-12 * only_for_values(x)).entries[7].verdict == "WRONG"


@pytest.mark.parametrize("f", [lambda x: 1e6 + smooth(x), lambda x: 0 * smooth(x)])
def test_what_a_tape_gives_within_rounding_is_confirmed(f: Any) -> None:
    taped = Taped.of(Problem(f, (X,)), [float(f(X))], None)
    assert taped is not None
    assert taped.is_confirmed(0.0, random.Random(0))


def test_f_confirms_its_tape_far_from_the_inputs() -> None:
    def only_near(x: Any) -> Any:
        is_far = not isinstance(x[0], mg.Value) and np.abs(x / X - 1).max() > 0.1
        return smooth(x) + 1e-3 * is_far

    assert check(only_near).taped == 0


def test_f_may_refuse_to_be_recorded_by_an_error_of_its_own() -> None:
    def cut(x: Any) -> Any:
        try:
            return smooth(x) + float(x[7])
        except TypeError as error:
            raise RuntimeError("x must hold numbers") from error

    assert "cut" in check(cut).cause


def test_f_may_refuse_points_that_are_farther_away_than_steps() -> None:
    def bounded(x: Any) -> Any:
        if not isinstance(x[0], mg.Value) and np.abs(x - X).max() > 1e-3:
            raise RuntimeError("too far")
        return smooth(x)

    report = check(bounded)
    assert (report.passed, report.taped) == (True, 0)


def test_f_may_change_a_value_that_its_tape_holds(without_tape: Any) -> None:
    weight = mg.Value(1.0)

    def f(x: Any) -> Any:
        # Of no consequence, so that the tape is confirmed.
        weight.data = 1.0 if isinstance(x[0], mg.Value) else x[0]
        return smooth(x) + 0.0 * weight + abs(x[3] - X[3]) * (1 if x[3] > X[3] else 2)

    report = check(f)
    assert [e.verdict for e in report.entries] == [e.verdict for e in without_tape(f).entries]


def test_an_input_without_influence_makes_no_difference_at_all() -> None:
    # Sums of another number of points are added in another order.
    x = (X > 1).astype(float)
    report = check(smooth, x)
    assert report.passed
    assert all(e.error_bound < 1e-6 for e in report.entries)
    assert report.taped < 12 * len(x)


def test_points_are_computed_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = check(smooth)
    monkeypatch.setattr(nudges, "_NUMBERS", 300)
    sizes, run = [], mg.tape.Tape.trusted_values
    monkeypatch.setattr(
        mg.tape.Tape,
        "trusted_values",
        lambda self, points: sizes.append(len(points)) or run(self, points),
    )
    assert check(smooth).taped == whole.taped
    assert max(sizes) == 1 + 8  # The inputs, and 8 points of 40 numbers.


def test_searches_that_need_more_points_share_them(monkeypatch: pytest.MonkeyPatch) -> None:
    batches = []
    run = mg.tape.Tape.trusted_values
    monkeypatch.setattr(
        mg.tape.Tape,
        "trusted_values",
        lambda self, *points: batches.append(len(points[0])) or run(self, *points),
    )
    offset = 1e5 + X
    report = check(lambda x: smooth([a - 1e5 for a in x]), offset)
    assert report.passed
    searched = [size for size in batches if size > 2]
    assert len(searched) < len(X)  # One by one, each of them would ask for several.
    assert report.taped > 6 * len(X)


@pytest.mark.parametrize("when", range(2, 6))
def test_where_a_value_of_its_own_has_changed_f_is_called(when: int) -> None:
    weight, calls = mg.Value(1.0), itertools.count()

    def f(x: Any) -> Any:
        if not isinstance(x[0], mg.Value) and next(calls) == when:
            weight.data = 2.0  # It makes no difference, which the tape cannot know.
        return smooth(x) + 0 * weight

    report = check(f)
    assert report.passed
    assert report.calls > 4 * len(X)


def test_a_recording_that_read_a_value_becomes_no_graph() -> None:
    recorder = Recorder(lambda x: x * x + 0 * float(x))
    assert mg.grad(recorder)(3.0) == 6.0
    with pytest.raises(TypeError, match="read as a plain number"):
        recorder.graph()


def test_the_source_tape_refuses_itself_what_it_cannot_follow() -> None:
    with pytest.raises(TypeError, match="and a tape cannot follow"):
        check(lambda x: smooth(x) + 0 * float(x[0]), gradient="tape")
