"""Every row of the table is proven, and the proofs are seen to fail on wrong rows."""

from __future__ import annotations

import cmath
import math
import pickle
import re
import traceback
from collections.abc import Callable
from itertools import product

import mpmath
import numpy as np
import pytest

import microgradcheck as mg
import opinions
from microgradcheck.functions.elementwise import elementwise
from microgradcheck.ops import (
    COMPLEX,
    FLOATS,
    OPERATIONS,
    NumberSystem,
    Operation,
    arrays,
    define,
)
from microgradcheck.value import Value

every_row = pytest.mark.parametrize("row", OPERATIONS.values(), ids=lambda row: row.name)
rows_with_a_domain = pytest.mark.parametrize(
    "row", [row for row in OPERATIONS.values() if row.domain], ids=lambda row: row.name
)


# Each row is right


@every_row
def test_each_derivative_is_proven_by_symbols_on_each_side_of_a_kink(row: Operation) -> None:
    opinions.prove(row)


@pytest.mark.parametrize("order", [1, 2, 3])
@every_row
def test_derivatives_equal_differences_at_sixty_digits(row: Operation, order: int) -> None:
    opinions.compare_with_mpmath(row, order)


@every_row
def test_slopes_jump_where_the_row_says_and_the_convention_lies_between(row: Operation) -> None:
    opinions.check_kinks(row)


@every_row
def test_floats_values_arrays_and_complex_numbers_agree(row: Operation) -> None:
    opinions.check_kinds(row)


@every_row
def test_nan_in_gives_nan_out(row: Operation) -> None:
    opinions.check_nan(row)


@rows_with_a_domain
def test_a_number_outside_the_domain_is_an_error_that_names_it(row: Operation) -> None:
    opinions.check_domain(row)


@pytest.mark.parametrize(
    ("name", "textbook"),
    {
        "sigmoid": lambda a: 1 / (1 + mpmath.exp(-a)),
        "softplus": lambda a: mpmath.log(1 + mpmath.exp(a)),
        "logaddexp": lambda a, b: mpmath.log(mpmath.exp(a) + mpmath.exp(b)),
        "relu": lambda a: max(a, 0),
        "absolute": abs,
        "maximum": max,
        "minimum": min,
    }.items(),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_values_written_for_stability_are_those_of_the_textbook(
    name: str, textbook: Callable[..., mpmath.mpf]
) -> None:
    row = OPERATIONS[name]
    for point in product((-700.0, -30.0, -1.0, 0.0, 0.5, 30.0, 700.0), repeat=row.arity):
        with mpmath.workdps(700):
            true = float(textbook(*map(mpmath.mpf, point)))
        assert row.compute(*point) == pytest.approx(true, rel=1e-15, abs=0), point


@pytest.mark.parametrize(
    ("name", "point", "convention"),
    [
        ("relu", (0.0,), [0.0]),
        ("absolute", (0.0,), [0.0]),
        ("maximum", (2.0, 2.0), [0.5, 0.5]),
        ("minimum", (2.0, 2.0), [0.5, 0.5]),
        ("hypot", (0.0, 0.0), [0.0, 0.0]),
    ],
)
def test_the_derivative_at_a_kink_is_the_documented_convention(
    name: str, point: tuple[float, ...], convention: list[float]
) -> None:
    inputs = [Value(x) for x in point]
    elementwise(OPERATIONS[name])(*inputs).backward()
    assert [x.grad for x in inputs] == convention
    assert opinions.is_kink(OPERATIONS[name], point)


@pytest.mark.parametrize(
    ("name", "x"),
    [
        *product(("sigmoid", "softplus", "tanh", "relu", "asinh"), (1e3, -1e3, 1e308, -1e308)),
        *product(("sigmoid", "softplus", "tanh", "relu", "asinh"), (5e-324, 0.0, -0.0)),
        *product(("log1p",), (1e3, 1e308, 0.0)),
        *product(("expm1",), (-1e3, -1e308, 0.0)),
    ],
)
def test_functions_of_one_number_are_stable_to_the_third_derivative(name: str, x: float) -> None:
    derivative = getattr(mg, name)
    for _ in range(4):
        assert math.isfinite(derivative(x))
        derivative = mg.grad(derivative)


@pytest.mark.parametrize("difference", [0.0, 1.0, -1.0, 1e3, -1e3])
@pytest.mark.parametrize("start", [0.0, 1e3, -1e3, 1e17, -1e308])
def test_logaddexp_shares_its_derivative_at_any_size(start: float, difference: float) -> None:
    a, b = Value(start + difference), Value(start)
    mg.logaddexp(a, b).backward()
    assert a.grad + b.grad == pytest.approx(1.0, rel=1e-15)
    assert a.grad == pytest.approx(mg.sigmoid(a.data - b.data), rel=1e-15)


@pytest.mark.parametrize(
    ("call", "inputs"),
    [
        (mg.exp, (1000.0,)),
        (mg.expm1, (1000.0,)),
        (mg.cosh, (-1000.0,)),
        (mg.hypot, (1e308, 1.7e308)),
        (lambda a: a * a, (1e200,)),
        (lambda a, b: a / b, (1e200, 1e-200)),
        (lambda a, b: a.data / b, (1e200, 1e-200)),
        (lambda a, b: a**b, (10.0, 309.0)),
        (lambda a, b: a - b, (1e308, -1e308)),
    ],
)
def test_overflow_is_an_error_that_names_the_operation(
    call: Callable[..., Value], inputs: tuple[float, ...]
) -> None:
    with pytest.raises(OverflowError, match=rf"\w+\({re.escape(repr(inputs[0]))}.*too large"):
        call(*map(Value, inputs))


def test_infinity_passes_through_where_the_operation_has_a_limit() -> None:
    assert mg.exp(math.inf) == math.inf
    assert mg.exp(Value(-math.inf)).data == 0
    assert mg.logaddexp(math.inf, math.inf) == math.inf
    assert mg.logaddexp(-math.inf, -math.inf) == -math.inf
    assert math.isnan((Value(math.inf) * 0).data)


# A power, whose special cases trap every engine


@pytest.mark.parametrize(
    ("base", "exponent", "value", "slope"),
    [
        (-2.0, 3.0, -8.0, 12.0),
        (-2.0, 2, 4.0, -4.0),
        (-2.0, -1, -0.5, -0.25),
        (0.0, 0, 1.0, 0.0),
        (0.0, 1, 0.0, 1.0),
        (0.0, 2, 0.0, 0.0),
        (3.0, 0, 1.0, 0.0),
        (-3.0, 0.0, 1.0, 0.0),
        (4.0, 0.5, 2.0, 0.25),
    ],
)
def test_a_power_with_a_constant_exponent_never_takes_a_logarithm(
    base: float, exponent: float, value: float, slope: float
) -> None:
    x = Value(base)
    y = x**exponent
    y.backward()
    assert (y.data, x.grad) == (value, slope)


@pytest.mark.parametrize(
    ("base", "exponent", "slope"), [(2.0, 3.0, 8 * math.log(2)), (0.0, 2.0, 0.0), (1.0, 5.0, 0.0)]
)
def test_a_power_of_a_constant_base(base: float, exponent: float, slope: float) -> None:
    x = Value(exponent)
    (base**x).backward()
    assert x.grad == pytest.approx(slope)


def test_the_mixed_second_derivatives_of_a_power_hold_at_zero() -> None:
    second = mg.hessian(lambda a, b: a**b)
    assert second(0.0, 2.0)[0][0] == 2.0
    assert second(2.0, 0.0)[0][1] == pytest.approx(0.5)


def test_a_power_of_zero_has_no_derivative_by_the_exponent_where_it_jumps() -> None:
    for undefined in (
        lambda: mg.grad(lambda b: 0.0**b)(0.0),
        lambda: mg.grad(lambda a, b: a**b)(0.0, 0.0),
        # Along a = 0 the derivative by a is that of a ** b: 0 at b = 0, infinite above, 1 at b = 1.
        lambda: mg.grad(lambda b: mg.grad(lambda a: a**b)(0.0))(0.0),
        lambda: mg.grad(lambda b: mg.grad(lambda a: a**b)(0.0))(1.0),
        lambda: mg.hessian(lambda v: v[0] ** v[1])([0.0, 1.0]),
    ):
        with pytest.raises(
            ValueError, match=r"power with respect to b does not exist at a = 0\.0, b = 0\.0"
        ):
            undefined()
    for exponent in (0.5, 1.0, 2.0, math.inf):
        assert mg.grad(lambda b: 0.0**b)(exponent) == 0.0
    assert math.isnan(mg.grad(lambda b: 0.0**b)(math.nan))
    assert mg.hessian(lambda v: v[0] ** v[1])([0.0, 2.0]).tolist() == [[2.0, 0.0], [0.0, 0.0]]
    assert mg.grad(lambda a: a**0)(0.0) == mg.grad(mg.grad(lambda a: a**0))(0.0) == 0.0
    assert mg.gradcheck(lambda b: 0.0**b, 0.0, accept="EDGE").verdict is mg.Verdict.EDGE


@pytest.mark.parametrize("base", [-1.0, -0.9, 0.9, 1.1])
@pytest.mark.parametrize("exponent", [1.0, 2.0, 101.0, 1000.0, -1.0, -1000.0])
def test_a_complex_step_through_a_power_is_exact(base: float, exponent: float) -> None:
    power = elementwise(OPERATIONS["power"])
    result = power(complex(base, 1e-20), exponent)
    assert result.imag / 1e-20 == pytest.approx(exponent * base ** (exponent - 1), rel=1e-12, abs=0)


# Complex numbers away from the real line


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, row in OPERATIONS.items()
        if row.arity == 1 and hasattr(mpmath, name) and opinions.is_complex(row)
    ],
)
def test_complex_functions_equal_those_of_mpmath(name: str) -> None:
    for z in (
        *(1 + 1j, -2 + 0.5j, 0.3 - 2j, 5 + 1j, -0.1 + 0.1j, 1e-9 - 1e-9j, 1e200 + 1e-20j),
        *(0.5j, -1 + 1e-9j, -1 + 1e-9 + 1e-9j, -0.4 - 0.3j, -1.2 - 0.8j),
    ):
        try:
            with mpmath.workdps(50):
                true = complex(getattr(mpmath, name)(mpmath.mpc(z)))
        except OverflowError:
            continue
        if cmath.isfinite(true):
            assert getattr(mg, name)(z) == pytest.approx(true, rel=1e-14, abs=0), z


@pytest.mark.parametrize("base", [2.0, 2j, -2 + 0.5j, -2 - 0.5j, 0.5 - 1j, -1 + 1e-9j])
@pytest.mark.parametrize("exponent", [3, -2, 0, 0.5, 3 + 1j, 3 - 1j, -2 + 1j, 1.5 - 2j, 1j])
def test_complex_powers_equal_those_of_mpmath(base: complex, exponent: complex) -> None:
    true = complex(mpmath.power(mpmath.mpc(base), mpmath.mpc(exponent)))
    assert COMPLEX.value(OPERATIONS["power"])(base, exponent) == pytest.approx(true, rel=1e-13)


@pytest.mark.parametrize("a", [-2.0, -0.5, -0.25, 0.25, 0.5, 2.0])
@pytest.mark.parametrize("b", [-2.0, -0.5, -0.25, 0.25, 0.5, 2.0])
def test_a_complex_step_through_atan2_holds_in_every_quadrant(a: float, b: float) -> None:
    assert mg.atan2(complex(a), complex(b)) == pytest.approx(math.atan2(a, b), rel=1e-15)
    for moved, slope in (((complex(a, 1e-20), b), b), ((a, complex(b, 1e-20)), -a)):
        found = mg.atan2(*moved).imag / 1e-20
        assert found == pytest.approx(slope / (a * a + b * b), rel=1e-14)


def test_only_erf_is_not_defined_for_complex_numbers() -> None:
    assert [name for name, row in OPERATIONS.items() if not opinions.is_complex(row)] == ["erf"]
    with pytest.raises(TypeError, match="erf is not defined for complex numbers"):
        mg.erf(1j)


def test_hypot_and_logaddexp_hold_for_complex_numbers() -> None:
    assert mg.hypot(1 + 2j, 3 - 1j) == pytest.approx(cmath.sqrt((1 + 2j) ** 2 + (3 - 1j) ** 2))
    # Equal real parts are no tie of complex numbers.
    expected = cmath.log(cmath.exp(1 + 1j) + cmath.exp(1 - 1j))
    assert mg.logaddexp(1 + 1j, 1 - 1j) == pytest.approx(expected)


# The checks can fail, and a new row is checked as it is


WRONG = {
    opinions.prove: [
        Operation("wrong_sign", "", "sin(a)", "-cos(a)"),
        Operation("wrong_exponent", "", "a ** 3", "3 * a ** 3"),
        Operation("wrong_right_side", "", "relu(a)", "1.0"),
        Operation("wrong_left_side", "", "abs(a)", "1.0 if a > 0 else 0.5"),
        Operation("swapped_product", "", "a * b", "a", "b"),
        Operation("tanh_of_its_input", "", "tanh(a)", "1 - a * a"),
        Operation("wrong_second_only", "", "a - b", "1.0", "1.0"),
    ],
    lambda row: opinions.compare_with_mpmath(row, 1): [
        Operation("wrong_by_a_millionth", "", "sin(a)", "1.000001 * cos(a)"),
        Operation("wrong_below_zero", "", "a * a", "2 * a if a > 0 else -2 * a"),
    ],
    lambda row: opinions.compare_with_mpmath(row, 3): [
        Operation("wrong_by_a_billionth", "", "a ** 5", "5 * a ** 4.000000001")
    ],
    opinions.check_kinks: [
        Operation("kink_not_declared", "", "abs(a)", "1.0 if a > 0 else -1.0"),
        Operation("no_kink_declared", "", "a * a", "2 * a", kink="a == 1"),
        Operation("outside_of_its_slopes", "", "relu(a)", "1.0 if a > 0 else -0.5", kink="a == 0"),
    ],
    opinions.check_kinds: [
        # Right but for a complex step at 0, where minimum and abs take different sides.
        Operation(
            "halves_that_do_not_meet",
            "",
            "exp(minimum(a, 0.0)) / (1 + exp(-abs(a)))",
            "sigmoid(a) * sigmoid(-a)",
        ),
    ],
    opinions.check_nan: [Operation("without_last_branch", "", "a if a > 0 else 0.0", "1.0")],
    opinions.check_domain: [
        Operation("too_wide", "", "sqrt(a)", "0.5 / y", domain="a >= -1"),
        Operation("too_narrow", "", "sqrt(a)", "0.5 / y", domain="a > 0"),
        Operation("silent", "", "abs(a) ** 0.5", "0.5 / y", domain="a >= 0"),
    ],
}


@pytest.mark.parametrize(
    ("check", "wrong"),
    [(check, row) for check, rows in WRONG.items() for row in rows],
    ids=lambda thing: getattr(thing, "name", ""),
)
def test_each_check_catches_a_wrong_row(
    check: Callable[[Operation], None], wrong: Operation
) -> None:
    with pytest.raises((AssertionError, ValueError, pytest.fail.Exception)):
        check(wrong)


def test_a_right_row_that_is_new_passes_every_check() -> None:
    new = define(
        Operation("softsign", "", "a / (1 + abs(a))", "1 / (1 + abs(a)) ** 2", domain="a < inf")
    )
    for check in (opinions.prove, opinions.check_kinks, opinions.check_kinds, opinions.check_nan):
        check(new)
    for order in (1, 2, 3):
        opinions.compare_with_mpmath(new, order)


def test_a_name_cannot_be_defined_twice() -> None:
    with pytest.raises(ValueError, match="'exp' exists"):
        define(Operation("exp", "", "a", "1.0"))


def test_a_row_shows_its_name_and_inputs() -> None:
    assert repr(OPERATIONS["add"]) == "<operation add(a, b)>"
    assert repr(OPERATIONS["exp"]) == "<operation exp(a)>"


# Number systems


def test_each_kind_of_number_has_one_system() -> None:
    assert arrays() is arrays()
    row = OPERATIONS["softplus"]
    for system in (FLOATS, COMPLEX, arrays()):
        assert system.value(row) is system.value(row)
        assert system.derivatives(row) is system.derivatives(row)


def test_a_text_means_what_its_names_mean_in_each_system() -> None:
    system = NumberSystem({"exp": lambda a: f"e^{a}"}, "words")
    assert system.compile("exp(a)", "a")("x") == "e^x"


@pytest.mark.parametrize(
    "condition", ["0 < a < 1", "a > 0 and a < 1", "a < 1 and not_used or 1 > a > 0"]
)
def test_conditions_of_any_form_work_over_arrays(condition: str) -> None:
    system = NumberSystem({"where": np.where, "not_used": np.array(False)}, "arrays")
    choose = system.compile(f"1.0 if {condition} else 2.0", "a")
    assert choose(np.array([-1.0, 0.5, 2.0])).tolist() == [2.0, 1.0, 2.0]


def test_a_traceback_shows_the_text_of_the_rule() -> None:
    # Compiled here, since whatever ran before may have cleared Python's cache of source lines.
    rule = FLOATS.compile("0.5 / y", "y", title="d sqrt / d a")
    with pytest.raises(ZeroDivisionError) as caught:
        rule(0.0)
    shown = "".join(traceback.format_exception(caught.value))
    assert "d sqrt / d a over floats" in shown
    assert "0.5 / y" in shown


def test_a_pickled_row_is_the_row_of_its_name() -> None:
    row = pickle.dumps(OPERATIONS["exp"], protocol=0)
    assert pickle.loads(row) is OPERATIONS["exp"]
    with pytest.raises(LookupError, match="no operation 'gone' here; define it"):
        pickle.loads(row.replace(b"Vexp", b"Vgone"))
