"""A tape gives what its function gives, at the speed of plain code, or says why it does not."""

from __future__ import annotations

import contextlib
import copy
import gc
import math
import operator
import pickle
import random
import re
import subprocess
import sys
import threading
import traceback
import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

import microgradcheck as mg
from microgradcheck.tape import StaleTapeError, Tape, record
from microgradcheck.tape.recorder import trace
from microgradcheck.tape.schedule import Schedule, Sums, Terms
from microgradcheck.tape.ways import LOOP, PASSES, STRAIGHT, Ways

WAYS = (STRAIGHT, PASSES, LOOP)


def rosenbrock(x: Any) -> Any:
    return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(len(x) - 1))


def branching(x: Any) -> Any:
    return mg.log(x) if x > 1 else x * x


class Pair(NamedTuple):
    first: Any
    second: Any


def in_way(way: str, f: Callable[..., Any], *inputs: Any) -> Tape:
    """Record a function and run the tape in a way of the test's choice."""
    tape = record(f, *inputs)
    vars(tape._ways).update(one_point=way, many_points=way)
    return tape


# One point


@pytest.mark.parametrize("way", WAYS)
def test_value_and_gradient_are_those_of_the_function(way: str) -> None:
    tape = in_way(way, rosenbrock, [1.0, 2.0, 3.0, 4.0])
    x = [-1.2, 1.0, 0.5, 2.0]
    value, gradient = mg.value_and_grad(rosenbrock)(x)
    assert tape(x) == pytest.approx(value, rel=1e-14)
    tape_value, tape_gradient = tape.value_and_grad(x)
    assert tape_value == tape(x)
    assert tape_gradient == pytest.approx(gradient, rel=1e-12)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "x",
    [
        [2.0, 3.0],
        (2.0, 3.0),
        [[2.0], (3.0,)],
        Pair(2.0, [3.0]),
        np.array([2.0, 3.0]),
        np.array([[2.0], [3.0]]),
        [np.array([2.0, 3.0])],
        (np.float64(2), 3),
    ],
    ids=str,
)
def test_a_gradient_has_the_kind_and_shape_of_its_argument(way: str, x: Any) -> None:
    def f(x: Any) -> Any:
        entries = mg.sum([x]) if isinstance(x, mg.Value) else mg.sum(x)
        return entries * entries * 0.5

    tape = in_way(way, f, x)
    value, gradient = tape.value_and_grad(x)
    assert (value, repr(gradient)) == (12.5, repr(mg.value_and_grad(f)(x)[1]))
    assert tape(x) == 12.5


@pytest.mark.parametrize("way", WAYS)
def test_what_it_was_recorded_with_may_change_later(way: str) -> None:
    x = [2.0, 3.0]
    tape = in_way(way, lambda x: x[0] * x[1], x)
    x.append(5.0)
    assert tape.value_and_grad([5.0, 7.0]) == (35.0, [7.0, 5.0])
    with pytest.raises(ValueError, match="3 entries"):
        tape(x)


@pytest.mark.parametrize("way", WAYS)
def test_several_arguments_have_a_gradient_each(way: str) -> None:
    def f(a: Any, x: Any, b: Any) -> Any:
        return a * x[0] + x[1] * 2

    tape = in_way(way, f, 1.0, [2.0, 3.0], 4.0)
    assert tape.value_and_grad(5.0, [6.0, 7.0], 8.0) == (44.0, (6.0, [5.0, 2.0], 0.0))


@pytest.mark.parametrize("way", WAYS)
def test_whole_numbers_and_numbers_of_numpy_become_floats(way: str) -> None:
    tape = in_way(way, lambda x: x[0] * x[1], [1.0, 1.0])
    for x in ([3, 4], [np.float32(3), np.int8(4)], np.array([3, 4]), (3.0, True + 3)):
        value, gradient = tape.value_and_grad(x)
        assert (value, gradient) == (12.0, [4.0, 3.0])
        assert {type(entry) for entry in (value, *gradient, tape(x))} == {float}
    tape = in_way(way, lambda x: x[0] * x[1], np.array([1.0, 1.0]))
    for array in (np.array([3, 4]), np.array([3.0, 4.0]), np.array([3.0, 4.0], np.float32)):
        value, gradient = tape.value_and_grad(array)
        assert (value, gradient.dtype, gradient.tolist()) == (12.0, float, [4.0, 3.0])


@pytest.mark.parametrize("way", WAYS)
def test_derivatives_by_constants_are_not_taken(way: str) -> None:
    # At one level, so that array passes must not compute them alike: log(-2.0) does not exist.
    def f(x: Any, y: Any) -> Any:
        return x**3.0 + y**x + 2.0**x + 1.5**y + x**5.0

    at = (-2.0, 3.0)
    tape = in_way(way, f, 1.0, 1.0)
    value, gradient = mg.value_and_grad(f)(*at)
    assert tape.value_and_grad(*at) == (pytest.approx(value), pytest.approx(gradient, rel=1e-13))
    values, gradients = tape.batch([at[0]] * 20, [at[1]] * 20)
    assert values[7] == pytest.approx(value)
    assert (gradients[0][7], gradients[1][7]) == pytest.approx(gradient, rel=1e-13)


@pytest.mark.parametrize("way", WAYS)
def test_a_result_may_be_a_constant_or_an_input(way: str) -> None:
    outside = mg.Value(3.0)
    for f, expected in [
        (lambda x: 2, (2.0, 0.0)),
        (lambda x: x, (5.0, 1.0)),
        (lambda x: +x, (5.0, 1.0)),
        (lambda x: outside, (3.0, 0.0)),
        (lambda x: outside * 2, (6.0, 0.0)),
        (lambda x: mg.sum([x]), (5.0, 1.0)),
    ]:
        assert in_way(way, f, 4.0).value_and_grad(5.0) == expected
        values, gradients = in_way(way, f, 4.0).batch([5.0, 5.0])
        assert (values[1], gradients[1]) == expected


@pytest.mark.parametrize("way", WAYS)
def test_not_a_number_in_gives_not_a_number_out(way: str) -> None:
    tape = in_way(way, lambda x: mg.relu(x[0]) + x[1] ** 0 + mg.tanh(x[1]), [1.0, 2.0])
    for x in ([math.nan, 1.0], [1.0, math.nan]):
        assert math.isnan(tape(x))
        assert math.isnan(tape.values([x])[0])
    infinite = in_way(way, lambda x: mg.tanh(x * x), 1.0)
    assert infinite(math.inf) == infinite.values([math.inf])[0] == 1.0


def test_a_derivative_that_is_recorded_can_be_run_again() -> None:
    tape = record(mg.grad(lambda x: mg.sin(x) * x**3), 0.5)
    for x in (0.5, -2.0):
        both = mg.value_and_grad(mg.grad(lambda x: mg.sin(x) * x**3))(x)
        assert tape.value_and_grad(x) == pytest.approx(both, rel=1e-13)


def test_a_derivative_inside_of_the_function_keeps_what_it_depends_on() -> None:
    tape = record(lambda x: mg.grad(lambda t: t * t * x)(3.0), 2.0)
    assert tape.value_and_grad(5.0) == (30.0, 6.0)


# Errors


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("f", "x"),
    [
        (mg.log, -1.0),
        (mg.sqrt, -4.0),
        (lambda x: 1 / x, 0.0),
        (lambda x: x * x, 1e200),
        (lambda x: mg.exp(x) / 2, 1000.0),
        (lambda x: 1 / (x * x), 1e200),
        (lambda x: mg.tanh(x * 1e300), 1e10),
        (lambda x: mg.maximum(-(x * x), 1.0), 1e200),
        (lambda x: 1 / mg.exp(x), 800.0),
        (lambda x: x**0.5, -1.0),
        (lambda x: x**-1, 0.0),
        (lambda x: mg.sin(x * x), 1e300),
        (lambda x: mg.hypot(x, x) ** -1, 1.7e308),
    ],
)
def test_outside_the_domain_the_error_is_that_of_the_eager_engine(
    way: str, f: Callable[[Any], Any], x: float
) -> None:
    tape = in_way(way, f, 0.75)
    with pytest.raises((ValueError, ArithmeticError)) as eager:
        f(mg.Value(x))
    for run in (
        tape,
        tape.value_and_grad,
        lambda x: tape.batch([0.5, x]),
        lambda x: tape.values([x]),
    ):
        with pytest.raises(eager.type) as found:
            run(x)
        assert str(found.value) == str(eager.value)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("f", "x"),
    [
        (mg.sqrt, 0.0),
        (lambda x: x**0.5, 0.0),
        (lambda x: mg.Value(-2.0) ** x, 3.0),
        (mg.asin, 1.0),
    ],
)
def test_a_value_without_derivative_is_a_value_and_its_gradient_an_error(
    way: str, f: Callable[[Any], Any], x: float
) -> None:
    tape = in_way(way, f, x)
    expected = f(mg.Value(x)).data
    assert tape(x) == tape.values([x])[0] == expected
    with pytest.raises((ValueError, ArithmeticError)) as eager:
        mg.grad(f)(x)
    for run in (tape.value_and_grad, lambda x: tape.batch([x])):
        with pytest.raises(eager.type) as found:
            run(x)
        assert str(found.value) == str(eager.value)


def test_an_error_comes_from_the_line_that_made_it_and_names_the_point() -> None:
    def f(x: Any) -> Any:
        return mg.log(x[0]) + x[1]

    tape = record(f, [1.0, 2.0])
    with pytest.raises(ValueError, match=r"log\(-1.0\)") as found:
        tape.batch([[1.0, 2.0], [3.0, 4.0], [-1.0, 5.0]])
    assert found.value.__notes__ == ["at point 2 of 3: -1.0, 5.0"]
    assert "return mg.log(x[0]) + x[1]" in "".join(traceback.format_tb(found.value.__traceback__))
    with pytest.raises(ValueError, match=r"log\(-1.0\)") as found:
        tape([-1.0, 5.0])
    assert "return mg.log(x[0]) + x[1]" in "".join(traceback.format_tb(found.value.__traceback__))
    assert "During handling" not in "".join(traceback.format_exception(found.value))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        (([1.0, 2.0],), TypeError, "2 arguments, got 1|missing 1 .* argument: 'y'"),
        (([1.0, 2.0], 3.0, 4.0), TypeError, "2 arguments, got 3|2 .* arguments but 3 were given"),
        (([1.0, 2.0, 3.0], 4.0), ValueError, "argument 0 has 3 entries, .* with 2"),
        (([1.0], 4.0), ValueError, "argument 0 has 1 entry, .* with 2"),
        ((5.0, 4.0), TypeError, "argument 0 is 5.0 .* with 2 entries"),
        (([1.0, 2.0], [3.0]), TypeError, r"argument 1 is \[3.0\] .* with a number"),
        (([1.0, "2"], 3.0), TypeError, "'2' of type str"),
        (([1.0, 2j], 3.0), TypeError, "of type complex"),
        (([1.0, None], 3.0), TypeError, "of type NoneType"),
        (("12", 3.0), TypeError, "of type str"),
        (([[1.0], 2.0], 3.0), TypeError, r"\[1.0\] of type list"),
        ((np.ones((2, 1)), 3.0), TypeError, r"\[1.0\] of type list"),
        (([1.0, 2.0], mg.Value(3.0)), TypeError, "call the function itself with Values"),
    ],
)
def test_other_arguments_than_were_recorded_are_refused(
    way: str, inputs: tuple[Any, ...], error: type[Exception], message: str
) -> None:
    tape = in_way(way, lambda x, y: x[0] * x[1] * y, [1.0, 2.0], 3.0)
    for run in (tape, tape.value_and_grad):
        with pytest.raises(error, match=message):
            run(*inputs)


@pytest.mark.parametrize("way", WAYS)
def test_an_undefined_operation_before_a_branch_is_not_taken_for_the_branch(way: str) -> None:
    def f(x: Any) -> Any:
        y = mg.log(x[0])
        return y if y * 2 > x[1] else -y

    tape = in_way(way, f, [2.0, 0.0])
    for run in (tape, tape.value_and_grad):
        with pytest.raises(ValueError, match=r"log\(-1.0\) is undefined"):
            run([-1.0, 5.0])


@pytest.mark.parametrize("way", WAYS)
def test_a_zero_keeps_its_sign_where_it_matters(way: str) -> None:
    for x in (0.0, -0.0):
        for f, expected in [
            (lambda x: mg.atan2(x + 0.0, -1.0), math.pi),
            (lambda x: mg.atan2(x * 1.0, -1.0), math.copysign(math.pi, x)),
            (lambda x: mg.atan2(x + x * 2.0, -1.0), math.copysign(math.pi, x)),
        ]:
            tape = in_way(way, f, 1.0)
            assert tape(x) == tape.values([x, x])[0] == expected


def test_only_functions_of_plain_numbers_that_return_one_can_be_recorded() -> None:
    with pytest.raises(TypeError, match="one number"):
        record(lambda x: [x, x], 1.0)
    with pytest.raises(TypeError, match="plain numbers, and got a Value"):
        record(lambda x: x, mg.Value(1.0))
    with pytest.raises(TypeError, match="at least one argument"):
        record(lambda: 1.0)
    with pytest.raises(ValueError, match="log"):
        record(mg.log, -1.0)


@pytest.mark.parametrize("read", [float, operator.attrgetter("data"), math.exp, math.floor])
def test_a_number_that_is_read_while_recording_is_refused(read: Callable[[Any], Any]) -> None:
    def f(x: Any) -> Any:
        return x * read(x)

    here = f.__code__.co_firstlineno + 1
    with pytest.raises(TypeError, match=rf"read as a plain number at test_tape.py:{here}"):
        record(f, 2.0)
    assert f(mg.Value(2.0)).data == 2.0 * read(mg.Value(2.0)), "and nobody watches any more"


# Branches, and what else a tape depends on


@pytest.mark.parametrize("way", WAYS)
def test_another_branch_is_an_error_that_says_where_and_why(way: str) -> None:
    tape = in_way(way, branching, 2.0)
    assert tape.value_and_grad(3.0) == (math.log(3.0), 1 / 3.0)
    line = branching.__code__.co_firstlineno + 1
    for run in (tape, tape.value_and_grad):
        with pytest.raises(StaleTapeError, match=r"0.5 > 1.0 is False, and was True") as found:
            run(0.5)
        assert f"test_tape.py:{line}" in str(found.value)
        # Here the logarithm, which the function would not take, is undefined.
        with pytest.raises(StaleTapeError, match=r"-2.0 > 1.0"):
            run(-2.0)


def test_a_branch_in_a_notebook_is_named_by_its_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    namespace: dict[str, Any] = {}
    exec(compile("def f(x):\n    return x if x > 1 else -x", "/tmp/123.py", "exec"), namespace)
    shell = SimpleNamespace(
        compile=SimpleNamespace(format_code_name=lambda name: ("Cell", "In[3]"))
    )
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))  # type: ignore[arg-type]
    with pytest.raises(StaleTapeError, match=re.escape("(at In[3]:2)")):
        record(namespace["f"], 2.0)(0.5)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("decide", "same", "other"),
    [
        (lambda x, y: x < y, (1.0, 9.0), (2.0, 1.0)),
        (lambda x, y: x <= y, (2.0, 2.0), (2.0, 1.0)),
        (lambda x, y: y > x, (1.0, 9.0), (2.0, 1.0)),
        (lambda x, y: y >= x, (2.0, 2.0), (2.0, 1.0)),
        (lambda x, y: x != y, (1.0, 9.0), (2.0, 2.0)),
        (lambda x, y: not operator.eq(x, y), (1.0, 9.0), (2.0, 2.0)),
        (lambda x, y: bool(x), (-1.0, 0.0), (0.0, 1.0)),
        (lambda x, y: x or y, (-1.0, 0.0), (0.0, 1.0)),
        (lambda x, y: 0 < x < 2, (0.5, 0.0), (2.0, 0.0)),
        (lambda x, y: max(x, y) is y, (1.0, 5.0), (5.0, 1.0)),
        (lambda x, y: x in [2.0, y], (3.0, 1.0), (2.0, 1.0)),
    ],
)
def test_every_comparison_is_a_guard(
    way: str,
    decide: Callable[[Any, Any], Any],
    same: tuple[float, float],
    other: tuple[float, float],
) -> None:
    def f(x: Any, y: Any) -> Any:
        return x * 3 if decide(x, y) else y * 5

    tape = in_way(way, f, 1.0, 2.0)
    assert tape.value_and_grad(*same) == mg.value_and_grad(f)(*same)
    with pytest.raises(StaleTapeError):
        tape(*other)
    values, gradients = tape.batch([same[0], other[0]], [same[1], other[1]])
    for i, x in enumerate((same, other)):
        value, gradient = mg.value_and_grad(f)(*x)
        assert (values[i], gradients[0][i], gradients[1][i]) == (value, *gradient)


def test_comparisons_of_constants_and_kinks_are_no_guards() -> None:
    outside = mg.Value(3.0)
    tape = record(lambda x: mg.relu(x) if outside > 2 else x, 1.0)
    assert tape.value_and_grad(-1.0) == (0.0, 0.0)
    assert "0 guards" in tape.explain()


@pytest.mark.parametrize("way", WAYS)
def test_many_points_that_branch_come_out_right(way: str) -> None:
    calls = []

    def f(x: Any) -> Any:
        calls.append(x)
        if x > 1:
            return mg.log(x)
        return x * x if x > -1 else -3 * x

    points = np.linspace(-3, 3, 301)
    tape = in_way(way, f, 2.0)
    values, slopes = tape.batch(points)
    assert len(calls) == 3, "one recording for each branch"
    np.testing.assert_allclose(values, [f(float(x)) for x in points], rtol=1e-13)
    np.testing.assert_allclose(slopes, [mg.grad(f)(x) for x in points], rtol=1e-13)
    np.testing.assert_allclose(tape.values(points), values, rtol=1e-15)


def test_where_a_recording_serves_one_point_only_no_more_are_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class ForOnePoint:
        most = 100

        def __init__(self, x: float) -> None:
            self.x = x

        def run(self, parts: Any, count: int, partials: Any) -> tuple[Any, Any]:
            return parts[0][0] * 2, parts[0][0] == self.x

    called = []

    def f(x: Any) -> Any:
        called.append(x)
        return x * 2

    runner = property(lambda ways: ForOnePoint(ways._graph.numbers[0]))
    monkeypatch.setattr(Ways, "_runner", runner)
    values = record(f, 0.0).values(np.arange(20.0))
    np.testing.assert_array_equal(values, np.arange(0.0, 40.0, 2.0))
    assert called == list(range(20)), "recorded at 0 and 1, and asked from 2 on"


def test_points_that_all_go_ways_of_their_own_are_computed_one_by_one() -> None:
    def steps(x: Any) -> Any:
        n = 0
        while x > n:
            n += 1
        return x * n

    points = np.arange(0.5, 60.0)
    values, slopes = record(steps, 0.5).batch(points)
    np.testing.assert_array_equal(slopes, np.arange(1.0, 61.0))
    np.testing.assert_array_equal(values, points * slopes)


@pytest.mark.parametrize("way", WAYS)
def test_a_value_from_outside_that_changes_is_noticed(way: str) -> None:
    weight = mg.Value(3.0)
    tape = in_way(way, lambda x: weight * x, 2.0)
    assert tape(5.0) == 15.0
    mg.Value(1.0).data = 2.0
    assert tape.value_and_grad(5.0) == (15.0, 3.0)
    weight.data = 4.0
    for run in (tape, tape.value_and_grad, lambda x: tape.batch([x]), lambda x: tape.values([x])):
        with pytest.raises(StaleTapeError, match=r"was 3.0 when it was recorded and is 4.0 now"):
            run(5.0)
    weight.data = 3.0
    assert tape(5.0) == 15.0


def test_a_program_with_an_old_number_is_not_handed_out(tmp_path: Path) -> None:
    weight = mg.Value(2.0)
    tape = record(lambda x: x * weight, 3.0)
    run = tape.function(np)
    assert "2.0 * x" in tape.source
    weight.data = 5.0
    for use in (
        lambda: tape.source,
        lambda: tape.save(tmp_path / "f.py"),
        lambda: tape.function(np),
        lambda: run(3.0),
    ):
        with pytest.raises(StaleTapeError, match=r"was 2.0 when it was recorded and is 5.0 now"):
            use()
    assert not (tmp_path / "f.py").exists()
    assert "<p>a Value that the recorded function uses" in tape._repr_html_()
    weight.data = 2.0
    assert "2.0 * x" in tape.source
    assert run(3.0) == (6.0, 2.0)


def test_what_the_result_does_not_depend_on_is_not_on_the_tape() -> None:
    tape = record(lambda x: (mg.log(x), 2 * x)[1], 1.0)
    assert tape(-1.0) == -2.0


def test_a_tape_can_be_compared_with_its_function() -> None:
    data = [1.0, 2.0]
    tape = record(lambda x: mg.dot(data, x), [1.0, 1.0])
    assert tape.agrees([3.0, 4.0])
    data[1] = 2.5
    assert not tape.agrees([3.0, 4.0])


def test_a_tape_is_compared_by_what_its_terms_add_to_the_value() -> None:
    data = [1e-12]
    tape = record(lambda x: x * data[0], 1.0)
    data[0] = 5e-12
    assert not tape.agrees(1.0)
    tape = record(lambda x: x * data[0], 1e6)
    data[0] = 6e-12
    assert not tape.agrees(1e-4)
    # Terms that cancel leave their rounding.
    assert record(lambda x: (x + 1e8) - 1e8, 1.0).agrees(0.1)


def test_what_is_random_is_found_out_however_small_it_is() -> None:
    rng = random.Random(0)
    with pytest.raises(StaleTapeError, match="does not return what it returned"):
        mg.minimize(lambda x: rng.random() * 1e-10 * x, 1.0, gradient="tape", steps=3)


def test_where_there_is_no_derivative_a_tape_is_compared_by_its_value() -> None:
    assert record(mg.sqrt, 1.0).agrees(0.0)
    assert record(lambda x: 3.0, 1.0).agrees(0.0)


# Many points


@pytest.mark.parametrize("way", WAYS)
def test_points_stand_on_the_first_axis(way: str) -> None:
    rng = np.random.default_rng(1)

    def f(w: Any, x: Any, b: Any) -> Any:
        return mg.tanh(mg.dot(w[0], x) + b) * mg.dot(w[1], x)

    w, x, b = rng.normal(size=(2, 3)), rng.normal(size=3), 0.5
    tape = in_way(way, f, w, x, b)
    ws, xs, bs = rng.normal(size=(7, 2, 3)), rng.normal(size=(7, 3)), rng.normal(size=7)
    for points in ([ws, xs, bs], [w, xs, bs], [ws, x, b], [w, x, bs], [w, xs.tolist(), b]):
        values, gradients = tape.batch(*points)
        shapes = [gradient.shape for gradient in gradients]
        assert (values.shape, shapes) == ((7,), [(7, 2, 3), (7, 3), (7,)])
        for i in range(7):
            at = [
                point if np.shape(point) == np.shape(like) else point[i]
                for point, like in zip(points, (w, x, b), strict=True)
            ]
            value, gradient = mg.value_and_grad(f)(*at)
            assert values[i] == pytest.approx(value, rel=1e-13)
            for found, expected in zip(gradients, gradient, strict=True):
                np.testing.assert_allclose(found[i], expected, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(tape.values(*points), values, rtol=1e-15)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("count", [0, 1, 2, 10_001])
def test_there_may_be_any_number_of_points(way: str, count: int) -> None:
    x = np.linspace(-1, 1, 2 * count).reshape(count, 2)
    values, gradients = in_way(way, lambda x: x[0] * mg.sin(x[1]), [1.0, 2.0]).batch(x)
    np.testing.assert_allclose(values, x[:, 0] * np.sin(x[:, 1]), rtol=1e-14)
    expected = np.stack([np.sin(x[:, 1]), x[:, 0] * np.cos(x[:, 1])], axis=1)
    np.testing.assert_allclose(gradients, expected, rtol=1e-14)


def test_sums_too_long_for_one_piece_are_added_up_in_several() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 1000, 150))
    tape = in_way(PASSES, lambda x, y: mg.dot(x, y) + mg.sum(x), x[0], y[0])
    values, (by_x, by_y) = tape.batch(x, y)
    np.testing.assert_allclose(values, (x * y).sum(axis=1) + x.sum(axis=1), atol=1e-12)
    np.testing.assert_allclose(by_x, y + 1, rtol=1e-14)
    np.testing.assert_allclose(by_y, x, rtol=1e-14)


@pytest.mark.parametrize(
    ("points", "error", "message"),
    [
        ((np.ones((3, 2)),), TypeError, "recorded with 2 arguments, got 1"),
        (
            (np.ones((3, 3)), 1.0),
            ValueError,
            r"has shape \(3, 3\); expected \(2,\), .* \('points', 2\)",
        ),
        ((np.ones((3, 2)), np.ones(4)), ValueError, "{0: 3, 1: 4} points"),
        ((np.ones(2), 1.0), ValueError, "no argument has a points axis"),
        (([[1.0, 2.0], [3.0]], 1.0), ValueError, "no regular array"),
        (([["1", "2"]], 1.0), TypeError, "plain real numbers"),
        ((np.ones((3, 2)) * 1j, 1.0), TypeError, "plain real numbers"),
        (([[mg.Value(1.0), 2.0]], 1.0), TypeError, "call the function itself with Values"),
    ],
)
def test_points_of_other_shapes_are_refused(
    points: tuple[Any, ...], error: type[Exception], message: str
) -> None:
    tape = record(lambda x, y: x[0] * x[1] * y, [1.0, 2.0], 3.0)
    for run in (tape.batch, tape.values):
        with pytest.raises(error, match=message):
            run(*points)


def test_many_points_need_regular_arguments() -> None:
    tape = record(lambda x: x[0][0] * x[1][1], [[1.0], [2.0, 3.0]])
    assert tape([[1.0], [2.0, 3.0]]) == 3.0
    with pytest.raises(ValueError, match="differ in length"):
        tape.batch([[1.0]])


def test_points_are_neither_changed_nor_shared_with_the_results() -> None:
    tape = record(lambda x: x[0] + 2 * x[1], [1.0, 2.0])
    x = np.arange(6.0).reshape(3, 2)
    kept = x.copy()
    first, slopes = tape.batch(x)
    second, _ = tape.batch(x + 1)
    np.testing.assert_array_equal(x, kept)
    np.testing.assert_array_equal(first, [2.0, 8.0, 14.0])
    np.testing.assert_array_equal(second, [5.0, 11.0, 17.0])
    np.testing.assert_array_equal(slopes, [[1.0, 2.0]] * 3)


# Threads


@pytest.mark.parametrize("way", WAYS)
def test_threads_may_share_a_tape(way: str) -> None:
    tape = in_way(way, rosenbrock, [1.0] * 30)
    xs = [[math.sin(i + j) for j in range(30)] for i in range(8)]
    expected = [tape.value_and_grad(x) for x in xs]
    many = tape.batch(np.array(xs))
    wrong = []

    def work(i: int) -> None:
        for _ in range(30):
            if tape.value_and_grad(xs[i]) != expected[i] or tape(xs[i]) != expected[i][0]:
                wrong.append(i)
            values, gradients = tape.batch(np.array(xs))
            if (values != many[0]).any() or (gradients != many[1]).any():
                wrong.append(i)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong


# Ways


def network(x: Any, weights: Any) -> Any:
    """A hinge loss of a 2-8-1 network on as many samples as x has."""
    total = 0.0
    for a, b in x:
        hidden = [mg.relu(w[0] * a + w[1] * b + w[2]) for w in weights[:8]]
        total = total + mg.relu(1 - mg.dot(hidden, weights[8]))
    return total


def chain(x: Any, length: int) -> Any:
    y = x
    for _ in range(length // 2):
        y = mg.sin(y) + x
    return y


@pytest.mark.parametrize(
    ("f", "inputs", "one_point", "many_points"),
    [
        (rosenbrock, ([1.0, 2.0, 3.0],), STRAIGHT, STRAIGHT),
        (lambda x: chain(x, 1000), (1.0,), STRAIGHT, STRAIGHT),
        (lambda x: chain(x, 5000), (1.0,), LOOP, LOOP),
        (network, (np.ones((100, 2)), np.ones((9, 8))), PASSES, PASSES),
        (network, (np.ones((6, 2)), np.ones((9, 8))), STRAIGHT, PASSES),
    ],
)
def test_the_tape_picks_a_way_and_says_which(
    f: Callable[..., Any], inputs: tuple[Any, ...], one_point: str, many_points: str
) -> None:
    tape = record(f, *inputs)
    explained = tape.explain()
    assert f"one point: {one_point}" in explained
    assert f"many points: {many_points}" in explained
    assert one_point in repr(tape)


def test_in_a_notebook_a_tape_shows_its_source_unless_that_is_long() -> None:
    short, long = record(lambda x: 2 * x if x < 3 else x, 1.0), record(lambda x: chain(x, 600), 1.0)
    assert "<pre>" in short._repr_html_()
    assert "x &lt; 3.0" in short._repr_html_()
    assert long._repr_html_().startswith("<p>&lt;tape of 600 operations; one point: ")
    assert "<pre>" not in long._repr_html_()


def test_points_that_cannot_be_trusted_are_told_from_the_others() -> None:
    tape = record(lambda x: mg.log(x) if x < 3 else x, 1.0)
    values, trusted = tape.trusted_values([2.0, -1.0, 4.0])
    assert trusted.tolist() == [True, False, False]
    assert values[0] == math.log(2.0)


def test_the_layers_of_a_network_are_found_in_its_scalars() -> None:
    rng = np.random.default_rng(0)
    graph = trace(network, (rng.normal(size=(50, 2)), rng.normal(size=(9, 8))))
    schedule = Schedule(graph, Terms(graph))
    groups = [group for group in (*schedule.forward, *schedule.backward) if isinstance(group, Sums)]
    shapes = [(g.matrix.outer.shape, g.matrix.inner.shape) for g in groups if g.matrix]
    assert ((3, 50), (3, 8)) in shapes, "inputs times weights"
    assert len(graph.operations) > 100 * (len(schedule.forward) + len(schedule.backward))


@pytest.mark.parametrize("way", WAYS)
def test_a_network_agrees_with_the_eager_engine_in_every_way(way: str) -> None:
    rng = np.random.default_rng(0)
    x, weights = rng.normal(size=(60, 2)), rng.normal(size=(9, 8))
    tape = in_way(way, network, x, weights)
    assert_same(tape.value_and_grad(x, -weights), mg.value_and_grad(network)(x, -weights))
    values, gradients = tape.batch(x, np.stack([weights, -weights, 2 * weights]))
    for i, factor in enumerate((1, -1, 2)):
        found = (values[i], (gradients[0][i], gradients[1][i]))
        assert_same(found, mg.value_and_grad(network)(x, factor * weights))
    values, gradients = tape.batch(np.stack([x, -x, 2 * x]), weights)
    for i, factor in enumerate((1, -1, 2)):
        found = (values[i], (gradients[0][i], gradients[1][i]))
        assert_same(found, mg.value_and_grad(network)(factor * x, weights))


def outer_product(x: Any, y: Any) -> Any:
    return mg.sum([mg.sin(a * b) for a in x for b in y])


def matrix_product_and_other_terms(x: Any, y: Any) -> Any:
    rows, columns = [x[i : i + 4] for i in range(0, 56, 4)], [y[i : i + 4] for i in range(26)]
    return mg.sum(
        [
            mg.tanh(mg.dot(row[:3], column[:3]) - row[3] * 0.5 - column[3])
            for row in rows
            for column in columns
        ]
    )


@pytest.mark.parametrize("f", [outer_product, matrix_product_and_other_terms])
@pytest.mark.parametrize("way", WAYS)
def test_products_of_matrices_agree_with_the_eager_engine(way: str, f: Callable[..., Any]) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=56), rng.normal(size=30)
    tape = in_way(way, f, x, y)
    assert_same(tape.value_and_grad(-x, y), mg.value_and_grad(f)(-x, y))
    values, gradients = tape.batch(np.stack([x, -2 * x]), np.stack([y, y + 1]))
    for i, at in enumerate([(x, y), (-2 * x, y + 1)]):
        assert_same((values[i], (gradients[0][i], gradients[1][i])), mg.value_and_grad(f)(*at))


def assert_same(found: tuple[float, Any], expected: tuple[float, Any]) -> None:
    assert found[0] == pytest.approx(expected[0], rel=1e-12)
    for one, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12 * np.abs(other).max())


def test_a_very_deep_graph_runs() -> None:
    tape = record(lambda x: chain(x, 100_000), 1.0)
    value, slope = tape.value_and_grad(1.0)
    x = mg.Value(1.0)
    y = chain(x, 100_000)
    y.backward()
    assert (value, slope) == (y.data, pytest.approx(x.grad, rel=1e-12))


def test_memory_for_many_points_is_bounded() -> None:
    tape = in_way(PASSES, rosenbrock, [1.0] * 20)
    points = np.ones((20_000, 20))
    tape.batch(points)
    tracemalloc.start()
    try:
        tape.batch(points)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The points as floats, the results, and little more.
    assert peak < 3.5 * points.nbytes


def test_recording_leaves_the_garbage_collector_as_it_was() -> None:
    for enable in (gc.enable, gc.disable):
        enable()
        try:
            for f in (lambda x: x, lambda x: [x], mg.log):
                with contextlib.suppress(TypeError, ValueError):
                    record(f, -1.0)
                assert gc.isenabled() == (enable is gc.enable)
        finally:
            gc.enable()


def test_a_narrow_tape_runs_without_numpy() -> None:
    program = (
        "import sys\n"
        "from microgradcheck.tape import record\n"
        "tape = record(lambda x: x[0] ** 2 * x[1], [1.0, 2.0])\n"
        "assert tape.value_and_grad([3.0, 2.0]) == (18.0, [12.0, 9.0])\n"
        "assert 'numpy' not in sys.modules, 'loaded'\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_stable_functions_stay_stable_far_from_where_they_were_recorded() -> None:
    for f in (mg.logsumexp, lambda x: mg.softmax(x)[0], lambda x: mg.softplus(x[0])):
        tape = record(f, [0.0, 1.0, 2.0])
        for x in ([1000.0, 1000.0, 0.0], [-1000.0, -999.0, -2000.0], [5.0, -5.0, 0.0]):
            value, gradient = mg.value_and_grad(f)(x)
            assert tape(x) == pytest.approx(value, rel=1e-12)
            assert tape.value_and_grad(x)[1] == pytest.approx(gradient, rel=1e-12, abs=1e-12)
            assert tape.values([x])[0] == pytest.approx(value, rel=1e-12)


# Functions and arguments that others trip over


def doubled(x: Any) -> Any:
    x *= 2.0
    return (x * x).sum()


def of_the_middle(x: list[Any]) -> Any:
    x.sort()
    return x[1] * x[2]


def of_the_last(x: list[Any]) -> Any:
    return x.pop() ** 2 * x[0]


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (doubled, np.array([1.0, 3.0])),
        (of_the_middle, [3.0, 1.0, 2.0]),
        (of_the_last, [1.0, 2.0, 3.0]),
    ],
)
def test_a_function_that_works_in_place_is_recorded_as_what_it_was_given(f: Any, x: Any) -> None:
    value, gradient = record(f, copy.deepcopy(x)).value_and_grad(copy.deepcopy(x))
    known, known_gradient = mg.value_and_grad(f)(copy.deepcopy(x))
    assert value == known
    assert list(gradient) == list(known_gradient)


def test_points_at_which_a_rule_of_python_fails_are_left_to_the_function() -> None:
    root = mg.operation("root", value=math.sqrt, derivatives=[lambda a, y: 0.5 / y])
    points = np.linspace(-1, 1, 20)
    values, slopes = record(lambda x: root(x) if x > 0 else -x, 1.0).batch(points)
    assert values == pytest.approx(np.where(points > 0, np.sqrt(abs(points)), -points))
    assert slopes == pytest.approx(np.where(points > 0, 0.5 / np.sqrt(abs(points)), -1))
    with pytest.raises(ValueError, match=r"root\(-1\.0\) raised"):
        record(root, 1.0).batch(np.array([1.0, -1.0]))


@pytest.mark.parametrize("c", [1e-155, 1e-100, 1.0, 1e160, 1e200])
def test_a_quotient_of_quotients_stays_within_the_floats(c: float) -> None:
    def f(x: Any) -> Any:
        return mg.sin(mg.atan2(x, c))

    assert record(f, c).value_and_grad(c)[1] == pytest.approx(mg.grad(f)(c), rel=1e-12)


def test_many_comparisons_and_many_inputs_are_not_compiled() -> None:
    assert "straight line" not in record(lambda v: sorted(v)[2500], [*range(5000)]).explain()
    assert "straight line" not in record(lambda v: v[0] * v[1], np.ones(5000)).explain()


def test_arrays_of_other_kinds_are_taken_or_told_of() -> None:
    tape = record(lambda x: x * x, 1.0)
    assert tape.batch(np.array([Fraction(1, 2)]))[0] == [0.25]
    assert tape.batch(np.ma.array([1.0, 2.0]))[0].tolist() == [1.0, 4.0]
    with pytest.raises(TypeError, match=r"masked entries; .* x\.filled\(0\.0\)"):
        tape.batch(np.ma.array([1.0, 2.0], mask=[0, 1]))
    with pytest.raises(TypeError, match="argument 0 holds None"):
        tape.batch(None)
    with pytest.raises(TypeError, match="holds complex numbers; a tape is of real ones"):
        tape.function(np)(np.array([1j]))


def test_a_tape_can_be_pickled_and_copied() -> None:
    tape = mg.record(math_of, 1.0, 2.0)
    assert tape(0.5, 2.0) == tape.value_and_grad(0.5, 2.0)[0]
    for twin in (pickle.loads(pickle.dumps(tape)), copy.deepcopy(tape)):
        assert twin.value_and_grad(0.5, 2.0) == tape.value_and_grad(0.5, 2.0)


def math_of(x: Any, y: Any) -> Any:
    return mg.exp(x) * y if x > 0 else x * y


def test_a_tape_says_how_many_arguments_it_takes() -> None:
    tape = mg.record(math_of, 1.0, 2.0)
    for given in ((1.0,), (1.0, 2.0, 3.0)):
        with pytest.raises(TypeError, match=f"recorded with 2 arguments, got {len(given)}"):
            tape(*given)
    with pytest.raises(TypeError, match="of type str"):
        tape("1", 2.0)
