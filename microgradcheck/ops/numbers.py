"""Floats, complex numbers and arrays: what each name of the table means over them."""

from __future__ import annotations

import cmath
import math
from functools import cache
from typing import Final

from microgradcheck.ops.systems import NumberSystem

__all__ = ["COMPLEX", "FLOATS", "arrays"]


def _power(a: float, b: float) -> float:
    """Python's power, without its step into the complex numbers at `(-8.0) ** (1 / 3)`."""
    if math.isnan(a) or math.isnan(b):
        return a + b  # Python gives 1.0 for nan ** 0 and 1 ** nan, and so hides the nan.
    return math.pow(a, b) if a != 0 else a**b


def _real(a: complex) -> float:
    return a.real


def _complex_absolute(a: complex) -> complex:
    # The modulus has no complex derivative; this is |x| continued from the real line.
    return -a if a.real < 0 else a


def _complex_power(a: complex, b: complex) -> complex:
    a, b = complex(a), complex(b)
    if a == 0 or cmath.isnan(a) or cmath.isnan(b):
        return complex(_power(a.real, b.real))
    if a.real < 0 and b.imag == 0 and b.real % 1 == 0:
        # Far from the negative axis, where a large multiple of its angle would be inexact.
        return (-a) ** b * (-1) ** b.real
    return a**b


def _complex_log1p(a: complex) -> complex:
    if abs(a) > 0.5:
        return cmath.log(1 + a)
    modulus = a.real * (2 + a.real) + a.imag * a.imag
    return complex(math.log1p(modulus) / 2, math.atan2(a.imag, 1 + a.real))


def _complex_expm1(a: complex) -> complex:
    real = math.expm1(a.real) * math.cos(a.imag) - 2 * math.sin(a.imag / 2) ** 2
    return complex(real, math.exp(a.real) * math.sin(a.imag))


def _complex_atan2(a: complex, b: complex) -> complex:
    if a == b == 0 or cmath.isnan(a) or cmath.isnan(b):
        return complex(math.atan2(a.real, b.real))
    if abs(b.real) >= abs(a.real):
        turn = 0.0 if b.real > 0 else math.copysign(math.pi, a.real)
        return cmath.atan(a / b) + turn
    return math.copysign(math.pi / 2, a.real) - cmath.atan(b / a)


def _complex_hypot(a: complex, b: complex) -> complex:
    scale = max(abs(a), abs(b)) or 1.0
    return scale * cmath.sqrt((a / scale) ** 2 + (b / scale) ** 2)


_CIRCULAR_AND_HYPERBOLIC = (
    *("sin", "cos", "tan", "asin", "acos", "atan"),
    *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
)

FLOATS: Final = NumberSystem(
    {
        **{name: getattr(math, name) for name in ("exp", "log", "sqrt", *_CIRCULAR_AND_HYPERBOLIC)},
        **{name: getattr(math, name) for name in ("log1p", "expm1", "atan2", "erf", "hypot")},
        "power": _power,
        "abs": abs,
    },
    "floats",
)
"""Python's floats, with the functions of `math`."""

COMPLEX: Final = NumberSystem(
    {
        **{n: getattr(cmath, n) for n in ("exp", "log", "sqrt", *_CIRCULAR_AND_HYPERBOLIC)},
        "log1p": _complex_log1p,
        "expm1": _complex_expm1,
        "atan2": _complex_atan2,
        "hypot": _complex_hypot,
        "power": _complex_power,
        "abs": _complex_absolute,
        "real": _real,
    },
    "complex numbers",
)
"""Python's complex numbers: each function continued from the real line, as a complex step needs."""


@cache
def arrays() -> NumberSystem:
    """Return the number system of NumPy arrays of floats, importing NumPy when first called."""
    import numpy as np

    elementwise_erf = np.frompyfunc(math.erf, 1, 1)  # NumPy itself has none.
    return NumberSystem(
        {
            **{n: getattr(np, n) for n in ("exp", "log", "sqrt", *_CIRCULAR_AND_HYPERBOLIC)},
            **{n: getattr(np, n) for n in ("log1p", "expm1", "atan2", "hypot", "abs", "where")},
            "power": lambda a, b: np.where(np.isnan(a) | np.isnan(b), a + b, np.power(a, b)),
            "erf": lambda a: np.asarray(elementwise_erf(a), dtype=float),
        },
        "arrays",
    )
