"""The gallery: each mistake is caught and named, by the smallest graph, and every number holds."""

from __future__ import annotations

import contextlib
import io
import itertools
import math
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given

import graphs
import microgradcheck as mg
from microgradcheck import mistakes
from microgradcheck.functions.elementwise import VALUES
from microgradcheck.mistakes import GALLERY, engine
from microgradcheck.mistakes.engine import Variant
from microgradcheck.mistakes.mistake import Belief
from microgradcheck.mistakes.wrong_engines import WRONG_ENGINES, WrongEngine
from microgradcheck.ops import OPERATIONS
from microgradcheck.value import Value
from test_architecture import python

BELIEFS = [mistake for mistake in GALLERY.values() if isinstance(mistake, Belief)]


def name_of(mistake: mistakes.Mistake) -> str:
    return mistake.name


every_mistake = pytest.mark.parametrize("mistake", GALLERY.values(), ids=name_of)
every_engine = pytest.mark.parametrize("mistake", WRONG_ENGINES, ids=name_of)
every_belief = pytest.mark.parametrize("mistake", BELIEFS, ids=name_of)


# The small engine, and the fifteen that differ from it


@given(graphs.STEPS, graphs.NUMBERS, graphs.NUMBERS)
def test_the_right_engine_is_right(steps: list[graphs.Step], a: float, b: float) -> None:
    inputs = [Value(a), Value(b)]
    root = graphs.function(steps, VALUES)(*inputs)
    expected = mg.grad(graphs.function(steps, VALUES))(a, b)
    engine("right").backward(root)
    assert [x.grad for x in inputs] == pytest.approx(expected, rel=1e-9, abs=1e-9)


@every_engine
def test_the_right_engine_passes_where_a_wrong_one_does_not(mistake: WrongEngine) -> None:
    at = mistake.at.values()
    assert engine("right").check(mistake.graph, *at).verdict == "PASS"
    assert mistake.engine.check(mistake.graph, *at).verdict == "WRONG"


@every_engine
def test_gradcheck_names_the_mistake(mistake: WrongEngine) -> None:
    report = mistake.run().report
    assert report is not None
    if mistake.engine.row is not None:
        assert {fault.name for fault in report.operations} == {mistake.engine.row.name}
        place = f"<{mistake.name.replace('-', '_')}>:1"
        assert {fault.location for fault in report.operations} == {place}
        assert report.cause.startswith("an operation is wrong")
        assert not report.notes  # There is no other operation that could be right.
    else:
        assert not report.operations
        assert any("how their derivatives are added up" in note for note in report.notes)
    if mistake.question is mistakes.Question.ADD:
        assert report.cause.startswith("a use is not accumulated")


@every_engine
def test_the_numbers_of_both_engines_stand_side_by_side(mistake: WrongEngine) -> None:
    outcome = mistake.run()
    nodes = len(mistake.graph.nodes(mistake.at))
    expected = mg.grad(mistake.graph)(*mistake.at.values())
    inputs = outcome.rows[nodes - len(mistake.at) : nodes]
    right = [row[2] for row in reversed(inputs)]
    assert right == pytest.approx(list(expected) if len(inputs) > 1 else [expected])
    assert any(wrong != right for _, wrong, right in outcome.rows[:nodes])
    # Where a test would not see it, both give the same.
    assert all(wrong == right for _, wrong, right in outcome.rows[nodes:])
    assert len(outcome.rows) - nodes == len(mistake.unseen_at or ())


@every_engine
def test_the_picture_marks_what_disagrees(mistake: WrongEngine) -> None:
    outcome = mistake.run()
    wrong = {what[4] for what, given, right in outcome.rows if given != right}
    assert outcome.picture is not None
    marked = {
        line.partition("(")[2][0]
        for line in outcome.picture.text.splitlines()
        if "differs from" in line
    }
    assert marked == wrong


@every_engine
def test_the_difference_is_a_few_lines(mistake: WrongEngine) -> None:
    lines = mistake.engine.difference().splitlines()
    changed = [line for line in lines if line.startswith(("-", "+"))]
    assert any(line.startswith("-") for line in changed)
    assert len(changed) <= 10 < len(lines) or mistake.engine.row


def test_any_depth_first_order_may_pass_by_chance() -> None:
    wrong = engine("first-visit-order")
    assert wrong.check(lambda x: x.exp() + x.exp().tanh(), 0.5).verdict == "PASS"

    def shared(x: Value) -> Value:
        y = x.exp()
        return y.tanh() + y

    assert wrong.check(shared, 0.5).verdict == "PASS"


def test_the_right_engine_does_not_differ() -> None:
    assert engine("right").difference() == ""


def test_an_engine_that_does_not_exist_is_a_clear_error() -> None:
    with pytest.raises(ValueError, match="no engine named 'left'; there are right"):
        engine("left")


def test_an_engine_is_a_source_for_lists_and_descents() -> None:
    wrong, right = engine("add-overwrites"), engine("right")
    assert wrong.value_and_gradient(lambda x: x[0] + x[0] + x[1], [1.0, 2.0]) == (4.0, [1.0, 1.0])
    assert mg.minimize(lambda x: (x - 5) ** 2, 0.0, gradient=right).x == pytest.approx(5.0)


# No smaller graph shows it

_UNARY = ("exp", "relu", "tanh")
_BINARY = ("add", "subtract", "multiply")
_LEAVES = (0.7, -1.3)


def smaller_graphs(operations: int) -> Iterator[Value]:
    """Yield the result of every graph of fewer operations, recorded afresh."""
    for count in range(operations):
        for steps in itertools.product(range(len(_UNARY) + len(_BINARY) + 2), repeat=count):
            arities = [1 if step < len(_UNARY) else 2 for step in steps]
            # A last place stands for a constant, which every operation of two may take.
            places = [range(len(_LEAVES) + n + (arities[n] == 2)) for n in range(count)]
            for chosen in itertools.product(
                *(itertools.product(places[n], repeat=arities[n]) for n in range(count))
            ):
                yield from _record(steps, chosen)


def _record(steps: tuple[int, ...], chosen: tuple[tuple[int, ...], ...]) -> Iterator[Value]:
    nodes: list[Any] = [Value(x) for x in _LEAVES]
    for step, inputs in zip(steps, chosen, strict=True):
        given = [nodes[place] if place < len(nodes) else 3.0 for place in inputs]
        if not any(isinstance(x, Value) for x in given):
            return
        if step < len(_UNARY):
            nodes.append(getattr(given[0], _UNARY[step])())
        elif step < len(_UNARY) + len(_BINARY):
            nodes.append(VALUES.value(OPERATIONS[_BINARY[step - len(_UNARY)]])(*given))
        elif step == len(_UNARY) + len(_BINARY) and isinstance(given[0], Value):
            nodes.append(given[0] ** 3.0)
        else:
            return
    yield nodes[-1]


def tells_apart(wrong: Variant, root: Value) -> bool:
    gradients = []
    for one in (engine("right"), wrong):
        one.put_row_into(root)
        one.backward(root)
        gradients.append([node.grad for node in engine("right").inputs_first(root)])
    return any(
        not math.isclose(right, given, rel_tol=1e-9)
        for right, given in zip(*gradients, strict=True)
    )


@every_engine
def test_no_smaller_graph_shows_the_mistake(mistake: WrongEngine) -> None:
    lines = len(mistake.lines.splitlines())
    assert not any(tells_apart(mistake.engine, root) for root in smaller_graphs(lines))


def test_a_smaller_graph_would_be_found() -> None:
    mistake = next(mistake for mistake in WRONG_ENGINES if mistake.name == "multiply-overwrites")
    assert any(tells_apart(mistake.engine, root) for root in smaller_graphs(2))


# Beliefs

E = math.e
FACTS = {
    "recursion": ["RecursionError", 5001.0],
    "in-place": [2.0, "add", False],
    "plain-functions": [E, 2 * E],
    "rounded": ["TypeError", "TypeError", 3.0],
    "both-branches": [2.0, "StaleTapeError", -1.0],
    "data-changed": [59.0, "RuntimeError"],
    "zero-before-backward": [36.0],
    "old-gradient": [6.0, 16.0, 10.0],
    "second-backward": [24.0, 108.0, 12.0, 72.0],
    "only-leaves-zeroed": [72.0, 36.0],
    "absolute-error": [4e-7, 2.0],
    "symmetric-point": [2.0, "PASS", 2.0, "WRONG"],
    "half-at-a-kink": [0.5, 0.0, 1.0],
    "agreement": [1 / (1 + E**2)],
}
VERDICTS = {
    "plain-functions": ("WRONG", "graph cut"),
    "old-gradient": ("WRONG", "stale"),
    "absolute-error": ("WRONG", "sign flipped"),
    "falling-loss": ("WRONG", ""),
    "symmetric-point": ("WRONG", "an operation is wrong: the derivative of multiply"),
    "half-at-a-kink": ("KINK", "f has a kink here"),
    "agreement": ("PASS", ""),
}


@every_belief
def test_the_numbers_that_refute_a_belief_hold(mistake: Belief) -> None:
    outcome = mistake.run()
    facts = [fact for _, _, fact in outcome.rows]
    if mistake.name in FACTS:
        assert facts == [
            pytest.approx(fact) if isinstance(fact, float) else fact for fact in FACTS[mistake.name]
        ]
    assert any(believed != fact for _, believed, fact in outcome.rows)
    assert (outcome.report is not None) == (mistake.name in VERDICTS)
    if outcome.report is not None:
        verdict, cause = VERDICTS[mistake.name]
        assert outcome.report.verdict == verdict
        assert outcome.report.cause.startswith(cause)


def test_smaller_steps_help_only_at_first() -> None:
    outcome = mistakes.show("smaller-steps")
    errors = [float(str(fact)) for _, _, fact in outcome.rows]
    believed = [float(str(expected)) for _, expected, _ in outcome.rows]
    assert errors[:2] == pytest.approx(believed[:2], rel=1e-2)
    best = errors.index(min(errors))
    assert outcome.rows[best][0] == "error with h = 1e-05"
    assert errors[-1] > 1e6 * errors[best]


def test_the_loss_falls_with_a_wrong_gradient() -> None:
    start, wrong, right = (fact for _, _, fact in mistakes.show("falling-loss").rows)
    assert (start, right) == (pytest.approx(1.58), pytest.approx(0.122, abs=1e-3))
    assert wrong == pytest.approx(0.1803, abs=1e-3)


def test_every_belief_is_held_to_its_numbers() -> None:
    assert {belief.name for belief in BELIEFS} == {*FACTS, "smaller-steps", "falling-loss"}


@every_belief
def test_the_program_shown_runs_and_gives_the_same_numbers(mistake: Belief) -> None:
    outcome = mistake.run()
    (program,) = outcome.code.values()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(program, {})
    for row in outcome.rows:
        assert str(row) in printed.getvalue().splitlines()


# How it is shown


@every_mistake
def test_an_outcome_reads_well_in_80_columns_and_as_html(mistake: mistakes.Mistake) -> None:
    outcome = mistake.run()
    assert max(map(len, str(outcome).splitlines())) <= 80
    ElementTree.fromstring(f"<div>{outcome._repr_html_()}</div>")
    for text in (mistake.sentence, mistake.answer):
        assert " ".join(text.split()) in " ".join(str(outcome).split())
    data = outcome.to_dict()
    assert data["name"] == mistake.name
    assert [tuple(row) for row in data["rows"]] == list(outcome.rows)


def test_show_runs_a_mistake_by_its_name() -> None:
    assert mistakes.show("add-overwrites").mistake is GALLERY["add-overwrites"]
    with pytest.raises(ValueError, match="did you mean 'add-overwrites'"):
        mistakes.show("add-overwrite")
    with pytest.raises(ValueError, match="There are add-overwrites, "):
        mistakes.show("?")
    with pytest.raises(ValueError, match=r"no mistake named 7\. There are add-overwrites, "):
        mistakes.show(7)  # type: ignore[arg-type]


def test_the_questions_of_learners_are_answered() -> None:
    assert {mistake.question for mistake in GALLERY.values()} == set(mistakes.Question)
    assert list(GALLERY.values()) == sorted(
        GALLERY.values(), key=lambda mistake: list(mistakes.Question).index(mistake.question)
    )


def test_nothing_in_the_library_loads_the_gallery() -> None:
    use = "mg.gradcheck(lambda x: x * x, 3.0); mg.record(lambda x: x * x, 3.0)"
    ended = python(
        "import sys, microgradcheck as mg, microgradcheck.cli, microgradcheck.pytest_plugin",
        use,
        "print('microgradcheck.mistakes' in sys.modules)",
        "mg.mistakes",
        "print('microgradcheck.mistakes' in sys.modules)",
    )
    assert ended.stdout.split() == ["False", "True"], ended.stderr
