"""Derivatives of plain functions by arithmetic alone, and how far they can be trusted."""

from __future__ import annotations

from microgradcheck.numeric.differences import derivative, gradient, hessian, jacobian
from microgradcheck.numeric.estimates import estimate
from microgradcheck.numeric.findings import Estimate

__all__ = ["Estimate", "derivative", "estimate", "gradient", "hessian", "jacobian"]
