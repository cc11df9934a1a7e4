"""One problem descended by several sources and rules, side by side."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import compress
from typing import Any, Final

from microgradcheck.optimize.descent import Descent, Status, arguments_of, entries
from microgradcheck.optimize.loop import minimize
from microgradcheck.optimize.rules import resolve_rule
from microgradcheck.sources import GradientSource, resolve

_APART: Final = 1e-6


def compare_descents(
    f: Callable[..., Any],
    x0: Any,
    *more: Any,
    gradients: Sequence[Any] = ("backprop", "central-difference"),
    optimizers: Sequence[Any] = ("gradient-descent",),
    **options: Any,
) -> Comparison:
    """Descend the same problem with several sources of gradients and several update rules.

    Args:
        f: what is to be minimized, as for `minimize`.
        x0: the start, as for `minimize`.
        more: the starts of f's further arguments.
        gradients: sources, as `minimize` takes them; the others are compared with the first.
            `sources.differences("central", h=1e-13)` is one with a step of your own.
        optimizers: names or update rules, as `minimize` takes them.
        options: everything else that `minimize` takes, the same for all.

    Returns:
        A `Comparison`, printed as a table. Iterating over it gives a `Descent` for each pair,
        rule by rule.

    Raises:
        TypeError, ValueError, ArithmeticError: as `minimize`, with a note of the source and rule.

    Example:
        >>> comparison = compare_descents(
        ...     lambda p: p[0] ** 2 + p[1] ** 4,
        ...     [1.0, 1.0],
        ...     gradients=["backprop", "central-difference", "forward-difference"],
        ...     steps=10,
        ... )
        >>> [row["calls of f"] for row in comparison.rows()]
        [11, 55, 44]
        >>> central, forward = [row["gradient error"] for row in comparison.rows()[1:]]
        >>> central < 1e-9 < forward
        True
    """
    for name, given in (("gradients", gradients), ("optimizers", optimizers)):
        if not isinstance(given, (list, tuple)) or not given:
            raise TypeError(f"{name} is a list with at least one entry, got {given!r}")
    for name in {"gradient", "optimizer"} & options.keys():
        given = options[name]
        raise TypeError(f"compare_descents takes a list, {name}s=[...], got {name}={given!r}")
    import numpy  # noqa: F401  (so that the first descent's time is not that of this import)

    sources = [resolve(gradient) for gradient in gradients]
    runs = []
    for rule in map(resolve_rule, optimizers):
        reference = None
        for source in sources:
            begin = time.perf_counter()
            try:
                descent = minimize(f, x0, *more, gradient=source, optimizer=rule, **options)
            except Exception as error:
                error.add_note(f"This is the descent by {rule.name} with {source.name}.")
                raise
            seconds = time.perf_counter() - begin
            if descent.status == Status.INTERRUPTED:
                raise KeyboardInterrupt
            if reference is None:
                reference = descent
                runs.append(Run(descent, seconds))
            else:
                gradient_error = _gradient_error(f, descent, sources[0])
                runs.append(Run(descent, seconds, gradient_error, *_apart(descent, reference)))
    return Comparison(tuple(runs))


@dataclass(frozen=True)
class Run:
    """A descent, what it took, and how it differs from the first source's by the same rule.

    Attributes:
        descent: the `Descent`.
        seconds: the time it took.
        gradient_error: the largest error of a gradient on its path, in Euclidean length and
            relative to the longest gradient there, with the first source's taken as true; None
            for the first source itself.
        parts_at: the first step where the paths are further apart than a millionth of the first
            source's path; None where there is no such step.
        apart: the Euclidean distance of the two ends, in the units of x.

    Example:
        >>> first, second = compare_descents(abs, 1.0, steps=2).runs
        >>> first.gradient_error, second.descent.source
        (None, 'central-difference')
    """

    descent: Descent
    seconds: float
    gradient_error: float | None = None
    apart: float | None = None
    parts_at: int | None = None


@dataclass(frozen=True, repr=False)
class Comparison:
    """Descents of one problem; printed, it is a table. Iterating over it gives the descents.

    Attributes:
        runs: a `Run` for each, rule by rule.

    Example:
        >>> comparison = compare_descents(lambda x: x * x, 3.0, steps=2)
        >>> [(descent.source, descent.x) for descent in comparison][0]
        ('backprop', 1.92)
    """

    runs: tuple[Run, ...]

    def __iter__(self) -> Iterator[Descent]:
        return (run.descent for run in self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def __str__(self) -> str:
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None, pad_edge=False, show_edge=False)
        rows = self.rows()
        for title, entry in rows[0].items():
            table.add_column(
                title, justify="left" if isinstance(entry, str) else "right", no_wrap=True
            )
        for row in rows:
            table.add_row(*map(_cell, row.values()))
        console = Console(width=200, color_system=None, force_jupyter=False)
        with console.capture() as capture:
            console.print(table)
        lines = [line.rstrip() for line in capture.get().splitlines()]
        lines += [
            f"{row['descent']}: {descent.message}"
            for row, descent in zip(rows, self, strict=True)
            if not descent.success
        ]
        return "\n".join(lines)

    __repr__ = __str__

    def rows(self) -> list[dict[str, Any]]:
        """Return one flat dictionary for each run, the rows of a table: `pandas.DataFrame(rows)`.

        Example:
            >>> comparison = compare_descents(lambda x: x * x, 4.0, steps=1, learning_rate=0.25)
            >>> comparison.rows()[0]["descent"], comparison.rows()[0]["f at the end"]
            ('backprop', 4.0)
        """
        return [
            {
                "descent": name,
                "steps": run.descent.nit,
                "f at the end": run.descent.fun,
                "calls of f": run.descent.nfev,
                "calls per gradient": run.descent.nfev / run.descent.njev,
                "seconds": run.seconds,
                "gradient error": run.gradient_error,
                "ends apart": run.apart,
                "paths part at step": run.parts_at,
            }
            for name, run in zip(distinct_names(list(self)), self.runs, strict=True)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, which `json.dumps` takes as it is.

        Example:
            >>> comparison = compare_descents(lambda x: x * x, 4.0, steps=1)
            >>> [run["descent"]["source"] for run in comparison.to_dict()["runs"]]
            ['backprop', 'central-difference']
        """
        return {"runs": [{**vars(run), "descent": run.descent.to_dict()} for run in self.runs]}


def distinct_names(descents: Sequence[Descent]) -> list[str]:
    """Return a short name for each descent: that in which they differ.

    Args:
        descents: any number of them, one at least.

    Returns:
        One name for each, made of the source, the update rule and the learning rate, as far as
        these are not the same for all.

    Example:
        >>> runs = [
        ...     minimize(abs, 1.0, steps=1, learning_rate=rate, optimizer=rule)
        ...     for rate, rule in [(0.1, "adam"), (0.2, "adam"), (0.2, "momentum")]
        ... ]
        >>> distinct_names(runs)
        ['adam, learning rate 0.1', 'adam, learning rate 0.2', 'momentum, learning rate 0.2']
    """
    told = [(descent.source, descent.optimizer, descent.learning_rate) for descent in descents]
    differs = [len(set(parts)) > 1 for parts in zip(*told, strict=True)]
    if not any(differs):
        differs = [True] * len(differs)
    names = [", ".join(compress(parts, differs)) for parts in told]
    # Rules that differ in a constant alone, or functions of one name.
    return [
        f"{name} ({names[:n].count(name) + 1})" if names.count(name) > 1 else name
        for n, name in enumerate(names)
    ]


def _gradient_error(f: Callable[..., Any], descent: Descent, truth: GradientSource) -> float:
    largest = longest = 0.0
    for step in descent.history:
        inputs = deepcopy(arguments_of(descent, step.x))
        try:
            true = entries(truth.value_and_gradient(f, *inputs)[1])
        except (ValueError, ArithmeticError):
            return math.inf
        largest = max(largest, math.dist(entries(step.gradient), true))
        longest = max(longest, math.hypot(*true))
    return largest / longest if longest else largest


def _apart(descent: Descent, reference: Descent) -> tuple[float, int | None]:
    """Return how far apart the ends are, and the first step where the paths are."""
    path = [entries(step.x) for step in descent.history]
    other = [entries(step.x) for step in reference.history]
    length = math.fsum(map(math.dist, other, other[1:]))
    gaps = map(math.dist, path, other)
    parts_at = next((k for k, gap in enumerate(gaps) if gap > _APART * length), None)
    return math.dist(path[-1], other[-1]), parts_at


def _cell(entry: object) -> str:
    if entry is None:
        return "-"
    return f"{entry:.3g}" if isinstance(entry, float) else str(entry)
