"""A function and its inputs, taken apart into numbers that can be moved one at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from microgradcheck.functions.entries import is_entry
from microgradcheck.gradcheck.entry import Claim, Entry
from microgradcheck.gradcheck.wording import short
from microgradcheck.numeric.entries import quiet_numpy, scales_of
from microgradcheck.sources import on_numbers
from microgradcheck.structure import (
    argument_names,
    indices_of,
    is_array,
    put_together,
    shown,
    take_apart,
    with_numpy_arrays,
)

__tracebackhide__ = True  # from pytest

_LONGEST_NAME = 8  # which leaves room for numbers beside it

Index = tuple[int, ...]

_WITHIN = 64  # ulp: threads that add in another order are noise, not irreproducible


class Problem:
    """A function of several inputs as a function of one list of numbers.

    With `order=2`, it is the gradient of the function that names speak of.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        inputs: tuple[Any, ...],
        *,
        scale: float | None = None,
        order: int = 1,
    ) -> None:
        if not callable(f):
            raise TypeError(f"gradcheck takes a function first, got {f!r}")
        if not inputs:
            raise TypeError("give gradcheck at least one input: gradcheck(f, x)")
        for thing in inputs:
            if callable(thing) and not hasattr(thing, "with_parameters"):
                raise TypeError(
                    f"after f, gradcheck takes its inputs, got {shown(thing)}; a gradient is given "
                    "by name: gradient=..."
                )
        self.f, self.inputs = f, inputs
        self._are_numbers = set(map(type, inputs)) <= {float, int}
        self._on_numbers, self._scale, self.order = on_numbers(f), scale, order
        self.names = argument_names(f, len(inputs), longest=_LONGEST_NAME)
        parts = [
            list(map(float, take_apart(entry, name=f"the input {name}")))
            for name, entry in zip(self.names, inputs, strict=True)
        ]
        self.counts = list(map(len, parts))
        # Copies of arrays, which is four times faster than to put them together.
        self._fresh = [
            partial(entry.astype, float)
            if is_array(entry)
            else partial(put_together, part, like=entry)
            for part, entry in zip(parts, inputs, strict=True)
        ]
        self.entries = [entry for part in parts for entry in part]
        self.places = [(position, tuple(index)) for position, *index in indices_of(inputs)]
        self._position_of = {place: i for i, place in enumerate(self.places)}
        for i, entry in enumerate(self.entries):
            if not math.isfinite(entry):
                raise ValueError(f"{self.name_of(i)} is {entry!r}; gradcheck needs finite inputs")
        self.sizes = [size for part in parts for size in scales_of(part)]
        self.scales = self.sizes if scale is None else [scale] * len(self.sizes)
        self.calls = 0
        self.output_indices: list[Index] = [()]
        self.failure: Exception | None = None

    def elsewhere(self, entries: Sequence[float]) -> Problem:
        """Return the same problem at other inputs, with calls of its own to count."""
        return Problem(self.f, self.arguments(entries), scale=self._scale, order=self.order)

    def of(self, entries: Sequence[Any]) -> Any:
        """Return what f itself returns for these numbers or `Value`s."""
        return self.f(*self.arguments(entries))

    def arguments(self, entries: Sequence[Any]) -> tuple[Any, ...]:
        """Return fresh inputs in the kinds and shapes of the given ones."""
        if self._are_numbers:
            return tuple(entries)
        arguments: tuple[Any, ...] = put_together(entries, like=self.inputs)
        return arguments

    def unchanged(self, arguments: tuple[Any, ...]) -> bool:
        """Tell whether arguments that were handed out still hold the inputs' numbers."""
        try:
            return take_apart(arguments) == self.entries
        except (TypeError, ValueError):
            return False

    def look_at_output(self) -> tuple[list[float], bool]:
        """Call f once; return its outputs and whether it left its arguments as they were."""
        arguments = self.arguments(self.entries)
        result = self._result(arguments)
        outputs = take_apart(result, is_entry, name="the result of f")
        self.scalar = is_entry(result) or (is_array(result) and result.shape == ())
        self.output_indices = indices_of(result)
        self._position_of_output = {index: k for k, index in enumerate(self.output_indices)}
        return list(map(float, outputs)), bool(self.failure) or self.unchanged(arguments)

    def __call__(self, entries: Sequence[float]) -> list[float]:
        """Return the outputs of f as one list; nan where f is undefined."""
        return self._outputs(self.arguments(entries))

    def moved(self, i: int, step: float) -> list[float]:
        """Return the outputs of f with one entry moved."""
        position, index = self.places[i]
        if is_array(self.inputs[position]) and index:
            arguments = tuple(fresh() for fresh in self._fresh)
            arguments[position][index] += step
            return self._outputs(arguments)
        entries = list(self.entries)
        entries[i] += step
        return self(entries)

    def along(
        self, moves: Mapping[int, float], k: int, start: Sequence[float] | None = None
    ) -> Callable[[float], float]:
        """Return one output as a function of a step that moves entries, each so many times."""

        def at(step: float) -> float:
            entries = list(start or self.entries)
            for i, times in moves.items():
                entries[i] += times * step
            return self(entries)[k]

        return at

    def _outputs(self, arguments: tuple[Any, ...]) -> list[float]:
        result = self._result(arguments)
        if isinstance(result, float):
            outputs = [float(result)] * (len(self.output_indices) if math.isnan(result) else 1)
        else:
            # As Python's power of a negative number, a complex one is no real value, so none.
            outputs = [
                (math.nan if x.imag else x.real) if isinstance(x, complex) else float(x)
                for x in take_apart(result, _is_number, name="the result of f")
            ]
        if len(outputs) != len(self.output_indices):
            raise ValueError(
                f"the result of f holds {len(self.output_indices)} numbers at the inputs given, "
                f"and {len(outputs)} with {short(arguments)}; gradcheck needs as many everywhere"
            )
        return outputs

    def _result(self, arguments: tuple[Any, ...]) -> Any:
        """Return what f returns, arrays as NumPy's; nan where it is undefined."""
        self.calls += 1
        try:
            with quiet_numpy():
                return with_numpy_arrays(self._on_numbers(*arguments))
        except (ValueError, ArithmeticError) as error:
            self.failure = error
            return math.nan
        except Exception as error:
            # The author of f knows the inputs given, and not those that f is called with.
            note = f"gradcheck called f with {short(arguments)}"
            if isinstance(error, (TypeError, IndexError)) and any(map(_is_whole, self.inputs)):
                note += "; f gets floats, so what is not to be moved, such as an index, is no input"
            error.add_note(note)
            raise

    def claims(self, rows: Sequence[Sequence[float]]) -> list[Claim]:
        """Return the numbers of a gradient, output by output, with their places and names."""
        inputs = [(*place, self.name_of(i)) for i, place in enumerate(self.places)]
        claims = []
        for k, row in enumerate(rows):
            output = self.output_indices[k]
            over = f"d²f/d{self.name_of(k)}d" if self.order == 2 else f"d{self.output_name(k)}/d"
            claims += [
                Claim(position, index, output, over + name, gradient)
                for (position, index, name), gradient in zip(inputs, row, strict=True)
            ]
        return claims

    def position(self, entry: Entry) -> tuple[int, int]:
        """Return the positions of an entry's output and input, among all of them."""
        return self._position_of_output[entry.output], self._position_of[entry.input, entry.index]

    def name_of(self, i: int) -> str:
        """Return how a report calls one entry of the inputs, such as `x[1]`."""
        position, index = self.places[i]
        return self.names[position] + _subscript(index)

    def output_name(self, k: int) -> str:
        """Return how a report calls one output, such as `f[1]`, or `df/dx[1]`."""
        if self.order == 2:
            return f"df/d{self.name_of(k)}"
        return f"f{'' if self.scalar else _subscript(self.output_indices[k])}"


def _subscript(index: Index) -> str:
    return f"[{','.join(map(str, index))}]" if index else ""


def _is_number(thing: object) -> bool:
    return isinstance(thing, (float, complex)) or is_entry(thing)


def _is_whole(thing: Any) -> bool:
    return thing.dtype.kind in "iu" if is_array(thing) else isinstance(thing, int)


def scatter(problem: Problem, center: Iterable[float], *, times: int = 1) -> float:
    """Return how far further calls of f differ from the first, with the same inputs.

    Only rounding is no difference; where only one of two calls gives a value, it is infinite.
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
    if not math.isfinite(a - b):
        return math.inf
    return abs(a - b) if abs(a - b) > _WITHIN * math.ulp(max(abs(a), abs(b))) else 0.0
