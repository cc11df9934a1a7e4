"""Descent: follow the gradient of a function, from any source of gradients, to a minimum."""

from __future__ import annotations

from microgradcheck.optimize.comparison import Comparison, Run, compare_descents, distinct_names
from microgradcheck.optimize.descent import Descent, Status, Step
from microgradcheck.optimize.loop import minimize
from microgradcheck.optimize.rules import (
    Adam,
    GradientDescent,
    Momentum,
    Nesterov,
    RMSProp,
    UpdateRule,
)
from microgradcheck.optimize.step_sizes import LineSearch, cosine, exponential, linear

__all__ = [
    "Adam",
    "Comparison",
    "Descent",
    "GradientDescent",
    "LineSearch",
    "Momentum",
    "Nesterov",
    "RMSProp",
    "Run",
    "Status",
    "Step",
    "UpdateRule",
    "compare_descents",
    "cosine",
    "distinct_names",
    "exponential",
    "linear",
    "minimize",
]
