"""All ways of running a tape agree with the eager engine, on random functions of everything."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import microgradcheck as mg
from microgradcheck.ops import OPERATIONS
from microgradcheck.tape import StaleTapeError, TapeSource, record
from microgradcheck.tape.arguments import Arguments
from microgradcheck.tape.graph import Graph
from microgradcheck.tape.guards import require_same_branches
from microgradcheck.tape.lines import ArrayLines, Module, namespace_function
from microgradcheck.tape.loop import Loop, LoopOverPoints
from microgradcheck.tape.many import Runner
from microgradcheck.tape.passes import Blocks, Passes, Schedule, Terms
from microgradcheck.tape.trace import trace

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


def results(graph: Graph, x: list[float]) -> Iterator[tuple[str, tuple[float, list[float]]]]:
    """Yield value and gradient in each way of running at one point, with the way's name."""
    lines = Module(graph, len, [x]).compile()
    yield "straight line", lines(x)
    yield "straight line, value", (Module(graph, len, [x], gradient=False).compile()(x), [])
    passes = Passes(Schedule(graph, Terms(graph)))
    for way in (Loop(graph), passes, passes):
        yield type(way).__name__, way.value_and_gradient(x)
        yield f"{type(way).__name__}, value", (way.value(x), [])


@pytest.mark.parametrize("seeds", BATCHES, ids=str)
def test_every_way_at_one_point_agrees_with_the_eager_engine(seeds: range) -> None:
    user_operations()
    seen: set[str] = set()
    for seed in seeds:
        case = program(seed)
        for x, truth in zip(case.points[:2], all_expected(case), strict=False):
            graph = trace(case.f, (case.points[-1],))
            seen |= {operation.name for operation in graph.operations if operation}
            for way, (value, gradient) in results(graph, x):
                assert type(value) is float
                assert {type(entry) for entry in gradient} <= {float}
                assert truth.same(value, gradient or truth.gradient), (seed, way, x)
    assert seen > set(OPERATIONS) - {"power"}, "the programs leave an operation out"


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
            Blocks(Schedule(graph, Terms(graph))),
            ArrayLines(graph),
            LoopOverPoints(graph),
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
        truths = all_expected(case)
        half = len(case.points[0]) // 2
        if not truths or not half:
            continue
        graph = trace(case.f, (case.points[0],))
        shared = case.points[0][:half]
        points = [shared + point[half:] for point in case.points]
        columns = np.array(points).T
        for runner in (Blocks(Schedule(graph, Terms(graph))), ArrayLines(graph), LoopOverPoints(graph)):
            repeated, partials = np.empty_like(columns), np.empty_like(columns)
            values, good = runner.run([columns], len(points), repeated)
            parts = [columns[:half, :1], columns[half:]]
            again, good_again = runner.run(parts, len(points), partials)
            np.testing.assert_array_equal(good, good_again)
            np.testing.assert_allclose(again[good], values[good], rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(
                partials[:, good], repeated[:, good], rtol=1e-12, atol=1e-10
            )
