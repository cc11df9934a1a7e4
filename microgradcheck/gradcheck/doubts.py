"""Second looks at entries that were judged one by one: at ties, and at a reference of a user's."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from microgradcheck.gradcheck.entry import Cause, Entry, Verdict
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.gradcheck.under_test import Gradient
from microgradcheck.gradcheck.wording import number
from microgradcheck.numeric.ladder import Estimate, estimate_along

__all__ = ["at_its_word", "check_ties", "doubted"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

_MISSING = 0.01  # of the slopes: what f moves by besides what each input moves it


def check_ties(
    problem: Problem,
    entries: list[Entry],
    noise: Sequence[float],
    rtol: float,
    rng: random.Random,
) -> list[Entry]:
    """Check entries that are kinks or wrong along directions that move several of them.

    Kinks that do not fit together are WRONG: entry by entry, ones and zeros both pass at the tie of
    a maximum, which has the slope 1 where both inputs move. What nothing fits is EDGE: a median
    stands still while one of three equal inputs moves, and not where all do.
    """
    checked: list[Entry] = []
    width = len(problem.entries)
    for k in range(len(problem.output_indices)):
        ours = entries[k * width : (k + 1) * width]
        kinks = [entry for entry in ours if entry.verdict is Verdict.KINK]
        slopes = _Slopes(problem, k, noise[k], rtol, rng)
        # Bends up and bends down would hide one another where all move at once.
        up = [entry for entry in kinks if entry.bends_up]
        down = [entry for entry in kinks if not entry.bends_up]
        if not (slopes.fit(up) and slopes.fit(down)):
            cause = (
                f"{Cause.TIE}: where several of these inputs move at once, f has another "
                "slope than the entries say"
            )
            ours = [
                e.judged(Verdict.WRONG, cause) if e.verdict is Verdict.KINK else e for e in ours
            ]
        elif any(e.is_unexplained for e in ours) and not slopes.add_up(ours):
            cause = (
                f"{Cause.NOT_ADDITIVE}: where all inputs move at once, f has another slope than "
                "the sum of its slopes in each, so that no gradient fits"
            )
            ours = [e.judged(Verdict.EDGE, cause) if e.is_unexplained else e for e in ours]
        checked += ours
    return checked


class _Slopes(NamedTuple):
    """The slopes of one output along directions that move several inputs."""

    problem: Problem
    k: int
    noise: float
    rtol: float
    rng: random.Random

    def fit(self, kinks: Sequence[Entry]) -> bool:
        """Tell whether entries that are kinks lie between the slopes along every direction."""
        if len(kinks) < 2:
            return True
        places = [self.problem.position(entry)[1] for entry in kinks]
        x = max(abs(self.problem.entries[i]) for i in places)
        # Alike, as the inputs of a tie are, not each by its own length.
        length = max(self.problem.scales[i] for i in places)
        size = math.fsum(abs(entry.gradient) for entry in kinks)
        for signs in self._directions(len(kinks)):
            along = self._estimate(dict(zip(places, signs, strict=True)), x, length)
            low, high = sorted(along.slopes or (along.value, along.value))
            total = math.fsum(s * entry.gradient for s, entry in zip(signs, kinks, strict=True))
            margin = along.error_bound + self.rtol * max(abs(low), abs(high), size)
            if along.behaviour != "edge" and not low - margin <= total <= high + margin:
                return False
        return True

    def _directions(self, count: int) -> Iterable[list[int]]:
        """Yield the sum, differences of the first few, and random signs."""
        yield [1] * count
        for first in range(min(count, 4)):
            for second in range(first):
                yield [(n == first) - (n == second) for n in range(count)]
        for _ in range(4):
            yield self._random_signs(count)

    def _random_signs(self, count: int) -> list[int]:
        return [self.rng.choice((-1, 1)) for _ in range(count)]

    def add_up(self, entries: Sequence[Entry]) -> bool:
        """Tell whether f moves, when all inputs move at once, by the sum of what each moves it."""
        if len(entries) == 1 or any(entry.slopes for entry in entries):
            return True
        for signs in ([1] * len(entries), self._random_signs(len(entries))):
            moves = [sign * x for sign, x in zip(signs, self.problem.scales, strict=True)]
            along = self._estimate(dict(enumerate(moves)), 1.0, 1.0)
            parts = [move * entry.reference for move, entry in zip(moves, entries, strict=True)]
            bounds = [abs(m) * e.error_bound for m, e in zip(moves, entries, strict=True)]
            size = max(abs(along.value), *map(abs, parts))
            margin = along.error_bound + math.fsum(bounds) + _MISSING * size
            if along.behaviour == "kink" or abs(along.value - math.fsum(parts)) > margin:
                return False
        return True

    def _estimate(self, moves: Mapping[int, float], x: float, length: float) -> Estimate:
        at = self.problem.along(moves, self.k)
        return estimate_along(at, x, length, self.noise, self.rtol)


def at_its_word(reference: Gradient) -> list[list[Estimate]]:
    """Return what a reference gave, by input entry and output, as estimates without errors."""
    nothing = Estimate(
        math.nan, math.inf, "edge", reason=f"{Cause.NO_REFERENCE_HERE}: {reference.failure}"
    )
    return [
        [nothing if math.isnan(x) else Estimate(x, 0.0, secant=abs(x)) for x in of_outputs]
        for of_outputs in zip(*reference.rows, strict=True)
    ]


def doubted(entry: Entry, own: Entry, rtol: float) -> Entry:
    """Return an entry that differs from a reference, with a cause if f contradicts that."""
    margin = own.error_bound + rtol * abs(own.reference)
    agrees = abs(entry.reference - own.reference) <= margin
    if not entry.is_unexplained or not math.isfinite(own.reference) or agrees:
        return entry
    sides = own.verdict in (Verdict.PASS, Verdict.KINK)
    rest = "as the gradient does" if sides else "and so is the gradient"
    found = f"differences of f give {number(own.reference)}, {rest}"
    return entry.judged(Verdict.WRONG, f"{Cause.REFERENCE_WRONG}: {found}")
