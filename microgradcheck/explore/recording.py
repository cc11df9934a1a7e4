"""A function recorded for a page: its nodes, the steps of both sweeps, and their numbers."""

from __future__ import annotations

import inspect
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, Never

from microgradcheck import sweep
from microgradcheck.draw.scene import in_one_line, shortened
from microgradcheck.ops import Operation
from microgradcheck.structure import is_array, put_together, take_apart
from microgradcheck.tape.graph import SYMBOLS
from microgradcheck.value import Note, Value, caller, source_lines, watching

__all__ = ["Application", "Recording", "Step", "apply_chain_rule", "record"]

MOST_STEPS: Final = 1000


@dataclass(frozen=True)
class Step:
    """One step of a person who computes a gradient by hand.

    "forward" computes a node, "seed" says that the root's derivative with respect to itself is 1,
    and "backward" applies the chain rule to one input of one node.
    """

    kind: Literal["forward", "seed", "backward"]
    place: int  # of the node
    position: int = 0  # which input of the node it is, 0 or 1
    target: int = 0  # the place of that input
    use: int = 1  # which of the target's uses this is, in the order of the steps
    uses: int = 1  # how many there are


@dataclass(frozen=True)
class Guard:
    """A comparison that f made; where it comes out differently, f may do something else."""

    left: Value
    symbol: str
    right: Value | float
    answer: bool


@dataclass(frozen=True)
class Recording:
    """What a function did at one point. A node's place is its index among the values."""

    title: str
    values: list[Value]  # every node, each after its inputs; first those of the picture
    drawn: int  # how many are in the picture
    root: int
    inputs: list[int]  # as they were given
    names: list[str]  # of the nodes, each name once
    guards: list[Guard]
    steps: list[Step]
    places: dict[Value, int]

    def operation(self, step: Step) -> Operation:
        """Return the operation that a step computes, or that it takes the derivative of."""
        operation = self.values[step.place].operation
        assert operation is not None
        return operation


def record(f: Callable[..., Any], inputs: Mapping[str, Any]) -> Recording:
    """Run a function once on `Value`s and keep what it did; raises what `explore` raises."""
    if not inputs:
        raise ValueError("explore needs at least one input with its number, such as x=2.0")
    leaves: list[Value] = []
    arguments = {}
    for name, thing in inputs.items():
        entries = _leaves(name, thing)
        leaves += entries
        arguments[name] = put_together(entries, like=thing)
    guards: list[Guard] = []

    def compared(
        compare: Callable[[float, float], bool], left: Value, right: Any, answer: bool
    ) -> None:
        other = right if isinstance(right, Value) else float(right)
        guards.append(Guard(left, SYMBOLS[compare], other, answer))

    # What this package computes by itself for f, as for a model of `nn`, has no line of its own.
    outside = caller(sys._getframe())
    with watching(read=_refuse_to_read, compared=compared), source_lines():
        root = _call(f, arguments)
    if not isinstance(root, Value):
        raise TypeError(
            f"explore needs a function that returns one Value, computed from its inputs; it "
            f"returned {root!r} of type {type(root).__name__}"
        )
    drawn = sweep.topological_order(root)
    compared_with = [side for guard in guards for side in (guard.left, guard.right)]
    sides = [side for side in compared_with if isinstance(side, Value)]
    others = [node for side in sides for node in sweep.topological_order(side)]
    values = list(dict.fromkeys([*drawn, *leaves, *others]))
    places = {value: place for place, value in enumerate(values)}
    for value in values:
        if isinstance(value.note, Note) and value.note.place == outside:
            value.note = value.note._replace(place=None)
    steps = list(_steps(drawn, root, places))
    if len(steps) > MOST_STEPS:
        raise ValueError(
            f"the function takes {len(steps)} steps, and a page shows up to {MOST_STEPS}; explore "
            "a smaller part of it (one neuron, one sample)"
        )
    name = str(getattr(f, "__name__", "f"))
    return Recording(
        title=_title(name, inputs),
        values=values,
        drawn=len(drawn),
        root=places[root],
        inputs=[places[leaf] for leaf in leaves],
        names=_names(values, root, name),
        guards=guards,
        steps=steps,
        places=places,
    )


def _call(f: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    try:
        kinds = {parameter.kind for parameter in inspect.signature(f).parameters.values()}
    except (TypeError, ValueError):  # Some functions that are written in C do not tell.
        kinds = {inspect.Parameter.POSITIONAL_ONLY}
    if kinds & {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL}:
        return f(*arguments.values())
    return f(**arguments)


def _leaves(name: str, thing: Any) -> list[Value]:
    plain = take_apart(thing, name=f"the input {name}")
    single = len(plain) == 1 and not isinstance(thing, (list, tuple)) and not is_array(thing)
    indices = [""] if single else [f"[{i}]" for i in _indices(thing)]
    leaves = [
        Value(entry, label=f"{name}{index}") for entry, index in zip(plain, indices, strict=True)
    ]
    for leaf in leaves:
        if leaf.number - leaf.number != 0:
            raise ValueError(f"the input {leaf.label} must be a finite number, got {leaf.number!r}")
    return leaves


def _indices(thing: Any) -> Iterator[str]:
    if is_array(thing):
        thing = thing.tolist()
    for i, part in enumerate(thing):
        if isinstance(part, (list, tuple)):
            yield from (f"{i}, {deeper}" for deeper in _indices(part))
        else:
            yield str(i)


def _refuse_to_read(value: Value) -> Never:
    raise TypeError(
        f"{value!r} was read as a plain number (.data or float()), and a page cannot follow what "
        "becomes of that when its sliders move; use the Value itself and this library's functions "
        "(microgradcheck.exp, not math.exp)"
    )


def _title(name: str, inputs: Iterable[str]) -> str:
    if not name.isidentifier() and name != "<lambda>":
        return in_one_line(name)
    return in_one_line(f"{name.replace('<lambda>', 'f')}({', '.join(inputs)})")


def _names(values: list[Value], root: Value, function: str) -> list[str]:
    """Return a name for each node: its label, where no other node has the same."""
    labels = [shortened(in_one_line(value.label).strip()) for value in values]
    counts = Counter(labels)
    taken = set(labels)
    names: list[str] = []
    for value, label in zip(values, labels, strict=True):
        name = label
        if value is root and not label:
            name = function if function.isidentifier() and function not in taken else "f"
        if not name or (label and counts[label] > 1) or name in names:
            count = 1
            while f"v{count}" in taken:
                count += 1
            name = f"v{count}"
        taken.add(name)
        names.append(name)
    return names


def _steps(drawn: list[Value], root: Value, places: Mapping[Value, int]) -> Iterator[Step]:
    for value in drawn:
        if value.operation is not None:
            yield Step("forward", places[value])
    yield Step("seed", places[root])
    uses = Counter(slot for value in drawn for slot in value.inputs)
    met: Counter[Value] = Counter()
    for value in reversed(drawn):
        for position, slot in enumerate((value.a, value.b)):
            if value.operation is not None and isinstance(slot, Value):
                met[slot] += 1
                yield Step("backward", places[value], position, places[slot], met[slot], uses[slot])


class Application(NamedTuple):
    """One application of the chain rule; nan where a derivative does not exist."""

    upstream: float  # of the root with respect to the node
    slope: float  # of the node with respect to its input
    terms: tuple[float, ...]  # what has reached the input so far; the last is upstream * slope
    after: float  # their sum


def apply_chain_rule(recording: Recording) -> list[Application | None]:
    """Return the numbers of every backward step, None for all others."""
    adjoints: dict[int, float] = {recording.root: 1.0}
    terms: dict[int, tuple[float, ...]] = {}
    found: list[Application | None] = []
    for step in recording.steps:
        if step.kind != "backward":
            found.append(None)
            continue
        value, operation = recording.values[step.place], recording.operation(step)
        rule = (operation.derivative_a, operation.derivative_b)[step.position]
        numbers = [x.number if isinstance(x, Value) else x for x in (value.a, value.b)]
        slope = float("nan")
        with suppress(ValueError, ArithmeticError):
            slope = float(rule(*numbers, value.number))
        upstream, target = adjoints[step.place], step.target
        terms[target] = (*terms.get(target, ()), upstream * slope)
        adjoints[target] = adjoints.get(target, 0.0) + upstream * slope
        found.append(Application(upstream, slope, terms[target], adjoints[target]))
    return found
