"""A picture of what a classifier decides, point by point of a plane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

from microgradcheck.optimize.arguments import whole
from microgradcheck.plot.style import STYLES, axes_for, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["decision_boundary"]


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
        classifier: a function of a point of two numbers that returns a score, which is positive
            for the second of two classes, or a list with a score for each class, of which the
            largest wins.
        points: n points of two numbers each.
        labels: the class of each point; classes are in ascending order.
        resolution: how many points the classifier is asked for along each axis.
        ax: the axes to draw on; by default new ones.

    Returns:
        The axes, with the regions in shades of grey and a line between them.

    Raises:
        TypeError, ValueError: an argument is not what is said above.
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
    margin = 0.1 * np.ptp(plane, axis=0) + 1e-9
    x, y = (
        np.linspace(low, high, resolution)
        for low, high in zip(plane.min(axis=0) - margin, plane.max(axis=0) + margin, strict=True)
    )
    scores = [[_scores(classifier([a, b])) for a in x.tolist()] for b in y.tolist()]
    ax.spines[["top", "right"]].set_visible(True)
    _draw_regions(x, y, np.array(scores), len(classes), ax)
    for position, (label, style) in enumerate(zip(classes, cycle(STYLES), strict=False)):
        members = plane[np.asarray(labels) == label]
        ax.plot(
            *members.T,
            label=f"class {label:g}" if isinstance(label, float) else f"class {label}",
            linestyle="none",
            marker=style["marker"],
            markersize=5.5,
            markeredgecolor=style["color"],
            markerfacecolor=style["color"] if position % 2 else "white",
        )
    ax.set_xlabel("x[0]")
    ax.set_ylabel("x[1]")
    legend_above(ax)
    return ax


def _scores(output: Any) -> list[float]:
    """Return one score for each class; of a single score, one for the first class against it."""
    if hasattr(output, "__len__"):
        return list(map(float, output))
    return [-float(output), float(output)]


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
            ax.contour(x, y, lead, [0], colors="black", linewidths=1.2, zorder=1)
