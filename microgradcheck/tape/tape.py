"""A recorded function that runs again without making a single `Value`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any

from microgradcheck.structure import Function
from microgradcheck.tape.arguments import Arguments, Points
from microgradcheck.tape.graph import Graph, Mask, Numbers, StaleTapeError
from microgradcheck.tape.module import Module, foreign_rules
from microgradcheck.tape.over_arrays import namespace_function
from microgradcheck.tape.recorder import trace
from microgradcheck.tape.ways import Ways

_MOST_SHOWN = 200  # operations of a source that a notebook shows


def record(f: Function, *inputs: Any) -> Tape:
    """Run a function once and keep what it does, to run it again at the speed of plain code.

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
    plain number that is changed later) stays on the tape as it was. What f computes and does not
    use is not on the tape, which raises no error where that alone is undefined.

    Example:
        >>> tape = record(lambda x: x[0] * x[1], [2.0, 5.0])
        >>> tape.value_and_grad([3.0, 7.0])
        (21.0, [7.0, 3.0])
    """
    __tracebackhide__ = True  # from pytest
    return Tape(f, trace(f, inputs), Arguments(inputs))


class Tape:
    """A recorded function; `record` makes one.

    Called with arguments of the recorded shapes, it returns the function's value. Threads may
    share it.

    Args:
        f: the function.
        graph: what it did.
        arguments: what it did it with.

    Raises:
        StaleTapeError: when called where the function would take another branch, or after a
            `Value` that it uses besides its arguments has been given another number.
        TypeError, ValueError: when called with arguments of other shapes.
        ValueError, ArithmeticError: when called where the function is undefined.

    Example:
        >>> from math import pi
        >>> from microgradcheck import sin
        >>> tape = record(lambda x, y: x * sin(y), 2.0, 0.5)
        >>> tape(3.0, pi / 2)
        3.0
        >>> tape.value_and_grad(3.0, 0.0)
        (0.0, (0.0, 3.0))
    """

    def __init__(self, f: Function, graph: Graph, arguments: Arguments) -> None:
        self._f = f
        self._graph = graph
        self._arguments = arguments
        self._ways = Ways(f, graph, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return Tape, (self._f, self._graph, self._arguments)  # What else it has, it builds anew.

    def __call__(self, *inputs: Any) -> float:
        """Return the function's value: see `Tape`."""
        try:
            return self._value(*inputs)
        except TypeError:
            self._arguments.require_count(inputs)
            raise

    # Not a method, whose call would take a tenth of a small function's time.
    @cached_property
    def value_and_grad(self) -> Callable[..., tuple[float, Any]]:
        """A function of arguments of the recorded shapes that returns value and gradient.

        The gradient of one argument has the kind and shape that it was recorded with; of several,
        it is a tuple. It raises what the tape does when called, and a ValueError or
        ArithmeticError where a derivative does not exist.
        """
        return self._ways.once(gradient=True)

    def batch(self, *points: Any) -> tuple[Numbers, Any]:
        """Return the values and gradients at many points.

        Args:
            points: for each argument an array with the points on its first axis, or one of the
                recorded shape, which all points share.

        Returns:
            The values, of shape (m,), and the gradient of each argument, of shape (m, ...); for
            several arguments a tuple of them. Points at which the function takes another branch
            are computed from new recordings, or one by one.

        Raises:
            TypeError, ValueError: the shapes do not fit.
            ValueError, ArithmeticError: the function or a derivative is undefined at a point,
                which a note in the error names.

        Limits: needs memory for the gradients, and little more.

        Example:
            >>> tape = record(lambda w, x: w * x * x, 2.0, 3.0)
            >>> values, (by_w, by_x) = tape.batch(2.0, [1.0, 10.0])
            >>> values, by_w, by_x
            (array([  2., 200.]), array([  1., 100.]), array([ 4., 40.]))
        """
        at = self._points(points)
        values, partials = self._ways.run(at, gradient=True)
        return values, at.gradient(partials)

    def values(self, *points: Any) -> Numbers:
        """Return the values at many points, without gradients.

        Args:
            points: as for `batch`.

        Returns:
            The values, of shape (m,).

        Raises:
            StaleTapeError, TypeError, ValueError, ArithmeticError: as `batch`.

        Example:
            >>> record(lambda x: x * x, 2.0).values([1.0, 2.0, 3.0])
            array([1., 4., 9.])
        """
        return self._ways.run(self._points(points), gradient=False)[0]

    def trusted_values(self, *points: Any) -> tuple[Numbers, Mask]:
        """Return the values at many points, and at which of them the tape holds.

        Args:
            points: as for `batch`.

        Returns:
            The values, and whether each can be trusted, both of shape (m,). Where the function is
            undefined or takes another branch, the value means nothing.

        Raises:
            StaleTapeError, TypeError, ValueError: as `batch`.

        Example:
            >>> from microgradcheck import log
            >>> record(lambda x: x + log(x), 1.0).trusted_values([1.0, -1.0])[1]
            array([ True, False])
        """
        values, _, trusted = self._ways.run_tape(self._points(points), gradient=False)
        return values, trusted

    def agrees(self, *inputs: Any) -> bool:
        """Tell whether the function itself returns the same value as the tape here.

        Args:
            inputs: arguments of the recorded shapes.

        Returns:
            Whether they are the same, but for rounding.

        Raises:
            StaleTapeError, TypeError, ValueError, ArithmeticError: as when called.

        Example:
            >>> data = [1.0, 2.0]
            >>> tape = record(lambda x: x * sum(data), 3.0)
            >>> tape.agrees(4.0)
            True
            >>> data[0] = 5.0
            >>> tape.agrees(4.0)
            False
        """
        recorded = self(*inputs)
        own, largest = self._ways.ask_for_terms(self._arguments.numbers(inputs))
        # Sums in another order differ by the rounding of their largest terms.
        return own == recorded or abs(own - recorded) <= 1e-9 * largest

    def explain(self) -> str:
        """Return how large the graph is, in which ways it runs, and why."""
        return str(self._ways)

    def __repr__(self) -> str:
        return f"<tape of {self._ways.operations:,} operations; one point: {self._ways.one_point}>"

    def _repr_html_(self) -> str:
        heading = f"<p>{escape(repr(self))}</p>"
        if self._ways.operations > _MOST_SHOWN:
            return heading
        try:
            source = f"<pre>{escape(self.source)}</pre>"
        except StaleTapeError as error:
            return f"{heading}<p>{escape(str(error))}</p>"
        return f"{heading}<details><summary>source</summary>{source}</details>"

    @property
    def source(self) -> str:
        """The straight-line program of both sweeps, as the text of a Python module.

        Raises:
            StaleTapeError: a `Value` that the function uses has been given another number.
        """
        self._graph.require_fresh()
        return Module(self._graph, self._f, self._arguments.lists).source

    def function(self, namespace: Any) -> Function:
        """Build the same program for an array library, to go on with in `jax.jit` or `torch`.

        Args:
            namespace: the library's module: `numpy`, `jax.numpy`, `torch`.

        Returns:
            A function of arguments of the recorded shapes, arrays of that library or lists of
            its numbers, that returns (value, gradient). Plain and whole numbers take the precision
            of the float arrays beside them. Where the recorded function would take another branch,
            or is undefined or infinite, value and gradient are nan, and so is a derivative that
            does not exist.

        Raises:
            TypeError: the namespace is no module.
            ValueError: the library lacks a function, or the tape has an operation of your own
                that is a Python function.
            StaleTapeError: a `Value` that the function uses has been given another number. What
                this returns raises it, too, but not once `jax.jit` has compiled it.

        Example:
            >>> import numpy
            >>> tape = record(lambda x: x[0] * x[1], [2.0, 5.0])
            >>> value, gradient = tape.function(numpy)(numpy.array([3.0, 7.0]))
            >>> float(value), gradient
            (21.0, array([7., 3.]))
        """
        return namespace_function(self._graph, self._arguments, namespace)

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the straight-line program as a Python module that needs `math` alone.

        Args:
            path: the file, such as "loss.py". Its `value_and_grad` takes the recorded arguments,
                with lists for arrays. It raises an error where the tape does, and an OverflowError
                wherever a number on the way is not finite, also from an infinite argument, which
                the tape itself passes on.

        Returns:
            The path.

        Raises:
            ValueError: the function uses an operation of your own that is a Python function.
            StaleTapeError: as `source`.
        """
        if foreign := foreign_rules(self._graph):
            raise ValueError(
                f"the program calls {', '.join(foreign)}, which a module of its own does "
                "not have; give microgradcheck.operation the rules as texts"
            )
        Path(path).write_text(self.source, encoding="utf-8", newline="\n")
        return Path(path)

    @cached_property
    def _value(self) -> Callable[..., float]:
        return self._ways.once(gradient=False)

    def _points(self, points: tuple[Any, ...]) -> Points:
        at = Points(self._arguments, points)
        self._graph.require_fresh()
        return at
