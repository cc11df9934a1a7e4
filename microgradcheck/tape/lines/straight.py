"""Both sweeps of a graph as straight lines of Python, as one would write them by hand."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from microgradcheck.ops import NumberSystem, Operation
from microgradcheck.tape.graph import Graph, Guard
from microgradcheck.tape.lines.definitions import foreign_derivative
from microgradcheck.tape.lines.expression import Condition, Expression, constant
from microgradcheck.tape.lines.names import WIDTH, Names
from microgradcheck.tape.lines.texts import ARRAY_TEXTS

__all__ = ["StraightLine"]


_LONG = WIDTH - 12
"""So long may a text grow that is to stand in a line with a name, and maybe in another text."""


class StraightLine:
    """The lines that compute a graph's result, and those that carry its derivative back.

    A line is written for what has a label or is read more than once; all else is written where
    it is read, as long as the line there does not grow too long.

    Args:
        graph: what to compute.
        texts: the number system that writes, over floats or over arrays.
        entries: the names of the inputs.
        names: gives out all others.
        watched: places whose numbers need a name, so that they can be looked at.
        gradient: whether there is a reverse sweep.

    Attributes:
        forward: the lines of the forward sweep; a guard among them, with the text of its
            comparison, stands where it is to be checked.
        backward: the lines of the reverse sweep.
        value: the text of the result.
        watched: the texts of the watched places.
        partials: the text of the derivative with respect to each input.
    """

    def __init__(
        self,
        graph: Graph,
        texts: NumberSystem,
        entries: Sequence[str],
        names: Names,
        watched: Sequence[int] = (),
        *,
        gradient: bool = True,
    ) -> None:
        draft_entries = [f"v{place}" for place in range(graph.inputs)]
        draft = _Writer(graph, texts, draft_entries, watched, gradient=gradient)
        final = _Writer(
            *(graph, texts, entries, watched), gradient=gradient, names=names, reads=draft.reads
        )
        self.forward = final.forward
        self.backward = final.backward
        self.value = str(final.values[graph.root])
        looked_at = [final.values[place] for place in watched]
        # Whether a number is finite does not depend on its sign.
        self.watched = [str(Expression(x.text, x.rank, abs(x.factor))) for x in looked_at]
        self.partials = final.partials


class _Writer:
    """Writes both sweeps: a draft with a line for everything, or the final lines.

    Args:
        names: for the final lines; a draft gives each place its number.
        reads: how often the draft reads each name.
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
        self.graph = graph
        self.texts = texts
        self.names = names
        self.kept = reads
        self.reads: Counter[str] = Counter()
        self.forward: list[str | tuple[Guard, str]] = []
        self.backward: list[str] = []
        self.partials: list[str] = []
        self.values: list[Expression] = []
        self._names: dict[int, str] = dict(enumerate(entries))
        self._adjoint_names: dict[int, str] = {}
        self._unnamed = 0
        self._begun: set[int] = set()
        self._write_forward()
        for place in watched:
            self._read(self.values[place])
        if gradient:
            self._write_backward()

    # Both sweeps

    def _write_forward(self) -> None:
        guards = defaultdict(list)
        for guard in self.graph.guards:
            guards[max(guard.left, guard.right)].append(guard)
        for place, operation in enumerate(self.graph.operations):
            if operation is not None:
                self.values.append(self._value(place, operation))
            elif place < self.graph.inputs:
                self.values.append(Expression(self._names[place]))
            else:
                self.values.append(constant(self.graph.numbers[place]))
            for guard in guards[place]:
                condition = guard.compare(self.values[guard.left], self.values[guard.right])
                self._read(condition)
                self.forward.append((guard, condition.text))

    def _value(self, place: int, operation: Operation) -> Expression:
        slots = (self.graph.left[place], self.graph.right[place])[: operation.arity]
        result = self._result(operation, slots)
        if len(result.text) > _LONG:
            for slot in slots:
                if not self.values[slot].is_simple:
                    self.values[slot] = self._line(slot, self.values[slot])
            result = self._result(operation, slots)
        if place in self.graph.labels or place == self.graph.root:
            return self._line(place, result)
        return self._line(place, result) if self._earns_a_line(place, result) else result

    def _result(self, operation: Operation, slots: Sequence[int]) -> Expression:
        return constant(self.texts.value(operation)(*(self.values[slot] for slot in slots)))

    def _write_backward(self) -> None:
        graph = self.graph
        adjoints = {graph.root: constant(1.0)}
        for place in range(len(graph) - 1, graph.inputs - 1, -1):
            operation = graph.operations[place]
            adjoint = adjoints.pop(place, None)
            if operation is None or adjoint is None:
                continue
            if place in self._begun or self._earns_a_line(place, adjoint, "d_"):
                adjoint = self._adjoint_line(place, adjoint)
            terms = self._contributions(place, operation, adjoint)
            if not adjoint.is_simple and any(len(term.text) > _LONG for _, term in terms):
                adjoint = self._adjoint_line(place, adjoint)
                terms = self._contributions(place, operation, adjoint)
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
        self, place: int, operation: Operation, adjoint: Expression
    ) -> list[tuple[int, Expression]]:
        """Return what a place adds to the adjoints of its inputs."""
        graph = self.graph
        slots = [graph.left[place], graph.right[place]]
        numbers = [self.values[slot] for slot in slots]
        terms = [
            (slot, adjoint * self._slope(operation, position, *numbers, self.values[place]))
            for position, slot in enumerate(slots[: operation.arity])
            if graph.varies(slot)
        ]
        if len(terms) == 2 and slots[0] == slots[1]:
            return [(slots[0], terms[0][1] + terms[1][1])]
        return terms

    def _slope(self, operation: Operation, position: int, *numbers: Expression) -> Expression:
        """Write the derivative of an operation by one of its inputs, from the inputs and result."""
        if isinstance(operation.derivatives[position], str):
            return constant(self.texts.derivatives(operation)[position](*numbers))
        *inputs, result = numbers
        arguments = ", ".join(map(str, [*inputs[: operation.arity], result]))
        return Expression(f"{foreign_derivative(operation, position)}({arguments})")

    # What has a line, and its name

    def _earns_a_line(self, place: int, text: Expression, prefix: str = "") -> bool:
        if text.is_simple:
            return False
        if self.kept is None:
            return True
        # A number whose derivative has a line has one too, since that is called after it.
        return self.kept[f"{prefix}v{place}"] > 1 or self.kept[f"d_v{place}"] > 1

    def _line(self, place: int, text: Expression) -> Expression:
        name = self._name(place)
        self._read(text)
        self.forward.append(f"{name} = {text}")
        return Expression(name)

    def _adjoint_line(self, place: int, text: Expression) -> Expression:
        """Write a line for a derivative, or for what is to be added to it if it has one."""
        name = self._adjoint_name(place)
        self._read(text)
        if place not in self._begun:
            self.backward.append(f"{name} = {text}")
        elif self.texts is ARRAY_TEXTS:
            # Adding in place would change whatever else stands for the same array.
            self.backward.append(f"{name} = {Expression(name) + text}")
        else:
            self.backward.append(f"{name} += {text}")
        return Expression(name)

    def _name(self, place: int) -> str:
        if place not in self._names:
            if self.names is None:
                name = f"v{place}"
            else:
                wish = self.graph.labels.get(place, "value" if place == self.graph.root else "")
                name = self.names.fresh(wish, f"v{self._unnamed + 1}")
                self._unnamed += name == f"v{self._unnamed + 1}"
            self._names[place] = name
        return self._names[place]

    def _adjoint_name(self, place: int) -> str:
        if place not in self._adjoint_names:
            name = f"d_{self._name(place)}"
            self._adjoint_names[place] = self.names.fresh(name, "") if self.names else name
        return self._adjoint_names[place]

    def _read(self, text: Expression | Condition) -> None:
        if self.kept is None:
            self.reads.update(re.findall(r"\w+", str(text)))
