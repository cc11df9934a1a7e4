"""Second looks at entries that were judged one by one: at ties, and at a reference of a user's."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from microgradcheck.gradcheck.entry import Cause, Entry, Verdict
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.gradcheck.under_test import Gradient
from microgradcheck.gradcheck.wording import number
from microgradcheck.numeric.ladder import Estimate, estimate_along

__all__ = ["at_its_word", "check_ties", "doubt_reference"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

_MISSING = 0.01  # of the slopes: what f moves by besides what each input moves it


def check_ties(
    problem: Problem,
    entries: Sequence[Entry],
    *,
    noise: Sequence[float],
    rtol: float,
    scale: float | None,
    rng: random.Random,
) -> list[Entry]:
    """Check entries that are kinks or wrong along directions that move several of them.

    Entry by entry, ones and zeros both pass at the tie of a maximum; along the direction that
    moves both inputs alike, f has the slope 1, and neither 2 nor 0. At a tie of three, their
    median stands still while one input moves alone, so that each entry but 0 seems wrong; but no
    gradient whatever is right where the slopes of f do not add up.

    Returns:
        The entries, with those WRONG that do not fit together, and those EDGE that nothing fits.
    """
    checked = list(entries)
    for k, output in enumerate(problem.output_indices):
        ours = [n for n, entry in enumerate(entries) if entry.output == output]
        kinks = [n for n in ours if entries[n].verdict is Verdict.KINK]
        wrong = [n for n in ours if entries[n].verdict is Verdict.WRONG and not entries[n].cause]
        slopes = _Slopes(problem, k, noise[k], rtol, scale)
        if len(kinks) > 1 and not slopes.fit([entries[n] for n in kinks], rng):
            cause = (
                f"{Cause.TIE}: where several of these inputs move at once, f has another "
                "slope than the entries say"
            )
            for n in kinks:
                checked[n] = replace(entries[n], verdict=Verdict.WRONG, cause=cause)
        elif len(ours) > 1 and wrong and not slopes.add_up([entries[n] for n in ours], rng):
            cause = (
                f"{Cause.NOT_ADDITIVE}: where all inputs move at once, f has another slope than "
                "the sum of its slopes in each, so that no gradient fits"
            )
            for n in wrong:
                checked[n] = replace(entries[n], verdict=Verdict.EDGE, cause=cause)
    return checked


class _Slopes(NamedTuple):
    """The slopes of one output along directions that move several inputs."""

    problem: Problem
    k: int
    noise: float
    rtol: float
    scale: float | None

    def fit(self, kinks: Sequence[Entry], rng: random.Random) -> bool:
        """Tell whether entries that are kinks lie between the slopes along every direction."""
        return all(self._fit_along(kinks, signs) for signs in _directions(len(kinks), rng))

    def _fit_along(self, kinks: Sequence[Entry], signs: Sequence[int]) -> bool:
        moves = {self.problem.position(e)[1]: s for e, s in zip(kinks, signs, strict=True)}
        x = max(abs(self.problem.entries[i]) for i in moves)
        # Alike, as the inputs of a tie are, not each by its own length.
        along = self._estimate(moves, x, max(self.problem.scale(i, self.scale) for i in moves))
        if along.behaviour == "edge":
            return True
        low, high = sorted(along.slopes or (along.value, along.value))
        total = sum(sign * entry.gradient for sign, entry in zip(signs, kinks, strict=True))
        size = sum(abs(entry.gradient) for entry in kinks)
        margin = along.error_bound + self.rtol * max(abs(low), abs(high), size)
        return low - margin <= total <= high + margin

    def add_up(self, entries: Sequence[Entry], rng: random.Random) -> bool:
        """Tell whether f moves, when all inputs move at once, by the sum of what each moves it."""
        if any(entry.slopes for entry in entries):
            return True
        for signs in ([1] * len(entries), [rng.choice((-1, 1)) for _ in entries]):
            moves = [sign * self.problem.scale(i, self.scale) for i, sign in enumerate(signs)]
            along = self._estimate(dict(enumerate(moves)), 1.0, 1.0)
            parts = [move * entry.reference for move, entry in zip(moves, entries, strict=True)]
            bounds = [abs(m) * e.error_bound for m, e in zip(moves, entries, strict=True)]
            size = max(abs(along.value), *map(abs, parts))
            margin = along.error_bound + sum(bounds) + _MISSING * size
            if along.behaviour == "kink" or abs(along.value - sum(parts)) > margin:
                return False
        return True

    def _estimate(self, moves: Mapping[int, float], x: float, length: float) -> Estimate:
        def at(step: float) -> float:
            moved = [entry + moves.get(i, 0) * step for i, entry in enumerate(entries)]
            return self.problem(moved)[self.k]

        entries = self.problem.entries
        return estimate_along(at, x, length, self.noise, self.rtol)


def _directions(count: int, rng: random.Random) -> Iterable[list[int]]:
    """Yield the sum, differences of the first few, and random signs."""
    yield [1] * count
    for first in range(min(count, 4)):
        for second in range(first):
            yield [(n == first) - (n == second) for n in range(count)]
    for _ in range(4):
        yield [rng.choice((-1, 1)) for _ in range(count)]


def at_its_word(reference: Gradient) -> list[list[Estimate]]:
    """Return what a reference gave, by input entry and output, as estimates without errors."""

    def exact(value: float) -> Estimate:
        if math.isnan(value):
            reason = f"{Cause.NO_REFERENCE_HERE}: {reference.failure}"
            return Estimate(value, math.inf, "edge", reason=reason)
        return Estimate(value, 0.0, secant=abs(value))

    return [list(map(exact, of_outputs)) for of_outputs in zip(*reference.rows, strict=True)]


def doubt_reference(
    entries: Sequence[Entry], ask_f: Callable[[], Sequence[Entry]], rtol: float
) -> list[Entry]:
    """Let differences of f judge between a gradient and a reference that differ.

    Returns:
        The entries, with a cause of their own where f does not side with the reference.
    """
    if not any(_is_open(entry) for entry in entries):
        return list(entries)
    return [_doubted(entry, own, rtol) for entry, own in zip(entries, ask_f(), strict=True)]


def _doubted(entry: Entry, own: Entry, rtol: float) -> Entry:
    margin = own.error_bound + rtol * abs(own.reference)
    agrees = abs(entry.reference - own.reference) <= margin
    if not _is_open(entry) or not math.isfinite(own.reference) or agrees:
        return entry
    sides = own.verdict in (Verdict.PASS, Verdict.KINK)
    rest = "as the gradient does" if sides else "and so is the gradient"
    found = f"differences of f give {number(own.reference)}, {rest}"
    return replace(entry, cause=f"{Cause.REFERENCE_WRONG}: {found}")


def _is_open(entry: Entry) -> bool:
    return entry.verdict is Verdict.WRONG and not entry.cause
