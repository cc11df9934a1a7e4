"""Functions that mislead finite differences, and gradients that must not pass for it."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

import microgradcheck as mg

Function = Callable[[float], float]
UNCLEAR = ("NOISY", "INCONCLUSIVE")


def verdict(f: Function, x: float, gradient: float) -> str:
    report = mg.gradcheck(f, x, gradient=lambda _: gradient, raise_on_failure=False)
    return str(report.verdict)


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (lambda x: 1 - math.exp(-x), 37.0, math.exp(-37)),
        (lambda x: 1 / (1 + math.exp(-x)), 37.0, math.exp(-37)),
        (lambda x: math.log(1 + math.exp(x)), -36.0, math.exp(-36)),
        (lambda x: x - math.sqrt(x * x - 1), 1e7, -5e-15),
        (lambda x: 100 + math.exp(-x), 33.0, -math.exp(-33)),
        (math.tanh, 20.0, 4 * math.exp(-40)),
    ],
    ids=["1 - exp", "sigmoid", "softplus", "hyperbola", "100 + exp", "tanh"],
)
@pytest.mark.parametrize("factor", [-5, -1, 0, 1, 3])
def test_no_slope_passes_where_a_saturated_function_hides_it(
    f: Function, x: float, slope: float, factor: float
) -> None:
    assert verdict(f, x, factor * slope) in UNCLEAR


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: 3.0, 1.0),
        (lambda x: 0.0, -2e-9),
        (lambda x: max(x, 0.0) + 0.7, -1.0),
        (lambda x: 0.7 - max(x - 3, 0.0), 1.0),
        (lambda x: 2.0 if -1 < x < 2.1 else math.nan, 1.0),
        (lambda x: 2.0 if 0.99 < x < 1.01 else math.nan, 1.0),
    ],
    ids=["constant", "zero", "dead relu", "border", "ends on both sides", "ends near by"],
)
def test_zero_passes_where_f_stands_still_and_nothing_else_does(f: Function, x: float) -> None:
    assert verdict(f, x, 0.0) == "PASS"
    assert verdict(f, x, 1e-9) == "WRONG"


def test_a_derivative_of_zero_is_compared_with_slopes_near_by() -> None:
    for f, x in ((lambda x: x**3, 0.0), (math.sin, math.pi / 2), (lambda x: 5 + x**4, 0.0)):
        assert verdict(f, x, 0.0) == "PASS"
        assert verdict(f, x, 1e-3) == "WRONG"


def test_a_flat_part_between_steps_hides_a_slope() -> None:
    for gradient in (0.0, 0.045):
        assert verdict(lambda x: round(x * x, 4), 0.0225, gradient) == "NOISY"
