"""What type checkers are told: mypy reads this file, too, and pytest that it is told so rightly."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, assert_type

import numpy as np
import pytest

import microgradcheck as mg
from microgradcheck import Value, functions
from microgradcheck.ops import OPERATIONS
from microgradcheck.value import OPERATORS

# What follows is run, and mypy compares the types; an ignored error that is none is one, too.


def test_operators_give_values() -> None:
    x = Value(3.0)

    def square(v: Value) -> Value:
        return v * v

    assert_type(square(x), Value)
    assert_type(1 + x - 2 * x / 4, Value)
    assert_type(-x + abs(+x), Value)
    assert_type(x**2 - 2.0**x, Value)
    assert_type(pow(x, x), Value)
    assert_type(x * np.float64(2.0), Value)
    assert_type(x * np.ones(2), Any)
    assert_type(np.ones(2) - x, Any)
    assert_type(x < 2, bool)
    with pytest.raises(TypeError):
        x + "1"  # type: ignore[call-overload]


def test_methods_give_values() -> None:
    x = Value(0.5)
    assert_type((x.exp() - 1).tanh().arcsin(), Value)
    assert_type(x.sin().hypot(x).atan2(2), Value)
    with pytest.raises(AttributeError):
        x.gradd  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError):
        x.bakward()  # type: ignore[attr-defined]


def test_functions_give_what_they_are_given() -> None:
    x = Value(0.5)
    assert_type(mg.exp(x), Value)
    assert_type(mg.exp(1), float)
    assert_type(mg.exp(1j), Any)
    assert_type(mg.exp(np.ones(2)), Any)
    assert_type(mg.atan2(x, 1), Value)
    assert_type(mg.atan2(1.0, x), Value)
    assert_type(mg.atan2(1.0, 2), float)
    assert_type(mg.atan2(np.ones(2), x), Any)
    with pytest.raises(TypeError):
        mg.exp("1")  # type: ignore[call-overload]
    with pytest.raises(AttributeError):
        mg.nosuch(3)  # type: ignore[attr-defined]
    with pytest.raises(ImportError):
        from microgradcheck import exq  # type: ignore[attr-defined]  # noqa: F401


def test_functions_of_entries_give_what_the_entries_are() -> None:
    x = Value(0.5)

    def norm(entries: Sequence[Value]) -> Value:
        return mg.sqrt(mg.sum(entry**2 for entry in entries))

    assert_type(norm([x, x]), Value)
    assert_type(mg.sum([x]), Value | Any)
    assert_type(mg.mean([x]), Value)
    assert_type(mg.mean([1, 2]), float)
    assert_type(mg.logsumexp((x, x)), Value)
    assert_type(mg.dot([x], [2]), Value)
    assert_type(mg.dot([2.0], [x]), Value)
    assert_type(mg.dot([2.0], [1]), float)
    assert_type(mg.dot(np.ones(2), [1, 2]), Any)
    assert_type(mg.softmax([x, x]), list[Value])
    assert_type(mg.clip(x, 0, 1), Value)
    assert_type(mg.clip([0.5], 0, 1), list[float])
    assert_type(mg.clip(0.5, x, 1), Any)


# The names that are listed for type checkers are those that are made of the table.


def listed(where: ModuleType | type) -> dict[str, str]:
    """Return the names that are assigned for type checkers alone, with what they stand for."""
    body = ast.parse(inspect.getsource(where)).body
    if isinstance(body[0], ast.ClassDef) and inspect.isclass(where):
        body = body[0].body
    blocks = [part for part in body if isinstance(part, ast.If)]
    (block,) = [part for part in blocks if ast.unparse(part.test) == "TYPE_CHECKING"]
    names = {part.name: part.name for part in block.body if isinstance(part, ast.FunctionDef)}
    for part in block.body:
        if isinstance(part, ast.Assign):
            names |= dict.fromkeys(map(ast.unparse, part.targets), ast.unparse(part.value))
    return names


def of_the_table(of_one: str, of_two: str) -> dict[str, str]:
    table = {name: row for name, row in OPERATIONS.items() if name not in OPERATORS}
    return {name: of_one if row.arity == 1 else of_two for name, row in table.items()}


def test_functions_are_listed() -> None:
    assert listed(functions) == of_the_table("of_one", "of_two"), (
        "list the functions of the table in microgradcheck/functions/__init__.py"
    )


def test_methods_are_listed() -> None:
    expected = of_the_table("__neg__", "atan2")
    for name, kind in list(expected.items()):
        if hasattr(Value, numpy_name := "arc" + name[1:]):
            expected[numpy_name] = kind
    assert listed(Value) == expected, (
        "list the methods of the table in the class of microgradcheck/value/value.py"
    )


@pytest.mark.parametrize("test", [test_functions_are_listed, test_methods_are_listed])
def test_a_row_that_is_not_listed_is_seen(
    monkeypatch: pytest.MonkeyPatch, test: Callable[[], None]
) -> None:
    monkeypatch.setitem(OPERATIONS, "cube", OPERATIONS["exp"])
    with pytest.raises(AssertionError, match=r"list the (functions|methods) of the table in"):
        test()
