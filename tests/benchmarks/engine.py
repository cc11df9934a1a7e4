"""Measure the engine beside micrograd, in one process and by turns, and print a table.

Times are processor time, which other programs on the machine disturb less than the clock on the
wall does; still, trust the ratios more than the milliseconds.

python -m tests.benchmarks.engine
"""

from __future__ import annotations

import argparse
import gc
import platform
import random
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any
from unittest import mock

import micrograd.engine
import micrograd.nn

import microgradcheck

ENGINES = {"microgradcheck": microgradcheck.Value, "micrograd": micrograd.engine.Value}
PHASES = ("record", "backward and free", "both")
STEPS_IN_A_ROW = 3

Row = tuple[str, str, str, str]


class Training:
    """A step of training a 2-16-16-1 network on 100 points, with the numbers of one engine."""

    def __init__(self, kind: type) -> None:
        self.kind = kind
        rng = random.Random(1)
        self.points = [(rng.uniform(-1, 1), rng.uniform(-1, 1)) for _ in range(100)]
        self.targets = [rng.choice((-1, 1)) for _ in self.points]
        # micrograd's own network, so that only the engines differ.
        with mock.patch("micrograd.nn.Value", kind):
            self.network = micrograd.nn.MLP(2, [16, 16, 1])

    def loss(self) -> Any:
        """Record the hinge loss with its penalty on the weights, as in micrograd's demo."""
        with mock.patch("micrograd.nn.Value", self.kind):
            scores = [self.network([self.kind(x), self.kind(y)]) for x, y in self.points]
        pairs = zip(self.targets, scores, strict=True)
        hinges = [(1 + -target * score).relu() for target, score in pairs]
        penalty = sum(weight * weight for weight in self.network.parameters())
        return sum(hinges) * (1 / len(hinges)) + 1e-4 * penalty

    def seconds(self) -> tuple[float, float, float]:
        """Return how long a step takes to record, to go backward and be freed, and both.

        The mean of a few steps in a row, so that each engine pays for its own garbage: one whose
        graphs are cycles leaves them to the collector, which comes round in a later step.
        """
        gc.collect()
        recording = backward = 0.0
        for _ in range(STEPS_IN_A_ROW):
            start = time.process_time()
            loss = self.loss()
            recorded = time.process_time()
            loss.backward()
            del loss
            recording += recorded - start
            backward += time.process_time() - recorded
        means = recording / STEPS_IN_A_ROW, backward / STEPS_IN_A_ROW
        return *means, sum(means)

    def bytes_per_node(self) -> float:
        """Return the peak of memory over one step, divided by the nodes of its graph."""
        gc.collect()
        tracemalloc.start()
        loss = self.loss()
        loss.backward()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak / count_nodes(loss)


def count_nodes(root: Any) -> int:
    """Return the number of nodes in a graph of either engine."""
    seen, pending = {id(root)}, [root]
    while pending:
        node = pending.pop()
        for below in node.inputs if hasattr(node, "inputs") else node._prev:
            if id(below) not in seen:
                seen.add(id(below))
                pending.append(below)
    return len(seen)


def training_rows(rounds: int) -> Iterator[Row]:
    """Yield what a step of training costs in time and memory."""
    trainings = {name: Training(kind) for name, kind in ENGINES.items()}
    seconds: dict[str, list[tuple[float, float, float]]] = {name: [] for name in trainings}
    for _ in range(rounds):
        for name, training in trainings.items():
            seconds[name].append(training.seconds())
    by_phase = (zip(*seconds[name], strict=True) for name in ENGINES)
    for phase, ours, theirs in zip(PHASES, *by_phase, strict=True):
        ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
        yield (
            f"a training step of a 2-16-16-1 network on 100 points: {phase}",
            f"{statistics.median(ours) * 1e3:.0f} ms",
            f"{statistics.median(theirs) * 1e3:.0f} ms",
            f"{ratio:.1f}",
        )
    ours, theirs = (training.bytes_per_node() for training in trainings.values())
    yield (
        "its memory at the peak, per node",
        f"{ours:.0f} B",
        f"{theirs:.0f} B",
        f"{theirs / ours:.1f}",
    )


def chain_rows(rounds: int) -> Iterator[Row]:
    """Yield what a node costs in chains of growing length."""
    for length in (1_000, 10_000, 100_000, 1_000_000):
        ours, theirs = (nanoseconds_per_node(kind, length, rounds) for kind in ENGINES.values())
        name = f"a chain of {length:,}: record, backward and free, per node"
        yield name, ours, theirs, ""


def nanoseconds_per_node(kind: type, length: int, rounds: int) -> str:
    """Return the median time to record, sweep and free one node of a chain, or why it fails."""
    repeats = max(1, 100_000 // length)
    phases: list[tuple[float, ...]] = []
    for _ in range(rounds):
        gc.collect()
        ends = [time.process_time()]
        chains = [chain(kind, length) for _ in range(repeats)]
        ends.append(time.process_time())
        try:
            for end in chains:
                end.backward()
        except RecursionError:
            return "RecursionError"
        ends.append(time.process_time())
        del end
        chains.clear()
        ends.append(time.process_time())
        nodes = repeats * length / 1e9
        phases.append(tuple((b - a) / nodes for a, b in pairwise(ends)))
    return (
        " + ".join(f"{statistics.median(phase):.0f}" for phase in zip(*phases, strict=True)) + " ns"
    )


def chain(kind: Callable[..., Any], length: int) -> Any:
    """Return a number that is as many operations away from a leaf."""
    x = kind(1.0)
    y = x
    for _ in range(length // 2):
        y = y * 0.5 + x
    return y


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="how often each is measured")
    rounds = parser.parse_args().rounds
    measured = f"medians of {rounds} on Python {platform.python_version()}"
    print(f"| {measured} | {' | '.join(ENGINES)} | ratio |")
    print("|---|--:|--:|--:|")
    for rows in (training_rows(rounds), chain_rows(max(1, rounds // 3))):
        for row in rows:
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
