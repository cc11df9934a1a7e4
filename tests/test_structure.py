"""Numbers, lists, tuples and arrays are taken apart and put together again."""

from __future__ import annotations

import math
import re
from collections import namedtuple
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradcheck.structure import (
    argument_names,
    count,
    did_you_mean,
    entry_names,
    is_array,
    misfit,
    number,
    put_together,
    real,
    shown,
    take_apart,
    whole,
    with_numpy_arrays,
)
from microgradcheck.value import Value

Pair = namedtuple("Pair", ["left", "right"])

nested = st.recursive(
    st.floats(allow_nan=False),
    lambda parts: (
        st.lists(parts, min_size=1) | st.tuples(parts, parts) | st.builds(Pair, parts, parts)
    ),
    max_leaves=20,
)


def is_number(thing: object) -> bool:
    return number(thing) is not None


def nest(thing: Any, depth: int) -> Any:
    for _ in range(depth):
        thing = [thing]
    return thing


@given(nested)
def test_what_is_taken_apart_is_put_together_as_it_was(thing: Any) -> None:
    entries = take_apart(thing, is_number)
    assert all(type(entry) is float for entry in entries)
    again = put_together(entries, like=thing)
    assert again == thing
    assert repr(again) == repr(thing)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 3)])
@pytest.mark.parametrize("dtype", [float, np.float32, int, bool, complex, object])
def test_arrays_are_put_together_in_their_shape(shape: tuple[int, ...], dtype: type) -> None:
    like = np.zeros(shape, dtype)
    entries = [float(i) for i in range(like.size)]
    again = put_together(entries, like=like)
    assert again.dtype == float
    assert again.tolist() == np.arange(like.size, dtype=float).reshape(shape).tolist()


def test_an_array_can_hold_what_its_entries_have_become() -> None:
    like = np.zeros(2)
    assert put_together([1.0, 1j], like=like).dtype == complex
    assert put_together([2j, 1j], like=like).dtype == complex
    x = Value(1.0)
    for entries in ([1.0, x], [x, x], [1j, x]):
        assert put_together(entries, like=like).dtype == object
    assert put_together([1.0, 1j, x], like=np.zeros(3)).dtype == object
    assert take_apart(put_together([1.0, x], like=like), lambda entry: True)[1] is x


def test_entries_come_in_reading_order() -> None:
    thing = [1, (2, [3]), np.array([[4, 5], [6, 7]]), np.array(8)]
    assert take_apart(thing, is_number) == [1, 2, 3, 4, 5, 6, 7, 8]
    mixed = [1.0, 2, [3.0, 4], (5, 6.0)]
    assert put_together(take_apart(mixed, is_number), like=mixed) == mixed


def test_a_list_that_is_nested_very_deeply_is_taken_apart() -> None:
    deep = nest(1.0, 100_000)
    assert take_apart(deep, is_number) == [1.0]
    again = put_together([2.0], like=deep)
    assert take_apart(again, is_number) == [2.0]


def test_an_error_is_short_whatever_holds_no_number() -> None:
    for thing in ({"a": [1.0] * 10_000}, "a" * 10_000, [{"a": np.zeros(999)}], nest({}, 10_000)):
        with pytest.raises(TypeError, match=r"of type \w+; expected a real number") as caught:
            take_apart(thing, is_number)
        assert len(str(caught.value)) < 300


def test_a_number_that_python_does_not_write_has_an_error_that_it_does() -> None:
    with pytest.raises(OverflowError, match="an integer of 19,932 bits is too large for a float"):
        number(10**6000)


@pytest.mark.parametrize(
    "thing",
    [
        *(3, 3.0, True, Fraction(3), 10**300),
        *(np.float16(3), np.float64(3), np.longdouble(3), np.int8(3), np.uint64(3), np.bool(True)),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_plain_real_numbers_become_floats(thing: Any) -> None:
    assert number(thing) == float(thing)
    assert type(number(thing)) is float


@pytest.mark.parametrize(
    "thing",
    ["3", b"3", None, 3j, np.complex128(3), Decimal(3), np.array(3.0), [3], Value(3.0)],
    ids=lambda thing: type(thing).__name__,
)
def test_nothing_else_is_a_plain_real_number(thing: object) -> None:
    assert number(thing) is None


def test_only_arrays_are_arrays() -> None:
    assert is_array(np.array(1.0))
    assert not any(map(is_array, (np.float64(1), [1.0], 1.0, "array")))


def test_arrays_of_other_libraries_become_those_of_numpy() -> None:
    class Tensor:
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            return np.array([1.0, 2.0])

    class Differentiated(Tensor):
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

        def detach(self) -> Tensor:
            return Tensor()

    assert with_numpy_arrays(Differentiated()).tolist() == [1.0, 2.0]
    others = (3.0, "text", None)
    one, (two, *rest) = with_numpy_arrays([Tensor(), (Tensor(), *others)])
    assert all(type(array) is np.ndarray for array in (one, two))
    assert one.tolist() == two.tolist() == [1.0, 2.0]
    assert all(found is other for found, other in zip(rest, others, strict=True))
    own, number_of_numpy = np.zeros(2), np.float64(3)
    assert with_numpy_arrays(own) is own
    assert with_numpy_arrays(number_of_numpy) is number_of_numpy


@pytest.mark.parametrize(
    ("thing", "error", "message"),
    [
        ([1.0, "2"], TypeError, r"x holds '2' of type str; expected a real number, or a list"),
        (np.array(["a"]), TypeError, r"x holds 'a' of type str"),
        ({"a": 1.0}, TypeError, r"of type dict"),
        (range(3), TypeError, r"x holds range\(0, 3\) of type range"),
        ([], ValueError, r"x is empty: \[\]; give it at least one number"),
        ([[], ()], ValueError, r"x is empty"),
        (np.zeros((0, 3)), ValueError, r"x is empty"),
        ([None], TypeError, r"x holds None of type NoneType; expected a real number, or a list"),
        (np.ma.array(["a"]), TypeError, r"x holds 'a' of type str; expected a real number"),
        (np.ma.array([1.0, 2.0], mask=[0, 1]), TypeError, r"holds None .* x\.filled\(0\.0\)"),
        ([1, 10**400], OverflowError, r"x: 10+\.\.\.0+ is too large for a float, .*1\.8e308"),
    ],
    ids=repr,
)
def test_what_holds_no_numbers_is_refused_by_name(
    thing: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        take_apart(thing, is_number, name="x")


def test_numbers_of_a_caller_are_checked_by_their_bounds() -> None:
    assert real("x", -3) == -3.0
    assert real("x", 0, least=0) == 0.0
    assert whole("n", np.int64(2), least=2) == 2
    for x, bounds, message in (
        (math.inf, {}, "x is a finite number; got inf"),
        (-1e-9, {"least": 0}, "x is a finite number, at least 0; got -1e-09"),
        (0, {"above": 0}, "x is a finite number, above 0; got 0"),
        (1, {"least": 0, "below": 1}, "x is a number, at least 0 and below 1; got 1"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            real("x", x, **bounds)
    for nothing in ("a", None, True, 1j):
        with pytest.raises(TypeError, match="x is a finite number; got"):
            real("x", nothing)
    with pytest.raises(ValueError, match="n is an integer, at least 1; got 0"):
        whole("n", 0, least=1)
    for nothing in (1.0, True, "1"):
        with pytest.raises(TypeError, match="n is an integer, at least 1; got"):
            whole("n", nothing, least=1)


def test_arguments_are_named_as_their_function_does() -> None:
    def f(first: float, second: float, *rest: float, option: int = 0) -> float:
        return first

    assert argument_names(f, 1) == ["first"]
    assert argument_names(f, 2, longest=6) == ["first", "second"]
    assert argument_names(f, 2, longest=5) == ["x0", "x1"]
    assert argument_names(f, 3) == ["x0", "x1", "x2"]
    assert argument_names(lambda *inputs: 0.0, 1) == ["x"]
    assert argument_names(max, 2) == ["x0", "x1"]


def test_a_name_that_is_near_is_asked_for() -> None:
    assert did_you_mean("Centre", ["forward", "center"], ".") == "; did you mean 'center'?"
    assert did_you_mean("tape", ["forward", "center"], "; there are two") == "; there are two"
    assert did_you_mean("tape", []) == ""


def test_a_count_has_its_noun_in_the_plural_but_for_one() -> None:
    assert [count(n, "entry point") for n in (0, 1, 2, 1000)] == (
        ["0 entry points", "1 entry point", "2 entry points", "1,000 entry points"]
    )
    assert [count(n, "entry") for n in (1, 2)] == ["1 entry", "2 entries"]


def test_every_entry_has_the_name_of_its_thing_and_its_place() -> None:
    assert entry_names("w", [1.0, (2.0, 3.0)]) == ["w[0]", "w[1][0]", "w[1][1]"]
    assert entry_names("w", np.ones((1, 2))) == ["w[0][0]", "w[0][1]"]
    assert entry_names("w", 1.0) == ["w"]


def test_a_misfit_is_told_where_a_function_tells_what_it_takes() -> None:
    assert misfit(lambda a, b: a, [1.0]) == "missing a required argument: 'b'"
    assert misfit(lambda a, b: a, [1.0, 2.0]) == ""
    assert misfit(max, [1.0]) == ""  # Python's own has no signature.


def test_what_holds_too_long_an_integer_is_shown() -> None:
    assert shown([10**6000]) == "[an integer of 19,932 bits]"
    assert shown(2**9999) == "an integer of 10,000 bits"
    assert shown(2**9998).startswith("49876")
    assert shown(10**30) == str(10**30)
