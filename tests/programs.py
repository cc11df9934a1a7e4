"""Random functions of everything in the table, defined at every point, for the tape's tests."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import microgradcheck as mg
from microgradcheck import sweep
from microgradcheck.backprop import value_and_grad
from microgradcheck.functions.elementwise import elementwise
from microgradcheck.ops import OPERATIONS

CONSTANTS = (-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0)

# How an input comes into an operation's domain, and how far its result stays from overflow.
SAFE: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(["exp", "expm1", "sinh", "cosh"], lambda a: 2.0 * mg.tanh(a)),
    **dict.fromkeys(["log", "sqrt", "log1p"], lambda a: abs(a) + 0.5),
    **dict.fromkeys(["asin", "acos", "atanh", "tan"], lambda a: 0.9 * mg.sin(a)),
    "acosh": lambda a: abs(a) + 1.5,
    "twisted": mg.sin,
}
LABELS = ("h", "x", "loss", "a b", "value", "exp", "σ", "1", "d_x0", "lambda")


def user_operations() -> list[str]:
    """Define operations of a user's own: by texts, with a branch, and by Python functions."""
    mg.operation("cubed", value="a**3", derivatives=["3 * a**2"])
    mg.operation(
        "bent",
        value="a if a > b else b * b",
        derivatives=["1.0 if a > b else 0.0", "0.0 if a > b else 2 * b"],
    )
    mg.operation(
        "twisted",
        value=lambda a, b: math.sin(a) * b,
        derivatives=[lambda a, b, y: math.cos(a) * b, lambda a, b, y: math.sin(a)],
    )
    return ["cubed", "bent", "twisted"]


class Program(NamedTuple):
    """A function of a list of numbers, and points at which to call it."""

    f: Callable[[list[Any]], Any]
    points: list[list[float]]


class Step(NamedTuple):
    """An operation, where its inputs are taken from, a constant for one of them, and a label."""

    name: str
    choices: tuple[float, float]
    constant: float | None
    label: str


def program(seed: int, *, branches: bool = False) -> Program:
    """Return a random program; some have unused inputs, or a constant or input as their result.

    Args:
        seed: as many programs as there are numbers.
        branches: compare `Value`s on the way, and go on in different ways.
    """
    rng = random.Random(seed)
    inputs = rng.randint(1, 5)
    captured = [mg.Value(rng.uniform(-2, 2)) for _ in range(rng.randint(0, 2))]
    steps = [_step(rng) for _ in range(rng.randint(0, 40))]
    ending = rng.random()

    def f(x: list[Any]) -> Any:
        # Each number comes with a bound, so that none grows out of hand at any point.
        pool = [(number, 2.0) for number in (*x, *captured)]
        for name, choices, constant, label in steps:
            taken = [pool[-1 - int(u * u * len(pool))] for u in choices]
            taken = taken[: OPERATIONS[name].arity]
            if constant is not None and len(taken) == 2:
                taken[choices[0] < choices[1]] = (constant, abs(constant))
            if branches and name == "subtract" and taken[0][0] > taken[1][0]:
                taken.reverse()
            result, bound = _apply(name, *taken)
            if bound > 50:
                result, bound = 3.0 * mg.tanh(result), 3.0
            if label and isinstance(result, mg.Value) and result.op:
                result.label = label
            pool.append((result, bound))
        if ending < 0.03:
            return 2.5
        if ending < 0.06:
            return x[0]
        if ending < 0.09 and captured:
            return captured[0]
        numbers = [number for number, _ in pool]
        return mg.sum(numbers[-4:]) if ending < 0.3 else numbers[-1]

    return Program(f, [[rng.uniform(-2, 2) for _ in range(inputs)] for _ in range(3)])


def _step(rng: random.Random) -> Step:
    name = rng.choice(list(OPERATIONS))
    if rng.random() < 0.5:
        name = rng.choice(["add", "subtract", "multiply", "negative", "add", "multiply"])
    constant = rng.choice(CONSTANTS) if rng.random() < 0.25 else None
    label = rng.choice(LABELS) if rng.random() < 0.2 else ""
    return Step(name, (rng.random(), rng.random()), constant, label)


def _apply(name: str, *taken: tuple[Any, float]) -> tuple[Any, float]:
    """Return an operation's result, on inputs brought into its domain, and a bound of it."""
    operation = elementwise(OPERATIONS[name])
    numbers, bounds = zip(*taken, strict=True)
    if name == "multiply":
        return operation(*numbers), math.prod(bounds)
    if name == "divide":
        return operation(numbers[0], mg.absolute(numbers[1]) + 0.5), 2 * bounds[0]
    if name == "power" and numbers[1] in {1.0, 2.0, 3.0}:
        return operation(*numbers), (bounds[0] + 0.1) ** numbers[1]
    if name == "power":
        return operation(mg.absolute(numbers[0]) + 0.5, mg.sin(numbers[1])), bounds[0] + 2
    if name in {"cubed", "bent"}:
        return operation(*numbers), sum(bounds) ** 3
    inputs = map(SAFE[name], numbers) if name in SAFE else numbers
    return operation(*inputs), sum(bounds) + 8


class Expected(NamedTuple):
    """What the eager engine finds, and the size of numbers and adjoints on the way to it."""

    value: float
    gradient: list[float]
    largest_number: float
    largest_adjoint: float

    def same(self, value: float, gradient: Sequence[float], rtol: float = 1e-12) -> bool:
        """Tell whether a result is the same, up to the rounding of what was added up."""
        return abs(value - self.value) <= rtol * self.largest_number and all(
            abs(a - b) <= rtol * self.largest_adjoint
            for a, b in zip(gradient, self.gradient, strict=True)
        )


def expected(f: Callable[[list[Any]], Any], x: list[float]) -> Expected:
    """Run a program with the eager engine."""
    value, gradient = value_and_grad(f)(x)
    root = f([mg.Value(entry) for entry in x])
    numbers, adjoints = [value], [1.0]
    if isinstance(root, mg.Value):
        numbers = [node.number for node in sweep.topological_order(root)]
        adjoints = sweep.reverse(root)[1]
    return Expected(value, gradient, max(map(abs, numbers)), max(map(abs, adjoints)))
