"""Functions take every kind of number, and a user can add to them."""

from __future__ import annotations

import contextlib
import inspect
import math
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import microgradcheck as mg
import opinions
from microgradcheck.backprop import forward_gradient
from microgradcheck.functions.entries import lift
from microgradcheck.ops import OPERATIONS
from microgradcheck.sources import resolve
from microgradcheck.tape import StaleTapeError
from microgradcheck.value import OPERATORS, Value

# Kinds of numbers


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in OPERATORS])
def test_every_function_of_the_table_is_public_and_tells_its_derivatives(name: str) -> None:
    function = getattr(mg, name)
    assert name in mg.__all__
    assert function.__name__ == name
    for rule in OPERATIONS[name].derivatives:
        assert f": {rule}, where y is the result" in inspect.getdoc(function)


def test_functions_are_pickled_by_name_and_so_are_models_that_hold_them() -> None:
    for name in OPERATIONS:
        if name not in OPERATORS:
            function = getattr(mg, name)
            assert pickle.loads(pickle.dumps(function)) is function
    model = mg.nn.MLP(2, [3, 1], activation="tanh", rng=0)
    assert pickle.loads(pickle.dumps(model)).state() == model.state()
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        assert list(pool.map(mg.exp, [0.0, 1.0])) == [1.0, math.e]


def test_an_operation_of_a_user_is_pickled_by_its_name_in_the_module_that_defines_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cube = mg.operation("cube", value="a**3", derivatives=["3 * a**2"])
    monkeypatch.setitem(globals(), "cube", cube)
    assert pickle.loads(pickle.dumps(cube)) is cube


@pytest.mark.parametrize(
    ("argument", "kind"),
    [
        *[(thing, float) for thing in (4, 4.0, True, np.float32(4), np.int8(4), np.bool(True))],
        *[(thing, complex) for thing in (4j, np.complex64(4j), np.complex128(4j))],
        (Value(4.0), Value),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_the_result_is_of_the_kind_of_the_argument(argument: Any, kind: type) -> None:
    assert type(mg.sqrt(argument)) is kind
    assert type(mg.hypot(3.0, argument)) is type(mg.hypot(argument, 3.0)) is kind


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3)])
@pytest.mark.parametrize(
    ("dtype", "result"),
    [
        *((float, float), (np.float32, np.float32), (int, float), (np.int8, float), (bool, float)),
        *((complex, complex), (np.complex64, complex), (object, object)),
    ],
)
def test_arrays_give_arrays_entry_by_entry(
    dtype: type, result: type, shape: tuple[int, ...]
) -> None:
    array = np.ones(shape, dtype)
    for found, entry in (
        (mg.exp(array), math.e),
        (mg.maximum(array, 2.0), 2.0),
        (mg.maximum(2, array), 2.0),
        (mg.hypot(array, array), math.sqrt(2)),
    ):
        assert np.shape(found) == shape
        assert np.asarray(found).dtype == result or (shape, dtype) == ((), object)
        assert np.asarray(found, complex) == pytest.approx(np.full(shape, entry), rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, float, int])
def test_erf_keeps_the_precision_of_an_array_as_other_functions_do(dtype: type) -> None:
    array = np.array([0, 1], dtype)
    assert mg.erf(array).dtype == mg.tanh(array).dtype


def test_arrays_of_different_shapes_are_stretched() -> None:
    assert mg.maximum(np.zeros((2, 1)), np.ones(3)).shape == (2, 3)


def test_a_value_and_an_array_give_an_array_of_values() -> None:
    x = Value(1.0)
    for found in (mg.maximum(x, np.array([0.0, 2.0])), mg.maximum(np.array([0.0, 2.0]), x)):
        assert [entry.data for entry in found] == [1.0, 2.0]
        assert all(entry.inputs == (x,) for entry in found)
    mixed = mg.exp(np.array([x, 0.0, 1j], dtype=object))
    assert [type(entry) for entry in mixed] == [Value, float, complex]


def test_arrays_outside_the_domain_get_nan_or_infinity_without_a_warning() -> None:
    assert mg.log(np.array([-1.0, 0.0, 1.0])).tolist() == pytest.approx(
        [math.nan, -math.inf, 0.0], nan_ok=True
    )
    assert mg.exp(np.array([1000.0])).tolist() == [math.inf]


@pytest.mark.parametrize("thing", ["1", None, {}, np.array(["1"])], ids=repr)
def test_functions_refuse_what_is_no_number(thing: object) -> None:
    for call in (mg.exp, lambda x: mg.maximum(x, 1.0), lambda x: mg.maximum(Value(1.0), x)):
        with pytest.raises(TypeError, match=r"takes numbers, Values and NumPy arrays, got"):
            call(thing)


@pytest.mark.parametrize("other", [1.0, Value(1.0), np.ones(2)], ids=["float", "Value", "array"])
def test_functions_ask_for_an_array_instead_of_a_list(other: object) -> None:
    for inputs in (([1.0, 2.0], other), (other, [1.0, 2.0])):
        with pytest.raises(TypeError, match=r"make it an array first: numpy\.array"):
            mg.maximum(*inputs)


def test_functions_of_floats_never_return_nan_or_infinity_out_of_finite_numbers() -> None:
    for call in (lambda: mg.log(-1), lambda: mg.hypot(1.7e308, 1.7e308), lambda: mg.exp(1e3)):
        with pytest.raises((ValueError, OverflowError), match=r"\w+\(.*\) is"):
            call()


# Sums and the like


def kinds_of(numbers: list[float]) -> Iterator[Any]:
    yield from (numbers, tuple(numbers), np.array(numbers), [Value(x) for x in numbers])
    yield np.array([Value(x) for x in numbers])
    yield [Value(numbers[0]), *numbers[1:]]


@pytest.mark.parametrize("numbers", [[0.5, -1.0, 2.0], [3.0], [1e3, -1e3, 999.0], [-1e3, -1e3]])
def test_composed_functions_equal_those_of_mpmath_for_every_kind(numbers: list[float]) -> None:
    total = float(mpmath.fsum(numbers))
    with mpmath.workdps(900):
        exponentials = [mpmath.exp(x) for x in numbers]
        logsumexp = float(mpmath.log(mpmath.fsum(exponentials)))
        softmax = [float(e / mpmath.fsum(exponentials)) for e in exponentials]
    for kind in kinds_of(numbers):
        assert float(mg.sum(kind)) == pytest.approx(total)
        assert float(mg.mean(kind)) == pytest.approx(total / len(numbers))
        assert float(mg.dot(kind, numbers)) == pytest.approx(sum(x * x for x in numbers))
        assert float(mg.logsumexp(kind)) == pytest.approx(logsumexp, rel=1e-14)
        assert [float(s) for s in mg.softmax(kind)] == pytest.approx(softmax, rel=1e-12)
        assert [float(c) for c in mg.clip(kind, -1, 1)] == np.clip(numbers, -1, 1).tolist()


@pytest.mark.parametrize(
    ("f", "numbers", "gradient"),
    [
        (mg.sum, [1.0, 2.0], [1.0, 1.0]),
        (mg.mean, [1.0, 2.0], [0.5, 0.5]),
        (lambda x: mg.dot(x, x), [1.0, 2.0], [2.0, 4.0]),
        (mg.logsumexp, [1e3, 1e3], [0.5, 0.5]),
        (mg.logsumexp, [1e3, -1e3], [1.0, 0.0]),
        (lambda x: mg.softmax(x)[0], [0.0, 0.0], [0.25, -0.25]),
        (lambda x: mg.sum(mg.clip(x, 0.0, 1.0)), [-1.0, 0.0, 0.5, 1.0, 2.0], [0, 0.5, 1, 0.5, 0]),
    ],
)
def test_composed_functions_have_the_right_gradients(
    f: Callable[[Any], Any], numbers: list[float], gradient: list[float]
) -> None:
    assert mg.grad(f)(numbers) == pytest.approx(gradient)
    assert forward_gradient(f)(numbers)[1] == pytest.approx(gradient)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=6))
def test_softmax_is_the_gradient_of_logsumexp(numbers: list[float]) -> None:
    softmax = mg.softmax(numbers)
    assert sum(softmax) == pytest.approx(1.0)
    assert mg.grad(mg.logsumexp)(numbers) == pytest.approx(softmax, rel=1e-9)


def test_composed_functions_keep_kind_and_shape_and_take_nested_ones() -> None:
    assert mg.softmax(((0.0, 0.0), [0.0, 0.0])) == ((0.25, 0.25), [0.25, 0.25])
    assert mg.clip(np.array([[1.0, 5.0]]), 0, 3).tolist() == [[1.0, 3.0]]
    assert mg.clip(7, 0, 3) == 3.0
    assert mg.clip(1.0, Value(2.0), 3.0).data == 2.0
    assert mg.sum([[1, 2], (3, np.ones(2))]) == 8.0
    assert mg.sum(x for x in (1.0, 2.0)) == 3.0
    assert mg.sum([]) == mg.sum(np.zeros((0, 3))) == 0.0
    assert mg.sum([Value(2.0)]).op == ""


def test_nan_is_not_hidden_by_a_largest_entry() -> None:
    for numbers in ([math.nan, 1.0], [1.0, math.nan], [math.inf, math.nan]):
        assert math.isnan(mg.logsumexp(numbers))
        assert all(math.isnan(entry) for entry in mg.softmax(numbers))
        assert math.isnan(mg.logsumexp([Value(x) for x in numbers]).data)


@pytest.mark.parametrize("kind", [float, Value])
@pytest.mark.parametrize(
    ("numbers", "limit"),
    [
        *(([-math.inf, -math.inf], -math.inf), ([math.inf, 0.0], math.inf)),
        *(([-math.inf, 0.0], 0.0), ([1e308, -1e308], 1e308), ([-1.7e308, 1.7e308], 1.7e308)),
    ],
)
def test_logsumexp_of_what_is_infinite_or_far_apart_is_its_limit(
    kind: type, numbers: list[float], limit: float
) -> None:
    assert float(mg.logsumexp([kind(numbers[0]), numbers[1]])) == limit
    assert float(mg.logsumexp(list(map(kind, numbers)))) == limit
    if math.isfinite(limit):
        assert mg.grad(mg.logsumexp)(numbers) == mg.softmax(numbers)


@pytest.mark.parametrize("far", [[math.inf, 1.0], [1e308, -1e308]])
def test_a_tape_of_logsumexp_recorded_far_out_does_not_hold_elsewhere(far: list[float]) -> None:
    tape = mg.record(mg.logsumexp, far)
    assert tape(far) == mg.logsumexp(far) == max(far)
    with pytest.raises(StaleTapeError, match="takes another branch here"):
        tape([1.0, 2.0])


@pytest.mark.parametrize("kind", [float, Value])
def test_functions_of_sequences_take_any_iterable(kind: type) -> None:
    numbers = [kind(x) for x in (0.0, 1.0, 2.0)]
    by_name = dict(zip("abc", numbers, strict=True))
    for make in (iter, lambda _: by_name.values()):
        for reduce in (mg.sum, mg.mean, mg.logsumexp):
            assert reduce(make(numbers)) == reduce(numbers)
        assert mg.softmax(make(numbers)) == mg.softmax(numbers)
        assert mg.clip(make(numbers), 0.5, 1.5) == [0.5, 1.0, 1.5]
    assert mg.softmax(range(3)) == mg.softmax([0.0, 1.0, 2.0])
    assert mg.sum(iter([])) == mg.sum([]) == mg.sum([[], ()]) == 0.0
    assert mg.sum(np.array(3.0)) == 3.0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mg.sum("12"), TypeError, "argument of sum holds '12' of type str"),
        (lambda: mg.mean([None]), TypeError, "argument of mean holds None"),
        (lambda: mg.mean([]), ValueError, "argument of mean is empty"),
        (lambda: mg.logsumexp([]), ValueError, "argument of logsumexp is empty"),
        (lambda: mg.softmax(np.zeros(0)), ValueError, "argument of softmax is empty"),
        (lambda: mg.dot([1.0], [1.0, 2.0]), ValueError, "same length, got 1 and 2"),
        (lambda: mg.clip(1.0, 2.0, 1.0), ValueError, r"not above the upper: 2\.0 > 1\.0"),
        (lambda: mg.clip(1.0, 0.0, None), TypeError, r"bounds .*, got None .*, give .*math\.inf"),
    ],
)
def test_composed_functions_say_what_is_wrong(
    call: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()


def test_numbers_are_lifted_to_new_values() -> None:
    lifted = lift([1.0, (np.array([2.0]), 3)])
    assert repr(lifted) == (
        "[Value(data=1.0), (array([Value(data=2.0)], dtype=object), Value(data=3.0))]"
    )


# A user's own operations


def test_an_operation_of_texts_is_like_one_of_the_table() -> None:
    cube = mg.operation("cube", value="a**3", derivatives=["3 * a**2"])
    row = OPERATIONS["cube"]
    opinions.prove(row)
    opinions.check_kinds(row)
    opinions.check_nan(row)
    for order in (1, 2, 3):
        opinions.compare_with_mpmath(row, order)
    x = Value(2.0)
    assert (cube(x).op, cube(x).inputs) == ("cube", (x,))
    assert "Derivative with respect to a: 3 * a**2" in inspect.getdoc(cube)


def test_an_operation_of_two_inputs_may_use_others_constants_and_conditions() -> None:
    leaky = mg.operation(
        "leaky",
        value="a if 0 <= a and a < inf else b * expm1(a) + 0 * pi",
        derivatives=["1.0 if a >= 0 else b * exp(a)", "0.0 if a >= 0 else expm1(a)"],
    )
    assert mg.grad(leaky)(-1.0, 0.5) == pytest.approx((0.5 * math.exp(-1), math.expm1(-1)))
    assert mg.hessian(leaky)(-1.0, 0.5)[0][1] == pytest.approx(math.exp(-1))
    assert leaky(np.array([-1.0, 2.0]), 0.5) == pytest.approx([0.5 * math.expm1(-1), 2.0])
    twice = mg.operation("twice", value="leaky(a, 0.5) * 2", derivatives=["y / a"])
    assert twice(3.0) == 6.0


def test_a_power_in_a_text_is_that_of_the_table() -> None:
    root = mg.operation("root", value="a ** 0.5", derivatives=["0.5 / y"])
    for negative in (-4.0, Value(-4.0)):  # Python's own would be a complex number.
        with pytest.raises(ValueError, match="root"):
            root(negative)
    one = mg.operation("one", value="a ** 0", derivatives=["0.0"])
    for nan in (math.nan, complex(math.nan), np.array(math.nan), Value(math.nan)):  # And 1.0.
        assert one(nan) != one(nan)


def test_an_operation_of_python_functions_works_to_the_first_order() -> None:
    scaled = mg.operation(
        "scaled_sine",
        value=lambda a, b: math.sin(a) * b,
        derivatives=[lambda a, b, y: math.cos(a) * b, lambda a, b, y: y / b],
    )
    gradient = mg.grad(scaled)(0.7, 2.0)
    assert gradient == pytest.approx((2 * math.cos(0.7), math.sin(0.7)))
    assert forward_gradient(scaled)(0.7, 2.0)[1] == gradient
    assert scaled(np.array([0.7, 0.0]), 2.0) == pytest.approx([2 * math.sin(0.7), 0.0])
    with pytest.raises(TypeError, match=r"derivative of scaled_sine with respect to a was read"):
        mg.hessian(scaled)(0.7, 2.0)


def test_python_functions_that_use_this_librarys_functions_work_to_any_order() -> None:
    sine = mg.operation("sine", value=math.sin, derivatives=[lambda a, y: mg.cos(a)])
    assert mg.grad(mg.grad(mg.grad(sine)))(0.7) == pytest.approx(-math.cos(0.7))
    quartic = mg.operation("quartic", value=lambda a: a**4, derivatives=[lambda a, y: 4 * a**3])
    assert quartic(1 + 1j) == -4
    assert resolve("complex-step").value_and_gradient(quartic, 2.0) == (16.0, pytest.approx(32.0))
    total = mg.operation(
        "soft_total",
        value=lambda a, b: mg.logsumexp([a, b]),
        derivatives=[lambda a, b, y: mg.softmax([a, b])[0], lambda a, b, y: mg.softmax([a, b])[1]],
    )
    assert mg.hessian(total)(0.0, 0.0)[0][1] == pytest.approx(-0.25)


def test_a_wrong_derivative_is_believed() -> None:
    wrong = mg.operation("wrong", value="a * a", derivatives=["3 * a"])
    assert mg.grad(wrong)(1.0) == 3.0


@pytest.mark.parametrize(
    "name",
    [
        *("exp", "add", "abs", "pi", "a", "y", "where", "real", "2x", "x.y", "", "lambda", "None"),
        # In the code of a tape they mean something else.
        *("otherwise", "value", "value_and_grad", "run", "entries", "isfinite", "nan"),
        *("ValueError", "ArithmeticError"),
    ],
)
def test_a_name_that_is_taken_or_no_identifier_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"is taken|Python identifier"):
        mg.operation(name, value="a", derivatives=["1.0"])


def test_complex_numbers_stay_complex_and_arrays_of_them_are_nan_where_undefined() -> None:
    for function in (mg.relu, mg.absolute, lambda z: mg.maximum(z, 0)):
        assert type(function(-1 + 2j)) is complex
    found = mg.log(np.array([0j, 1]))
    assert np.isnan(found[0])
    assert found[1] == 0
    assert np.isnan(mg.exp(np.array([1000 + 0j]))).all()
    with pytest.raises(TypeError, match="erf is not defined for complex numbers"):
        mg.erf(np.array([1j]))


@pytest.mark.parametrize(
    "call", [mg.grad, *(lambda f, g=g: g(f, 1.0) for g in (mg.record, mg.derivative))]
)
def test_what_is_no_function_is_refused_by_what_takes_one(call: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=r"this takes a function, such as .*, got 3 of type int"):
        call(3)


@pytest.mark.parametrize("name", ["backward", "data", "grad", "label", "inputs", "number", "sum"])
def test_a_name_that_something_else_bears_does_not_reach_it(name: str) -> None:
    double = mg.operation(name, value="2 * a", derivatives=["2.0"])
    assert double(Value(3.0)).data == 6.0
    assert mg.grad(double)(3.0) == 2.0


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        *(("1 if a > 0 else 0", "1.0 if a > 0.0 else 0.0"), ("2", "2.0"), ("-(1 + 1)", None)),
        *(("a > 0", "1.0 if a > 0 else 0.0"), ("a > 0 and a < 1 or a == 2", None)),
        *(("(a > 0) * a", None), ("2 * (0 < a) - ((a > 1) | (1 > a))", None)),
        *(("exp(a < 1)", None), ("3 if 0 < a < 1 and (a > 0) * 2 > 1 else a", None)),
        *(("2 if (a > 0) & (a < 1) else 3", None), ("3 if a else a > 0", None)),
        *(("a**3", "a**3"), ("3 * a**2", "3 * a**2"), ("1.0 if a > 0 else 0.0", ...)),
    ],
)
def test_a_text_gives_floats_over_every_kind_of_number(text: str, rule: Any) -> None:
    mine = mg.operation("mine", value=text, derivatives=[text])
    row = OPERATIONS["mine"]
    for found in (row.value, *row.derivatives):
        assert rule is None or found == (text if rule is ... else rule)
    points = [-1.0, 0.5, 2.0]
    expected = [float(eval(text, {"exp": math.exp, "a": x})) for x in points]
    for x, y in zip(points, expected, strict=True):
        recorded = mine(Value(x))
        recorded.backward()
        tape = mg.record(mine, x)
        for number in (mine(x), recorded.data, mg.grad(mine)(x), *tape.value_and_grad(x), tape(x)):
            assert type(number) is float
            assert number == y
    entries = np.asarray(mine(np.array(points)))
    assert entries.dtype == float
    assert np.broadcast_to(entries, 3).tolist() == expected


def test_each_rule_of_the_table_gives_floats() -> None:
    for row in OPERATIONS.values():
        a, b = (1.0, 2.0) if row.name != "atanh" else (0.5, 2.0)
        inputs = (a, b)[: row.arity]
        y = row.compute(*inputs)
        assert type(y) is float, row
        with contextlib.suppress(ZeroDivisionError):
            assert type(row.derivative_a(a, b, y)) is type(row.derivative_b(a, b, y)) is float, row


@pytest.mark.parametrize(
    "text",
    [
        *("", "a +", "a\n+ 1", "a = 2", "yield a", "a; a", "*a", "a" + "+a" * 9999),
        *("c", "y", "sinn(a)", "a.real", "().__class__", "__import__('os')", "print(a)"),
        *("exp", "exp()", "exp(a, a)", "exp(a=a)", "exp(*[a])", "a(2)", "(exp)(a)(a)"),
        *("'a'", "None", "...", "1j", "[a]", "(a, a)", "{a}", "f'{a}'", "a[0]", "lambda: a"),
        *("[x for x in a]", "(z := a)", "await a", "a % 2", "a // 2", "a @ a", "~a", "not a"),
        *("a is a", "a in a"),
    ],
)
def test_a_text_that_is_no_mathematics_is_refused_when_it_is_defined(text: str) -> None:
    for value, derivative in ((text, "1.0"), ("a", text.replace("y", "b"))):
        with pytest.raises(ValueError, match=r"of mine .*(cannot use|is not an expression)"):
            mg.operation("mine", value=value, derivatives=[derivative])
    assert "mine" not in OPERATIONS
    assert mg.operation("mine", value="a", derivatives=["1.0"])(2.0) == 2.0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"name": 3}, TypeError, "name is a string, got 3"),
        ({"value": 3}, TypeError, "the value of mine is a string or a function, got 3"),
        (
            {"derivatives": [None]},
            TypeError,
            "with respect to a is a string or a function, got None",
        ),
        ({"derivatives": "1.0"}, TypeError, "a list with one rule for each input, got '1.0'"),
        ({"derivatives": None}, TypeError, "a list with one rule for each input, got None"),
        ({"derivatives": []}, ValueError, "one or two inputs, got 0 derivatives"),
        ({"derivatives": ["1.0"] * 3}, ValueError, "one or two inputs, got 3 derivatives"),
    ],
)
def test_what_is_no_rule_is_refused(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    given = {"name": "mine", "value": "a", "derivatives": ["1.0"], **arguments}
    with pytest.raises(error, match=message):
        mg.operation(given.pop("name"), **given)


def test_errors_inside_a_python_function_name_the_operation_and_keep_their_cause() -> None:
    inverse = mg.operation("inverse", value=lambda a: 1 / a, derivatives=[lambda a, y: -y / a])
    for zero in (0.0, Value(0.0)):
        with pytest.raises(ZeroDivisionError, match=r"inverse\(0\.0\) raised ZeroDivisionError: "):
            inverse(zero)
    nothing = mg.operation("nothing", value=lambda a: None, derivatives=[lambda a, y: "1"])
    with pytest.raises(TypeError, match="value of nothing returned None, which is not a number"):
        nothing(Value(1.0))
    nan = mg.operation("no_number", value=lambda a: math.nan, derivatives=[lambda a, y: "1"])
    with pytest.raises(ValueError, match=r"no_number\(1\.0\) .* the result is not a number"):
        nan(Value(1.0))
    text = mg.operation("text", value=lambda a: a, derivatives=[lambda a, y: "1"])
    with pytest.raises(TypeError, match="with respect to a returned '1', which is not a number"):
        text(Value(1.0)).backward()


def test_an_error_of_a_generator_is_not_taken_for_its_being_empty() -> None:
    with pytest.raises(ValueError, match="log"):
        mg.sum(mg.log(x) for x in [-1.0, 2.0])
    assert mg.sum(iter(())) == 0.0


@pytest.mark.parametrize(
    "f", [mg.sum, mg.mean, mg.logsumexp, lambda p: mg.dot(p, p), lambda p: mg.softmax(p)[0]]
)
def test_functions_of_several_numbers_take_complex_ones(f: Any) -> None:
    x = [0.3, -1.2]
    steps = mg.derivative(f, x, method="complex")
    assert steps == pytest.approx(mg.grad(f)(x), rel=1e-14)


@pytest.mark.filterwarnings("error")
def test_numbers_of_numpy_may_be_infinite() -> None:
    assert mg.exp(np.float64("inf")) == math.inf
    assert mg.maximum(np.True_, math.inf) == math.inf


@pytest.mark.parametrize(
    ("value", "derivatives", "said"),
    [
        (lambda a: a * a, [lambda a: 2 * a], "the derivative of one to a is a function of a, y"),
        (lambda a, b: a * b, [lambda a, y: a], "the value of one is a function of a, got"),
        (lambda: 1.0, ["a"], "the value of one is a function of a, got"),
    ],
)
def test_a_rule_that_is_a_function_takes_what_it_is_called_with(
    value: Any, derivatives: Any, said: str
) -> None:
    with pytest.raises(TypeError) as error:
        mg.operation("one", value=value, derivatives=derivatives)
    assert said.replace("to a", "with respect to a") in str(error.value)


def test_a_rule_may_be_a_function_written_in_c_or_take_anything() -> None:
    root = mg.operation("root_in_c", value=math.sqrt, derivatives=[lambda *inputs: 0.5 / inputs[1]])
    assert mg.grad(root)(4.0) == 0.25
    # Without a signature that Python could read.
    larger = mg.operation(
        "max_in_c",
        value=max,
        derivatives=[lambda a, b, _: float(a > b), lambda a, b, _: float(a < b)],
    )
    assert mg.grad(larger)(4.0, 5.0) == (0.0, 1.0)


def test_a_rule_that_gives_a_complex_number_for_a_real_one_is_undefined_there() -> None:
    root = mg.operation("a_root", value=lambda a: a**0.5, derivatives=[lambda a, y: 0.5 / y])
    for negative in (-4.0, mg.Value(-4.0)):
        with pytest.raises(ValueError, match="complex"):
            root(negative)
    assert root(mg.Value(4.0)).data == 2.0
    assert root(-4 + 0j) == pytest.approx(2j)


def test_the_dot_product_is_of_one_dimension() -> None:
    matrix = [[1.0, 2.0], [3.0, 4.0]]
    for left, right in ((matrix, matrix), (np.array(matrix), [1.0, 2.0, 3.0, 4.0])):
        with pytest.raises(ValueError, match=r"one dimension, got the shape \(2, 2\)"):
            mg.dot(left, right)
    assert mg.dot(range(3), iter([1.0, 2.0, 3.0])) == 8.0


def test_rules_that_ignore_an_input_keep_its_shape() -> None:
    one = mg.operation("always_one", value="1", derivatives=["0"])
    left = mg.operation("the_left", value="a", derivatives=["1", "0"])
    assert one(np.zeros(2)).tolist() == [1.0, 1.0]
    assert left(np.ones(1), np.ones((2, 3))).shape == left(1.0, np.ones((2, 3))).shape == (2, 3)


@pytest.mark.parametrize("name", ["ｓin", "l·l"])
def test_an_operation_has_a_name_that_means_itself_in_generated_code(name: str) -> None:
    with pytest.raises(ValueError, match=r"is taken|is a Python identifier"):
        mg.operation(name, value="10 * a", derivatives=["10"])


def test_a_number_that_stands_for_a_truth_is_compared_with_zero() -> None:
    chosen = mg.operation("chosen", value="a if a else 5.0", derivatives=["1 if a else 0"])
    assert (chosen(2.0), chosen(0.0), chosen(np.array([0.0, 2.0])).tolist()) == (2, 5, [5, 2])
    assert "if a != 0.0" in OPERATIONS["chosen"].value


@pytest.mark.parametrize("numbers", [[1e308, 1e308], [1e308, 1e308, -1e308, -1e308, -1e308]])
def test_a_sum_beyond_the_floats_is_an_error(numbers: list[float]) -> None:
    for function in (mg.sum, mg.mean):
        with pytest.raises(OverflowError, match="the sum is too large for a float"):
            function(numbers)
    assert mg.sum([math.inf, 1.0]) == math.inf
    assert math.isnan(mg.sum([math.inf, -math.inf]))
