"""A graph as a few array passes: everything, derivatives too, is a sum of products in one row.

The numbers of both sweeps stand in one long row of places: inputs, constants, results, slopes
(the derivatives of single operations) and adjoints (those of the result by each place). Places
that are computed alike stand side by side: a group is read by index and written as one slice.

An adjoint is the sum over all users of the user's adjoint times a factor or a slope, so the
reverse sweep is laid out by what lays out the forward sweep. All users stand on higher levels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from microgradcheck.ops import Operation
from microgradcheck.tape.graph import Graph, Indices, Mask, Numbers

_LEAST_TERMS = 128
"""In fewer terms it is not worth the time to look for a product of matrices."""

_SIGNS = {"add": (1, 1), "subtract": (1, -1), "negative": (-1, 0), "positive": (1, 0)}
"""The signs with which linear operations take their inputs, 0 for none."""


class Terms:
    """What each place of a graph computes, once sums and products have melted together.

    A sum or product melts into its only user where that is a sum. What is left computes a sum of
    products, or another operation. No number is looked at, so that it holds for all points.

    Attributes:
        left, right: the places of the operations' inputs.
        codes: which operation each place applies; 0 stands for none.
        varies: whether a place depends on the inputs; place n, here and below, is the number 1.
        sums, others: whether a place computes a sum of products, or applies another operation.
        levels: how many passes must come before what it reads is there.
        owners: for each term the place whose sum it belongs to, in rising order.
        first, second, weights: the places of its factors, and 1 or -1.
    """

    def __init__(self, graph: Graph) -> None:
        n, start = len(graph), graph.inputs
        stop = start + len(graph.operations)
        self.left, self.right, self.codes = np.zeros((3, n), dtype=np.intp)
        # Constants are counted from the end in a graph.
        self.left[start:stop] = np.array(graph.left, dtype=np.intp) % n
        self.right[start:stop] = np.array(graph.right, dtype=np.intp) % n
        operations = dict.fromkeys(graph.operations)
        numbering = {operation: code for code, operation in enumerate(operations, 1)}
        self.codes[start:stop] = [numbering[operation] for operation in graph.operations]
        self.varies = np.arange(n + 1) < stop

        names = ["", *(operation.name for operation in operations)]
        signs = np.array([_SIGNS.get(name, (0, 0)) for name in names])[self.codes]
        linear = signs[:, 0] != 0
        products = np.array([name == "multiply" for name in names])[self.codes]
        two = np.array([False, *(operation.arity == 2 for operation in operations)])[self.codes]
        uses = np.bincount(self.left[self.codes > 0], minlength=n)
        uses += np.bincount(self.right[two], minlength=n)
        for place in (graph.root, *(side for guard in graph.guards for side in guard[1:3])):
            uses[place] = 2
        user, sign = np.full(n, -1), np.ones(n, dtype=np.intp)
        for slots, signs_of_slot in zip((self.left, self.right), signs.T, strict=True):
            takers = np.flatnonzero(signs_of_slot)
            user[slots[takers]] = takers
            sign[slots[takers]] = signs_of_slot[takers]
        melted = (uses == 1) & (user >= 0) & (linear | products)
        self.sums = (linear | products) & ~melted
        self.others = (self.codes > 0) & ~linear & ~products
        self.levels = np.array([*graph.levels(melted.tolist()), 0])

        # A melted sum hands its terms on to its user, that one to its own, and so on: every round
        # halves the way to the last of them.
        melted_sums = melted & linear
        owner = np.where(melted_sums, user, np.arange(n))
        sign[~melted_sums] = 1
        while melted_sums[owner].any():
            sign = sign * sign[owner]
            owner = owner[owner]

        # Terms are what sums take that is no melted sum, and the products that are none of these.
        users, side = np.nonzero(signs)
        sources = np.where(side, self.right[users], self.left[users])
        weights = signs[users, side] * sign[users]
        kept = ~melted_sums[sources]
        sources, users, weights = sources[kept], users[kept], weights[kept]
        alone = np.flatnonzero(products & ~melted)
        owners = np.concatenate([owner[users], alone])
        first = np.where(melted[sources], self.left[sources], sources)
        second = np.where(melted[sources], self.right[sources], n)
        in_order = np.argsort(owners, kind="stable")
        self.owners = owners[in_order]
        self.first = np.concatenate([first, self.left[alone]])[in_order]
        self.second = np.concatenate([second, self.right[alone]])[in_order]
        self.weights = np.concatenate([weights, np.ones_like(alone)])[in_order]

    def groups(self, kinds: Indices) -> tuple[Indices, list[Indices]]:
        """Return all places, and groups of them, by level and by number of terms or kind."""
        counts = np.bincount(self.owners, minlength=len(kinds))
        ranks = np.where(self.sums, counts, counts.max(initial=0) + kinds)
        return _groups(self.sums | self.others, self.levels[:-1], ranks)


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
    matrix: MatrixProduct | None = None


class MatrixProduct(NamedTuple):
    """A layer of a network, found in its scalars: terms that are `outer.T @ inner`."""

    outer: Indices  # the places of one matrix, of shape (j, s), where s × t = n
    inner: Indices  # those of the other, of shape (j, t)
    rest: Sums  # the other terms


class Schedule:
    """The groups of both sweeps, in the order in which they are to be computed.

    Attributes:
        forward, backward: the groups that compute the result; slopes, and then adjoints.
        checks: for each kind of comparison: it, the places of both sides, and the answers.
        inputs, fixed: how many inputs there are, and the numbers after them: 1, 0, constants.
        first_result, ends: the first place after these; where results, slopes and adjoints end.
        root, gradient: the places of the result, and of the adjoints of the inputs.
        matrices: whether sums may be computed as products of matrices, whose sum of -0.0 and
            -0.0 is 0.0.
    """

    def __init__(self, graph: Graph, terms: Terms) -> None:
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
            left, right, answers = map(list, zip(*(guard[1:4] for guard in guards), strict=True))
            self.checks.append((compare, places[left], places[right], np.array(answers)))

    def _results(self) -> Iterator[Sums | Application]:
        """Lay out sums by number of terms, and other operations by which inputs are constant."""
        terms = self._terms
        # A derivative by a constant is not to be taken: it may not exist.
        varying = 4 * terms.varies[terms.left] + 2 * terms.varies[terms.right]
        stored, groups = terms.groups(8 * terms.codes + varying + self._live)
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
        """Lay out the derivatives of operations that the result depends on."""
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
        terms, n = self._terms, len(self._graph)
        targets, users, factors, weights = self._edges()
        counts = np.bincount(targets, minlength=n)
        # The level of the last user tells the layers of a network apart.
        last = np.zeros(n, dtype=np.intp)
        np.maximum.at(last, targets, terms.levels[users])
        ranks = counts * (last.max(initial=0) + 1) + last
        reached, groups = _groups(counts > 0, -terms.levels[:n], ranks)
        # The result's own is 1; that of an input on which the result does not depend is 0.
        adjoints = np.full(n, self._one + 1)
        adjoints[reached] = self._reserve(len(reached))
        adjoints[self._graph.root] = self._one
        self.gradient = adjoints[: self.inputs]
        sums = (targets, adjoints[users], factors, weights)
        return [self._sums(_slice(adjoints[group]), group, sums) for group in groups]

    def _edges(self) -> tuple[Indices, ...]:
        """Return to where derivatives travel, from which users, by what factors and signs."""
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
        """Return the sums of a group of owners, from all owners, factors and signs."""
        owners = terms[0]
        first = np.searchsorted(owners, group)
        k = int(np.searchsorted(owners, group[0], side="right") - first[0])
        chosen = first + np.arange(k)[:, np.newaxis]
        left, right, weights = (array[chosen] for array in terms[1:])
        sums = self._plain_sums(places, left, right, weights)
        if self.matrices and left.size >= _LEAST_TERMS:
            return sums._replace(matrix=self._matrix(places, left, right, weights))
        return sums

    def _plain_sums(self, places: slice, left: Indices, right: Indices, weights: Indices) -> Sums:
        return Sums(
            places,
            left,
            None if (right == self._one).all() else right,
            None if (weights == 1).all() else weights.astype(float),
        )

    def _matrix(
        self, places: slice, left: Indices, right: Indices, weights: Indices
    ) -> MatrixProduct | None:
        """Find terms whose one factor is steady along rows of s × t, the other down columns."""
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
                    return MatrixProduct(outer[rows, :, 0], inner[rows, 0], rest)
        return None

    def _reserve(self, count: int) -> Indices:
        self._end += count
        return np.arange(self._end - count, self._end)


def _slice(places: Indices) -> slice:
    """Return places that stand side by side as a slice."""
    return slice(int(places[0]), int(places[0]) + len(places))


def _groups(chosen: Mask, levels: Indices, ranks: Indices) -> tuple[Indices, list[Indices]]:
    """Return the chosen places by level and rank, and the groups in which both are alike."""
    places = np.flatnonzero(chosen)
    levels, ranks = levels[places], ranks[places]
    keys = (levels - levels.min(initial=0)) * (ranks.max(initial=0) + 1) + ranks
    in_order = np.argsort(keys, kind="stable")
    boundaries = np.flatnonzero(np.diff(keys[in_order])) + 1
    places = places[in_order]
    return places, np.split(places, boundaries) if len(places) else []
