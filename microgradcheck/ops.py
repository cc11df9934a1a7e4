"""The table: every primitive operation, one row each, written as ordinary mathematics.

A row says what an operation computes and, for each of its inputs, what the derivative with
respect to that input is. `a` and `b` are the inputs and `y` is the output, so that the rule
"the derivative of exp is exp itself" is the text `"y"`.

The texts are the only place where the mathematics stands. A `NumberSystem` gives their names a
meaning (`exp` is `math.exp` over floats, `numpy.exp` over arrays, a recorded operation over
`Value`s) and turns a text into a Python function. Adding an operation is adding a row.
"""

from __future__ import annotations

import ast
import cmath
import linecache
import math
from collections.abc import Callable, Iterator, Mapping
from functools import cache, reduce
from types import FunctionType
from typing import Any, Final

__all__ = [
    "COMPLEX",
    "FLOATS",
    "OPERATIONS",
    "NumberSystem",
    "Operation",
    "Rule",
    "arrays",
    "define",
    "require_finite",
    "undefined",
]

Rule = str | Callable[..., Any]
"""A rule is a text of the table or, in a user's own operation, a Python function."""


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
        >>> FLOATS.compile("cos(a) * y", "a", "y")(0.0, 3.0)
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


class Operation:
    """One row of the table.

    Args:
        name: the operation's name, as in `mg.exp` (NumPy's and the array API's names).
        symbol: how pictures show it.
        value: its value, a text in `a` (and `b`).
        derivatives: one text for each input, in `a`, `b` and the output `y`.
        domain: where the value is defined, a condition in `a` and `b`; "" is everywhere.
        kink: where the derivative jumps, a condition in `a` and `b`; "" is nowhere. The
            derivative there is the convention that the derivatives' texts state.

    The rules over floats stand ready for the engine: `compute(a)` or `compute(a, b)`, and
    `derivative_a(a, b, y)` and `derivative_b(a, b, y)`.
    """

    __slots__ = (
        "compute",
        "derivative_a",
        "derivative_b",
        "derivatives",
        "domain",
        "kink",
        "name",
        "parameters",
        "symbol",
        "value",
    )

    def __init__(
        self,
        name: str,
        symbol: str,
        value: Rule,
        *derivatives: Rule,
        domain: str = "",
        kink: str = "",
    ) -> None:
        self.name: Final = name
        self.symbol: Final = symbol
        self.value: Final = value
        self.derivatives: Final = derivatives
        self.domain: Final = domain
        self.kink: Final = kink
        self.parameters: Final = ("a", "b")[: len(derivatives)]
        self.compute: Callable[..., float] = FLOATS.value(self)
        self.derivative_a: Callable[..., float] = FLOATS.derivatives(self)[0]
        self.derivative_b: Callable[..., float] = FLOATS.derivatives(self)[-1]

    @property
    def arity(self) -> int:
        """The number of inputs, 1 or 2."""
        return len(self.parameters)

    def __repr__(self) -> str:
        return f"<operation {self.name}({', '.join(self.parameters)})>"


def require_finite(y: Any, *inputs: Any) -> None:
    """Let infinity and nan pass on, but not arise out of finite inputs."""
    # What is finite less itself is 0, and all else is nan.
    if y - y and not any(x - x for x in inputs):
        raise ValueError("the result is not a number") if cmath.isnan(y) else OverflowError


def undefined(operation: Operation, inputs: tuple[float, ...], error: Exception) -> Exception:
    """Return an error of the same type as `error` that names the operation and its inputs."""
    call = f"{operation.name}({', '.join(map(repr, inputs))})"
    if isinstance(error, OverflowError):
        return OverflowError(f"{call} is too large for a float, whose largest is 1.8e308")
    if isinstance(operation.value, str) and isinstance(error, ValueError | ZeroDivisionError):
        needs = f": it needs {operation.domain}" if operation.domain else ""
        return type(error)(f"{call} is undefined{needs}")
    return type(error)(f"{call} raised {type(error).__name__}: {error}")


def _power(a: float, b: float) -> float:
    """Python's power, without its step into the complex numbers at `(-8.0) ** (1 / 3)`."""
    if math.isnan(a) or math.isnan(b):
        return a + b  # Python gives 1.0 for nan ** 0 and 1 ** nan, and so hides the nan.
    return math.pow(a, b) if a != 0 else a**b


def _real(a: complex) -> float:
    return a.real


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


_CIRCULAR_AND_HYPERBOLIC = (
    *("sin", "cos", "tan", "asin", "acos", "atan"),
    *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
)

FLOATS: Final = NumberSystem(
    {
        **{name: getattr(math, name) for name in ("exp", "log", "sqrt", *_CIRCULAR_AND_HYPERBOLIC)},
        **{name: getattr(math, name) for name in ("log1p", "expm1", "atan2", "erf", "hypot")},
        "power": _power,
        "abs": abs,
    },
    "floats",
)
"""Python's floats, with the functions of `math`."""

COMPLEX: Final = NumberSystem(
    {
        **{n: getattr(cmath, n) for n in ("exp", "log", "sqrt", *_CIRCULAR_AND_HYPERBOLIC)},
        "log1p": _complex_log1p,
        "expm1": _complex_expm1,
        "atan2": _complex_atan2,
        "hypot": _complex_hypot,
        "power": _complex_power,
        "abs": _complex_absolute,
        "real": _real,
    },
    "complex numbers",
)
"""Python's complex numbers: each function continued from the real line, as a complex step needs."""


def _table() -> Iterator[Operation]:
    # Columns: name, symbol, value, the derivative with respect to each input.
    # Aligned by hand, because the table is read like one in a book.
    # fmt: off
    yield Operation("add",      "+",  "a + b", "1.0", "1.0")
    yield Operation("subtract", "−",  "a - b", "1.0", "-1.0")
    yield Operation("multiply", "×",  "a * b", "b", "a")
    yield Operation("divide",   "/",  "a / b", "1 / b", "-y / b", domain="b != 0")
    yield Operation("power",    "**", "a ** b",
                    "b * a ** (b - 1) if (a != 0) | (b != 0) else 0.0",
                    "y * log(a) if a != 0 else 0.0",
                    domain="a > 0 or a == 0 and b >= 0 or a < 0 and b % 1 == 0")
    yield Operation("negative", "neg", "-a", "-1.0")
    yield Operation("positive", "pos", "+a", "1.0")

    yield Operation("exp",   "exp",   "exp(a)",   "y")
    yield Operation("expm1", "expm1", "expm1(a)", "exp(a)")
    yield Operation("log",   "log",   "log(a)",   "1 / a",       domain="a > 0")
    yield Operation("log1p", "log1p", "log1p(a)", "1 / (1 + a)", domain="a > -1")
    yield Operation("sqrt",  "sqrt",  "sqrt(a)",  "0.5 / y",     domain="a >= 0")

    yield Operation("sin",  "sin",  "sin(a)",  "cos(a)",    domain="abs(a) < inf")
    yield Operation("cos",  "cos",  "cos(a)",  "-sin(a)",   domain="abs(a) < inf")
    yield Operation("tan",  "tan",  "tan(a)",  "1 + y * y", domain="abs(a) < inf")
    yield Operation("asin", "asin", "asin(a)", "1 / sqrt((1 - a) * (1 + a))",
                    domain="-1 <= a <= 1")
    yield Operation("acos", "acos", "acos(a)", "-1 / sqrt((1 - a) * (1 + a))",
                    domain="-1 <= a <= 1")
    yield Operation("atan", "atan", "atan(a)", "1 / (1 + a * a)")
    yield Operation("atan2", "atan2", "atan2(a, b)",
                    "b / hypot(a, b) / hypot(a, b)",
                    "-a / hypot(a, b) / hypot(a, b)")

    yield Operation("sinh",  "sinh",  "sinh(a)",  "cosh(a)")
    yield Operation("cosh",  "cosh",  "cosh(a)",  "sinh(a)")
    yield Operation("tanh",  "tanh",  "tanh(a)",  "1 - y * y")
    yield Operation("asinh", "asinh", "asinh(a)", "1 / hypot(a, 1.0)")
    yield Operation("acosh", "acosh", "acosh(a)", "1 / (sqrt(a - 1) * sqrt(a + 1))",
                    domain="a >= 1")
    yield Operation("atanh", "atanh", "atanh(a)", "1 / ((1 - a) * (1 + a))", domain="-1 < a < 1")

    yield Operation("erf", "erf", "erf(a)", "2 / pi ** 0.5 * exp(-a * a)")
    # Written so that no exponential of a large positive number is ever taken, and so that at a
    # tie abs, maximum and minimum all take the side that belongs together.
    yield Operation("sigmoid",  "σ", "exp(minimum(0.0, a)) / (1 + exp(-abs(a)))", "y * sigmoid(-a)")
    yield Operation("softplus", "softplus", "maximum(a, 0.0) + log1p(exp(-abs(a)))", "sigmoid(a)")
    yield Operation("logaddexp", "logaddexp",
                    "a if (a == b) & (abs(a) == inf) else maximum(a, b) + log1p(exp(-abs(a - b)))",
                    "sigmoid(a - b)", "sigmoid(b - a)")

    # The last branch of each passes nan on, which every comparison answers with False.
    yield Operation("relu", "relu",
                    "a if a > 0 else 0.0 if a <= 0 else a",
                    "1.0 if a > 0 else 0.0 if a <= 0 else a", kink="a == 0")
    yield Operation("absolute", "abs", "abs(a)",
                    "1.0 if a > 0 else -1.0 if a < 0 else 0 * a", kink="a == 0")
    yield Operation("maximum", "max",
                    "a if a >= b else b if b > a else a + b",
                    "1.0 if a > b else 0.0 if b > a else 0.5 if a == b else a + b",
                    "1.0 if b > a else 0.0 if a > b else 0.5 if a == b else a + b", kink="a == b")
    yield Operation("minimum", "min",
                    "a if a <= b else b if b < a else a + b",
                    "1.0 if a < b else 0.0 if b < a else 0.5 if a == b else a + b",
                    "1.0 if b < a else 0.0 if a < b else 0.5 if a == b else a + b", kink="a == b")
    yield Operation("hypot", "hypot", "hypot(a, b)",
                    "a / y if y != 0 else 0.0",
                    "b / y if y != 0 else 0.0", kink="(a == 0) & (b == 0)")
    # fmt: on


OPERATIONS: Final[dict[str, Operation]] = {}
"""Every operation by name: the table's rows, and the user's own after them."""


def define(operation: Operation) -> Operation:
    """Add an operation to the table and return it.

    Raises:
        ValueError: the name is taken.
    """
    if OPERATIONS.setdefault(operation.name, operation) is not operation:
        raise ValueError(f"an operation named {operation.name!r} exists; choose another name")
    return operation


for _operation in _table():
    define(_operation)


@cache
def arrays() -> NumberSystem:
    """Return the number system of NumPy arrays of floats, importing NumPy when first called."""
    import numpy as np

    elementwise_erf = np.frompyfunc(math.erf, 1, 1)  # NumPy itself has none.
    return NumberSystem(
        {
            **{n: getattr(np, n) for n in ("exp", "log", "sqrt", *_CIRCULAR_AND_HYPERBOLIC)},
            **{n: getattr(np, n) for n in ("log1p", "expm1", "atan2", "hypot", "abs", "where")},
            "power": lambda a, b: np.where(np.isnan(a) | np.isnan(b), a + b, np.power(a, b)),
            "erf": lambda a: np.asarray(elementwise_erf(a), dtype=float),
        },
        "arrays",
    )
