"""Recorded functions that run again: once as straight-line Python, many points as array passes.

`trace` calls a function with `Value`s and keeps what it did as a `Graph`, which `plan` runs in
one of these ways:

- `lines`: both sweeps as straight lines of Python, which are also there to be read;
- `passes`: for wide graphs, a few NumPy calls for all places that can be computed at once;
- `loop`: for large graphs that are not wide, one operation after the other.

`once` runs one point and `many` any number of them. Where a tape does not hold (`guards`) or the
function is undefined, they ask the function itself.
"""

from __future__ import annotations

from microgradcheck.tape.graph import StaleTapeError
from microgradcheck.tape.source import TapeSource
from microgradcheck.tape.tape import Tape, record

__all__ = ["StaleTapeError", "Tape", "TapeSource", "record"]
