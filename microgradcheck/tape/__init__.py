"""Recorded functions that run again: once as straight-line Python, many points as array passes.

A function is called with `Value`s, and what it did kept as a `graph`, which `ways` runs in one of
these:

- `straight`: both sweeps as straight lines of Python, which are also there to be read (`module`),
  and run over arrays of any library (`over_arrays`);
- `passes`: for wide graphs, a few NumPy calls for all places that can be computed at once, as
  `schedule` lays them out;
- `over_arrays`, too: for large graphs that are not wide, one operation after the other.

Where a tape does not hold or the function is undefined, the function itself is asked.
"""

from __future__ import annotations

from microgradcheck.tape.arguments import Arguments
from microgradcheck.tape.graph import StaleTapeError
from microgradcheck.tape.recorder import Recorder
from microgradcheck.tape.source import TapeSource
from microgradcheck.tape.tape import Tape, record

__all__ = ["Arguments", "Recorder", "StaleTapeError", "Tape", "TapeSource", "record"]
