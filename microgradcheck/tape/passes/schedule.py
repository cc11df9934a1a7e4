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
from microgradcheck.tape.passes.terms import Terms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Indices = NDArray[np.intp]

__all__ = ["Application", "MatrixProduct", "Schedule", "Sums"]


class Sums(NamedTuple):
    """A group of n sums of k products each.

    Attributes:
        start: the first of the n places that are written.
        stop: the first after them.
        left: the places of the first factors, of shape (k, n).
        right: those of the second factors; None where all are 1.
        weights: 1.0 or -1.0 for each term, of shape (k, n); None where all are 1.0.
        matrix: a product of matrices among the terms; None where there is none.
    """

    start: int
    stop: int
    left: Indices
    right: Indices | None
    weights: NDArray[np.float64] | None
    matrix: MatrixProduct | None


class MatrixProduct(NamedTuple):
    """The layers of a network, found in its scalars: terms that are `outer.T @ inner`.

    Attributes:
        rows: which of the k rows of terms they are.
        outer: the places of one matrix, of shape (j, s), where s × t = n.
        inner: the places of the other, of shape (j, t).
    """

    rows: NDArray[np.bool_]
    outer: Indices
    inner: Indices


class Application(NamedTuple):
    """A group of n applications of one operation, or of one of its derivatives.

    Attributes:
        start: the first of the n places that are written.
        stop: the first after them.
        operation: the row of the table.
        position: the input that the derivative is taken by; None for the value.
        inputs: the places of each input, and of the results where there is a derivative to take.
    """

    start: int
    stop: int
    operation: Operation
    position: int | None
    inputs: tuple[Indices, ...]


class Check(NamedTuple):
    """Guards of one kind: the places on both sides, and the answers that were recorded."""

    compare: Callable[[Any, Any], Any]
    left: Indices
    right: Indices
    answers: NDArray[np.bool_]

    def holds(self, numbers: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell whether all answers are as recorded; for many points, one answer for each."""
        answers = self.compare(numbers[self.left], numbers[self.right])
        held: NDArray[np.bool_] = (answers.T == self.answers).all(axis=-1)
        return held


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
    """

    def __init__(self, graph: Graph, terms: Terms) -> None:
        import numpy as np

        n = len(graph)
        live = np.array(graph.live()) if graph.guards else np.ones(n, dtype=bool)
        constants = np.flatnonzero(~terms.varies[:n])
        one = self.inputs = graph.inputs
        self.fixed = [1.0, 0.0, *(graph.numbers[place] for place in constants)]
        places = np.full(n + 1, -1)
        places[: graph.inputs] = np.arange(graph.inputs)
        places[n] = one
        places[constants] = one + 2 + np.arange(len(constants))

        # Results: sums by level and number of terms; others by level, operation, and which
        # inputs are constant, since the derivatives by those are not to be taken.
        counts = np.bincount(terms.owners, minlength=n)
        kinds = (
            terms.codes * 8 + 4 * terms.varies[terms.left] + 2 * terms.varies[terms.right] + live
        )
        ranks = np.where(terms.sums, counts, counts.max(initial=0) + kinds)
        stored, groups = _sorted_groups(terms.sums | terms.others, terms.levels[:n], ranks)
        start = self.first_result = one + len(self.fixed)
        places[stored] = np.arange(start, start + len(stored))
        left, right = places[terms.first], places[terms.second]
        slots = [places[terms.left], places[terms.right]]
        self.forward: list[Sums | Application] = []
        applications = []
        for group in groups:
            first = int(places[group[0]])
            operation = terms.operations[terms.codes[group[0]]]
            assert operation is not None
            if terms.sums[group[0]]:
                self.forward.append(
                    _sums(first, group, terms.owners, left, right, terms.weights, one)
                )
            else:
                inputs = tuple(slot[group] for slot in slots[: operation.arity])
                self.forward.append(Application(first, first + len(group), operation, None, inputs))
                applications.append(group)
        end_of_results = start = start + len(stored)

        # Slopes, and with the terms the edges along which derivatives travel.
        self.backward: list[Sums | Application] = []
        slopes = [np.full(n, -1), np.full(n, -1)]
        for group in applications:
            operation = terms.operations[terms.codes[group[0]]]
            assert operation is not None
            for position, side in enumerate((terms.left, terms.right)[: operation.arity]):
                if live[group[0]] and terms.varies[side[group[0]]]:
                    inputs = tuple(places[group] for places in (*slots, places))
                    stop = start + len(group)
                    self.backward.append(Application(start, stop, operation, position, inputs))
                    slopes[position][group] = np.arange(start, stop)
                    start = stop
        end_of_slopes = start
        edges = [
            (terms.first, terms.owners, right, terms.weights),
            (terms.second, terms.owners, left, terms.weights),
        ]
        for side, slope in zip((terms.left, terms.right), slopes, strict=True):
            users = np.flatnonzero(slope >= 0)
            edges.append((side[users], users, slope[users], np.ones(len(users), dtype=np.intp)))
        targets, users, factors, weights = map(np.concatenate, zip(*edges, strict=True))
        travelled = terms.varies[targets] & live[users]
        in_order = np.flatnonzero(travelled)[np.argsort(targets[travelled], kind="stable")]
        targets, users, factors, weights = (x[in_order] for x in (targets, users, factors, weights))

        # Adjoints, from the last level to the first, by the number of users and the level of the
        # last of them, which tells the layers of a network apart. The result's own is 1, and
        # that of an input on which the result does not depend is 0.
        counts = np.bincount(targets, minlength=n)
        highest = np.zeros(n, dtype=np.intp)
        np.maximum.at(highest, targets, terms.levels[users])
        ranks = counts * (highest.max(initial=0) + 1) + highest
        reached, groups = _sorted_groups(counts > 0, -terms.levels[:n], ranks)
        adjoints = np.full(n, one + 1)
        adjoints[reached] = np.arange(start, start + len(reached))
        adjoints[graph.root] = one
        users = adjoints[users]
        for group in groups:
            first = int(adjoints[group[0]])
            self.backward.append(_sums(first, group, targets, users, factors, weights, one))
        self.ends = (end_of_results, end_of_slopes, start + len(reached))
        self.gradient = adjoints[: graph.inputs]
        self.root = int(places[graph.root])
        self.checks = list(_checks(graph, places))


def _checks(graph: Graph, places: Indices) -> Iterator[Check]:
    import numpy as np

    for compare in dict.fromkeys(guard.compare for guard in graph.guards):
        guards = [guard for guard in graph.guards if guard.compare is compare]
        yield Check(
            compare,
            places[[guard.left for guard in guards]],
            places[[guard.right for guard in guards]],
            np.array([guard.answer for guard in guards]),
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


def _sums(
    start: int,
    group: Indices,
    owners: Indices,
    left: Indices,
    right: Indices,
    weights: Indices,
    one: int,
) -> Sums:
    """Gather the terms of a group of places that own equally many of them."""
    import numpy as np

    begin = np.searchsorted(owners, group)
    k = int(np.searchsorted(owners, group[0], side="right") - begin[0])
    terms = begin + np.arange(k)[:, np.newaxis]
    lefts, rights, signs = left[terms], right[terms], weights[terms]
    return Sums(
        start,
        start + len(group),
        lefts,
        None if (rights == one).all() else rights,
        None if (signs == 1).all() else signs.astype(float),
        _matrix_product(lefts, rights, (signs == 1).all(axis=1)),
    )


def _matrix_product(
    left: Indices, right: Indices, allowed: NDArray[np.bool_]
) -> MatrixProduct | None:
    """Find terms whose one factor is constant along each row of s × t, the other down its columns."""
    import numpy as np

    k, n = left.shape
    for steady, repeated in ((left, right), (right, left)):
        changes = np.flatnonzero(np.diff(steady[k // 2]))
        t = int(changes[0]) + 1 if len(changes) else n
        if t == 1 or t == n or n % t:
            continue
        outer, inner = steady.reshape(k, n // t, t), repeated.reshape(k, n // t, t)
        rows = (
            allowed & (outer == outer[:, :, :1]).all((1, 2)) & (inner == inner[:, :1]).all((1, 2))
        )
        if rows.any():
            return MatrixProduct(rows, outer[rows, :, 0], inner[rows, 0])
    return None
