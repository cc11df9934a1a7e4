"""A progress bar for a descent."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from microgradcheck.optimize.descent import Step

__all__ = ["bar"]


@contextmanager
def bar(steps: int | None) -> Iterator[Callable[[Step], None]]:
    """Give a function that shows a step on a progress bar; None shows nothing."""
    if steps is None:
        yield lambda step: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("cost {task.fields[cost]:.4g}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=steps, cost=math.nan)
        yield lambda step: bar.update(task, completed=step.number, cost=step.value)
