"""A function of numbers, lists and arrays, as the update rules see it: of one flat array."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Any

from microgradcheck.optimize.descent import Step
from microgradcheck.sources import GradientSource, on_numbers
from microgradcheck.structure import is_array, number, put_together, take_apart

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

__all__ = ["Problem"]


class Problem:
    """A function, its start and the source of its gradient.

    Args:
        f: what is to be minimized.
        starts: the start of each argument of f.
        source: where the gradient comes from.

    Attributes:
        calls: how many calls of f have returned.
        gradients: how many gradients were computed.

    Raises:
        TypeError: f cannot be called, or a start is not made of numbers.
        ValueError: a start is empty or not finite.
    """

    def __init__(
        self, f: Callable[..., Any], starts: tuple[Any, ...], source: GradientSource
    ) -> None:
        if not callable(f):
            raise TypeError(f"f is a function of x, got {f!r} of type {type(f).__name__}")
        self.plain_f, self.starts, self.source = f, starts, source
        self.calls = self.gradients = 0
        self.names = _argument_names(f, starts)
        self.entries = [
            list(map(float, take_apart(start, _is_number, name=_start_name(position))))
            for position, start in enumerate(starts)
        ]
        for position, entries in enumerate(self.entries):
            for index, entry in enumerate(entries):
                if not math.isfinite(entry):
                    where = f" at entry {index}" if len(entries) > 1 else ""
                    raise ValueError(
                        f"{_start_name(position)} must be finite, got {entry!r}{where}; "
                        "start where f and its gradient can be computed"
                    )

        @wraps(f)
        def counted(*inputs: Any) -> Any:
            result = f(*inputs)
            self.calls += 1
            return result

        self.f = counted

    def start(self) -> Vector:
        """Return the start as one array."""
        import numpy as np

        return np.array([entry for entries in self.entries for entry in entries])

    def inputs(self, x: Vector) -> tuple[Any, ...]:
        """Return f's arguments at x, made anew, so that f may do with them what it likes."""
        remaining = iter(x.tolist())
        return tuple(
            put_together([next(remaining) for _ in entries], like=start)
            for entries, start in zip(self.entries, self.starts, strict=True)
        )

    def evaluate(self, x: Vector) -> tuple[float, Vector]:
        """Return the value and the gradient at x.

        Raises:
            ValueError: x, the value or the gradient is not finite, or the gradient has not as
                many entries as x.
            Exception: whatever f or the source raises.
        """
        import numpy as np

        if not np.isfinite(x).all():
            raise ValueError("x is too large for a float")
        value, gradient = self.source.value_and_gradient(self.f, *self.inputs(x))
        self.gradients += 1
        value = float(value)
        if not math.isfinite(value):
            raise ValueError(f"f is {value!r}")
        flat = np.array(self._entries_of(gradient))
        if not np.isfinite(flat).all():
            position = int(np.argmin(np.isfinite(flat)))
            raise ValueError(f"entry {position} of the gradient is {flat[position].item()!r}")
        return value, flat

    def rise(self, x: Vector, value: float, change: Vector) -> float:
        """Return f(x + change) − value, and inf where f is undefined or not finite there."""
        try:
            moved = float(on_numbers(self.f)(*self.inputs(x + change)))
        except (ValueError, ArithmeticError):
            return math.inf
        return moved - value if math.isfinite(moved) else math.inf

    def step(self, position: int, x: Vector, value: float, gradient: Vector) -> Step:
        """Return a step for people, in the kind and shape of the start."""
        point, slope = self.inputs(x), self.inputs(gradient)
        one = len(self.starts) == 1
        return Step(position, point[0] if one else point, value, slope[0] if one else slope)

    def _entries_of(self, gradient: Any) -> list[float]:
        name = f"the gradient from {self.source.name}"
        entries = list(map(float, take_apart(gradient, _is_number, name=name)))
        start = self.starts[0]
        expected, got = f"{sum(map(len, self.entries))} entries", f"{len(entries)} entries"
        if len(self.starts) == 1 and is_array(start) and is_array(gradient):
            expected, got = f"the shape {start.shape}", f"the shape {gradient.shape}"
        if expected != got:
            raise ValueError(f"{name} must have {expected}, as x has; it has {got}")
        return entries


def _is_number(thing: object) -> bool:
    return number(thing) is not None


def _start_name(position: int) -> str:
    return "x0" if position == 0 else f"the start of argument {position}"


def _argument_names(f: Callable[..., Any], starts: tuple[Any, ...]) -> tuple[str, ...]:
    count = len(starts)
    try:
        called = signature(f)
    except (TypeError, ValueError):  # Some functions written in C do not tell.
        called = Signature()
    else:
        try:
            called.bind(*starts)
        except TypeError as error:
            arguments = "1 argument" if count == 1 else f"{count} arguments"
            raise TypeError(
                f"f cannot be called with {arguments} ({error}); x0 is one argument, be it a "
                "number or a list, each further start is one more, and options such as "
                "learning_rate are given by name"
            ) from None
    parameters = called.parameters.values()
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    names = [parameter.name for parameter in parameters if parameter.kind in kinds]
    if len(names) >= count:
        return tuple(names[:count])
    return ("x",) if count == 1 else tuple(f"x{position}" for position in range(count))
