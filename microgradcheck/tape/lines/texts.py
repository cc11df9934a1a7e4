"""The table's rules, run over texts, become program text.

One and the same rule computes a derivative and writes the line that does: it only has to be given
numbers of another kind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from microgradcheck.ops import OPERATIONS, NumberSystem, Operation
from microgradcheck.tape.lines.expression import Expression, choice, constant
from microgradcheck.value import OPERATORS

__all__ = ["ARRAY_TEXTS", "TEXTS"]


class _TextSystem(NumberSystem):
    """Operators are written as such, all other operations as calls by name."""

    def value(self, operation: Operation) -> Callable[..., Any]:
        if operation.name not in OPERATORS:
            self.names.setdefault(operation.name, _call(operation.name))
        return super().value(operation)


def _call(name: str) -> Callable[..., Expression]:
    def write(*inputs: Any) -> Expression:
        expressions = list(map(constant, inputs))
        if all(x.is_constant for x in expressions) and name in OPERATIONS:
            try:
                return constant(OPERATIONS[name].compute(*(x.factor for x in expressions)))
            except (ValueError, ArithmeticError):
                pass  # It is written as it is, and fails where it is run, as it should.
        return Expression(f"{name}({', '.join(map(str, expressions))})")

    return write


def _call_over_arrays(name: str) -> Callable[..., Expression]:
    call = _call(name)

    def write(*inputs: Any) -> Expression:
        a, b = map(constant, inputs)
        # Some libraries' functions of two arrays do not take a number for one of them.
        if a.is_constant and not b.is_constant:
            a = Expression(f"full_like({b}, {a})")
        elif b.is_constant and not a.is_constant:
            b = Expression(f"full_like({a}, {b})")
        return call(a, b)

    return write


def _power(fractional: Callable[[Expression, Expression], Expression]) -> Callable[..., Expression]:
    def write(a: Any, b: Any) -> Expression:
        base, exponent = constant(a), constant(b)
        n = exponent.factor
        if not exponent.is_constant or n == 0 or base.is_constant:
            return _call("power")(base, exponent)
        if n == 1:
            return base
        if n in {2, 3} and base.is_simple:
            return base * base if n == 2 else base * base * base
        if n % 1 == 0 and abs(n) < 1e6:
            return base ** int(n)
        return fractional(base, exponent)

    return write


def _where(condition: Any, chosen: Any, otherwise: Any) -> Expression:
    if isinstance(condition, bool):
        return constant(chosen if condition else otherwise)
    return choice(condition, constant(chosen), constant(otherwise))


def _where_over_arrays(condition: Any, chosen: Any, otherwise: Any) -> Expression:
    if isinstance(condition, bool):
        return constant(chosen if condition else otherwise)
    return Expression(f"where({condition}, {constant(chosen)}, {constant(otherwise)})")


TEXTS: Final = _TextSystem(
    {
        "abs": abs,
        "absolute": abs,
        # Python's own power of a negative number is complex here, that of math an error.
        "power": _power(_call("pow")),
        "where": _where,
    },
    "texts",
)
"""Texts of Python over floats."""

ARRAY_TEXTS: Final = _TextSystem(
    {
        "abs": abs,
        "absolute": abs,
        "atan2": _call_over_arrays("atan2"),
        "hypot": _call_over_arrays("hypot"),
        "power": _power(lambda base, exponent: base**exponent),
        "where": _where_over_arrays,
    },
    "array texts",
)
"""Texts of Python over arrays, where no branch is taken and all choices are computed."""
