"""Reports of checks, each number and word in them, as they were when last read.

Nothing here says that they are right; other tests do. These tell whether a change that is meant to
change nothing does so: each row was chosen because it tells a small change of the code from the
code. After a change that is meant, read what differs and write the rows anew:

    python -m tests.test_pinned_reports
"""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

import microgradcheck as mg
from tests.conftest import table_as_it_was
from tests.pinned import added, digest, rewrite, rows

PINNED: Final = Path(__file__).with_name("pinned_reports.txt")

Change = Callable[[Any], Any]

# Draws


@table_as_it_was()
def _found(seed: int) -> tuple[str, str]:
    """Return what a check finds, in a line, and all of it."""
    rng = random.Random(seed)
    name = rng.choice(sorted(FUNCTIONS))
    f, inputs, gradient = FUNCTIONS[name]
    if name in _FRESH:
        f, gradient = f(), gradient()
    if rng.random() < 0.4:
        inputs = _moved(inputs, rng)
    options: dict[str, Any] = {}
    if rng.random() < 0.6 and gradient:
        fault = rng.choice(sorted(FAULTS))
        spoil = FAULTS[fault](10 ** rng.uniform(-7, 1))
        options["gradient"] = lambda *x: spoil(gradient(*x))
        name = f"{name}, {fault}"
    else:
        options["gradient"] = rng.choice(SOURCES)
        name = f"{name} by {options['gradient']}"
    for option in rng.sample(sorted(OPTIONS), rng.choice((0, 0, 0, 1, 1, 2))):
        options[option] = rng.choice(OPTIONS[option])
        name = f"{name}, {option} {options[option]}"
    try:
        report = mg.gradcheck(f, *inputs, **options, raise_on_failure=False)
    except (TypeError, ValueError, ArithmeticError) as error:
        return f"{name}: raises {type(error).__name__}", str(error)
    cause = str(report.cause).split("\n")[0].split(":")[0]
    line = f"{name}: {report.verdict}{', ' if cause else ''}{cause}, {report.calls} calls"
    told = [str(report), json.dumps(report.to_dict(), default=str, sort_keys=True)]
    if seed % 3 == 0:
        told.append(str(report.opinions()))
    return line, "\n".join(told)


def _moved(inputs: Any, rng: random.Random) -> Any:
    """Return inputs near by, or some of them the same, or zero."""
    if isinstance(inputs, (list, tuple)):
        return type(inputs)([_moved(each, rng) for each in inputs])
    if isinstance(inputs, np.ndarray):
        return np.array([_moved(each, rng) for each in inputs.flat]).reshape(inputs.shape)
    near = inputs * (1 + rng.uniform(-1, 1) * 2.0 ** rng.randint(-40, 0))
    return float(rng.choice((near, near, inputs, 1.0, 0.0)))


def row(seed: int) -> str:
    """What is pinned of one check."""
    line, whole = _found(seed)
    whole = re.sub(r"\.py:\d+", ".py", whole)
    return f"{seed}: {line}; {digest(whole)}"


@pytest.mark.parametrize("pinned", rows(PINNED), ids=lambda row: row[:40])
def test_a_report_is_as_it_was(pinned: str, request: pytest.FixtureRequest) -> None:
    if "bent" in pinned:  # Its branches are watched, which takes a call.
        request.getfixturevalue("untraced")
    assert row(int(pinned.partition(":")[0])) == pinned


# Functions


def _power(x: Any, n: int) -> Any:
    return math.prod([x] * n)


def _bent(x: Any) -> Any:
    return x * x if x > 0 else 3 * x


def _pole(x: Any) -> Any:
    if x == 2:
        raise ZeroDivisionError("it has a pole here")  # Python's own words differ in length.
    return 1 / (x - 2)


def _unsteady() -> Change:
    calls = iter(range(1_000_000))
    return lambda x: x * x + 1e-7 * (next(calls) * 0.618 % 1)


def _stale() -> Change:
    total = [0.0]

    def gradient(x: Any) -> Any:
        total[0] += 2 * x
        return total[0]

    return gradient


def _changing(x: Any) -> Any:
    x[0] += 1.0
    return x[0] * x[1]


def _wrong_cube() -> Change:
    cube = mg.operation("cubed", value="a * a * a", derivatives=["3 * a"])
    return lambda x: cube(x) + x * cube(x)


def _wrong_product() -> Callable[[Any, Any], Any]:
    times = mg.operation("times", value="a * b", derivatives=["b", "-a"])
    return lambda x, y: times(x, y) / (1 + x * x) + times(y, x)


def _wrong_products() -> Change:
    times = mg.operation("times", value="a * b", derivatives=["b", "-a"])
    return lambda x: added(times(a, b) for a, b in pairwise(x))


# f, its inputs, and its gradient, of operations that round alike on every machine.
FUNCTIONS: Final[dict[str, tuple[Callable[..., Any], tuple[Any, ...], Callable[..., Any]]]] = {
    "cube": (lambda x: x * x * x, (1.3,), lambda x: 3 * x * x),
    "bell": (lambda x: 1 / (1 + x * x), (-0.7,), lambda x: -2 * x / _power(1 + x * x, 2)),
    "tower": (lambda x: x * x + 1e7, (1.5,), lambda x: 2 * x),
    "tall tower": (lambda x: x * x + 1e13, (1.5,), lambda x: 2 * x),
    "line": (lambda x: 2.5 * x, (3.0,), lambda x: 2.5),
    "stationary": (lambda x: x * x, (0.0,), lambda x: 2 * x),
    "constant": (lambda x: 3.0, (1.0,), lambda x: 0.0),
    "size": (abs, (0.0,), lambda x: 0.5),
    "size away": (abs, (1e-3,), lambda x: 1.0),
    "root": (lambda x: x**0.5, (4.0,), lambda x: 0.5 / x**0.5),
    "root at zero": (lambda x: x**0.5, (0.0,), lambda x: 1.0),
    "jump": (lambda x: float(x > 1), (1.0,), lambda x: 0.0),
    "rounded": (lambda x: round(x * x, 4), (1.2345,), lambda x: 2 * x),
    "product": (lambda x, y: x * x * y, (1.5, -2.0), lambda x, y: (2 * x * y, x * x)),
    "quotient": (lambda x, y: x / y, (3.0, 4.0), lambda x, y: (1 / y, -x / (y * y))),
    "maximum": (max, (2.0, 2.0), lambda x, y: (0.5, 0.5)),
    "ignored": (lambda x, y: x * x, (1.5, -2.0), lambda x, y: (2 * x, 0.0)),
    "list": (
        lambda x: x[0] * x[1] * x[1] + x[2],
        ([1.5, -2.0, 7.0],),
        lambda x: [x[1] * x[1], 2 * x[0] * x[1], 1.0],
    ),
    "valley": (
        lambda x: 100 * _power(x[1] - x[0] * x[0], 2) + _power(1 - x[0], 2),
        ([-1.2, 1.0],),
        lambda x: [
            -400 * x[0] * (x[1] - x[0] * x[0]) - 2 * (1 - x[0]),
            200 * (x[1] - x[0] * x[0]),
        ],
    ),
    "array": (
        lambda x: added(added(a * a * a for a in row) for row in x),
        (np.array([[1.0, -2.0], [0.5, 3.0]]),),
        lambda x: 3 * x * x,
    ),
    "many": (
        lambda x: added((k + 1) * a * a for k, a in enumerate(x)),
        (np.linspace(-1.0, 1.0, 20),),
        lambda x: 2 * np.arange(1, 21) * x,
    ),
    "scales": (
        lambda x: x[0] * 1e-6 + x[1] * x[1] * 1e6 + 1 / x[2],
        ([1e6, 1e-6, 1e3],),
        lambda x: [1e-6, 2e6 * x[1], -1 / (x[2] * x[2])],
    ),
    "two outputs": (
        lambda x: [x[0] * x[1], x[0] + 3 * x[1]],
        ([2.0, 5.0],),
        lambda x: [[x[1], x[0]], [1.0, 3.0]],
    ),
    "matrix of outputs": (
        lambda x: np.array([[x[0], x[1] * x[1]], [x[0] * x[1], x[1]]]),
        (np.array([2.0, 5.0]),),
        lambda x: np.array([[[1.0, 0.0], [0.0, 2 * x[1]]], [[x[1], x[0]], [0.0, 1.0]]]),
    ),
    "two arguments of arrays": (
        lambda w, b: added(_power(a * 2 - c, 2) for a, c in zip(w, b, strict=True)),
        (np.array([1.0, 2.0]), np.array([0.5, -1.0])),
        lambda w, b: (4 * (2 * w - b), -2 * (2 * w - b)),
    ),
    "bent": (_bent, (0.0,), lambda x: 2.0),
    "bent on the left": (_bent, (-1.0,), lambda x: 3.0),
    "does not repeat": (_unsteady, (1.0,), lambda: lambda x: 2 * x),
    "stale": (lambda: lambda x: x * x, (3.0,), _stale),
    "cut": (lambda x: x * x.data, (3.0,), None),
    "cut by float": (lambda x: x * x + float(x) * x, (3.0,), None),
    "changes its input": (_changing, (np.array([1.0, 2.0]),), lambda x: x[::-1]),
    "pole": (_pole, (2.0,), lambda x: 1.0),
    "gradient with a pole": (lambda x: x * x, (2.0,), _pole),
    "side of a branch": (lambda x: x * x, (-3.0,), lambda x: 2 * x if x > 0 else 1.0),
    "only here": (lambda x: x * x, (3.0,), lambda x: 7.0 if x == 3 else 2 * x),
    "wrong operation": (_wrong_cube, (1.5,), lambda: None),
    "wrong operation of two": (_wrong_product, (1.5, -0.5), lambda: None),
    "wrong operation of many": (
        _wrong_products,
        ([0.25 * n - 1.1 for n in range(18)],),
        lambda: None,
    ),
    "methods": (lambda x: (x[0] * x[1]).sqrt() + x[1].relu(), ([2.0, 3.0],), None),
    "median": (np.median, (np.array([1.0, 1.0, 1.0]),), lambda x: np.array([0.0, 1.0, 0.0])),
}

# They remember, or define an operation, so that each check makes its own.
_FRESH: Final = {"does not repeat", "stale", *(name for name in FUNCTIONS if "operation" in name)}

SOURCES: Final = (
    *("backprop", "backprop", "backprop", "tape", "forward-mode"),
    *("central-difference", "forward-difference", "complex-step"),
)

OPTIONS: Final[dict[str, tuple[Any, ...]]] = {
    "rtol": (1e-3, 1e-10),
    "order": (2,),
    "scale": (0.01, 100.0),
    "rng": (1, 2),
    "reference": ("forward-mode", "forward-difference", "complex-step", "tape"),
    "accept": (("NOISY", "EDGE", "INCONCLUSIVE"), "NOISY", ("KINK",)),
    "nodes": (True,),
}


def _everywhere(change: Callable[[Any], Any]) -> Callable[..., Any]:
    def apply(gradient: Any) -> Any:
        if isinstance(gradient, (list, tuple)):
            return type(gradient)(map(apply, gradient))
        return change(gradient)

    return apply


def _first(change: Callable[[Any], Any]) -> Callable[..., Any]:
    def apply(gradient: Any) -> Any:
        if isinstance(gradient, (list, tuple)):
            return type(gradient)([apply(gradient[0]), *gradient[1:]])
        if isinstance(gradient, np.ndarray):
            gradient = np.array(gradient)
            gradient[(0,) * gradient.ndim] = change(gradient[(0,) * gradient.ndim])
            return gradient
        return change(gradient)

    return apply


def _every_other(change: Change) -> Change:
    turn = iter(range(1_000_000))
    return _everywhere(lambda g: change(g) if next(turn) % 2 else g)


# Each for a size of the fault.
FAULTS: Final[dict[str, Callable[[float], Change]]] = {
    "right": lambda size: lambda gradient: gradient,
    "sign": lambda size: _everywhere(lambda g: -g),
    "sign of the first": lambda size: _first(lambda g: -g),
    "factor": lambda size: _everywhere(lambda g: (1 + size) * g),
    "doubled": lambda size: _everywhere(lambda g: 2 * g),
    "factor of the first": lambda size: _first(lambda g: (1 + size) * g),
    "factor of some": lambda size: _every_other(lambda g: (1 + size) * g),
    "term": lambda size: _everywhere(lambda g: g + size),
    "term of the first": lambda size: _first(lambda g: g - size),
    "first is zero": lambda size: _first(lambda g: 0 * g),
    "zero": lambda size: _everywhere(lambda g: 0 * g),
    "first is nan": lambda size: _first(lambda g: g * math.nan),
    "first is infinite": lambda size: _first(lambda g: g + math.inf),
    "reversed": lambda size: _reversed,
    "transposed": lambda size: lambda gradient: np.transpose(gradient).tolist(),
    "turned": lambda size: np.transpose,
    "None": lambda size: lambda gradient: None,
    "text": lambda size: lambda gradient: "gradient",
    "flat": lambda size: np.ravel,
    "nested": lambda size: lambda gradient: [gradient],
}


def _reversed(gradient: Any) -> Any:
    if isinstance(gradient, (list, tuple)):
        return type(gradient)(reversed(gradient))
    return np.array(gradient)[..., ::-1] if isinstance(gradient, np.ndarray) else gradient


if __name__ == "__main__":
    rewrite(PINNED, row)
