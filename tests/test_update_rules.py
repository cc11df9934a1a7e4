"""Update rules, line searches and learning rates."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import microgradcheck as mg
from hills import bowl, parabola, rosenbrock
from microgradcheck.optimize import (
    Adam,
    Descent,
    GradientDescent,
    LineSearch,
    Momentum,
    Nesterov,
    RMSProp,
    Status,
    cosine,
    exponential,
    linear,
    minimize,
)

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


@pytest.mark.parametrize(("rule", "formula"), FORMULAS, ids=[str(rule) for rule, _ in FORMULAS])
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
    # The full step from 3 leads to 3 - (6 - 1/3), which is negative.
    descent = minimize(lambda x: x * x - mg.log(x), 3.0, optimizer="line-search", steps=60)
    assert descent.x == pytest.approx(math.sqrt(0.5), abs=1e-6)
    assert all(step.x > 0 for step in descent.history)


@pytest.mark.parametrize("beyond", [math.nan, math.inf, -math.inf])
def test_a_line_search_steps_back_to_where_f_is_finite(beyond: float) -> None:
    descent = minimize(
        lambda x: x * x if x > -1 else beyond,
        3.0,
        gradient=lambda x: 2 * x,
        optimizer=LineSearch(shrink=0.9),
        steps=1,
    )
    assert descent.x == pytest.approx(3 - 0.9**4 * 6)


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
        (TypeError, ValueError), match=r"learning_rate\(2\) is a finite number, at least 0"
    ):
        minimize(parabola, 0.0, learning_rate=lambda step: 0.1 if step < 2 else rate)


# Wrong constants


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
        (lambda: RMSProp(epsilon=0.0), ValueError, "epsilon is a finite number, above 0; got 0.0"),
        (lambda: Adam(decay_of_square=1.0), ValueError, "decay_of_square"),
        (lambda: LineSearch(shrink=1.0), ValueError, "shrink is a number, above 0 and below 1"),
        (lambda: LineSearch(sufficient=math.nan), ValueError, "sufficient"),
        (lambda: linear(-1.0, 0.1, 5), ValueError, "start is a finite number, at least 0"),
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
