"""Recorded functions that run again: once as straight-line Python, many points as array passes."""

from __future__ import annotations

from microgradcheck.tape.guards import StaleTapeError
from microgradcheck.tape.source import TapeSource
from microgradcheck.tape.tape import Tape, record

__all__ = ["StaleTapeError", "Tape", "TapeSource", "record"]
