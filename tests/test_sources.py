"""Every source turns a function and its inputs into the value and the gradient there."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import microgradcheck as mg
from microgradcheck.sources import SOURCES, GradientSource, differences, on_numbers, resolve
from microgradcheck.structure import take_apart
from microgradcheck.value import Value

Pair = namedtuple("Pair", ["left", "right"])

# How far each source may be from the true gradient, as a part of its largest entry.
ACCURACY = {
    "backprop": 1e-15,
    "forward-mode": 1e-15,
    "tape": 1e-15,
    "central-difference": 1e-9,
    "forward-difference": 1e-6,
    "backward-difference": 1e-6,
    "complex-step": 1e-15,
}

FUNCTIONS = {
    "a number": (lambda x: x**3, (2.0,), 8.0, (12.0,)),
    "a list": (lambda x: x[0] ** 2 * x[1], ([3.0, 5.0],), 45.0, ([30.0, 9.0],)),
    "a nested tuple": (lambda x: x[0] * x[1][0], ((3.0, [5.0]),), 15.0, ((5.0, [3.0]),)),
    "a named tuple": (lambda x: x.left * x.right, (Pair(3.0, 5.0),), 15.0, (Pair(5.0, 3.0),)),
    "an array": (lambda x: (x * x).sum(), (np.array([[1.0, 2.0]]),), 5.0, ([[2.0, 4.0]],)),
    "three": (lambda a, b, c: a * b * c, (2.0, 3.0, 5.0), 30.0, (15.0, 10.0, 6.0)),
    "two kinds": (
        lambda a, b: mg.sin(a) * b[0] + b[1] ** 3,
        (0.0, [4.0, 2.0]),
        8.0,
        (4.0, [0.0, 12.0]),
    ),
}


def numbers(thing: Any) -> list[float]:
    return take_apart(thing, lambda entry: type(entry) is float)


def test_the_sources_with_a_name_know_it() -> None:
    assert SOURCES.keys() == ACCURACY.keys()
    for name, source in SOURCES.items():
        assert isinstance(source, GradientSource)
        assert source.name == resolve(name).name == name
        assert name in repr(source)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("name", ACCURACY)
def test_every_source_finds_value_and_gradient_in_the_kind_of_the_inputs(
    name: str, function: str
) -> None:
    f, inputs, value, expected = FUNCTIONS[function]
    found, gradient = resolve(name).value_and_gradient(f, *inputs)
    assert (type(found), found) == (float, pytest.approx(value, rel=1e-15))
    gradients = gradient if len(inputs) > 1 else (gradient,)
    assert type(gradients) is tuple
    scale = max(numbers(expected))
    for part, of_input, right in zip(gradients, inputs, expected, strict=True):
        assert type(part) is type(of_input)
        assert getattr(part, "shape", ()) == getattr(of_input, "shape", ())
        assert numbers(part) == pytest.approx(numbers(right), abs=ACCURACY[name] * scale)


@pytest.mark.parametrize("name", [name for name in ACCURACY if name != "complex-step"])
def test_every_source_of_real_numbers_takes_functions_that_insist_on_values(name: str) -> None:
    value, gradient = resolve(name).value_and_gradient(lambda x: (x * x).relu(), 3.0)
    assert (value, gradient) == (9.0, pytest.approx(6.0, rel=ACCURACY[name]))


def test_a_complex_step_cannot_go_through_a_value() -> None:
    with pytest.raises(
        TypeError, match=r"write it as a function, such as microgradcheck\.relu\(x\)"
    ):
        resolve("complex-step").value_and_gradient(lambda x: x.relu(), 3.0)


@pytest.mark.parametrize(
    ("method", "slope"), [("forward", 6.5), ("backward", 5.5), ("central", 6.0), ("complex", 6.0)]
)
def test_differences_take_the_step_that_they_were_given(method: str, slope: float) -> None:
    source = differences(method, h=0.5)
    assert source.value_and_gradient(lambda x: x * x, 3.0) == (9.0, slope)
    kind = "complex-step" if method == "complex" else f"{method}-difference"
    assert source.name == f"{kind}, h=0.5"


def test_differences_are_central_unless_told_otherwise() -> None:
    assert differences(h=1.0).value_and_gradient(lambda x: x**3, 2.0) == (8.0, 13.0)


@pytest.mark.parametrize(
    ("method", "h", "error"),
    [("sideways", 0.1, ValueError), ("central", 0.0, ValueError), ("central", "1", TypeError)],
)
def test_differences_without_a_method_or_step_are_refused(
    method: str, h: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match="method" if h == 0.1 else "h"):
        differences(method, h=h)


# A user's own


class Doubled:
    """A source that gives twice the gradient."""

    name = "doubled"

    def value_and_gradient(self, f: Callable[..., Any], *inputs: Any) -> tuple[float, Any]:
        value, gradient = mg.value_and_grad(f)(*inputs)
        return value, 2 * gradient

    def __call__(self, *inputs: Any) -> Any:
        raise AssertionError("a source is no gradient function, even where it can be called")


def test_an_object_with_the_protocol_is_a_source() -> None:
    doubled = Doubled()
    assert resolve(doubled).name == "doubled"
    assert resolve(doubled).value_and_gradient(lambda x: x * x, 3.0) == (9.0, 12.0)


def test_a_source_without_a_name_is_called_by_its_kind() -> None:
    class Halves:
        def value_and_gradient(self, f: Callable[..., Any], *inputs: Any) -> tuple[float, Any]:
            value, gradient = mg.value_and_grad(f)(*inputs)
            return value, gradient / 2

    source = resolve(Halves())
    assert source.name == "Halves"
    assert source.value_and_gradient(lambda x: x * x, 3.0) == (9.0, 3.0)
    assert mg.minimize(lambda x: x * x, 1.0, gradient=Halves(), steps=200).x < 1e-9
    with pytest.raises(mg.GradcheckError, match="WRONG df/dx: 3"):
        mg.gradcheck(lambda x: x * x, 3.0, gradient=Halves())


@pytest.mark.parametrize("given", [6.0, (6.0,), (9.0, 6.0, 2.0)])
def test_a_source_that_gives_no_pair_is_told_what_to_return(given: Any) -> None:
    class Alone:
        name = "alone"

        def value_and_gradient(self, f: Callable[..., Any], *inputs: Any) -> Any:
            return given

    with pytest.raises(TypeError, match=r"source alone returned .*, expected the value of f and"):
        mg.gradcheck(lambda x: x * x, 3.0, gradient=Alone())


def test_a_gradient_function_is_called_with_the_inputs_and_believed() -> None:
    def slope(x: float, y: float) -> tuple[float, float]:
        return (y, 1000.0)

    source = resolve(slope)
    assert source.name == "slope"
    assert repr(source) == "<gradient source slope>"
    assert source.value_and_gradient(lambda x, y: x * y, 3.0, 5.0) == (15.0, (5.0, 1000.0))
    # The value too is that of a function which asks a number for a method of a Value.
    assert source.value_and_gradient(lambda x, y: x.relu() * y, 3.0, 5.0)[0] == 15.0


def test_a_gradient_function_without_a_name_is_called_by_its_kind() -> None:
    class Slope:
        def __call__(self, x: float) -> float:
            return 2 * x

    assert resolve(Slope()).name == "Slope"


@pytest.mark.parametrize("result", ["1.0", None, [1.0]], ids=repr)
def test_a_function_with_a_given_gradient_returns_one_number(result: object) -> None:
    message = rf"must return one real number, it returned {result!r} of".replace("[", r"\[")
    with pytest.raises(TypeError, match=message):
        resolve(lambda x: 1.0).value_and_gradient(lambda x: result, 3.0)


def test_a_name_that_is_misspelt_is_told_which_one_is_meant() -> None:
    with pytest.raises(ValueError, match=r"'bakprop'; did you mean 'backprop'\? There are back"):
        resolve("bakprop")
    with pytest.raises(ValueError, match=r"'central'; did you mean 'central-difference'\?"):
        resolve("central")
    with pytest.raises(ValueError, match=r"'zzz'\. There are backprop, forward-mode, tape, "):
        resolve("zzz")


@pytest.mark.parametrize("thing", [None, 3, ["backprop"]], ids=repr)
def test_what_is_no_source_is_refused(thing: object) -> None:
    with pytest.raises(TypeError, match=r"a gradient source is a name \(backprop, .*; got"):
        resolve(thing)


def test_a_tape_is_recorded_anew_for_each_use() -> None:
    assert resolve("tape") is not resolve("tape")
    assert resolve("backprop") is resolve("backprop")


# Functions that insist on Values


def test_a_function_of_values_is_called_with_numbers_wherever_it_takes_them() -> None:
    seen: list[object] = []

    def f(x: Any) -> Any:
        seen.append(x)
        return x + 1

    assert on_numbers(f)(2.0) == 3.0
    assert seen == [2.0]
    assert type(seen[0]) is float


def test_a_function_that_asks_for_a_method_gets_values_in_every_place() -> None:
    f = on_numbers(lambda x, y: x[0].relu() + y.exp() * 0)
    result = f([2.0, 1.0], 3.0)
    assert (type(result), float(result)) == (Value, 2.0)


@pytest.mark.parametrize("ask", [lambda x: x.no_such_name, lambda x: getattr(x, "")])
def test_what_neither_a_number_nor_a_value_has_stays_an_error(ask: Callable[[Any], Any]) -> None:
    with pytest.raises(AttributeError, match="'float' object has no attribute"):
        on_numbers(ask)(2.0)


def test_an_attribute_error_without_a_name_is_read() -> None:
    def f(x: Any) -> Any:
        if isinstance(x, Value):
            return x.relu()
        raise AttributeError("'float' object has no attribute 'relu'")

    assert float(on_numbers(f)(2.0)) == 2.0


def test_an_attribute_error_without_a_name_stays_as_it_is() -> None:
    def f(x: Any) -> Any:
        raise AttributeError("of the user's own")

    with pytest.raises(AttributeError, match="of the user's own"):
        on_numbers(f)(2.0)


@pytest.mark.parametrize("source", [lambda x: 2 * x, "central-difference"])
def test_an_f_that_changes_its_input_changes_nothing_of_the_callers(source: Any) -> None:
    def f(x: Any) -> float:
        value = float((x**2).sum())
        x[:] = 7.0
        return value

    x = np.array([1.0, 2.0])
    value, gradient = resolve(source).value_and_gradient(f, x)
    assert (value, gradient.tolist(), x.tolist()) == (5.0, pytest.approx([2.0, 4.0]), [1.0, 2.0])


def test_an_object_that_has_no_hash_is_a_function_of_a_tape() -> None:
    @dataclass
    class Square:
        size: float

        def __call__(self, x: Any) -> Any:
            return self.size * x * x

    source, f = resolve("tape"), Square(2.0)
    assert [source.value_and_gradient(f, x) for x in (3.0, 4.0)] == [(18.0, 12.0), (32.0, 16.0)]


def test_what_f_does_to_other_inputs_changes_no_difference() -> None:
    def f(a: Any, b: Any) -> float:
        b *= 2
        return float((a * b).sum())

    b = np.array([1.0, 2.0])
    value, slopes = resolve("central-difference").value_and_gradient(f, np.array([1.0, 1.0]), b)
    assert (value, b.tolist()) == (6.0, [1.0, 2.0])
    assert np.concatenate(slopes) == pytest.approx([2.0, 4.0, 2.0, 2.0])


def test_whole_numbers_stay_whole_beside_a_gradient() -> None:
    value, _ = resolve(lambda x, n: ([0.0, 1.0], 0.0)).value_and_gradient(
        lambda x, n: x[n], [2.0, 3.0], 1
    )
    assert value == 3.0
    with pytest.raises(ValueError, match="f gives the complex"):
        resolve(lambda x: 0.0).value_and_gradient(lambda x: (x - 3) ** 0.5, 2.0)


def test_a_tape_is_a_source_by_its_gradient() -> None:
    def f(x: Any) -> Any:
        return (x - 1) ** 2

    tape = mg.record(f, 0.0)
    assert resolve(tape).value_and_gradient(f, 0.5) == (0.25, -1.0)
    assert mg.gradcheck(f, 0.5, gradient=tape).passed
    assert mg.minimize(f, 0.5, gradient=tape, steps=1).x == pytest.approx(0.6)


def test_gradients_of_other_libraries_are_arrays_wherever_a_source_is_used() -> None:
    class Foreign:
        def __init__(self, numbers: Any) -> None:
            self.numbers = numbers

        def __array__(self, *_: Any, **__: Any) -> Any:
            return np.asarray(self.numbers)

    def f(x: Any, y: Any) -> Any:
        return (x * x).sum() + y * y

    descent = mg.minimize(
        f, np.ones(2), 1.0, gradient=lambda x, y: (Foreign(2 * x), Foreign(2 * y)), steps=1
    )
    assert descent.x[0].tolist() == [0.8, 0.8]
    assert descent.x[1] == 0.8
