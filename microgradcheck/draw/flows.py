"""What the chain rule says on each line of a picture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from microgradcheck.value import NotComputed, Value

__all__ = ["Input", "has_gradient", "inputs_of"]


@dataclass(frozen=True)
class Input:
    """One input of an operation: a value or a constant, and what the chain rule says there.

    Attributes:
        parameter: its name in the table, a or b.
        content: the value or number.
        formula: the table's rule, such as "∂/∂a = cos(a)".
        slope: the rule's number, None where it does not exist or the content is a constant.
        flow: the slope times the gradient of the result, None where there is none yet.
    """

    parameter: str
    content: Value | float
    formula: str
    slope: float | None
    flow: float | None


def inputs_of(value: Value) -> Iterator[Input]:
    """Yield the inputs of the operation that made a value; none for a leaf."""
    operation = value.operation
    if operation is None:
        return
    slots = (value.a, value.b)
    numbers = [slot.number if isinstance(slot, Value) else slot for slot in slots]
    rules = (operation.derivative_a, operation.derivative_b)
    # An operation of one input has a second slot and a second rule too; zip leaves them out.
    for parameter, text, slot, rule in zip(
        operation.parameters, operation.derivatives, slots, rules, strict=False
    ):
        slope = flow = None
        if isinstance(slot, Value):
            with suppress(ValueError, ArithmeticError):
                slope = float(rule(*numbers, value.number))
        if slope is not None and has_gradient(value):
            flow = slope * value.grad
        formula = f"∂/∂{parameter}" + (f" = {text}" if isinstance(text, str) else "")
        yield Input(parameter, slot, formula, slope, flow)


def has_gradient(value: Value) -> bool:
    """Tell whether a backward pass has reached a value."""
    return not isinstance(value.grad, (NotComputed, type(None)))
