"""Training: a descent in the parameters of a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from microgradcheck.nn.module import Module
from microgradcheck.optimize import Descent, minimize

__all__ = ["train"]

ModuleT = TypeVar("ModuleT", bound=Module)


def train(model: ModuleT, loss: Callable[[ModuleT], Any], **options: Any) -> Descent:
    """Descend to a lower loss in the parameters of a model, which keeps those of the end.

    Args:
        model: what is to learn; its parameters are the start.
        loss: a function of a model like this one that returns one number.
        options: everything that `minimize` takes but f and x0, such as `gradient`, `optimizer`,
            `learning_rate` and `steps`.

    Returns:
        The `Descent`, whose x is the list of the parameters.

    Raises:
        TypeError, ValueError, ArithmeticError: as `minimize`.

    Example:
        >>> from microgradcheck.nn import Neuron, squared_error
        >>> line = Neuron(1, nonlin=False, rng=0)
        >>> points, targets = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
        >>> def loss(model):
        ...     return squared_error([model(point) for point in points], targets)
        >>> descent = train(line, loss, learning_rate=0.1, steps=300)
        >>> [round(parameter.data, 6) for parameter in line.parameters()]
        [2.0, 1.0]
    """
    own = model.parameters()

    def loss_of(parameters: list[Any]) -> Any:
        return loss(model.with_parameters(parameters))

    descent = minimize(loss_of, [parameter.data for parameter in own], **options)
    for parameter, learned in zip(own, descent.x, strict=True):
        parameter.data = learned
    return descent
