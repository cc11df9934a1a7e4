"""The tour: one exercise forward, backward and checked, its picture, and a descent."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from microgradcheck.cli.commands import save, status_of
from microgradcheck.cli.expression import Expression
from microgradcheck.cli.result import Result, prose

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from microgradcheck.gradcheck import Report
    from microgradcheck.optimize import Descent
    from microgradcheck.value import Value

__all__ = ["demo"]

START: Final = 2.0
STEPS: Final = {"y": Expression("3 * x"), "z": Expression("y**2")}
"""The exercise: what each name stands for, from x on."""

COST: Final = Expression("(w - 5)**2")
RATE: Final = 0.1
SOURCES: Final = ("backprop", "central-difference")

_SHOWN_STEPS: Final = (0, 1, 2, 3, 4, 5, None, 28, 29, 30)


def demo(options: Namespace) -> Result:
    """Run the tour and write its picture."""
    from microgradcheck.draw import draw
    from microgradcheck.gradcheck import gradcheck
    from microgradcheck.optimize import minimize
    from microgradcheck.value import Value

    values = _forward(Value(START))
    for name, value in values.items():
        value.label = name
    values["z"].backward()
    report = gradcheck(lambda x: _forward(x)["z"], START, raise_on_failure=False)
    path = save(draw(values["z"]), options.output)
    descents = [
        minimize(COST, 0.0, gradient=source, learning_rate=RATE, steps=30) for source in SOURCES
    ]

    exercise = ", ".join(f"{name} = {step.text}" for name, step in STEPS.items())

    def show() -> list[RenderableType]:
        return [
            _heading(f"x = {START:g}, {exercise}. How fast does z change with x?"),
            _heading("\n1. Forward: every value, from the ones before it"),
            _aligned(_forward_lines(values)),
            _heading("\n2. Backward: the chain rule, from z back to x"),
            _aligned(_backward_lines(values)),
            _heading("\n3. Check: the same slope from values of z alone"),
            _aligned(_check_lines(report)),
            prose(f" {report.verdict}"),
            _heading("\n4. Picture: each number where it arose"),
            f" {path}",
            _heading(f"\n5. Descent: down {COST.text} from w = 0, learning rate {RATE:g}"),
            _side_by_side(descents),
            _heading("Now your own:"),
            ' microgradcheck check "sin(x*y) + x**2" x=1 y=2',
        ]

    data = {
        "at": {"x": START},
        "values": {name: value.data for name, value in values.items()},
        "gradients": {name: value.grad for name, value in values.items()},
        "check": report.to_dict(),
        "picture": str(path),
        "descents": [descent.to_dict() for descent in descents],
    }
    return Result(status_of(report), data, show)


def _forward(x: Any) -> dict[str, Any]:
    """Return the value of every name of the exercise."""
    values = {"x": x}
    for name, step in STEPS.items():
        values[name] = step(*(values[used] for used in step.names))
    return values


def _forward_lines(values: dict[str, Value]) -> Iterator[tuple[str, ...]]:
    yield "x", f"= {START:g}"
    for name, step in STEPS.items():
        numbers = re.sub(r"[a-z]", lambda used: f"{values[used[0]].data:g}", step.text)
        yield name, f"= {step.text}", f"= {numbers}", f"= {values[name].data:g}"


def _backward_lines(values: dict[str, Value]) -> Iterator[tuple[str, ...]]:
    from microgradcheck.sweep import slopes

    yield "dz/dz", "= 1"
    derivative = 1.0
    for name, step in reversed(STEPS.items()):
        (used,) = step.names
        (slope,) = (slope for slope in slopes(values[name]) if slope is not None)
        yield (
            f"dz/d{used}",
            f"= dz/d{name} × {slope:g}",
            f"= {derivative:g} × {slope:g}",
            f"= {derivative * slope:g}",
            f"  {slope:g} is the slope of {step.text} at {used} = {values[used].data:g}",
        )
        derivative *= slope


def _check_lines(report: Report) -> Iterator[tuple[str, ...]]:
    (entry,) = report.entries
    yield "backprop", "=", repr(entry.gradient)
    yield "central differences", "=", repr(entry.reference), f"± {entry.error_bound:.1e}"


def _heading(text: str) -> Text:
    from rich.text import Text

    return Text(text, style="bold cyan")


def _aligned(rows: Iterator[tuple[str, ...]]) -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 1))
    for row in rows:
        grid.add_row("", *row)
    return grid


def _side_by_side(descents: list[Descent]) -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 6))
    grid.add_row(*map(_descent_table, descents))
    return grid


def _descent_table(descent: Descent) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=descent.source, box=box.SIMPLE_HEAD, pad_edge=False)
    for title, style in (("step", ""), ("w", "bold"), ("gradient", ""), ("cost", "")):
        table.add_column(title, justify="right", style=style)
    for step in _SHOWN_STEPS:
        if step is None:
            table.add_row("...")
            continue
        here = descent.history[step]
        # As in the lines of a printed descent, the gradient is the one that led here.
        gradient = f"{descent.history[step - 1].gradient:.4f}" if step else ""
        table.add_row(str(step), f"{here.x:.4f}", gradient, f"{here.value:.5f}")
    return table
