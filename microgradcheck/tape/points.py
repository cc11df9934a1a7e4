"""Many points as columns of numbers, and back to gradients with the points on the first axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

from microgradcheck.tape.arguments import Arguments

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

__all__ = ["Points"]


class Points:
    """The arguments of many calls.

    Args:
        arguments: those of one call.
        points: for each argument an array with one more axis in front, for the points, or one
            of its own shape, which all points share.

    Attributes:
        count: how many points there are.
        columns: for each argument its entries, of shape (entries, count), or (entries, 1) where
            all points share it.

    Raises:
        TypeError: there are more or fewer arguments, or something is no plain number.
        ValueError: an argument has another shape, or they differ in the number of points.
    """

    def __init__(self, arguments: Arguments, points: Sequence[Any]) -> None:
        arguments.require_count(points)
        self._shapes = arguments.shapes()
        self.columns: list[Numbers] = []
        counts = {}
        for position, (given, shape) in enumerate(zip(points, self._shapes, strict=True)):
            array = _array(given, position)
            if array.shape == shape:
                self.columns.append(array.reshape(-1, 1))
            elif array.shape[1:] == shape and array.ndim == len(shape) + 1:
                counts[position] = len(array)
                self.columns.append(array.reshape(len(array), math.prod(shape)).T)
            else:
                raise ValueError(
                    f"argument {position} has shape {array.shape}; expected {shape}, which all "
                    f"points share, or {('points', *shape)} with the points on the first axis"
                )
        if len(set(counts.values())) != 1:
            raise ValueError(
                f"the arguments have {counts} points (by position); give all the same number"
                if counts
                else "no argument has a points axis; call the tape itself for one point"
            )
        self.count = next(iter(counts.values()))

    @property
    def entries(self) -> int:
        """How many entries a point has."""
        return sum(map(len, self.columns))

    def block(self, lanes: slice) -> list[Numbers]:
        """Return the columns of some points that stand side by side."""
        return [column if column.shape[1] == 1 else column[:, lanes] for column in self.columns]

    def chosen(self, indices: NDArray[np.intp]) -> Points:
        """Return some of the points."""
        twin = copy(self)
        twin.count = len(indices)
        twin.columns = [
            column if column.shape[1] == 1 else column[:, indices] for column in self.columns
        ]
        return twin

    def point(self, index: int) -> list[float]:
        """Return the entries of one point."""
        return [
            entry
            for column in self.columns
            for entry in column[:, min(index, column.shape[1] - 1)].tolist()
        ]

    def gradient(self, partials: Numbers) -> Any:
        """Return derivatives of shape (all entries, count) as arrays, a tuple for several."""
        import numpy as np

        gradients = []
        for shape in self._shapes:
            size = math.prod(shape)
            gradients.append(np.moveaxis(partials[:size].reshape(*shape, self.count), -1, 0))
            partials = partials[size:]
        return gradients[0] if len(gradients) == 1 else tuple(gradients)


def _array(given: Any, position: int) -> Numbers:
    import numpy as np

    try:
        array = np.asarray(given)
    except ValueError as error:
        raise ValueError(f"argument {position} is no regular array: {error}") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"argument {position} holds {array.dtype} entries; give plain real numbers, and call "
            "the function itself with Values"
        )
    return array.astype(float, copy=False)  # They are read, and not kept.
