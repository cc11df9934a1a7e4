"""The table: every primitive operation, one row each, written as ordinary mathematics.

A row says what an operation computes and, for each of its inputs, what the derivative with
respect to that input is. `a` and `b` are the inputs and `y` is the output, so that the rule
"the derivative of exp is exp itself" is the text `"y"`.

The texts are the only place where the mathematics stands. A `NumberSystem` gives their names a
meaning (`exp` is `math.exp` over floats, `numpy.exp` over arrays, a recorded operation over
`Value`s) and turns a text into a Python function. Adding an operation is adding a row.
"""

from __future__ import annotations

import cmath
from collections.abc import Callable, Iterator
from typing import Any, Final

from microgradcheck.ops.systems import FLOATS, OPERATIONS, Rule


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

    def __reduce__(self) -> tuple[Any, ...]:
        return _row, (self.name,)


def _row(name: str) -> Operation:
    """Return the row that a pickled graph means, which a process of its own may not have."""
    if name not in OPERATIONS:
        raise LookupError(f"there is no operation {name!r} here; define it, or import where it is")
    return OPERATIONS[name]


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
        return retold(error, f"{call} is undefined{needs}")
    return retold(error, f"{call} raised {type(error).__name__}: {error}")


def retold(error: Exception, text: str) -> Exception:
    """Return an error of Python's own kind with another text.

    That of a library may need more than a text, as json.JSONDecodeError does.
    """
    kinds = (OverflowError, ZeroDivisionError, ArithmeticError, ValueError)
    return next(kind for kind in kinds if isinstance(error, kind))(text)


def _table() -> Iterator[Operation]:
    # Columns: name, symbol, value, the derivative with respect to each input.
    # Aligned by hand, because the table is read like one in a book.
    # fmt: off
    yield Operation("add",      "+",  "a + b", "1.0", "1.0")
    yield Operation("subtract", "−",  "a - b", "1.0", "-1.0")
    yield Operation("multiply", "×",  "a * b", "b", "a")
    yield Operation("divide",   "/",  "a / b", "1 / b", "-y / b", domain="b != 0")
    # At a = 0, b a**(b - 1) is 0 times infinity for b = 0, so that b y stands in. And a**b does not
    # change with b > 0, and has no derivative for b <= 0, which log(0) tells by raising.
    yield Operation("power",    "**", "a ** b",
                    "b * a ** (b - 1) if (a != 0) | (b != 0) else b * y",
                    "y * log(a) if a != 0 else log(a) if b <= 0 else 0 * y",
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
    # Right to 1e-16, of which beyond |a| = 15 nothing is left but 0; an exponential that would be
    # exact there too makes a step of training a network on the tape slower by a tenth.
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


def define(operation: Operation) -> Operation:
    """Add an operation to the table and return it."""
    if OPERATIONS.setdefault(operation.name, operation) is not operation:
        raise ValueError(f"an operation named {operation.name!r} exists; choose another name")
    return operation


for _operation in _table():
    define(_operation)
