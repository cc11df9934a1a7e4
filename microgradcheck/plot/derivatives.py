"""Pictures of how far derivatives are off: by the step, and by the order of what is left."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final

from microgradcheck import numeric
from microgradcheck.backprop import grad
from microgradcheck.plot.style import GUIDE, STYLES, axes_for
from microgradcheck.sources import on_numbers, resolve
from microgradcheck.structure import number, put_together, take_apart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["step_sizes", "taylor"]

_UNIT_ROUNDOFF: Final = 2.0**-53
_NAMES: Final = {
    "forward": "forward difference",
    "backward": "backward difference",
    "central": "central difference",
    "complex": "complex step",
}


def step_sizes(
    f: Callable[..., Any],
    x: float,
    *,
    methods: Sequence[str] = ("forward", "central", "complex"),
    ax: Axes | None = None,
) -> Axes:
    """Draw the error of finite differences against their step, with the bounds that explain it.

    The error falls with the step while the formula's truncation is the larger part, by the first
    or second power, and rises again as 1 / h when rounding is. The complex step has no such rise.

    Args:
        f: a function of one number, written with this library's functions.
        x: where its derivative is taken.
        methods: which of "forward", "backward", "central" and "complex".
        ax: the axes to draw on; by default new ones.

    Returns:
        The axes, with a curve for each method and its bound in grey. The derivative by
        backpropagation is taken as exact, and half a unit in its last place is the smallest
        error that is shown.

    Raises:
        TypeError: x is no number, or `methods` no list.
        ValueError: there is no such method, x is not finite, or the gradient of f is wrong there,
            as it is where f is not written with this library's functions.
        ImportError: matplotlib is not installed.

    Limits: steps that leave f's domain are left out. The bound is |f″(x)| h / 2 or |f‴(x)| h² / 6,
    the first term that the formula leaves out, plus one rounding of f and of x + h; for large
    steps, and for an f of many operations, it is a guide only.

    Source: Nocedal and Wright, Numerical Optimization, 2nd ed. (2006), section 8.1.

    Example:
        >>> from microgradcheck.functions import exp
        >>> ax = step_sizes(exp, 1.0, methods=["central"])
        >>> line = ax.lines[0]
        >>> bool(1e-6 < line.get_xdata()[line.get_ydata().argmin()] < 1e-4)
        True
    """
    import numpy as np

    at = number(x)
    if at is None:
        raise TypeError(f"x is one number, got {x!r}; of several, move one: lambda t: f([t, 2.0])")
    if isinstance(methods, str):
        raise TypeError(f"methods is a list, got {methods!r}; write [{methods!r}]")
    for method in methods:
        if method not in _NAMES:
            raise ValueError(f"unknown method {method!r}; choose of {', '.join(_NAMES)}")
    estimate = numeric.estimate(on_numbers(f), at)
    first, second, third = grad(f), grad(grad(f)), grad(grad(grad(f)))
    exact, value = first(at), float(on_numbers(f)(at))
    if abs(exact - estimate.value) > estimate.error_bound + 1e-6 * abs(exact):
        raise ValueError(
            f"backpropagation gives {exact!r} for the derivative, where differences give "
            f"{estimate.value!r}; write f with this library's functions (microgradcheck.exp, not "
            "math.exp), and see what gradcheck says"
        )
    ax = axes_for(ax)
    smallest = math.ulp(exact) / 2 or math.ulp(value)
    steps = np.logspace(-16, 0, 97) * (abs(at) or 1.0)
    of_f, of_x = _UNIT_ROUNDOFF * abs(value), _UNIT_ROUNDOFF * abs(at * exact)
    forward = abs(second(at)) / 2 * steps + (2 * of_f + of_x) / steps
    central = abs(third(at)) / 6 * steps**2
    bounds = {
        "forward": forward,
        "backward": forward,
        "central": central + (of_f + of_x) / steps,
        "complex": central + 2 * math.ulp(exact),
    }
    for position, (method, style) in enumerate(zip(methods, cycle(STYLES), strict=False)):
        derivatives = np.array([_difference(f, at, h, method) for h in steps.tolist()])
        errors = np.maximum(abs(derivatives - exact), smallest)
        # Curves that coincide have their markers in turn.
        turn = (position, len(methods))
        look = {**style, "linewidth": 1, "markersize": 4, "markevery": turn}
        ax.loglog(steps, errors, label=_NAMES[method], **look)
    for position, method in enumerate(methods):
        label = "bound: truncation + rounding" if position == 0 else None
        ax.loglog(
            steps, bounds[method], label=label, **{**GUIDE, "linewidth": 2.5, "color": "0.75"}
        )
    ax.set_xlabel("step h (units of x)")
    ax.set_ylabel("error of f′ (units of f / units of x)")
    ax.legend(frameon=False)
    return ax


def _difference(f: Callable[..., Any], x: float, h: float, method: str) -> float:
    try:
        return float(numeric.derivative(on_numbers(f), x, h=h, method=method))
    except (ValueError, ArithmeticError):
        return math.nan


def taylor(
    f: Callable[..., Any],
    *x: Any,
    gradient: Any = "backprop",
    rng: Any = 0,
    ax: Axes | None = None,
) -> Axes:
    """Draw what Taylor's formula leaves over against the step: slope 2 proves a gradient right.

    Without the gradient's term |f(x + h v) − f(x)| falls in proportion to h; with it,
    |f(x + h v) − f(x) − h g·v| falls as h² where g is the gradient, and only as h where it is not.

    Args:
        f: a function of numbers, lists, tuples or arrays that returns one number.
        x: the point, one for each argument of f.
        gradient: where g comes from, as for `minimize`.
        rng: a seed or NumPy generator for v, a random direction of length 1.
        ax: the axes to draw on; by default new ones.

    Returns:
        The axes. The legend tells the slope of each curve where rounding is too small to matter.

    Raises:
        TypeError, ValueError: an argument is not what is said above.
        ImportError: matplotlib is not installed.

    Source: Farrell, Ham, Funke and Rognes, Automated derivation of the adjoint of high-level
    transient finite element programs, SIAM J. Sci. Comput. 35 (2013).

    Example:
        >>> ax = taylor(lambda p: p[0] ** 2 * p[1], [1.0, 2.0])
        >>> [line.get_label().rpartition(", ")[2] for line in ax.lines[:2]]
        ['slope 1.00', 'slope 2.00']
    """
    import numpy as np

    if not x:
        raise TypeError("give the point where f is looked at: taylor(f, x)")
    entries = np.array([entry for argument in x for entry in _entries(argument)])
    value, gradient = resolve(gradient).value_and_gradient(f, *x)
    slopes = np.array(_entries(gradient))
    direction = np.random.default_rng(rng).normal(size=entries.size)
    direction /= np.linalg.norm(direction)
    steps = np.logspace(-9, 0, 37) * (np.abs(entries).max() or 1.0)
    moved = np.array([_value(f, entries + h * direction, x) for h in steps])
    rounding = 2 * _UNIT_ROUNDOFF * max(np.abs(moved).max(), abs(value))
    remainders = {
        "|f(x + h v) − f(x)|": np.abs(moved - value),
        "|f(x + h v) − f(x) − h g·v|": np.abs(moved - value - steps * (slopes @ direction)),
    }
    ax = axes_for(ax)
    for (name, remainder), style in zip(remainders.items(), STYLES, strict=False):
        label = f"{name}, {_slope(steps, remainder, 1e3 * rounding)}"
        shown = np.where(remainder > 0, remainder, np.nan)
        ax.loglog(steps, shown, label=label, linewidth=1, markersize=4, **style)
    ax.axhline(rounding, label="rounding of f", **{**GUIDE, "linestyle": ":"})
    ax.set_xlabel("step h (units of x)")
    ax.set_ylabel("remainder (units of f)")
    ax.legend(frameon=False)
    return ax


def _slope(steps: Any, remainder: Any, least: float) -> str:
    """Return the power of h with which a remainder falls, from the finest steps that tell."""
    import numpy as np

    telling = np.flatnonzero(remainder > least)[:8]
    if telling.size < 2:
        return "rounding only"
    power = np.polyfit(np.log(steps[telling]), np.log(remainder[telling]), 1)[0]
    return f"slope {power:.2f}"


def _value(f: Callable[..., Any], entries: Any, like: tuple[Any, ...]) -> float:
    remaining = iter(entries.tolist())
    inputs = (
        put_together([next(remaining) for _ in _entries(argument)], like=argument)
        for argument in like
    )
    return float(on_numbers(f)(*inputs))


def _entries(thing: Any) -> list[float]:
    return list(map(float, take_apart(thing, lambda entry: number(entry) is not None)))
