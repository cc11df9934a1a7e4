"""Numbers that write themselves down: adding two of them gives the text of their sum.

So one and the same rule of the table computes a derivative and writes the line that does.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from contextlib import suppress
from functools import partial, partialmethod
from typing import Any, Final

from microgradcheck.ops import OPERATIONS, NumberSystem, Operation
from microgradcheck.tape.graph import SYMBOLS
from microgradcheck.value import OPERATORS

_CONDITIONAL, _SUM, _PRODUCT, SIGNED, _POWER, _ATOM = range(6)
"""How strongly the outermost operator of a text binds, weakest first."""


class Expression:
    """A number that is not known yet: a factor times a text, or the factor alone.

    Factors of several steps become one. The rank tells how strongly the text's outermost operator
    binds.

    Example:
        >>> x = Expression("x")
        >>> str(2 * (3 * x) - 1)
        '6.0 * x - 1.0'
    """

    __slots__ = ("factor", "rank", "text")

    def __init__(self, text: str, rank: int = _ATOM, factor: float = 1.0) -> None:
        self.text = text
        self.rank = rank
        self.factor = factor

    @property
    def is_constant(self) -> bool:
        """Whether it is a known number."""
        return not self.text

    @property
    def is_number(self) -> bool:
        """Whether the program has a plain number here: a constant, an infinity or nan."""
        return self.text in {"", "inf", "nan"}

    @property
    def is_simple(self) -> bool:
        """Whether it needs no line of its own: a constant or a name, times a factor."""
        return not self.text or self.text.isidentifier()

    @property
    def _is_negative(self) -> bool:
        return math.copysign(1.0, self.factor) < 0

    def __str__(self) -> str:
        return self.write(_CONDITIONAL)

    def write(self, least: int) -> str:
        """Return the text, in parentheses where it binds less strongly than asked for."""
        text, rank = self.text, self.rank
        if not self.text:
            text, rank = repr(self.factor), SIGNED if self._is_negative else _ATOM
        elif self.factor != 1 and rank == _PRODUCT and text.startswith("1.0 / "):
            text = f"{self.factor!r}{text.removeprefix('1.0')}"
        elif self.factor == -1:
            text, rank = f"-{self._bare(_PRODUCT)}", min(SIGNED, max(rank, _PRODUCT))
        elif self.factor != 1:
            text, rank = f"{self.factor!r} * {self._bare(_PRODUCT)}", _PRODUCT
        return _parenthesized(text, rank, least)

    def _bare(self, least: int) -> str:
        return _parenthesized(self.text, self.rank, least)

    def _scaled(self, factor: float) -> Expression:
        product = self.factor * factor
        if not math.isfinite(product) or (product == 0 and factor != 0 and self.factor != 0):
            # Out of the range of floats, which the numbers in between need not be.
            return Expression(self.write(_PRODUCT), _PRODUCT, factor)
        return Expression(self.text, self.rank, product)

    def __neg__(self) -> Expression:
        return Expression(self.text, self.rank, -self.factor)

    def __pos__(self) -> Expression:
        return self

    def __abs__(self) -> Expression:
        if self.is_constant:
            return constant(abs(self.factor))
        return Expression(f"abs({self})")

    def __add__(self, number: Any) -> Expression:
        other = constant(number)
        if self.text == other.text:
            return Expression(self.text, self.rank, self.factor + other.factor)
        left = self.write(_SUM)
        if other._is_negative:
            return Expression(f"{left} - {(-other).write(_PRODUCT)}", _SUM)
        return Expression(f"{left} + {other.write(_PRODUCT)}", _SUM)

    def __radd__(self, number: Any) -> Expression:
        return constant(number) + self

    def __sub__(self, number: Any) -> Expression:
        return self + -constant(number)

    def __rsub__(self, number: Any) -> Expression:
        return constant(number) - self

    def __mul__(self, number: Any) -> Expression:
        other = constant(number)
        if self.is_constant:
            return other._scaled(self.factor)
        if other.is_constant:
            return self._scaled(other.factor)
        text = f"{self._bare(_PRODUCT)} * {other._bare(SIGNED)}"
        return Expression(text, _PRODUCT, self.factor)._scaled(other.factor)

    def __rmul__(self, number: Any) -> Expression:
        return constant(number) * self

    def __truediv__(self, number: Any) -> Expression:
        other = constant(number)
        if other.is_constant and self.is_constant and other.factor != 0:
            return constant(self.factor / other.factor)
        if other.is_constant and other.factor == 1:
            return self
        sign = math.copysign(1.0, other.factor)
        below = other._scaled(sign).write(SIGNED)
        if self.text.startswith("1.0 / ") and self.rank == _PRODUCT:
            # Its factor stays above: without it, a quotient of quotients may leave the floats.
            return Expression(f"{self.write(_PRODUCT)} / {below}", _PRODUCT, sign)
        above = "1.0" if self.is_constant else self._bare(_PRODUCT)
        return Expression(f"{above} / {below}", _PRODUCT, self.factor * sign)

    def __pow__(self, exponent: Expression | int) -> Expression:
        power = exponent.write(SIGNED) if isinstance(exponent, Expression) else exponent
        return Expression(f"{self.write(_ATOM)} ** {power}", _POWER)

    def __rtruediv__(self, number: Any) -> Expression:
        return constant(number) / self

    def _compare(self, compare: Callable[[Any, Any], Any], other: Any) -> Any:
        """Return a bool for constants, else a Condition."""
        right = constant(other)
        if self.is_constant and right.is_constant:
            return compare(self.factor, right.factor)
        text = f"{self.write(_SUM)} {SYMBOLS[compare]} {right.write(_SUM)}"
        return Condition(text, about=right if self.is_number else self)

    __lt__ = partialmethod(_compare, operator.lt)
    __le__ = partialmethod(_compare, operator.le)
    __gt__ = partialmethod(_compare, operator.gt)
    __ge__ = partialmethod(_compare, operator.ge)
    __eq__ = partialmethod(_compare, operator.eq)
    __ne__ = partialmethod(_compare, operator.ne)
    __hash__ = None  # type: ignore[assignment]


class Condition:
    """A truth that is not known yet, about a number; one that is known is a bool."""

    __slots__ = ("about", "text")

    def __init__(self, text: str, about: Expression) -> None:
        self.text = text
        self.about = about

    def __str__(self) -> str:
        return self.text

    def __and__(self, other: Any) -> Any:
        if isinstance(other, Condition):
            return Condition(f"({self.text}) & ({other.text})", self.about)
        return self if other else False

    def __or__(self, other: Any) -> Any:
        if isinstance(other, Condition):
            return Condition(f"({self.text}) | ({other.text})", self.about)
        return True if other else self

    __rand__, __ror__ = __and__, __or__


def constant(number: Any) -> Expression:
    """Return a known number as an expression; an expression stays as it is."""
    if isinstance(number, Expression):
        return number
    number = float(number)
    if math.isfinite(number):
        return Expression("", factor=number)
    if math.isnan(number):
        return Expression("nan")
    return Expression("inf", factor=math.copysign(1.0, number))


def _parenthesized(text: str, rank: int, least: int) -> str:
    return text if rank >= least else f"({text})"


class TextSystem(NumberSystem):
    """Writes operators as such, all other operations as calls; over arrays, it takes no branch."""

    def __init__(self, label: str, *, over_arrays: bool) -> None:
        self._over_arrays = over_arrays
        modulus = self._modulus if over_arrays else abs
        own = {"abs": modulus, "absolute": abs, "power": self._power, "where": self._where}
        super().__init__(own, label)

    def value(self, operation: Operation) -> Callable[..., Any]:
        """Return what writes the operation: itself where it is an operator, else its call."""
        if operation.name not in OPERATORS:
            self.names.setdefault(operation.name, partial(self._call, operation.name))
        return super().value(operation)

    def _call(self, name: str, *inputs: Any) -> Expression:
        numbers = list(map(constant, inputs))
        arrays = [x for x in numbers if not x.is_number]
        if self._over_arrays and arrays:
            # Some libraries' functions of two arrays do not take a number for one of them.
            numbers = [_array(x, like=arrays[0]) if x.is_number else x for x in numbers]
        return _written(name, *numbers)

    def _power(self, a: Any, b: Any) -> Expression:
        base, exponent = constant(a), constant(b)
        n = exponent.factor
        if not exponent.is_constant or n == 0 or base.is_constant:
            return _written("power", base, exponent)
        if n == 1:
            return base
        if n in {2, 3} and base.is_simple:
            return base * base if n == 2 else base * base * base
        if n % 1 == 0 and abs(n) < 1e6:
            return base ** int(n)
        # Python's own power of a negative number is complex here, that of math an error.
        return base**exponent if self._over_arrays else _written("pow", base, exponent)

    def _modulus(self, a: Any) -> Any:
        # At 0 the side that the table's maximum and minimum take at a tie: the derivative of abs
        # itself, which libraries do not agree on, would be wrong in that of sigmoid or softplus.
        x = constant(a)
        return self._where(x >= 0.0, x, -x)

    def _where(self, condition: Any, chosen: Any, otherwise: Any) -> Expression:
        if isinstance(condition, bool):
            return constant(chosen if condition else otherwise)
        p, q = constant(chosen), constant(otherwise)
        if not self._over_arrays:
            return Expression(f"{p.write(_SUM)} if {condition} else {q}", _CONDITIONAL)
        if p.is_number and q.is_number:
            # Of two numbers, PyTorch would make an array of its default precision.
            p = _array(p, like=condition.about)
        return Expression(f"where({condition}, {p}, {q})")


def _written(name: str, *inputs: Expression) -> Expression:
    """Return a call by name, or its result where that is known."""
    if all(x.is_constant for x in inputs) and name in OPERATIONS:
        # What fails is written as it is, and fails where it is run, as it should.
        with suppress(ValueError, ArithmeticError):
            return constant(OPERATIONS[name].compute(*(x.factor for x in inputs)))
    return Expression(f"{name}({', '.join(map(str, inputs))})")


def _array(number: Expression, *, like: Expression) -> Expression:
    return Expression(f"full_like({like}, {number})")


TEXTS: Final = TextSystem("texts", over_arrays=False)
"""Texts of Python over floats."""

ARRAY_TEXTS: Final = TextSystem("array texts", over_arrays=True)
"""Texts of Python over arrays."""
