"""The tour: one exercise forward, backward and checked, its picture, and a descent."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any, Final

from microgradcheck.cli.commands import save, status_of
from microgradcheck.cli.expression import Expression
from microgradcheck.cli.result import Result, prose

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from microgradcheck.optimize import Descent

__all__ = ["demo"]

_SHOWN_STEPS: Final = (0, 1, 2, 3, 4, 5, None, 28, 29, 30)


def demo(options: Namespace) -> Result:
    """Run the tour and write its picture."""
    from microgradcheck.draw import draw
    from microgradcheck.gradcheck import gradcheck
    from microgradcheck.optimize import minimize
    from microgradcheck.sweep import slopes
    from microgradcheck.value import Value

    tripled, squared = Expression("3 * x"), Expression("y**2")
    x = Value(2.0, label="x")
    y = tripled(x)
    z = squared(y)
    y.label, z.label = "y", "z"
    z.backward()
    dy_dx, dz_dy = (slope for node in (y, z) for slope in slopes(node) if slope is not None)
    report = gradcheck(lambda x: squared(tripled(x)), 2.0, raise_on_failure=False)
    (entry,) = report.entries
    path = save(draw(z), options.output)
    descents = [
        minimize(lambda w: (w - 5) ** 2, 0.0, gradient=source, learning_rate=0.1, steps=30)
        for source in ("backprop", "central-difference")
    ]

    def shown() -> list[RenderableType]:
        from rich.table import Table
        from rich.text import Text

        def heading(text: str) -> Text:
            return Text(text, style="bold cyan")

        side_by_side = Table.grid(padding=(0, 6))
        side_by_side.add_row(*map(_descent_table, descents))
        return [
            heading("x = 2, y = 3 * x, z = y**2. How fast does z change with x?"),
            heading("\n1. Forward: every value, from the ones before it"),
            _aligned(
                ("x", "= 2"),
                ("y", "= 3 * x", "= 3 * 2", f"= {y.data:g}"),
                ("z", "= y**2", f"= {y.data:g}**2", f"= {z.data:g}"),
            ),
            heading("\n2. Backward: the chain rule, from z back to x"),
            _aligned(
                ("dz/dz", "= 1"),
                _backward_step("dz/dy", "dz/dz", 1.0, dz_dy, f"y**2 at y = {y.data:g}"),
                _backward_step("dz/dx", "dz/dy", dz_dy, dy_dx, "3 * x at x = 2"),
            ),
            heading("\n3. Check: the same slope from values of z alone"),
            _aligned(
                ("backprop", "=", repr(entry.gradient)),
                ("central differences", "=", repr(entry.reference), f"± {entry.error_bound:.1e}"),
            ),
            prose(f" {report.verdict}"),
            heading("\n4. Picture: each number where it arose"),
            f" {path}",
            heading("\n5. Descent: down (w - 5)**2 from w = 0, learning rate 0.1"),
            side_by_side,
            heading("Now your own:"),
            ' microgradcheck check "sin(x*y) + x**2" x=1 y=2',
        ]

    data: dict[str, Any] = {
        "at": {"x": x.data},
        "values": {node.label: node.data for node in (x, y, z)},
        "gradients": {node.label: node.grad for node in (x, y, z)},
        "check": report.to_dict(),
        "picture": str(path),
        "descents": [descent.to_dict() for descent in descents],
    }
    return Result(status_of(report), data, shown)


def _backward_step(
    derivative: str, above: str, of_above: float, slope: float, of: str
) -> tuple[str, ...]:
    return (
        derivative,
        f"= {above} × {slope:g}",
        f"= {of_above:g} × {slope:g}",
        f"= {of_above * slope:g}",
        f"  {slope:g} is the slope of {of}",
    )


def _aligned(*rows: tuple[str, ...]) -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 1))
    for row in rows:
        grid.add_row("", *row)
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
