"""The recorded function as a program in Python, one line for each step."""

from __future__ import annotations

import ast
import keyword
import re
import unicodedata
from collections.abc import Mapping
from typing import Final, NamedTuple

from microgradcheck.explore.recording import Recording, Step
from microgradcheck.ops import FLOATS, Operation
from microgradcheck.value import OPERATORS, Value

__all__ = ["Listing", "formula", "slope_formula", "write_listing"]

_LETTERS: Final = ("a", "b", "y")


class Listing(NamedTuple):
    """A program.

    Attributes:
        lines: its text.
        of_step: the index of each step's line.
    """

    lines: list[str]
    of_step: list[int]


def write_listing(recording: Recording) -> Listing:
    """Write both sweeps as straight lines of Python, in which each step has its own line."""
    names = _identifiers(recording.names)
    given = [names[place] for place in recording.inputs]
    lines = [f"def value_and_grad({', '.join(given)}):"]
    constants = [
        f"    {name} = {value.number!r}"
        for place, (name, value) in enumerate(zip(names, recording.values, strict=True))
        if value.operation is None and place < recording.drawn and place not in recording.inputs
    ]
    lines += [*constants, "    # Forward"]
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


def _line(recording: Recording, step: Step, names: list[str]) -> str:
    name = names[step.place]
    if step.kind == "seed":
        return f"d_{name} = 1.0"
    value = recording.values[step.place]
    if step.kind == "forward":
        return f"{name} = {formula(recording, step, names)}"
    slope = _simplified(_slope_tree(recording, step, names))
    upstream: ast.expr = ast.Name(f"d_{name}")
    match slope:
        case ast.Constant(value=1.0):
            flow = upstream
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1.0)):
            flow = ast.UnaryOp(ast.USub(), upstream)
        case _:
            flow = ast.BinOp(upstream, ast.Mult(), slope)
    assert value.operation is not None
    return f"d_{names[step.target]} {'=' if step.use == 1 else '+='} {ast.unparse(flow)}"


def formula(recording: Recording, step: Step, names: list[str]) -> str:
    """Return what a forward step computes, in names: `x * y`, or `sin(x)`."""
    value = recording.values[step.place]
    operation = value.operation
    assert operation is not None
    operands = _operands(recording, value, names)[: operation.arity]
    if operation.name not in OPERATORS or not isinstance(operation.value, str):
        return f"{operation.name}({', '.join(map(ast.unparse, operands))})"
    return ast.unparse(_substituted(operation.value, dict(zip(_LETTERS, operands, strict=False))))


def slope_formula(recording: Recording, step: Step, names: list[str]) -> str:
    """Return the local derivative that a backward step multiplies by, in names: `cos(x)`."""
    return ast.unparse(_simplified(_slope_tree(recording, step, names)))


def _slope_tree(recording: Recording, step: Step, names: list[str]) -> ast.expr:
    value = recording.values[step.place]
    operation = value.operation
    assert operation is not None
    result: ast.expr = ast.Name(names[step.place])
    inputs = dict(zip("ab", _operands(recording, value, names), strict=False))
    return _substituted(_text(operation, step.position), inputs | {"y": result})


def _text(operation: Operation, position: int) -> str:
    rule = operation.derivatives[position]
    assert isinstance(rule, str), "a page is made of texts; it refuses all others earlier"
    return rule


def _operands(recording: Recording, value: Value, names: list[str]) -> list[ast.expr]:
    return [
        ast.Name(names[recording.place(slot)]) if isinstance(slot, Value) else _literal(slot)
        for slot in (value.a, value.b)
    ]


def _literal(x: float) -> ast.expr:
    """Return a number as an expression; read from its text, it gets parentheses where it must."""
    return ast.parse(str(int(x)) if x % 1 == 0 and abs(x) < 1e6 else repr(x), mode="eval").body


def _substituted(text: str, meanings: Mapping[str, ast.expr]) -> ast.expr:
    class Substitution(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return meanings.get(node.id, node)

    tree: ast.Expression = Substitution().visit(ast.parse(text, mode="eval"))
    return tree.body


def _simplified(tree: ast.expr) -> ast.expr:
    simplified: ast.expr = _Simplification().visit(tree)
    return simplified


class _Simplification(ast.NodeTransformer):
    """Work out what is known already: the rule of `x ** 2` reads `2 * x`, and nothing of cases."""

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return _literal(node.value) if isinstance(node.value, (int, float)) else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        match node:
            case (
                ast.BinOp(op=ast.BitOr(), left=ast.Constant(value=True))
                | ast.BinOp(op=ast.BitOr(), right=ast.Constant(value=True))
            ):
                return ast.Constant(True)
            case ast.BinOp(op=ast.BitOr(), left=ast.Constant(value=False)):
                return node.right
            case ast.BinOp(op=ast.BitOr(), right=ast.Constant(value=False)):
                return node.left
            case ast.BinOp(op=ast.Mult(), left=ast.Constant(value=1.0)):
                return node.right
            case ast.BinOp(op=ast.Mult() | ast.Pow() | ast.Div(), right=ast.Constant(value=1.0)):
                return node.left
        return _known(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        return node if isinstance(node.operand, ast.Constant) else _known(node)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        return _known(node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        return _known(node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.test, ast.Constant):
            return node.body if node.test.value else node.orelse
        return node


def _known(node: ast.expr) -> ast.expr:
    """Return an expression without names as its number, and any other as it is."""
    functions = {child.func for child in ast.walk(node) if isinstance(child, ast.Call)}
    names = {child for child in ast.walk(node) if isinstance(child, ast.Name)} - functions
    if names:
        return node
    try:
        result = FLOATS.compile(ast.unparse(node))()
    except (ValueError, ArithmeticError):
        return node
    if isinstance(result, bool):
        return ast.Constant(result)
    return _literal(result)


def _identifiers(names: list[str]) -> list[str]:
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
