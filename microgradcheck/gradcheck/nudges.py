"""What f returns near its inputs: from calls of f, or from its tape, many points at a time."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from microgradcheck.gradcheck.problem import Problem
from microgradcheck.numeric.ladder import first_steps
from microgradcheck.numeric.samples import UNIT_ROUNDOFF
from microgradcheck.tape import Tape, record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

__all__ = ["Called", "Move", "Nudges", "Taped", "portions", "search_together"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

_DISTANCES = (0.25, 0.06, 0.016, 0.004)  # of the points where f confirms its tape, in scales
_CONFIRMATIONS = 4
_LARGEST_DIFFERENCE = 64  # standard deviations of the noise: sums in another order round otherwise
_NUMBERS = 2**20  # that are held at once, 8 MB

Found = TypeVar("Found")
Output = TypeVar("Output")
Move = tuple[int, float]
"""What is moved, by its number, and how far."""

Along = Callable[[float], list[float]]
"""The outputs of f as a function of the step by which one input entry is moved."""


class Nudges(Protocol):
    """The outputs of a function near its inputs.

    Attributes:
        center: the outputs at the inputs themselves.
        taped: how many points were taken from a tape.
    """

    center: list[float]
    taped: int

    def __call__(self, entries: list[float]) -> list[float]:
        """Return the outputs at other entries."""
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

    taped = 0

    def __init__(self, problem: Problem, center: list[float]) -> None:
        self.center = center
        self._problem = problem

    def __call__(self, entries: list[float]) -> list[float]:
        """Return the outputs at other entries: see `Nudges`."""
        return self._problem(entries)

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
        scale: the length over which f changes, where that is not |x|.
    """

    def __init__(self, problem: Problem, tape: Tape, scale: float | None) -> None:
        import numpy as np

        self._problem, self._tape = problem, tape
        self._scales = [problem.scale(i, scale) for i in range(len(problem.entries))]
        self._row = np.array(problem.entries)
        self.taped = 0
        self.center = self(problem.entries)

    @classmethod
    def of(cls, problem: Problem, scale: float | None) -> Self | None:
        """Return a problem's nudges from a tape, or None where f cannot be recorded."""
        try:
            tape = record(problem.f, *problem.arguments(problem.entries))
            return cls(problem, tape, scale)
        except (TypeError, ValueError, ArithmeticError):
            return None  # Calls of f show better what there is to see.

    def __call__(self, entries: list[float]) -> list[float]:
        """Return the outputs at other entries: see `Nudges`."""
        import numpy as np

        return self._outputs(np.array([entries]))[0]

    def is_confirmed(self, center: float, noise: float, rng: random.Random) -> bool:
        """Tell whether f itself returns the same at fresh random points, near and farther away.

        What is not on the tape, since it was computed outside of the graph or depends on more than
        the inputs, differs there by more than noise, or makes no difference that could be seen.

        Args:
            center: what f returns at the inputs.
            noise: the standard deviation of the noise of f.
            rng: where the points come from.
        """
        import numpy as np

        points = [
            [
                x + distance * rng.uniform(-scale, scale)
                for x, scale in zip(self._problem.entries, self._scales, strict=True)
            ]
            for distance in _DISTANCES * _CONFIRMATIONS
        ]
        values, held = self._on_tape(np.array(points))
        chosen = held.nonzero()[0][:_CONFIRMATIONS]
        own = [center, *(self._problem(points[k])[0] for k in chosen)]
        return len(chosen) == _CONFIRMATIONS and all(
            abs(a - b) <= _LARGEST_DIFFERENCE * max(noise, UNIT_ROUNDOFF * abs(a))
            for a, b in zip(own, [*self.center, *values[chosen].tolist()], strict=True)
        )

    def search_each(self, search: Callable[[int, Along], Found]) -> list[Found]:
        """Return what a search along each entry finds: see `Nudges`."""
        entries = zip(self._problem.entries, self._scales, strict=True)
        firsts = [first_steps(x, scale) for x, scale in entries]
        return search_together([self.center] * len(firsts), firsts, search, self._moved)

    def _moved(self, moves: Sequence[Move]) -> list[list[float]]:
        """Return the outputs where one entry is moved, for many entries and steps."""
        import numpy as np

        outputs = []
        for some in portions(moves, len(self._row)):
            points = np.repeat(self._row[np.newaxis], len(some), axis=0)
            moved, steps = zip(*some, strict=True)
            points[np.arange(len(some)), moved] += steps
            outputs += self._outputs(points)
        return outputs

    def _outputs(self, points: Numbers) -> list[list[float]]:
        """Return the outputs of f at points of shape (points, entries)."""
        values, held = self._on_tape(points)
        outputs = [[value] for value in values.tolist()]
        for doubtful in (~held).nonzero()[0]:
            outputs[doubtful] = self._problem(points[doubtful].tolist())
        return outputs

    def _on_tape(self, points: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
        import numpy as np

        self.taped += len(points)
        problem = self._problem
        ends = list(accumulate(map(len, problem.parts)))
        arguments = [
            part.reshape(len(points), *np.shape(argument))
            for part, argument in zip(np.split(points, ends[:-1], 1), problem.inputs, strict=True)
        ]
        return self._tape.trusted_values(*arguments)


def search_together(
    centers: Sequence[Output],
    firsts: Sequence[Sequence[float]],
    search: Callable[[int, Callable[[float], Output]], Found],
    compute: Callable[[Sequence[Move]], Sequence[Output]],
) -> list[Found]:
    """Return what many searches find that ask for points one by one, computing many at once.

    A search that asks for a step that is not known yet is begun again when it is, together with
    the others.

    Args:
        centers: for each search, the output at a step of zero.
        firsts: for each search, the steps that it is known to ask for first, on both sides.
        search: called with the number of a search and the output as a function of the step.
        compute: returns the outputs for many pairs of a search and a step.
    """
    known = [_Known({0.0: center}) for center in centers]
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
            except _NotKnownError as missing:
                asked.append((i, missing.step))
    return [found[i] for i in range(len(known))]


class _Known(dict[float, Output]):
    """The outputs that are known, by step."""

    def __missing__(self, step: float) -> Output:
        raise _NotKnownError(step)


class _NotKnownError(LookupError):
    """A search needs another point before it can go on."""

    def __init__(self, step: float) -> None:
        super().__init__(step)
        self.step = abs(step)


def portions(moves: Sequence[Move], width: int) -> Iterable[Sequence[Move]]:
    """Cut a list of moves into parts that fit into memory, with so many numbers for each move."""
    most = math.ceil(_NUMBERS / width)
    return (moves[start : start + most] for start in range(0, len(moves), most))
