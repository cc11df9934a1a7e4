"""Mathematical functions of numbers, `Value`s and arrays: the table's operations, and a few sums.

Every operation of the table is a function here. A `Value` gives a `Value`, a float a float, a
complex number a complex number and an array an array, entry by entry.
"""

from __future__ import annotations

import ast
import keyword
import math
from collections.abc import Callable, Sequence
from numbers import Complex
from typing import TYPE_CHECKING, Any

from microgradcheck.ops import (
    COMPLEX,
    FLOATS,
    OPERATIONS,
    NumberSystem,
    Operation,
    Rule,
    arrays,
    define,
    require_finite,
    undefined,
)
from microgradcheck.structure import is_array, number, put_together, take_apart
from microgradcheck.value import OPERATORS, Value, binary, reflected, unary, watching

Function = Callable[..., Any]

VALUES = NumberSystem({"abs": abs}, "Values")
"""Recorded numbers: derivatives taken over them can be differentiated again."""

__all__ = ["clip", "dot", "logsumexp", "mean", "operation", "softmax", "sum"]

if TYPE_CHECKING:
    # One function for each row of the table; see the end of this module.
    def __getattr__(name: str) -> Function: ...


def elementwise(operation: Operation) -> Function:
    """Return the function of one of the table's operations, for every kind of number.

    Args:
        operation: a row of the table.

    Returns:
        A function of as many arguments as the operation has inputs.

    Example:
        >>> elementwise(OPERATIONS["sqrt"])(9)
        3.0
    """
    function = (_of_one if operation.arity == 1 else _of_two)(operation)
    function.__name__ = function.__qualname__ = operation.name
    function.__doc__ = _describe(operation)
    VALUES.names.setdefault(operation.name, function)
    return function


def _of_one(operation: Operation) -> Function:
    record = unary(operation)

    def function(a: Any, /) -> Any:
        if isinstance(a, Value):
            return record(a)
        if is_array(a):
            return _over_arrays(operation, function, a)
        return _over_numbers(operation, a)

    return function


def _of_two(operation: Operation) -> Function:
    record, record_reflected = binary(operation), reflected(operation)

    def function(a: Any, b: Any, /) -> Any:
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
    for x in inputs:
        if not isinstance(x, Complex) and number(x) is None:
            raise _unfit(operation, x)
    floats = [converted for x in inputs if (converted := number(x)) is not None]
    try:
        if len(floats) == len(inputs):
            y = operation.compute(*floats)
        else:
            y = COMPLEX.value(operation)(*map(complex, inputs))
        require_finite(y, *inputs)
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
            return arrays().value(operation)(*(x * 1.0 for x in inputs))
    entrywise = np.frompyfunc(function, len(inputs), 1)(*inputs)
    return entrywise if "O" in kinds else np.asarray(entrywise, dtype=complex)


def _unfit(operation: Operation, thing: object) -> TypeError:
    hint = "; make it an array first: numpy.array(...)" if isinstance(thing, (list, tuple)) else ""
    return TypeError(
        f"{operation.name} takes numbers, Values and NumPy arrays, "
        f"got {thing!r} of type {type(thing).__name__}{hint}"
    )


def _describe(operation: Operation) -> str:
    inputs = ", ".join(operation.parameters)
    lines = [
        f"Return {operation.value}, of numbers, Values or arrays (entry by entry)."
        if isinstance(operation.value, str)
        else f"Return {operation.name}({inputs}), an operation defined by a user.",
        "",
        "Args:",
        *(
            f"    {p}: a number, a complex number, a Value, or a NumPy array of any of them."
            for p in operation.parameters
        ),
        "",
        "Returns:",
        "    A float, a complex number, a Value, or an array of the inputs' shape.",
        "",
    ]
    for parameter, rule in zip(operation.parameters, operation.derivatives, strict=True):
        lines.append(f"Derivative with respect to {parameter}: {rule}, where y is the result.")
    if operation.domain:
        lines.append(f"Domain: {operation.domain}.")
    if operation.kink:
        lines.append(f"Kink: {operation.kink}; the derivative there is a convention.")
    lines += [
        "",
        "Raises:",
        "    TypeError: an input is none of these.",
        "    ValueError, ArithmeticError: a number is outside the domain or the result is too",
        "        large for a float; arrays get nan or inf in that entry instead.",
    ]
    return "\n".join(lines)


def operation(name: str, *, value: Rule, derivatives: Sequence[Rule]) -> Function:
    """Define a primitive operation of your own and return it as a function.

    Args:
        name: what messages and pictures call it; a Python identifier that is not taken.
        value: a text in the inputs `a` (and `b`), such as `"a**3"`, in the table's functions; or
            a Python function of the inputs, which gets and returns floats.
        derivatives: one for each input, one or two: a text in `a` (and `b`) and the output `y`,
            such as `"3 * a**2"`; or a Python function of the inputs and of `y`.

    Returns:
        A function of numbers, `Value`s and arrays, like those of the table. Its derivative is
        believed as given: `gradcheck` tells whether it is right. Higher derivatives come from
        texts, and from Python functions that use this library's functions only.

    Raises:
        ValueError: the name is taken or no identifier, a text is no expression or uses an
            unknown name, or there are not one or two derivatives.
        TypeError: the name is no text, or a rule is neither a text nor a function.

    Example:
        >>> cube = operation("cube", value="a**3", derivatives=["3 * a**2"])
        >>> x = Value(2.0)
        >>> y = cube(x)
        >>> y.backward()
        >>> y.data, x.grad
        (8.0, 12.0)
    """
    if not isinstance(name, str):
        raise TypeError(f"an operation's name is a text, got {name!r}")
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"an operation's name is a Python identifier, got {name!r}")
    if name in OPERATIONS or name in {*FLOATS.names, "a", "b", "y", "real", "where"}:
        raise ValueError(f"the name {name!r} is taken; choose another for your operation")
    if not isinstance(derivatives, (list, tuple)):
        raise TypeError(f"derivatives is a list with one rule for each input, got {derivatives!r}")
    if len(derivatives) not in (1, 2):
        raise ValueError(f"an operation has one or two inputs, got {len(derivatives)} derivatives")
    inputs = ["a", "b"][: len(derivatives)]
    checked_value = _check_rule(value, inputs, f"the value of {name}")
    checked = [
        _check_rule(rule, [*inputs, "y"], f"the derivative of {name} with respect to {parameter}")
        for parameter, rule in zip(inputs, derivatives, strict=True)
    ]
    return elementwise(define(Operation(name, name, checked_value, *checked)))


def _check_rule(rule: Rule, parameters: list[str], what: str) -> Rule:
    if callable(rule):
        return _python_rule(rule, what)
    if not isinstance(rule, str):
        raise TypeError(f"{what} is a text or a function, got {rule!r}")
    try:
        nodes = list(ast.walk(ast.parse(rule.strip(), mode="eval")))
    except (SyntaxError, RecursionError) as error:
        raise ValueError(
            f"{what} is no expression: {rule!r} ({getattr(error, 'msg', error)})"
        ) from None
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        if isinstance(node, ast.expr) and not _is_mathematics(node, parameters, called):
            raise ValueError(
                f"{what} cannot use {ast.unparse(node)!r} in {rule!r}; a text may use "
                f"{', '.join(parameters)}, pi, numbers, + - * / **, comparisons, "
                "'... if ... else ...' and functions of the table"
            )
    return rule.strip()


# All that has a meaning over every kind of number.
_SYNTAX = (
    *(ast.Name, ast.Load, ast.Constant, ast.Call, ast.IfExp),
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.UnaryOp, ast.UAdd, ast.USub),
    *(ast.Compare, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq),
    *(ast.BoolOp, ast.And, ast.Or, ast.BitAnd, ast.BitOr),
)


def _is_mathematics(node: ast.expr, parameters: list[str], called: set[int]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in (
            {*OPERATIONS, "abs"} if id(node) in called else {*parameters, "pi", "inf"}
        )
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float)
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", "")
        row = OPERATIONS.get("absolute" if name == "abs" else name)
        return row is not None and len(node.args) == row.arity and not node.keywords
    return all(isinstance(part, _SYNTAX) for part in (node, *ast.iter_child_nodes(node)))


def _python_rule(rule: Function, what: str) -> Function:
    def over_any(*inputs: Any) -> Any:
        if any(isinstance(x, Value) for x in inputs):
            with watching(read=refuse_to_read):
                return rule(*inputs)
        if any(is_array(x) for x in inputs):
            import numpy as np

            return np.asarray(np.frompyfunc(rule, len(inputs), 1)(*inputs), dtype=float)
        result = rule(*inputs)
        if isinstance(result, complex):
            return result
        if (plain := number(result)) is None:
            raise TypeError(f"{what} returned {result!r}, which is not a number")
        return plain

    def refuse_to_read(value: Value) -> None:
        raise TypeError(
            f"{what} was read as a plain number, so its own derivative would be lost; write it "
            "with this library's functions (microgradcheck.exp, not math.exp) or as a text"
        )

    return over_any


def sum(values: Any) -> Any:
    """Return the sum of all entries of a sequence or array.

    Args:
        values: a list, tuple or array of any shape, of `Value`s or numbers.

    Returns:
        A `Value` where one is among the entries, else a float; 0.0 for an empty sequence.

    Raises:
        TypeError: an entry is neither a number nor a `Value`.

    Example:
        >>> sum([Value(1.0), 2.0]).data
        3.0
    """
    total: Any = 0.0
    for position, entry in enumerate(_entries(values, "sum", least=0)):
        total = entry if position == 0 else total + entry
    return total


def mean(values: Any) -> Any:
    """Return the mean of all entries of a sequence or array.

    Args:
        values: a list, tuple or array of any shape, of `Value`s or numbers, not empty.

    Returns:
        A `Value` where one is among the entries, else a float.

    Raises:
        TypeError: an entry is neither a number nor a `Value`.
        ValueError: there is no entry.

    Example:
        >>> mean([1.0, 2.0, 6.0])
        3.0
    """
    entries = _entries(values, "mean")
    return sum(entries) / len(entries)


def dot(left: Any, right: Any) -> Any:
    """Return the sum of the products of the entries of two sequences or arrays of one dimension.

    Args:
        left: a sequence of n `Value`s or numbers.
        right: another of the same length.

    Returns:
        A `Value` where one is among the entries, else a float.

    Raises:
        TypeError: an entry is neither a number nor a `Value`.
        ValueError: they are empty or differ in length.

    Example:
        >>> dot([1.0, 2.0], [3.0, 4.0])
        11.0
    """
    lefts, rights = _entries(left, "dot"), _entries(right, "dot")
    if len(lefts) != len(rights):
        raise ValueError(f"dot takes two of the same length, got {len(lefts)} and {len(rights)}")
    return sum([a * b for a, b in zip(lefts, rights, strict=True)])


def logsumexp(values: Any) -> Any:
    """Return the logarithm of the sum of the exponentials, without overflow.

    Args:
        values: a list, tuple or array of any shape, of `Value`s or numbers, not empty.

    Returns:
        A `Value` where one is among the entries, else a float.

    Raises:
        TypeError: an entry is neither a number nor a `Value`.
        ValueError: there is no entry.

    Source: Blanchard, Higham and Higham, Accurately computing the log-sum-exp and softmax
    functions, IMA J. Numer. Anal. 41 (2021).

    Example:
        >>> logsumexp([1000.0, 1000.0]) == 1000.0 + math.log(2.0)
        True
    """
    entries = _entries(values, "logsumexp")
    largest = _largest(entries)
    if math.isinf(largest) and not any(isinstance(entry, Value) for entry in entries):
        return largest
    return VALUES.names["log"](sum(_shifted_exponentials(entries, largest))) + largest


def softmax(values: Any) -> Any:
    """Return each exponential divided by the sum of all, without overflow.

    Args:
        values: a list, tuple or array of any shape, of `Value`s or numbers, not empty.

    Returns:
        The same kind and shape, with entries that are positive and sum to 1.

    Raises:
        TypeError: an entry is neither a number nor a `Value`.
        ValueError: there is no entry.

    Source: as for `logsumexp`.

    Example:
        >>> softmax([1000.0, 1000.0])
        [0.5, 0.5]
    """
    entries = _entries(values, "softmax")
    exponentials = _shifted_exponentials(entries, _largest(entries))
    total = sum(exponentials)
    return put_together([exponential / total for exponential in exponentials], like=values)


def clip(values: Any, low: Any, high: Any) -> Any:
    """Return each entry, or the nearer bound where it is outside of them.

    Args:
        values: a number, `Value`, list, tuple or array.
        low: the lower bound, a number or `Value`.
        high: the upper bound, not below the lower.

    Returns:
        The same kind and shape. At a bound the derivative is one half, as at any tie.

    Raises:
        TypeError: an entry is neither a number nor a `Value`.
        ValueError: the lower bound is above the upper one.

    Example:
        >>> clip([-3.0, 0.5, 2.0], 0.0, 1.0)
        [0.0, 0.5, 1.0]
    """
    if low > high:
        raise ValueError(
            f"clip takes a lower bound that is not above the upper: {low!r} > {high!r}"
        )
    maximum, minimum = VALUES.names["maximum"], VALUES.names["minimum"]
    entries = _entries(values, "clip")
    return put_together([minimum(maximum(entry, low), high) for entry in entries], like=values)


def lift(numbers: Any) -> Any:
    """Return a number, list, tuple or array with a new `Value` for each number in it.

    Args:
        numbers: what a function of `Value`s is to be called with.

    Raises:
        TypeError, ValueError: as for `take_apart`.

    Example:
        >>> lift([1.0, 2.0])
        [Value(data=1.0), Value(data=2.0)]
    """
    entries = take_apart(numbers, lambda entry: number(entry) is not None)
    return put_together(list(map(Value, entries)), like=numbers)


def _entries(values: Any, name: str, least: int = 1) -> list[Any]:
    if least == 0 and hasattr(values, "__len__") and not len(values):
        return []
    if not isinstance(values, (str, list, tuple)) and hasattr(values, "__next__"):
        values = list(values)
    entries = take_apart(values, is_entry, name=f"the argument of {name}")
    return [entry if isinstance(entry, Value) else float(entry) for entry in entries]


def is_entry(thing: object) -> bool:
    return isinstance(thing, Value) or number(thing) is not None


def _largest(entries: list[Any]) -> float:
    # Not float(entry), by which a watcher would think that the graph is cut.
    numbers = [entry.number if isinstance(entry, Value) else entry for entry in entries]
    return math.nan if any(map(math.isnan, numbers)) else max(numbers)


def _shifted_exponentials(entries: list[Any], largest: float) -> list[Any]:
    exp = VALUES.names["exp"]
    # Moving all entries alike changes neither result, and the largest exponential becomes 1.
    return [exp(entry - largest) for entry in entries]


for _operation in list(OPERATIONS.values()):
    _function = elementwise(_operation)
    if _operation.name not in OPERATORS:
        globals()[_operation.name] = _function
        __all__.append(_operation.name)
