"""Each step in writing: as a line of a Python program, and as a formula with its numbers."""

from __future__ import annotations

import ast
import keyword
import re
import unicodedata
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Context
from math import isfinite
from typing import Any, Final, NamedTuple

from microgradcheck.explore.recording import Application, Recording, Step, apply_chain_rule
from microgradcheck.ops import FLOATS
from microgradcheck.value import OPERATORS, Value

__all__ = [
    "Listing",
    "Row",
    "describe",
    "fill",
    "readable",
    "slope_formula",
    "sum_of",
    "template",
    "write_listing",
]


class Listing(NamedTuple):
    """A program: its lines, and the index of each step's line."""

    lines: list[str]
    of_step: list[int]


def write_listing(recording: Recording) -> Listing:
    """Write both sweeps as straight lines of Python, in which each step has its own line."""
    names = _identifiers(recording.names)
    given = [names[place] for place in recording.inputs]
    lines = [f"def value_and_grad({', '.join(given)}):"]
    lines += [
        f"    {names[place]} = {value.number!r}"
        for place, value in enumerate(recording.values[: recording.drawn])
        if value.operation is None and place not in recording.inputs
    ]
    lines.append("    # Forward")
    of_step = []
    for step in recording.steps:
        if step.kind == "seed":
            lines += ["", f"    # Backward: d_v is ∂{names[step.place]}/∂v"]
        of_step.append(len(lines))
        lines.append(f"    {_line(recording, step, names)}")
    reached = {step.target for step in recording.steps if step.kind == "backward"}
    reached.add(recording.root)
    gradient = [f"d_{names[place]}" if place in reached else "0.0" for place in recording.inputs]
    lines.append(f"    return {names[recording.root]}, [{', '.join(gradient)}]")
    return Listing(lines, of_step)


def _line(recording: Recording, step: Step, names: Sequence[str]) -> str:
    name = names[step.place]
    if step.kind == "seed":
        return f"d_{name} = 1.0"
    if step.kind == "forward":
        operation, operands = recording.operation(step), _operands(recording, step, names)
        if operation.name in OPERATORS and isinstance(operation.value, str):
            return f"{name} = {ast.unparse(_substituted(operation.value, operands))}"
        inputs = [operands[parameter] for parameter in operation.parameters]
        return f"{name} = {operation.name}({', '.join(map(ast.unparse, inputs))})"
    slope = _slope(recording, step, names)
    flow: ast.expr = ast.Name(f"d_{name}")
    match slope:
        case ast.Constant(value=1.0):
            pass
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1.0)):
            flow = ast.UnaryOp(ast.USub(), flow)
        case _:
            flow = ast.BinOp(flow, ast.Mult(), slope)
    return f"d_{names[step.target]} {'=' if step.use == 1 else '+='} {ast.unparse(flow)}"


def slope_formula(recording: Recording, step: Step) -> str:
    """Return the local derivative that a backward step multiplies by, in names: `cos(x)`."""
    return ast.unparse(_slope(recording, step, recording.names))


def _slope(recording: Recording, step: Step, names: Sequence[str]) -> ast.expr:
    rule = recording.operation(step).derivatives[step.position]
    assert isinstance(rule, str), "a page is made of texts; it refuses all others earlier"
    result: ast.expr = ast.Name(names[step.place])
    tree = _substituted(rule, _operands(recording, step, names) | {"y": result})
    simplified: ast.expr = _Simplification().visit(tree)
    return simplified


def _operands(recording: Recording, step: Step, names: Sequence[str]) -> dict[str, ast.expr]:
    value = recording.values[step.place]
    return {
        parameter: ast.Name(names[recording.places[slot]])
        if isinstance(slot, Value)
        else _literal(slot)
        for parameter, slot in (("a", value.a), ("b", value.b))
    }


def _literal(x: float) -> ast.expr:
    """Return a number as an expression; read from its text, it gets parentheses where it must."""
    return ast.parse(str(int(x)) if x % 1 == 0 and abs(x) < 1e6 else repr(x), mode="eval").body


def _substituted(text: str, meanings: Mapping[str, ast.expr]) -> ast.expr:
    class Substitution(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return meanings.get(node.id, node)

    tree: ast.Expression = Substitution().visit(ast.parse(text, mode="eval"))
    return tree.body


class _Simplification(ast.NodeTransformer):
    """Work out what is known already: the rule of `x ** 2` reads `2 * x`, and nothing of cases."""

    def visit(self, node: ast.AST) -> Any:
        self.generic_visit(node)
        match node:
            case ast.Constant(value=int() | float() as number):
                return _literal(number)
            case ast.UnaryOp(operand=ast.Constant()):
                return node
            case (
                ast.BinOp(op=ast.BitOr(), left=ast.Constant(value=known), right=other)
                | ast.BinOp(op=ast.BitOr(), left=other, right=ast.Constant(value=known))
            ):
                return ast.Constant(True) if known else other
            case ast.BinOp(op=ast.Mult(), left=ast.Constant(value=1.0)):
                return node.right
            case ast.BinOp(op=ast.Mult() | ast.Pow() | ast.Div(), right=ast.Constant(value=1.0)):
                return node.left
            case ast.IfExp(test=ast.Constant(value=chosen)):
                return node.body if chosen else node.orelse
            case ast.BinOp() | ast.UnaryOp() | ast.Compare() | ast.Call():
                return _known(node)
        return node


def _known(node: ast.expr) -> ast.expr:
    """Return an expression without names as its number, and any other as it is."""
    functions = {child.func for child in ast.walk(node) if isinstance(child, ast.Call)}
    if {child for child in ast.walk(node) if isinstance(child, ast.Name)} - functions:
        return node
    try:
        result = FLOATS.compile(ast.unparse(node))()
    except (ValueError, ArithmeticError):
        return node
    return ast.Constant(result) if isinstance(result, bool) else _literal(result)


def _identifiers(names: Sequence[str]) -> list[str]:
    """Return a Python name for each name, as near to it as can be."""
    identifiers: list[str] = []
    # So that neither a name nor its derivative's is a function that a line may call.
    taken = {*FLOATS.names, *keyword.kwlist, *keyword.softkwlist}
    for place, name in enumerate(names):
        plain = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", name)).strip("_")
        identifier = stem = plain if plain.isidentifier() else f"u{place + 1}"
        count = 1
        while {identifier, f"d_{identifier}"} & taken:
            count += 1
            identifier = f"{stem}_{count}"
        taken |= {identifier, f"d_{identifier}"}
        identifiers.append(identifier)
    return identifiers


# In words. The page's words.js says the same, of the numbers that its sliders bring.

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
    if operation is None:
        return ""
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


class Row(NamedTuple):
    """A step in words: its formula with numbers, and what it adds up to where there is a sum."""

    formula: str
    total: str


def describe(recording: Recording) -> list[Row]:
    """Return every step in words."""
    applications = apply_chain_rule(recording)
    return [
        Row(_forward(recording, step), "")
        if numbers is None
        else _backward(recording, step, numbers)
        for step, numbers in zip(recording.steps, applications, strict=True)
    ]


def _forward(recording: Recording, step: Step) -> str:
    name = recording.names[step.place]
    if step.kind == "seed":
        return f"∂{name}/∂{name} = 1"
    value = recording.values[step.place]
    slots = [value.a, value.a if recording.operation(step).arity == 1 else value.b]
    written = [
        recording.names[recording.places[x]] if isinstance(x, Value) else readable(x) for x in slots
    ]
    numbers = [readable(x.number if isinstance(x, Value) else x) for x in slots]
    text = template(value)
    return f"{name} = {fill(text, *written)} = {fill(text, *numbers)} = {readable(value.number)}"


def _backward(recording: Recording, step: Step, numbers: Application) -> Row:
    name, target = recording.names[step.place], recording.names[step.target]
    root = recording.names[recording.root]
    terms = list(map(readable, numbers.terms))
    product = fill("{a} × {b}", readable(numbers.upstream), readable(numbers.slope))
    formula = f"∂{root}/∂{name} · ∂{name}/∂{target} = {product} = {terms[-1]}"
    if step.uses == 1:
        return Row(formula, "")
    # The sum over the consumers that have been met so far.
    result = f" = {readable(numbers.after)}" if step.use > 1 else ""
    missing = f", {step.uses - step.use} more to come" if step.use < step.uses else ""
    met = f"({step.use} of {step.uses} uses{missing})"
    return Row(formula, f"∂{root}/∂{target} = {sum_of(terms)}{result} {met}")


def sum_of(terms: Sequence[str]) -> str:
    """Return readable numbers joined by plus and minus."""
    return " + ".join(terms).replace("+ −", "− ")
