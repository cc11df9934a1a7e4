"""Pictures of what was learnt: how descents converge, their paths, and a classifier's regions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from microgradcheck.optimize import Descent, distinct_names
from microgradcheck.optimize.descent import arguments_of, entries, names_in
from microgradcheck.plot.derivatives import of_entries
from microgradcheck.plot.looks import GUIDE, add_legend, axes_for, styles, text_color
from microgradcheck.structure import shown, whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_LARGEST_LIMIT = 5e307  # beyond that, Matplotlib's ticks are no floats
_QUANTITIES: Final = {"value": "value of f", "gradient_norm": "length of the gradient of f"}


def convergence(*descents: Descent, quantity: str = "value", ax: Axes | None = None) -> Axes:
    """Draw the value of f, or the length of its gradient, against the steps of descents.

    Args:
        descents: what `minimize` returned, one or several; of a comparison, `*comparison`.
        quantity: "value" or "gradient_norm".
        ax: the axes to draw on; by default new ones.

    Returns:
        The axes, the vertical one logarithmic where all is positive. It ends where a descent has
        diverged. Where there are so many that their names would leave no room, there is no legend.

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
    curves = [[getattr(step, quantity) for step in descent.history] for descent in descents]
    for values, look in zip(curves, _looks(descents), strict=True):
        ax.plot(values, markevery=max(1, len(values) // 12), **look)
    if min(map(min, curves)) > 0:
        ax.set_yscale("log")
    if max(map(max, curves)) > (highest := _highest(curves)):
        ax.set_ylim(top=highest)
    ax.set_xlabel("step")
    ax.set_ylabel(_QUANTITIES[quantity])
    ax.locator_params("x", integer=True)
    add_legend(ax)
    return ax


def path(f: Callable[..., Any], *descents: Descent, ax: Axes | None = None) -> Axes:
    """Draw the paths of descents over a function of one or two numbers, with starts and ends.

    Args:
        f: the function that was minimized.
        descents: as for `convergence`.
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
    paths = [np.array([entries(step.x) for step in descent.history]) for descent in descents]
    values = [np.array([step.value for step in descent.history]) for descent in descents]
    sizes = {points.shape[1] for points in paths}
    if sizes - {1, 2} or len(sizes) > 1:
        raise ValueError(
            "a path is drawn over one or two numbers, the same for all descents; these have "
            f"{' and '.join(map(str, sorted(sizes)))}; draw their convergence instead"
        )
    highest = _highest(values)
    seen = [points[height <= highest] for points, height in zip(paths, values, strict=True)]
    ax = axes_for(ax)
    at = of_entries(f, arguments_of(descents[0], descents[0].x))
    names = names_in(descents[0])
    if sizes == {2}:
        lines: list[Any] = [points.T for points in paths]
        _draw_contours(at, np.concatenate(seen), ax)
        ax.set(xlabel=names[0], ylabel=names[1])
    else:
        lines = [(points[:, 0], height) for points, height in zip(paths, values, strict=True)]
        (x,) = _grid(np.concatenate(seen), 400)
        ax.set_xlim(x[[0, -1]])
        lowest, top = min(map(min, values)), max(map(max, values))
        if top > (highest := min(highest, _LARGEST_LIMIT)):
            ax.set_ylim(lowest - 0.05 * (highest - lowest), highest)
        ax.plot(x, list(map(at, x)), label="f", **GUIDE)
        ax.set(xlabel=names[0], ylabel=f"value of f({names[0]})")
    for position, (line, look) in enumerate(zip(lines, _looks(descents), strict=True)):
        # Later paths are thinner, so that one that lies below them still shows.
        width = 1 + 2 / (1 + position) if len(lines) > 1 else 1.3
        ax.plot(*line, linewidth=width, **look)
    _mark(lines, 0, ax, marker="o", markersize=10, markerfacecolor="white", label="start")
    _mark(lines, -1, ax, marker="*", markersize=14, markeredgecolor="white", label="end")
    add_legend(ax, above=True)
    return ax


def _looks(descents: Sequence[Descent]) -> Iterator[dict[str, Any]]:
    for name, style in zip(distinct_names(descents), styles(), strict=False):
        # Matplotlib keeps a label that begins with "_" to itself.
        yield {
            "label": name.lstrip("_") or name,
            "markersize": 5,
            "markerfacecolor": "white",
            **style,
        }


def _mark(lines: list[Any], position: int, ax: Axes, **look: Any) -> None:
    marked = zip(*((x[position], y[position]) for x, y in lines), strict=True)
    ax.plot(*marked, linestyle="none", color=text_color(), zorder=5, **look)


def _draw_contours(at: Callable[..., float], visited: Any, ax: Axes) -> None:
    import numpy as np

    x, y = _grid(visited, 80)
    _frame(x, y, ax)
    if 1 / 3 < np.ptp(x) / np.ptp(y) < 3:
        ax.set_aspect("equal")  # Then gradients are seen to be perpendicular to contours.
    heights = np.array([[at(a, b) for a in x] for b in y])
    finite = heights[np.isfinite(heights)]
    if finite.size and finite.min() < finite.max():
        # Quantiles put as many lines into a narrow valley as onto steep slopes.
        levels = np.unique(np.quantile(finite, np.linspace(0, 1, 14)[1:-1] ** 1.5))
        lines = ax.contour(x, y, heights, levels, colors="0.6", linewidths=0.7, zorder=1)
        ax.clabel(lines, levels[1::3], fontsize=7, fmt="%.3g")


def _check_descents(descents: Sequence[object]) -> None:
    if not descents:
        raise TypeError("give at least one descent, such as minimize(f, x0)")
    for descent in descents:
        if not isinstance(descent, Descent):
            advice = "; unpack it: *comparison" if hasattr(descent, "__iter__") else ""
            kind = type(descent).__name__
            raise TypeError(f"a descent is what minimize returns, got one of type {kind}{advice}")


def _highest(curves: Sequence[Any]) -> float:
    # Lest a descent that diverged hides the others. NumPy's floats would warn near the largest.
    start, lowest = float(max(curve[0] for curve in curves)), float(min(map(min, curves)))
    first_moves = (abs(float(value) - start) for curve in curves for value in curve)
    first_move = next(filter(None, first_moves), 1.0)
    return start + 10 * (max(start - lowest, abs(start)) or first_move)


def _grid(points: Any, count: int) -> Any:
    """Return coordinates that reach a little beyond all points, for each axis."""
    import numpy as np

    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.15 * (high - low)
    margin[margin == 0] = 1.0
    return np.linspace(low - margin, high + margin, count).T


def _frame(x: Any, y: Any, ax: Axes) -> None:
    """End both axes where a grid does, with a border around."""
    ax.set(xlim=x[[0, -1]], ylim=y[[0, -1]])
    ax.spines[["top", "right"]].set_visible(True)


def decision_boundary(
    classifier: Callable[[list[float]], Any],
    points: Sequence[Sequence[float]],
    labels: Sequence[Any],
    *,
    resolution: int = 60,
    ax: Axes | None = None,
) -> Axes:
    """Draw the regions in which a classifier decides for each class, and labelled points.

    Args:
        classifier: a function of a point of two numbers. It returns a score, positive for the
            second of two classes, or a list of one for each class, of which the largest wins.
        points: n points of two numbers each.
        labels: the class of each point; classes are in ascending order.
        resolution: how many points the classifier is asked for along each axis.
        ax: the axes to draw on; by default new ones.

    Returns:
        The axes, with the regions in shades of grey and a line between them.

    Raises:
        TypeError, ValueError: an argument is not what is said above, or a score is nan.
        ImportError: matplotlib is not installed.

    Example:
        >>> ax = decision_boundary(lambda p: p[0] - p[1], [[0.0, 1.0], [1.0, 0.0]], [-1, 1])
        >>> ax.get_legend_handles_labels()[1]
        ['class -1', 'class 1']
    """
    import numpy as np

    plane = np.asarray(points, dtype=float)
    classes = sorted(set(np.asarray(labels).tolist()))
    if plane.ndim != 2 or plane.shape[1] != 2 or len(plane) != len(labels):
        raise ValueError(
            "points are a list of pairs, with one label each; got an array of shape "
            f"{plane.shape} and {len(labels)} labels"
        )
    whole("resolution", resolution, least=2)
    ax = axes_for(ax)
    x, y = _grid(plane, resolution)
    _frame(x, y, ax)
    outputs = [[classifier([a, b]) for a in x.tolist()] for b in y.tolist()]
    scores = np.array(outputs, dtype=float)
    for row, column in np.argwhere(np.isnan(scores))[:1, :2].tolist():
        raise ValueError(
            f"the classifier returned {shown(outputs[row][column])} at the point "
            f"[{x[column]:g}, {y[row]:g}], which decides for no class; look at its weights: where "
            "training diverged, they are nan, and a smaller learning rate helps"
        )
    if scores.ndim == 2:  # One score is for the second class against the first.
        scores = np.stack([-scores, scores], axis=-1)
    _draw_regions(x, y, scores, len(classes), ax)
    for position, (label, style) in enumerate(zip(classes, styles(), strict=False)):
        members = plane[np.asarray(labels) == label]
        name = f"class {label:g}" if isinstance(label, float) else f"class {label}"
        fill = style["color"] if position % 2 else "white"
        look = {**style, "linestyle": "none", "markersize": 5.5, "markerfacecolor": fill}
        ax.plot(*members.T, label=name, **look)
    ax.set(xlabel="x[0]", ylabel="x[1]")
    add_legend(ax, above=True)
    return ax


def _draw_regions(x: Any, y: Any, scores: Any, classes: int, ax: Axes) -> None:
    import numpy as np

    if scores.shape[-1] < classes:
        raise ValueError(
            f"there are {classes} classes among the labels, but the classifier tells "
            f"{scores.shape[-1]} apart; let it return a list with a score for each class"
        )
    for winner, grey in enumerate(np.linspace(0.96, 0.78, scores.shape[-1])):
        others = np.delete(scores, winner, axis=-1).max(axis=-1)
        lead = scores[..., winner] - others
        if lead.max() <= 0:
            continue
        ax.contourf(x, y, lead, [0, lead.max()], colors=[str(grey)], zorder=0)
        if lead.min() < 0:
            ax.contour(x, y, lead, [0], colors=text_color(), linewidths=1.2, zorder=1)
