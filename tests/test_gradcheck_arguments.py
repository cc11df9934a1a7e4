"""What gradcheck is given: inputs, functions, gradients and seeds of every make."""

from __future__ import annotations

import contextlib
import functools
import gc
import itertools
import math
import random
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradcheck as mg
from microgradcheck.gradcheck import Entry, Report
from microgradcheck.gradcheck.entry import Cause
from microgradcheck.gradcheck.judging import Circumstances, judge, reach_of
from microgradcheck.gradcheck.nodes import estimate_nodes
from microgradcheck.gradcheck.problem import Problem, scatter
from microgradcheck.numeric.findings import Estimate


def check(f: Callable[..., Any], *inputs: Any, **options: Any) -> Report:
    return mg.gradcheck(f, *inputs, **{"raise_on_failure": False, **options})


def sum_of_squares(x: np.ndarray) -> float:
    return float((x**2).sum())


def twice(x: np.ndarray) -> np.ndarray:
    return 2 * x


# Inputs


class Metres(np.ndarray):
    """An array of a class of its own, with a method of its own."""

    def squared(self) -> float:
        return float((np.asarray(self) ** 2).sum())


def test_an_array_keeps_its_class_and_memory_order() -> None:
    x = np.asfortranarray(np.arange(6.0).reshape(2, 3) + 1).view(Metres)
    seen = []

    def f(x: Metres) -> float:
        seen.append((type(x), x.flags.f_contiguous))
        return x.squared()

    assert check(f, x, gradient=twice).verdict == "PASS"
    assert set(seen) == {(Metres, True)}


@pytest.mark.parametrize(
    "x",
    [
        *(np.arange(1, 4), np.array([True, False]), np.array(3.0), np.arange(5.0)[::-2]),
        *(np.array([1.1, 2.0], np.float32), np.broadcast_to(2.0, (2, 2))),
    ],
    ids=["integers", "booleans", "no axes", "strided", "single precision", "read-only"],
)
def test_arrays_of_every_kind(x: np.ndarray) -> None:
    assert check(sum_of_squares, x, gradient=twice).verdict == "PASS"


def test_an_array_of_records_is_refused() -> None:
    records = np.array([(1.0, 2.0)], dtype=[("a", float), ("b", float)])
    with pytest.raises(TypeError, match=r"the input x holds array\(.*of type ndarray"):
        check(lambda x: x["a"].sum(), records, gradient=twice)


@pytest.mark.parametrize(
    ("f", "name"),
    [
        (lambda e: e * e, "e"),
        (lambda eight_it: eight_it * eight_it, "eight_it"),
        (lambda nine_of_x: nine_of_x * nine_of_x, "x"),
        (lambda w, n=2: w**n, "w"),
    ],
)
def test_inputs_have_the_names_of_the_parameters_of_f_if_those_are_short(
    f: Callable[..., Any], name: str
) -> None:
    assert check(f, 3.0).entries[0].name == f"df/d{name}"


# What f does


def test_the_line_that_f_is_undefined_at_is_named() -> None:
    def f(x: np.ndarray) -> float:
        return float((x + np.ones(2)).sum())

    report = check(f, np.ones(3), gradient=np.ones_like)
    assert report.verdict == "EDGE"
    line = f.__code__.co_firstlineno + 1
    assert report.cause.endswith(f"shapes (3,) (2,) (test_gradcheck_arguments.py:{line})")
    assert report.calls < 5


def test_a_label_can_be_given_inside_of_f() -> None:
    def f(x: Any) -> Any:
        square = x * x
        square.label = "square"
        return mg.exp(square) * square

    assert check(f, 1.3).verdict == "PASS"
    assert check(f, 1.3, nodes=True).nodes[0].name == "df/d(square)"


def test_an_attribute_that_no_value_has_is_the_error_of_f() -> None:
    def f(x: Any) -> Any:
        x.colour = "red"
        return x

    with pytest.raises(AttributeError, match="colour"):
        check(f, 1.3)


def test_an_error_of_f_tells_what_f_was_called_with() -> None:
    def f(x: float) -> float:
        if x != 2.0:
            raise KeyError(x)
        return x

    with pytest.raises(KeyError) as raised:
        check(f, 2.0, gradient=lambda _: 1.0)
    (note,) = raised.value.__notes__
    assert note == f"gradcheck called f with {raised.value.args[0]!r}"


def test_why_f_is_undefined_is_told_of_the_inputs_alone() -> None:
    report = check(lambda x: (x > 0) + math.sqrt(x + 1e-3), 0.0, gradient=lambda _: 0.0)
    assert report.cause == "f jumps here"
    for value in (math.inf, math.nan):
        report = check(lambda x, y=value: np.float64(y), 1.0, gradient=lambda _: 0.0)
        assert report.cause == f"f is undefined here: it gives {value!r}"


def test_a_complex_number_is_undefined_in_every_kind_of_result() -> None:
    for f in (lambda x: [(x - 5) ** 0.5, x], lambda x: np.array([(x - 5) ** 0.5, x])):
        report = check(f, 5.0, gradient=lambda _: [1.0, 1.0])
        assert [str(entry.verdict) for entry in report.entries] == ["EDGE", "PASS"]


@pytest.mark.usefixtures("untraced")
def test_a_gradient_that_fails_in_the_end_has_passed_before() -> None:
    calls = iter(range(10))

    def gradient(x: float) -> float:
        if next(calls) > 1:
            raise ValueError("enough")
        return 2 * x if x else 0.0

    assert check(lambda x: x * x, 3.0, gradient=gradient).verdict == "PASS"


@pytest.mark.parametrize("index", [np.array([0, 2]), 1])
def test_an_index_among_the_inputs_is_told_to_be_a_float(index: Any) -> None:
    with pytest.raises(IndexError) as raised:
        check(lambda x, i: x[i].sum(), np.ones(3), index, gradient=lambda x, i: (x, i))
    (note,) = raised.value.__notes__
    assert note.endswith("f gets floats, so what is not to be moved, such as an index, is no input")


@pytest.mark.parametrize(("error", "x"), [(KeyError, 3), (IndexError, 3.0)])
def test_other_errors_of_f_are_not_blamed_on_an_index(error: type[Exception], x: float) -> None:
    def f(x: float) -> float:
        raise error("no")

    with pytest.raises(error) as raised:
        check(f, x, gradient=lambda x: x)
    (note,) = raised.value.__notes__
    assert note == "gradcheck called f with 3.0"


@pytest.mark.parametrize("source", ["backprop", "forward-mode", "complex-step"])
def test_an_error_under_a_source_tells_how_to_do_without(source: str) -> None:
    with pytest.raises(TypeError) as raised:
        check(lambda x: math.sin(x) + np.linalg.inv(np.eye(2) * x).sum(), 2.0, gradient=source)
    assert f"the gradient source '{source}'" in raised.value.__notes__[-1]
    assert "gradient=..." in raised.value.__notes__[-1]


@pytest.mark.parametrize(
    ("f", "x", "shape", "numbers"),
    [
        (lambda x: x[x > 1.0] ** 2, np.arange(1.0, 4.0), (2, 3), "holds 2 numbers .* and 3 with"),
        (lambda x: [x] * (1 + (x > 2.0)), 2.0, (1,), "holds 1 numbers .* and 2 with 2.0000"),
        (lambda x: x if x == 2.0 else [x, x], 2.0, (), "holds 1 numbers .* and 2 with"),
        (lambda x: [x, x] if x == 2.0 else x, 2.0, (2,), "holds 2 numbers .* and 1 with"),
    ],
)
def test_a_result_that_changes_its_length_is_said_to(
    f: Any, x: Any, shape: tuple[int, ...], numbers: str
) -> None:
    with pytest.raises(ValueError, match=f"the result of f {numbers}"):
        check(f, x, gradient=lambda _: np.ones(shape))


@pytest.mark.parametrize(
    "f",
    [
        *(lambda x: np.array([(x**2).sum()]), lambda x: [(x**2).sum()]),
        lambda x: x[None] @ x[:, None],
    ],
    ids=["one axis", "list", "two axes"],
)
def test_one_number_in_an_array_may_have_a_gradient_or_a_jacobian(f: Any) -> None:
    x = np.array([1.0, 2.0, 3.0])
    outer = np.shape(f(x))
    assert check(f, x, gradient=twice).verdict == "PASS"
    assert check(f, x, gradient=lambda x: (2 * x).reshape(*outer, 3)).verdict == "PASS"
    assert check(f, x, gradient=lambda x: -2 * x).cause == Cause.SIGN_FLIPPED
    assert check(f, x, gradient=lambda x: x[:2]).cause.startswith(Cause.WRONG_SHAPE)
    both = check(
        lambda x, y: np.multiply(f(x), y), x, 2.0, gradient=lambda x, y: (4 * x, (x**2).sum())
    )
    assert both.verdict == "PASS"


def test_a_function_of_every_element_needs_a_jacobian_and_is_told_so() -> None:
    report = check(np.sin, np.array([0.3, 0.4]), gradient=np.cos)
    assert report.cause == (
        "wrong shape: the gradient with respect to x has shape (2,), expected shape (2, 2); "
        "f returns 2 numbers, so it is a Jacobian, its output axes first"
    )
    for size in 2, 4:
        found = check(lambda x: x[:2] ** 2, np.arange(3.0), gradient=lambda x, n=size: np.ones(n))
        assert found.cause.endswith(f"x has shape ({size},), expected shape (2, 3)")


@pytest.mark.parametrize(
    ("f", "inputs", "gradient"),
    [
        (sum, [[1.0, 2.0, 3.0]], lambda x: (sum(x), [1.0, 1.0, 1.0])),
        (lambda x: x * x, [3.0], lambda x: (x * x, 2 * x)),
        (lambda x, y: x * y, [3.0, 2.0], lambda x, y: (x * y, (y, x))),
    ],
)
def test_a_gradient_beside_the_value_of_f_is_told(f: Any, inputs: Any, gradient: Any) -> None:
    cause = check(f, *inputs, gradient=gradient).cause
    assert cause == "wrong shape: it comes with the value of f; return the gradient alone"


@pytest.mark.parametrize("given", [(1.0, 2.0), ([1.0], [1.0, 2.0]), (1.0, 2.0, 3.0, 4.0)])
def test_what_else_has_a_wrong_shape_is_told_as_it_is(given: Any) -> None:
    cause = check(sum, [1.0, 2.0, 3.0], gradient=lambda _: given).cause
    assert cause.startswith("wrong shape: the gradient with respect to ")


@pytest.mark.parametrize(
    ("gradient", "words"),
    [
        (lambda p: [p[0], (p[0], np.ones(3))], r"p[1][1] has shape (3,), expected shape (2,)"),
        (lambda p: [p[0]], "p has 1 parts, expected 2"),
        (lambda p: [*p, 0.0], "p has 3 parts, expected 2"),
        (lambda p: p[0], "p has shape (), expected 4 numbers in parts of several shapes"),
        (lambda p: [p[0], p[0]], "p[1] has shape (), expected 3 numbers in parts of"),
    ],
)
def test_the_part_of_a_wrong_shape_is_named(gradient: Any, words: str) -> None:
    x = [2.0, (3.0, np.array([1.0, 2.0]))]
    report = check(lambda p: p[0] * p[1][0] + p[1][1].sum(), x, gradient=gradient)
    assert f"the gradient with respect to {words}" in report.cause
    assert not any(line.startswith("  df/dp") for line in str(report).splitlines())
    assert report.calls == 2


def test_rows_of_several_lengths_have_no_shape() -> None:
    report = check(lambda x: x[0][0] * x[1][0], [[1.0, 2.0], [3.0]], gradient=lambda _: 1.0)
    assert "has shape (), expected 3 numbers in parts of several shapes" in report.cause


# Functions that change by themselves


@pytest.mark.parametrize("seed", range(20))
def test_a_dropout_is_found_though_it_drops_the_same_twice(seed: int) -> None:
    rng = random.Random(seed)
    report = check(lambda x: x * x * rng.choice((0, 2)), 3.0, gradient=lambda x: 2 * x)
    assert report.verdict == "NOISY"
    assert report.cause.startswith(Cause.F_DOES_NOT_REPEAT)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_layer_with_dropout_does_not_repeat(share: float) -> None:
    rng, drawn = np.random.default_rng(0), np.random.default_rng(1)
    x, bias, weights = rng.normal(size=(6, 3)), rng.normal(size=4), rng.normal(size=(3, 4))

    def f(w: np.ndarray) -> float:
        kept = drawn.random((6, 4)) > share
        return float(((np.tanh(x @ w + bias) * kept) ** 2).mean())

    def gradient(w: np.ndarray) -> np.ndarray:
        y = np.tanh(x @ w + bias)
        return x.T @ (2 * y * (1 - y * y)) * (1 - share) / y.size

    report = check(f, weights, gradient=gradient)
    assert report.verdict == "NOISY"
    assert report.cause.startswith(Cause.F_DOES_NOT_REPEAT)


def test_a_function_that_fails_now_and_then_does_not_repeat() -> None:
    calls = itertools.count()

    def f(x: float) -> float:
        if next(calls) % 3 == 1:
            raise ValueError("no luck")
        return x * x

    report = check(f, 1.0, gradient=lambda x: 2 * x)
    assert report.verdict == "NOISY"
    found = "with the same inputs, some calls give no value: no luck"
    assert report.cause.startswith(f"{Cause.F_DOES_NOT_REPEAT}: {found}")


@pytest.mark.parametrize("constant", [0.0, 1.0])
def test_a_function_without_noise_is_called_again_once_or_twice(constant: float) -> None:
    asked: list[float] = []

    def f(x: float) -> float:
        asked.append(x)
        return constant

    check(f, 3.0, gradient=lambda _: 0.0)
    assert 2 <= asked.count(3.0) <= 3


def test_a_function_that_changes_late_is_found_by_a_last_call() -> None:
    calls_at_x = []

    def f(x: float) -> float:
        if x == 3.0:
            calls_at_x.append(x)
        return x * x + (len(calls_at_x) > 2)

    report = check(f, 3.0, gradient=lambda x: 2 * x)
    assert report.verdict == "NOISY"
    assert (
        report.cause == f"{Cause.F_DOES_NOT_REPEAT}: calls with the same inputs differ by 1.0e+00"
    )


def test_a_function_that_fails_at_times_does_not_repeat() -> None:
    calls = iter(range(10_000))

    def f(x: float) -> float:
        return x * x if next(calls) < 1 else math.sqrt(-1)

    report = check(f, 3.0, gradient=lambda x: 2 * x)
    assert report.verdict == "NOISY"
    assert report.cause.startswith(f"{Cause.F_DOES_NOT_REPEAT}: with the same inputs, some calls")


@pytest.mark.parametrize("behaviour", ["smooth", "kink", "edge"])
def test_nothing_that_such_a_change_explains_is_called_anything_else(behaviour: str) -> None:
    entry = Entry(input=0, index=(), output=(), name="df/dx", gradient=1.0)
    slopes = (2.0, 3.0) if behaviour == "kink" else None
    seen = Estimate(1.5, 1e-3, behaviour, slopes=slopes, step=0.01)
    for spread, verdict in (
        (1e-3, "NOISY"),
        (1e-6, "WRONG" if behaviour == "smooth" else "NOISY"),
    ):
        assert judge(entry, seen, Circumstances(1e-6, 1.0, spread)).verdict == verdict
    assert judge(entry, seen, Circumstances(1e-6, 1.0)).verdict != "NOISY"


@pytest.mark.parametrize(
    ("size", "excess", "verdict"),
    [(0.0, 0.1, "WRONG"), (1e-6, 1e-3, "NOISY"), (0.5, 1e-4, "WRONG"), (1e6, 1e-4, "WRONG")],
)
def test_a_change_explains_a_gap_by_its_size_beside_that_of_f(
    size: float, excess: float, verdict: str
) -> None:
    entry = Entry(input=0, index=(), output=(), name="df/dx", gradient=1 + excess)
    circumstances = Circumstances(1e-6, size, scatter=1e-9)
    assert judge(entry, Estimate(1.0, 1e-7, step=0.01), circumstances).verdict == verdict


@pytest.mark.parametrize("value", [0.0, 1e-9])
def test_a_derivative_within_its_bound_is_seen_beside_the_slopes_near_by(value: float) -> None:
    entry = Entry(input=0, index=(), output=(), name="df/dx", gradient=1e-9)
    judged = judge(entry, Estimate(value, 1e-9, secant=1.0), Circumstances(1e-6, 1.0))
    assert (judged.verdict, judged.power < 1e-4) == ("PASS", True)


@pytest.mark.parametrize(
    ("gradient", "verdict"),
    [(1e-3 + 5e-10, "KINK"), (1e-3 + 2e-9, "WRONG"), (-1e-3 - 5e-10, "KINK"), (-2e-3, "WRONG")],
)
def test_slopes_of_a_kink_are_passed_by_as_much_as_rtol_allows(
    gradient: float, verdict: str
) -> None:
    entry = Entry(input=0, index=(), output=(), name="df/dx", gradient=gradient)
    seen = Estimate(0.0, 0.0, "kink", slopes=(-1e-3, 1e-3), step=0.01)
    assert judge(entry, seen, Circumstances(1e-6, 1.0)).verdict == verdict


def test_a_change_now_and_then_makes_no_gradient_wrong() -> None:
    rng = random.Random(0)
    x = np.linspace(0.1, 2, 60)
    for _ in range(5):
        report = check(lambda x: (x**2).sum() * rng.choice((1, 1.001)), x, gradient=twice)
        assert report.verdict == "NOISY", str(report)


@pytest.mark.parametrize(
    ("ulp", "verdict"), [(0, "PASS"), (64, "PASS"), (65, "NOISY"), (-65, "NOISY")]
)
def test_what_repeats_within_64_ulp_is_rounding(ulp: int, verdict: str) -> None:
    calls = iter(range(10_000))

    def f(x: float) -> float:
        return x if x != 1.0 else 1.0 + (next(calls) > 0) * ulp * math.ulp(1.0)

    assert check(f, 1.0, gradient=lambda _: 1.0).verdict == verdict


@pytest.mark.parametrize("size", [1.0, 1e-20, 1e20])
@pytest.mark.parametrize(
    ("apart", "verdict"), [(1e-13, "PASS"), (1e-11, "WRONG")], ids=["rounding", "more"]
)
def test_a_gradient_repeats_but_for_rounding(size: float, apart: float, verdict: str) -> None:
    calls = iter(range(10_000))
    report = check(
        lambda x: size * x, 1.0, gradient=lambda _: size * (1 + apart * (next(calls) % 2))
    )
    assert report.verdict == verdict


# References


def test_a_wrong_reference_is_told_from_a_wrong_gradient() -> None:
    def reference(x: list[float]) -> list[float]:
        return [-3 * x[0] ** 2, 1.0]

    def right(x: list[float]) -> list[float]:
        return [3 * x[0] ** 2, 1.0]

    def f(x: list[float]) -> float:
        return x[0] ** 3 + x[1]

    x = [2.0, 1.0]
    doubted = check(f, x, gradient=right, reference=reference)
    assert (doubted.verdict, doubted.passed) == ("WRONG", False)
    assert doubted.cause == (
        f"{Cause.REFERENCE_WRONG}: differences of f give 12.0000, as the gradient does"
    )
    assert [str(entry.verdict) for entry in doubted.entries] == ["WRONG", "PASS"]
    both = check(f, x, gradient=lambda x: [5.0, 1.0], reference=reference)
    assert both.cause.endswith("differences of f give 12.0000, and so is the gradient")
    assert check(f, x, gradient=reference, reference=right).cause == Cause.SIGN_FLIPPED
    slightly = check(f, x, gradient=right, reference=lambda x: [3 * x[0] ** 2 + 1e-4, 1.0])
    assert slightly.cause == doubted.cause


# Ties


@pytest.mark.parametrize("gradient", [[0.0, 1.0, 0.0], [1 / 3] * 3, [1.0, 1.0, 1.0]])
@pytest.mark.parametrize("at", [0.0, 1.0])
def test_where_slopes_do_not_add_up_no_gradient_is_called_wrong(
    gradient: list[float], at: float
) -> None:
    report = check(lambda x: float(np.median(x)), np.full(3, at), gradient=lambda _: gradient)
    assert report.verdict == "EDGE"
    assert report.cause.startswith(Cause.NOT_ADDITIVE)


@pytest.mark.parametrize(
    ("f", "x", "gradient"),
    [
        (np.median, [1.0, 1.0, 1.0], np.zeros_like),
        (lambda x: np.median(x) ** 2 + x @ x, [0.2, 0.5, 0.5, 0.5, 1.0], lambda x: 2 * x),
        (lambda x: x[0] * x[1] / (np.hypot(*x) or 1.0), [0.0, 0.0], np.zeros_like),
        (lambda x: x[0] ** 3 / (x @ x or 1.0), [0.0, 0.0], lambda x: [1.0, 0.0]),
        (lambda x: np.sqrt(abs(x[0] * x[1])), [0.0, 0.0], np.zeros_like),
        (lambda x: np.median(x[:3]) ** 2 + abs(x[3]), [1.0, 1.0, 1.0, 0.0], np.zeros_like),
    ],
)
def test_a_gradient_that_fits_each_slope_by_itself_passes_only_where_they_add_up(
    f: Callable[[Any], float], x: list[float], gradient: Callable[[Any], Any]
) -> None:
    report = check(f, np.array(x), gradient=gradient)
    assert report.verdict == "EDGE"
    assert report.cause.startswith(Cause.NOT_ADDITIVE)


def test_kinks_that_are_tied_do_not_count_against_what_adds_up() -> None:
    report = check(
        lambda x: np.hypot(x[0], x[1]) + x[2] ** 2 * x[3],
        np.array([0.0, 0.0, 0.3, 0.4]),
        gradient=lambda x: [0.0, 0.0, 2 * x[2] * x[3], x[2] ** 2],
    )
    assert [str(e.verdict) for e in report.entries] == ["KINK", "KINK", "PASS", "PASS"]


def test_slopes_that_change_fast_add_up_all_the_same() -> None:
    # Along the path that shows its noise, it has other slopes than at x.
    report = check(
        lambda x: math.sin(1e7 * (x[0] + x[1] - 2)), [1.0, 1.0], gradient=lambda _: [1e7, 1e7]
    )
    assert report.verdict == "PASS"


def test_a_reference_at_its_word_is_not_added_up() -> None:
    report = check(sum_of_squares, np.ones(3), gradient=lambda x: x, reference=lambda x: 1.0 * x)
    assert report.verdict == "PASS"


@pytest.mark.parametrize("gradient", [[0.3, 0.3, 0.0], [0.45, 0.45, 5.0]])
def test_a_tie_on_one_side_alone_is_seen_beside_a_larger_kink(gradient: list[float]) -> None:
    def f(x: list[float]) -> float:
        left = max(min(x[0], 0.0), min(x[1], 0.0))
        return max(x[0], 0.0) + max(x[1], 0.0) + left + 10 * abs(x[2])

    assert check(f, [0.0] * 3, gradient=lambda _: gradient).cause.startswith(Cause.TIE)
    assert check(f, [0.0] * 3, gradient=lambda _: [0.5, 0.5, 5.0]).verdict == "KINK"


def test_slopes_that_are_noise_need_not_add_up() -> None:
    def f(x: list[float]) -> float:
        return 1 + 1e-6 * sum(random.Random(t.hex()).uniform(-1, 1) for t in x)

    report = check(f, [1.3, 0.7], gradient=lambda _: [1e3, -500.0])
    assert [entry.verdict for entry in report.entries] == ["WRONG", "WRONG"]


def test_slopes_that_do_not_add_up_are_seen_beside_an_input_in_small_units() -> None:
    x = np.array([1.0, 1.0, 1.0, 1e-6])
    report = check(
        lambda x: float(np.median(x[:3]) + 1e6 * x[3]), x, gradient=lambda _: [0, 1, 0, 1e6]
    )
    assert report.entries[1].verdict == "EDGE"


@pytest.mark.parametrize("seed", range(5))
def test_slopes_that_add_up_within_the_noise_leave_a_wrong_gradient_wrong(seed: int) -> None:
    rng = random.Random(seed)

    def f(x: list[float]) -> float:
        return sum(map(math.sin, x)) + 0.01 * rng.gauss(0, 1)

    assert check(f, [1.0] * 3, gradient=lambda _: [9.0, 0.54, 0.54]).verdict == "WRONG"


def test_where_f_jumps_as_all_inputs_move_a_wrong_gradient_is_wrong() -> None:
    report = check(
        lambda x: x[0] + 2 * x[1] + (x[0] > 0 and x[1] > 0), [0.0, 0.0], gradient=lambda _: [1, 5]
    )
    assert report.verdict == "WRONG"


def test_slopes_that_add_up_leave_a_wrong_gradient_wrong() -> None:
    x = np.array([1e-6, 3.0, 2e5])
    for wrong in (lambda x: 3 * x, lambda x: 2 * x * [1, 1, -1], lambda x: 2 * x + 1e-3):
        assert check(sum_of_squares, x, gradient=wrong).verdict == "WRONG"


# Second derivatives


def test_second_derivatives_are_called_what_they_are() -> None:
    report = check(lambda x, y: x[0] * y**2, [2.0], 3.0, order=2)
    assert [entry.name for entry in report.entries] == [
        *("d²f/dx[0]dx[0]", "d²f/dx[0]dy"),
        *("d²f/dydx[0]", "d²f/dydy"),
    ]
    wrong = check(
        lambda x, y: x * x * y,
        *(2.0, 3.0),
        order=2,
        gradient=lambda x, y: ((2 * y, 2 * x), (2 * x, 1.0)),
    )
    assert "df/dy does not change with y here" in wrong.cause


def test_the_calls_at_another_point_are_counted_once() -> None:
    calls = []

    def f(x: np.ndarray) -> np.ndarray:
        calls.append(x)
        return x * x.sum()

    report = check(f, np.ones(2), gradient=lambda x: np.eye(2) * x.sum() + x[:, None])
    assert report.verdict == "PASS"
    assert report.calls == len(calls)


# Seeds


def test_a_seed_is_a_number_a_generator_or_a_fresh_one() -> None:
    def seed(rng: Any) -> str:
        report = check(lambda x: x * x, 3.0, gradient=lambda x: x, rng=rng)
        return report.repeat.rpartition("rng=")[2].rstrip(")")

    assert seed(7) == seed(np.int64(7)) == "7"
    assert seed(np.random.default_rng(1)) == seed(np.random.default_rng(1))
    assert seed(np.random.default_rng(1)) != seed(np.random.default_rng(2))
    assert seed(None) != seed(None)
    assert int(seed(None)) >= 0
    assert len({seed(np.random.default_rng(n)) for n in range(20)}) == 20


@pytest.mark.parametrize(
    ("x", "shown"),
    [
        (np.arange(1.0, 9), "array([1., 2., 3., 4., 5., 6., 7., 8.]), gradient=..."),
        (np.ones((2, 2)), "..., gradient=..."),  # on several lines
        ([1 / n for n in range(1, 12)], "..., gradient=..."),  # too long
        (np.ones(1001), "..., gradient=..."),  # which NumPy would shorten
    ],
    ids=["short", "lines", "long", "shortened"],
)
def test_the_call_that_repeats_a_check_has_its_inputs_where_there_is_room(
    x: Any, shown: str
) -> None:
    report = check(lambda _: math.nan, x, gradient=lambda x: x)
    assert report.repeat == f"gradcheck(f, {shown}, rng=0)"


@pytest.mark.parametrize("rng", ["0", 0.5, random.Random(0)])
def test_no_other_seed_is_taken(rng: Any) -> None:
    with pytest.raises(TypeError, match=r"a numpy\.random\.Generator or None; got"):
        check(lambda x: x * x, 3.0, rng=rng)


# Interior nodes


def test_nodes_and_operations_at_zero_are_checked() -> None:
    report = check(lambda x: mg.exp(x - 1.0), 1.0, nodes=True)
    assert [node.verdict for node in report.nodes] == ["PASS"]
    tilted = mg.operation("tilted", value="3 * a + a**3", derivatives=["2 + 3 * a**2"])
    (fault,) = check(lambda x: 2.0 * tilted(x), 0.0).operations
    assert (fault.gradient, fault.reference) == (2.0, pytest.approx(3.0))


def test_a_constant_stays_where_the_first_input_is_nudged() -> None:
    for node, adjoint, slope in estimate_nodes(mg.exp(mg.Value(3.0) * 2.0), 1e-6, leaves=True):
        assert slope.value == pytest.approx(adjoint, rel=1e-6), node


def test_where_a_derivative_does_not_exist_leaves_are_nudged_all_the_same() -> None:
    (_, (root, adjoint, slope)) = estimate_nodes(mg.sqrt(mg.Value(0.0)), 1e-6, leaves=True)
    assert (root.op, slope.value) == ("sqrt", pytest.approx(1.0))
    assert math.isnan(adjoint)
    with pytest.raises(ZeroDivisionError):
        estimate_nodes(mg.sqrt(mg.Value(0.0)), 1e-6)


def test_where_the_gradient_cannot_be_had_nodes_are_left_out() -> None:
    report = check(lambda x: mg.sqrt(x - 1) + x, 1.0, nodes=True)
    assert (report.verdict, report.nodes) == ("EDGE", [])
    assert report.notes[0].startswith("no interior node was checked: ")
    assert check(mg.log, -1.0, nodes=True).cause.startswith(Cause.UNDEFINED_HERE)


# Branches


def test_branches_of_this_library_are_no_news() -> None:
    for f, x in ((mg.log, 3.0), (mg.logsumexp, [1.0, 2.0])):
        assert check(f, x).notes == []


@pytest.mark.usefixtures("untraced")
def test_a_wrapped_gradient_is_watched_inside() -> None:
    def gradient(x: float) -> float:
        if x > 0:
            return 2 * x
        return 3 * x

    @functools.wraps(gradient)
    def wrapped(x: float | None) -> float:
        if x is None:
            return math.nan
        return gradient(x)

    (note,) = check(lambda x: x * x, 3.0, gradient=wrapped).notes
    assert note.startswith("not visited at these inputs: `return 3 * x` (test_gradcheck_arguments")
    assert "more" not in note


@pytest.mark.usefixtures("untraced")
def test_a_branch_of_f_is_told_beside_a_gradient_of_its_own() -> None:
    def f(x: float) -> float:
        if x > 0:
            return x * x
        return 5 * x

    def branched(x: float) -> float:
        return 2 * x if x > 0 else 5.0

    (note,) = check(f, 1.3, gradient=lambda x: 2 * x).notes
    assert note.startswith("not visited at these inputs: `return 5 * x` (test_gradcheck_arguments")
    (note,) = check(f, 1.3, gradient=branched).notes
    assert note.startswith("not visited at these inputs: `5.0` (test_gradcheck_arguments")
    assert "and 1 more;" in note


# Arrays of other libraries


def test_results_and_gradients_of_torch() -> None:
    torch = pytest.importorskip("torch")

    def f(x: np.ndarray) -> Any:
        return (torch.sin(torch.tensor(x)) ** 2).sum()

    def gradient(x: np.ndarray) -> Any:
        leaf = torch.tensor(x, requires_grad=True)
        f_of_leaf = (torch.sin(leaf) ** 2).sum()
        f_of_leaf.backward()
        return leaf.grad

    x = np.arange(1.0, 4.0)
    assert check(f, x, gradient=gradient).verdict == "PASS"
    assert check(f, x, gradient=lambda x: -gradient(x)).cause == Cause.SIGN_FLIPPED
    pair = check(lambda x, y: f(x) * y, x, 2.0, gradient=lambda x, y: (gradient(x) * y, f(x)))
    assert pair.verdict == "PASS"


@pytest.mark.parametrize("given", [None, ["a", "b"], np.ones((2, 1))])
def test_a_complaint_is_about_the_input_that_it_is_made_of(given: Any) -> None:
    def f(weights: Any, bias: Any) -> float:
        return float((weights @ np.ones(3) + bias).sum())

    report = mg.gradcheck(
        *(f, np.ones((2, 3)), np.ones(2)),
        gradient=lambda weights, _: (np.ones_like(weights), given),
        raise_on_failure=False,
    )
    assert str(report).startswith("WRONG df/dbias[0]: ")
    assert [entry.verdict for entry in report.entries] == ["INCONCLUSIVE"] * 6 + ["WRONG"] * 2
    assert "against" not in str(report)


def test_a_source_that_has_the_name_of_another_is_asked_itself() -> None:
    class Wrong:
        name = "backprop"

        def value_and_gradient(self, f: Any, *inputs: Any) -> Any:
            value, gradient = mg.value_and_grad(f)(*inputs)
            return value, 2 * gradient

    report = mg.gradcheck(lambda x: [x + x, x * 2], 3.0, gradient=Wrong(), raise_on_failure=False)
    assert [entry.gradient for entry in report.entries] == [4.0, 4.0]


def test_a_function_that_has_the_name_of_an_engine_records_nothing() -> None:
    def backprop(x: float) -> float:
        return 3 * x

    report = mg.gradcheck(lambda x: x * x, 2.0, gradient=backprop, raise_on_failure=False)
    assert report.verdict == "WRONG"
    assert not report.notes


def test_inputs_are_named_by_the_arguments_that_they_are() -> None:
    def several(*args: Any, k: int = 1) -> Any:
        return args[0] * args[1] * k

    def one(w: Any, *, temperature: float = 1.0) -> Any:
        return w * temperature

    def names(f: Any, *x: float) -> list[str]:
        return [entry.name for entry in mg.gradcheck(f, *x).entries]

    assert names(several, 2.0, 3.0) == ["df/dx0", "df/dx1"]
    assert names(one, 2.0) == ["df/dw"]


def test_a_loop_that_catches_all_exceptions_is_not_told_of() -> None:
    def f(x: Any) -> Any:
        for _ in range(20_000):
            with contextlib.suppress(Exception):
                x = x + 0.0
        return x * x if x > 0 else x

    assert not mg.gradcheck(f, 2.0, gradient=lambda x: 2 * x).notes


def test_numbers_and_arrays_may_be_mixed() -> None:
    report = check(
        lambda x, n, y: x * n * y.sum(),
        *(3.0, 2, np.array([1.0, 2.0])),
        gradient=lambda x, n, y: (n * y.sum(), x * y.sum(), np.full_like(y, x * n)),
    )
    assert report.verdict == "PASS"


def test_tolerances_and_scales_may_be_numbers_of_numpy() -> None:
    report = mg.gradcheck(lambda x: x * x, 3.0, scale=np.float32(1), rtol=np.float32(1e-5))
    assert type(report.power) is float


def test_a_negative_gradient_is_no_zero_beside_a_reference_of_zero() -> None:
    entry = Entry(input=0, index=(), output=(), name="df/dx", gradient=-1.0)
    judged = judge(entry, Estimate(0.0, 0.0), Circumstances(1e-6, 1.0))
    assert (judged.verdict, judged.power) == ("WRONG", math.inf)
    entry = Entry(input=0, index=(), output=(), name="df/dx", gradient=0.0)
    judged = judge(entry, Estimate(0.0, 0.0), Circumstances(1e-6, 1.0))
    assert (judged.verdict, judged.power) == ("PASS", 0.0)


@pytest.mark.parametrize(
    ("noise", "size", "gap", "verdict"),
    [
        (0.0, 1.0, 1.5e-3, "WRONG"),
        (1e-3, 1.0, 1.5e-3, "NOISY"),
        (1e-16, 1e-3, 1.5e-3, "NOISY"),
        (1e-3, 1.0, 2.5e-3, "WRONG"),
    ],
)
def test_noise_may_be_twice_its_bound(noise: float, size: float, gap: float, verdict: str) -> None:
    entry = Entry(input=0, index=(), output=(), name="df/dx", gradient=1 + gap)
    seen = Estimate(1.0, 1e-3, noise=noise)
    assert judge(entry, seen, Circumstances(1e-6, size)).verdict == verdict


@pytest.mark.parametrize(
    ("gradient", "size", "reach", "power"),
    [(1e-9, 1.0, 1.0, 0.0), (1e-9, 1e-8, 1.0, math.inf), (1e-7, 1.0, 100.0, math.inf)],
)
def test_rounding_where_f_stands_still_is_small_beside_f(
    gradient: float, size: float, reach: float, power: float
) -> None:
    entry = Entry(input=0, index=(), output=(), name="df/dx", gradient=gradient)
    here = Circumstances(1e-6, size, rounding=1e-6, reach=reach)
    assert judge(entry, Estimate(0.0, 0.0, is_flat=True), here).power == power


def test_where_f_changes_in_steps_it_does_not_stand_still() -> None:
    entry = Entry(input=0, index=(), output=(), name="df/dx", gradient=1e-9)
    here = Circumstances(1e-6, 1.0, rounding=1e-8, grain=1e-9)
    judged = judge(entry, Estimate(0.0, 0.0, is_flat=True), here)
    assert (judged.verdict, judged.power) == ("NOISY", math.inf)


def test_a_tiny_input_is_moved_by_one_to_see_whether_f_stands_still() -> None:
    problem = Problem(lambda x, y: x * y, (1e-20, 100.0))
    assert [reach_of(problem, i) for i in range(2)] == [1.0, 100.0]


@pytest.mark.parametrize("other", [{"is_flat": True}, {"scatter": 1e-9}])
def test_what_stands_still_or_does_not_repeat_does_not_change_by_its_own_size(other: Any) -> None:
    entry = Entry(input=0, index=(), output=(), name="df/dx", gradient=1.0)
    seen = Estimate(0.0, 1e-3, noise=1e-7, is_flat="is_flat" in other)
    here = Circumstances(1e-6, 5e-7, scatter=other.get("scatter", 0.0))
    assert judge(entry, seen, here).verdict == "WRONG"


@pytest.mark.parametrize(
    ("size", "verdict"), [(1e-3, "WRONG"), (1.05e-6, "WRONG"), (0.95e-6, "NOISY"), (0.0, "WRONG")]
)
def test_what_changes_by_its_own_size_has_no_slope_to_be_seen(size: float, verdict: str) -> None:
    entry = Entry(input=0, index=(), output=(), name="df/dx", gradient=1.0)
    seen = Estimate(0.0, 1e-3, noise=1e-7)
    judged = judge(entry, seen, Circumstances(1e-6, size))
    assert (judged.verdict, math.isinf(judged.error_bound)) == (verdict, verdict != "WRONG")


@pytest.mark.parametrize(
    ("gradient", "resolution", "told"),
    [
        (1e-3, 1e-5, "a wider rtol="),
        (1e-3, 4e-4, "a wider rtol="),
        (1e-3, 6e-4, "inputs of another size"),
        (1e-4, 1e-4, "inputs of another size"),
    ],
)
def test_a_wider_tolerance_is_advised_where_the_gradient_is_seen(
    gradient: float, resolution: float, told: str
) -> None:
    entry = Entry(input=0, index=(), output=(), name="df/dx", gradient=gradient)
    judged = judge(entry, Estimate(gradient, resolution / 2), Circumstances(1e-6, 1.0))
    assert judged.verdict == "INCONCLUSIVE"
    assert judged.cause.endswith(f"the length over which it changes, or {told}")


def test_a_gradient_of_zero_passes_where_an_estimate_says_that_f_stands_still() -> None:
    for gradient, verdict in ((0.0, "PASS"), (1e-10, "INCONCLUSIVE"), (1e-8, "WRONG")):
        entry = Entry(input=0, index=(), output=(), name="df/dx", gradient=gradient)
        seen = Estimate(0.0, 1e-9, is_flat=True)
        assert judge(entry, seen, Circumstances(1e-6, 1.0)).verdict == verdict


# What looks like a check, and is none


def test_a_gradient_beside_the_value_is_told_to_be_unchecked() -> None:
    def both(x: Any) -> Any:
        return (x**2).sum(), 3 * x

    x = np.array([1.0, 2.0, 3.0])
    for options in ({}, {"gradient": lambda x: both(x)[1]}):
        report = check(both, x, **options)
        told = "f returns a number and numbers like x, which were taken for more outputs;"
        assert report.notes[0].startswith(told)
        assert report.notes[0].endswith("f(x)[0], gradient=lambda x: f(x)[1]")
    others: list[Any] = [
        lambda x: [x.sum(), *(3 * x)],
        lambda x: (x.sum(), x[:2]),
        lambda x: (x.sum(), x[:1], x[1:]),
        lambda x: (x.sum(), [*x, x[0]]),
        lambda x: ([x.sum()], x),
        lambda x: (x, x.sum()),
    ]
    for f in others:
        assert not check(f, x, gradient="forward-mode").notes
    assert not check(lambda x: (x**2, 2 * x), 3.0).notes
    assert not check(lambda x: both(x)[0], x).notes


@pytest.mark.parametrize("other", [math.inf, -math.inf, math.nan])
def test_an_f_that_has_a_value_now_and_then_does_not_repeat(other: float) -> None:
    calls = itertools.count()
    report = check(lambda x: other if next(calls) else x, 2.0, gradient=lambda _: 1.0)
    assert report.verdict in ("NOISY", "EDGE")
    assert math.isinf(scatter(Problem(lambda x: other, (2.0,)), [1.0]))


def test_values_next_to_the_largest_float_repeat_but_for_rounding() -> None:
    large = 1.7e308
    assert scatter(Problem(lambda x: math.nextafter(large, 0.0), (2.0,)), [large]) == 0


def test_an_f_that_uses_none_of_its_inputs_is_told_of() -> None:
    told = "f changes with none of its inputs here: does it use them?"
    assert told in check(lambda x, y: 3.0, 1.0, [2.0, 3.0]).notes
    assert told not in check(lambda x, y: 3.0 + y[0], 1.0, [2.0, 3.0]).notes
    assert check(lambda x: x * x, 0.0).notes == []
    assert told not in check(lambda x: 3 * x, 1.0, order=2).notes


def test_a_reference_of_zero_is_no_f_that_stands_still() -> None:
    center = np.array([1.0, 2.0])
    report = check(
        lambda w: ((w - center) ** 2).sum(),
        center,
        gradient=lambda w: 2 * (w - center),
        reference="complex-step",
    )
    assert report.verdict == "PASS"
    assert not any("changes with none" in note for note in report.notes)


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_a_reference_that_is_not_finite_is_told_as_such(value: float) -> None:
    report = check(abs, 1.0, gradient=lambda x: 1.0, reference=lambda x: value)
    assert report.verdict == "EDGE"
    assert report.cause.endswith(f"no reference here: it gives {value!r}")


def test_a_function_among_the_inputs_is_told_how_to_give_a_gradient() -> None:
    with pytest.raises(TypeError, match=r"a gradient is given by name: gradient=\.\.\."):
        check(math.sin, math.cos, 1.0)
    with pytest.raises(TypeError, match=r"write x\.data$"):
        check(math.sin, mg.Value(1.0))
    with pytest.raises(TypeError, match=r"calls model.with_parameters\(numbers\)$"):
        check(math.sin, mg.nn.Neuron(2))


# What is kept


class Kept:
    """Something whose end can be watched."""


@pytest.mark.parametrize(
    ("f", "gradient"),
    [
        (lambda x: sum(v * v for v in x), lambda x: [1.0, 7.0]),
        (lambda x: sum(v * math.log(v) for v in x), lambda x: [1.0, 7.0]),
        (lambda x: math.sqrt(x[0] - 0.5), lambda x: [1.0, 0.0]),
    ],
    ids=["wrong", "undefined elsewhere", "edge"],
)
def test_neither_a_check_nor_its_report_keeps_what_its_caller_has(f: Any, gradient: Any) -> None:
    def run() -> tuple[Report, weakref.ref[Kept]]:
        mine = Kept()
        return check(f, [0.5, 1.0], gradient=gradient), weakref.ref(mine)

    gc.disable()
    try:
        report, mine = run()
        assert report.verdict != "PASS"
        assert mine() is None
    finally:
        gc.enable()
