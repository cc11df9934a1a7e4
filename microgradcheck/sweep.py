"""Sweeps over a recorded graph: inputs before users, and back again by the chain rule."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from microgradcheck.ops import NumberSystem, Operation, retold

__tracebackhide__ = True  # from pytest


class Node(Protocol):
    """The slots of a recorded number; the sweeps know nothing else of it."""

    operation: Operation | None  # the row of the table that made it; None for a leaf
    a: Any  # its inputs: a node each, or a float where that is a constant or missing
    b: Any
    number: float  # its value
    epoch: int  # when its number was written: it is stale if an input was written later
    # A scratch slot, None except while a sweep is under way. It marks a node as visited, then
    # collects the derivative of the root with respect to it.
    adjoint: Any


NodeT = TypeVar("NodeT", bound=Node)

# The scratch slots are shared by all threads, so one sweep runs at a time. The lock is reentrant,
# because a user's own derivative may run a sweep.
lock = threading.RLock()


def topological_order(*roots: NodeT) -> list[NodeT]:
    """Return every node that the roots were made from, each after its inputs and earlier roots."""
    order: list[NodeT] = []
    with lock:
        try:
            for root in roots:
                if root.adjoint is None:
                    order += _visit(root)
            if any(root.epoch is not roots[0].epoch for root in roots):
                for node in order:  # Each visit looked at what no earlier one had met.
                    _check_fresh(node, node)
            return order
        finally:
            _forget(order)


def reverse(
    root: NodeT,
    inputs: Sequence[NodeT] | None = None,
    recorder: Callable[[Sequence[NodeT]], NumberSystem | None] | None = None,
) -> tuple[Sequence[NodeT], list[Any]]:
    """Carry the derivative of the root back through the graph by the chain rule.

    Args:
        root: the node to differentiate.
        inputs: the nodes to differentiate it with respect to; by default all that it depends on.
        recorder: told all nodes in topological order, returns the number system of recorded
            numbers if the derivatives are to be recorded, so that they can be differentiated
            again, and None if they are to be floats, the default.

    Returns:
        The inputs (by default every node, in topological order), and the derivative of the root
        with respect to each.

    Raises:
        ValueError, ArithmeticError: a derivative does not exist or is too large for a float; the
            message names the operation, the input and the number.
        RuntimeError: a number was overwritten after something was computed from it.

    Source: Griewank and Walther, Evaluating Derivatives, 2nd ed. (2008), section 3.2.
    """
    with lock:
        order = _visit(root)
        try:
            wanted = order if inputs is None else inputs
            part = order if inputs is None else _keep_users(order, inputs)
            if part:
                root.adjoint = 1.0
                system = recorder and recorder(order)
                if system is not None:
                    return wanted, _record_chain_rule(part, wanted, system)
                _apply_chain_rule(part)
            return wanted, [node.adjoint for node in wanted]
        finally:
            _forget(order)
            _forget(inputs or ())  # The root need not depend on all of them.


def _visit(root: NodeT) -> list[NodeT]:
    """Search depth first, on a stack of its own, marking each node that it meets."""
    order: list[NodeT] = []
    unfinished: list[NodeT] = []
    node = root
    node.adjoint = 0.0
    epoch = root.epoch
    try:
        while True:
            a = node.a
            if type(a) is not float and a.adjoint is None:
                unfinished.append(node)
                node = a
                node.adjoint = 0.0
                continue
            b = node.b
            if type(b) is not float and b.adjoint is None:
                unfinished.append(node)
                node = b
                node.adjoint = 0.0
                continue
            if node.epoch is not epoch:  # Nearly all share one object, and "is" costs the least.
                _check_fresh(node, root)
            order.append(node)
            if not unfinished:
                return order
            node = unfinished.pop()
    except BaseException:
        _forget([*order, *unfinished, node])
        raise


def _keep_users(order: list[NodeT], inputs: Sequence[NodeT]) -> list[NodeT]:
    """Keep the inputs and what depends on them; the marks of all others are taken away."""
    for node in inputs:
        node.adjoint = 0.0
    known = set(map(id, inputs))
    if all(node.operation is not None or id(node) in known for node in order):
        return order  # No leaf is anything else, so all that was computed depends on them.
    kept = []
    for node in order:
        a, b = node.a, node.b
        moves = type(a) is not float and a.adjoint is not None
        if moves or (type(b) is not float and b.adjoint is not None) or id(node) in known:
            kept.append(node)
        else:
            node.adjoint = None
    return kept


def _apply_chain_rule(order: Sequence[Node]) -> None:
    node = order[-1]
    try:
        # Users come before inputs here, so a node's adjoint is complete when its turn comes.
        for node in reversed(order):
            operation = node.operation
            if operation is None:
                continue
            a, b, adjoint = node.a, node.b, node.adjoint
            x = a if type(a) is float else a.number
            z = b if type(b) is float else b.number
            y = node.number
            slope_a, slope_b = operation.derivative_a, operation.derivative_b
            if type(a) is not float and a.adjoint is not None:
                a.adjoint += adjoint * slope_a(x, z, y)
            if type(b) is not float and b.adjoint is not None:
                b.adjoint += adjoint * slope_b(x, z, y)
    except (ValueError, ArithmeticError) as error:
        raise _without_derivative(node, error) from None


def _record_chain_rule(
    order: Sequence[Node], wanted: Sequence[Node], system: NumberSystem
) -> list[Any]:
    """Apply the chain rule to nodes; their slots are free, for a rule that sweeps over them."""
    nodes = [*order, *wanted]  # The root need not depend on all that are wanted.
    adjoints = {id(node): node.adjoint for node in nodes}
    _forget(nodes)
    node = order[-1]
    try:
        for node in reversed(order):
            if node.operation is not None:
                rules = system.derivatives(node.operation)
                for slot, rule in zip((node.a, node.b), rules, strict=False):
                    if id(slot) in adjoints:
                        adjoints[id(slot)] += adjoints[id(node)] * rule(node.a, node.b, node)
    except (ValueError, ArithmeticError) as error:
        raise _without_derivative(node, error) from None
    return [adjoints[id(node)] for node in wanted]


def _forget(nodes: Iterable[Node]) -> None:
    for node in nodes:
        node.adjoint = None


def forward(root: Node, moving: Node) -> float:
    """Carry tangents forward to the root: its derivative with respect to one node.

    Source: Wengert, A simple automatic derivative evaluation program, CACM 7 (1964).
    """
    with lock:
        order = _visit(root)
        try:
            order = _keep_users(order, [moving])
            # The scratch slot holds the tangent here, and None marks what does not move.
            moving.adjoint = 1.0
            for node in order:
                if node is not moving:
                    pairs = zip((node.a, node.b), slopes(node, moving=True), strict=False)
                    node.adjoint = sum(
                        slot.adjoint * slope for slot, slope in pairs if slope is not None
                    )
            return 0.0 if root.adjoint is None else root.adjoint
        finally:
            _forget([*order, moving])


def slopes(node: Node, *, moving: bool = False) -> tuple[float | None, ...]:
    """Return the derivatives of one operation at its recorded inputs, one for each input.

    It is None where the input is a constant, and, for a forward sweep under way, where the input
    does not move.
    """
    numbers = _numbers(node)
    try:
        return tuple(
            None
            if type(slot) is float or (moving and slot.adjoint is None)
            else rule(*numbers, node.number)
            for _, slot, rule in _inputs(node)
        )
    except (ValueError, ArithmeticError) as error:
        raise _without_derivative(node, error) from None


def _inputs(node: Node) -> Iterator[tuple[str, Any, Callable[..., float]]]:
    """Yield the name of each input, the input, and the derivative by it."""
    if node.operation is not None:
        rules = (node.operation.derivative_a, node.operation.derivative_b)
        yield from zip(node.operation.parameters, (node.a, node.b), rules, strict=False)


def _numbers(node: Node) -> list[float]:
    return [slot if type(slot) is float else slot.number for slot in (node.a, node.b)]


def _check_fresh(node: Node, root: Node) -> None:
    slots = [slot for slot in (node.a, node.b) if type(slot) is not float]
    if node.epoch > root.epoch or any(slot.epoch > node.epoch for slot in slots):
        raise RuntimeError(
            "the data of a Value was set after other Values were computed from it, so the graph "
            f"mixes old and new numbers (seen at {node!r}); compute the result again before "
            "its derivatives are taken"
        )


def _without_derivative(node: Node, error: Exception) -> Exception:
    """Return an error of the same type that names the operation, its inputs and their numbers."""
    assert node.operation is not None
    name, numbers = node.operation.name, _numbers(node)
    pairs = zip(node.operation.parameters, numbers, strict=False)
    at = ", ".join(f"{parameter} = {number!r}" for parameter, number in pairs)
    reason = "is too large for a float" if isinstance(error, OverflowError) else "does not exist"
    for parameter, slot, rule in _inputs(node):
        try:
            if type(slot) is not float:
                rule(*numbers, node.number)
        except (ValueError, ArithmeticError):
            return retold(
                error,
                f"the derivative of {name} with respect to {parameter} {reason} at {at}, where its "
                f"value is {node.number!r}; keep the inputs away from there",
            )
    # The rule itself stands; one of its own derivatives does not.
    return retold(error, f"a higher derivative of {name} {reason} at {at}: {error}")
