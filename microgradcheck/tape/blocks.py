"""Run a schedule for many points at once: a row of numbers for each place, a column a point."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from microgradcheck.tape.passes import reader, rule
from microgradcheck.tape.schedule import Application, Schedule, Sums

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Indices = NDArray[np.intp]
    Mask = NDArray[np.bool_]

__all__ = ["Blocks"]

Step = Callable[[], Any]

_SCRATCH = 2**15
"""How many numbers a step holds besides its results: more would not stay in the cache."""

_BLOCK = 2**21
"""How many numbers a block of points may have, 16 MB."""


class Blocks:
    """Both sweeps of a graph at many points, in blocks of bounded size.

    Args:
        schedule: the groups.

    Threads may share it: each call borrows a block of numbers for itself.
    """

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._idle: dict[tuple[int, bytes], list[_Block]] = {}

    def width(self, count: int) -> int:
        """Return how many of so many points go into one block."""
        most = max(16, min(1024, _BLOCK // self._schedule.ends[-1]))
        return -(-count // -(-count // most))

    def run(
        self, entries: Numbers, shared: Mask, *, gradient: bool, partials: Numbers
    ) -> tuple[Numbers, Mask]:
        """Compute a block of points.

        Args:
            entries: of shape (inputs, points).
            shared: which inputs are the same at all points.
            gradient: whether to write the derivatives.
            partials: where to write them, of shape (inputs, points).

        Returns:
            The value at each point, and whether it can be trusted: whether all numbers on the
            way are finite and all guards hold.
        """
        key = (entries.shape[1], shared.tobytes())
        idle = self._idle.setdefault(key, [])
        try:
            block = idle.pop()
        except IndexError:
            block = _Block(self._schedule, entries.shape[1], shared)
        ...
