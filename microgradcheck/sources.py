"""Interchangeable sources of gradients: each turns a function and inputs into (value, gradient)."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any, Final, Protocol, runtime_checkable

from microgradcheck import backprop, numeric
from microgradcheck.functions.entries import is_entry, lift
from microgradcheck.numeric.entries import one_number, real_part
from microgradcheck.structure import (
    Function,
    did_you_mean,
    one_or_all,
    put_together,
    shown,
    take_apart,
    with_numpy_arrays,
)
from microgradcheck.tape import Tape, TapeSource
from microgradcheck.value import Value

__tracebackhide__ = True  # from pytest


@runtime_checkable
class GradientSource(Protocol):
    """Anything that turns `(f, *inputs)` into the value and gradient of f there."""

    name: str  # how reports call the source

    def value_and_gradient(self, f: Function, *inputs: Any) -> tuple[float, Any]:
        """Return f's value and its gradient: in the input's kind and shape, a tuple for several."""
        ...


class _Source:
    def __init__(self, name: str) -> None:
        self.name: str = name

    def __repr__(self) -> str:
        return f"<gradient source {self.name}>"


class _Function(_Source):
    """A source made of a function like `value_and_grad`."""

    def __init__(self, name: str, differentiate: Callable[[Function], Function]) -> None:
        super().__init__(name)
        self._differentiate = differentiate

    def value_and_gradient(self, f: Function, *inputs: Any) -> tuple[float, Any]:
        found = self._differentiate(f)(*inputs)
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise TypeError(
                f"value_and_gradient of the source {self.name} returned {shown(found)}, expected "
                "the value of f and its gradient: return value, gradient"
            )
        value, gradient = found
        return value, gradient


class _Differences(_Source):
    """A source that calls f at moved inputs."""

    def __init__(self, method: str, h: float | None = None) -> None:
        name = "complex-step" if method == "complex" else f"{method}-difference"
        super().__init__(name if h is None else f"{name}, h={h:g}")
        self._method, self._h = method, h

    def value_and_gradient(self, f: Function, *inputs: Any) -> tuple[float, Any]:
        plain = on_numbers(f)
        partials = []
        for position, entry in enumerate(inputs):

            def along(moved: Any, position: int = position) -> Any:
                before, after = deepcopy((inputs[:position], inputs[position + 1 :]))
                return plain(*before, moved, *after)

            slopes = numeric.derivative(along, entry, method=self._method, h=self._h)
            # A list for a tuple is the textbook's; sources keep the kind of the input.
            partials.append(put_together(take_apart(slopes, is_entry), like=entry))
        return _value(f, inputs), one_or_all(partials)


class GivenGradient(_Source):
    """A source whose gradient is a user's own function of the inputs."""

    def __init__(self, gradient: Function) -> None:
        super().__init__(getattr(gradient, "__name__", type(gradient).__name__))
        self.gradient = gradient

    def value_and_gradient(self, f: Function, *inputs: Any) -> tuple[float, Any]:
        """Return f's value and what the user's function gives as its gradient."""
        return _value(f, inputs), with_numpy_arrays(self.gradient(*inputs))


_NAMED: tuple[GradientSource, ...] = (
    _Function("backprop", backprop.value_and_grad),
    _Function("forward-mode", backprop.forward_gradient),
    TapeSource(),
    *map(_Differences, ("central", "forward", "backward", "complex")),
)

SOURCES: Final = {source.name: source for source in _NAMED}
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
    return _Differences(method, h)


def resolve(source: object) -> GradientSource:
    """Return the gradient source that a name, a gradient function, a tape or an object stands for.

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
        # As near as "central".
        hint = did_you_mean(source, SOURCES, ".")
        raise ValueError(f"unknown gradient source {source!r}{hint} There are {', '.join(SOURCES)}")
    if isinstance(source, (_Function, _Differences, GivenGradient, TapeSource)):
        return source
    if isinstance(source, Tape):  # Called, it gives the value.

        def tape(*inputs: Any) -> Any:
            return source.value_and_grad(*inputs)[1]

        return GivenGradient(tape)
    if hasattr(source, "value_and_gradient") and not isinstance(source, type):
        # Without a name, it is called as its kind is.
        given, name = source.value_and_gradient, getattr(source, "name", type(source).__name__)
        return _Function(name, lambda f: partial(given, f))
    if callable(source):
        return GivenGradient(source)
    raise TypeError(
        f"a gradient source is a name ({', '.join(SOURCES)}), a function gradient(x), or an "
        f"object with value_and_gradient(f, x); got {source!r} of type {type(source).__name__}"
    )


def _value(f: Function, inputs: tuple[Any, ...]) -> float:
    """Return f's value, of copies, since f may change them in place."""
    result = one_number(on_numbers(f)(*deepcopy(inputs)))
    return float(real_part(result) if isinstance(result, complex) else result)


def on_numbers(f: Function) -> Function:
    """Return f as a function of plain numbers, which become `Value`s where it insists on these.

    That is so where it asks a number for what only a `Value` has, such as `x.relu()`.

    Example:
        >>> float(on_numbers(lambda x: x.relu() + 1)(2.0))
        3.0
    """

    def plain(*inputs: Any) -> Any:
        try:
            return f(*inputs)
        except AttributeError as error:
            # An error of setting one, such as a label, has the name in its text alone.
            name = error.name or str(error).rpartition(" ")[2].strip("'")
            if not hasattr(Value, name):
                raise
            if any(isinstance(entry, complex) for entry in take_apart(inputs, lambda _: True)):
                raise TypeError(
                    f"f asks a number for its {name}, which a complex one has not, so no complex "
                    f"step can be taken: write it as a function, such as microgradcheck.{name}(x)"
                ) from None
            return f(*map(lift, inputs))

    return plain
