"""Gradients as people write them by hand, right, and with the mistakes that are usual there."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import microgradcheck as mg
from microgradcheck.gradcheck import Report
from microgradcheck.gradcheck.entry import Cause

DRAW = np.random.default_rng(0)


def check(f: Callable[..., Any], *inputs: Any, **options: Any) -> Report:
    return mg.gradcheck(f, *inputs, **{"raise_on_failure": False, **options})


class Work(NamedTuple):
    """A function, its inputs, its gradient, and gradients that are wrong for a known cause."""

    f: Callable[..., Any]
    inputs: tuple[Any, ...]
    right: Callable[..., Any]
    wrong: dict[str, tuple[Callable[..., Any], Cause]]


# A layer norm, summed up with weights

GAIN, WEIGHTS = DRAW.normal(size=5), DRAW.normal(size=(3, 5))


def standardised(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    spread = np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return (x - x.mean(-1, keepdims=True)) / spread, spread


def layer_norm(x: np.ndarray) -> float:
    return float((standardised(x)[0] * GAIN * WEIGHTS).sum())


def layer_norm_gradient(x: np.ndarray, through_spread: float = 1.0) -> np.ndarray:
    h, spread = standardised(x)
    d = GAIN * WEIGHTS
    mean = (d * h).mean(-1, keepdims=True)
    return (d - d.mean(-1, keepdims=True) - through_spread * h * mean) / spread


# Attention

KEYS, VALUES, TARGET = (DRAW.normal(size=shape) for shape in ((4, 3), (4, 2), (2, 2)))


def attended(queries: np.ndarray) -> np.ndarray:
    scores = np.exp(queries @ KEYS.T / math.sqrt(3))
    return scores / scores.sum(-1, keepdims=True)


def attention(queries: np.ndarray) -> float:
    return float((attended(queries) @ VALUES * TARGET).sum())


def attention_gradient(queries: np.ndarray) -> np.ndarray:
    p, d = attended(queries), TARGET @ VALUES.T
    return p * (d - (p * d).sum(-1, keepdims=True)) @ KEYS / math.sqrt(3)


def attention_with_a_diagonal_softmax(queries: np.ndarray) -> np.ndarray:
    p, d = attended(queries), TARGET @ VALUES.T
    return p * (1 - p) * d @ KEYS / math.sqrt(3)


# A logistic regression with a penalty

X = DRAW.normal(size=(30, 3))
CLASS = (DRAW.random(30) > 0.5).astype(float)


def penalised(b: np.ndarray) -> float:
    scores = X @ b
    return float((np.logaddexp(0, scores) - CLASS * scores).mean() + 0.05 * b @ b)


def penalised_gradient(b: np.ndarray, penalty: float = 0.1) -> np.ndarray:
    return X.T @ (1 / (1 + np.exp(-X @ b)) - CLASS) / 30 + penalty * b


# Energy and forces of three atoms


def energy(r: np.ndarray) -> float:
    lengths = [np.linalg.norm(r[i] - r[j]) for i in range(3) for j in range(i)]
    return float(sum(4 * (d**-12 - d**-6) for d in lengths))


def forces(r: np.ndarray, both: bool = True) -> np.ndarray:
    total = np.zeros_like(r)
    for i in range(3):
        for j in range(3) if both else range(i):
            if i != j:
                d = np.linalg.norm(r[i] - r[j])
                total[i] += 4 * (12 * d**-13 - 6 * d**-7) * (r[i] - r[j]) / d
    return total


# Matrices

MATRIX = DRAW.normal(size=(3, 3)) + 3 * np.eye(3)
FACTOR = DRAW.normal(size=(3, 3))


def trace_of_inverse(a: np.ndarray) -> float:
    return float(np.trace(np.linalg.inv(a) @ FACTOR))


def trace_of_inverse_gradient(a: np.ndarray) -> np.ndarray:
    inverse = np.linalg.inv(a)
    return -(inverse @ FACTOR @ inverse).T


# Jacobians


def reach(q: np.ndarray) -> np.ndarray:
    return np.array(
        [np.cos(q[0]) + 0.7 * np.cos(q[0] + q[1]), np.sin(q[0]) + 0.7 * np.sin(q[0] + q[1])]
    )


def reach_jacobian(q: np.ndarray) -> np.ndarray:
    x, y = reach(q)
    return np.array([[-y, np.sin(q[0]) - y], [x, x - np.cos(q[0])]])


def unit(q: np.ndarray) -> np.ndarray:
    return q / np.linalg.norm(q)


def unit_jacobian(q: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(q)
    return np.eye(4) / length - np.outer(q, q) / length**3


SIGNAL = DRAW.normal(size=8)


def filtered(kernel: np.ndarray) -> float:
    return float((np.convolve(SIGNAL, kernel, "valid") ** 2).sum())


def filtered_gradient(kernel: np.ndarray) -> np.ndarray:
    found = np.convolve(SIGNAL, kernel, "valid")
    return 2 * np.array([(found * SIGNAL[3 - j : 8 - j]).sum() for j in range(4)])


WORKS = {
    "layer norm": Work(
        layer_norm,
        (DRAW.normal(size=(3, 5)),),
        layer_norm_gradient,
        {"spread held fixed": (lambda x: layer_norm_gradient(x, 0.0), Cause.NO_PATTERN)},
    ),
    "attention": Work(
        attention,
        (DRAW.normal(size=(2, 3)),),
        attention_gradient,
        {
            "unscaled": (lambda q: attention_gradient(q) * math.sqrt(3), Cause.CONSTANT_FACTOR),
            "diagonal softmax": (attention_with_a_diagonal_softmax, Cause.NO_PATTERN),
        },
    ),
    "logistic regression": Work(
        penalised,
        (np.array([0.1, 0.2, -0.3]),),
        penalised_gradient,
        {
            "no penalty": (lambda b: penalised_gradient(b, 0.0), Cause.TERM),
            "half a penalty": (lambda b: penalised_gradient(b, 0.05), Cause.TERM),
            "a penalty on the bias": (
                lambda b: penalised_gradient(b) + 0.1 * b * (np.arange(3) == 0),
                Cause.TERM,
            ),
            "no targets": (lambda b: penalised_gradient(b) + X.T @ CLASS / 30, Cause.TERM),
            "a constant too much": (lambda b: penalised_gradient(b) + 1e-3, Cause.TERM),
            "sum for mean": (lambda b: 30 * penalised_gradient(b), Cause.CONSTANT_FACTOR),
            "uphill": (lambda b: -penalised_gradient(b), Cause.SIGN_FLIPPED),
        },
    ),
    "cross entropy of scores": Work(
        lambda z: float(-z[1] + np.log(np.exp(z).sum())),
        (np.array([1.0, 2.0, 3.0]),),
        lambda z: np.exp(z) / np.exp(z).sum() - [0, 1, 0],
        {"no target": (lambda z: np.exp(z) / np.exp(z).sum(), Cause.TERM)},
    ),
    "forces": Work(
        energy,
        (np.array([[0, 0, 0], [1.1, 0, 0.1], [0.3, 1.2, 0.0]]),),
        lambda r: -forces(r),
        {
            "the force itself": (forces, Cause.SIGN_FLIPPED),
            "each pair once": (lambda r: -forces(r, both=False), Cause.ALWAYS_ZERO),
        },
    ),
    "log det": Work(
        lambda a: float(np.linalg.slogdet(a)[1]),
        (MATRIX,),
        lambda a: np.linalg.inv(a).T,
        {"no transpose": (np.linalg.inv, Cause.GRADIENT_TRANSPOSED)},
    ),
    "trace of an inverse": Work(
        trace_of_inverse,
        (MATRIX,),
        trace_of_inverse_gradient,
        {
            "no transpose": (lambda a: trace_of_inverse_gradient(a).T, Cause.GRADIENT_TRANSPOSED),
            "no minus": (lambda a: -trace_of_inverse_gradient(a), Cause.SIGN_FLIPPED),
        },
    ),
    "a product of two matrices": Work(
        lambda a, b: float((a @ b).sum()),
        (MATRIX, FACTOR),
        lambda a, b: (np.tile(b.sum(1), (3, 1)), np.tile(a.sum(0)[:, None], (1, 3))),
        {
            "no transposes": (
                lambda a, b: (np.tile(b.sum(1)[:, None], (1, 3)), np.tile(a.sum(0), (3, 1))),
                Cause.GRADIENT_TRANSPOSED,
            )
        },
    ),
    "a robot's arm": Work(
        reach,
        (np.array([0.3, 0.8]),),
        reach_jacobian,
        {
            "transposed": (lambda q: reach_jacobian(q).T, Cause.JACOBIAN_TRANSPOSED),
            "rows swapped": (lambda q: reach_jacobian(q)[::-1], Cause.ENTRIES_SWAPPED),
        },
    ),
    "a unit quaternion": Work(
        unit,
        (np.array([0.9, 0.1, -0.3, 0.2]),),
        unit_jacobian,
        {"length held fixed": (lambda q: np.eye(4) / np.linalg.norm(q), Cause.ALWAYS_ZERO)},
    ),
    "a convolution": Work(
        filtered,
        (DRAW.normal(size=4),),
        filtered_gradient,
        {
            "kernel flipped": (lambda k: filtered_gradient(k)[::-1], Cause.ENTRIES_SWAPPED),
            "off by one": (lambda k: np.roll(filtered_gradient(k), 1), Cause.ENTRIES_SWAPPED),
        },
    ),
}


@pytest.mark.parametrize("work", WORKS.values(), ids=WORKS)
def test_a_right_gradient_passes(work: Work) -> None:
    report = check(work.f, *work.inputs, gradient=work.right)
    assert report.verdict == "PASS", str(report)


@pytest.mark.parametrize(
    ("work", "mistake"),
    [(work, mistake) for work in WORKS for mistake in WORKS[work].wrong],
)
def test_a_usual_mistake_gets_its_cause(work: str, mistake: str) -> None:
    f, inputs, _, wrong = WORKS[work]
    gradient, cause = wrong[mistake]
    report = check(f, *inputs, gradient=gradient)
    assert report.verdict == "WRONG"
    assert Cause.of(report.cause) is cause, str(report)
    # The cause is that of the entry that the first line names.
    first = next(e for e in report.entries if f" {e.name}: " in str(report).splitlines()[0])
    assert first.cause == report.cause


def test_how_much_of_a_term_is_missing_is_said() -> None:
    gradient, _ = WORKS["logistic regression"].wrong["no penalty"]
    report = check(penalised, *WORKS["logistic regression"].inputs, gradient=gradient)
    assert "too small by 0.1 times the input" in report.cause


def test_a_term_is_no_cause_where_a_factor_explains_as_much() -> None:
    def gradient(x: list[float]) -> list[float]:
        return [4 * x[0], 2 * x[1], 4 * x[2]]  # too large by twice the input, too

    report = check(lambda x: sum(v * v for v in x), [1.0, 2.0, 5.0], gradient=gradient)
    assert report.cause.startswith(f"{Cause.CONSTANT_FACTOR} of 2")


def test_zero_at_these_inputs_is_not_called_always_zero() -> None:
    def masked(x: np.ndarray) -> np.ndarray:
        return 2 * x if x[0] != 1.0 else np.zeros(2)

    report = check(lambda x: (x**2).sum(), np.array([1.0, 2.0]), gradient=masked)
    assert report.cause == Cause.ZERO_HERE


def test_evidence_that_cannot_be_had_does_not_end_the_check() -> None:
    def only_here(x: float) -> float:
        if x != 1.3:
            raise KeyError(x)
        return 4.0

    report = check(lambda x: x**3, 1.3, gradient=only_here)
    assert report.cause.startswith(f"maybe {Cause.FACTOR}")


def test_an_f_that_cannot_stand_values_is_reported_all_the_same() -> None:
    class NotMineError(Exception):
        pass

    def f(x: Any) -> float:
        if not isinstance(x, float):
            raise NotMineError
        return x**3

    assert check(f, 1.3, gradient=lambda x: -3 * x**2).cause == Cause.SIGN_FLIPPED
