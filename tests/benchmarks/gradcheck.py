"""Measure a gradient check of a whole network beside its peers, and print a table.

python -m tests.benchmarks.gradcheck

All parameters of a network with tanh and a squared loss on 20 points. Peers that are not
installed are left out: torch, numdifftools. They work with matrices; here it is a graph of
scalars, recorded anew in each check.
"""

from __future__ import annotations

import argparse
import platform
import random
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np

import microgradcheck as mg
from microgradcheck.gradcheck import comparison
from tests.benchmarks.tape import (
    LAYERS,
    Contender,
    Layers,
    compared,
    count_parameters,
    installed,
    network,
    seconds,
)

POINTS = 20
LARGER: Layers = ((2, 24), (24, 36), (36, 1))


class Problem:
    """A network, its parameters, and the points that it is fitted to."""

    def __init__(self, layers: Layers) -> None:
        rng = random.Random(1)
        self.layers = layers
        self.points = [[rng.uniform(-1, 1), rng.uniform(-1, 1)] for _ in range(POINTS)]
        self.targets = [float(rng.choice((-1, 1))) for _ in range(POINTS)]
        self.parameters = np.array([rng.uniform(-1, 1) for _ in range(count_parameters(layers))])

    def loss(self, parameters: Any) -> Any:
        """Return the squared loss in any scalars."""
        total: Any = 0.0
        for point, target in zip(self.points, self.targets, strict=True):
            error = network(parameters, point, mg.tanh, self.layers) - target
            total = total + error * error
        return total

    def matrices(self, parameters: Any, tanh: Callable[[Any], Any], points: Any) -> Any:
        """Return the scores of all points by matrices, of NumPy's or PyTorch's kind."""
        numbers, start = points, 0
        for layer, (inputs, outputs) in enumerate(self.layers):
            matrix = parameters[start : start + outputs * (inputs + 1)].reshape(outputs, inputs + 1)
            start += outputs * (inputs + 1)
            numbers = numbers @ matrix[:, :-1].T + matrix[:, -1]
            numbers = tanh(numbers) if layer < len(self.layers) - 1 else numbers
        return numbers[:, 0]

    def loss_of_arrays(self, parameters: Any) -> Any:
        """Return the squared loss by NumPy's matrices."""
        scores = self.matrices(parameters, np.tanh, np.array(self.points))
        return ((scores - np.array(self.targets)) ** 2).sum()

    def check(self) -> mg.Report:
        """Return this library's report, of the graph of scalars."""
        return mg.gradcheck(self.loss, self.parameters)

    def check_by_calls(self) -> mg.Report:
        """Return the same, without a tape."""
        least, comparison._LEAST_FOR_A_TAPE = comparison._LEAST_FOR_A_TAPE, 10**9
        try:
            return self.check()
        finally:
            comparison._LEAST_FOR_A_TAPE = least


def torch_check(problem: Problem) -> Contender:
    """Return PyTorch's check, by matrices, on one thread."""
    import torch

    torch.set_num_threads(1)
    points, targets = torch.tensor(problem.points).double(), torch.tensor(problem.targets).double()
    parameters = torch.tensor(problem.parameters, requires_grad=True)

    def loss(parameters: Any) -> Any:
        return ((problem.matrices(parameters, torch.tanh, points) - targets) ** 2).sum()

    return lambda: torch.autograd.gradcheck(loss, parameters)


def peers_of(problem: Problem) -> dict[str, Contender]:
    """Return the peers that are installed."""
    from scipy.differentiate import jacobian
    from scipy.optimize._numdiff import approx_derivative

    loss, at = problem.loss_of_arrays, problem.parameters

    def of_many(points: Any) -> Any:
        flat = points.reshape(len(at), -1).T
        return np.array(list(map(loss, flat))).reshape(points.shape[1:])

    peers: dict[str, Contender] = {
        "SciPy, 3-point differences at one step, matrices": lambda: approx_derivative(loss, at),
        "SciPy, differentiate.jacobian, matrices": lambda: jacobian(of_many, at),
    }
    if installed("torch"):
        peers["torch.autograd.gradcheck, matrices"] = torch_check(problem)
    if installed("numdifftools"):
        import numdifftools

        peers["numdifftools.Gradient, matrices"] = lambda: numdifftools.Gradient(loss)(at)
    return peers


def main() -> None:
    """Print the tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured")
    options = parser.parse_args()
    problem = Problem(LAYERS)
    np.testing.assert_allclose(
        problem.loss(problem.parameters), problem.loss_of_arrays(problem.parameters), rtol=1e-12
    )
    print(
        f"| Python {platform.python_version()}, NumPy {np.__version__} | gradcheck | peer | ratio |"
    )
    print("|---|--:|--:|--:|")
    for row in compared(problem.check, peers_of(problem), options.rounds):
        print(f"| {row} |")
    for row in compared(problem.check, {"without a tape": problem.check_by_calls}, 1):
        print(f"| {row} |")
    print("\n| entries | operations | an entry, an operation and a step |\n|---|---|---|")
    for layers in (LAYERS, LARGER):
        print(f"| {' | '.join(cost(Problem(layers), options.rounds))} |")


def cost(problem: Problem, rounds: int) -> tuple[str, str, str]:
    """Return the size of a check and its time, without recording, for each of its parts."""
    tape = mg.record(problem.loss, problem.parameters)
    operations = int(tape.explain().split()[0].replace(",", ""))
    set_up = statistics.median(
        seconds(
            lambda: mg.record(problem.loss, problem.parameters).trusted_values(
                np.repeat(problem.parameters[np.newaxis], 2, 0)
            ),
            1,
        )
        for _ in range(rounds)
    )
    whole = statistics.median(seconds(problem.check, 1) for _ in range(rounds))
    taped = problem.check().taped
    each = (whole - set_up) / (taped * operations)
    return f"{len(problem.parameters):,}", f"{operations:,}", f"{each * 1e9:.2f} ns"


if __name__ == "__main__":
    main()
