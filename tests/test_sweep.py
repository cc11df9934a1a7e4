"""The sweeps are right, leave no trace, and fifteen mistakes that one could make are caught."""

from __future__ import annotations

import contextlib
import inspect
import json
import math
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given

import graphs
import microgradcheck as mg
import opinions
from microgradcheck import sweep
from microgradcheck.functions.elementwise import VALUES
from microgradcheck.mistakes import Question
from microgradcheck.mistakes.wrong_engines import WRONG_ENGINES
from microgradcheck.ops import OPERATIONS, Operation
from microgradcheck.value import Value

# Order


@given(graphs.STEPS)
def test_every_node_comes_once_and_after_its_inputs(steps: list[graphs.Step]) -> None:
    leaves = [Value(0.5), Value(0.25)]
    root = graphs.function(steps, VALUES)(*leaves)
    order = sweep.topological_order(root)
    place = {id(node): position for position, node in enumerate(order)}
    assert len(place) == len(order)
    assert order[-1] is root
    for node in order:
        assert all(place[id(entry)] < place[id(node)] for entry in node.inputs)


# Reverse and forward


@given(graphs.STEPS, graphs.NUMBERS, graphs.NUMBERS)
def test_the_forward_sweep_finds_what_the_reverse_sweep_finds(
    steps: list[graphs.Step], a: float, b: float
) -> None:
    inputs = [Value(a), Value(b)]
    root = graphs.function(steps, VALUES)(*inputs)
    _, gradient = sweep.reverse(root, inputs)
    for entry, slope in zip(inputs, gradient, strict=True):
        assert sweep.forward(root, entry) == pytest.approx(slope, rel=1e-9, abs=1e-9)


def test_reverse_gives_every_node_by_default() -> None:
    x = Value(3.0)
    y = x * x
    z = y * 2
    nodes, adjoints = sweep.reverse(z)
    assert (list(nodes), adjoints) == ([x, y, z], [12.0, 2.0, 1.0])


def test_an_inner_node_may_be_an_input() -> None:
    x = Value(3.0)
    y = x * x
    z = y * x
    assert sweep.reverse(z, [y])[1] == [3.0]
    assert sweep.forward(z, y) == 3.0


def test_an_input_that_the_root_does_not_use_has_derivative_zero() -> None:
    x, unused = Value(3.0), Value(4.0)
    for root in (x * 2, x):
        assert sweep.reverse(root, [unused])[1] == [0.0]
        assert sweep.forward(root, unused) == 0.0


def test_only_derivatives_by_what_is_asked_for_are_computed() -> None:
    x, zero, exponent = Value(-2.0), Value(0.0), Value(3.0)
    y = x**exponent + zero.sqrt()  # The exponent and the root have no derivative here.
    assert sweep.reverse(y, [x])[1] == [12.0]
    assert sweep.forward(y, x) == 12.0


def test_slopes_are_those_of_one_operation_with_none_for_a_constant() -> None:
    x, y = Value(3.0), Value(4.0)
    assert sweep.slopes(x) == ()
    assert sweep.slopes(x * y) == (4.0, 3.0)
    assert sweep.slopes(x * 5) == (5.0, None)
    assert sweep.slopes(5 - x) == (None, -1.0)
    assert sweep.slopes(-x) == (-1.0,)
    with pytest.raises(ZeroDivisionError, match="derivative of sqrt with respect to a"):
        sweep.slopes(Value(0.0).sqrt())
    with pytest.raises(ValueError, match="derivative of power with respect to b does not exist"):
        sweep.slopes(0.0 ** Value(0.0))


# No trace

unused = Value(1.0)


def without_a_derivative(x: Value) -> Value:
    return (x - x).sqrt() * 2 + x


def stale(x: Value) -> Value:
    y = x * x + 1
    x.data = 5.0
    return y


@pytest.mark.parametrize("make", [lambda x: x * x + 1, without_a_derivative, stale])
@pytest.mark.parametrize(
    "walk",
    [
        sweep.topological_order,
        sweep.reverse,
        lambda root: sweep.reverse(root, [unused]),
        lambda root: sweep.forward(root, unused),
        lambda root: sweep.forward(root, root),
    ],
)
def test_a_sweep_leaves_no_mark_on_any_node(
    make: Callable[[Value], Value], walk: Callable[[Value], Any]
) -> None:
    root = make(Value(3.0))
    with contextlib.suppress(ArithmeticError, RuntimeError):
        walk(root)
    nodes, pending = [unused], [root]
    while pending:
        nodes.append(pending.pop())
        pending.extend(nodes[-1].inputs)
    assert [node.adjoint for node in nodes] == [None] * len(nodes)


# Fifteen mistakes


def output_times_1_7() -> Iterator[bool]:
    """Each operation alone, at generic points on both sides of 0, its output multiplied."""
    for row in OPERATIONS.values():
        function = VALUES.value(row)
        for point in ((0.7, 1.9), (-0.7, 1.2), (1.3, -0.4)):
            if opinions.is_inside(row, point[: row.arity]):
                yield agrees(lambda *x, f=function: f(*x) * 1.7, *point[: row.arity])


def a_plus_a() -> Iterator[bool]:
    yield agrees(lambda a: a + a, 0.7)


def four_consumers() -> Iterator[bool]:
    """One inner node, used by four different operations."""
    add, multiply = VALUES.value(OPERATIONS["add"]), VALUES.value(OPERATIONS["multiply"])

    def f(a: Any, b: Any) -> Any:
        inner = multiply(a, b)
        return mg.tanh(inner) * (inner**3) - add(inner, multiply(inner, inner))

    yield agrees(f, 0.7, 1.9)


def agrees(f: Callable[..., Any], *point: float) -> bool:
    """Compare backward() with central differences, at a relative tolerance of 1e-5."""
    inputs = [Value(x) for x in point]
    f(*inputs).backward()
    for i, x in enumerate(inputs):
        left, right = (
            f(*(p + step * (i == j) for j, p in enumerate(point))) for step in (-1e-6, 1e-6)
        )
        if not math.isclose(x.grad, (right - left) / 2e-6, rel_tol=1e-5):
            return False
    return True


BATTERY = (output_times_1_7, a_plus_a, four_consumers)

Plant = Callable[[pytest.MonkeyPatch], None]


def rule(row: Operation) -> Plant:
    """Plant the derivatives of another row of the same name in the table."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        for slot in ("derivative_a", "derivative_b"):
            monkeypatch.setattr(OPERATIONS[row.name], slot, getattr(row, slot))

    return plant


def chain_rule(old: str, new: str, *, only: str) -> Plant:
    """Plant other text in the sweep itself, for only some operations."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        source = textwrap.dedent(inspect.getsource(sweep._apply_chain_rule))
        for slot in "ab":
            right = old.replace("@", slot)
            assert right in source, "the sweep was rewritten; plant its mistakes anew"
            source = source.replace(right, new.replace("@", slot).replace("GUILTY", only))
        names = dict(vars(sweep))
        exec(source, names)
        monkeypatch.setattr(sweep, "_apply_chain_rule", names["_apply_chain_rule"])

    return plant


def overwritten(only: str) -> Plant:
    return chain_rule(
        "@.adjoint += adjoint * slope_@(x, z, y)",
        "@.adjoint = (0.0 if GUILTY else @.adjoint) + adjoint * slope_@(x, z, y)",
        only=only,
    )


def upstream_dropped(only: str) -> Plant:
    return chain_rule("adjoint * slope_@", "(1.0 if GUILTY else adjoint) * slope_@", only=only)


def order(walk: Callable[[Value], list[Value]]) -> Plant:
    """Plant another order."""

    def visit(root: Value) -> list[Value]:
        nodes = walk(root)
        # A leaf passes nothing on, and one mention makes backward() add its gradient once.
        leaves = dict.fromkeys(node for node in nodes if not node.inputs)
        nodes = [*leaves, *(node for node in nodes if node.inputs)]
        for node in nodes:
            node.adjoint = 0.0
        return nodes

    return lambda monkeypatch: monkeypatch.setattr(sweep, "_visit", visit)


# The gallery's mistakes, planted in the engine itself.
MISTAKES = {
    **{mistake.name: rule(mistake.engine.row) for mistake in WRONG_ENGINES if mistake.engine.row},
    "add-overwrites": overwritten("operation.name == 'add'"),
    "multiply-overwrites": overwritten("operation.name == 'multiply'"),
    "unary-overwrites": overwritten("operation.arity == 1"),
    "add-drops-upstream": upstream_dropped("operation.name == 'add'"),
    "multiply-drops-upstream": upstream_dropped("operation.name == 'multiply'"),
    "unary-drops-upstream": upstream_dropped("operation.arity == 1"),
    **{
        mistake.name: order(mistake.engine.inputs_first)
        for mistake in WRONG_ENGINES
        if mistake.question is Question.ORDER
    },
}


def test_every_mistake_of_the_gallery_is_planted() -> None:
    assert set(MISTAKES) == {mistake.name for mistake in WRONG_ENGINES}
    assert len(MISTAKES) == 15


def test_the_battery_passes_the_engine_as_it_is() -> None:
    assert all(all(check()) for check in BATTERY)


@pytest.mark.parametrize("plant", MISTAKES.values(), ids=MISTAKES)
def test_the_battery_catches_each_mistake(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    assert not all(all(check()) for check in BATTERY)


@pytest.mark.parametrize("check", BATTERY, ids=lambda check: check.__name__)
def test_no_check_of_the_battery_could_be_left_out(check: Callable[[], Iterator[bool]]) -> None:
    others = [other for other in BATTERY if other is not check]
    missed_by_the_others = []
    for name, plant in MISTAKES.items():
        with pytest.MonkeyPatch.context() as monkeypatch:
            plant(monkeypatch)
            if all(all(other()) for other in others):
                missed_by_the_others.append(name)
    assert missed_by_the_others


def test_an_error_that_needs_more_than_a_text_is_told_as_one_of_pythons() -> None:
    def broken(a: float) -> float:
        raise json.JSONDecodeError("no number", "text", 0)

    reads = mg.operation("reads", value=lambda a: a, derivatives=[lambda a, y: broken(a)])
    with pytest.raises(ValueError, match="the derivative of reads with respect to a does not"):
        reads(mg.Value(1.0)).backward()
    fails = mg.operation("fails", value=broken, derivatives=[lambda a, y: 1.0])
    with pytest.raises(ValueError, match=r"fails\(1.0\) raised JSONDecodeError: no number"):
        fails(mg.Value(1.0))


def test_several_roots_do_not_mix_old_and_new_numbers() -> None:
    a = mg.Value(1.0)
    old = a * 2
    a.data = 3.0
    new = a * 3
    for roots in ((new, old), (old, new)):
        with pytest.raises(RuntimeError, match="mixes old and new numbers"):
            sweep.topological_order(*roots)
    other = mg.Value(1.0)
    other.data = 2.0
    assert sweep.topological_order(new, other) == [a, new, other]
