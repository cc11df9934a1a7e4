"""The reference: every public name has all that its reader needs, and every example runs."""

from __future__ import annotations

import ast
import doctest
import inspect
import pydoc
import re
import textwrap
from collections.abc import Callable, Iterator
from enum import EnumType
from typing import Any

import pytest

import microgradcheck as mg
from microgradcheck.ops import OPERATIONS
from microgradcheck.optimize import UpdateRule
from microgradcheck.value import OPERATORS


def public_things() -> Iterator[tuple[str, Any]]:
    """Yield what stands behind every public name: functions, classes and their methods."""
    for name in mg.__all__:
        thing = getattr(mg, name)
        if inspect.ismodule(thing):
            for inner in thing.__all__:
                yield from with_methods(f"{name}.{inner}", getattr(thing, inner))
        else:
            yield from with_methods(name, thing)


def with_methods(name: str, thing: Any) -> Iterator[tuple[str, Any]]:
    if not callable(thing):
        return  # A table, such as `mistakes.GALLERY`.
    yield name, thing
    # The protocol tells of what every rule has, and the table of its operations as methods.
    told_elsewhere = {*OPERATIONS, *vars(UpdateRule)} if thing is not UpdateRule else {}
    for method, function in vars(thing).items() if inspect.isclass(thing) else ():
        is_public = inspect.isfunction(function) and not method.startswith("_")
        if is_public and function.__name__ not in told_elsewhere:
            yield f"{name}.{method}", function


def shortcomings(thing: Any) -> list[str]:
    """Return what a docstring should have, by what the thing does, and has not."""
    doc = inspect.getdoc(thing) or ""
    is_class = inspect.isclass(thing)
    found = []
    if not re.match(r"\w[^\n]+\.(\n|$)", doc):
        found.append("no sentence")
    told = {name for title in ("Args", "Attributes") for name in entries(doc, title)}
    unknown = set(entries(doc, "Args")) - set(parameters(thing))
    found += [f"no word of {name}" for name in parameters(thing) if name not in told]
    found += [f"{name} is no argument" for name in sorted(unknown)]
    if not is_class and returns(thing) and not re.search(r"^Returns:|\AReturn", doc, re.MULTILINE):
        found.append("no Returns")
    if raises(thing) and "\nRaises:" not in doc:
        found.append("no Raises")
    # A class's own example stands for its methods.
    if (is_class or "." not in thing.__qualname__) and ">>> " not in doc:
        found.append("no example")
    return found


def entries(doc: str, title: str) -> list[str]:
    """Return the names that a section of a docstring tells of."""
    section = re.search(rf"^{title}:\n((?:    .*\n|\n)*)", f"{doc}\n", re.MULTILINE)
    if section is None:
        return []
    heads = re.findall(r"^    (\w+(?:, \w+)*):", section[1], re.MULTILINE)
    return [name for head in heads for name in head.split(", ")]


def parameters(thing: Any) -> list[str]:
    if isinstance(thing, EnumType) or getattr(thing, "_is_protocol", False):
        return []  # Nobody makes one by calling it.
    return [name for name in inspect.signature(thing).parameters if name != "self"]


def returns(function: Callable[..., Any]) -> bool:
    return inspect.signature(function).return_annotation not in (None, "None")


def raises(thing: Any) -> bool:
    """Tell whether something raises when it is called, itself or by a private helper."""
    makers = (getattr(thing, name, None) for name in ("__init__", "__post_init__"))
    pending = list(makers) if inspect.isclass(thing) else [thing]
    seen = set()
    while pending:
        function = inspect.unwrap(pending.pop())
        is_ours = inspect.isfunction(function) and function.__module__.startswith(mg.__name__)
        if not is_ours or function in seen or function.__code__.co_filename == "<string>":
            continue  # A dataclass's own.
        seen.add(function)
        nodes = list(ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))))
        if any(isinstance(node, ast.Raise) for node in nodes):
            return True
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        helpers = (function.__globals__.get(name) for name in names if name.startswith("_"))
        pending += [helper for helper in helpers if inspect.isfunction(helper)]
    return False


THINGS = dict(public_things())


@pytest.mark.parametrize("name", THINGS)
def test_the_docstring_of_a_public_name_is_complete(name: str) -> None:
    assert shortcomings(THINGS[name]) == []


def test_there_are_things_of_every_kind() -> None:
    assert len(THINGS) > 100
    assert {
        *("Value", "Value.backward", "exp", "gradcheck", "nn.MLP", "nn.Module.load"),
        *("numeric.estimate", "plot.path", "optimize.Adam", "optimize.cosine", "mistakes.show"),
    } <= set(THINGS)


@pytest.mark.parametrize("name", [name for name in THINGS if name in OPERATIONS])
def test_the_example_of_an_operation_runs(name: str) -> None:
    # They are written from the table, so pytest does not find them in a file.
    (example,) = doctest.DocTestFinder().find(THINGS[name], name, globs={})
    assert len(example.examples) == 5
    assert doctest.DocTestRunner(verbose=False).run(example).failed == 0


def test_help_tells_the_derivatives_of_the_whole_table() -> None:
    shown = pydoc.render_doc(mg, renderer=pydoc.plaintext)
    for name, row in OPERATIONS.items():
        for parameter, rule in zip(row.parameters, row.derivatives, strict=True):
            told = f"Derivative with respect to {parameter}: {rule}, where y is the result."
            assert name in OPERATORS or told in shown


# The test can fail


def complete(x: float) -> float:
    """Return x.

    Args:
        x: a number.

    Returns:
        It.

    Raises:
        ValueError: x is negative.

    Example:
        >>> complete(1.0)
        1.0
    """
    return _checked(x)


def _checked(x: float) -> float:
    if x < 0:
        raise ValueError(x)
    return x


@pytest.mark.parametrize(
    ("edits", "missing"),
    [
        ({}, []),
        ({"Return x.\n": "\n"}, ["no sentence"]),
        ({"x: a number.": "a number."}, ["no word of x"]),
        ({"x: a number.": "x, y: numbers."}, ["y is no argument"]),
        ({"Returns:": "Gives:"}, []),
        ({"Returns:": "Gives:", "Return x.": "It is x."}, ["no Returns"]),
        ({"Raises:": "Limits:"}, ["no Raises"]),
        ({">>> ": ""}, ["no example"]),
    ],
)
def test_an_incomplete_docstring_is_seen(
    monkeypatch: pytest.MonkeyPatch, edits: dict[str, str], missing: list[str]
) -> None:
    doc = inspect.getdoc(complete)
    assert doc is not None
    for old, new in edits.items():
        assert old in doc
        doc = doc.replace(old, new, 1)
    monkeypatch.setattr(complete, "__doc__", doc)
    # Only this library's own functions are looked into for what they raise.
    for function in (complete, _checked):
        monkeypatch.setattr(function, "__module__", "microgradcheck")
    assert shortcomings(complete) == missing
