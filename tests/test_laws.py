"""The laws of differentiation hold for random functions, and for arguments of any shape."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

import graphs
import microgradcheck as mg
import opinions
from microgradcheck import numeric, sweep
from microgradcheck.functions.elementwise import VALUES
from microgradcheck.sources import resolve
from microgradcheck.structure import put_together, take_apart

Function = Callable[..., Any]

PAIRS = st.tuples(graphs.NUMBERS, graphs.NUMBERS)
FUNCTIONS = st.builds(lambda steps: graphs.function(steps, VALUES), graphs.STEPS)
"""Functions of any number of numbers, smooth everywhere."""

LARGEST = 1e4


def tame(f: Function, *x: float) -> tuple[float, np.ndarray]:
    """Return value and gradient of a function, unless they are so large that rounding matters."""
    try:
        value, gradient = mg.value_and_grad(f)(*x)
    except OverflowError:
        value, gradient = math.inf, ()
    gradient = np.atleast_1d(gradient)
    assume(abs(value) < LARGEST)
    assume(np.abs(gradient).max() < LARGEST)
    return value, gradient


def same(found: Any, expected: Any) -> bool:
    size = 1 + np.abs(expected).max()
    return bool(np.abs(np.asarray(found, dtype=float) - expected).max() <= 1e-10 * size)


# Rules of the textbook


@given(FUNCTIONS, FUNCTIONS, PAIRS, graphs.NUMBERS, graphs.NUMBERS)
def test_a_gradient_is_linear(
    f: Function, g: Function, x: tuple[float, float], p: float, q: float
) -> None:
    (_, of_f), (_, of_g) = tame(f, *x), tame(g, *x)
    assert same(mg.grad(lambda *x: p * f(*x) + g(*x) * q)(*x), p * of_f + q * of_g)
    assert same(mg.grad(lambda *x: mg.sum([f(*x), g(*x)]))(*x), of_f + of_g)
    assert same(mg.grad(lambda *x: f(*x) - g(*x))(*x), of_f - of_g)


@given(FUNCTIONS, FUNCTIONS, PAIRS)
def test_products_and_quotients_follow_their_rules(
    f: Function, g: Function, x: tuple[float, float]
) -> None:
    (f_x, of_f), (g_x, of_g) = tame(f, *x), tame(g, *x)
    assert same(mg.grad(lambda *x: f(*x) * g(*x))(*x), of_f * g_x + f_x * of_g)
    assume(abs(g_x) > 0.1)
    assert same(
        mg.grad(lambda *x: f(*x) / g(*x))(*x),
        (of_f * g_x - f_x * of_g) / g_x**2,
    )


@given(FUNCTIONS, st.tuples(FUNCTIONS, FUNCTIONS), PAIRS)
def test_the_jacobian_of_a_composition_is_the_product_of_jacobians(
    f: Function, g: tuple[Function, Function], x: tuple[float, float]
) -> None:
    inner = [tame(part, *x) for part in g]
    at = [value for value, _ in inner]
    _, outer = tame(f, *at)
    chained = np.stack([gradient for _, gradient in inner])
    assert same(mg.grad(lambda *x: f(*(part(*x) for part in g)))(*x), outer @ chained)
    assert same(mg.jacobian(lambda x: [part(*x) for part in g])(x), chained)
    twice = mg.jacobian(lambda x: [f(*(part(*x) for part in g)), g[0](*x)])(list(x))
    assert same(twice, np.stack([outer, [1.0, 0.0]]) @ chained)


@given(FUNCTIONS, st.permutations(range(3)), st.tuples(*[graphs.NUMBERS] * 3))
def test_inputs_in_another_order_have_their_derivatives_in_that_order(
    f: Function, order: list[int], x: tuple[float, float, float]
) -> None:
    _, gradient = tame(f, *x)
    mixed = mg.grad(lambda *x: f(*(x[order.index(i)] for i in range(3))))(*(x[i] for i in order))
    assert list(mixed) == [gradient[i] for i in order]


@given(FUNCTIONS, st.tuples(*[graphs.NUMBERS] * 3))
@settings(max_examples=50)
def test_all_ways_to_second_derivatives_agree_and_are_symmetric(
    f: Function, x: tuple[float, float, float]
) -> None:
    tame(f, *x)
    hessian = mg.hessian(lambda x: f(*x))(x)
    assume(np.abs(hessian).max() < LARGEST)
    assert same(hessian, hessian.T)
    gradient = mg.grad(lambda x: f(*x))
    assert same(mg.jacobian(gradient)(x), hessian)
    for i in range(3):
        assert same(mg.grad(lambda x, i=i: gradient(x)[i])(x), hessian[i])
    along = mg.grad(mg.grad(lambda t: f(*(entry + t for entry in x))))(0.0)
    assert same(along, hessian.sum())


# Second opinions


def at_a_seam(root: mg.Value) -> bool:
    """Tell whether a value is written with a kink here, which it has not, and SymPy would see."""
    return any(
        (node.op in {"sigmoid", "softplus"} and node.inputs[0].data == 0)
        or (node.op == "logaddexp" and node.inputs[0].data == node.inputs[-1].data)
        for node in sweep.topological_order(root)
    )


@given(graphs.STEPS, PAIRS)
@settings(max_examples=25)
def test_gradients_and_hessians_equal_those_of_sympy(
    steps: list[graphs.Step], x: tuple[float, float]
) -> None:
    f = graphs.function(steps, VALUES)
    _, gradient = tame(f, *x)
    assume(not at_a_seam(f(*map(mg.Value, x))))
    hessian = np.array(mg.hessian(f)(*x))
    assume(np.abs(hessian).max() < LARGEST)
    symbols = sympy.symbols("a b", real=True)
    expression = graphs.function(steps, opinions.SYMBOLS)(*symbols)
    at_x = dict(zip(symbols, map(sympy.Rational, x), strict=True))

    def exactly(expression: Any) -> float:
        return float(sympy.sympify(expression).subs(at_x).evalf(30))

    slopes = [sympy.diff(expression, symbol) for symbol in symbols]
    assert same(gradient, [exactly(slope) for slope in slopes])
    assert same(
        hessian, [[exactly(sympy.diff(slope, symbol)) for symbol in symbols] for slope in slopes]
    )


@given(FUNCTIONS, PAIRS)
@settings(max_examples=50)
def test_gradients_lie_within_the_bounds_of_finite_differences(
    f: Function, x: tuple[float, float]
) -> None:
    _, gradient = tame(f, *x)
    estimate = numeric.estimate(lambda x: f(*x), list(x), scale=1.0)
    for slope, found, bound in zip(gradient, estimate.value, estimate.error_bound, strict=True):
        assert abs(slope - found) <= bound + 1e-14 * LARGEST
        assert bound < 1e-4 * (1 + abs(slope))


# Shapes


ARRAYS = st.builds(
    lambda shape, seed: np.random.default_rng(seed).uniform(-2, 2, shape),
    array_shapes(min_dims=0, max_dims=3, max_side=3),
    st.integers(0, 9),
)
ARGUMENTS = st.recursive(
    graphs.NUMBERS | ARRAYS,
    lambda parts: st.lists(parts, min_size=1, max_size=3) | st.tuples(parts, parts),
    max_leaves=5,
)


def anything(entry: object) -> bool:
    return True


def alike(one: Any, other: Any) -> bool:
    """Tell whether two things have the same kinds and shapes all the way down."""
    if isinstance(one, (list, tuple)):
        return (type(one), len(one)) == (type(other), len(other)) and all(map(alike, one, other))
    return type(one) is type(other) and np.shape(one) == np.shape(other)


@given(st.lists(ARGUMENTS, min_size=1, max_size=3))
@settings(max_examples=50)
@pytest.mark.parametrize("name", ["backprop", "forward-mode", "tape"])
def test_a_gradient_has_the_kinds_and_shapes_of_the_arguments_all_the_way_down(
    name: str, arguments: list[Any]
) -> None:
    def f(*arguments: Any) -> Any:
        entries = take_apart(arguments, anything)
        return mg.sum([(i + 1) * entry for i, entry in enumerate(entries)])

    _, gradient = resolve(name).value_and_gradient(f, *arguments)
    gradients = gradient if len(arguments) > 1 else (gradient,)
    counting = iter(range(1, 1000))
    for part, argument in zip(gradients, arguments, strict=True):
        entries = [float(next(counting)) for _ in take_apart(argument, anything)]
        assert alike(part, put_together(entries, like=argument))
        assert take_apart(part, anything) == entries


@given(ARRAYS, ARRAYS)
@settings(max_examples=50)
def test_jacobians_and_hessians_have_the_axes_of_the_output_then_those_of_the_input(
    x: np.ndarray, y: np.ndarray
) -> None:
    by_x, by_y = mg.jacobian(np.multiply.outer)(x, y)
    assert by_x.shape == x.shape + y.shape + x.shape
    assert by_y.shape == x.shape + y.shape + y.shape
    ones = np.ones(x.size)
    assert same(by_x.reshape(x.size, y.size, x.size).sum(2), np.outer(ones, y))
    assert same(by_y.reshape(x.size, y.size, y.size).sum(2), np.outer(x, np.ones(y.size)))
    blocks = mg.hessian(lambda x, y: mg.sum(x * 1.0) * mg.sum(y * y))(x, y)
    assert [[block.shape for block in row] for row in blocks] == [
        [x.shape + x.shape, x.shape + y.shape],
        [y.shape + x.shape, y.shape + y.shape],
    ]
    assert not blocks[0][0].any()
    assert same(blocks[1][0].reshape(y.size, x.size), np.outer(2 * y, ones))
    assert same(blocks[1][1].reshape(y.size, y.size), 2 * x.sum() * np.eye(y.size))
