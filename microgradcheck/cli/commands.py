"""The commands that look at a function of the user's: check, draw, explore and descend."""

from __future__ import annotations

import inspect
import re
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from unicodedata import normalize

from rich.console import RenderableType

import microgradcheck as mg
from microgradcheck.cli import Status
from microgradcheck.cli.expression import CONSTANTS, FUNCTIONS, Expression, expressions
from microgradcheck.cli.result import Result, prose
from microgradcheck.structure import (
    argument_names,
    count,
    did_you_mean,
    entry_names,
    one_or_all,
    put_together,
    take_apart,
)

_FUNCTION: Final = re.compile(r"[\w.]+:[\w.]+")
_NAME: Final = re.compile(r"[A-Za-z]{4,}([-_][A-Za-z]+)*")  # as people write a gradient source
_LONG: Final = 1000  # steps of a descent that takes long enough for a progress bar


def check(options: Namespace) -> Result:
    """Compare a gradient with finite differences."""
    target = read_target(options)
    report = mg.gradcheck(
        target.function,
        *target.inputs,
        gradient=target.gradient(options.gradient),
        raise_on_failure=False,
    )
    return target.result(status_of(report), report.to_dict(), prose(str(report)))


def status_of(report: mg.Report) -> int:
    """Return the exit status that says what a report says."""
    if report.passed:
        return Status.PASS
    wrong = report.verdict in {"WRONG", "KINK"}
    return Status.WRONG if wrong else Status.CANNOT_TELL


def draw(options: Namespace) -> Result:
    """Draw the graph of a computation into a file."""
    target = read_target(options)
    leaves = [mg.Value(number, label=name) for name, number in target.at.items()]
    # Only a function that stands in a file has lines.
    with nullcontext() if isinstance(target.function, Expression) else mg.source_lines():
        result = target(*leaves)
    if not isinstance(result, mg.Value):
        raise ValueError(
            f"{target.title} returned {result!r}, expected one Value computed from its inputs"
        )
    problem = None
    try:
        result.backward()
    except (ValueError, ArithmeticError) as error:
        problem = str(error)
    picture = mg.draw(result, depth=options.depth, limit=options.limit)
    path = save(picture, options.output)
    data = {
        "value": result.data,
        "gradient": None if problem else {leaf.label: leaf.grad for leaf in leaves},
        "problem": problem,
        "picture": str(path),
    }
    shown: list[RenderableType] = [picture.text, f"Picture: {path}"]
    if problem is None:
        return target.result(Status.PASS, data, *shown)
    shown.append(prose(f"It has no gradients: {problem}."))
    return target.result(Status.CANNOT_TELL, data, *shown)


def explore(options: Namespace) -> Result:
    """Write the interactive page of a computation into a file."""
    target = read_target(options)

    def function(**at: Any) -> Any:
        return target(*at.values())

    function.__name__ = target.title
    path = save(mg.explore(function, **target.at), options.output)
    note = f"Page: {path} (open it in a browser)"
    return target.result(Status.PASS, {"page": str(path)}, note)


def descend(options: Namespace) -> Result:
    """Follow a gradient downhill."""
    target = read_target(options)
    descent = mg.minimize(
        target.function,
        *target.inputs,
        gradient=target.gradient(options.gradient),
        learning_rate=options.learning_rate,
        steps=options.steps,
        progress=options.steps >= _LONG and sys.stderr.isatty(),
    )
    status = Status.PASS if descent.success else Status.CANNOT_TELL
    if descent.status == mg.optimize.Status.INTERRUPTED:
        status = Status.INTERRUPTED
    steps, _, message = str(descent).rpartition("\n")
    return target.result(status, descent.to_dict(), steps, prose(message))


def save(picture: Any, path: str) -> Path:
    """Save a picture or page, or complain in one line."""
    try:
        return Path(picture.save(path))
    except OSError as error:
        reason = f"cannot write {path}: {error.strerror}; choose another place with -o FILE"
        raise ValueError(reason) from error


# What was typed


@dataclass(frozen=True)
class _Target:
    """A function and the point to look at it from: its inputs, and the same numbers by name."""

    title: str
    function: Callable[..., Any]
    inputs: tuple[Any, ...]
    at: dict[str, float]

    def __call__(self, *numbers: Any) -> Any:
        """Return the function of other numbers, or of `Value`s, one for each of `at`."""
        return self.function(*put_together(numbers, like=self.inputs))

    def gradient(self, text: str) -> str | Callable[..., Any]:
        """Return the gradient that was typed: a source's name, a function, or expressions."""
        text = text.strip()
        if _FUNCTION.fullmatch(text):
            return _load(text)
        in_expressions = {*self.at, *CONSTANTS, *FUNCTIONS}
        if _NAME.fullmatch(text) and not {*text.split("-")} <= in_expressions:
            return text
        slopes = expressions(text)
        if len(slopes) != len(self.at):
            raise ValueError(
                f"the gradient {text} has {count(len(slopes), 'expression')}, "
                f"expected one for each of {', '.join(self.at)}, with commas between them"
            )
        for slope in slopes:
            for name in slope.names:
                if name not in self.at:
                    raise slope.complaint(
                        f"{name} is no input of {self.title}{did_you_mean(name, self.at)}", name
                    )

        def gradient(*inputs: Any) -> Any:
            at = dict(zip(self.at, take_apart(inputs, lambda _: True), strict=True))
            found = [slope(*map(at.__getitem__, slope.names)) for slope in slopes]
            return one_or_all(put_together(found, like=inputs))

        gradient.__name__ = text
        return gradient

    def result(self, status: int, data: dict[str, Any], *shown: RenderableType) -> Result:
        """Return what was found, below the function and the point."""
        point = ", ".join(f"{name} = {x:g}" for name, x in self.at.items())
        return Result(
            status,
            {"function": self.title, "at": self.at} | data,
            [f"{self.title} at {point}", *shown],
        )


def read_target(options: Namespace) -> _Target:
    """Return the function that was typed, an expression or one of a module, and its point."""
    text, values, at = options.target, options.values, options.at
    if _FUNCTION.fullmatch(text):
        if values:
            raise ValueError(f"{values[0]}: give a function its inputs in order, as --at 1.0 2.0")
        if not at:
            raise ValueError(f"{text} needs its inputs, as in --at 1.0 2.0")
        for number in at:
            if "=" in number:
                raise ValueError(f"{number}: give the inputs in order, as --at 1.0 2.0")
        return _function_target(text, [_number("--at", number, "--at 1.0 2.0") for number in at])
    if at is not None:
        raise ValueError(
            "--at is for functions, such as math:sin; give an expression its values by name, "
            "as in x=1"
        )
    expression = Expression(text)
    point = _point(expression, values)
    return _Target(expression.text, expression, tuple(point.values()), point)


def _point(expression: Expression, values: list[str]) -> dict[str, float]:
    """Return the number of every variable; each must have one, and no other name."""
    given: dict[str, str] = {}
    for value in values:
        written, equals, number = value.partition("=")
        # Python reads names in this form, so that x and 𝑥 are the same.
        name = normalize("NFKC", written.strip())
        if not equals:
            raise ValueError(
                f"{value} is not of the form x=1: write values without spaces, "
                "and the expression in quotes"
            )
        if name in given:
            raise ValueError(f"{name} is given twice")
        given[name] = number
    unused = [name for name in given if name not in expression.names]
    for name in expression.names:
        if name not in given:
            # A letter is half of any name of three: x would be taken for `max`.
            known = [*unused, *FUNCTIONS, *CONSTANTS] if len(name) > 1 else unused
            instead = f"; add {name}=1 after the expression"
            advice = _run_together(name, given) or did_you_mean(name, known, instead)
            raise expression.complaint(f"{name} has no value{advice}", name)
    for name in unused:
        if name in FUNCTIONS or name in CONSTANTS:
            raise ValueError(f"{name} has a meaning already; choose another name")
        hint = did_you_mean(name, expression.names)
        raise ValueError(f"{name} is given but not in the expression{hint}")
    if not given:
        raise ValueError("there is no variable in the expression, and so no derivative of it")
    return {name: _number(name, given[name], f"{name}=1") for name in expression.names}


def _run_together(name: str, given: Iterable[str]) -> str:
    """Return what to write for a product such as xy, or a call such as sinx; "" for neither."""
    if all(letter in given for letter in name):
        return f"; for a product, write {'*'.join(name)}"
    found = [f for f in FUNCTIONS if name.startswith(f) and name.removeprefix(f) in given]
    return f"; write {found[0]}({name.removeprefix(found[0])})" if found else ""


def _number(name: str, text: str, example: str) -> float:
    reason = f"{name} needs a finite number, as in {example}"
    if not text.strip():
        raise ValueError(reason)
    expression = Expression(text)
    if expression.names:
        raise expression.complaint(reason, expression.names[0])
    return float(expression())


def _function_target(path: str, point: list[float]) -> _Target:
    function = _load(path)
    inputs: tuple[Any, ...] = tuple(point)
    names = argument_names(function, len(point))
    with suppress(TypeError, ValueError):  # It has several, or is written in C and does not tell.
        (only,) = inspect.signature(function).parameters.values()
        if len(point) > 1 and only.kind <= only.POSITIONAL_OR_KEYWORD:
            inputs, names = (point,), entry_names(only.name, point)
    return _Target(path, function, inputs, dict(zip(names, point, strict=True)))


def _load(path: str) -> Callable[..., Any]:
    # The installed command does not look in the current folder by itself, as `python -m` does.
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    module, _, name = path.partition(":")
    try:
        thing: Any = import_module(module)
    except ImportError as error:
        raise ValueError(f"cannot import {module}: {error}") from error
    for part in name.split("."):
        if not hasattr(thing, part):
            raise ValueError(f"there is no {part} in {module}{did_you_mean(part, dir(thing))}")
        thing = getattr(thing, part)
    if not callable(thing):
        raise ValueError(f"{path} is of type {type(thing).__name__}, not a function")
    function: Callable[..., Any] = thing
    return function
