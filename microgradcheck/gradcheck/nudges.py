"""What f returns near its inputs: from calls of f, or from its tape, many points at a time."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from microgradcheck.gradcheck.problem import Problem
from microgradcheck.gradcheck.searches import Move, portions, search_together
from microgradcheck.numeric.ladder import first_steps
from microgradcheck.numeric.samples import UNIT_ROUNDOFF
from microgradcheck.tape import StaleTapeError, Tape, record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

__all__ = ["Called", "Nudges", "Taped"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

# Where f confirms its tape: relative to the farthest step, and to the scale, next to the inputs.
_FAR, _NEAR = (1.0, 0.25, 0.06, 0.016), (4e-6,)
_REACH = 0.25  # of the scale: the least farthest step
_TRIES = 4
_LARGEST_DIFFERENCE = 64  # standard deviations of the noise: sums in another order round otherwise

Found = TypeVar("Found")
Along = Callable[[float], list[float]]
"""The outputs of f as a function of the step by which one input entry is moved."""


class Nudges(Protocol):
    """The outputs of a function near its inputs.

    Attributes:
        center: the outputs at the inputs themselves.
        taped: how many points were taken from a tape.
        cheap: whether they cost little, so that searches may begin with many.
    """

    cheap: bool
    center: list[float]
    taped: int

    def __call__(self, entries: list[float]) -> list[float]:
        """Return the outputs at other entries."""
        ...

    def is_confirmed(self, noise: float, rng: random.Random) -> bool:
        """Tell whether f returns what was taken for its outputs; to be asked after a search."""
        ...

    def search_each(self, search: Callable[[int, Along], Found]) -> list[Found]:
        """Return what a search along each entry finds.

        Args:
            search: called with the position of an entry and the outputs along it. It depends on
                these alone, and may be called again.
        """
        ...


class Called:
    """Nudges that call f, once for each step however many outputs ask for it.

    Args:
        problem: f and its inputs.
        center: its outputs there.
    """

    cheap = False
    taped = 0

    def __init__(self, problem: Problem, center: list[float]) -> None:
        self.center = center
        self._problem = problem

    def __call__(self, entries: list[float]) -> list[float]:
        """Return the outputs at other entries: see `Nudges`."""
        return self._problem(entries)

    def is_confirmed(self, noise: float, rng: random.Random) -> bool:
        """Tell that f was asked itself: see `Nudges`."""
        return True

    def search_each(self, search: Callable[[int, Along], Found]) -> list[Found]:
        """Return what a search along each entry finds: see `Nudges`."""
        return [search(i, self._along(i)) for i in range(len(self._problem.entries))]

    def _along(self, i: int) -> Along:
        known = {0.0: self.center}

        def outputs(step: float) -> list[float]:
            if step not in known:
                known[step] = self._problem.moved(i, step)
            return known[step]

        return outputs


class Taped:
    """Nudges of a function of `Value`s that returns one number, from its tape.

    Where the tape does not hold (another branch, or no value), f itself is called.

    Args:
        problem: f and its inputs.
        tape: f, recorded there.
        center: what f returns at the inputs.
        scale: the length over which f changes, where that is not |x|.
    """

    cheap = True

    def __init__(
        self, problem: Problem, tape: Tape, center: list[float], scale: float | None
    ) -> None:
        import numpy as np

        self._problem, self._tape = problem, tape
        self.center = center
        self._scales = [problem.scale(i, scale) for i in range(len(problem.entries))]
        self._column = np.array(problem.entries)[:, np.newaxis]
        self._shapes = [np.shape(argument) for argument in problem.inputs]
        self._ends = list(accumulate(map(len, problem.parts)))
        self._reach = _REACH * np.array(self._scales)
        self._confirmed = 0 * self._reach
        self.taped = 0

    @classmethod
    def of(cls, problem: Problem, center: list[float], scale: float | None) -> Self | None:
        """Return a problem's nudges from a tape, or None where f cannot be recorded."""
        try:
            tape = record(problem.f, *problem.arguments(problem.entries))
            return cls(problem, tape, center, scale)
        except Exception:  # noqa: BLE001  f can answer a tape's refusal by any error of its own
            return None  # Calls of f show better what there is to see.

    def __call__(self, entries: list[float]) -> list[float]:
        """Return the outputs at other entries: see `Nudges`."""
        import numpy as np

        return self._outputs(np.column_stack([self._column, entries]))[0]

    def is_confirmed(self, noise: float, rng: random.Random) -> bool:
        """Tell whether f itself returns the same at fresh random points, near and farther away.

        What is not on the tape, since it was computed outside of the graph or depends on more than
        the inputs, differs there by more than noise, or makes no difference that could be seen.
        To be asked again after a search, which may have gone farther than before.

        Args:
            noise: the standard deviation of the noise of f.
            rng: where the points come from.
        """
        if (self._reach > self._confirmed).any():
            far = self._agrees(self._reach.tolist(), _FAR, noise, rng)
            if not (far and self._agrees(self._scales, _NEAR, noise, rng)):
                return False
            self._confirmed = self._reach.copy()
        return True

    def _agrees(
        self, lengths: list[float], distances: Sequence[float], noise: float, rng: random.Random
    ) -> bool:
        """Tell whether f returns the same as its tape at one point for each distance."""
        import numpy as np

        points = [
            [
                x + distance * rng.uniform(-length, length)
                for x, length in zip(self._problem.entries, lengths, strict=True)
            ]
            for distance in (*distances,) * _TRIES
        ]
        values, held = self._on_tape(np.column_stack([self._column, *points]))
        chosen = held.nonzero()[0][: len(distances)]
        try:
            own = [self._problem(points[k])[0] for k in chosen]
        except Exception:  # noqa: BLE001  f may refuse points that no search would have asked for
            return False
        return len(own) == len(distances) and all(
            abs(a - b) <= _LARGEST_DIFFERENCE * max(noise, UNIT_ROUNDOFF * abs(a))
            for a, b in zip(own, values[chosen].tolist(), strict=True)
        )

    def search_each(self, search: Callable[[int, Along], Found]) -> list[Found]:
        """Return what a search along each entry finds: see `Nudges`."""
        entries = zip(self._problem.entries, self._scales, strict=True)
        firsts = [first_steps(x, scale, wide=self.cheap) for x, scale in entries]
        return search_together([self.center] * len(firsts), firsts, search, self._moved)

    def _moved(self, moves: Sequence[Move]) -> list[list[float]]:
        """Return the outputs where one entry is moved, for many entries and steps."""
        import numpy as np

        outputs = []
        for some in portions(moves, len(self._column)):
            moved, steps = map(np.array, zip(*some, strict=True))
            np.maximum.at(self._reach, moved, np.abs(steps))
            columns = np.repeat(self._column, 1 + len(some), axis=1)
            columns[moved, np.arange(len(some)) + 1] += steps
            outputs += self._outputs(columns)
        return outputs

    def _outputs(self, columns: Numbers) -> list[list[float]]:
        """Return the outputs of f at points, one in each column after that of the inputs."""
        values, held = self._on_tape(columns)
        outputs = [[value] for value in values.tolist()]
        for doubtful in (~held).nonzero()[0]:
            outputs[doubtful] = self._problem(columns[:, doubtful + 1].tolist())
        return outputs

    def _on_tape(self, columns: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
        import numpy as np

        count = columns.shape[1]
        self.taped += count - 1
        arguments = [
            part.T.reshape(count, *shape)
            for part, shape in zip(np.split(columns, self._ends[:-1]), self._shapes, strict=True)
        ]
        try:
            values, held = self._tape.trusted_values(*arguments)
        except StaleTapeError:  # f has changed a Value of its own.
            return np.zeros(count - 1), np.zeros(count - 1, dtype=bool)
        # Sums of another number of points are added in another order. So the inputs are among
        # them, and where an output is as there, it is exactly what f returns there.
        return values[1:] - (values[0] - self.center[0]), held[1:] & held[0]
