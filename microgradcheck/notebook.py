"""What IPython and Jupyter show of a `Value` at the end of a cell: its graph, where it is small."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from microgradcheck.value import Value

__all__ = ["picture_of", "show_values_in"]

MOST_VALUES: Final = 1000
MOST_SHOWN: Final = 30


def show_values_in(shell: Any) -> None:
    """Have IPython's `get_ipython()` show every `Value` as a picture, beside its text."""
    # By name: nothing is loaded before there is a `Value` to show, which knows of no pictures.
    formatter = shell.display_formatter.formatters["image/svg+xml"]
    formatter.for_type_by_name("microgradcheck.value.value", "Value", picture_of)


def picture_of(value: Value) -> str | None:
    """Return a small picture of a value's graph as SVG, or None where its text tells as much.

    A large graph takes its time, which a person asks for with `draw`.
    """
    from microgradcheck import sweep
    from microgradcheck.draw import draw

    try:
        if value.operation is None or len(sweep.topological_order(value)) > MOST_VALUES:
            return None
        return draw(value, limit=MOST_SHOWN)._repr_svg_()
    except (RuntimeError, TimeoutError):  # What cannot be drawn is shown by its text.
        return None
