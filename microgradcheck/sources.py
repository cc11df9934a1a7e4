"""Sources of gradients: each turns a function and its inputs into (value, gradient).

Backpropagation, forward mode, finite differences, a complex step and a user's own function are
interchangeable wherever a source is asked for.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol, runtime_checkable

from microgradcheck import backprop, numeric
from microgradcheck.functions.entries import is_entry, lift
from microgradcheck.structure import put_together, take_apart
from microgradcheck.tape import TapeSource
from microgradcheck.value import Value

__all__ = ["SOURCES", "GivenGradient", "GradientSource", "differences", "on_numbers", "resolve"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

Function = Callable[..., Any]


@runtime_checkable
class GradientSource(Protocol):
    """Anything that turns `(f, *inputs)` into the value and gradient of f there.

    Attributes:
        name: how reports call the source.
    """

    name: str

    def value_and_gradient(self, f: Function, *inputs: Any) -> tuple[float, Any]:
        """Return f's value and its gradient: in the input's kind and shape, a tuple for several."""
        ...


class _Source:
    """A source with a name for a function like `value_and_grad`."""

    def __init__(self, name: str, differentiate: Callable[[Function], Function]) -> None:
        self.name: str = name
        self._differentiate = differentiate

    def value_and_gradient(self, f: Function, *inputs: Any) -> tuple[float, Any]:
        value, gradient = self._differentiate(f)(*inputs)
        return value, gradient

    def __repr__(self) -> str:
        return f"<gradient source {self.name}>"


def _by_differences(method: str, h: float | None = None) -> Callable[[Function], Function]:
    """Return a function like `value_and_grad` that calls f at moved inputs."""

    def differentiate(f: Function) -> Function:
        plain = on_numbers(f)

        def value_and_gradient(*inputs: Any) -> tuple[float, Any]:
            partials = []
            for position, entry in enumerate(inputs):

                def along(moved: Any, position: int = position) -> Any:
                    return plain(*inputs[:position], moved, *inputs[position + 1 :])

                slopes = numeric.derivative(along, entry, method=method, h=h)
                # A list for a tuple is the textbook's; sources keep the kind of the input.
                partials.append(put_together(take_apart(slopes, is_entry), like=entry))
            value = float(plain(*inputs))
            return value, partials[0] if len(partials) == 1 else tuple(partials)

        return value_and_gradient

    return differentiate


class GivenGradient:
    """A source whose gradient is a user's own function of the inputs."""

    def __init__(self, gradient: Function) -> None:
        self.name: str = getattr(gradient, "__name__", type(gradient).__name__)
        self.gradient = gradient

    def value_and_gradient(self, f: Function, *inputs: Any) -> tuple[float, Any]:
        """Return f's value and what the user's function gives as its gradient."""
        value = on_numbers(f)(*inputs)
        if isinstance(value, str) or not hasattr(value, "__float__"):
            raise TypeError(
                f"a gradient needs a function that returns one number; it returned {value!r} of "
                f"type {type(value).__name__}"
            )
        return float(value), self.gradient(*inputs)

    def __repr__(self) -> str:
        return f"<gradient source {self.name}>"


SOURCES: Final[dict[str, GradientSource]] = {
    source.name: source
    for source in (
        _Source("backprop", backprop.value_and_grad),
        _Source("forward-mode", backprop.forward_gradient),
        TapeSource(),
        _Source("central-difference", _by_differences("central")),
        _Source("forward-difference", _by_differences("forward")),
        _Source("backward-difference", _by_differences("backward")),
        _Source("complex-step", _by_differences("complex")),
    )
}
"""The sources that have a name."""


def differences(method: str = "central", *, h: float) -> GradientSource:
    """Return a source of finite differences with a step of your own, to see what the step does.

    Args:
        method: "forward", "backward", "central" or "complex".
        h: the step, in the units of x; positive.

    Raises:
        TypeError, ValueError: the method is unknown or h is not positive.

    Example:
        >>> forward = differences("forward", h=0.5)
        >>> forward
        <gradient source forward-difference, h=0.5>
        >>> forward.value_and_gradient(lambda x: x * x, 3.0)
        (9.0, 6.5)
    """
    # It knows what a method and a step are.
    numeric.derivative(lambda x: x, 1.0, h=h, method=method)
    kind = "complex-step" if method == "complex" else f"{method}-difference"
    return _Source(f"{kind}, h={h:g}", _by_differences(method, h))


def resolve(source: object) -> GradientSource:
    """Return the gradient source that a name, a gradient function or an object stands for.

    Example:
        >>> resolve("backprop").value_and_gradient(lambda x: x * x, 3.0)
        (9.0, 6.0)
        >>> resolve(lambda x: 2 * x).value_and_gradient(lambda x: x * x, 3.0)
        (9.0, 6.0)
    """
    if isinstance(source, str):
        if source == "tape":
            # Its own recordings for each use: what f closes over may have changed in between.
            return TapeSource()
        if source in SOURCES:
            return SOURCES[source]
        near = difflib.get_close_matches(source, SOURCES, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise ValueError(f"unknown gradient source {source!r}{hint} There are {', '.join(SOURCES)}")
    if isinstance(source, GradientSource):
        return source
    if hasattr(source, "value_and_gradient") and not isinstance(source, type):
        # Without a name, it is called as its kind is.
        given = source.value_and_gradient
        return _Source(type(source).__name__, lambda f: partial(given, f))
    if callable(source):
        return GivenGradient(source)
    raise TypeError(
        f"a gradient source is a name ({', '.join(SOURCES)}), a function gradient(x), or an "
        f"object with value_and_gradient(f, x); got {source!r} of type {type(source).__name__}"
    )


def on_numbers(f: Function) -> Function:
    """Return f as a function of plain numbers, whether or not it insists on `Value`s.

    Where f asks a number for a method or a label that only a `Value` has, such as `x.relu()`, it
    is called again with `Value`s in their places.

    Example:
        >>> float(on_numbers(lambda x: x.relu() + 1)(2.0))
        3.0
    """

    def plain(*inputs: Any) -> Any:
        try:
            return f(*inputs)
        except AttributeError as error:
            # An error of setting one, such as a label, has the name in its text alone.
            if not hasattr(Value, error.name or str(error).rpartition(" ")[2].strip("'")):
                raise
            return f(*map(lift, inputs))

    return plain
