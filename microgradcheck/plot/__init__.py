"""Pictures of descents, of errors and of classifiers, by matplotlib.

Every function draws on the axes given as `ax`, or on new ones, and returns them; save with
`ax.figure.savefig("picture.pdf")`. In grey, curves differ by their dashes and markers.
"""

from __future__ import annotations

from microgradcheck.plot.derivatives import step_sizes, taylor
from microgradcheck.plot.descents import convergence, decision_boundary, path

__all__ = ["convergence", "decision_boundary", "path", "step_sizes", "taylor"]
