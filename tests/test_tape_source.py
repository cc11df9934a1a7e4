"""The gradient source "tape" gives what backpropagation gives, and knows when to record again."""

from __future__ import annotations

import random
import threading
from typing import Any

import numpy as np
import pytest

import microgradcheck as mg
from microgradcheck.sources import GradientSource
from microgradcheck.tape import StaleTapeError, TapeSource


def branching(x: Any) -> Any:
    if x > 1:
        return mg.log(x)
    return x * x if x > -1 else -3 * x


def test_it_is_a_gradient_source() -> None:
    source = TapeSource()
    assert isinstance(source, GradientSource)
    assert source.name == "tape"
    assert source.value_and_gradient(lambda x, y: x * y[0], 2.0, [3.0]) == (6.0, (3.0, [2.0]))
    assert repr(source) == "<gradient source tape, 1 recordings>"


def test_it_records_once_for_each_function_and_shape() -> None:
    source = TapeSource()
    calls = []

    def f(x: Any) -> Any:
        calls.append(x)
        return mg.sum(x) * 2

    for x in ([1.0, 2.0], [3.0, 4.0], [5.0, 6.0], np.ones(2), (1.0, 2.0), [1.0], np.ones(2)):
        value, gradient = source.value_and_gradient(f, x)
        assert value == 2 * sum(x)
        assert type(gradient) is type(x)
    assert source.recordings == 4
    assert len(calls) == 4 + 2, "two recordings were used again and confirmed, once each"
    source.value_and_gradient(lambda x: x, 1.0)
    assert source.recordings == 5


def test_it_records_again_where_the_function_takes_another_branch() -> None:
    source = TapeSource()
    for x in (2.0, 0.5, -4.0, 3.0, 0.25, -5.0, 0.75) * 3:
        assert source.value_and_gradient(branching, x) == mg.value_and_grad(branching)(x)
    assert source.recordings == 3


def test_it_records_again_after_a_value_from_outside_has_changed() -> None:
    source, weight = TapeSource(), mg.Value(3.0)

    def f(x: Any) -> Any:
        return weight * x

    for number in (3.0, 5.0, 7.0):
        weight.data = number
        assert source.value_and_gradient(f, 2.0) == (2 * number, number)


def test_a_function_that_changes_from_call_to_call_is_found_out() -> None:
    source, rng = TapeSource(), random.Random(0)

    def f(x: Any) -> Any:
        return x * rng.random()

    source.value_and_gradient(f, 2.0)
    with pytest.raises(StaleTapeError, match=r"^f does not .* depends on more than its arguments"):
        source.value_and_gradient(f, 2.0)
    # That is no divergence, which a smaller learning rate could mend.
    with pytest.raises(StaleTapeError):
        mg.minimize(f, 2.0, gradient="tape", steps=3)
    report = mg.gradcheck(f, 2.0, gradient="tape", raise_on_failure=False)
    assert report.cause.startswith("f does not repeat")


def test_descent_on_the_tape_follows_the_path_of_the_engine() -> None:
    def f(x: Any) -> Any:
        return mg.sum([(x[i + 1] - x[i] ** 2) ** 2 + mg.softplus(x[i]) for i in range(9)])

    start = np.linspace(-1, 1, 10)
    paths = [
        mg.minimize(f, start, gradient=gradient, learning_rate=0.05, steps=30).history
        for gradient in (TapeSource(), "tape", "backprop")
    ]
    for path in paths[:2]:
        for step, expected in zip(path, paths[2], strict=True):
            np.testing.assert_allclose(step.x, expected.x, rtol=1e-12)
            assert step.value == pytest.approx(expected.value, rel=1e-12)


def test_errors_are_those_of_the_function() -> None:
    source = TapeSource()
    assert source.value_and_gradient(mg.log, 2.0)[1] == 0.5
    with pytest.raises(ValueError, match=r"log\(-1.0\) is undefined"):
        source.value_and_gradient(mg.log, -1.0)
    with pytest.raises(TypeError, match="read as a plain number"):
        source.value_and_gradient(lambda x: x * float(x), 2.0)


def test_it_forgets_functions_that_were_not_used_for_long() -> None:
    source = TapeSource()

    def powers(n: int) -> Any:
        return lambda x: x**n

    functions = [powers(n) for n in range(3, 23)]
    for f in functions:
        source.value_and_gradient(f, 2.0)
    assert len(source._known) == 8
    assert source.recordings == 20
    source.value_and_gradient(functions[-1], 3.0)
    assert source.recordings == 20


def test_threads_may_share_it() -> None:
    source = TapeSource()
    wrong = []

    def work(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(100):
            x = rng.uniform(-5, 5)
            if source.value_and_gradient(branching, x) != mg.value_and_grad(branching)(x):
                wrong.append(x)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
