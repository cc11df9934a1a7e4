"""Descents: where they go, what they say, and how they end."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st

import microgradcheck as mg
from microgradcheck.optimize import (
    Adam,
    Descent,
    GradientDescent,
    LineSearch,
    Momentum,
    Nesterov,
    RMSProp,
    Status,
    Step,
    cosine,
    exponential,
    linear,
    minimize,
)

SOURCES = ["backprop", "forward-mode", "central-difference", "complex-step"]


def parabola(w: Any) -> Any:
    return (w - 5) ** 2


def bowl(p: Any) -> Any:
    return p[0] ** 2 + p[1] ** 2


def rosenbrock(p: Any) -> Any:
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


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


# Update rules, with the formulas of PyTorch's documentation written out for one entry


def sgd(g: float, memory: dict[str, float], rate: float, mu: float, nesterov: bool) -> float:
    # "b_t = mu * b_{t-1} + g_t, but b_1 = g_1; nesterov: g_t = g_t + mu * b_t; else g_t = b_t"
    memory["b"] = mu * memory["b"] + g if "b" in memory else g
    return -rate * (g + mu * memory["b"] if nesterov else memory["b"])


def rmsprop(g: float, memory: dict[str, float], rate: float, alpha: float) -> float:
    memory["v"] = alpha * memory.get("v", 0.0) + (1 - alpha) * g * g
    return -rate * g / (math.sqrt(memory["v"]) + 1e-8)


def adam(g: float, memory: dict[str, float], rate: float, b1: float, b2: float) -> float:
    memory["t"] = t = memory.get("t", 0) + 1
    memory["m"] = b1 * memory.get("m", 0.0) + (1 - b1) * g
    memory["v"] = b2 * memory.get("v", 0.0) + (1 - b2) * g * g
    m, v = memory["m"] / (1 - b1**t), memory["v"] / (1 - b2**t)
    return -rate * m / (math.sqrt(v) + 1e-8)


FORMULAS: list[tuple[Any, Callable[..., float]]] = [
    ("gradient-descent", lambda g, memory, rate: -rate * g),
    ("momentum", lambda g, memory, rate: sgd(g, memory, rate, 0.9, False)),
    (Momentum(0.5), lambda g, memory, rate: sgd(g, memory, rate, 0.5, False)),
    ("nesterov", lambda g, memory, rate: sgd(g, memory, rate, 0.9, True)),
    (Nesterov(momentum=0.3), lambda g, memory, rate: sgd(g, memory, rate, 0.3, True)),
    ("rmsprop", lambda g, memory, rate: rmsprop(g, memory, rate, 0.99)),
    (RMSProp(decay=0.9), lambda g, memory, rate: rmsprop(g, memory, rate, 0.9)),
    ("adam", lambda g, memory, rate: adam(g, memory, rate, 0.9, 0.999)),
    (Adam(0.8, 0.9), lambda g, memory, rate: adam(g, memory, rate, 0.8, 0.9)),
]


def follow(formula: Callable[..., float], rate: float) -> list[list[float]]:
    """Return seven steps in x⁴ + 3y² from (1, -2), whose gradient is 4x³ and 6y."""
    x, memories = [1.0, -2.0], ({}, {})
    points = [x]
    for _ in range(7):
        gradient = [4 * x[0] ** 3, 6 * x[1]]
        x = [
            entry + formula(g, memory, rate)
            for entry, g, memory in zip(x, gradient, memories, strict=True)
        ]
        points.append(x)
    return points


@pytest.mark.parametrize(("rule", "formula"), FORMULAS, ids=lambda entry: str(entry)[:30])
def test_rules_are_their_formulas(rule: Any, formula: Callable[..., float]) -> None:
    descent = minimize(
        lambda p: p[0] ** 4 + 3 * p[1] ** 2,
        [1.0, -2.0],
        optimizer=rule,
        learning_rate=0.02,
        steps=7,
    )
    for step, point in zip(descent.history, follow(formula, 0.02), strict=True):
        assert step.x == pytest.approx(point, rel=1e-12)


def test_no_two_formulas_would_pass_for_each_other() -> None:
    ends = [follow(formula, 0.02)[-1] for _, formula in FORMULAS]
    for i, end in enumerate(ends):
        for other in ends[:i]:
            assert end != pytest.approx(other, rel=1e-6)


@pytest.mark.parametrize("rule", [Momentum(), Adam(), RMSProp(), LineSearch()], ids=str)
def test_a_rule_serves_many_descents(rule: Any) -> None:
    first, second = (minimize(bowl, [3.0, 1.0], optimizer=rule, steps=5) for _ in range(2))
    assert first.history == second.history
    assert vars(rule) == vars(type(rule)())


@pytest.mark.parametrize(
    ("name", "rate"),
    [("gradient-descent", 0.1), ("line-search", 1.0), ("momentum", 0.01), ("adam", 0.01)],
)
def test_without_a_learning_rate_each_rule_has_its_own(name: str, rate: float) -> None:
    own = minimize(bowl, [3.0, 1.0], optimizer=name, steps=3)
    assert (
        own.history
        == minimize(bowl, [3.0, 1.0], optimizer=name, learning_rate=rate, steps=3).history
    )


def test_a_users_own_rule_is_followed() -> None:
    class SignDescent:
        name = "sign"
        learning_rate = 0.5

        def change(self, gradient: Any, learning_rate: float, rise: Any) -> Any:
            return -learning_rate * np.sign(gradient)

    descent = minimize(bowl, [3.0, -1.0], optimizer=SignDescent(), steps=2)
    assert descent.x == [2.0, 0.0]
    assert descent.optimizer == "sign"


# Line search


def test_every_step_of_a_line_search_lowers_f_enough() -> None:
    descent = minimize(rosenbrock, [-1.2, 1.0], optimizer="line-search", steps=200)
    for before, after in pairwise(descent.history):
        moved = math.dist(before.x, after.x)
        halvings = math.log2(before.gradient_norm / moved)
        assert halvings == pytest.approx(round(halvings), abs=1e-6)
        least = 1e-4 * moved * before.gradient_norm
        assert after.value <= before.value - least * (1 - 1e-9)
    assert descent.fun < 0.1


def test_a_line_search_takes_the_first_step_that_will_do() -> None:
    # From 3, a step of 6 t lowers x² enough for t < 1: after 1 comes 1/2, which is the minimum.
    descent = minimize(lambda x: x * x, 3.0, optimizer="line-search", steps=1)
    assert descent.x == 0.0
    assert descent.nfev == 2 + 2  # two gradients, two trials
    shrunk = minimize(lambda x: x * x, 3.0, optimizer=LineSearch(shrink=0.9), steps=1)
    assert shrunk.x == pytest.approx(3 - 0.9 * 6)


def test_a_line_search_steps_back_into_the_domain() -> None:
    descent = minimize(lambda x: x - mg.log(x), 0.1, optimizer="line-search", steps=60)
    assert descent.x == pytest.approx(1.0, abs=1e-6)
    assert all(step.x > 0 for step in descent.history)


def test_a_line_search_is_stuck_where_the_gradient_points_down() -> None:
    descent = minimize(lambda x: x * x, 3.0, gradient=lambda x: -2 * x, optimizer="line-search")
    assert descent.status == Status.STUCK
    assert not descent.success
    assert descent.nit == 0
    assert "gradcheck" in descent.message


# Learning rates


def test_a_schedule_gets_the_number_of_steps_taken() -> None:
    asked = []

    def schedule(step: int) -> float:
        asked.append(step)
        return 0.1 / (1 + step)

    descent = minimize(parabola, 0.0, learning_rate=schedule, steps=3)
    assert asked == [0, 1, 2]
    x = 0.0
    for k in range(3):
        x -= 0.1 / (1 + k) * 2 * (x - 5)
    assert descent.x == pytest.approx(x, rel=1e-12)


def test_schedules_are_what_they_say() -> None:
    assert [linear(1.0, 0.1, 100)(k) for k in (0, 1, 50, 100, 200)] == pytest.approx(
        [1.0, 1.0 - 0.9 * 1 / 100, 0.55, 0.1, 0.1]
    )
    assert [cosine(2.0, 0.0, 4)(k) for k in range(6)] == pytest.approx(
        [2.0, 1 + math.sqrt(0.5), 1.0, 1 - math.sqrt(0.5), 0.0, 0.0]
    )
    assert [exponential(0.8, 0.5)(k) for k in range(4)] == [0.8, 0.4, 0.2, 0.1]
    assert [exponential(0.8, 0.5, every=3)(k) for k in (0, 2, 3, 5, 6)] == [0.8, 0.8, 0.4, 0.4, 0.2]


@pytest.mark.parametrize("rate", [-1.0, math.nan, math.inf, "0.1", None])
def test_what_a_schedule_returns_is_checked_and_is_no_divergence(rate: Any) -> None:
    with pytest.raises(
        (TypeError, ValueError), match=r"learning_rate\(2\) is a number, at least 0"
    ):
        minimize(parabola, 0.0, learning_rate=lambda step: 0.1 if step < 2 else rate)


# Reasons to end


def test_a_small_gradient_ends_it() -> None:
    descent = minimize(parabola, 0.0, gradient_below=0.02, steps=1000)
    assert abs(descent.jac) < 0.02 <= abs(descent.history[-2].gradient)
    assert descent.success
    assert descent.status == Status.DONE
    assert "gradient's length, 0.01934, is below 0.02 after 28 steps" in descent.message


def test_a_small_step_ends_it() -> None:
    descent = minimize(parabola, 0.0, step_below=0.01, steps=1000)
    x = [step.x for step in descent.history]
    assert x[-1] - x[-2] < 0.01 <= x[-2] - x[-3]
    assert "step's length" in descent.message


def test_a_low_value_ends_it() -> None:
    descent = minimize(parabola, 0.0, value_below=1.0, steps=1000)
    assert descent.fun < 1.0 <= descent.history[-2].value
    assert "value of f" in descent.message


def test_the_start_may_already_do() -> None:
    descent = minimize(parabola, 5.0, gradient_below=1e-6)
    assert (descent.nit, descent.success, descent.njev) == (0, True, 1)


def test_running_out_of_steps_is_no_success_where_more_was_asked() -> None:
    descent = minimize(parabola, 0.0, gradient_below=1e-9, value_below=-1.0, steps=5)
    assert not descent.success
    assert descent.status == Status.OUT_OF_STEPS
    assert "gradient_below=1e-09 or value_below=-1" in descent.message


def test_no_steps_only_look_at_the_start() -> None:
    descent = minimize(parabola, 1.0, steps=0)
    assert len(descent.history) == 1
    assert (descent.x, descent.fun, descent.jac) == (1.0, 16.0, -8.0)


def test_an_overflow_ends_it_at_the_last_good_point() -> None:
    descent = minimize(lambda x: mg.exp(x * x), 1.0, learning_rate=1.0)
    assert descent.status == Status.DIVERGED
    assert not descent.success
    assert descent.x == pytest.approx(1 - 2 * math.e)
    assert descent.x == descent.history[-1].x
    assert math.isfinite(descent.fun)
    assert "iverged at step 2: exp(" in descent.message
    assert "learning_rate" in descent.message


@pytest.mark.parametrize("gradient", SOURCES)
def test_leaving_the_domain_ends_it_at_the_last_good_point(gradient: str) -> None:
    descent = minimize(lambda x: mg.log(x) ** 2, 3.0, learning_rate=10.0, gradient=gradient)
    if gradient == "complex-step":  # The complex logarithm is defined on the left, too.
        assert math.isfinite(descent.fun)
        return
    assert descent.status == Status.DIVERGED
    assert (descent.nit, descent.x) == (0, 3.0)
    assert "log" in descent.message


@pytest.mark.parametrize(
    ("value", "slope", "complaint"),
    [
        (lambda x: math.nan if x < 2.9 else x, lambda x: 1.0, "f is nan"),
        (lambda x: -math.inf if x < 2.9 else x, lambda x: 1.0, "f is -inf"),
        (lambda x: x, lambda x: math.nan if x < 2.9 else 1.0, "entry 0 of the gradient is nan"),
        (lambda x: x, lambda x: 1e300, "x is too large"),
    ],
)
def test_what_is_not_finite_ends_it(value: Any, slope: Any, complaint: str) -> None:
    rate = 0.1 if "large" not in complaint else 1e10
    descent = minimize(value, 3.0, gradient=slope, learning_rate=rate)
    assert descent.status == Status.DIVERGED
    assert descent.x == 3.0 - 0.1 * (descent.nit)
    assert complaint in descent.message


def test_growth_ends_it_before_it_overflows() -> None:
    descent = minimize(parabola, 0.0, learning_rate=1.1, steps=10_000)
    assert descent.status == Status.DIVERGED
    assert descent.nit == 10
    assert descent.best.number == 0
    assert "in each of the last 10 steps f rose, from 25 to 958.4" in descent.message


def test_a_gradient_of_the_wrong_sign_ends_it() -> None:
    descent = minimize(abs, 1.0, gradient=lambda x: -1.0, steps=10_000)
    assert descent.status == Status.DIVERGED
    assert "gradcheck" in descent.message


def test_ending_higher_than_it_started_is_no_success() -> None:
    descent = minimize(parabola, 0.0, learning_rate=1.1, steps=3)
    assert len(descent.history) == 4
    assert descent.status == Status.DIVERGED
    assert "f rose from 25 to" in descent.message


@pytest.mark.parametrize(
    ("rule", "rate"),
    [
        ("gradient-descent", 1.0),
        ("momentum", 0.1),
        ("nesterov", 0.1),
        ("adam", 1.0),
        ("rmsprop", 1.0),
    ],
)
def test_a_rule_that_climbs_for_a_while_is_not_diverging(rule: str, rate: float) -> None:
    descent = minimize(parabola, 0.0, optimizer=rule, learning_rate=rate, steps=300)
    values = [step.value for step in descent.history]
    assert rule == "gradient-descent" or any(b > a for a, b in pairwise(values))
    assert descent.nit == 300
    assert descent.success


def test_an_f_that_loses_track_of_its_input_is_suspected() -> None:
    descent = minimize(math.exp, 1.0, steps=3)
    assert descent.x == 1.0
    assert "math.exp in place of microgradcheck.exp" in descent.message
    assert "math.exp" not in minimize(mg.exp, 1.0, steps=3).message


# Callback, progress, interrupts


def test_the_callback_sees_every_step_and_can_end_it() -> None:
    seen: list[Step] = []

    def watch(step: Step) -> bool:
        seen.append(step)
        return step.value < 10

    descent = minimize(parabola, 0.0, callback=watch)
    assert tuple(seen) == descent.history
    assert descent.fun < 10 <= descent.history[-2].value
    assert descent.success
    assert "callback" in descent.message


def test_what_a_callback_returns_by_accident_does_not_end_it() -> None:
    assert minimize(parabola, 0.0, callback=lambda step: step.number + 1, steps=5).nit == 5


def test_an_error_in_a_callback_is_not_taken_for_divergence() -> None:
    def broken(step: Step) -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        minimize(parabola, 0.0, callback=broken)


def test_the_progress_bar_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    minimize(parabola, 0.0, steps=7, progress=True)
    shown = capsys.readouterr()
    assert "7/7" in shown.err
    assert "cost 1.1" in shown.err
    assert shown.out == ""
    minimize(parabola, 0.0, steps=7)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("progress", [False, True])
def test_an_interrupt_returns_what_was_reached(progress: bool) -> None:
    calls = 0

    def interrupted(w: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return parabola(w)

    descent = minimize(interrupted, 0.0, learning_rate=0.1, progress=progress)
    assert descent.status == Status.INTERRUPTED
    assert not descent.success
    assert [f"{step.x:.2f}" for step in descent.history] == ["0.00", "1.00", "1.80"]
    assert descent.message == "Interrupted after step 2."


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


# What it says


def test_it_prints_as_a_short_table() -> None:
    descent = minimize(parabola, 0.0, learning_rate=0.1, steps=30)
    lines = str(descent).splitlines()
    assert lines[0] == "backprop, gradient-descent, learning rate 0.1"
    assert lines[1] == "Start: w = 0.0000, Cost = 25.0000"
    assert lines[2] == "Step 1: w = 1.0000, Gradient = -10.0000, Cost = 16.0000"
    assert lines[3] == "Step 2: w = 1.8000, Gradient = -8.0000, Cost = 10.2400"
    assert lines[7] == "... 20 steps ..."
    assert lines[12].startswith("Step 30: w = 4.9938, Gradient = -0.0155, Cost = 3.8")
    assert lines[13] == "Took all 30 steps."
    assert len(lines) == 14
    assert repr(descent) == str(descent)


def test_no_step_is_left_out_of_a_table_to_save_one_line() -> None:
    for steps in (0, 1, 10, 11, 12, 13):
        lines = str(minimize(parabola, 0.0, steps=steps)).splitlines()
        shown = sum(line.startswith("Step ") for line in lines)
        assert shown == (steps if steps <= 11 else 10)


@pytest.mark.parametrize(
    ("f", "start", "line"),
    [
        (
            bowl,
            [10.0, -10.0],
            "p = [8.0000, -8.0000], Gradient = [20.0000, -20.0000], Cost = 128.0000",
        ),
        (bowl, (10.0, 0.0), "p = (8.0000, 0.0000), Gradient = (20.0000, 0.0000), Cost = 64.0000"),
        (lambda v: (v * v).sum(), np.ones(9), "v = [0.8000, 0.8000, ..., 0.8000] of 9, Gradient"),
        (lambda t: 1e-5 * t, 3e-6, "t = 2.0000e-06, Gradient = 1.0000e-05, Cost = 2.0000e-11"),
        (lambda *a: a[0] ** 2, 10.0, "x = 8.0000, Gradient = 20.0000, Cost = 64.0000"),
    ],
)
def test_lines_name_f_s_argument_and_show_its_kind(f: Any, start: Any, line: str) -> None:
    assert f"Step 1: {line}" in str(minimize(f, start, learning_rate=0.1, steps=1))


def test_lines_show_several_arguments_by_name() -> None:
    descent = minimize(lambda x, y: x * x + y * y, 10.0, -10.0, steps=1)
    line = "Step 1: x = 8.0000, y = -8.0000, Gradient = (20.0000, -20.0000), Cost = 128.0000"
    assert line in str(descent)


def test_it_is_plain_data_on_demand() -> None:
    descent = minimize(lambda p: (p * p).sum(), np.array([1.0, 2.0]), learning_rate=0.25, steps=1)
    told = json.loads(json.dumps(descent.to_dict()))
    assert told["history"][1] == {
        "number": 1,
        "x": [0.5, 1.0],
        "value": 1.25,
        "gradient": [1.0, 2.0],
    }
    assert (told["x"], told["fun"], told["jac"]) == ([0.5, 1.0], 1.25, [1.0, 2.0])
    assert (told["success"], told["status"], told["nit"]) == (True, 0, 1)
    assert told["source"] == "backprop"


def test_it_has_rows_for_a_table() -> None:
    descent = minimize(lambda x, p: x**2 + p[0] * p[1], 2.0, [3.0, 4.0], steps=1)
    assert descent.rows()[0] == {
        "step": 0,
        "x": 2.0,
        "p[0]": 3.0,
        "p[1]": 4.0,
        "value": 16.0,
        "gradient of x": 4.0,
        "gradient of p[0]": 4.0,
        "gradient of p[1]": 3.0,
        "gradient norm": pytest.approx(math.sqrt(41)),
    }
    assert len(descent.rows()) == 2


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
        ({"gradient_below": -1e-6}, ValueError, "gradient_below is a number, at least 0"),
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


@pytest.mark.parametrize(
    ("make", "error", "complaint"),
    [
        (
            lambda: Momentum(1.0),
            ValueError,
            "momentum is a number, at least 0 and below 1; got 1.0",
        ),
        (lambda: Momentum(-0.1), ValueError, "momentum"),
        (lambda: Nesterov("0.9"), TypeError, "momentum.* got '0.9' of type str"),
        (lambda: RMSProp(epsilon=0.0), ValueError, "epsilon is a number, above 0; got 0.0"),
        (lambda: Adam(decay_of_square=1.0), ValueError, "decay_of_square"),
        (lambda: LineSearch(shrink=1.0), ValueError, "shrink is a number, above 0 and below 1"),
        (lambda: LineSearch(sufficient=math.nan), ValueError, "sufficient"),
        (lambda: linear(-1.0, 0.1, 5), ValueError, "start is a number, at least 0"),
        (lambda: linear(1.0, 0.1, 0), ValueError, "steps is an integer, at least 1"),
        (lambda: exponential(1.0, 2.0), ValueError, "factor is a number, above 0 and below 1"),
        (lambda: exponential(1.0, 0.5, every=0), ValueError, "every"),
        (lambda: cosine("1", 0.0, 5), TypeError, "start"),
    ],
)
def test_wrong_constants_are_refused(make: Any, error: type[Exception], complaint: str) -> None:
    with pytest.raises(error, match=complaint):
        make()


def test_a_rule_without_memory_has_no_constants() -> None:
    assert repr(GradientDescent()) == "GradientDescent()"
    assert repr(Adam(0.5)) == "Adam(decay_of_mean=0.5, decay_of_square=0.999, epsilon=1e-08)"
    assert isinstance(minimize(parabola, 0.0, steps=0), Descent)
