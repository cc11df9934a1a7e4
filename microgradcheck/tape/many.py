"""A recorded function at many points: in blocks, and one by one where the tape does not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from microgradcheck.tape.points import Points

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Mask = NDArray[np.bool_]
    Indices = NDArray[np.intp]

__all__ = ["Many", "Runner"]

_WORTH_A_TAPE = 8
"""So many points at least must need another branch for it to be recorded."""


class Runner(Protocol):
    """A way to run at many points at once.

    Attributes:
        most: how many points a call may have.
    """

    most: int

    def run(
        self, parts: Sequence[Numbers], count: int, partials: Numbers | None
    ) -> tuple[Numbers, Mask]:
        """Return the value at each point and whether it can be trusted: see `Blocks.run`."""
        ...


class Many:
    """Runs a recorded function at any number of points, with bounded memory.

    Args:
        runner: computes a block of points, and says at which of them it cannot be trusted.
        recorded_at: returns the same for a recording of the function at other entries.
        eager: asks the function itself for the value and, if wanted, the derivatives.
    """

    def __init__(
        self,
        runner: Runner,
        recorded_at: Callable[[list[float]], Many],
        eager: Callable[[list[float], bool], tuple[float, Sequence[float]]],
    ) -> None:
        self._runner = runner
        self._recorded_at = recorded_at
        self._eager = eager

    def run(self, points: Points, *, gradient: bool) -> tuple[Numbers, Numbers]:
        """Return the values, of shape (points,), and derivatives, of shape (entries, points).

        Raises:
            ValueError, ArithmeticError: the function is undefined at one of the points, which a
                note in the error names.
        """
        import numpy as np

        values = np.empty(points.count)
        partials = np.empty((points.entries if gradient else 0, points.count))
        doubtful = self._trusting(points, values, partials)
        while len(doubtful) >= _WORTH_A_TAPE:
            with _noted(points, doubtful[0]):
                other = self._recorded_at(points.point(doubtful[0]))
            chosen = points.chosen(doubtful)
            new_values, new_partials = (
                np.empty(chosen.count),
                np.empty((len(partials), chosen.count)),
            )
            remaining = doubtful[other._trusting(chosen, new_values, new_partials)]
            values[doubtful], partials[:, doubtful] = new_values, new_partials
            doubtful, before = remaining, doubtful
            if len(doubtful) > len(before) / 2:
                break  # Each point seems to go a way of its own.
        for index in doubtful:
            with _noted(points, index):
                value, derivatives = self._eager(points.point(index), gradient)
            values[index] = value
            partials[:, index] = derivatives
        return values, partials

    def trusted_values(self, points: Points) -> tuple[Numbers, Mask]:
        """Return the values, of shape (points,), and whether each of them can be trusted."""
        import numpy as np

        values = np.empty(points.count)
        trusted = np.ones(points.count, dtype=bool)
        trusted[self._trusting(points, values, np.empty((0, points.count)))] = False
        return values, trusted

    def _trusting(self, points: Points, values: Numbers, partials: Numbers) -> Indices:
        """Compute all points, and return those at which the result cannot be trusted."""
        import numpy as np

        good = np.ones(points.count, dtype=bool)
        blocks = -(-points.count // self._runner.most)
        width = -(-points.count // max(blocks, 1))
        for block in range(blocks):
            # All blocks have the same size, so that their memory can be used again; the last
            # one computes some points once more.
            start = min(block * width, points.count - width)
            lanes = slice(start, start + width)
            values[lanes], good[lanes] = self._runner.run(
                points.block(lanes), width, partials[:, lanes] if len(partials) else None
            )
        return np.flatnonzero(~good)


@contextmanager
def _noted(points: Points, index: int) -> Iterator[None]:
    """Add to an error at which of many points it arose."""
    try:
        yield
    except (ArithmeticError, TypeError, ValueError) as error:
        entries = ", ".join(map(repr, points.point(index)[:8]))
        error.add_note(f"at point {index} of {points.count}: {entries}")
        raise
