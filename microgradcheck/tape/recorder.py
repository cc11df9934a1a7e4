"""Calls of a function that become graphs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Never

from microgradcheck.backprop import Run
from microgradcheck.functions.entries import is_entry
from microgradcheck.structure import require_function, take_apart
from microgradcheck.tape.graph import Compare, Graph, Guard
from microgradcheck.value import Value, caller, watching


class Recorder:
    """A function that is called as it is, and whose last call with `Value`s can become a graph."""

    def __init__(self, f: Callable[..., Any], read: Callable[[Value], None] | None = None) -> None:
        self._f, self._read = f, read
        self._call: tuple[Any, ...] | None = None

    @property
    def has_recorded(self) -> bool:
        """Whether there is a call that can become a graph."""
        return self._call is not None

    def __call__(self, *inputs: Any) -> Any:
        """Call the function, noting the branches that it takes."""
        __tracebackhide__ = True  # from pytest
        guards: list[Guard] = []
        reads: list[Value] = []

        def compared(compare: Compare, left: Value, right: Any, answer: bool) -> None:
            other = right if isinstance(right, Value) else float(right)
            guards.append(Guard(compare, left, other, answer, _line_of_the_user()))

        leaves = take_apart(inputs, is_entry)  # Before f, which may change them.
        with watching(read=self._read or reads.append, compared=compared):
            result = self._f(*inputs)
        if all(isinstance(leaf, Value) for leaf in leaves):
            self._call = leaves, result, guards, reads
        return result

    def graph(self) -> Graph:
        """Return what the last call with `Value`s did, which returned one number."""
        assert self._call is not None
        (leaves, result, guards, reads), self._call = self._call, None  # They need much memory.
        if reads:
            raise TypeError("a Value was read as a plain number")
        (root,) = take_apart(result, is_entry)
        return Graph(root if isinstance(root, Value) else float(root), leaves, guards)


def trace(f: Callable[..., Any], inputs: tuple[Any, ...]) -> Graph:
    """Return what f computes from plain numbers as a graph."""
    __tracebackhide__ = True  # from pytest
    require_function(f)
    recorder = Recorder(f, _refuse_to_read)
    with Run(recorder, inputs, {}) as run:
        run.one_output()
        if run.recorded:
            raise TypeError(
                "a tape is recorded from plain numbers, and got a Value among its inputs; give "
                "its .data, or take the derivatives of the function itself"
            )
        return recorder.graph()


def _refuse_to_read(value: Value) -> Never:
    raise TypeError(
        f"{value!r} was read as a plain number at {_line_of_the_user()}, and a tape cannot follow "
        "what becomes of that: at other inputs it would go on with the old number. Use the Value "
        "itself, this library's functions (microgradcheck.exp, not math.exp), or leave what only "
        "looks on (print, accuracy) out of the recorded function"
    )


def _line_of_the_user() -> str:
    """Return the nearest line outside of this library that led here."""
    place = caller(sys._getframe(1))
    return place.location if place else "?"
