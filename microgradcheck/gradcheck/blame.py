"""Which recorded operation is wrong: each is checked alone, at the inputs that it was given."""

from __future__ import annotations

import linecache
import math
import sys
import traceback
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

from microgradcheck import sweep
from microgradcheck.functions.entries import is_entry, lift
from microgradcheck.gradcheck.entry import OperationFault
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.numeric.ladder import estimate_along
from microgradcheck.ops import OPERATIONS, Operation
from microgradcheck.structure import take_apart
from microgradcheck.value import Value, binary, reflected, unary, watching

__all__ = ["Recording", "faults_of", "in_words", "is_ours", "record"]

_PACKAGE = str(Path(__file__).parent.parent)
_RTOL = 1e-6
# The functions that make nodes: each of the three is one piece of code for all operations.
_RECORDERS = {make(OPERATIONS["add"]).__code__ for make in (unary, binary, reflected)}


class _Place(NamedTuple):
    code: CodeType
    instruction: int


class Recording(NamedTuple):
    """One recorded call of a function.

    Attributes:
        inputs: the leaves that stand for the inputs' entries.
        roots: the outputs that are `Value`s.
        nodes: every operation that they were made by.
        places: which code asked for a node, by the node's identity.
        reads: where a `Value` was read as a plain number, as `file.py:12`.
    """

    inputs: list[Value]
    roots: list[Value]
    nodes: list[Value]
    places: dict[int, _Place]
    reads: list[str]


def record(f: Callable[..., Any], problem: Problem) -> Recording | None:
    """Record a function once more, noting which code asked for each operation.

    Args:
        f: a function of `Value`s.
        problem: its inputs.

    Returns:
        The recording, or None where f does not take `Value`s.
    """
    arguments = tuple(lift(argument) for argument in problem.arguments(problem.entries))
    inputs = [entry for part in arguments for entry in take_apart(part, is_entry)]
    places: dict[int, _Place] = {}
    reads: list[str] = []

    def on_read(_: Value) -> None:
        place = _caller(sys._getframe(1))
        if place and (where := _location(place)) not in reads:
            reads.append(where)

    try:
        result = _record_with_places(lambda: f(*arguments), places, on_read)
        outputs = take_apart(result, is_entry)
    except Exception:  # noqa: BLE001  whatever an f does with Values that it was not made for
        return None
    roots = [entry for entry in outputs if isinstance(entry, Value)]
    nodes: dict[int, Value] = {}
    for root in roots:
        nodes.update((id(node), node) for node in sweep.topological_order(root))
    operations = [node for node in nodes.values() if node.operation is not None]
    return Recording(inputs, roots, operations, places, reads)


def _record_with_places(
    call: Callable[[], Any], places: dict[int, _Place], on_read: Callable[[Value], None]
) -> Any:
    """Call a function, noting for every `Value` that it records which code asked for it."""
    kept = []  # So that no identity is used twice.

    # No tracer, such as that of coverage, is called inside of a profiler.
    def profile(frame: FrameType, event: str, result: Any) -> None:  # pragma: no cover
        if event == "return" and isinstance(result, Value) and frame.f_code in _RECORDERS:
            place = _caller(frame)
            if place and id(result) not in places:
                kept.append(result)
                places[id(result)] = place

    outer = sys.getprofile()
    sys.setprofile(profile)
    try:
        with watching(read=on_read):
            return call()
    finally:
        sys.setprofile(outer)


def _caller(frame: FrameType | None) -> _Place | None:
    """Return the nearest place outside of this package that led here."""
    while frame is not None and is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    return frame and _Place(frame.f_code, frame.f_lasti)


def is_ours(filename: str) -> bool:
    """Tell whether code is of this package, or a rule of its table."""
    return filename.startswith(_PACKAGE) or (filename.startswith("<") and " over " in filename)


def in_words(error: Exception) -> str:
    """Return the text of an error, and the line outside of this package that led to it, if any."""
    for frame, line in traceback.walk_tb(error.__traceback__):
        if not is_ours(frame.f_code.co_filename):
            return f"{str(error).strip()} ({Path(frame.f_code.co_filename).name}:{line})"
    return str(error)


def faults_of(recording: Recording) -> list[OperationFault]:
    """Check the derivatives of every recorded operation at the inputs that it was given.

    Args:
        recording: the recorded call.

    Returns:
        The operations that are wrong, those of one place together.
    """
    places = recording.places
    judged: dict[tuple[Operation, float, float, str], tuple[float, float] | None] = {}
    faults: dict[tuple[str, str, _Place | None], OperationFault] = {}
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
            place = places.get(id(node))
            where = _location(place) if place else ""
            # Not by line: of two products on one, each is told by its own columns.
            group = (operation.name, parameter, place)
            if group in faults:
                faults[group] = replace(faults[group], count=faults[group].count + 1)
            else:
                expression = _underlined(place) if place else ""
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


def _location(place: _Place) -> str:
    line = _positions(place)[0]
    return f"{Path(place.code.co_filename).name}:{line}"


def _positions(place: _Place) -> tuple[int, int, int | None, int | None]:
    positions = list(place.code.co_positions())[place.instruction // 2]
    line, end_line, column, end_column = positions
    first = line or place.code.co_firstlineno
    return first, end_line or first, column, end_column


def _underlined(place: _Place) -> str:
    """Return the line of source and, below it, the expression underlined."""
    first, last, column, end_column = _positions(place)
    line = linecache.getline(place.code.co_filename, first).rstrip("\n")
    if not line or column is None or end_column is None:
        return line.strip()
    # Columns count bytes of UTF-8.
    encoded = line.encode()
    before = encoded[:column].decode(errors="replace")
    marked = (encoded[column:] if last > first else encoded[column:end_column]).decode(
        errors="replace"
    )
    indent = len(line) - len(line.lstrip())
    return f"{line.strip()}\n{' ' * _width(before[indent:])}{'~' * _width(marked)}"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
