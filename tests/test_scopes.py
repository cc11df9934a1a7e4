"""Scopes: which call computed what, at no cost where operations are recorded."""

from __future__ import annotations

import copy
import pickle
import random
import sys
import threading
from typing import Any

import numpy as np
import pytest

from microgradcheck import Value, draw, nn, scope, sin
from microgradcheck.draw.graph import Graph
from microgradcheck.value import Note


def boxes(*roots: Value) -> dict[str, list[str]]:
    """Return what lies immediately in each box, by the box's way from the outside in."""
    graph = Graph(roots)
    found: dict[str, list[str]] = {}
    for value, home in zip(graph.values, graph.homes, strict=True):
        way = " > ".join(box.title for box in [*home.way_out][-2::-1])
        found.setdefault(way, []).append(value.label or value.op or repr(value.data))
    return found


@scope
def square(x: Value) -> Value:
    return x * x


# What lies in a box


def test_a_box_holds_what_a_call_computed_and_not_what_it_was_given() -> None:
    x = Value(3.0, "x")
    h = sin(x)
    assert boxes(square(h) + 1) == {"": ["x", "sin", "add"], "square": ["multiply"]}


def test_without_its_inputs_a_call_would_hold_what_it_was_given() -> None:
    y = square(sin(Value(3.0, "x")))
    note = y.note
    assert isinstance(note, Note)
    assert note.call
    note.call.arguments = ()
    assert boxes(y) == {"square": ["x", "sin", "multiply"]}


@pytest.mark.parametrize(
    "pack",
    [
        lambda x: x,
        lambda x: [x],
        lambda x: ([1.0, (x,)],),
        lambda x: {"x": [x]},
        lambda x: np.array([[x, 1.0]], dtype=object),
    ],
)
def test_inputs_and_outputs_are_found_in_what_holds_them(pack: Any) -> None:
    x = Value(2.0, "x")
    h = x * 3
    outputs: list[Value] = []

    @scope
    def f(_: Any, *, extra: Any) -> Any:
        outputs[:] = [h * h]
        return pack(outputs[0])

    f(pack(h), extra=np.ones(3))
    assert boxes(outputs[0]) == {"": ["x", "multiply"], "f": ["multiply"]}
    f(1.0, extra=pack(h))
    assert boxes(outputs[0]) == {"": ["x", "multiply"], "f": ["multiply"]}


def test_a_list_that_holds_itself_is_no_trouble() -> None:
    loop: list[Any] = [Value(1.0, "x")]
    loop.append(loop)

    @scope
    def first(things: list[Any]) -> list[Any]:
        return [things[0] * 2, things]

    assert boxes(first(loop)[0]) == {"": ["x"], "first": ["multiply"]}


def test_a_weight_lies_in_the_box_that_has_it_to_itself() -> None:
    own, shared = Value(2.0, "own"), Value(3.0, "shared")

    @scope
    def f(x: Value) -> Value:
        return own * x + shared

    x = Value(1.0, "x")
    assert boxes(f(x) * shared) == {
        "": ["x", "shared", "multiply"],
        "f": ["own", "multiply", "add"],
    }


def test_what_is_used_outside_and_was_not_returned_lies_outside() -> None:
    hidden = []

    @scope
    def f(x: Value) -> Value:
        hidden.append(x * 2)
        return hidden[0] + 1

    x = Value(1.0, "x")
    y = f(x)
    assert boxes(y * hidden[0]) == {"": ["x", "multiply", "multiply"], "f": ["add"]}


def test_a_function_that_returns_its_input_makes_no_box() -> None:
    same = scope("same")(lambda x: x)
    x = Value(1.0, "x")
    assert same(x) is x
    assert boxes(x) == {"": ["x"]}
    y = square(x)
    assert boxes(same(y)) == {"": ["x"], "square": ["multiply"]}


def test_a_call_that_took_what_an_earlier_one_made_does_not_hold_it() -> None:
    state = [Value(1.0, "x")]

    @scope
    def turn() -> Value:
        state[0] = state[0] * 2
        return state[0]

    turn()
    turn()
    assert boxes(turn()) == {"turn": ["x", "multiply", "multiply", "multiply"]}
    graph = Graph([state[0]])
    assert len({box for box in graph.homes if box.outer is not None}) == 3


def test_scopes_lie_in_scopes() -> None:
    @scope
    def outer(x: Value) -> Value:
        return square(x + 1) + 2

    assert boxes(outer(Value(1.0, "x"))) == {
        "": ["x"],
        "outer": ["add", "add"],
        "outer > square": ["multiply"],
    }


def test_a_scope_that_calls_itself_lies_in_itself() -> None:
    @scope
    def power(x: Value, n: int) -> Value:
        return x if n == 0 else power(x, n - 1) * x

    deepest = 100
    y = power(Value(1.0, "x"), deepest)
    assert list(boxes(y))[-1] == "power"
    assert " > ".join(["power"] * deepest) in boxes(y)
    assert f"{deepest} operations" in draw(y, depth=0).text


def test_an_error_ends_the_scope() -> None:
    @scope
    def fails(x: Value) -> Value:
        raise ValueError("no")

    x = Value(1.0, "x")
    with pytest.raises(ValueError, match="no"):
        fails(x)
    assert boxes(square(x)) == {"": ["x"], "square": ["multiply"]}


def test_threads_have_scopes_of_their_own() -> None:
    made: list[Value] = []
    entered, done = threading.Event(), threading.Event()

    @scope
    def waiting(x: Value) -> Value:
        entered.set()
        done.wait(10)
        return x + 1

    thread = threading.Thread(target=lambda: made.append(waiting(Value(1.0))))
    thread.start()
    entered.wait(10)
    y = square(Value(2.0, "x"))
    done.set()
    thread.join()
    assert boxes(y) == {"": ["x"], "square": ["multiply"]}
    assert boxes(made[0]) == {"": ["1.0"], "waiting": ["add"]}


# What it is called


def test_a_scope_is_called_as_its_function_or_as_said() -> None:
    x = Value(1.0, "x")
    assert list(boxes(square(x))) == ["", "square"]
    assert list(boxes(scope("my box")(square.__wrapped__)(x))) == ["", "my box"]
    assert list(boxes(scope(abs)(x))) == ["", "abs"]


def test_an_object_is_called_as_where_it_is_held_or_as_its_class() -> None:
    class Doubling:
        @scope
        def __call__(self, x: Value) -> Value:
            return x * 2

    class Slotted:
        __slots__ = ("part",)

        def __init__(self) -> None:
            self.part = Doubling()

        @scope
        def __call__(self, x: Value) -> Value:
            return self.part(x)

    class Pair(Slotted):
        def __init__(self) -> None:
            self.first, self.others = Doubling(), (None, Doubling())

        @scope
        def __call__(self, x: Value) -> Value:
            return self.others[1](self.first(x)) + Doubling()(x)

    x = Value(1.0, "x")
    assert list(boxes(Pair()(x))) == [
        "",
        "Pair > first",
        "Pair > others[1]",
        "Pair > Doubling",
        "Pair",
    ]
    assert list(boxes(Slotted()(x))) == ["", "Slotted > Doubling"]


@pytest.mark.parametrize("thing", [3, None, Value(1.0), dict])
def test_what_is_no_function_is_refused(thing: Any) -> None:
    with pytest.raises(TypeError, match=r"a scope is a function or method, got .* its __call__"):
        scope(thing)
    with pytest.raises(TypeError, match="a scope is a function or method"):
        scope("name")(thing)


def test_a_function_stays_what_it_was() -> None:
    assert square.__name__ == "square"
    assert square.__wrapped__(2.0) == 4.0
    assert square(3.0) == 9.0
    assert scope(lambda: None)() is None


# Models


def test_every_module_is_a_scope() -> None:
    model = nn.MLP(2, [2, 1], rng=0)
    x = [Value(1.0, "x"), Value(2.0, "y")]
    found = boxes(model(x))
    assert set(found) == {
        "",
        "MLP > layers[0] > neurons[0]",
        "MLP > layers[0] > neurons[1]",
        "MLP > layers[1] > neurons[0]",
    }
    assert sorted(found[""]) == ["x", "y"]
    # A weight and a product for each input, the bias, the sums and what the activation makes.
    assert len(found["MLP > layers[0] > neurons[1]"]) == 2 * 3 + 2


def test_a_subclass_that_calls_its_base_is_one_box() -> None:
    class Scaled(nn.Neuron):
        def __call__(self, x: Any) -> Any:
            return super().__call__(x) * 2

    found = boxes(Scaled(1, rng=0)([Value(1.0, "x")]))
    assert set(found) == {"", "Scaled"}


def test_a_module_that_computes_with_numbers_is_left_alone() -> None:
    assert isinstance(nn.Neuron(1, rng=0).with_parameters([2.0, 1.0])([3.0]), float)


# What it costs, and what it leaves as it was


def test_an_operation_in_a_scope_costs_no_memory() -> None:
    class Bare:
        __slots__ = ("a", "adjoint", "b", "epoch", "grad", "note", "number", "operation")

    assert sys.getsizeof(square(Value(1.0))) == sys.getsizeof(Bare())


def test_a_label_and_a_scope_are_kept_together() -> None:
    y = square(Value(3.0, "x"))
    y.label = "y"
    assert (y.label, repr(y)) == ("y", "Value(data=9.0, op='multiply', label='y')")
    assert boxes(y) == {"": ["x"], "square": ["y"]}
    with pytest.raises(TypeError, match="a label is a string, got 3"):
        y.label = 3  # type: ignore[assignment]


def test_gradients_are_those_without_scopes(monkeypatch: pytest.MonkeyPatch) -> None:
    def gradients() -> list[float]:
        model, x = nn.MLP(2, [3, 1], rng=0), [Value(1.0), Value(-2.0)]
        model(x).backward()
        return [value.grad for value in [*x, *model.parameters()]]

    scoped = gradients()
    for kind in (nn.Neuron, nn.Layer, nn.MLP):
        monkeypatch.setattr(kind, "__call__", kind.__call__.__wrapped__)  # type: ignore[attr-defined]
    assert scoped == gradients()


def test_copies_of_a_graph_have_boxes_of_their_own() -> None:
    model = nn.MLP(2, [2, 1], rng=0)
    y = model([Value(1.0, "x"), Value(2.0, "y")])
    found = boxes(y)
    twin = copy.deepcopy(y)
    assert boxes(twin) == found
    assert not {*map(id, Graph([y]).values)} & {*map(id, Graph([twin]).values)}
    pair = copy.deepcopy([y, y + 1])
    assert boxes(pair[1]) == boxes(y + 1)
    assert boxes(copy.copy(y)) == found


def test_a_long_chain_of_scopes_is_copied_and_freed() -> None:
    y = Value(1.0, "x")
    for _ in range(100_000):
        y = square(y)
    assert copy.deepcopy(y).label == ""
    del y


def test_a_leaf_is_pickled_and_what_a_scope_made_is_refused_as_ever() -> None:
    x = Value(2.0, "x")
    y = square(x)
    assert pickle.loads(pickle.dumps(x)).label == "x"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(y)


def test_random_programs_are_in_boxes_as_they_were_called() -> None:
    choice = random.Random(0)
    made_in: dict[int, str] = {}
    kept = []

    def program(way: str, known: tuple[Value, ...]) -> Value:
        values = list(known)
        for letter in "abc"[: choice.randint(1, 3)]:
            if len(way) < 12 and choice.random() < 0.5:
                inner = f"{way} > {letter}".removeprefix(" > ")
                values.append(scope(letter)(program)(inner, tuple(values)))
            else:
                values.append(choice.choice(values) + values[-1])
                made_in[id(values[-1])] = way
        return values[-1]

    found = set()
    for _ in range(50):
        x = Value(1.0)
        made_in[id(x)] = ""
        graph = Graph([program("", (x,))])
        kept.append(graph)  # So that no id is used twice.
        for value, home in zip(graph.values, graph.homes, strict=True):
            way = " > ".join(box.title for box in [*home.way_out][-2::-1])
            assert way == made_in[id(value)]
            found.add(way)
    assert len(found) > 20


def test_what_a_call_returns_as_it_was_given_is_not_in_its_box() -> None:
    at_rest = scope("dropout")(lambda x: x)
    x = Value(2.0, "x")
    assert boxes(at_rest(x * 3) + 1) == {"": ["x", "multiply", "add"]}
    larger = scope("larger")(max)
    assert boxes(larger(x * x, x) * 2) == {"": ["x", "multiply", "multiply"]}
