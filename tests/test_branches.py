"""What a call left out of a function is named, and nothing is said where that is not known."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg

import microgradcheck as mg
from microgradcheck.gradcheck.branches import branches_not_taken

pytestmark = pytest.mark.usefixtures("untraced")


def piecewise(x: float) -> float:
    if x > 0:
        y = 2 * x
    elif x < -1:
        y = x - 1
    else:
        y = math.sin(x) if x else 0.0
    return y


def guarded(x: float) -> float:
    assert x < 10, "too large"
    try:
        if x < 0:
            raise ValueError(x)
    except OverflowError:
        return x * 0
    return math.sqrt(x)


def guarded_in_one_line(x: float) -> float:
    # fmt: off
    if x < 0: raise ValueError(x)  # noqa: E701
    if x > 5: return 5.0  # noqa: E701
    # fmt: on
    return x


def left_out(function: Callable[..., Any], *inputs: Any) -> list[str]:
    pieces = branches_not_taken(function, lambda: function(*inputs))
    assert all(" (test_branches.py:" in piece for piece in pieces)
    return [piece.split("`")[1] for piece in pieces]


@pytest.mark.parametrize("function", [np.linalg.norm, scipy.linalg.norm])
def test_those_of_other_libraries_are_none_of_the_readers(function: Callable[..., Any]) -> None:
    assert branches_not_taken(function, lambda: function(np.array([3.0, 4.0]))) == []


def test_all_pieces_that_were_not_run_are_named_in_order() -> None:
    assert left_out(piecewise, 1.0) == ["x < -1", "y = x - 1", "y = math.sin(x) if x else 0.0"]
    assert left_out(piecewise, -2.0) == ["y = 2 * x", "y = math.sin(x) if x else 0.0"]
    assert left_out(piecewise, -0.5) == ["y = 2 * x", "y = x - 1", "0.0"]
    assert left_out(piecewise, 0.0) == ["y = 2 * x", "y = x - 1", "math.sin(x)"]


def test_the_place_is_that_of_the_line() -> None:
    (piece,) = branches_not_taken(lambda: None, lambda: None) or ["none"]
    assert piece == "none"
    line = piecewise.__code__.co_firstlineno
    assert branches_not_taken(piecewise, lambda: piecewise(1.0))[1] == (
        f"`y = x - 1` (test_branches.py:{line + 4})"
    )


def test_what_only_complains_is_no_branch() -> None:
    assert left_out(guarded, 4.0) == ["return x * 0"]


def test_of_an_expression_on_several_lines_each_is_named_by_itself() -> None:
    def several(x: float) -> float:
        if x > 0:
            return x
        return max(
            x * 2,
            x * 3,
        )

    assert left_out(several, 1.0) == ["max", "x * 2", "x * 3"]


def test_several_calls_count_together() -> None:
    def all_of_them() -> None:
        for x in (1.0, -2.0, -0.5, 0.0):
            piecewise(x)

    assert branches_not_taken(piecewise, all_of_them) == []


def test_what_wraps_a_function_is_looked_through() -> None:
    assert left_out(functools.cache(piecewise), -0.5) == ["y = 2 * x", "y = x - 1", "0.0"]


@pytest.mark.parametrize(
    "function",
    [mg.relu, abs, functools.partial(piecewise), lambda x: x * x],
    ids=["of the library", "built in", "partial", "without branches"],
)
def test_nothing_is_said_of_functions_without_branches_or_source_of_their_own(
    function: Callable[[float], float],
) -> None:
    assert branches_not_taken(function, lambda: function(1.0)) == []


def test_nothing_is_said_of_a_function_that_was_not_called() -> None:
    assert branches_not_taken(piecewise, lambda: None) == []


def test_nothing_is_said_of_a_call_that_takes_long() -> None:
    def long(x: float) -> float:
        for _ in range(100_000):
            x = x * 0.5 if x else 1.0
        return x

    calls: list[float] = []
    assert branches_not_taken(long, lambda: calls.append(long(1.0))) == []
    assert len(calls) == 1  # Broken off, it could leave a lock locked, or half of its work done.
    assert sys.gettrace() is None


def test_a_loop_of_some_thousand_steps_is_watched_to_its_end() -> None:
    def looped(x: float) -> float:
        for _ in range(280):
            x = 0.5 * x + 1 if x else 1.0
        return x

    assert left_out(looped, 1.0) == ["1.0"]


def test_nothing_is_said_under_a_debugger_which_goes_on_at_its_work() -> None:
    def debugger(*_: object) -> None:
        return None

    sys.settrace(debugger)
    try:
        assert branches_not_taken(piecewise, lambda: piecewise(1.0)) == []
        assert sys.gettrace() is debugger
    finally:
        sys.settrace(None)


def test_an_error_of_the_call_is_no_news_and_ends_the_watch() -> None:
    assert branches_not_taken(piecewise, lambda: piecewise(1 / 0)) == []
    assert sys.gettrace() is None


def test_a_complaint_behind_its_condition_is_no_branch() -> None:
    assert left_out(guarded_in_one_line, 1.0) == ["5.0"]
