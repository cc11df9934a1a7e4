"""The command that shows the gallery of mistakes, or one of them in full."""

from __future__ import annotations

import argparse
from itertools import groupby
from typing import TYPE_CHECKING

from microgradcheck.cli.commands import save
from microgradcheck.cli.complaint import UsageError, near_miss
from microgradcheck.cli.result import Result, Status, with_verdicts
from microgradcheck.cli.screen import Screen

if TYPE_CHECKING:
    from rich.table import Table

    from microgradcheck.mistakes import Mistake

__all__ = ["mistakes"]


def mistakes(options: argparse.Namespace) -> Result:
    """List all mistakes, or run one beside what is right."""
    from microgradcheck.mistakes import GALLERY

    if options.name is None:
        if options.output:
            raise UsageError("--output is for one mistake; give its name before it")
        return _gallery(list(GALLERY.values()))
    if options.name not in GALLERY:
        hint = near_miss(options.name, GALLERY) or "; microgradcheck mistakes lists them"
        raise UsageError(f"there is no mistake named {options.name}{hint}")
    outcome = GALLERY[options.name].run()
    path = None
    if options.output:
        if outcome.picture is None:
            raise UsageError(f"{options.name} has no graph to draw; leave --output away")
        path = save(outcome.picture, options.output)

    def show(screen: Screen) -> None:
        screen.show(with_verdicts(str(outcome)))
        if path:
            screen.show(f"\nPicture: {path}")
        elif outcome.picture is not None:
            screen.show(f"\nWith -o {options.name}.svg, its graph is drawn into a file.")

    data = outcome.to_dict() | {"picture": None if path is None else str(path)}
    return Result(Status.PASS, data, show)


def _gallery(gallery: list[Mistake]) -> Result:
    def show(screen: Screen) -> None:
        from rich.text import Text

        screen.show("Mistakes, each below the question that it answers:", "")
        for question, answering in groupby(gallery, lambda mistake: mistake.question):
            screen.show(Text(question, style="bold cyan"), _table(list(answering)), "")
        screen.show("microgradcheck mistakes NAME runs one beside what is right.")

    data = [
        {"name": mistake.name, "question": str(mistake.question), "sentence": mistake.sentence}
        for mistake in gallery
    ]
    return Result(Status.PASS, {"mistakes": data}, show)


def _table(mistakes: list[Mistake]) -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", min_width=25)
    for mistake in mistakes:
        grid.add_row(f"  {mistake.name}", mistake.sentence)
    return grid
