"""Melt sums, differences and products of a graph into sums of products."""

from __future__ import annotations

from typing import TYPE_CHECKING

from microgradcheck.tape.graph import Graph

if TYPE_CHECKING:
    from microgradcheck.tape.graph import Indices, Mask

__all__ = ["Terms"]

_SIGNS = {"add": (1, 1), "subtract": (1, -1), "negative": (-1, 0), "positive": (1, 0)}
"""The signs with which linear operations take their inputs, 0 for none."""


class Terms:
    """What each of the n places of a graph computes, once sums and products have melted together.

    A place melts into its user where it is used once, by a sum, and is a sum or product itself.
    What is left computes a sum of products, or another operation. Nothing here looks at numbers,
    so that a schedule holds for all points.

    Attributes:
        left: the place of each operation's first input, of shape (n,).
        right: that of the second.
        codes: which operation each place applies; 0 stands for none.
        varies: whether a place depends on the inputs, of shape (n + 1,): place n is the number 1.
        sums: whether a place computes a sum of products.
        others: whether it applies another operation.
        levels: how many passes must come before what it reads is there, of shape (n + 1,).
        owners: for each term the place whose sum it belongs to, in rising order.
        first: the place of its first factor.
        second: that of the second, n if there is none.
        weights: 1 or -1.
    """

    def __init__(self, graph: Graph) -> None:
        import numpy as np

        n, start = len(graph), graph.inputs
        stop = start + len(graph.operations)
        self.left, self.right, self.codes = np.zeros((3, n), dtype=np.intp)
        self.left[start:stop] = graph.left
        self.right[start:stop] = graph.right
        # Constants are counted from the end in a graph.
        self.left %= n
        self.right %= n
        operations = [None, *dict.fromkeys(graph.operations)]
        numbering = {operation: code for code, operation in enumerate(operations)}
        self.codes[start:stop] = [numbering[operation] for operation in graph.operations]
        self.varies = np.arange(n + 1) < stop

        names = [operation.name if operation else "" for operation in operations]
        signs = np.array([_SIGNS.get(name, (0, 0)) for name in names])[self.codes]
        linear = signs[:, 0] != 0
        products = np.array([name == "multiply" for name in names])[self.codes]
        two = np.array([operation is not None and operation.arity == 2 for operation in operations])
        melted, user, sign = self._melted(graph, signs, linear | products, two[self.codes])
        self.sums = (linear | products) & ~melted
        self.others = (self.codes > 0) & ~linear & ~products

        # Each melted sum hands its terms on to its user, that one to its own, and so on: after
        # every round the way to the last of them is half as long.
        melted_sums = melted & linear
        owner = np.where(melted_sums, user, np.arange(n))
        sign = np.where(melted_sums, sign, 1)
        while melted_sums[owner].any():
            sign = sign * sign[owner]
            owner = owner[owner]

        sources = np.stack([self.left, self.right], axis=1)[linear].ravel()
        users = np.repeat(np.flatnonzero(linear), 2)
        weights = signs[linear].ravel()
        is_term = (weights != 0) & ~melted_sums[sources]
        sources, users, weights = sources[is_term], users[is_term], weights[is_term]
        melted_products = melted[sources]
        alone = np.flatnonzero(products & ~melted)
        owners = np.concatenate([owner[users], alone])
        first = np.where(melted_products, self.left[sources], sources)
        second = np.where(melted_products, self.right[sources], n)
        in_order = np.argsort(owners, kind="stable")
        self.owners = owners[in_order]
        self.first = np.concatenate([first, self.left[alone]])[in_order]
        self.second = np.concatenate([second, self.right[alone]])[in_order]
        self.weights = np.concatenate([weights * sign[users], np.ones_like(alone)])[in_order]
        self.levels = self._levels()

    def count_groups(self) -> int:
        """Return how many groups of places could be computed alike and at once."""
        import numpy as np

        n = len(self.codes)
        counts = np.bincount(self.owners, minlength=n)
        ranks = np.where(self.sums, counts, counts.max(initial=0) + self.codes)
        keys = self.levels[:n] * (ranks.max(initial=0) + 1) + ranks
        return len(np.unique(keys[self.sums | self.others]))

    def _melted(
        self, graph: Graph, signs: Indices, meltable: Mask, two: Mask
    ) -> tuple[Mask, Indices, Indices]:
        """Return which places melt into their user, that user, and the sign it takes them with."""
        import numpy as np

        n = len(graph)
        uses = np.bincount(self.left[self.codes > 0], minlength=n)
        uses += np.bincount(self.right[two], minlength=n)
        for place in (
            graph.root,
            *(g.left for g in graph.guards),
            *(g.right for g in graph.guards),
        ):
            uses[place] += 2
        user, sign = np.full(n, -1), np.zeros(n, dtype=np.intp)
        for side, slots in enumerate((self.left, self.right)):
            takers = np.flatnonzero(signs[:, side])
            user[slots[takers]] = takers
            sign[slots[takers]] = signs[takers, side]
        return (uses == 1) & (user >= 0) & meltable, user, sign

    def _levels(self) -> Indices:
        import numpy as np

        others = np.flatnonzero(self.others)
        users = np.concatenate([self.owners, others])
        in_order = np.argsort(users, kind="stable")
        first = np.concatenate([self.first, self.left[others]])[in_order]
        second = np.concatenate([self.second, self.right[others]])[in_order]
        levels = [0] * len(self.varies)
        for user, a, b in zip(
            users[in_order].tolist(), first.tolist(), second.tolist(), strict=True
        ):
            level = levels[user]
            if levels[a] >= level:
                level = levels[a] + 1
            if levels[b] >= level:
                level = levels[b] + 1
            levels[user] = level
        return np.array(levels)
