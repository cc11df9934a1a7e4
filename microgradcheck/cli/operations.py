"""The command that shows the table of operations, or one row of it in full."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from microgradcheck.cli.complaint import UsageError, near_miss
from microgradcheck.cli.result import Result, Status
from microgradcheck.cli.screen import Screen
from microgradcheck.ops import OPERATIONS, Operation

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["operations"]


def operations(options: argparse.Namespace) -> Result:
    """Show every operation in a line, or one with all that the table knows of it."""
    if options.name is None:
        rows = [_known(row) for row in OPERATIONS.values()]
        return Result(Status.PASS, {"operations": rows}, lambda screen: screen.show(_table(rows)))
    if options.name not in OPERATIONS:
        hint = near_miss(options.name, OPERATIONS) or "; microgradcheck ops lists them"
        raise UsageError(f"there is no operation named {options.name}{hint}")
    known = _known(OPERATIONS[options.name])

    def show(screen: Screen) -> None:
        screen.show(_in_full(known))

    return Result(Status.PASS, known, show)


def _known(row: Operation) -> dict[str, Any]:
    """Return all that the table knows of an operation."""
    derivatives = dict(zip(row.parameters, map(str, row.derivatives), strict=True))
    return {
        "name": row.name,
        "symbol": row.symbol,
        "inputs": list(row.parameters),
        "value": str(row.value),
        "derivatives": derivatives,
        "domain": row.domain or None,
        "kink": row.kink or None,
        "at_the_kink": _convention(row) if row.kink else None,
    }


def _convention(row: Operation) -> dict[str, float]:
    """Return the derivatives at a kink; every kink of the table can be met at zeros."""
    zeros = (0.0,) * row.arity
    y = row.compute(*zeros)
    rules = (row.derivative_a, row.derivative_b)
    return {
        parameter: float(rule(0.0, 0.0, y))
        for parameter, rule in zip(row.parameters, rules, strict=False)
    }


def _table(rows: list[dict[str, Any]]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for title in ("operation", "y =", "derivatives"):
        table.add_column(title)
    for known in rows:
        value = known["value"] + "".join(
            f"\n{word} {known[key]}"
            for key, word in (("domain", "for"), ("kink", "kink at"))
            if known[key]
        )
        derivatives = [
            f"∂y/∂{parameter} = {rule}" for parameter, rule in known["derivatives"].items()
        ]
        table.add_row(known["name"], value, "\n".join(derivatives))
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
