"""Run a schedule for one point: each group is a few NumPy calls over one row of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from microgradcheck.ops import arrays
from microgradcheck.tape.graph import Graph
from microgradcheck.tape.schedule import Application, Schedule, Sums

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Row = NDArray[np.float64]

__all__ = ["Passes"]


class Passes:
    def __init__(self, graph: Graph, schedule: Schedule) -> None:
        import numpy as np

        self._graph = graph
        self._schedule = schedule
        V = self._row = np.zeros(schedule.ends[2])
        V[graph.inputs : graph.inputs + len(schedule.fixed)] = schedule.fixed
        self._first = graph.inputs + len(schedule.fixed)
        self._forward = [_prepare(V, group) for group in schedule.forward]
        self._backward = [_prepare(V, group) for group in schedule.backward]

    def value_and_gradient(self, entries):
        import numpy as np
        V = self._row
        V[: self._graph.inputs] = entries
        with np.errstate(all="ignore"):
            for step in self._forward: step()
            for step in self._backward: step()
        if not math.isfinite(V[self._first:self._schedule.ends[1]].sum()): raise OverflowError
        return float(V[self._schedule.places[self._graph.root]]), V.take(self._schedule.gradient).tolist()

def _prepare(V, group):
    import numpy as np
    if isinstance(group, Sums):
        k, n = group.left.shape
        out = V[group.start:group.stop]
        take, multiply, add = V.take, np.multiply, np.add.reduce
        left, right, weights = group.left, group.right, group.weights
        p = np.empty((k,n)); q = np.empty((k,n))
        def step():
            take(left, None, p, "clip")
            if right is not None:
                take(right, None, q, "clip")
                multiply(p, q, p)
            if weights is not None: multiply(p, weights, p)
            add(p, 0, None, out)
        if group.outer is not None:
            s,t=group.outer.shape[1],group.inner.shape[1]
            A=np.empty(group.outer.shape); B=np.empty(group.inner.shape)
            out2=out.reshape(s,t)
            matmul=np.matmul; rest=np.empty(n)
            def step():
                take(group.outer,None,A,"clip"); take(group.inner,None,B,"clip")
                matmul(A.T,B,out2)
                if k:
                    take(left, None, p, "clip")
                    if right is not None:
                        take(right, None, q, "clip")
                        multiply(p, q, p)
                    if weights is not None: multiply(p, weights, p)
                    add(p, 0, None, rest)
                    np.add(out,rest,out)
        return step
    system = arrays()
    n = len(group.inputs[0])
    out = V[group.start:group.start+n]
    op = group.operation
    if group.position is None:
        rule = system.value(op); ins = group.inputs
    else:
        rule = system.derivatives(op)[group.position]; ins = group.inputs
    def step():
        out[:] = rule(*[V.take(i) for i in ins])
    return step
