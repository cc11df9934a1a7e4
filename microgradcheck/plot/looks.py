"""How all pictures look, and what they leave out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Source: Okabe and Ito, Color Universal Design (2008): colours that all can tell apart. The first
# is that of the text, black on white.
_COLOURS: Final = ("", "#d55e00", "#0072b2", "#e69f00", "#009e73", "#cc79a7")
_DASHES: Final[tuple[Any, ...]] = (
    *("-", "--", "-.", ":"),
    *((0, (6, 1.5)), (0, (3, 1, 1, 1, 1, 1)), (0, (9, 2, 2, 2))),
)
_MARKERS: Final = "os^DvPX<>"

GUIDE: Final[dict[str, Any]] = {"color": "0.55", "linewidth": 0.9, "zorder": 1}
"""Lines that are not data: bounds, slopes, contours."""

MOST_ROWS: Final = 10
"""Of a legend: more would leave no room for the picture."""

_LONGEST_ROW = 66  # letters of two columns, in a figure of Matplotlib's own size
_LARGEST = 1e305  # beyond that, margins and ticks of a logarithmic axis are no floats


def text_color() -> str:
    """Return the colour of text in the style in use."""
    import matplotlib as mpl

    return str(mpl.rcParams["text.color"])


def styles() -> Iterator[dict[str, Any]]:
    """Yield a look for each curve in a picture, without end; the first 63 differ in grey, too."""
    # Their numbers are not the same, so that what repeats together is two of them at most.
    looks = zip(cycle(_COLOURS), cycle(_DASHES), cycle(_MARKERS), strict=False)
    for colour, dashes, marker in looks:
        yield {"color": colour or text_color(), "linestyle": dashes, "marker": marker}


def axes_for(ax: Axes | None) -> Axes:
    """Return the axes given, or new ones."""
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


def add_legend(ax: Axes, *, above: bool = False) -> None:
    """Name what is drawn, unless that is so much that the names would leave no room for it."""
    names = ax.get_legend_handles_labels()[1]
    half = (len(names) + 1) // 2
    width = sum(max(map(len, part), default=0) for part in (names[:half], names[half:]))
    columns = 2 if above and width <= _LONGEST_ROW else 1
    place: dict[str, Any] = {}
    if above:
        place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.2}
    if len(names) <= MOST_ROWS * columns:
        ax.legend(ncols=columns, frameon=False, **place)


def drawable(numbers: Any) -> Any:
    """Return numbers, with nan for those that lie too near the largest float."""
    import numpy as np

    return np.where(np.abs(numbers) <= _LARGEST, numbers, np.nan)
