"""Random graphs, each of which can be computed in any number system."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from microgradcheck.ops import OPERATIONS, NumberSystem

SMOOTH_EVERYWHERE = (
    *("add", "subtract", "multiply", "negative"),
    *("sin", "cos", "tanh", "sigmoid", "softplus", "atan", "asinh", "erf", "logaddexp"),
)

Step = tuple[str, int, int]

NUMBERS = st.floats(-2, 2, allow_nan=False, width=32)

STEPS = st.lists(
    st.tuples(st.sampled_from(SMOOTH_EVERYWHERE), st.integers(0, 30), st.integers(0, 30)),
    min_size=1,
    max_size=10,
)


def function(steps: list[Step], system: NumberSystem) -> Callable[..., Any]:
    """Return the function of any inputs that takes the steps and adds up all that it made.

    Each step names an operation and, counted around, which of the numbers so far it takes.
    """

    def f(*inputs: Any) -> Any:
        numbers = list(inputs)
        for name, *positions in steps:
            row = OPERATIONS[name]
            taken = [numbers[i % len(numbers)] for i in positions[: row.arity]]
            numbers.append(system.value(row)(*taken))
        total = numbers[-1]
        for number in numbers[len(inputs) : -1]:
            total = total + number
        return total

    return f
