"""Models as in micrograd, their losses, and training them."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import numpy as np
import pytest

import microgradcheck as mg
from microgradcheck import Value
from microgradcheck.nn import (
    MLP,
    Layer,
    Module,
    Neuron,
    cross_entropy,
    hinge,
    logistic,
    squared_error,
    train,
)

POINTS = [(1.0, -2.0), (0.5, 0.25), (-1.5, 1.0), (2.0, 2.0)]
LABELS = [1, -1, 1, -1]


def two_moons(samples: int, noise: float, seed: int) -> tuple[list[list[float]], list[float]]:
    """Return points on two interleaved half circles, and -1 or +1 for each."""
    rng = np.random.default_rng(seed)
    angles = np.linspace(0, np.pi, samples // 2)
    outer = np.column_stack([np.cos(angles), np.sin(angles)])
    inner = np.column_stack([1 - np.cos(angles), 0.5 - np.sin(angles)])
    points = np.concatenate([outer, inner])
    points += rng.normal(scale=noise, size=points.shape)
    return points.tolist(), [-1.0] * len(outer) + [1.0] * len(inner)


def accuracy(model: MLP, points: Any, labels: Any) -> float:
    right = [(model(x) > 0) == (y > 0) for x, y in zip(points, labels, strict=True)]
    return sum(right) / len(right)


# As in micrograd


def test_sizes_and_seeds_may_be_integers_of_numpy() -> None:
    model = MLP(np.int64(2), [np.int64(2), np.uint8(1)], rng=np.int64(1))
    assert model.state() == MLP(2, [2, 1], rng=1).state()
    assert repr(Neuron(np.int32(2), rng=np.int32(3))) == "ReLUNeuron(2)"


@pytest.mark.parametrize(
    "model",
    [Neuron(2, rng=0), Layer(2, 3, rng=0), MLP(2, [3, 1], rng=0)],
    ids=lambda model: type(model).__name__,
)
def test_inputs_may_come_from_an_iterator(model: Module) -> None:
    row = [1.0, -2.0]
    expected = model(row)
    for found in (model(map(Value, row)), model(iter(row)), model(x for x in row)):
        assert found == expected
    with pytest.raises(ValueError, match=r"takes 2 inputs, got 3: \[1\.0, -2\.0, 1\.0\]"):
        model(iter([*row, 1.0]))


# What micrograd 0.1.0 gives for the loop below, from random.seed(2).
THEIR_LOSSES = [
    0.9913731482136833,
    0.8004445499877341,
    0.6512516021414649,
    0.5739917738957192,
    0.528758199289845,
    0.41199911913788595,
]
THEIR_GRADIENTS = [
    3.1418799942346043,
    2.8896687625090767,
    1.930970174694164,
    3.1595069243077036,
    3.6433323283000036,
    2.8317224972171187,
]


def test_a_loop_in_micrograds_style_gives_its_numbers() -> None:
    random.seed(2)
    model = MLP(2, [4, 3, 1])
    losses, gradients = [], []
    for _ in range(6):
        scores = [model(list(map(Value, point))) for point in POINTS]
        data_loss = sum((1 + -y * score).relu() for y, score in zip(LABELS, scores, strict=True))
        total = data_loss * 0.25 + 1e-2 * sum(p * p for p in model.parameters())
        model.zero_grad()
        total.backward()
        losses.append(total.data)
        gradients.append(sum(abs(p.grad) for p in model.parameters()))
        for p in model.parameters():
            p.data -= 0.3 * p.grad
    assert losses == pytest.approx(THEIR_LOSSES, rel=1e-13)
    assert gradients == pytest.approx(THEIR_GRADIENTS, rel=1e-12)


def test_weights_are_drawn_neuron_by_neuron_from_python_s_generator() -> None:
    random.seed(1337)
    drawn = [random.uniform(-1, 1) for _ in range(2 * 3 + 3 * 1)]
    random.seed(1337)
    weights = [p.data for p in MLP(2, [3, 1]).parameters()]
    assert weights == [*drawn[:2], 0, *drawn[2:4], 0, *drawn[4:6], 0, *drawn[6:], 0]


def test_attributes_and_names_are_micrograds() -> None:
    model = MLP(3, [4, 1])
    assert [len(layer.neurons) for layer in model.layers] == [4, 1]
    neuron = model.layers[0].neurons[0]
    assert len(neuron.w) == 3
    assert neuron.b.data == 0
    assert neuron.parameters() == [*neuron.w, neuron.b]
    assert (neuron.nonlin, model.layers[1].neurons[0].nonlin) == (True, False)
    relus = ", ".join(["ReLUNeuron(3)"] * 4)
    assert str(model) == f"MLP of [Layer of [{relus}], Layer of [LinearNeuron(4)]]"
    assert len(MLP(2, [16, 16, 1]).parameters()) == 337
    assert Module().parameters() == []


def test_outputs_are_a_value_or_a_list_of_values() -> None:
    assert isinstance(MLP(2, [3, 1])([1.0, 2.0]), Value)
    assert len(MLP(2, [3, 2])([1.0, 2.0])) == 2
    assert isinstance(Layer(2, 1)([1.0, 2.0]), Value)
    assert isinstance(Neuron(2, False)([1.0, 2.0]), Value)
    assert isinstance(MLP(2, [1, 1, 2])([1.0, 2.0]), list)


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_inputs_may_be_of_any_kind(kind: Any) -> None:
    model = MLP(2, [3, 1], rng=0)
    expected = model([1.0, -2.0]).data
    assert model(kind([1.0, -2.0])).data == expected
    assert model(kind([Value(1.0), Value(-2.0)])).data == expected


def test_a_neuron_is_what_its_formula_says() -> None:
    neuron = Neuron(3, rng=1)
    neuron.b.data = 0.25
    a, b, c = (w.data for w in neuron.w)
    inputs = [0.5, -1.5, 2.0]
    expected = 0.25 + a * 0.5 + b * -1.5 + c * 2.0
    neuron.nonlin = False
    assert neuron(inputs).data == pytest.approx(expected, rel=1e-15)
    neuron.nonlin = True
    assert neuron(inputs).data == pytest.approx(max(expected, 0.0), rel=1e-15)
    assert neuron([-x for x in inputs]).data == pytest.approx(max(0.5 - expected, 0.0))


def test_zero_grad_forgets() -> None:
    model = MLP(2, [3, 1], rng=0)
    model([1.0, 2.0]).backward()
    assert any(p.grad for p in model.parameters())
    model.zero_grad()
    assert not any(p.grad for p in model.parameters())


# Beyond micrograd


@pytest.mark.parametrize(
    ("activation", "shown", "function"),
    [
        ("tanh", "Tanh", math.tanh),
        ("sigmoid", "Sigmoid", lambda x: 1 / (1 + math.exp(-x))),
        ("softplus", "Softplus", lambda x: math.log(1 + math.exp(x))),
        ("sin", "Sin", math.sin),
        ("relu", "ReLU", lambda x: max(x, 0.0)),
        (mg.cosh, "cosh", math.cosh),
    ],
)
def test_activations_have_names(activation: Any, shown: str, function: Any) -> None:
    neuron = Neuron(1, activation=activation, rng=0)
    linear = Neuron(1, nonlin=False, rng=0)
    for x in (-2.0, 0.5):
        assert neuron([x]).data == pytest.approx(function(linear([x]).data))
    assert repr(neuron) == f"{shown}Neuron(1)"
    last = MLP(1, [2, 1], activation=activation).layers[-1]
    assert repr(last) == "Layer of [LinearNeuron(2)]"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (5, 5),
        (5, random.Random(5)),
        (np.random.default_rng(5), np.random.default_rng(5)),
    ],
)
def test_rng_repeats_the_draws_and_leaves_the_global_ones_alone(first: Any, second: Any) -> None:
    before = random.getstate()
    one, other = (MLP(2, [3, 1], rng=rng).state() for rng in (first, second))
    assert one == other
    assert random.getstate() == before
    assert one != MLP(2, [3, 1], rng=6).state()


@pytest.mark.parametrize(
    ("scaling", "bound"), [("none", 1.0), ("he", math.sqrt(6 / 50)), ("lecun", math.sqrt(3 / 50))]
)
def test_scaling_bounds_the_weights(scaling: str, bound: float) -> None:
    weights = [p.data for p in Layer(50, 40, scaling=scaling, rng=0).parameters() if p.data]
    assert len(weights) == 2000
    assert 0.99 * bound < max(map(abs, weights)) <= bound
    assert np.var(weights) == pytest.approx(bound**2 / 3, rel=0.1)


@pytest.mark.parametrize(
    ("activation", "scaling"), [("relu", "he"), ("tanh", "lecun"), ("relu", "none")]
)
def test_scaling_keeps_signals_from_fading_and_growing(activation: str, scaling: str) -> None:
    rng = np.random.default_rng(0)
    model = MLP(30, [30] * 8, activation=activation, scaling=scaling, rng=0)
    plain = model.with_parameters([p.data for p in model.parameters()])
    outputs = np.array(plain(list(rng.normal(size=(30, 100)))))
    spread = np.sqrt(np.mean(outputs**2))
    assert (0.1 < spread < 10) == (scaling != "none")


def test_other_parameters_leave_the_model_as_it_was() -> None:
    model = MLP(2, [3, 1], rng=0)
    before = model.state()
    twin = model.with_parameters([2 * p.data for p in model.parameters()])
    assert model.state() == before
    assert all(isinstance(p, float) for p in twin.parameters())
    assert isinstance(twin([1.0, 2.0]), float)
    assert twin([1.0, 2.0]) != model([1.0, 2.0]).data
    same = model.with_parameters([p.data for p in model.parameters()])
    assert same([1.0, 2.0]) == model([1.0, 2.0]).data


def test_plain_parameters_take_many_points_at_once() -> None:
    model = MLP(2, [3, 2], rng=0, activation="tanh")
    plain = model.with_parameters([p.data for p in model.parameters()])
    points = np.array(POINTS)
    together = plain([points[:, 0], points[:, 1]])
    for k, point in enumerate(POINTS):
        assert [out[k] for out in together] == pytest.approx([v.data for v in model(point)])


def test_a_users_own_module_has_it_all() -> None:
    class Wave(Module):
        def __init__(self) -> None:
            self.parts = {"amplitude": Value(2.0), "phases": [Value(0.5), Value(0.25)]}

        def __call__(self, x: Any) -> Any:
            return self.parts["amplitude"] * mg.sin(x + sum(self.parts["phases"]))

        def parameters(self) -> list[Any]:
            return [self.parts["amplitude"], *self.parts["phases"]]

    wave = Wave()
    assert wave.with_parameters([3.0, 0.0, 1.0])(0.5) == pytest.approx(3 * math.sin(1.5))
    assert wave(0.5).data == pytest.approx(2 * math.sin(1.25))
    assert wave.state() == {"model": "Wave of 3 parameters", "parameters": [2.0, 0.5, 0.25]}
    other = Wave()
    other.parts["amplitude"].data = 7.0
    assert other.load(wave.state())(0.5).data == wave(0.5).data


def test_a_state_goes_through_json_to_the_last_bit() -> None:
    model = MLP(2, [16, 16, 1], rng=0)
    text = json.dumps(model.state(), allow_nan=False)
    other = MLP(2, [16, 16, 1], rng=1)
    parameters = other.parameters()
    assert other.load(json.loads(text)) is other
    assert all(p is q for p, q in zip(other.parameters(), parameters, strict=True))
    assert [p.data for p in other.parameters()] == [p.data for p in model.parameters()]


@pytest.mark.parametrize(
    ("state", "error", "complaint"),
    [
        ([1.0], TypeError, "a state is what state.. returned"),
        ({"parameters": [1.0]}, TypeError, "a state is what state.. returned"),
        (
            {"model": "ReLUNeuron(3)", "parameters": [1.0] * 4},
            ValueError,
            r"a state of ReLUNeuron\(2\) is expected",
        ),
        ({"model": "ReLUNeuron(2)", "parameters": [1.0] * 4}, ValueError, "has 3 numbers"),
        ({"model": "ReLUNeuron(2)", "parameters": [1.0, "2", 3.0]}, ValueError, "has 3 numbers"),
        (
            {"model": "ReLUNeuron(2)", "parameters": 3.0},
            ValueError,
            r"a state of ReLUNeuron\(2\) is expected",
        ),
    ],
)
def test_a_state_that_does_not_fit_is_refused(
    state: Any, error: type[Exception], complaint: str
) -> None:
    neuron = Neuron(2, rng=0)
    before = neuron.state()
    with pytest.raises(error, match=complaint):
        neuron.load(state)
    assert neuron.state() == before


# Losses


@pytest.mark.parametrize("loss", [squared_error, hinge, logistic])
def test_losses_take_one_number_for_each_sample(loss: Any) -> None:
    for scores in ([[1.0, 2.0], [3.0, 4.0]], np.array([[1.0, 2.0], [3.0, 4.0]])):
        with pytest.raises(TypeError, match="one number for each sample"):
            loss(scores, [1, -1])


def test_a_copy_with_numbers_has_a_state_too() -> None:
    neuron = Neuron(2, rng=0).with_parameters([1.0, 2.0, 0.5])
    assert neuron.state()["parameters"] == [1.0, 2.0, 0.5]


def test_losses_are_their_formulas() -> None:
    scores, labels = [0.5, -2.0, 3.0], [1, 1, -1]
    assert squared_error(scores, labels) == pytest.approx((0.25 + 9 + 16) / 3)
    assert hinge(scores, labels) == pytest.approx((0.5 + 3 + 4) / 3)
    expected = sum(math.log(1 + math.exp(-y * s)) for s, y in zip(scores, labels, strict=True)) / 3
    assert logistic(scores, labels) == pytest.approx(expected)
    rows = [[1.0, 2.0, -1.0], [0.0, 0.5, 0.25]]
    shares = [math.exp(2.0) / sum(map(math.exp, rows[0])), 1 / sum(map(math.exp, rows[1]))]
    assert cross_entropy(rows, [1, 0]) == pytest.approx(-sum(map(math.log, shares)) / 2)


def test_the_logistic_loss_is_the_cross_entropy_of_two_classes() -> None:
    scores, labels = [0.5, -2.0, 3.0], [1, 1, -1]
    pairs = [[0.0, score] for score in scores]
    indices = [int(y > 0) for y in labels]
    assert logistic(scores, labels) == pytest.approx(cross_entropy(pairs, indices))


def test_losses_have_their_gradients() -> None:
    labels = [1, 1, -1]

    def sigmoid(x: float) -> float:
        return 1 / (1 + math.exp(-x))

    scores = [0.5, -2.0, 3.0]
    assert mg.grad(lambda s: squared_error(s, labels))(scores) == pytest.approx(
        [2 * (s - y) / 3 for s, y in zip(scores, labels, strict=True)]
    )
    assert mg.grad(lambda s: hinge(s, labels))(scores) == pytest.approx([-1 / 3, -1 / 3, 1 / 3])
    assert mg.grad(lambda s: logistic(s, labels))(scores) == pytest.approx(
        [-y * sigmoid(-y * s) / 3 for s, y in zip(scores, labels, strict=True)]
    )
    softmax = mg.softmax([1.0, 2.0, -1.0])
    assert mg.grad(lambda s: cross_entropy([s], [1]))([1.0, 2.0, -1.0]) == pytest.approx(
        [softmax[0], softmax[1] - 1, softmax[2]]
    )


@pytest.mark.parametrize("size", [1e3, -1e3])
def test_losses_hold_at_large_scores(size: float) -> None:
    score = Value(size)
    loss = logistic([score], [1]) + cross_entropy([[score, 0.0]], [0])
    loss.backward()
    assert loss.data == pytest.approx(2 * max(0.0, -size))
    assert score.grad == pytest.approx(-2.0 * (size < 0))


@pytest.mark.parametrize(
    ("call", "error", "complaint"),
    [
        (lambda: squared_error([1.0], [1.0, 2.0]), ValueError, "got 1 and 2"),
        (lambda: squared_error([], []), ValueError, "at least one"),
        (lambda: squared_error(1.0, [1.0]), TypeError, "predictions are a sequence, got 1.0"),
        (
            lambda: hinge([1.0], [0]),
            ValueError,
            r"-1 or \+1, got 0; of 0 and 1 make 2 \* label - 1",
        ),
        (lambda: logistic([1.0], ["a"]), ValueError, "got 'a'"),
        (lambda: cross_entropy([1.0], [0]), TypeError, "use logistic"),
        (lambda: cross_entropy([[1.0, 2.0]], [2]), ValueError, "an index from 0 to 1, got 2"),
        (lambda: cross_entropy([[1.0, 2.0]], [-1]), ValueError, "an index from 0 to 1, got -1"),
        (lambda: cross_entropy([[1.0, 2.0]], [0.0]), TypeError, "an integer; got 0.0"),
    ],
)
def test_wrong_arguments_of_losses_are_refused(
    call: Any, error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint):
        call()


# Training


def test_two_moons_are_told_apart_without_a_mistake() -> None:
    points, labels = two_moons(60, noise=0.1, seed=0)
    # A point on the wrong side alone has a loss above 1, and the mean one above 1 / 60.
    model = MLP(2, [16, 16, 1], rng=0)
    assert accuracy(model, points, labels) < 0.9
    descent = train(
        model,
        lambda model: hinge([model(point) for point in points], labels),
        optimizer="adam",
        learning_rate=0.1,
        value_below=1 / 60,
        steps=60,
    )
    assert accuracy(model, points, labels) == 1.0
    assert descent.success
    assert descent.fun < 0.1 * descent.history[0].value
    assert descent.x == [p.data for p in model.parameters()]


@pytest.mark.parametrize("gradient", ["backprop", "forward-mode", "tape", "central-difference"])
def test_training_works_on_every_source(gradient: str) -> None:
    def loss(model: MLP) -> Any:
        return logistic([model(point) for point in POINTS], LABELS)

    model, same = (MLP(2, [3, 1], activation="tanh", rng=0) for _ in range(2))
    descent = train(model, loss, gradient=gradient, learning_rate=0.5, steps=20)
    for _ in range(20):
        same.zero_grad()
        loss(same).backward()
        for p in same.parameters():
            p.data -= 0.5 * p.grad
    assert descent.x == pytest.approx([p.data for p in same.parameters()], rel=1e-6)
    assert descent.fun < descent.history[0].value


def test_three_classes_are_learned() -> None:
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 2.0], [-2.0, -1.0], [2.0, -1.0]])
    labels = [k % 3 for k in range(30)]
    points = (centres[labels] + rng.normal(scale=0.4, size=(30, 2))).tolist()
    model = MLP(2, [3], rng=0)

    def loss(model: MLP) -> Any:
        return cross_entropy([model(point) for point in points], labels)

    train(model, loss, learning_rate=1.0, steps=30)
    decided = [int(np.argmax([score.data for score in model(point)])) for point in points]
    assert decided == labels


def test_a_model_that_diverged_keeps_the_last_good_point() -> None:
    model = Neuron(1, nonlin=False, rng=0)
    descent = train(
        model, lambda model: squared_error([model([1.0])], [3.0]), learning_rate=10.0, steps=1000
    )
    assert not descent.success
    assert [p.data for p in model.parameters()] == descent.x


# Wrong input


@pytest.mark.parametrize(
    ("call", "error", "complaint"),
    [
        (lambda: Neuron(2)([1.0, 2.0, 3.0]), ValueError, r"ReLUNeuron\(2\) takes 2 inputs, got 3"),
        (lambda: MLP(2, [3, 1])([1.0]), ValueError, "takes 2 inputs, got 1"),
        (lambda: Neuron(1)(3.0), TypeError, "takes a sequence of 1 numbers, got 3.0"),
        (lambda: Neuron(2.0), TypeError, "nin is an integer, at least 1; got 2.0"),
        (lambda: Neuron(0), ValueError, "nin is an integer, at least 1; got 0"),
        (lambda: Layer(2, -1), ValueError, "nout is an integer, at least 1"),
        (lambda: MLP(2, 3), TypeError, "nouts is a list with the size of each layer, got 3"),
        (lambda: MLP(2, []), TypeError, "nouts is a list"),
        (lambda: MLP(2, [3, "1"]), TypeError, "nout is an integer"),
        (lambda: Neuron(2, activation="rely"), ValueError, "unknown activation 'rely'; choose one"),
        (lambda: Neuron(2, scaling="xavier"), ValueError, "unknown scaling 'xavier'; choose one"),
        (lambda: Neuron(2, rng="seed"), TypeError, "rng is an integer seed"),
        (lambda: Neuron(2, color="red"), TypeError, "color"),
        (lambda: Neuron(2).with_parameters([1.0]), ValueError, "has 3 parameters, got 1"),
        (lambda: train(Neuron(1), lambda model: model, steps=1), TypeError, "Neuron"),
    ],
)
def test_wrong_arguments_are_refused(call: Any, error: type[Exception], complaint: str) -> None:
    with pytest.raises(error, match=complaint):
        call()


@pytest.mark.parametrize("kind", ["float16", "float32", "uint8", "bool"])
def test_arrays_of_other_kinds_are_computed_with_in_double_precision(kind: str) -> None:
    numbers = np.array([0.1, 1.0, 1.9]).astype(kind)
    doubles = numbers.astype(float).tolist()
    scores = [0.3, -0.7, 2.1]
    assert squared_error(scores, numbers) == squared_error(scores, doubles)
    assert squared_error(numbers, scores) == squared_error(doubles, scores)
    assert logistic(scores, numbers * 0 + numbers.dtype.type(1)) == logistic(scores, [1, 1, 1])
    assert hinge(numbers, [1, -1, 1]) == hinge(doubles, [1, -1, 1])
    assert cross_entropy([numbers], [0]) == cross_entropy([doubles], [0])
    neuron = Neuron(3, activation="tanh", rng=0)
    assert neuron(numbers).data == neuron(doubles).data
    neuron.w = [w.data for w in neuron.w]
    assert neuron(numbers).data == neuron(doubles).data


def test_outputs_of_several_numbers_are_no_predictions() -> None:
    with pytest.raises(TypeError, match=r"predictions are one number for each sample, got \[1"):
        squared_error([[1.0, 2.0]], [[1.0, 1.0]])
