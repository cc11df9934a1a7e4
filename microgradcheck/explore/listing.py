"""Both sweeps as straight lines of Python, in which each step has its own line."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from microgradcheck.explore.recording import Recording
from microgradcheck.ops import FLOATS, Operation
from microgradcheck.tape.expression import SIGNED, Expression, TextSystem, constant
from microgradcheck.tape.straight import Names
from microgradcheck.value import OPERATORS, Value


class Listing(NamedTuple):
    """A program."""

    lines: list[str]
    of_step: list[int]  # the index of each step's line
    slopes: list[str]  # what each backward step multiplies by, such as `cos(x)`; "" for others


def write_listing(recording: Recording) -> Listing:
    """Write the program of a recorded function; its rules are texts."""
    # Neither a name nor its derivative's is a function that a line may call.
    free = Names(set(FLOATS.names))
    names = [free.fresh(name, f"u{place}") for place, name in enumerate(recording.names, start=1)]
    adjoints = [free.fresh(f"d_{name}") for name in names]
    lines = [f"def value_and_grad({', '.join(names[place] for place in recording.inputs)}):"]
    lines += [
        f"    {names[place]} = {value.number!r}"
        for place, value in enumerate(recording.values[: recording.root + 1])
        if value.operation is None and place not in recording.inputs
    ]
    lines.append("    # Forward")
    listing = Listing(lines, [], [])
    reached = {recording.root}
    texts = {value: Expression(name) for value, name in zip(recording.values, names, strict=True)}
    for step in recording.steps:
        value: Any = recording.values[step.place]
        a, b = (texts[x] if isinstance(x, Value) else constant(x) for x in (value.a, value.b))
        slope = ""
        if step.kind == "forward":
            line = f"{names[step.place]} = {_value(value.operation, a, b)}"
        elif step.kind == "seed":
            lines += ["", f"    # Backward: d_v is ∂{names[step.place]}/∂v"]
            line = f"{adjoints[step.place]} = 1.0"
        else:
            rule = _TEXTS.derivatives(value.operation)[step.position]
            local, adjoint = constant(rule(a, b, texts[value])), Expression(adjoints[step.place])
            is_sign = local.is_constant and abs(local.factor) == 1
            flow = adjoint * local if is_sign else f"{adjoint} * {local.write(SIGNED)}"
            sign = "+=" if step.target in reached else "="
            slope, line = _short(local), f"{adjoints[step.target]} {sign} {_short(flow)}"
            reached.add(step.target)
        listing.of_step.append(len(lines))
        listing.slopes.append(slope)
        lines.append(f"    {line}")
    gradient = [adjoints[place] if place in reached else "0.0" for place in recording.inputs]
    lines.append(f"    return {names[recording.root]}, [{', '.join(gradient)}]")
    return listing


def _value(operation: Operation, a: Expression, b: Expression) -> str:
    call = f"{operation.name}({', '.join(operation.parameters)})"
    rule = operation.value if operation.name in OPERATORS else call
    inputs = {"a": a.write(SIGNED), "b": b.write(SIGNED)}
    return _short(re.sub(r"\b[ab]\b", lambda letter: inputs[letter[0]], str(rule)))


def _short(text: object) -> str:
    """Write whole numbers as people do, 2 for 2.0."""
    return re.sub(r"(?<![\w.])(\d{1,6})\.0\b", r"\1", str(text))


class _Texts(TextSystem):
    """Writes powers as powers, since a page is there to be read, and not to be fast."""

    def _power(self, a: Any, b: Any) -> Expression:
        base, exponent = constant(a), constant(b)
        return base if exponent.is_constant and exponent.factor == 1 else base**exponent


_TEXTS: Final = _Texts("texts of a page", over_arrays=False)
