"""Descents of one problem by several sources and rules, side by side."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from hills import rosenbrock
from microgradcheck.optimize import Comparison, Descent, compare_descents, distinct_names, minimize
from microgradcheck.sources import differences


def compare(*gradients: Any, **options: Any) -> dict[str, dict[str, Any]]:
    """Descend Rosenbrock's function; return the comparison's rows by name."""
    given = {"learning_rate": 1e-3, "steps": 200, **options}
    comparison = compare_descents(rosenbrock, [-1.2, 1.0], gradients=gradients, **given)
    return {row["descent"]: row for row in comparison.rows()}


def test_each_pair_of_source_and_rule_is_descended_as_by_itself() -> None:
    comparison = compare_descents(
        rosenbrock,
        [-1.2, 1.0],
        gradients=["backprop", "central-difference"],
        optimizers=["adam", "momentum"],
        learning_rate=1e-3,
        steps=5,
    )
    assert [(descent.optimizer, descent.source) for descent in comparison] == [
        ("adam", "backprop"),
        ("adam", "central-difference"),
        ("momentum", "backprop"),
        ("momentum", "central-difference"),
    ]
    for descent in comparison:
        alone = minimize(
            rosenbrock,
            [-1.2, 1.0],
            gradient=descent.source,
            optimizer=descent.optimizer,
            learning_rate=1e-3,
            steps=5,
        )
        assert descent == alone


def test_central_differences_are_closer_than_forward_ones() -> None:
    rows = compare("backprop", "forward-difference", "central-difference", "complex-step")
    errors = [row["gradient error"] for row in list(rows.values())[1:]]
    assert 1e-9 < errors[0] < 1e-6
    assert errors[0] > 50 * errors[1]
    assert 1e-12 < errors[1] < 1e-9
    assert errors[2] < 1e-14
    assert rows["forward-difference"]["ends apart"] > rows["central-difference"]["ends apart"]


def test_a_step_can_be_too_large_and_too_small() -> None:
    steps = {h: f"central-difference, h={h:g}" for h in (1e-1, 1e-5, 1e-13)}
    rows = compare("backprop", *[differences("central", h=h) for h in steps])
    error = {h: rows[name]["gradient error"] for h, name in steps.items()}
    assert error[1e-5] < 1e-9
    assert error[1e-1] > 1e-3
    assert error[1e-13] > 1e-6
    assert rows[steps[1e-5]]["paths part at step"] is None
    assert rows[steps[1e-1]]["paths part at step"] == 1
    assert rows[steps[1e-13]]["paths part at step"] is not None


def test_backprop_needs_one_call_where_differences_need_two_for_each_entry() -> None:
    rows = compare("backprop", "central-difference", "complex-step", steps=9)
    assert [row["calls of f"] for row in rows.values()] == [10, 50, 30]
    assert [row["calls per gradient"] for row in rows.values()] == [1, 5, 3]
    assert all(0 < row["seconds"] < 10 for row in rows.values())


def test_paths_part_where_a_gradient_goes_wrong() -> None:
    def wrong_beyond_two(w: float) -> float:
        return 2 * (w - 5) * (1.01 if w > 2 else 1.0)

    comparison = compare_descents(
        lambda w: (w - 5) ** 2, 0.0, gradients=["backprop", wrong_beyond_two], steps=10
    )
    first, second = comparison.runs
    # Its fourth point, 2.44, is the first where it is wrong.
    assert second.parts_at == 4
    assert second.apart == pytest.approx(abs(first.descent.x - second.descent.x))
    assert second.gradient_error == pytest.approx(0.01 * 5.12 / 10, rel=0.05)
    assert first.gradient_error is first.apart is first.parts_at is None


def test_a_descent_that_ends_early_is_compared_as_far_as_it_goes() -> None:
    comparison = compare_descents(
        lambda x: x * x, 1.0, gradients=["backprop", lambda x: -2 * x], steps=30
    )
    assert [descent.nit for descent in comparison] == [30, 10]
    assert comparison.runs[1].parts_at == 1
    assert "<lambda>: Diverged" in str(comparison)


def test_it_prints_as_a_table() -> None:
    comparison = compare_descents(lambda x: (x - 1) ** 2, 0.0, steps=3)
    lines = str(comparison).splitlines()
    assert lines[0].split("  ")[0] == "descent"
    assert [line.split()[0] for line in lines[1:]] == ["backprop", "central-difference"]
    assert "calls of f" in lines[0]
    assert lines[1].split()[1:4] == ["3", "0.262", "4"]
    assert len(lines) == 3
    assert repr(comparison) == str(comparison)


def test_it_is_plain_data_on_demand() -> None:
    comparison = compare_descents(lambda x: (x - 1) ** 2, 0.0, steps=3)
    told = json.loads(json.dumps(comparison.to_dict()))
    assert [run["descent"]["source"] for run in told["runs"]] == ["backprop", "central-difference"]
    assert told["runs"][0]["gradient_error"] is None
    assert len(comparison) == 2
    assert all(isinstance(descent, Descent) for descent in comparison)


def test_several_arguments_are_compared_too() -> None:
    comparison = compare_descents(lambda x, y: x * x + y * y, 1.0, 2.0, steps=3)
    assert comparison.runs[1].apart < 1e-9
    assert comparison.runs[1].gradient_error < 1e-9


def test_a_reference_that_fails_on_another_path_says_so() -> None:
    # At 0 the square root has no derivative to compare with.
    comparison = compare_descents(
        lambda x: (x - 1).sqrt() if x > 1 else (1 - x).sqrt() + 1,
        2.0,
        gradients=["backprop", lambda x: 1.0],
        learning_rate=1.0,
        steps=1,
    )
    assert isinstance(comparison, Comparison)
    assert comparison.runs[1].gradient_error == math.inf


def test_names_tell_where_descents_differ() -> None:
    def run(**options: Any) -> Descent:
        return minimize(abs, 1.0, steps=1, **options)

    same = run()
    assert distinct_names([same]) == ["backprop, gradient-descent, learning rate 0.1"]
    assert distinct_names([same, run(gradient="central-difference")]) == [
        "backprop",
        "central-difference",
    ]
    assert distinct_names([same, run(learning_rate=0.5)]) == [
        "learning rate 0.1",
        "learning rate 0.5",
    ]
    assert distinct_names([]) == []


@pytest.mark.parametrize(
    ("options", "error", "complaint"),
    [
        ({"gradients": "backprop"}, TypeError, "gradients is a list with at least one entry"),
        ({"gradients": []}, TypeError, "gradients is a list with at least one entry"),
        ({"gradient": "backprop"}, TypeError, r"gradients=\[...\], got gradient='backprop'"),
        ({"optimizer": "adam"}, TypeError, r"optimizers=\[...\], got optimizer='adam'"),
        ({"optimizers": "adam"}, TypeError, "optimizers is a list with at least one entry"),
        ({"gradients": ["backprob"]}, ValueError, "did you mean 'backprop'"),
        ({"learning_rate": -1}, ValueError, "positive number"),
        ({"step": 3}, TypeError, "step"),
    ],
)
def test_wrong_options_are_refused(
    options: dict[str, Any], error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint):
        compare_descents(abs, 1.0, **options)


def test_an_error_names_the_descent_that_it_is_from() -> None:
    with pytest.raises(TypeError) as caught:
        compare_descents(math.exp, 1.0, gradients=["central-difference", "complex-step"], steps=1)
    assert "by gradient-descent with complex-step" in "".join(caught.value.__notes__)


def test_in_jupyter_its_text_is_text_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert str(compare_descents(abs, 1.0, steps=1)).startswith("descent")
    assert capsys.readouterr().out == ""
