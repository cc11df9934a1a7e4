"""The commands that show tables: the errors of finite differences, mistakes, and operations."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from microgradcheck.cli.commands import read_target, save
from microgradcheck.cli.result import Result, Status, UsageError, near_miss, prose
from microgradcheck.ops import OPERATIONS, Operation

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from microgradcheck.mistakes import Mistake

__all__ = ["mistakes", "operations", "sweep"]

METHODS: Final = {"forward": "f", "central": "c", "complex": "i"}
"""The methods, and the mark of each in the picture of the errors."""


class _Trial(NamedTuple):
    """The derivative by each method with one step, and how far it is off; None: undefined."""

    step: float
    derivatives: dict[str, float | None]
    errors: dict[str, float | None]


def sweep(options: Namespace) -> Result:
    """Show how the error of finite differences falls and rises again with the step."""
    from microgradcheck.backprop import grad
    from microgradcheck.sources import on_numbers

    target = read_target(options)
    names, point = list(target.at), list(target.at.values())
    name = options.variable or names[0]
    if name not in names:
        raise UsageError(f"there is no variable {name}{near_miss(name, names)}")
    index = names.index(name)
    plain = on_numbers(target)
    value = float(plain(*point))
    try:
        gradient = grad(target.function)(*target.inputs)
    except (ValueError, ArithmeticError) as error:
        problem = str(error)
        return Result(
            Status.CANNOT_TELL,
            target.data | {"problem": problem},
            lambda: [target.headline, prose(f"The value is {value!r}, but {problem}.")],
        )
    exact = float(gradient[index] if isinstance(gradient, (list, tuple)) else gradient)
    trials = list(
        _trials(lambda x: plain(*point[:index], x, *point[index + 1 :]), point[index], exact)
    )
    kind = "relative" if exact else "absolute"
    return Result(
        Status.PASS,
        target.data
        | {"variable": name, "gradient": exact, "error": kind}
        | {"trials": [trial._asdict() for trial in trials]},
        lambda: [
            target.headline,
            f"d/d{name} by backprop: {exact!r}",
            f"The {kind} error of finite differences with the step h:",
            _error_table(trials),
        ],
    )


def _trials(f: Callable[[Any], Any], x: float, exact: float) -> Iterator[_Trial]:
    from microgradcheck.numeric import derivative

    for exponent in range(1, 17):
        trial = _Trial(10.0**-exponent, {}, {})
        for method in METHODS:
            try:
                found = derivative(f, x, h=trial.step, method=method)
            except (TypeError, ValueError, ArithmeticError):
                # Not every function is defined beside the point, or for complex numbers.
                found = None
            error = None if found is None else abs(found - exact) / (abs(exact) or 1.0)
            trial.derivatives[method], trial.errors[method] = found, error
        yield trial


def _error_table(trials: list[_Trial]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold")
    for title in ("h", *METHODS):
        table.add_column(title, justify="right")
    table.add_column("correct digits: 0 to 16")
    least = {
        method: min((e for t in trials if (e := t.errors[method]) is not None), default=None)
        for method in METHODS
    }
    for trial in trials:
        cells = []
        for method, error in trial.errors.items():
            shown = "-" if error is None else f"{error:.1e}"
            cells.append(Text(shown, style="bold green" if error == least[method] else ""))
        table.add_row(f"{trial.step:.0e}", *cells, _curve(trial.errors))
    table.caption = "f: forward, c: central, i: complex step, *: several"
    table.caption_justify = "left"
    return table


def _curve(errors: dict[str, float | None]) -> str:
    """Return a line with a mark for each method where its number of correct digits is."""
    line = ["."] * 17
    for method, error in errors.items():
        if error is not None and not math.isnan(error):
            digits = 16 if error == 0 else min(16, max(0, round(-math.log10(error))))
            line[digits] = METHODS[method] if line[digits] == "." else "*"
    return "".join(line)


def mistakes(options: Namespace) -> Result:
    """List all mistakes, or run one beside what is right."""
    from microgradcheck.mistakes import GALLERY

    if options.name is None:
        if options.output:
            raise UsageError("--output is for one mistake; give its name before it")
        keys = ("name", "question", "sentence")
        rows = [{key: str(getattr(row, key)) for key in keys} for row in GALLERY.values()]
        return Result(Status.PASS, {"mistakes": rows}, lambda: _gallery(GALLERY.values()))
    if options.name not in GALLERY:
        hint = near_miss(options.name, GALLERY) or "; microgradcheck mistakes lists them"
        raise UsageError(f"there is no mistake named {options.name}{hint}")
    outcome = GALLERY[options.name].run()
    path = None
    after = []
    if options.output:
        if outcome.picture is None:
            raise UsageError(f"{options.name} has no graph to draw; leave --output away")
        path = str(save(outcome.picture, options.output))
        after = [f"\nPicture: {path}"]
    elif outcome.picture is not None:
        after = [f"\nWith -o {options.name}.svg, its graph is drawn into a file."]
    data = outcome.to_dict() | {"picture": path}
    return Result(Status.PASS, data, lambda: [prose(str(outcome)), *after])


def _gallery(gallery: Iterable[Mistake]) -> Iterator[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    yield from ("Mistakes, each below the question that it answers:", "")
    for question, answering in groupby(gallery, lambda mistake: mistake.question):
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="bold", min_width=25)
        for mistake in answering:
            grid.add_row(f"  {mistake.name}", mistake.sentence)
        yield from (Text(question, style="bold cyan"), grid, "")
    yield "microgradcheck mistakes NAME runs one beside what is right."


def operations(options: Namespace) -> Result:
    """Show every operation in a line, or one with all that the table knows of it."""
    if options.name is None:
        rows = [_known(row) for row in OPERATIONS.values()]
        return Result(Status.PASS, {"operations": rows}, lambda: [_operation_table(rows)])
    if options.name not in OPERATIONS:
        hint = near_miss(options.name, OPERATIONS) or "; microgradcheck ops lists them"
        raise UsageError(f"there is no operation named {options.name}{hint}")
    known = _known(OPERATIONS[options.name])
    return Result(Status.PASS, known, lambda: [_in_full(known)])


def _known(row: Operation) -> dict[str, Any]:
    """Return all that the table knows of an operation."""
    at_the_kink = None
    if row.kink:  # Every kink of the table can be met at zeros.
        y = row.compute(*(0.0,) * row.arity)
        rules = zip(row.parameters, (row.derivative_a, row.derivative_b), strict=False)
        at_the_kink = {parameter: float(rule(0.0, 0.0, y)) for parameter, rule in rules}
    return {
        "name": row.name,
        "symbol": row.symbol,
        "inputs": list(row.parameters),
        "value": str(row.value),
        "derivatives": dict(zip(row.parameters, map(str, row.derivatives), strict=True)),
        "domain": row.domain or None,
        "kink": row.kink or None,
        "at_the_kink": at_the_kink,
    }


def _operation_table(rows: list[dict[str, Any]]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for title in ("operation", "y =", "derivatives"):
        table.add_column(title)
    for known in rows:
        where = (("for", known["domain"]), ("kink at", known["kink"]))
        value = [known["value"], *(f"{word} {place}" for word, place in where if place)]
        rules = [f"∂y/∂{parameter} = {rule}" for parameter, rule in known["derivatives"].items()]
        table.add_row(known["name"], "\n".join(value), "\n".join(rules))
    return table


def _in_full(known: dict[str, Any]) -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold")
    grid.add_row("operation", f"{known['name']}({', '.join(known['inputs'])})")
    grid.add_row("in pictures", known["symbol"])
    grid.add_row("value", f"y = {known['value']}")
    for parameter, rule in known["derivatives"].items():
        grid.add_row(f"∂y/∂{parameter}", rule)
    grid.add_row("domain", known["domain"] or "everywhere")
    if known["kink"]:
        at = ", ".join(f"∂y/∂{p} = {slope:g}" for p, slope in known["at_the_kink"].items())
        grid.add_row("kink", f"{known['kink']}; by convention {at} there")
    return grid
