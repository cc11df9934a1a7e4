"""The commands that teach: the tour, the error of a step, the mistakes and the operations."""

from __future__ import annotations

import math
from argparse import Namespace
from itertools import groupby
from typing import Any, Final

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

import microgradcheck as mg
from microgradcheck.cli import Status
from microgradcheck.cli.commands import read_target, save, status_of
from microgradcheck.cli.expression import FUNCTIONS, Expression
from microgradcheck.cli.result import Result, grid, prose
from microgradcheck.functions.elementwise import VALUES
from microgradcheck.ops import OPERATIONS, Operation
from microgradcheck.plot.derivatives import slope_by, why_no_agreement, why_no_slope
from microgradcheck.sources import on_numbers
from microgradcheck.structure import did_you_mean
from microgradcheck.sweep import slopes


def demo(options: Namespace) -> Result:
    """Run the tour."""
    tripled, squared = Expression("3 * x"), Expression("y**2")
    x = mg.Value(2.0, label="x")
    y = tripled(x)
    z = squared(y)
    y.label, z.label = "y", "z"
    z.backward()
    dy_dx, dz_dy = (slope for node in (y, z) for slope in slopes(node) if slope is not None)
    report = mg.gradcheck(lambda x: squared(tripled(x)), 2.0, raise_on_failure=False)
    (entry,) = report.entries
    path = save(mg.draw(z), options.output)
    descents = [
        mg.minimize(lambda w: (w - 5) ** 2, 0.0, gradient=source, learning_rate=0.1, steps=30)
        for source in ("backprop", "central-difference")
    ]
    shown: list[RenderableType] = [
        _heading("x = 2, y = 3 * x, z = y**2. How fast does z change with x?"),
        _heading("\n1. Forward: every value, from the ones before it"),
        grid(
            (" x", "= 2"),
            (" y", "= 3 * x", "= 3 * 2", f"= {y.data:g}"),
            (" z", "= y**2", f"= {y.data:g}**2", f"= {z.data:g}"),
            gap=1,
        ),
        _heading("\n2. Backward: the chain rule, from z back to x"),
        grid(
            (" dz/dz", "= 1"),
            _backward_step("dz/dy", "dz/dz", 1.0, dz_dy, f"y**2 at y = {y.data:g}"),
            _backward_step("dz/dx", "dz/dy", dz_dy, dy_dx, "3 * x at x = 2"),
            gap=1,
        ),
        _heading("\n3. Check: the same slope from values of z alone"),
        grid(
            (" backprop", "=", repr(entry.gradient)),
            (" central differences", "=", repr(entry.reference), f"± {entry.error_bound:.1e}"),
            gap=1,
        ),
        prose(f" {report.verdict}"),
        _heading("\n4. Picture: each number where it arose"),
        f" {path}",
        _heading("\n5. Descent: down (w - 5)**2 from w = 0, learning rate 0.1"),
        grid(map(_descent_table, descents), gap=6),
        _heading("Now your own:"),
        ' microgradcheck check "sin(x*y) + x**2" x=1 y=2',
    ]
    data = {
        "at": {"x": x.data},
        "values": {node.label: node.data for node in (x, y, z)},
        "gradients": {node.label: node.grad for node in (x, y, z)},
        "check": report.to_dict(),
        "picture": str(path),
        "descents": [descent.to_dict() for descent in descents],
    }
    return Result(status_of(report), data, shown)


def _heading(text: str) -> Text:
    return Text(text, style="bold cyan")


def _backward_step(
    derivative: str, above: str, of_above: float, slope: float, of: str
) -> tuple[str, ...]:
    return (
        f" {derivative}",
        f"= {above} × {slope:g}",
        f"= {of_above:g} × {slope:g}",
        f"= {of_above * slope:g}",
        f"  {slope:g} is the slope of {of}",
    )


def _descent_table(descent: mg.Descent) -> Table:
    table = Table(title=descent.source, box=box.SIMPLE_HEAD, pad_edge=False)
    for title, style in (("step", ""), ("w", "bold"), ("gradient", ""), ("cost", "")):
        table.add_column(title, justify="right", style=style)
    before = ""
    for number, w, cost, gradient in descent.history:
        if number == 6:
            table.add_row("...")
        if not 6 <= number <= 27:
            # As in the lines of a printed descent, the gradient is the one that led here.
            table.add_row(str(number), f"{w:.4f}", before, f"{cost:.5f}")
        before = f"{gradient:.4f}"
    return table


def sweep(options: Namespace) -> Result:
    """Show the error of finite differences against their step."""
    target = read_target(options)
    name = options.variable or next(iter(target.at))
    if name not in target.at:
        hint = did_you_mean(name, target.at, f"; choose one of {', '.join(target.at)}")
        raise ValueError(f"there is no variable {name}{hint}")

    def along(x: Any) -> Any:
        return target(*(target.at | {name: x}).values())

    plain, at = on_numbers(along), target.at[name]
    value = float(plain(at))
    estimate = mg.numeric.estimate(plain, at)
    problem = why_no_slope(estimate)
    try:
        exact = float(mg.grad(along)(at))
        problem = problem or why_no_agreement(exact, estimate)
    except (ValueError, ArithmeticError) as error:
        problem = problem or str(error)
    if problem:
        note = prose(
            f"f is {value!r} there, but {problem}. So there is nothing to measure errors from."
        )
        return target.result(Status.CANNOT_TELL, {"problem": problem}, note)
    # In proportion to x, as elsewhere, but by a power of ten, which the table shows as it is.
    scale = math.trunc(math.log10(abs(at) or 1.0))
    trials = []
    for h in (10.0 ** (scale - exponent) for exponent in range(1, 17)):
        found = {method: slope_by(method, plain, at, h) for method in _METHODS}
        errors = {m: abs(slope - exact) / (abs(exact) or 1.0) for m, slope in found.items()}
        trials.append({"step": h, "derivatives": found, "errors": errors})
    kind = "relative" if exact else "absolute"
    return target.result(
        Status.PASS,
        {"variable": name, "gradient": exact, "error": kind, "trials": trials},
        f"d/d{name} by backprop: {exact!r}",
        f"The {kind} error of finite differences with the step h:",
        _error_table(trials),
    )


# The methods, and the mark of each in the picture of the errors.
_METHODS: Final = {"forward": "f", "central": "c", "complex": "i"}


def _error_table(trials: list[dict[str, Any]]) -> Table:
    table = Table(box=None, header_style="bold", caption_justify="left")
    table.caption = "f: forward, c: central, i: complex step, *: several"
    for title in ("h", *_METHODS):
        table.add_column(title, justify="right")
    table.add_column("correct digits: 0 to 16")
    for trial in trials:
        cells = [f"{trial['step']:.0e}"]
        digits = ["."] * 17
        for method, error in trial["errors"].items():
            if math.isnan(error):
                cells.append("-")
                continue
            cells.append(f"{error:.1e}")
            place = round(-math.log10(min(max(error, 1e-16), 1.0)))
            digits[place] = _METHODS[method] if digits[place] == "." else "*"
        table.add_row(*cells, "".join(digits))
    return table


def mistakes(options: Namespace) -> Result:
    """List all mistakes, or run one beside what is right."""
    name, output, gallery = options.name, options.output, mg.mistakes.GALLERY
    if name is None:
        if output:
            raise ValueError("--output is for one mistake; give its name before it")
        keys = ("name", "question", "sentence")
        rows = [{key: str(getattr(row, key)) for key in keys} for row in gallery.values()]
        shown: list[RenderableType] = ["Mistakes, each below the question that it answers:", ""]
        for question, answering in groupby(gallery.values(), lambda mistake: mistake.question):
            table = grid(*((f"  {mistake.name:23}", mistake.sentence) for mistake in answering))
            shown += [_heading(question), table, ""]
        shown.append("microgradcheck mistakes NAME runs one beside what is right.")
        return Result(Status.PASS, {"mistakes": rows}, shown)
    if name not in gallery:
        hint = did_you_mean(name, gallery, "; microgradcheck mistakes lists them")
        raise ValueError(f"there is no mistake named {name}{hint}")
    outcome = gallery[name].run()
    shown = [prose(str(outcome))]
    path = None
    if outcome.picture is None:
        if output:
            raise ValueError(f"{name} has no graph to draw; leave --output away")
    elif output:
        path = str(save(outcome.picture, output))
        shown.append(f"\nPicture: {path}")
    else:
        shown.append(f"\nWith -o {name}.svg, its graph is drawn into a file.")
    return Result(Status.PASS, outcome.to_dict() | {"picture": path}, shown)


def ops(options: Namespace) -> Result:
    """Show every operation in a line, or one with all that the table knows of it."""
    if options.name is None:
        rows = [_known(row) for row in OPERATIONS.values()]
        return Result(Status.PASS, {"operations": rows}, [_operation_table(rows)])
    name = FUNCTIONS.get(options.name, options.name)
    if name not in OPERATIONS:
        hint = did_you_mean(name, OPERATIONS, "; microgradcheck ops lists them")
        raise ValueError(f"there is no operation named {name}{hint}")
    known = _known(OPERATIONS[name])
    return Result(Status.PASS, known, [_in_full(known)])


def _known(row: Operation) -> dict[str, Any]:
    at_the_kink = None
    if row.kink:  # Every kink of the table can be met at zeros.
        node = VALUES.names[row.name](*[mg.Value(0.0) for _ in row.parameters])
        at_the_kink = dict(zip(row.parameters, slopes(node), strict=False))
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
    table = Table("operation", "y =", "derivatives", box=box.SIMPLE_HEAD, pad_edge=False)
    for known in rows:
        value = known["value"]
        if known["domain"]:
            value += f"\nfor {known['domain']}"
        if known["kink"]:
            value += f"\nkink at {known['kink']}"
        rules = [f"∂y/∂{parameter} = {rule}" for parameter, rule in known["derivatives"].items()]
        table.add_row(known["name"], value, "\n".join(rules))
    return table


def _in_full(known: dict[str, Any]) -> Table:
    rows = [
        ("operation", f"{known['name']}({', '.join(known['inputs'])})"),
        ("in pictures", known["symbol"]),
        ("value", f"y = {known['value']}"),
        *((f"∂y/∂{parameter}", rule) for parameter, rule in known["derivatives"].items()),
        ("domain", known["domain"] or "everywhere"),
    ]
    if known["kink"]:
        at = ", ".join(f"∂y/∂{p} = {slope:g}" for p, slope in known["at_the_kink"].items())
        rows.append(("kink", f"{known['kink']}; by convention {at} there"))
    return grid(*rows)
