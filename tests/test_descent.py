"""How descents end, and what they say."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import microgradcheck as mg
from hills import bowl, parabola
from microgradcheck.optimize import (
    Status,
    Step,
    minimize,
)

SOURCES = ["backprop", "forward-mode", "central-difference", "complex-step"]


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


def test_a_bound_is_told_as_it_was_given() -> None:
    descent = minimize(lambda x: x * 1.0, 1.00000035, value_below=1.0000004)
    assert descent.message.startswith("The value of f, 1, is below 1.0000004 after")


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


def test_a_truth_of_numpy_is_one() -> None:
    assert minimize(parabola, 0.0, callback=lambda step: np.bool_(step.number == 3)).nit == 3


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


# What it says


def test_its_message_groups_the_digits_of_many_steps() -> None:
    assert minimize(parabola, 0.0, steps=1).message == "Took all 1 step."
    assert minimize(parabola, 0.0, steps=1000).message == "Took all 1,000 steps."


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


def test_a_function_of_c_that_does_not_tell_its_arguments_is_descended() -> None:
    descent = minimize(math.hypot, 3.0, 4.0, gradient="central-difference", steps=1)
    assert "Start: x0 = 3.0000, x1 = 4.0000, Cost = 5.0000" in str(descent)


def test_several_arguments_are_plain_data_too() -> None:
    told = minimize(lambda x, p: x * p[0], 2.0, (3.0,), steps=0).to_dict()
    assert told["jac"] == [3.0, [2.0]]
    assert told["names"] == ["x", "p"]


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


def test_a_row_keeps_an_argument_that_has_the_name_of_another_column() -> None:
    row = minimize(lambda value, step: value * step, 2.0, 3.0, steps=0).rows()[0]
    assert (row["step"], row["argument value"], row["argument step"], row["value"]) == (0, 2, 3, 6)
