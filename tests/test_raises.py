"""What a docstring says that is raised, is raised: every exception of every public name."""

from __future__ import annotations

import inspect
import math
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import microgradcheck as mg
from microgradcheck import nn, numeric, optimize, plot
from microgradcheck.ops import OPERATIONS
from test_reference import THINGS, entries

Calls = dict[str, Callable[[], Any]]


def promised(thing: Any) -> list[str]:
    """Return the names of the exceptions that a docstring tells of, each once."""
    return list(dict.fromkeys(entries(inspect.getdoc(thing) or "", "Raises")))


def unique_things() -> Iterator[tuple[str, Any]]:
    """Yield everything public once, by the first of its names; the operations come together."""
    seen = set()
    for name, thing in THINGS.items():
        if name not in OPERATIONS and id(thing) not in seen:
            seen.add(id(thing))
            yield name, thing


def two(x: Any) -> Any:
    return [x, x]


def log(x: Any) -> Any:
    return mg.log(x)


def inverse(x: Any) -> Any:
    return 1 / x


def recorded_beyond_the_limit() -> None:
    with mg.source_lines(most=2):
        mg.Value(1.0) + 1 + 2 + 3


def bent(x: Any) -> Any:
    return x * x if x > 0 else -x


def changed() -> mg.Value:
    """Return a result whose leaf was given another number afterwards."""
    x = mg.Value(3.0)
    y = x * x
    x.data = 5.0
    return y


def stale_tape() -> mg.Tape:
    """Return a tape whose function uses a `Value` that was given another number afterwards."""
    weight = mg.Value(2.0)
    tape = mg.record(lambda x: weight * x, 3.0)
    weight.data = 7.0
    return tape


def own_tape() -> mg.Tape:
    """Return a tape with an operation whose rules are Python functions."""
    rules: dict[str, Any] = {"value": lambda a: a * a, "derivatives": [lambda a, y: 2 * a]}
    square = mg.operation("own_square", **rules)
    try:
        return mg.record(square, 3.0)
    finally:
        del OPERATIONS["own_square"]


def pickled_report() -> mg.Report:
    report: mg.Report = pickle.loads(pickle.dumps(mg.gradcheck(lambda x: x * x, 3.0)))
    return report


def grid(size: int) -> mg.Value:
    """Return a result for which all hangs together with all."""
    layer = [mg.Value(0.1 * n) for n in range(size)]
    for _ in range(3):
        layer = [mg.sum([x * y for y in layer]) for x in layer]
    return layer[0]


Differentiate = Callable[[Any], Callable[..., Any]]


def differentiation(differentiate: Differentiate, *, of_several: Any = two) -> Calls:
    return {
        "TypeError": lambda: differentiate(of_several)(2.0),
        "ValueError": lambda: differentiate(log)(-1.0),
        "ArithmeticError": lambda: differentiate(inverse)(0.0),
    }


def descent(run: Callable[..., Any]) -> Calls:
    return {
        "TypeError": lambda: run(two, 1.0),
        "ValueError": lambda: run(abs, math.inf),
        "ArithmeticError": lambda: run(inverse, 0.0),
    }


def of_entries(function: Callable[..., Any]) -> Calls:
    return {"TypeError": lambda: function(["a"]), "ValueError": lambda: function([])}


def of_labels(loss: Callable[..., Any]) -> Calls:
    return {"TypeError": lambda: loss(1.0, [1]), "ValueError": lambda: loss([1.0], [])}


def of_a_number(make: Callable[..., Any], *outside: Any) -> Calls:
    return {"TypeError": lambda: make("a", *outside[1:]), "ValueError": lambda: make(*outside)}


def of_points(run: Callable[[mg.Tape], Callable[..., Any]]) -> Calls:
    return {
        "StaleTapeError": lambda: run(stale_tape())([1.0]),
        "TypeError": lambda: run(mg.record(log, 1.0))(["a"]),
        "ValueError": lambda: run(mg.record(log, 1.0))([[1.0]]),
        "ArithmeticError": lambda: run(mg.record(inverse, 1.0))([0.0]),
    }


def difference(derivative: Callable[..., Any]) -> Calls:
    return {
        "TypeError": lambda: derivative(math.exp, "a"),
        "ValueError": lambda: derivative(math.exp, math.inf),
    }


CALLS: dict[str, Calls] = {
    "Picture.save": {"ValueError": lambda: mg.draw(mg.Value(1.0)).save("graph.gif")},
    "Report.opinions": {"ValueError": lambda: pickled_report().opinions()},
    "Tape": {
        "StaleTapeError": lambda: mg.record(bent, 1.0)(-1.0),
        "TypeError": lambda: mg.record(log, 1.0)("a"),
        "ValueError": lambda: mg.record(mg.sum, [1.0, 2.0])([1.0]),
        "ArithmeticError": lambda: mg.record(inverse, 1.0)(0.0),
    },
    "Tape.batch": of_points(lambda tape: tape.batch),
    "Tape.values": of_points(lambda tape: tape.values),
    "Tape.trusted_values": of_points(lambda tape: tape.trusted_values),
    "Tape.agrees": {
        "StaleTapeError": lambda: stale_tape().agrees(1.0),
        "TypeError": lambda: mg.record(log, 1.0).agrees("a"),
        "ValueError": lambda: mg.record(log, 1.0).agrees(-1.0),
        "ArithmeticError": lambda: mg.record(inverse, 1.0).agrees(0.0),
    },
    "Tape.function": {
        "StaleTapeError": lambda: stale_tape().function(np),
        "TypeError": lambda: own_tape().function(None),
        "ValueError": lambda: own_tape().function(np),
    },
    "Tape.save": {
        "StaleTapeError": lambda: stale_tape().save("loss.py"),
        "ValueError": lambda: own_tape().save("loss.py"),
    },
    "Value": {
        "TypeError": lambda: mg.Value("a"),
        "ValueError": lambda: mg.Value(-1.0).log(),
        "ArithmeticError": lambda: mg.Value(1000.0).exp(),
    },
    "Value.backward": {
        "ValueError": lambda: mg.Value(-2.0).__pow__(mg.Value(3.0)).backward(),
        "ArithmeticError": lambda: mg.Value(0.0).sqrt().backward(),
        "RuntimeError": lambda: changed().backward(),
    },
    "clip": {
        "TypeError": lambda: mg.clip("a", 0, 1),
        "ValueError": lambda: mg.clip(1.0, 1, 0),
    },
    "compare_descents": descent(mg.compare_descents),
    "derivative": difference(mg.derivative),
    "dot": {
        "TypeError": lambda: mg.dot(["a"], [1.0]),
        "ValueError": lambda: mg.dot([1.0], [1.0, 2.0]),
    },
    "draw": {
        "TypeError": lambda: mg.draw("a"),
        "ValueError": lambda: mg.draw([]),
        "TimeoutError": lambda: mg.draw(grid(8), time_limit=1e-3),
        "RuntimeError": lambda: mg.draw(changed()),
    },
    "explore": {
        "TypeError": lambda: mg.explore(lambda x: 1.0, x=1.0),
        "ValueError": lambda: mg.explore(abs),
        "ArithmeticError": lambda: mg.explore(inverse, x=0.0),
    },
    "grad": differentiation(mg.grad),
    "gradcheck": {
        "GradcheckError": lambda: mg.gradcheck(abs, 1.0, gradient=lambda x: -x),
        "TypeError": lambda: mg.gradcheck(abs, "a"),
        "ValueError": lambda: mg.gradcheck(abs, 1.0, rtol=-1.0),
    },
    "hessian": differentiation(mg.hessian),
    "jacobian": differentiation(mg.jacobian, of_several=lambda x: "a"),
    "logsumexp": of_entries(mg.logsumexp),
    "mean": of_entries(mg.mean) | {"OverflowError": lambda: mg.mean([1e308, 1e308])},
    "minimize": descent(mg.minimize),
    "mistakes.engine": {"ValueError": lambda: mg.mistakes.engine("?")},
    "mistakes.show": {"ValueError": lambda: mg.mistakes.show("?")},
    "nn.MLP": of_a_number(nn.MLP, 0, [1]),
    "nn.Layer": of_a_number(nn.Layer, 0, 1),
    "nn.Module.with_parameters": {"ValueError": lambda: nn.Neuron(1).with_parameters([])},
    "nn.Module.load": {
        "TypeError": lambda: nn.Neuron(1).load([]),
        "ValueError": lambda: nn.Neuron(1).load(nn.Neuron(2).state()),
    },
    "nn.Neuron": of_a_number(nn.Neuron, 0),
    "nn.cross_entropy": of_labels(nn.cross_entropy),
    "nn.hinge": of_labels(nn.hinge),
    "nn.logistic": of_labels(nn.logistic),
    "nn.squared_error": of_labels(nn.squared_error),
    "nn.train": descent(lambda f, x: nn.train(nn.Neuron(1), lambda model: f(0 * model([x]) + x))),
    "numeric.estimate": difference(numeric.estimate),
    "numeric.gradient": difference(numeric.gradient),
    "numeric.hessian": difference(numeric.hessian),
    "numeric.jacobian": difference(numeric.jacobian),
    "operation": {
        "ValueError": lambda: mg.operation("exp", value="a", derivatives=["1.0"]),
        "TypeError": lambda: mg.operation(3, value="a", derivatives=["1.0"]),
    },
    "optimize.Adam": of_a_number(optimize.Adam, 2.0),
    "optimize.LineSearch": of_a_number(optimize.LineSearch, 2.0),
    "optimize.Momentum": of_a_number(optimize.Momentum, 2.0),
    "optimize.Nesterov": of_a_number(optimize.Nesterov, 2.0),
    "optimize.RMSProp": of_a_number(optimize.RMSProp, 2.0),
    "optimize.UpdateRule.change": {
        "NoDescentError": lambda: optimize.LineSearch().change(
            np.array([1.0]), 1.0, rise=lambda change: 1.0
        )
    },
    "optimize.cosine": of_a_number(optimize.cosine, -1.0, 0.1, 10),
    "optimize.exponential": of_a_number(optimize.exponential, -1.0, 0.5),
    "optimize.linear": of_a_number(optimize.linear, -1.0, 0.1, 10),
    "plot.convergence": {
        "TypeError": lambda: plot.convergence("a"),
        "ValueError": lambda: plot.convergence(mg.minimize(abs, 1.0), quantity="?"),
    },
    "plot.decision_boundary": {
        "TypeError": lambda: plot.decision_boundary(sum, [[1.0, 2.0]], [1], resolution=2.5),
        "ValueError": lambda: plot.decision_boundary(sum, [[1.0, 2.0]], []),
    },
    "plot.path": {
        "TypeError": lambda: plot.path(abs, "a"),
        "ValueError": lambda: plot.path(mg.sum, mg.minimize(mg.sum, [1.0, 2.0, 3.0])),
    },
    "plot.step_sizes": {
        "TypeError": lambda: plot.step_sizes(mg.exp, "a"),
        "ArithmeticError": lambda: plot.step_sizes(lambda x: abs(x) ** 0.5, 0.0),
        "ValueError": lambda: plot.step_sizes(mg.exp, 1.0, methods=["?"]),
    },
    "plot.taylor": {
        "TypeError": lambda: plot.taylor(mg.exp, "a"),
        "ValueError": lambda: plot.taylor(mg.log, -1.0),
    },
    "record": {
        "TypeError": lambda: mg.record(two, 1.0),
        "ValueError": lambda: mg.record(log, -1.0),
        "ArithmeticError": lambda: mg.record(inverse, 0.0),
    },
    "scope": {"TypeError": lambda: mg.scope(3)},
    "source_lines": {"RuntimeError": recorded_beyond_the_limit},
    "softmax": of_entries(mg.softmax),
    "sum": {
        "TypeError": lambda: mg.sum(["a"]),
        "OverflowError": lambda: mg.sum([1e308, 1e308]),
    },
    "value_and_grad": differentiation(mg.value_and_grad),
}

# What the machine must lack, or takes longer than a test should.
OF_THE_MACHINE = {
    *((name, "ImportError") for name in THINGS),
    ("Picture.save", "RuntimeError"),
    ("explore", "TimeoutError"),
}
PROMISES = [
    (name, exception)
    for name, thing in unique_things()
    for exception in promised(thing)
    if (name, exception) not in OF_THE_MACHINE
]


@pytest.mark.parametrize(("name", "exception"), PROMISES)
def test_what_a_docstring_says_that_is_raised_is_raised(name: str, exception: str) -> None:
    call = CALLS[name][exception]
    with pytest.raises(Exception) as raised:  # noqa: PT011  (its type is the point)
        call()
    assert exception in {kind.__name__ for kind in type(raised.value).__mro__}


@pytest.mark.parametrize("name", [name for name in THINGS if name in OPERATIONS])
def test_what_the_docstring_of_an_operation_says_is_raised(name: str) -> None:
    function, row = THINGS[name], OPERATIONS[name]
    assert promised(function) == ["TypeError", "ValueError", "ArithmeticError"]
    with pytest.raises(TypeError):
        function(*(["a"] * row.arity))
    outside = (-2.0, 2.0, math.inf, 1e308, -1e308, 0.0)
    for x in outside:
        try:
            function(*([x] * row.arity))
        except (ValueError, ArithmeticError):
            return
    assert not row.domain
