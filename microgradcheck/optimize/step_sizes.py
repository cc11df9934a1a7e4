"""How far to go: schedules of learning rates by the number of steps taken, and a search."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microgradcheck.structure import number, real, whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]
    Rise = Callable[[Vector], float]


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
    return _between(start, end, steps, "linear", lambda part: part)


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
    return _between(start, end, steps, "cosine", lambda part: (1 - math.cos(math.pi * part)) / 2)


def _between(
    start: object, end: object, steps: object, shape: str, way: Callable[[float], float]
) -> Schedule:
    first, last = real("start", start, least=0), real("end", end, least=0)
    count = whole("steps", steps, least=1)

    def rate(step: int) -> float:
        return first + (last - first) * way(min(step / count, 1.0))

    return _named(rate, f"learning rate {shape} from {first:g} to {last:g}")


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


def _named(schedule: Schedule, name: str) -> Schedule:
    schedule.__name__ = schedule.__qualname__ = name
    return schedule


def as_schedule(learning_rate: Any) -> Schedule:
    """Return a number or a schedule as a schedule that checks its rates, and is named in words."""
    constant = number(learning_rate)
    if constant is None and callable(learning_rate):
        name = getattr(learning_rate, "__name__", type(learning_rate).__name__)
        return _named(
            lambda step: real(f"learning_rate({step})", learning_rate(step), least=0),
            "learning rate by a schedule" if name == "<lambda>" else name,
        )
    if constant is None or not 0 < constant < math.inf:
        raise (TypeError if constant is None else ValueError)(
            "learning_rate is a positive number, such as 0.1, or a function from the number of "
            f"steps taken to one; got {learning_rate!r}, and steps go along minus the gradient"
        )
    return _named(lambda step: constant, f"learning rate {constant:g}")


class NoDescentError(ArithmeticError):
    """A rule found no step that lowers f."""


@dataclass
class LineSearch:
    """Gradient descent that halves a step until f falls enough: f(x − t g) ≤ f(x) − c t |g|².

    The first t of every step is the learning rate.

    Args:
        sufficient: c, the part of the promised fall that must come true, between 0 and 1.
        shrink: what t is multiplied by until it does, between 0 and 1.

    Raises:
        TypeError, ValueError: an argument is no such number.

    Limits: f is called once more for every t that is tried.

    Source: Armijo, Minimization of functions having Lipschitz continuous first partial
    derivatives, Pacific J. Math. 16 (1966); Nocedal and Wright, Numerical Optimization, 2nd ed.
    (2006), algorithm 3.1.

    Example:
        >>> import numpy as np
        >>> x, g = 3.0, np.array([6.0])
        >>> LineSearch().change(g, 1.0, rise=lambda change: (x + change[0]) ** 2 - x**2)
        array([-3.])
    """

    sufficient: float = 1e-4
    shrink: float = 0.5
    name = "line-search"
    learning_rate = 1.0

    def __post_init__(self) -> None:
        real("sufficient", self.sufficient, above=0, below=1)
        real("shrink", self.shrink, above=0, below=1)

    def change(self, gradient: Vector, learning_rate: float, rise: Rise) -> Vector:
        """Return −t g with the first t that lowers f enough."""
        t = learning_rate
        while True:
            change = -t * gradient
            risen = rise(change)
            if risen <= self.sufficient * float(change @ gradient):  # Not where it is nan.
                return change
            t *= self.shrink
            # Where the gradient is huge, a smaller step may still move x.
            if t == 0 or (not abs(risen) > 0 and t <= learning_rate * 1e-20):
                raise NoDescentError(
                    "no step along the negative gradient lowers f: it is as low here as rounding "
                    "allows, or gradcheck finds the gradient wrong"
                )
