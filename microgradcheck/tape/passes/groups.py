"""What array passes compute: groups of places that are computed alike and at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from microgradcheck.ops import Operation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Indices = NDArray[np.intp]

__all__ = ["Application", "Check", "MatrixProduct", "Products", "Sums"]


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

    def without(self, matrix: MatrixProduct) -> Sums:
        """Return the group without the terms of its product of matrices."""
        rest = ~matrix.rows
        return self._replace(
            left=self.left[rest],
            right=None if self.right is None else self.right[rest],
            weights=None if self.weights is None else self.weights[rest],
            matrix=None,
        )


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


class Check(NamedTuple):
    """Guards of one kind: the places on both sides, and the answers that were recorded."""

    compare: Callable[[Any, Any], Any]
    left: Indices
    right: Indices
    answers: NDArray[np.bool_]

    def holds(self, numbers: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell whether all answers are as recorded; for many points, one answer for each."""
        answers = self.compare(numbers[self.left], numbers[self.right])
        held: NDArray[np.bool_] = (self.answers == answers.T).all(axis=-1)
        return held


class Products(NamedTuple):
    """The terms of many sums, those of one sum side by side.

    Attributes:
        owners: for each term the sum that it belongs to, in rising order.
        left: the place of its first factor.
        right: the place of its second factor.
        weights: 1 or -1.
        one: the place of the number 1.
        matrices: whether to look for products of matrices.
    """

    owners: Indices
    left: Indices
    right: Indices
    weights: Indices
    one: int
    matrices: bool

    def sums(self, start: int, group: Indices) -> Sums:
        """Return the sums of a group of owners, all of equally many terms.

        Args:
            start: the first place that they are to be written to.
            group: the owners, in the order of the places.
        """
        import numpy as np

        first = np.searchsorted(self.owners, group)
        k = int(np.searchsorted(self.owners, group[0], side="right") - first[0])
        terms = first + np.arange(k)[:, np.newaxis]
        left, right, weights = self.left[terms], self.right[terms], self.weights[terms]
        return Sums(
            start,
            start + len(group),
            left,
            None if (right == self.one).all() else right,
            None if (weights == 1).all() else weights.astype(float),
            _matrix_product(left, right, weights)
            if self.matrices and left.size >= _LEAST_TERMS
            else None,
        )


_LEAST_TERMS = 128
"""In fewer terms it is not worth the time to look for a product of matrices."""


def _matrix_product(left: Indices, right: Indices, weights: Indices) -> MatrixProduct | None:
    """Find terms whose one factor is steady along each row of s × t, the other down each column."""
    import numpy as np

    k, n = left.shape
    for steady, repeated in ((left, right), (right, left)):
        changes = np.flatnonzero(np.diff(steady[k // 2]))
        t = int(changes[0]) + 1 if len(changes) else n
        if 1 < t < n and n % t == 0:
            outer, inner = steady.reshape(k, n // t, t), repeated.reshape(k, n // t, t)
            rows = (outer == outer[:, :, :1]).all(axis=(1, 2))
            rows &= (inner == inner[:, :1]).all(axis=(1, 2)) & (weights == 1).all(axis=1)
            if rows.any():
                return MatrixProduct(rows, outer[rows, :, 0], inner[rows, 0])
    return None
