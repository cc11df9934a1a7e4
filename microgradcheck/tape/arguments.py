"""The arguments of a recorded function: numbers out of them, and gradients like them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from typing import Any

from microgradcheck.structure import (
    count,
    is_array,
    number,
    one_or_all,
    put_together,
    shown,
    take_apart,
    with_numpy_arrays,
)
from microgradcheck.tape.graph import Indices, Numbers


class Arguments:
    """What a function was recorded with, which every other point must be like.

    Attributes:
        lists: the arguments with a list for each array.
        plain: whether there were only lists, tuples and numbers.
    """

    def __init__(self, inputs: Sequence[Any]) -> None:
        self.lists = list(map(as_lists, inputs))
        self.plain = list(map(kind_of, inputs)) == list(map(kind_of, self.lists))
        parts = [list(map(float, take_apart(lists))) for lists in self.lists]
        self._sizes = list(map(len, parts))
        # Copies, since lists can be changed later; their numbers do not matter.
        self._inputs = list(map(put_together, parts, inputs))

    def numbers(self, inputs: Sequence[Any]) -> list[float]:
        """Return the entries of other inputs as floats, in reading order."""
        self.require_count(inputs)
        entries: list[float] = []
        for position, (given, like) in enumerate(zip(inputs, self.lists, strict=True)):
            _collect(as_lists(given), like, f"argument {position}", entries)
        return entries

    def require_count(self, inputs: Sequence[Any]) -> None:
        """Raise a TypeError unless there are as many arguments as were recorded."""
        if len(inputs) != len(self.lists):
            recorded = count(len(self.lists), "argument")
            raise TypeError(f"the tape was recorded with {recorded}, got {len(inputs)}")

    def row(self, inputs: Sequence[Any]) -> Numbers:
        """Return the entries as an array, an array of floats at once."""
        import numpy as np

        array, like = inputs[0], self._inputs[0]
        both = len(inputs) == 1 and type(array) is np.ndarray and is_array(like)
        if both and array.dtype == float and array.shape == like.shape:
            flattened: Numbers = array.ravel()
            return flattened
        return np.array(self.numbers(inputs))

    def like(self, entries: Sequence[float] | Numbers) -> tuple[Any, ...]:
        """Return entries in the kinds and shapes of the arguments."""
        parts = []
        start = 0
        for size, like in zip(self._sizes, self._inputs, strict=True):
            part = entries[start : start + size]
            if is_array(like):
                import numpy as np

                parts.append(np.array(part, dtype=float).reshape(like.shape))
            else:
                parts.append(put_together(map(float, part), like))
            start += size
        return tuple(parts)

    def gradient(self, entries: Sequence[float] | Numbers) -> Any:
        """Return derivatives in these kinds and shapes: a tuple for several arguments."""
        return one_or_all(self.like(entries))

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shape of each argument."""
        import numpy as np

        try:
            return [np.shape(lists) for lists in self.lists]
        except ValueError:
            raise ValueError(
                "many points need arguments that are regular arrays; the tape was recorded with "
                "nested lists that differ in length"
            ) from None


class Points:
    """The arguments of many calls: arrays with one more axis in front, for the points, or none.

    Attributes:
        count: how many points there are.
        columns: for each argument its entries, of shape (entries, count), or (entries, 1) where
            all points share it.
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

    def block(self, lanes: slice | Indices) -> list[Numbers]:
        """Return the columns of some points."""
        return [column if column.shape[1] == 1 else column[:, lanes] for column in self.columns]

    def chosen(self, indices: Indices) -> Points:
        """Return some of the points."""
        twin = copy(self)
        twin.count = len(indices)
        twin.columns = self.block(indices)
        return twin

    def point(self, index: int) -> list[float]:
        """Return the entries of one point."""
        return [
            entry
            for column in self.columns
            for entry in column[:, min(index, column.shape[1] - 1)].tolist()
        ]

    def gradient(self, partials: Numbers) -> Any:
        """Return derivatives of shape (entries, count) as a gradient with a points axis."""
        import numpy as np

        gradients = []
        for shape in self._shapes:
            size = math.prod(shape)
            gradients.append(np.moveaxis(partials[:size].reshape(*shape, self.count), -1, 0))
            partials = partials[size:]
        return one_or_all(gradients)


def as_lists(argument: Any) -> Any:
    """Return an argument with a list for each array in it."""
    if is_array(argument):
        return argument.tolist()
    if isinstance(argument, (list, tuple)):
        parts = list(map(as_lists, argument))
        return parts if isinstance(argument, list) else tuple(parts)
    return argument


def kind_of(argument: Any) -> Any:
    """Return what arguments of the same kinds and shapes share."""
    if is_array(argument):
        return argument.shape
    if isinstance(argument, (list, tuple)):
        return (type(argument), *map(kind_of, argument))
    return None


def _collect(given: Any, like: Any, name: str, entries: list[float]) -> None:
    nested = isinstance(like, (list, tuple))
    fits = isinstance(given, (list, tuple)) if nested else number(given) is not None
    if not fits:
        expected = f"{len(like)} entries" if nested else "a number"
        advice = "" if nested else "; give plain numbers, and call the function itself with Values"
        raise TypeError(
            f"{name} is {given!r} of type {type(given).__name__}, where the tape was recorded "
            f"with {expected}{advice}"
        )
    if not nested:
        entries.append(float(given))
    elif len(given) != len(like):
        raise ValueError(
            f"{name} has {count(len(given), 'entry')}, where the tape was recorded "
            f"with {len(like):,}; record the function again for other shapes"
        )
    elif set(map(type, given)) == {float} == set(map(type, like)):
        entries += given
    else:
        for i, (part, part_like) in enumerate(zip(given, like, strict=True)):
            _collect(part, part_like, f"{name}[{i}]" if "[" in name else f"{name}, [{i}]", entries)


def _array(given: Any, position: int) -> Numbers:
    import numpy as np

    given = with_numpy_arrays(given)
    if hasattr(given, "filled") and np.ma.getmaskarray(given).any():
        raise TypeError(
            f"argument {position} holds masked entries; fill them with numbers first: x.filled(0.0)"
        )
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise ValueError(f"argument {position} is no regular array: {error}") from None
    if array.dtype.kind == "O":
        array = np.array([number(entry) for entry in array.flat]).reshape(array.shape)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"argument {position} holds {shown(given)}; give plain real numbers, and call the "
            "function itself with Values"
        )
    return array.astype(float, copy=False)  # They are read, and not kept.
