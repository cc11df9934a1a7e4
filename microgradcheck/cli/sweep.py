"""The command that shows how finite differences err: too coarse, then too fine."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from microgradcheck.cli.complaint import UsageError, near_miss
from microgradcheck.cli.result import Result, Status, about, headline
from microgradcheck.cli.screen import Screen
from microgradcheck.cli.target import Target, read_target
from microgradcheck.structure import put_together

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["sweep"]

METHODS: Final = {"forward": "f", "central": "c", "complex": "i"}
"""The methods, and the mark of each in the picture of the errors."""


class _Trial(NamedTuple):
    """The derivative by each method with one step, and how far it is off; None: undefined."""

    step: float
    derivatives: dict[str, float | None]
    errors: dict[str, float | None]


def sweep(options: argparse.Namespace) -> Result:
    """Show how the error of finite differences falls and rises again with the step."""
    from microgradcheck.backprop import grad
    from microgradcheck.sources import on_numbers

    target = read_target(options.target, options.values, options.at)
    names = list(target.at)
    name = options.variable or names[0]
    if name not in names:
        raise UsageError(f"there is no variable {name}{near_miss(name, names)}")
    plain = on_numbers(target.function)
    value = float(plain(*target.inputs))
    try:
        gradient = grad(target.function)(*target.inputs)
    except (ValueError, ArithmeticError) as error:
        return _no_derivative(target, value, error)
    flat = gradient if isinstance(gradient, (list, tuple)) else [gradient]
    exact = float(flat[names.index(name)])
    trials = list(_trials(plain, target, names.index(name), exact))

    def show(screen: Screen) -> None:
        relative = "relative" if exact else "absolute"
        screen.show(
            headline(target),
            f"d/d{name} by backprop: {exact!r}",
            f"The {relative} error of finite differences with the step h:",
            _error_table(trials),
        )

    data = {
        "variable": name,
        "gradient": exact,
        "error": "relative" if exact else "absolute",
        "trials": [trial._asdict() for trial in trials],
    }
    return Result(Status.PASS, about(target) | data, show)


def _no_derivative(target: Target, value: float, error: Exception) -> Result:
    def show(screen: Screen) -> None:
        from rich.text import Text

        screen.show(headline(target), Text(f"The value is {value!r}, but {error}."))

    return Result(Status.CANNOT_TELL, about(target) | {"problem": str(error)}, show)


def _trials(
    plain: Callable[..., Any], target: Target, index: int, exact: float
) -> Iterator[_Trial]:
    from microgradcheck.numeric import derivative

    point = list(target.at.values())

    def along(x: Any) -> Any:
        moved = [*point[:index], x, *point[index + 1 :]]
        return plain(*put_together(moved, like=target.inputs))

    for exponent in range(1, 17):
        step = 10.0**-exponent
        derivatives: dict[str, float | None] = {}
        for method in METHODS:
            try:
                derivatives[method] = derivative(along, point[index], h=step, method=method)
            except (TypeError, ValueError, ArithmeticError):
                # Not every function is defined beside the point, or for complex numbers.
                derivatives[method] = None
        errors = {
            method: None if found is None else abs(found - exact) / (abs(exact) or 1.0)
            for method, found in derivatives.items()
        }
        yield _Trial(step, derivatives, errors)


def _error_table(trials: list[_Trial]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold")
    table.add_column("h", justify="right")
    for method in METHODS:
        table.add_column(method, justify="right")
    table.add_column("correct digits: 0 to 16")
    least = {
        method: min((e for t in trials if (e := t.errors[method]) is not None), default=None)
        for method in METHODS
    }
    for trial in trials:
        cells = []
        for method in METHODS:
            error = trial.errors[method]
            shown = "-" if error is None else f"{error:.1e}"
            cells.append(Text(shown, style="bold green" if error == least[method] else ""))
        table.add_row(f"{trial.step:.0e}", *cells, _curve(trial.errors))
    table.caption = "f: forward, c: central, i: complex step, *: several"
    table.caption_justify = "left"
    return table


def _curve(errors: dict[str, float | None]) -> str:
    """Return a line with a mark for each method where its number of correct digits is."""
    line = ["."] * 17
    for method, mark in METHODS.items():
        error = errors[method]
        if error is not None and not math.isnan(error):
            digits = 16 if error == 0 else min(16, max(0, round(-math.log10(error))))
            line[digits] = mark if line[digits] == "." else "*"
    return "".join(line)
