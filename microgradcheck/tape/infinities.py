"""Where an infinity or nan that arises on the way could be lost before it reaches the result.

The eager engine raises an error where an infinity arises out of finite numbers. Generated code
does not look at each number: sums and products hand infinities on, so that one look at the end
is enough, but `1 / y` or `tanh(y)` make a finite number out of an infinite y.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from microgradcheck.ops import Operation
from microgradcheck.tape.graph import Graph

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["finite_columns", "lossy_places"]


def lossy_places(graph: Graph, *, raising: bool) -> list[int]:
    """Return the places whose numbers must be seen to be finite; the result need not be there.

    Args:
        graph: a recorded function.
        raising: whether the functions of `math` are used, which raise an error rather than
            return an infinity.
    """
    suspect = [False] * len(graph)
    lossy = {side for guard in graph.guards for side in (guard.left, guard.right)}
    for place, operation in enumerate(graph.operations):
        if operation is None:
            continue
        slots = (graph.left[place], graph.right[place])[: operation.arity]
        # Only hypot, of the functions of `math`, makes an infinity and raises no error.
        raises = raising and hasattr(math, operation.name) and operation.name != "hypot"
        arises = not raises and operation.name not in _FINITE
        for position, slot in enumerate(slots):
            other = slots[1 - position] if len(slots) == 2 else slot
            fixed = operation.name == "power" and not graph.varies(other)
            if _hands_on(operation, position, graph.numbers[other] if fixed else None):
                arises |= suspect[slot]
            else:
                lossy.add(slot)
        suspect[place] = arises
    return sorted(place for place in lossy if suspect[place])


_FINITE = {
    *("negative", "positive", "absolute", "relu", "maximum", "minimum"),
    *("sigmoid", "softplus", "logaddexp"),
}
"""Operations whose result is finite wherever their inputs are."""


@lru_cache(maxsize=1024)
def _hands_on(operation: Operation, position: int, known: float | None) -> bool:
    """Tell whether an infinite or undefined input always leads to such a result, or an error.

    Args:
        operation: a row of the table; of a rule in Python nothing is known.
        position: which of its inputs.
        known: the other input, if it matters and is a constant.
    """
    if not isinstance(operation.value, str):
        return False
    others = _SAMPLES if known is None else (known,)
    return not any(
        _is_finite(operation.compute, (x, z)[:: 1 - 2 * position] if operation.arity == 2 else (x,))
        for x in (math.inf, -math.inf, math.nan)
        for z in others
    )


_SAMPLES = (-2.0, -1.0, 0.0, 0.5, 1.0, 3.0)


def _is_finite(rule: Callable[..., float], inputs: tuple[float, ...]) -> bool:
    try:
        return math.isfinite(rule(*inputs))
    except (ValueError, ArithmeticError):
        return False


def finite_columns(numbers: NDArray[np.float64]) -> Any:
    """Tell for each column whether all its numbers are finite; one True where all columns are."""
    import numpy as np

    with np.errstate(all="ignore"):
        # The sum of all tells in most cases, and costs least.
        return True if math.isfinite(numbers.sum()) else np.isfinite(numbers.sum(axis=0))
