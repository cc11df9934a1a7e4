"""An update rule that tries how far to go, and goes on only where f falls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from microgradcheck.optimize.arguments import real

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

__all__ = ["LineSearch", "NoDescentError"]

_SMALLEST_STEP: Final = 1e-20  # relative to the learning rate


class NoDescentError(ArithmeticError):
    """A rule found no step that lowers f."""


@dataclass
class LineSearch:
    """Gradient descent that halves a step until f falls enough: f(x − t g) ≤ f(x) − c t |g|².

    The first t of every step is the learning rate.

    Args:
        sufficient: c, the part of the fall that the gradient promises which must come true,
            between 0 and 1.
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
        for name in ("sufficient", "shrink"):
            real(name, getattr(self, name), above=0, below=1)

    def change(
        self, gradient: Vector, learning_rate: float, rise: Callable[[Vector], float]
    ) -> Vector:
        """Return −t g with the first t that lowers f enough."""
        square = float(gradient @ gradient)
        t = learning_rate
        # The negation also refuses a rise of nan.
        while not rise(-t * gradient) <= -self.sufficient * t * square:
            t *= self.shrink
            if t < learning_rate * _SMALLEST_STEP:
                raise NoDescentError(
                    f"no step along the negative gradient lowers f, down to {t:.1e} times it: "
                    "f is as low here as rounding allows, or the gradient is wrong, which "
                    "gradcheck can tell"
                )
        return -t * gradient
