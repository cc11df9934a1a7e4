"""All ways of running a tape agree with the eager engine, on random functions of everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from microgradcheck.ops import OPERATIONS
from microgradcheck.tape import StaleTapeError, TapeSource, record
from microgradcheck.tape.arguments import Arguments
from microgradcheck.tape.graph import Graph
from microgradcheck.tape.module import Module
from microgradcheck.tape.over_arrays import (
    Loop,
    array_lines,
    loop_over_points,
    namespace_function,
)
from microgradcheck.tape.passes import Passes
from microgradcheck.tape.recorder import trace
from microgradcheck.tape.schedule import Schedule, Terms
from microgradcheck.tape.ways import Runner
from programs import Expected, Program, expected, program, user_operations

BATCHES = [range(start, start + 40) for start in range(0, 400, 40)]


def all_expected(case: Program) -> list[Expected]:
    """Return what the eager engine finds at the points where all derivatives exist."""
    found = []
    for x in list(case.points):
        try:
            found.append(expected(case.f, x))
        except (ValueError, ArithmeticError):
            case.points.remove(x)
    return found


def refuse(*_: object) -> None:
    raise ValueError


def ways(graph: Graph, like: list[float]) -> dict[str, Callable[[list[float]], Any]]:
    """Return functions of a point for all ways of running, half of them without a gradient."""
    loop, passes = Loop(graph), Passes(Schedule(graph, Terms(graph)))

    def in_loop(x: list[float], gradient: bool) -> Any:
        found = loop.at_one(x, gradient)
        assert found is not None
        return found if gradient else found[0]

    def in_passes(x: list[float], gradient: bool) -> Any:
        found = passes.at_one(np.array(x), gradient)
        assert found is not None
        return found if gradient else found[0]

    return {
        "straight line": Module(graph, len, [like]).compile(refuse),
        "straight line, value": Module(graph, len, [like], gradient=False).compile(refuse),
        "loop": lambda x: in_loop(x, gradient=True),
        "loop, value": lambda x: in_loop(x, gradient=False),
        "passes": lambda x: in_passes(x, gradient=True),
        "passes, value": lambda x: in_passes(x, gradient=False),
    }


def test_the_programs_use_every_operation() -> None:
    own = user_operations()
    graphs = [trace(case.f, (case.points[0],)) for case in map(program, range(200))]
    used = {row.name for graph in graphs for row in graph.operations}
    assert used == {*OPERATIONS}
    assert used > {*own}


@pytest.mark.parametrize("seeds", BATCHES, ids=str)
def test_every_way_at_one_point_agrees_with_the_eager_engine(seeds: range) -> None:
    user_operations()
    for seed in seeds:
        case = program(seed)
        truths = all_expected(case)
        if not truths:
            continue
        for way, run in ways(trace(case.f, (case.points[-1],)), case.points[-1]).items():
            for x, truth in zip(case.points, truths, strict=True):
                value, gradient = run(x) if "value" not in way else (run(x), truth.gradient)
                assert type(value) is float
                gradient = np.asarray(gradient).tolist()
                assert {type(entry) for entry in gradient} == {float}
                assert truth.same(value, gradient), (seed, way, x)


@pytest.mark.parametrize("seeds", BATCHES, ids=str)
def test_every_way_at_many_points_agrees_with_the_eager_engine(seeds: range) -> None:
    user_operations()
    for seed in seeds:
        case = program(seed)
        truths = all_expected(case)
        if not truths:
            continue
        graph = trace(case.f, (case.points[0],))
        points = np.array(case.points).T
        runners: list[Runner] = [
            Passes(Schedule(graph, Terms(graph))),
            array_lines(graph),
            loop_over_points(graph),
        ]
        for runner in runners:
            partials = np.empty_like(points)
            values, good = runner.run([points], len(truths), partials)
            alone, _ = runner.run([points], len(truths), None)
            assert good.all(), (seed, type(runner))
            for i, truth in enumerate(truths):
                assert truth.same(values[i], partials[:, i].tolist()), (seed, type(runner), i)
                assert truth.same(alone[i], truth.gradient), (seed, type(runner), i)


def test_a_shared_argument_gives_the_same_as_one_repeated_at_every_point() -> None:
    user_operations()
    for seed in range(100):
        case = program(seed)
        half = len(case.points[0]) // 2
        if not half:
            continue
        graph = trace(case.f, (case.points[0],))
        columns = np.array(case.points).T
        columns[:half] = columns[:half, :1]
        runners = [
            Passes(Schedule(graph, Terms(graph))),
            array_lines(graph),
            loop_over_points(graph),
        ]
        for runner in runners:
            repeated, shared = np.empty_like(columns), np.empty_like(columns)
            values, good = runner.run([columns], len(case.points), repeated)
            parts = [columns[:half, :1], columns[half:]]
            same_values, same_good = runner.run(parts, len(case.points), shared)
            np.testing.assert_array_equal(good, same_good)
            np.testing.assert_allclose(same_values[good], values[good], rtol=1e-12, atol=1e-11)
            np.testing.assert_allclose(shared[:, good], repeated[:, good], rtol=1e-12, atol=1e-10)


def test_a_tape_is_right_or_says_that_it_is_not_where_branches_differ() -> None:
    user_operations()
    raised = agreed = 0
    source = TapeSource()
    for seed in range(100):
        case = program(seed, branches=True)
        truths = all_expected(case)
        if not truths:
            continue
        tape = record(case.f, case.points[0])
        for x, truth in zip(case.points, truths, strict=True):
            try:
                assert truth.same(*tape.value_and_grad(x)), (seed, x)
                agreed += 1
            except StaleTapeError:
                raised += 1
            assert truth.same(*source.value_and_gradient(case.f, x)), (seed, x)
        values, gradients = tape.batch(case.points)
        for i, truth in enumerate(truths):
            assert truth.same(values[i], gradients[i].tolist()), (seed, i)
    assert raised > 20
    assert agreed > 200


def test_every_way_notices_another_branch() -> None:
    noticed = 0
    for seed in range(100):
        case = program(seed, branches=True)
        graph = trace(case.f, (case.points[0],))
        lines = Module(graph, len, [case.points[0]]).compile(refuse)
        columns = np.array(case.points).T
        passes = Passes(Schedule(graph, Terms(graph)))
        runners = [passes, array_lines(graph), loop_over_points(graph)]
        trusted = [
            runner.run([columns], len(case.points), np.empty_like(columns))[1] for runner in runners
        ]
        poisoned = np.isnan(namespace_function(graph, Arguments([case.points[0]]), np)(columns)[0])
        for i, x in enumerate(case.points):
            try:
                graph.require_same_branches(x)
                continue
            except StaleTapeError:
                noticed += 1
            with pytest.raises(ValueError, match=r"^$"):
                lines(x)
            assert Loop(graph).at_one(x, gradient=False) is None, seed
            assert passes.at_one(np.array(x), gradient=False) is None, seed
            assert not any(good[i] for good in trusted), seed
            assert poisoned[i], seed
    assert noticed > 20
