"""Learning-rate schedules: plain functions of the number of steps taken so far.

Any function from 0, 1, 2, ... to a learning rate is a schedule; these make the usual ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from microgradcheck.optimize.arguments import real, whole
from microgradcheck.structure import number

__all__ = ["LearningRate", "Schedule", "cosine", "exponential", "linear"]

Schedule = Callable[[int], float]


def linear(start: float, end: float, steps: int) -> Schedule:
    """Return a schedule that goes in a straight line from one learning rate to another.

    Args:
        start: the learning rate of the first step, not negative.
        end: the learning rate after `steps` steps and from there on, not negative.
        steps: how many steps it takes, at least 1.

    Raises:
        TypeError, ValueError: an argument is no such number.

    Example:
        >>> rate = linear(1.0, 0.5, steps=2)
        >>> rate(0), rate(1), rate(2), rate(3)
        (1.0, 0.75, 0.5, 0.5)
    """
    first, last, count = _check(start, end, steps)

    def rate(step: int) -> float:
        return first + (last - first) * min(step / count, 1.0)

    return _named(rate, f"learning rate linear from {first:g} to {last:g}")


def cosine(start: float, end: float, steps: int) -> Schedule:
    """Return a schedule that goes from one learning rate to another along half a cosine wave.

    Args:
        start: the learning rate of the first step, not negative.
        end: the learning rate after `steps` steps and from there on, not negative.
        steps: how many steps it takes, at least 1.

    Raises:
        TypeError, ValueError: an argument is no such number.

    Source: Loshchilov and Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, ICLR
    (2017), equation 5.

    Example:
        >>> rate = cosine(1.0, 0.0, steps=3)
        >>> [round(rate(step), 2) for step in range(5)]
        [1.0, 0.75, 0.25, 0.0, 0.0]
    """
    first, last, count = _check(start, end, steps)

    def rate(step: int) -> float:
        return last + (first - last) * (1 + math.cos(math.pi * min(step / count, 1.0))) / 2

    return _named(rate, f"learning rate cosine from {first:g} to {last:g}")


def exponential(start: float, factor: float, *, every: int = 1) -> Schedule:
    """Return a schedule that multiplies the learning rate by a factor after every few steps.

    Args:
        start: the learning rate of the first step, not negative.
        factor: between 0 and 1.
        every: how many steps have the same learning rate, at least 1.

    Raises:
        TypeError, ValueError: an argument is no such number.

    Example:
        >>> rate = exponential(1.0, 0.5, every=2)
        >>> [rate(step) for step in range(5)]
        [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    first, ratio = real("start", start, least=0), real("factor", factor, above=0, below=1)
    count = whole("every", every, least=1)

    def rate(step: int) -> float:
        return float(first * ratio ** (step // count))

    return _named(rate, f"learning rate {first:g} times {ratio:g} every {count}")


class LearningRate:
    """A number or a schedule as a function of the steps taken that checks what it returns.

    Args:
        given: a positive number, or a schedule.

    Attributes:
        name: how tables and pictures call it.
        constant: the number; None for a schedule.

    Raises:
        TypeError, ValueError: it is neither.

    Example:
        >>> LearningRate(0.1)(7)
        0.1
    """

    def __init__(self, given: Any) -> None:
        self.given, self.constant = given, number(given)
        if callable(given) and self.constant is None:
            self.name = getattr(given, "__name__", type(given).__name__)
            self.name = "learning rate by a schedule" if self.name == "<lambda>" else self.name
            return
        advice = "; f is minimized along minus its gradient" if (self.constant or 0) < 0 else ""
        if self.constant is None or not 0 < self.constant < math.inf:
            kind = TypeError if self.constant is None else ValueError
            raise kind(
                "learning_rate is a positive number, such as 0.1, or a function from the number "
                f"of steps taken to one; got {given!r}{advice}"
            )
        self.name = f"learning rate {self.constant:g}"

    def __call__(self, step: int) -> float:
        """Return the learning rate after this many steps."""
        if self.constant is not None:
            return self.constant
        return real(f"learning_rate({step})", self.given(step), least=0)


def _check(start: object, end: object, steps: object) -> tuple[float, float, int]:
    return real("start", start, least=0), real("end", end, least=0), whole("steps", steps, least=1)


def _named(schedule: Schedule, name: str) -> Schedule:
    schedule.__name__ = schedule.__qualname__ = name
    return schedule
