"""What a picture of a graph shows: its boxes, circles and arrows, with every text in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isclose, isfinite

from microgradcheck import sweep
from microgradcheck.draw.text import Line, in_lines, in_one_line
from microgradcheck.gradcheck.nodes import estimate_nodes
from microgradcheck.numeric import Estimate
from microgradcheck.value import NotComputed, Value

__all__ = ["Node", "Scene", "compose"]

LONGEST_LABEL = 24
LONGEST_SUM = 4
LONGEST_DESCRIPTION = 100
MOST_VALUES_WITH_DERIVATIVES = 1000
CHECKED_WITHIN = 1e-6  # relative


@dataclass(frozen=True)
class Node:
    """One thing to place: a value, an operation, a constant, or the text on an edge.

    Attributes:
        name: its name in the picture: `v0` for the first value.
        kind: "input", "value", "result", "operation", "constant" or "derivative".
        lines: what is written in it.
        tooltip: what is too exact or too long to be written in it.
        sources: the names of the nodes that a line to it comes from.
        ordered: whether the order of the sources matters.
        wrong: whether a check of it failed.
    """

    name: str
    kind: str
    lines: tuple[Line, ...]
    tooltip: str
    sources: tuple[str, ...] = ()
    ordered: bool = False
    wrong: bool = False

    @property
    def size(self) -> tuple[float, float]:
        """Its width and height in points."""
        width = max(line.width for line in self.lines)
        height = sum(1.3 * line.size for line in self.lines)
        if self.kind == "operation":
            return max(round(width + 14, 1), 30.0), 30.0
        if self.kind in {"constant", "derivative"}:
            return round(width + 8, 1), round(height + 2, 1)
        return max(round(width + 20, 1), 44.0), round(height + 11, 1)


@dataclass(frozen=True)
class Scene:
    """All that a picture shows, before anything has its place."""

    title: str
    description: str
    nodes: tuple[Node, ...]


def compose(
    roots: Sequence[Value],
    *,
    precision: int,
    derivatives: bool | None,
    formulas: bool,
    check: bool = False,
) -> Scene:
    """Write down everything that a picture of the given values shows.

    Args:
        roots: the values whose graph is drawn.
        precision: significant digits of the numbers.
        derivatives: whether they stand on the edges, or None for a choice by size.
        formulas: whether their formulas do too.
        check: whether each gradient is shown with what nudging its value does to the one root.

    Raises:
        RuntimeError: the data of a `Value` was set after others were computed from it.
    """
    # A dict keeps the order: inputs before their users, whichever root they were reached from.
    values = list(dict.fromkeys(node for root in roots for node in sweep.topological_order(root)))
    if derivatives is None:
        derivatives = len(values) <= MOST_VALUES_WITH_DERIVATIVES
    writer = _Writer(values, precision=precision, derivatives=derivatives, formulas=formulas)
    if check:
        found = estimate_nodes(roots[0], CHECKED_WITHIN, leaves=True)
        writer.checks = {id(node): estimate for node, _, estimate in found}
    results = {id(root) for root in roots}
    nodes = [
        node for value in values for node in writer.nodes(value, is_result=id(value) in results)
    ]
    operations = sum(value.operation is not None for value in values)
    labels = " and ".join(root.label for root in roots if root.label)
    title = in_one_line(f"Computation graph of {labels or 'an expression'}")
    twin = [f"{title}: {_count(len(values), 'value')} and {_count(operations, 'operation')}."]
    twin += [writer.sentence(value) for value in values[:LONGEST_DESCRIPTION]]
    if len(values) > LONGEST_DESCRIPTION:
        twin.append(f"and {_count(len(values) - LONGEST_DESCRIPTION, 'more value')}")
    return Scene(title, "\n".join(twin), tuple(nodes))


@dataclass(frozen=True)
class _Input:
    """One input of an operation: a value or a constant, and what the chain rule says there.

    Attributes:
        name: of the text on its edge.
        content: the value or number.
        formula: the table's rule, such as "∂/∂a = cos(a)".
        slope: the rule's number, None where it does not exist or the content is a constant.
        flow: the slope times the gradient of the result, None where there is none yet.
    """

    name: str
    content: Value | float
    formula: str
    slope: float | None
    flow: float | None


class _Writer:
    """Writes the texts of one picture.

    Args:
        values: every value in it, inputs before their users.
        precision: significant digits of the numbers.
        derivatives: whether they stand on the edges.
        formulas: whether their formulas do too.
    """

    def __init__(
        self, values: Sequence[Value], *, precision: int, derivatives: bool, formulas: bool
    ) -> None:
        self.precision, self.derivatives, self.formulas = precision, derivatives, formulas
        self.checks: dict[int, Estimate] = {}
        self.names = {id(value): f"v{index}" for index, value in enumerate(values)}
        self.inputs = {id(value): list(_inputs(value, self.names[id(value)])) for value in values}
        self.flows: defaultdict[int, list[float | None]] = defaultdict(list)
        for inputs in self.inputs.values():
            for each in inputs:
                self.flows[id(each.content)].append(each.flow)

    def nodes(self, value: Value, *, is_result: bool) -> Iterator[Node]:
        """Yield what stands before the operation of a value, the operation, and the value."""
        name, operation = self.names[id(value)], value.operation
        sources: tuple[str, ...] = ()
        if operation is not None:
            tooltip = f"{operation.name}: y = {operation.value}"
            for each in self.inputs[id(value)]:
                source = each.name
                if not isinstance(each.content, Value):
                    line = Line(13, (("quiet", self._number(each.content)),))
                    yield Node(source, "constant", (line,), f"constant {each.content!r}")
                elif self.derivatives:
                    yield self._derivative(each, value)
                else:
                    source = self.names[id(each.content)]
                    tooltip += f"\n{each.formula}: {_exact(each, value)}"
                sources += (source,)
            line = Line(15, (("symbol", in_one_line(operation.symbol)),))
            ordered = operation.value not in {"a + b", "a * b"}
            name_of_operation = f"{name}_operation"
            yield Node(name_of_operation, "operation", (line,), in_lines(tooltip), sources, ordered)
            sources = (name_of_operation,)
        label, data = in_one_line(value.label), self._number(value.number)
        if len(label) > LONGEST_LABEL:
            label = label[: LONGEST_LABEL - 1] + "…"
        first = Line(14, (("name", label), ("data", f" = {data}")) if label else (("data", data),))
        second = Line(12, (("quiet", "grad "), ("grad", self._gradient(value))))
        gradient = repr(value.grad) if _has_gradient(value) else "not computed"
        tooltip = f"{value.label}\n" if value.label else ""
        tooltip += f"data {value.number!r}\ngrad {gradient}"
        kind = "result" if is_result else "value" if operation is not None else "input"
        lines: tuple[Line, ...] = (first, second)
        wrong = False
        if (estimate := self.checks.get(id(value))) is not None:
            wrong = not _agrees(value, estimate)
            text = self._number(estimate.value) if isfinite(estimate.value) else "undefined"
            look = "wrong" if wrong else "quiet"
            lines = (*lines, Line(12, (("quiet", "nudged "), (look, text))))
            tooltip += f"\nnudged {estimate.value!r} ± {estimate.error_bound:.1e}"
        yield Node(name, kind, lines, in_lines(tooltip), sources, wrong=wrong)

    def sentence(self, value: Value) -> str:
        """Say in words what the picture shows of a value."""
        name = self.names[id(value)]
        called = f"{name} ({value.label})" if value.label else name
        made = ""
        if value.operation is not None:
            inputs = ", ".join(
                self.names[id(each.content)]
                if isinstance(each.content, Value)
                else self._number(each.content)
                for each in self.inputs[id(value)]
            )
            made = f"{value.operation.name}({inputs}) = "
        gradient = self._number(value.grad) if _has_gradient(value) else "not computed"
        checked = ""
        if (estimate := self.checks.get(id(value))) is not None:
            verdict = "agrees with" if _agrees(value, estimate) else "differs from"
            checked = f", which {verdict} {self._number(estimate.value)} by nudging"
        number = self._number(value.number)
        return in_one_line(f"{called} = {made}{number}, gradient {gradient}{checked}")

    def _derivative(self, each: _Input, value: Value) -> Node:
        slope = "undefined" if each.slope is None else self._number(each.slope)
        runs = [("slope", slope)]
        if each.flow is not None:
            product = f" × {self._number(value.grad)} = {self._number(each.flow)}"
            runs.append(("grad", product))
        lines = [Line(12, tuple(runs))]
        if self.formulas:
            lines.append(Line(11, (("quiet", in_one_line(each.formula)),)))
        tooltip = in_lines(f"{each.formula}\n{_exact(each, value)}")
        source = self.names[id(each.content)]
        return Node(each.name, "derivative", tuple(lines), tooltip, (source,))

    def _gradient(self, value: Value) -> str:
        if not _has_gradient(value):
            return "—"
        written = self._number(value.grad)
        flows = [flow for flow in self.flows[id(value)] if flow is not None]
        # A gradient that was gathered in two sweeps, or in a larger graph, is not this sum.
        if len(flows) < 2 or not isclose(
            sum(flows), value.grad, rel_tol=1e-9, abs_tol=1e-12 * max(map(abs, flows))
        ):
            return written
        terms = [self._number(flow) for flow in flows]
        if len(terms) > LONGEST_SUM:
            terms[LONGEST_SUM - 1 :] = [f"… ({len(terms)} uses)"]
        return f"{written} = {' + '.join(terms)}".replace("+ -", "- ")

    def _number(self, x: float) -> str:
        whole = x == x // 1 and abs(x) < 1e6
        return str(int(x)) if whole else f"{x:.{self.precision}g}"


def _inputs(value: Value, name: str) -> Iterator[_Input]:
    operation = value.operation
    if operation is None:
        return
    slots = (value.a, value.b)
    numbers = [slot.number if isinstance(slot, Value) else slot for slot in slots]
    rules = (operation.derivative_a, operation.derivative_b)
    # An operation of one input has a second slot and a second rule too; zip leaves them out.
    for parameter, text, slot, rule in zip(
        operation.parameters, operation.derivatives, slots, rules, strict=False
    ):
        slope = flow = None
        if isinstance(slot, Value):
            with suppress(ValueError, ArithmeticError):
                slope = float(rule(*numbers, value.number))
        if slope is not None and _has_gradient(value):
            flow = slope * value.grad
        formula = f"∂/∂{parameter}" + (f" = {text}" if isinstance(text, str) else "")
        yield _Input(f"{name}_{parameter}", slot, formula, slope, flow)


def _exact(each: _Input, value: Value) -> str:
    if each.slope is None:
        return "undefined"
    return repr(each.slope) + ("" if each.flow is None else f" × {value.grad!r} = {each.flow!r}")


def _agrees(value: Value, estimate: Estimate) -> bool:
    """Tell whether a gradient is what a check found, as far as both are known."""
    if not _has_gradient(value) or estimate.behaviour == "edge":
        return True
    low, high = sorted(estimate.slopes or (estimate.value, estimate.value))
    margin = estimate.error_bound + CHECKED_WITHIN * max(abs(low), abs(high))
    return low - margin <= value.grad <= high + margin


def _has_gradient(value: Value) -> bool:
    return not isinstance(value.grad, (NotComputed, type(None)))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
