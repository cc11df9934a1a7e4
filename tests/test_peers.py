"""Gradients that others wrote by hand pass as they are, and fail when they are broken.

SciPy's own are in `test_gradcheck`; the packages here are the optional group `peers`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradcheck as mg

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3))
Gradient = Callable[[np.ndarray], np.ndarray]


def breaks(gradient: Gradient, size: int) -> dict[str, Gradient]:
    """Return the gradient, broken in the ways in which such gradients break."""
    last = np.eye(size)[-1]
    return {
        "sign": lambda x: -gradient(x),
        "mean for sum": lambda x: gradient(x) / len(X),
        "factor 1.0001": lambda x: gradient(x) * 1.0001,
        "one entry's sign": lambda x: gradient(x) * (1 - 2 * last),
        "one entry forgotten": lambda x: gradient(x) * (1 - last),
        "entries turned": lambda x: np.roll(gradient(x), 1),
        "at another point": lambda x: gradient(x * 1.001),
    }


def assert_right_and_breakable(
    f: Callable[[np.ndarray], Any], x: np.ndarray, gradient: Gradient
) -> None:
    report = mg.gradcheck(f, x, gradient=gradient)
    assert report.verdict == "PASS"
    for name, broken in breaks(gradient, len(x)).items():
        report = mg.gradcheck(f, x, gradient=broken, raise_on_failure=False)
        assert report.verdict == "WRONG", name


# statsmodels: the score is the gradient of the log-likelihood, the Hessian that of the score.

MODELS = {
    "Logit": (RNG.random(30) > 0.5).astype(float),
    "Probit": (RNG.random(30) > 0.5).astype(float),
    "Poisson": RNG.poisson(2.0, 30).astype(float),
    "NegativeBinomial": RNG.poisson(2.0, 30).astype(float),
}


@pytest.mark.parametrize("name", MODELS)
def test_scores_of_statsmodels(name: str) -> None:
    discrete = pytest.importorskip(
        "statsmodels.discrete.discrete_model", reason="needs the optional group `peers`"
    )
    model = getattr(discrete, name)(MODELS[name], X)
    x = np.array([0.3, -0.5, 0.8, 0.6][: 4 if name == "NegativeBinomial" else 3])
    assert_right_and_breakable(model.loglike, x, model.score)
    if name != "NegativeBinomial":
        report = mg.gradcheck(model.score, x, gradient=model.hessian)
        assert report.verdict == "PASS"


# scikit-learn: losses of single predictions, and of a linear model as its solver calls them.

LOSSES = {
    "HalfSquaredError": RNG.normal(size=8),
    "HalfPoissonLoss": RNG.poisson(3.0, 8).astype(float),
    "HalfGammaLoss": RNG.gamma(2.0, size=8),
    "HalfTweedieLoss": RNG.gamma(2.0, size=8),
    "HalfBinomialLoss": RNG.integers(0, 2, 8).astype(float),
    "HuberLoss": RNG.normal(size=8),
    "PinballLoss": RNG.normal(size=8),
    "AbsoluteError": RNG.normal(size=8),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_scikit_learn(name: str) -> None:
    losses = pytest.importorskip("sklearn._loss.loss", reason="needs the optional group `peers`")
    loss, target = getattr(losses, name)(), LOSSES[name]
    raw = np.linspace(-1.1, 1.3, 8)

    def total(raw: np.ndarray) -> float:
        return float(loss.loss(y_true=target, raw_prediction=raw).sum())

    def gradient(raw: np.ndarray) -> np.ndarray:
        return loss.gradient(y_true=target, raw_prediction=raw)

    assert mg.gradcheck(total, raw, gradient=gradient).verdict == "PASS"
    for fault, broken in breaks(gradient, 8).items():
        # Losses of constant slopes have the same gradient at another point.
        if not np.allclose(broken(raw), gradient(raw), rtol=1e-5, atol=0):
            report = mg.gradcheck(total, raw, gradient=broken, raise_on_failure=False)
            assert report.verdict == "WRONG", fault


@pytest.mark.parametrize("penalty", [0.0, 0.3])
def test_the_loss_of_a_linear_model_of_scikit_learn(penalty: float) -> None:
    reason = "needs the optional group `peers`"
    losses = pytest.importorskip("sklearn._loss.loss", reason=reason)
    linear = pytest.importorskip("sklearn.linear_model._linear_loss", reason=reason)
    target = RNG.integers(0, 3, 30).astype(float)
    model = linear.LinearModelLoss(losses.HalfMultinomialLoss(n_classes=3), fit_intercept=True)
    weights = np.asfortranarray(RNG.normal(size=(3, 4)))

    def loss(flat: np.ndarray) -> float:
        return float(model.loss(flat.reshape(3, 4, order="F"), X, target, l2_reg_strength=penalty))

    def gradient(flat: np.ndarray) -> np.ndarray:
        shaped = flat.reshape(3, 4, order="F")
        return model.gradient(shaped, X, target, l2_reg_strength=penalty).ravel(order="F")

    assert_right_and_breakable(loss, weights.ravel(order="F"), gradient)
