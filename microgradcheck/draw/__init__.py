"""Draw the graph of a `Value` as a picture, with every number and derivative in it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal, get_args

from microgradcheck import sweep
from microgradcheck.structure import real, take_apart, whole
from microgradcheck.value import Value

__all__ = ["Direction", "Picture", "draw", "picture_of"]

MOST_VALUES_BY_ITSELF = 1000
MOST_SHOWN_BY_ITSELF = 30

Direction = Literal["LR", "RL", "TB", "BT"]


@dataclass(frozen=True, repr=False)
class Picture:
    """A picture of a graph, as it was when it was drawn. Jupyter shows it by itself.

    Attributes:
        svg: the picture as an SVG element.
        dot: the graph in Graphviz's language.
        text: the same in words, one line a value, the first hundred of them.

    Example:
        >>> picture = draw(Value(2.0, label="x"))
        >>> picture
        <Picture: Computation graph of x: 1 value and 0 operations.>
    """

    svg: str
    dot: str
    text: str

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the picture into a file and return its path.

        Args:
            path: where to; its suffix, `.svg`, `.png`, `.dot` or `.txt`, says in which form. PNG
                needs the extra `microgradcheck[png]`.

        Returns:
            The path.

        Raises:
            ValueError: the suffix is another one, or the picture is too large for a PNG.
            ImportError, RuntimeError: it is `.png`, and the extra, or any font, is missing.

        Example:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     draw(Value(2.0)).save(f"{folder}/graph.svg").name
            'graph.svg'
        """
        path = Path(path)
        texts = {".svg": self.svg, ".dot": self.dot, ".txt": self.text + "\n"}
        suffix = path.suffix.lower()
        if suffix == ".png":
            from microgradcheck.draw.svg import rasterize

            path.write_bytes(rasterize(self.svg))
        elif suffix in texts:
            path.write_text(texts[suffix], encoding="utf-8", newline="\n")
        else:
            raise ValueError(
                f"cannot save a picture as {path.name or str(path)!r}; its name must end in one of "
                ".svg, .png, .dot, .txt"
            )
        return path

    def __repr__(self) -> str:
        return f"<Picture: {self.text.splitlines()[0]}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/svg+xml": self._repr_svg_(), "text/plain": self.text}

    def _repr_svg_(self) -> str:
        """Return the SVG with ids that nothing shown before in this program has."""
        found = re.match(r'<svg [^>]*?\bid="(graph-[0-9a-f]{8})"', self.svg)
        if found is None:  # Its name was chosen, and is kept.
            return self.svg
        _shown[found[1]] += 1
        times = _shown[found[1]]
        return self.svg if times == 1 else self.svg.replace(found[1], f"{found[1]}-{times}")


# How often each picture was shown, by its ids.
_shown: Counter[str] = Counter()


def draw(
    value: Any,
    *,
    direction: Direction = "LR",
    precision: int = 4,
    derivatives: bool | None = None,
    formulas: bool = False,
    check: bool = False,
    depth: int | None = None,
    limit: int | None = 100,
    name: str | None = None,
    time_limit: float = 20.0,
) -> Picture:
    """Draw the graph that a `Value` was computed by.

    Every `Value` is a box with its label, number and gradient (`—` before there is one), every
    operation a circle. On each edge into an operation stands its local derivative, and once there
    are gradients what flows back, as in `0.5 × -2 = -1`. Pointing at anything shows its exact
    numbers, and its line of source where that was recorded within `source_lines()`.

    Around what a neuron, a layer or a `scope` of your own computed stands a box. A graph that is
    too large is folded: the innermost boxes are closed first; then calls of a scope are drawn as
    one, then long sums, and last what is far from the result, as "… 4,312 more". A line to a
    folded box says what flows back, or how many values go there.

    Args:
        value: a `Value`, or a list, tuple or array of several for one picture.
        direction: where the computation goes: "LR", left to right, or "RL", "TB", "BT".
        precision: significant digits of the numbers, from 1 to 17.
        derivatives: show what stands on the edges; by default unless there are more than 1,000
            values or 100 lines to folded boxes.
        formulas: show the formula of each local derivative too, in the operation's inputs a and b
            and its output y.
        check: show beside each gradient what nudging that value does to the result, and mark in a
            warning color where the two part by more than rounding can make. For one `Value`,
            computed from at most 1,000.
        depth: how many levels of boxes are open; by default as many as the limit allows.
        limit: how many values and folded boxes are drawn at most, with up to twice as many lines
            between them, as far as folding can do that: the `Value`s given are always drawn. None
            draws everything.
        name: what the ids in the SVG begin with; by default made of the picture's hash.
        time_limit: seconds after which the layout is given up.

    Returns:
        The picture: the same bytes whenever the same graph is drawn.

    Raises:
        TypeError: there is something other than a `Value`.
        ValueError: there is no `Value` at all, or an option has a value that it cannot have.
        TimeoutError: the layout takes too long, as it may where some hundred values all hang
            together; trees and chains of some thousand are no trouble.
        RuntimeError: a `Value` was overwritten after others were computed from it, or no program
            that lays out graphs is installed.

    Limits: all of a graph is looked at, however little of it is drawn: where there are a million
    values, that takes some fifteen times as long as `backward`.

    Example:
        >>> x = Value(2.0, label="x")
        >>> y = x * x
        >>> y.backward()
        >>> print(draw(y).text)
        Computation graph of an expression: 2 values and 1 operation.
        v0 (x) = 2, gradient 4
        v1 = multiply(v0, v0) = 4, gradient 1
    """
    roots = _take_roots(value)
    if direction not in get_args(Direction):
        raise ValueError(
            f"direction must be one of {', '.join(get_args(Direction))}, got {direction!r}"
        )
    precision = whole("precision", precision, least=1)
    if precision > 17:
        raise ValueError(f"precision is at most 17 digits, got {precision!r}")
    depth = None if depth is None else whole("depth", depth, least=0)
    limit = None if limit is None else whole("limit", limit, least=1)
    time_limit = real("time_limit", time_limit, above=0)
    if check and len(roots) > 1:
        raise ValueError(
            f"check=True takes one Value to check the derivatives of, got {len(roots)}"
        )
    if name is not None and not re.fullmatch(r"[A-Za-z][\w-]*", name):
        raise ValueError(f"name must be a letter, then letters, digits, '-' or '_', got {name!r}")
    # A program that draws nothing does not wait for the modules that draw.
    from microgradcheck.draw.compose import compose
    from microgradcheck.draw.layout import arrange, dot_source
    from microgradcheck.draw.svg import write_svg

    scene = compose(
        roots,
        precision=precision,
        derivatives=derivatives,
        formulas=formulas,
        check=check,
        depth=depth,
        limit=limit,
    )
    dot = dot_source(scene, direction)
    svg = write_svg(scene, arrange(dot, time_limit), name)
    return Picture(svg, dot, scene.description)


def _take_roots(value: object) -> list[Value]:
    try:
        return take_apart(value, lambda entry: isinstance(entry, Value), name="value")
    except TypeError:
        raise TypeError(
            f"draw needs a Value, or a list, tuple or array of them, got {value!r} of type "
            f"{type(value).__name__}; compute it from Values, such as Value(2.0)"
        ) from None
    except ValueError:
        raise ValueError("draw needs at least one Value, got none") from None


def picture_of(value: Value) -> str | None:
    """Return what IPython shows of a `Value` by itself, as SVG; None where its text tells as much.

    A large graph takes its time, which a person asks for with `draw`.
    """
    try:
        size = len(sweep.topological_order(value))
        if value.operation is None or size > MOST_VALUES_BY_ITSELF:
            return None
        return draw(value, limit=MOST_SHOWN_BY_ITSELF)._repr_svg_()
    except (RuntimeError, TimeoutError):  # What cannot be drawn is shown by its text.
        return None
