"""A `Value` is a number that remembers how it was made, and promises what the design says."""

from __future__ import annotations

import contextlib
import copy
import gc
import math
import operator
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import microgradcheck as mg
from microgradcheck import sweep
from microgradcheck.value import Value, watching

ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
COMPARISONS = [
    *(operator.lt, operator.le, operator.gt, operator.ge),
    *(operator.eq, operator.ne),
]

PLAIN_NUMBERS = [
    *(2, 2.0, True, Fraction(2)),
    *(np.float64(2), np.float32(2), np.float16(2), np.longdouble(2)),
    *(np.int64(2), np.int8(2), np.uint8(2), np.bool(True)),
]


def chain(start: Value, length: int) -> Value:
    """Return a Value that is as many operations away from the start."""
    y = start
    for _ in range(length // 2):
        y = y * 0.5 + start
    return y


# What it remembers


def test_a_leaf_remembers_its_number_and_label_and_nothing_else() -> None:
    x = Value(3, label="weight")
    assert (x.data, x.grad, x.op, x.inputs, x.label) == (3.0, 0.0, "", (), "weight")
    assert type(x.data) is float


def test_a_result_remembers_its_operation_and_the_values_it_was_made_from() -> None:
    a, b = Value(2.0), Value(5.0)
    assert (a * b).op == "multiply"
    assert (a * b).inputs == (a, b)
    assert (a * a).inputs == (a, a)
    assert [y.inputs for y in (2 - a, a - 2, -a, a.exp())] == [(a,)] * 4


def test_every_operation_is_a_method_by_its_own_name_and_by_numpys() -> None:
    x, half = Value(1.5), Value(0.5)
    assert x.exp().data == math.exp(1.5)
    assert x.hypot(2).data == math.hypot(1.5, 2)
    assert half.arcsin().op == half.asin().op == "asin"
    assert x.arctan2(half).data == math.atan2(1.5, 0.5)
    assert x.arccosh().data == math.acosh(1.5)


def test_its_representation_shows_what_is_known() -> None:
    x = Value(2.0, label="x")
    y = x * 3
    assert repr(x) == "Value(data=2.0, label='x')"
    y.backward()
    assert repr(x) == "Value(data=2.0, grad=3.0, label='x')"
    assert repr(y) == "Value(data=6.0, grad=1.0, op='multiply')"


@pytest.mark.parametrize("label", ["", "β", "</text><script>", '"quoted" \\ back'])
def test_a_label_is_any_text(label: str) -> None:
    assert Value(1.0, label).label == label


# Numbers on either side


@pytest.mark.parametrize("plain", PLAIN_NUMBERS, ids=lambda plain: type(plain).__name__)
@pytest.mark.parametrize("operate", ARITHMETIC)
def test_plain_numbers_work_on_either_side_of_every_operator(
    operate: Callable[[Any, Any], Any], plain: Any
) -> None:
    for f, same_of_floats in (
        (lambda x: operate(x, plain), lambda x: operate(x, float(plain))),
        (lambda x: operate(plain, x), lambda x: operate(float(plain), x)),
    ):
        x = Value(1.5)
        result = f(x)
        result.backward()
        assert type(result) is Value
        assert result.inputs == (x,)
        assert result.data == same_of_floats(1.5)
        slope = (same_of_floats(1.5 + 1e-6) - same_of_floats(1.5 - 1e-6)) / 2e-6
        assert x.grad == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("plain", PLAIN_NUMBERS, ids=lambda plain: type(plain).__name__)
@pytest.mark.parametrize("compare", COMPARISONS)
def test_plain_numbers_compare_on_either_side(
    compare: Callable[[Any, Any], Any], plain: Any
) -> None:
    for x in (1.0, 2.0, 3.0):
        assert bool(compare(Value(x), plain)) == compare(x, float(plain))
        assert bool(compare(plain, Value(x))) == compare(float(plain), x)
    assert compare(Value(2.0), Value(3.0)) == compare(2.0, 3.0)


@pytest.mark.parametrize("compare", COMPARISONS)
def test_integers_beyond_the_floats_compare_as_in_python(
    compare: Callable[[Any, Any], Any],
) -> None:
    for large in (10**400, -(10**400), Fraction(10**400, 3)):
        for x in (2.0, -2.0):
            assert compare(Value(x), large) == compare(x, large)
            assert compare(large, Value(x)) == compare(large, x)
    tape = mg.record(lambda x: x if x < 10**400 else -x, 1.0)
    assert tape(2.0) == 2.0


@pytest.mark.parametrize(
    "call",
    [
        *(Value, lambda large: setattr(Value(1.0), "data", large), mg.exp, mg.grad(mg.exp)),
        *(lambda large: Value(2.0) * large, lambda large: large - Value(2.0)),
        *(lambda large: large ** Value(2.0), lambda large: Value(2.0).hypot(large)),
        *(lambda large: mg.maximum(Value(2.0), large), lambda large: mg.maximum(large, 2.0)),
    ],
)
def test_an_integer_beyond_the_floats_is_an_error_that_shows_it(call: Callable[..., Any]) -> None:
    with pytest.raises(OverflowError, match=r"10+\.\.\.0+ is too large for a float, .*1\.8e308"):
        call(10**400)


@pytest.mark.parametrize("dtype", [float, np.float32, int, bool, object])
@pytest.mark.parametrize("operate", ARITHMETIC)
def test_arrays_on_either_side_give_arrays_of_values(
    operate: Callable[[Any, Any], Any], dtype: type
) -> None:
    x, array = Value(1.5), np.array([[1, 0], [1, 1]]).astype(dtype) + 1
    for result, expected in (
        (operate(x, array), operate(1.5, array.astype(float))),
        (operate(array, x), operate(array.astype(float), 1.5)),
    ):
        assert result.shape == (2, 2)
        assert all(type(entry) is Value for entry in result.flat)
        assert result.astype(float).tolist() == expected.tolist()


@pytest.mark.parametrize("operate", ARITHMETIC)
def test_an_array_without_axes_is_a_number(operate: Callable[[Any, Any], Any]) -> None:
    assert operate(Value(1.5), np.array(2.0)).data == operate(1.5, 2.0)
    assert operate(np.array(2.0), Value(1.5)).data == operate(2.0, 1.5)


def test_numpy_products_and_sums_work_on_values() -> None:
    xs = [Value(1.0), Value(2.0), Value(3.0)]
    A = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]])
    assert [y.data for y in A @ xs] == [14.0, 2.0]
    assert [y.data for y in np.array(xs) @ A.T] == [14.0, 2.0]
    total = np.sum(np.array(xs) * np.array(xs))
    total.backward()
    assert [x.grad for x in xs] == [2.0, 4.0, 6.0]
    assert np.mean(xs).data == np.dot(xs, [0.5, 0.0, 0.5]).data == 2.0
    assert np.max(np.array(xs)).data == 3.0


@pytest.mark.parametrize(
    "name",
    [
        *("exp", "expm1", "log", "log1p", "sqrt", "abs", "sin", "cos", "tan", "asin", "acos"),
        *("atan", "sinh", "cosh", "tanh", "asinh", "atanh"),
    ],
)
def test_numpy_functions_find_the_methods_of_values(name: str) -> None:
    x = Value(0.5)
    (result,) = getattr(np, name)(np.array([x]))
    assert result.inputs == (x,)
    assert result.data == pytest.approx(getattr(np, name)(0.5), rel=1e-15)


@pytest.mark.parametrize("name", ["atan2", "hypot", "maximum", "minimum", "power"])
def test_numpy_functions_of_two_take_values(name: str) -> None:
    xs, ys = np.array([Value(0.5)]), np.array([Value(2.0)])
    (result,) = getattr(np, name)(xs, ys)
    assert result.data == pytest.approx(getattr(np, name)(0.5, 2.0), rel=1e-15)


# Numbers, truths and identity


def test_equality_compares_numbers_and_the_hash_is_identity() -> None:
    x, y = Value(2.0), Value(2.0)
    assert x == y == 2
    assert x != Value(3.0)
    assert x != "2"
    assert x not in (None, "2", [])
    assert len({x, y}) == 2
    assert {x: 1}[x] == 1


def test_nan_equals_nothing_and_has_no_order() -> None:
    nan = Value(math.nan)
    assert nan != nan  # noqa: PLR0124
    assert not any((nan < 1, nan >= 1, nan == 1))


def test_float_and_bool_give_the_number_away() -> None:
    assert float(Value(2.5)) == 2.5
    assert math.exp(Value(0.0)) == 1.0
    assert all(map(bool, (Value(0.1), Value(-0.1), Value(math.nan))))
    assert not Value(-0.0)


@pytest.mark.parametrize("convert", [int, round, operator.index, len, iter])
def test_what_would_cut_the_graph_unseen_is_refused(convert: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError):
        convert(Value(1.0))


def test_a_watcher_is_told_of_every_number_that_is_read_in_its_thread_only() -> None:
    x, read = Value(2.0), []
    with watching(read=read.append):
        float(x)
        _ = x.data
        _ = x * 2 + x > 1, repr(x), mg.logsumexp([x, x])
        other = threading.Thread(target=lambda: float(x))
        other.start()
        other.join()
    float(x)
    assert read == [x, x]


def test_watchers_inside_of_one_another_take_over_what_they_are_given() -> None:
    x, outer, inner = Value(2.0), [], []
    with watching(read=outer.append, compared=lambda *told: outer.append(told)):
        with watching(read=inner.append):
            assert float(x) == 2.0
            assert x > 1
        with watching(compared=lambda *told: inner.append(told)):
            assert float(x) == 2.0
            assert x
        with contextlib.suppress(LookupError), watching(read=inner.append):
            raise LookupError
        assert float(x) == 2.0
    assert float(x) == 2.0
    assert x > 1
    assert outer == [(operator.gt, x, 1, True), x, x]
    assert inner == [x, (operator.ne, x, 0.0, True)]


# Wrong types


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        ("2", r"got '2' of type str; convert it first, with float"),
        (1j, r"differentiates real numbers only; use its \.real"),
        (np.complex64(1j), "of type complex64"),
        (np.array([1.0, 2.0]), r"make one Value for each entry: \[Value\(entry\)"),
        ([1.0], r"make one Value for each entry"),
        (np.array(2.0), r"take the number out of it: \.item\(\)"),
        (None, r"got None of type NoneType"),
        (Value(2.0), r"it is a Value already"),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_what_is_not_one_real_number_is_refused_with_advice(data: object, advice: str) -> None:
    with pytest.raises(TypeError, match=advice):
        Value(data)
    x = Value(1.0)
    with pytest.raises(TypeError, match=advice):
        x.data = data
    assert x.data == 1.0


def test_a_label_that_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="a label is a string, got 3"):
        Value(1.0, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize("operate", ARITHMETIC)
@pytest.mark.parametrize("thing", ["a", 1j, None, [1.0], {}], ids=repr)
def test_operators_refuse_what_is_no_real_number(
    operate: Callable[[Any, Any], Any], thing: object
) -> None:
    for left, right in ((Value(1.0), thing), (thing, Value(1.0))):
        with pytest.raises(TypeError, match="Value"):
            operate(left, right)


@pytest.mark.parametrize("thing", ["a", None, np.ones(2)], ids=["text", "None", "array"])
def test_methods_refuse_what_is_no_real_number(thing: object) -> None:
    with pytest.raises(TypeError, match=r"the method maximum takes a Value or a plain number"):
        Value(1.0).maximum(thing)


# Outside the domain


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: mg.log(x - 3), r"log\(-1\.0\) is undefined: it needs a > 0"),
        (lambda x: 1 / (x - 2), r"divide\(1\.0, 0\.0\) is undefined: it needs b != 0"),
        (lambda x: (-x) ** 0.5, r"power\(-2\.0, 0\.5\) is undefined: it needs a > 0 or"),
        (lambda x: (500 * x).exp(), r"exp\(1000\.0\) is too large for a float"),
        (lambda x: x * 1e308 * 2, r"multiply\(2e\+308|multiply\(2\.0, 1e\+308\) is too large"),
        (lambda x: mg.sin(x / 0.1 * math.inf), r"sin\(inf\) is undefined"),
    ],
)
def test_an_undefined_operation_is_an_error_at_the_line_that_made_it(
    call: Callable[[Value], Value], message: str
) -> None:
    with pytest.raises((ValueError, ArithmeticError), match=message):
        call(Value(2.0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Value(0.0).sqrt(), r"derivative of sqrt with respect to a .* at a = 0\.0"),
        (
            lambda: Value(0.0) ** 0.5,
            r"power with respect to a does not exist at a = 0\.0, b = 0\.5",
        ),
        (lambda: Value(-2.0) ** Value(3.0), r"power with respect to b .* at a = -2\.0, b = 3\.0"),
        (lambda: Value(1.0).asin(), r"asin with respect to a does not exist at a = 1\.0"),
        (lambda: mg.atan2(Value(0.0), 0.0), r"atan2 with respect to a does not exist"),
        (lambda: mg.atan2(Value(0.0), Value(0.0)), r"atan2 with respect to a does not exist"),
    ],
)
def test_a_value_without_a_derivative_is_made_and_backward_says_which(
    make: Callable[[], Value], message: str
) -> None:
    y = make()
    assert math.isfinite(y.data)
    result = y * 2 + 1
    y.inputs[0].grad = 7.0
    with pytest.raises((ValueError, ArithmeticError), match=message):
        result.backward()
    assert (y.inputs[0].grad, y.grad, result.grad) == (7.0, 0.0, 0.0)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_results_as_large_as_a_float_can_hold_are_results(sign: float) -> None:
    x, large = Value(sign), 1e308
    for result in (x * large, large * x, x + large * sign, large * sign - x, -(x * large)):
        assert abs(result.data) == large
    for grow in (lambda x: x * 2, lambda x: 2 * x, lambda x: x - -x, lambda x: x.data - -x):
        with pytest.raises(OverflowError, match="too large for a float"):
            grow(x * large)
    for infinite in (math.inf, -math.inf):
        y = Value(infinite)
        assert [z.data for z in (y + 1, 1 + y, +y, y - 1)] == [infinite] * 4
        assert (1 - y).data == -infinite


def test_a_nan_that_arises_in_a_sweep_is_kept() -> None:
    x = Value(0.0)
    y = (x * math.inf) * 0.0
    y.backward()
    assert math.isnan(y.data)
    assert math.isnan(x.grad)


# Backward


def test_backward_through_a_diamond_adds_up() -> None:
    x = Value(3.0)
    (x * x + x * 2 + x).backward()
    assert x.grad == 9.0


def test_backward_on_a_leaf_is_one() -> None:
    x = Value(3.0)
    x.backward()
    assert x.grad == 1.0


def test_backward_twice_accumulates_in_leaves_and_sets_the_rest_afresh() -> None:
    x = Value(3.0)
    y = x * x
    z = y * 2
    z.backward()
    z.backward()
    assert (x.grad, y.grad, z.grad) == (24.0, 2.0, 1.0)
    x.grad = 0
    y.backward()
    assert (x.grad, y.grad, z.grad) == (6.0, 1.0, 1.0)


def test_gradients_of_a_constant_stay_as_they_were() -> None:
    x, y = Value(3.0), Value(4.0)
    (x * 2).backward()
    assert (x.grad, y.grad) == (2.0, 0.0)


def test_a_chain_of_a_million_operations_is_recorded_swept_and_freed() -> None:
    x = Value(1.0)
    y = chain(x, 1_000_000)
    y.backward()
    assert y.data == pytest.approx(2.0)
    assert x.grad == pytest.approx(2.0)
    before = len(gc.get_objects())
    del y
    assert before - len(gc.get_objects()) == pytest.approx(1_000_000, rel=1e-3)


@pytest.fixture
def _no_cyclic_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_cyclic_collector")
def test_a_million_nodes_that_are_made_and_dropped_leave_no_memory_behind() -> None:
    def make_and_drop(rounds: int) -> int:
        for _ in range(rounds):
            y = chain(x, 10_000)
            y.backward()
            del y
        return sys.getallocatedblocks()

    x = Value(1.0)
    before = make_and_drop(1)  # The first round may fill caches.
    assert make_and_drop(100) - before < 50  # One node that stayed each time would be seen.


@pytest.mark.parametrize(
    "use",
    [
        lambda x: mg.grad(lambda a: mg.tanh(a * x) + a)(2.0),
        lambda x: mg.hessian(lambda a: mg.exp(a) * a)(2.0),
        lambda x: mg.jacobian(lambda a: [a * x, a])(2.0),
        lambda x: mg.value_and_grad(lambda a: mg.grad(lambda b: a * b * b)(a))(2.0),
        lambda x: sweep.forward(x * x, x),
        lambda x: copy.deepcopy(x * x + 1),
        lambda x: copy.copy(x * x),
        lambda x: (x - x).log(),
        lambda x: (x - x).sqrt().backward(),
        lambda x: x / 0,
        lambda x: x.maximum("a"),
        mg.grad(lambda a: [a, a]),
    ],
)
@pytest.mark.usefixtures("_no_cyclic_collector")
def test_nothing_that_is_dropped_waits_for_the_cyclic_collector(use: Callable[[Any], Any]) -> None:
    x = Value(3.0)
    gc.collect()
    with contextlib.suppress(ValueError, ArithmeticError, TypeError):
        use(x)
    assert gc.collect() == 0


# Numbers that change


def changed_graphs() -> Iterator[tuple[str, Value]]:
    """Yield results whose graphs hold a number that was set too late."""
    x = Value(3.0)
    y = x * x
    x.data = 4.0
    yield "a leaf changed after it was used", y
    x = Value(3.0)
    y = x * x
    x.data = 4.0
    yield "a new result stands on an old one", y + x
    x = Value(3.0)
    y = x * x
    z = y + x
    y.data = 5.0
    yield "a computed value was overwritten", z
    yield "the result itself was overwritten", y
    yield "an overwritten value was used", y * 2
    x, other = Value(3.0), Value(1.0)
    y = x * other
    z = y + 1
    other.data = 2.0
    yield "the second input changed", z
    x = Value(3.0)
    y = x.exp()
    z = y + 1
    x.data = 3.0
    yield "even the same number, set again", z


def test_a_number_overwritten_is_noticed_from_the_very_first_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Nothing was overwritten yet, as in a process that has just begun.
    monkeypatch.setattr("microgradcheck.value.value._epoch", 0)
    x = Value(3.0)
    y = x * x
    y.data = 5.0
    with pytest.raises(RuntimeError, match="compute the result again"):
        (y * 2).backward()


@pytest.mark.parametrize(("_", "result"), list(changed_graphs()))
def test_a_number_set_after_its_use_makes_backward_raise(_: str, result: Value) -> None:
    with pytest.raises(RuntimeError, match="compute the result again"):
        result.backward()


def test_a_descent_that_sets_data_and_computes_again_is_right() -> None:
    w = Value(0.0)
    constant = w * 0 + 5.0  # An older part that no longer holds is not used below.
    for _ in range(30):
        loss = (w - 5) ** 2
        w.grad = 0
        loss.backward()
        w.data -= 0.1 * w.grad
    assert w.data == pytest.approx(4.9938, abs=5e-5)
    assert constant.data == 5.0


def test_changing_a_leaf_that_a_graph_does_not_use_does_no_harm() -> None:
    x, other = Value(3.0), Value(1.0)
    y = x * x
    other.data = 2.0
    z = y + other
    z.backward()
    assert (x.grad, other.grad) == (6.0, 1.0)
    w = z * x
    other.data = 3.0
    with pytest.raises(RuntimeError, match="compute the result again"):
        w.backward()
    unused, x.grad = Value(1.0), 0.0
    unused.data = 2.0
    y = x * x
    unused.data = 3.0
    (y + 1).backward()
    assert x.grad == 6.0


# Copies


def test_a_copy_shares_the_inputs_and_a_deep_copy_has_its_own() -> None:
    x = Value(3.0, label="x")
    y = x * x + 1
    y.backward()
    near, deep = copy.copy(y), copy.deepcopy(y)
    assert near.inputs[0] is y.inputs[0]
    (square,) = deep.inputs
    twin = square.inputs[0]
    assert square.inputs[1] is twin
    assert twin is not x
    assert (twin.label, twin.data, twin.grad, deep.grad) == ("x", 3.0, 6.0, 1.0)
    deep.backward()
    assert (twin.grad, x.grad) == (12.0, 6.0)


def test_a_copy_made_while_a_sweep_is_under_way_has_no_part_in_it() -> None:
    copies: list[Value] = []

    def slope(a: float, y: float) -> float:
        copies.extend(map(copy.copy, (x, y_of_x)))
        return 1.0

    same = mg.operation("same", value=lambda a: a, derivatives=[slope])
    x = Value(3.0)
    y_of_x = same(x)
    y_of_x.backward()
    assert [twin.adjoint for twin in copies] == [None, None]


def test_a_deep_copy_of_a_list_keeps_what_its_values_share() -> None:
    x = Value(3.0)
    twin, double, triple = copy.deepcopy([x, x * 2, x * 3])
    assert double.inputs[0] is triple.inputs[0] is twin


def test_a_deep_graph_is_copied_without_recursion() -> None:
    x = Value(1.0, label="x")
    y = chain(x, 200_000)
    twin_of_x, twin = copy.deepcopy([x, y])
    twin.backward()
    assert (twin.data, twin_of_x.grad) == (y.data, pytest.approx(2.0))
    assert (x.grad, y.grad) == (0.0, 0.0)
    near = copy.copy(y)
    assert near.inputs[1] is x
    near.backward()
    assert (x.grad, y.grad) == (pytest.approx(2.0), 0.0)


def test_a_deep_graph_is_refused_by_pickle_without_recursion() -> None:
    y = chain(Value(1.0), 200_000)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for thing in (y, [y], np.array([y])):
            with pytest.raises(TypeError, match=r"computed by 'add' .* pickle the leaves"):
                pickle.dumps(thing, protocol)


class Weight(Value):
    """A kind of `Value` that pickle can find."""

    __slots__ = ()


def test_a_leaf_is_pickled_and_a_computed_value_says_why_it_is_not() -> None:
    x = Value(3.0, label="x")
    for _ in range(2):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert repr(pickle.loads(pickle.dumps(x, protocol))) == repr(x)
        (x * 2).backward()
    assert type(pickle.loads(pickle.dumps(Weight(1.0)))) is Weight
    with pytest.raises(TypeError, match="computed by 'multiply' cannot be pickled"):
        pickle.dumps(x * 2)


def test_an_input_of_a_derivative_is_pickled_as_a_value() -> None:
    pickled = []

    def f(x: Value) -> Value:
        pickled.append(pickle.dumps(x))
        return x * x

    assert mg.grad(f)(3.0) == 6.0
    assert type(pickle.loads(pickled[0])) is Value


# Threads


@pytest.fixture
def _hurried_threads() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("_hurried_threads")
def test_threads_that_share_leaves_do_not_disturb_one_another() -> None:
    leaves = [Value(1.0 + i / 8) for i in range(4)]

    def result() -> Value:
        y = leaves[0]
        for leaf in leaves * 5:
            y = y * 0.5 + leaf.tanh() * y
        return y

    result().backward()
    alone = [leaf.grad for leaf in leaves]
    for leaf in leaves:
        leaf.grad = 0.0
    wrong: list[object] = []

    def work() -> None:
        for _ in range(20):
            y = result()
            y.backward()
            inner = y.inputs[0].grad
            if inner != 1.0:
                wrong.append(inner)
            slope = mg.grad(lambda a: a * a * leaves[1])(2.0)
            if slope != 4.0 * leaves[1].data:
                wrong.append(slope)
            if copy.deepcopy(y).adjoint is not None:
                wrong.append("a copy of a sweep under way")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert [leaf.grad for leaf in leaves] == pytest.approx([160 * grad for grad in alone])
    assert all(node.adjoint is None for node in sweep.topological_order(result()))


@pytest.mark.usefixtures("_hurried_threads")
def test_threads_that_train_leaves_of_their_own_do_not_disturb_one_another() -> None:
    def train(start: float) -> float:
        w = Value(start)
        for _ in range(40):
            loss = (w * w - 2.0).tanh() ** 2 + (w - start) ** 2 * 0.125
            w.grad = 0.0
            loss.backward()
            w.data -= 0.125 * w.grad
        return w.data

    starts = [0.5 + i / 8 for i in range(8)]
    alone = list(map(train, starts))
    with ThreadPoolExecutor(len(starts)) as threads:
        assert list(threads.map(train, starts)) == alone


@pytest.mark.usefixtures("_hurried_threads")
def test_threads_record_tapes_while_others_sweep_and_compare() -> None:
    def steps(x: Any) -> Any:
        y = x
        for _ in range(5):
            y = y * 0.5 if y > 1 else y + x * x
        return y

    def on_a_tape(x: float) -> Any:
        return mg.record(steps, x).value_and_grad(x)

    xs = [0.25 + i / 16 for i in range(64)]
    alone = [mg.value_and_grad(steps)(x) for x in xs]
    with ThreadPoolExecutor(8) as threads:
        eager = threads.map(mg.value_and_grad(steps), xs)
        recorded = threads.map(on_a_tape, xs)
        assert list(eager) == list(recorded) == alone


# Copies of what a derivative is being taken by


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_inside_of_a_function_is_no_way_out_of_its_derivative(copied: Any) -> None:
    def f(x: Any) -> Any:
        return copied(x) * x

    assert mg.grad(f)(2.0) == 4.0
    assert mg.grad(mg.grad(f))(2.0) == 2.0
    assert mg.record(f, 2.0)(3.0) == 9.0
    product = mg.grad(lambda x: copied(x[0] * x[1]) * x[0])
    assert product([2.0, 5.0]) == [20.0, 4.0]


def test_a_deep_copy_of_all_inputs_is_no_way_out_of_their_derivatives() -> None:
    def f(x: Any) -> Any:
        return sum(a * b for a, b in zip(x, copy.deepcopy(x), strict=True))

    assert mg.value_and_grad(f)([3.0, 4.0]) == (25.0, [6.0, 8.0])


def written(x: Any) -> Any:
    x.data = 5.0
    return x * x


def pickled(x: Any) -> Any:
    return pickle.loads(pickle.dumps(x)) * x


def differentiated(x: Any) -> Any:
    y = x * x
    y.backward()
    return y * x.grad


@pytest.mark.parametrize("f", [written, pickled, differentiated])
def test_what_a_recording_cannot_follow_is_refused(f: Any) -> None:
    with pytest.raises(TypeError, match=r"test_value.py:\d+, and a tape cannot follow"):
        mg.record(f, 2.0)


def test_copies_of_a_subclass_keep_what_it_holds() -> None:
    class Length(Value):
        unit = "m"

    length = Length(2.0)
    length.unit = "km"
    assert [copy.copy(length).unit, copy.deepcopy(length).unit] == ["km", "km"]


def test_the_variance_of_an_array_is_differentiated() -> None:
    points = np.array([3.0, 4.0, 8.0])
    assert mg.grad(np.var)(points) == pytest.approx(2 * (points - 5) / 3)
    assert mg.grad(np.std)(points) == pytest.approx((points - 5) / 3 / points.std())


def test_a_value_is_written_in_the_form_asked_for() -> None:
    x = Value(2.0)
    assert (f"{x:.2f}", f"{x}", f"{x!s:>5}".strip()) == ("2.00", str(x), str(x))


def test_a_list_of_running_results_is_copied_result_by_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sums = [Value(1.0)]
    for _ in range(50):
        sums.append(sums[-1] + 1.0)
    with monkeypatch.context() as patched:
        patched.delattr(sweep, "topological_order")  # No graph is searched again.
        twins = copy.deepcopy(sums)
    twins[-1].backward()
    assert twins[0].grad == 1.0
    assert sums[0].grad == 0.0
    assert copy.deepcopy(sums[-1]).data == 51.0


def test_what_was_computed_does_not_keep_its_number_when_its_inputs_are_replaced() -> None:
    class Squared(mg.nn.Module):
        def __init__(self) -> None:
            self.weight = Value(2.0)
            self.square = self.weight * self.weight

        def parameters(self) -> list[Any]:
            return [self.weight]

    for other in (Value(3.0), Value(1.0), 3.0):
        with pytest.raises(RuntimeError, match="computed by 'multiply' would keep its number, 4"):
            Squared().with_parameters([other])
    same = Squared().with_parameters([Value(2.0)])
    same.square.backward()
    assert same.weight.grad == 4.0
    assert math.isnan(copy.deepcopy(Value(math.nan) * 2.0).data)
