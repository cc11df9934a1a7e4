"""Gradcheck's verdicts and causes: right gradients at hard points, and wrong ones of every kind."""

from __future__ import annotations

import functools
import itertools
import math
import pickle
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pytest

import microgradcheck as mg
from microgradcheck.gradcheck import Entry, GradcheckError, Report, Verdict, gradcheck
from microgradcheck.gradcheck.entry import Cause
from microgradcheck.value import Value


def check(f: Callable[..., Any], *inputs: Any, **options: Any) -> Report:
    return mg.gradcheck(f, *inputs, **{"raise_on_failure": False, **options})


@dataclass
class Case:
    """A function, its inputs and the gradient under test, and what is to be said of them."""

    f: Callable[..., Any]
    x: Any
    gradient: Any
    verdict: str = "PASS"
    cause: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    def check(self) -> Report:
        inputs = self.x if isinstance(self.x, Several) else (self.x,)
        return check(self.f, *inputs, gradient=self.gradient, **self.options)


class Several(tuple[Any, ...]):
    """Several inputs, where one would be a tuple."""


def repeated(values: list[Any]) -> Iterator[Any]:
    while True:
        yield from values


def wrong_at(position: int) -> Callable[[np.ndarray], np.ndarray]:
    def gradient(x: np.ndarray) -> np.ndarray:
        g = 2 * x
        g[position] *= -1
        return g

    return gradient


def only_right_for_positive(x: float) -> float:
    if x > 0:
        return 2 * x
    return 3 * x


def backward_twice() -> Callable[[float], float]:
    leaf = Value(3.0)

    def gradient(_: float) -> float:
        (leaf * leaf).backward()
        return leaf.grad

    return gradient


def noisy(level: float, seed: int = 0) -> Callable[[float], float]:
    rng = random.Random(seed)
    return lambda x: x * x + level * rng.gauss(0, 1)


def half(x: float) -> float:
    return float(np.float16(x) ** 2)


def single(x: float) -> float:
    return float(np.sin(np.float32(x)) ** 2)


def single_gradient(x: float) -> float:
    return 2 * math.sin(x) * math.cos(x)


def single_network(x: np.ndarray) -> float:
    return float((np.tanh(x.astype(np.float32)) ** 2).sum())


def single_network_gradient(x: np.ndarray) -> np.ndarray:
    return 2 * np.tanh(x) * (1 - np.tanh(x) ** 2)


A = np.array([[1.0, 2.0], [5.0, 3.0]])


# The rows of ../shared/gradient_traps.md by their numbers; each stands for its kind.
TRAPS = {
    "1 factor 1.0005": Case(
        lambda x: x**3,
        1.3,
        lambda x: 3 * x * x * 1.0005,
        "WRONG",
        f"{Cause.CONSTANT_FACTOR} of 1.0005",
    ),
    "2 factor 1.0001": Case(
        lambda x: x**3,
        1.3,
        lambda x: 3 * x * x * 1.0001,
        "WRONG",
        f"{Cause.CONSTANT_FACTOR} of 1.0001",
    ),
    "2 factor 1 + 3e-6": Case(
        lambda x: x**3, 1.3, lambda x: 3 * x * x * (1 + 3e-6), "WRONG", Cause.CONSTANT_FACTOR
    ),
    "3 small, sign": Case(
        lambda x: 1e-7 * x**2, 1.0, lambda x: -2e-7 * x, "WRONG", Cause.SIGN_FLIPPED
    ),
    "3 tiny, sign": Case(
        lambda x: 1e-200 * x**2, 1e-9, lambda x: -2e-200 * x, "WRONG", Cause.SIGN_FLIPPED
    ),
    "4 far tail, zero": Case(
        lambda x: math.exp(-x), 20.0, lambda _: 0.0, "WRONG", Cause.ALWAYS_ZERO
    ),
    "5 large constant": Case(lambda x: 1e8 + math.sin(x), 1.0, math.cos),
    "5 larger constant": Case(lambda x: 1e12 + math.sin(x), 1.0, math.cos, "INCONCLUSIVE"),
    "6 log near 0": Case(math.log, 1e-5, lambda x: 1 / x),
    "6 log very near 0": Case(math.log, 1e-300, lambda x: 1 / x),
    "7 abs": Case(abs, 0.0, lambda _: 0.0, "KINK", Cause.KINK),
    "8 relu": Case(lambda x: max(x, 0.0), 0.0, lambda _: 0.0, "KINK", Cause.KINK),
    "8 relu, 2": Case(lambda x: max(x, 0.0), 0.0, lambda _: 2.0, "WRONG", Cause.OUTSIDE_A_KINK),
    "8 relu, 1.0001": Case(lambda x: max(x, 0.0), 0.0, lambda _: 1.0001, "WRONG"),
    "9 abs near 0": Case(abs, 1e-7, lambda _: 1.0),
    "10 sqrt at 0": Case(mg.sqrt, 0.0, "backprop", "EDGE", Cause.UNDEFINED_ON_ITS_LEFT),
    "11 acosh": Case(mg.acosh, 0.5, "backprop", "EDGE", Cause.UNDEFINED_HERE),
    "12 single precision": Case(single, 1.3, single_gradient, "NOISY"),
    "12 single precision, loud": Case(
        lambda x: 1e3 * single(x), 1.3, lambda x: 1e3 * single_gradient(x), "NOISY"
    ),
    "12 half precision": Case(half, 1.3, lambda x: 2 * x, "NOISY", Cause.QUANTISED),
    "12 rounded": Case(lambda x: round(math.sin(x), 3), 1.3, math.cos, "NOISY", Cause.QUANTISED),
    "12 single precision, sign": Case(
        single, 1.0, lambda x: -single_gradient(x), "WRONG", Cause.SIGN_FLIPPED
    ),
    "12 half precision, sign": Case(half, 1.3, lambda x: -2 * x, "WRONG", Cause.SIGN_FLIPPED),
    "12 a network": Case(single_network, np.linspace(0.3, 2, 4), single_network_gradient, "NOISY"),
    "13 x**3 at 0": Case(lambda x: x**3, 0.0, lambda _: 0.0),
    "13 x**4 at 0": Case(lambda x: x**4, 0.0, lambda _: 0.0),
    "14 one of many": Case(
        lambda x: float(np.sum(x**2)),
        np.linspace(-1, 2, 1000),
        wrong_at(17),
        "WRONG",
        Cause.SIGN_FLIPPED,
    ),
    "15 an error across all": Case(
        lambda x: float(np.sum(x**2)),
        np.linspace(1, 2, 50),
        lambda x: 2 * x + 1e-3 * (-1) ** np.arange(50),
        "WRONG",
    ),
    "16 noise": Case(noisy(1e-9), 1.0, lambda x: 2 * x, "NOISY", Cause.F_DOES_NOT_REPEAT),
    "16 large noise": Case(noisy(1e-3), 1.0, lambda x: 2 * x, "NOISY", Cause.F_DOES_NOT_REPEAT),
    "16 noise, factor": Case(
        noisy(1e-6), 1.0, lambda x: 3 * x, "WRONG", f"{Cause.CONSTANT_FACTOR} of 1.5"
    ),
    "17 drawn anew": Case(
        functools.partial(lambda draw, x: x * x * next(draw), repeated([1.0, 0.0, 1.0, 1.0, 0.0])),
        1.0,
        lambda x: 2 * x,
        "NOISY",
        Cause.F_DOES_NOT_REPEAT,
    ),
    "17 counts its calls": Case(
        functools.partial(lambda count, x: x * x + next(count), iter(np.arange(1000.0))),
        1.0,
        lambda x: 2 * x,
        "NOISY",
        Cause.F_DOES_NOT_REPEAT,
    ),
    "18 random and wrong": Case(
        lambda x: x * x,
        1.0,
        functools.partial(lambda rng, x: 5 * x + rng.random(), random.Random(0)),
        "WRONG",
        Cause.GRADIENT_DOES_NOT_REPEAT,
    ),
    "19 transposed": Case(
        lambda x: A @ x, np.array([1.0, 2.0]), lambda _: A.T, "WRONG", Cause.JACOBIAN_TRANSPOSED
    ),
    "19 transposed at a symmetric point": Case(
        lambda x: np.array([x[0] ** 2 * x[1], x[0] * x[1] ** 2]),
        np.array([1.0, 1.0]),
        lambda x: np.array([[2 * x[0] * x[1], x[1] ** 2], [x[0] ** 2, 2 * x[0] * x[1]]]),
        "WRONG",
        Cause.JACOBIAN_TRANSPOSED,
    ),
    "20 backward twice": Case(lambda x: x * x, 3.0, backward_twice(), "WRONG", Cause.STALE),
    "20 twice, each time": Case(
        lambda x: x * x, 3.0, lambda x: 4 * x, "WRONG", f"{Cause.CONSTANT_FACTOR} of 2"
    ),
    "21 the other branch": Case(
        lambda x: x * x, -3.0, only_right_for_positive, "WRONG", Cause.ONE_SIDE_OF_A_BRANCH
    ),
    "22 ignored": Case(
        lambda x: x[0] ** 2, [1.0, 2.0], lambda x: [2 * x[0], 1e-9], "WRONG", Cause.INPUT_IGNORED
    ),
    "23 the graph is cut": Case(
        lambda x: x * x + mg.exp(float(x)), 1.0, "backprop", "WRONG", Cause.GRAPH_CUT
    ),
}


@pytest.mark.parametrize("case", TRAPS.values(), ids=TRAPS)
def test_a_trap_gets_its_verdict_and_cause(case: Case) -> None:
    report = case.check()
    assert report.verdict == case.verdict, str(report)
    assert report.cause.startswith(case.cause), report.cause
    assert bool(report) == (case.verdict in {"PASS", "KINK"})


def test_the_entry_that_is_wrong_is_named() -> None:
    report = TRAPS["14 one of many"].check()
    assert [e.index for e in report.entries if e.verdict is mg.Verdict.WRONG] == [(17,)]
    assert str(report).startswith("WRONG df/dx[17]: ")
    assert report.calls < 15 * 1000


@pytest.mark.usefixtures("untraced")
def test_the_branch_that_was_not_visited_is_named() -> None:
    report = check(lambda x: x * x, 3.0, gradient=only_right_for_positive)
    assert report.passed
    assert "not visited at these inputs: `return 3 * x`" in str(report)


def test_the_operation_at_fault_is_named_with_its_line() -> None:
    bad = mg.operation("badcube", value="a**3", derivatives=["3 * a"])

    def f(x: Any) -> Any:
        t = x * 1.0
        for _ in range(500):
            t = mg.sin(t) + x * 0.01
        return t * mg.cos(x) + bad(t) * x + bad(x)

    report = check(f, 1.3)
    assert report.verdict == "WRONG"
    assert report.cause.startswith(Cause.OPERATION)
    assert {(fault.name, fault.input) for fault in report.operations} == {("badcube", "a")}
    first, second = sorted(report.operations, key=lambda fault: fault.expression)
    assert first.location == second.location
    assert first.location.startswith("test_gradcheck.py:")
    underlined = sorted(fault.expression.splitlines()[1].count("~") for fault in (first, second))
    assert underlined == [len("bad(t)"), len("bad(x)")] or underlined == [6, 6]
    assert first.expression != second.expression


# Kinks and ties


class Tie(NamedTuple):
    f: Callable[[list[float]], float]
    right: list[list[float]]
    wrong: list[list[float]]


TIES = {
    "maximum": Tie(
        max,
        [[1, 0, 0], [0, 0, 1], [1 / 3] * 3],
        [[1, 1, 1], [0, 0, 0], [0.5] * 3, [0.5, 0.50001, 0]],
    ),
    "range": Tie(lambda x: max(x) - min(x), [[0, 0, 0], [1, 0, -1]], [[1, 1, 1], [0, 0, 0.1]]),
    "minimum": Tie(min, [[1, 0, 0], [0, 0.5, 0.5]], [[1, 1, 1], [0, 0, 0]]),
    "largest size": Tie(
        lambda x: max(map(abs, x)), [[1, 0, 0], [0, 1, 0]], [[1, 1, 1], [0, 0, 0], [-1, 0, 0]]
    ),
    "length": Tie(
        lambda x: math.hypot(*(v - 1 for v in x)), [[0, 0, 0], [0.5, 0.5, 0.5]], [[1, 1, 1]]
    ),
    "maximum in small units": Tie(
        lambda x: 1e-9 * max(x), [[1e-9, 0, 0], [0, 5e-10, 5e-10]], [[1e-9] * 3, [0, 0, 0]]
    ),
    "sum of sizes": Tie(
        lambda x: sum(abs(v - 1) for v in x), [[0, 0, 0], [1, -1, 1]], [[1.5, 0, 0], [0, 0, -2]]
    ),
    "bends up and down": Tie(
        lambda x: max(x[0], x[1]) - max(x[2], 1.0),
        [[1, 0, 0], [0, 1, -1], [0.5, 0.5, -0.3]],
        [[1, 1, -1], [0, 0, 0], [0, 0, -1]],
    ),
}


@pytest.mark.parametrize("exponent", range(1, 9))
def test_beside_a_kink_f_stands_still_at_zero_and_so_does_its_gradient(exponent: int) -> None:
    x = 1 - 10.0**-exponent
    assert check(lambda x: max(x - 1, 0.0), x, gradient=lambda _: 0.0).verdict == "PASS"
    assert check(lambda x: max(x - 1, 0.0), x, gradient=lambda _: 1e-6).verdict == "WRONG"


def test_a_layer_of_relus_passes_where_some_of_them_are_dead() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        weights, bias, x = rng.normal(size=(8, 4)), rng.normal(size=8), rng.normal(size=4)

        def layer(x: np.ndarray, weights: np.ndarray = weights, bias: np.ndarray = bias) -> Any:
            return np.maximum(weights @ x + bias, 0.0)

        slopes = weights * (layer(x) > 0)[:, None]
        assert check(layer, x, gradient=lambda _, slopes=slopes: slopes).verdict == "PASS"


@pytest.mark.parametrize("confidence", [34.5, 36.0, 40.0, 50.0])
def test_the_loss_of_a_confident_model_hides_its_gradient_behind_its_rounding(
    confidence: float,
) -> None:
    scores = np.array([confidence, 0.3, -0.4])

    def shares(x: np.ndarray) -> Any:
        return np.exp(x - x.max()) / np.exp(x - x.max()).sum()

    def gradient(x: np.ndarray) -> Any:
        return shares(x) - [1, 0, 0]

    report = check(lambda x: -np.log(shares(x)[0]), scores, gradient=gradient)
    assert {str(entry.verdict) for entry in report.entries} == {"NOISY"}
    wrong = check(lambda x: -np.log(shares(x)[0]), scores, gradient=lambda x: gradient(x) + 1e-12)
    assert wrong.verdict == "WRONG"


def test_the_rounding_of_f_hides_a_slope_as_far_as_the_input_is_moved() -> None:
    def share(a: float, b: float) -> float:
        return 1 / (1 + math.exp(b - a))

    def gradient(a: float, b: float) -> tuple[float, float]:
        return share(a, b) - 1, share(b, a)

    report = check(lambda a, b: -math.log(share(a, b)), 90.0, -50.0, gradient=gradient)
    steps, still = report.entries
    assert {steps.verdict, still.verdict} == {"NOISY"}
    assert still.error_bound == pytest.approx(2 * steps.noise / 50, abs=0)


@pytest.mark.parametrize("tie", TIES.values(), ids=TIES)
def test_a_tie_takes_what_fits_together_and_nothing_else(tie: Tie) -> None:
    for gradient in tie.right:
        report = check(tie.f, [1.0, 1.0, 1.0], gradient=lambda _, g=gradient: g)
        assert report.verdict == "KINK", (gradient, str(report))
        assert report
    for gradient in tie.wrong:
        report = check(tie.f, [1.0, 1.0, 1.0], gradient=lambda _, g=gradient: g)
        assert report.verdict == "WRONG", (gradient, str(report))


@pytest.mark.parametrize("pair", list(itertools.combinations(range(6), 2)))
@pytest.mark.parametrize("units", [[1] * 6, [1e-3, 20, 1, 0.3, 1e4, 1e-2]], ids=["one", "several"])
def test_a_tie_of_two_kinks_is_found_beside_others(
    pair: tuple[int, int], units: list[float]
) -> None:
    # Beside the others' slopes, a step of all of them hides what a step of these two shows.
    i, j = pair

    def f(x: list[float]) -> float:
        moved = [unit * a for unit, a in zip(units, x, strict=True)]
        return abs(moved[i] + moved[j]) + sum(abs(a) for n, a in enumerate(moved) if n not in pair)

    for side, verdict in ((-0.5, "WRONG"), (0.5, "KINK")):
        gradient = [unit * (0.5 * (n == i) + side * (n == j)) for n, unit in enumerate(units)]
        report = check(f, [0.0] * 6, gradient=lambda _, g=gradient: g)
        assert report.verdict == verdict
        assert verdict == "KINK" or report.cause.startswith(Cause.TIE)


def test_a_tie_of_three_is_found_where_the_shares_of_two_cancel() -> None:
    x = np.array([1.0, 2.0, -3.0])
    for gradient, verdict in (([-1.0, 1.0, 1.0], "WRONG"), ([0.5, 0.5, 0.5], "KINK")):
        report = check(lambda x: abs(x.sum()), x, gradient=lambda _, g=gradient: np.array(g))
        assert report.verdict == verdict


def test_a_wrong_jacobian_costs_no_more_for_more_outputs() -> None:
    calls = []
    for outputs in (20, 200):
        matrix = np.random.default_rng(0).normal(size=(outputs, 3))

        def f(x: np.ndarray, a: np.ndarray = matrix) -> Any:
            return np.sin(a @ x)

        def wrong(x: np.ndarray, a: np.ndarray = matrix) -> Any:
            return 2 * np.cos(a @ x)[:, None] * a

        calls.append(check(f, np.array([0.3, -0.2, 0.7]), gradient=wrong).calls)
    assert calls[1] < 2 * calls[0]


def test_several_ties_are_told_apart() -> None:
    def f(x: list[float]) -> float:
        return max(x[0], x[1]) + max(x[2], x[3]) + sum(abs(a - 1) for a in x[4:])

    for size in (4, 5, 40):
        rest = [0.0] * (size - 4)
        for ours, verdict in (([0, 0, 1, 1], "WRONG"), ([1, 0, 0.5, 0.5], "KINK")):
            report = check(f, [1.0] * size, gradient=lambda _, g=[*ours, *rest]: g)
            assert report.verdict == verdict


@pytest.mark.parametrize("unit", [1e-12, 1e-7, 1e-3, 1e5])
def test_the_inputs_of_a_tie_may_have_different_units(unit: float) -> None:
    for ours, verdict in (([1, 1], "WRONG"), ([0, 0], "WRONG"), ([0, 1], "KINK")):
        gradient = [ours[0] * unit, ours[1]]
        report = check(
            lambda x: max(unit * x[0], x[1]), [1 / unit, 1.0], gradient=lambda _, g=gradient: g
        )
        assert report.verdict == verdict


def test_kinks_that_are_not_tied_need_few_calls() -> None:
    report = check(lambda x: sum(map(abs, x)), [0.0] * 30, gradient=lambda _: [0.0] * 30)
    assert report.verdict == "KINK"
    assert report.calls < 30 * 30


def test_a_kink_shows_both_slopes_and_does_not_hide_other_entries() -> None:
    def f(x: list[float]) -> float:
        return max(x[0], 0.01 * x[0]) + x[1] ** 2

    right = check(f, [0.0, 3.0], gradient=lambda x: [0.5, 2 * x[1]])
    assert right.entries[0].slopes == pytest.approx((0.01, 1))
    assert right.verdict == "KINK"
    wrong = check(f, [0.0, 3.0], gradient=lambda x: [0.5, 3 * x[1]])
    assert [str(entry.verdict) for entry in wrong.entries] == ["KINK", "WRONG"]


# Edges, noise and what cannot be seen


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (math.floor, 2.0),
        (lambda x: float(x > 0), 0.0),
        (lambda x: abs(x) ** 0.5, 0.0),
        (math.cbrt, 0.0),
        (math.asin, 1.0),
        (lambda x: 1 / x, 0.0),
        (lambda x: math.nan if x == 1 else x, 1.0),
        (math.exp, 800.0),
    ],
)
def test_no_gradient_passes_at_an_edge(f: Callable[[float], float], x: float) -> None:
    for gradient in (0.0, 1.0, math.inf):
        report = check(f, x, gradient=lambda _, g=gradient: g)
        assert report.verdict == "EDGE", str(report)
        assert not report
        assert math.isinf(report.power)
        assert check(f, x, gradient=lambda _, g=gradient: g, accept="EDGE")


def noisy_sine() -> Callable[[float], float]:
    rng = random.Random(5)
    return lambda x: math.sin(x) + 1e-2 * rng.gauss(0, 1)


@pytest.mark.parametrize(
    ("f", "right"),
    [
        (half, lambda x: 2 * x),
        (noisy_sine(), math.cos),
        (lambda x: 1e12 + math.sin(x), math.cos),
    ],
    ids=["half precision", "noise", "a huge constant"],
)
def test_what_is_accepted_must_lie_within_what_the_noise_leaves(
    f: Callable[[float], float], right: Callable[[float], float]
) -> None:
    unclear = ("NOISY", "INCONCLUSIVE")
    assert not check(f, 1.3, gradient=right)
    report = check(f, 1.3, gradient=right, accept=unclear)
    assert report
    assert report.power > 1e-4
    assert report.verdict in unclear
    assert not check(f, 1.3, gradient=lambda _: -1e6, accept=unclear)


@pytest.mark.parametrize(
    ("f", "x", "gradient"),
    [
        (
            lambda x: float(np.exp(np.float32(x) / np.float32(7))),
            0.0009818570288842392,
            lambda x: math.exp(x / 7) / 7,
        ),
        (lambda x: float(np.float32(1 + math.sin(x))), 4.48220005174111e-05, math.cos),
        (lambda x: round(math.sin(x) + 1, 6), 0.00029401258398611664, math.cos),
    ],
    ids=["exp in single precision", "sin in single precision", "sin to six digits"],
)
def test_a_path_of_noise_that_meets_one_step_of_f_knows_its_size(
    f: Callable[[float], float], x: float, gradient: Callable[[float], float]
) -> None:
    report = check(f, x, gradient=gradient)
    assert report.verdict in ("PASS", "NOISY")
    assert report.entries[0].gap <= report.entries[0].error_bound


@pytest.mark.parametrize("level", [1e-12, 1e-13, 1e-14])
def test_noise_that_leaves_room_does_not_hide_a_small_fault(level: float) -> None:
    rng = random.Random(3)
    fixed = {}

    def f(x: float) -> float:
        return math.sin(x) + level * fixed.setdefault(x, rng.gauss(0, 1))

    assert check(f, 0.7, gradient=math.cos)
    assert not check(f, 0.7, gradient=lambda x: 1.0001 * math.cos(x))


def test_threads_that_add_in_another_order_repeat_well_enough() -> None:
    orders = repeated([0, 1])

    def f(x: float) -> float:
        return x * x * (1 + 2.0**-50 * next(orders))

    assert check(f, 1.3, gradient=lambda x: 2 * x)


def test_slopes_far_away_are_no_measure_for_the_slope_here() -> None:
    def f(x: float) -> float:
        return (x - 1000) ** 21 + (x - 1000)

    assert check(f, 1000.001, gradient=lambda _: 1.0).verdict == "PASS"
    for wrong in (-1.0, 0.0, 2.0, 1.0001):
        assert check(f, 1000.001, gradient=lambda _, g=wrong: g).verdict == "WRONG"


def test_a_plateau_of_noise_is_no_reason_to_pass() -> None:
    # f hardly depends on x beside its own coarse steps, so that any small gradient would fit.
    report = check(lambda x: float(np.float32(1 + 1e-8 * x)), 1.0, gradient=lambda _: 2e-8)
    assert not report


def test_a_gradient_of_zero_passes_where_f_stands_still_but_for_rounding() -> None:
    def f(x: list[float]) -> float:
        return math.hypot(x[0], 1.0) * (x[1] / x[1]) + (x[1] * 3 - x[1] - 2 * x[1])

    report = check(f, [0.7, 1.1], gradient=lambda x: [x[0] / math.hypot(x[0], 1), 0.0])
    assert report.verdict == "PASS"


def softmax(scores: Any) -> Any:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def before_a_normalisation(rng: np.random.Generator) -> tuple[Case, int]:
    """A bias of which a batch normalisation takes away the mean; beside weights."""
    inputs, targets = rng.normal(size=(8, 3)), rng.normal(size=(8, 4))

    def normalised(weights: Any, bias: Any) -> tuple[Any, Any]:
        hidden = inputs @ weights + bias
        scale = 1 / np.sqrt(hidden.var(axis=0) + 1e-5)
        return (hidden - hidden.mean(axis=0)) * scale, scale

    def f(weights: Any, bias: Any) -> Any:
        return ((normalised(weights, bias)[0] - targets) ** 2).mean()

    def gradient(weights: Any, bias: Any) -> tuple[Any, Any]:
        units, scale = normalised(weights, bias)
        of_units = 2 * (units - targets) / targets.size
        mean = of_units.mean(axis=0) + units * (of_units * units).mean(axis=0)
        of_hidden = scale * (of_units - mean)
        return inputs.T @ of_hidden, of_hidden.sum(axis=0)

    return Case(f, (rng.normal(size=(3, 4)), rng.normal(size=4)), gradient), 1


def of_the_keys(rng: np.random.Generator, count: int = 5, width: int = 3) -> tuple[Case, int]:
    """A bias of the keys of attention, which adds the same to all scores of a query."""
    shapes = ((count, width), (6, width), (6, 2), (count, 2))
    queries, keys, values, targets = (rng.normal(size=shape) for shape in shapes)

    def f(bias: Any) -> Any:
        return ((softmax(queries @ (keys + bias).T) @ values - targets) ** 2).sum()

    def gradient(bias: Any) -> Any:
        shares = softmax(queries @ (keys + bias).T)
        of_shares = 2 * (shares @ values - targets) @ values.T
        of_scores = shares * (of_shares - (of_shares * shares).sum(axis=1, keepdims=True))
        return (of_scores.T @ queries).sum(axis=0)

    return Case(f, (rng.normal(size=width),), gradient), 0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("made", [before_a_normalisation, of_the_keys])
def test_what_rounding_leaves_of_zero_passes_where_f_stands_still(
    made: Callable[[np.random.Generator], tuple[Case, int]], seed: int
) -> None:
    case, place = made(np.random.default_rng(seed))
    left = np.atleast_2d(case.gradient(*case.x))[-1] if place == 0 else case.gradient(*case.x)[1]
    assert 0 < abs(left).max() < 1e-14
    assert check(case.f, *case.x, gradient=case.gradient).verdict == "PASS"

    def off(*x: Any) -> Any:
        rows = case.gradient(*x)
        return rows + 1e-9 if place == 0 else (rows[0], rows[1] + 1e-9)

    report = check(case.f, *case.x, gradient=off)
    assert {entry.verdict for entry in report.entries if entry.input == place} == {"WRONG"}


def test_a_slope_that_far_steps_make_of_rounding_is_none() -> None:
    rng = np.random.default_rng(1014)
    case, _ = of_the_keys(rng, int(rng.integers(3, 12)), int(rng.integers(2, 5)))
    x = case.x[0] * 10 ** rng.uniform(-3, 2)
    assert check(case.f, x, gradient=case.gradient).verdict == "PASS"


def test_nodes_before_a_normalisation_pass() -> None:
    def f(x: list[Any]) -> Any:
        moved = [a + 3.0 for a in x]
        mean = sum(moved) / len(x)
        width = mg.sqrt(sum((a - mean) ** 2 for a in moved) / len(x) + 1e-5)
        return sum(k * ((a - mean) / width) ** 2 for k, a in enumerate(moved))

    assert check(f, [0.5, 1.0, -2.0, 0.7], nodes=True).verdict == "PASS"


def test_what_rounding_leaves_of_a_bias_of_the_keys_is_never_wrong() -> None:
    for seed in (*range(20), 107, 151):
        rng = np.random.default_rng(seed)
        keys, query, values, bias = (rng.normal(size=s) for s in ((5, 3), 3, 5, 3))

        def shares(b: np.ndarray, k: np.ndarray = keys, q: np.ndarray = query) -> Any:
            scores = (k + b) @ q
            return np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()

        def gradient(b: np.ndarray, q: np.ndarray = query, v: np.ndarray = values) -> Any:
            p = shares(b)
            return (p * (v - (p * v).sum())).sum() * q

        report = check(lambda b, v=values: (shares(b) * v).sum(), bias, gradient=gradient)
        assert report.verdict != "WRONG", seed


@pytest.mark.parametrize("gradient", [1e-300, -6e-17, 3e-15])
def test_a_steady_gradient_is_no_rounding(gradient: float) -> None:
    assert check(lambda _: 1.0, 3.0, gradient=lambda _: gradient).verdict == "INCONCLUSIVE"
    assert check(lambda _: 1.0, 3.0, gradient=lambda _: 1e-12 + gradient).verdict == "WRONG"


@pytest.mark.parametrize(("size", "verdict"), [(1e-12, "PASS"), (1e-9, "WRONG")])
def test_rounding_is_tiny_beside_f_over_the_length_of_the_input(size: float, verdict: str) -> None:
    report = check(lambda _: 1000.0, 1e6, gradient=lambda x: size * math.sin(1e12 * x))
    assert report.verdict == verdict


def test_the_slopes_at_a_kink_are_no_steps_that_hide_those_of_another_input() -> None:
    report = check(
        lambda x, _: 5 + abs(x),
        *(0.0, 3.0),
        gradient=lambda _, y: (0.5, 1e-12 * math.sin(1e12 * y)),
    )
    assert [entry.verdict for entry in report.entries] == ["KINK", "PASS"]


def test_what_is_wrong_here_alone_is_no_rounding() -> None:
    def gradient(x: float) -> float:
        return 5.0 if x == 2 else 2 * (x - 2)

    assert check(lambda x: (x - 2) ** 2 + 1, 2.0, gradient=gradient).verdict == "WRONG"


JUMPS = {
    "square": (lambda x: x[0] ** 2, [0.0]),
    "smooth length": (lambda x: math.sqrt(x[0] ** 2 + 1e-6), [0.0]),
    "beside another": (lambda x: x[0] ** 2 + x[1] ** 2, [0.0, 0.0]),
    "beside a slope": (lambda x: x[0] ** 2 + x[1], [0.0, 2.0]),
}


@pytest.mark.parametrize("size", [1e6, 1.0, 1e-3])
@pytest.mark.parametrize(("f", "x"), JUMPS.values(), ids=JUMPS)
def test_a_gradient_that_jumps_is_no_rounding(f: Any, x: list[float], size: float) -> None:
    def gradient(x: list[float]) -> list[float]:
        return [size if x[0] >= 0 else -size, *(5.0 for _ in x[1:])]

    report = check(f, x, gradient=gradient)
    assert {str(entry.verdict) for entry in report.entries} == {"WRONG"}


def test_the_derivative_of_an_operation_that_jumps_is_no_rounding() -> None:
    square = mg.operation("jumping", value="a**2", derivatives=["1.0 if a >= 0 else -1.0"])
    assert check(square, 0.0).verdict == "WRONG"


def test_a_gradient_that_fails_next_to_the_inputs_is_judged_by_itself() -> None:
    def gradient(x: float) -> float:
        if x != 2:
            raise RuntimeError("only here")
        return 1e-3

    assert check(lambda x: (x - 2) ** 2 + 1, 2.0, gradient=gradient).verdict == "WRONG"


@pytest.mark.parametrize("rng", range(4))
def test_rounding_of_f_hides_what_is_smaller(rng: int) -> None:
    # Differences over 1e10 times x bound the slope, but f may well have waves between.
    size = 1462436.8427789449
    right = check(
        lambda x: size + 0.86 * math.ulp(size) * math.sin(x),
        5.803203757500176,
        gradient=lambda x: 0.86 * math.ulp(size) * math.cos(x),
        rng=rng,
    )
    assert right.verdict == "INCONCLUSIVE"


def test_the_constant_of_a_saturated_model_hides_a_wrong_gradient() -> None:
    inputs, targets = [[12.0, 30.0], [25.0, 14.0]], [0.0, 1.0]

    def f(w: Any) -> Any:
        pairs = zip(inputs, targets, strict=True)
        return sum((mg.sigmoid(a * w[0] + b * w[1]) - t) ** 2 for (a, b), t in pairs)

    def wrong(w: Any) -> list[float]:
        slopes = mg.grad(f)(w)
        return [-slopes[0], -7 * slopes[1]]

    assert check(f, [-8.0, -12.0], gradient=wrong).verdict == "INCONCLUSIVE"


@pytest.mark.parametrize(
    ("gradient", "verdict"), [(-1 - 0.9e-6, "KINK"), (0.3, "KINK"), (1 + 1.1e-6, "WRONG")]
)
def test_the_power_of_a_check_at_a_kink_is_that_beyond_its_slopes(
    gradient: float, verdict: str
) -> None:
    report = check(abs, 0.0, gradient=lambda _: gradient)
    assert report.verdict == verdict
    assert report.power == pytest.approx(1e-6)
    assert ("at a kink beyond" in str(report)) == (verdict == "KINK")


# Right gradients at hard points

FAR = 1e6 + 0.3
RIGHT = {
    "sin far from 0": Case(math.sin, 1e6, math.cos),
    "at an offset": Case(lambda x: math.sin(x - 1e6), FAR, lambda x: math.cos(x - 1e6)),
    "at an offset, scale": Case(
        lambda x: math.sin(x - 1e9), 1e9 + 0.25, lambda x: math.cos(x - 1e9), options={"scale": 1.0}
    ),
    "fast": Case(lambda x: math.sin(1e6 * x), 1.0, lambda x: 1e6 * math.cos(1e6 * x)),
    "scale too large": Case(math.sin, 1.0, math.cos, options={"scale": 1e6}),
    "scale too small": Case(math.sin, 1.0, math.cos, options={"scale": 1e-9}),
    "next to a pole": Case(lambda x: 1 / x, 1e-12, lambda x: -1 / x**2),
    "next to the end of asin": Case(math.asin, 1 - 1e-9, lambda x: 1 / math.sqrt(1 - x * x)),
    "next to 0, sqrt": Case(math.sqrt, 1e-20, lambda x: 0.5 / math.sqrt(x)),
    "large": Case(lambda x: 1e300 * math.sin(x), 1.0, lambda x: 1e300 * math.cos(x)),
    "small": Case(lambda x: 1e-300 * math.sin(x), 1.0, lambda x: 1e-300 * math.cos(x)),
    "exp at 700": Case(math.exp, 700.0, math.exp),
    "smallest x": Case(lambda x: 3 * x, 5e-320, lambda _: 3.0),
    "constant": Case(lambda _: 3.0, 1.0, lambda _: 0.0),
    "between steps": Case(math.floor, 2.5, lambda _: 0.0),
    "zero beside a tiny entry": Case(
        lambda x: x[0] * x[1] ** 2, [0.0, 1e-9], lambda x: [x[1] ** 2, 0.0]
    ),
    "zero beside a huge entry": Case(
        lambda x: math.sin(x[0]) + x[1] * 1e-9, [0.0, 1e9], lambda x: [math.cos(x[0]), 1e-9]
    ),
    "joined smoothly": Case(lambda x: 0.5 * x * x if x < 1 else x - 0.5, 1.0, lambda _: 1.0),
    "bent at 0": Case(lambda x: x * abs(x), 0.0, lambda _: 0.0),
    "unsigned zero": Case(lambda x: x**3 + x, -0.0, lambda _: 1.0),
}


@pytest.mark.parametrize("case", RIGHT.values(), ids=RIGHT)
def test_a_right_gradient_passes_at_a_hard_point(case: Case) -> None:
    report = case.check()
    assert report.verdict == "PASS", str(report)
    assert report.power <= 1e-4


@pytest.mark.parametrize("case", RIGHT.values(), ids=RIGHT)
def test_a_slightly_wrong_one_does_not(case: Case) -> None:
    right = case.gradient

    def wrong(x: Any) -> Any:
        given = right(x)
        return [1.001 * g for g in given] if isinstance(given, list) else 1.001 * given

    if np.any(np.asarray(right(case.x))):
        report = check(case.f, case.x, gradient=wrong, **case.options)
        assert report.verdict == "WRONG", str(report)


@pytest.mark.parametrize("x", [-740.0, -744.0])
def test_numbers_below_the_normal_range_are_no_fault(x: float) -> None:
    assert check(mg.exp, x).verdict in {"NOISY", "INCONCLUSIVE"}


def test_a_pole_next_to_x_is_no_fault() -> None:
    for distance in (1e-4, 1e-6, 1e-7, -1e-5):
        assert check(mg.tan, math.pi / 2 - distance).verdict != "WRONG", distance


# Arguments of all kinds


def sum_of_squares(x: Any) -> Any:
    return np.sum(np.square(x))


def twice(x: Any) -> Any:
    return 2 * np.asarray(x)


READ_ONLY = np.array([1.0, 2.0])
READ_ONLY.flags.writeable = False


class Pair(NamedTuple):
    a: float
    b: float


@pytest.mark.parametrize(
    "x",
    [
        np.array([1, 2, 3]),
        np.array([True, False]),
        np.array(3.0),
        np.array(3),
        np.float32(3),
        np.int64(3),
        np.ones(3, np.float32),
        np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]),
        np.arange(6.0)[::2],
        READ_ONLY,
        np.array([1.0, 2.0], dtype=object),
        [[1.0, 2.0], [3.0, 4.0]],
        [(1.0, 2.0), (3, 4)],
        Pair(1.0, 2.0),
        3,
        True,
        np.ones((2, 1, 3)),
    ],
    ids=repr,
)
def test_inputs_of_every_kind_are_taken(x: Any) -> None:
    report = check(sum_of_squares, x, gradient=twice)
    assert report.verdict == "PASS", str(report)
    assert not check(sum_of_squares, x, gradient=lambda x: -twice(x))
    assert [entry.gradient for entry in report.entries] == list(np.ravel(twice(x)))


def test_order_in_memory_does_not_mix_entries_up() -> None:
    weights = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    x = np.asfortranarray(np.arange(1.0, 7.0).reshape(2, 3))
    report = check(lambda x: float((x**2 * weights).sum()), x, gradient=lambda x: 2 * x * weights)
    assert report
    assert report.entries[1].index == (0, 1)
    assert report.entries[1].gradient == 2 * 2 * 2


def test_f_and_the_gradient_never_get_the_callers_own_array() -> None:
    given = np.ones(3)
    seen = []

    def f(x: np.ndarray) -> float:
        seen.append(x)
        return float((x**2).sum())

    def gradient(x: np.ndarray) -> np.ndarray:
        seen.append(x)
        return 2 * x

    assert check(f, given, gradient=gradient)
    assert all(not np.shares_memory(given, x) for x in seen)
    assert (given == 1).all()


WRONG_ARGUMENTS = {
    "x is empty": Case(sum_of_squares, [], twice, cause="ValueError: .* empty"),
    "x is an empty array": Case(sum_of_squares, np.zeros(0), twice, cause="ValueError: .* empty"),
    "x is nan": Case(sum_of_squares, [1.0, math.nan], twice, cause=r"ValueError: x\[1\] is nan"),
    "x is inf": Case(sum_of_squares, math.inf, twice, cause="ValueError: x is inf"),
    "x is complex": Case(sum_of_squares, 1j, twice, cause="TypeError: .* 1j of type complex"),
    "x is a text": Case(sum_of_squares, "1", twice, cause="TypeError: .* '1' of type str"),
    "x is None": Case(sum_of_squares, None, twice, cause="TypeError: .* NoneType"),
    "f returns None": Case(lambda _: None, 1.0, twice, cause="TypeError: .* NoneType"),
    "f returns a text": Case(lambda _: "1", 1.0, twice, cause="TypeError: .* '1'"),
    "f returns complex": Case(lambda x: x + 1j, 1.0, twice, cause="TypeError: .* complex"),
    "f returns nothing": Case(lambda _: [], 1.0, twice, cause="ValueError: .* empty"),
    "f is no function": Case(3, 1.0, twice, cause="TypeError: .* got 3"),
    "f fails": Case(lambda x: {}[x], 1.0, twice, cause="KeyError: 1.0"),
    "rtol is 0": Case(sum, 1.0, twice, cause="ValueError: rtol", options={"rtol": 0}),
    "rtol is 1": Case(sum, 1.0, twice, cause="ValueError: rtol", options={"rtol": 1}),
    "rtol is above 1": Case(sum, 1.0, twice, cause="ValueError: rtol", options={"rtol": 1.5}),
    "rtol is a text": Case(sum, 1.0, twice, cause="TypeError: rtol", options={"rtol": "a"}),
    "order 3": Case(sum, 1.0, twice, cause="ValueError: order is 1", options={"order": 3}),
    "scale is negative": Case(sum, 1.0, twice, cause="ValueError: scale", options={"scale": -1}),
    "scale is 0": Case(sum, 1.0, twice, cause="ValueError: scale", options={"scale": 0.0}),
    "scale is a text": Case(sum, 1.0, twice, cause="TypeError: scale", options={"scale": "a"}),
    "scale is True": Case(sum, 1.0, twice, cause="TypeError: scale", options={"scale": True}),
    "order is True": Case(sum, 1.0, twice, cause="TypeError: order", options={"order": True}),
    "order is 2.0": Case(sum, 1.0, twice, cause="TypeError: order", options={"order": 2.0}),
    "order is 0": Case(sum, 1.0, twice, cause="ValueError: order", options={"order": 0}),
    "order is 3": Case(sum, 1.0, twice, cause="ValueError: order is 1", options={"order": 3}),
    "scale is inf": Case(sum, 1.0, twice, cause="ValueError: scale", options={"scale": math.inf}),
    "WRONG accepted": Case(
        sum, 1.0, twice, cause="ValueError: .* got WRONG", options={"accept": "WRONG"}
    ),
    "no such source": Case(sum, 1.0, "bakprop", cause="ValueError: .*did you mean 'backprop'"),
    "no such reference": Case(
        sum_of_squares, 1.0, twice, cause="ValueError: .*'no'", options={"reference": "no"}
    ),
    "reference of a wrong shape": Case(
        sum_of_squares,
        1.0,
        twice,
        cause="ValueError: the reference is no gradient",
        options={"reference": lambda x: [x]},
    ),
}


@pytest.mark.parametrize("case", WRONG_ARGUMENTS.values(), ids=WRONG_ARGUMENTS)
def test_wrong_arguments_are_an_error_that_says_so(case: Case) -> None:
    name, message = case.cause.split(": ", 1)
    with pytest.raises(
        {"KeyError": KeyError, "TypeError": TypeError}.get(name, ValueError), match=message
    ):
        case.check()


def test_no_input_is_an_error() -> None:
    with pytest.raises(TypeError, match="at least one input"):
        mg.gradcheck(lambda: 0.0)


def in_place(x: np.ndarray) -> float:
    x *= 2
    return float(x.sum())


def sorted_in_place(x: list[float]) -> float:
    x.sort()
    return x[0]


MISFITS = {
    "wrong shape, a column": Case(
        sum_of_squares, np.ones(3), lambda _: np.ones((3, 1)), cause=Cause.WRONG_SHAPE
    ),
    "wrong shape, flat": Case(
        sum_of_squares, np.ones((2, 3)), lambda x: twice(x).ravel(), cause=Cause.WRONG_SHAPE
    ),
    "wrong shape, transposed": Case(
        sum_of_squares,
        np.ones((2, 3)),
        lambda x: twice(x).T,
        cause=f"{Cause.WRONG_SHAPE}.*transposed",
    ),
    "wrong shape, larger": Case(
        sum_of_squares,
        np.ones((2, 3)),
        lambda _: np.ones((3, 3)),
        cause=rf"{Cause.WRONG_SHAPE}.* has shape \(3, 3\), expected shape \(2, 3\)$",
    ),
    "wrong shape, too few": Case(
        sum_of_squares, [1.0, 2.0], lambda _: [1.0], cause=Cause.WRONG_SHAPE
    ),
    "wrong shape, an array for a number": Case(
        sum_of_squares, 1.0, lambda _: np.ones(1), cause=Cause.WRONG_SHAPE
    ),
    "wrong shape, one for two inputs": Case(
        lambda x, y: x * y, Several((1.0, 2.0)), lambda _x, y: y, cause=Cause.WRONG_SHAPE
    ),
    "wrong shape, three for two inputs": Case(
        lambda x, y: x * y,
        Several((1.0, 2.0)),
        lambda x, y: (y, x, 0.0),
        cause=f"{Cause.WRONG_SHAPE}: f has 2 inputs",
    ),
    "None": Case(sum_of_squares, np.ones(3), lambda _: None, cause=Cause.NONE),
    "None for both": Case(
        lambda x, y: x * y, Several((1.0, 2.0)), lambda _x, _y: None, cause=Cause.NONE
    ),
    "None for one of two inputs": Case(
        lambda x, y: x * y, Several((1.0, 2.0)), lambda _x, y: (y, None), cause=Cause.NONE
    ),
    "a text": Case(sum_of_squares, 1.0, lambda _: "2", cause=Cause.WRONG_TYPE),
    "complex": Case(sum_of_squares, 1.0, lambda _: 2 + 0j, cause=Cause.WRONG_TYPE),
    "nan": Case(sum_of_squares, 1.0, lambda _: math.nan, cause=Cause.NOT_FINITE),
    "inf": Case(sum_of_squares, 1.0, lambda _: math.inf, cause=Cause.NOT_FINITE),
    "f works in place": Case(
        in_place, np.ones(3), lambda _: np.full(3, 2.0), cause=Cause.MUTATED_BY_F
    ),
    "f sorts in place": Case(
        sorted_in_place, [2.0, 1.0], lambda _: [0.0, 1.0], cause=Cause.MUTATED_BY_F
    ),
    "the gradient works in place": Case(
        sum_of_squares, np.ones(3), lambda x: x.__imul__(2), cause=Cause.MUTATED_BY_THE_GRADIENT
    ),
    "swapped entries": Case(
        lambda x: x[0] * x[1] ** 2,
        [2.0, 3.0],
        lambda x: [2 * x[0] * x[1], x[1] ** 2],
        cause=Cause.ENTRIES_SWAPPED,
    ),
    "swapped inputs": Case(
        lambda x, y: (x * y).sum(),
        Several((np.array([1.0, 2]), np.array([3.0, 4]))),
        lambda x, y: (x, y),
        cause=Cause.ENTRIES_SWAPPED,
    ),
    "one sign for all": Case(
        sum_of_squares, [1.0, 2.0, 3.0], lambda x: -twice(x), cause=Cause.SIGN_FLIPPED
    ),
    "one factor for all": Case(
        sum_of_squares, [1.0, 2.0], lambda x: 20 * twice(x), cause=f"{Cause.CONSTANT_FACTOR} of 20"
    ),
    "all zero": Case(sum_of_squares, [1.0, 2.0, 3.0], np.zeros_like, cause=Cause.ALWAYS_ZERO),
    "one use is missing": Case(
        lambda x: mg.sin(x) * x + mg.exp(x), 0.7, math.exp, cause=Cause.USE_NOT_ACCUMULATED
    ),
}


@pytest.mark.parametrize("case", MISFITS.values(), ids=MISFITS)
def test_what_is_no_gradient_of_f_is_wrong_and_says_why(case: Case) -> None:
    report = case.check()
    assert report.verdict == "WRONG", str(report)
    with pytest.raises(AssertionError, match=case.cause):
        raise AssertionError(report.cause)
    assert len(str(report).splitlines()[0]) <= 41


# Several inputs and outputs, second order, references


def test_several_inputs_and_outputs_in_reading_order() -> None:
    def f(x: np.ndarray, y: float) -> np.ndarray:
        return np.array([x[0] * y, x[1], x[0]])

    def jacobian(x: np.ndarray, y: float) -> tuple[Any, Any]:
        return np.array([[y, 0], [0, 1], [1, 0]]), np.array([x[0], 0, 0])

    report = check(f, np.array([2.0, 3.0]), 5.0, gradient=jacobian)
    assert report
    assert [(e.output, e.input, e.index) for e in report.entries[:4]] == [
        ((0,), 0, (0,)),
        ((0,), 0, (1,)),
        ((0,), 1, ()),
        ((1,), 0, (0,)),
    ]
    assert report.entries[2].name == "df[0]/dy"


def test_a_matrix_of_outputs() -> None:
    def jacobian(x: np.ndarray) -> np.ndarray:
        one = np.eye(2)
        return np.einsum("ik,j->ijk", one, x) + np.einsum("i,jk->ijk", x, one)

    x = np.array([2.0, 3.0])
    assert check(lambda x: np.outer(x, x), x, gradient=jacobian)
    assert not check(lambda x: np.outer(x, x), x, gradient=lambda x: jacobian(x) * 1.01)
    assert check(lambda x: [x[0] * x[1], x[1]], [2.0, 3.0], gradient="forward-mode")
    assert check(lambda x: [x[0] * x[1], x[1]], [2.0, 3.0], gradient="backprop")


@pytest.mark.parametrize("kind", [list, np.array])
def test_the_hessian_of_one_input(kind: Any) -> None:
    def f(x: Any) -> Any:
        return x[0] * x[1] ** 2

    assert check(f, kind([2.0, 3.0]), order=2)
    assert check(
        f, kind([2.0, 3.0]), order=2, gradient=lambda x: [[0, 2 * x[1]], [2 * x[1], 2 * x[0]]]
    )
    wrong = check(
        f, kind([2.0, 3.0]), order=2, gradient=lambda x: [[0, 2 * x[1]], [2 * x[1], 3 * x[0]]]
    )
    assert [e.index + e.output for e in wrong.entries if e.verdict is mg.Verdict.WRONG] == [(1, 1)]


def test_the_hessian_of_several_inputs_is_a_tuple_of_tuples() -> None:
    def f(x: Any, y: Any) -> Any:
        return x[0] * y[0] ** 2 + x[1]

    def blocks(x: np.ndarray, y: np.ndarray) -> Any:
        across = np.array([[2 * y[0]], [0.0]])
        return (np.zeros((2, 2)), across), (across.T, np.array([[2 * x[0]]]))

    x, y = np.array([2.0, 1.0]), np.array([3.0])
    assert check(f, x, y, order=2)
    assert check(f, x, y, order=2, gradient=blocks)
    assert check(f, x, y, order=2, gradient=mg.hessian(f))
    assert not check(f, x, y, order=2, gradient=lambda *at: tuple(zip(*blocks(*at), strict=True)))
    numbers = check(
        lambda x, y: x * y**2,
        *(2.0, 3.0),
        order=2,
        gradient=lambda x, y: ((0.0, 2 * y), (2 * y, 2 * x)),
    )
    assert numbers.verdict == "PASS"


@pytest.mark.parametrize(
    ("hessian", "cause"),
    [
        (None, Cause.NONE),
        ((1.0, 2.0), Cause.WRONG_SHAPE),
        (((1.0,), (1.0, 2.0)), Cause.WRONG_SHAPE),
        (((1.0, 2.0, 3.0),) * 2, Cause.WRONG_SHAPE),
        ((None, None), Cause.NONE),
    ],
)
def test_what_is_no_hessian_of_several_inputs_is_wrong_and_says_why(
    hessian: Any, cause: Cause
) -> None:
    report = check(lambda x, y: x * y**2, 2.0, 3.0, order=2, gradient=lambda x, y: hessian)
    assert report.verdict == "WRONG"
    assert report.cause.startswith(cause)


def test_no_complex_step_goes_through_a_gradient() -> None:
    with pytest.raises(ValueError, match="no complex step can be taken; choose another source"):
        check(lambda x: x**3, 2.0, order=2, gradient="complex-step")


def test_a_function_that_refuses_another_point_is_checked_at_the_given_one() -> None:
    def f(x: np.ndarray) -> np.ndarray:
        assert 0.95 <= x[0] <= 1.05, "outside of the table"
        return np.array([x[0] * x[1]] * 2)

    report = check(f, np.ones(2), gradient=lambda x: np.array([x[::-1]] * 2))
    assert (report.verdict, report.notes) == ("PASS", [])


def test_a_function_that_cannot_be_recorded_has_no_hessian_to_check() -> None:
    for f in (math.sin, lambda x: float(x) ** 3):
        with pytest.raises(TypeError, match="order=2 differentiates f itself"):
            mg.gradcheck(f, 2.0, order=2, gradient=lambda x: x)


def test_a_symmetric_jacobian_is_checked_at_another_point_and_only_one() -> None:
    calls = []

    def gradient(x: np.ndarray) -> np.ndarray:
        calls.append(tuple(x))
        return 2 * x

    def hessian(_: np.ndarray) -> np.ndarray:
        return 2 * np.eye(3) + np.ones((3, 3)) * 0

    report = check(lambda x: gradient(x) + x.sum(), np.ones(3), gradient=lambda x: hessian(x) + 1)
    assert report
    assert len(calls) < 200


@pytest.mark.parametrize("at", [0.0, 2.0])
def test_the_other_point_of_a_symmetric_jacobian_is_near_by_on_either_side(at: float) -> None:
    asked = []

    def gradient(x: np.ndarray) -> np.ndarray:
        asked.append(x - at)
        return np.eye(3) * x.sum() + (1 + x)[:, None]

    for seed in range(8):
        report = check(lambda x: (1 + x) * x.sum(), np.full(3, at), gradient=gradient, rng=seed)
        assert report.passed
        assert not any("symmetric" in note for note in report.notes)
    size = 0.1 * (at or 1.0)
    assert -size <= np.min(asked) < -0.8 * size
    assert 0.8 * size < np.max(asked) <= size


def test_a_symmetric_jacobian_may_hold_zeros() -> None:
    report = check(
        lambda x: [x[1] ** 2, 2 * x[0], x[2]],
        [3.0, 1.0, 4.0],
        gradient=lambda x: [[0, 2, 0], [2 * x[1], 0, 0], [0, 0, 1]],
    )
    assert report.cause.startswith(Cause.JACOBIAN_TRANSPOSED)


@pytest.mark.parametrize(
    "jacobian",
    [
        *(1e-6 * A, A, 1e6 * A),
        np.array([[1.0, 1, 1], [1, 1, 2], [1, 3, 1]]),
        *(np.ones((2, 3)), np.ones((3, 2)), np.eye(2), np.ones((1, 1))),
    ],
    ids=str,
)
def test_a_jacobian_whose_transpose_is_another_is_checked_at_one_point(jacobian: Any) -> None:
    asked = []

    def gradient(x: np.ndarray) -> np.ndarray:
        asked.append(x)
        return jacobian

    x = np.arange(1.0, 1 + jacobian.shape[1])
    assert check(lambda x: jacobian @ x, x, gradient=gradient)
    assert all((point == x).all() for point in asked)


SOURCES = [
    *("central-difference", "forward-mode", "backprop", "complex-step"),
    *("forward-difference", "backward-difference"),
]


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_can_be_the_reference_and_the_gradient(source: str) -> None:
    def f(x: Any) -> Any:
        return mg.sin(x[0]) * x[1] + x[1] ** 3

    def right(x: Any) -> Any:
        return [math.cos(x[0]) * x[1], math.sin(x[0]) + 3 * x[1] ** 2]

    x = [1.0, 2.0]
    assert check(f, x, gradient=source)
    assert check(f, x, gradient=right, reference=source)
    assert (
        check(f, x, gradient=lambda x: [2 * right(x)[0], right(x)[1]], reference=source).verdict
        == "WRONG"
    )


@pytest.mark.parametrize("name", ["a", "backprop_of_mine", "z"])
def test_a_source_of_the_users_own_is_asked_for_each_output(name: str) -> None:
    class Source:
        def value_and_gradient(self, f: Callable[..., Any], *inputs: Any) -> tuple[float, Any]:
            value, gradient = mg.value_and_grad(f)(*inputs)
            return value, 3 * gradient

    source = Source()
    source.name = name  # type: ignore[attr-defined]
    report = check(lambda x: [mg.sin(x), x * x], 2.0, gradient=source)
    assert [entry.gradient for entry in report.entries] == [3 * math.cos(2.0), 12.0]


def test_backprop_takes_one_call_for_all_outputs() -> None:
    recorded = []

    def f(x: Any) -> Any:
        recorded.append(isinstance(x[0], Value))
        return [x[0] * k for k in range(9)]

    assert check(f, [2.0])
    assert sum(recorded) == 1


def test_a_reference_of_the_users_own() -> None:
    assert check(sum_of_squares, 3.0, gradient=twice, reference=lambda x: 2 * x)
    assert not check(sum_of_squares, 3.0, gradient=twice, reference=lambda x: 3 * x)


def test_callables_of_every_kind() -> None:
    class Model:
        def __call__(self, x: float) -> float:
            return x * x

        def gradient(self, x: float) -> float:
            return 2 * x

    assert check(Model(), 3.0, gradient=Model().gradient)
    assert check(functools.partial(lambda a, x: a * x, 2.0), 3.0, gradient=lambda _: 2.0)
    assert check(lambda *x: x[0] * x[1], 2.0, 3.0, gradient=lambda *x: (x[1], x[0]))


# Hand-written gradients


X = np.random.default_rng(0).normal(size=(20, 4))
CLASSES = np.random.default_rng(1).integers(0, 3, 20)


def probabilities(weights: np.ndarray) -> np.ndarray:
    scores = X @ weights
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def cross_entropy(weights: np.ndarray) -> float:
    return float(-np.log(probabilities(weights)[np.arange(20), CLASSES]).mean())


def cross_entropy_gradient(weights: np.ndarray) -> np.ndarray:
    return X.T @ (probabilities(weights) - np.eye(3)[CLASSES]) / 20


SOFTMAX_FAULTS = {
    "sum for mean": lambda w: cross_entropy_gradient(w) * 20,
    "no target": lambda w: X.T @ probabilities(w) / 20,
    "sign": lambda w: -cross_entropy_gradient(w),
    "one class off": lambda w: np.roll(cross_entropy_gradient(w), 1, axis=1),
    "a penalty too much": lambda w: cross_entropy_gradient(w) + 1e-5 * w,
}


@pytest.mark.parametrize(
    "weights", [np.zeros((4, 3)), np.random.default_rng(2).normal(size=(4, 3))]
)
def test_softmax_regression(weights: np.ndarray) -> None:
    assert check(cross_entropy, weights, gradient=cross_entropy_gradient)
    for name, gradient in SOFTMAX_FAULTS.items():
        if name != "a penalty too much" or weights.any():
            assert check(cross_entropy, weights, gradient=gradient).verdict == "WRONG", name


def test_rosenbrock_of_scipy() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    x = np.array([1.3, 0.7, 0.8, 1.9, 1.2])
    assert check(optimize.rosen, x, gradient=optimize.rosen_der)
    assert check(optimize.rosen_der, x, gradient=optimize.rosen_hess)
    assert check(optimize.rosen, x, gradient=optimize.rosen_hess, order=2)
    assert check(optimize.rosen, np.ones(5), gradient=optimize.rosen_der)
    for position in range(5):
        e = np.eye(5)[position]
        assert not check(
            optimize.rosen, x, gradient=lambda x, e=e: optimize.rosen_der(x) * (1 + 1e-4 * e)
        )


# The report


def test_what_fails_raises_and_the_error_travels() -> None:
    with pytest.raises(GradcheckError, match=r"WRONG df/dx: 3\.00000, not 6\.00000") as caught:
        mg.gradcheck(lambda x: x * x, 3.0, gradient=lambda x: x)
    assert isinstance(caught.value, AssertionError)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value)
    assert copy.report.to_dict() == caught.value.report.to_dict()


@pytest.mark.parametrize("case", [*TRAPS.values(), *RIGHT.values(), *MISFITS.values()])
def test_a_report_keeps_its_size_whatever_it_says(case: Case) -> None:
    lines = str(case.check()).splitlines()
    assert len(lines) <= 15
    assert all(len(line) <= 72 for line in lines)
    assert len(lines[0]) <= 41


def test_the_same_seed_gives_the_same_report() -> None:
    first, second = (TRAPS["12 a network"].check() for _ in range(2))
    assert first.to_dict() == second.to_dict()


def test_resolution_is_what_would_have_been_seen() -> None:
    def entry(gradient: float) -> Entry:
        return check(math.sin, 1.0, gradient=lambda _: gradient).entries[0]

    right = entry(math.cos(1.0))
    assert right.verdict == "PASS"
    assert entry(right.gradient + 1.01 * right.resolution).verdict == "WRONG"
    assert entry(right.gradient + 0.4 * right.resolution).verdict == "PASS"
    assert right.power == pytest.approx(right.resolution / abs(right.reference))


def test_a_power_that_turns_complex_is_no_value() -> None:
    report = gradcheck(lambda x: x**1.5, 0.0, gradient=lambda x: 0.0, raise_on_failure=False)
    assert (report.verdict, report.cause) == (Verdict.EDGE, "f is undefined on its left")


def test_several_outputs_that_are_undefined_here_are_an_edge_and_no_wrong_shape() -> None:
    report = gradcheck(
        lambda x: [math.sqrt(x), x], -1.0, gradient=lambda x: [0.0, 1.0], raise_on_failure=False
    )
    assert report.verdict is Verdict.EDGE
    assert report.cause.startswith("f is undefined here")


def test_a_wrong_interior_node_is_the_verdict_though_the_inputs_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from microgradcheck.gradcheck import nodes

    estimate_nodes = nodes.estimate_nodes
    monkeypatch.setattr(
        nodes,
        "estimate_nodes",
        lambda root, rtol: [(n, 2 * adjoint, e) for n, adjoint, e in estimate_nodes(root, rtol)],
    )
    report = gradcheck(lambda x: mg.exp(x * x), 1.0, nodes=True, raise_on_failure=False)
    assert [entry.verdict for entry in report.entries] == [Verdict.PASS]
    assert (report.passed, report.verdict) == (False, Verdict.WRONG)
    assert str(report).startswith("WRONG df/d(multiply #0): ")


def test_a_term_is_told_from_a_factor_where_the_input_is_zero() -> None:
    def cost(w: float) -> float:
        return (w - 5) ** 2

    term = mg.gradcheck(cost, 0.0, gradient=lambda w: 2 * w - 9.5, raise_on_failure=False)
    assert term.cause.startswith("off by a term: too large by 0.5")
    factor = mg.gradcheck(cost, 0.0, gradient=lambda w: 1.9 * (w - 5), raise_on_failure=False)
    assert factor.cause == "off by a constant factor of 0.95"


def test_a_factor_that_entries_share_at_one_point_alone_is_not_constant() -> None:
    def slope_of_tanh(x: float, y: float) -> tuple[float, float]:
        wrong = 1 - (x * y) ** 2  # of the input, and not of the output
        return y * wrong, x * wrong

    report = mg.gradcheck(
        lambda x, y: math.tanh(x * y), 0.7, 2.0, gradient=slope_of_tanh, raise_on_failure=False
    )
    assert "constant factor" not in str(report)
    assert report.cause.startswith("no known pattern")


def test_nodes_of_rules_in_python_are_replayed() -> None:
    cube = mg.operation(
        "cube_in_python", value=lambda a: a**3, derivatives=[lambda a, y: 3 * a * a]
    )
    report = mg.gradcheck(lambda x: mg.sin(cube(x * 1.5)), 0.4, nodes=True)
    assert [node.verdict for node in report.nodes] == ["PASS", "PASS"]


@pytest.mark.parametrize("large", [0.0, 1e6])
def test_a_wrong_node_is_explained_where_the_gradient_passes_too(large: float) -> None:
    bad = mg.operation("bad", value="a**3", derivatives=["3 * a**2 * 1.0001"])
    report = mg.gradcheck(
        lambda x: bad(x * 2.0) * 1.5 + x * large, 1.0, nodes=True, raise_on_failure=False
    )
    assert report.entries[0].verdict == ("PASS" if large else "WRONG")
    (node,) = (node for node in report.nodes if node.verdict == "WRONG")
    cause = f"{Cause.OPERATION}: the derivative of bad with respect to a"
    assert (node.cause, report.cause) == (cause, cause)
    assert [fault.name for fault in report.operations] == ["bad"]
    assert not report.passed


def test_a_node_next_to_an_overflow_on_the_way_is_an_edge() -> None:
    # tanh makes a finite number out of the infinity above 709.78, where f itself is undefined.
    at_the_border = math.log(1.797e308)
    report = mg.gradcheck(
        lambda x: mg.tanh(mg.exp(x + 1.0) * 1e-308),
        at_the_border - 1.0,
        nodes=True,
        raise_on_failure=False,
    )
    sums = [node for node in report.nodes if "add" in node.name]
    assert len(sums) == 1
    assert report.passed
    assert sums[0].verdict == report.entries[0].verdict == "PASS"
    assert sums[0].error_bound < 1e-3 * abs(sums[0].reference)


def test_every_node_of_a_long_graph_is_replayed_with_many_nudges_at_once() -> None:
    def f(x: Any) -> Any:
        y = x
        for k in range(1, 151):
            y = y * 1.01 + mg.sin(x * k) / k
        return y

    report = mg.gradcheck(f, 0.5, nodes=True)
    assert len(report.nodes) == 749
    assert all(node.verdict == "PASS" for node in report.nodes)


def test_inputs_of_several_kinds_are_made_anew_for_each_step() -> None:
    seen: list[tuple[Any, ...]] = []

    def f(weights: Any, bias: Any, scale: float, rest: list[float]) -> float:
        seen.append((weights.dtype, weights.shape, bias.dtype, type(scale), type(rest)))
        value = float((weights * scale).sum() + bias[0] ** 2 + rest[0] * rest[1])
        rest[0] = bias[0] = weights[0, 0] = math.nan
        return value

    inputs = (np.arange(6.0).reshape(2, 3), np.array([3]), 2.0, [4, 5])
    report = check(f, *inputs, gradient="central-difference")
    assert {entry.cause for entry in report.entries} == {report.cause}
    assert report.cause.startswith(Cause.MUTATED_BY_F)
    assert [entry.reference for entry in report.entries] == pytest.approx(
        [2.0] * 6 + [6.0, 15.0, 5.0, 4.0]
    )
    kinds = (np.dtype(float), (2, 3), np.dtype(float), float, list)
    assert set(seen) == {kinds}


def test_a_small_number_beside_rounding_is_judged_by_itself() -> None:
    # Of one argument: a derivative of 0 whose terms cancel, and one that is as small and right.
    def f(x: Any) -> Any:
        return ((x[0] + 0.1) - (x[0] + 0.1)) + 1e-16 * mg.sin(x[1])

    def gradient(x: Any) -> list[float]:
        third = (x[0] + 1.0) / 3
        return [(third + third + third) - (x[0] + 1.0), 1e-16 * math.cos(x[1])]

    report = check(f, [0.7, 0.4], gradient=gradient)
    assert report.entries[1].verdict == "PASS"


def test_a_gradient_that_is_noise_and_large_beside_f_does_not_pass() -> None:
    def gradient(x: float) -> float:
        return 1e-3 * random.Random(float(x).hex()).uniform(0.5, 1)

    assert check(lambda _: 1.0, 3.0, gradient=gradient).verdict != "PASS"
    assert check(lambda _: 1.0, 3.0, gradient=lambda x: 1e-12 * gradient(x)).verdict == "PASS"


@pytest.mark.parametrize("x", [1e-6, 1e6])
def test_a_wrong_gradient_of_a_steep_function_is_no_rounding(x: float) -> None:
    # Next to x, the right one changes by 1e-4 of what is wrong.
    size = 1 / x**2

    def gradient(a: float) -> float:
        return 2 * size * (a - x) + 1e-6 * size * x

    assert check(lambda a: size * (a - x) ** 2 + 1, x, gradient=gradient).verdict == "WRONG"


def test_a_small_gradient_is_large_where_its_input_is() -> None:
    assert check(lambda _: 1.0, 1e5, gradient=lambda _: 6e-17).verdict == "WRONG"
    assert check(lambda _: 1.0, 1e5, gradient=lambda _: 0.0).verdict == "PASS"


def test_noise_of_a_gradient_is_large_where_its_input_is() -> None:
    def gradient(x: float) -> float:
        return 1e-8 * random.Random(float(x).hex()).uniform(0.5, 1)

    assert check(lambda _: 1.0, 1e6, gradient=gradient).verdict != "PASS"


@pytest.mark.parametrize(
    "f",
    [
        lambda x: math.sqrt((x[0] ** 2 + x[1] ** 2) / 2 - ((x[0] + x[1]) / 2) ** 2),
        lambda x: math.sqrt(x[0] ** 2 + x[1] ** 2 - 2 * x[0] * x[1]),
    ],
    ids=["deviation", "distance"],
)
def test_a_root_of_what_rounding_makes_negative_is_a_kink(f: Any) -> None:
    assert check(f, [1.1, 1.1], gradient=lambda _: [0.0, 0.0]).verdict == "KINK"
    assert check(f, [1.1, 1.1], gradient=lambda _: [0.3, -0.3]).verdict == "KINK"
    assert check(f, [1.1, 1.1], gradient=lambda _: [0.3, 0.3]).cause.startswith(Cause.TIE)
    assert check(f, [1.1, 1.1], gradient=lambda _: [2.0, -2.0]).verdict == "WRONG"
