"""Which recorded operation is wrong: each is checked alone, at the inputs that it was given."""

from __future__ import annotations

import math
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from microgradcheck import sweep
from microgradcheck.functions.entries import is_entry, lift
from microgradcheck.gradcheck.entry import OperationFault
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.numeric.ladder import estimate_along
from microgradcheck.ops import Operation
from microgradcheck.structure import take_apart
from microgradcheck.value import (
    Note,
    Place,
    Value,
    caller,
    is_ours,
    line_name,
    source_lines,
    watching,
)

__all__ = ["Recording", "faults_of", "in_words", "record"]

_RTOL = 1e-6


class Recording(NamedTuple):
    """One recorded call of a function.

    Attributes:
        inputs: the leaves that stand for the inputs' entries.
        roots: the outputs that are `Value`s.
        nodes: every operation that they were made by, each with its line of source.
        reads: where a `Value` was read as a plain number, as `file.py:12`.
    """

    inputs: list[Value]
    roots: list[Value]
    nodes: list[Value]
    reads: list[str]


def record(f: Callable[..., Any], problem: Problem) -> Recording | None:
    """Record a function once more, noting which code asked for each operation.

    Returns:
        The recording, or None where f does not take `Value`s.
    """
    arguments = tuple(lift(argument) for argument in problem.arguments(problem.entries))
    inputs = [entry for part in arguments for entry in take_apart(part, is_entry)]
    reads: list[str] = []

    def on_read(_: Value) -> None:
        place = caller(sys._getframe(1))
        if place and place.location not in reads:
            reads.append(place.location)

    try:
        with source_lines(), watching(read=on_read):
            result = f(*arguments)
        outputs = take_apart(result, is_entry)
    except Exception:  # noqa: BLE001  whatever an f does with Values that it was not made for
        return None
    roots = [entry for entry in outputs if isinstance(entry, Value)]
    nodes: dict[int, Value] = {}
    for root in roots:
        nodes.update((id(node), node) for node in sweep.topological_order(root))
    operations = [node for node in nodes.values() if node.operation is not None]
    return Recording(inputs, roots, operations, reads)


def in_words(error: Exception) -> str:
    """Return the text of an error, and the line outside of this package that led to it, if any."""
    for frame, line in traceback.walk_tb(error.__traceback__):
        if not is_ours(frame.f_code.co_filename):
            return f"{str(error).strip()} ({line_name(frame.f_code.co_filename, line)})"
    return str(error)


def faults_of(recording: Recording) -> list[OperationFault]:
    """Check the derivatives of every recorded operation at the inputs that it was given.

    Returns:
        The operations that are wrong, those of one place together.
    """
    judged: dict[tuple[Operation, float, float, str], tuple[float, float] | None] = {}
    faults: dict[tuple[str, str, Place | None], OperationFault] = {}
    for node in recording.nodes:
        operation = node.operation
        assert operation is not None
        slots = (node.a, node.b)
        a, b = (slot.number if isinstance(slot, Value) else slot for slot in slots)
        for parameter, slot in zip(operation.parameters, slots, strict=False):
            if not isinstance(slot, Value):
                continue
            key = (operation, a, b, parameter)
            if key not in judged:
                judged[key] = _fault(operation, a, b, parameter)
            if (found := judged[key]) is None:
                continue
            place = node.note.place if isinstance(node.note, Note) else None
            # Not by line: of two products on one, each is told by its own columns.
            group = (operation.name, parameter, place)
            if group in faults:
                faults[group] = replace(faults[group], count=faults[group].count + 1)
            else:
                where, expression = (place.location, place.underlined) if place else ("", "")
                faults[group] = OperationFault(
                    operation.name, parameter, *found, where, expression, 1
                )
    return list(faults.values())


def _fault(operation: Operation, a: float, b: float, parameter: str) -> tuple[float, float] | None:
    """Return an operation's derivative and what it should be, where they differ."""

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
        return None
    x = a if parameter == "a" else b
    found = estimate_along(at, x, abs(x) or 1.0, 0.0, _RTOL)
    if found.behaviour == "edge":
        return None
    low, high = sorted(found.slopes or (found.value, found.value))
    margin = found.error_bound + _RTOL * max(abs(low), abs(high))
    return None if low - margin <= slope <= high + margin else (slope, found.value)
