"""Expressions: Python's arithmetic and nothing else of Python, whatever a person types."""

from __future__ import annotations

import io
import math
import pickle
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microgradcheck import Value
from microgradcheck.cli.expression import FUNCTIONS, Expression
from microgradcheck.cli.result import ExpressionError, point_out
from microgradcheck.functions.elementwise import VALUES
from microgradcheck.ops import OPERATIONS


def complaint(text: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        Expression(text)
    return caught.value


# What an expression means

NUMBERS = st.sampled_from(["2", "0.5", "1e-3", "3.", ".25", "1_000", "0x1F", "pi", "e"])
OPERANDS = st.one_of(NUMBERS, st.sampled_from(["x", "y", "x_1"]))


def combined(smaller: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operator = st.sampled_from(["+", "-", " * ", "/", "**", "**-", " - -"])
    return st.one_of(
        st.tuples(smaller, operator, smaller).map("".join),
        smaller.map("({})".format),
        smaller.map("-{}".format),
        smaller.map("sin({})".format),
        st.tuples(smaller, smaller).map(lambda pair: "max({}, {})".format(*pair)),
    )


VALID = st.recursive(OPERANDS, combined, max_leaves=12)
POINT = {"x": 1.25, "y": -0.75, "x_1": 3.0}


@given(VALID)
def test_it_computes_what_python_computes(text: str) -> None:
    expression = Expression(text)
    point = [POINT[name] for name in expression.names]
    try:
        expected = eval(text, {"sin": math.sin, "pi": math.pi, "e": math.e, "max": max}, POINT)
    except (ArithmeticError, TypeError):  # Python's powers may become complex; ours do not.
        return
    if isinstance(expected, complex) or not math.isfinite(expected):
        return
    try:
        found = expression(*point)
    except OverflowError:  # Python's whole numbers are exact, ours are floats.
        return
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("z + y*x - z", ("z", "y", "x")),
        ("atan2(b, a)", ("b", "a")),
        ("2 * pi * e", ()),
        ("\t x\n+\r\ny ", ("x", "y")),
        ("面積 * höhe", ("面積", "höhe")),
        ("𝑥 + x", ("x",)),
        ("__import__ + _", ("__import__", "_")),
    ],
)
def test_names_are_in_order_of_appearance(text: str, names: tuple[str, ...]) -> None:
    assert Expression(text).names == names


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_of_the_table_can_be_called(name: str) -> None:
    operation = OPERATIONS[FUNCTIONS[name]]
    inputs = {"acosh": [1.5]}.get(name, [0.25, 0.5])[: operation.arity]
    expression = Expression(f"{name}({', '.join('xy'[: operation.arity])})")
    assert expression(*inputs) == operation.compute(*inputs)


def test_it_takes_values_complex_numbers_and_arrays() -> None:
    expression = Expression("sin(x*y) + x**2")
    x, y = Value(1.0), Value(2.0)
    expression(x, y).backward()
    assert (x.grad, y.grad) == pytest.approx((2 * math.cos(2) + 2, math.cos(2)))
    assert expression(1j, 0.0) == -1
    np.testing.assert_allclose(
        expression(np.array([1.0, 2.0]), 2.0), np.sin([2.0, 4.0]) + np.array([1.0, 4.0])
    )


@pytest.mark.parametrize(
    ("text", "error", "message", "column"),
    [
        ("x + log(y - 1)", ValueError, "log(0.0) is undefined", 4),
        ("x +  ((2)) / (y - 1)", ZeroDivisionError, "divide(2.0, 0.0) is undefined", 11),
        ("9**9**9**9 + x*y", OverflowError, "power(9.0, 387420489.0) is too large", 4),
        ("(x - 9)**0.5 + y", ValueError, "power(-8.0, 0.5) is undefined", 7),
    ],
)
def test_an_undefined_value_has_a_note_of_where(
    text: str, error: type[Exception], message: str, column: int
) -> None:
    with pytest.raises(error) as caught:
        Expression(text)(1.0, 1.0)
    assert message in str(caught.value)
    assert caught.value.__notes__ == [f"  {text}\n  {' ' * column}^"]


# What it answers to anything else


@pytest.mark.parametrize(
    ("text", "reason", "caret"),
    [
        ("x^2", "write x**2, not x^2", 1),
        ("x²+1", "write x**2, not x²", 1),
        ("3 × x", "write *, not ×", 2),
        ("x÷2", "write x/2, not x÷2", 1),
        ("5 − x", "write -, not −", 2),
        ("2x", "write 2*x", 1),
        ("1 + 2e*x", "write 2*e", 5),
        ("x y", "write x*y", 2),
        ("x 2", "write x*2", 2),
        ("sin x", "write sin(x)", 4),
        ("2(x)", "a product needs a * here", 1),
        ("(x+1)(x-1)", "a product needs a * here", 5),
        ("(x+1) x", "a product needs a * here", 6),
        ("x(y+1)", "there is no function x; for a product, write x*(", 0),
        ("2 + sinn(x)", "there is no function sinn; did you mean 'sin'?", 4),
        ("Sin(x)", "there is no function Sin; did you mean 'sin'?", 0),
        ("qqqq(x)", "there is no function qqqq", 0),
        ("ln(x)", "there is no function ln; write log(x)", 0),
        ("arcsin(x)", "there is no function arcsin; write asin(x)", 0),
        ("sin + 1", "sin is a function: write sin(x)", 0),
        ("1 + max", "max is a function: write max(x, y)", 4),
        ("sin^2", "write sin(x)**2, not sin^2", 3),
        ("tanh²", "write tanh(x)**2, not tanh²", 4),
        ("x·2", "write x*2, not x·2", 1),
        ("a · b", "write *, not ·", 2),
        ("x!", "there is no factorial here", 1),
        ("1,5 + x", "this is more than one expression; write a decimal point, not a comma", 1),
        ("math.sin(x)", "write sin, without a module", 0),
        ("x*np.pi", "write pi, without a module", 2),
        ("sin(x, y)", "sin takes 1 input, got 2", 0),
        ("max(x)", "max takes 2 inputs, got 1", 0),
        ("sin()", "sin takes 1 input, got 0", 0),
        ("", "the expression is empty", 0),
        (" \n ", "the expression is empty", 0),
        ("x +", "a number or a name is missing here", 3),
        ("x * / y", "a number or a name is missing here", 4),
        ("*x", "a number or a name is missing here", 0),
        ("max(x,,y)", "a number or a name is missing here", 6),
        ("(x", "this parenthesis is never closed", 0),
        ("((x)", "this parenthesis is never closed", 0),
        ("x)", "this parenthesis was never opened", 1),
        ("x, y", "this is more than one expression", 1),
        ("()", "this is not arithmetic", 0),
        ("x // y", "this is not arithmetic", 0),
        ("x < y", "comparisons cannot be used here; max, min, abs and relu can", 2),
        ("|x|", "write abs(x) for an absolute value", 0),
        ("√x", "write sqrt(x) for a root", 0),
        ("[x]", "write parentheses, ( and )", 0),
        ("y = x", "values stand after the expression", 2),
        ("x if y else z", "this is not arithmetic", 0),
        ("x if y", "if is a word of the Python language, not a name", 2),
        ("lambda", "lambda is a word of the Python language, not a name", 0),
        ("not x", "this is not arithmetic", 0),
        ("True", "this is not arithmetic", 0),
        ("2j * x", "this is not arithmetic", 0),
        ("sin(*x)", "this is not arithmetic", 4),
        ("x.y", "this is not arithmetic", 0),
        ("x + 007", "this is not an expression: leading zeros", 4),
        ("1if x else y", "this is not arithmetic", 0),
        ("面積 + 1e999", "this number is too large for a float", 5),
        ("x + 1e999", "this number is too large for a float", 4),
        ("9" * 400, "this number is too large for a float", 0),
        ("x%2", "the character % has no place in an expression", 1),
        ("'x'", "the character ' has no place in an expression", 0),
        ("x\0y", "the character U+0000 has no place in an expression", 1),
        ("\x1b[31mx", "the character U+001B has no place in an expression", 0),
        ("x\u202ey", "the character U+202E has no place in an expression", 1),
        ("x\udcff", "the character U+DCFF has no place in an expression", 1),
        ("(" * 51 + "x" + ")" * 51, "more than 50 parentheses in each other", 50),
        ("x+" * 500 + "x", "the expression is too long: 1001 characters, of 1000 at most", 1000),
    ],
)
def test_a_mistake_is_told_with_its_column(text: str, reason: str, caret: int) -> None:
    error = complaint(text)
    assert error.reason.startswith(reason)
    assert error.column == caret


def test_long_and_flat_expressions_are_read() -> None:
    assert Expression("+".join(["x"] * 500))(1.0) == 500.0
    assert Expression("-" * 998 + "x")(1.0) == 1.0
    assert Expression("**".join(["x"] * 300))(1.0) == 1.0
    assert Expression("(" * 50 + "x" + ")" * 50)(1.0) == 1.0


@pytest.mark.parametrize(
    ("text", "column", "shown"),
    [
        ("x^2", 1, "  x^2\n   ^"),
        ("面積^2", 2, "  面積^2\n      ^"),
        ("e\u0301^2", 2, "  e\u0301^2\n   ^"),
        ("a\tb", 2, "  a b\n    ^"),
        ("a\x1bb", 2, "  a\\x1bb\n       ^"),
        ("ab", 2, "  ab\n    ^"),
        ("a" * 200, 100, f"  ...{'a' * 66}...\n  {' ' * 36}^"),
    ],
)
def test_the_caret_is_below_the_column(text: str, column: int, shown: str) -> None:
    assert point_out(text, column) == shown


def test_the_caret_is_below_the_column_where_characters_cannot_be_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert point_out("αx^2", 2) == "  \\u03b1x^2\n         ^"


def test_an_error_survives_pickling() -> None:
    error = complaint("x^2")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


# What no one may get it to do

ATTACKS = [
    "__import__('os').system('touch attacked')",
    "().__class__.__base__.__subclasses__()",
    "x.__class__",
    "sin.__globals__",
    "exec(x)",
    "eval(x)",
    "open(x)",
    "breakpoint()",
    "print(x)",
    "(lambda: x)()",
    "[x for x in x]",
    "(x for x in x)",
    "{**x}",
    "f'{x}'",
    "x := 1",
    "await x",
    "(yield x)",
    "x if x else x",
    "x.real",
    "globals()",
    "input()",
    "sin(x)(y)",
    "1 .__class__",
    "\\\nx",
    "#x",
    "x;y",
    "import os",
    "𝓮𝔁𝓮𝓬(x)",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_python_beyond_arithmetic_is_an_error(attack: str) -> None:
    complaint(attack)


def audited(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program that is told of whatever Python does for it from `watch()` on."""
    lines = [
        "import sys",
        "from microgradcheck.cli.expression import Expression",
        "from microgradcheck.cli.result import ExpressionError",
        "seen = []",
        "def see(event, arguments):",
        "    seen.append(f'import-{arguments[0]}' if event == 'import' else event)",
        "def watch(): sys.addaudithook(see)",
        "def answer(text):",
        "    try:",
        "        Expression(text)(*[0.5] * len(Expression(text).names))",
        "    except (ExpressionError, OverflowError) as error:",
        "        str(error)",
        "answer('sinn(1)')  # loads what complaints need",
        program,
        "print(*sorted(set(seen)))",
    ]
    command = [sys.executable, "-c", "\n".join(lines)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_nothing_is_executed() -> None:
    harmless = ["sin(x*y) + x**2", "9**9**9", "x^2", "("]
    ended = audited(f"watch()\nfor text in {ATTACKS + harmless!r}: answer(text)")
    assert ended.returncode == 0, ended.stderr
    # Python is asked for one thing only, to read a text into a tree, with names in normal form.
    assert set(ended.stdout.split()) <= {"compile", "import-unicodedata"}


def test_an_execution_would_be_seen() -> None:
    ended = audited("watch()\neval('open')")
    assert "exec" in ended.stdout.split()


def test_every_step_is_a_number_a_name_or_an_operation_of_the_table() -> None:
    table = {VALUES.names[name] for name in OPERATIONS}
    steps = Expression("-sin(x) + max(y, 2) / pi")._steps
    assert all(
        isinstance(step, float) or step in {"x", "y"} or step.function in table for step in steps
    )


HOSTILE = st.one_of(
    st.text(),
    st.text(alphabet="xy12.e_+-*/(), ", max_size=60),
    st.text(
        alphabet="sincolgmax(x,y)*+-12.^=<>[]{}'\"\\\0\n\t\x1b%@#:;!|&~`²π面\u0301\u202e\udc80"
    ),
    st.tuples(
        st.sampled_from(["(", "-", "sin(", "x**", "(x,", "x(", "not ", "9", "x if ", "-(", "1e"]),
        st.integers(1, 20_000),
        st.sampled_from(["", "x", "x)", "2x", "\0"]),
    ).map(lambda parts: parts[0] * parts[1] + parts[2]),
    st.tuples(VALID, st.text(max_size=3), VALID).map("".join),
)


@settings(max_examples=500, deadline=1000)
@given(HOSTILE)
def test_any_text_is_an_expression_or_one_clear_complaint(text: str) -> None:
    try:
        expression = Expression(text)
    except ExpressionError as error:
        reason, shown, caret = str(error).split("\n")
        assert reason
        assert (reason + shown).isprintable()
        assert caret.strip() == "^"
        assert max(map(len, (reason, shown, caret))) < 500
        return
    try:
        assert isinstance(expression(*[0.5] * len(expression.names)), float)
    except (ValueError, ArithmeticError) as undefined:
        notes = undefined.__notes__
        assert len(notes) == 1


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9**9",
        "**".join("9" * 300),
        "(" * 10_000,
        "(" * 10_000 + ")" * 10_000,
        "x" * 2**20,
        "²" * 2**20,
        "(x,y" * 200,
        "x.real" * 150,
        "sin(-" * 49 + "2x" + ")" * 49,
        "(x if " * 49,
        "f(f(x) f(x)" * 49,
    ],
    ids=lambda text: text[:12],
)
def test_nothing_takes_a_second(text: str) -> None:
    begin = time.perf_counter()
    try:
        expression = Expression(text)
        expression(*[1.5] * len(expression.names))
    except (ValueError, ArithmeticError) as error:
        str(error)
    assert time.perf_counter() - begin < 1
