"""The program of a tape over the arrays of any library: NumPy, JAX, PyTorch.

JAX comes with the optional group `peers`; how to install PyTorch is in the contributor's guide.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import microgradcheck as mg
from microgradcheck.functions.elementwise import elementwise
from microgradcheck.ops import OPERATIONS
from programs import expected, program, user_operations

REASONS = {
    "numpy": "",
    "jax": "needs JAX: pip install '.[peers]'",
    "torch": "needs PyTorch, see CONTRIBUTING.md",
}


def module(name: str) -> Any:
    """Return a library's module with its functions of arrays, or skip the test without it."""
    library = pytest.importorskip(name, reason=REASONS[name])
    if name != "jax":
        return library
    library.config.update("jax_enable_x64", True)
    return pytest.importorskip("jax.numpy")


@pytest.fixture(params=REASONS)
def library(request: pytest.FixtureRequest) -> Any:
    return module(request.param)


def array(library: Any, numbers: Any) -> Any:
    return library.asarray(numbers, dtype=library.float64)


def assert_doubles(library: Any, *arrays: Any) -> None:
    assert {x.dtype for x in arrays} == {array(library, 1.0).dtype}


def loss(x: Any, w: Any, b: Any) -> Any:
    y = mg.softplus(mg.dot(x, w[0]) + b) + mg.relu(w[1][0]) + mg.atan2(b, x[0])
    z = mg.log(y) + x[0] ** b + mg.erf(b) + mg.logaddexp(b, x[1]) ** 2.5 / abs(x[0])
    return z if z > 0 else -z


X, W, B = np.array([1.5, 2.0]), ((0.5, -0.5), [0.25]), 0.75


# The same numbers as this library's own


def row_points(name: str) -> Iterator[list[float]]:
    """Yield points around which the operation's value and derivatives exist, with kinks."""
    arity = OPERATIONS[name].arity
    numbers = [0.3, -0.4, 1.7, 0.0, -2.0, 20.0, 1.5]
    for a in numbers:
        for b in numbers[: 7 if arity == 2 else 1]:
            point = [a, b][:arity]
            try:
                value, gradient = mg.value_and_grad(elementwise(OPERATIONS[name]))(*point)
            except (ValueError, ArithmeticError):
                continue
            if np.isfinite([value, *np.atleast_1d(gradient)]).all():
                yield point


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_row_has_the_same_value_and_derivatives(library: Any, name: str) -> None:
    operation = elementwise(OPERATIONS[name])
    points = list(row_points(name))
    assert len(points) >= 3
    run = mg.record(operation, *points[0]).function(library)
    columns = [array(library, column) for column in zip(*points, strict=True)]
    values, gradients = run(*columns)
    gradients = gradients if len(columns) == 2 else [gradients]
    assert_doubles(library, values, *gradients)
    for i, point in enumerate(points):
        value, gradient = mg.value_and_grad(operation)(*point)
        assert float(values[i]) == pytest.approx(value, rel=1e-12, abs=0)
        found = [float(partial[i]) for partial in gradients]
        assert found == pytest.approx(np.atleast_1d(gradient).tolist(), rel=1e-12, abs=0)


def test_random_programs_have_the_same_values_and_gradients(library: Any) -> None:
    names = user_operations()
    compared = 0
    for seed in range(60):
        f, points = program(seed)
        tape = mg.record(f, points[0])
        if names[-1] in tape.source:  # Its rules are Python functions.
            continue
        run = tape.function(library)
        for x in points:
            value, gradient = run(array(library, x))
            assert_doubles(library, value, gradient)
            assert expected(f, x).same(float(value), gradient.tolist()), seed
            compared += 1
    assert compared > 100


def test_a_perceptron_has_the_same_loss_and_gradient(library: Any) -> None:
    f, weights, samples = perceptron(16)
    run = mg.record(f, weights, *samples[0]).function(library)
    for x, label in samples:
        value, (by_weight, by_x, by_label) = mg.value_and_grad(f)(weights, x, label)
        found, gradients = run(array(library, weights), array(library, x), array(library, label))
        assert float(found) == pytest.approx(value, rel=1e-12)
        assert_same(gradients[0], by_weight)
        assert_same(gradients[1], by_x)
        assert_same(gradients[2], by_label)


def perceptron(
    width: int,
) -> tuple[Callable[..., Any], list[float], list[tuple[list[float], float]]]:
    """Return the loss of a network of three layers on one sample, its weights, and samples."""
    model = mg.nn.MLP(2, [width, width, 1], rng=0)
    weights = [parameter.data for parameter in model.parameters()]

    def error(weights: Any, x: Any, label: Any) -> Any:
        remaining = iter(weights)
        for neuron in (neuron for layer in model.layers for neuron in layer.neurons):
            neuron.w = [next(remaining) for _ in neuron.w]
            neuron.b = next(remaining)
        return (label - model(list(x))) ** 2

    samples = [([0.5, -1.25], 1.0), ([-0.75, 0.25], -1.0), ([1.5, 2.0], 1.0)]
    return error, weights, samples


def assert_same(found: Any, gradient: Any) -> None:
    expected = np.asarray(gradient)
    assert np.any(expected)
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-12, atol=0)


# What is given, and what comes back


def test_arrays_and_lists_come_back_as_they_were_given() -> None:
    run = mg.record(loss, X, W, B).function(namespace=np)
    value, gradient = run(X, W, B)
    expected_value, by_input = mg.value_and_grad(loss)(X, W, B)
    assert value == pytest.approx(expected_value, rel=1e-14)
    assert isinstance(gradient[0], np.ndarray)
    np.testing.assert_allclose(gradient[0], by_input[0], rtol=1e-13)
    assert isinstance(gradient[1], tuple)
    assert isinstance(gradient[1][1], list)
    with pytest.raises(ValueError, match="3 entries, where the tape was recorded with 2"):
        run(np.ones(3), W, B)


def test_plain_numbers_take_the_precision_of_the_arrays_beside_them(library: Any) -> None:
    run = mg.record(lambda x, y: x * mg.exp(y), 2.0, 0.1).function(library)
    double, single = (library.asarray(2.0, dtype=getattr(library, f"float{n}")) for n in (64, 32))
    value, (by_x, by_y) = run(double, 0.1)
    assert (float(by_x), float(value)) == pytest.approx((math.exp(0.1), 2 * math.exp(0.1)), 1e-15)
    assert_doubles(library, value, by_x, by_y)
    assert {part.dtype for part in run(single, 0.1)[1]} == {single.dtype}
    whole = run(library.asarray(2), 1)[0]
    assert float(whole) == pytest.approx(2 * math.e, rel=1e-6)


def test_whole_numbers_become_floats(library: Any) -> None:
    f = mg.record(lambda x: x[0] ** 3 * x[1], [2.0, 3.0]).function(library)
    expected = mg.value_and_grad(lambda x: x[0] ** 3 * x[1])([3e6, 3e6])
    whole = [3_000_000, 3_000_000]
    for given in (whole, library.asarray(whole), [library.asarray(3_000_000), 3_000_000.0]):
        value, gradient = f(given)
        assert float(value) == pytest.approx(expected[0], rel=1e-6)
        assert [*map(float, gradient)] == pytest.approx(expected[1], rel=1e-6)
    power = mg.record(lambda x: x**25, 2.0).function(library)
    assert float(power(10)[0]) == pytest.approx(1e25, rel=1e-6)
    reciprocal = mg.record(lambda x: x**-1, 2.0).function(library)
    for four in (4, np.int64(4), np.array(4), library.asarray(4)):
        assert [*map(float, reciprocal(four))] == [0.25, -0.0625]
    either = mg.record(lambda x: 2.0 * x, 2.0).function(library)
    assert float(either(library.asarray(True))[0]) == 2.0


def test_whole_arrays_take_the_precision_of_the_float_arrays_beside_them(library: Any) -> None:
    run = mg.record(lambda x, y: x * y, 2.0, 3.0).function(library)
    whole = library.asarray([2**24 + 1, 3])
    value, gradient = run(whole, array(library, 1.0))
    assert value.tolist() == [2.0**24 + 1, 3.0]
    assert_doubles(library, value, *gradient)
    single = library.asarray(2.0, dtype=library.float32)
    for given in ((whole, single), (single, whole), (single, np.int64(3)), (3, single)):
        value, gradient = run(*given)
        assert {value.dtype, *(partial.dtype for partial in gradient)} == {single.dtype}


def test_what_is_no_number_is_refused() -> None:
    run = mg.record(mg.exp, 1.0).function(np)
    for thing in ("1", [1.0], mg.Value(1.0)):
        with pytest.raises(TypeError, match=r"an argument holds .* give numbers, or arrays of num"):
            run(thing)


def test_a_choice_of_two_numbers_keeps_the_precision(library: Any) -> None:
    mg.operation("step", value="0.1 if (a > 0.3) & (inf > a) else 0.7", derivatives=["0.0"])
    run = mg.record(elementwise(OPERATIONS["step"]), 1.0).function(library)
    values = run(array(library, [1.0, -1.0]))[0]
    assert values.tolist() == [0.1, 0.7]


def test_a_point_on_another_branch_or_outside_of_the_domain_gives_nan(library: Any) -> None:
    run = mg.record(loss, X, W, B).function(namespace=library)
    x = array(library, [[1.5, 1.5, -1.0], [2.0, 2.0, 2.0]])
    values, gradients = run(x, W, array(library, [0.75, -50.0, 0.75]))
    assert np.isnan(np.asarray(values)).tolist() == [False, True, True]
    assert np.isnan(np.asarray(gradients[0])).tolist() == [[False, True, True]] * 2


def test_what_is_undefined_or_infinite_is_nan(library: Any) -> None:
    for f, x in ((mg.log, 0.0), (lambda x: 1 / x, 0.0), (mg.exp, 1000.0), (mg.log, -1.0)):
        run = mg.record(f, 2.0).function(library)
        values, slopes = run(array(library, [x, 3.0]))
        value, slope = mg.value_and_grad(f)(3.0)
        assert values.tolist() == pytest.approx([math.nan, value], nan_ok=True)
        assert slopes.tolist() == pytest.approx([math.nan, slope], nan_ok=True)


def test_a_derivative_that_does_not_exist_is_nan(library: Any) -> None:
    run = mg.record(lambda x: mg.sqrt(x[0]) + x[1], [2.0, 3.0]).function(library)
    for kind in (lambda x: array(library, x), list):
        value, gradient = run(kind([0.0, 3.0]))
        assert float(value) == 3.0
        assert [*map(float, gradient)] == pytest.approx([math.nan, 1.0], nan_ok=True)


def test_derivatives_have_a_number_for_each_point(library: Any) -> None:
    run = mg.record(lambda x, y: x[0] * y + x[1], [2.0, 3.0], 4.0).function(library)
    _, (by_x, by_y) = run(array(library, [2.0, 3.0]), array(library, [1.0, 2.0, 3.0]))
    assert by_x.tolist() == [[1.0, 2.0, 3.0], [1.0, 1.0, 1.0]]
    assert by_y.tolist() == [2.0, 2.0, 2.0]


def test_a_library_without_a_function_is_refused_by_name() -> None:
    class Library:
        __name__ = "library"
        exp, asarray = staticmethod(math.exp), staticmethod(np.asarray)

    mg.record(mg.exp, 1.0).function(Library())
    with pytest.raises(ValueError, match="library has no function 'log', which the tape calls"):
        mg.record(mg.log, 1.0).function(Library())


@pytest.mark.parametrize("thing", [None, "numpy"])
def test_what_is_no_module_is_refused(thing: Any) -> None:
    message = f"the module of an array library, such as numpy or jax.numpy; got {thing!r}"
    with pytest.raises(TypeError, match=message):
        mg.record(mg.exp, 1.0).function(thing)


# What the libraries make of the program


class Transforms(NamedTuple):
    """A library's array functions, and its functions of functions."""

    library: Any
    grad: Callable[..., Any]
    vmap: Callable[..., Any]


@pytest.fixture(params=["jax", "torch"])
def transforms(request: pytest.FixtureRequest) -> Transforms:
    library = module(request.param)
    if request.param == "torch":
        return Transforms(library, library.func.grad, library.func.vmap)
    jax = sys.modules["jax"]
    return Transforms(library, jax.grad, lambda f, axes: jax.jit(jax.vmap(f, axes)))


def test_it_runs_for_many_points_at_once(transforms: Transforms) -> None:
    rng = np.random.default_rng(3)
    x, b = rng.uniform(0.5, 2.0, (20, 2)), rng.uniform(0.2, 1.0, 20)
    program = mg.record(loss, X, W, B).function(transforms.library)
    run = transforms.vmap(program, (0, None, 0))
    values, gradients = run(array(transforms.library, x), W, array(transforms.library, b))
    for i in range(20):
        value, (by_x, by_w, by_b) = mg.value_and_grad(loss)(x[i], W, b[i])
        assert float(values[i]) == pytest.approx(value, rel=1e-12)
        assert_same(gradients[0][i], by_x)
        assert_same(gradients[1][0][0][i], by_w[0][0])
        assert_same(gradients[2][i], by_b)


def test_its_value_has_its_gradient_as_the_library_finds_it(transforms: Transforms) -> None:
    library, grad, _ = transforms
    run = mg.record(loss, X, W, B).function(library)
    x, b = array(library, X), array(library, B)
    _, (by_x, _, by_b) = run(x, W, b)
    assert_same(grad(lambda x: run(x, W, b)[0])(x), by_x)
    assert_same(grad(lambda b: run(x, W, b)[0])(b), by_b)

    f, weights, samples = perceptron(4)
    run_network = mg.record(f, weights, *samples[0]).function(library)
    sample = [array(library, part) for part in samples[0]]
    found = grad(lambda weights: run_network(weights, *sample)[0])(array(library, weights))
    assert_same(found, mg.grad(f)(weights, *samples[0])[0])


def test_whole_numbers_become_floats_where_a_library_follows_them(transforms: Transforms) -> None:
    library, grad, _ = transforms
    run = mg.record(lambda x, y: (x * y) ** 25, 2.0, 3.0).function(library)
    ten = library.asarray([10, 10])
    many = transforms.vmap(run, (0, None))
    assert many(ten, array(library, 1.0))[0].tolist() == pytest.approx([1e25] * 2)
    by_y = grad(lambda y: run(library.asarray(10), y)[0])(array(library, 1.0))
    assert float(by_y) == pytest.approx(25e25)


def test_a_library_finds_no_derivative_where_there_is_none(transforms: Transforms) -> None:
    library, grad, _ = transforms
    run = mg.record(mg.log, 2.0).function(library)
    points = array(library, [2.0, 0.0, -1.0, 4.0])
    # Each number is the sum's derivative at one point, so the undefined ones spoil no other.
    slopes = grad(lambda x: run(x)[0][0] + run(x)[0][3])(points)
    assert slopes.tolist() == pytest.approx([0.5, math.nan, math.nan, 0.25], nan_ok=True)
    slopes = grad(lambda x: run(x)[1][0] + run(x)[1][3])(points)
    assert slopes.tolist() == pytest.approx([-0.25, math.nan, math.nan, -0.0625], nan_ok=True)


def test_its_gradient_can_be_differentiated_again(transforms: Transforms) -> None:
    library, grad, _ = transforms
    run = mg.record(loss, X, W, B).function(library)
    by_x = [
        grad(lambda x, i=i: run(x, W, array(library, B))[1][0][i])(array(library, X)).tolist()
        for i in range(2)
    ]
    assert_same(by_x, mg.hessian(lambda x: loss(x, W, B))(X))


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "logaddexp"])
def test_smooth_operations_are_differentiated_where_their_parts_have_kinks(
    transforms: Transforms, name: str
) -> None:
    library, grad, _ = transforms
    operation = elementwise(OPERATIONS[name])

    def f(x: Any) -> Any:
        return operation(x, x * x) if OPERATIONS[name].arity == 2 else operation(x)

    run = mg.record(f, 0.0).function(library)
    zero = array(library, 0.0)
    assert float(grad(lambda x: run(x)[0])(zero)) == pytest.approx(mg.grad(f)(0.0), rel=1e-12)
    assert float(grad(lambda x: run(x)[1])(zero)) == mg.grad(mg.grad(f))(0.0)


def test_it_runs_on_several_devices() -> None:
    module("jax")
    program = [
        "import jax, numpy as np",
        "from jax.sharding import NamedSharding, PartitionSpec",
        "import microgradcheck as mg",
        "jax.config.update('jax_enable_x64', True)",
        "assert jax.device_count() == 4",
        "tape = mg.record(lambda x: mg.sin(x[0]) * mg.exp(x[1]), np.ones(2))",
        "mesh = jax.make_mesh((4,), ('points',))",
        "spec = PartitionSpec('points')",
        "many = jax.vmap(tape.function(namespace=jax.numpy))",
        "run = jax.jit(jax.shard_map(many, mesh=mesh, in_specs=spec, out_specs=(spec, spec)))",
        "x = np.random.default_rng(0).normal(size=(40, 2))",
        "values, gradients = run(jax.device_put(x, NamedSharding(mesh, spec)))",
        "expected = tape.batch(x)",
        "np.testing.assert_allclose(values, expected[0], rtol=1e-12)",
        "np.testing.assert_allclose(gradients, expected[1], rtol=1e-12)",
    ]
    ended = subprocess.run(
        [sys.executable, "-c", "\n".join(program)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=4"},
    )
    assert ended.returncode == 0, ended.stderr


def test_a_library_of_another_name_needs_no_more_than_the_functions() -> None:
    class Library:
        """NumPy, under a name that the tape does not know."""

        __name__ = "stand_in"

        def __getattr__(self, name: str) -> Any:
            return getattr(np, name)

    def f(x: Any) -> Any:
        return mg.softplus(x[0]) * mg.sigmoid(x[1])

    for point in ([-2.0, 0.5], [0.0, 0.0], [3.0, -1.0]):
        value, gradient = mg.record(f, point).function(Library())(np.array(point))
        expected_value, expected_gradient = mg.value_and_grad(f)(point)
        assert value == pytest.approx(expected_value, rel=1e-12)
        np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-12)


def test_a_module_without_arrays_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="math is no array library: it has no asarray"):
        mg.record(lambda x: x * x, 1.0).function(math)
