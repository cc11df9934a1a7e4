"""Write what stands in each box and circle of a picture, on each line, and in its twin in words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from math import isclose, isfinite

from microgradcheck.draw.checking import Check
from microgradcheck.draw.graph import Box, Graph, Input, Unit, flow_through, has_gradient, inputs_of
from microgradcheck.draw.scene import Line, Node, in_one_line, shortened
from microgradcheck.structure import count
from microgradcheck.value import Value, source_line

LONGEST_SUM = 4
LONGEST_SOURCE = 100

_BY_NUDGING = {
    "": "and {} by nudging",
    "agrees": "which agrees with {} by nudging",
    "differs": "which differs from {} by nudging",
    "unclear": "and nudging cannot tell",
}


class Writer:
    """Writes the texts of one picture, with the options of `draw`.

    Attributes:
        nodes: what is drawn of all that was written.
        words: its lines of the twin in words.
    """

    def __init__(
        self,
        graph: Graph,
        order: Sequence[Unit],
        *,
        precision: int,
        derivatives: bool,
        formulas: bool,
        checks: Mapping[Value, Check],
    ) -> None:
        self.nodes: list[Node] = []
        self.words: list[str] = []
        self.precision, self.derivatives, self.formulas = precision, derivatives, formulas
        self.checks, self.roots, self.amounts = checks, graph.roots, graph.amounts()
        units = graph.units()
        of_values = dict(zip(graph.values, units, strict=True))
        shown = [value for value, unit in of_values.items() if unit is value]
        boxes = [unit for unit in order if isinstance(unit, Box)]
        self.titles = dict(_titles(boxes))
        self.names: dict[Unit, str] = {value: f"v{index}" for index, value in enumerate(shown)}
        self.names |= {box: f"b{index}" for index, box in enumerate(boxes)}
        # What lies in a closed box has the box's name; the whole graph is no frame.
        self.names |= {value: self.names[unit] for value, unit in of_values.items()}
        self.names[graph.whole] = ""
        self.homes: dict[Unit, Box] = dict(zip(graph.values, graph.homes, strict=True))
        self.homes |= {box: box.outer for box in boxes if box.outer}
        self.wrong = Counter(
            unit for value, unit in of_values.items() if self.judge(value) == "differs"
        )
        self.inputs = {value: list(inputs_of(value)) for value in shown}
        # What is used outside of each unit, or is a root.
        self.results: defaultdict[Unit, set[Value]] = defaultdict(set)
        for root in graph.roots:
            self.results[of_values[root]].add(root)
        # What goes to each closed box: from each other unit some values, with their users.
        self.crossings: defaultdict[Unit, dict[Unit, dict[Value, list[Value]]]] = defaultdict(dict)
        for start, end in graph.lines(units):
            value, user = graph.values[start], graph.values[end]
            self.results[units[start]].add(value)
            if isinstance(units[end], Box):
                crossing = self.crossings[units[end]].setdefault(units[start], {})
                crossing.setdefault(value, []).append(user)
        self.flows: defaultdict[Value, list[float]] = defaultdict(list)
        for value, flow in self._flows():
            if flow is not None:
                self.flows[value].append(flow)

    def _flows(self) -> Iterator[tuple[Value, float | None]]:
        """Yield what flows back to each value, line by line."""
        for each in chain(*self.inputs.values()):
            if isinstance(each.content, Value):
                yield each.content, each.flow
        for crossing in chain(*(sources.values() for sources in self.crossings.values())):
            if len(crossing) == 1:
                ((value, users),) = crossing.items()
                yield value, flow_through(value, users)

    def write(self, unit: Unit) -> None:
        """Write down what is drawn of a value or box, and its line of the twin in words."""
        if isinstance(unit, Value):
            told = self._value(unit)
        else:
            told = self._frame(unit) if unit.is_open else self._folded(unit)
        self.words.append("  " * self.homes[unit].level + in_one_line(told))

    def _draw(
        self,
        unit: Unit,
        part: str,
        kind: str,
        lines: Iterable[Line],
        tooltip: str,
        *sources: str,
        ordered: bool = False,
    ) -> str:
        """Draw a value or box, or a part of what is drawn for it, and return its name."""
        name = f"{self.names[unit]}_{part}".removesuffix("_")
        if self.wrong[unit] and not part:
            kind += " failed"
        frame = self.names[self.homes[unit]]
        self.nodes.append(Node(name, kind, tuple(lines), tooltip, sources, ordered, frame))
        return name

    def _value(self, value: Value) -> str:
        operation, kind, made, sources = value.operation, "input", "", []
        if operation is not None:
            kind, slots = "value", []
            tooltip = f"{operation.name}: y = {operation.value}"
            for each in self.inputs[value]:
                if not isinstance(each.content, Value):
                    slots.append(self.number(each.content))
                    line, told = Line(13, ("quiet", slots[-1])), f"constant {each.content!r}"
                    sources.append(self._draw(value, each.parameter, "constant", [line], told))
                    continue
                slots.append(self.names[each.content])
                if self.derivatives:
                    sources.append(self._derivative(value, each, slots[-1]))
                else:
                    sources.append(slots[-1])
                    tooltip += f"\n{each.formula}: {each.exact}"
            made = f"{operation.name}({', '.join(slots)}) = "
            line = Line(15, ("symbol", in_one_line(operation.symbol)))
            tooltip += _made_at(value)
            ordered = operation.value not in {"a + b", "a * b"}
            name = self._draw(
                value, "operation", "operation", [line], tooltip, *sources, ordered=ordered
            )
            sources = [name]
        lines, exact, numbers = self._numbers(value)
        self._draw(value, "", "result" if value in self.roots else kind, lines, exact, *sources)
        return f"{self._called(value)} = {made}{numbers}"

    def _derivative(self, value: Value, each: Input, source: str) -> str:
        runs = [("slope", "undefined" if each.slope is None else self.number(each.slope))]
        if each.flow is not None:
            runs.append(("grad", f" × {self.number(value.grad)} = {self.number(each.flow)}"))
        lines = [Line(12, *runs)]
        if self.formulas:
            lines.append(Line(11, ("quiet", in_one_line(each.formula))))
        tooltip = f"{each.formula}\n{each.exact}"
        return self._draw(value, each.parameter, "derivative", lines, tooltip, source)

    def _frame(self, box: Box) -> str:
        title = self.titles[box]
        line, tooltip = Line(12, ("quiet", shortened(title))), f"{title}\n{self._amount(box)}"
        # Frames within frames take turns, so that they are told apart.
        self._draw(box, "", "frame odd" if box.level % 2 else "frame", [line], tooltip)
        return f"{title}:"

    def _folded(self, box: Box) -> str:
        title, sources, results = self.titles[box], [], self.results[box]
        for source, crossing in self.crossings[box].items():
            start = self.names[source]
            if self.derivatives and (crossed := self._crossing(crossing)):
                run, words = crossed
                words = f"from {self._called(source)} to {title}\n{words}"
                start = self._draw(box, start, "derivative", [Line(12, run)], words, start)
            sources.append(start)
        lines = [Line(14, ("name", shortened(title)))]
        tooltip, told = title, f"{self._called(box)}, folded"
        if (amount := self._amount(box)) != title:
            lines.append(Line(12, ("quiet", amount)))
            tooltip += f"\n{amount}"
            told += f": {amount}"
        if sources:
            told += f" of {', '.join(self.names[source] for source in self.crossings[box])}"
        if len(results) == 1:
            more, exact, numbers = self._numbers(*results)
            lines += more
            tooltip += f"\n{exact}"
            told += f" = {numbers}"
        if wrong := self.wrong[box]:
            differ = f"{count(wrong, 'gradient')} in it differ{'s' * (wrong == 1)} from nudging"
            tooltip += f"\n{differ}"
            told += f"; {differ}"
        kind = "folded" if self.roots.isdisjoint(results) else "folded result"
        self._draw(box, "", kind, lines, tooltip, *sources)
        return told

    def _crossing(
        self, crossing: Mapping[Value, Iterable[Value]]
    ) -> tuple[tuple[str, str], str] | None:
        """Return what stands on a line to a closed box, if anything does, and the exact words."""
        if len(crossing) > 1:
            amount = count(len(crossing), "value")
            return ("quiet", amount), amount
        ((value, users),) = crossing.items()
        flow = flow_through(value, users)
        return None if flow is None else (("grad", f"grad {self.number(flow)}"), f"grad {flow!r}")

    def _amount(self, box: Box) -> str:
        """Return how much a box holds, in words."""
        held = [(self.amounts[box, False], "operation"), (self.amounts[box, True], "input")]
        return ", ".join(count(number, noun) for number, noun in held if number)

    def _numbers(self, value: Value) -> tuple[list[Line], str, str]:
        """Tell a value's label, number, gradient and check: in lines, exactly, and in words."""
        label, data = shortened(in_one_line(value.label)), self.number(value.number)
        runs = [("name", label), ("data", f" = {data}")] if label else [("data", data)]
        gradient = ("quiet", "grad "), ("grad", self._gradient(value))
        lines = [Line(14, *runs), Line(12, *gradient)]
        known = has_gradient(value)
        exact = f"{value.label}\n" if value.label else ""
        exact += f"data {value.number!r}\ngrad {value.grad if known else 'not computed'}"
        words = f"{data}, gradient {self.number(value.grad) if known else 'not computed'}"
        if (check := self.checks.get(value)) is not None:
            estimate = check.estimate
            nudged = self.number(estimate.value) if isfinite(estimate.value) else "undefined"
            verdict = self.judge(value)
            runs = [("quiet", "nudged "), ("wrong" if verdict == "differs" else "quiet", nudged)]
            if verdict == "unclear":
                runs = [("quiet", "nudging cannot tell")]
            lines.append(Line(12, *runs))
            exact += f"\nnudged {estimate.value!r} ± {estimate.error_bound:.1e}"
            words += f", {_BY_NUDGING[verdict].format(nudged)}"
        return lines, exact + _made_at(value), words

    def _gradient(self, value: Value) -> str:
        if not has_gradient(value):
            return "—"
        written = self.number(value.grad)
        flows = self.flows[value]
        # A gradient that was gathered in two sweeps, or in a larger graph, is not this sum.
        margin = 1e-12 * max(map(abs, flows), default=0.0)
        if len(flows) < 2 or not isclose(sum(flows), value.grad, abs_tol=margin):
            return written
        terms = list(map(self.number, flows))
        if len(terms) > LONGEST_SUM:
            terms[LONGEST_SUM - 1 :] = [f"… ({len(terms)} uses)"]
        return f"{written} = {' + '.join(terms)}".replace("+ -", "- ")

    def judge(self, value: Value) -> str:
        """Tell what a check found of a gradient, "" where there is none of either."""
        check = self.checks.get(value)
        return check.judge(value.grad) if check and has_gradient(value) else ""

    def number(self, x: float) -> str:
        """Return a number with as many digits as the picture shows."""
        whole = x == x // 1 and abs(x) < 1e6
        return str(int(x)) if whole else f"{x:.{self.precision}g}"

    def _called(self, unit: Unit) -> str:
        """Return the name of a value or box in the picture, with its own after it."""
        label = unit.label if isinstance(unit, Value) else self.titles[unit]
        return f"{self.names[unit]} ({label})" if label else self.names[unit]


def _titles(boxes: Iterable[Box]) -> Iterator[tuple[Box, str]]:
    """Yield what each box is called, and of calls which of several it is."""
    alike: defaultdict[tuple[Box | None, str], list[Box]] = defaultdict(list)
    for box in boxes:
        alike[box.outer, box.title].append(box)
    for (_, title), same in alike.items():
        for number, box in enumerate(same, start=1):
            which = f", {number:,} of {len(same):,}" if len(same) > 1 and box.inputs else ""
            yield box, in_one_line(f"{title}{which}")


def _made_at(value: Value) -> str:
    line = shortened(in_one_line(source_line(value)), LONGEST_SOURCE)
    return f"\n{line}" if line else ""
