"""Fifteen engines, each with one mistake, and for each the smallest graph that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from microgradcheck.draw import draw
from microgradcheck.mistakes.engine import Graph, Variant
from microgradcheck.mistakes.mistake import Mistake, Outcome, Question, Row
from microgradcheck.ops import OPERATIONS, Operation
from microgradcheck.value import Value

_RIGHT: Final = Variant()


@dataclass(frozen=True)
class WrongEngine(Mistake):
    """An engine, the smallest graph that shows its mistake, and inputs; at others it is unseen."""

    engine: Variant
    lines: str
    at: Mapping[str, float]
    unseen_at: Mapping[str, float] | None = None

    @cached_property
    def graph(self) -> Graph:
        """The graph, as a function of its inputs."""
        return Graph(self.name, self.lines, [*self.at])

    def run(self) -> Outcome:
        """Run both engines on the graph, check the wrong one, and draw what it did."""
        root, rows = self._side_by_side(self.at)
        if self.unseen_at:
            hidden = self._side_by_side(self.unseen_at)[1][-len(self.unseen_at) :]
            rows += [(f"not seen: {what}", wrong, right) for what, wrong, right in hidden]
        inputs = [f"{name} = {x:g}" for name, x in self.at.items()]
        return Outcome(
            self,
            {
                "What differs from the right engine (-) in this one (+)": self.engine.difference(),
                "The graph": "\n".join([*inputs, self.lines]),
            },
            ("this engine", "the right one"),
            tuple(rows),
            self.engine.check(self.graph, *self.at.values()),
            draw(root, check=True),
        )

    def _side_by_side(self, at: Mapping[str, float]) -> tuple[Value, list[Row]]:
        """Return the result that the wrong engine has swept, and the gradients of both."""
        right, wrong = self.graph.nodes(at), self.graph.nodes(at)
        _RIGHT.backward([*right.values()][-1])
        root = [*wrong.values()][-1]
        self.engine.put_row_into(root)
        self.engine.backward(root)
        return root, [
            (f"df/d{name} at {name} = {node.number:.6g}", node.grad, right[name].grad)
            for name, node in reversed(wrong.items())
        ]


_OVERWRITE: Final = "entry.grad = slope * node.grad"
_DROP: Final = "entry.grad += slope"
_UNARY: Final = 'node.op in {"exp", "relu", "tanh"}'
_SHARE: Final = "            entry.grad += slope * node.grad\n"
_VISIT: Final = """\
        for entry in node.inputs:
            visit(entry)
        order.append(node)

    visit(root)
    return order
"""


def _where(condition: str, share: str) -> Variant:
    """Return the engine that passes the gradient on in another way under a condition."""
    new = f"            if {condition}:\n                {share}\n            else:\n    {_SHARE}"
    return Variant(_SHARE, new)


def _with_row(name: str, *derivatives: str) -> Variant:
    """Return the engine with other derivatives in one row of the table."""
    row = OPERATIONS[name]
    kept = row.derivatives[len(derivatives) :]
    changed = Operation(
        name, row.symbol, row.value, *derivatives, *kept, domain=row.domain, kink=row.kink
    )
    return Variant(row=changed)


WRONG_ENGINES: Final = (
    WrongEngine(
        "add-overwrites",
        Question.ADD,
        "An addition sets the gradient of its inputs, where it must add to it.",
        "A number that is used twice moves the result in two ways, and the chain rule adds them "
        "up. With =, the last one wins and the others are lost.",
        _where('node.op == "add"', _OVERWRITE),
        "f = a + a",
        {"a": 3.0},
    ),
    WrongEngine(
        "multiply-overwrites",
        Question.ADD,
        "A multiplication sets the gradient of its inputs, where it must add to it.",
        "In a * a both factors are the same number: each contributes a, and the slope of a**2 is "
        "their sum, 2 * a. With =, one of them is lost.",
        _where('node.op == "multiply"', _OVERWRITE),
        "f = a * a",
        {"a": 3.0},
    ),
    WrongEngine(
        "unary-overwrites",
        Question.ADD,
        "Functions of one input set its gradient, where they must add to it.",
        "An operation of one input cannot meet the same number twice by itself, and so every test "
        "of it alone passes. But the number may be used elsewhere too, as x is here.",
        _where(_UNARY, _OVERWRITE),
        "y = exp(x)\nf = x + y",
        {"x": 1.0},
    ),
    WrongEngine(
        "once-per-path",
        Question.ORDER,
        "A node is visited once for every path to it, which is only slower.",
        "It is wrong, too. Each visit hands on the whole gradient that the node has collected, so "
        "what came by the first path is counted again with the second.",
        Variant("        if node in seen:\n            return\n", ""),
        "y = exp(x)\nf = y + y",
        {"x": 1.0},
    ),
    WrongEngine(
        "first-visit-order",
        Question.ORDER,
        "Nodes are swept in the order in which they were first met; any depth-first order will do.",
        "A node may hand on its gradient only when it is complete, after all that use it. Here y "
        "is met before t, which uses it, and hands on what it has by then: t's share comes too "
        "late. Written as t + y, the sum would pass.",
        Variant(
            _VISIT,
            """\
        order.append(node)
        for entry in node.inputs:
            visit(entry)

    visit(root)
    return order[::-1]
""",
        ),
        "y = exp(x)\nt = tanh(y)\nf = y + t",
        {"x": 0.5},
    ),
    WrongEngine(
        "breadth-first",
        Question.ORDER,
        "Nodes are swept by their distance from the result, the nearest first.",
        "Near is not the same as complete: y is one step from f by one path and two by the other, "
        "and must wait for the longer one. A topological order waits for every user.",
        Variant(
            _VISIT,
            """\
        order.append(node)
        for entry in node.inputs:
            queue.append(entry)

    queue = [root]
    for node in queue:
        visit(node)
    return order[::-1]
""",
        ),
        "y = exp(x)\nt = tanh(y)\nf = y + t",
        {"x": 0.5},
    ),
    WrongEngine(
        "add-drops-upstream",
        Question.CHAIN,
        "An addition hands on 1 to each of its inputs, which is its slope.",
        "The slope says how y moves with a. How f moves with a is that slope times how f moves "
        "with y, the gradient from above, which is 1 only where nothing comes after.",
        _where('node.op == "add"', _DROP),
        "y = a + b\nf = 5 * y",
        {"a": 2.0, "b": 3.0},
    ),
    WrongEngine(
        "multiply-drops-upstream",
        Question.CHAIN,
        "A multiplication hands on the other factor; the local slope is the gradient.",
        "The local slope is the gradient of y alone. The result goes on from y to f, and each "
        "step that it goes is one more factor.",
        _where('node.op == "multiply"', _DROP),
        "y = a * b\nf = 5 * y",
        {"a": 2.0, "b": 3.0},
    ),
    WrongEngine(
        "unary-drops-upstream",
        Question.CHAIN,
        "Functions of one input hand on their slope, without what comes from above.",
        "Tested as the last operation of a graph, where the gradient from above is 1, each of "
        "them is right. A factor of 5 after it is enough to see that it is not.",
        _where(_UNARY, _DROP),
        "y = exp(x)\nf = 5 * y",
        {"x": 1.0},
    ),
    WrongEngine(
        "exponent-kept",
        Question.SLOPE,
        "The slope of x**n is n * x**n.",
        "The exponent goes down by one: n * x**(n - 1).",
        _with_row("power", "b * a ** b"),
        "f = x**3",
        {"x": 2.0},
        {"x": 1.0},
    ),
    WrongEngine(
        "product-rule-swapped",
        Question.SLOPE,
        "The slope of a * b in a is a, and in b it is b.",
        "If a moves by 1, the product moves by b: the slope in one factor is the other.",
        _with_row("multiply", "a", "b"),
        "f = a * b",
        {"a": 2.0, "b": 3.0},
        {"a": 2.0, "b": 2.0},
    ),
    WrongEngine(
        "relu-without-mask",
        Question.SLOPE,
        "The slope of relu is 1.",
        "It is 1 for positive inputs and 0 for negative ones, where relu stands still.",
        _with_row("relu", "1.0"),
        "f = relu(x)",
        {"x": -0.7},
        {"x": 0.7},
    ),
    WrongEngine(
        "exp-of-its-input",
        Question.SLOPE,
        "The slope of exp(x) is x.",
        "The slope of exp is exp itself: the output, not the input.",
        _with_row("exp", "a"),
        "f = exp(x)",
        {"x": 2.0},
    ),
    WrongEngine(
        "tanh-of-its-input",
        Question.SLOPE,
        "The slope of tanh(x) is 1 - x**2.",
        "It is 1 - y**2, of the output y = tanh(x). Near 0 both are almost the same.",
        _with_row("tanh", "1 - a * a"),
        "f = tanh(x)",
        {"x": 0.5},
        {"x": 0.0},
    ),
    WrongEngine(
        "minus-lost",
        Question.SLOPE,
        "The slope of a - b is 1 in a, and 1 in b.",
        "In b it is -1: when b grows, the difference shrinks.",
        _with_row("subtract", "1.0", "1.0"),
        "f = a - b",
        {"a": 5.0, "b": 3.0},
    ),
)

_ENGINES: Final = {
    "right": _RIGHT,
    "nothing set to 0": Variant("    for node in order:\n        node.grad = 0.0\n", ""),
    **{mistake.name: mistake.engine for mistake in WRONG_ENGINES},
}


def engine(name: str) -> Variant:
    """Return an engine of this package, a gradient source like any other.

    Args:
        name: of a wrong engine in `GALLERY`, or "right", or "nothing set to 0".

    Returns:
        The engine, which also has `backward(root)`, and `check(f, *inputs)` by gradcheck.

    Raises:
        ValueError: there is none of that name.

    Example:
        >>> engine("right").value_and_gradient(lambda a: a + a, 3.0)
        (6.0, 2.0)
    """
    if name not in _ENGINES:
        raise ValueError(f"there is no engine named {name!r}; there are {', '.join(_ENGINES)}")
    return _ENGINES[name]
