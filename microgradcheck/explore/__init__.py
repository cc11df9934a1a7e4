"""An interactive page: step through both sweeps, drag the inputs, guess the next number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any

__all__ = ["Exploration", "explore"]


@dataclass(frozen=True, repr=False)
class Exploration:
    """An interactive page. Jupyter shows it by itself.

    Attributes:
        title: the function, as in `f(x, y)`.
        html: the page, complete in itself: it loads nothing, and needs no network.
        source: the program that it steps through, which is Python with a line for each step; a
            tape's `source`, which is there to be fast, joins them.
    """

    title: str
    html: str
    source: str

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the page into a file and return its path.

        Args:
            path: where to; its suffix must be `.html` or `.htm`.

        Raises:
            ValueError: the suffix is another one.

        Example:
            >>> import tempfile
            >>> page = explore(lambda x: x * x, x=3.0)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     page.save(f"{folder}/page.html").name
            'page.html'
        """
        path = Path(path)
        if path.suffix.lower() not in {".html", ".htm"}:
            raise ValueError(f"a page is saved as .html, got {path.name!r}")
        path.write_text(self.html, encoding="utf-8", newline="\n")
        return path

    def __repr__(self) -> str:
        return f"<Exploration of {self.title}: {len(self.html) // 1024} KiB of HTML>"

    def _repr_html_(self) -> str:
        # A frame of its own: neither the page's style nor its scripts touch the notebook.
        return (
            f'<iframe title="{escape(self.title)}, step by step" sandbox="allow-scripts" '
            f'width="100%" height="760" srcdoc="{escape(self.html)}"></iframe>'
        )


def explore(f: Callable[..., Any], /, **inputs: Any) -> Exploration:
    """Make an interactive page of what a function computes and how its gradient flows back.

    The page goes forward and then backward, one application of the chain rule at a time, each
    written out with its numbers. Sliders move the inputs; value, gradient and a check by central
    differences follow, computed by the rules of the table. Pointing at an operation shows the line
    of f that asked for it.

    Args:
        f: a function that returns one number, called with the inputs by name, or in order where it
            takes them in no other way, as `abs` does.
        inputs: a number, or a list, tuple or array of numbers, for each name.

    Returns:
        An `Exploration`, with the page as `.html`.

    Raises:
        TypeError: f does not return a `Value` or reads one as a plain number (`.data`, `float()`),
            or an input holds no numbers.
        ValueError: there is no input, one is not finite, f takes more than 1,000 steps, forward and
            backward, or it uses an operation of your own whose rules are Python functions.
        ValueError, ArithmeticError: f is undefined at the inputs.
        TimeoutError: the layout of the picture takes too long.

    Limits: where a comparison in f would come out differently, the page says so, and goes on with
    the operations that were recorded.

    Example:
        >>> page = explore(lambda x, y: (x * y) ** 2, x=3.0, y=2.0)
        >>> print(page.source)
        def value_and_grad(x, y):
            # Forward
            v1 = x * y
            f = v1 ** 2
        <BLANKLINE>
            # Backward: d_v is ∂f/∂v
            d_f = 1.0
            d_v1 = d_f * (2 * v1)
            d_x = d_v1 * y
            d_y = d_v1 * x
            return f, [d_x, d_y]
    """
    # A program that makes no page does not wait for the modules that do.
    from microgradcheck.explore.javascript import rules
    from microgradcheck.explore.listing import write_listing
    from microgradcheck.explore.page import write_page
    from microgradcheck.explore.recording import record

    recording = record(f, inputs)
    # First, since this refuses what a page cannot run.
    table = rules(value.operation for value in recording.values if value.operation is not None)
    listing = write_listing(recording)
    html = write_page(recording, listing, table)
    return Exploration(recording.title, html, "\n".join(listing.lines))
