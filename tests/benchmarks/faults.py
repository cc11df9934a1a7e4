"""Measure what gradcheck finds and what it takes for a fault, beside other checkers.

python -m tests.benchmarks.faults

Everything is drawn from seeds; take others with `--seed` to see that nothing was tuned on them.
The other checkers take part where they are installed: the optional group `peers`, and SciPy.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import platform
import statistics
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np

import microgradcheck as mg
from microgradcheck.gradcheck import comparison
from tests import planted_faults
from tests.random_functions import Claimed, RandomFunction

Gradient = Callable[[Any], Any]
Checker = Callable[[RandomFunction, list[float]], bool]

FAULTS = {
    "sign": lambda slope: -slope,
    "factor 2": lambda slope: 2 * slope,
    "factor 1.0001": lambda slope: 1.0001 * slope,
    "zero": lambda _: 0.0,
}
UNCLEAR = ("NOISY", "INCONCLUSIVE")


def main() -> None:
    """Read the arguments, measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1_000_000, help="the first seed")
    parser.add_argument("--functions", type=int, default=3000, help="random functions")
    parser.add_argument("--graphs", type=int, default=20, help="random graphs for each rule fault")
    parser.add_argument("--tape", action="store_true", help="take all differences from tapes")
    parser.add_argument("--peers", type=int, default=300, help="random functions for all checkers")
    options = parser.parse_args()
    comparison._LEAST_FOR_A_TAPE = 1 if options.tape else 10**9
    print(f"Python {platform.python_version()}, microgradcheck {mg.__version__}\n")
    print_right_gradients(list(measured(options.seed, options.functions)))
    print_rule_faults(options.seed, options.graphs)
    for scaled in (False, True):
        print_peers(options.seed, options.peers, scaled=scaled)


# Random functions


class Measured(NamedTuple):
    """What was found of one entry of a right gradient, and of the faults planted in it."""

    offset: float
    verdict: str
    is_covered: bool
    could_be_seen: bool
    calls: float
    visible: list[str]  # the faults of more than twice the stated resolution
    missed: list[str]  # those of them that pass
    slight_missed: bool  # a factor of 1.0001 of a derivative that is not zero within its bound


def functions(first: int, count: int, *, scaled: bool = True) -> Iterator[RandomFunction]:
    """Yield the functions that have a value at their point."""
    for seed in range(first, first + count):
        f = RandomFunction(seed, scaled=scaled)
        if math.isfinite(f(f.x)):
            yield f


def measured(first: int, count: int) -> Iterator[Measured]:
    """Check right and wrong gradients of random functions."""
    for f in functions(first, count):
        true = f.gradient()
        report = check(f, true)
        wrong = {name: check(f, [fault(slope) for slope in true]) for name, fault in FAULTS.items()}
        for k, entry in enumerate(report.entries):
            planted = {name: other.entries[k] for name, other in wrong.items()}
            visible = [
                name
                for name, other in planted.items()
                if abs(other.gradient - true[k]) > 2 * other.resolution
            ]
            slight = planted["factor 1.0001"]
            yield Measured(
                f.offset,
                str(entry.verdict),
                abs(entry.reference - true[k]) <= entry.error_bound,
                abs(true[k]) * f.lengths[k] > 1e5 * entry.noise,
                report.calls / len(true),
                visible,
                [name for name in visible if planted[name].verdict == "PASS"],
                entry.verdict == slight.verdict == "PASS"
                and abs(entry.reference) > entry.error_bound,
            )


def check(f: RandomFunction, gradient: list[float]) -> mg.Report:
    """Return gradcheck's report."""
    return mg.gradcheck(f, f.x, gradient=Claimed(gradient), raise_on_failure=False)


def print_right_gradients(rows: list[Measured]) -> None:
    """Print what became of right gradients, and of the faults planted in them."""
    print(
        "| x from where f changes, in its own lengths | entries | false WRONG | error within bound "
        "| unclear where f can be seen | calls an entry, median |\n|---|---|---|---|---|---|"
    )
    for offset in sorted({row.offset for row in rows}):
        group = [row for row in rows if row.offset == offset]
        seen = [row for row in group if row.could_be_seen]
        numbers = (
            f"{len(group):,}",
            share(sum(row.verdict == "WRONG" for row in group), len(group)),
            share(sum(row.is_covered for row in group), len(group)),
            share(sum(row.verdict in UNCLEAR for row in seen), len(seen)),
            f"{statistics.median(row.calls for row in group):.0f}",
        )
        print(f"| {offset:g} | {' | '.join(numbers)} |")
    print("\n| fault | planted beyond twice the resolution | passed |\n|---|---|---|")
    for name in FAULTS:
        visible = sum(name in row.visible for row in rows)
        print(f"| {name} | {visible:,} | {sum(name in row.missed for row in rows)} |")
    slight = sum(row.slight_missed for row in rows)
    print(
        f"\nA factor of 1.0001 passed where the right gradient, not zero, does: {slight} times.\n"
    )


def share(part: int, whole: int) -> str:
    """Return a count and what part of the whole it is."""
    return f"{part:,} ({part / max(whole, 1):.2%})"


# Rules of the table


def print_rule_faults(first: int, graphs: int) -> None:
    """Print what became of faults in the rules of operations, by kind."""
    kinds: dict[str, Counter[str]] = {}
    for n, plant in enumerate(planted_faults.plants()):
        found = kinds.setdefault(plant.fault, Counter())
        for seed in range(first + n * graphs, first + (n + 1) * graphs):
            found[planted_faults.find(plant, seed)] += 1
    print(
        "| fault in a rule | planted | changes nothing that can be seen | WRONG, operation named "
        "| otherwise |\n|---|---|---|---|---|"
    )
    for kind, found in kinds.items():
        hidden, named = found["hidden"], found["named"]
        total = found.total() - found["no derivative"]
        print(f"| {kind} | {total:,} | {hidden:,} | {named:,} | {total - hidden - named} |")
    print()


# Other checkers, each by its defaults


def print_peers(first: int, count: int, *, scaled: bool) -> None:
    """Print what all checkers make of the same gradients."""
    checkers: dict[str, Checker] = {"microgradcheck": lambda f, g: bool(check(f, g))}
    for name, make in PEERS.items():
        with contextlib.suppress(ImportError):
            checkers[f"{name} {version(name.split('.')[0])}"] = make()
    cases = [(f, f.gradient()) for f in functions(first, count, scaled=scaled)]
    cases = [(f, gradient) for f, gradient in cases if any(gradient)]
    scales = "at all scales" if scaled else "at scales of 1"
    print(
        f"| {len(cases):,} functions {scales} | right gradients that fail | "
        f"{' | '.join(f'{name} passes' for name in FAULTS)} |\n|---|---|{'---|' * len(FAULTS)}"
    )
    for name, passes in checkers.items():
        failed = sum(not passes(f, gradient) for f, gradient in cases)
        missed = [
            sum(passes(f, in_largest(fault, f, gradient)) for f, gradient in cases)
            for fault in FAULTS.values()
        ]
        numbers = [share(number, len(cases)) for number in (failed, *missed)]
        print(f"| {name} | {' | '.join(numbers)} |")
    print()


def in_largest(
    fault: Callable[[float], float], f: RandomFunction, gradient: list[float]
) -> list[float]:
    """Return the gradient with a fault in the entry that matters most."""
    effects = [abs(slope) * length for slope, length in zip(gradient, f.lengths, strict=True)]
    k = effects.index(max(effects))
    return [fault(slope) if n == k else slope for n, slope in enumerate(gradient)]


def scipy() -> Checker:
    """Return SciPy's check, with the tolerance that its own example has."""
    from scipy.optimize import check_grad

    def passes(f: RandomFunction, gradient: list[float]) -> bool:
        return bool(check_grad(f, lambda _: np.array(gradient), f.x) < 1e-6)

    return passes


def hips_autograd() -> Checker:
    """Return the check of HIPS autograd."""
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    def passes(f: RandomFunction, gradient: list[float]) -> bool:
        given = primitive(lambda x: np.float64(f(list(x))))
        defvjp(given, lambda _y, _x: lambda upstream: upstream * np.array(gradient))
        np.random.seed(0)  # noqa: NPY002  it draws its directions from the global state
        return holds(lambda: check_grads(given, modes=["rev"], order=1)(np.array(f.x)))

    return passes


def jax() -> Checker:
    """Return the check of JAX, in double precision."""
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)

    def passes(f: RandomFunction, gradient: list[float]) -> bool:
        number = jax.ShapeDtypeStruct((), np.float64)

        @jax.custom_vjp
        def given(x: Any) -> Any:
            return jax.pure_callback(lambda x: np.float64(f(np.asarray(x).tolist())), number, x)

        given.defvjp(
            lambda x: (given(x), None), lambda _, upstream: (upstream * np.array(gradient),)
        )
        return holds(lambda: check_grads(given, (np.array(f.x),), order=1, modes=["rev"]))

    return passes


def torch() -> Checker:
    """Return the check of PyTorch."""
    import torch

    def passes(f: RandomFunction, gradient: list[float]) -> bool:
        class Given(torch.autograd.Function):
            @staticmethod
            def forward(_: Any, x: Any) -> Any:
                return torch.tensor(f(x.tolist()), dtype=torch.float64)

            @staticmethod
            def backward(_: Any, upstream: Any) -> Any:
                return upstream * torch.tensor(gradient, dtype=torch.float64)

        x = torch.tensor(f.x, dtype=torch.float64, requires_grad=True)
        return bool(torch.autograd.gradcheck(Given.apply, (x,), raise_exception=False))

    return passes


PEERS: dict[str, Callable[[], Checker]] = {
    "scipy.optimize.check_grad": scipy,
    "autograd.test_util.check_grads": hips_autograd,
    "jax.test_util.check_grads": jax,
    "torch.autograd.gradcheck": torch,
}


def holds(check: Callable[[], object]) -> bool:
    """Tell whether a check raises nothing, whatever its way of failing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            check()
        except (AssertionError, ArithmeticError, ValueError):
            return False
    return True


if __name__ == "__main__":
    main()
