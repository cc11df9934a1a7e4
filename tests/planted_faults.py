"""Faults planted in the derivatives of the table's rows, each inside a random graph."""

from __future__ import annotations

import ast
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import microgradcheck as mg
from microgradcheck.functions.elementwise import VALUES, elementwise
from microgradcheck.ops import FLOATS, OPERATIONS, Operation

__all__ = ["Plant", "find", "graph_around", "mutations", "plants"]

_SMOOTH_EVERYWHERE = ("add", "subtract", "multiply", "sin", "tanh", "sigmoid", "atan", "softplus")


@dataclass(frozen=True)
class Plant:
    """A row of the table with one wrong derivative.

    Attributes:
        row: the row as it is.
        fault: what was done to it, such as "sign".
        inputs: the inputs whose derivatives are wrong.
        wrong: the row with the fault.
    """

    row: Operation
    fault: str
    inputs: tuple[str, ...]
    wrong: Operation

    def __str__(self) -> str:
        return f"{self.row.name}, {self.fault} of {' and '.join(self.inputs)}"


def plants() -> Iterator[Plant]:
    """Yield every fault of every row."""
    for row in OPERATIONS.values():
        for fault, inputs, derivatives in mutations(row):
            wrong = Operation(row.name, row.symbol, row.value, *derivatives, domain=row.domain)
            yield Plant(row, fault, inputs, wrong)


def find(plant: Plant, seed: int) -> str:
    """Check a random graph with the fault in it, and return what became of it.

    Returns:
        "named" where it was found and the right operation named; "hidden" where it changes no
        derivative by more than twice what the report says that it would have seen; "no derivative"
        where there is none to compare with; otherwise what went wrong, in words.
    """
    spoiled = graph_around(plant.wrong, random.Random(seed))
    right = graph_around(plant.row, random.Random(seed))
    if spoiled is None or right is None:
        return "no derivative"
    f, inputs = spoiled
    try:
        expected = mg.grad(right[0])(*inputs)
        report = mg.gradcheck(f, *inputs, raise_on_failure=False)
    except (ValueError, ArithmeticError):
        return "no derivative"
    if any(math.isnan(entry.gradient + entry.reference) for entry in report.entries):
        return "no derivative"
    visible = any(
        abs(entry.gradient - slope) > 2 * entry.resolution
        for entry, slope in zip(report.entries, expected, strict=True)
    )
    if report.verdict is mg.Verdict.WRONG:
        named = {(fault.name, fault.input, fault.count) for fault in report.operations}
        guilty = {(plant.row.name, parameter, 1) for parameter in plant.inputs}
        return "named" if named and named <= guilty else f"named {named or 'nothing'}"
    return "passed" if visible and report.passed else "hidden"


def mutations(row: Operation) -> Iterator[tuple[str, tuple[str, ...], list[str]]]:
    """Yield the name of a fault, the inputs that it spoils, and the row's derivatives with it."""
    right = [str(text) for text in row.derivatives]
    neighbour = _neighbour(row)
    for position, parameter in enumerate(row.parameters):
        text = right[position]
        mutants = {
            "sign": f"-({text})",
            "factor 2": f"2 * ({text})",
            "factor 1.0001": f"1.0001 * ({text})",
            "zero": "0 * a",
            "dropped term": _without_last_term(text),
            "the neighbour's rule": str(neighbour.derivatives[position]),
        }
        for fault, mutant in mutants.items():
            if mutant != text:
                yield fault, (parameter,), [*right[:position], mutant, *right[position + 1 :]]
    if len(right) == 2 and right[0] != right[1]:
        yield "swapped inputs", row.parameters, right[::-1]


def _neighbour(row: Operation) -> Operation:
    rows = [other for other in OPERATIONS.values() if other.arity == row.arity]
    return rows[(rows.index(row) + 1) % len(rows)]


def _without_last_term(text: str) -> str:
    tree = ast.parse(text, mode="eval").body
    if isinstance(tree, ast.UnaryOp):
        return ast.unparse(tree.operand)
    return ast.unparse(tree.left) if isinstance(tree, ast.BinOp) else text


def graph_around(
    operation: Operation, rng: random.Random
) -> tuple[Callable[..., Any], list[float]] | None:
    """Return a random function that uses an operation once, and inputs that reach it.

    The operation's own inputs are made from the function's inputs, whose scales are random, and
    what it gives is used several times. Returns None where no input was found that suits it.
    """
    point = _point_inside(operation, rng)
    if point is None:
        return None
    scales = [10 ** rng.uniform(-6, 6) for _ in (*point, None)]
    inputs = [a * scale for a, scale in zip((*point, rng.uniform(0.3, 2)), scales, strict=True)]
    names = [rng.choice(_SMOOTH_EVERYWHERE) for _ in range(rng.randint(2, 8))]
    positions = [(rng.randrange(100), rng.randrange(100)) for _ in names]
    functions = {name: VALUES.value(OPERATIONS[name]) for name in _SMOOTH_EVERYWHERE}
    under_test = elementwise(operation)

    def f(*x: Any) -> Any:
        scaled = [a / scale for a, scale in zip(x, scales, strict=True)]
        y = under_test(*scaled[: operation.arity])
        numbers = [*scaled, y, 1.7 * y]
        for name, taken in zip(names, positions, strict=True):
            arity = OPERATIONS[name].arity
            numbers.append(functions[name](*(numbers[i % len(numbers)] for i in taken[:arity])))
        return numbers[-1] + numbers[-2] + 1.7 * y

    return f, inputs


def _point_inside(operation: Operation, rng: random.Random) -> tuple[float, ...] | None:
    is_inside = FLOATS.compile(operation.domain or "True", *operation.parameters)
    for _ in range(100):
        point = tuple(rng.uniform(-2, 2) for _ in operation.parameters)
        try:
            if is_inside(*point) and math.isfinite(operation.compute(*point)):
                return point
        except (ValueError, ArithmeticError):
            continue
    return None
