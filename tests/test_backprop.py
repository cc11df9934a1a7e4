"""Gradients, Jacobians and Hessians have the right numbers, kinds and shapes, to any order."""

from __future__ import annotations

import gc
import math
import threading
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given

import graphs
import microgradcheck as mg
import opinions
from microgradcheck.backprop import forward_gradient
from microgradcheck.functions.elementwise import VALUES
from microgradcheck.value import Value

Pair = namedtuple("Pair", ["left", "right"])


# Numbers


@given(graphs.STEPS, graphs.NUMBERS, graphs.NUMBERS)
def test_gradients_of_random_graphs_equal_differences_at_sixty_digits(
    steps: list[graphs.Step], a: float, b: float
) -> None:
    f = graphs.function(steps, VALUES)
    assume(abs(f(a, b)) < 1e3)
    with mpmath.workdps(60):
        exact = graphs.function(steps, opinions.DIGITS)
        true = [float(mpmath.diff(exact, (a, b), orders)) for orders in ((1, 0), (0, 1))]
        assume(max(map(abs, true)) < 1e6)
        second = float(mpmath.diff(exact, (a, b), (1, 1)))
    assert mg.grad(f)(a, b) == pytest.approx(true, rel=1e-9, abs=1e-9)
    assert forward_gradient(f)(a, b)[1] == pytest.approx(true, rel=1e-9, abs=1e-9)
    mixed = mg.hessian(f)(a, b)
    assert mixed[0][1] == pytest.approx(mixed[1][0], rel=1e-9, abs=1e-6)
    assert mixed[0][1] == pytest.approx(second, rel=1e-9, abs=1e-6)


def test_the_value_is_that_of_the_function() -> None:
    value, gradient = mg.value_and_grad(lambda x: x[0] * x[1])([2.0, 5.0])
    assert (value, gradient) == (10.0, [5.0, 2.0])
    assert type(value) is float


def test_a_deep_function_is_differentiated_twice_without_recursion() -> None:
    def f(x: Any) -> Any:
        y = x
        for _ in range(5000):
            y = y * 0.5 + x
        return y * y

    assert mg.grad(f)(3.0) == pytest.approx(24.0)
    assert mg.hessian(f)(3.0) == pytest.approx(8.0)


# Kinds and shapes


def sum_of_cubes(x: Any) -> Any:
    return mg.sum(x) ** 3 / 9


@pytest.mark.parametrize(
    "argument",
    [2.0, 3, np.float64(2), np.int64(2), [1.0, 2], (1.0, [2.0, (3.0,)]), [[1.0]]],
    ids=repr,
)
def test_the_gradient_of_numbers_lists_and_tuples_has_their_kind(argument: Any) -> None:
    gradient = mg.grad(sum_of_cubes)(argument)
    slope = float(mg.sum(argument)) ** 2 / 3

    def alike(thing: Any, gradient: Any) -> bool:
        if isinstance(thing, list | tuple):
            return type(thing) is type(gradient) and all(
                alike(*pair) for pair in zip(thing, gradient, strict=True)
            )
        return type(gradient) is float and gradient == slope

    assert alike(argument, gradient)


def test_the_gradient_of_a_named_tuple_is_one() -> None:
    assert mg.grad(lambda pair: pair.left * pair.right)(Pair(2.0, 5.0)) == Pair(5.0, 2.0)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (1, 1, 2)])
@pytest.mark.parametrize("dtype", [float, np.float32, int, bool, object])
def test_the_gradient_of_an_array_has_its_shape(shape: tuple[int, ...], dtype: type) -> None:
    argument = np.ones(shape, dtype)
    gradient = mg.grad(lambda x: mg.sum(x * x * np.ones(shape)))(argument)
    assert isinstance(gradient, np.ndarray)
    assert (gradient.shape, gradient.dtype) == (shape, float)
    assert (gradient == 2.0).all()
    assert (argument == 1).all()


def test_several_arguments_give_a_tuple_with_one_gradient_each() -> None:
    gradients = mg.grad(lambda a, b, c: a * mg.sum(b) + (c * c).sum())(
        2.0, [3.0, (4.0,)], np.array([1.0, 5.0])
    )
    assert gradients[:2] == (7.0, [2.0, (2.0,)])
    assert gradients[2].tolist() == [2.0, 10.0]


def test_keyword_arguments_are_handed_over_as_they_are() -> None:
    assert mg.grad(lambda x, *, power: x**power)(3.0, power=2) == 6.0


@pytest.mark.parametrize("result", [3, 3.0, np.float64(3), True], ids=repr)
def test_a_function_that_returns_a_plain_number_has_gradient_zero(result: float) -> None:
    assert mg.value_and_grad(lambda x: result)([1.0, (2.0,)]) == (float(result), [0.0, (0.0,)])
    assert forward_gradient(lambda x: result)(1.0) == (float(result), 0.0)


def test_a_result_in_an_array_without_axes_is_a_number() -> None:
    assert mg.grad(lambda x: np.array(x * x))(3.0) == 6.0
    assert mg.grad(lambda x: np.array([x]) @ np.array([x]))(3.0) == 6.0


def test_the_function_itself_keeps_its_name_and_documentation() -> None:
    def loss(x: Any) -> Any:
        """Return the loss."""

    for transform in (mg.grad, mg.value_and_grad, mg.jacobian, mg.hessian, forward_gradient):
        transformed = transform(loss)
        assert transformed.__name__ == "loss"
        assert transformed.__doc__ == "Return the loss."


@pytest.mark.parametrize(
    ("argument", "output_shape"),
    [(2.0, ()), ([1.0, 2.0], (2,)), (np.ones((2, 3)), (2, 3)), (((1.0, 2.0),), (1, 2))],
    ids=repr,
)
def test_a_jacobian_has_the_axes_of_the_output_then_of_the_input(
    argument: Any, output_shape: tuple[int, ...]
) -> None:
    jacobian = mg.jacobian(lambda x: x)(argument)
    assert jacobian.shape == output_shape * 2
    size = math.prod(output_shape)
    assert jacobian.reshape(size, size).tolist() == np.eye(size).tolist()


def test_a_jacobian_of_several_arguments_is_a_tuple() -> None:
    by_a, by_b = mg.jacobian(lambda a, b: [a * mg.sum(b), a, 3.0])(2.0, [3.0, 4.0])
    assert by_a.tolist() == [7.0, 1.0, 0.0]
    assert by_b.tolist() == [[2.0, 2.0], [0.0, 0.0], [0.0, 0.0]]


def test_a_jacobian_of_a_matrix_product_is_that_of_the_textbook() -> None:
    A, B = np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(3, 2) - 2
    by_a, by_b = mg.jacobian(lambda a, b: a @ b)(A, B)
    assert by_a.tolist() == np.einsum("ik,lj->ijkl", np.eye(2), B).tolist()
    assert by_b.tolist() == np.einsum("il,jk->ijlk", A, np.eye(2)).tolist()


def test_a_hessian_has_the_axes_of_the_input_twice() -> None:
    assert mg.hessian(lambda x: x**3)(2.0).tolist() == 12.0
    assert mg.hessian(lambda x: x[0] ** 2 * x[1])([2.0, 5.0]).tolist() == [[10.0, 4.0], [4.0, 0.0]]
    cube = mg.hessian(lambda x: (x**3).sum())(np.ones((2, 3)))
    assert cube.shape == (2, 3, 2, 3)
    assert cube.reshape(6, 6).tolist() == (6 * np.eye(6)).tolist()


def test_a_hessian_of_several_arguments_is_a_tuple_of_tuples() -> None:
    blocks = mg.hessian(lambda a, b: (a * a).sum() * b[0] * b[1])(np.ones(3), [2.0, 5.0])
    assert [[block.shape for block in row] for row in blocks] == [
        [(3, 3), (3, 2)],
        [(2, 3), (2, 2)],
    ]
    assert blocks[0][0].tolist() == (20 * np.eye(3)).tolist()
    assert blocks[0][1].tolist() == blocks[1][0].T.tolist() == [[10.0, 4.0]] * 3
    assert blocks[1][1].tolist() == [[0.0, 3.0], [3.0, 0.0]]


# One inside the other


def test_a_gradient_can_be_taken_of_a_gradient_to_any_order() -> None:
    derivative = mg.sin
    for expected in (math.cos, lambda x: -math.sin(x), lambda x: -math.cos(x), math.sin) * 2:
        derivative = mg.grad(derivative)
        assert derivative(0.7) == pytest.approx(expected(0.7), rel=1e-12)


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        # The inner function uses the outer argument in its own value.
        (lambda x: x * mg.grad(lambda y: x + y)(1.0), 1.0, 1.0),
        (lambda x: x * mg.grad(lambda y: x * y)(1.0), 3.0, 6.0),
        (lambda x: mg.grad(lambda y: x * y * y)(x), 3.0, 12.0),
        (lambda x: mg.grad(lambda y: mg.grad(lambda z: x * y * z * z * y)(2.0))(3.0), 5.0, 24.0),
        # A gradient that the outer argument only scales, and one that it does not touch.
        (lambda x: x * mg.grad(lambda y: y * y)(2.0), 3.0, 4.0),
        (lambda x: x + mg.grad(lambda y: y * y)(2.0), 3.0, 1.0),
        # Other functions of functions inside.
        (lambda x: mg.jacobian(lambda y: [y[0] ** 2, y[1] ** 2])([x, 2 * x]).sum(), 3.0, 6.0),
        (lambda x: mg.hessian(lambda y: x * x * y**3)(2.0) * 1.0, 3.0, 72.0),
        (lambda x: mg.value_and_grad(lambda y: x * y * y)(x)[0], 3.0, 27.0),
    ],
)
def test_derivatives_inside_a_differentiated_function_are_not_confused(
    f: Callable[[Any], Any], x: float, expected: float
) -> None:
    assert mg.grad(f)(x) == pytest.approx(expected)


def test_a_jacobian_of_a_jacobian_holds_all_second_derivatives() -> None:
    second = mg.jacobian(mg.jacobian(lambda u: [u[0] ** 2, u[0] * u[1] ** 3]))([2.0, 3.0])
    assert second.tolist() == [[[2.0, 0.0], [0.0, 0.0]], [[0.0, 27.0], [27.0, 36.0]]]


def test_a_gradient_at_values_is_recorded_and_can_be_swept() -> None:
    x = Value(3.0)
    gradient = mg.grad(lambda y: y**3)(x)
    assert type(gradient) is Value
    gradient.backward()
    assert (gradient.data, x.grad) == (27.0, 18.0)


def test_the_inputs_are_ordinary_values_once_the_function_has_ended() -> None:
    seen: list[Value] = []

    def f(x: Any) -> Any:
        seen.append(x)
        if len(seen) > 1:
            raise LookupError
        return x * x

    mg.grad(f)(3.0)
    with pytest.raises(LookupError):
        mg.grad(f)(3.0)
    assert [type(x) for x in seen] == [Value, Value]
    assert mg.grad(lambda y: y * seen[0])(2.0) == 3.0


@pytest.mark.parametrize("is_on", [True, False])
def test_the_cyclic_collector_is_left_as_it_was(is_on: bool) -> None:
    def fails(x: Any) -> Any:
        raise LookupError

    was_on = gc.isenabled()
    (gc.enable if is_on else gc.disable)()
    try:
        assert mg.grad(lambda x: mg.grad(lambda y: y * x)(x))(3.0) == 1.0
        assert gc.isenabled() == is_on
        with pytest.raises(LookupError):
            mg.grad(fails)(3.0)
        assert gc.isenabled() == is_on
    finally:
        (gc.enable if was_on else gc.disable)()


def test_threads_take_derivatives_at_once() -> None:
    wrong: list[Any] = []

    def work(x: float) -> None:
        for _ in range(20):
            found = mg.hessian(lambda y: mg.grad(lambda z: z**3 * y)(y))(x)
            if found != pytest.approx(18 * x):
                wrong.append(found)

    threads = [threading.Thread(target=work, args=(1.0 + i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_arguments_may_be_nested_very_deeply() -> None:
    deep: Any = 3.0
    for _ in range(3_000):
        deep = (deep,)

    def square_of(nested: Any) -> Any:
        while isinstance(nested, tuple):
            (nested,) = nested
        return nested * nested

    gradient = mg.grad(square_of)(deep)
    for _ in range(3_000):
        (gradient,) = gradient
    assert gradient == 6.0
    with pytest.raises(ValueError, match="too deeply"):  # More axes than NumPy has.
        mg.jacobian(square_of)(deep)


# Errors


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mg.grad(lambda x: None)(1.0), TypeError, "result of the function holds None"),
        (lambda: mg.grad(lambda x: "1")(1.0), TypeError, "result of the function holds '1'"),
        (lambda: mg.grad(lambda x: [x, x])(1.0), TypeError, "returned 2 in a list; .* jacobian"),
        (lambda: mg.grad(lambda x: x)("1"), TypeError, "argument 0 holds '1' of type str"),
        (lambda: mg.grad(lambda x, y: x)(1.0, [None]), TypeError, "argument 1 holds None"),
        (lambda: mg.grad(lambda x: x)(1j), TypeError, "argument 0 holds 1j of type complex"),
        (lambda: mg.grad(lambda x: x)({"a": 1.0}), TypeError, "of type dict; expected a real"),
        (lambda: mg.grad(lambda x: x)([]), ValueError, r"argument 0 is empty: \[\]"),
        (lambda: mg.grad(lambda x: x)(np.zeros((0, 2))), ValueError, "argument 0 is empty"),
        (mg.grad(lambda: 1.0), TypeError, "at least one argument"),
        (lambda: mg.jacobian(lambda x: [x, [x]])(1.0), ValueError, "nested unevenly"),
        (lambda: mg.jacobian(lambda x: [[x], []])(1.0), ValueError, "nested unevenly"),
        (lambda: mg.grad(mg.sqrt)(0.0), ZeroDivisionError, "derivative of sqrt with respect to a"),
        (lambda: mg.hessian(lambda x: x**1.5)(0.0), ZeroDivisionError, "derivative of power"),
        (lambda: mg.grad(mg.log)(-1.0), ValueError, r"log\(-1\.0\) is undefined"),
        (lambda: mg.hessian(mg.atan)(1e308), OverflowError, "a higher derivative of atan is too"),
    ],
)
def test_what_cannot_be_differentiated_says_why(
    call: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("transform", [mg.grad, mg.value_and_grad, mg.jacobian, mg.hessian])
def test_what_is_no_function_is_refused_at_once(transform: Callable[..., Any]) -> None:
    x = mg.Value(3.0)
    with pytest.raises(TypeError, match=r"takes a function, .* got Value.*backward"):
        transform(x * x)


def test_what_f_is_called_with_is_a_value_in_pythons_own_messages_too() -> None:
    with pytest.raises(TypeError, match="'Value' object is not subscriptable"):
        mg.grad(lambda x: x[0])(1.0)


def test_a_rule_of_a_users_own_may_sweep_while_derivatives_are_recorded() -> None:
    product = mg.operation(
        "a_times_a_times_b",
        value=lambda a, b: a * a * b,
        derivatives=[
            lambda a, b, y: 2 * a * b,
            lambda a, b, y: mg.grad(lambda t: t * t * t / 3)(a),
        ],
    )
    assert mg.hessian(product)(2.0, 3.0)[0][0] == 6.0
    assert mg.grad(mg.grad(lambda x: product(x * x, x)))(2.0) == 160.0
