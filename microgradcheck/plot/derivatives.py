"""Pictures of how far derivatives are off, by step and by order."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from microgradcheck import numeric
from microgradcheck.backprop import grad, value_and_grad
from microgradcheck.numeric.samples import UNIT_ROUNDOFF
from microgradcheck.optimize.descent import entries
from microgradcheck.plot.looks import GUIDE, add_legend, axes_for, drawable, styles
from microgradcheck.sources import on_numbers, resolve
from microgradcheck.structure import number, put_together

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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

    Truncation makes it fall with the first or second power of the step h, and rounding makes it
    rise as 1 / h, but not that of the complex step.

    Args:
        f: a function of one number, written with this library's functions.
        x: where its derivative is taken.
        methods: which of "forward", "backward", "central" and "complex".
        ax: the axes to draw on; by default new ones.

    Returns:
        The axes, with a curve for each method and its bound in grey; where f has no derivative,
        as at a kink, the title says so instead. Backpropagation is taken as exact up to half a
        unit in its last place; where it gives 0, an error of 0 is drawn below all others.

    Raises:
        TypeError: x is no number, or `methods` no list.
        ValueError: there is no such method, x is not finite, or the gradient of f is wrong there.
        ValueError, ArithmeticError: backpropagation finds no derivative there.
        ImportError: matplotlib is not installed.

    Limits: steps that f does not take are left out. The bound is |f″(x)| h / 2 or |f‴(x)| h² / 6
    plus one rounding of f and of x + h: a guide for small steps and an f of few operations. It is
    left out where that derivative does not exist.

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
    if not (methods := list(methods)):
        raise ValueError(f"methods is empty; choose of {', '.join(_NAMES)}")
    for method in methods:
        if method not in _NAMES:
            raise ValueError(f"unknown method {method!r}; choose of {', '.join(_NAMES)}")
    plain = on_numbers(f)
    estimate = numeric.estimate(plain, at)
    value, exact = value_and_grad(f)(at)
    if problem := why_no_agreement(exact, estimate):
        raise ValueError(problem)
    steps = np.logspace(-16, 0, 97) * (abs(at) or 1.0)
    slopes = np.array([[slope_by(m, plain, at, h) for h in steps.tolist()] for m in methods])
    with np.errstate(over="ignore"):  # Near the largest float.
        errors = abs(slopes - exact)
    smallest = math.ulp(exact) / 2
    if smallest == 0:  # An error of 0 has its place below all others, and below their rounding.
        largest = np.nanmax(abs(slopes), initial=abs(value) / steps[-1]) or 1.0
        smallest = np.nanmin(errors[errors > 0], initial=UNIT_ROUNDOFF * largest)
    ax, shown = axes_for(ax), drawable(steps)
    for position, (method, style) in enumerate(zip(methods, styles(), strict=False)):
        # Curves that coincide have their markers in turn.
        look = {**style, "linewidth": 1, "markersize": 4, "markevery": (position, len(methods))}
        ax.loglog(
            shown, drawable(np.maximum(errors[position], smallest)), label=_NAMES[method], **look
        )
    if reason := why_no_slope(estimate):
        ax.set_title(f"{reason};\nerrors are counted from backpropagation's {exact:.6g}")
    else:
        bounds, known = _bounds(f, at, steps, smallest), None
        for method in methods:
            look = {**GUIDE, "linewidth": 2.5, "color": "0.75"}
            (line,) = ax.loglog(shown, drawable(np.maximum(bounds[method], smallest)), **look)
            if np.isfinite(bounds[method]).any():
                known = line
        if known:
            known.set_label("bound: truncation + rounding")
    ax.set_xlabel("step h (units of x)")
    ax.set_ylabel("error of f′ (units of f / units of x)")
    add_legend(ax)
    return ax


def _bounds(f: Callable[..., Any], x: float, steps: Any, smallest: float) -> dict[str, Any]:
    """Return how far each method may be off by each step: truncation and rounding."""
    import numpy as np

    value, first = value_and_grad(f)(x)
    higher = grad(grad(f)), grad(grad(grad(f)))
    second, third = (of_entries(derivative, (x,))(x) for derivative in higher)
    of_f, of_x = UNIT_ROUNDOFF * abs(value), UNIT_ROUNDOFF * abs(x) * abs(first)
    # Near the largest float a bound may be larger, and near the least a step is 0.
    with np.errstate(all="ignore"):
        one_sided = abs(second) / 2 * steps + (2 * of_f + of_x) / steps
        central = abs(third) / 6 * steps**2
        return {
            "forward": one_sided,
            "backward": one_sided,
            "central": central + (of_f + of_x) / steps,
            "complex": central + 4 * smallest,
        }


def slope_by(method: str, f: Callable[..., Any], x: float, h: float) -> float:
    """Return a finite difference of a plain function, or nan where f does not take the step."""
    try:
        return float(numeric.derivative(f, x, h=h, method=method))
    except (TypeError, ValueError, ArithmeticError):  # A TypeError: no complex numbers.
        return math.nan


def why_no_slope(estimate: numeric.Estimate) -> str:
    """Return why f has no derivative where it was estimated; nothing where it has one."""
    if estimate.slopes is None:
        return estimate.reason
    left, right = (slope if abs(slope) > estimate.error_bound else 0 for slope in estimate.slopes)
    return f"f has a kink here, with slopes {left:.6g} and {right:.6g}"


def why_no_agreement(exact: float, estimate: numeric.Estimate) -> str:
    """Return how a derivative differs from what was estimated; nothing where it need not."""
    left, right = estimate.slopes or (estimate.value, estimate.value)
    gap = abs(exact - estimate.value) - abs(right - left) / 2  # Between slopes, any number will do.
    if not gap > estimate.error_bound + 1e-6 * abs(exact):
        return ""
    return (
        f"backpropagation gives {exact!r} for the derivative, where differences give "
        f"{estimate.value!r}; write f with this library's functions, not math.exp, and see "
        "what gradcheck says"
    )


def taylor(
    f: Callable[..., Any],
    *x: Any,
    gradient: Any = "backprop",
    rng: Any = 0,
    ax: Axes | None = None,
) -> Axes:
    """Draw what Taylor's formula leaves over against the step: slope 2 proves a gradient right.

    |f(x + h v) − f(x)| falls as h, and so does |f(x + h v) − f(x) − h g·v|, but as h² where g is
    the gradient.

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
    point = np.array(entries(x))
    if not np.isfinite(point).all():
        raise ValueError(f"x is finite numbers, got {x!r}")
    value, gradient = resolve(gradient).value_and_gradient(f, *x)
    slopes = np.array(entries(gradient))
    if slopes.shape != point.shape:
        raise ValueError(f"the gradient has {slopes.size} entries, and x {point.size}")
    direction = np.random.default_rng(rng).normal(size=point.size)
    direction /= np.linalg.norm(direction)
    at = of_entries(f, x)
    steps = np.logspace(-9, 0, 37) * (np.abs(point).max() or 1.0)
    with np.errstate(all="ignore"):  # Beyond the floats, and below them.
        moved = np.array([at(*(point + h * direction)) for h in steps])
        moved[~np.isfinite(moved)] = np.nan
        rounding = 2 * UNIT_ROUNDOFF * np.nanmax(np.abs(moved), initial=abs(value))
        remainders = {
            "|f(x + h v) − f(x)|": np.abs(moved - value),
            "|f(x + h v) − f(x) − h g·v|": np.abs(moved - value - steps * (slopes @ direction)),
        }
    ax = axes_for(ax)
    for (name, remainder), style in zip(remainders.items(), styles(), strict=False):
        shown = drawable(np.where(remainder > 0, remainder, np.nan))
        label = f"{name}, {_slope(steps, shown, 1e3 * rounding)}"
        ax.loglog(drawable(steps), shown, label=label, linewidth=1, markersize=4, **style)
    ax.axhline(rounding, label="rounding of f", **{**GUIDE, "linestyle": ":"})
    ax.set_xlabel("step h (units of x)")
    ax.set_ylabel("remainder (units of f)")
    add_legend(ax)
    return ax


def _slope(steps: Any, remainder: Any, least: float) -> str:
    """Return the power of h with which a remainder falls, from the finest steps that tell."""
    import numpy as np

    telling = np.flatnonzero(remainder > least)[:8]
    if telling.size < 2:
        return "rounding only"
    power = np.polyfit(np.log(steps[telling]), np.log(remainder[telling]), 1)[0]
    return f"slope {power:.2f}"


def of_entries(f: Callable[..., Any], like: tuple[Any, ...]) -> Callable[..., float]:
    """Return f as a function of the entries of its arguments; it is nan where f is undefined."""
    plain = on_numbers(f)

    def at(*numbers: float) -> float:
        try:
            return float(plain(*put_together(map(float, numbers), like=like)))
        except (ValueError, ArithmeticError):
            return math.nan

    return at
