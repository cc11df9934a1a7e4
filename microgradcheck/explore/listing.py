"""Both sweeps as straight lines of Python, in which each step has its own line."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from microgradcheck.explore.recording import Recording
from microgradcheck.ops import FLOATS
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
    for step in recording.steps:
        value: Any = recording.values[step.place]
        letters = {"y": names[step.place], "d": adjoints[step.place]}
        for letter, slot in (("a", value.a), ("b", value.b)):
            is_node = isinstance(slot, Value)
            letters[letter] = names[recording.places[slot]] if is_node else _written(slot)
        slope = ""
        if step.kind == "forward":
            line = f"{letters['y']} = {_value(value.operation, letters)}"
        elif step.kind == "seed":
            lines += ["", f"    # Backward: d_v is ∂{letters['y']}/∂v"]
            line = f"{letters['d']} = 1.0"
        else:
            rule = value.operation.derivatives[step.position]
            slope, flow = _simplified(rule, letters), _simplified(f"d * ({rule})", letters)
            line = f"{adjoints[step.target]} {'+=' if step.target in reached else '='} {flow}"
            reached.add(step.target)
        listing.of_step.append(len(lines))
        listing.slopes.append(slope)
        lines.append(f"    {line}")
    gradient = [adjoints[place] if place in reached else "0.0" for place in recording.inputs]
    lines.append(f"    return {names[recording.root]}, [{', '.join(gradient)}]")
    return listing


def _value(operation: Any, letters: Mapping[str, str]) -> str:
    call = f"{operation.name}({', '.join(operation.parameters)})"
    rule = operation.value if operation.name in OPERATORS else call
    return ast.unparse(_expression(rule, letters))


def _written(x: float) -> str:
    return str(int(x)) if x % 1 == 0 and abs(x) < 1e6 else repr(x)


def _expression(rule: Any, letters: Mapping[str, str]) -> ast.expr:
    """Return a rule with names and numbers for its letters, which no function is called by."""
    filled = re.sub(r"\b[abdy]\b(?!\()", lambda found: f"({letters[found[0]]})", rule)
    return ast.parse(filled, mode="eval").body


def _simplified(rule: Any, letters: Mapping[str, str]) -> str:
    return ast.unparse(_Simplification().visit(_expression(rule, letters)))


class _Simplification(ast.NodeTransformer):
    """Work out what is known already: the rule of `x ** 2` reads `2 * x`, and nothing of cases."""

    def visit(self, node: ast.AST) -> Any:
        self.generic_visit(node)
        match node:
            case ast.IfExp(test=ast.Constant(value=chosen)):
                return node.body if chosen else node.orelse
            case (
                ast.BinOp(op=ast.BitOr(), left=ast.Constant(value=known), right=other)
                | ast.BinOp(op=ast.BitOr(), left=other, right=ast.Constant(value=known))
            ):
                return ast.Constant(True) if known else other
            case ast.BinOp(op=ast.Mult(), left=ast.Constant(value=1)):
                return node.right
            case ast.BinOp(op=ast.Mult() | ast.Pow() | ast.Div(), right=ast.Constant(value=1)):
                return node.left
            case ast.BinOp(op=ast.Mult(), right=ast.UnaryOp(operand=ast.Constant(value=1))):
                return ast.UnaryOp(ast.USub(), node.left)
            case ast.Constant() | ast.BinOp() | ast.UnaryOp() | ast.Compare() | ast.Call():
                return _known(node)
        return node


def _known(node: ast.expr) -> ast.expr:
    """Return an expression without names as its number, and any other as it is."""
    text = ast.unparse(node)
    if re.search(r"\b[^\W\d]\w*\b(?!\()", text):
        return node
    try:
        result = FLOATS.compile(text)()
    except (ValueError, ArithmeticError):
        return node
    written = str(result) if isinstance(result, bool) else _written(result)
    return ast.parse(written, mode="eval").body
