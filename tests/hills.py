"""Functions to descend."""

from __future__ import annotations

from typing import Any


def parabola(w: Any) -> Any:
    return (w - 5) ** 2


def bowl(p: Any) -> Any:
    return p[0] ** 2 + p[1] ** 2


def rosenbrock(p: Any) -> Any:
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2
