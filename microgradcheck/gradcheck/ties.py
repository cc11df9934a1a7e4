"""Kinks in several entries at once: the entries of a gradient must fit together, too."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

from microgradcheck.gradcheck.entry import Entry, Verdict
from microgradcheck.gradcheck.named_causes import Cause
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.numeric.ladder import estimate_along

__all__ = ["check_ties"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between


def check_ties(
    problem: Problem,
    entries: Sequence[Entry],
    *,
    noise: Sequence[float],
    rtol: float,
    scale: float | None,
    rng: random.Random,
) -> list[Entry]:
    """Check entries that are kinks along directions that move several of them.

    Entry by entry, ones and zeros both pass at the tie of a maximum; along the direction that
    moves both inputs alike, f has the slope 1, and neither 2 nor 0.

    Args:
        problem: the function and its inputs.
        entries: all entries with their verdicts.
        noise: the noise of each output of f.
        rtol: the relative difference that is allowed.
        scale: as in `gradcheck`.
        rng: where random directions come from.

    Returns:
        The entries, with those WRONG that do not fit together.
    """
    checked = list(entries)
    for k, output in enumerate(problem.output_indices):
        kinks = [
            n
            for n, entry in enumerate(entries)
            if entry.verdict is Verdict.KINK and entry.output == output
        ]
        if len(kinks) < 2:
            continue
        tied = [entries[n] for n in kinks]
        if not all(
            _fits_along(problem, k, signs, tied, noise=noise[k], rtol=rtol, scale=scale)
            for signs in _directions(len(tied), rng)
        ):
            for n in kinks:
                checked[n] = replace(
                    entries[n],
                    verdict=Verdict.WRONG,
                    cause=f"{Cause.TIE}: where several of these inputs move at once, f has another "
                    "slope than the entries say",
                )
    return checked


def _directions(count: int, rng: random.Random) -> Iterable[list[int]]:
    """Yield the sum, differences of the first few, and random signs."""
    yield [1] * count
    for first in range(min(count, 4)):
        for second in range(first):
            yield [(n == first) - (n == second) for n in range(count)]
    for _ in range(4):
        yield [rng.choice((-1, 1)) for _ in range(count)]


def _fits_along(
    problem: Problem,
    k: int,
    signs: Sequence[int],
    kinks: Sequence[Entry],
    *,
    noise: float,
    rtol: float,
    scale: float | None,
) -> bool:
    moves = {
        problem.places.index((entry.input, entry.index)): sign
        for entry, sign in zip(kinks, signs, strict=True)
    }

    def at(step: float) -> float:
        moved = [x + moves.get(i, 0) * step for i, x in enumerate(problem.entries)]
        return problem(moved)[k]

    x = max(abs(problem.entries[i]) for i in moves)
    length = max(problem.scale(i, scale) for i in moves)
    along = estimate_along(at, x, length, noise, rtol)
    if along.behaviour == "edge":
        return True
    low, high = sorted(along.slopes or (along.value, along.value))
    total = sum(sign * entry.gradient for sign, entry in zip(signs, kinks, strict=True))
    size = sum(abs(entry.gradient) for entry in kinks)
    margin = along.error_bound + rtol * max(abs(low), abs(high), size)
    return low - margin <= total <= high + margin
