"""Derivatives of plain functions by arithmetic alone, and how far they can be trusted."""

from __future__ import annotations

from microgradcheck.numeric.differences import derivative, gradient, hessian, jacobian

__all__ = ["derivative", "gradient", "hessian", "jacobian"]
