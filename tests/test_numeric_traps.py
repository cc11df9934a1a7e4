"""Functions that mislead finite differences, and gradients that must not pass for it."""

from __future__ import annotations

import math
import random
import sys
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

import microgradcheck as mg
from microgradcheck.numeric import estimate
from microgradcheck.numeric.flats import sawtooth
from microgradcheck.numeric.ladder import estimate_along
from microgradcheck.numeric.noise import measure_noise
from microgradcheck.numeric.samples import Samples, Window


def noise_of(
    f: Callable[[list[float]], list[float]], x: list[float], scales: list[float], rng: random.Random
) -> list[float]:
    return measure_noise(lambda points: list(map(f, points)), x, scales, rng)


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
    assert verdict(f, x, factor * slope) in (UNCLEAR if factor == 1 else (*UNCLEAR, "WRONG"))


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: 3.0, 1.0),
        (lambda x: 0.0, -2e-9),
        (lambda x: max(x, 0.0) + 0.7, -1.0),
        (lambda x: 0.7 - max(x - 3, 0.0), 1.0),
        (lambda x: 0.7 - max(x - 1.5, 0.0), 1.0),
        (lambda x: 2.0 if -1 < x < 2.1 else math.nan, 1.0),
        (lambda x: 2.0 if 0.99 < x < 1.01 else math.nan, 1.0),
    ],
    ids=[
        "constant",
        "zero",
        "dead relu",
        "far border",
        "border",
        "ends on both sides",
        "ends near by",
    ],
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
    for gradient in (0.0, 1.0):
        assert verdict(lambda x: round(math.sin(x), 6), 1e-7, gradient) == "NOISY"


@pytest.mark.parametrize("decimals", range(4, 10))
def test_a_bound_holds_where_values_are_rounded(decimals: int) -> None:
    rng = random.Random(decimals)
    points = [-0.9820505706272405, -2.0423747258517704, *(rng.uniform(-3, 3) for _ in range(40))]
    for x in points:
        found = estimate(lambda x: round(math.log(2 + x * x), decimals), x)
        assert abs(found.value - 2 * x / (2 + x * x)) <= found.error_bound, x


CANCELLING = [
    (lambda x: math.log(1 + x) / x, 1e-4, -0.5 + 2e-4 / 3),
    (lambda x: math.log(1 + x) / x, 1e-7, -0.5),
    *((lambda x: (math.exp(x) - 1) / x, x, 0.5 + x / 3) for x in (1e-5, 1e-7, 1e-8, 1e-10, 3e-12)),
    (lambda x: (1 - math.cos(x)) / x**2, 1e-3, -1e-3 / 12),
    (lambda x: (1 - math.cos(x)) / x**2, 1e-5, -1e-5 / 12),
    (lambda x: (1 - math.cos(x)) / x**2, 3e-7, -3e-7 / 12),
]


@pytest.mark.parametrize(("f", "x", "slope"), CANCELLING)
def test_the_slope_of_a_single_tooth_of_rounding_is_not_that_of_f(
    f: Function, x: float, slope: float
) -> None:
    assert verdict(f, x, slope) in ("PASS", *UNCLEAR)
    for wrong in (-slope, 3 * slope, 0.0):
        assert verdict(f, x, wrong) in ("WRONG", *UNCLEAR)


def test_a_wave_that_is_small_beside_f_is_no_tooth() -> None:
    for wave in (1e-4, 1e-5, 1e-6, 1e-7):
        found = estimate(lambda x, w=wave: x + 1e-4 * math.sin((x - 1) / w), 1.0)
        assert found.value == pytest.approx(1 + 1e-4 / wave, rel=1e-4)


@pytest.mark.parametrize("x", [1.0, math.pi / 7, 2.0])
def test_waves_that_pass_for_noise_hide_both_slopes(x: float) -> None:
    def f(x: float) -> float:
        return x + 1e-3 * math.sin(1e8 * x)

    slope = 1 + 1e5 * math.cos(1e8 * x)
    for possible in (slope, 1.0):
        assert verdict(f, x, possible) in UNCLEAR
    for wrong in (-slope, 2 * slope):
        assert verdict(f, x, wrong) == "WRONG"
    steep = 1e8 * math.cos(1e8 * x)
    assert verdict(lambda x: math.sin(1e8 * x), x, steep) in ("PASS", *UNCLEAR)
    assert verdict(lambda x: math.sin(1e8 * x), x, 0.0) in ("WRONG", *UNCLEAR)


@pytest.mark.parametrize("level", [1e-9, 1e-13])
def test_noise_is_no_wave(level: float) -> None:
    rng = random.Random(4)
    drawn: dict[float, float] = {}

    def noisy(x: float) -> float:
        return math.sin(x) + level * drawn.setdefault(x, rng.gauss(0, 1))

    found = estimate(noisy, 0.7)
    told = estimate_along(
        lambda step: noisy(0.7 + step), 0.7, 0.7, found.noise, 1e-6, claim=math.cos(0.7)
    )
    assert told.error_bound == pytest.approx(found.error_bound, rel=0.01)


def test_accepted_noise_accepts_no_claim_that_the_noise_contradicts() -> None:
    rng = random.Random(3)
    drawn: dict[float, float] = {}

    def noisy(x: float) -> float:
        return x + drawn.setdefault(x, 1e-9 * rng.gauss(0, 1))

    for f, claim in ((lambda x: math.sqrt((x - 1) ** 2 + 1e-20), 1e6), (noisy, 1e9)):
        report = mg.gradcheck(
            f, 1.0, gradient=lambda _, c=claim: c, accept=("NOISY",), raise_on_failure=False
        )
        assert report.verdict == "WRONG"
        assert not report.passed


@pytest.mark.parametrize(
    ("f", "x", "slopes"),
    [
        (lambda x: abs(x - 3) + x**2, 3.0, (5, 7)),
        (lambda x: abs(x - 1) + x**4, 1.0, (3, 5)),
        (lambda x: max(math.exp(x) - 1, math.sin(2 * x)), 0.0, (1, 2)),
        (lambda x: 1e-9 * abs(x - 1) + math.exp(x), 1.0, (math.e - 1e-9, math.e + 1e-9)),
    ],
    ids=["square", "fourth power", "cancelling on one side", "slight"],
)
def test_slopes_at_a_kink_are_as_precise_as_others(
    f: Function, x: float, slopes: tuple[float, float]
) -> None:
    for slope in (*slopes, sum(slopes) / 2):
        assert verdict(f, x, slope) in ("KINK", "PASS")
    for wrong in (slopes[0] * (1 - 1e-4), slopes[1] * (1 + 1e-4)):
        assert verdict(f, x, wrong) == "WRONG"


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * math.log(abs(x)) if x else 0.0,
        lambda x: abs(x) * math.log(abs(x)) if x else 0.0,
        lambda x: 1 - x * math.log(x) if x > 0 else 1.0,
    ],
    ids=["odd", "even", "on one side"],
)
def test_a_slope_that_grows_like_a_logarithm_has_no_bound(f: Function) -> None:
    found = estimate(f, 0.0)
    assert (found.behaviour, found.reason) == ("edge", "slope without bound")


def test_what_falls_faster_than_its_logarithm_grows_has_a_slope() -> None:
    found = estimate(lambda x: x * x * math.log(abs(x)) if x else 0.0, 0.0)
    assert found.behaviour == "smooth"
    assert abs(found.value) <= found.error_bound


@pytest.mark.parametrize("distance", [1e-7, 1e-9, 1e-11, 1e-13, 1e-15])
def test_a_kink_that_noise_lets_no_step_avoid_is_a_kink(distance: float) -> None:
    def f(x: float) -> float:
        return abs(x - 1)

    x = 1 + distance
    assert verdict(f, x, 1.0) in ("PASS", "KINK")
    assert verdict(f, x, -3.0) == "WRONG"
    assert (verdict(f, x, 0.0) == "KINK") == (distance < 1e-10)


# Numbers near the largest and the smallest


@pytest.mark.parametrize("distance", [9.8e-10, 1e-9, 1.04e-9, 1.2e-9, 5.5e-7, 7e-7])
@pytest.mark.parametrize("rng", [0, 1, 2])
def test_a_kink_that_only_a_path_for_noise_runs_into_is_no_noise(distance: float, rng: int) -> None:
    def verdict(gradient: float) -> str:
        return mg.gradcheck(
            lambda x: max(x - 1, 0.0),
            1 - distance,
            gradient=lambda _: gradient,
            rng=rng,
            raise_on_failure=False,
        ).verdict

    assert [verdict(0.0), verdict(0.5), verdict(1.0)] == ["PASS", "WRONG", "WRONG"]


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (math.exp, 709.7, math.exp(709.7)),
        (lambda x: 1e308 * x, 0.5, 1e308),
        (lambda x: -1.79e308 * x * x, 0.1, -3.58e307),
        (math.log, 1e-300, 1e300),
    ],
    ids=["exp", "line", "parabola", "log"],
)
def test_slopes_near_the_largest_number_are_seen(f: Function, x: float, slope: float) -> None:
    assert verdict(f, x, slope) == "PASS"
    for wrong in (-slope, 0.5 * slope, 0.0):
        assert verdict(f, x, wrong) == "WRONG"


def test_a_kink_near_the_largest_number_has_its_slopes() -> None:
    found = estimate(lambda x: 1e308 * (1 + abs(x - 1) / 4), 1.0)
    assert found.slopes == pytest.approx((-0.25e308, 0.25e308))


@pytest.mark.parametrize("x", [1e-310, 5e-324])
def test_a_slope_beyond_all_numbers_is_no_number(x: float) -> None:
    assert verdict(math.log, x, 1e308) == "EDGE"


def test_an_integer_beyond_all_floats_is_undefined() -> None:
    found = estimate(lambda x: 10**400 if x > 1 else x, 1.0)
    assert (found.behaviour, found.reason) == ("edge", "f is undefined on its right")


def test_a_curve_that_is_flat_from_close_by_has_no_noise() -> None:
    found = noise_of(lambda x: [1 + 1e26 * (x[0] - 1) ** 4], [1.0], [1.0], random.Random(0))
    assert found == [0.0]


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("rng", [0, 1])  # on either side
def test_a_path_that_ends_beyond_a_power_of_two_makes_no_noise(sign: int, rng: int) -> None:
    x = sign * (2 - 24.2 * 2.0**-25 // 2.0**-50 * 2.0**-50)
    (noise,) = noise_of(lambda x: [x[0] - 2 * sign], [x], [1.0], random.Random(rng))
    assert noise < 1e-20  # f is exact.


def test_what_cancels_but_for_rounding_has_a_slope_of_zero() -> None:
    report = mg.gradcheck(
        lambda x: (x[0] - x[1]) - x[0],
        [-0.2573689839163347, 0.004807225077068018],
        gradient=lambda x: [0.0, -1.0],
    )
    assert report.passed
    assert report.entries[0].resolution < 1e-10


@pytest.mark.parametrize("bend", [4e-4, -4e-4])
def test_a_curve_is_not_searched_for_teeth(bend: float) -> None:
    steps = []

    def at(step: float) -> float:
        steps.append(step)
        return 83.6 + 3.5e-5 * step + bend * step**2

    samples = Samples(at, 0.5588, 9e-15, scale=0.5588, precision=1e-6)
    for h in (0.061, 0.022, 0.0092, 0.0038):
        samples.add(h)
    known = len(steps)
    assert sawtooth(samples, Window(3.5e-5, 0.0, 0.0, finest=3, coarsest=1), math.inf) == 0.0
    assert len(steps) == known


def test_steps_wider_than_those_of_rounding_are_tried_again_when_these_are_known() -> None:
    rounded = estimate(lambda x: round(x * x, 4), 1.0, scale=0.01)
    assert rounded.behaviour == "quantised"
    assert abs(rounded.value - 2) <= rounded.error_bound < 1e-4
    assert verdict(lambda x: x * x + 1e7, 0.0, 0.0) == "PASS"


def test_steps_on_both_sides_of_a_kink_near_by_are_not_believed() -> None:
    found = estimate(lambda x: abs(x - 1e6), 1e6 - 1e-8)
    assert found.slopes == pytest.approx((-1.0, 1.0), abs=1e-9)


# Functions that bend next to x, or change as no even power does


@pytest.mark.parametrize("distance", [1e-8, 1e-9, 1e-10, 1e-11, 1e-12])
def test_a_bend_next_to_x_is_not_hidden_by_wide_steps(distance: float) -> None:
    found = estimate(lambda x: max(x + distance, 0.0) ** 2 / (2 * distance), 0.0)
    assert abs(found.value - 1) <= found.error_bound < 1e-3


@pytest.mark.parametrize("power", [1.02, 1.05, 1.1, 1.2, 1.3, 1.4, 1.5, 1.7, 1.9, 2.2, 2.5, 2.7])
@pytest.mark.parametrize(("x", "slope"), [(0.0, 0.0), (0.0, 3.0), (2.0, 0.0)])
def test_the_bound_holds_for_slopes_that_change_as_any_power(
    power: float, x: float, slope: float
) -> None:
    def f(y: float) -> float:
        return math.copysign(abs(y - x) ** power, y - x) + slope * y

    found = estimate(f, x)
    assert abs(found.value - slope) <= found.error_bound


@pytest.mark.parametrize(
    ("a", "b"), [(0.022449, -16.44), (-0.026949, 21.83), (-0.008666, -29.11), (0.014099, -28.6)]
)
def test_more_rounding_than_was_measured_is_not_taken_for_truncation(a: float, b: float) -> None:
    assert verdict(lambda x: math.sin(a * x + b), 1.0, a * math.cos(a + b)) == "PASS"


def test_beside_a_slope_of_zero_steps_are_as_fine_as_f_is_seen_to_move() -> None:
    for f in (lambda x: x * abs(x), lambda x: max(x, 0.0) ** 2, lambda x: 7 + max(x, 0.0) ** 2):
        found = estimate(f, 0.0)
        assert abs(found.value) <= found.error_bound < 1e-4 / 2 * found.secant


# Whatever f is, a search ends

SIZES = [0.0, 5e-324, 1e-310, 1e-200, 1e-20, 1e-8, 1e-3, 1.0, 3.7, 1e3, 1e8, 1e16, 1e100, 1e300]
SIZES += [1.7e308]


def part_of_a_function(rng: random.Random) -> Function:
    size = rng.choice(SIZES) * rng.choice([1, -1])
    return rng.choice(
        [
            *(lambda x: size, lambda x: size * x, lambda x: size * x * x, lambda x: math.inf),
            *(lambda x: math.exp(size * x), lambda x: math.sin(size * x), lambda x: math.nan),
            *(lambda x: abs(x) ** 0.5 * size, lambda x: math.sqrt(x - size)),
        ]
    )


def test_a_search_ends_whatever_f_is_on_both_sides_of_a_border() -> None:
    for seed in range(3000):
        rng = random.Random(seed)
        x, one, other = rng.choice(SIZES), part_of_a_function(rng), part_of_a_function(rng)
        ulps = rng.choice([0, 1, 3, 20, 1e3, 1e6, 1e9, 1e12]) * rng.uniform(-1, 1)
        border, calls = x + ulps * math.ulp(x), 0

        def f(
            t: float, border: float = border, one: Function = one, other: Function = other
        ) -> float:
            nonlocal calls
            calls += 1
            assert calls < 200, border
            return one(t) if t < border else other(t)

        found = estimate(f, x, scale=rng.choice([None, *SIZES[1:]]))
        assert found.behaviour == "edge" or not math.isnan(found.value)


def deviation(x: list[float]) -> float:
    return math.sqrt(sum(v * v for v in x) / len(x) - (sum(x) / len(x)) ** 2)


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (lambda t: deviation([1.1 + t, 1.1]), 0.0, 1 / 2),
        (lambda t: deviation([t, 1.1]), 1.1, 1 / 2),
        (lambda t: deviation([t, 0.3, 0.3]), 0.3, math.sqrt(2) / 3),
        (lambda t: math.sqrt(t * t + 1.1**2 - 2 * t * 1.1), 1.1, 1.0),
    ],
)
def test_a_root_of_what_rounding_makes_negative_has_a_kink(
    f: Function, x: float, slope: float
) -> None:
    left, right = estimate(f, x).slopes or (0.0, 0.0)
    assert (left, right) == pytest.approx((-slope, slope), rel=0.01)


def test_what_is_undefined_next_to_x_alone_is_not_believed_to_stand_still() -> None:
    def f(x: float) -> float:
        return 0.0 if x == 0 else math.sqrt(abs(x) - 1e-10)

    assert not estimate(f, 0.0).is_flat
    assert verdict(f, 0.0, 0.0) in UNCLEAR


def test_a_border_some_floats_away_is_found() -> None:
    def late(t: float) -> float:
        return max(0.0, t - (1.7e18 + 3000))

    report = mg.gradcheck(late, 1.7e18, gradient=lambda _: 1.0, scale=1e5, raise_on_failure=False)
    assert report.verdict in (*UNCLEAR, "WRONG")


def test_f_may_be_constant_up_to_where_it_is_infinite() -> None:
    def log_density(x: float) -> float:
        return 0.0 if 0 <= x <= 1 else -math.inf

    assert verdict(log_density, 0.99, 0.0) == "PASS"
    assert verdict(log_density, 0.99, 1.0) == "WRONG"


@pytest.mark.parametrize("height", [1e200, 1e290, 1e300, 1.7e308])
def test_a_penalty_is_an_edge_however_high(height: float) -> None:
    assert verdict(lambda x: x * x / 2 if x <= 1 else height, 1.0, 1.0) == "EDGE"


def test_slopes_too_large_to_be_added_are_an_edge() -> None:
    assert verdict(lambda x: 1e300 * x, 0.0, 1e300) == "PASS"
    assert verdict(lambda x: 1e307 * x, 0.0, 1e307) == "EDGE"


def test_noise_as_large_as_f_hides_every_slope() -> None:
    assert verdict(math.cos, 1e22, -math.sin(1e22)) == "NOISY"
    assert verdict(math.cos, 1e22, 0.0) == "NOISY"


def test_a_fine_wave_upon_a_slope_is_not_taken_for_a_kink() -> None:
    def f(x: float) -> float:
        t = 1e6 * x - math.floor(1e6 * x) - 0.5
        return x + 1e-6 * (1 - 24 * t**2 + 80 * t**4 - 64 * t**6)

    assert estimate(f, 0.9954034827574868).behaviour == "smooth"


# Parts of f that are rounded, beside parts that are not


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda x: 100 * x + float(np.float32(1 + x)), 101.0),
        (lambda x: 10 * x + math.sin(x + 1e9), 10 + math.cos(0.3 + 1e9)),
        (lambda x: 100 * x + round(x, 5), 101.0),
    ],
)
def test_the_teeth_of_a_small_part_of_f_are_seen_where_they_matter(
    f: Function, slope: float
) -> None:
    assert verdict(f, 0.3, slope) == "NOISY"
    assert verdict(f, 0.3, 2 * slope) == "WRONG"


# What rounding leaves where terms cancel


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda x: math.log(1 + x) - x, lambda x: -x / (1 + x)),
        (lambda x: (1 + x) * math.log(1 + x) - x, math.log1p),
        (lambda x: math.exp(x) - 1 - x, math.expm1),
        (lambda x: 0.1 * (math.exp(x) - 1 - x), lambda x: 0.1 * math.expm1(x)),
        (lambda x: math.log(4 + x) - math.log(4) - x / 4, lambda x: -x / (16 + 4 * x)),
        (lambda x: (x + 8) ** 2 - 64 - 16 * x, lambda x: 2 * x),
        (lambda x: 1 / (1 + x) - 1 + x, lambda x: x * (2 + x) / (1 + x) ** 2),
    ],
)
def test_terms_that_cancel_hide_no_slope(f: Function, slope: Function) -> None:
    rng = random.Random(8)
    points = [rng.choice((-1, 1)) * 10 ** rng.uniform(-3, -0.7) for _ in range(25)]
    found = Counter(verdict(f, x, slope(x)) for x in points)
    assert found["PASS"] + found["NOISY"] == 25
    assert found["NOISY"] <= 2
    for x in points:
        assert verdict(f, x, 1.0001 * slope(x)) != "PASS"
        for wrong in (-slope(x), 2 * slope(x), 0.0):
            assert verdict(f, x, wrong) == "WRONG", (x, wrong)


@pytest.mark.parametrize(("rate", "slope"), [(0.0115, 4320.8048265298), (0.05, 4643.5152198748)])
def test_steps_of_a_sum_within_f_hide_no_slope(rate: float, slope: float) -> None:
    def payment(rate: float) -> float:
        return 1e5 * rate / 12 / (1 - (1 + rate / 12) ** -73)

    assert verdict(payment, rate, slope) == "PASS"
    assert {verdict(payment, rate, times * slope) for times in (-1, 0, 1.001)} == {"WRONG"}


@pytest.mark.parametrize("x", [28.0, 30.0, 40.0])
def test_steps_of_what_underflows_hide_no_slope_of_zero(x: float) -> None:
    assert verdict(lambda x: math.exp(-x * x), x, -0.0) == "PASS"
    assert verdict(lambda x: math.exp(-x * x), x, 1e-3) == "WRONG"


def test_a_curve_in_single_precision_is_not_taken_for_its_steps() -> None:
    def f(x: float) -> float:
        return float(np.float32(np.sin(np.float32(x))))

    rng = random.Random(0)
    points = [7404.585209928257, *(10 ** rng.uniform(3, 4) for _ in range(40))]
    verdicts = Counter((verdict(f, x, math.cos(x)), verdict(f, x, -math.cos(x))) for x in points)
    assert not any(right == "WRONG" for right, _ in verdicts)
    assert sum(n for (_, wrong), n in verdicts.items() if wrong == "WRONG") > 30


def test_a_plateau_at_the_finest_steps_is_a_step_of_f() -> None:
    for exponent in range(-10, -5):
        x, f = 10.0**exponent, lambda x: math.cos(x - 1e5)
        assert verdict(f, x, -math.sin(x - 1e5)) in ("PASS", *UNCLEAR)


@pytest.mark.parametrize(
    ("f", "x", "gradient"),
    [
        (lambda x: 1e12 + 1e-3 * x, 0.67, -1e-3),
        (lambda x: 1e15 + x, -3.03, 0.0),
        (lambda x: math.log1p(0.114 * x + 1e9) + 1e6, 10.0, -1e-10),
    ],
)
def test_a_slope_below_the_rounding_of_f_hides_a_wrong_one(
    f: Function, x: float, gradient: float
) -> None:
    assert verdict(f, x, gradient) in UNCLEAR


def test_steps_of_f_do_not_hide_a_slope_beyond_their_bound() -> None:
    def f(x: float) -> float:
        return round(math.exp(math.sin(x)) / 0.1) * 0.1

    assert verdict(f, 1e-3, 100.0) == "WRONG"
    assert verdict(f, 1e-3, math.exp(math.sin(1e-3)) * math.cos(1e-3)) == "NOISY"


@pytest.mark.parametrize("x", [19.8, 50.2, -33.3])
def test_a_slope_of_zero_is_not_wrong_where_the_steps_of_f_are_no_rounding(x: float) -> None:
    assert verdict(math.floor, x, 0.0) == "NOISY"
    assert verdict(math.floor, x, 1e-3) == "WRONG"
    # As fine as those of bfloat16.
    assert verdict(lambda x: math.floor(x * 128) / 128, x / 19, 0.0) == "WRONG"
    assert verdict(lambda x: float(np.float32(x)), x, 0.0) == "WRONG"


@pytest.mark.parametrize("x", [1.7976925e308, sys.float_info.max, -sys.float_info.max])
def test_next_to_the_largest_float_a_verdict_is_given(x: float) -> None:
    for f, slope in ((math.atan, 0.0), (lambda x: x * 1e-308, 1e-308), (math.sin, math.cos(x))):
        assert verdict(f, x, slope) in ("PASS", "EDGE", *UNCLEAR)
