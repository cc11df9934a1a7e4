"""Both sweeps of a graph as straight lines of Python, as one would write them by hand."""

from __future__ import annotations

import inspect
import keyword
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from microgradcheck.ops import NumberSystem, Operation
from microgradcheck.tape.expression import ARRAY_TEXTS, Condition, Expression, constant
from microgradcheck.tape.graph import Graph, Guard

__all__ = ["WIDTH", "Names", "StraightLine", "foreign_derivative", "straight_line"]

WIDTH = 96
"""How many characters a line of generated code may have."""

_LONG = WIDTH - 12
"""So long may a text grow that is to stand in a line with a name, and maybe in another text."""


class Names:
    """Gives out names that are free: neither taken already, nor keywords."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = {*taken, *keyword.kwlist}

    def fresh(self, wish: str, otherwise: str = "") -> str:
        """Return an unused identifier, as near to the wish, which may be any text, as can be."""
        # Python itself reads identifiers in this normal form.
        plain = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", wish)).strip("_")
        name = stem = plain if plain.isidentifier() else otherwise
        count = 1
        while name in self._taken:
            count += 1
            name = f"{stem}_{count}"
        self._taken.add(name)
        return name

    def parameters(self, f: Callable[..., Any], count: int) -> list[str]:
        """Return a name for each of f's arguments, its own where it has them."""
        try:
            signature = list(inspect.signature(f).parameters.values())
        except (TypeError, ValueError):  # Some functions written in C have none.
            signature = []
        wishes = [
            p.name for p in signature if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}
        ]
        rest = next((p.name for p in signature if p.kind is p.VAR_POSITIONAL), "x")
        wishes += [f"{rest}{i}" if count > 1 else rest for i in range(len(wishes), count)]
        return [self.fresh(wish, "x") for wish in wishes[:count]]

    def entries(self, parameter: str, like: Any, labels: Iterator[str]) -> list[str]:
        """Return a name for each entry of an argument: its label, or such as `x0` or `w0_1`."""
        if not isinstance(like, (list, tuple)):
            next(labels)
            return [parameter]
        wishes = list(_wishes(parameter, "", like))
        return [self.fresh(next(labels) or wish, wish) for wish in wishes]


def _wishes(stem: str, separator: str, like: Any) -> Iterator[str]:
    if not isinstance(like, (list, tuple)):
        yield stem
        return
    for i, part in enumerate(like):
        yield from _wishes(f"{stem}{separator}{i}", "_", part)


def foreign_derivative(operation: Operation, position: int) -> str:
    """Return the name by which code calls a derivative that is a Python function."""
    return f"{operation.name}_derivative_{operation.parameters[position]}"


def straight_line(
    graph: Graph,
    texts: NumberSystem,
    entries: Sequence[str],
    names: Names,
    watched: Sequence[int],
    *,
    gradient: bool,
) -> StraightLine:
    """Write both sweeps of a graph.

    Args:
        graph: what to compute.
        texts: the number system that writes, over floats or over arrays.
        entries: the names of the inputs.
        names: gives out all others.
        watched: places whose numbers need a name, so that they can be looked at.
        gradient: whether there is a reverse sweep.
    """
    draft = StraightLine(
        *(graph, texts, [f"v{place}" for place in range(graph.inputs)], watched), gradient=gradient
    )
    return StraightLine(
        *(graph, texts, entries, watched), gradient=gradient, names=names, reads=draft.reads
    )


class StraightLine:
    """The lines that compute a graph's result, and those that carry its derivative back.

    A line is written for what has a label or is read more than once; all else is written where
    it is read, as long as the line there does not grow too long. How often a name is read tells
    a draft, which has a line for everything, no names, and each place's number for its own.

    Attributes:
        forward: the lines of the forward sweep; a guard among them, with the text of its
            comparison, stands where it is to be checked.
        backward: the lines of the reverse sweep.
        value: the text of the result.
        watched: the texts of the watched places.
        partials: the text of the derivative with respect to each input.
        reads: how often each name is read, in a draft.
    """

    def __init__(
        self,
        graph: Graph,
        texts: NumberSystem,
        entries: Sequence[str],
        watched: Sequence[int],
        *,
        gradient: bool,
        names: Names | None = None,
        reads: Counter[str] | None = None,
    ) -> None:
        self._graph = graph
        self._texts = texts
        self._fresh = names
        self._kept = reads
        self.reads: Counter[str] = Counter()
        self.forward: list[str | tuple[Guard, str]] = []
        self.backward: list[str] = []
        self.partials: list[str] = []
        self._values = list(map(constant, graph.numbers))
        self._values[: graph.inputs] = map(Expression, entries)
        self._names = dict(enumerate(entries))
        self._adjoint_names: dict[int, str] = {}
        self._unnamed = 0
        self._begun: set[int] = set()
        self._write_forward()
        self.value = str(self._values[graph.root])
        looked_at = [self._values[place] for place in watched]
        for number in looked_at:
            self._read(number)
        # Whether a number is finite does not depend on its sign.
        self.watched = [str(Expression(x.text, x.rank, abs(x.factor))) for x in looked_at]
        if gradient:
            self._write_backward()

    # Both sweeps

    def _write_forward(self) -> None:
        guards = defaultdict(list)
        for guard in self._graph.guards:
            guards[max(guard.left, guard.right)].append(guard)
        for place in range(self._graph.inputs):
            self._write_guards(guards[place])
        for place, operation, slots in self._graph.steps():
            self._values[place] = self._value(place, operation, slots)
            self._write_guards(guards[place])

    def _write_guards(self, guards: Sequence[Guard]) -> None:
        for guard in guards:
            condition = guard.compare(self._values[guard.left], self._values[guard.right])
            self._read(condition)
            self.forward.append((guard, condition.text))

    def _value(self, place: int, operation: Operation, slots: Sequence[int]) -> Expression:
        rule, values = self._texts.value(operation), self._values
        result = constant(rule(*(values[slot] for slot in slots)))
        if len(result.text) > _LONG:
            for slot in slots:
                if not values[slot].is_simple:
                    values[slot] = self._line(slot, values[slot])
            result = constant(rule(*(values[slot] for slot in slots)))
        if place in self._graph.labels or place == self._graph.root:
            return self._line(place, result)
        return self._line(place, result) if self._earns_a_line(place, result) else result

    def _write_backward(self) -> None:
        graph = self._graph
        adjoints = {graph.root: constant(1.0)}
        for place, operation, slots in reversed(list(graph.steps())):
            adjoint = adjoints.pop(place, None)
            if adjoint is None:
                continue
            if place in self._begun or self._earns_a_line(place, adjoint, "d_"):
                adjoint = self._adjoint_line(place, adjoint)
            terms = self._contributions(place, operation, slots, adjoint)
            if not adjoint.is_simple and any(len(term.text) > _LONG for _, term in terms):
                adjoint = self._adjoint_line(place, adjoint)
                terms = self._contributions(place, operation, slots, adjoint)
            for target, term in terms:
                total = adjoints[target] + term if target in adjoints else term
                if target in adjoints and len(total.text) > _LONG:
                    self._adjoint_line(target, adjoints[target])
                    self._begun.add(target)
                    total = term
                adjoints[target] = total
        for place in range(graph.inputs):
            adjoint = adjoints.get(place, constant(0.0))
            self.partials.append(str(self._adjoint_line(place, adjoint)))

    def _contributions(
        self, place: int, operation: Operation, slots: Sequence[int], adjoint: Expression
    ) -> list[tuple[int, Expression]]:
        """Return what a place adds to the adjoints of its inputs."""
        numbers = [self._values[slot] for slot in slots]
        terms = [
            (slot, adjoint * self._slope(operation, position, numbers, self._values[place]))
            for position, slot in enumerate(slots)
            if slot >= 0
        ]
        if len(terms) == 2 and slots[0] == slots[1]:
            return [(slots[0], terms[0][1] + terms[1][1])]
        return terms

    def _slope(
        self, operation: Operation, position: int, inputs: list[Expression], result: Expression
    ) -> Expression:
        """Write the derivative of an operation by one of its inputs, from the inputs and result."""
        if isinstance(operation.derivatives[position], str):
            rule = self._texts.derivatives(operation)[position]
            return constant(rule(inputs[0], inputs[-1], result))
        arguments = ", ".join(map(str, [*inputs, result]))
        return Expression(f"{foreign_derivative(operation, position)}({arguments})")

    # What has a line, and its name

    def _earns_a_line(self, place: int, text: Expression, prefix: str = "") -> bool:
        if text.is_simple:
            return False
        if self._kept is None:
            return True
        # A number whose derivative has a line has one too, since that is called after it.
        return self._kept[f"{prefix}v{place}"] > 1 or self._kept[f"d_v{place}"] > 1

    def _line(self, place: int, text: Expression) -> Expression:
        name = self._name(place)
        self._read(text)
        self.forward.append(f"{name} = {text}")
        return Expression(name)

    def _adjoint_line(self, place: int, text: Expression) -> Expression:
        """Write a line for a derivative, or for what is to be added to it if it has one."""
        if place not in self._adjoint_names:
            name = f"d_{self._name(place)}"
            self._adjoint_names[place] = self._fresh.fresh(name) if self._fresh else name
        name = self._adjoint_names[place]
        self._read(text)
        if place not in self._begun:
            self.backward.append(f"{name} = {text}")
        elif self._texts is ARRAY_TEXTS:
            # Adding in place would change whatever else stands for the same array.
            self.backward.append(f"{name} = {Expression(name) + text}")
        else:
            self.backward.append(f"{name} += {text}")
        return Expression(name)

    def _name(self, place: int) -> str:
        if place not in self._names:
            name = f"v{place}"
            if self._fresh is not None:
                wish = self._graph.labels.get(place, "value" if place == self._graph.root else "")
                unnamed = f"v{self._unnamed + 1}"
                name = self._fresh.fresh(wish, unnamed)
                self._unnamed += name == unnamed
            self._names[place] = name
        return self._names[place]

    def _read(self, text: Expression | Condition) -> None:
        if self._kept is None:
            self.reads.update(re.findall(r"\w+", str(text)))
