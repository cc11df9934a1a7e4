"""Neurons, layers of them, and layers of layers."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from numbers import Integral
from typing import Any, Final

from microgradcheck import functions
from microgradcheck.nn.module import Module
from microgradcheck.structure import is_array, whole
from microgradcheck.value import Value

_ACTIVATIONS: Final = {
    "relu": "ReLU",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "softplus": "Softplus",
    "sin": "Sin",
}

# The variance of n weights drawn from -bound to bound is bound² / 3; times n it should be 2 where
# half of what comes in is cut off, and 1 elsewhere, so that layers neither fade nor grow.
_BOUNDS: Final[dict[str, Callable[[int], float]]] = {
    "none": lambda inputs: 1.0,
    "he": lambda inputs: math.sqrt(6 / inputs),
    "lecun": lambda inputs: math.sqrt(3 / inputs),
}


class Neuron(Module):
    """A weighted sum of inputs plus a bias, with an activation.

    Args:
        nin: the number of inputs.
        nonlin: whether there is an activation.
        activation: its name: "relu", "tanh", "sigmoid", "softplus" or "sin"; or a function of a
            number or `Value`.
        rng: where the weights are drawn from: an integer seed, a `random.Random` or a NumPy
            generator. By default Python's `random`, as in micrograd.
        scaling: the bound b of weights, which are uniform between −b and b: "none" is 1, as in
            micrograd; "he" is √(6 / nin), for relu; "lecun" is √(3 / nin), for the others.

    Raises:
        TypeError, ValueError: an argument is not what is said above.

    Source: He and others, Delving Deep into Rectifiers, ICCV (2015); LeCun and others, Efficient
    BackProp, in Neural Networks: Tricks of the Trade (1998).

    Example:
        >>> neuron = Neuron(2, rng=0)
        >>> neuron
        ReLUNeuron(2)
        >>> len(neuron.parameters())
        3
    """

    def __init__(
        self,
        nin: int,
        nonlin: bool = True,
        *,
        activation: str | Callable[[Any], Any] = "relu",
        rng: Any = None,
        scaling: str = "none",
    ) -> None:
        nin = whole("nin", nin, least=1)
        if scaling not in _BOUNDS:
            raise ValueError(f"unknown scaling {scaling!r}; choose one of {', '.join(_BOUNDS)}")
        bound, draw = _BOUNDS[scaling](nin), _generator(rng).uniform
        self.w = [Value(draw(-bound, bound)) for _ in range(nin)]
        self.b = Value(0)
        self.nonlin = nonlin
        if not callable(activation):
            if activation not in _ACTIVATIONS:
                raise ValueError(
                    f"unknown activation {activation!r}; choose one of "
                    f"{', '.join(_ACTIVATIONS)}, or give a function"
                )
            activation = getattr(functions, activation)
        self.activation: Any = activation

    def __call__(self, x: Sequence[Any]) -> Any:
        """Return the neuron's output.

        Args:
            x: one number, `Value` or array of numbers for each input.

        Raises:
            TypeError, ValueError: x is not a sequence of as many entries as there are inputs.
        """
        x = _listed(x)
        if not hasattr(x, "__len__"):
            raise TypeError(f"{self!r} takes a sequence of {len(self.w)} numbers, got {x!r}")
        if len(x) != len(self.w):
            raise ValueError(f"{self!r} takes {len(self.w)} inputs, got {len(x)}: {x!r}")
        act = self.b
        for wi, xi in zip(self.w, x, strict=True):
            act = act + wi * xi
        return self.activation(act) if self.nonlin else act

    def parameters(self) -> list[Any]:
        """Return the weights, then the bias."""
        return [*self.w, self.b]

    def __repr__(self) -> str:
        name = getattr(self.activation, "__name__", type(self.activation).__name__)
        kind = _ACTIVATIONS.get(name, name) if self.nonlin else "Linear"
        return f"{kind}Neuron({len(self.w)})"


class Layer(Module):
    """Neurons side by side, with the same inputs.

    Args:
        nin: the number of inputs.
        nout: the number of neurons.
        rng: as for `Neuron`.
        options: everything else that `Neuron` takes.

    Raises:
        TypeError, ValueError: as `Neuron`.

    Example:
        >>> Layer(2, 2, activation="tanh", rng=0)
        Layer of [TanhNeuron(2), TanhNeuron(2)]
    """

    def __init__(self, nin: int, nout: int, *, rng: Any = None, **options: Any) -> None:
        generator = _generator(rng)
        count = whole("nout", nout, least=1)
        self.neurons = [Neuron(nin, rng=generator, **options) for _ in range(count)]

    def __call__(self, x: Sequence[Any]) -> Any:
        """Return a list of the neurons' outputs, or the output itself where there is one neuron."""
        x = _listed(x)  # An iterator would be at its end for the second neuron.
        out = [neuron(x) for neuron in self.neurons]
        return out[0] if len(out) == 1 else out

    def parameters(self) -> list[Any]:
        """Return the parameters of one neuron after the other."""
        return [parameter for neuron in self.neurons for parameter in neuron.parameters()]

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(map(repr, self.neurons))}]"


class MLP(Module):
    """A multi-layer perceptron: layers one after the other, the last without an activation.

    Args:
        nin: the number of inputs.
        nouts: the number of neurons in each layer.
        rng: as for `Neuron`.
        options: everything else that `Neuron` takes, but `nonlin`.

    Raises:
        TypeError, ValueError: as `Neuron`.

    Example:
        >>> model = MLP(2, [16, 16, 1], rng=1337)
        >>> len(model.parameters())
        337
        >>> round(model([1.0, -2.0]).data, 6)
        -1.332431
    """

    def __init__(self, nin: int, nouts: Sequence[int], *, rng: Any = None, **options: Any) -> None:
        if not isinstance(nouts, (list, tuple)) or not nouts:
            raise TypeError(f"nouts is a list with the size of each layer, got {nouts!r}")
        generator = _generator(rng)
        sizes = [nin, *nouts]
        self.layers = [
            Layer(sizes[i], sizes[i + 1], nonlin=i != len(nouts) - 1, rng=generator, **options)
            for i in range(len(nouts))
        ]

    def __call__(self, x: Sequence[Any]) -> Any:
        """Return the last layer's output."""
        for position, layer in enumerate(self.layers):
            # A layer of one neuron gives its output bare.
            x = layer(x if position == 0 or isinstance(x, list) else [x])
        return x

    def parameters(self) -> list[Any]:
        """Return the parameters of one layer after the other."""
        return [parameter for layer in self.layers for parameter in layer.parameters()]

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(map(repr, self.layers))}]"


def _listed(x: Any) -> Any:
    """Return an iterator as a list, which can be gone through again, and an array as floats."""
    if is_array(x) and x.dtype.kind in "biuf":
        x = x.astype(float)
        return x.tolist() if x.ndim == 1 else x
    return list(x) if isinstance(x, Iterator) else x


def _generator(rng: Any) -> Any:
    """Return something with `uniform(low, high)`."""
    if rng is None:
        return random
    if isinstance(rng, Integral):
        return random.Random(int(rng))
    if not hasattr(rng, "uniform"):
        raise TypeError(
            "rng is an integer seed, a random.Random or a NumPy generator, "
            f"got {rng!r} of type {type(rng).__name__}"
        )
    return rng
