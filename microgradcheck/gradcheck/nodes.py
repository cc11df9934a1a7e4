"""What f records, node by node: its own derivatives checked alone, and what nudging it does."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from types import FrameType
from typing import Any

from microgradcheck import sweep
from microgradcheck.functions.entries import is_entry
from microgradcheck.gradcheck.entry import Claim, Entry, OperationFault, Verdict
from microgradcheck.gradcheck.judging import Circumstances, judge
from microgradcheck.gradcheck.nudges import Move, portions, search_together
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.numeric.findings import Estimate
from microgradcheck.numeric.ladder import estimate_along, first_steps
from microgradcheck.ops import Operation, arrays
from microgradcheck.structure import take_apart
from microgradcheck.value import Note, Place, Value, caller, source_lines, watching

_RTOL = 1e-8  # of one operation: beside terms that cancel it, an error counts for more


@dataclass
class Recording:
    """One recorded call of a function."""

    inputs: list[Value]
    roots: list[Value]  # the outputs that are Values
    read_at: str  # where a Value was first read as a number: `at file.py:12`, `in sin`, or ""

    @cached_property
    def contributions(self) -> list[list[list[float]]]:
        """What each use of each input contributes to the derivatives of each output."""
        return [self._contributions(root) for root in self.roots]

    def _contributions(self, root: Value) -> list[list[float]]:
        found: dict[int, list[float]] = {id(leaf): [] for leaf in self.inputs}
        # Where a derivative does not exist, as that of sqrt at 0, nothing is known of any.
        with suppress(ValueError, ArithmeticError):
            for node, adjoint in zip(*sweep.reverse(root), strict=True):
                for slot, slope in zip((node.a, node.b), sweep.slopes(node), strict=False):
                    if id(slot) in found and slope is not None:
                        found[id(slot)].append(adjoint * slope)
        return list(found.values())


def record(problem: Problem, most: float = math.inf) -> Recording | None:
    """Record f once more, each operation with its line.

    None where it does not take `Value`s, or records more operations than are worth the time.
    """
    inputs = list(map(Value, problem.entries))
    read_at = ""
    this_frame: FrameType | None = sys._getframe()

    def on_read(_: Value) -> None:
        nonlocal read_at
        place = caller(sys._getframe(1), this_frame)
        # A function that is written in C has no line.
        name = getattr(problem.f, "__name__", "f")
        read_at = read_at or (f"at {place.location}" if place else f"in {name}")

    try:
        with source_lines(most=most), watching(read=on_read):
            outputs = take_apart(problem.of(inputs), is_entry)
    except Exception:  # noqa: BLE001  whatever an f does with Values that it was not made for
        return None
    finally:
        this_frame = None  # It would keep itself, and all that callers hold, from being freed.
    return Recording(inputs, [entry for entry in outputs if isinstance(entry, Value)], read_at)


def faults_of(recording: Recording) -> tuple[list[OperationFault], int, str]:
    """Return the recorded operations that are wrong, by place, and how many are right.

    In the end comes the first that stands at its kink, by name and line, or "".
    """
    nodes = sweep.topological_order(*recording.roots)
    judged, right, at_a_kink = cache(_judged), 0, ""
    # Not by line: of two products on one, each is told by its own columns.
    groups: dict[tuple[str, str, Place | None], list[tuple[float, float]]] = {}
    for node in nodes:
        if node.operation is None:
            continue
        slots = (node.a, node.b)
        a, b = (slot.number if isinstance(slot, Value) else slot for slot in slots)
        place = node.note.place if isinstance(node.note, Note) else None
        is_right = True
        for parameter, slot in zip(node.operation.parameters, slots, strict=False):
            if not isinstance(slot, Value):
                continue
            verdict, numbers = judged(node.operation, a, b, parameter)
            if verdict is Verdict.WRONG:
                groups.setdefault((node.operation.name, parameter, place), []).append(numbers)
                is_right = False
            elif verdict is Verdict.KINK and not at_a_kink:
                at_a_kink = f"{node.operation.name} at {place.location}" if place else node.op
        right += is_right
    faults = []
    for (name, parameter, place), found in groups.items():
        where = (place.location, place.underlined) if place else ("", "")
        faults.append(OperationFault(name, parameter, *found[0], *where, len(found)))
    return faults, right, at_a_kink


def _judged(
    operation: Operation, a: float, b: float, parameter: str
) -> tuple[Verdict, tuple[float, float]]:
    """Return the verdict on an operation's derivative, what it is, and what it should be."""

    def at(step: float) -> float:
        moved = (a + step, b) if parameter == "a" else (a, b + step)
        try:
            return float(operation.compute(*moved[: operation.arity]))
        except (ValueError, ArithmeticError):
            return math.nan

    rule = operation.derivative_a if parameter == "a" else operation.derivative_b
    try:
        slope = float(rule(a, b, operation.compute(*(a, b)[: operation.arity])))
    except (ValueError, ArithmeticError):
        return Verdict.EDGE, (math.nan, math.nan)
    x = a if parameter == "a" else b
    found = estimate_along(at, x, abs(x) or 1.0, 0.0, _RTOL)
    judged = judge(Claim(0, (), (), "", slope), found, Circumstances(_RTOL, 0.0))
    return judged.verdict, (slope, found.value)


def judge_nodes(problem: Problem, rtol: float) -> list[Entry]:
    """Return the verdicts on the adjoints of all nodes between the inputs and the output."""
    root = problem.of(list(map(Value, problem.entries)))
    if not isinstance(root, Value):
        raise TypeError(
            f"nodes=True needs a function of Values that returns one, it returned {root!r}"
        )
    here = Circumstances(rtol, size=abs(root.number))
    return [
        judge(Claim(-1, (n,), (), f"df/d({node.label or f'{node.op} #{n}'})", adjoint), found, here)
        for n, (node, adjoint, found) in enumerate(estimate_nodes(root, rtol))
    ]


def estimate_nodes(
    root: Value, rtol: float, *, leaves: bool = False
) -> list[tuple[Value, float, Estimate]]:
    """Return each interior node with its adjoint and what nudging it does to the root.

    With `leaves`, those and the root itself are nudged, too, and an adjoint may be nan where there
    is no derivative. It takes about 8 replays of what lies downstream for every node, many of them
    at once.
    """
    adjoints: Sequence[float]
    try:
        nodes, adjoints = sweep.reverse(root)
    except (ValueError, ArithmeticError):
        if not leaves:
            raise
        nodes = sweep.topological_order(root)
        adjoints = [math.nan] * len(nodes)
    replay = _Replay(nodes)
    chosen = [
        place
        for place, node in enumerate(nodes)
        if leaves or (node.operation is not None and node is not root)
    ]
    numbers = [nodes[place].number for place in chosen]

    def compute(moves: Sequence[Move]) -> list[float]:
        moved = [(chosen[i], step) for i, step in moves]
        return [y for some in portions(moved, len(nodes)) for y in replay(some)]

    def search(i: int, at: Callable[[float], float]) -> Estimate:
        return estimate_along(at, numbers[i], abs(numbers[i]) or 1.0, 0.0, rtol, wide=True)

    centers = compute([(i, 0.0) for i in range(len(chosen))])
    firsts = [first_steps(x, abs(x) or 1.0, wide=True) for x in numbers]
    estimates = search_together(centers, firsts, search, compute)
    return [
        (nodes[place], adjoints[place], estimate)
        for place, estimate in zip(chosen, estimates, strict=True)
    ]


class _Replay:
    """A recorded graph, each node after its inputs, computed again with nudges in it."""

    def __init__(self, nodes: Sequence[Value]) -> None:
        self._numbers = [node.number for node in nodes]
        places = {id(node): place for place, node in enumerate(nodes)}
        # How each node is computed, and from what: places, -1 for a constant, and numbers.
        self._steps: list[tuple[Any, list[tuple[int, float]]]] = []
        for node in nodes:
            operation = node.operation
            slots = (node.a, node.b)[: operation.arity] if operation else ()
            inputs = [
                (-1, slot) if isinstance(slot, float) else (places[id(slot)], slot.number)
                for slot in slots
            ]
            self._steps.append((operation and arrays().value(operation), inputs))

    def __call__(self, moves: Sequence[Move]) -> list[float]:
        """Return the last node's number where a node, by its place, is moved; nan if undefined."""
        import numpy as np

        steps = np.array([step for _, step in moves])
        lanes: dict[int, list[int]] = {}
        for lane, (place, _) in enumerate(moves):
            lanes.setdefault(place, []).append(lane)
        rows: dict[int, Any] = {}  # of the nodes that are moved, or lie downstream
        total = np.zeros(len(moves))
        with np.errstate(all="ignore"):
            for place in range(min(lanes), len(self._steps)):
                compute, inputs = self._steps[place]
                if any(source in rows for source, _ in inputs):
                    rows[place] = compute(*(rows.get(source, x) for source, x in inputs))
                if place in lanes:
                    row = rows.get(place, self._numbers[place]) + np.zeros(len(moves))
                    row[lanes[place]] += steps[lanes[place]]
                    rows[place] = row
                if place in rows:
                    total += rows[place]  # An infinity on the way is not seen at the end of it.
            found = np.where(np.isfinite(total), rows[len(self._steps) - 1], math.nan)
        return list(found.tolist())
