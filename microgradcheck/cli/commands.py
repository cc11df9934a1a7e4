"""The commands that look at a function of the user's: check, draw, explore and descend."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from microgradcheck.cli.complaint import UsageError
from microgradcheck.cli.result import Result, Status, about, headline, status_of, with_verdicts
from microgradcheck.cli.screen import Screen
from microgradcheck.cli.target import read_gradient, read_target
from microgradcheck.structure import put_together

if TYPE_CHECKING:
    from microgradcheck.draw import Picture
    from microgradcheck.explore import Exploration
    from microgradcheck.value import Value

__all__ = ["check", "descend", "draw", "explore", "save"]

_LONG: Final = 1000  # steps of a descent that takes long enough for a progress bar


def check(options: argparse.Namespace) -> Result:
    """Compare a gradient with finite differences."""
    from microgradcheck.gradcheck import gradcheck

    target = read_target(options.target, options.values, options.at)
    gradient = read_gradient(options.gradient)
    report = gradcheck(target.function, *target.inputs, gradient=gradient, raise_on_failure=False)

    def show(screen: Screen) -> None:
        screen.show(headline(target), with_verdicts(str(report)))

    return Result(status_of(report), about(target) | report.to_dict(), show)


def draw(options: argparse.Namespace) -> Result:
    """Draw the graph of a computation into a file."""
    from microgradcheck.draw import draw as make_picture
    from microgradcheck.value import Value

    target = read_target(options.target, options.values, options.at)
    leaves = [Value(number, label=name) for name, number in target.at.items()]
    result = target.function(*put_together(leaves, like=target.inputs))
    if not isinstance(result, Value):
        raise UsageError(f"{target.title} returned {result!r}, which was not computed from Values")
    problem = _run_backward(result)
    picture = make_picture(result, depth=options.depth, limit=options.limit)
    path = save(picture, options.output)

    def show(screen: Screen) -> None:
        from rich.text import Text

        screen.show(headline(target), picture.text, f"Picture: {path}")
        if problem:
            screen.show(Text(f"It has no gradients: {problem}."))

    data = {
        "value": result.data,
        "gradient": None if problem else {leaf.label: leaf.grad for leaf in leaves},
        "problem": problem or None,
        "picture": str(path),
    }
    return Result(Status.CANNOT_TELL if problem else Status.PASS, about(target) | data, show)


def _run_backward(result: Value) -> str:
    """Run `backward()` and return why it could not, if so."""
    try:
        result.backward()
    except (ValueError, ArithmeticError) as error:
        return str(error)
    return ""


def explore(options: argparse.Namespace) -> Result:
    """Write the interactive page of a computation into a file."""
    from microgradcheck.explore import explore as make_page

    target = read_target(options.target, options.values, options.at)

    def function(**at: Any) -> Any:
        return target.function(*put_together(list(at.values()), like=target.inputs))

    function.__name__ = target.title
    page = make_page(function, **target.at)
    path = save(page, options.output)

    def show(screen: Screen) -> None:
        screen.show(headline(target), f"Page: {path} (open it in a browser)")

    return Result(Status.PASS, about(target) | {"page": str(path)}, show)


def save(picture: Picture | Exploration, path: str) -> Path:
    """Save a picture or page, or complain in one line."""
    try:
        return picture.save(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def descend(options: argparse.Namespace) -> Result:
    """Follow a gradient downhill."""
    from microgradcheck.optimize import Status as Ending
    from microgradcheck.optimize import minimize

    target = read_target(options.target, options.values, options.at)
    descent = minimize(
        target.function,
        *target.inputs,
        gradient=read_gradient(options.gradient),
        learning_rate=options.learning_rate,
        steps=options.steps,
        progress=options.steps >= _LONG and sys.stderr.isatty(),
    )
    status = Status.PASS if descent.success else Status.CANNOT_TELL
    if descent.status == Ending.INTERRUPTED:
        status = Status.INTERRUPTED

    def show(screen: Screen) -> None:
        screen.show(headline(target), str(descent))

    return Result(status, about(target) | descent.to_dict(), show)
