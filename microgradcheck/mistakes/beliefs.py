"""What one may believe of a graph, of a gradient or of a check, and a few lines that refute it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from microgradcheck.backprop import grad
from microgradcheck.draw import draw
from microgradcheck.gradcheck import gradcheck
from microgradcheck.mistakes.mistake import Belief, Evidence, Question, belief
from microgradcheck.mistakes.wrong_engines import engine
from microgradcheck.numeric import derivative
from microgradcheck.optimize import minimize
from microgradcheck.tape import record
from microgradcheck.value import Value


@belief(Question.ORDER, "A recursive backward() is good enough.")
def recursion() -> Iterator[Evidence]:
    """Python ends a recursion after some 1,000 calls, and a sum over a data set is a long chain."""
    x = Value(1.0, label="x")
    y = x
    for _ in range(5000):
        y = y + x
    try:
        engine("right").backward(y)
    except RecursionError as error:
        yield "5,000 additions, recursive", 5001.0, type(error).__name__
    y.backward()
    yield "5,000 additions, here", 5001.0, x.grad


@belief(Question.GRAPH, "x += 1 changes x in place.")
def in_place() -> Iterator[Evidence]:
    """It makes a new number and gives it the old one's name; who holds the old one sees nothing."""
    x = Value(2.0, label="x")
    leaf = x
    x += 1
    y = x * x
    y.backward()
    yield "the number that x was before", 3.0, leaf.data
    yield "the operation that made x", "", x.op
    yield "whether x and the leaf are one", True, x is leaf
    yield draw(y)


@belief(Question.GRAPH, "math.exp(x) stays in the graph.")
def plain_functions() -> Iterator[Evidence]:
    """Python's functions ask x for its number, and give back one that knows nothing of x."""

    def f(x: Any) -> Any:
        return x * math.exp(x)

    yield "d/dx of x * exp(x) at 1", 2 * math.e, grad(f)(1.0)
    yield "with x.exp()", 2 * math.e, grad(lambda x: x * x.exp())(1.0)
    yield gradcheck(f, 1.0, raise_on_failure=False)


@belief(Question.GRAPH, "int() and round() stay in the graph.")
def rounded() -> Iterator[Evidence]:
    """A staircase has slope 0 where it has one: there is nothing to hand on, and x says so."""
    x: Any = Value(2.7)
    for function in (int, round):
        try:
            function(x)
        except TypeError as error:
            yield f"{function.__name__}(x)", "a Value", type(error).__name__
    slope = grad(lambda x: x * round(float(x)))(2.7)
    yield "slope of x * round(x) at 2.7", 3 + 2.7, slope


@belief(Question.GRAPH, "The graph has both sides of `if x > 0`.")
def both_branches() -> Iterator[Evidence]:
    """Only the side that was taken is recorded; at another point, record again."""

    def f(x: Any) -> Any:
        return x * x if x > 0 else -x

    yield draw(f(Value(1.0, label="x")))
    tape = record(f, 1.0)
    yield "slope at 1", 2.0, grad(f)(1.0)
    try:
        tape(-1.0)
    except RuntimeError as error:
        yield "the graph of 1, run at -1", 1.0, type(error).__name__
    yield "recorded again, slope at -1", -1.0, grad(f)(-1.0)


@belief(Question.GRAPH, "The number of a leaf may be changed between the two passes.")
def data_changed() -> Iterator[Evidence]:
    """Slopes at the new number and values at the old one fit no point; here backward() refuses."""
    x = Value(3.0, label="x")
    y = x * x * x
    x.data = 5.0
    engine("right").backward(y)  # It does not look for changed numbers.
    yield "slope of x**3, changed from 3 to 5", 75.0, x.grad
    try:
        y.backward()
    except RuntimeError as error:
        yield "backward() of this library", 75.0, type(error).__name__


@belief(Question.GRAD, "A grad of 0 means that the input has no effect.")
def zero_before_backward() -> Iterator[Evidence]:
    """It may mean that backward() was never called; a picture shows a dash until then."""
    x = Value(2.0, label="x")
    z = (3 * x) ** 2
    before = x.grad
    yield draw(z)
    z.backward()
    yield "dz/dx, read from x.grad before backward()", before, x.grad


@belief(Question.GRAD, "After new numbers and a new forward pass, grad is up to date.")
def old_gradient() -> Iterator[Evidence]:
    """Only backward() writes it, and it adds to what a leaf holds, so set that to 0 before."""
    x = Value(3.0, label="x")
    (x * x).backward()
    x.data = 5.0
    y = x * x
    yield "x.grad, after the new forward pass", 10.0, x.grad
    y.backward()
    yield "x.grad, after backward() too", 10.0, x.grad
    x.grad = 0.0
    y.backward()
    yield "x.grad, set to 0 before backward()", 10.0, x.grad

    def f(x: Any) -> Any:
        return x * x

    def kept(number: Any) -> Any:
        x.data = number
        f(x).backward()
        return x.grad

    x.grad = 0.0
    yield gradcheck(f, 5.0, gradient=kept, raise_on_failure=False)


@belief(Question.GRAD, "A second backward() just doubles every gradient.")
def second_backward() -> Iterator[Evidence]:
    """Where no gradient is set to 0, old inner ones are handed on again, and the leaf gets more.

    This library sets inner gradients afresh, and adds up at leaves alone.
    """
    naive = engine("nothing set to 0").backward
    for title, backward in (("naive engine", naive), ("here", Value.backward)):
        x = Value(2.0, label="x")
        y = 3 * x
        z = y * y
        backward(z)
        backward(z)
        yield f"dz/dy, {title}", 2 * 12.0, y.grad
        yield f"dz/dx, {title}", 2 * 36.0, x.grad
        yield draw(z, check=True)


@belief(Question.GRAD, "Where the graph is kept, it is enough to set the leaves to 0.")
def only_leaves_zeroed() -> Iterator[Evidence]:
    """Inner nodes keep the gradient of the first pass too, and hand it on to the leaves."""
    naive = engine("nothing set to 0").backward
    for title, backward in (("naive engine", naive), ("here", Value.backward)):
        x = Value(2.0, label="x")
        z = (3 * x) ** 2
        backward(z)
        x.grad = 0.0
        backward(z)
        yield f"dz/dx, {title}", 36.0, x.grad
        yield draw(z, check=True)


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


BELIEFS: Final = [thing for thing in list(globals().values()) if isinstance(thing, Belief)]
