"""The gradient source "tape": records a function when it first meets it, and runs the tape then."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from microgradcheck.structure import is_array
from microgradcheck.tape.tape import StaleTapeError, Tape, record

__all__ = ["TapeSource"]

Function = Callable[..., Any]

_MOST_FUNCTIONS = 8
_MOST_BRANCHES = 4


class TapeSource:
    """A source of gradients that keeps recordings, by function and shapes of its arguments.

    Attributes:
        name: "tape".
        recordings: how often it has recorded a function, because that was new to it or because
            it took a branch that no recording had taken.

    Limits: a function must depend on its arguments alone, see `record`. The second value from
    each recording is compared with the function's own, so that one that draws random numbers, or
    otherwise changes from call to call, is found out; one that changes later is not. The last
    eight functions are kept, with four recordings each. Threads may share a source.

    Example:
        >>> source = TapeSource()
        >>> source.value_and_gradient(lambda x: x * x, 3.0)
        (9.0, 6.0)
        >>> source.recordings
        1
    """

    def __init__(self) -> None:
        self.name = "tape"
        self.recordings = 0
        self._known: OrderedDict[Any, list[Tape]] = OrderedDict()
        self._lock = threading.Lock()

    def value_and_gradient(self, f: Function, *inputs: Any) -> tuple[float, Any]:
        """Return f's value and its gradient, in the inputs' kinds and shapes.

        Raises:
            ValueError: f is not the same from call to call.
            TypeError, ValueError, ArithmeticError: as for `record` and `Tape.value_and_grad`.
        """
        tapes = self._tapes(f, inputs)
        for tape in list(tapes):
            try:
                return tape.value_and_grad(*inputs)
            except StaleTapeError:
                continue
        tape = record(f, *inputs)
        pair = tape.value_and_grad(*inputs)
        ...
