"""Run a schedule for many points at once: a row of numbers for each place, a column a point."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from microgradcheck.ops import arrays
from microgradcheck.tape.graph import Indices, Mask, Numbers
from microgradcheck.tape.schedule import Application, MatrixProduct, Schedule, Sums

Step = Callable[[], Any]

_SCRATCH = 2**15
"""How many numbers a step holds besides its results: more would not stay in the cache."""

_MOST_KINDS = 4
"""For so many kinds of calls at most are blocks kept for the next one."""

_BLOCK = 2**20
"""How many numbers a block may hold, 8 MB."""


class Passes:
    """Both sweeps of a graph as array passes, each call in a block of numbers of its own."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._idle: dict[tuple[int, ...], list[_Block]] = {}
        self.most = max(16, min(1024, _BLOCK // schedule.ends[-1]))
        """The most points that a call may have."""

    def at_one(self, entries: Numbers, gradient: bool) -> tuple[float, Numbers] | None:
        """Return the value and, if wanted, derivatives at one point; None if not to be trusted."""
        partials = np.empty((len(entries) if gradient else 0, 1))
        column = entries.reshape(-1, 1)
        value, good = self.run([column], 1, partials if gradient else None)
        return (float(value[0]), partials[:, 0]) if good[0] else None

    def run(
        self, parts: Sequence[Numbers], count: int, partials: Numbers | None
    ) -> tuple[Numbers, Mask]:
        """Run at many points: see `Runner`."""
        gradient = partials is not None
        # Blocks serve calls for as many points, with the same sweeps and shared arguments.
        idle = self._idle.setdefault((count, gradient, *[p.shape[1] for p in parts]), [])
        if len(self._idle) > _MOST_KINDS:
            self._idle.clear()
        try:
            block = idle.pop()  # One call, so that no two threads get the same.
        except IndexError:
            block = _Block(self._schedule, count, parts, gradient)
        good = block.fill(parts)
        if partials is not None:
            block.numbers.take(self._schedule.gradient, 0, partials, "clip")
        values = block.numbers[self._schedule.root].copy()
        idle.append(block)
        return values, good


class _Block:
    """Numbers of shape (places, points), and the calls that fill it."""

    def __init__(
        self, schedule: Schedule, count: int, parts: Sequence[Numbers], gradient: bool
    ) -> None:
        self._schedule = schedule
        self._count = count
        self.numbers = np.zeros((schedule.ends[-1 if gradient else 0], count))
        fixed = slice(schedule.inputs, schedule.first_result)
        self.numbers[fixed] = np.array(schedule.fixed)[:, np.newaxis]
        self._same = np.zeros(len(self.numbers), dtype=bool)
        self._same[fixed] = True
        self._inputs = []
        start = 0
        for part in parts:
            stop = start + len(part)
            self._same[start:stop] = part.shape[1] < count
            self._inputs.append(self.numbers[start:stop, : part.shape[1]])
            start = stop
        self._watched = self.numbers[schedule.first_result : schedule.ends[int(gradient)]].ravel()
        self._rows = np.zeros(len(self.numbers), dtype=bool)
        self._rows[[schedule.root, *(schedule.gradient if gradient else [])]] = True
        for _, left, right, _ in schedule.checks:
            self._rows[left] = self._rows[right] = True
        groups = [*schedule.forward, *(schedule.backward if gradient else [])]
        self._steps = [self._step(group) for group in groups]
        # A number that all points share is copied to all of them only where a step reads a row.
        self._spread = np.flatnonzero((self._same & self._rows)[: schedule.inputs])

    def fill(self, parts: Sequence[Numbers]) -> Mask:
        """Compute all numbers, and tell for each point whether all are finite and guards hold."""
        for numbers_of_part, part in zip(self._inputs, parts, strict=True):
            numbers_of_part[:] = part
        if len(self._spread):
            self.numbers[self._spread] = self.numbers[self._spread, :1]
        good: Mask = np.ones(self._count, dtype=bool)
        with np.errstate(all="ignore"):
            for step in self._steps:
                step()
            if not math.isfinite(self._watched.sum()):  # This tells in most cases, and costs least.
                good = np.isfinite(self._watched.reshape(-1, self._count).sum(axis=0))
        for compare, left, right, answers in self._schedule.checks:
            good &= (answers == compare(self.numbers[left], self.numbers[right]).T).all(axis=1)
        return good

    def _step(self, group: Sums | Application) -> Step:
        out = self.numbers[group.places]
        if isinstance(group, Application):
            return self._application(out, group)
        left, right, matrix = group.left, group.right, group.matrix
        if matrix is not None and len(left) == 1:
            return self._outer_product(out, matrix.outer[0], matrix.inner[0])
        if right is not None and self._schedule.matrices and self._count > 1:
            for shared, moving in ((left, right), (right, left)):
                if self._same[shared].all() and (moving == moving[:, :1]).all():
                    return self._matrix_times_points(out, shared, moving[:, 0], group.weights)
        if matrix:
            return self._matrix_products(out, matrix)
        return self._sums(out, group)

    def _application(self, out: Numbers, group: Application) -> Step:
        if group.position is None:
            rule = arrays().value(group.operation)
        else:
            rule = arrays().derivatives(group.operation)[group.position]
        read = [self._read(places) for places in group.inputs]

        def step() -> None:
            out[:] = rule(*[numbers_of() for numbers_of in read])

        return step

    def _read(self, places: Indices, *, each: bool = False) -> Callable[[], Numbers]:
        """Return a function that returns the numbers at places, without copying where it can.

        Where all are the same one, it returns that one, unless `each` is wanted.
        """
        self._rows[places] = True
        first, n = int(places[0]), len(places)
        step = 0 if (places == first).all() and not each else 1
        if (places == first + step * np.arange(n)).all():
            view = self.numbers[first : first + (n if step else 1)]
            return lambda: view
        return lambda: self.numbers.take(places, 0)

    def _outer_product(self, out: Numbers, outer: Indices, inner: Indices) -> Step:
        first, second = self._read(outer), self._read(inner)
        products = out.reshape(len(outer), len(inner), -1)
        return lambda: np.multiply(first()[:, np.newaxis], second(), products)

    def _matrix_times_points(
        self, out: Numbers, shared: Indices, moving: Indices, weights: Numbers | None
    ) -> Step:
        points = self._read(moving, each=True)
        first_point = self.numbers[:, 0]

        def step() -> None:
            matrix = first_point.take(shared)
            if weights is not None:
                matrix *= weights
            np.matmul(matrix.T, points(), out)

        return step

    def _matrix_products(self, out: Numbers, matrix: MatrixProduct) -> Step:
        """Multiply two matrices at each point."""
        count = self._count
        outer, inner, rest = matrix
        if count > 1:  # The terms of each sum side by side.
            outer, inner = outer.T.copy(), inner.T.copy()
        self._rows[outer] = self._rows[inner] = True
        first, second = np.empty((*outer.shape, count)), np.empty((*inner.shape, count))
        products = out.reshape(matrix.outer.shape[1], matrix.inner.shape[1], count)
        first_matrix, second_matrix, product = first[..., 0].T, second[..., 0], products[..., 0]
        take = self.numbers.take
        others = np.empty(out.shape if len(rest.left) else (0, count))
        add_others = self._sums(others, rest) if len(rest.left) else None

        def step() -> None:
            take(outer, 0, first, "clip")
            take(inner, 0, second, "clip")
            if count == 1:
                np.matmul(first_matrix, second_matrix, product)
            else:
                # One pass over the terms, where multiplying and adding would be two.
                np.einsum("sjp,tjp->stp", first, second, out=products)
            if add_others is not None:
                add_others()
                np.add(out, others, out)

        return step

    def _sums(self, out: Numbers, group: Sums) -> Step:
        """Add products up, so many at a time as fit into the scratch space."""
        left, right, weights = group.left, group.right, group.weights
        (k, n), count = left.shape, self._count
        height = min(k, max(1, _SCRATCH // count))
        width = min(n, max(1, _SCRATCH // (height * count)))
        self._rows[left] = True
        if right is not None:
            self._rows[right] = True
        scratch = np.empty((2, height * width, count))

        def piece(i: int, j: int) -> Step:
            part = np.s_[i : i + height, j : j + width]
            first = left[part].ravel()
            second = None if right is None else right[part].ravel()
            signs = None if weights is None else weights[part].reshape(-1, 1)
            products, factors = scratch[:, : len(first)]
            terms = products.reshape(*left[part].shape, count)
            # Bound once: half of a short step is looking names up.
            take, multiply = self.numbers.take, np.multiply
            add: Any = np.add.reduce
            total = out[j : j + width]

            def step() -> None:
                take(first, 0, products, "clip")
                if second is not None:
                    take(second, 0, factors, "clip")
                    multiply(products, factors, products)
                if signs is not None:
                    multiply(products, signs, products)
                if i == 0:
                    # From -0.0 on, since -0.0 + x is x for every x, -0.0 included.
                    add(terms, 0, None, total, False, -0.0)
                else:
                    np.add(total, add(terms, 0), total)

            return step

        pieces = [piece(i, j) for j in range(0, n, width) for i in range(0, k, height)]
        return pieces[0] if len(pieces) == 1 else lambda: [step() for step in pieces]
