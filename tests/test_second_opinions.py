"""What other ways say of a derivative, and who is said to stand alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradcheck as mg


def opinions(f: Callable[..., Any], *inputs: Any, **options: Any) -> Any:
    return mg.gradcheck(f, *inputs, raise_on_failure=False, **options).opinions()


def test_ways_that_agree() -> None:
    found = opinions(lambda x: mg.exp(x * x), 1.0)
    assert found.conclusion == "All agree."
    assert [judge.value for judge in found.judges] == pytest.approx([2 * math.e] * 3)
    assert found.slope == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize("factor", [-1.0, 0.0, 1.0001])
def test_a_wrong_gradient_stands_alone(factor: float) -> None:
    found = opinions(math.exp, 1.0, gradient=lambda x: factor * math.exp(x))
    assert found.conclusion.startswith(
        "The gradient under test stands alone; differences of f say 2.71828183 ± "
    )
    assert found.slope == pytest.approx(1, abs=0.01)


def test_a_gradient_that_is_wrong_together_with_the_engine() -> None:
    square = mg.operation("wrong_square", value="a * a", derivatives=["a"])
    assert opinions(square, 3.0).conclusion.startswith(
        "The gradient under test and backprop, forward-mode agree with one another only; "
    )


def test_a_way_that_is_wrong_by_itself_stands_alone() -> None:
    # The size of a complex number has no complex derivative.
    found = opinions(lambda x: abs(mg.sin(x)) * x, 1.3)
    assert found.conclusion == "complex-step stands alone; the others agree with the gradient."


def test_ways_that_are_wrong_together_stand_alone() -> None:
    square = mg.operation("wrong_square", value="a * a", derivatives=["a"])
    found = opinions(square, 3.0, gradient=lambda x: 2 * x)
    assert found.conclusion == (
        "backprop, forward-mode stand alone; the others agree with the gradient."
    )


def test_a_way_that_does_not_see_all_of_f_says_nothing() -> None:
    found = opinions(math.exp, 1.0, gradient=math.exp)
    assert [judge.why_not for judge in found.judges[:2]] == [
        found.judges[0].why_not,
        found.judges[0].why_not,
    ]
    assert found.judges[0].why_not == "f reads a Value as a number in exp"
    assert found.judges[2].why_not == "cannot take f: must be real number, not complex"
    assert found.conclusion == "All agree."


def test_a_value_that_is_read_twice_is_told_where_it_is_read_first() -> None:
    def f(x: float) -> float:
        y = math.exp(x)
        return y * math.sin(x)

    first = f.__code__.co_firstlineno + 1
    found = opinions(f, 1.0, gradient=lambda x: math.exp(x) * (math.sin(x) + math.cos(x)))
    assert found.judges[0].why_not.endswith(f"test_second_opinions.py:{first}")


def test_a_dropped_imaginary_part_is_no_opinion() -> None:
    found = opinions(lambda x: float(np.exp(x).sum()), np.ones(2), gradient=np.exp)
    assert "discards the imaginary part" in found.judges[2].why_not


@pytest.mark.parametrize(
    ("f", "x", "conclusion"),
    [
        (abs, 0.0, "There is no one number to agree on: f has a kink here; any number between"),
        (math.sqrt, 0.0, "There is no one number to agree on: f is undefined on its left."),
        (
            lambda x: 1e12 + math.sin(x),
            math.pi / 2,
            "The gradient agrees with ",
        ),
    ],
)
def test_where_there_is_nothing_to_agree_on_nobody_stands_alone(
    f: Any, x: float, conclusion: str
) -> None:
    assert opinions(f, x, gradient=lambda _: 0.0).conclusion.startswith(conclusion)


def test_no_gradient_is_none_that_could_stand_alone() -> None:
    found = opinions(lambda x: x * x, 3.0, gradient=lambda _: None)
    assert found.conclusion.startswith("There is no gradient to compare with: gradient is None")


def test_what_is_too_small_for_a_slope_is_said_to_be() -> None:
    found = opinions(lambda x: 3 * x, 2.0, gradient=lambda _: 3.0)
    assert math.isnan(found.slope)
    assert "too small beside the noise" in str(found)


def test_two_steps_above_the_noise_are_enough_for_a_slope() -> None:
    found = opinions(lambda x: 1e9 + x * x, 1.0, gradient=lambda x: 2 * x)
    noise = found.differences[0].floor * found.steps[0]
    assert sum(rest > 100 * noise for rest in found.remainders) == 2
    assert found.slope == pytest.approx(2, abs=0.01)


def test_steps_are_what_x_moves_by() -> None:
    found = opinions(lambda x: math.sin(x - 1e6), 1e6 + 0.3, gradient=lambda x: math.cos(x - 1e6))
    assert all((1e6 + 0.3) + h - (1e6 + 0.3) == h for h in found.steps)
    assert found.slope == pytest.approx(2, abs=0.05)


def test_steps_start_at_the_scale() -> None:
    found = opinions(
        lambda x: math.sin(1e6 * x), 1.0, gradient=lambda x: 1e6 * math.cos(1e6 * x), scale=1e-6
    )
    assert found.steps[0] == pytest.approx(1e-7, rel=1e-6)


def test_the_noise_is_that_of_the_output() -> None:
    loud = 1e-3
    report = mg.gradcheck(
        lambda x: [x**3, loud * math.sin(1e9 * x)],
        2.0,
        gradient=lambda x: [3 * x**2, 0.0],
        raise_on_failure=False,
    )
    quiet_one = report.opinions(report.entries[0])
    assert quiet_one.differences[0].floor < 1e-12


def test_the_table_is_no_wider_than_a_report() -> None:
    found = opinions(lambda x: [x[0] * x[1], x[0]], [1.0, 2.0], gradient=lambda x: [[x[1], x[0]]])
    assert max(map(len, str(found).splitlines())) <= 72


def test_a_node_and_a_stranger_have_no_opinions() -> None:
    bad = mg.operation("bad_quarter", value="a / 4", derivatives=["1.0"])
    report = mg.gradcheck(lambda x: bad(x * 2) * x, 1.3, nodes=True, raise_on_failure=False)
    assert str(report).startswith("WRONG df/d(")
    assert report.opinions().entry == report.entries[0]
    for stranger in (report.nodes[0], "df/dx"):
        with pytest.raises(ValueError, match="opinions are of one of the report's entries, got"):
            report.opinions(stranger)
