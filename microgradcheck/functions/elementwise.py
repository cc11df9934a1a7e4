"""The table's operations as functions of every kind of number."""

from __future__ import annotations

import math
from numbers import Complex
from typing import TYPE_CHECKING, Any, SupportsComplex, SupportsFloat, TypeVar, overload

from microgradcheck.ops import (
    COMPLEX,
    FLOATS,
    NumberSystem,
    Operation,
    arrays,
    require_finite,
    undefined,
)
from microgradcheck.structure import Function, is_array, number, shown
from microgradcheck.value import Value, binary, reflected, unary

__tracebackhide__ = True  # from pytest

Number = TypeVar("Number", Value, float)

if TYPE_CHECKING:

    @overload
    def of_one(a: Number, /) -> Number: ...
    @overload
    def of_one(a: SupportsFloat | SupportsComplex, /) -> Any: ...
    def of_one(a: Any, /) -> Any:
        """Stand for every function of one input, which type checkers do not see made."""

    @overload
    def of_two(a: Value | float, b: Value, /) -> Value: ...
    @overload
    def of_two(a: Number, b: float, /) -> Number: ...
    @overload
    def of_two(
        a: SupportsFloat | SupportsComplex, b: SupportsFloat | SupportsComplex, /
    ) -> Any: ...
    def of_two(a: Any, b: Any, /) -> Any:
        """Stand for every function of two."""


VALUES = NumberSystem({"abs": abs}, "Values")
"""Recorded numbers: derivatives taken over them can be differentiated again."""


def elementwise(operation: Operation) -> Function:
    """Return the function of one of the table's operations, for every kind of number.

    Example:
        >>> from microgradcheck.ops import OPERATIONS
        >>> elementwise(OPERATIONS["sqrt"])(9)
        3.0
    """
    function = (_of_one if operation.arity == 1 else _of_two)(operation)
    function.__name__ = function.__qualname__ = operation.name
    function.__doc__ = _describe(operation)
    VALUES.names.setdefault(operation.name, function)
    return function


def _of_one(operation: Operation) -> Function:
    record, compute = unary(operation), operation.compute

    def function(a: Any, /) -> Any:
        if isinstance(a, Value):
            return record(a)
        if type(a) is float:  # A check of a gradient calls f with floats, and very often.
            try:
                y = compute(a)
                if y - y == 0:
                    return y
            except (ValueError, ArithmeticError):
                pass  # What is wrong is told below.
        if is_array(a):
            return _over_arrays(operation, function, a)
        return _over_numbers(operation, a)

    return function


def _of_two(operation: Operation) -> Function:
    record: Function = binary(operation)
    record_reflected: Function = reflected(operation)
    compute = operation.compute

    def function(a: Any, b: Any, /) -> Any:
        if type(a) is float and type(b) is float:  # As for one input.
            try:
                y = compute(a, b)
                if y - y == 0:
                    return y
            except (ValueError, ArithmeticError):
                pass
        if is_array(a) or is_array(b):
            return _over_arrays(operation, function, a, b)
        if isinstance(a, Value):
            result = record(a, b)
        elif isinstance(b, Value):
            result = record_reflected(b, a)
        else:
            return _over_numbers(operation, a, b)
        if result is NotImplemented:
            raise _unfit(operation, b if isinstance(a, Value) else a)
        return result

    return function


def _over_numbers(operation: Operation, *inputs: Any) -> Any:
    floats = [number(x) for x in inputs]
    for x in inputs if None in floats else ():
        if number(x) is None and not isinstance(x, Complex):
            raise _unfit(operation, x)
    try:
        if None in floats:
            numbers: list[Any] = list(map(complex, inputs))
            y = complex(COMPLEX.value(operation)(*numbers))
        else:
            numbers = floats
            y = operation.compute(*numbers)
        require_finite(y, *numbers)
        return y
    except (ValueError, ArithmeticError) as error:
        raise undefined(operation, inputs, error) from None


def _over_arrays(operation: Operation, function: Function, *inputs: Any) -> Any:
    import numpy as np

    for x in inputs:
        if isinstance(x, (list, tuple)):
            raise _unfit(operation, x)
    kinds = {np.asarray(x).dtype.kind for x in inputs}
    if kinds <= set("biuf"):
        # Outside the domain an array gets NumPy's nan or inf in that entry, not an error.
        with np.errstate(all="ignore"):
            # Integers become floats, since NumPy has no negative power of an integer.
            y = arrays().value(operation)(*(x * 1.0 for x in inputs))
        # A rule of a user's own may be a constant, or ignore an input.
        shape = np.broadcast_shapes(*map(np.shape, inputs))
        return y if np.shape(y) == shape else np.full(shape, y)
    if "O" in kinds:
        return np.frompyfunc(function, len(inputs), 1)(*inputs)

    def over_complex(*numbers: complex) -> complex:
        try:
            return complex(function(*numbers))
        except (ValueError, ArithmeticError):
            return complex(math.nan, math.nan)

    with np.errstate(all="ignore"):
        return np.asarray(np.frompyfunc(over_complex, len(inputs), 1)(*inputs), dtype=complex)


def _unfit(operation: Operation, thing: object) -> TypeError:
    hint = "; make it an array first: numpy.array(...)" if isinstance(thing, (list, tuple)) else ""
    return TypeError(
        f"{operation.name} takes numbers, Values and NumPy arrays, "
        f"got {shown(thing)} of type {type(thing).__name__}{hint}"
    )


def example_of(operation: Operation) -> str:
    """Return the example in a function's docstring, with the numbers that the table gives."""
    is_inside = FLOATS.compile(operation.domain or "True", "a", "b")
    a, b = next(point for point in ((0.5, 2.0), (1.5, 2.0), (-0.5, 2.0)) if is_inside(*point))
    inputs = dict(zip(operation.parameters, (a, b), strict=False))
    y = operation.compute(*inputs.values())
    slopes = [rule(a, b, y) for rule in FLOATS.derivatives(operation)]
    return f"""Example:
    >>> import microgradcheck as mg
    >>> {", ".join(inputs)} = {", ".join(f"mg.Value({x})" for x in inputs.values())}
    >>> y = mg.{operation.name}({", ".join(inputs)})
    >>> y.backward()
    >>> {", ".join(["y.data", *(f"{parameter}.grad" for parameter in inputs)])}
    {(y, *slopes)}"""


def _describe(operation: Operation) -> str:
    kinds = "a number, a Value, or a NumPy array of them; or complex, see below."
    facts = [
        f"Derivative with respect to {parameter}: {rule}, where y is the result."
        for parameter, rule in zip(operation.parameters, operation.derivatives, strict=True)
    ]
    if operation.domain:
        facts.append(f"Domain: {operation.domain}.")
    if operation.kink:
        facts.append(f"Kink: {operation.kink}; the derivative there is a convention.")
    returned = (
        f"{operation.value}, of numbers, Values or arrays (entry by entry)"
        if isinstance(operation.value, str)
        else f"{operation.name}({', '.join(operation.parameters)}), an operation defined by a user"
    )
    lines = [
        *(f"Return {returned}.", "", "Args:"),
        *(f"    {parameter}: {kinds}" for parameter in operation.parameters),
        *("", "Returns:"),
        "    A float, a complex number, a Value, or an array of the inputs' shape.",
        *("", *facts),
        "Complex numbers, where it takes any: continued from the real line, for complex steps.",
        *("", "Raises:"),
        "    TypeError: an input is none of these.",
        "    ValueError, ArithmeticError: a number is outside the domain or the result is too",
        "        large for a float; arrays of floats get nan or inf in that entry instead.",
    ]
    return "\n".join(lines)
