"""Fifteen engines, each with one mistake, and for each the smallest graph that shows it.

That no smaller graph shows it is tested: of all graphs with fewer operations, none does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from microgradcheck.mistakes.outcome import Question
from microgradcheck.mistakes.variant import Variant
from microgradcheck.mistakes.wrong_engine import RIGHT, WrongEngine
from microgradcheck.ops import OPERATIONS, Operation

__all__ = ["WRONG_ENGINES", "engine"]

_UNARY = 'node.op in {"exp", "relu", "tanh"}'
_SHARE = "            entry.grad += slope * node.grad\n"
_VISIT = """\
        for entry in node.inputs:
            visit(entry)
        order.append(node)

    visit(root)
    return order
"""


def _where(condition: str, share: str) -> Variant:
    """Return the engine that passes a share of the gradient on in another way to some inputs."""
    return Variant(
        _SHARE,
        f"            if {condition}:\n                {share}\n"
        f"            else:\n                entry.grad += slope * node.grad\n",
    )


def _sums() -> Iterator[WrongEngine]:
    overwrite = "entry.grad = slope * node.grad"
    yield WrongEngine(
        "add-overwrites",
        Question.ADD,
        "An addition sets the gradient of its inputs, where it must add to it.",
        "A number that is used twice moves the result in two ways, and the chain rule adds them "
        "up. With =, the last one wins and the others are lost.",
        _where('node.op == "add"', overwrite),
        "f = a + a",
        {"a": 3.0},
    )
    yield WrongEngine(
        "multiply-overwrites",
        Question.ADD,
        "A multiplication sets the gradient of its inputs, where it must add to it.",
        "In a * a both factors are the same number: each contributes a, and the slope of a**2 is "
        "their sum, 2 * a. With =, one of them is lost.",
        _where('node.op == "multiply"', overwrite),
        "f = a * a",
        {"a": 3.0},
    )
    yield WrongEngine(
        "unary-overwrites",
        Question.ADD,
        "Functions of one input set its gradient, where they must add to it.",
        "An operation of one input cannot meet the same number twice by itself, and so every test "
        "of it alone passes. But the number may be used elsewhere too, as x is here.",
        _where(_UNARY, overwrite),
        "y = exp(x)\nf = x + y",
        {"x": 1.0},
    )


def _orders() -> Iterator[WrongEngine]:
    yield WrongEngine(
        "once-per-path",
        Question.ORDER,
        "A node is visited once for every path to it, which is only slower.",
        "It is wrong, too. Each visit hands on the whole gradient that the node has collected, so "
        "what came by the first path is counted again with the second.",
        Variant("        if node in seen:\n            return\n", ""),
        "y = exp(x)\nf = y + y",
        {"x": 1.0},
    )
    yield WrongEngine(
        "first-visit-order",
        Question.ORDER,
        "Nodes are swept in the order in which they were first met; any depth-first order will do.",
        "A node may hand on its gradient when it is complete, after all that use it. Here y is "
        "met before t, which uses it, and hands on what it has by then: t's share comes too late. "
        "Written as t + y, the sum would pass.",
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
    )
    yield WrongEngine(
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
    )


def _chains() -> Iterator[WrongEngine]:
    drop = "entry.grad += slope"
    yield WrongEngine(
        "add-drops-upstream",
        Question.CHAIN,
        "An addition hands on 1 to each of its inputs, which is its slope.",
        "The slope says how y moves with a. How f moves with a is that slope times how f moves "
        "with y, the gradient from above, which is 1 only where nothing comes after.",
        _where('node.op == "add"', drop),
        "y = a + b\nf = 5 * y",
        {"a": 2.0, "b": 3.0},
    )
    yield WrongEngine(
        "multiply-drops-upstream",
        Question.CHAIN,
        "A multiplication hands on the other factor; the local slope is the gradient.",
        "The local slope is the gradient of y alone. The result goes on from y to f, and each "
        "step that it goes is one more factor.",
        _where('node.op == "multiply"', drop),
        "y = a * b\nf = 5 * y",
        {"a": 2.0, "b": 3.0},
    )
    yield WrongEngine(
        "unary-drops-upstream",
        Question.CHAIN,
        "Functions of one input hand on their slope, without what comes from above.",
        "Tested as the last operation of a graph, where the gradient from above is 1, each of "
        "them is right. A factor of 5 after it is enough to see that it is not.",
        _where(_UNARY, drop),
        "y = exp(x)\nf = 5 * y",
        {"x": 1.0},
    )


def _slopes() -> Iterator[WrongEngine]:
    yield WrongEngine(
        "exponent-kept",
        Question.SLOPE,
        "The slope of x**n is n * x**n.",
        "The exponent goes down by one: n * x**(n - 1).",
        _with_row("power", "b * a ** b"),
        "f = x**3",
        {"x": 2.0},
        {"x": 1.0},
    )
    yield WrongEngine(
        "product-rule-swapped",
        Question.SLOPE,
        "The slope of a * b in a is a, and in b it is b.",
        "If a moves by 1, the product moves by b: the slope in one factor is the other.",
        _with_row("multiply", "a", "b"),
        "f = a * b",
        {"a": 2.0, "b": 3.0},
        {"a": 2.0, "b": 2.0},
    )
    yield WrongEngine(
        "relu-without-mask",
        Question.SLOPE,
        "The slope of relu is 1.",
        "It is 1 for positive inputs and 0 for negative ones, where relu stands still.",
        _with_row("relu", "1.0"),
        "f = relu(x)",
        {"x": -0.7},
        {"x": 0.7},
    )
    yield WrongEngine(
        "exp-of-its-input",
        Question.SLOPE,
        "The slope of exp(x) is x.",
        "The slope of exp is exp itself: the output, not the input.",
        _with_row("exp", "a"),
        "f = exp(x)",
        {"x": 2.0},
    )
    yield WrongEngine(
        "tanh-of-its-input",
        Question.SLOPE,
        "The slope of tanh(x) is 1 - x**2.",
        "It is 1 - y**2, of the output y = tanh(x). Near 0 both are almost the same.",
        _with_row("tanh", "1 - a * a"),
        "f = tanh(x)",
        {"x": 0.5},
        {"x": 0.0},
    )
    yield WrongEngine(
        "minus-lost",
        Question.SLOPE,
        "The slope of a - b is 1 in a, and 1 in b.",
        "In b it is -1: when b grows, the difference shrinks.",
        _with_row("subtract", "1.0", "1.0"),
        "f = a - b",
        {"a": 5.0, "b": 3.0},
    )


def _with_row(name: str, *derivatives: str) -> Variant:
    """Return the engine with other derivatives in one row of the table."""
    row = OPERATIONS[name]
    kept = row.derivatives[len(derivatives) :]
    changed = Operation(
        name, row.symbol, row.value, *derivatives, *kept, domain=row.domain, kink=row.kink
    )
    return Variant(row=changed)


WRONG_ENGINES: Final = (*_sums(), *_orders(), *_chains(), *_slopes())

_ENGINES: Final = {
    "right": RIGHT,
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
