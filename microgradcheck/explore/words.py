"""What a step says, in symbols and in numbers. The page's words.js says the same live."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from decimal import ROUND_HALF_UP, Context
from math import isfinite
from typing import Final, NamedTuple

from microgradcheck.explore.recording import Recording, Step
from microgradcheck.value import Value

__all__ = ["Application", "Row", "apply_chain_rule", "describe", "readable", "template"]

PRECISION: Final = 4
# As JavaScript rounds 1.5625: up, and not to the even digit.
_ROUNDING: Final = Context(prec=PRECISION, rounding=ROUND_HALF_UP)
_INFIX: Final = {
    "add": "{a} + {b}",
    "subtract": "{a} − {b}",
    "multiply": "{a} × {b}",
    "divide": "{a} / {b}",
    "power": "{a} ** {b}",
    "negative": "−{b}",
    "positive": "+{b}",
}


class Application(NamedTuple):
    """One application of the chain rule; nan where a derivative does not exist.

    Attributes:
        upstream: the derivative of the root with respect to the node.
        slope: the local derivative of the node with respect to its input.
        flow: their product.
        after: the sum of what has reached the input so far.
    """

    upstream: float
    slope: float
    flow: float
    after: float


class Row(NamedTuple):
    """A step in words: its formula with numbers, and what it adds up to where there is a sum."""

    formula: str
    total: str


def readable(x: float | None) -> str:
    """Return a number as people write it.

    Example:
        >>> readable(-3.14159), readable(36.0), readable(1.2e-7), readable(None)
        ('−3.142', '36', '1.2e−07', '—')
    """
    if x is None or not isfinite(x):
        return "—"
    if x % 1 == 0 and abs(x) < 1e6:
        return str(int(x)).replace("-", "−")
    rounded = _ROUNDING.create_decimal_from_float(x)
    exponent = rounded.adjusted()
    if -4 <= exponent < PRECISION:
        return f"{rounded.normalize():f}".replace("-", "−")
    mantissa = rounded.scaleb(-exponent).normalize()
    return f"{mantissa:f}e{exponent:+03d}".replace("-", "−")


def template(value: Value) -> str:
    """Return how an operation is written, with `{a}` and `{b}` for its inputs.

    In infix notation `{b}` stands for an input that needs parentheses where it is negative.
    """
    operation = value.operation
    assert operation is not None
    if operation.name in _INFIX:
        return _INFIX[operation.name]
    return f"{operation.symbol}(" + ("{a})" if operation.arity == 1 else "{a}, {c})")


def fill(text: str, a: str, b: str) -> str:
    """Return a template with its inputs in place."""
    wrapped = f"({b})" if b.startswith("−") else b
    base = f"({a})" if a.startswith("−") and " ** " in text else a
    parts = {"{a}": base, "{b}": wrapped, "{c}": b}
    # In one pass, since a name may have braces of its own.
    return re.sub(r"\{[abc]\}", lambda found: parts[found[0]], text)


def apply_chain_rule(recording: Recording) -> list[Application | None]:
    """Return the numbers of every backward step, None for all others."""
    adjoints: dict[int, float] = {recording.root: 1.0}
    found: list[Application | None] = []
    for step in recording.steps:
        if step.kind != "backward":
            found.append(None)
            continue
        value = recording.values[step.place]
        assert value.operation is not None
        rule = (value.operation.derivative_a, value.operation.derivative_b)[step.position]
        numbers = [x.number if isinstance(x, Value) else x for x in (value.a, value.b)]
        slope = float("nan")
        with suppress(ValueError, ArithmeticError):
            slope = float(rule(*numbers, value.number))
        upstream = adjoints[step.place]
        flow = upstream * slope
        adjoints[step.target] = adjoints.get(step.target, 0.0) + flow
        found.append(Application(upstream, slope, flow, adjoints[step.target]))
    return found


def describe(recording: Recording) -> list[Row]:
    """Return every step in words."""
    names, root = recording.names, recording.names[recording.root]
    applications = apply_chain_rule(recording)
    flows: dict[int, list[float]] = {}
    rows = []
    for step, application in zip(recording.steps, applications, strict=True):
        name = names[step.place]
        if application is None:
            rows.append(Row(_forward(recording, step, name, root), ""))
            continue
        upstream, slope, flow, after = application
        target = names[step.target]
        formula = (
            f"∂{root}/∂{name} · ∂{name}/∂{target} = "
            + fill("{a} × {b}", readable(upstream), readable(slope))
            + f" = {readable(flow)}"
        )
        terms = flows.setdefault(step.target, [])
        terms.append(flow)
        rows.append(Row(formula, total(f"∂{root}/∂{target}", terms, after, step.uses)))
    return rows


def _forward(recording: Recording, step: Step, name: str, root: str) -> str:
    if step.kind == "seed":
        return f"∂{root}/∂{root} = 1"
    value = recording.values[step.place]
    slots = (value.a, value.b)
    written = [
        recording.names[recording.place(x)] if isinstance(x, Value) else readable(x) for x in slots
    ]
    numbers = [readable(x.number if isinstance(x, Value) else x) for x in slots]
    text = template(value)
    if value.operation is not None and value.operation.arity == 1:
        written, numbers = [written[0]] * 2, [numbers[0]] * 2
    return f"{name} = {fill(text, *written)} = {fill(text, *numbers)} = {readable(value.number)}"


def total(symbol: str, flows: Sequence[float], after: float, uses: int) -> str:
    """Return the sum over the consumers that have been met so far; "" where there is but one."""
    if uses == 1:
        return ""
    terms = "".join(
        f" {'−' if text.startswith('−') else '+'} {text.removeprefix('−')}"
        for text in map(readable, flows[1:])
    )
    missing = "" if len(flows) == uses else f", {uses - len(flows)} more to come"
    result = f" = {readable(after)}" if len(flows) > 1 else ""
    return f"{symbol} = {readable(flows[0])}{terms}{result} ({len(flows)} of {uses} uses{missing})"
