"""What f returns near its inputs: from calls of f, or from its tape, many points at a time.

Both ways answer the same questions; `Nudges` is either.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Self, TypeVar

from microgradcheck.gradcheck.problem import Problem
from microgradcheck.numeric.ladder import first_steps
from microgradcheck.numeric.samples import UNIT_ROUNDOFF
from microgradcheck.tape import Arguments, Recorder, StaleTapeError, Tape, record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]


__tracebackhide__ = True  # from pytest

# Where f confirms its tape: relative to the farthest step, and to the scale, next to the inputs.
_FAR, _NEAR = (1.0, 0.12, 0.016), 4e-6
_REACH = 0.25  # of the scale: the least farthest step
_TRIES = 8
_LARGEST_DIFFERENCE = 64  # standard deviations of the noise: sums in another order round otherwise

_NUMBERS = 2**17  # that are held at once, so that they stay in the cache

Found = TypeVar("Found")
Output = TypeVar("Output")
Move = tuple[int, float]
"""What is moved, by its number, and how far."""
Along = Callable[[float], list[float]]
"""The outputs of f as a function of the step by which one input entry is moved."""


class Called:
    """Nudges that call f, once for each step however many outputs ask for it."""

    cheap = False
    taped = 0

    def __init__(self, problem: Problem, center: list[float]) -> None:
        self._problem, self._center = problem, center

    def __call__(self, points: list[list[float]]) -> list[list[float]]:
        """Return the outputs at several points."""
        return list(map(self._problem, points))

    def is_confirmed(self, noise: float, rng: random.Random) -> bool:
        """Return True: f was asked itself."""
        return True

    def search_each(self, search: Callable[[int, Along], Found]) -> list[Found]:
        """Return what a search along each entry finds, given its position and the outputs."""
        return [search(i, self._along(i)) for i in range(len(self._problem.entries))]

    def _along(self, i: int) -> Along:
        known = {0.0: self._center}

        def outputs(step: float) -> list[float]:
            if step not in known:
                known[step] = self._problem.moved(i, step)
            return known[step]

        return outputs


class Taped:
    """Nudges of a function of `Value`s that returns one number, from its tape.

    Where the tape does not hold (another branch, or no value), f itself is called.
    """

    cheap = True

    def __init__(self, problem: Problem, tape: Tape, center: list[float]) -> None:
        import numpy as np

        self._problem, self._tape, self._center = problem, tape, center
        self._column = np.array(problem.entries)[:, np.newaxis]
        self._reach = _REACH * np.array(problem.scales)
        self._confirmed = 0 * self._reach
        self.taped = 0

    @classmethod
    def of(cls, problem: Problem, center: list[float], recorder: Recorder | None) -> Self | None:
        """Return nudges from a tape of what a recorder has seen, or of a call; None without."""
        try:
            if recorder and recorder.has_recorded:
                tape = Tape(problem.of, recorder.graph(), Arguments([problem.entries]))
            else:
                tape = record(problem.of, problem.entries)
            return cls(problem, tape, center)
        except Exception:  # noqa: BLE001  f can answer a tape's refusal by any error of its own
            return None  # Calls of f show better what there is to see.

    def __call__(self, points: list[list[float]]) -> list[list[float]]:
        """Return the outputs at several points."""
        import numpy as np

        return self._outputs(np.column_stack([self._column, *points]))

    def is_confirmed(self, noise: float, rng: random.Random) -> bool:
        """Tell whether f itself returns the same at fresh random points, near and farther away.

        What is not on the tape differs there by more than noise, or makes no difference that could
        be seen. To be asked again after a search, which may have gone farther than before.
        """
        if (self._reach > self._confirmed).any():
            reach = self._reach.tolist()
            far = [[distance * length for length in reach] for distance in _FAR]
            near = [[_NEAR * scale for scale in self._problem.scales]]
            if not (self._agrees(far, noise, rng) and self._agrees(near, noise, rng)):
                return False
            self._confirmed = self._reach.copy()
        return True

    def _agrees(self, ranges: list[list[float]], noise: float, rng: random.Random) -> bool:
        """Tell whether f returns what its tape does at as many points within the ranges."""
        import numpy as np

        x, chosen = self._problem.entries, []
        for _ in range(_TRIES):  # Where the tape does not hold, it says nothing of f.
            points = [
                [a + rng.uniform(-length, length) for a, length in zip(x, lengths, strict=True)]
                for lengths in ranges
            ]
            values, held = self._on_tape(np.column_stack([self._column, *points]))
            chosen += [(points[k], float(values[k])) for k in held.nonzero()[0]]
            if len(chosen) >= len(ranges):
                break
        chosen = chosen[: len(ranges)]
        try:
            own = [self._problem(point)[0] for point, _ in chosen]
        except Exception:  # noqa: BLE001  f may refuse points that no search would have asked for
            return False
        return len(own) == len(ranges) and all(
            abs(a - b) <= _LARGEST_DIFFERENCE * max(noise, UNIT_ROUNDOFF * abs(a))
            for a, (_, b) in zip(own, chosen, strict=True)
        )

    def search_each(self, search: Callable[[int, Along], Found]) -> list[Found]:
        """Return what a search along each entry finds. It may be called again."""
        entries = zip(self._problem.entries, self._problem.scales, strict=True)
        firsts = [first_steps(x, scale, wide=self.cheap) for x, scale in entries]
        return search_together([self._center] * len(firsts), firsts, search, self._moved)

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

        count = columns.shape[1] - 1
        self.taped += count
        try:
            values, held = self._tape.trusted_values(columns.T)
        except StaleTapeError:  # f has changed a Value of its own.
            return np.zeros(count), np.zeros(count, dtype=bool)
        # Sums of another number of points are added in another order. So the inputs are among
        # them, and where an output is as there, it is exactly what f returns there.
        return values[1:] - (values[0] - self._center[0]), held[1:] & held[0]


Nudges = Called | Taped


def search_together(
    centers: Sequence[Output],
    firsts: Sequence[Sequence[float]],
    search: Callable[[int, Callable[[float], Output]], Found],
    compute: Callable[[Sequence[Move]], Sequence[Output]],
) -> list[Found]:
    """Return what many searches find that ask for points one by one, computing many at once.

    A search gets its number and the output as a function of the step, which is known at zero and
    at its first steps. Where it asks for another, it is begun again once that is known.
    """
    known = [{0.0: center} for center in centers]
    found: dict[int, Found] = {}
    asked = [(i, h) for i, steps in enumerate(firsts) for h in steps]
    while asked:
        moves = [(i, step) for i, h in asked for step in (-h, h)]
        for (i, step), output in zip(moves, compute(moves), strict=True):
            known[i][step] = output
        waiting, asked = dict(asked), []
        for i in waiting:
            try:
                found[i] = search(i, known[i].__getitem__)
            except KeyError as missing:
                asked.append((i, abs(missing.args[0])))
    return [found[i] for i in range(len(known))]


def portions(moves: Sequence[Move], width: int) -> Iterable[Sequence[Move]]:
    """Cut moves into parts that fit into memory, with so many numbers for each."""
    most = math.ceil(_NUMBERS / width)
    return (moves[start : start + most] for start in range(0, len(moves), most))
