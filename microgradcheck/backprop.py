"""Functions of functions: the gradient, Jacobian and Hessian of a function of `Value`s."""

from __future__ import annotations

import gc
import math
from collections.abc import Sequence
from functools import partial, wraps
from itertools import accumulate
from typing import Any, Self, cast

from microgradcheck import sweep
from microgradcheck.functions.elementwise import VALUES
from microgradcheck.functions.entries import is_entry
from microgradcheck.ops import NumberSystem
from microgradcheck.structure import (
    Function,
    one_or_all,
    put_together,
    require_function,
    shape_of,
    take_apart,
)
from microgradcheck.value import Input, Value

__tracebackhide__ = True  # from pytest


def value_and_grad(f: Function) -> Function:
    """Return a function that computes both f and the gradient of f.

    Args:
        f: a function of numbers, lists, tuples or arrays that returns one number. It is called
            with `Value`s in their places.

    Returns:
        A function of the same arguments that returns the pair (value, gradient). The gradient of
        one argument has its kind and shape; of several, it is a tuple with one for each. Keyword
        arguments are handed to f as they are. Called with `Value`s, it returns `Value`s, which
        can be differentiated again.

    Raises:
        TypeError: f does not return one number, or an argument holds something else.
        ValueError, ArithmeticError: f or a derivative is undefined there.

    Limits: what f takes out of a `Value` as a plain number, by math.exp, float() or an array of
    floats, is a constant from there on, with the derivative 0; `gradcheck` says where that is.

    Example:
        >>> value_and_grad(lambda x: x[0] * x[1])([2.0, 5.0])
        (10.0, [5.0, 2.0])
    """
    require_function(f)

    @wraps(f)
    def value_and_gradient(*arguments: Any, **constants: Any) -> tuple[Any, Any]:
        with Run(f, arguments, constants) as run:
            output = run.one_output()
            gradient = run.like_arguments(run.derivatives(output))
            return output if run.recorded else float(output), gradient

    return value_and_gradient


def grad(f: Function) -> Function:
    """Return the gradient of f as a function of the same arguments.

    Args:
        f: a function of numbers, lists, tuples or arrays that returns one number.

    Returns:
        A function that returns the gradient as `value_and_grad` does. `grad(grad(f))` works, to
        any order.

    Raises:
        TypeError, ValueError, ArithmeticError: as `value_and_grad`.

    Example:
        >>> grad(lambda x: x**3)(2.0)
        12.0
        >>> grad(grad(lambda x: x**3))(2.0)
        12.0
    """
    both = value_and_grad(f)

    @wraps(f)
    def gradient(*arguments: Any, **constants: Any) -> Any:
        return both(*arguments, **constants)[1]

    return gradient


def jacobian(f: Function) -> Function:
    """Return the Jacobian of f as a function of the same arguments.

    Args:
        f: a function of numbers, lists, tuples or arrays that returns a number or a list, tuple
            or array of numbers.

    Returns:
        A function that returns an array: the axes of f's output first, then those of the input.
        For several arguments it returns a tuple with one array for each.

    Raises:
        TypeError: f returns something else.
        ValueError, ArithmeticError: f or a derivative is undefined there, or the outputs are none
            or nested unevenly.

    Limits: one reverse sweep for each output entry.

    Example:
        >>> jacobian(lambda x: [x[0] + x[1], x[0] * x[1]])([2.0, 5.0])
        array([[1., 1.],
               [5., 2.]])
    """
    require_function(f)

    @wraps(f)
    def jacobian_of_f(*arguments: Any, **constants: Any) -> Any:
        with Run(f, arguments, constants) as run:
            return run.jacobian(run.result, like=run.result)

    return jacobian_of_f


def hessian(f: Function) -> Function:
    """Return the matrix of second derivatives of f as a function of the same arguments.

    Args:
        f: a function of numbers, lists, tuples or arrays that returns one number.

    Returns:
        A function that returns an array whose axes are those of the input, twice. For several
        arguments it returns a tuple of tuples of arrays: `[i][j]` holds the derivatives with
        respect to argument i, then argument j.

    Raises:
        TypeError, ValueError, ArithmeticError: as `value_and_grad`.

    Limits: one reverse sweep for each input entry, over the recorded gradient.

    Example:
        >>> hessian(lambda x: x[0] ** 2 * x[1])([2.0, 5.0])
        array([[10.,  4.],
               [ 4.,  0.]])
    """
    gradient = grad(f)

    @wraps(f)
    def hessian_of_f(*arguments: Any, **constants: Any) -> Any:
        with Run(gradient, arguments, constants) as run:
            parts = run.result if len(arguments) > 1 else (run.result,)
            return one_or_all(
                [
                    run.jacobian(part, like=argument)
                    for part, argument in zip(parts, arguments, strict=True)
                ]
            )

    return hessian_of_f


def forward_gradient(f: Function) -> Function:
    """Return `value_and_grad` of f by forward sweeps of tangents, one for each input entry.

    It is a second opinion on the reverse sweep from the same table, of floats only: it cannot be
    differentiated again.

    Example:
        >>> forward_gradient(lambda x: x[0] * x[1])([2.0, 5.0])
        (10.0, [5.0, 2.0])
    """

    @wraps(f)
    def value_and_gradient(*arguments: Any, **constants: Any) -> tuple[float, Any]:
        with Run(f, arguments, constants) as run:
            output = run.one_output()
            partials = [
                sweep.forward(output, entry) if isinstance(output, Value) else 0.0
                for entry in run.inputs
            ]
            return float(output), run.like_arguments(partials)

    return value_and_gradient


class Run:
    """One recorded call of a function, and the derivatives of what came out."""

    def __init__(self, f: Function, arguments: tuple[Any, ...], constants: dict[str, Any]) -> None:
        if not arguments:
            raise TypeError("give the function at least one argument to differentiate it by")
        self.arguments = arguments
        entries = [
            entry
            for position, argument in enumerate(arguments)
            for entry in take_apart(argument, is_entry, name=f"argument {position}")
        ]
        self.recorded = any(isinstance(entry, Value) for entry in entries)
        self.inputs = list(map(_input, entries))
        self.call = partial(f, *put_together(self.inputs, like=arguments), **constants)

    def __enter__(self) -> Self:
        # A growing graph has no cycles, and the garbage collector would search it over and over.
        self._collector_was_on = gc.isenabled()
        gc.disable()
        try:
            self.result = self.call()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for entry in self.inputs:
            entry.__class__ = Value  # type: ignore[assignment]
        if self._collector_was_on:
            gc.enable()

    def one_output(self) -> Any:
        """Return the result, which must be one number."""
        result = self.result
        if is_entry(result):
            return result
        outputs = self._outputs(result)
        if getattr(result, "shape", None) == ():
            return outputs[0]
        raise TypeError(
            f"a gradient needs a function that returns one number; it returned {len(outputs)} in "
            f"a {type(result).__name__}; return their sum, or use jacobian"
        )

    def derivatives(self, output: Any) -> list[Any]:
        """Return the derivatives of one output with respect to every input entry."""
        if not isinstance(output, Value):
            return [0.0] * len(self.inputs)
        return sweep.reverse(output, self.inputs, self._recorder)[1]

    def _recorder(self, order: Sequence[Value]) -> NumberSystem | None:
        """Record derivatives where f also used the inputs of a function around it."""
        if not self.recorded:
            own = set(map(id, self.inputs))
            self.recorded = any(type(node) is Input and id(node) not in own for node in order)
        return VALUES if self.recorded else None

    def like_arguments(self, entries: Sequence[Any]) -> Any:
        """Return one entry for each input in the arguments' kinds; a tuple for several."""
        return one_or_all(put_together(entries, like=self.arguments))

    def jacobian(self, result: Any, *, like: Any) -> Any:
        """Return the derivatives of all entries of a result, which is shaped like something."""
        import numpy as np

        rows = [self.derivatives(output) for output in self._outputs(result)]
        plain = not any(isinstance(entry, Value) for row in rows for entry in row)
        matrix = np.array(rows, dtype=float if plain else object)
        first, shapes = shape_of(like), list(map(shape_of, self.arguments))
        ends = list(accumulate(map(math.prod, shapes)))[:-1]
        blocks = np.split(matrix, ends, axis=1)
        return one_or_all(
            [block.reshape(first + shape) for block, shape in zip(blocks, shapes, strict=True)]
        )

    def _outputs(self, result: Any) -> list[Any]:
        return take_apart(result, is_entry, name="the result of the function")


def _input(entry: Any) -> Input:
    """Return a new input; one made from a `Value` remembers it, but is told apart from it."""
    fresh = +entry if isinstance(entry, Value) else Value(entry)
    fresh.__class__ = Input
    return cast(Input, fresh)
