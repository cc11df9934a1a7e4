"""Pictures of descents, of errors and of classifiers, by matplotlib.

Every function draws on the axes given as `ax`, or on new ones, and returns them; save with
`ax.figure.savefig("picture.pdf")`. Curves differ in dashes and markers as well as in colour, so
that they can be told apart in grey.
"""

from __future__ import annotations

from microgradcheck.plot.derivatives import step_sizes, taylor
from microgradcheck.plot.descents import convergence, decision_boundary, path

__all__ = ["convergence", "decision_boundary", "path", "step_sizes", "taylor"]
