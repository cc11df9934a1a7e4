"""Write what stands in each box and circle of a picture, on each line, and in its twin in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import isclose, isfinite

from microgradcheck.draw.flows import Crossing, Input, amounts, contents, has_gradient, inputs_of
from microgradcheck.draw.graph import Box, Graph, Unit
from microgradcheck.draw.scene import Frame, Line, Node, in_lines, in_one_line, shortened
from microgradcheck.numeric import Estimate
from microgradcheck.value import Value, source_line

__all__ = ["CHECKED_WITHIN", "Writer", "count", "made_at"]

CHECKED_WITHIN = 1e-6  # relative
LONGEST_SUM = 4
LONGEST_SOURCE = 100


class Writer:
    """Writes the texts of one picture.

    Args:
        graph: what is drawn.
        order: the units and open boxes of it.
        precision: significant digits of the numbers.
        derivatives: whether they stand on the edges.
        formulas: whether their formulas do too.
        checks: what nudging each value does.
    """

    def __init__(
        self,
        graph: Graph,
        order: Sequence[Unit],
        *,
        precision: int,
        derivatives: bool,
        formulas: bool,
        checks: Mapping[Value, Estimate],
    ) -> None:
        self.precision, self.derivatives, self.formulas = precision, derivatives, formulas
        self.checks, self.roots = checks, graph.roots
        units = graph.units()
        self.contents, self.amounts = contents(graph, units), amounts(graph)
        self.homes = dict(zip(graph.values, graph.homes, strict=True))
        shown = [value for value, unit in zip(graph.values, units, strict=True) if unit is value]
        boxes = [unit for unit in order if isinstance(unit, Box)]
        self.names: dict[Unit, str] = {value: f"v{index}" for index, value in enumerate(shown)}
        self.names |= {box: f"b{index}" for index, box in enumerate(boxes)}
        # What lies in a closed box has the box's name; the whole graph is no frame.
        self.names |= {v: self.names[unit] for v, unit in zip(graph.values, units, strict=True)}
        self.names[graph.whole] = ""
        self.inputs = {value: list(inputs_of(value)) for value in shown}
        # What flows back to each value, line by line.
        self.flows: defaultdict[Value, list[float | None]] = defaultdict(list)
        for inputs in self.inputs.values():
            for each in inputs:
                if isinstance(each.content, Value):
                    self.flows[each.content].append(each.flow)
        for content in self.contents.values():
            for crossing in content.sources.values():
                for value, flow in crossing.items():
                    self.flows[value].append(flow)

    def nodes(self, unit: Unit) -> Iterator[Node]:
        """Yield what is drawn of a value or of a closed box, and before it what is drawn for it."""
        return self._value(unit) if isinstance(unit, Value) else self._folded(unit)

    def frame(self, box: Box) -> Frame:
        """Return what is drawn of an open box."""
        title = Line(12, (("quiet", shortened(self.title(box))),))
        tooltip = in_lines(f"{self.title(box)}\n{self._amount(box)}")
        outer = self.names[self.home(box)]
        return Frame(self.names[box], title, tooltip, outer, box.level - 1)

    def home(self, unit: Unit) -> Box:
        """Return the box that something lies in."""
        home = self.homes[unit] if isinstance(unit, Value) else unit.outer
        assert home is not None, "the whole graph is not drawn"
        return home

    def title(self, box: Box) -> str:
        """Return what a box is called, and which of several it is."""
        number, alike = box.place
        which = f", {number:,} of {alike:,}" if alike > 1 else ""
        return in_one_line(f"{box.title}{which}")

    def _value(self, value: Value) -> Iterator[Node]:
        name, operation = self.names[value], value.operation
        frame = self.names[self.home(value)]
        sources: tuple[str, ...] = ()
        kind = "input"
        if operation is not None:
            kind = "value"
            tooltip = f"{operation.name}: y = {operation.value}"
            for each in self.inputs[value]:
                source = f"{name}_{each.parameter}"
                if not isinstance(each.content, Value):
                    line = Line(13, (("quiet", self.number(each.content)),))
                    told = f"constant {each.content!r}"
                    yield Node(source, "constant", (line,), told, frame=frame)
                elif self.derivatives:
                    yield self._derivative(source, each, value, frame)
                else:
                    source = self.names[each.content]
                    tooltip += f"\n{each.formula}: {_exact(each, value)}"
                sources += (source,)
            line = Line(15, (("symbol", in_one_line(operation.symbol)),))
            ordered = operation.value not in {"a + b", "a * b"}
            at, tooltip = f"{name}_operation", in_lines(tooltip + made_at(value))
            yield Node(at, "operation", (line,), tooltip, sources, ordered, frame=frame)
            sources = (at,)
        if value in self.roots:
            kind = "result"
        lines, tooltip = self._numbers(value), in_lines(self._exact_numbers(value))
        yield Node(name, kind, lines, tooltip, sources, wrong=self.is_wrong(value), frame=frame)

    def _derivative(self, name: str, each: Input, value: Value, frame: str) -> Node:
        slope = "undefined" if each.slope is None else self.number(each.slope)
        runs = [("slope", slope)]
        if each.flow is not None:
            runs.append(("grad", f" × {self.number(value.grad)} = {self.number(each.flow)}"))
        lines = [Line(12, tuple(runs))]
        if self.formulas:
            lines.append(Line(11, (("quiet", in_one_line(each.formula)),)))
        tooltip = in_lines(f"{each.formula}\n{_exact(each, value)}")
        assert isinstance(each.content, Value)
        sources = (self.names[each.content],)
        return Node(name, "derivative", tuple(lines), tooltip, sources, frame=frame)

    def _folded(self, box: Box) -> Iterator[Node]:
        name, content = self.names[box], self.contents[box]
        frame, title = self.names[self.home(box)], self.title(box)
        sources: tuple[str, ...] = ()
        for source, crossing in content.sources.items():
            start = self.names[source]
            if self.derivatives and (crossed := self._crossing(crossing)):
                run, words = crossed
                way, line = f"{name}_{start}", Line(12, (run,))
                told = in_lines(f"from {self.called(source)} to {title}\n{words}")
                yield Node(way, "derivative", (line,), told, (start,), frame=frame)
                start = way
            sources += (start,)
        lines = [Line(14, (("name", shortened(title)),))]
        exact = [title]
        if (amount := self._amount(box)) and not box.is_counted:
            lines.append(Line(12, (("quiet", amount),)))
            exact.append(amount)
        if len(content.results) == 1:
            (value,) = content.results
            lines += self._numbers(value)
            exact.append(self._exact_numbers(value))
        if wrong := self._differing(box):
            exact.append(wrong)
        kind = "folded" if self.roots.isdisjoint(content.results) else "folded result"
        tooltip = in_lines("\n".join(exact))
        yield Node(name, kind, tuple(lines), tooltip, sources, wrong=bool(wrong), frame=frame)

    def _crossing(self, crossing: Crossing) -> tuple[tuple[str, str], str] | None:
        """Return what stands on a line to a closed box, if anything does, and the exact words."""
        if len(crossing) > 1:
            amount = count(len(crossing), "value")
            return ("quiet", amount), amount
        (flow,) = crossing.values()
        return None if flow is None else (("grad", f"grad {self.number(flow)}"), f"grad {flow!r}")

    def _amount(self, box: Box) -> str:
        """Return how much a box holds, in words."""
        held = [(self.amounts[box, False], "operation"), (self.amounts[box, True], "input")]
        return ", ".join(count(number, noun) for number, noun in held if number)

    def _differing(self, box: Box) -> str:
        """Say how many gradients in a closed box are not what a check found, if any are not."""
        wrong = sum(map(self.is_wrong, self.contents[box].values))
        verb = "differs" if wrong == 1 else "differ"
        return f"{count(wrong, 'gradient')} in it {verb} from nudging" if wrong else ""

    def _numbers(self, value: Value) -> tuple[Line, ...]:
        """Return the lines that show a value's label, number, gradient and check."""
        label, data = shortened(in_one_line(value.label)), self.number(value.number)
        first = Line(14, (("name", label), ("data", f" = {data}")) if label else (("data", data),))
        second = Line(12, (("quiet", "grad "), ("grad", self._gradient(value))))
        if (estimate := self.checks.get(value)) is None:
            return first, second
        text = self.number(estimate.value) if isfinite(estimate.value) else "undefined"
        look = "wrong" if self.is_wrong(value) else "quiet"
        return first, second, Line(12, (("quiet", "nudged "), (look, text)))

    def _exact_numbers(self, value: Value) -> str:
        gradient = repr(value.grad) if has_gradient(value) else "not computed"
        exact = f"{value.label}\n" if value.label else ""
        exact += f"data {value.number!r}\ngrad {gradient}"
        if (estimate := self.checks.get(value)) is not None:
            exact += f"\nnudged {estimate.value!r} ± {estimate.error_bound:.1e}"
        return exact + made_at(value)

    def _gradient(self, value: Value) -> str:
        """Return a gradient, as the sum that it is where there are several uses."""
        if not has_gradient(value):
            return "—"
        written = self.number(value.grad)
        flows = [flow for flow in self.flows[value] if flow is not None]
        # A gradient that was gathered in two sweeps, or in a larger graph, is not this sum.
        if len(flows) < 2 or not isclose(
            sum(flows), value.grad, rel_tol=1e-9, abs_tol=1e-12 * max(map(abs, flows))
        ):
            return written
        terms = [self.number(flow) for flow in flows]
        if len(terms) > LONGEST_SUM:
            terms[LONGEST_SUM - 1 :] = [f"… ({len(terms)} uses)"]
        return f"{written} = {' + '.join(terms)}".replace("+ -", "- ")

    def is_wrong(self, value: Value) -> bool:
        """Tell whether a gradient is not what a check found, as far as both are known."""
        estimate = self.checks.get(value)
        if estimate is None or not has_gradient(value) or estimate.behaviour == "edge":
            return False
        low, high = sorted(estimate.slopes or (estimate.value, estimate.value))
        margin = estimate.error_bound + CHECKED_WITHIN * max(abs(low), abs(high))
        return not low - margin <= value.grad <= high + margin

    def number(self, x: float) -> str:
        """Return a number with as many digits as the picture shows."""
        whole = x == x // 1 and abs(x) < 1e6
        return str(int(x)) if whole else f"{x:.{self.precision}g}"

    def called(self, unit: Unit) -> str:
        """Return the name of a value or box in the picture, with its own after it."""
        name = self.names[unit]
        label = unit.label if isinstance(unit, Value) else self.title(unit)
        return f"{name} ({label})" if label else name

    def in_words(self, unit: Unit) -> str:
        """Return the line of the twin in words that tells of a value or box."""
        said = self._value_in_words(unit) if isinstance(unit, Value) else self._box_in_words(unit)
        return "  " * self.home(unit).level + in_one_line(said)

    def _value_in_words(self, value: Value) -> str:
        made = ""
        if value.operation is not None:
            slots = (each.content for each in self.inputs[value])
            inputs = (self.names[x] if isinstance(x, Value) else self.number(x) for x in slots)
            made = f"{value.operation.name}({', '.join(inputs)}) = "
        return f"{self.called(value)} = {made}{self._numbers_in_words(value)}"

    def _box_in_words(self, box: Box) -> str:
        if box.is_open:
            return f"{self.title(box)}:"
        content = self.contents[box]
        said = f"{self.called(box)}, folded"
        if any(value.operation is not None for value in content.values):
            said += f": {self._amount(box)}"
        if content.sources:
            said += f" of {', '.join(map(self.names.__getitem__, content.sources))}"
        if len(content.results) == 1:
            said += f" = {self._numbers_in_words(*content.results)}"
        if wrong := self._differing(box):
            said += f"; {wrong}"
        return said

    def _numbers_in_words(self, value: Value) -> str:
        gradient = self.number(value.grad) if has_gradient(value) else "not computed"
        checked = ""
        if (estimate := self.checks.get(value)) is not None:
            verdict = "differs from" if self.is_wrong(value) else "agrees with"
            checked = f", which {verdict} {self.number(estimate.value)} by nudging"
        return f"{self.number(value.number)}, gradient {gradient}{checked}"


def made_at(value: Value) -> str:
    """Return what a tooltip says of the line of source that made a value, if that is known."""
    line = shortened(in_one_line(source_line(value)), LONGEST_SOURCE)
    return f"\n{line}" if line else ""


def _exact(each: Input, value: Value) -> str:
    if each.slope is None:
        return "undefined"
    return repr(each.slope) + ("" if each.flow is None else f" × {value.grad!r} = {each.flow!r}")


def count(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it needs one.

    Example:
        >>> count(1, "value"), count(2000, "value")
        ('1 value', '2,000 values')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
