"""Both sweeps as array passes: for graphs so wide that a pass computes many places at once."""

from __future__ import annotations

from microgradcheck.tape.passes.blocks import Blocks
from microgradcheck.tape.passes.row import Passes
from microgradcheck.tape.passes.schedule import Schedule
from microgradcheck.tape.passes.terms import Terms

__all__ = ["Blocks", "Passes", "Schedule", "Terms"]
