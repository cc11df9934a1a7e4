"""Second looks at entries that were judged one by one: does f move by them where several move?"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations
from operator import mul
from typing import NamedTuple

from microgradcheck.gradcheck.entry import Cause, Entry, Verdict
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.numeric.findings import Estimate
from microgradcheck.numeric.ladder import estimate_along
from microgradcheck.numeric.samples import UNIT_ROUNDOFF

__tracebackhide__ = True  # from pytest

_RANDOM = 4  # directions
_TIED = 1 / 4  # of what one kink bends f: a tie makes as much as all of it
_MOST = 16  # tied kinks are held against one another in pairs, 120 of these
_MISSING = 0.01  # of the slopes: what f moves by besides what each input moves it
_BEYOND = 16  # times the noise of f: how far it moves by more than that

Path = tuple[Sequence[Sequence[float]], Sequence[Sequence[float]]]  # points, and outputs at them


def check_ties(
    problem: Problem,
    entries: list[Entry],
    noise: Sequence[float],
    rtol: float,
    rng: random.Random,
    *,
    path: Path | None = None,
) -> list[Entry]:
    """Check entries along directions that move several inputs.

    They are those that are kinks or wrong, and all of them where f moves by another amount than
    they say along a path next to the inputs.

    Kinks that do not fit together are WRONG: entry by entry, ones and zeros both pass at the tie of
    a maximum, which has the slope 1 where both inputs move. What nothing fits is EDGE: a median
    stands still while one of three equal inputs moves, and not where all do.
    """
    checked: list[Entry] = []
    width = len(problem.entries)
    signs = ([1] * width, [rng.choice((-1, 1)) for _ in range(width)]) if width > 1 else ()
    together = [_Together(problem, each) for each in signs]
    for k in range(len(problem.output_indices)):
        ours = entries[k * width : (k + 1) * width]
        slopes = _Slopes(problem, k, noise[k], rtol, rng, together)
        kinks = [entry for entry in ours if entry.verdict is Verdict.KINK]
        # Bends up and bends down would hide one another where all move at once.
        alike = [[e for e in kinks if side * e.bend > 0] for side in (1, -1)]
        if not all(len(some) < 2 or _Kinks(slopes, some).fit() for some in alike):
            cause = (
                f"{Cause.TIE}: where several of these inputs move at once, f has another "
                "slope than the entries say"
            )
            ours = [
                e.judged(Verdict.WRONG, cause) if e.verdict is Verdict.KINK else e for e in ours
            ]
        else:
            concerned = [e for e in ours if e.is_unexplained]
            if not concerned and path and slopes.strays(path, ours):
                concerned = [e for e in ours if e.verdict is Verdict.PASS]
            if concerned and not slopes.add_up(ours):
                cause = (
                    f"{Cause.NOT_ADDITIVE}: where all inputs move at once, f has another slope "
                    "than the sum of its slopes in each, so that no gradient fits"
                )
                ours = [e.judged(Verdict.EDGE, cause) if e in concerned else e for e in ours]
        checked += ours
    return checked


class _Together:
    """The outputs of f where all inputs move at once, each by its sign: once for all outputs."""

    def __init__(self, problem: Problem, signs: Sequence[int]) -> None:
        self._problem, self.signs = problem, signs
        self.moves = [sign * x for sign, x in zip(signs, problem.scales, strict=True)]
        self._known: dict[float, list[float]] = {}

    def __call__(self, step: float) -> list[float]:
        if step not in self._known:
            pairs = zip(self._problem.entries, self.moves, strict=True)
            self._known[step] = self._problem([x + move * step for x, move in pairs])
        return self._known[step]


class _Slopes(NamedTuple):
    """The slopes of one output along directions that move several inputs."""

    problem: Problem
    k: int
    noise: float
    rtol: float
    rng: random.Random
    together: Sequence[_Together]

    def signs(self, count: int) -> list[int]:
        """Return random signs."""
        return [self.rng.choice((-1, 1)) for _ in range(count)]

    def strays(self, path: Path, entries: Sequence[Entry]) -> bool:
        """Tell whether f moves along a path otherwise than by the sum of what each moves it."""
        (start, *_, end), (at_start, *_, at_end) = path
        change = at_end[self.k] - at_start[self.k]
        parts, bounds = [], []
        for a, b, entry in zip(start, end, entries, strict=True):
            slope = entry.slopes[b > a] if entry.slopes else entry.reference
            parts.append((b - a) * slope)
            bounds.append(abs(b - a) * entry.error_bound)
        noise = max(self.noise, UNIT_ROUNDOFF * abs(at_end[self.k]))
        margin = _MISSING * max(abs(change), *map(abs, parts)) + _BEYOND * noise
        return abs(change - math.fsum(parts)) > margin + math.fsum(bounds)

    def add_up(self, entries: Sequence[Entry]) -> bool:
        """Tell whether f moves, when all inputs move at once, by the sum of what each moves it.

        All but kinks, since each of those has two slopes.
        """
        free = [not entry.slopes for entry in entries]
        if sum(free) < 2:
            return True
        together = self.together
        if not all(free):
            together = [_Together(self.problem, list(map(mul, t.signs, free))) for t in together]
        for outputs in together:
            at = partial(self._together, outputs)
            along = estimate_along(at, 1.0, 1.0, self.noise, self.rtol)
            pairs = list(zip(outputs.moves, entries, strict=True))
            parts = [move * entry.reference for move, entry in pairs]
            bounds = [abs(move) * entry.error_bound for move, entry in pairs]
            size = max(abs(along.value), *map(abs, parts))
            margin = along.error_bound + math.fsum(bounds) + _MISSING * size
            if along.behaviour == "kink" or abs(along.value - math.fsum(parts)) > margin:
                return False
        return True

    def _together(self, outputs: _Together, step: float) -> float:
        return outputs(step)[self.k]

    def estimate(self, moves: Mapping[int, float], x: float, length: float) -> Estimate:
        """Return the slope along a direction, for a number of such a size and length."""
        at = self.problem.along(moves, self.k)
        return estimate_along(at, x, length, self.noise, self.rtol)


class _Kinks:
    """Kinks that all bend f up, or all down, and directions that move several of them."""

    def __init__(self, slopes: _Slopes, kinks: Sequence[Entry]) -> None:
        self.slopes, self.problem = slopes, slopes.problem
        self.gradient = [entry.gradient for entry in kinks]
        self.sides = [entry.slopes or (math.nan, math.nan) for entry in kinks]
        self.places = [self.problem.position(entry)[1] for entry in kinks]
        bends = [abs(entry.bend) for entry in kinks]
        # Each input bends f as much as any other then, as those of a tie do, whatever their units.
        self.weights = [min(bends) / bend for bend in bends]
        self.bend = min(bends)

    def fit(self) -> bool:
        """Tell whether the entries lie between the slopes along every direction.

        Those move all of them, each two of them the same way and against one another, and any two
        that are tied, which what the others do cannot hide.
        """
        count, asked = len(self.places), set[tuple[int, int]]()
        for signs in self._signs(count):
            direction = {n: s * w for n, (s, w) in enumerate(zip(signs, self.weights, strict=True))}
            along = self._along(direction)
            if not self._lies_between(along, direction):
                return False
            tied = self._tied(direction, along.step)
            if len(tied) == 1:
                # Where the shares of others cancel, they move f as by themselves.
                tied += [n for n in range(count) if n not in tied]
            pairs = set(combinations(sorted(tied[:_MOST]), 2)) - asked
            asked |= pairs
            for one, other in sorted(pairs):
                for sign in (1, -1):
                    two = {one: self.weights[one], other: sign * self.weights[other]}
                    # What is not tied lies between as each of the two does.
                    if self._tied(two, along.step) and not self._lies_between(
                        self._along(two), two
                    ):
                        return False
        return True

    def _signs(self, count: int) -> Iterator[list[int]]:
        yield [1] * count
        # Any two differ in a digit of their numbers.
        for digit in range((count - 1).bit_length()):
            yield [1 if n >> digit & 1 else -1 for n in range(count)]
        for _ in range(_RANDOM):
            yield self.slopes.signs(count)

    def _along(self, direction: Mapping[int, float]) -> Estimate:
        moves = {self.places[n]: times for n, times in direction.items()}
        x = max(abs(self.problem.entries[i] / times) for i, times in moves.items())
        length = min(self.problem.scales[i] / abs(times) for i, times in moves.items())
        return self.slopes.estimate(moves, x, length)

    def _lies_between(self, along: Estimate, direction: Mapping[int, float]) -> bool:
        low, high = sorted(along.slopes or (along.value, along.value))
        parts = [times * self.gradient[n] for n, times in direction.items()]
        margin = along.error_bound + self.slopes.rtol * max(map(abs, (low, high, *parts)))
        return along.behaviour == "edge" or low - margin <= math.fsum(parts) <= high + margin

    def _tied(self, direction: Mapping[int, float], step: float) -> list[int]:
        """Return which kinks move f otherwise beside all others than by themselves."""
        within, tied = _TIED * self.bend * step, set[int]()

        def moved(step: float, *, without: int = -1) -> float:
            moves = {self.places[n]: times for n, times in direction.items() if n != without}
            return self.problem.along(moves, self.slopes.k)(step)

        here = moved(0.0)
        for h in (step, -step):
            alone = {n: h * t * self.sides[n][h * t > 0] for n, t in direction.items()}
            together = moved(h)
            if abs(together - here - math.fsum(alone.values())) > within:
                tied |= {
                    n
                    for n, change in alone.items()
                    if abs(together - moved(h, without=n) - change) > within
                }
        return sorted(tied)
