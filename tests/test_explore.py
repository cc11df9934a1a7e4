"""The page's numbers: its JavaScript, its program and its words say what the library says."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Context
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import graphs
from javascript import Engine
from microgradcheck import maximum, nn, operation, sin, sqrt, tanh
from microgradcheck.backprop import value_and_grad
from microgradcheck.cli import main
from microgradcheck.cli.expression import Expression
from microgradcheck.explore import explore
from microgradcheck.explore.javascript import rules, translate
from microgradcheck.explore.listing import write_listing
from microgradcheck.explore.recording import Recording, record
from microgradcheck.functions.elementwise import VALUES
from microgradcheck.ops import FLOATS, OPERATIONS, Operation
from microgradcheck.value import OPERATORS, Value, scope

TOLERANCE = 1e-12
SPECIAL = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, 1e-9, -1e-9, 30.0, -30.0)


def chain(x: Any) -> Any:
    return (3 * x) ** 2


def diamond(x: Any, y: Any) -> Any:
    a = x * y
    if isinstance(a, Value):
        a.label = "a"
    return sin(a) + x**2


def close(found: float, expected: float, scale: float = 0.0) -> bool:
    return abs(found - expected) <= TOLERANCE * max(abs(expected), scale)


# The table's rows


def points(row: Operation) -> list[tuple[float, ...]]:
    """Return 100 inputs at which the row is defined: special ones, small ones and large ones."""
    inside = FLOATS.compile(row.domain or "0 == 0", "a", "b")
    choice = random.Random(row.name)
    found: list[tuple[float, ...]] = []

    def draw() -> float:
        size = 10 ** choice.uniform(-6, 1.5)
        return choice.choice([*SPECIAL, *(choice.uniform(-3, 3) for _ in range(8)), size, -size])

    while len(found) < 100:
        a, b = draw(), draw()
        b = a if choice.random() < 0.1 else b
        if inside(a, b):
            found.append((a, b)[: row.arity])
    return found


def attempt(rule: Callable[..., float], *numbers: float) -> float:
    try:
        return float(rule(*numbers))
    except (ValueError, ArithmeticError):
        return math.nan


def agree(found: float, expected: float) -> bool:
    """Tell whether JavaScript found what Python did; where Python raises, it has no number."""
    return close(found, expected) if math.isfinite(expected) else not math.isfinite(found)


def rule_calls(row: Operation) -> Iterator[tuple[str, float]]:
    """Yield calls of the row's rules in JavaScript, and what Python says of each."""
    name = f'table["{row.name}"]'
    for inputs in points(row):
        a, b = (*inputs, 0.0)[:2]
        y = attempt(row.compute, *inputs)
        yield f"{name}.value({a!r}, {b!r})", y
        if math.isfinite(y):
            for i, rule in enumerate((row.derivative_a, row.derivative_b)[: row.arity]):
                yield f"{name}.slopes[{i}]({a!r}, {b!r}, {y!r})", attempt(rule, a, b, y)


@pytest.mark.parametrize("name", list(OPERATIONS))
def test_every_row_of_the_table_is_the_same_in_javascript(name: str) -> None:
    calls = list(rule_calls(OPERATIONS[name]))
    found = Engine([OPERATIONS[name]]).numbers(f"[{', '.join(call for call, _ in calls)}]")
    wrong = [
        (call, x, expected)
        for x, (call, expected) in zip(found, calls, strict=True)
        if not agree(x, expected)
    ]
    assert len(calls) >= 150
    assert not wrong


@pytest.mark.parametrize("name", [name for name, row in OPERATIONS.items() if row.domain])
def test_domains_are_the_same_in_javascript(name: str) -> None:
    row = OPERATIONS[name]
    inside = FLOATS.compile(row.domain, "a", "b")
    pairs = [(a, b) for a in (*SPECIAL, math.inf) for b in SPECIAL]
    calls = [f'table["{name}"].inside({a!r}, {b!r})'.replace("inf,", "Infinity,") for a, b in pairs]
    found = Engine([row]).run(f"[{', '.join(calls)}]")
    assert found == [bool(inside(a, b)) for a, b in pairs]


@pytest.mark.parametrize("name", [name for name, row in OPERATIONS.items() if row.kink])
def test_kinks_are_the_same_in_javascript(name: str) -> None:
    engine = Engine([OPERATIONS[name]])
    found = engine.run(f'[table["{name}"].kink(0, 0), table["{name}"].kink(1, 0.5)]')
    assert found == [True, False]


def test_a_wrong_rule_would_be_seen() -> None:
    wrong = Operation("sin", "sin", "sin(a)", "cos(a) * 1.00000000001")
    calls = list(rule_calls(OPERATIONS["sin"]))
    found = Engine([wrong]).numbers(f"[{', '.join(call for call, _ in calls)}]")
    assert not all(agree(x, expected) for x, (_, expected) in zip(found, calls, strict=True))


def test_erf_holds_to_the_last_digits_everywhere() -> None:
    numbers = [*np.linspace(-7, 7, 2001), 1e-300, 1e-20, -1e-8, 5.9999999, 100.0, math.inf]
    written = ", ".join(repr(float(x)).replace("inf", "Infinity") for x in numbers)
    found = Engine([]).numbers(f"[{written}].map(erf)")
    assert all(
        abs(x - math.erf(z)) <= 4e-15 * abs(math.erf(z))
        for x, z in zip(found, numbers, strict=True)
    )
    assert math.isnan(Engine([]).numbers("[erf(NaN)]")[0])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-2 ** 2", -4),
        ("2 ** 3 ** 2", 512),
        ("1 if 0 < 1 < 2 else 3", 1),
        ("1 if (0 > 1) | (2 > 1) else 3", 1),
        ("1 if 0 > 1 or 2 > 1 and 1 > 2 else 3", 3),
        ("1 if inf - inf else 3", 1),
        ("2 - (3 - 4)", 3),
        ("- -2", 2),
        ("3 - -(+2)", 5),
        ("8 / (4 / 2)", 4),
        ("1e400", math.inf),
    ],
)
def test_python_is_translated_with_its_own_meaning(text: str, value: float) -> None:
    assert Engine([]).numbers(f"[{translate(text)}]") == [value]
    assert FLOATS.compile(text)() == value


def test_an_operation_of_ones_own_runs_in_the_page() -> None:
    cube = operation("cube", value="a**3", derivatives=["3 * a**2"])
    recording = record(lambda x: cube(x) + 1, {"x": 2.0})
    assert Engine.of(recording).numbers("study([3]).gradients") == [27.0]


def test_rules_that_are_python_functions_are_refused_with_advice() -> None:
    cube = operation("cube", value=lambda a: a**3, derivatives=[lambda a, y: 3 * a**2])
    with pytest.raises(ValueError, match=r"cube is a Python function.*as texts"):
        explore(cube, x=2.0)


# Graphs


@given(graphs.STEPS, graphs.NUMBERS, graphs.NUMBERS)
@settings(max_examples=60)
def test_random_graphs_are_the_same_in_javascript_and_in_the_program(
    steps: list[graphs.Step], x: float, y: float
) -> None:
    f = graphs.function(steps, VALUES)
    recording = record(lambda x, y: f(x, y) + 0.0 * x * y, {"x": 0.5, "y": -0.25})
    value, gradient = value_and_grad(lambda x, y: f(x, y) + 0.0 * x * y)(x, y)
    study = f"study([{x!r}, {y!r}])"
    engine = Engine.of(recording)
    scale = max(map(abs, engine.numbers(f"{study}.values")))
    found = engine.numbers(f"[{study}.values[graph.root], ...{study}.gradients]")
    for number, expected in zip(found, (value, *gradient), strict=True):
        assert close(number, expected, max(1.0, scale) * 10)

    found_value, found_gradient = run_program(recording, x, y)
    assert close(found_value, value, max(1.0, scale))
    for number, expected in zip(found_gradient, gradient, strict=True):
        assert close(number, expected, max(1.0, scale) * 10)


def run_program(recording: Recording, *inputs: float) -> tuple[float, list[float]]:
    names = {name: FLOATS.value(row) for name, row in OPERATIONS.items() if name not in OPERATORS}
    namespace: dict[str, Any] = {**FLOATS.names, **names}
    exec("\n".join(write_listing(recording).lines), namespace)
    result: tuple[float, list[float]] = namespace["value_and_grad"](*inputs)
    return result


@pytest.mark.parametrize("name", list(OPERATIONS))
def test_the_program_computes_what_the_library_does(name: str) -> None:
    row = OPERATIONS[name]
    compute = VALUES.value(row)
    for inputs in points(row)[:30]:
        at = dict(zip("ab", inputs, strict=False))
        try:
            value, gradient = value_and_grad(compute)(*inputs)
        except (ValueError, ArithmeticError):
            continue
        found_value, found = run_program(record(lambda **at: compute(*at.values()), at), *inputs)
        assert close(found_value, value)
        expected = gradient if isinstance(gradient, tuple) else (gradient,)
        assert all(close(p, q) for p, q in zip(found, expected, strict=True))


def test_the_program_writes_no_case_that_constants_have_decided() -> None:
    source = explore(lambda x, y: 2.0 ** (x**3 / y) - (-1.5), x=2.0, y=4.0).source
    assert "3 * x ** 2" in source
    assert " if " not in source
    assert "- -1.5" in source


def test_inputs_that_f_does_not_use_have_no_gradient() -> None:
    recording = record(lambda x, y: 2 * x, {"x": 1.0, "y": 5.0})
    assert run_program(recording, 1.0, 5.0) == (2.0, [2.0, 0.0])
    assert Engine.of(recording).numbers("study([1, 5]).gradients") == [2.0, 0.0]


@pytest.mark.parametrize("x", [5e-324, -3e-323, 1e-300, 0.0, 2.0, -950.0, 1.5e308])
def test_a_slider_has_a_grain_and_reaches_the_input(x: float) -> None:
    (limits,) = re.findall(
        r'min="(\S+)" max="(\S+)" step="(\S+)"', explore(lambda x: x * 1e-300, x=x).html
    )
    low, high, grain = map(float, limits)
    assert -math.inf < low == -high <= -abs(x)
    assert 0 < grain <= high / 100


def test_f_may_return_its_input() -> None:
    recording = record(lambda x: x, {"x": 4.0})
    assert [step.kind for step in recording.steps] == ["seed"]
    assert run_program(recording, 4.0) == (4.0, [1.0])
    assert "∂<bdi>x</bdi>/∂<bdi>x</bdi>" in explore(lambda x: x, x=4.0).html
    assert words(lambda x: x, {"x": 4.0}) == [["∂x/∂x = 1", ""]]


def test_values_that_f_brings_along_are_constants_with_a_name() -> None:
    weight = Value(3.0, "weight")
    weight.grad = 17.0
    recording = record(lambda x: weight * x, {"x": 2.0})
    assert run_program(recording, 5.0) == (15.0, [3.0])
    assert explore(lambda x: weight * x, x=2.0).html
    assert (weight.label, weight.grad) == ("weight", 17.0)


@pytest.mark.parametrize("thing", [[1.0, 2.0], (1.0, 2.0), np.array([1.0, 2.0])])
def test_inputs_may_be_lists_tuples_and_arrays(thing: Any) -> None:
    recording = record(lambda p: p[0] * p[1], {"p": thing})
    assert [recording.names[place] for place in recording.inputs] == ["p[0]", "p[1]"]
    assert run_program(recording, 3.0, 7.0) == (21.0, [7.0, 3.0])


def test_names_are_told_apart() -> None:
    def f(x: Any, v1: Any) -> Any:
        first, second = x * v1, x + v1
        first.label = second.label = "same"
        return first * second

    recording = record(f, {"x": 2.0, "v1": 3.0})
    assert len(set(recording.names)) == len(recording.names)
    assert run_program(recording, 2.0, 3.0) == (30.0, [21.0, 16.0])


def test_the_value_of_an_expression_is_not_named_for_the_function_that_it_begins_with() -> None:
    recording = record(Expression("sin(x*y) + x**2"), {"x": 1.0, "y": 2.0})
    assert recording.names[recording.root] == "f"


# Comparisons, edges and kinks


def test_a_branch_that_was_not_recorded_is_pointed_out() -> None:
    recording = record(lambda x: x * x if x > 0 else -x, {"x": 2.0})
    engine = Engine.of(recording)
    assert engine.run("study([1]).guard ?? null") is None
    assert engine.run("study([-1]).guard.symbol") == ">"


def verdict(text: str, at: dict[str, float], *inputs: float) -> dict[str, Any]:
    """Return what the page says of the last input's gradient, there and not where it recorded."""
    engine = Engine.of(record(Expression(text), at))
    found: dict[str, Any] = engine.run(f"study([{', '.join(map(repr, inputs))}]).verdicts.pop()")
    return found


@pytest.mark.parametrize(
    ("text", "x", "said"),
    [
        ("x*x", 3.0, "agree"),
        ("1e-200*x", 3.0, "agree"),
        ("0*x", 3.0, "agree"),
        ("x**3 + 1", 0.0, "agree"),
        ("exp(x) - x", 0.0, "agree"),
        ("abs(x)", 0.0, "kink"),
        ("abs(x)*exp(-x)", 0.0, "kink"),
        ("abs(x)", 1.0, "agree"),
        ("sqrt(x)", 0.0, "none"),
        ("x**1.5", 0.0, "edge"),
        ("relu(x) + 1", 1e-15, "unclear"),
        ("x + 1e10 - 1e10", 0.3, "unclear"),
        ("1e10*x**2 + 1e10", 1.3e-10, "unclear"),
        ("(1-cos(x))/x**2", 1e-4, "unclear"),
        ("tanh(x)", 19.0, "unclear"),
        # Where f is far smaller than what the steps reach.
        *[("x*x", 1e-100, "agree"), ("exp(30*x)", -24.69, "unclear")],
        *[("2*x**2", 1e-310, "unclear"), ("exp(-x)", 744.0, "unclear")],
        *[("1/x", 1e-20, "agree"), ("1/x", -1e-100, "agree")],
    ],
)
def test_the_check_knows_what_it_cannot_tell(text: str, x: float, said: str) -> None:
    assert verdict(text, {"x": 1.0}, x)["verdict"] == said


@pytest.mark.parametrize("x", [25.0, 30.0])
def test_numbers_that_rounding_hides_do_not_agree(x: float) -> None:
    assert verdict("exp(x) + y", {"x": 1.0, "y": 0.5}, x, 0.5)["verdict"] == "unclear"


@pytest.mark.parametrize(
    ("text", "x"),
    [
        *[("relu(x)", 1e-6), ("relu(x) + 10", 1e-9), ("abs(x)", 1e-9), ("abs(x)", -1e-300)],
        *[("log(x)", 1e-5), ("log(x)", 1e-6), ("sqrt(x)", 1e-6), ("sqrt(x)*x", 1e-9)],
        *[("1/x", 1e-5), ("1/x", 1e-6), ("1/x**2", 1e-9), ("sin(1/x)", 1e-5)],
        *[("sin(1e6*x)", 0.3), ("sin(1e9*x)", 0.3), ("abs(x) + sin(1e6*x)", 0.0)],
    ],
)
def test_smaller_steps_see_what_the_first_one_reaches_over(text: str, x: float) -> None:
    found = verdict(text, {"x": 1.0}, x)
    assert found["verdict"] == "agree"
    assert float(found["digits"]) >= 3


@pytest.mark.parametrize("name", list(OPERATIONS))
def test_no_gradient_of_the_table_is_called_wrong(name: str) -> None:
    row = OPERATIONS[name]
    compute = VALUES.value(row)
    at = dict(zip("ab", points(row)[0], strict=False))
    engine = Engine.of(record(lambda **at: compute(*at.values()), at))
    said = engine.run(
        f"{json.dumps(points(row))}.map((at) => study(at).verdicts.map((v) => v.verdict))"
    )
    assert "differ" not in {verdict for verdicts in said for verdict in verdicts}


def test_there_is_no_derivative_where_f_is_undefined() -> None:
    engine = Engine.of(record(lambda x, y: x * x + 0 * sqrt(y), {"x": 3.0, "y": 1.0}))
    assert engine.run("study([3, -1]).verdicts[0].verdict") == "none"
    assert all(map(math.isnan, engine.numbers("study([3, -1]).gradients")))


def test_the_steps_end_with_the_one_that_fails() -> None:
    recording = record(Expression("relu(x*w) + log(y) + x"), {"x": 1.0, "w": 2.0, "y": 1.0})
    engine = Engine.of(recording)
    assert engine.numbers("[study([1, 2, 1]).count]") == [len(recording.steps)]
    (count,) = engine.numbers("[study([1, 2, -1]).count]")
    assert recording.names[recording.steps[int(count) - 1].place] == "v3"
    # What f compares has no step of its own.
    engine = Engine.of(record(lambda x: x * x if sqrt(x) > 0 else -x, {"x": 2.0}))
    assert engine.numbers("[study([-1]).count, study([1]).count]") == [1, 4]


@pytest.mark.parametrize("x", [3.0, 1e-6, -1e-9, 1e4])
@pytest.mark.parametrize("factor", [-1.0, 0.0, 0.5, 1.0005])
def test_a_wrong_derivative_differs(x: float, factor: float) -> None:
    wrong = factor * math.copysign(1.0, x)
    engine = Engine.of(record(abs, {"x": 1.0}))
    asked = f"check([{x!r}], 0, {wrong!r}, false, measureNoise([{x!r}]))"
    assert engine.run(asked)["verdict"] == "differ"


def test_a_wrong_derivative_differs_where_the_right_one_is_next_to_nothing() -> None:
    engine = Engine.of(record(lambda x: x * x, {"x": 1.0}))
    assert engine.run("check([1e-12], 0, 5e-12, false, 0)")["verdict"] == "differ"
    assert engine.run("check([1e-12], 0, 2e-12, false, 0)")["verdict"] == "agree"


def test_a_wrong_derivative_differs_at_a_kink() -> None:
    engine = Engine.of(record(abs, {"x": 1.0}))
    assert engine.run("check([0], 0, 1.1, true, 0).verdict") == "differ"
    assert engine.run("check([0], 0, 1, true, 0).verdict") == "kink"


def test_outside_of_the_domain_nothing_is_made_up() -> None:
    engine = Engine.of(record(lambda x: sqrt(x) * 2, {"x": 4.0}))
    assert engine.run("study([-1]).problem.needs") == "a >= 0"
    assert math.isnan(engine.numbers("study([-1]).values")[-1])


# Words


@example(1.5625)
@example(-9999.5)
@example(0.0001)
@example(1.7975000000000001e308)
@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**9), 10**9).map(float))
@settings(max_examples=300)
def test_numbers_are_written_as_people_write_them(x: float) -> None:
    assert ENGINE.run(f"readable({x!r})") == readable(x)


ENGINE = Engine([])


def readable(x: float) -> str:
    if x % 1 == 0 and abs(x) < 1e6:
        return str(int(x)).replace("-", "−")
    # As JavaScript rounds 1.5625: up, and not to the even digit.
    rounded = Context(prec=4, rounding=ROUND_HALF_UP).create_decimal_from_float(x)
    exponent = rounded.adjusted()
    if -4 <= exponent < 4:
        return f"{rounded.normalize():f}".replace("-", "−")
    mantissa = rounded.scaleb(-exponent).normalize()
    return f"{mantissa:f}e{exponent:+03d}".replace("-", "−")


def words(f: Any, at: dict[str, float]) -> list[list[str]]:
    """Return the formula and the sum of every step."""
    inputs = ", ".join(map(repr, at.values()))
    found = Engine.of(record(f, at)).run(
        f"((found) => graph.steps.map((_, i) => [describe(found, i), "
        f"describeTotal(found, i)]))(study([{inputs}]))"
    )
    parts = ("symbols", "numbers", "result")
    return [[" = ".join(said[p] for p in parts if said[p]), total] for said, total in found]


def test_the_chain_rule_is_written_out_as_in_the_textbook() -> None:
    def f(x: Any) -> Any:
        y = 3 * x
        y.label = "y"
        z = y**2
        z.label = "z"
        return z

    formulas = [formula for formula, _ in words(f, {"x": 2.0})]
    assert formulas[-1] == "∂z/∂y · ∂y/∂x = 12 × 3 = 36"


@pytest.mark.parametrize(
    ("text", "slopes"),
    [
        ("x*y + x", ["∂f/∂v1", "slope of + in x", "∂v1/∂x", "∂v1/∂y"]),
        ("x - x + y", ["∂f/∂v1", "∂f/∂y", "slope of − in 1st x", "slope of − in 2nd x"]),
        ("sin(x)*x*y + x", ["slope of + in x", "slope of × in x", "∂v1/∂x"]),
    ],
)
def test_a_local_slope_is_not_written_as_the_derivative_that_is_another_number(
    text: str, slopes: list[str]
) -> None:
    formulas = [formula for formula, _ in words(Expression(text), {"x": 2.0, "y": 3.0})]
    written = [formula.split(" · ")[1].split(" = ")[0] for formula in formulas if "·" in formula]
    assert [slope for slope in written if slope in slopes] == slopes
    derivatives = [slope for slope in written if "∂" in slope]
    assert len(set(derivatives)) == len(derivatives)


def test_operations_are_written_as_people_write_them() -> None:
    def f(x: Any, y: Any) -> Any:
        return tanh(-x) ** 2 - x / y + (-x) ** 3 + maximum(x, y)

    formulas = [formula for formula, _ in words(f, {"x": 1.5, "y": -2.0})]
    assert {
        "v1 = −x = −1.5 = −1.5",
        "v2 = tanh(v1) = tanh(−1.5) = −0.9051",
        "v4 = x / y = 1.5 / (−2) = −0.75",
        "v5 = v3 − v4 = 0.8193 − (−0.75) = 1.569",
        "v7 = v6 ** 3 = (−1.5) ** 3 = −3.375",
        "v9 = max(x, y) = max(1.5, −2) = 1.5",
    } <= set(formulas)


def test_what_is_no_number_is_written_as_a_dash() -> None:
    assert "∂f/∂v1 · ∂v1/∂x = — × 0 = —" in dict(words(lambda x: sqrt(x * 0), {"x": 1.0}))


def test_the_sum_over_all_uses_is_written_out() -> None:
    totals = [total for _, total in words(diamond, {"x": 3.0, "y": 0.0}) if total]
    assert totals == [
        "∂diamond/∂x so far = 6 (1 of 2 uses)",
        "∂diamond/∂x = 6 + 0 = 6 (2 of 2 uses)",
    ]


# Guesses


def judge(f: Any, at: dict[str, float], step: int, guess: float) -> str:
    engine = Engine.of(record(f, at))
    inputs = ", ".join(map(repr, at.values()))
    said: str = engine.run(
        f"judge(study([{inputs}]), {step}, {guess!r}).text".replace("nan", "NaN")
    )
    return said


# Steps of x * x + 5 * x at x = 3, f = 24: v1 = 9, v2 = 15, f; the seed; to v1, to v2; 5 from v2,
# then 3 and 3 from v1.
def twice(x: Any) -> Any:
    return (x * x + 5 * x) * 2


@pytest.mark.parametrize(
    ("guess", "said"),
    [
        (10.0, "Right!"),
        (10.04, "Right!"),
        (5.0, "forgot the upstream gradient"),
        (2.0, "forgot the local slope"),
        (-10.0, "Wrong sign"),
        (-5.0, "Wrong sign, and the upstream gradient"),
        (7.0, "you added them"),
        (0.4, "you divided"),
        (10.5, "Close"),
        (1234.0, "Not yet"),
        (math.nan, "Type a number"),
    ],
)
def test_a_wrong_guess_is_told_what_went_wrong(guess: float, said: str) -> None:
    recording = record(twice, {"x": 3.0})
    step = next(
        i
        for i, s in enumerate(recording.steps)
        if s.target in recording.inputs and s.kind == "backward"
    )
    assert said in judge(twice, {"x": 3.0}, step, guess)


@pytest.mark.parametrize(
    ("guess", "said"),
    [
        (16.0, "Right!"),
        (6.0, "You took = for +=: x is used more than once, so this step adds to the 10"),
        (13.0, "forgot the upstream gradient"),
        (12.0, "forgot the local slope"),
        (4.0, "Wrong sign in what this step adds"),
        (-16.0, "Wrong sign."),
        (10.0, "before this step"),
    ],
)
def test_a_wrong_sum_is_told_what_went_wrong(guess: float, said: str) -> None:
    recording = record(twice, {"x": 3.0})
    step = [i for i, s in enumerate(recording.steps) if s.kind == "backward" and s.uses > 1][1]
    assert said in judge(twice, {"x": 3.0}, step, guess)


@pytest.mark.parametrize(
    ("guess", "said"),
    [(6.0, "Right!"), (5.0, "That is 3 + 2."), (-6.0, "Wrong sign."), (7.0, "Not")],
)
def test_forward_guesses_are_judged_too(guess: float, said: str) -> None:
    assert said in judge(lambda x, y: x * y, {"x": 3.0, "y": 2.0}, 0, guess)


@pytest.mark.parametrize(
    ("guess", "said"),
    [(5e-13, "Right!"), (5.01e-13, "Right!"), (0.0, "Not yet"), (-5e-13, "Wrong sign.")],
)
def test_a_small_number_is_not_guessed_by_a_zero(guess: float, said: str) -> None:
    assert said in judge(lambda x, y: x * y, {"x": 1e-13, "y": 5.0}, 0, guess)
    assert said in judge(lambda x, y: x + y, {"x": 2e-13, "y": 3e-13}, 0, guess)


@pytest.mark.parametrize("guess", [0.0, 2**-54])
def test_what_rounding_leaves_of_a_sum_is_guessed_by_a_zero(guess: float) -> None:
    assert judge(lambda x, y: x - y, {"x": 0.1 + 0.2, "y": 0.3}, 0, guess) == "Right!"
    last = len(record(lambda x: x * 0.1 + x * 0.2 - x * 0.3, {"x": 1.0}).steps) - 1
    assert judge(lambda x: x * 0.1 + x * 0.2 - x * 0.3, {"x": 1.0}, last, guess) == "Right!"


def test_a_zero_is_guessed_within_a_trifle() -> None:
    assert judge(lambda x: x * 0, {"x": 1.0}, 0, 1e-13) == "Right!"
    assert judge(lambda x: x * 0, {"x": 1.0}, 0, 1e-11) != "Right!"


@pytest.mark.parametrize(
    ("typed", "number"),
    [("0.5", 0.5), ("−3", -3.0), (" 0,5 ", 0.5), ("1/4", 0.25), ("-1e-3", -1e-3), ("+2", 2.0)],
)
def test_people_type_numbers_in_many_ways(typed: str, number: float) -> None:
    assert ENGINE.numbers(f"[readGuess({typed!r})]") == [number]


@pytest.mark.parametrize("typed", ["", "abc", "1..2", "--3", "1/", "alert(1)", "1 2"])
def test_what_is_no_number_is_none(typed: str) -> None:
    assert math.isnan(ENGINE.numbers(f"[readGuess({typed!r})]")[0])


# The page as a text

HOSTILE = "</script><script>hacked = 1</script><img src=x onerror=hacked=1>\"'&{a}\u202e\x00\ud800"


def test_the_page_is_one_file_that_names_no_other() -> None:
    html = explore(diamond, x=1.0, y=2.0).html
    assert "default-src 'none'" in unescape(html)
    addresses = set(re.findall(r"\w+://[^\s\"'<]+", html))
    assert addresses == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"""<[^>]+\s(src|href|on\w+|style)=""", html)
    assert "unsafe" not in html


def titles(html: str) -> list[str]:
    return [
        unescape(title) for title in re.findall(r"<g [^>]*><title>(.*?)</title>", html, re.DOTALL)
    ]


def test_the_picture_tells_the_line_of_each_operation() -> None:
    told = titles(explore(diamond, x=1.0, y=2.0).html)
    assert (
        sum(bool(re.search(r"\ntest_explore\.py:\d+: a = x \* y$", title)) for title in told) == 2
    )
    assert sum("return sin(a) + x**2" in title for title in told) == 6


def test_what_has_no_line_in_f_is_not_given_another(tmp_path: Path) -> None:
    def lines(html: str) -> list[str]:
        return [title for title in titles(html) if re.search(r"\.py:\d+", title)]

    assert lines(explore(lambda x: x * x, x=2.0).html)
    assert not lines(explore(nn.MLP(1, [2, 1], rng=random.Random(0)), x=[0.5]).html)
    path = tmp_path / "page.html"
    assert main(["explore", "sin(x) * x", "x=1", "-o", str(path)]) == 0
    assert not lines(path.read_text("utf-8"))


def test_hostile_labels_stay_texts() -> None:
    def f(**at: Any) -> Any:
        (x,) = at.values()
        y = x * 2
        y.label = HOSTILE
        z = y * 3
        z.label = HOSTILE + "2"
        return z * y

    f.__name__ = HOSTILE
    page = explore(f, **{HOSTILE: 2.0})
    page.html.encode()
    assert page.html.count("<script") == 2
    assert page.html.count("</script") == 2
    assert "<img" not in page.html
    assert "<img" not in page._repr_html_()
    compile(page.source, "page", "exec")


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
@settings(max_examples=30)
def test_any_text_may_be_a_label(title: str, name: str, label: str) -> None:
    def f(**at: Any) -> Any:
        y = at[name] * 2
        y.label = label
        return y * 3

    f.__name__ = title
    page = explore(f, **{name: 2.0})
    page.html.encode()
    assert page.html.count("<script") == 2
    namespace: dict[str, Any] = {}
    exec(page.source, namespace)
    assert namespace["value_and_grad"](5.0) == (30.0, [6.0])


def test_long_names_are_shortened() -> None:
    long = "the_learning_rate_of_the_outer_loop"
    recording = record(lambda **at: at[long] * 2, {long: 1.0})
    assert recording.names[0] == "the_learning_rate_of_th…"


def test_the_command_writes_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["explore", "sin(x*y) + x**2", "x=1", "y=2"]) == 0
    assert "Page: page.html" in capsys.readouterr().out
    assert "sin(x*y) + x**2" in (tmp_path / "page.html").read_text("utf-8")
    assert main(["explore", "operator:mul", "--at", "2", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["page"] == "page.html"
    assert main(["explore", "log(x)", "x=0"]) == 2
    assert main(["explore", "x", "x=1", "-o", "page.svg"]) == 2


def test_the_same_function_is_the_same_page() -> None:
    assert explore(diamond, x=1.0, y=2.0).html == explore(diamond, x=1.0, y=2.0).html


@pytest.mark.parametrize(
    ("f", "at", "error", "message"),
    [
        (lambda: 1, {}, ValueError, "at least one input"),
        (lambda x: x, {"x": "1"}, TypeError, "the input x holds '1'"),
        (lambda x: x, {"x": math.inf}, ValueError, "x must be a finite number"),
        (lambda x: x, {"x": []}, ValueError, "empty"),
        (lambda x: 1.0, {"x": 1.0}, TypeError, "returned 1.0 of type float"),
        (lambda x: [x], {"x": 1.0}, TypeError, "returns one Value"),
        (lambda x: x * x.data, {"x": 1.0}, TypeError, "read as a plain number"),
        (lambda x: x * float(x), {"x": 1.0}, TypeError, "read as a plain number"),
        (lambda x: sum(x for _ in range(600)), {"x": 1.0}, ValueError, "up to 1000"),
        (sqrt, {"x": -1.0}, ValueError, "sqrt"),
    ],
)
def test_what_cannot_be_explored_is_said(f: Any, at: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        explore(f, **at)


def test_pages_are_saved_as_html(tmp_path: Any) -> None:
    page = explore(chain, x=2.0)
    path = page.save(tmp_path / "page.html")
    assert path.read_text("utf-8") == page.html
    assert repr(page).startswith("<Exploration of chain(x): ")
    with pytest.raises(ValueError, match=r"\.html"):
        page.save(tmp_path / "page.svg")


def test_a_rule_cannot_end_the_script_that_it_is_in() -> None:
    operation("less", value="a if a < 3 else b", derivatives=["1.0", "0.0"])
    assert "</" not in rules([OPERATIONS["less"]])


def test_what_scopes_computed_is_boxed_on_the_page() -> None:
    neuron = scope("neuron")(lambda w, x: tanh(w * x))
    plain = explore(lambda w, x: tanh(w * x) + 1, w=0.5, x=2.0).html
    boxed = explore(lambda w, x: neuron(w, x) + 1, w=0.5, x=2.0).html
    named = re.compile(r'id="(graph-[\w-]+)"')
    assert {*named.findall(boxed)} - {*named.findall(plain)} == {"graph-b0", "graph-b0-title"}


@pytest.mark.parametrize(
    "f",
    [
        lambda x, /, y: x - y,
        lambda y, x, *rest: x - y,
        lambda x, y, **rest: x - y,
        lambda **given: given["x"] - given["y"],
    ],
)
def test_inputs_that_have_names_are_given_by_them(f: Callable[..., Any]) -> None:
    recording = record(f, {"y": 1.0, "x": 5.0})
    assert recording.values[recording.root].data == 4.0


def test_inputs_without_names_are_given_in_order() -> None:
    for f in (lambda *given: given[0] - given[1], lambda a, b, /: a - b):
        recording = record(f, {"y": 1.0, "x": 5.0})
        assert recording.values[recording.root].data == -4.0
