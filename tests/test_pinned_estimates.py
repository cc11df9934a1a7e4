"""Searches for derivatives, each step and each bound of them, as they were when last measured.

Nothing here says that they are right; the tests of `numeric` and the benchmark of faults do. These
tell whether a change that is meant to change nothing does so: each row was chosen because it tells
a small change of the code from the code. The functions are made of operations that round alike on
every machine. After a change that is meant, and measured, write the rows anew:

    python -m tests.test_pinned_estimates
"""

from __future__ import annotations

import hashlib
import math
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from microgradcheck import numeric
from microgradcheck.numeric.ladder import estimate_along
from tests.pinned import added, digest, rewrite, rows

PINNED: Final = Path(__file__).with_name("pinned_estimates.txt")

Function = Callable[[Any], Any]

# Draws


def _drawn(rng: random.Random) -> tuple[str, Function, float]:
    """Return a name, a function and a point: one of those below, or a composition of a few."""
    if rng.random() < 0.5:
        name = rng.choice(sorted(FUNCTIONS))
        f, points = FUNCTIONS[name]
        x = rng.choice(points)
        if rng.random() < 0.3:
            x += rng.uniform(-1, 1) * 2.0 ** rng.randint(-60, 3)
        return name, f, x
    offset = rng.choice((0.0, 0.0, 1e3, 1e6))
    length, size = 2.0 ** rng.randint(-30, 30), 2.0 ** rng.randint(-30, 30)
    tower = rng.choice((0.0, 0.0, 0.0, 2.0 ** rng.randint(0, 40)))
    noise = rng.choice((0.0, 0.0, 0.0, 2.0 ** rng.randint(-48, -8)))
    quantum = rng.choice((0.0, 0.0, 0.0, 0.0, 2.0 ** rng.randint(-48, -4)))
    names, inner = [], []
    for _ in range(rng.randint(1, 3)):
        names.append(rng.choice(sorted(_SHAPES)))
        inner.append(
            _SHAPES[names[-1]](rng.randint(-64, 64) / 32 or 1.0, rng.randint(-64, 64) / 32)
        )

    def f(x: Any) -> Any:
        u = x / length - offset
        for g in inner:
            u = g(u)
        if quantum:
            u = math.floor(u / quantum) * quantum
        return size * (u + tower + (noise * _noise(x) if noise else 0.0))

    return " ".join(names), f, (offset + rng.randint(-256, 256) / 128) * length


def _found(seed: int) -> tuple[str, str]:
    """Return one line, and all that was asked and found, of one search."""
    rng = random.Random(seed)
    name, f, x = _drawn(rng)
    points: list[Any] = []

    def noted(at: Any) -> Any:
        points.append(at)
        return f(at)

    way = rng.choice(("estimate", "along", "along", "along", "along", "differences"))
    search = {"estimate": _estimate, "along": _along, "differences": _differences}[way]
    try:
        line, found = search(noted, x, rng)
    except (TypeError, ValueError, ArithmeticError) as error:
        line, found = type(error).__name__, str(error)
    return f"{name} at {x!r}, {line}, {len(points)} calls", f"{found} {points!r}"


def _estimate(f: Function, x: float, rng: random.Random) -> tuple[str, str]:
    options: dict[str, Any] = {
        "rtol": rng.choice((1e-6, 1e-6, 1e-3, 1e-9)),
        "rng": rng.randint(0, 2),
    }
    options["scale"] = rng.choice((None, None, abs(x) / 8 or 0.1, 8.0))
    if rng.random() < 0.7:
        found = numeric.estimate(f, x, **options)
        return _shown(found), repr(found)
    others = [rng.randint(-8, 8) / 4 for _ in range(rng.randint(0, 2))]
    many = numeric.estimate(
        lambda p: f(p[0]) + added(a * a for a in p[1:]), [x, *others], **options
    )
    return "several", repr(many)


def _along(f: Function, x: float, rng: random.Random) -> tuple[str, str]:
    def at(step: float) -> float:
        try:
            return float(f(x + step))
        except (ValueError, ArithmeticError):
            return math.nan

    here = at(0.0)
    size = abs(here) if math.isfinite(here) else 1.0
    noise = rng.choice((0.0, 0.0, size * 2.0 ** rng.randint(-50, -10)))
    scale = (abs(x) or 1.0) * rng.choice((1.0, 1.0, 2.0 ** rng.randint(-20, 10)))
    precision = rng.choice((1e-6, 1e-6, 1e-3, 1e-9))
    wide = rng.random() < 0.3
    plain = estimate_along(at, x, scale, noise, precision, wide=wide)
    if rng.random() < 0.4 or not math.isfinite(plain.value):
        return _shown(plain), repr(plain)
    bound = plain.error_bound if math.isfinite(plain.error_bound) else 1.0
    claim = rng.choice(
        (
            0.0,
            plain.value,
            plain.value + bound * rng.uniform(-1.5, 1.5),
            plain.value + bound * rng.uniform(-12, 12),
            plain.value + bound * 10 ** rng.uniform(0, 8),
            plain.value * rng.uniform(-2, 2),
        )
    )
    found = estimate_along(at, x, scale, noise, precision, claim=claim, wide=wide)
    return f"{_shown(found)}, claimed {claim:.6g}", repr(found)


def _differences(f: Function, x: float, rng: random.Random) -> tuple[str, str]:
    h = rng.choice((None, None, 2.0 ** rng.randint(-30, -3) * (abs(x) or 1.0)))
    others = [rng.randint(-8, 8) / 4 for _ in range(rng.randint(0, 2))]
    p = [x, *others]
    method = rng.choice(("forward", "backward", "central", "complex"))
    what = rng.choice(("derivative", "derivative", "jacobian", "hessian"))
    if what == "jacobian":
        found = numeric.jacobian(lambda q: [f(q[0]), *(a * q[0] for a in q)], p, h=h, method=method)
    elif what == "hessian":
        found = numeric.hessian(lambda q: f(q[0]) + added(a * q[0] * q[-1] for a in q), p, h=h)
    else:
        order = rng.choice((1, 1, 2))
        found = numeric.derivative(f, x, h=h, order=order, method=method)
        what = f"{method} of order {order}"
    return what, repr(found.tolist() if what in ("jacobian", "hessian") else found)


def _shown(found: numeric.Estimate) -> str:
    return f"{found.behaviour} {found.value:.6g} ± {found.error_bound:.2g}"


def row(seed: int) -> str:
    """What is pinned of one search."""
    line, whole = _found(seed)
    return f"{seed}: {line}; {digest(whole)}"


@pytest.mark.parametrize("pinned", rows(PINNED), ids=lambda row: row[:40])
def test_a_search_is_as_it_was(pinned: str) -> None:
    assert row(int(pinned.partition(":")[0])) == pinned


# Functions


def _wave(u: float) -> float:
    """A smooth wave of period 1, between -1 and 1, without the sine of a C library."""
    t = u - math.floor(u) - 0.5
    return 1 - 24 * t * t + 80 * t * t * t * t - 64 * t * t * t * t * t * t


def _noise(x: Any) -> float:
    """A number between -0.5 and 0.5 that has nothing to do with x, but is the same each time."""
    digest = hashlib.blake2b(struct.pack("<d", float(x)), digest_size=4).digest()
    return int.from_bytes(digest, "little") / 2**32 - 0.5


def _power(x: Any, n: int) -> Any:
    return math.prod([x] * n)


def _single(x: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", float(x)))[0])


# For each name a function and the points to look at.
FUNCTIONS: Final[dict[str, tuple[Function, tuple[float, ...]]]] = {
    "constant": (lambda x: 3.0, (0.0, 2.0)),
    "zero": (lambda x: 0.0, (0.0, 1.0)),
    "line": (lambda x: 3 * x + 1, (0.0, 1.0, -7e5)),
    "tiny line": (lambda x: 1e-300 * x, (1.0,)),
    "huge line": (lambda x: 1e300 * x, (1e5, -3e7)),
    "square": (lambda x: x * x, (0.0, 1.0, 1e-9, 1e9, -3.0)),
    "square at 5": (lambda x: (x - 5) * (x - 5), (5.0, 5.0000001, 4.0, 1e-12)),
    "ninth power": (lambda x: _power(x, 9), (0.0, 1.0, 1e3)),
    "bell": (lambda x: 1 / (1 + x * x), (0.0, 0.3, 2.0, 1e8, -1e3)),
    "bell at an offset": (lambda x: 1 / (1 + (x - 1e6) * (x - 1e6)), (1e6, 1e6 + 1, 1e6 - 0.1)),
    "narrow bell": (lambda x: 1 / (1 + 1e10 * x * x), (1.0, 1e-3, 1e-5, 0.0)),
    "bell upon a tower": (lambda x: 1e9 + 1 / (1 + x * x), (0.5, 2.0)),
    "root": (math.sqrt, (0.0, 1e-20, 1.0, 2e9)),
    "root of a square": (lambda x: math.sqrt(x * x + 1e-12), (0.0, 1e-6, 1.0)),
    "root beyond a border": (lambda x: math.sqrt(1 - x), (1.0, 1 - 1e-9, 0.5)),
    "size": (abs, (0.0, 1e-9, -1e-3)),
    "size of a cube": (lambda x: abs(x * x * x), (0.0, 1.0)),
    "size at an offset": (lambda x: abs(x - 1e6), (1e6, 1e6 + 1e-6)),
    "kink upon a slope": (lambda x: max(2 * x, 3 * x) + x * x, (0.0, 1e-12, 2.0)),
    "kink upon a tower": (lambda x: 1e6 + abs(x), (0.0, 1e-8)),
    "slight kink": (lambda x: x + 1e-5 * abs(x - 1), (1.0,)),
    "kink near by": (lambda x: max(x - 1.0001, 0.0) + x, (1.0,)),
    "kink in noise": (lambda x: abs(x - 1) + 1e-7 * _noise(x), (1.0,)),
    "jump": (lambda x: x + (x > 1), (1.0, 1 + 1e-12, 1.5)),
    "jump near by": (lambda x: x + (x > 1.000001), (1.0,)),
    "stairs": (lambda x: math.floor(1e3 * x) / 1e3, (0.5, 0.50005)),
    "fine stairs": (lambda x: math.floor(1e8 * x) / 1e8, (0.5, 1.0, 3e3)),
    "rounded square": (lambda x: math.floor(1e6 * x * x) / 1e6, (0.7, 20.0)),
    "saw": (lambda x: x - 1e-7 * math.floor(1e7 * x), (0.3, 1.0)),
    "teeth upon a slope": (lambda x: x * x + 1e-9 * (1e6 * x - math.floor(1e6 * x)), (1.0, 2.0)),
    "single precision": (lambda x: _single(_single(x) * _single(x)), (1.0, 1.7, 30.0)),
    "noise": (lambda x: 1e-6 * _noise(x), (1.0,)),
    "slope in noise": (lambda x: x + 1e-6 * _noise(x), (1.0, 100.0)),
    "bell in noise": (lambda x: 1 / (1 + x * x) + 1e-9 * _noise(x), (0.4, 3.0)),
    "faint slope in noise": (lambda x: 1e-8 * x + 1e-9 * _noise(x), (1.0,)),
    "inverse": (lambda x: 1 / x, (0.0, 1e-5, 1.0, -4.0)),
    "inverse of a square": (lambda x: 1 / (x * x), (1e-3, 2.0)),
    "undefined on the left": (lambda x: x if x >= 1 else math.nan, (1.0,)),
    "undefined on the right": (lambda x: x if x <= 1 else math.nan, (1.0,)),
    "undefined far away": (lambda x: x * x if abs(x - 1) < 1e-5 else math.nan, (1.0,)),
    "undefined beside x": (lambda x: x if x == 1 else math.nan, (1.0,)),
    "infinite beside x": (lambda x: 1.0 if x == 1 else math.inf, (1.0,)),
    "flat": (lambda x: max(x - 2, 0.0), (1.0, 1.9999, 2.0)),
    "flat between": (lambda x: max(abs(x) - 1e-6, 0.0), (0.0, 1e-6)),
    "flat but for rounding": (lambda x: (x + 1e8) - x, (1.0, 3.0)),
    "saturated": (lambda x: x / math.sqrt(1 + x * x), (1e3, 1e7, 1e9)),
    "wave": (_wave, (0.1, 0.25, 7.3)),
    "fast wave": (lambda x: _wave(1e4 * x), (0.1234, 1.0)),
    "very fast wave": (lambda x: _wave(1e9 * x), (0.1234, 1.0)),
    "fastest wave": (lambda x: _wave(3e13 * x) * 1e-6, (1.0,)),
    "wave upon a slope": (lambda x: x + 1e-6 * _wave(1e6 * x), (0.3, 1.0)),
    "wave under noise": (lambda x: 1e-4 * _wave(1e3 * x) + 1e-9 * _noise(x), (0.3,)),
    "twelfth root of the size": (lambda x: math.sqrt(math.sqrt(abs(x))), (0.0, 1e-12)),
    "cancelling": (lambda x: ((1 + x) - 1) / x if x else 1.0, (1e-9, 1e-5, 0.1)),
    "near the largest": (lambda x: 1.5e308 * x, (1.0, -0.5)),
    "steep": (lambda x: 1e200 * x * x, (1.0, 1e60)),
}


_SHAPES: Final[dict[str, Callable[[float, float], Function]]] = {
    "bell": lambda a, b: lambda u: a / (1 + (u - b) * (u - b)),
    "root": lambda a, b: lambda u: math.sqrt(a * a + (u - b) * (u - b)),
    "cube": lambda a, b: lambda u: u * (u - a) * (u - b),
    "saturated": lambda a, b: lambda u: (u - b) / math.sqrt(a * a + (u - b) * (u - b)),
    "wave": lambda a, b: lambda u: _wave(a * u + b),
    "size": lambda a, b: lambda u: abs(a * u - b),
    "relu": lambda a, b: lambda u: max(a * u - b, 0.0),
    "pole": lambda a, b: lambda u: a / (u - b) if u != b else math.nan,
}


if __name__ == "__main__":
    rewrite(PINNED, row)
