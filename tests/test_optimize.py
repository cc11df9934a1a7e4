"""Descents: where they go, on any source, and what they refuse."""

from __future__ import annotations

import gc
import json
import math
import re
import threading
import weakref
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st

import microgradcheck as mg
from hills import bowl, parabola, rosenbrock
from microgradcheck.optimize import (
    Adam,
    Momentum,
    Status,
    distinct_names,
    minimize,
)

SOURCES = ["backprop", "forward-mode", "tape", "central-difference", "complex-step"]


# The paths


@pytest.mark.parametrize("gradient", SOURCES)
def test_a_parabola_is_descended_as_by_hand(gradient: str) -> None:
    descent = minimize(parabola, 0.0, gradient=gradient, learning_rate=0.1, steps=30)
    assert [f"{step.x:.4f}" for step in descent.history[:4]] == [
        "0.0000",
        "1.0000",
        "1.8000",
        "2.4400",
    ]
    assert f"{descent.x:.4f}" == "4.9938"
    assert [step.x for step in descent.history] == pytest.approx(
        [5 - 5 * 0.8**k for k in range(31)], rel=1e-9
    )
    assert [step.gradient for step in descent.history] == pytest.approx(
        [-10 * 0.8**k for k in range(31)], rel=1e-7
    )
    assert [step.number for step in descent.history] == list(range(31))
    assert descent.success


@pytest.mark.parametrize("gradient", SOURCES)
def test_a_bowl_is_descended_as_by_hand(gradient: str) -> None:
    descent = minimize(bowl, [10.0, -10.0], gradient=gradient, learning_rate=0.1, steps=50)
    x, y = 10.0, -10.0
    for step in descent.history:
        assert step.x == pytest.approx([x, y], rel=1e-9)
        assert step.value == pytest.approx(x * x + y * y, rel=1e-9)
        assert step.gradient == pytest.approx([2 * x, 2 * y], rel=1e-7)
        x, y = x - 0.1 * 2 * x, y - 0.1 * 2 * y
    assert len(descent.history) == 51


@given(
    curvatures=st.lists(st.floats(0.1, 10.0), min_size=1, max_size=4),
    rate=st.floats(0.01, 0.15),
)
def test_each_entry_of_a_quadratic_shrinks_by_its_own_factor(
    curvatures: list[float], rate: float
) -> None:
    def quadratic(p: Any) -> Any:
        return sum(a * x * x / 2 for a, x in zip(curvatures, p, strict=True))

    start = [3.0 * (-1) ** i for i in range(len(curvatures))]
    descent = minimize(quadratic, start, learning_rate=rate, steps=5)
    expected = [x * (1 - rate * a) ** 5 for a, x in zip(curvatures, start, strict=True)]
    assert descent.x == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("gradient", ["backprop", "central-difference"])
@pytest.mark.parametrize(
    ("f", "start", "end"),
    [
        (lambda p: p[0] ** 2 + p[1] ** 2, (10.0, -10.0), (8.0, -8.0)),
        (lambda p: p[0][0] ** 2 + p[1] ** 2, [[10.0], -10.0], [[8.0], -8.0]),
        (lambda p: (p * p).sum(), np.array([10, -10]), np.array([8.0, -8.0])),
        (lambda p: (p * p).sum(), np.full((2, 1), 10.0), np.full((2, 1), 8.0)),
        (lambda x: x * x, 10, 8.0),
        (lambda x: x * x, np.float32(10), 8.0),
    ],
    ids=["tuple", "nested", "integers", "matrix", "number", "numpy number"],
)
def test_every_kind_of_start_comes_back_as_its_kind(
    f: Any, start: Any, end: Any, gradient: str
) -> None:
    descent = minimize(f, start, gradient=gradient, learning_rate=0.1, steps=1)
    for point in (descent.x, descent.jac, descent.history[0].x):
        assert type(point) is type(end)
        assert np.shape(point) == np.shape(end) if isinstance(end, np.ndarray) else True
    flat = np.hstack if isinstance(end, list) else np.asarray
    assert flat(descent.x) == pytest.approx(flat(end))
    assert flat(descent.jac) == pytest.approx(2 * flat(end))


@pytest.mark.parametrize("gradient", SOURCES)
def test_a_function_of_several_arguments_has_a_start_for_each(gradient: str) -> None:
    descent = minimize(
        lambda x, p: x**2 + p[0] ** 2, 10.0, [-10.0], gradient=gradient, learning_rate=0.1, steps=1
    )
    assert isinstance(descent.x, tuple)
    assert descent.x[0] == pytest.approx(8.0)
    assert descent.x[1] == pytest.approx([-8.0])
    assert descent.jac[1] == pytest.approx([-16.0])
    assert descent.names == ("x", "p")


def test_what_f_does_to_its_input_changes_nothing() -> None:
    def careless(p: Any) -> Any:
        value = p[0] ** 2 + p[1] ** 2
        p[0] = p[1] = 77.0
        return value

    start = [10.0, -10.0]
    descent = minimize(careless, start, steps=2, gradient="central-difference")
    assert start == [10.0, -10.0]
    assert descent.x == pytest.approx([6.4, -6.4])
    descent.history[0].x[0] = 0.0
    assert descent.history[1].x == pytest.approx([8.0, -8.0])


@pytest.mark.parametrize("gradient", SOURCES[:3])
def test_functions_written_with_methods_work_with_every_source(gradient: str) -> None:
    descent = minimize(lambda x: (x - 3).relu() + x.tanh(), 5.0, gradient=gradient, steps=3)
    backprop = minimize(lambda x: (x - 3).relu() + x.tanh(), 5.0, steps=3)
    assert descent.x == pytest.approx(backprop.x, rel=1e-8)


# Sources


def test_a_users_own_gradient_is_followed_and_named() -> None:
    def by_hand(p: Any) -> Any:
        return np.array([2 * p[0], 2 * p[1]])

    descent = minimize(bowl, [10.0, -10.0], gradient=by_hand, steps=2)
    assert descent.x == [6.4, -6.4]
    assert descent.jac == [12.8, -12.8]
    assert descent.source == "by_hand"


def test_an_object_that_is_a_source_is_followed() -> None:
    source = SimpleNamespace(name="mine", value_and_gradient=lambda f, x: (f(x), 2 * x))
    descent = minimize(lambda x: x * x, 10.0, gradient=source, steps=1)
    assert (descent.x, descent.source, descent.nfev) == (8.0, "mine", 2)


@pytest.mark.parametrize(
    ("gradient", "complaint"),
    [
        (lambda p: [1.0, 2.0, 3.0], "must have 2 entries, as x has; it has 3 entries"),
        (lambda p: 1.0, "it has 1 entries"),
        (lambda p: ["1", "2"], "holds '1'"),
        (lambda p: None, "holds None"),
        (lambda p: [math.nan, 1.0], "entry 0 of the gradient is nan"),
    ],
)
def test_a_gradient_that_is_none_is_refused(gradient: Any, complaint: str) -> None:
    with pytest.raises((TypeError, ValueError), match=complaint):
        minimize(bowl, [1.0, 2.0], gradient=gradient)


def test_a_transposed_gradient_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"must have the shape \(2, 3\).* it has the shape \(3, 2\)"
    ):
        minimize(lambda p: (p * p).sum(), np.ones((2, 3)), gradient=lambda p: 2 * p.T)


# What it costs


@pytest.mark.parametrize(
    ("gradient", "calls"),
    [("backprop", 1), ("forward-mode", 1), ("central-difference", 7), ("complex-step", 4)],
)
def test_calls_of_f_are_counted(gradient: str, calls: int) -> None:
    made = 0

    def f(p: Any) -> Any:
        nonlocal made
        made += 1
        return p[0] ** 2 + p[1] ** 2 + p[2] ** 2

    descent = minimize(f, [1.0, 2.0, 3.0], gradient=gradient, steps=4)
    assert descent.nfev == made == 5 * calls
    assert descent.njev == 5
    assert descent.nit == 4


def test_a_call_that_fails_for_want_of_values_is_not_counted() -> None:
    descent = minimize(lambda x: x.exp(), 1.0, gradient="central-difference", steps=4)
    assert descent.nfev == 5 * 3


# SciPy


def test_the_result_has_scipys_fields() -> None:
    theirs = scipy.optimize.minimize(mg.value_and_grad(bowl), [3.0, 1.0], jac=True)
    ours = minimize(bowl, [3.0, 1.0], optimizer="line-search", gradient_below=1e-5)
    for name in ("x", "fun", "jac", "success", "status", "message", "nfev", "njev", "nit"):
        assert isinstance(theirs[name], str) == isinstance(getattr(ours, name), str)
    assert theirs.success
    assert ours.success
    assert np.allclose(theirs.x, ours.x, atol=1e-5)


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "CG", "TNC", "SLSQP"])
def test_scipy_minimizes_with_value_and_grad_as_it_is(method: str) -> None:
    result = scipy.optimize.minimize(
        mg.value_and_grad(rosenbrock), np.array([-1.2, 1.0]), jac=True, method=method
    )
    assert np.allclose(result.x, [1.0, 1.0], atol=1e-3)


# Checks on the way


def wrong_beyond_two(w: Any) -> float:
    return 2 * (w - 5) * (1.01 if w > 2 else 1.0)


def test_a_gradient_that_goes_wrong_is_found_on_the_way() -> None:
    descent = minimize(parabola, 0.0, gradient=wrong_beyond_two, check_every=1)
    assert descent.status == Status.WRONG_GRADIENT
    assert not descent.success
    assert [f"{step.x:.2f}" for step in descent.history] == ["0.00", "1.00", "1.80", "2.44"]
    assert "wrong_beyond_two" in descent.message
    assert not descent.report.passed
    assert descent.report.entries[0].gradient == descent.jac
    json.dumps(descent.to_dict())


def test_checks_are_as_far_apart_as_was_asked() -> None:
    descent = minimize(parabola, 0.0, gradient=wrong_beyond_two, check_every=5)
    assert descent.nit == 5
    wrong_at_once = minimize(parabola, 3.0, gradient=wrong_beyond_two, check_every=5)
    assert wrong_at_once.nit == 0


@pytest.mark.parametrize("gradient", ["backprop", "central-difference"])
def test_a_right_gradient_passes_its_checks(gradient: str) -> None:
    unchecked = minimize(rosenbrock, [-1.2, 1.0], gradient=gradient, learning_rate=1e-3, steps=20)
    checked = minimize(
        rosenbrock, [-1.2, 1.0], gradient=gradient, learning_rate=1e-3, steps=20, check_every=4
    )
    assert checked.history == unchecked.history
    assert checked.report is None
    assert checked.nfev == unchecked.nfev


def test_checks_that_could_not_tell_are_counted() -> None:
    # At the minimum the gradient is as small as what differences cannot see.
    descent = minimize(parabola, 0.0, check_every=10, steps=200)
    assert descent.success
    assert descent.nit == 200
    assert re.search(
        r"Took all 200 steps\. Of 21 checks \d could not tell: NOISY\.", descent.message
    )
    assert "could not tell" not in minimize(parabola, 0.0, check_every=10, steps=20).message


# Wrong input


@pytest.mark.parametrize("start", [math.nan, math.inf, -math.inf])
def test_a_start_that_is_not_finite_is_refused(start: float) -> None:
    with pytest.raises(ValueError, match="x0 must be finite"):
        minimize(parabola, start)
    with pytest.raises(ValueError, match=f"x0 must be finite, got {start} at entry 1"):
        minimize(bowl, [1.0, start])
    with pytest.raises(ValueError, match="the start of argument 1 must be finite"):
        minimize(lambda x, y: x + y, 1.0, start)


@pytest.mark.parametrize(
    ("f", "error", "complaint"),
    [
        (mg.log, ValueError, "log"),
        (lambda x: 1 / x, ZeroDivisionError, "divide"),
        (lambda x: mg.exp(1000 + x), OverflowError, "exp"),
        (mg.sqrt, ZeroDivisionError, "sqrt"),
    ],
)
def test_a_start_where_f_or_its_gradient_is_undefined_is_refused(
    f: Any, error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint) as caught:
        minimize(f, 0.0)
    assert "at the start x0" in "".join(caught.value.__notes__)


def test_a_start_where_f_is_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="f is nan"):
        minimize(lambda x: x * math.nan, 1.0, gradient="central-difference")


@pytest.mark.parametrize("gradient", [*SOURCES, lambda p: [0.0, 0.0]])
@pytest.mark.parametrize("f", [lambda p: [p[0], p[1]], lambda p: None, lambda p: "1"])
def test_an_f_that_does_not_return_one_number_is_refused(f: Any, gradient: Any) -> None:
    with pytest.raises(TypeError):
        minimize(f, [1.0, 2.0], gradient=gradient)


def test_an_f_that_returns_a_list_is_told_what_to_do() -> None:
    with pytest.raises(TypeError, match="returned 2 in a list; return their sum"):
        minimize(lambda p: [p[0], p[1]], [1.0, 2.0])


@pytest.mark.parametrize(
    ("options", "error", "complaint"),
    [
        ({"learning_rate": -1}, ValueError, r"positive number, such as 0\.1.* got -1.*minus"),
        ({"learning_rate": 0}, ValueError, "positive number"),
        ({"learning_rate": math.nan}, ValueError, "positive number"),
        ({"learning_rate": math.inf}, ValueError, "positive number"),
        ({"learning_rate": "0.1"}, TypeError, "got '0.1'"),
        ({"gradient": "backprob"}, ValueError, "did you mean 'backprop'"),
        ({"gradient": 3}, TypeError, "gradient source"),
        ({"optimizer": "adm"}, ValueError, "did you mean 'adam'"),
        ({"optimizer": Adam}, TypeError, r"write Adam\(\)"),
        ({"optimizer": 3}, TypeError, "got 3 of type int"),
        ({"steps": -1}, ValueError, "steps is an integer, at least 0; got -1"),
        ({"steps": 30.0}, TypeError, "steps is an integer"),
        ({"steps": True}, TypeError, "steps is an integer"),
        ({"check_every": -1}, ValueError, "check_every"),
        ({"gradient_below": -1e-6}, ValueError, "gradient_below is a finite number, at least 0"),
        ({"step_below": "small"}, TypeError, "step_below"),
        ({"value_below": math.nan}, ValueError, "value_below is a finite number"),
        ({"callback": 3}, TypeError, "callback is a function of a Step"),
        ({"learnign_rate": 0.1}, TypeError, "learnign_rate"),
    ],
)
def test_wrong_options_are_refused(
    options: dict[str, Any], error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint):
        minimize(parabola, 0.0, **options)


@pytest.mark.parametrize(
    ("f", "start", "error", "complaint"),
    [
        (3, 0.0, TypeError, "f is a function of x, got 3"),
        (parabola, "0", TypeError, "x0 holds '0' of type str; expected a real number"),
        (parabola, None, TypeError, "x0 holds None"),
        (parabola, 1j, TypeError, "x0 holds 1j"),
        (parabola, [], ValueError, "x0 is empty"),
        (parabola, mg.Value(0.0), TypeError, "x0 holds Value"),
        (parabola, {"w": 0.0}, TypeError, "x0 holds"),
        (lambda x, y: x, [1.0, 2.0], TypeError, r"1 argument \(missing.*'y'\); x0 is one argument"),
    ],
)
def test_wrong_functions_and_starts_are_refused(
    f: Any, start: Any, error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint):
        minimize(f, start)


def test_an_option_given_by_place_is_taken_for_a_start() -> None:
    with pytest.raises(TypeError, match=r"2 arguments .* learning_rate are given by name"):
        minimize(parabola, 0.0, 0.1)


class InPlace:
    """A rule of a user's own that keeps its velocity in one array."""

    name, learning_rate = "in-place", 0.1

    def __init__(self) -> None:
        self.velocity = np.zeros(2)

    def change(self, gradient: Any, learning_rate: float, rise: Any) -> Any:
        self.velocity *= 0.9
        self.velocity += gradient
        return -learning_rate * self.velocity


def test_a_rule_that_works_in_place_serves_several_descents() -> None:
    rule = InPlace()
    ends = [minimize(lambda p: p[0] ** 2 + p[1] ** 2, [1.0, 2.0], optimizer=rule, steps=5).x] * 2
    assert ends[0] == ends[1]
    assert not rule.velocity.any()


@pytest.mark.parametrize(
    ("gradient", "message"),
    [
        (lambda a, b: (2 * b, 2 * a), "with respect to a must have the shape .2,., as a has"),
        (lambda a, b: (2 * a,), "a tuple with one part for each of a, b; got"),
        (lambda a, b: np.concatenate([2 * a, 2 * b]), "a tuple with one part for each of a, b"),
        (lambda a, b: ([1.0] * 2, [1.0] * 2), "with respect to b must have 3 entries, as b has"),
    ],
)
def test_each_argument_has_its_part_of_the_gradient(gradient: Any, message: str) -> None:
    def f(a: Any, b: Any) -> Any:
        return (a**2).sum() + (b**2).sum()

    with pytest.raises(ValueError, match=message):
        minimize(f, np.ones(2), np.ones(3), gradient=gradient)


@pytest.mark.parametrize("change", [None, 1.0, [1.0, 2.0, 3.0]])
def test_a_change_that_is_not_like_the_gradient_is_refused(change: Any) -> None:
    rule = InPlace()
    rule.change = lambda *_: change  # type: ignore[method-assign]
    with pytest.raises(TypeError, match=r"of in-place is an array of shape \(2,\), like the grad"):
        minimize(lambda p: p[0] ** 2 + p[1] ** 2, [1.0, 2.0], optimizer=rule)


@pytest.mark.parametrize("size", [1e20, 1e160])
def test_a_line_search_finds_its_step_however_steep_f_is(size: float) -> None:
    descent = minimize(lambda x: size * x * x, 1.0, optimizer="line-search", steps=3)
    assert abs(descent.x) < 0.5


@pytest.mark.parametrize("rate", [0.0, 1e-310])
def test_a_line_search_ends_at_a_rate_of_nothing(rate: float) -> None:
    calls = iter(range(100_000))
    descent = minimize(
        lambda x: x * x + next(calls), 1.0, optimizer="line-search", learning_rate=lambda _: rate
    )
    assert descent.status == Status.STUCK


def test_many_numbers_are_shown_by_the_first_and_last() -> None:
    descent = minimize(lambda p: (p**2).sum(), np.arange(9.0), gradient=lambda p: 2 * p, steps=0)
    assert "[0.0000, 1.0000, ..., 8.0000] of 9" in str(descent)


def test_runs_that_differ_in_nothing_that_is_shown_have_numbers() -> None:
    def f(x: Any) -> Any:
        return x * x

    runs = [minimize(f, 1.0, optimizer=Momentum(m), steps=1) for m in (0.1, 0.2)]
    runs.append(minimize(f, 1.0, steps=1))
    assert [name.rpartition(" ")[2] for name in distinct_names(runs)] == ["(1)", "(2)", "0.1"]


def test_a_rule_that_cannot_be_copied_is_used_as_it_is() -> None:
    rule = InPlace()
    rule.lock = threading.Lock()  # type: ignore[attr-defined]
    assert minimize(lambda p: p[0] ** 2 + p[1] ** 2, [1.0, 2.0], optimizer=rule, steps=1).success
    assert rule.velocity.any()


def test_a_line_search_keeps_to_where_f_is_real() -> None:
    f = lambda x: (x**0.5 - 1) ** 2  # noqa: E731
    descent = minimize(f, 4.0, optimizer="line-search", learning_rate=100.0)
    assert descent.x == pytest.approx(1.0, abs=1e-3)


def test_calls_that_fail_are_counted_and_those_of_checks_are_not() -> None:
    calls = 0

    def f(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return mg.log(x)

    assert minimize(f, 0.1, steps=5).nfev == calls == 2
    assert minimize(lambda x: x * x, 3.0, steps=5, check_every=1).nfev == 6


def test_a_flat_place_above_the_start_is_no_success() -> None:
    descent = minimize(
        lambda x: -mg.exp(-x * x), 0.5, learning_rate=30.0, steps=5, gradient_below=0.1
    )
    assert descent.status == Status.DIVERGED
    assert "is below 0.1 after 1 step, but diverged: f rose from -0.7788" in descent.message


def test_what_a_descent_needed_is_freed_without_the_garbage_collector() -> None:
    class Loss:
        def __call__(self, x: Any) -> Any:
            return x * x

    def run() -> weakref.ref[Loss]:
        loss = Loss()
        minimize(loss, 3.0, steps=3)
        return weakref.ref(loss)

    gc.disable()
    try:
        assert run()() is None
    finally:
        gc.enable()


def test_a_flat_start_is_called_flat_whatever_ends_the_descent() -> None:
    lost = "or f loses track of x, as by math.exp"
    found = mg.minimize(math.exp, 1.0, gradient_below=1e-3)
    assert found.success
    assert lost in found.message
    checked = mg.minimize(lambda x: (x - 1) ** 2, 1.0, check_every=1, steps=2)
    assert "this is a flat place" in checked.message
    assert lost not in checked.message


def test_a_message_tells_numbers_that_differ_by_all_their_digits() -> None:
    found = mg.minimize(lambda x: x, 0.0, learning_rate=0.1, value_below=-2, steps=50)
    assert "The value of f, -2.0000000000000004, is below -2" in found.message
    found = mg.minimize(lambda w: w**4, 3.0, gradient="central-difference", learning_rate=1.0)
    assert "Diverged at step 5: Numerical result out of range." in found.message


def test_a_comparison_that_is_interrupted_is_not_returned() -> None:
    def stop(step: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mg.compare_descents(lambda x: x * x, 1.0, callback=stop)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("the oven is cold", 3), "('the oven is cold', 3)"),
        (ValueError("the oven is cold"), "the oven is cold"),
        (OverflowError(34, "Numerical result out of range"), "Numerical result out of range"),
    ],
)
def test_the_message_says_all_that_an_error_of_f_says(error: Exception, said: str) -> None:
    def f(x: Any) -> Any:
        if x < 2.0:
            raise error
        return x * x

    message = minimize(f, 3.0, learning_rate=0.4).message
    assert message.startswith(f"Diverged at step 1: {said}. The last good point")
