"""What a command looks at: a function, written as an expression or imported, and a point."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple
from unicodedata import normalize

from microgradcheck.cli.complaint import UsageError, near_miss, shortened
from microgradcheck.cli.expression import CONSTANTS, Expression, functions

__all__ = ["Target", "read_gradient", "read_target"]

_FUNCTION: Final = re.compile(r"[\w.]+:[\w.]+")


class Target(NamedTuple):
    """A function and the point to look at it from.

    Attributes:
        title: the function as it was typed.
        function: to be called with the inputs, or with `Value`s in their places.
        inputs: its arguments, numbers or a list of them.
        at: the same numbers, by name.
    """

    title: str
    function: Callable[..., Any]
    inputs: tuple[Any, ...]
    at: dict[str, float]


def read_target(text: str, values: Sequence[str], at: Sequence[str] | None = None) -> Target:
    """Return the function and the point that a person typed.

    Args:
        text: an expression, or `package.module:function` for a function of a module, which may
            be in the current folder.
        values: `name=number` for each variable of an expression. A number may be an expression
            itself, such as `pi/2`.
        at: the inputs of a function, in order. A function of one argument that is given several
            numbers gets them as a list.

    Raises:
        ExpressionError: the expression or a number is none, or a variable has no value.
        UsageError: something else about them does not fit.

    Example:
        >>> target = read_target("x**2 * y", ["y=0.5", "x=4"])
        >>> target.at, target.function(*target.inputs)
        ({'x': 4.0, 'y': 0.5}, 8.0)
    """
    if _FUNCTION.fullmatch(text.strip()):
        if values:
            raise UsageError(f"{values[0]}: give a function its inputs in order, as --at 1.0 2.0")
        if not at:
            raise UsageError(f"{text} needs the point to look at it from, as in --at 1.0 2.0")
        point = tuple(_number("--at", number) for number in at)
        return _function_target(text.strip(), point)
    if at is not None:
        raise UsageError("--at is for functions; give an expression its values by name, as in x=1")
    expression = Expression(text)
    given = _assignments(values)
    _match(expression, given)
    point = tuple(_number(name, given[name]) for name in expression.names)
    at_point = dict(zip(expression.names, point, strict=True))
    return Target(expression.text, expression, point, at_point)


def read_gradient(text: str) -> str | Callable[..., Any]:
    """Return the gradient source that a person typed: its name, or a function of a module.

    Raises:
        UsageError: there is no such module or function.

    Example:
        >>> read_gradient("backprop"), read_gradient("math:cos")
        ('backprop', <built-in function cos>)
    """
    return _load(text) if _FUNCTION.fullmatch(text) else text


def _assignments(values: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for value in values:
        written, equals, number = value.partition("=")
        # Python reads names in this form, so that x and 𝑥 are the same.
        name = normalize("NFKC", written.strip())
        if not equals:
            raise UsageError(
                f"{shortened(value)} is no value such as x=1; "
                "if it belongs to the expression, put that in quotes"
            )
        if name in given:
            raise UsageError(f"{shortened(name)} is given twice")
        given[name] = number
    return given


def _match(expression: Expression, given: dict[str, str]) -> None:
    """See to it that every variable has a value and every value a variable."""
    unused = [name for name in given if name not in expression.names]
    for name in expression.names:
        if name not in given:
            hint = near_miss(name, [*unused, *functions(), *CONSTANTS])
            advice = hint or f"; add {shortened(name)}=1 after the expression"
            raise expression.complaint(f"{shortened(name)} has no value{advice}", name)
    for name in unused:
        if name in functions() or name in CONSTANTS:
            raise UsageError(f"{name} has a meaning already; choose another name")
        hint = near_miss(name, expression.names)
        raise UsageError(f"{shortened(name)} is given but not in the expression{hint}")
    if not given:
        raise UsageError("there is no variable in the expression, and so no derivative of it")


def _number(name: str, text: str) -> float:
    example = "--at 1.0 2.0" if name == "--at" else f"{shortened(name)}=1"
    reason = f"{shortened(name)} needs a finite number, as in {example}"
    if not text.strip():
        raise UsageError(reason)
    expression = Expression(text)
    if expression.names:
        raise expression.complaint(reason, expression.names[0])
    return float(expression())


def _load(path: str) -> Callable[..., Any]:
    # The installed command does not look in the current folder by itself, as `python -m` does.
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    module, _, name = path.partition(":")
    try:
        thing: Any = import_module(module)
    except ImportError as error:
        raise UsageError(f"cannot import {module}: {error}") from error
    for part in name.split("."):
        if not hasattr(thing, part):
            raise UsageError(f"there is no {part} in {module}{near_miss(part, dir(thing))}")
        thing = getattr(thing, part)
    if not callable(thing):
        raise UsageError(f"{path} is a {type(thing).__name__}, not a function")
    function: Callable[..., Any] = thing
    return function


def _function_target(path: str, point: tuple[float, ...]) -> Target:
    function = _load(path)
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # Some functions that are written in C do not tell.
        parameters = []
    names = [p.name for p in parameters if p.kind <= inspect.Parameter.POSITIONAL_OR_KEYWORD]
    inputs: tuple[Any, ...] = point
    if len(parameters) == len(names) == 1 and len(point) > 1:
        inputs = (list(point),)
        names = [f"{names[0]}[{i}]" for i in range(len(point))]
    elif len(names) < len(point):
        names = [f"x{i}" for i in range(len(point))]
    return Target(path, function, inputs, dict(zip(names, point, strict=False)))
