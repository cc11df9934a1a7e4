"""Where a descent is, and how it takes its next step."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from microgradcheck.numeric.entries import entries_of, one_number, real_part
from microgradcheck.optimize.descent import Step, entries
from microgradcheck.optimize.rules import UpdateRule
from microgradcheck.sources import GradientSource, on_numbers
from microgradcheck.structure import (
    argument_names,
    count,
    is_array,
    misfit,
    one_or_all,
    put_together,
    shown,
)

if TYPE_CHECKING:
    from microgradcheck.optimize.step_sizes import Vector

# Near a minimum differences see little of a gradient, which is no fault of its source.
UNSURE: Final = ("EDGE", "INCONCLUSIVE", "NOISY")


class Walk:
    """A descent under way; what f takes in any kind and shape is one flat array here.

    Attributes:
        names: how f calls its arguments.
        gradients: how many gradients were computed.
        history: every point so far, the start first.
        rate: the learning rate of the last step; 0 before the first.
        length: the Euclidean length of the last step; infinite before the first.
        rises: how many of the last steps, in a row, led higher than any step before.
        report: the last one of gradcheck, if there is one.
        verdicts: those of all its reports.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        starts: tuple[Any, ...],
        source: GradientSource,
        rule: UpdateRule,
    ) -> None:
        import numpy as np

        if not callable(f):
            raise TypeError(f"f is a function of x, got {f!r} of type {type(f).__name__}")
        if problem := misfit(f, starts):
            raise TypeError(
                f"f cannot be called with {count(len(starts), 'argument')} ({problem}); x0 is one "
                "argument, whatever its kind, and options such as learning_rate are given by name"
            )
        self.source, self.names = source, tuple(argument_names(f, len(starts)))
        self.gradients = self.rises = 0
        self.rate, self.length = 0.0, math.inf
        self.history: list[Step] = []
        self.report: Any = None
        self.verdicts: list[str] = []
        self._starts, self._rule, self._uncounted = starts, rule, f

        self._calls = calls = [0]  # A list, since a function that held the walk would be a cycle.

        @wraps(f)
        def counted(*inputs: Any) -> Any:
            calls[0] += 1
            try:
                return f(*inputs)
            except (TypeError, AttributeError):  # It is called again, with Values or without.
                calls[0] -= 1
                raise

        self._f = counted
        called = ["x0", *(f"the start of argument {i}" for i in range(1, len(starts)))]
        numbers = [x for part in map(entries_of, starts, called) for x in part]
        try:
            self._arrive(np.array(numbers))
        except (ValueError, ArithmeticError) as error:
            error.add_note("This is at the start x0; start where f and its gradient are finite.")
            raise
        self._highest = self.last.value

    @property
    def calls(self) -> int:
        """How many calls of f were made, but by gradcheck."""
        return self._calls[0]

    @property
    def last(self) -> Step:
        """The point reached."""
        return self.history[-1]

    @property
    def has_risen(self) -> bool:
        """Whether f is higher here than at the start."""
        return _has_risen(self.history[0].value, self.last.value)

    def advance(self, rate: float) -> None:
        """Take a step; where there is none, or f or its gradient is not finite, raise and stay."""
        import numpy as np

        self.rate = rate
        with np.errstate(all="ignore"):  # What is not finite is seen on arrival.
            change = self._rule.change(self._gradient, rate, self._rise)
            if np.shape(change) != self._x.shape:
                raise TypeError(
                    f"the change of {self._rule.name} is an array of shape {self._x.shape}, like "
                    f"the gradient; got {shown(change)}"
                )
            x = self._x + change
        self._arrive(x)
        self.length = math.hypot(*change)
        self.rises = self.rises + 1 if _has_risen(self._highest, self.last.value) else 0
        self._highest = max(self._highest, self.last.value)

    def passes_check(self) -> bool:
        """Have gradcheck check the gradient at the point reached, and keep its report."""
        from microgradcheck.gradcheck import gradcheck

        options: Any = {"gradient": self.source, "accept": UNSURE, "raise_on_failure": False}
        self.report = gradcheck(self._uncounted, *self._inputs(self._x), **options)
        self.verdicts.append(str(self.report.verdict))
        return bool(self.report)

    def _arrive(self, x: Vector) -> None:
        import numpy as np

        if not np.isfinite(x).all():
            raise ValueError("x is too large for a float")
        value, gradient = self.source.value_and_gradient(self._f, *self._inputs(x))
        self.gradients += 1
        value = float(value)
        if not math.isfinite(value):
            raise ValueError(f"f is {value!r}")
        slopes = np.array(self._slopes(gradient))
        first = np.argmin(np.isfinite(slopes))  # The first that is not, if there is one.
        if not np.isfinite(slopes[first]):
            raise ValueError(f"entry {first} of the gradient is {slopes[first].item()!r}")
        self._x, self._gradient = x, slopes
        point, slope = one_or_all(self._inputs(x)), one_or_all(self._inputs(slopes))
        self.history.append(Step(len(self.history), point, value, slope))

    def _rise(self, change: Vector) -> float:
        """Return how much f would rise by a change; inf where it is undefined or not finite."""
        try:
            moved = real_part(one_number(on_numbers(self._f)(*self._inputs(self._x + change))))
        except (ValueError, ArithmeticError):
            return math.inf
        return moved - self.last.value if math.isfinite(moved) else math.inf

    def _inputs(self, x: Vector) -> tuple[Any, ...]:
        """Return f's arguments at x, made anew, so that f may do with them what it likes."""
        arguments: tuple[Any, ...] = put_together(x.tolist(), like=self._starts)
        return arguments

    def _slopes(self, gradient: Any) -> list[float]:
        """Return the entries of a gradient, which must be as many as those of the start."""
        name = f"the gradient from {self.source.name}"
        if len(self._starts) == 1:
            return _slopes_by(name, gradient, self._starts[0], "x")
        if not isinstance(gradient, (list, tuple)) or len(gradient) != len(self._starts):
            raise ValueError(
                f"{name} is a tuple with one part for each of {', '.join(self.names)}; "
                f"got {shown(gradient)}"
            )
        parts = zip(gradient, self._starts, self.names, strict=True)
        return [
            slope
            for part, start, of in parts
            for slope in _slopes_by(f"{name} with respect to {of}", part, start, of)
        ]


def _slopes_by(name: str, gradient: Any, start: Any, of: str) -> list[float]:
    slopes = entries(gradient, name)
    expected, got = f"{len(entries(start))} entries", f"{len(slopes)} entries"
    if is_array(start) and is_array(gradient):
        expected, got = f"the shape {start.shape}", f"the shape {gradient.shape}"
    if expected != got:
        raise ValueError(f"{name} must have {expected}, as {of} has; it has {got}")
    return slopes


def _has_risen(before: float, after: float) -> bool:
    """Tell whether f has risen by more than rounding."""
    return after > before + 1e-12 * abs(before)
