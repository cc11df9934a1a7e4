"""The small engine with one thing changed: a few lines of its sweep, or a row of the table."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from microgradcheck.functions.entries import is_entry, lift
from microgradcheck.gradcheck import Report, gradcheck
from microgradcheck.mistakes import right_engine
from microgradcheck.ops import OPERATIONS, Operation
from microgradcheck.structure import put_together, take_apart
from microgradcheck.sweep import topological_order
from microgradcheck.value import Value

__all__ = ["Variant"]

_RIGHT = inspect.getsource(right_engine)


class Variant:
    """An engine that differs from the right one in one place, and a source of its gradients.

    Args:
        old: lines of the right engine, which it must have once; "" for none.
        new: what stands there in this one.
        row: a row of the table that this one has in place of the row of that name.

    Raises:
        ValueError: the right engine does not have these lines, or has them twice.

    Example:
        >>> wrong = Variant("entry.grad += slope * node.grad", "entry.grad = slope * node.grad")
        >>> wrong.value_and_gradient(lambda a: a + a, 3.0)
        (6.0, 1.0)
    """

    # Of the sources with this name, gradcheck knows that they go by the rows of a recorded graph.
    name = "backprop"

    def __init__(self, old: str = "", new: str = "", *, row: Operation | None = None) -> None:
        if old and _RIGHT.count(old) != 1:
            raise ValueError(f"the engine has {_RIGHT.count(old)} places with {old!r}; expected 1")
        self.row = row
        self._changed = _RIGHT.replace(old, new) if old else _RIGHT
        names = dict(vars(right_engine))
        exec(compile(self._changed, "<an engine>", "exec"), names)
        self.backward: Callable[[Value], None] = names["backward"]
        self.inputs_first: Callable[[Value], list[Value]] = names["inputs_first"]

    def value_and_gradient(self, f: Callable[..., Any], *inputs: Any) -> tuple[float, Any]:
        """Return f's value and what this engine takes for its gradient.

        Args:
            f: a function of `Value`s that returns one.
            inputs: numbers, or lists, tuples or arrays of them.

        Returns:
            The value, and the gradient in the input's kind and shape; a tuple for several inputs.
        """
        arguments = [lift(given) for given in inputs]
        root = self.with_row(f)(*arguments)
        self.backward(root)
        gradients = tuple(
            put_together([leaf.grad for leaf in take_apart(argument, is_entry)], like=given)
            for argument, given in zip(arguments, inputs, strict=True)
        )
        return root.number, gradients[0] if len(gradients) == 1 else gradients

    def with_row(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """Return f, recorded with this engine's row of the table in place of the right one."""
        if self.row is None:
            return f

        @wraps(f)
        def recorded(*inputs: Any) -> Any:
            result = f(*inputs)
            if isinstance(result, Value):
                self.put_row_into(result)
            return result

        return recorded

    def put_row_into(self, root: Value) -> None:
        """Let every operation of a recorded graph go by this engine's row where it has its own."""
        for node in topological_order(root):
            if self.row is not None and node.op == self.row.name:
                node.operation = self.row

    def check(self, f: Callable[..., Any], *inputs: Any) -> Report:
        """Return what gradcheck finds in this engine's gradient of f.

        Args:
            f: a function of `Value`s that returns one number.
            inputs: as for `gradcheck`.
        """
        return gradcheck(self.with_row(f), *inputs, gradient=self, raise_on_failure=False)

    def difference(self) -> str:
        """Return what was changed, in its function or row: `-` for the right one, `+` for this."""
        if self.row is not None:
            before, after = _lines_of_row(OPERATIONS[self.row.name]), _lines_of_row(self.row)
        else:
            before, after = _changed_function(_RIGHT, self._changed)
        hunk = list(difflib.unified_diff(before, after, n=len(before), lineterm=""))[3:]
        return "\n".join(map(str.rstrip, hunk))


def _lines_of_row(row: Operation) -> list[str]:
    slopes = zip(row.parameters, row.derivatives, strict=True)
    return [f"y = {row.value}", *(f"∂y/∂{parameter} = {slope}" for parameter, slope in slopes)]


def _changed_function(right: str, wrong: str) -> tuple[list[str], list[str]]:
    for before, after in zip(right.split("\n\n\n"), wrong.split("\n\n\n"), strict=True):
        if before != after:
            return before.splitlines(), after.splitlines()
    return [], []
