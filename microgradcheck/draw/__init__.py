"""Draw the graph of a `Value` as a picture, with every number and derivative in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from microgradcheck.structure import take_apart
from microgradcheck.value import Value

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["Direction", "Picture", "draw"]

Direction = Literal["LR", "RL", "TB", "BT"]


@dataclass(frozen=True, repr=False)
class Picture:
    """A picture of a graph, as it was when it was drawn. Jupyter shows it by itself.

    Attributes:
        svg: the picture as an SVG element, to put into a file or a page.
        dot: the graph in Graphviz's language, for other programs.
        text: the same in words, one line a value: for a reader who cannot see the picture.
    """

    svg: str
    dot: str
    text: str

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the picture into a file and return its path.

        Args:
            path: where to; its suffix, `.svg`, `.dot` or `.txt`, says in which form.

        Raises:
            ValueError: the suffix is another one.

        Example:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     draw(Value(2.0)).save(f"{folder}/graph.svg").name
            'graph.svg'
        """
        path = Path(path)
        forms = {".svg": self.svg, ".dot": self.dot, ".txt": self.text + "\n"}
        if path.suffix.lower() not in forms:
            raise ValueError(
                f"cannot save a picture as {path.name!r}; its name must end in one of "
                f"{', '.join(forms)}"
            )
        path.write_text(forms[path.suffix.lower()], encoding="utf-8", newline="\n")
        return path

    def __repr__(self) -> str:
        return f"<Picture: {self.text.splitlines()[0]}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": self.text}

    def _repr_svg_(self) -> str:
        return self.svg


def draw(
    value: Any,
    *,
    direction: Direction = "LR",
    precision: int = 4,
    derivatives: bool | None = None,
    formulas: bool = False,
    check: bool = False,
    name: str | None = None,
    time_limit: float = 20.0,
) -> Picture:
    """Draw the graph that a `Value` was computed by.

    Every `Value` is a box with its label, number and gradient (`—` where none was computed yet),
    every operation a circle. On each edge into an operation stands its local derivative, and once
    there are gradients what flows back through the edge, as in `0.5 × -2 = -1`; a value that is
    used several times shows their sum. Pointing at anything shows its exact numbers.

    Args:
        value: a `Value`, or a list, tuple or array of several, which are drawn in one picture.
        direction: where the computation goes: "LR", left to right, or "RL", "TB", "BT".
        precision: significant digits of the numbers, from 1 to 17.
        derivatives: show the local derivatives and what flows back on the edges; by default up to
            1,000 values, since they take most of the room and of the time.
        formulas: show the formula of each local derivative too, in the operation's inputs a and b
            and its output y.
        check: show beside each gradient what nudging that value does to the result, found by
            differences alone, and mark in a warning color where the two part. For one `Value`.
        name: what the ids in the SVG begin with. By default it is taken from the picture's
            content, so only twice the same picture in one page needs this.
        time_limit: seconds after which the layout is given up.

    Returns:
        The picture: the same bytes whenever the same graph is drawn.

    Raises:
        TypeError: there is something other than a `Value`.
        ValueError: there is no `Value` at all, or an option has a value that it cannot have.
        TimeoutError: the layout takes too long: some thousand values are no trouble in a graph
            like a tree or a chain, some hundred can be in one where all hangs together with all.
        RuntimeError: the data of a `Value` was set after others were computed from it, or no
            program that lays out graphs is installed.

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
    if precision not in range(1, 18):
        raise ValueError(f"precision must be a whole number from 1 to 17, got {precision!r}")
    if check and len(roots) > 1:
        raise ValueError(
            f"check=True takes one Value to check the derivatives of, got {len(roots)}"
        )
    if name is not None and not re.fullmatch(r"[A-Za-z][\w-]*", name):
        raise ValueError(f"name must be a letter, then letters, digits, '-' or '_', got {name!r}")
    # A program that draws nothing does not wait for the modules that draw.
    from microgradcheck.draw.layout import arrange, dot_source
    from microgradcheck.draw.scene import compose
    from microgradcheck.draw.svg import write_svg

    scene = compose(
        roots, precision=precision, derivatives=derivatives, formulas=formulas, check=check
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
