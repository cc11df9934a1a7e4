"""Pictures of descents: their paths, and how they converge."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

from microgradcheck.optimize import Descent, distinct_names
from microgradcheck.plot.style import GUIDE, STYLES, axes_for, legend_above
from microgradcheck.sources import on_numbers
from microgradcheck.structure import number, put_together, take_apart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["convergence", "path"]

_QUANTITIES = {"value": "value of f", "gradient_norm": "length of the gradient of f"}


def convergence(*descents: Descent, quantity: str = "value", ax: Axes | None = None) -> Axes:
    """Draw the value of f, or the length of its gradient, against the steps of descents.

    Args:
        descents: what `minimize` returned, one or several; of a comparison, `*comparison`.
        quantity: "value" or "gradient_norm".
        ax: the axes to draw on; by default new ones.

    Returns:
        The axes. The vertical one is logarithmic where all that is drawn is positive, and ends
        where a descent has diverged.

    Raises:
        TypeError, ValueError: an argument is not what is said above.
        ImportError: matplotlib is not installed.

    Example:
        >>> from microgradcheck.optimize import minimize
        >>> ax = convergence(minimize(lambda w: (w - 5) ** 2, 0.0, steps=2))
        >>> [round(float(value), 2) for value in ax.lines[0].get_ydata()]
        [25.0, 16.0, 10.24]
    """
    if quantity not in _QUANTITIES:
        raise ValueError(f"quantity is one of {', '.join(_QUANTITIES)}; got {quantity!r}")
    _check_descents(descents)
    ax = axes_for(ax)
    drawn: list[float] = []
    for descent, name, style in zip(
        descents, distinct_names(descents), cycle(STYLES), strict=False
    ):
        numbers = [step.number for step in descent.history]
        values = [getattr(step, quantity) for step in descent.history]
        drawn += values
        ax.plot(
            numbers,
            values,
            label=name,
            markevery=max(1, len(values) // 12),
            markersize=5,
            markerfacecolor="white",
            **style,
        )
    if min(drawn) > 0:
        ax.set_yscale("log")
    highest = _highest(descents, quantity)
    if max(drawn) > highest:
        ax.set_ylim(top=highest)
    ax.set_xlabel("step")
    ax.set_ylabel(_QUANTITIES[quantity])
    ax.locator_params("x", integer=True)
    ax.legend(frameon=False)
    return ax


def path(f: Callable[..., Any], *descents: Descent, ax: Axes | None = None) -> Axes:
    """Draw the paths of descents over a function of one or two numbers, with starts and ends.

    Args:
        f: the function that was minimized.
        descents: what `minimize` returned, one or several; of a comparison, `*comparison`.
        ax: the axes to draw on; by default new ones.

    Returns:
        The axes: of two numbers a plane with f as contours, of one number f as a curve. They end
        where a descent has diverged.

    Raises:
        TypeError: an argument is not what is said above.
        ValueError: f is of more than two numbers; draw its `convergence`.
        ImportError: matplotlib is not installed.

    Limits: f is called at 6400 points, or at 400 of a line.

    Example:
        >>> from microgradcheck.optimize import minimize
        >>> def f(p):
        ...     return p[0] ** 2 + p[1] ** 2
        >>> ax = path(f, minimize(f, [10.0, -10.0], steps=2))
        >>> [round(float(x), 1) for x in ax.lines[0].get_xdata()]
        [10.0, 8.0, 6.4]
    """
    import numpy as np

    if not callable(f):
        raise TypeError(f"f is the function that was minimized, got {f!r}")
    _check_descents(descents)
    paths = [np.array([_entries(step.x) for step in descent.history]) for descent in descents]
    sizes = {points.shape[1] for points in paths}
    if sizes - {1, 2} or len(sizes) > 1:
        raise ValueError(
            "a path is drawn over one or two numbers, the same for all descents; these have "
            f"{' and '.join(map(str, sorted(sizes)))}; draw their convergence instead"
        )
    highest = _highest(descents, "value")
    near = np.concatenate(
        [
            points[[step.value <= highest for step in descent.history]]
            for points, descent in zip(paths, descents, strict=True)
        ]
    )
    ax = axes_for(ax)
    at = _of_entries(f, descents[0])
    lines: list[Any]
    if sizes == {2}:
        _draw_contours(at, near, ax)
        lines = [points.T for points in paths]
    else:
        _draw_curve(at, near, ax)
        lines = [
            (points[:, 0], [step.value for step in descent.history])
            for points, descent in zip(paths, descents, strict=True)
        ]
    names = [name for name in descents[0].rows()[0] if name != "step"]
    ax.set_xlabel(names[0])
    ax.set_ylabel(names[1] if sizes == {2} else f"value of f({names[0]})")
    for position, (line, name, style) in enumerate(
        zip(lines, distinct_names(descents), cycle(STYLES), strict=False)
    ):
        # Later paths are thinner, so that one that lies below them still shows.
        width = 1 + 2 / (1 + position) if len(lines) > 1 else 1.3
        ax.plot(
            *line, label=name, linewidth=width, markersize=4.5, markerfacecolor="white", **style
        )
    _mark(lines, 0, ax, marker="o", markersize=10, markerfacecolor="white", label="start")
    _mark(lines, -1, ax, marker="*", markersize=14, markeredgecolor="white", label="end")
    legend_above(ax)
    return ax


def _mark(lines: list[Any], position: int, ax: Axes, **look: Any) -> None:
    x, y = zip(*((line[0][position], line[1][position]) for line in lines), strict=True)
    ax.plot(x, y, linestyle="none", color="black", zorder=5, **look)


def _draw_contours(at: Callable[..., float], visited: Any, ax: Axes) -> None:
    import numpy as np

    x, y = (_around(visited[:, axis], 80) for axis in (0, 1))
    ax.set(xlim=x[[0, -1]], ylim=y[[0, -1]])
    ax.spines[["top", "right"]].set_visible(True)
    if 1 / 3 < np.ptp(x) / np.ptp(y) < 3:
        ax.set_aspect("equal")  # Then gradients are seen to be perpendicular to contours.
    heights = np.array([[at(a, b) for a in x] for b in y])
    finite = heights[np.isfinite(heights)]
    if finite.size and finite.min() < finite.max():
        # Quantiles put as many lines into a narrow valley as onto steep slopes.
        levels = np.unique(np.quantile(finite, np.linspace(0, 1, 14)[1:-1] ** 1.5))
        lines = ax.contour(x, y, heights, levels, colors="0.6", linewidths=0.7, zorder=1)
        ax.clabel(lines, levels[1::3], fontsize=7, fmt="%.3g")


def _draw_curve(at: Callable[..., float], visited: Any, ax: Axes) -> None:
    x = _around(visited[:, 0], 400)
    heights = [at(a) for a in x]
    ax.set(xlim=x[[0, -1]])
    ax.plot(x, heights, label="f", **GUIDE)


def _highest(descents: Sequence[Descent], quantity: str) -> float:
    """Return what a picture shows at most, lest a descent that diverged hides the others."""
    starts = [getattr(descent.history[0], quantity) for descent in descents]
    lowest = min(getattr(step, quantity) for descent in descents for step in descent.history)
    return float(max(starts) + 10 * max(max(starts) - lowest, abs(max(starts))))


def _around(coordinates: Any, count: int) -> Any:
    """Return numbers from a little below to a little above all coordinates."""
    import numpy as np

    low, high = coordinates.min(), coordinates.max()
    margin = 0.15 * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, count)


def _of_entries(f: Callable[..., Any], descent: Descent) -> Callable[..., float]:
    """Return f as a function of its entries, one by one, which is nan where f is undefined."""
    several = len(descent.names) > 1
    like = descent.x

    def at(*entries: float) -> float:
        x = put_together(list(map(float, entries)), like=like)
        try:
            return float(on_numbers(f)(*x) if several else on_numbers(f)(x))
        except (ValueError, ArithmeticError):
            return math.nan

    return at


def _entries(x: Any) -> list[float]:
    return list(map(float, take_apart(x, lambda entry: number(entry) is not None)))


def _check_descents(descents: Sequence[object]) -> None:
    if not descents:
        raise TypeError("give at least one descent, such as minimize(f, x0)")
    for descent in descents:
        if not isinstance(descent, Descent):
            advice = "; unpack it: *comparison" if hasattr(descent, "__iter__") else ""
            kind = type(descent).__name__
            raise TypeError(f"a descent is what minimize returns, got one of type {kind}{advice}")
