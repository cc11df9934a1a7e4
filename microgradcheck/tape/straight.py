"""Both sweeps of a graph as straight lines of Python, as one would write them by hand.

The eager engine raises an error where an infinity arises out of finite numbers. Generated code
does not look at each number: sums and products hand infinities on, so that one look at the end
is enough, but `1 / y` or `tanh(y)` make a finite number out of an infinite y. At such places,
`lossy_places`, a number must be seen to be finite before it is lost.
"""

from __future__ import annotations

import keyword
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import product
from typing import Any

from microgradcheck.ops import NumberSystem, Operation
from microgradcheck.structure import indices_of
from microgradcheck.tape.expression import ARRAY_TEXTS, Condition, Expression, constant
from microgradcheck.tape.graph import Graph, Guard

WIDTH = 96
"""How many characters a line of generated code may have."""

_LONG = WIDTH - 12
"""So long may a text grow that is to stand in a line with a name, and maybe in another text."""


class Names:
    """Gives out names that are neither taken nor keywords."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = {*taken, *keyword.kwlist}
        self._counts: Counter[str] = Counter()

    def fresh(self, wish: str, otherwise: str = "") -> str:
        """Return an identifier as near to a wish, which may be any text, as can be."""
        # Python itself reads identifiers in this normal form.
        plain = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", wish)).strip("_")
        name = stem = plain if plain.isidentifier() else otherwise
        while name in self._taken:
            self._counts[stem] += 1
            name = f"{stem}_{self._counts[stem] + 1}"
        self._taken.add(name)
        return name

    def entries(self, parameter: str, like: Any, labels: Iterator[str]) -> list[str]:
        """Return a name for each entry of an argument: its label, or such as `x0` or `w0_1`."""
        if not isinstance(like, (list, tuple)):
            next(labels)
            return [parameter]
        wishes = [parameter + "_".join(map(str, index)) for index in indices_of(like)]
        return [self.fresh(next(labels) or wish, wish) for wish in wishes]


def foreign_derivative(operation: Operation, position: int) -> str:
    """Return the name by which code calls a derivative that is a Python function."""
    return f"{operation.name}_derivative_{operation.parameters[position]}"


class StraightLine:
    """The lines that compute a graph's result, and those that carry its derivative back.

    What has a label or is read more than once has a line; all else is written where it is read,
    as long as the line there does not grow too long. How often a name is read tells a draft, in
    which everything has a line, and a place's number for its name.

    Attributes:
        forward, backward: the lines of both sweeps, and among the first the checks of guards.
        value: the text of the result.
        watched: the texts of what must be seen to be finite, apart from the result.
        partials: the text of the derivative with respect to each input.
    """

    def __init__(
        self,
        graph: Graph,
        texts: NumberSystem,
        entries: Sequence[str],
        check: Callable[[Guard, str], list[str]],  # writes it, from the text of its comparison
        *,
        gradient: bool,
        names: Names | None = None,  # for all but the entries; None for a draft
    ) -> None:
        self._reads: Counter[str] = Counter()
        if names:
            own = [f"v{place}" for place in range(graph.inputs)]
            self._reads = StraightLine(graph, texts, own, check, gradient=gradient)._reads
        self._graph, self._texts, self._fresh = graph, texts, names
        self.forward: list[str] = []
        self.backward: list[str] = []
        self._values = list(map(constant, graph.numbers))
        self._values[: graph.inputs] = map(Expression, entries)
        self._names = dict(enumerate(entries))
        self._adjoint_names: dict[int, str] = {}
        self._unnamed = 0
        self._begun: set[int] = set()
        self._write_forward(check)
        self.value = str(self._values[graph.root])
        self.watched = [self._read(self._values[place]) for place in lossy_places(graph)]
        self.partials = list(self._write_backward()) if gradient else []

    # Both sweeps

    def _write_forward(self, check: Callable[[Guard, str], list[str]]) -> None:
        guards = defaultdict(list)
        for guard in self._graph.guards:
            guards[max(guard.left, guard.right)].append(guard)
        steps, inputs = self._graph.steps(), self._graph.inputs
        for place in range(inputs + len(self._graph.operations)):
            if place >= inputs:
                self._values[place] = self._value(*next(steps))
            for guard in guards[place]:
                condition = guard.compare(self._values[guard.left], self._values[guard.right])
                self.forward += check(guard, self._read(condition))

    def _value(self, place: int, operation: Operation, slots: Sequence[int]) -> Expression:
        rule, values = self._texts.value(operation), self._values
        result = constant(rule(*(values[slot] for slot in slots)))
        if len(result.text) > _LONG:
            for slot in slots:
                if not values[slot].is_simple:
                    values[slot] = self._line(slot, values[slot])
            result = constant(rule(*(values[slot] for slot in slots)))
        named = place in self._graph.labels or place == self._graph.root
        return self._line(place, result) if named or self._earns_a_line(place, result) else result

    def _write_backward(self) -> Iterator[str]:
        """Yield the derivative with respect to each input."""
        graph = self._graph
        adjoints = {graph.root: constant(1.0)}
        for place, operation, slots in reversed(list(graph.steps())):
            adjoint = adjoints.pop(place, None)
            if adjoint is None:
                continue
            if place in self._begun or self._earns_a_line(place, adjoint, "d_"):
                adjoint = self._adjoint_line(place, adjoint)
            terms = self._contributions(place, operation, slots, adjoint)
            if not adjoint.is_simple and any(len(term.text) > _LONG for term in terms.values()):
                adjoint = self._adjoint_line(place, adjoint)
                terms = self._contributions(place, operation, slots, adjoint)
            for target, term in terms.items():
                total = adjoints[target] + term if target in adjoints else term
                if target in adjoints and len(total.text) > _LONG:
                    self._adjoint_line(target, adjoints[target])
                    self._begun.add(target)
                    total = term
                adjoints[target] = total
        for place in range(graph.inputs):
            yield str(self._adjoint_line(place, adjoints.get(place, constant(0.0))))

    def _contributions(
        self, place: int, operation: Operation, slots: Sequence[int], adjoint: Expression
    ) -> dict[int, Expression]:
        """Return what a place adds to the adjoints of its inputs."""
        numbers = [self._values[slot] for slot in slots]
        terms: dict[int, Expression] = {}
        for position, slot in enumerate(slots):
            if slot >= 0:
                term = adjoint * self._slope(operation, position, numbers, self._values[place])
                terms[slot] = terms[slot] + term if slot in terms else term
        return terms

    def _slope(
        self, operation: Operation, position: int, inputs: list[Expression], result: Expression
    ) -> Expression:
        """Write the derivative of an operation by one of its inputs."""
        if isinstance(operation.derivatives[position], str):
            rule = self._texts.derivatives(operation)[position]
            return constant(rule(inputs[0], inputs[-1], result))
        arguments = ", ".join(map(str, [*inputs, result]))
        return Expression(f"{foreign_derivative(operation, position)}({arguments})")

    # What has a line, and its name

    def _earns_a_line(self, place: int, text: Expression, prefix: str = "") -> bool:
        # A number whose derivative has a line has one too, since that is called after it.
        many = self._reads[f"{prefix}v{place}"] > 1 or self._reads[f"d_v{place}"] > 1
        return not text.is_simple and (many or self._fresh is None)

    def _line(self, place: int, text: Expression) -> Expression:
        name = self._name(place)
        self.forward.append(f"{name} = {self._read(text)}")
        return Expression(name)

    def _adjoint_line(self, place: int, text: Expression) -> Expression:
        """Write a line for a derivative, or for what is added to it if it has one."""
        if place not in self._adjoint_names:
            name = f"d_{self._name(place)}"
            self._adjoint_names[place] = self._fresh.fresh(name) if self._fresh else name
        name, added = self._adjoint_names[place], self._read(text)
        if place not in self._begun:
            self.backward.append(f"{name} = {added}")
        elif self._texts is ARRAY_TEXTS:
            # Adding in place would change whatever else stands for the same array.
            self.backward.append(f"{name} = {Expression(name) + text}")
        else:
            self.backward.append(f"{name} += {added}")
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

    def _read(self, text: Expression | Condition) -> str:
        """Return what is written where a number is read; a draft counts the names in it."""
        written = str(text)
        if self._fresh is None:
            self._reads.update(re.findall(r"\w+", written))
        return written


def lossy_places(graph: Graph) -> list[int]:
    """Return the places whose numbers must be seen to be finite, apart from the result."""
    lossy = {side for guard in graph.guards for side in (guard.left, guard.right)}
    for _, operation, slots in graph.steps():
        lossy.update(slot for i, slot in enumerate(slots) if not _hands_on(operation, i))
    results = range(graph.inputs, graph.inputs + len(graph.operations))
    return sorted(lossy.intersection(results))


@cache
def _hands_on(operation: Operation, position: int) -> bool:
    """Tell whether an infinite or undefined input always leads to such a result, or an error."""
    # Nothing is known of a rule in Python. Of the table's own, these numbers show it.
    infinite, samples = (math.inf, -math.inf, math.nan), (-2.0, -1.0, 0.0, 0.5, 1.0, 3.0)
    pairs = product(infinite, samples) if position == 0 else product(samples, infinite)
    return isinstance(operation.value, str) and not any(
        _is_finite(operation.compute, pair[: operation.arity]) for pair in pairs
    )


def _is_finite(rule: Callable[..., float], inputs: Sequence[float]) -> bool:
    try:
        return math.isfinite(rule(*inputs))
    except (ValueError, ArithmeticError):
        return False
