"""A small engine as one writes it for the first time, and what makes another of it: one change.

It sweeps over the library's own `Value`s, so that a picture or a check takes what it did as it is.
"""

from __future__ import annotations

import difflib
import inspect
import linecache
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from types import CodeType
from typing import Any, Final

from microgradcheck import functions
from microgradcheck.functions.entries import is_entry, lift
from microgradcheck.gradcheck import Report, gradcheck
from microgradcheck.ops import OPERATIONS, Operation
from microgradcheck.structure import one_or_all, put_together, take_apart
from microgradcheck.sweep import slopes, topological_order
from microgradcheck.value import Value


def backward(root: Value) -> None:
    """Set the gradient of every node: how fast the root moves with it."""
    order = inputs_first(root)
    for node in order:
        node.grad = 0.0
    root.grad = 1.0
    for node in reversed(order):
        for entry, slope in inputs_with_slopes(node):
            entry.grad += slope * node.grad


def inputs_first(root: Value) -> list[Value]:
    """Return every node below the root and itself, each after its inputs."""
    order: list[Value] = []
    seen: set[Value] = set()

    def visit(node: Value) -> None:
        if node in seen:
            return
        seen.add(node)
        for entry in node.inputs:
            visit(entry)
        order.append(node)

    visit(root)
    return order


def inputs_with_slopes(node: Value) -> Iterator[tuple[Value, float]]:
    """Yield each input of a node, with the slope of the node's operation in it."""
    for entry, slope in zip((node.a, node.b), slopes(node), strict=False):
        if isinstance(entry, Value) and slope is not None:
            yield entry, slope


_TEXT: Final = "\n\n".join(map(inspect.getsource, (backward, inputs_first, inputs_with_slopes)))


class Variant:
    """The engine with one thing changed, a gradient source like any other.

    Args:
        old: lines that the right engine has.
        new: what stands there in this one.
        row: a row of the table that this one has in place of the row of that name.
    """

    # Of the sources with this name, gradcheck knows that they go by the rows of a recorded graph.
    name = "backprop"

    def __init__(self, old: str = "", new: str = "", *, row: Operation | None = None) -> None:
        self.row = row
        self._text = _TEXT.replace(old, new)
        names = dict(globals())
        exec(compile(self._text, "<an engine>", "exec"), names)
        self.backward: Callable[[Value], None] = names["backward"]
        self.inputs_first: Callable[[Value], list[Value]] = names["inputs_first"]

    def value_and_gradient(self, f: Callable[..., Any], *inputs: Any) -> tuple[float, Any]:
        """Return f's value, and what this engine takes for its gradient."""
        arguments = lift(inputs)
        root = f(*arguments)
        self.put_row_into(root)
        self.backward(root)
        leaves = take_apart(arguments, is_entry)
        gradients = put_together([leaf.grad for leaf in leaves], like=inputs)
        return root.number, one_or_all(gradients)

    def check(self, f: Callable[..., Any], *inputs: Any) -> Report:
        """Return what gradcheck finds in this engine's gradient of f."""

        @wraps(f)
        def recorded(*inputs: Any) -> Any:
            result = f(*inputs)
            if isinstance(result, Value):
                self.put_row_into(result)
            return result

        return gradcheck(recorded, *inputs, gradient=self, raise_on_failure=False)

    def put_row_into(self, root: Value) -> None:
        """Let the operations of a recorded graph go by this engine's own row."""
        for node in topological_order(root):
            if self.row is not None and node.op == self.row.name:
                node.operation = self.row

    def difference(self) -> str:
        """Return what was changed, in its function or row: `-` for the right one, `+` for this."""
        if self.row is not None:
            before, after = _lines_of_row(OPERATIONS[self.row.name]), _lines_of_row(self.row)
        else:
            pairs = zip(_TEXT.split("\n\n\n"), self._text.split("\n\n\n"), strict=True)
            changed = next(((right, this) for right, this in pairs if right != this), ("", ""))
            before, after = map(str.splitlines, changed)
        hunk = list(difflib.unified_diff(before, after, n=len(before), lineterm=""))[3:]
        return "\n".join(map(str.rstrip, hunk))


def _lines_of_row(row: Operation) -> list[str]:
    slopes = zip(row.parameters, row.derivatives, strict=True)
    return [f"y = {row.value}", *(f"∂y/∂{parameter} = {slope}" for parameter, slope in slopes)]


class Graph:
    """A graph as a person writes it, one operation a line: a function of `Value`s or floats."""

    def __init__(self, title: str, text: str, names: Sequence[str]) -> None:
        # What makes inspect.signature, and so gradcheck, know the names.
        parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]
        self.__signature__ = inspect.Signature(parameters)
        self._code = compile_text(title, text)

    def __call__(self, *inputs: Any) -> Any:
        """Return the last line's result."""
        at = dict(zip(self.__signature__.parameters, inputs, strict=True))
        return list(self._run(at).values())[-1]

    def nodes(self, at: Mapping[str, float]) -> dict[str, Value]:
        """Return a `Value` for each input and each line, by name, recorded afresh."""
        return self._run({name: Value(number) for name, number in at.items()})

    def _run(self, names: dict[str, Any]) -> dict[str, Any]:
        public = vars(functions)["__all__"]  # Unseen by type checkers, being made of the table.
        exec(self._code, {name: getattr(functions, name) for name in public}, names)
        for name, thing in names.items():
            if isinstance(thing, Value) and not thing.label:
                thing.label = name
        return names


def compile_text(title: str, text: str) -> CodeType:
    """Compile statements so that tracebacks and reports can show them, as if of a file."""
    filename = f"<{title.replace('-', '_')}>"  # Where a line is wrapped, that is one word.
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    return compile(text, filename, "exec")
