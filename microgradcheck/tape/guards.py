"""What must be as it was recorded for a tape to be right: branches, and `Value`s from outside."""

from __future__ import annotations

from collections.abc import Sequence

from microgradcheck.tape.graph import SYMBOLS, Graph, Guard

__all__ = ["StaleTapeError", "require_fresh", "require_same_branches"]


class StaleTapeError(RuntimeError):
    """The recorded function would do something else here than what was recorded."""


def require_fresh(graph: Graph) -> None:
    """Raise a StaleTapeError if a `Value` that f used besides its arguments has changed."""
    for leaf, number in graph.captured:
        if leaf.number is not number and leaf.number != number:
            raise StaleTapeError(
                "a Value that the recorded function uses, and that is not among its arguments, "
                f"was {number!r} when it was recorded and is {leaf.number!r} now; record it "
                "again, or make that Value an argument"
            )


def require_same_branches(graph: Graph, entries: Sequence[float]) -> None:
    """Raise a StaleTapeError if f would take another branch for these inputs.

    Operations are computed in f's own order, up to the first that is undefined.
    """
    numbers = [*entries, *graph.numbers[graph.inputs :]]
    guards: dict[int, list[Guard]] = {}
    for guard in graph.guards:
        guards.setdefault(max(guard.left, guard.right), []).append(guard)
    for place, operation in enumerate(graph.operations):
        if operation is not None:
            inputs = (numbers[graph.left[place]], numbers[graph.right[place]])[: operation.arity]
            try:
                numbers[place] = operation.compute(*inputs)
            except (ValueError, ArithmeticError):
                return
        for compare, left, right, answer, line in guards.get(place, ()):
            a, b = numbers[left], numbers[right]
            if compare(a, b) != answer:
                raise StaleTapeError(
                    f"the recorded function takes another branch here: {a!r} {SYMBOLS[compare]} "
                    f"{b!r} is {not answer}, and was {answer} when it was recorded (at {line}); "
                    "record it again at this point"
                )
