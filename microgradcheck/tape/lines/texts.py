"""The table's rules, run over texts, become program text.

One and the same rule computes a derivative and writes the line that does: it only has to be given
numbers of another kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from microgradcheck.ops import OPERATIONS, NumberSystem, Operation
from microgradcheck.tape.lines.expression import Expression, choice, constant
from microgradcheck.value import OPERATORS

__all__ = ["ARRAY_TEXTS", "TEXTS"]

_Call = Callable[[str], Callable[..., Expression]]


class _TextSystem(NumberSystem):
    """Operators are written as such, all other operations as calls by name.

    Args:
        names: the meaning of each name that is neither.
        label: the kind of number.
        call: what writes a call, given the operation's name.
    """

    def __init__(self, names: Mapping[str, Any], label: str, call: _Call) -> None:
        super().__init__(names, label)
        self._call = call

    def value(self, operation: Operation) -> Callable[..., Any]:
        if operation.name not in OPERATORS:
            self.names.setdefault(operation.name, self._call(operation.name))
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
        expressions = list(map(constant, inputs))
        arrays = [x for x in expressions if not x.is_number]
        # Some libraries' functions of two arrays do not take a number for one of them.
        return call(
            *(_array(x, like=arrays[0]) if arrays and x.is_number else x for x in expressions)
        )

    return write


def _array(number: Expression, *, like: Expression) -> Expression:
    return Expression(f"full_like({like}, {number})")


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
    p, q = constant(chosen), constant(otherwise)
    if p.is_number and q.is_number:
        # Of two numbers, PyTorch would make an array of its default precision.
        p = _array(p, like=condition.about)
    return Expression(f"where({condition}, {p}, {q})")


def _modulus(a: Any) -> Expression:
    x = constant(a)
    return abs(x) if x.is_number else Expression(f"modulus({x})")


TEXTS: Final = _TextSystem(
    {
        "abs": abs,
        "absolute": abs,
        # Python's own power of a negative number is complex here, that of math an error.
        "power": _power(_call("pow")),
        "where": _where,
    },
    "texts",
    _call,
)
"""Texts of Python over floats."""

ARRAY_TEXTS: Final = _TextSystem(
    {
        "abs": _modulus,
        "absolute": abs,
        "power": _power(lambda base, exponent: base**exponent),
        "where": _where_over_arrays,
    },
    "array texts",
    _call_over_arrays,
)
"""Texts of Python over arrays, where no branch is taken and all choices are computed."""
