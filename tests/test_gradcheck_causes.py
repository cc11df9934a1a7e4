"""Causes that few checks come upon, and what a report says of operations that are wrong."""

from __future__ import annotations

import importlib
import math
import random
import re
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from numpy.typing import NDArray

import microgradcheck as mg
from microgradcheck.gradcheck import Report, Verdict
from microgradcheck.gradcheck.entry import Cause


def check(f: Callable[..., Any], *inputs: Any, **options: Any) -> Report:
    return mg.gradcheck(f, *inputs, **{"raise_on_failure": False, **options})


# Operations that are wrong


def test_a_wrong_operation_in_a_loop_is_named_once_and_counted() -> None:
    bad = mg.operation("bad_cube", value="a**3", derivatives=["3 * a"])

    def f(x: Any) -> Any:
        for _ in range(3):
            x = bad(x * 0.5) + x
        return x

    (fault,) = check(f, 1.3).operations
    assert (fault.name, fault.input, fault.count) == ("bad_cube", "a", 3)


def test_of_several_wrong_operations_the_first_that_was_recorded_is_the_cause() -> None:
    cube = mg.operation("bad_cube", value="a**3", derivatives=["3 * a"])
    square = mg.operation("bad_square", value="a * a", derivatives=["a"])
    report = check(lambda x: cube(x) + square(x), 1.3)
    assert [fault.name for fault in report.operations] == ["bad_cube", "bad_square"]
    assert report.cause.startswith(f"{Cause.OPERATION}: the derivative of bad_cube")


def test_a_wrong_operation_next_to_the_edge_of_its_domain_is_named() -> None:
    bad = mg.operation("bad_root", value="sqrt(a - 1)", derivatives=["1 / y"])
    (fault,) = check(bad, 1 + 1e-7).operations
    assert fault.gradient == pytest.approx(2 * fault.reference, rel=1e-6)


def test_an_operation_whose_error_shows_beside_terms_that_cancel_it_is_named() -> None:
    bad = mg.operation("bad_square", value="a * a", derivatives=["2.000001 * a"])
    report = check(lambda x: bad(x) - 2.9 * x, 1.5)
    assert [fault.name for fault in report.operations] == ["bad_square"]


def test_an_operation_without_a_slope_here_is_not_blamed() -> None:
    step = mg.operation("step", value="0.0 if a < 2 else 1.0", derivatives=["0.0"])
    bad = mg.operation("bad_square", value="a * a", derivatives=["a"])
    report = check(lambda x, y: step(x) * 0 + bad(y), 2.0, 3.0)
    assert [fault.name for fault in report.operations] == ["bad_square"]


def test_where_there_is_no_source_the_place_alone_is_told() -> None:
    bad = mg.operation("bad_cube", value="a**3", derivatives=["3 * a"])
    f = eval("lambda x: bad(x) * 2", {"bad": bad})
    (fault,) = check(f, 1.3).operations
    assert (fault.location, fault.expression) == ("<string>:1", "")


# Causes


def cause_of(f: Callable[..., Any], *inputs: Any, **options: Any) -> str:
    return check(f, *inputs, **options).cause


def test_a_gradient_that_is_wrong_at_one_point_only() -> None:
    cause = cause_of(lambda x: x * x, 3.0, gradient=lambda x: 7.0 if x == 3.0 else 2 * x)
    assert cause.startswith(Cause.ONLY_HERE)


def test_an_input_of_zero_can_be_right_on_one_side_of_a_branch_that_others_take() -> None:
    def gradient(x: list[float]) -> list[float]:
        return [x[1] if x[1] < 0 else 2 * x[1], x[0]]

    cause = cause_of(lambda x: x[0] * x[1], [0.0, 2.0], gradient=gradient)
    assert cause.startswith(Cause.ONE_SIDE_OF_A_BRANCH)


@pytest.mark.parametrize("x", [0.01, -3.0, 400.0])
def test_causes_are_looked_for_at_three_inputs_as_large_and_of_one_sign(x: float) -> None:
    asked = set()

    def gradient(at: float) -> float:
        asked.add(at)
        return 3 * at

    check(lambda x: x**3, x, gradient=gradient)
    nearby = [at for at in asked if abs(at) != abs(x)]
    assert sorted(at for at in nearby if at * x > 0) == sorted(-at for at in nearby if at * x < 0)
    assert len(nearby) == 6
    assert all(1.02 < abs(at / x) < 1.08 for at in nearby)


def test_a_slope_of_zero_is_told_from_an_input_that_is_ignored() -> None:
    one = {"gradient": lambda x: 1.0}
    assert "is 0, and" in cause_of(lambda x: (x - 3) ** 2, 3.0, **one)
    rounded = cause_of(lambda x: x - math.sqrt(x * x - 1), 1e7, gradient=lambda x: 2.5e-14)
    maybe = f"maybe {Cause.STATIONARY}: the slope of f in x is at most 1.6e-14, and the gradient"
    assert rounded.startswith(maybe)
    assert cause_of(lambda x: 7.0, 3.0, **one).startswith(Cause.INPUT_IGNORED)


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize(
    ("distance", "cause"), [(0.05, Cause.STATIONARY), (0.5, Cause.INPUT_IGNORED)]
)
def test_an_input_that_f_minds_within_a_tenth_of_it_is_not_ignored(
    side: int, distance: float, cause: Cause
) -> None:
    def f(x: float) -> float:
        return max(0.0, side * (x - 2) - 2 * distance) ** 2

    assert cause_of(f, 2.0, gradient=lambda x: 1.0).startswith(cause)


@pytest.mark.parametrize("side", [-1, 1])
def test_an_input_is_not_ignored_where_f_moves_next_to_it_alone(side: int) -> None:
    def tent(x: float) -> float:
        return max(0.0, 0.05 - abs(x - 2 - side * 0.06))

    assert cause_of(tent, 2.0, gradient=lambda x: 1.0).startswith(Cause.STATIONARY)


def test_an_input_that_is_ignored_is_named_beside_others_that_share_a_factor() -> None:
    f, wrong = lambda x: x[0] ** 2 + x[1] ** 2, lambda x: [4 * x[0], 4 * x[1], 1.0]
    causes = [entry.cause for entry in check(f, [1.0, 2.0, 3.0], gradient=wrong).entries]
    factor = f"{Cause.CONSTANT_FACTOR} of 2;"
    for cause, name in zip(causes, [factor, factor, Cause.INPUT_IGNORED], strict=True):
        assert cause.startswith(name)


def test_an_input_that_the_gradient_ignores_is_named_as_that_of_the_second_derivative() -> None:
    cause = cause_of(
        lambda x: x[0] ** 2 + 0 * x[1],
        [3.0, 1.0],
        order=2,
        gradient=lambda x: np.array([[2.0, 0.0], [0.0, 1.0]]),
    )
    assert cause.startswith(f"{Cause.INPUT_IGNORED}: df/dx[1] does not change with x[1] here")


@pytest.mark.parametrize(("excess", "shown"), [(4e-8, "1 + 4e-08"), (-4e-8, "1 - 4e-08")])
def test_a_factor_next_to_one_is_shown_by_what_it_has_more_or_less(
    excess: float, shown: str
) -> None:
    cause = cause_of(  # Small values next to large slopes, so that differences are fine.
        lambda x: 2 * (x[0] - 1) + 4 * (x[1] - 2),
        [1.0, 2.0],
        gradient=lambda x: [2 + 2 * excess, 4 + 4 * excess],
        rtol=1e-8,
    )
    assert cause == f"maybe {Cause.FACTOR} of {shown}"


def test_a_factor_is_shown_as_the_first_wrong_entry_has_it() -> None:
    def gradient(x: list[float]) -> list[float]:
        return [4.00002 * x[0], 4.00004 * x[1]]

    cause = cause_of(lambda x: x[0] ** 2 + x[1] ** 2, [1.0, 2.0], gradient=gradient)
    assert cause.startswith(f"{Cause.CONSTANT_FACTOR} of 2.00001;")


@pytest.mark.parametrize(
    ("gradient", "failures", "cause"),
    [
        (lambda x: 6 * x * x, 0, f"{Cause.CONSTANT_FACTOR} of 2; maybe a forgotten 1/2"),
        (lambda x: 3 * x, 0, f"{Cause.FACTOR} of 1 over the input"),
        (lambda x: 3 * x, 1, Cause.NO_PATTERN),
        (lambda x: 6 * x * x, 1, f"maybe {Cause.FACTOR} of 2"),
        (lambda x: 3 * x * x + 1, 1, f"{Cause.TERM}: too large by 1, here and nearby"),
        (lambda x: 3 * x * x + 1, 2, Cause.NO_PATTERN),
        (lambda x: 3 * x * x + (x == 3.0), 0, Cause.ONLY_HERE),
        (lambda x: 3 * x * x + (x == 3.0), 1, Cause.ONE_SIDE_OF_A_BRANCH),
        (lambda x: 0.0, 1, Cause.ALWAYS_ZERO),
        (lambda x: 0.0, 2, f"maybe {Cause.ALWAYS_ZERO}"),
    ],
)
def test_each_cause_needs_its_number_of_points_nearby(
    gradient: Callable[[float], float], failures: int, cause: str
) -> None:
    left = [None] * failures

    def failing(x: float) -> float:
        if x != 3.0 and left:
            left.pop()
            raise ValueError("not here")
        return gradient(x)

    assert cause_of(lambda x: x**3, 3.0, gradient=failing).startswith(cause)


@pytest.mark.parametrize(
    ("failures", "told"),
    [(0, "the same number at"), (1, "another ratio at"), (2, "another ratio at")],
)
def test_a_number_that_stays_the_same_does_so_at_three_points_nearby(
    failures: int, told: str
) -> None:
    left = [None] * failures

    def cached(x: float) -> float:
        if x != 1.0 and left:
            left.pop()
            raise ValueError("not here")
        return 4.0

    cause = cause_of(lambda x: x * x, 1.0, gradient=cached)
    assert cause.startswith(f"{Cause.NO_PATTERN}: 2 times the derivative, and {told} inputs nearby")


def test_a_jacobian_with_the_diagonal_alone_is_told() -> None:
    def softmax(x: Any) -> Any:
        weights = np.exp(x)
        return weights / weights.sum()

    def gradient(x: Any) -> Any:
        return np.diag(softmax(x) * (1 - softmax(x)))

    x, told = np.array([0.3, 0.9, -0.4]), f"{Cause.ALWAYS_ZERO} beside the diagonal; does each"
    assert check(softmax, x, gradient=gradient).cause.startswith(told)
    # Not where a diagonal number is missing, too, or one beside it is there.
    for place, number in ((0, 0), 0.0), ((0, 1), 1.0), ((0, 1), -1.0), ((1, 0), 1.0):

        def other(x: Any, place: Any = place, number: float = number) -> Any:
            rows = gradient(x)
            rows[place] = number
            return rows

        report = check(softmax, x, gradient=other)
        zeros = [e.cause for e in report.entries if not e.gradient and e.verdict == "WRONG"]
        assert set(zeros) == {Cause.ALWAYS_ZERO}
    # Nor where there are more inputs than outputs.
    report = check(lambda x: softmax(x)[:2], x, gradient=lambda x: gradient(x)[:2])
    assert report.cause == Cause.ALWAYS_ZERO


def test_an_input_that_is_used_once_has_no_use_that_is_not_accumulated() -> None:
    cube = mg.operation("cube", value="a**3", derivatives=["3 * a"])
    report = check(cube, 2.0, gradient=lambda x: 3 * x)
    assert report.cause.startswith(Cause.FACTOR)


def test_zero_here_or_always_is_said_of_each_entry() -> None:
    def gradient(x: list[float]) -> list[float]:
        return [0.0 if x[0] == 3.0 else 2 * x[0], *[0.0] * 15]

    x = [3.0, *range(2, 17)]
    report = check(lambda x: sum(a**2 for a in x), x, gradient=gradient)
    causes = [entry.cause for entry in report.entries]
    assert causes == [Cause.ZERO_HERE, *[Cause.ALWAYS_ZERO] * 15]


def test_the_slope_between_both_sides_of_a_kink_is_no_right_one() -> None:
    cause = cause_of(lambda x: abs(x + 3) + x, 3.0, gradient=lambda x: 1 + max(x, 0.0))
    assert cause.startswith(Cause.NO_PATTERN)  # and not wrong on one side: at -3 there is a kink


def test_a_term_is_shown_as_it_is_where_it_is_known_best() -> None:
    cause = cause_of(
        lambda x: math.sin(9 * x), 2.5, gradient=lambda x: 9 * math.cos(9 * x) + 0.001 * x
    )
    assert cause.startswith(f"{Cause.TERM}: too large by 0.001 times the input")


def noisy(f: Callable[[float], float], level: float) -> Callable[[float], float]:
    return lambda x: f(x) + level * random.Random(float(x).hex()).uniform(-1, 1)


def test_a_term_is_known_no_better_than_noise_lets_slopes_be_seen() -> None:
    f = noisy(lambda x: math.sin(3 * x), 1e-9)
    report = check(f, 2.3, gradient=lambda x: 3 * math.cos(3 * x) + 0.001)
    assert report.entries[0].error_bound > 1e-6
    assert report.cause.startswith(f"{Cause.TERM}: too large by 0.001000")


def test_what_noise_hides_nearby_is_no_other_ratio() -> None:
    report = check(noisy(lambda x: x**3, 1e-3), 1.3, gradient=lambda x: 6 * x * x)
    assert report.entries[0].error_bound > 1e-3
    assert report.cause.startswith(f"maybe {Cause.FACTOR} of ")


def test_a_large_factor_is_constant_where_it_is_the_same_nearby() -> None:
    def gradient(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1000 * (0.9 + 0.1 * x[0]) * 3 * x * x

    cause = cause_of(lambda x: (x**3).sum(), np.array([1.0, 2.0]), gradient=gradient)
    assert cause.startswith(f"{Cause.NO_PATTERN}: 1000 times the derivative, and another ratio")


def test_a_graph_that_a_function_in_c_cuts_is_cut_in_that() -> None:
    told = f"{Cause.GRAPH_CUT}: a Value is used as a plain number in sin, so what follows"
    assert cause_of(math.sin, 1.0).startswith(told)


def test_a_cut_graph_is_named_where_it_is_cut_first() -> None:
    def f(x: Any) -> Any:
        y = x * float(x)
        return y * float(y)

    line = f.__code__.co_firstlineno + 1
    assert f"used as a plain number at test_gradcheck_causes.py:{line}," in cause_of(f, 3.0)


def test_a_use_is_one_of_the_first_output_and_no_cause_for_another() -> None:
    report = check(lambda x: [x * x + 3 * x, 5 * x], 2.0, gradient=lambda x: [7.0, 3.0])
    assert report.cause == f"{Cause.CONSTANT_FACTOR} of 0.6"


@pytest.mark.parametrize("size", [2, 3])
def test_a_jacobian_of_any_size_is_seen_to_be_transposed(size: int) -> None:
    weights = np.arange(1.0, size * size + 1).reshape(size, size)
    cause = cause_of(
        lambda x: weights @ x**2, np.arange(1.0, size + 1), gradient=lambda x: (weights * 2 * x).T
    )
    assert cause.startswith(Cause.JACOBIAN_TRANSPOSED)


def test_a_jacobian_that_is_not_square_is_not_transposed() -> None:
    weights = np.arange(1.0, 7).reshape(2, 3)
    wrong = np.array([[1.0, 3.0, 2.0], [4.0, 5.0, 9.0]])  # begins as a transpose would
    report = check(lambda x: weights @ x, np.ones(3), gradient=lambda x: wrong)
    assert report.verdict == "WRONG"
    assert not report.cause.startswith(Cause.JACOBIAN_TRANSPOSED)


@pytest.mark.parametrize(
    ("shape", "wrong", "cause"),
    [
        ((2, 2), [1.0, 3.0, 2.0, 4.0], Cause.GRADIENT_TRANSPOSED),
        ((2, 2), [2.0, 1.0, 3.0, 4.0], Cause.ENTRIES_SWAPPED),
        ((2, 1, 2), [1.0, 3.0, 2.0, 4.0], Cause.ENTRIES_SWAPPED),
    ],
)
def test_two_entries_are_transposed_where_they_mirror_one_another_in_a_matrix(
    shape: tuple[int, ...], wrong: list[float], cause: Cause
) -> None:
    weights, gradient = (np.reshape(each, shape) for each in ([1.0, 2.0, 3.0, 4.0], wrong))
    found = cause_of(lambda x: (weights * x).sum(), np.ones(shape), gradient=lambda x: gradient)
    assert found.startswith(cause)


def test_entries_that_all_hold_the_numbers_of_others_are_swapped() -> None:
    cause = cause_of(
        lambda x: (x**2).sum(), np.array([1.0, 2.0, 5.0]), gradient=lambda x: 2 * np.roll(x, 1)
    )
    assert cause.startswith(f"{Cause.ENTRIES_SWAPPED}: ")
    assert cause.endswith(", and so on")


def test_an_input_that_f_fills_with_something_else_is_mutated() -> None:
    def f(x: list[Any]) -> float:
        y = 2.0 * x[0]
        x[0] = "used"
        return y

    assert cause_of(f, [3.0], gradient=lambda x: [2.0]).startswith(Cause.MUTATED_BY_F)


def test_a_reference_that_is_undefined_here_says_so() -> None:
    def reference(x: float) -> float:
        raise ZeroDivisionError("division by zero")

    report = check(lambda x: x * x, 3.0, reference=reference)
    assert report.cause.startswith(f"{Cause.NO_REFERENCE_HERE}: division by zero")
    assert not report.passed


# Errors and notes


def test_errors_of_a_gradient_of_the_users_own_come_through() -> None:
    def gradient(x: float) -> float:
        raise error("of the user's own")

    for error in (ValueError, LookupError):
        with pytest.raises(error, match="of the user's own") as caught:
            check(lambda x: x * x, 3.0, gradient=gradient)
        assert not hasattr(caught.value, "__notes__")


def test_nodes_of_a_function_that_returns_a_plain_number_cannot_be_checked() -> None:
    with pytest.raises(TypeError, match=r"nodes=True needs a function of Values .* returned 7\.0"):
        check(lambda x: 7.0, 3.0, nodes=True)


@pytest.mark.parametrize("gradient", [5.0, (1.0,), np.ones(3)], ids=repr)
def test_a_jacobian_by_several_inputs_has_a_part_for_each(gradient: Any) -> None:
    report = check(lambda a, b: [a * b, a], 3.0, 2.0, gradient=lambda a, b: gradient)
    assert report.cause.startswith(Cause.WRONG_SHAPE)


def test_a_gradient_without_any_number_has_a_wrong_shape() -> None:
    cause = cause_of(lambda x: x * x, 3.0, gradient=lambda x: [])
    assert cause.startswith(Cause.WRONG_SHAPE)
    assert "(0,)" in cause


@pytest.mark.parametrize("missed", [["`a` (f.py:1)"], ["`a` (f.py:1)", "`b` (f.py:2)"]])
def test_the_note_on_branches_counts_those_that_it_does_not_name(
    missed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = importlib.import_module("microgradcheck.gradcheck.notes")
    monkeypatch.setattr(notes, "branches_not_taken", lambda *_: missed)
    (note,) = check(lambda x: x * x, 3.0).notes
    more = " and 1 more" if len(missed) > 1 else ""
    assert note.startswith(f"not visited at these inputs: {missed[0]}{more}; check at inputs")


def test_in_a_notebook_a_report_is_a_table_without_markup_of_others() -> None:
    def gradient(x: Any) -> Any:
        return {"<b>": 1.0}

    page = check(lambda x: x[0] * x[1], [3.0, 2.0], gradient=lambda x: [2.0, -3.0])._repr_html_()
    assert page.startswith("<p><b>WRONG df/dx[1]: ")
    assert page.count("<tr>") == 3
    assert "<td>df/dx[1]</td><td>WRONG</td><td>-3.00000</td><td>3.00000</td>" in page
    assert "<b>&" not in check(lambda x: x, 3.0, gradient=gradient)._repr_html_()
    assert "&lt;b&gt;" in check(lambda x: x, 3.0, gradient=gradient)._repr_html_()


def test_where_nothing_fits_a_report_shows_the_least_that_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report = check(lambda x: (x**3).sum(), np.ones(9), gradient=lambda x: 2 * x)
    report.notes[:] = ["one", "two"]
    assert "two" in str(report)
    monkeypatch.setattr(importlib.import_module(Report.__module__), "_MOST_LINES", 1)
    lines = str(report).splitlines()
    assert not any(line.startswith(("note:", "  df/dx[1]")) for line in lines)
    assert any(line.startswith("  and 8 more") for line in lines)


def test_a_way_that_has_no_derivative_here_says_why_it_has_no_opinion() -> None:
    opinions = check(lambda x: mg.sqrt(x * x), 0.0, gradient=lambda x: 0.0).opinions()
    backprop = next(judge for judge in opinions.judges if judge.source == "backprop")
    assert math.isnan(backprop.value)
    assert "derivative of sqrt with respect to a does not exist" in backprop.why_not


@pytest.mark.parametrize(("gradient", "power"), [(12.0, 2.0), (13.0, 1.0)])
def test_the_remainder_shrinks_faster_beside_a_right_gradient(
    gradient: float, power: float
) -> None:
    opinions = check(lambda x: x**3, 2.0, gradient=lambda x: gradient).opinions()
    assert opinions.slope == pytest.approx(power, abs=0.02)
    assert f"h^{opinions.slope:.2f} (right: 2 or more, wrong: 1)" in str(opinions)


def test_a_direction_in_which_f_is_undefined_says_nothing_of_a_tie() -> None:
    def f(x: list[float]) -> float:
        if x[0] == x[1] != 1.0:
            raise ValueError("not on the diagonal")
        return max(x)

    report = check(f, [1.0, 1.0], gradient=lambda x: [0.75, 0.5])
    assert (report.passed, report.verdict) == (True, "KINK")


# Many wrong entries, and causes that look alike


def test_causes_of_many_wrong_entries_cost_no_more_than_those_of_the_worst() -> None:
    asked = []

    def gradient(x: Any) -> Any:
        asked.append(1)
        return 2 * x

    x = np.random.default_rng(0).normal(size=60)
    report = check(lambda x: np.sin(x).sum(), x, gradient=gradient)
    assert all(entry.cause for entry in report.entries if entry.verdict == "WRONG")
    assert len(asked) < 60


def test_a_function_of_many_operations_that_does_not_mean_to_record_is_not_recorded() -> None:
    made = []

    def f(x: Any) -> Any:
        for n in range(30_000):
            x = x + 0.0
            if isinstance(x, mg.Value):
                made.append(n)
        return x * x

    report = check(f, 1.5, gradient=lambda x: 3 * x)
    assert report.cause == f"{Cause.CONSTANT_FACTOR} of 1.5"
    assert 0 < max(made) <= 20_000


def test_ratios_of_slopes_that_are_the_same_everywhere_are_no_constant_factor() -> None:
    weights = np.array([1.0, 2.0, 3.0])
    wrong = np.array([5.0, 1.0, 9.0])
    report = check(lambda w: w @ weights, np.ones(3), gradient=lambda w: wrong)
    assert {entry.cause.split(" of ")[0] for entry in report.entries} == {"maybe off by a factor"}
    alone = cause_of(lambda w: 3.0 * w, 1.0, gradient=lambda w: 6.0)
    assert alone.startswith(f"{Cause.CONSTANT_FACTOR} of 2")


def test_a_flipped_sign_is_no_swap_where_both_give_the_same_numbers() -> None:
    def f(x: Any) -> Any:
        return x[0] ** 2 - x[1] ** 2

    x = np.array([1.0, 1.0])
    assert cause_of(f, x, gradient=lambda x: np.array([-2 * x[0], 2 * x[1]])) == Cause.SIGN_FLIPPED
    swapped = cause_of(f, x, gradient=lambda x: np.array([-2 * x[1], 2 * x[0]]))
    assert swapped.startswith(Cause.ENTRIES_SWAPPED)
    neither = cause_of(f, x, gradient=lambda x: np.array([-2 * x[1] ** 3, 2 * x[0] ** 3]))
    assert neither.startswith(Cause.NO_PATTERN)


def test_a_wrong_node_does_not_hide_the_cause() -> None:
    bad = mg.operation("bad_cube", value="a**3", derivatives=["3 * a"])
    report = check(lambda x: bad(mg.sin(x)) * x, 1.0, nodes=True)
    assert report.cause.startswith(Cause.OPERATION)


# References


def test_nothing_is_compared_with_itself() -> None:
    def gradient(x: float) -> float:
        return 7 * x

    for source in (gradient, "backprop", "tape"):
        with pytest.raises(ValueError, match=r"are both .* compared with itself"):
            check(lambda x: x * x, 2.0, gradient=source, reference=source)
    with pytest.raises(ValueError, match=r"are both 'tape'"):
        check(lambda x: x * x, 2.0, gradient="tape", reference="".join(["ta", "pe"]))
    assert check(lambda x: x * x, 2.0, gradient="central-difference").passed


def test_sources_that_read_the_same_rules_are_said_to() -> None:
    report = check(lambda x: x * x, 2.0, reference="forward-mode")
    assert "backprop and forward-mode read the same rules" in report.notes[0]
    assert not check(lambda x: x * x, 2.0, gradient="complex-step", reference="tape").notes


@pytest.mark.parametrize("source", ["complex-step", "forward-mode", "tape", "backprop"])
def test_every_source_gives_the_jacobian_of_several_outputs(source: str) -> None:
    assert check(lambda x: [x[0] * x[1], x[0]], [1.0, 2.0], gradient=source).passed


# Single uses


def test_a_use_is_missed_in_each_output_of_several() -> None:
    report = check(
        lambda x: [x[0] * x[0] * x[1], x[1] * mg.sin(x[0]) + x[0]],
        [1.3, 0.4],
        gradient=lambda x: [[x[0] * x[1], x[0] ** 2], [x[1] * math.cos(x[0]), math.sin(x[0])]],
    )
    causes = [Cause.of(entry.cause) for entry in report.entries if entry.verdict == "WRONG"]
    assert causes == [Cause.USE_NOT_ACCUMULATED] * 2


def test_where_one_derivative_does_not_exist_the_others_have_causes() -> None:
    report = check(
        lambda x: x[0] * x[0] + mg.sqrt(x[1]), [1.3, 0.0], gradient=lambda x: [x[0], 1.0]
    )
    assert [entry.verdict for entry in report.entries] == ["WRONG", "EDGE"]
    assert report.entries[0].cause == f"maybe {Cause.FACTOR} of 0.5"


def test_of_an_output_that_is_no_value_no_use_is_known() -> None:
    report = check(lambda x: [3.0, x[0] * x[0]], [1.5], gradient=lambda x: [[0.0], [x[0]]])
    assert report.cause == f"{Cause.CONSTANT_FACTOR} of 0.5"


def test_a_single_use_that_cannot_be_looked_at_nearby_is_named_by_what_it_is_here() -> None:
    def gradient(x: float) -> float:
        if x != 1.5:
            raise ValueError("not here")
        return x

    assert cause_of(lambda x: x * x, 1.5, gradient=gradient).startswith(Cause.USE_NOT_ACCUMULATED)


# Evidence nearby


def test_a_factor_that_is_nearly_the_same_nearby_is_a_maybe() -> None:
    def gradient(x: float) -> float:
        return (2 + 0.01 * (x - 0.5)) * math.cos(x)

    assert cause_of(math.sin, 0.5, gradient=gradient) == f"maybe {Cause.FACTOR} of 2"


def test_factors_that_differ_by_more_than_a_hundredth_of_what_they_add_are_two() -> None:
    report = check(
        lambda x: x[0] ** 2 + x[1] ** 3,
        [1.0, 2.0],
        gradient=lambda x: [1.001 * 2 * x[0], 1.00105 * 3 * x[1] ** 2],
    )
    factors = [f"{Cause.CONSTANT_FACTOR} of {factor}" for factor in (1.001, 1.00105)]
    assert [entry.cause for entry in report.entries] == factors


def test_a_factor_of_a_large_derivative_is_no_flipped_sign() -> None:
    cause = cause_of(lambda x: 1e8 * x**2, 1.3, gradient=lambda x: 6e8 * x)
    assert cause == f"{Cause.CONSTANT_FACTOR} of 3"


@pytest.mark.parametrize(("failures", "cause"), [(0, Cause.NO_PATTERN), (1, Cause.ENTRIES_SWAPPED)])
def test_a_swap_is_doubted_where_all_points_nearby_are_known(failures: int, cause: str) -> None:
    left = [None] * failures

    def gradient(x: list[float]) -> list[float]:
        if x != [1.0, 2.0] and left:
            left.pop()
            raise ValueError("not here")
        return [x[1] ** 2, 2 * x[0]]

    assert cause_of(lambda x: x[0] ** 2 + x[1] ** 2, [1.0, 2.0], gradient=gradient).startswith(
        cause
    )


def test_a_function_that_breaks_down_at_one_point_nearby_is_known_at_the_others() -> None:
    broken = []

    def f(x: float) -> float:
        if abs(x - 3) > 0.05 and not broken:
            broken.append(x)
            raise RuntimeError("busy")
        return x**3

    cause = cause_of(f, 3.0, gradient=lambda x: 3 * x**2 + math.sin(9 * x))
    assert cause.startswith(Cause.NO_PATTERN)


@pytest.mark.parametrize("x", [1.1, 1.4, 1.5, 1.7, 2.1])
def test_a_slight_factor_is_constant_as_far_as_noise_lets_it_be_seen(x: float) -> None:
    cause = cause_of(noisy(lambda x: x**3, 1e-9), x, gradient=lambda x: 1.001 * 3 * x**2)
    assert cause.startswith(f"{Cause.CONSTANT_FACTOR} of 1.001")


@pytest.mark.parametrize(
    ("f", "slope", "x", "level"),
    [
        (lambda x: x * x + 2 * abs(x - 1), lambda x: 2 * x + 2, 1 + 1e-4, 1e-8),
        (
            lambda x: (x - 1) ** 2 + (x - 1) ** 3,
            lambda x: 2 * (x - 1) + 3 * (x - 1) ** 2,
            1 + 1e-5,
            1e-12,
        ),
    ],
    ids=["next to a kink", "next to a minimum"],
)
def test_a_factor_that_is_seen_less_well_here_than_nearby_is_constant(
    f: Callable[[float], float], slope: Callable[[float], float], x: float, level: float
) -> None:
    report = check(noisy(f, level), x, gradient=lambda x: 3 * slope(x))
    assert report.entries[0].error_bound > 1e-4 * report.entries[0].reference
    assert report.cause.startswith(f"{Cause.CONSTANT_FACTOR} of ")


def test_a_node_is_blamed_on_the_first_of_several_wrong_operations() -> None:
    cube = mg.operation("bad_cube", value="a**3", derivatives=["3 * a"])
    square = mg.operation("bad_square", value="a * a", derivatives=["a"])
    report = check(lambda x: square(cube(x * 2.0)) * 1.5, 1.3, nodes=True)
    wrong = [node for node in report.nodes if node.verdict == "WRONG"]
    told = f"{Cause.OPERATION}: the derivative of bad_cube with respect to a"
    assert {node.cause for node in wrong} == {told}


def test_of_a_line_a_flipped_sign_is_likelier_than_a_swap() -> None:
    flipped = cause_of(lambda x: x[0] - x[1], [1.0, 2.0], gradient=lambda x: [-1.0, 1.0])
    assert flipped == Cause.SIGN_FLIPPED


def test_a_function_that_breaks_down_nearby_is_known_here_alone() -> None:
    def f(x: float) -> float:
        if abs(x - 3) > 0.05:
            raise RuntimeError("outside of the table")
        return x**3

    assert cause_of(f, 3.0, gradient=lambda x: 6 * x**2) == f"maybe {Cause.FACTOR} of 2"


LABELLED = np.random.default_rng(2).normal(size=(12, 3))


def test_a_number_that_is_flipped_here_alone_has_no_flipped_sign() -> None:
    def loss(w: NDArray[np.float64]) -> Any:
        return np.logaddexp(0, LABELLED @ w).mean() - (LABELLED @ w).mean()

    def without_labels(w: NDArray[np.float64]) -> Any:
        return LABELLED.T @ (1 / (1 + np.exp(-LABELLED @ w))) / 12

    assert cause_of(loss, np.zeros(3), gradient=without_labels).startswith(Cause.TERM)
    assert cause_of(lambda x: x * x, 1.0, gradient=lambda x: x - 3).startswith(Cause.NO_PATTERN)


@pytest.mark.parametrize("size", [0.01, 0.1, -0.5])
def test_a_term_beside_a_derivative_that_hardly_changes_is_no_factor(size: float) -> None:
    def gradient(x: float) -> float:
        return math.cos(x) + size

    assert cause_of(math.sin, 0.5, gradient=gradient).startswith(Cause.TERM)


@pytest.mark.parametrize("excess", [1e-3, 0.1, 2.0])
def test_a_factor_of_a_gradient_in_single_precision_is_one(excess: float) -> None:
    def gradient(x: float) -> Any:
        return np.float32(1 + excess) * np.cos(np.float32(x))

    cause = cause_of(math.sin, 0.5, gradient=gradient, rtol=1e-5)
    assert Cause.of(cause) in (Cause.CONSTANT_FACTOR, Cause.FACTOR)


@pytest.mark.parametrize(
    ("f", "gradient"),
    [
        (lambda x: np.abs(x).sum(), np.ones_like),
        (lambda x: np.where(x > 0, x, 0.1 * x).sum(), lambda x: np.where(x > 0, 1, 0.01)),
    ],
    ids=["abs", "leaky relu"],
)
def test_one_side_of_a_branch_is_named_where_all_inputs_are_on_it(
    f: Callable[..., Any], gradient: Callable[..., Any]
) -> None:
    cause = cause_of(f, np.array([-1.0, -2.0]), gradient=gradient)
    assert cause.startswith(Cause.ONE_SIDE_OF_A_BRANCH)


@pytest.mark.parametrize(
    ("f", "x", "gradient"),
    [
        (lambda x: x**4, -1.0, lambda x: 4 * x**3 * math.cos(x)),
        (lambda x: math.exp(-x * x / 2), -1.0, lambda x: -(x**3 + x) * math.exp(-x * x / 2)),
        (lambda x: abs(x - 1e-7), 0.0, lambda x: 1.0),
        (lambda x: math.sin(x) + 3 * x, 0.0, lambda x: (math.cos(x) + 3) * (1 if x > 0 else 2)),
        (lambda x: x * x + x, 1.0, lambda x: x**2),
        (math.exp, 1.3, lambda x: math.exp(x) * (1 + 3e-6 * x * x)),
    ],
    ids=["power", "factor of x", "kink nearby", "one side", "as a single use", "slight"],
)
def test_what_holds_at_one_point_alone_is_no_pattern(
    f: Callable[[float], float], x: float, gradient: Callable[[float], float]
) -> None:
    assert cause_of(f, x, gradient=gradient).startswith(Cause.NO_PATTERN)


@pytest.mark.parametrize(
    ("f", "gradient", "told"),
    [
        (lambda x: math.sin(x * x), lambda x: 2 * math.cos(x * x), "1 over the input"),
        (lambda x: math.sin(x * x), lambda x: math.cos(x * x), "0.5 over the input"),
        (lambda x: math.exp(-x * x / 2), lambda x: math.exp(-x * x / 2), "-1 over the input"),
        (lambda x: x**4, lambda x: 4 * x**4, "1 times the input"),
    ],
)
@pytest.mark.parametrize("x", [1.4, -0.3])
def test_an_inner_derivative_that_is_missing_is_seen_in_the_input(
    f: Callable[[float], float], gradient: Callable[[float], float], told: str, x: float
) -> None:
    cause = cause_of(f, x, gradient=gradient)
    assert cause.startswith(f"{Cause.FACTOR} of {told}, here and nearby; maybe an inner derivative")


def test_an_inner_derivative_is_told_of_by_its_factor_at_the_input() -> None:
    def gradient(x: float) -> float:
        return (1 + 3e-4 * (x - 1.4)) * math.cos(x * x)

    cause = cause_of(lambda x: math.sin(x * x), 1.4, gradient=gradient)
    assert cause.startswith(f"{Cause.FACTOR} of 0.5 over the input, here and nearby")


def test_an_inner_derivative_that_is_missing_is_seen_beside_an_exact_reference() -> None:
    cause = cause_of(lambda x: x**3, 2.0, gradient=lambda x: 3 * x, reference=lambda x: 3 * x * x)
    assert cause.startswith(f"{Cause.FACTOR} of 1 over the input, here and nearby")


def test_an_input_of_zero_has_no_inner_derivative_to_be_told() -> None:
    def gradient(x: float) -> float:
        return (2 + x) * (math.cos(x) + 3)

    cause = cause_of(lambda x: math.sin(x) + 3 * x, 0.0, gradient=gradient)
    assert cause.startswith(f"{Cause.NO_PATTERN}: 2 times the derivative, and another ratio")


def test_an_error_that_stays_is_not_called_right_where_f_is_much_steeper() -> None:
    def gradient(x: float) -> float:
        return 200 * math.exp(200 * (x - 1)) + 0.2

    cause = cause_of(lambda x: math.exp(200 * (x - 1)), 1.0, gradient=gradient)
    assert not cause.startswith(Cause.ONLY_HERE)


def test_a_gradient_from_a_cache_is_seen_to_stay_the_same() -> None:
    x = np.array([1.0, 2.0, 3.0])
    for factor in (2.0, -1.0):
        cached = factor * 2 * x
        cause = cause_of(lambda x: (x**2).sum(), x, gradient=lambda x, kept=cached: kept)
        assert cause == (
            f"{Cause.NO_PATTERN}: {factor:g} times the derivative, and the same number at inputs "
            "nearby: does it use its argument?"
        )


@pytest.mark.parametrize(
    ("f", "x", "gradient", "causes"),
    [
        (
            lambda x: x[0] ** 2 + x[1] ** 4 / 2,
            [1.0, 1.0],
            lambda x: [4 * x[0], 4 * x[1]],
            [Cause.CONSTANT_FACTOR, Cause.NO_PATTERN],
        ),
        (
            lambda x: x[0] * x[1] + x[0] - x[1] ** 3,
            [1.0, 1.0],
            lambda x: [-(x[1] + 1), 2 * x[1] - x[0] + 1],
            [Cause.SIGN_FLIPPED, Cause.NO_PATTERN],
        ),
        (
            lambda x: x[0] ** 2 + x[1] ** 2,
            [1.0, 2.0],
            lambda x: [x[1] ** 2, 2 * x[0]],
            [Cause.NO_PATTERN, Cause.NO_PATTERN],
        ),
        (
            lambda x: x[0] * x[1] + x[1],
            [1.0, 1.0],
            lambda x: [x[1], x[1]],
            ["", Cause.NO_PATTERN],
        ),
    ],
    ids=["factor", "sign", "swap", "use"],
)
def test_what_several_entries_share_at_one_point_alone_is_no_common_cause(
    f: Callable[..., Any], x: list[float], gradient: Callable[..., Any], causes: list[str]
) -> None:
    entries = check(f, x, gradient=gradient).entries
    assert [Cause.of(entry.cause) or "" for entry in entries] == causes


def test_entries_without_a_slope_share_no_factor() -> None:
    report = check(
        lambda m, v: float(0.5 * (np.exp(v) + m**2 - v - 1).sum()),
        *(np.zeros(2), np.zeros(2)),
        gradient=lambda m, v: (m, 0 * v - 0.5),
    )
    assert report.cause.startswith(Cause.STATIONARY)


def test_a_gradient_that_has_been_called_before_is_stale_too() -> None:
    total = [7.0]

    def gradient(x: float) -> float:
        total[0] += 2 * x
        return total[0]

    cause = cause_of(lambda x: x * x, 3.0, gradient=gradient)
    assert cause.startswith(f"{Cause.STALE}: a second call adds the right gradient to the first")


def test_a_check_is_repeated_with_all_digits_and_options() -> None:
    x = np.array([1.0, 1.0 + 1e-9, 0.0])
    report = check(lambda x: float(x.max()), x, gradient=lambda x: np.array([1.0, 0.0, 0.0]))
    (shown,) = re.findall(r"array\(.*?\)", report.repeat)
    assert eval(shown, {"array": np.array}).tolist() == x.tolist()
    report = check(
        lambda x: x * x, 3.0, gradient=lambda x: x, nodes=True, accept=("NOISY", "EDGE"), rtol=1e-4
    )
    assert report.repeat == (
        "gradcheck(f, 3.0, gradient=..., rtol=0.0001, accept=('EDGE', 'NOISY'), nodes=True, rng=0)"
    )


def test_what_hides_in_noise_may_be_stationary_and_no_more() -> None:
    rng = np.random.default_rng(0)
    cause = cause_of(lambda x: (x + rng.normal()) ** 2, 1.0, gradient=lambda x: 2e4 * x)
    assert cause.startswith(f"maybe {Cause.STATIONARY}: the slope of f in x is at most ")


def test_of_what_changes_by_itself_no_error_would_have_been_seen() -> None:
    calls = count()
    report = check(
        lambda x: x * x + 1e-3 * next(calls), 1.0, gradient=lambda x: -2 * x, accept="NOISY"
    )
    assert (report.verdict, report.power) == ("NOISY", math.inf)


def test_what_is_to_be_accepted_is_a_name_or_several() -> None:
    assert check(lambda x: x, 1.0, accept={verdict for verdict in Verdict if verdict != "WRONG"})
    with pytest.raises(TypeError, match="accept is a verdict or several"):
        check(lambda x: x, 1.0, accept=3)


def test_a_report_says_which_of_the_two_numbers_there_is() -> None:
    assert "EDGE         nothing to compare" in str(check(mg.log, -1.0))
    edge = check(math.sqrt, 0.0, gradient=lambda x: 1.0)
    assert "EDGE         1.00000 against nothing" in str(edge)


# Where f is much steeper elsewhere, or in another of its terms


def test_what_is_small_beside_a_penalty_elsewhere_is_not_right_there() -> None:
    def f(w: np.ndarray) -> float:
        return float(1e-3 * (w**2).sum() + 1e3 * (w.sum() - 1) ** 2)

    def gradient(w: np.ndarray) -> np.ndarray:
        return 1e-3 * w + 2e3 * (w.sum() - 1)

    cause = cause_of(f, np.array([0.2, 0.3, 0.1, 0.25, 0.15]), gradient=gradient)
    assert cause == f"{Cause.TERM}: too small by 0.001 times the input, here and nearby"


def test_a_use_that_is_next_to_the_whole_is_not_the_only_one() -> None:
    def f(w: Any) -> Any:
        cubes = 1e-4 * sum(a**3 for a in w)
        return 10 * (sum(w) - 3) ** 2 + cubes + 1e-3 * sum(map(mg.sin, w))

    def gradient(w: Any) -> Any:
        return [20 * (sum(w) - 3) + 3e-4 * a**2 for a in w]

    assert not cause_of(f, [0.2, 0.3, 0.5], gradient=gradient).startswith(Cause.USE_NOT_ACCUMULATED)


def test_a_gradient_that_is_far_too_small_has_no_factor_if_its_ratio_changes() -> None:
    cause = cause_of(lambda x: x**2, 1.3, gradient=lambda x: 1e-6 * x**4)
    assert not cause.startswith(Cause.CONSTANT_FACTOR)


def test_the_factor_of_one_argument_is_told_beside_another_that_is_right() -> None:
    report = check(
        lambda a, b: np.sin(a).sum() + np.sin(b).sum(),
        np.linspace(0.1, 1.0, 30),
        np.linspace(0.1, 1.0, 5),
        gradient=lambda a, b: (3 * np.cos(a), np.cos(b)),
    )
    assert report.cause == f"{Cause.CONSTANT_FACTOR} of 3"
    assert all(entry.cause == report.cause for entry in report.entries[:30])


def test_an_entry_that_is_seen_less_well_does_not_hide_the_factor_of_all() -> None:
    scales = np.array([1.0, 2.0, 3.0, 1e-11])
    report = check(
        lambda x: (scales * np.sin(x)).sum() + 100,
        np.array([0.3, 0.5, 0.7, 0.9]),
        gradient=lambda x: 8 * scales * np.cos(x),
    )
    assert {entry.cause for entry in report.entries} == {f"{Cause.CONSTANT_FACTOR} of 8"}


def test_an_entry_that_noise_hides_in_part_does_not_hide_the_factor_of_all() -> None:
    def bell(x: float) -> float:
        return 1 / (1 + x * x)

    def slope(x: float) -> float:
        return -2 * x / (1 + x * x) ** 2

    report = check(
        lambda x: 1e12 + 1e9 * bell(x[0]) + 3 * bell(x[1]),
        [0.3, 0.9],
        gradient=lambda x: [8e9 * slope(x[0]), 24 * slope(x[1])],
    )
    assert abs(report.entries[1].gradient / report.entries[1].reference - 8) > 1e-3
    assert {entry.cause for entry in report.entries} == {f"{Cause.CONSTANT_FACTOR} of 8"}


def test_an_engine_of_ones_own_that_adds_twice_forgot_no_half() -> None:
    class Engine:
        name = "engine"

        def value_and_gradient(self, f: Any, *inputs: Any) -> Any:
            value, gradient = mg.value_and_grad(f)(*inputs)
            return value, 2 * gradient

    twice = f"{Cause.CONSTANT_FACTOR} of 2; maybe "
    stale, half = "stale, from a second backward pass", "a forgotten 1/2"
    assert cause_of(lambda x: x**3, 2.0, gradient=Engine()) == twice + stale
    assert cause_of(lambda x: x**3, 2.0, gradient=lambda x: 6 * x * x) == twice + half


def test_at_an_optimum_factors_hide_in_what_rounding_leaves() -> None:
    x = np.random.default_rng(0).normal(size=(30, 3))
    b = np.array([0.1, -0.2, 0.3])
    y = np.exp(x @ b)

    def gradient(b: np.ndarray) -> np.ndarray:
        return -5 * (x.T @ (np.exp(x @ b) - y) + 1e-16)

    report = check(lambda b: (np.exp(x @ b) - y * (x @ b)).sum(), b, gradient=gradient)
    assert report.verdict == "PASS"
    assert [note for note in report.notes if note.startswith("with respect to b")]


def test_whether_outputs_change_with_an_input_is_looked_at_once_for_all() -> None:
    report = check(lambda x: [3.0, 4.0], 2.0, gradient=lambda _: [1.0, 5.0])
    assert [entry.cause.partition(":")[0] for entry in report.entries] == [Cause.INPUT_IGNORED] * 2


def test_an_input_whose_inverse_is_no_float_has_a_cause_all_the_same() -> None:
    for x in (1e-310, -1e-310):
        cause = cause_of(lambda x: 1e4 * x, x, gradient=lambda t, x=x: 1e4 * (1 + (t / x) ** 2))
        assert cause.startswith(Cause.NO_PATTERN)


def test_operations_at_a_kink_are_named_where_f_has_none() -> None:
    def f(x: Any) -> Any:
        return x + mg.relu(x) - mg.relu(-x)

    report = mg.gradcheck(f, 0.0, raise_on_failure=False)
    assert report.verdict == "WRONG"
    assert "relu at test_gradcheck_causes.py:" in str(report)
    assert "stands at its kink, where its derivative is a convention" in " ".join(
        str(report).split()
    )
    assert "added up" not in str(report)


def test_a_gradient_that_does_not_repeat_may_be_wrong_beside_and_so_may_f() -> None:
    rng = np.random.default_rng(3)

    def doubled(x: Any) -> Any:
        return 4 * x * (1 + 1e-9 * rng.normal(size=2))

    x = np.array([1.0, 2.0])
    report = check(lambda x: (x * x).sum(), x, gradient=doubled)
    assert "two calls differ, by far less than it is off" in report.cause
    report = check(lambda x: (x * x).sum() * (1 + rng.random()), x, gradient=doubled)
    assert "f does not repeat, either: calls differ by" in str(report)


@pytest.mark.parametrize("gradient", [{0: 1.0}, "a", ..., (x for x in [1.0])])
def test_what_is_no_number_has_a_wrong_type_whatever_its_shape(gradient: Any) -> None:
    report = check(lambda x: (x**2).sum(), np.ones(3), gradient=lambda _: gradient)
    assert report.cause.startswith("wrong type: the gradient holds ")


def test_a_forgotten_mask_is_wrong_on_one_side_where_f_stands_still() -> None:
    x = np.array([1.2, -0.7, 2.0])
    report = check(lambda x: np.maximum(x, 0).sum(), x, gradient=np.ones_like)
    assert report.cause.startswith("only wrong on one side of a branch")
    report = check(lambda x: x[0] * x[2], x, gradient=lambda x: np.array([x[2], 1.0, x[0]]))
    assert report.cause.startswith("f ignores this input")


def test_a_mask_without_the_slope_of_the_other_side_is_wrong_on_that_side() -> None:
    x = np.array([1.2, -0.7, 2.0])
    report = check(lambda x: np.where(x > 0, x, 0.1 * x).sum(), x, gradient=lambda x: 1.0 * (x > 0))
    assert report.cause.startswith("only wrong on one side of a branch")


def test_a_sparse_jacobian_is_told_how_to_become_an_array() -> None:
    def jacobian(x: Any) -> Any:
        return scipy.sparse.csr_array(np.diag(np.cos(x)))

    report = check(np.sin, np.ones(2), gradient=jacobian)
    assert report.cause.startswith("wrong type: the gradient holds <Compressed Sparse Row")
    assert report.cause.endswith("not a real number; write x.toarray()")
