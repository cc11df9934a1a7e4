"""What a few steps show of a kink, an edge or a border, seen from close by."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from microgradcheck.numeric import derivative, estimate
from microgradcheck.numeric.entries import scale_of
from microgradcheck.numeric.findings import kink_or_edge
from microgradcheck.numeric.samples import Samples, ladder


def sampled(at: Callable[[float], float], *steps: float) -> Samples:
    samples = Samples(at, 0.0, 0.0)
    for step in steps:
        samples.add(step)
    return samples


@pytest.mark.parametrize(
    ("at", "exponent"),
    [
        (lambda h: h * h, 1.0),
        (lambda h: h * h * h * h + h, 3.0),
        (abs, 0.0),
        (lambda h: math.copysign(abs(h) ** 0.5, h), -0.5),
        (lambda h: abs(h) ** 0.25, -0.75),
        (lambda h: float(h > 0), -1.0),
        # Even where a bend is seen at the fine step only, since f is odd farther away.
        (lambda h: abs(h) if abs(h) < 1e-4 else h, -math.inf),
        (lambda h: 3.0 * h, math.inf),
    ],
)
def test_roughness_is_the_power_of_h_with_which_a_bend_or_slope_goes(
    at: Callable[[float], float], exponent: float
) -> None:
    samples = sampled(at, 1e-2, 1e-5)
    assert samples.roughness(*samples.pairs) == pytest.approx(exponent, abs=0.01)


def test_a_kink_is_judged_by_three_steps_at_which_f_is_defined() -> None:
    steps = ladder(1e-3)
    found = kink_or_edge(sampled(abs, *steps), 1e-6)
    assert found is not None
    assert found.behaviour == "kink"
    assert found.slopes == pytest.approx((-1.0, 1.0))
    bent = kink_or_edge(sampled(lambda h: 2 * max(h, 0.0), *steps), 1e-6)
    assert bent is not None
    assert bent.value == pytest.approx(1.0)
    for undefined in steps:
        holed = sampled(lambda h, hole=undefined: math.nan if abs(h) == hole else abs(h), *steps)
        assert kink_or_edge(holed, 1e-6) is None


def test_the_smallest_change_is_that_of_values_that_differ() -> None:
    quantised = sampled(lambda h: round(8 * h) / 8, 1.0, 0.9, 0.5, 0.3, 1e-3)
    assert quantised.smallest_change() == 0.125
    assert sampled(lambda h: h if abs(h) < 1 else math.nan, 2.0, 0.5).smallest_change() == 1.0


def test_f_moves_where_it_has_another_value_on_either_side() -> None:
    for at in (lambda h: max(h, 0.0), lambda h: min(h, 0.0), lambda h: -max(h, 0.0), abs):
        assert sampled(at, 1.0).moves()
    assert not sampled(lambda h: 3.0, 1.0).moves()


def test_an_entry_of_zero_has_the_typical_size_of_the_others() -> None:
    assert scale_of([0.0, -4.0, 1.0], 0) == pytest.approx(2.0)
    assert scale_of([0.0, -4.0, 1.0], 1) == 4.0
    assert scale_of([0.0, 0.0], 0) == 1.0


def test_where_f_is_undefined_it_has_no_slope() -> None:
    here, left = estimate(math.log, 0.0), estimate(math.sqrt, 0.0)
    assert (here.behaviour, here.reason) == ("edge", "f is undefined here")
    assert (left.behaviour, left.reason) == ("edge", "f is undefined on its left")
    assert math.isnan(here.value)
    assert here.error_bound == left.error_bound == math.inf


def test_a_result_in_an_array_without_axes_is_a_number() -> None:
    assert derivative(lambda x: np.array(x * x), 3.0, h=0.5) == 6.0
    assert estimate(lambda x: np.array(x * x), 3.0).value == pytest.approx(6.0)


def test_a_step_that_grows_stops_where_f_ends() -> None:
    def f(x: float) -> float:
        if abs(x) > 1e-7:
            raise ValueError(x)
        return 1000.0 + x

    # At steps near 1e-12 rounding hides the slope; f is undefined at those that suit it best.
    assert derivative(f, 1e-12) == pytest.approx(1.0, rel=1e-3)
    with pytest.raises(ValueError, match="e-0"):
        derivative(f, 0.0)
