"""The texts of one picture: what stands in each box and circle, on each line, and in the twin."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import isclose, isfinite

from microgradcheck.draw.boxes import Box
from microgradcheck.draw.contents import Crossing, amounts, contents
from microgradcheck.draw.flows import Input, has_gradient, inputs_of
from microgradcheck.draw.graph import Graph, Unit
from microgradcheck.draw.scene import Frame, Node
from microgradcheck.draw.text import Line, in_lines, in_one_line
from microgradcheck.numeric import Estimate
from microgradcheck.value import Value

__all__ = ["CHECKED_WITHIN", "Writer", "count"]

CHECKED_WITHIN = 1e-6  # relative
LONGEST_LABEL = 24
LONGEST_SUM = 4


class Writer:
    """Writes the texts of one picture.

    Args:
        graph: what is drawn.
        order: the units and open boxes of it.
        precision: significant digits of the numbers.
        derivatives: whether they stand on the edges.
        formulas: whether their formulas do too.
        checks: what nudging each value does, by the value's id.
    """

    def __init__(
        self,
        graph: Graph,
        order: Sequence[Unit],
        *,
        precision: int,
        derivatives: bool,
        formulas: bool,
        checks: Mapping[int, Estimate],
    ) -> None:
        self.precision, self.derivatives, self.formulas = precision, derivatives, formulas
        self.checks = checks
        self.values = graph.values
        units = graph.units()
        self.contents, self.amounts = contents(graph, units), amounts(graph)
        self.results = {id(graph.values[root]) for root in graph.roots}
        shown = [value for value, unit in zip(graph.values, units, strict=True) if unit is value]
        boxes = [unit for unit in order if isinstance(unit, Box)]
        self.names = {id(value): f"v{index}" for index, value in enumerate(shown)}
        self.names |= {id(box): f"b{index}" for index, box in enumerate(boxes)}
        pairs = list(zip(graph.values, graph.homes, units, strict=True))
        self.homes = {id(value): home for value, home, _ in pairs}
        # What is drawn of a value has its name.
        self.names |= {id(value): self.names[id(unit)] for value, _, unit in pairs}
        self.inputs = {id(value): list(inputs_of(value)) for value in shown}
        self.flows: defaultdict[int, list[float | None]] = defaultdict(list)
        for inputs in self.inputs.values():
            for each in inputs:
                self.flows[id(each.content)].append(each.flow)
        for content in self.contents.values():
            for crossing in content.sources.values():
                for place, flow in crossing.items():
                    self.flows[id(graph.values[place])].append(flow)

    def nodes(self, unit: Unit) -> Iterator[Node]:
        """Yield what is drawn of a value or of a closed box."""
        return self._value(unit) if isinstance(unit, Value) else self._folded(unit)

    def _value(self, value: Value) -> Iterator[Node]:
        """Yield what stands before the operation of a value, the operation, and the value."""
        name, operation = self.names[id(value)], value.operation
        frame = self._frame_of(self.homes[id(value)])
        sources: tuple[str, ...] = ()
        if operation is not None:
            tooltip = f"{operation.name}: y = {operation.value}"
            for each in self.inputs[id(value)]:
                source = f"{name}_{each.parameter}"
                if not isinstance(each.content, Value):
                    line = Line(13, (("quiet", self.number(each.content)),))
                    told = f"constant {each.content!r}"
                    yield Node(source, "constant", (line,), told, frame=frame)
                elif self.derivatives:
                    yield self._derivative(source, each, value, frame)
                else:
                    source = self.names[id(each.content)]
                    tooltip += f"\n{each.formula}: {_exact(each, value)}"
                sources += (source,)
            line = Line(15, (("symbol", in_one_line(operation.symbol)),))
            ordered = operation.value not in {"a + b", "a * b"}
            at = f"{name}_operation"
            tooltip = in_lines(tooltip)
            yield Node(at, "operation", (line,), tooltip, sources, ordered, frame=frame)
            sources = (at,)
        kind = "value" if operation is not None else "input"
        if id(value) in self.results:
            kind = "result"
        yield Node(
            name,
            kind,
            self._numbers(value),
            in_lines(self._exact_numbers(value)),
            sources,
            wrong=self.is_wrong(value),
            frame=frame,
        )

    def _folded(self, box: Box) -> Iterator[Node]:
        """Yield what stands on the lines to a closed box, and the box."""
        name, content = self.names[id(box)], self.contents[box]
        frame, title = self._frame_of(box.outer), self.title(box)
        sources: tuple[str, ...] = ()
        for source, crossing in content.sources.items():
            start = self.names[id(source)]
            if self.derivatives and (text := self._crossing(crossing)):
                way = f"{name}_{start}"
                told = f"from {self.called(source)} to {title}\n{_exact_crossing(crossing)}"
                line = Line(12, (text,))
                yield Node(way, "derivative", (line,), in_lines(told), (start,), frame=frame)
                sources += (way,)
            else:
                sources += (start,)
        lines = [Line(14, (("name", _shortened(title)),))]
        tooltip = title
        if (amount := self.amount(box)) and not box.is_counted:
            lines.append(Line(12, (("quiet", amount),)))
            tooltip += f"\n{amount}"
        if len(content.results) == 1:
            (value,) = content.results.values()
            lines += self._numbers(value)
            tooltip += f"\n{self._exact_numbers(value)}"
        kind = "folded"
        if not self.results.isdisjoint(map(id, content.results.values())):
            kind = "folded result"
        wrong = self.differing(box)
        tooltip += f"\n{wrong}" if wrong else ""
        tooltip = in_lines(tooltip)
        yield Node(name, kind, tuple(lines), tooltip, sources, wrong=bool(wrong), frame=frame)

    def frame(self, box: Box) -> Frame:
        """Return what is drawn of an open box."""
        title = Line(12, (("quiet", _shortened(self.title(box))),))
        level = sum(1 for _ in box.way_out) - 2
        tooltip = in_lines(f"{self.title(box)}\n{self.amount(box)}")
        return Frame(self.names[id(box)], title, tooltip, self._frame_of(box.outer), level)

    def title(self, box: Box) -> str:
        """Return what a box is called, and which of several it is."""
        number, alike = box.place
        which = f", {number:,} of {alike:,}" if alike > 1 else ""
        return in_one_line(f"{box.title}{which}")

    def called(self, unit: Unit) -> str:
        """Return the name of a value or box in the picture, with its own after it."""
        name = self.names[id(unit)]
        label = unit.label if isinstance(unit, Value) else self.title(unit)
        return f"{name} ({label})" if label else name

    def _frame_of(self, box: Box | None) -> str:
        return self.names[id(box)] if box is not None and box.outer is not None else ""

    def _numbers(self, value: Value) -> tuple[Line, ...]:
        """Return the lines that show a value's label, number, gradient and check."""
        label, data = _shortened(in_one_line(value.label)), self.number(value.number)
        first = Line(14, (("name", label), ("data", f" = {data}")) if label else (("data", data),))
        second = Line(12, (("quiet", "grad "), ("grad", self._gradient(value))))
        if (estimate := self.checks.get(id(value))) is None:
            return first, second
        text = self.number(estimate.value) if isfinite(estimate.value) else "undefined"
        look = "wrong" if self.is_wrong(value) else "quiet"
        return first, second, Line(12, (("quiet", "nudged "), (look, text)))

    def _exact_numbers(self, value: Value) -> str:
        gradient = repr(value.grad) if has_gradient(value) else "not computed"
        exact = f"{value.label}\n" if value.label else ""
        exact += f"data {value.number!r}\ngrad {gradient}"
        if (estimate := self.checks.get(id(value))) is not None:
            exact += f"\nnudged {estimate.value!r} ± {estimate.error_bound:.1e}"
        return exact

    def _derivative(self, name: str, each: Input, value: Value, frame: str) -> Node:
        slope = "undefined" if each.slope is None else self.number(each.slope)
        runs = [("slope", slope)]
        if each.flow is not None:
            product = f" × {self.number(value.grad)} = {self.number(each.flow)}"
            runs.append(("grad", product))
        lines = [Line(12, tuple(runs))]
        if self.formulas:
            lines.append(Line(11, (("quiet", in_one_line(each.formula)),)))
        tooltip = in_lines(f"{each.formula}\n{_exact(each, value)}")
        assert isinstance(each.content, Value)
        sources = (self.names[id(each.content)],)
        return Node(name, "derivative", tuple(lines), tooltip, sources, frame=frame)

    def _crossing(self, crossing: Crossing) -> tuple[str, str] | None:
        """Return what stands on a line to a closed box: how many values, or what flows back."""
        if len(crossing) > 1:
            return "quiet", count(len(crossing), "value")
        (flow,) = crossing.values()
        return None if flow is None else ("grad", f"grad {self.number(flow)}")

    def amount(self, box: Box) -> str:
        """Return how much a box holds, in words."""
        operations, leaves = self.amounts[box]
        parts = [count(operations, "operation")] if operations else []
        parts += [count(leaves, "input")] if leaves else []
        return ", ".join(parts)

    def differing(self, box: Box) -> str:
        """Say how many gradients in a closed box are not what a check found, if any are not."""
        values = (self.values[place] for place in self.contents[box].places)
        wrong = sum(map(self.is_wrong, values))
        verb = "differs" if wrong == 1 else "differ"
        return f"{count(wrong, 'gradient')} in it {verb} from nudging" if wrong else ""

    def _gradient(self, value: Value) -> str:
        if not has_gradient(value):
            return "—"
        written = self.number(value.grad)
        flows = [flow for flow in self.flows[id(value)] if flow is not None]
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
        estimate = self.checks.get(id(value))
        if estimate is None or not has_gradient(value) or estimate.behaviour == "edge":
            return False
        low, high = sorted(estimate.slopes or (estimate.value, estimate.value))
        margin = estimate.error_bound + CHECKED_WITHIN * max(abs(low), abs(high))
        return not low - margin <= value.grad <= high + margin

    def number(self, x: float) -> str:
        """Return a number with as many digits as the picture shows."""
        whole = x == x // 1 and abs(x) < 1e6
        return str(int(x)) if whole else f"{x:.{self.precision}g}"


def _exact(each: Input, value: Value) -> str:
    if each.slope is None:
        return "undefined"
    return repr(each.slope) + ("" if each.flow is None else f" × {value.grad!r} = {each.flow!r}")


def _exact_crossing(crossing: Crossing) -> str:
    if len(crossing) > 1:
        return count(len(crossing), "value")
    return f"grad {next(iter(crossing.values()))!r}"


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 1] + "…"


def count(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it needs one.

    Example:
        >>> count(1, "value"), count(2000, "value")
        ('1 value', '2,000 values')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
