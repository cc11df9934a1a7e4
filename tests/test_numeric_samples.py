"""What a few steps show of a kink, an edge or a border, seen from close by."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

import microgradcheck as mg
from microgradcheck.numeric import Estimate, derivative, estimate, jacobian
from microgradcheck.numeric import ladder as search
from microgradcheck.numeric.entries import scales_of
from microgradcheck.numeric.findings import diverges, hear, kink_or_edge
from microgradcheck.numeric.flats import outputs_where_still, where_flat, where_still
from microgradcheck.numeric.ladder import estimate_along, first_steps
from microgradcheck.numeric.noise import _Look as Look
from microgradcheck.numeric.noise import _trusted as trusted
from microgradcheck.numeric.samples import UNIT_ROUNDOFF, Samples, ladder
from microgradcheck.numeric.samples import _unsettled as unsettled


def samples_of(at: Callable[[float], float], x: float, noise: float) -> Samples:
    return Samples(at, x, noise, scale=1.0, precision=1e-6)


def sampled(at: Callable[[float], float], *steps: float) -> Samples:
    samples = samples_of(at, 0.0, 0.0)
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
    found = kink_or_edge(sampled(abs, *steps))
    assert found is not None
    assert found.behaviour == "kink"
    assert found.slopes == pytest.approx((-1.0, 1.0))
    bent = kink_or_edge(sampled(lambda h: 2 * max(h, 0.0), *steps))
    assert bent is not None
    assert bent.value == pytest.approx(1.0)

    def holed(hole: float, *steps: float) -> Samples:
        return sampled(lambda h: math.nan if abs(h) == hole else abs(h), *steps)

    for undefined in steps:
        assert kink_or_edge(holed(undefined, *steps)) is None
    # What coarser steps show is none either, where it may have ended on the way.
    for undefined in steps[::2]:
        assert kink_or_edge(holed(undefined, *ladder(0.1), *steps)) is None


def test_a_window_is_of_neighbouring_pairs_at_which_f_is_defined() -> None:
    steps = [0.1, *ladder(1e-2), *ladder(1e-3)]
    for hole in range(7):
        samples = sampled(lambda h, u=steps[hole]: math.nan if abs(h) == u else h, *steps)
        seen = {(window.finest, window.coarsest) for window in samples.windows()}
        # The step of 0.1 is far from the others.
        assert seen == {
            (finest, coarsest)
            for finest in range(7)
            for coarsest in range(1, finest - 1)
            if finest - coarsest < 5 and not coarsest <= hole <= finest
        }


def test_the_quantum_is_the_smallest_change_among_values_that_differ() -> None:
    steps = (1.0, 0.9, 0.5, 0.3, 1e-3)
    assert sampled(lambda h: round(8 * h) / 8, *steps).quantum() == 0.125
    holed = sampled(lambda h: round(8 * h) / 8 if abs(h) < 1 else math.nan, *steps)
    assert holed.quantum() == 0.25


def test_only_a_function_with_steps_of_its_own_is_quantised() -> None:
    assert sampled(lambda h: round(8 * h) / 8, 1.0, 0.3, 1e-3).quantum() > 0
    for slope in (-1, 1):
        saturated = sampled(lambda h, s=slope: s * max(h - 0.5, 0.0), 1.0, 0.9, 1e-3)
        jump = sampled(lambda h, s=slope: float(s * (h > 0)), 1.0, 1e-3)
        assert saturated.quantum() == 0
        assert jump.quantum() == 0
    for side in (-1, 1):
        # On one side it has steps, and on the other it moves.
        bent = sampled(lambda h, s=side: max(s * h, 0.0) - (s * h < -0.1), 1.0, 0.3, 1e-3)
        assert bent.quantum() == 0


@pytest.mark.parametrize("changes", [(0.0, -1.0), (0.0, 1.0)])
def test_slopes_that_stay_and_then_change_are_settled(changes: tuple[float, float]) -> None:
    slopes = itertools.accumulate((2.0, *changes))
    known = dict(zip(sorted(ladder(1e-2)), slopes, strict=True))
    samples = sampled(lambda h: known[abs(h)] * h if h else 0.0, *known)
    _, truncation, _ = samples.extrapolated(samples.pairs[::-1])
    assert truncation < 1


@pytest.mark.parametrize("size", [1e-250, -1e-9, 1.0, 1e9])
def test_a_slope_diverges_that_changes_by_as_much_for_each_power_of_h(size: float) -> None:
    def growing(h: float) -> float:
        return size * h * (30 + 0.1 * math.log(abs(h) or 1))

    def wavering(h: float) -> float:
        return size * h * (3 + 0.1 * (round(math.log10(abs(h) or 1)) % 2))

    def on_one_side(h: float) -> float:
        return growing(h) if h < 0 else size * h

    steps = [0.1, 2e-3, 5e-5, 9e-7]
    assert diverges(sampled(growing, *steps))
    assert diverges(sampled(on_one_side, *steps))
    assert diverges(sampled(lambda h: on_one_side(-h), *steps))
    # Too few steps that noise does not hide, too near to one another, to and fro, or unevenly.
    assert not diverges(sampled(growing, *steps[::3], 5e-5))
    hidden = sampled(growing, *steps)
    hidden.noise = 1e-7 * abs(size)
    assert not diverges(hidden)
    assert not diverges(sampled(growing, *(20 * math.sqrt(h) for h in steps)))
    assert not diverges(sampled(wavering, *(10.0**-k for k in range(1, 7))))
    for power in (0.08, 0.2):
        assert not diverges(sampled(lambda h, p=power: size * h * (30 + abs(h) ** p), *steps))


def test_f_moves_where_it_has_another_value_on_either_side() -> None:
    for sign, side in itertools.product((-1, 1), repeat=2):
        one_sided = sampled(lambda h, a=sign, b=side: a * max(b * h, 0.0), 1.0)
        assert one_sided.moves()
    assert not sampled(lambda h: 3.0, 1.0).moves()


def test_an_entry_of_zero_has_the_typical_size_of_the_others() -> None:
    assert scales_of([0.0, -4.0, 1.0]) == pytest.approx([2.0, 4.0, 1.0])
    assert scales_of([0.0, 0.0]) == [1.0, 1.0]


def test_where_f_is_undefined_it_has_no_slope() -> None:
    here, left = estimate(math.log, 0.0), estimate(math.sqrt, 0.0)
    for undefined in (here, estimate(lambda x: math.inf, 1.0)):
        assert (undefined.behaviour, undefined.reason) == ("edge", "f is undefined here")
    assert (left.behaviour, left.reason) == ("edge", "f is undefined on its left")
    assert math.isnan(here.value)
    assert here.noise < 1e-300
    assert here.error_bound == left.error_bound == math.inf


def test_a_border_is_looked_for_no_further_than_numbers_near_x_reach() -> None:
    asked: list[float] = []

    def f(x: float) -> float:
        asked.append(x)
        return math.sqrt(x)

    assert estimate(f, 0.0).behaviour == "edge"
    assert min(map(abs, filter(None, asked))) > 1e-15


def test_a_result_in_an_array_without_axes_is_a_number() -> None:
    assert derivative(lambda x: np.array(x * x), 3.0, h=0.5) == 6.0
    assert estimate(lambda x: np.array(x * x), 3.0).value == pytest.approx(6.0)


def test_numbers_of_any_kind_in_an_array_count() -> None:
    def f(x: float) -> np.ndarray:
        return np.array([x * x, Fraction(x), 3], dtype=object)

    assert jacobian(f, 3.0, h=0.5).tolist() == [6.0, 1.0, 0.0]


def test_one_step_alone_tells_no_slope() -> None:
    found = estimate(lambda x: 3 * x, 2.0**40, scale=1e-6)
    assert (found.value, found.error_bound) == (0.0, math.inf)


@pytest.mark.parametrize("side", [-1, 1])
def test_f_that_moves_gradually_before_it_ends_on_one_side_is_not_flat(side: int) -> None:
    def f(x: float) -> float:
        return 5 + x**20 if side * x >= 0 else math.nan

    assert not estimate(f, side * 0.01).is_flat
    assert estimate(lambda x: min(f(x), 5.0), side * 0.01).is_flat


def test_f_that_ends_on_both_sides_is_looked_at_within() -> None:
    def gradual(x: float) -> float:
        return 5 + (x / 0.02) ** 100 if abs(x) < 0.03 else math.nan

    assert not estimate(gradual, 0.01).is_flat
    for value in (2.0, 1e13):
        for end in (0.01, 0.1):
            found = estimate(lambda x, v=value, e=end: v if abs(x - 1) < e else math.nan, 1.0)
            assert found.is_flat
            assert 0 <= found.error_bound < 1e-9 * value


@pytest.mark.parametrize("x", [1.0, 1e6])
def test_what_f_moves_far_away_may_be_rounding_that_grows_in_proportion(x: float) -> None:
    def flat(*, change: float, noise: float) -> bool:
        def at(step: float) -> float:
            return 1 + UNIT_ROUNDOFF * change * (step / (1.3 * x)) ** 2

        return estimate_along(at, x, x, UNIT_ROUNDOFF * noise, 1e-6).is_flat

    assert flat(change=1500, noise=60)
    assert not flat(change=3000, noise=60)
    assert flat(change=60, noise=0)
    assert not flat(change=1500, noise=0)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_more_noise_than_rounding_makes_hides_whether_f_is_flat(size: float) -> None:
    for noise, is_flat in ((150, True), (250, False)):  # times what rounds f where it is 2
        samples = samples_of(lambda h: size * (1 + (h > 0.5)), 0.0, noise * UNIT_ROUNDOFF * size)
        samples.add(1.0)
        samples.add(1e-3)
        assert where_flat(samples, Estimate(0.0, math.inf)).is_flat == is_flat


def test_f_that_stands_still_at_no_step_is_not_flat() -> None:
    samples = samples_of(lambda h: 1 + (500 * UNIT_ROUNDOFF if h else 0.0), 0.0, 60 * UNIT_ROUNDOFF)
    samples.add_ladder(1e-3)
    assert not where_flat(samples, Estimate(0.0, math.inf)).is_flat


def test_f_that_moves_gradually_and_stands_still_again_is_not_flat() -> None:
    def at(h: float) -> float:
        return 1.0 if 0.5 < abs(h) < 1.2 else 1 + (h / 0.1) ** 8

    samples = sampled(at, 1.0, 0.1, 1e-3)
    assert not where_flat(samples, Estimate(0.0, math.inf)).is_flat


def test_steps_between_those_of_an_estimate_side_with_a_claim_or_not() -> None:
    found = Estimate(2.9, 0.05, secant=1.0, step=1e-5)
    for claim, bound in ((3.0, 0.1), (2.8, 0.05), (math.nan, 0.05)):
        heard = hear(claim, found, sampled(lambda h: 1 + 3 * h), agrees=False)
        assert heard.error_bound == pytest.approx(bound)


@pytest.mark.parametrize(
    "f",
    [abs, lambda h: h**3 if h else 1.0, lambda h: round(h + h * h, 3)],
    ids=["kink", "jump", "steps"],
)
def test_a_claim_is_looked_at_only_where_f_is_smooth(f: Callable[[float], float]) -> None:
    asked: list[float] = []

    def at(step: float) -> float:
        asked.append(step)
        return f(step)

    without = estimate_along(at, 0.0, 1.0, 0.0, 1e-6)
    calls = len(asked)
    assert without.behaviour != "smooth"
    assert repr(estimate_along(at, 0.0, 1.0, 0.0, 1e-6, claim=1e9)) == repr(without)
    assert len(asked) == 2 * calls


@pytest.mark.parametrize("claim", [math.nan, math.inf, -math.inf])
def test_a_claim_that_is_not_finite_is_not_looked_at(claim: float) -> None:
    asked: list[float] = []

    def at(h: float) -> float:
        asked.append(h)
        return 3 * h

    samples, found = samples_of(at, 0.0, 1e-3), Estimate(2.9, 0.05, step=1e-5)
    assert hear(claim, found, samples, agrees=False) is found
    assert asked == [0.0]


def test_a_claim_that_a_bound_of_zero_allows_is_not_looked_at() -> None:
    near, far = (mg.gradcheck(lambda _: 0.0, x, gradient=lambda _: 0.0) for x in (1.0, 1e10))
    assert near.entries[0].error_bound > far.entries[0].error_bound == 0
    assert far.calls <= near.calls


def test_a_reference_that_is_taken_at_its_word_has_no_noise() -> None:
    report = mg.gradcheck(mg.exp, 1.0, reference=math.exp)
    assert report.entries[0].noise == 0.0


def test_a_step_that_grows_stops_where_f_ends() -> None:
    def f(x: float) -> float:
        if abs(x) > 1e-7:
            raise ValueError(x)
        return 1000.0 + x

    # At steps near 1e-12 rounding hides the slope; f is undefined at those that suit it best.
    assert derivative(f, 1e-12) == pytest.approx(1.0, rel=1e-3)
    with pytest.raises(ValueError, match="e-0"):
        derivative(f, 0.0)


@pytest.mark.parametrize("power", [0.1, 0.3, 0.5, 0.7, 0.85])
def test_slopes_that_change_slowly_have_all_their_change_to_come(power: float) -> None:
    points = [1.0, 7.0, 49.0]  # from fine to coarse
    to_come = unsettled(points, [5 + 3 * point**power for point in points], 0.0)
    change = 3 * (7**power - 1)
    assert to_come == pytest.approx(max(change, change / math.log(7) / power))
    assert to_come > 3


def test_slopes_that_settle_as_steps_do_are_extrapolated() -> None:
    points = [1.0, 7.0, 49.0]
    for power in (0.95, 1.0, 2.0):
        assert unsettled(points, [5 + 3 * point**power for point in points], 0.0) == 0.0
    assert unsettled(points, [3.0, 2.0, 2.0], 0.0) == 1.0, "they part at the finest step"
    assert unsettled(points, [3.0, 2.0, 1.9], 0.0) == pytest.approx(1.1), "they grow apart"
    assert unsettled(points, [3.0, 2.5, 2.6], 0.0) == 0.5, "they go to and fro"
    assert unsettled(points, [3.0, 2.0, 1.9], 2.0) == 0.0, "all of it may be noise"


# Where rounding decides whether f is defined


def with_a_hole(
    *, inside: Callable[[float], float] = lambda h: math.nan
) -> Callable[[float], float]:
    return lambda h: 7.0 if h == 0 else inside(h) if abs(h) < 1e-3 else 7.0 + 2 * abs(h)


def test_next_to_a_hole_f_is_as_noisy_as_it_moves_at_its_edge() -> None:
    assert sampled(with_a_hole(), 1.0, 0.1, 0.01, 1e-4, 1e-5).hole() == pytest.approx(0.02)
    assert sampled(with_a_hole(), 1.0, 0.1, 0.01, 1e-4, 1e-5).hole() < 0.03
    # Or in it, where one side is defined.
    one_sided = with_a_hole(inside=lambda h: 7.5 if h > 0 else math.nan)
    assert sampled(one_sided, 1.0, 0.1, 0.01, 1e-4, 1e-5).hole() == 0.5
    rare = with_a_hole(inside=lambda h: math.nan if abs(h) < 1e-4 else 7.25)
    assert sampled(rare, 1.0, 0.1, 5e-4, 2e-4, 1e-5).hole() == 0.25


def test_there_is_no_hole_where_f_is_defined_below_it() -> None:
    lone = with_a_hole(inside=lambda h: math.nan if abs(h) > 1e-4 else 7.25)
    assert sampled(lone, 1.0, 0.1, 5e-4, 1e-5, 1e-6).hole() == 0.25
    assert sampled(lone, 1.0, 0.1, 5e-4, 1e-5, 1e-6, 1e-7).hole() == 0.0
    # The last of several is the one that counts.
    again = with_a_hole(inside=lambda h: math.nan if not 1e-7 <= abs(h) <= 1e-4 else 7.25)
    assert sampled(again, 1.0, 0.1, 5e-4, 1e-5, 1e-6, 1e-8).hole() == 0.25
    assert sampled(with_a_hole(), 1.0, 0.1, 0.01).hole() == 0.0
    assert sampled(lambda h: math.nan if abs(h) > 0.5 else h, 1.0, 0.1, 0.01).hole() == 0.0


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda t: math.sqrt(((1.1 + t) ** 2 + 1.1**2) / 2 - ((2.2 + t) / 2) ** 2), 0.5),
        (lambda t: math.sqrt((1.1 + t) ** 2 + 1.1**2 - 2 * (1.1 + t) * 1.1), 1.0),
    ],
    ids=["deviation", "distance"],
)
def test_a_kink_is_seen_around_a_hole(f: Callable[[float], float], slope: float) -> None:
    def at(step: float) -> float:
        try:
            return f(step)
        except ValueError:
            return math.nan

    found = estimate_along(at, 1.1, 1.1, 0.0, 1e-6)
    assert found.behaviour == "kink"
    assert found.slopes == pytest.approx((-slope, slope), rel=1e-4)
    assert 1e-8 < found.noise < 1e-6


@pytest.mark.parametrize(
    ("at", "behaviour"),
    [
        (lambda h: 1e-3 if abs(h) < 2e-6 else 0.0, "edge"),  # It stands still on the coarse ones.
        (lambda h: 1e-3 if abs(h) < 5e-6 else 0.0, "edge"),
        (lambda h: math.sqrt(abs(h)), "edge"),
        (lambda h: abs(h) + (0.6e-6 if abs(h) < 2e-6 else 0.0), "kink"),
    ],
    ids=["jump", "jump beyond the coarsest", "root", "noise on the finest"],
)
def test_a_slope_is_without_bound_where_it_grows_on_all_steps(
    at: Callable[[float], float], behaviour: str
) -> None:
    samples = sampled(lambda h: at(h) if h else 0.0, *ladder(1e-5))
    if behaviour == "kink":
        assert kink_or_edge(samples).behaviour == "edge"
    found = kink_or_edge(samples, is_closest=True)
    assert found.behaviour == behaviour


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_teeth_are_looked_for_by_their_slope(size: float) -> None:
    def stairs(h: float) -> float:
        return size * (h * h - h + math.floor(h / 3e-9 + 0.5) * 3e-9)

    found = Estimate(0.0, 1e-3 * size, noise=1e-9 * size, step=1e-3)
    samples = Samples(stairs, 0.0, 1e-9 * size, scale=1.0, precision=1e-6)
    assert hear(0.0, found, samples, agrees=True) is found


@pytest.mark.parametrize(("noise", "scale"), [(1e-9, 1.0), (1e9, 1.0), (1e-9, 1e-10)])
def test_teeth_are_shorter_than_that_over_which_f_changes(noise: float, scale: float) -> None:
    def stairs(h: float) -> float:
        return h * h - h + math.floor(h / 3e-9 + 0.5) * 3e-9  # Their slope is -1, that of f is 0.

    def triangles(h: float) -> float:
        return h * h + abs((h / 3e-9 + 0.5) % 2 - 1) * 3e-9

    def samples(at: Callable[[float], float]) -> Samples:
        return Samples(at, 0.0, noise, scale=scale, precision=1e-6)

    found = Estimate(0.0, 1e-3, noise=noise, step=1e-3)
    heard = hear(0.0, found, samples(stairs), agrees=True)
    assert (heard is found) == (noise < scale)
    assert hear(0.0, found, samples(stairs), agrees=False).error_bound > 0.99
    assert hear(0.0, found, samples(triangles), agrees=True).error_bound > 0.99
    assert hear(0.0, found, samples(lambda h: 1e-3 + h * h), agrees=True) is found


@pytest.mark.parametrize("place", [(1.0, 1.0), (0.0, 1.0), (1.0, 1e-20), (1e9, 1e9)])
@pytest.mark.parametrize("value", [0.0, 3.0, 5e-324, math.inf])
@pytest.mark.parametrize("border", [math.inf, 2.0, 1.2, 0.9, 1e-2, 1e-6])
def test_what_stands_still_is_found_without_a_search_as_by_one(
    border: float,
    value: float,
    place: tuple[float, float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def found(claim: float | None) -> tuple[str, list[float]]:
        asked = []

        def at(step: float) -> float:
            asked.append(step)
            return value if abs(step) <= border * place[1] else value + 1.0

        return repr(estimate_along(at, *place, 0.0, 1e-6, claim=claim)), asked

    claims = (None, 0.0, 1e-14, 1.0, math.nan)
    without_a_search = list(map(found, claims))
    monkeypatch.setattr(search, "where_still", lambda *_: None)
    assert without_a_search == list(map(found, claims))


@pytest.mark.parametrize("place", [(1.0, 1.0), (0.0, 1.0), (1.0, 1e-20), (1e9, 1e9)])
def test_many_outputs_that_stand_still_are_found_as_each_is(place: tuple[float, float]) -> None:
    x, scale = place
    borders = (math.inf, 2.0, 1.2, 0.9, 1e-2, 1e-6)
    values = [(value, border) for value in (3.0, math.nan, 1e300) for border in borders]

    def outputs(step: float) -> list[float]:
        still = [v if abs(step) <= border * scale else v + 1e300 for v, border in values]
        return [*still, 3.0 if step > -1.1 * scale else math.nan]

    first, count = first_steps(x, scale), len(outputs(0.0))
    for claim in (0.0, 1e300):
        each = [
            where_still(Samples(lambda h, k=k: outputs(h)[k], x, 0.0, scale, 1e-6), first, claim)
            for k in range(count)
        ]
        together = outputs_where_still(outputs, x, scale, first, [(0.0, claim)] * count)
        assert together == {k: still for k, still in enumerate(each) if still}
        assert len(together) < count


def test_what_moves_at_one_of_the_steps_does_not_stand_still() -> None:
    near, fine, wide, far = *first_steps(0.0, 1.0), 0.016, 1.3
    steps = [side * step for step in (near, fine, wide, far) for side in (-1, 1)]

    def outputs(h: float) -> list[float]:
        return [float(h == step) for step in [*steps, math.inf]]

    found = outputs_where_still(outputs, 0.0, 1.0, [near, fine], [(0.0, 0.0)] * (len(steps) + 1))
    assert set(found) == {len(steps)}


@pytest.mark.parametrize(
    ("values", "noise"),
    [
        ((1.0, 1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 3.0), 2 / math.sqrt(12)),
        ((1.0, 1.0, 1.0, 2.0, 2.0, 5.0, 5.0, 5.0), 1 / math.sqrt(12)),
        ((1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0), 0.01),
        ((1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 5.0), 0.01),
    ],
)
def test_the_noise_of_steps_is_that_of_the_smallest(
    values: tuple[float, ...], noise: float
) -> None:
    assert Look(1e-6, values, [0.02, 0.01, 0.01]).of_steps == noise


def test_a_constant_needs_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(search._Search, "estimate")
    assert estimate_along(lambda _: 3.0, 1.0, 1.0, 0.0, 1e-6, claim=0.0).is_flat


@pytest.mark.parametrize(
    ("times", "counts"), [(0.9, False), (1.1, True), (3.9, True), (4.1, False)]
)
def test_two_pairs_that_differ_by_a_few_times_the_noise_differ_by_noise(
    times: float, counts: bool
) -> None:
    samples = Samples(lambda step: 5 * step, 0.0, 1e-9, 1.0, 1e-6)
    pairs = fine, coarse = samples.look(1e-6), samples.look(2e-5)
    _, _, noise = samples.extrapolated(pairs)
    apart = times * noise
    _, truncation, found = samples.extrapolated([fine, coarse._replace(slope=fine.slope + apart)])
    assert found == pytest.approx(apart if counts else noise)
    assert truncation == pytest.approx(0.0, abs=0.2 * apart)


def test_a_curve_that_is_seen_by_chance_hides_no_rounding() -> None:
    def seen(orders: list[float]) -> Look:
        return Look(2.0**-25, (1.0, 1 + 1e-8, 1 - 1e-8), orders)

    rounding, curve = seen([1e-16, 1e-16, 1e-16]), seen([1e-17, 1e-18, 1e-18])
    assert rounding.is_round_off
    assert curve.is_curved
    assert trusted([rounding, curve, curve]) == [rounding]
    assert trusted([curve, rounding]) == [rounding]
    assert trusted([curve, curve]) == [curve]
