"""What the names in the table's texts mean, for one kind of number or another."""

from __future__ import annotations

import ast
import linecache
import math
from collections.abc import Callable, Mapping
from functools import reduce
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from microgradcheck.ops.table import Operation

__all__ = ["OPERATIONS", "NumberSystem", "Rule"]

Rule = str | Callable[..., Any]
"""A rule is a text of the table or, in a user's own operation, a Python function."""

OPERATIONS: Final[dict[str, Operation]] = {}
"""Every operation by name: the table's rows, and the user's own after them."""


class NumberSystem:
    """What the names in the table's texts mean for one kind of number.

    Args:
        names: the meaning of each name, such as `{"exp": math.exp}`. Operations whose name is
            missing get their meaning from their own row. Where `"where"` is among the names,
            `p if c else q` becomes `where(c, p, q)`, and conditions are joined by `&` and `|`,
            since an array has no single truth; where `"real"` is, comparisons compare real
            parts, since complex numbers have no order.
        label: the kind of number, for tracebacks.

    Example:
        >>> floats = NumberSystem({"cos": math.cos}, "floats")
        >>> floats.compile("cos(a) * y", "a", "y")(0.0, 3.0)
        3.0
    """

    def __init__(self, names: Mapping[str, Any], label: str) -> None:
        self.names: dict[str, Any] = {"pi": math.pi, "inf": math.inf, **names}
        self.label = label
        self._derivatives: dict[Operation, tuple[Callable[..., Any], ...]] = {}

    def value(self, operation: Operation) -> Callable[..., Any]:
        """Return the operation's value as a function of its inputs."""
        name = operation.name
        if name not in self.names:
            self.names[name] = self._bind(operation.value, *operation.parameters, title=name)
        rule: Callable[..., Any] = self.names[name]
        return rule

    def derivatives(self, operation: Operation) -> tuple[Callable[..., Any], ...]:
        """Return one function of `(a, b, y)` for each input; operations of one input ignore b."""
        if operation not in self._derivatives:
            self._derivatives[operation] = tuple(
                self._bind(text, "a", "b", "y", title=f"d {operation.name} / d {parameter}")
                if isinstance(text, str) or operation.arity == 2
                else _without_b(text)
                for parameter, text in zip(operation.parameters, operation.derivatives, strict=True)
            )
        return self._derivatives[operation]

    def compile(self, text: str, *parameters: str, title: str = "") -> Callable[..., Any]:
        """Turn a text into a function of the given parameters.

        Args:
            text: an expression in the names of this system and the parameters.
            parameters: the names of the function's arguments, in order.
            title: what a traceback calls the function; by default the text itself.

        Raises:
            SyntaxError: the text is no Python expression.
        """
        title = title or text
        source = f"lambda {', '.join(parameters)}: {text}"
        tree: ast.Expression = ast.parse(source, mode="eval")
        if "**" in text or "where" in self.names or "real" in self.names:
            tree = ast.fix_missing_locations(_Rewriter(self.names).visit(tree))
        filename = f"<{title} over {self.label}>"
        # A traceback shows the text of the rule that failed, as for any function in a file.
        linecache.cache[filename] = (len(source), None, [source], filename)
        code = compile(tree, filename, "eval").co_consts[0].replace(co_name=title)
        for name in code.co_names:
            self._require(name)
        return FunctionType(code, self.names, title)

    def _bind(self, rule: Rule, *parameters: str, title: str) -> Callable[..., Any]:
        if not isinstance(rule, str):
            return rule
        if rule == f"{title}({', '.join(parameters)})":
            raise TypeError(f"{title} is not defined for {self.label}")
        return self.compile(rule, *parameters, title=title)

    def _require(self, name: str) -> None:
        """Give a name that a text uses its meaning, before the text is run."""
        if name not in self.names and name in OPERATIONS:
            self.value(OPERATIONS[name])


def _without_b(rule: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, b, y: rule(a, y)


class _Rewriter(ast.NodeTransformer):
    """Replace the Python syntax that cannot be given a meaning by name with calls that can."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = names

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Pow):
            return node
        return ast.Call(ast.Name("power", ast.Load()), [node.left, node.right], [])

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        if "where" not in self.names:
            return node
        choices = [node.test, node.body, node.orelse]
        return ast.Call(ast.Name("where", ast.Load()), choices, [])

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        sides = [node.left, *node.comparators]
        if "real" in self.names:
            sides = [ast.Call(ast.Name("real", ast.Load()), [side], []) for side in sides]
        links: list[ast.expr] = [
            ast.Compare(left, [comparison], [right])
            for left, comparison, right in zip(sides, node.ops, sides[1:], strict=False)
        ]
        return reduce(lambda p, q: ast.BinOp(p, ast.BitAnd(), q), links)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        self.generic_visit(node)
        joint = ast.BitAnd() if isinstance(node.op, ast.And) else ast.BitOr()
        return reduce(lambda p, q: ast.BinOp(p, joint, q), node.values)
