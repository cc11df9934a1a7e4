"""Beliefs about what a check of a gradient shows, each with its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from microgradcheck.gradcheck import gradcheck
from microgradcheck.mistakes.beliefs import Evidence, belief
from microgradcheck.mistakes.outcome import Question
from microgradcheck.mistakes.wrong_engines import engine
from microgradcheck.numeric import derivative
from microgradcheck.optimize import minimize

__all__ = ["BELIEFS"]


@belief(Question.CHECK, "A smaller step h is always better.")
def smaller_steps() -> Iterator[Evidence]:
    """The formula's error falls with h**2, but f's rounding is divided by h: soon it is larger."""
    for h in (1e-1, 1e-3, 1e-5, 1e-7, 1e-9, 1e-11, 1e-13):
        error = abs(derivative(math.exp, 1.0, h=h) - math.e)
        yield f"error with h = {h:g}", math.e * h**2 / 6, error


@belief(Question.CHECK, "A gradient is right when its error is below 1e-6.")
def absolute_error() -> Iterator[Evidence]:
    """Errors have the size of the gradient: here its sign is wrong, and the error is 4e-7."""

    def f(x: Any) -> Any:
        return 1e-7 * x**2

    def flipped(x: Any) -> Any:
        return -2e-7 * x

    error = abs(flipped(1.0) - derivative(f, 1.0))
    yield "absolute error", "below 1e-06", error
    yield "relative error", "below 1e-06", error / 2e-7
    yield gradcheck(f, 1.0, gradient=flipped, raise_on_failure=False)


@belief(Question.CHECK, "The loss falls, so the gradient is right.")
def falling_loss() -> Iterator[Evidence]:
    """Any direction that leads downhill lets it fall, and a wrong gradient often still does."""
    data = [(-1.0, -0.5), (0.0, 0.4), (1.0, 0.6), (2.0, 0.9)]

    def loss(p: Any) -> Any:
        w, b = p
        total = 0.0
        for x, y in data:
            error = w * x + b - y
            total = total + error * error
        return total

    start, wrong = [0.0, 0.0], engine("multiply-overwrites")
    yield "loss at the start", "", loss(start)
    for title, source in (("wrong", wrong), ("right", engine("right"))):
        found = minimize(loss, start, gradient=source, learning_rate=0.02)
        yield f"after {found.nit} steps, {title} gradient", "falls", found.fun
    yield wrong.check(loss, start)


@belief(Question.CHECK, "One point where both agree proves it.")
def symmetric_point() -> Iterator[Evidence]:
    """At a = b or x = 0 or 1, much is the same by chance; take points with nothing special."""
    swapped = engine("product-rule-swapped")

    def f(a: Any, b: Any) -> Any:
        return a * b

    for a, b in ((2.0, 2.0), (2.0, 3.0)):
        _, (slope, _) = swapped.value_and_gradient(f, a, b)
        yield f"slope in a of {a:g} * {b:g}", b, slope
        report = swapped.check(f, a, b)
        yield f"the check at {a:g} * {b:g}", "PASS", str(report.verdict)
    yield report


@belief(Question.CHECK, "At the kink of relu the difference says 0.5, so a gradient of 0 is a bug.")
def half_at_a_kink() -> Iterator[Evidence]:
    """A central difference averages the slopes of both sides; any number between them will do."""

    def relu(x: Any) -> Any:
        return max(0.0, x)

    yield "central difference at 0", 0.5, derivative(relu, 0.0, h=1e-3)
    for side, method in (("left", "backward"), ("right", "forward")):
        slope = derivative(relu, 0.0, h=1e-3, method=method)
        yield f"slope on the {side}", 0.5, slope
    yield gradcheck(relu, 0.0)


@belief(Question.CHECK, "The gradient agrees, so f is right.")
def agreement() -> Iterator[Evidence]:
    """A check compares f with its own slope; a wrong f has one too. Test the values as well."""

    def meant_as_sigmoid(x: Any) -> Any:
        return 1 / (1 + math.e**x)

    yield "its value at 2", 1 / (1 + math.e**-2.0), meant_as_sigmoid(2.0)
    yield gradcheck(meant_as_sigmoid, 2.0)


BELIEFS = (
    smaller_steps,
    absolute_error,
    falling_loss,
    symmetric_point,
    half_at_a_kink,
    agreement,
)
