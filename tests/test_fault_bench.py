"""Gradcheck finds planted faults: in every row of the table, and in the sweep itself."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

import microgradcheck as mg
import planted_faults
import test_sweep
from microgradcheck.gradcheck import comparison
from microgradcheck.ops import OPERATIONS
from planted_faults import Plant
from random_functions import Claimed, RandomFunction

PLANTS = list(planted_faults.plants())


@pytest.fixture(autouse=True, params=["calls of f", "its tape"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Take differences from calls of f, or from its tape however few the entries are."""
    least = 1 if request.param == "its tape" else 10**9
    monkeypatch.setattr(comparison, "_LEAST_FOR_A_TAPE", least)
    return str(request.param)


def test_there_are_several_faults_for_every_row() -> None:
    faults = Counter(plant.row.name for plant in PLANTS)
    assert set(faults) >= set(OPERATIONS)
    assert min(faults.values()) >= 4


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_fault_in_a_row_is_found_and_named(name: str) -> None:
    # A reduced number; `benchmarks.faults` takes more.
    plants = [plant for plant in PLANTS if plant.row.name == name]
    found = Counter(
        planted_faults.find(plant, seed)
        for n, plant in enumerate(plants)
        for seed in range(400_000 + 10 * n, 400_003 + 10 * n)
    )
    assert set(found) <= {"named", "hidden", "no derivative"}, found
    assert found["named"] > 0.2 * found.total()


@pytest.mark.parametrize("name", ["exp", "multiply", "atan2"])
def test_the_row_as_it_is_passes_in_the_same_graphs(name: str) -> None:
    row = OPERATIONS[name]
    for seed in range(10):
        assert planted_faults.find(Plant(row, "none", ("a",), row), seed) == "hidden"


# Faults in gradients of random functions


def slips(gradient: list[float]) -> list[tuple[str, list[float]]]:
    """Return the gradient with one slip each, as somebody who wrote it by hand could make them."""
    largest = max(range(len(gradient)), key=lambda k: abs(gradient[k]))

    def with_entry(entry: float) -> list[float]:
        return [entry if k == largest else slope for k, slope in enumerate(gradient)]

    slope = gradient[largest]
    return [
        ("sign", with_entry(-slope)),
        ("factor 2", with_entry(2 * slope)),
        ("factor 1.0001", with_entry(1.0001 * slope)),
        ("zero", with_entry(0.0)),
        ("all of one sign", [-slope for slope in gradient]),
    ]


def test_right_gradients_pass_and_slips_do_not(way: str) -> None:
    verdicts: Counter[str] = Counter()
    taped = 0
    for seed in range(500_000, 500_020):
        f = RandomFunction(seed)
        if not math.isfinite(f(f.x)):
            continue
        gradient = f.gradient()
        right = mg.gradcheck(f, f.x, gradient=Claimed(gradient), raise_on_failure=False)
        taped += bool(right.taped)
        verdicts[right.verdict] += 1
        for name, slip in slips(gradient):
            report = mg.gradcheck(f, f.x, gradient=Claimed(slip), raise_on_failure=False)
            for entry, true in zip(report.entries, gradient, strict=True):
                if abs(entry.gradient - true) > 2 * entry.resolution:
                    assert report.verdict == "WRONG", (seed, name)
            if right.verdict == "PASS" and any(gradient):
                assert report.verdict == "WRONG", (seed, name)
    assert not verdicts["WRONG"]
    assert verdicts["PASS"] > 0.8 * verdicts.total()
    assert taped > 0.9 * verdicts.total() if way == "its tape" else not taped


# The fifteen mistakes in the engine


def one_of_each(a: Any, b: Any) -> Any:
    """Use every rule that a mistake is planted in, and one inner node four times."""
    inner = a * b
    many = mg.tanh(inner) * (inner**3) - (inner + inner * inner)
    return (mg.relu(-inner) + mg.exp(a) + many + (b - a) + (a + a) * 0.3) * 1.7


BATTERY: dict[str, tuple[Callable[..., Any], tuple[float, ...]]] = {
    "one of each": (one_of_each, (0.7, 1.9)),
    "both sides": (lambda a: mg.relu(a) + a * a, (-0.7,)),
}


def worst(battery: dict[str, Any]) -> str:
    reports = [mg.gradcheck(f, *x, raise_on_failure=False) for f, x in battery.values()]
    return str(max((report.verdict for report in reports), key=lambda verdict: verdict.severity))


def test_the_engine_as_it_is_passes() -> None:
    assert worst(BATTERY) == "PASS"


@pytest.mark.parametrize("plant", test_sweep.MISTAKES.values(), ids=test_sweep.MISTAKES)
def test_each_mistake_in_the_engine_is_found(
    plant: test_sweep.Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    assert worst(BATTERY) == "WRONG"


RULES = {
    name: plant
    for name, plant in test_sweep.MISTAKES.items()
    if plant.__qualname__.startswith("rule.")
}


@pytest.mark.parametrize("name", test_sweep.MISTAKES)
def test_a_wrong_rule_is_named_and_a_wrong_sweep_is_said_to_be_at_fault(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_sweep.MISTAKES[name](monkeypatch)
    reports = [mg.gradcheck(f, *x, raise_on_failure=False) for f, x in BATTERY.values()]
    wrong = [report for report in reports if report.verdict == "WRONG"]
    if name in RULES:
        assert any(report.operations for report in wrong)
    else:
        assert not any(report.operations for report in wrong)
        assert any("how their derivatives are added up" in str(report) for report in wrong)
