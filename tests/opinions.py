"""Second opinions on the table: its texts read as symbols by SymPy and at 60 digits by mpmath.

Both are number systems like those of the package, so they understand a new row without being
told of it. A check that fails raises `AssertionError`; the tests see each check fail too.
"""

from __future__ import annotations

import cmath
import math
import random
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy

import microgradcheck as mg
from microgradcheck.backprop import forward_gradient
from microgradcheck.functions.elementwise import elementwise
from microgradcheck.ops import COMPLEX, FLOATS, NumberSystem, Operation, arrays

CIRCULAR_AND_HYPERBOLIC = (
    *("sin", "cos", "tan", "asin", "acos", "atan"),
    *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
)

SYMBOLS = NumberSystem(
    {
        **{n: getattr(sympy, n) for n in ("exp", "log", "sqrt", "erf", *CIRCULAR_AND_HYPERBOLIC)},
        "log1p": lambda a: sympy.log(1 + a),
        "expm1": lambda a: sympy.exp(a) - 1,
        "atan2": sympy.atan2,
        "hypot": lambda a, b: sympy.sqrt(a**2 + b**2),
        "power": lambda a, b: a**b,
        "abs": sympy.Abs,
        "where": lambda condition, p, q: sympy.Piecewise((p, condition), (q, True)),
        "pi": sympy.pi,
        "inf": sympy.oo,
    },
    "symbols",
)

DIGITS = NumberSystem(
    {
        **{n: getattr(mpmath, n) for n in ("exp", "log", "sqrt", "erf", *CIRCULAR_AND_HYPERBOLIC)},
        **{n: getattr(mpmath, n) for n in ("log1p", "expm1", "atan2", "hypot")},
        "power": mpmath.power,
        "abs": abs,
        "pi": mpmath.pi,
    },
    "mpmath's numbers",
)

# The positive symbols p and q reach every order and sign that two numbers can have.
p, q = sympy.symbols("p q", positive=True)
SIDES = {
    1: [(p,), (-p,)],
    2: [(p, p + q), (p + q, p), (-p, -p - q), (-p - q, -p), (p, -q), (-p, q)],
}


def prove(row: Operation) -> None:
    """Prove each derivative of a row by differentiating its value, on each side of its kinks."""
    symbols = sympy.symbols("a b", real=True)[: row.arity]
    value = SYMBOLS.compile(row.value, *row.parameters)(*symbols)
    rules = SYMBOLS.derivatives(row)
    for side in SIDES[row.arity]:
        at_side = dict(zip(symbols, side, strict=True))
        padded = (*symbols, sympy.nan)[:2]
        for symbol, rule in zip(symbols, rules, strict=True):
            difference = sympy.diff(value, symbol) - rule(*padded, value)
            difference = sympy.nsimplify(difference.subs(at_side), rational=True)
            simple = sympy.simplify(sympy.expand_mul(difference))
            assert simple == 0, f"d {row.name} / d {symbol} at {side} is off by {simple}"


def is_inside(row: Operation, point: tuple[float, ...]) -> bool:
    """Tell whether a row's value is defined at a point, by its own condition."""
    return not row.domain or bool(FLOATS.compile(row.domain, *row.parameters)(*point))


def is_kink(row: Operation, point: tuple[float, ...]) -> bool:
    """Tell whether a row's derivative jumps at a point, by its own condition."""
    return bool(row.kink) and bool(FLOATS.compile(row.kink, *row.parameters)(*point))


def points_inside(row: Operation, count: int) -> Iterator[tuple[float, ...]]:
    """Yield random points of a row's domain, the same ones in every run."""
    rng = random.Random(row.name)
    while count:
        point = tuple(rng.uniform(-3, 3) for _ in row.parameters)
        if is_inside(row, point):
            count -= 1
            yield point


def special_points(row: Operation) -> Iterator[tuple[float, ...]]:
    """Yield points of a row's domain at which kinks and branches tend to be."""
    for point in product((-2.0, -1.0, -0.0, 0.0, 1.0, 2.0), repeat=row.arity):
        if is_inside(row, point):
            yield point


def partial(f: Callable[..., Any], position: int) -> Callable[..., Any]:
    """Return the derivative of f by one of its arguments, as the engine finds it."""
    return lambda *point: pick(mg.grad(f)(*point), position)


def pick(gradient: Any, position: int) -> Any:
    """Return a gradient's entry for one argument; there is no tuple around that of a single one."""
    return gradient[position] if isinstance(gradient, tuple) else gradient


def compare_with_mpmath(row: Operation, order: int) -> None:
    """Compare all derivatives of one order with differences of the value at 60 digits."""
    value = DIGITS.compile(row.value, *row.parameters)
    for point in points_inside(row, 4):
        for path in product(range(row.arity), repeat=order):
            derivative = elementwise(row)
            for position in path:
                derivative = partial(derivative, position)
            with mpmath.workdps(60):
                orders = tuple(path.count(position) for position in range(row.arity))
                true = float(mpmath.diff(value, point, orders, h=mpmath.mpf("1e-12")))
            found = derivative(*point)
            assert found == pytest.approx(true, rel=1e-9), f"{row.name} by {path} at {point}"


def one_sided_slopes(row: Operation, point: tuple[float, ...], position: int) -> list[float]:
    """Return the slopes of a row to the left and right of a point, where both sides exist."""
    slopes = []
    for step in (-1e-7, 1e-7):
        moved = tuple(x + step * (i == position) for i, x in enumerate(point))
        change = row.compute(*moved) - row.compute(*point) if is_inside(row, moved) else math.inf
        if abs(change) < 1e-5:  # Otherwise the value jumps, as atan2 does on its cut.
            slopes.append(change / step)
    return slopes if len(slopes) == 2 else []


def check_kinks(row: Operation) -> None:
    """See that the slopes jump exactly where a row says so, and the derivative lies between."""
    for point in special_points(row):
        jumps = False
        for position, rule in enumerate((row.derivative_a, row.derivative_b)[: row.arity]):
            slopes = one_sided_slopes(row, point, position)
            if not slopes:
                continue
            derivative = rule(*(*point, 0.0)[:2], row.compute(*point))
            jumps |= abs(slopes[1] - slopes[0]) > 1e-4
            assert min(slopes) - 1e-4 <= derivative <= max(slopes) + 1e-4, (point, slopes)
        assert jumps == is_kink(row, point), f"{row.name} at {point}"


def check_kinds(row: Operation) -> None:
    """See that a row means the same over every kind of number, its derivatives too."""
    function = elementwise(row)
    for point in (*special_points(row), *points_inside(row, 10)):
        value = function(*point)
        assert function(*map(mg.Value, point)).data == value, point
        assert function(*map(twice, point)) == pytest.approx(twice(value), rel=1e-14), point
        if is_complex(row):
            assert function(*map(complex, point)) == pytest.approx(value, rel=1e-14), point
        for position in range(row.arity):
            try:
                slope = partial(function, position)(*point)
            except (ValueError, ArithmeticError):
                continue
            rule = arrays().derivatives(row)[position]
            with np.errstate(all="ignore"):
                over_arrays = rule(*map(twice, (*(*point, 0.0)[:2], value)))
            assert twice(1.0) * over_arrays == pytest.approx(twice(slope), rel=1e-13), point
            assert pick(forward_gradient(function)(*point)[1], position) == slope, point
            if is_complex(row) and not is_kink(row, point):
                assert complex_step(function, point, position) == pytest.approx(slope, rel=1e-12)


def twice(x: float) -> np.ndarray:
    """Return an array with two entries, which has no single truth as a number has."""
    return np.array([x, x])


def is_complex(row: Operation) -> bool:
    """Tell whether a row has a meaning for complex numbers."""
    try:
        COMPLEX.value(row)
    except TypeError:
        return False
    return True


def complex_step(function: Callable[..., Any], point: tuple[float, ...], position: int) -> float:
    """Return a partial derivative by a step in an imaginary direction."""
    moved = [complex(x, 1e-20 * (i == position)) for i, x in enumerate(point)]
    return function(*moved).imag / 1e-20


def check_nan(row: Operation) -> None:
    """See that nan in any input gives nan, over every kind of number."""
    function = elementwise(row)
    for other, position in product((0.5, 0.0, 1.0, math.inf, -math.inf), range(row.arity)):
        point = tuple(math.nan if i == position else other for i in range(row.arity))
        if row.name == "divide" and point[1] == 0:
            continue  # Whatever is divided, this has no value.
        assert math.isnan(function(*point)), point
        assert math.isnan(function(*map(mg.Value, point)).data), point
        assert np.isnan(function(*map(twice, point))).all(), point
        if is_complex(row):
            assert cmath.isnan(function(*map(complex, point))), point


def check_domain(row: Operation) -> None:
    """See that a row has a value exactly where its condition says so."""
    function = elementwise(row)
    large = () if row.arity == 2 else (-math.inf, math.inf)
    for point in product((*large, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0), repeat=row.arity):
        over_array = function(*map(twice, point))
        if is_inside(row, point):
            assert function(*map(mg.Value, point)).data == function(*point)
            assert over_array == pytest.approx(twice(function(*point))), point
            continue
        for inputs in (point, tuple(map(mg.Value, point))):
            with pytest.raises((ValueError, ArithmeticError)) as caught:
                function(*inputs)
            assert str(caught.value).startswith(f"{row.name}({point[0]!r}"), caught.value
            assert row.domain in str(caught.value)
        assert not np.isfinite(over_array).any(), point
