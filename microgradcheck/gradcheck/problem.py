"""A function and its inputs, taken apart into numbers that can be moved one at a time."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Any, Self

from microgradcheck.backprop import grad
from microgradcheck.functions.entries import is_entry
from microgradcheck.gradcheck.entry import Entry
from microgradcheck.gradcheck.wording import short
from microgradcheck.numeric.entries import quiet_numpy, scale_of
from microgradcheck.sources import on_numbers
from microgradcheck.structure import (
    is_array,
    put_together,
    take_apart,
    with_numpy_arrays,
)

__all__ = ["GradientProblem", "Index", "Problem", "indices_of", "scatter"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

Index = tuple[int, ...]

_WITHIN = 64  # ulp: threads that add in another order are noise, not irreproducible


class Problem:
    """A function of several inputs as a function of one list of numbers.

    Raises:
        TypeError, ValueError: the inputs are not that, are empty or not finite, or f returns
            something else than numbers.
    """

    def __init__(self, f: Callable[..., Any], inputs: tuple[Any, ...]) -> None:
        if not callable(f):
            raise TypeError(f"gradcheck takes a function first, got {f!r}")
        if not inputs:
            raise TypeError("give gradcheck at least one input: gradcheck(f, x)")
        self.f = f
        self._on_numbers = on_numbers(f)
        self.inputs = inputs
        self.names = _names_of_inputs(f, len(inputs))
        self.parts = [
            take_apart(entry, name=f"the input {name}")
            for name, entry in zip(self.names, inputs, strict=True)
        ]
        self.entries = [float(entry) for part in self.parts for entry in part]
        self.places = [
            (position, index)
            for position, entry in enumerate(inputs)
            for index in indices_of(entry)
        ]
        for place, entry in zip(self.places, self.entries, strict=True):
            if not math.isfinite(entry):
                raise ValueError(
                    f"{self.name_of(place)} is {entry!r}; gradcheck needs finite inputs"
                )
        self.calls = 0
        self.output_indices: list[Index] = [()]
        self.scalar = True
        self.failure: Exception | None = None

    def arguments(self, entries: Sequence[float]) -> tuple[Any, ...]:
        """Return fresh inputs, in the kinds and shapes of the given ones, with these numbers."""
        remaining = iter(entries)
        return tuple(
            put_together([next(remaining) for _ in part], like=entry)
            for part, entry in zip(self.parts, self.inputs, strict=True)
        )

    def calling(self, f: Callable[..., Any]) -> Self:
        """Return the same problem with another function in the place of f."""
        twin = copy.copy(self)
        twin.f = f
        return twin

    def elsewhere(self, entries: Sequence[float]) -> Self:
        """Return the same problem at other inputs, with calls of its own to count."""
        there = copy.copy(self)
        there.inputs, there.entries = self.arguments(entries), list(entries)
        there.calls, there.failure = 0, None
        return there

    def __call__(self, entries: Sequence[float]) -> list[float]:
        """Return the outputs of f as one list; nan where f is undefined."""
        return self._outputs(self.arguments(entries))

    def moved(self, i: int, step: float) -> list[float]:
        """Return the outputs of f with one entry moved."""
        position, index = self.places[i]
        argument = self.inputs[position]
        if len(self.inputs) == 1 and is_array(argument) and index:
            # The same as below, without going through a list of all entries.
            array = argument.astype(float)
            array[index] += step
            return self._outputs((array,))
        entries = list(self.entries)
        entries[i] += step
        return self(entries)

    def _outputs(self, arguments: tuple[Any, ...]) -> list[float]:
        self.calls += 1
        try:
            with quiet_numpy():
                result = with_numpy_arrays(self._on_numbers(*arguments))
        except (ValueError, ArithmeticError) as error:
            self.failure = error
            return [math.nan] * len(self.output_indices)
        except Exception as error:
            # The author of f knows the inputs given, and not those that f is called with.
            error.add_note(f"gradcheck called f with {short(arguments)}")
            raise
        if isinstance(result, float):
            outputs = [float(result)]
        elif isinstance(result, complex):
            # As Python's power of a negative number: no real value, so no value.
            outputs = [math.nan]
        else:
            outputs = [_real(x) for x in take_apart(result, is_entry, name="the result of f")]
        if len(outputs) != len(self.output_indices):
            raise ValueError(
                f"the result of f holds {len(self.output_indices)} numbers at the inputs given, "
                f"and {len(outputs)} with {short(arguments)}; gradcheck needs as many everywhere"
            )
        return outputs

    def look_at_output(self) -> tuple[list[float], bool]:
        """Call f once; return its outputs and whether it left its arguments as they were."""
        self.calls += 1
        arguments = self.arguments(self.entries)
        try:
            with quiet_numpy():
                result = with_numpy_arrays(self._on_numbers(*arguments))
        except (ValueError, ArithmeticError) as error:
            self.failure = error
            return [math.nan], True
        outputs = take_apart(result, is_entry, name="the result of f")
        self.scalar = is_entry(result) or (is_array(result) and result.shape == ())
        self.output_indices = indices_of(result)
        return [_real(output) for output in outputs], self.unchanged(arguments)

    def unchanged(self, arguments: tuple[Any, ...]) -> bool:
        """Tell whether arguments that were handed out still hold the inputs' numbers."""
        held: list[Any] = []
        for argument in arguments:
            try:
                held += take_apart(argument)
            except (TypeError, ValueError):
                return False
        return held == self.entries

    def position(self, entry: Entry) -> tuple[int, int]:
        """Return the positions of an entry's output and input, among all of them."""
        return (
            self.output_indices.index(entry.output),
            self.places.index((entry.input, entry.index)),
        )

    def scale(self, i: int, scale: float | None) -> float:
        """Return the length by which an entry is moved."""
        if scale is not None:
            return scale
        if self.entries[i] != 0:
            return abs(self.entries[i])
        position = self.places[i][0]
        first = sum(map(len, self.parts[:position]))
        return scale_of(self.entries[first : first + len(self.parts[position])], i - first)

    def output_name(self, k: int) -> str:
        """Return how a report calls one output, such as `f[1]`."""
        return "f" if self.scalar else f"f[{','.join(map(str, self.output_indices[k]))}]"

    def derivative_name(self, k: int, i: int) -> str:
        """Return how a report calls the derivative of one output by one entry."""
        return f"d{self.output_name(k)}/d{self.name_of(self.places[i])}"

    def name_of(self, place: tuple[int, Index]) -> str:
        """Return how a report calls one entry of the inputs, such as `x[1]`."""
        position, index = place
        return self.names[position] + (f"[{','.join(map(str, index))}]" if index else "")


class GradientProblem(Problem):
    """The gradient of a function of `Value`s, whose Jacobian, the Hessian, is to be checked."""

    def __init__(self, f: Callable[..., Any], inputs: tuple[Any, ...]) -> None:
        super().__init__(grad(f), inputs)

    def output_name(self, k: int) -> str:
        """Return how a report calls one output, such as `df/dx[1]`."""
        return f"df/d{self.name_of(self.places[k])}"

    def derivative_name(self, k: int, i: int) -> str:
        """Return how a report calls one second derivative."""
        return f"d²f/d{self.name_of(self.places[k])}d{self.name_of(self.places[i])}"


def indices_of(thing: Any) -> list[Index]:
    """Return the index of every entry of a number, list, tuple or array, in reading order.

    Example:
        >>> indices_of([1.0, (2.0, 3.0)])
        [(0,), (1, 0), (1, 1)]
    """
    if is_array(thing):
        return list(product(*map(range, thing.shape)))
    if isinstance(thing, (list, tuple)):
        return [(i, *rest) for i, part in enumerate(thing) for rest in indices_of(part)]
    return [()]


def _real(output: Any) -> float:
    return float(output)


def _names_of_inputs(f: Callable[..., Any], count: int) -> list[str]:
    try:
        names = list(inspect.signature(f).parameters)
    except (TypeError, ValueError):  # Some functions written in C have none.
        names = []
    if len(names) >= count and all(len(name) <= 8 for name in names):
        return names[:count]
    return ["x"] if count == 1 else [f"x{position}" for position in range(count)]


def scatter(problem: Problem, center: Iterable[float], *, times: int = 1) -> float:
    """Return how far further calls of f differ from the first, with the same inputs.

    Returns:
        The largest difference in any output; 0.0 where there is none but rounding, and infinity
        where only one of two calls gave a value.
    """
    for _ in range(times):
        again = problem(problem.entries)
        found = max(_difference(a, b) for a, b in zip(center, again, strict=True))
        if found:
            return found
    return 0.0


def _difference(a: float, b: float) -> float:
    if a == b or (math.isnan(a) and math.isnan(b)):
        return 0.0
    difference = abs(a - b)
    if math.isnan(difference):
        return math.inf
    return difference if difference > _WITHIN * math.ulp(max(abs(a), abs(b))) else 0.0
