"""The gradient source "tape": records a function when it first meets it, and runs the tape then."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Any

from microgradcheck.structure import Function
from microgradcheck.tape.arguments import kind_of
from microgradcheck.tape.graph import StaleTapeError
from microgradcheck.tape.tape import Tape, record

_MOST_FUNCTIONS = 8
_MOST_BRANCHES = 4


class TapeSource:
    """A source of gradients that keeps recordings, by function and shapes of its arguments.

    Attributes:
        name: "tape".
        recordings: how often it has recorded a function that was new to it, or took a branch that
            no recording had taken.

    Limits: a function must depend on its arguments alone, see `record`. The second value from
    each recording is compared with the function's own: one that changes from call to call is
    found out, one that changes later is not. The last eight functions are kept, with four
    recordings each. Threads may share a source.

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
        # For each function and shapes, the tapes, and whether f itself has confirmed them.
        self._known: dict[Any, dict[Tape, bool]] = {}
        self._lock = threading.Lock()

    def value_and_gradient(self, f: Function, *inputs: Any) -> tuple[float, Any]:
        """Return f's value and its gradient, in the inputs' kinds and shapes.

        Raises:
            StaleTapeError: f changes from call to call.
            TypeError, ValueError, ArithmeticError: as for `record` and `Tape.value_and_grad`.
        """
        __tracebackhide__ = True  # from pytest
        # Its tapes keep f, so that no other function has its id.
        is_hashable = isinstance(f, Hashable)  # Not every object that can be called is.
        key = (f if is_hashable else id(f), *map(kind_of, inputs))
        with self._lock:
            tapes = self._known[key] = self._known.pop(key, {})  # Now the last, as the latest.
            _keep_last(_MOST_FUNCTIONS, self._known)
            latest_first = list(tapes)[::-1]
        for tape in latest_first:
            try:
                pair = tape.value_and_grad(*inputs)
            except StaleTapeError:
                continue
            if not tapes.get(tape):
                if not tape.agrees(*inputs):
                    name = getattr(f, "__name__", type(f).__name__)
                    raise StaleTapeError(
                        f"{name} does not return what it returned when it was recorded, so it "
                        "depends on more than its arguments (random numbers, data that change); "
                        "use the gradient source 'backprop'"
                    )
                with self._lock:
                    tapes[tape] = True
            return pair
        tape = record(f, *inputs)
        with self._lock:
            self.recordings += 1
            tapes[tape] = False
            _keep_last(_MOST_BRANCHES, tapes)
        return tape.value_and_grad(*inputs)

    def __repr__(self) -> str:
        return f"<gradient source tape, {self.recordings} recordings>"


def _keep_last(count: int, things: dict[Any, Any]) -> None:
    while len(things) > count:
        del things[next(iter(things))]
