"""How all pictures look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["GUIDE", "STYLES", "axes_for", "legend_above"]

# Source: Okabe and Ito, Color Universal Design (2008): colours that all can tell apart.
STYLES: Final[tuple[dict[str, Any], ...]] = (
    {"color": "#000000", "linestyle": "-", "marker": "o"},
    {"color": "#d55e00", "linestyle": "--", "marker": "s"},
    {"color": "#0072b2", "linestyle": "-.", "marker": "^"},
    {"color": "#e69f00", "linestyle": ":", "marker": "D"},
    {"color": "#009e73", "linestyle": (0, (6, 1.5)), "marker": "v"},
    {"color": "#cc79a7", "linestyle": (0, (3, 1, 1, 1, 1, 1)), "marker": "P"},
)
"""One for each curve in a picture; they repeat where there are more."""

GUIDE: Final[dict[str, Any]] = {"color": "0.55", "linewidth": 0.9, "zorder": 1}
"""Lines that are not data: bounds, slopes, contours."""


def axes_for(ax: Axes | None) -> Axes:
    """Return the axes given, or new ones.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError: `ax` is something else.
    """
    try:
        import matplotlib.axes
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "pictures need matplotlib: python -m pip install 'microgradcheck[plot]'"
        ) from error
    if ax is None:
        ax = plt.subplots(layout="constrained")[1]
    elif not isinstance(ax, matplotlib.axes.Axes):
        raise TypeError(f"ax is matplotlib's Axes or None, got {ax!r} of type {type(ax).__name__}")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def legend_above(ax: Axes) -> None:
    """Put the legend above axes that are full of data."""
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, borderaxespad=0.2)
