"""The straight lines of a tape: readable, runnable alone, and for other array libraries."""

from __future__ import annotations

import ast
import inspect
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradcheck as mg
from microgradcheck.ops import FLOATS, OPERATIONS
from microgradcheck.tape import record
from microgradcheck.tape.expression import ARRAY_TEXTS, TEXTS, Expression, constant


def names_in(source: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


# Expressions


def test_expressions_write_what_they_compute_with_the_fewest_parentheses() -> None:
    x, y, z = map(Expression, "xyz")
    for expression, text in [
        (2 * (3 * x) - 1, "6.0 * x - 1.0"),
        (-(x + y) * z, "-(x + y) * z"),
        (x / y / z, "x / y / z"),
        (x / (y * z), "x / (y * z)"),
        (0.5 / y * 3, "1.5 / y"),
        (x - (y - z), "x - (y - z)"),
        (x - -2 * y, "x + 2.0 * y"),
        ((x + y) * (x - y), "(x + y) * (x - y)"),
        (x + x, "2.0 * x"),
        (1 - (-x), "1.0 + x"),
        (x * (y / z), "x * (y / z)"),
        (2 * x / -3, "-2.0 * x / 3.0"),
        (x * 1e300 * 1e300, "1e+300 * 1e+300 * x"),
        (math.inf * x, "inf * x"),
        (abs(-x), "abs(-x)"),
        (abs(constant(-2.0)), "2.0"),
        (x * 1.0, "x"),
        (x / 1.0, "x"),
        (x + math.nan, "x + nan"),
        (constant(2.0) / 4, "0.5"),
        (x - 0.0, "x - 0.0"),
        (x / constant(-0.0), "-x / 0.0"),
    ]:
        assert str(expression) == text


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("texts", [TEXTS, ARRAY_TEXTS], ids=["floats", "arrays"])
def test_every_row_writes_its_derivatives(name: str, texts: Any) -> None:
    row = OPERATIONS[name]
    inputs = [1.375 if name == "acosh" else 0.375, 0.75][: row.arity]
    meanings = {key: FLOATS.value(other) for key, other in OPERATIONS.items()}
    meanings |= {
        "where": lambda condition, p, q: p if condition else q,
        "full_like": lambda a, number: number,
        "pow": math.pow,
        "inf": math.inf,
    }
    y = row.compute(*inputs)
    for i, rule in enumerate(texts.derivatives(row)):
        text = str(constant(rule(Expression("a"), Expression("b"), Expression("y"))))
        written = eval(text, meanings | {"a": inputs[0], "b": inputs[-1], "y": y})
        assert written == pytest.approx(FLOATS.derivatives(row)[i](inputs[0], inputs[-1], y), 1e-14)


# Source


def test_the_source_is_what_one_would_write_by_hand() -> None:
    def loss(x: Any, w: Any, b: Any) -> Any:
        h = mg.tanh(x[0] * w[0] + x[1] * w[1] + b)
        h.label = "h"
        return (h - 0.5) ** 2

    source = record(loss, [1.0, 2.0], [0.5, -0.5], 0.1).source
    assert (
        source
        == '''"""The value and gradient of loss, as recorded by microgradcheck."""

from math import isfinite, tanh


def value_and_grad(x, w, b):
    x0, x1 = x
    w0, w1 = w

    # Forward: each line reads the arguments and the lines above it.
    v1 = x0 * w0 + x1 * w1 + b
    h = tanh(v1)
    v2 = h - 0.5
    value = v2 * v2
    if not (isfinite(v1) and isfinite(value)):
        raise OverflowError('a number on the way is not finite')

    # Backward: d_x is the derivative of the value with respect to x.
    d_v1 = 2.0 * v2 * (1.0 - h * h)
    d_x0 = d_v1 * w0
    d_x1 = d_v1 * w1
    d_w0 = d_v1 * x0
    d_w1 = d_v1 * x1
    d_b = d_v1
    return value, ([d_x0, d_x1], [d_w0, d_w1], d_b)
'''
    )


def test_a_branch_and_a_function_that_math_lacks_are_in_the_source() -> None:
    source = record(lambda x: mg.sigmoid(x) if x > 1 else x, 2.0).source
    assert "    if not x > 1.0:\n        raise ValueError('x > 1.0 was True when" in source
    assert "def sigmoid(a):\n    return exp(minimum(0.0, a)) / (1.0 + exp(-abs(a)))\n" in source
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    assert namespace["value_and_grad"](3.0) == mg.value_and_grad(mg.sigmoid)(3.0)
    with pytest.raises(ValueError, match=r"x > 1.0 was True when this was recorded, at test_tape"):
        namespace["value_and_grad"](0.0)


def test_names_come_from_arguments_and_labels_and_never_clash() -> None:
    def f(exp: Any, value: Any, d_x: Any, v1: Any, x: Any) -> Any:
        made = [mg.exp(exp) * value, mg.sin(d_x) - v1, x * exp, x / value, d_x * x]
        for node, label in zip(made, ("x", "x", "a b/c", "σ²", "d_x"), strict=True):
            node.label = label
        total = mg.sum(made)
        total.label = "for"
        return total * v1

    tape = record(f, 0.1, 0.2, 0.3, 0.4, 0.5)
    at = (0.5, -0.4, 0.3, -0.2, 0.1)
    value, gradient = mg.value_and_grad(f)(*at)
    assert tape(*at) == pytest.approx(value, rel=1e-14)
    assert tape.value_and_grad(*at)[1] == pytest.approx(gradient, rel=1e-13)
    names = names_in(tape.source)
    assert names > {"exp_2", "value", "d_x", "x", "x_2", "x_3", "a_b_c", "σ2", "d_x_2", "for_2"}


def test_inputs_may_be_named_by_labels() -> None:
    def f(x: Any) -> Any:
        x[0].label, x[1].label = "width", "2"
        return x[0] * x[1] * x[2]

    source = record(f, [1.0, 2.0, 3.0]).source
    assert "    width, x1, x2 = x\n" in source
    assert "    d_width = x2 * x1\n" in source


def test_any_signature_will_do() -> None:
    def several(*points: Any) -> Any:
        return points[0] * points[1]

    for f in (several, lambda a, *rest: a * rest[0], lambda a, b=2.0, *, c=3.0: a * b):
        assert record(f, 2.0, 3.0).value_and_grad(2.0, 3.0) == (6.0, (3.0, 2.0))
    with pytest.raises(ValueError, match="no signature"):
        inspect.signature(max)
    assert record(max, 2.0, 3.0).value_and_grad(2.0, 4.0) == (4.0, (0.0, 1.0))


def test_powers_are_written_as_by_hand() -> None:
    source = record(lambda x: x**1 + mg.sin(x) ** 2 + x**5.0 + x**0.5, 2.0).source
    assert "    value = x + v1 * v1 + x ** 5 + pow(x, 0.5)\n" in source


def test_long_lines_are_broken_and_many_checks_are_made_in_several() -> None:
    def f(x: Any) -> Any:
        return mg.sum([mg.tanh(entry * entry) for entry in x]) * x[0]

    x = [0.01 * i for i in range(1, 200)]
    tape = record(f, x)
    assert max(map(len, tape.source.splitlines())) <= 100
    value, gradient = mg.value_and_grad(f)(x)
    assert tape(x) == pytest.approx(value, rel=1e-13)
    assert tape.value_and_grad(x)[1] == pytest.approx(gradient, rel=1e-12)


def test_lines_stay_short_however_deep_the_expression() -> None:
    def f(x: Any, y: Any) -> Any:
        for _ in range(7):
            x, y = (x + y) * (y - 0.123456789), (y + 1.987654321) / (x * x + y)
        return x * y

    tape = record(f, 0.5, 0.25)
    assert max(map(len, tape.source.splitlines())) <= 100
    value, gradient = mg.value_and_grad(f)(0.4, 0.3)
    assert tape.value_and_grad(0.4, 0.3) == (
        pytest.approx(value, rel=1e-12),
        pytest.approx(gradient, rel=1e-12),
    )


def test_constants_are_worked_out_beforehand() -> None:
    two = mg.Value(2.0)
    source = record(lambda x: (two**3 - mg.exp(two * 0)) * (x * 5) * 2, 1.0).source
    assert "value = 70.0 * x" in source
    assert "d_x = 70.0" in source


@pytest.mark.parametrize("constant", [-1.0, 2.0])
@pytest.mark.parametrize("joint", ["and", "or"])
def test_conditions_on_constants_are_decided_beforehand(joint: str, constant: float) -> None:
    bent = mg.operation(
        "bent",
        value=f"a * b if a > 1 {joint} b > 1 else a",
        derivatives=[f"b if a > 1 {joint} b > 1 else 1.0", f"a if b > 1 {joint} a > 1 else 0.0"],
    )
    for x in (0.5, 3.0):
        for f in (lambda x: bent(x, constant), lambda x: bent(constant, x)):
            tape = record(f, x)
            assert tape.value_and_grad(x) == mg.value_and_grad(f)(x)
            values, gradients = tape.batch(np.array([x, x]))
            assert (values[1], gradients[1]) == mg.value_and_grad(f)(x)


def test_an_operation_of_a_users_own_is_called_by_name() -> None:
    cubed = mg.operation("cubed", value="a**3", derivatives=["3 * a**2"])
    assert "def cubed(a):\n    return a * a * a\n" in record(cubed, 2.0).source
    halved = mg.operation("halved", value=lambda a: a / 2, derivatives=[lambda a, y: 0.5])
    tape = record(lambda x: halved(x) + cubed(x), 2.0)
    assert tape.value_and_grad(4.0) == (66.0, 48.5)
    assert "# Python functions of your own, not shown: halved, halved_derivative_a" in tape.source


@pytest.mark.parametrize("name", ["gamma", "floor", "cbrt", "fabs", "ldexp", "degrees"])
@pytest.mark.parametrize("rule", ["a**2 + a", lambda a: a**2 + a], ids=["text", "function"])
def test_an_operation_may_be_called_as_another_function_of_math(name: str, rule: Any) -> None:
    derivative = "2 * a + 1" if isinstance(rule, str) else lambda a, y: 2 * a + 1
    mine = mg.operation(name, value=rule, derivatives=[derivative])
    tape = record(lambda x: 3.0 * mine(x) + x, 2.0)
    assert tape(3.0) == 39.0
    assert tape.value_and_grad(3.0) == (39.0, 22.0)
    values, gradients = tape.batch(np.array([3.0, 3.0]))
    assert (values.tolist(), gradients.tolist()) == ([39.0] * 2, [22.0] * 2)
    if isinstance(rule, str):
        value, gradient = tape.function(namespace=np)(np.array([3.0]))
        assert (value.tolist(), gradient.tolist()) == ([39.0], [22.0])


# Modules of their own


def loss(x: Any, w: Any, b: Any) -> Any:
    y = mg.softplus(mg.dot(x, w[0]) + b) + mg.relu(w[1][0]) + mg.atan2(b, x[0])
    z = mg.log(y) + x[0] ** b + mg.erf(b) + mg.logaddexp(b, x[1]) ** 2.5 / abs(x[0])
    return z if z > 0 else -z


def test_a_saved_tape_runs_without_this_library(tmp_path: Path) -> None:
    inputs = [1.5, 2.0], ((0.5, -0.5), [0.25]), 0.75
    record(loss, *inputs).save(tmp_path / "loss.py")
    program = [
        "import sys",
        f"sys.path.insert(0, {str(tmp_path)!r})",
        "before = set(sys.modules)",
        "import loss",
        f"print(loss.value_and_grad(*{inputs!r}))",
        "print(set(sys.modules) - before)",
    ]
    # -I -S: neither the installed packages nor the current folder are on the path.
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "\n".join(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    result, loaded = map(ast.literal_eval, ended.stdout.splitlines())
    assert loaded <= {"loss", "math"}
    value, (by_x, by_w, by_b) = mg.value_and_grad(loss)(*inputs)
    assert result[0] == pytest.approx(value, rel=1e-14)
    assert result[1][0] == pytest.approx(by_x, rel=1e-13)
    assert result[1][1] == (pytest.approx(by_w[0], rel=1e-13), pytest.approx(by_w[1], rel=1e-13))
    assert result[1][2] == pytest.approx(by_b, rel=1e-13)


def test_finite_numbers_whose_sum_is_not_are_no_overflow() -> None:
    def f(x: Any, y: Any) -> Any:
        return (mg.tanh(2.0 * x) + 1.0) * 0.5 * y + mg.tanh(3.0 * y)

    tape = record(f, 1.0, 1.0)
    namespace: dict[str, Any] = {}
    exec(tape.source, namespace)
    for run in (namespace["value_and_grad"], tape.function(np)):
        assert run(0.75e308, 0.5e308) == mg.value_and_grad(f)(0.75e308, 0.5e308)
    with pytest.raises(OverflowError, match="a number on the way is not finite"):
        namespace["value_and_grad"](1.0, 1.7e308)


def test_arrays_become_lists_in_a_saved_tape(tmp_path: Path) -> None:
    tape = record(lambda w: w[0, 0] * w[1, 1] - w[0, 1], np.ones((2, 2)))
    tape.save(str(tmp_path / "determinant.py"))
    namespace: dict[str, Any] = {}
    exec((tmp_path / "determinant.py").read_text("utf-8"), namespace)
    expected = (0.0, [[4.0, -1.0], [0.0, 1.0]])
    for w in ([[1.0, 4.0], [3.0, 4.0]], np.array([[1.0, 4.0], [3.0, 4.0]])):
        assert namespace["value_and_grad"](w) == expected


def test_a_tape_with_python_functions_cannot_be_saved(tmp_path: Path) -> None:
    odd = mg.operation("odd", value=lambda a, b: a, derivatives=[lambda a, b, y: 1.0, "0.0"])
    tape = record(odd, 1.0, 2.0)
    for run in (lambda: tape.save(tmp_path / "odd.py"), lambda: tape.function(np)):
        with pytest.raises(ValueError, match=r"calls odd, odd_derivative_a.* rules as texts"):
            run()
    assert not (tmp_path / "odd.py").exists()
