"""Lines of source: which line asked for an operation, and how messages call it."""

from __future__ import annotations

import copy
import cProfile
import linecache
import pstats
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import microgradcheck as mg
from microgradcheck.value import Value, is_ours, line_name, source_line


def test_every_kind_of_operation_knows_its_line() -> None:
    x = Value(0.5)
    with mg.source_lines():
        made = [
            x + 1,
            2 - x,
            -x,
            x.sin(),
            mg.hypot(x, 1.0),
            *np.exp(np.array([x], dtype=object)),
            mg.softmax([x, 1.0])[0],
        ]
    lines = [source_line(value) for value in made]
    assert [line.partition(": ")[2] for line in lines] == [
        "x + 1,",
        "2 - x,",
        "-x,",
        "x.sin(),",
        "mg.hypot(x, 1.0),",
        "*np.exp(np.array([x], dtype=object)),",
        "mg.softmax([x, 1.0])[0],",
    ]
    assert all(line.startswith("test_places.py:") for line in lines)


def test_the_line_is_not_one_of_numpys_own() -> None:
    with mg.source_lines():
        total = (np.array([Value(1.0), Value(2.0)]) ** 2).sum()
    assert "total = (np.array" in source_line(total)


def test_leaves_and_what_is_recorded_elsewhere_have_none() -> None:
    before = Value(1.0) + 1
    with mg.source_lines():
        leaf = Value(1.0)
    assert [source_line(value) for value in (before, leaf, leaf + 1)] == ["", "", ""]


def test_no_more_operations_are_recorded_than_are_wanted() -> None:
    x = Value(1.0)
    with mg.source_lines(most=3):
        y = x + 1 + 2 + 3
    assert source_line(y)
    with pytest.raises(RuntimeError, match="more than 3 operations"), mg.source_lines(most=3):
        x + 1 + 2 + 3 + 4
    assert sys.getprofile() is None


def test_labels_scopes_and_copies_keep_the_line() -> None:
    @mg.scope
    def double(x: Value) -> Value:
        return 2 * x

    with mg.source_lines():
        y = double(Value(3.0, "x"))
    y.label = "y"
    for twin in (y, copy.copy(y), copy.deepcopy(y)):
        assert twin.label == "y"
        assert source_line(twin).endswith(": return 2 * x")
        assert "double:" in mg.draw(twin).text


def test_without_its_source_a_line_still_has_its_number() -> None:
    names: dict[str, Any] = {"x": Value(2.0)}
    with mg.source_lines():
        exec(compile("\n\ny = x * x", "<typed>", "exec"), names)
    assert source_line(names["y"]) == "<typed>:3"


@pytest.mark.parametrize(
    ("source", "underlined"),
    [
        ("y = mg.hypot(x,\n    1.0)", "y = mg.hypot(x,\n    ~~~~~~~~~~~"),
        # Some characters are two columns wide.
        ("長 = y = x * x", f"長 = y = x * x\n{' ' * 9}~~~~~"),
        ("y = {'長さ': 2}['長さ'] * x", f"y = {{'長さ': 2}}['長さ'] * x\n    {'~' * 23}"),
    ],
    ids=["several lines", "wide characters before", "wide characters within"],
)
def test_the_expression_is_underlined_in_its_first_line(
    source: str, underlined: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = source.splitlines(keepends=True)
    monkeypatch.setitem(linecache.cache, "<typed>", (len(source), None, lines, "<typed>"))
    names: dict[str, Any] = {"x": Value(2.0), "mg": mg}
    with mg.source_lines():
        exec(compile(source, "<typed>", "exec"), names)
    place = names["y"].note.place
    assert place.location == "<typed>:1"
    assert place.underlined == underlined


@pytest.mark.parametrize(
    ("filename", "ours"),
    [
        *((mg.__file__, True), ("<exp over floats>", True)),
        *((__file__, False), ("<stdin>", False), ("one over x.py", False)),
    ],
)
def test_code_of_this_package_and_its_rules_is_ours(filename: str, ours: bool) -> None:
    assert is_ours(filename) is ours


def test_a_profiler_rests_and_goes_on(tmp_path: Any) -> None:
    profiler = cProfile.Profile()
    profiler.enable()
    with mg.source_lines():
        y = Value(2.0) * 3
    sorted([2, 1])
    profiler.disable()
    assert source_line(y)
    assert any("sorted" in name for *_, name in pstats.Stats(profiler).stats)  # type: ignore[attr-defined]


def test_a_python_profiler_comes_back_after_an_error() -> None:
    def profile(*_: object) -> None: ...

    sys.setprofile(profile)
    try:
        with pytest.raises(KeyError), mg.source_lines():
            raise KeyError
        assert sys.getprofile() is profile
    finally:
        sys.setprofile(None)


def test_a_cell_of_a_notebook_is_called_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def format_code_name(name: str) -> tuple[str, str] | None:
        return ("Cell", "In[3]") if name == "/tmp/123.py" else None

    shell = SimpleNamespace(compile=SimpleNamespace(format_code_name=format_code_name))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))  # type: ignore[arg-type]
    assert line_name("/tmp/123.py", 7) == "In[3]:7"
    assert line_name("/somewhere/loss.py", 7) == "loss.py:7"


def test_a_file_whose_name_begins_like_the_packages_is_a_users() -> None:
    package = Path(mg.__file__).parent
    assert is_ours(str(package / "value" / "value.py"))
    assert not is_ours(f"{package}_demo.py")
    assert not is_ours(str(package.with_name(f"{package.name}_extras") / "model.py"))
