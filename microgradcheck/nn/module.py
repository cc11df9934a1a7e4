"""What all models have in common: parameters that can be learned, replaced, kept and loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, Self, TypeVar

from microgradcheck.optimize import Descent, minimize
from microgradcheck.structure import number
from microgradcheck.value import scope


class Module:
    """A function with parameters; subclasses say which, by `parameters()`.

    Pictures draw a box around what each call computes: a `__call__` is a `scope` by itself.

    Example:
        >>> from microgradcheck.value import Value
        >>> class Line(Module):
        ...     def __init__(self):
        ...         self.slope = Value(2.0)
        ...
        ...     def __call__(self, x):
        ...         return self.slope * x
        ...
        ...     def parameters(self):
        ...         return [self.slope]
        >>> line = Line()
        >>> line(3.0).backward()
        >>> line.parameters()[0].grad
        3.0
        >>> line.zero_grad()
        >>> line.parameters()[0].grad
        0.0
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__call__" in vars(cls):
            setattr(cls, "__call__", scope(vars(cls)["__call__"]))  # noqa: B010  (mypy forbids `=`)

    def parameters(self) -> list[Any]:
        """Return the parameters, always in the same order."""
        return []

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0."""
        for parameter in self.parameters():
            parameter.grad = 0.0

    def with_parameters(self, parameters: Sequence[Any]) -> Self:
        """Return a copy of the module that computes with other parameters.

        Args:
            parameters: one number, `Value` or array for each of `parameters()`, in their order.

        Raises:
            ValueError: there are more or fewer.

        Example:
            >>> from microgradcheck.nn import Neuron
            >>> neuron = Neuron(2, nonlin=False, rng=0)
            >>> neuron.with_parameters([1.0, 2.0, 0.5])([3.0, 4.0])
            11.5
        """
        own = self.parameters()
        if len(parameters) != len(own):
            raise ValueError(
                f"{type(self).__name__} has {len(own)} parameters, got {len(parameters)}"
            )
        return deepcopy(self, {id(old): new for old, new in zip(own, parameters, strict=True)})

    def state(self) -> dict[str, Any]:
        """Return what the module has learned as plain data, which `json.dumps` takes as it is.

        Returns:
            The module in words, as `"model"`, and the numbers of its parameters, as
            `"parameters"`.

        Example:
            >>> from microgradcheck.nn import Neuron
            >>> Neuron(1, rng=0).state()
            {'model': 'ReLUNeuron(1)', 'parameters': [0.6888437030500962, 0.0]}
        """
        return {"model": repr(self), "parameters": list(map(float, self.parameters()))}

    def load(self, state: Any) -> Self:
        """Take over what a module of the same make has learned, and return this module.

        Args:
            state: what `state()` of the other one returned.

        Returns:
            The module itself.

        Raises:
            TypeError: it is no such state.
            ValueError: it is that of another make of module.

        Example:
            >>> from microgradcheck.nn import Neuron
            >>> taught, fresh = Neuron(2, rng=1), Neuron(2, rng=2)
            >>> fresh.load(taught.state()).state() == taught.state()
            True
        """
        if not isinstance(state, Mapping) or not {"model", "parameters"} <= {*state}:
            raise TypeError(
                f'a state is what state() returned, with "model" and "parameters"; got {state!r}'
            )
        if state["model"] != repr(self) or not isinstance(state["parameters"], list):
            raise ValueError(f"a state of {self!r} is expected, got {state!r}")
        numbers = [number(entry) for entry in state["parameters"]]
        own = self.parameters()
        if len(numbers) != len(own) or None in numbers:
            raise ValueError(
                f"a state of {self!r} has {len(own)} numbers as its parameters, "
                f"got {state['parameters']!r}"
            )
        for parameter, entry in zip(own, numbers, strict=True):
            parameter.data = entry
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__} of {len(self.parameters())} parameters"


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
