"""Call a function with `Value`s and keep what it did as a graph."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Never

from microgradcheck.backprop import Run
from microgradcheck.tape.graph import Comparison, Graph
from microgradcheck.value import Value, watching

__all__ = ["trace"]


def trace(f: Callable[..., Any], inputs: tuple[Any, ...]) -> Graph:
    """Return what f computed from these inputs as a graph.

    Args:
        f: a function of numbers, lists, tuples or arrays that returns one number.
        inputs: its arguments, of plain numbers.

    Raises:
        TypeError: f read a `Value` as a plain number or did not return one number, or an input
            is no plain number.
        ValueError, ArithmeticError: as f.
    """
    __tracebackhide__ = True  # from pytest
    comparisons: list[Comparison] = []

    def compared(compare: Callable[[Any, Any], Any], left: Value, right: Any, answer: bool) -> None:
        other = right if isinstance(right, Value) else float(right)
        comparisons.append(Comparison(compare, left, other, answer, _line_of_the_user()))

    with watching(read=_refuse_to_read, compared=compared), Run(f, inputs, {}) as run:
        root = run.one_output()
        if run.recorded:
            raise TypeError(
                "a tape is recorded from plain numbers, and got a Value among its inputs; give "
                "its .data, or take the derivatives of the function itself"
            )
        return Graph(root if isinstance(root, Value) else float(root), run.inputs, comparisons)


def _refuse_to_read(value: Value) -> Never:
    raise TypeError(
        f"{value!r} was read as a plain number at {_line_of_the_user()}, and a tape cannot follow "
        "what becomes of that: at other inputs it would go on with the old number. Use the Value "
        "itself, this library's functions (microgradcheck.exp, not math.exp), or leave what only "
        "looks on (print, accuracy) out of the recorded function"
    )


def _line_of_the_user() -> str:
    """Return the nearest line outside of this library that led here, as `file.py:12`."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_LIBRARY):
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


_LIBRARY = f"{__name__.partition('.')[0]}."
