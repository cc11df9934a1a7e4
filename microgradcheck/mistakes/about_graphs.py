"""Beliefs about what is recorded, and about what a gradient says, each with its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from microgradcheck.backprop import grad
from microgradcheck.draw import draw
from microgradcheck.gradcheck import gradcheck
from microgradcheck.mistakes.beliefs import Evidence, belief
from microgradcheck.mistakes.outcome import Question
from microgradcheck.mistakes.wrong_engines import engine
from microgradcheck.tape import record
from microgradcheck.value import Value

__all__ = ["BELIEFS"]


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
    yield "x.grad, before backward()", 36.0, x.grad
    yield draw(z)
    z.backward()
    yield "x.grad, after it", 36.0, x.grad


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


BELIEFS = (
    recursion,
    in_place,
    plain_functions,
    rounded,
    both_branches,
    data_changed,
    zero_before_backward,
    old_gradient,
    second_backward,
    only_leaves_zeroed,
)
