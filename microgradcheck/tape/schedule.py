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

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from microgradcheck.ops import Operation
from microgradcheck.tape.graph import Graph
from microgradcheck.tape.terms import Terms

if TYPE_CHECKING:
    from microgradcheck.tape.graph import Indices, Mask, Numbers

__all__ = ["Application", "Check", "MatrixProduct", "Schedule", "Sums"]

_LEAST_TERMS = 128
"""In fewer terms it is not worth the time to look for a product of matrices."""


class Application(NamedTuple):
    """A group of places that apply one operation, or one of its derivatives."""

    places: slice  # that are written
    operation: Operation
    position: int | None  # of the input that the derivative is taken by; None for the value
    inputs: tuple[Indices, ...]  # their places and, for a derivative, those of the results


class Sums(NamedTuple):
    """A group of n sums of k products each; its arrays have the shape (k, n)."""

    places: slice
    left: Indices  # the places of the first factors
    right: Indices | None  # those of the second factors; None where all are 1
    weights: Numbers | None  # 1.0 or -1.0; None where all are 1.0
    matrix: MatrixProduct | None


class MatrixProduct(NamedTuple):
    """The layers of a network, found in its scalars: terms that are `outer.T @ inner`."""

    outer: Indices  # the places of one matrix, of shape (j, s), where s × t = n
    inner: Indices  # those of the other, of shape (j, t)
    rest: Sums  # the other terms


class Check(NamedTuple):
    """Guards of one kind: the places on both sides, and the answers that were recorded."""

    compare: Callable[[Any, Any], Any]
    left: Indices
    right: Indices
    answers: Mask


class Schedule:
    """The groups of both sweeps, in the order in which they are to be computed.

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

        n = len(graph)
        self._graph, self._terms = graph, terms
        self._live = np.array(graph.live()) if graph.guards else np.ones(n, dtype=bool)
        self.inputs = self._one = graph.inputs
        constants = np.flatnonzero(~terms.varies[:n])
        self.fixed = [1.0, 0.0, *graph.numbers[n - len(constants) :]]
        self.first_result = self._end = self.inputs + len(self.fixed)
        self.matrices = not graph.minds_signs_of_zero
        # For each place of the graph and the number 1 its place here, or -1 where it has none.
        self._places = np.full(n + 1, -1)
        self._places[: self.inputs] = np.arange(self.inputs)
        self._places[n] = self._one
        self._places[constants] = self._one + 2 + np.arange(len(constants))
        self._applications: list[tuple[Indices, Operation]] = []
        self._slopes = [np.full(n, -1), np.full(n, -1)]
        self.forward = list(self._results())
        self.ends = [self._end]
        self.backward: list[Sums | Application] = list(self._slope_groups())
        self.ends.append(self._end)
        self.backward += self._adjoints()
        self.ends.append(self._end)
        places = self._places[:n]
        self.root = int(places[graph.root])
        self.checks = []
        for compare in dict.fromkeys(guard.compare for guard in graph.guards):
            guards = [guard for guard in graph.guards if guard.compare is compare]
            left, right, answers = zip(*(guard[1:4] for guard in guards), strict=True)
            self.checks.append(
                Check(compare, places[list(left)], places[list(right)], np.array(answers))
            )

    def _results(self) -> Iterator[Sums | Application]:
        """Lay out sums by number of terms, and other operations by which inputs are constant."""
        import numpy as np

        terms, n = self._terms, len(self._graph)
        counts = np.bincount(terms.owners, minlength=n)
        # A derivative by a constant is not to be taken: it may not exist.
        kinds = 4 * terms.varies[terms.left] + 2 * terms.varies[terms.right] + self._live
        ranks = np.where(terms.sums, counts, counts.max(initial=0) + 8 * terms.codes + kinds)
        stored, groups = _sorted_groups(terms.sums | terms.others, terms.levels[:n], ranks)
        self._places[stored] = self._reserve(len(stored))
        factors = self._places[terms.first], self._places[terms.second]
        sums = (terms.owners, *factors, terms.weights)
        for group in groups:
            places = _slice(self._places[group])
            if terms.sums[group[0]]:
                yield self._sums(places, group, sums)
            else:
                operation = self._graph.operations[group[0] - self.inputs]
                self._applications.append((group, operation))
                slots = (terms.left, terms.right)[: operation.arity]
                inputs = tuple(self._places[slot[group]] for slot in slots)
                yield Application(places, operation, None, inputs)

    def _slope_groups(self) -> Iterator[Application]:
        """Lay out the derivatives of single operations that the result depends on."""
        terms = self._terms
        for group, operation in self._applications:
            for position, slot in enumerate((terms.left, terms.right)[: operation.arity]):
                if self._live[group[0]] and terms.varies[slot[group[0]]]:
                    places = self._slopes[position][group] = self._reserve(len(group))
                    inputs = (terms.left[group], terms.right[group], group)
                    at = tuple(self._places[numbers] for numbers in inputs)
                    yield Application(_slice(places), operation, position, at)

    def _adjoints(self) -> list[Sums]:
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
        adjoints = np.full(n, self._one + 1)
        adjoints[reached] = self._reserve(len(reached))
        adjoints[self._graph.root] = self._one
        self.gradient = adjoints[: self.inputs]
        sums = (targets, adjoints[users], factors, weights)
        return [self._sums(_slice(adjoints[group]), group, sums) for group in groups]

    def _edges(self) -> tuple[Indices, ...]:
        """Return along what derivatives travel: to which place, from which user, by what factor.

        The fourth array has the signs; all are sorted by the place that is travelled to.
        """
        import numpy as np

        terms = self._terms
        edges = [
            (terms.first, terms.owners, self._places[terms.second], terms.weights),
            (terms.second, terms.owners, self._places[terms.first], terms.weights),
        ]
        for slot, slopes in zip((terms.left, terms.right), self._slopes, strict=True):
            users = np.flatnonzero(slopes >= 0)
            edges.append((slot[users], users, slopes[users], np.ones_like(users)))
        targets, users, *rest = map(np.concatenate, zip(*edges, strict=True))
        chosen = np.flatnonzero(terms.varies[targets] & self._live[users])
        chosen = chosen[np.argsort(targets[chosen], kind="stable")]
        return tuple(array[chosen] for array in (targets, users, *rest))

    def _sums(self, places: slice, group: Indices, terms: tuple[Indices, ...]) -> Sums:
        """Return the sums of a group of owners.

        Args:
            places: where they are to be written to.
            group: the owners, all of equally many terms.
            terms: of all sums: the owners, in rising order, the factors' places, and the signs.
        """
        import numpy as np

        owners = terms[0]
        first = np.searchsorted(owners, group)
        k = int(np.searchsorted(owners, group[0], side="right") - first[0])
        chosen = first + np.arange(k)[:, np.newaxis]
        left, right, weights = (array[chosen] for array in terms[1:])
        if self.matrices and left.size >= _LEAST_TERMS:
            return self._with_matrix(places, left, right, weights)
        return self._plain_sums(places, left, right, weights)

    def _plain_sums(self, places: slice, left: Indices, right: Indices, weights: Indices) -> Sums:
        return Sums(
            places,
            left,
            None if (right == self._one).all() else right,
            None if (weights == 1).all() else weights.astype(float),
            None,
        )

    def _with_matrix(self, places: slice, left: Indices, right: Indices, weights: Indices) -> Sums:
        """Find terms whose one factor is steady along rows of s × t, the other down columns."""
        import numpy as np

        sums = self._plain_sums(places, left, right, weights)
        k, n = left.shape
        for steady, repeated in ((left, right), (right, left)):
            changes = np.flatnonzero(np.diff(steady[k // 2]))
            t = int(changes[0]) + 1 if len(changes) else n
            if 1 < t < n and n % t == 0:
                outer, inner = steady.reshape(k, n // t, t), repeated.reshape(k, n // t, t)
                rows = (outer == outer[:, :, :1]).all(axis=(1, 2))
                rows &= (inner == inner[:, :1]).all(axis=(1, 2)) & (weights == 1).all(axis=1)
                if rows.any():
                    rest = self._plain_sums(places, left[~rows], right[~rows], weights[~rows])
                    return sums._replace(
                        matrix=MatrixProduct(outer[rows, :, 0], inner[rows, 0], rest)
                    )
        return sums

    def _reserve(self, count: int) -> Indices:
        import numpy as np

        self._end += count
        return np.arange(self._end - count, self._end)


def _slice(places: Indices) -> slice:
    """Return places that stand side by side as a slice."""
    return slice(int(places[0]), int(places[0]) + len(places))


def _sorted_groups(chosen: Mask, levels: Indices, ranks: Indices) -> tuple[Indices, list[Indices]]:
    """Return the chosen places by level and rank, and the groups in which both are alike."""
    import numpy as np

    places = np.flatnonzero(chosen)
    levels, ranks = levels[places], ranks[places]
    keys = (levels - levels.min(initial=0)) * (ranks.max(initial=0) + 1) + ranks
    in_order = np.argsort(keys, kind="stable")
    boundaries = np.flatnonzero(np.diff(keys[in_order])) + 1
    places = places[in_order]
    return places, np.split(places, boundaries) if len(places) else []
