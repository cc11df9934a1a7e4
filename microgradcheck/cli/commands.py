"""The commands that look at a function of the user's: check, draw, explore and descend."""

from __future__ import annotations

import inspect
import re
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unicodedata import normalize

from microgradcheck.cli.expression import CONSTANTS, FUNCTIONS, Expression
from microgradcheck.cli.result import (
    Result,
    Status,
    UsageError,
    near_miss,
    prose,
    shortened,
)
from microgradcheck.structure import put_together

if TYPE_CHECKING:
    from microgradcheck.draw import Picture
    from microgradcheck.explore import Exploration
    from microgradcheck.gradcheck import Report

__all__ = ["check", "descend", "draw", "explore", "read_target", "save", "status_of"]

_FUNCTION: Final = re.compile(r"[\w.]+:[\w.]+")
_LONG: Final = 1000  # steps of a descent that takes long enough for a progress bar


def check(options: Namespace) -> Result:
    """Compare a gradient with finite differences."""
    from microgradcheck.gradcheck import gradcheck

    target = read_target(options)
    gradient = _read_gradient(options.gradient)
    report = gradcheck(target.function, *target.inputs, gradient=gradient, raise_on_failure=False)
    return Result(
        status_of(report),
        target.data | report.to_dict(),
        lambda: [target.headline, prose(str(report))],
    )


def status_of(report: Report) -> int:
    """Return the exit status that says what a report says."""
    if report.passed:
        return Status.PASS
    undecided = str(report.verdict) in {"NOISY", "INCONCLUSIVE", "EDGE"}
    return Status.CANNOT_TELL if undecided else Status.WRONG


def draw(options: Namespace) -> Result:
    """Draw the graph of a computation into a file."""
    from microgradcheck.draw import draw as make_picture
    from microgradcheck.value import Value, source_lines

    target = read_target(options)
    leaves = [Value(number, label=name) for name, number in target.at.items()]
    # Only a function that stands in a file has lines.
    with nullcontext() if isinstance(target.function, Expression) else source_lines():
        result = target(*leaves)
    if not isinstance(result, Value):
        raise UsageError(f"{target.title} returned {result!r}, which was not computed from Values")
    problem = None
    try:
        result.backward()
    except (ValueError, ArithmeticError) as error:
        problem = str(error)
    picture = make_picture(result, depth=options.depth, limit=options.limit)
    path = save(picture, options.output)
    data = {
        "value": result.data,
        "gradient": None if problem else {leaf.label: leaf.grad for leaf in leaves},
        "problem": problem,
        "picture": str(path),
    }
    lines = [target.headline, picture.text, f"Picture: {path}"]
    if problem is None:
        return Result(Status.PASS, target.data | data, lambda: lines)
    note = f"It has no gradients: {problem}."
    return Result(Status.CANNOT_TELL, target.data | data, lambda: [*lines, prose(note)])


def explore(options: Namespace) -> Result:
    """Write the interactive page of a computation into a file."""
    from microgradcheck.explore import explore as make_page

    target = read_target(options)

    def function(**at: Any) -> Any:
        return target(*at.values())

    function.__name__ = target.title
    path = save(make_page(function, **target.at), options.output)
    return Result(
        Status.PASS,
        target.data | {"page": str(path)},
        lambda: [target.headline, f"Page: {path} (open it in a browser)"],
    )


def descend(options: Namespace) -> Result:
    """Follow a gradient downhill."""
    from microgradcheck.optimize import Status as Ending
    from microgradcheck.optimize import minimize

    target = read_target(options)
    descent = minimize(
        target.function,
        *target.inputs,
        gradient=_read_gradient(options.gradient),
        learning_rate=options.learning_rate,
        steps=options.steps,
        progress=options.steps >= _LONG and sys.stderr.isatty(),
    )
    status = Status.PASS if descent.success else Status.CANNOT_TELL
    if descent.status == Ending.INTERRUPTED:
        status = Status.INTERRUPTED
    data = target.data | descent.to_dict()
    return Result(status, data, lambda: [target.headline, str(descent)])


def save(picture: Picture | Exploration, path: str) -> Path:
    """Save a picture or page, or complain in one line."""
    try:
        return picture.save(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


# What was typed


@dataclass(frozen=True)
class Target:
    """A function and the point to look at it from: its inputs, and the same numbers by name."""

    title: str
    function: Callable[..., Any]
    inputs: tuple[Any, ...]
    at: dict[str, float]

    def __call__(self, *numbers: Any) -> Any:
        """Return the function of other numbers, or of `Value`s, one for each of `at`."""
        return self.function(*put_together(numbers, like=self.inputs))

    @property
    def headline(self) -> str:
        """Both as a line for people."""
        return f"{self.title} at {', '.join(f'{name} = {x:g}' for name, x in self.at.items())}"

    @property
    def data(self) -> dict[str, Any]:
        """Both as data for machines."""
        return {"function": self.title, "at": self.at}


def read_target(options: Namespace) -> Target:
    """Return the function that a person typed, an expression or one of a module, and its point."""
    text, values, at = options.target, options.values, options.at
    if _FUNCTION.fullmatch(text):
        if values:
            raise UsageError(f"{values[0]}: give a function its inputs in order, as --at 1.0 2.0")
        if not at:
            raise UsageError(f"{text} needs the point to look at it from, as in --at 1.0 2.0")
        return _function_target(text, [_number("--at", number) for number in at])
    if at is not None:
        raise UsageError("--at is for functions; give an expression its values by name, as in x=1")
    expression = Expression(text)
    given = _assignments(values)
    _match(expression, given)
    point = {name: _number(name, given[name]) for name in expression.names}
    return Target(expression.text, expression, tuple(point.values()), point)


def _read_gradient(text: str) -> str | Callable[..., Any]:
    """Return the gradient source that a person typed: its name, or a function of a module."""
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
            hint = near_miss(name, [*unused, *FUNCTIONS, *CONSTANTS])
            advice = hint or f"; add {shortened(name)}=1 after the expression"
            raise expression.complaint(f"{shortened(name)} has no value{advice}", name)
    for name in unused:
        if name in FUNCTIONS or name in CONSTANTS:
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


def _function_target(path: str, point: list[float]) -> Target:
    function = _load(path)
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # Some functions that are written in C do not tell.
        parameters = []
    names = [p.name for p in parameters if p.kind <= inspect.Parameter.POSITIONAL_OR_KEYWORD]
    inputs: tuple[Any, ...] = tuple(point)
    if len(parameters) == len(names) == 1 and len(point) > 1:
        inputs = (point,)
        names = [f"{names[0]}[{i}]" for i in range(len(point))]
    elif len(names) < len(point):
        names = [f"x{i}" for i in range(len(point))]
    return Target(path, function, inputs, dict(zip(names, point, strict=False)))


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
