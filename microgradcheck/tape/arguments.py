"""The arguments of a recorded function: plain numbers out of them, gradients like them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from microgradcheck.structure import is_array, number, put_together

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Arguments", "as_lists", "flat"]


class Arguments:
    """What a function was recorded with, which every other point must be like.

    Args:
        inputs: numbers, and lists, tuples and arrays of them.

    Attributes:
        lists: the same with a list for each array.
        plain: whether lists, tuples and numbers were all there was.
        sizes: how many entries each argument has.
    """

    def __init__(self, inputs: Sequence[Any]) -> None:
        self.lists = [as_lists(argument) for argument in inputs]
        self.plain = not any(map(_holds_other_kinds, inputs))
        self.sizes = [sum(1 for _ in flat(lists)) for lists in self.lists]
        # Copies, since lists can be changed later; their numbers do not matter.
        self._inputs = [
            put_together(list(map(float, flat(lists))), like=argument)
            for lists, argument in zip(self.lists, inputs, strict=True)
        ]

    def numbers(self, inputs: Sequence[Any]) -> list[float]:
        """Return the entries of other inputs as floats, in reading order.

        Raises:
            TypeError: there are more or fewer arguments, or something is no plain number.
            ValueError: an argument has another shape.
        """
        self.require_count(inputs)
        entries: list[float] = []
        for position, (given, like) in enumerate(zip(inputs, self.lists, strict=True)):
            _collect(as_lists(given), like, f"argument {position}", entries)
        return entries

    def require_count(self, inputs: Sequence[Any]) -> None:
        """Raise a TypeError unless there are as many arguments as were recorded."""
        if len(inputs) != len(self.lists):
            raise TypeError(
                f"the tape was recorded with {_count(len(self.lists), 'argument')}, "
                f"got {len(inputs)}"
            )

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shape of each argument as an array.

        Raises:
            ValueError: nested lists differ in length.
        """
        import numpy as np

        try:
            return [np.shape(lists) for lists in self.lists]
        except ValueError:
            raise ValueError(
                "many points need arguments that are regular arrays; the tape was recorded with "
                "nested lists that differ in length"
            ) from None

    def row(self, inputs: Sequence[Any]) -> NDArray[np.float64]:
        """Return the entries as one array: `numbers`, but sooner for arrays."""
        import numpy as np

        if len(inputs) == 1 and is_array(inputs[0]) and is_array(self._inputs[0]):
            array = inputs[0]
            if array.dtype == float and array.shape == self._inputs[0].shape:
                flattened: NDArray[np.float64] = array.ravel()
                return flattened
        return np.array(self.numbers(inputs))

    def like(self, entries: list[float] | NDArray[np.float64]) -> tuple[Any, ...]:
        """Return entries as the arguments, in their kinds and shapes."""
        parts = []
        start = 0
        for size, like in zip(self.sizes, self._inputs, strict=True):
            part = entries[start : start + size]
            if is_array(like):
                import numpy as np

                parts.append(np.array(part, dtype=float).reshape(like.shape))
            else:
                parts.append(put_together(part if isinstance(part, list) else part.tolist(), like))
            start += size
        return tuple(parts)

    def gradient(self, entries: list[float] | NDArray[np.float64]) -> Any:
        """Return one derivative for each entry as a gradient: a tuple for several arguments."""
        gradients = self.like(entries)
        return gradients[0] if len(gradients) == 1 else gradients


def as_lists(argument: Any) -> Any:
    """Return an argument with a list for each array in it."""
    if is_array(argument):
        return argument.tolist()
    if isinstance(argument, (list, tuple)):
        parts = list(map(as_lists, argument))
        return parts if isinstance(argument, list) else tuple(parts)
    return argument


def flat(nested: Any) -> Iterator[Any]:
    """Yield the entries of nested lists and tuples in reading order."""
    if isinstance(nested, (list, tuple)):
        for part in nested:
            yield from flat(part)
    else:
        yield nested


def _holds_other_kinds(argument: Any) -> bool:
    """Tell whether code that returns lists and tuples would return something else than it got."""
    if isinstance(argument, (list, tuple)):
        return type(argument) not in {list, tuple} or any(map(_holds_other_kinds, argument))
    return is_array(argument)


def _collect(given: Any, like: Any, name: str, entries: list[float]) -> None:
    if not isinstance(like, (list, tuple)):
        entry = number(given)
        if entry is None:
            raise TypeError(
                f"{name} is {given!r} of type {type(given).__name__}, where the tape was recorded "
                "with a number; give plain numbers, and call the function itself with Values"
            )
        entries.append(entry)
    elif not isinstance(given, (list, tuple)):
        raise TypeError(
            f"{name} is {given!r} of type {type(given).__name__}, where the tape was recorded "
            f"with {len(like)} entries"
        )
    elif len(given) != len(like):
        raise ValueError(
            f"{name} has {_count(len(given), 'entry', 'entries')}, where the tape was recorded "
            f"with {len(like)}; record the function again for other shapes"
        )
    elif set(map(type, given)) == {float} == set(map(type, like)):
        entries += given
    else:
        for i, (part, part_like) in enumerate(zip(given, like, strict=True)):
            _collect(part, part_like, f"{name}[{i}]" if "[" in name else f"{name}, [{i}]", entries)


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"
