"""Measure the tape beside its peers, in one process and by turns, and print a table.

python -m tests.benchmarks.tape

Peers that are not installed are left out: micrograd, casadi, jax.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import math
import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

# One core for each, and its own time alone, so that a busy machine does not blur the ratios.
os.environ |= {"OPENBLAS_NUM_THREADS": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}

import numpy as np

import microgradcheck as mg
from microgradcheck.tape import record

Layers = tuple[tuple[int, int], ...]

LAYERS: Layers = ((2, 16), (16, 16), (16, 1))


def count_parameters(layers: Layers) -> int:
    """Return how many weights and biases a network has."""
    return sum((inputs + 1) * outputs for inputs, outputs in layers)


PARAMETERS = count_parameters(LAYERS)

Contender = Callable[[], Any]


def compared(
    ours: Contender, peers: dict[str, Contender], rounds: int, repeats: int = 1
) -> Iterator[str]:
    """Yield a row for each peer, by turns with ours: both median times, and that of the ratios."""
    for name, peer in peers.items():
        peer()  # The first call of some compiles.
        times = [(seconds(ours, repeats), seconds(peer, repeats)) for _ in range(rounds)]
        ratio = statistics.median(theirs / own for own, theirs in times)
        both = (shown(statistics.median(column)) for column in zip(*times, strict=True))
        yield f"{name} | {' | '.join(both)} | {ratio:.3g}"


def seconds(run: Contender, repeats: int) -> float:
    """Return how long a call takes, after one to warm up: a long call of a peer cools caches."""
    run()
    start = time.process_time()
    for _ in range(repeats):
        # Kept until the next one: memory freed at once would have to be asked for anew.
        result = run()
    end = time.process_time()
    del result
    return (end - start) / repeats


def shown(seconds: float) -> str:
    """Return a time in a unit that suits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def installed(name: str) -> bool:
    """Tell whether a peer can be measured here."""
    return importlib.util.find_spec(name) is not None


# A network of scalars


def network(
    parameters: Sequence[Any],
    inputs: Sequence[Any],
    relu: Callable[[Any], Any],
    layers: Layers = LAYERS,
) -> Any:
    """Return the score that the network gives an input, in any scalars."""
    remaining = iter(parameters)
    numbers = list(inputs)
    for layer, (_, outputs) in enumerate(layers):
        results = []
        for _ in range(outputs):
            total: Any = 0.0
            for number in numbers:
                total = total + next(remaining) * number
            total = total + next(remaining)
            results.append(relu(total) if layer < 2 else total)
        numbers = results
    return numbers[0]


def hinge_loss(
    parameters: Sequence[Any],
    points: Sequence[Sequence[float]],
    targets: Sequence[float],
    relu: Callable[[Any], Any],
) -> Any:
    """Return the mean hinge loss with its penalty on the parameters, as in micrograd's demo."""
    total: Any = 0.0
    for point, target in zip(points, targets, strict=True):
        total = total + relu(1 + -target * network(parameters, point, relu))
    penalty: Any = 0.0
    for parameter in parameters:
        penalty = penalty + parameter * parameter
    return total * (1 / len(points)) + 1e-4 * penalty


def data(count: int) -> tuple[list[float], list[list[float]], list[float]]:
    """Return parameters, points and targets."""
    rng = random.Random(1)
    parameters = [rng.uniform(-1, 1) for _ in range(PARAMETERS)]
    points = [[rng.uniform(-1, 1), rng.uniform(-1, 1)] for _ in range(count)]
    return parameters, points, [float(rng.choice((-1, 1))) for _ in points]


def training_step(rounds: int) -> Iterator[str]:
    """Yield the hinge loss on 100 points, value and gradient, in array passes."""
    parameters, points, targets = data(100)

    def loss(p: Any) -> Any:
        return hinge_loss(p, points, targets, mg.relu)

    at = np.array(parameters)
    tape = record(loss, at)
    peers: dict[str, Contender] = {}
    if installed("casadi"):
        peers["CasADi SX of the same scalars, buffers"] = casadi_hinge(points, targets, at)
    if installed("jax"):
        peers["jax.jit of matrices, not scalars"] = jax_hinge(points, targets, at)
    yield from compared(lambda: tape.value_and_grad(at), peers, 30 * rounds)
    slow: dict[str, Contender] = {
        "this library's engine": lambda: mg.value_and_grad(loss)(parameters),
        "recording, scheduling and one call": lambda: record(loss, at).value_and_grad(at),
    }
    if installed("micrograd"):
        slow["micrograd"] = micrograd_hinge(points, targets, parameters)
    gc.collect()
    yield from compared(lambda: tape.value_and_grad(at), slow, rounds, repeats=1)


def casadi_hinge(points: Any, targets: Any, at: Any) -> Contender:
    """Return a call of CasADi's function of the same scalar graph, through its buffers."""
    import casadi

    p = casadi.SX.sym("p", PARAMETERS)
    loss = hinge_loss(casadi.vertsplit(p), points, targets, lambda x: casadi.fmax(x, 0))
    function = casadi.Function("loss", [p], [loss, casadi.gradient(loss, p)])
    return buffered(function, at, PARAMETERS)


def buffered(function: Any, at: Any, size: int) -> Contender:
    """Return a call of a CasADi function through buffers, its fastest way."""
    buffer, evaluate = function.buffer()
    results = np.zeros(1), np.zeros(size)
    buffer.set_arg(0, memoryview(at))
    for i, result in enumerate(results):
        buffer.set_res(i, memoryview(result))
    # What the buffers refer to must live as long as the call.
    return lambda: (evaluate(), buffer, at, results)


def jax_hinge(points: Any, targets: Any, at: Any) -> Contender:
    """Return a call of JAX's function of matrices: the same numbers, another problem."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def loss(p: Any) -> Any:
        numbers, start = jnp.array(points), 0
        for layer, (inputs, outputs) in enumerate(LAYERS):
            matrix = p[start : start + outputs * (inputs + 1)].reshape(outputs, inputs + 1)
            start += matrix.size
            numbers = numbers @ matrix[:, :-1].T + matrix[:, -1]
            numbers = jnp.maximum(numbers, 0) if layer < 2 else numbers
        hinges = jnp.maximum(1 - jnp.array(targets) * numbers[:, 0], 0)
        return hinges.mean() + 1e-4 * (p * p).sum()

    run = jax.jit(jax.value_and_grad(loss))
    return lambda: jax.block_until_ready(run(at))


def micrograd_hinge(points: Any, targets: Any, parameters: Any) -> Contender:
    """Return a step of micrograd."""
    from micrograd.engine import Value

    def step() -> list[float]:
        values = list(map(Value, parameters))
        hinge_loss(values, points, targets, lambda x: x.relu()).backward()
        return [value.grad for value in values]

    return step


# A small function


def rosenbrock(x: Any) -> Any:
    """Return Rosenbrock's function of four numbers: 24 operations."""
    return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(3))


def rosenbrock_by_hand(x: list[float]) -> tuple[float, list[float]]:
    """Return its value and gradient, as one would write them."""
    a, b, c, d = x
    p, q, r = b - a * a, c - b * b, d - c * c
    u, v, w = 1.0 - a, 1.0 - b, 1.0 - c
    value = 100.0 * (p * p + q * q + r * r) + u * u + v * v + w * w
    return value, [
        -400.0 * p * a - 2.0 * u,
        200.0 * p - 400.0 * q * b - 2.0 * v,
        200.0 * q - 400.0 * r * c - 2.0 * w,
        200.0 * r,
    ]


def small_function(rounds: int) -> Iterator[str]:
    """Yield Rosenbrock's function in four dimensions, value and gradient, in straight lines."""
    x = [-1.2, 1.0, 0.5, 2.0]
    tape = record(rosenbrock, x)
    peers: dict[str, Contender] = {"Python by hand": lambda: rosenbrock_by_hand(x)}
    peers["this library's engine"] = lambda: mg.value_and_grad(rosenbrock)(x)
    if installed("micrograd"):
        peers["micrograd"] = micrograd_rosenbrock(x)
    if installed("casadi"):
        peers |= casadi_rosenbrock(x)
    if installed("jax"):
        peers["jax.jit"] = jax_rosenbrock(x)
    yield from compared(lambda: tape.value_and_grad(x), peers, 10 * rounds, repeats=200)


def micrograd_rosenbrock(x: list[float]) -> Contender:
    """Return a call of micrograd."""
    from micrograd.engine import Value

    def step() -> list[float]:
        values = list(map(Value, x))
        rosenbrock(values).backward()
        return [value.grad for value in values]

    return step


def casadi_rosenbrock(x: list[float]) -> dict[str, Contender]:
    """Return both ways of calling CasADi's function."""
    import casadi

    symbols = casadi.SX.sym("x", 4)
    value = rosenbrock(casadi.vertsplit(symbols))
    function = casadi.Function("f", [symbols], [value, casadi.gradient(value, symbols)])
    return {
        "CasADi, called": lambda: function(x),
        "CasADi, buffers": buffered(function, np.array(x), 4),
    }


def jax_rosenbrock(x: list[float]) -> Contender:
    """Return a call of JAX."""
    import jax

    jax.config.update("jax_enable_x64", True)
    run = jax.jit(jax.value_and_grad(rosenbrock))
    at = np.array(x)
    return lambda: jax.block_until_ready(run(at))


# Many points


def gradients_of_samples(rounds: int) -> Iterator[str]:
    """Yield the gradient of one sample's loss, at 1,000 samples at once, in array passes."""
    parameters, points, targets = data(1000)
    p, x, y = map(np.array, (parameters, points, targets))

    def loss(p: Any, x: Any, y: Any) -> Any:
        return mg.relu(1 - y * network(p, x, mg.relu))

    tape = record(loss, p, x[0], y[0])
    value, gradient = samples_by_hand(p, x, y)
    np.testing.assert_allclose(tape.batch(p, x, y)[0], value, rtol=1e-12)
    np.testing.assert_allclose(tape.batch(p, x, y)[1][0], gradient, rtol=1e-12, atol=1e-12)
    peers: dict[str, Contender] = {"NumPy by hand": lambda: samples_by_hand(p, x, y)}
    if installed("jax"):
        peers["jax.jit(vmap(grad)) of matrices"] = jax_samples(p, x, y)
    if installed("casadi"):
        peers |= casadi_samples(p, x, y)
    yield from compared(lambda: tape.batch(p, x, y), peers, 10 * rounds)


def samples_by_hand(p: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """Return the losses and gradients by matrices, as one would write them."""
    matrices, start = [], 0
    for inputs, outputs in LAYERS:
        size = outputs * (inputs + 1)
        matrices.append(p[start : start + size].reshape(outputs, inputs + 1))
        start += size
    numbers, sums = [x], []
    for matrix in matrices:
        sums.append(numbers[-1] @ matrix[:, :-1].T + matrix[:, -1])
        numbers.append(np.maximum(sums[-1], 0))
    margin = 1 - y * sums[-1][:, 0]
    gradient = np.empty((len(x), len(p)))
    by_sum = np.where(margin > 0, -y, 0.0)[:, np.newaxis]
    for layer in (2, 1, 0):
        matrix = matrices[layer]
        start -= matrix.size
        block = gradient[:, start : start + matrix.size].reshape(len(x), *matrix.shape)
        np.multiply(by_sum[:, :, np.newaxis], numbers[layer][:, np.newaxis], out=block[:, :, :-1])
        block[:, :, -1] = by_sum
        if layer:
            by_sum = by_sum @ matrix[:, :-1] * (sums[layer - 1] > 0)
    return np.maximum(margin, 0), gradient


def jax_samples(p: Any, x: Any, y: Any) -> Contender:
    """Return JAX's gradients of single samples."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def loss(p: Any, x: Any, y: Any) -> Any:
        numbers, start = x, 0
        for layer, (inputs, outputs) in enumerate(LAYERS):
            matrix = p[start : start + outputs * (inputs + 1)].reshape(outputs, inputs + 1)
            start += matrix.size
            numbers = matrix[:, :-1] @ numbers + matrix[:, -1]
            numbers = jnp.maximum(numbers, 0) if layer < 2 else numbers
        return jnp.maximum(1 - y * numbers[0], 0)

    run = jax.jit(jax.vmap(jax.value_and_grad(loss), in_axes=(None, 0, 0)))
    return lambda: jax.block_until_ready(run(p, x, y))


def casadi_samples(p: Any, x: Any, y: Any) -> dict[str, Contender]:
    """Return CasADi's map of one sample's gradient over all samples, with two kinds of input."""
    import casadi

    ps, xs, ys = casadi.SX.sym("p", PARAMETERS), casadi.SX.sym("x", 2), casadi.SX.sym("y")
    score = network(casadi.vertsplit(ps), casadi.vertsplit(xs), lambda x: casadi.fmax(x, 0))
    value = casadi.fmax(1 - ys * score, 0)
    function = casadi.Function("loss", [ps, xs, ys], [value, casadi.gradient(value, ps)])
    run = function.map(len(x))
    arrays = np.repeat(p[:, np.newaxis], len(x), axis=1), x.T, y[np.newaxis]
    own = list(map(casadi.DM, arrays))
    return {
        "CasADi SX of the same scalars, map, NumPy arrays": lambda: run(*arrays),
        "CasADi SX of the same scalars, map, its own matrices": lambda: run(*own),
    }


# Large graphs that are not wide


def chain(x: Any) -> Any:
    """Return a number that is 100,000 operations away from its input."""
    y = x
    for _ in range(50_000):
        y = y * 0.5 + x
    return y


def ragged(size: int, inputs: int) -> Callable[[Any], Any]:
    """Return a random function of so many operations, each on any numbers before it."""
    rng = random.Random(0)
    steps = [(rng.choice("+++--**st"), rng.random(), rng.random()) for _ in range(size)]

    def f(x: Any) -> Any:
        numbers = list(x[:inputs])
        for kind, first, second in steps:
            a, b = numbers[int(first * len(numbers))], numbers[int(second * len(numbers))]
            if kind == "+":
                numbers.append(0.5 * (a + b))
            elif kind == "-":
                numbers.append(a - b * 0.5)
            elif kind == "*":
                numbers.append(mg.tanh(a * b))
            else:
                numbers.append(mg.sin(a) if kind == "s" else mg.tanh(b))
        return mg.sum(numbers[-size // 4 :])

    return f


def large_graphs(rounds: int) -> Iterator[str]:
    """Yield a deep and a ragged graph beside the engine: at one point, and at 16 at once."""
    rng = np.random.default_rng(0)
    for name, f, x in (
        ("a chain of 100,000", chain, 0.5),
        ("200,000 at random", ragged(120_000, 50), rng.uniform(-1, 1, 50)),
    ):
        tape = record(f, x)
        points = np.repeat(np.asarray(x)[np.newaxis], 16, axis=0)
        peers: dict[str, Contender] = {
            f"{name}: this library's engine": lambda f=f, x=x: mg.value_and_grad(f)(x),
            f"{name}: tape, 16 points at once": lambda tape=tape, p=points: tape.batch(p),
            f"{name}: recording and one call": lambda f=f, x=x: record(f, x).value_and_grad(x),
        }
        gc.collect()
        yield from compared(
            lambda tape=tape, x=x: tape.value_and_grad(x), peers, max(3, rounds // 2)
        )


# Training


def training(rounds: int) -> Iterator[str]:
    """Yield 100 steps of the moons classifier, with the learning rate of micrograd's demo."""
    parameters, points, targets = data(100)
    points = [[math.cos(3 * u) - v, math.sin(3 * u) * v] for u, v in points]

    def loss(p: Any) -> Any:
        return hinge_loss(p, points, targets, mg.relu)

    def descend(value_and_gradient: Callable[[Any], tuple[float, Any]], steps: int) -> list[float]:
        p, values = np.array(parameters), []
        for k in range(steps):
            value, gradient = value_and_gradient(p)
            values.append(value)
            p = p - (1.0 - 0.9 * k / 100) * 0.1 * gradient
        return values

    tape = record(loss, np.array(parameters))
    eager = descend(mg.value_and_grad(loss), 5)
    np.testing.assert_allclose(descend(tape.value_and_grad, 5), eager, rtol=1e-12)
    peers: dict[str, Contender] = {
        "with recording": lambda: descend(record(loss, np.array(parameters)).value_and_grad, 100),
        "this library's engine, 5 steps only": lambda: descend(mg.value_and_grad(loss), 5),
    }
    yield from compared(lambda: descend(tape.value_and_grad, 100), peers, max(3, rounds // 2))


TABLES = {
    "hinge loss of a 2-16-16-1 network on 100 points": training_step,
    "Rosenbrock in 4 dimensions, list in, list out": small_function,
    "gradients of 1,000 single samples, 337 parameters": gradients_of_samples,
    "large graphs that are not wide": large_graphs,
    "100 steps of training on 100 points": training,
}


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="how often each is measured")
    parser.add_argument("--only", default="", help="a word of the tables to measure")
    options = parser.parse_args()
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}"
    print(f"| {versions} | peer | tape | peer | peer / tape |")
    print("|---|---|--:|--:|--:|")
    for title, table in TABLES.items():
        if options.only in title:
            for row in table(options.rounds):
                print(f"| {title} | {row} |", flush=True)


if __name__ == "__main__":
    main()
