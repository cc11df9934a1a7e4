"""Recorded functions that run again: once as straight-line Python, many points as array passes."""

from __future__ import annotations

from microgradcheck.tape.tape import StaleTapeError, Tape, record

__all__ = ["StaleTapeError", "Tape", "record"]
