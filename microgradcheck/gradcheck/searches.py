"""Many searches that ask for points one by one, while many points are computed at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

__all__ = ["Move", "portions", "search_together"]

_NUMBERS = 2**17  # that are held at once, so that they stay in the cache

Found = TypeVar("Found")
Output = TypeVar("Output")
Move = tuple[int, float]
"""What is moved, by its number, and how far."""


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
