"""A recorded function that runs again without making a single `Value`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from microgradcheck.backprop import _Run, value_and_grad
from microgradcheck.tape.arguments import Arguments, as_lists, flat
from microgradcheck.tape.graph import SYMBOLS, Graph
from microgradcheck.tape.loop import Loop, broken_guard
from microgradcheck.tape.module import Module
from microgradcheck.tape.trace import trace

__all__ = ["StaleTapeError", "Tape", "record"]

Function = Callable[..., Any]


class StaleTapeError(RuntimeError):
    """The recorded function would do something else here than what was recorded."""


def record(f: Function, *inputs: Any) -> Tape:
    """Run a function once and keep what it does, so that it runs again at the speed of plain code.

    Args:
        f: a function of numbers, lists, tuples or arrays that returns one number. It is called
            with `Value`s in their places.
        inputs: its arguments, of plain numbers; the tape takes others of the same shapes.

    Returns:
        A `Tape`.

    Raises:
        TypeError: f does not return one number, or reads a `Value` as a plain number (`.data`,
            `float()`), which a tape cannot follow.
        ValueError, ArithmeticError: f is undefined at the inputs.

    Limits: f must depend on its arguments alone. What else it looks at (random numbers, a file, a
    number that is changed later) stays on the tape as it was.

    Example:
        >>> tape = record(lambda x: x[0] * x[1], [2.0, 5.0])
        >>> tape.value_and_grad([3.0, 7.0])
        (21.0, [7.0, 3.0])
    """
    return Tape(f, trace(f, inputs), Arguments(inputs))


class Tape:
    """A recorded function; `record` makes one.

    Args:
        f: the function.
        graph: what it did.
        arguments: what it did it with.
    """

    def __init__(self, f: Function, graph: Graph, arguments: Arguments) -> None:
        self._f = f
        self._graph = graph
        self._arguments = arguments

    def __call__(self, *inputs: Any) -> float:
        """Return the function's value.

        Args:
            inputs: arguments of the recorded shapes.

        Raises:
            StaleTapeError: the function would take another branch here, or a `Value` that it
                uses besides its arguments has been given another number.
            TypeError, ValueError: an argument has another shape, or does not hold plain numbers.
            ValueError, ArithmeticError: the function is undefined here.
        """
        try:
            value: float = self._value(*inputs)
        except (TypeError, ValueError, ArithmeticError):
            value = self._carefully(self._value, self._eager_value, inputs)
        return value

    def value_and_grad(self, *inputs: Any) -> tuple[float, Any]:
        """Return the function's value and its gradient.

        Args:
            inputs: arguments of the recorded shapes.

        Returns:
            The pair (value, gradient). The gradient of one argument has the kind and shape that
            it was recorded with; of several, it is a tuple with one for each.

        Raises:
            StaleTapeError, TypeError, ValueError, ArithmeticError: as for the value; also where
                a derivative does not exist.
        """
        try:
            pair: tuple[float, Any] = self._value_and_gradient(*inputs)
        except (TypeError, ValueError, ArithmeticError):
            pair = self._carefully(self._value_and_gradient, value_and_grad(self._f), inputs)
        return pair

    @cached_property
    def source(self) -> str:
        """The straight-line program of both sweeps, as the text of a Python module."""
        return Module(self._graph, self._f, self._arguments.lists).source()

    def save(self, path: str | Path) -> None:
        """Write the program as a Python module that needs neither this library nor NumPy.

        Args:
            path: the file, such as "loss.py". Its function `value_and_grad` takes the arguments
                of the recorded function, with lists for arrays.

        Raises:
            ValueError: the function uses an operation of your own that is a Python function.
        """
        module = Module(self._graph, self._f, self._arguments.lists)
        if module.foreign:
            raise ValueError(
                f"the program calls {', '.join(module.foreign)}, which a module of its own does "
                "not have; give mg.operation the rules as texts"
            )
        Path(path).write_text(self.source, encoding="utf-8")

    # Running at one point

    @cached_property
    def _value(self) -> Function:
        return self._prepared(gradient=False)

    @cached_property
    def _value_and_gradient(self) -> Function:
        return self._prepared(gradient=True)

    def _prepared(self, *, gradient: bool) -> Function:
        """Return the function of the arguments that runs in the way that the plan chose."""
        run = self._straight(gradient=gradient) if self._way == "straight" else self._flat(gradient=gradient)
        if not self._graph.captured:
            return run

        def run_if_fresh(*inputs: Any) -> Any:
            self._require_fresh()
            return run(*inputs)

        return run_if_fresh

    _way = "straight"
    _runner = None

    def _straight(self, *, gradient: bool) -> Function:
        run = Module(self._graph, self._f, self._arguments.lists, gradient=gradient).compile()
        if self._arguments.plain:
            return run
        if not gradient:
            return lambda *inputs: run(*map(as_lists, inputs))

        def run_with_lists(*inputs: Any) -> tuple[float, Any]:
            value, partials = run(*map(as_lists, inputs))
            return value, self._arguments.gradient(flat(partials))

        return run_with_lists

    def _flat(self, *, gradient: bool) -> Function:
        runner = Loop(self._graph)
        numbers_of = self._arguments.numbers
        if not gradient:
            return lambda *inputs: runner.value(numbers_of(inputs))

        def run(*inputs: Any) -> tuple[float, Any]:
            value, partials = runner.value_and_gradient(numbers_of(inputs))
            return value, self._arguments.gradient(partials)

        return run

    def _carefully(self, run: Function, eager: Function, inputs: tuple[Any, ...]) -> Any:
        """Run where the straight way failed; say why, or let the eager engine say."""
        entries = self._arguments.numbers(inputs)
        self._require_fresh()
        try:
            return run(*self._arguments.nested(entries))
        except (ValueError, ArithmeticError):
            broken = broken_guard(self._graph, entries)
        if broken is not None:
            guard, left, right = broken
            raise StaleTapeError(
                f"the recorded function takes another branch here: {left!r} "
                f"{SYMBOLS[guard.compare]} {right!r} is {not guard.answer}, and was {guard.answer} "
                f"when it was recorded (at {guard.line}); record it again at this point"
            )
        # Nothing makes a better message than the function itself, at the line that fails.
        return eager(*self._arguments.like(entries))

    def _eager_value(self, *inputs: Any) -> float:
        with _Run(self._f, inputs, {}) as run:
            return float(run.one_output())

    def _require_fresh(self) -> None:
        for leaf, number in self._graph.captured:
            if leaf.number != number and number == number:
                raise StaleTapeError(
                    f"a Value that the recorded function uses, and that is not among its "
                    f"arguments, was {number!r} when it was recorded and is {leaf.number!r} now; "
                    "record it again, or make that Value an argument"
                )
