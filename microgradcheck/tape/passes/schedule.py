"""A graph as a few array passes: everything, derivatives too, is a sum of products in one row.

The numbers of both sweeps stand in one long row of places: inputs, constants, results, slopes
(the derivatives of single operations) and adjoints (those of the result by each place). Groups of
places that are computed alike stand side by side, so that a group is read by index and written
as one slice.

The chain rule is a sum of products too: an adjoint is the sum over all users of the user's
adjoint times a factor or a slope. So the reverse sweep is built by the same function as the
forward sweep, and each adjoint is written once, since all users stand on higher levels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from microgradcheck.ops import Operation
from microgradcheck.tape.graph import Graph
from microgradcheck.tape.passes.groups import Application, Check, Products, Sums
from microgradcheck.tape.passes.terms import Terms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Indices = NDArray[np.intp]

__all__ = ["Schedule"]


class Schedule:
    """The groups of both sweeps, in the order in which they are to be computed.

    Args:
        graph: what to compute.
        terms: the same as sums of products.

    Attributes:
        forward: the groups that compute the result.
        backward: those that compute slopes, and then those that compute adjoints.
        checks: what must hold for the results to be those of the recorded function.
        inputs: how many inputs there are; they have the first places.
        fixed: the numbers after the inputs: 1, 0 and the constants.
        first_result: the first place after these.
        ends: where results, slopes and adjoints end.
        root: the place of the result.
        gradient: the place of the adjoint of each input.
        matrices: whether sums may be computed as products of matrices. These begin with 0.0, so
            that a sum of -0.0 and -0.0 is 0.0 in them.
    """

    def __init__(self, graph: Graph, terms: Terms) -> None:
        import numpy as np

        constants = np.flatnonzero(~terms.varies[:-1])
        self.inputs = graph.inputs
        self.fixed = [1.0, 0.0, *(graph.numbers[place] for place in constants)]
        self.matrices = not graph.minds_signs_of_zero
        layout = _Layout(graph, terms, constants)
        self.first_result = layout.end
        self.forward: list[Sums | Application] = list(layout.results())
        self.ends = [layout.end]
        self.backward: list[Sums | Application] = list(layout.slopes())
        self.ends.append(layout.end)
        self.backward += layout.adjoints()
        self.ends.append(layout.end)
        self.root = int(layout.places[graph.root])
        self.gradient = layout.adjoint_places[: graph.inputs]
        self.checks = list(_checks(graph, layout.places))


class _Layout:
    """Gives places to all that a graph computes, group after group.

    Attributes:
        end: the first place that is still free.
        places: for each place of the graph its place here, or -1 where it has none.
        adjoint_places: the place of the adjoint of each place of the graph.
    """

    def __init__(self, graph: Graph, terms: Terms, constants: Indices) -> None:
        import numpy as np

        n = len(graph)
        self._graph = graph
        self._terms = terms
        self._live = np.array(graph.live()) if graph.guards else np.ones(n, dtype=bool)
        self._one = graph.inputs
        self._common = (self._one, not graph.minds_signs_of_zero)
        self.places = np.full(n + 1, -1)
        self.places[: graph.inputs] = np.arange(graph.inputs)
        self.places[n] = self._one
        self.places[constants] = self._one + 2 + np.arange(len(constants))
        self.end = self._one + 2 + len(constants)
        self._applications: list[Indices] = []
        self._slopes = [np.full(n, -1), np.full(n, -1)]

    def results(self) -> Iterator[Sums | Application]:
        """Lay out sums by number of terms, and other operations by which inputs are constant."""
        import numpy as np

        terms, n = self._terms, len(self._graph)
        counts = np.bincount(terms.owners, minlength=n)
        # A derivative by a constant is not to be taken: it may not exist.
        kinds = 4 * terms.varies[terms.left] + 2 * terms.varies[terms.right] + self._live
        ranks = np.where(terms.sums, counts, counts.max(initial=0) + 8 * terms.codes + kinds)
        stored, groups = _sorted_groups(terms.sums | terms.others, terms.levels[:n], ranks)
        self.places[stored] = self._reserve(len(stored))
        left, right = self.places[terms.first], self.places[terms.second]
        products = Products(terms.owners, left, right, terms.weights, *self._common)
        for group in groups:
            start = int(self.places[group[0]])
            if terms.sums[group[0]]:
                yield products.sums(start, group)
            else:
                self._applications.append(group)
                operation = self._operation(group)
                slots = (terms.left, terms.right)[: operation.arity]
                inputs = tuple(self.places[slot[group]] for slot in slots)
                yield Application(start, start + len(group), operation, None, inputs)

    def slopes(self) -> Iterator[Application]:
        """Lay out the derivatives of single operations that the result depends on."""
        terms = self._terms
        for group in self._applications:
            operation = self._operation(group)
            for position, slot in enumerate((terms.left, terms.right)[: operation.arity]):
                if self._live[group[0]] and terms.varies[slot[group[0]]]:
                    places = self._slopes[position][group] = self._reserve(len(group))
                    inputs = (terms.left[group], terms.right[group], group)
                    yield Application(
                        *(int(places[0]), self.end, operation, position),
                        inputs=tuple(self.places[numbers] for numbers in inputs),
                    )

    def adjoints(self) -> Iterator[Sums]:
        """Lay out the derivatives of the result, from the last level to the first."""
        import numpy as np

        terms, n = self._terms, len(self._graph)
        targets, users, factors, weights = self._edges()
        counts = np.bincount(targets, minlength=n)
        # The level of the last user tells the layers of a network apart.
        last = np.zeros(n, dtype=np.intp)
        np.maximum.at(last, targets, terms.levels[users])
        ranks = counts * (last.max(initial=0) + 1) + last
        reached, groups = _sorted_groups(counts > 0, -terms.levels[:n], ranks)
        # The result's own is 1; that of an input on which the result does not depend is 0.
        self.adjoint_places = np.full(n, self._one + 1)
        self.adjoint_places[reached] = self._reserve(len(reached))
        self.adjoint_places[self._graph.root] = self._one
        products = Products(targets, self.adjoint_places[users], factors, weights, *self._common)
        for group in groups:
            yield products.sums(int(self.adjoint_places[group[0]]), group)

    def _edges(self) -> tuple[Indices, ...]:
        """Return along what derivatives travel: to which place, from which user, by what factor.

        The fourth array has the signs; all are sorted by the place that is travelled to.
        """
        import numpy as np

        terms = self._terms
        edges = [
            (terms.first, terms.owners, self.places[terms.second], terms.weights),
            (terms.second, terms.owners, self.places[terms.first], terms.weights),
        ]
        for slot, slopes in zip((terms.left, terms.right), self._slopes, strict=True):
            users = np.flatnonzero(slopes >= 0)
            edges.append((slot[users], users, slopes[users], np.ones_like(users)))
        targets, users, *rest = map(np.concatenate, zip(*edges, strict=True))
        chosen = np.flatnonzero(terms.varies[targets] & self._live[users])
        chosen = chosen[np.argsort(targets[chosen], kind="stable")]
        return tuple(array[chosen] for array in (targets, users, *rest))

    def _operation(self, group: Indices) -> Operation:
        operation = self._graph.operations[int(group[0])]
        assert operation is not None
        return operation

    def _reserve(self, count: int) -> Indices:
        import numpy as np

        self.end += count
        return np.arange(self.end - count, self.end)


def _checks(graph: Graph, places: Indices) -> Iterator[Check]:
    import numpy as np

    for compare in dict.fromkeys(guard.compare for guard in graph.guards):
        guards = [guard for guard in graph.guards if guard.compare is compare]
        yield Check(
            compare,
            left=places[[guard.left for guard in guards]],
            right=places[[guard.right for guard in guards]],
            answers=np.array([guard.answer for guard in guards]),
        )


def _sorted_groups(
    chosen: NDArray[np.bool_], levels: Indices, ranks: Indices
) -> tuple[Indices, list[Indices]]:
    """Return the chosen places by level and rank, and the groups in which both are alike."""
    import numpy as np

    places = np.flatnonzero(chosen)
    levels, ranks = levels[places], ranks[places]
    keys = (levels - levels.min(initial=0)) * (ranks.max(initial=0) + 1) + ranks
    in_order = np.argsort(keys, kind="stable")
    boundaries = np.flatnonzero(np.diff(keys[in_order])) + 1
    places = places[in_order]
    return places, np.split(places, boundaries) if len(places) else []
