"""Random smooth functions at all scales, whose derivatives are known to 30 digits."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any, Final

import mpmath

import microgradcheck as mg

__all__ = ["Claimed", "RandomFunction"]

# For floats and `Value`s, for mpmath's numbers, and the derivative by input and output.
_SMOOTH: Final[dict[str, tuple[Callable[[Any], Any], Any, Any]]] = {
    "sin": (mg.sin, mpmath.sin, lambda v, _: mpmath.cos(v)),
    "cos": (mg.cos, mpmath.cos, lambda v, _: -mpmath.sin(v)),
    "tanh": (mg.tanh, mpmath.tanh, lambda _, y: 1 - y * y),
    "atan": (mg.atan, mpmath.atan, lambda v, _: 1 / (1 + v * v)),
    "asinh": (mg.asinh, mpmath.asinh, lambda v, _: 1 / mpmath.sqrt(1 + v * v)),
    "exp": (mg.exp, mpmath.exp, lambda _, y: y),
    "sigmoid": (mg.sigmoid, lambda v: 1 / (1 + mpmath.exp(-v)), lambda _, y: y * (1 - y)),
    "softplus": (
        mg.softplus,
        lambda v: mpmath.log(1 + mpmath.exp(v)),
        lambda v, _: 1 / (1 + mpmath.exp(-v)),
    ),
    "square": (lambda v: v * v, lambda v: v * v, lambda v, _: 2 * v),
    "bell": (
        lambda v: v / (1 + v * v),
        lambda v: v / (1 + v * v),
        lambda v, _: (1 - v * v) / (1 + v * v) ** 2,
    ),
    "log of square": (
        lambda v: mg.log1p(v * v),
        lambda v: mpmath.log(1 + v * v),
        lambda v, _: 2 * v / (1 + v * v),
    ),
}
_ARITHMETIC: Final = ("+", "-", "*")


class RandomFunction:
    """A smooth function of one to six numbers, and a point.

    Each input has a length of its own over which the function changes, between 1e-12 and 1e12;
    so has the value. The point lies within a few such lengths of zero, or at an offset of 1e3 or
    1e6 of them.

    Args:
        seed: a function and a point for each.
        scaled: whether to draw lengths, sizes and offsets, or leave all at 1 and 0.

    Attributes:
        x: the point.
        lengths: the length over which each input changes the function.
        offset: how many of its lengths each input is away from where the function changes.
    """

    def __init__(self, seed: int, *, scaled: bool = True) -> None:
        rng = random.Random(seed)
        count = rng.randint(1, 6)
        self.lengths = [10 ** rng.uniform(-12, 12) for _ in range(count)]
        self.offset = rng.choice((0.0, 0.0, 0.0, 0.0, 1e3, 1e6))
        self._size = 10 ** rng.uniform(-12, 12)
        if not scaled:
            self.lengths, self.offset, self._size = [1.0] * count, 0.0, 1.0
        self.x = [(rng.gauss(0, 1) + self.offset) * length for length in self.lengths]
        self._constant = rng.choice((0.0, 0.0, 1.0, 100.0))
        self._steps: list[tuple[str, int, int]] = []
        for made in range(count, count + rng.randint(3, 20)):
            name = rng.choice(list(_SMOOTH) if rng.random() < 0.45 else _ARITHMETIC)
            self._steps.append((name, rng.randrange(made), rng.randrange(made)))

    def __call__(self, x: Sequence[Any]) -> Any:
        """Return the value in floating point, or as a `Value`; nan where that overflows."""
        v = self._in_lengths(x)
        try:
            for name, i, j in self._steps:
                v.append(
                    _combine(name, v[i], v[j]) if name in _ARITHMETIC else _SMOOTH[name][0](v[i])
                )
        except OverflowError:
            return math.nan
        return self._size * (v[-1] + v[-2] + v[-3] + self._constant)

    def gradient(self) -> list[float]:
        """Return the derivatives at the point, right to the last digit or two."""
        # What floating point makes of the offset is part of the function, not an error in it.
        start = [mpmath.mpf(v) for v in self._in_lengths(self.x)]
        return [self._partial(k, list(start)) for k in range(len(self.x))]

    def _in_lengths(self, x: Sequence[Any]) -> list[Any]:
        return [a / length - self.offset for a, length in zip(x, self.lengths, strict=True)]

    def _partial(self, k: int, v: list[Any]) -> float:
        with mpmath.workdps(30):
            d = [mpmath.mpf(i == k) / self.lengths[k] for i in range(len(v))]
            for name, i, j in self._steps:
                if name == "*":
                    d.append(d[i] * v[j] + v[i] * d[j])
                    v.append(v[i] * v[j])
                elif name in _ARITHMETIC:
                    d.append(_combine(name, d[i], d[j]))
                    v.append(_combine(name, v[i], v[j]))
                else:
                    _, value, derivative = _SMOOTH[name]
                    v.append(value(v[i]))
                    d.append(derivative(v[i], v[-1]) * d[i])
            return float(self._size * (d[-1] + d[-2] + d[-3]))


def _combine(name: str, a: Any, b: Any) -> Any:
    return a + b if name == "+" else a - b if name == "-" else a * b


class Claimed:
    """A gradient, right or wrong, that says that it comes from backpropagation."""

    name = "backprop"

    def __init__(self, gradient: list[float]) -> None:
        self._gradient = gradient

    def value_and_gradient(self, f: Callable[..., float], *inputs: Any) -> tuple[float, Any]:
        return f(*inputs), self._gradient
