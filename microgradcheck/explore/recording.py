"""A function recorded for a page: its graph, and the steps of both sweeps."""

from __future__ import annotations

import inspect
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from itertools import count
from math import isfinite
from typing import Any, Final, Literal, NamedTuple, Never

from microgradcheck import sweep
from microgradcheck.draw.scene import in_one_line, shortened
from microgradcheck.structure import entry_names, put_together, require_function, take_apart
from microgradcheck.tape.graph import SYMBOLS, Compare
from microgradcheck.value import NotComputed, Note, Value, caller, source_lines, watching

MOST_STEPS: Final = 1000
_NAMELESS: Final = inspect.Parameter.POSITIONAL_ONLY


class Step(NamedTuple):
    """One step of a person who computes a gradient by hand.

    "forward" computes a node, "seed" says that the root's derivative with respect to itself is 1,
    and "backward" applies the chain rule to one input of one node.
    """

    kind: Literal["forward", "seed", "backward"]
    place: int  # of the node
    position: int = 0  # which input of the node it is, 0 or 1
    target: int = 0  # the place of that input
    uses: int = 1  # how many uses the target has


class Guard(NamedTuple):
    """A comparison that f made; where it comes out differently, f may do something else."""

    slots: tuple[Value, Any]  # two Values, or a Value and a number
    symbol: str
    answer: bool


@dataclass(frozen=True)
class Recording:
    """What a function did at one point: a graph of the page's own, whose labels are unique names.

    A node's place is its index among the values.
    """

    title: str
    values: list[Value]  # every node, each after its inputs; those of the picture up to the root
    places: dict[Value, int]
    root: int
    inputs: list[int]  # as they were given
    guards: list[Guard]
    steps: list[Step]

    @property
    def names(self) -> list[str]:
        """The name of each node."""
        return [value.label for value in self.values]


def record(f: Callable[..., Any], inputs: Mapping[str, Any]) -> Recording:
    """Run a function once on `Value`s and keep what it did; raises what `explore` raises."""
    require_function(f)
    if not inputs:
        raise ValueError("explore needs at least one input with its number, such as x=2.0")
    # A copy, since f may have brought along nodes of others.
    root, leaves, guards = deepcopy(_run(f, inputs))
    drawn = sweep.topological_order(root)
    sides = [side for guard in guards for side in guard.slots if isinstance(side, Value)]
    values = list(dict.fromkeys([*drawn, *leaves, *sweep.topological_order(*sides)]))
    places = {value: place for place, value in enumerate(values)}
    # What this package computes by itself for f, as for a model of `nn`, has no line of its own.
    outside = caller(sys._getframe())
    function = str(getattr(f, "__name__", "f")).replace("<lambda>", "f")
    for value, name in zip(values, _names(values, places[root], function), strict=True):
        value.label, value.grad = name, NotComputed()
        if isinstance(value.note, Note) and value.note.place == outside:
            value.note = value.note._replace(place=None)
    # Where a derivative does not exist, the page shows that it does not.
    with suppress(ValueError, ArithmeticError):
        root.backward()
    steps = list(_steps(drawn, places))
    if len(steps) > MOST_STEPS:
        raise ValueError(
            f"the function takes {len(steps)} steps, and a page shows up to {MOST_STEPS}; explore "
            "a smaller part of it (one neuron, one sample)"
        )
    # The name of an expression from the command line is its text, which has its inputs in it.
    title = f"{function}({', '.join(inputs)})" if function.isidentifier() else function
    given = [places[leaf] for leaf in leaves]
    return Recording(in_one_line(title), values, places, places[root], given, guards, steps)


def _run(
    f: Callable[..., Any], inputs: Mapping[str, Any]
) -> tuple[Value, list[Value], list[Guard]]:
    """Return f's result, its inputs one by one, and what it compared."""
    leaves: list[Value] = []
    arguments = {}
    for name, thing in inputs.items():
        entries = _leaves(name, thing)
        leaves += entries
        arguments[name] = put_together(entries, like=thing)
    guards: list[Guard] = []

    def compared(compare: Compare, left: Value, right: Any, answer: bool) -> None:
        guards.append(Guard((left, right), SYMBOLS[compare], answer))

    with watching(read=_refuse_to_read, compared=compared), source_lines():
        root = _call(f, arguments)
    if not isinstance(root, Value):
        raise TypeError(
            f"explore needs a function that returns one Value, computed from its inputs; it "
            f"returned {root!r} of type {type(root).__name__}"
        )
    return root, leaves, guards


def _call(f: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    try:
        parameters = inspect.signature(f).parameters
    except (TypeError, ValueError):  # Some functions that are written in C do not tell.
        return f(*arguments.values())
    kinds = {parameter.kind for parameter in parameters.values()}
    if inspect.Parameter.VAR_KEYWORD not in kinds and not arguments.keys() <= parameters.keys():
        takes_any = kinds & {_NAMELESS, inspect.Parameter.VAR_POSITIONAL}
        return f(*arguments.values()) if takes_any else f(**arguments)
    by_name = dict(arguments)
    nameless = [name for name, parameter in parameters.items() if parameter.kind is _NAMELESS]
    in_order = [by_name.pop(name) for name in nameless if name in by_name]
    return f(*in_order, **by_name)


def _leaves(name: str, thing: Any) -> list[Value]:
    entries = take_apart(thing, name=f"the input {name}")
    leaves = list(map(Value, entries, entry_names(name, thing)))
    for leaf in leaves:
        if not isfinite(leaf.number):
            raise ValueError(f"the input {leaf.label} must be a finite number, got {leaf.number!r}")
    return leaves


def _refuse_to_read(value: Value) -> Never:
    raise TypeError(
        f"{value!r} was read as a plain number (.data or float()), and a page cannot follow what "
        "becomes of that when its sliders move; use the Value itself and this library's functions "
        "(microgradcheck.exp, not math.exp)"
    )


def _names(values: list[Value], root: int, function: str) -> list[str]:
    """Return a name for each node: its label, where no other node has the same."""
    labels = [shortened(in_one_line(value.label).strip()) for value in values]
    if not labels[root]:
        wishes = [name for name in (function, "f") if name.isidentifier() and name not in labels]
        labels[root] = wishes[0] if wishes else ""
    uses = Counter(labels)
    numbered = (name for n in count(1) if (name := f"v{n}") not in uses)
    return [label if label and uses[label] == 1 else next(numbered) for label in labels]


def _steps(drawn: list[Value], places: Mapping[Value, int]) -> Iterator[Step]:
    computed = [value for value in drawn if value.operation is not None]
    for value in computed:
        yield Step("forward", places[value])
    yield Step("seed", places[drawn[-1]])
    uses = Counter(slot for value in computed for slot in value.inputs)
    for value in reversed(computed):
        for position, slot in enumerate((value.a, value.b)):
            if isinstance(slot, Value):
                yield Step("backward", places[value], position, places[slot], uses[slot])
