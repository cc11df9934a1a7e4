"""Number systems: what the names in the table's texts mean, over one kind of number or another."""

from __future__ import annotations

import ast
import cmath
import linecache
import math
from collections.abc import Callable, Container, Mapping
from functools import cache, reduce
from operator import attrgetter
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from microgradcheck.ops.table import Operation


Rule = str | Callable[..., Any]
"""A rule is a text of the table or, in a user's own operation, a Python function."""

OPERATIONS: Final[dict[str, Operation]] = {}
"""Every operation by name: the table's rows, and the user's own after them."""

RESERVED: Final = {
    *("abs", "float", "full_like", "inf", "isfinite", "isnan", "nan", "pow", "type", "where"),
    *("entries", "otherwise", "run", "value_and_grad"),
    *("ArithmeticError", "OverflowError", "TypeError", "ValueError"),
}
"""Names that generated code may use and that no variable or operation in it can have."""


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
        """Turn a text into a function of the parameters, which tracebacks call by the title."""
        title = title or text
        source = f"lambda {', '.join(parameters)}: {text}"
        tree: ast.Expression = ast.parse(source, mode="eval")
        if "**" in text or "where" in self.names or "real" in self.names:
            tree = ast.fix_missing_locations(rewritten(tree, self.names))
        filename = f"<{title} over {self.label}>"
        # A traceback shows the text of the rule that failed, as for any function in a file.
        linecache.cache[filename] = (len(source), None, [source], filename)
        code = compile(tree, filename, "eval").co_consts[0].replace(co_name=title)
        for name in code.co_names:
            if name not in self.names and name in OPERATIONS:
                self.value(OPERATIONS[name])  # From now on the name has its meaning here.
        return FunctionType(code, self.names, title)

    def _bind(self, rule: Rule, *parameters: str, title: str) -> Callable[..., Any]:
        if not isinstance(rule, str):
            return rule
        if rule == f"{title}({', '.join(parameters)})":
            raise TypeError(f"{title} is not defined for {self.label}")
        return self.compile(rule, *parameters, title=title)


def _without_b(rule: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, b, y: rule(a, y)


def rewritten(tree: ast.AST, names: Container[str]) -> Any:
    """Return a tree in which calls stand for what cannot be given a meaning by name."""
    return _Rewriter(names).visit(tree)


class _Rewriter(ast.NodeTransformer):
    """Replace the Python syntax that cannot be given a meaning by name with calls that can."""

    def __init__(self, names: Container[str]) -> None:
        self.names = names

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Pow):
            return node
        return _call("power", node.left, node.right)

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        if "where" not in self.names:
            return node
        return _call("where", node.test, node.body, node.orelse)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        sides = [node.left, *node.comparators]
        if "real" in self.names:
            sides = [_call("real", side) for side in sides]
        links: list[ast.expr] = [
            ast.Compare(left, [comparison], [right])
            for left, comparison, right in zip(sides, node.ops, sides[1:], strict=False)
        ]
        return reduce(lambda p, q: ast.BinOp(p, ast.BitAnd(), q), links)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        self.generic_visit(node)
        joint = ast.BitAnd() if isinstance(node.op, ast.And) else ast.BitOr()
        return reduce(lambda p, q: ast.BinOp(p, joint, q), node.values)


def _call(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _power(a: float, b: float) -> float:
    """Python's power, without its step into the complex numbers at `(-8.0) ** (1 / 3)`."""
    if math.isnan(a) or math.isnan(b):
        return a + b  # Python gives 1.0 for nan ** 0 and 1 ** nan, and so hides the nan.
    return math.pow(a, b) if a != 0 else a**b


def _hypot(a: float, b: float) -> float:
    """Python's hypot, without its infinity at `hypot(inf, nan)`, which hides the nan."""
    return a + b if math.isnan(a) or math.isnan(b) else math.hypot(a, b)


def _complex_absolute(a: complex) -> complex:
    # The modulus has no complex derivative; this is |x| continued from the real line.
    return -a if a.real < 0 else a


def _complex_power(a: complex, b: complex) -> complex:
    a, b = complex(a), complex(b)
    if a == 0 or cmath.isnan(a) or cmath.isnan(b):
        return complex(_power(a.real, b.real))
    if a.real < 0 and b.imag == 0 and b.real % 1 == 0:
        # Far from the negative axis, where a large multiple of its angle would be inexact.
        return (-a) ** b * (-1) ** b.real
    return a**b


def _complex_log1p(a: complex) -> complex:
    if abs(a) > 0.5:
        return cmath.log(1 + a)
    modulus = a.real * (2 + a.real) + a.imag * a.imag
    return complex(math.log1p(modulus) / 2, math.atan2(a.imag, 1 + a.real))


def _complex_expm1(a: complex) -> complex:
    real = math.expm1(a.real) * math.cos(a.imag) - 2 * math.sin(a.imag / 2) ** 2
    return complex(real, math.exp(a.real) * math.sin(a.imag))


def _complex_atan2(a: complex, b: complex) -> complex:
    if a == b == 0 or cmath.isnan(a) or cmath.isnan(b):
        return complex(math.atan2(a.real, b.real))
    if abs(b.real) >= abs(a.real):
        turn = 0.0 if b.real > 0 else math.copysign(math.pi, a.real)
        return cmath.atan(a / b) + turn
    return math.copysign(math.pi / 2, a.real) - cmath.atan(b / a)


def _complex_hypot(a: complex, b: complex) -> complex:
    scale = max(abs(a), abs(b)) or 1.0
    return scale * cmath.sqrt((a / scale) ** 2 + (b / scale) ** 2)


def _functions_of(library: object, *more: str) -> dict[str, Callable[..., Any]]:
    """Return the functions that `math`, `cmath` and NumPy name alike, and more by name."""
    circular = ("sin", "cos", "tan", "asin", "acos", "atan")
    hyperbolic = ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh")
    names = ("exp", "log", "sqrt", *circular, *hyperbolic, *more)
    return {name: getattr(library, name) for name in names}


FLOATS: Final = NumberSystem(
    {
        **_functions_of(math, "log1p", "expm1", "atan2", "erf"),
        "hypot": _hypot,
        "power": _power,
        "abs": abs,
    },
    "floats",
)
"""Python's floats, with the functions of `math`."""

COMPLEX: Final = NumberSystem(
    {
        **_functions_of(cmath),
        "log1p": _complex_log1p,
        "expm1": _complex_expm1,
        "atan2": _complex_atan2,
        "hypot": _complex_hypot,
        "power": _complex_power,
        "abs": _complex_absolute,
        "real": attrgetter("real"),
    },
    "complex numbers",
)
"""Python's complex numbers: each function continued from the real line, as a complex step needs."""


@cache
def arrays() -> NumberSystem:
    """Return the number system of NumPy arrays of floats, importing NumPy when first called."""
    import numpy as np

    elementwise_erf = np.frompyfunc(math.erf, 1, 1)  # NumPy itself has none.

    def erf(a: Any) -> Any:
        return np.asarray(elementwise_erf(a), dtype=np.result_type(np.asarray(a), np.float16))

    def keeping_nan(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda a, b: np.where(np.isnan(a) | np.isnan(b), a + b, function(a, b))

    return NumberSystem(
        {
            **_functions_of(np, "log1p", "expm1", "atan2", "abs", "where"),
            "hypot": keeping_nan(np.hypot),
            "power": keeping_nan(np.power),
            "erf": erf,
        },
        "arrays",
    )
