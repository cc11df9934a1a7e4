"""Update rules: how the gradient becomes the change of x.

Each rule is a few lines of the formula in its source. It remembers what its formula carries from
step to step, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from microgradcheck.optimize.step_sizes import LineSearch
from microgradcheck.structure import did_you_mean, real

if TYPE_CHECKING:
    from microgradcheck.optimize.step_sizes import Rise, Vector


@runtime_checkable
class UpdateRule(Protocol):
    """Anything that turns a gradient into a change of x.

    Attributes:
        name: how tables and pictures call the rule.
        learning_rate: the learning rate where `minimize` is given none.

    Example:
        >>> from microgradcheck.optimize import minimize
        >>> class SignDescent:
        ...     name, learning_rate = "sign-descent", 0.5
        ...
        ...     def change(self, gradient, learning_rate, rise):
        ...         return -learning_rate * (gradient / abs(gradient))
        >>> isinstance(SignDescent(), UpdateRule)
        True
        >>> minimize(lambda x: x * x, 3.0, optimizer=SignDescent(), steps=4).x
        1.0
    """

    name: str
    learning_rate: float

    def change(self, gradient: Vector, learning_rate: float, rise: Rise) -> Vector:
        """Return what to add to x.

        Args:
            gradient: the gradient at x, an array of one axis.
            learning_rate: the one of this step.
            rise: tells for a change how much f would rise by it, at the cost of one call of f;
                inf where f is undefined.

        Returns:
            The change, an array like the gradient.

        Raises:
            NoDescentError: there is no step that lowers f (of `optimize.step_sizes`).
        """
        ...


@dataclass
class GradientDescent:
    """A step along the negative gradient: x ← x − r g, with the learning rate r.

    Source: Cauchy, Méthode générale pour la résolution des systèmes d'équations simultanées,
    Comptes Rendus 25 (1847).

    Example:
        >>> GradientDescent().change(4.0, 0.5, rise=None)
        -2.0
    """

    name = "gradient-descent"
    learning_rate = 0.1

    def change(self, gradient: Vector, learning_rate: float, rise: Rise) -> Vector:
        """Return −r g."""
        return -learning_rate * gradient


@dataclass
class Momentum:
    """A heavy ball that rolls on: v ← m v + g, then x ← x − r v.

    Args:
        momentum: m, the part of the velocity that is kept, from 0 to below 1.

    Raises:
        TypeError, ValueError: `momentum` is no such number.

    Limits: on a plane its steps grow to r g / (1 − m), ten times the first by default.

    Source: Polyak, Some methods of speeding up the convergence of iteration methods, USSR Comp.
    Math. and Math. Phys. 4 (1964), in the form of PyTorch's SGD.

    Example:
        >>> rule = Momentum(0.5)
        >>> rule.change(4.0, 0.25, rise=None), rule.change(4.0, 0.25, rise=None)
        (-1.0, -1.5)
    """

    momentum: float = 0.9
    velocity: Vector | float = field(default=0.0, init=False, repr=False)
    name = "momentum"
    learning_rate = 0.01

    def __post_init__(self) -> None:
        real("momentum", self.momentum, least=0, below=1)

    def change(self, gradient: Vector, learning_rate: float, rise: Rise) -> Vector:
        """Return −r v with the new velocity v."""
        self.velocity = self.momentum * self.velocity + gradient
        return -learning_rate * self.velocity


@dataclass
class Nesterov(Momentum):
    """Momentum that looks where it is rolling: v ← m v + g, then x ← x − r (g + m v).

    Args:
        momentum: m, the part of the velocity that is kept, from 0 to below 1.

    Raises:
        TypeError, ValueError: `momentum` is no such number.

    Source: Nesterov, A method of solving a convex programming problem with convergence rate
    O(1/k²), Soviet Math. Dokl. 27 (1983), in the form of Sutskever and others, On the importance
    of initialization and momentum in deep learning, ICML (2013), and of PyTorch's SGD.

    Example:
        >>> rule = Nesterov(0.5)
        >>> rule.change(4.0, 0.25, rise=None), rule.change(4.0, 0.25, rise=None)
        (-1.5, -1.75)
    """

    name = "nesterov"

    def change(self, gradient: Vector, learning_rate: float, rise: Rise) -> Vector:
        """Return −r (g + m v) with the new velocity v."""
        self.velocity = self.momentum * self.velocity + gradient
        return -learning_rate * (gradient + self.momentum * self.velocity)


@dataclass
class RMSProp:
    """Steps measured by the gradient's recent size.

    s ← d s + (1 − d) g², then x ← x − r g / (√s + ε).

    Args:
        decay: d, the part of the mean square s that is kept, from 0 to below 1.
        epsilon: ε, positive; it keeps the division possible, in the units of the gradient.

    Raises:
        TypeError, ValueError: an argument is no such number.

    Limits: every entry moves by about r however small the gradient is, down to ε, so that it
    circles a minimum at that distance unless r falls. The first steps are larger, up to
    r / √(1 − d).

    Source: Tieleman and Hinton, Lecture 6.5, Neural Networks for Machine Learning (2012), with
    the constants of PyTorch.

    Example:
        >>> RMSProp(decay=0.75, epsilon=1e-8).change(4.0, 0.25, rise=None)
        -0.4999999975
    """

    decay: float = 0.99
    epsilon: float = 1e-8
    mean_square: Vector | float = field(default=0.0, init=False, repr=False)
    name = "rmsprop"
    learning_rate = 0.01

    def __post_init__(self) -> None:
        real("decay", self.decay, least=0, below=1)
        real("epsilon", self.epsilon, above=0)

    def change(self, gradient: Vector, learning_rate: float, rise: Rise) -> Vector:
        """Return −r g / (√s + ε) with the new mean square s."""
        self.mean_square = self.decay * self.mean_square + (1 - self.decay) * gradient**2
        return -learning_rate * gradient / (self.mean_square**0.5 + self.epsilon)


@dataclass
class Adam:
    """Momentum and steps measured by the gradient's recent size, both corrected for starting at 0.

    m ← b₁ m + (1 − b₁) g, s ← b₂ s + (1 − b₂) g², then, in step k,
    x ← x − r (m / (1 − b₁ᵏ)) / (√(s / (1 − b₂ᵏ)) + ε).

    Args:
        decay_of_mean: b₁, the part of the mean m that is kept, from 0 to below 1.
        decay_of_square: b₂, the part of the mean square s that is kept, from 0 to below 1.
        epsilon: ε, positive; it keeps the division possible, in the units of the gradient.

    Raises:
        TypeError, ValueError: an argument is no such number.

    Limits: every entry moves by about r, as with `RMSProp`, from the first step on.

    Source: Kingma and Ba, Adam: A Method for Stochastic Optimization, ICLR (2015), algorithm 1.

    Example:
        >>> round(Adam().change(4.0, 0.25, rise=None), 6)
        -0.25
    """

    decay_of_mean: float = 0.9
    decay_of_square: float = 0.999
    epsilon: float = 1e-8
    mean: Vector | float = field(default=0.0, init=False, repr=False)
    mean_square: Vector | float = field(default=0.0, init=False, repr=False)
    steps: int = field(default=0, init=False, repr=False)
    name = "adam"
    learning_rate = 0.01

    def __post_init__(self) -> None:
        real("decay_of_mean", self.decay_of_mean, least=0, below=1)
        real("decay_of_square", self.decay_of_square, least=0, below=1)
        real("epsilon", self.epsilon, above=0)

    def change(self, gradient: Vector, learning_rate: float, rise: Rise) -> Vector:
        """Return the change with the new mean and mean square."""
        b1, b2 = self.decay_of_mean, self.decay_of_square
        self.steps += 1
        self.mean = b1 * self.mean + (1 - b1) * gradient
        self.mean_square = b2 * self.mean_square + (1 - b2) * gradient**2
        mean = self.mean / (1 - b1**self.steps)
        mean_square = self.mean_square / (1 - b2**self.steps)
        return -learning_rate * mean / (mean_square**0.5 + self.epsilon)


_RULES: Final[dict[str, Callable[[], UpdateRule]]] = {
    "gradient-descent": GradientDescent,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "rmsprop": RMSProp,
    "adam": Adam,
    "line-search": LineSearch,
}


def resolve_rule(optimizer: object) -> UpdateRule:
    """Return the update rule that a name or an object stands for."""
    names = ", ".join(_RULES)
    if isinstance(optimizer, str):
        if optimizer in _RULES:
            return _RULES[optimizer]()
        hint = did_you_mean(optimizer, _RULES, ".")
        raise ValueError(f"unknown optimizer {optimizer!r}{hint} There are {names}")
    if isinstance(optimizer, type) and isinstance(optimizer, UpdateRule):
        raise TypeError(f"optimizer is a rule, not its class: write {optimizer.__name__}()")
    if isinstance(optimizer, UpdateRule):
        return optimizer
    raise TypeError(
        f"an optimizer is a name ({names}) or an object with name, learning_rate and "
        f"change(gradient, learning_rate, rise); got {optimizer!r} of type "
        f"{type(optimizer).__name__}"
    )
