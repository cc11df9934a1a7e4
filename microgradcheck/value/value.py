"""A `Value` is a number that remembers how it was made."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, SupportsFloat, overload

from microgradcheck import sweep
from microgradcheck.ops import OPERATIONS, Operation, require_finite, undefined
from microgradcheck.structure import is_array, number
from microgradcheck.value.watching import tell_compared, tell_read, watchers

if TYPE_CHECKING:
    from microgradcheck.value.places import Place
    from microgradcheck.value.scopes import Call

    class Operator(Protocol):
        """A method of a `Value` and a `Value` or number, as it is called."""

        @overload
        def __call__(self, other: Value | float, /) -> Value: ...
        @overload  # NumPy's numbers, and arrays, which return arrays.
        def __call__(self, other: SupportsFloat, /) -> Any: ...


__tracebackhide__ = True  # from pytest

OPERATORS = frozenset({"add", "subtract", "multiply", "divide", "power", "negative", "positive"})
"""The operations that are written as operators, and are neither functions nor methods by name."""


class NotComputed(float):
    """The gradient of a `Value` that no backward pass has reached: 0.0, but known as such."""

    __slots__ = ()


_NOT_COMPUTED = NotComputed()


class Note(NamedTuple):
    """What some `Value`s carry beside their label: the scope's call and the line that made them."""

    label: str
    call: Call | None
    place: Place | None


# Counts the numbers that were overwritten. A node keeps the count at which it was recorded, so
# that a sweep can tell an input that changed later from one that did not, at one test a node.
_epoch = 0
_OVERWRITTEN = -1  # The epoch of a computed node whose number was replaced: older than any input.


def unary(operation: Operation) -> Callable[[Value], Value]:
    """Return a method that records an operation of one input."""
    compute = operation.compute

    def record(self: Value) -> Value:
        try:
            y = compute(self.number)
            if y - y:
                require_finite(y, self.number)
        except (ValueError, ArithmeticError) as error:
            raise undefined(operation, (self.number,), error) from None
        return _node(operation, y, self, 0.0)

    return _named(record, operation)


def binary(operation: Operation) -> Operator:
    """Return a method that records an operation of a `Value` and a `Value` or number."""
    compute = operation.compute

    def record(self: Value, other: object) -> Any:
        if type(other) is float:
            b = other
        elif type(other) is Value or isinstance(other, Value):
            b = other.number
        elif (plain := number(other)) is not None:
            other = b = plain
        else:
            return NotImplemented
        try:
            y = compute(self.number, b)
            if y - y:  # Zero for every finite number, nan for all others.
                require_finite(y, self.number, b)
        except (ValueError, ArithmeticError) as error:
            raise undefined(operation, (self.number, b), error) from None
        # As in _node, but written out: the call would cost a tenth of a training step.
        node: Value = _new(Value)
        node.number = y
        node.operation = operation
        node.a = self
        node.b = other
        node.grad = _NOT_COMPUTED
        node.note = ""
        node.epoch = _epoch
        node.adjoint = None
        return node

    return _named(record, operation)


def reflected(operation: Operation) -> Operator:
    """Return a method that records an operation of a number and a `Value`, in this order."""
    compute = operation.compute

    def record(self: Value, other: object) -> Any:
        a = number(other)
        if a is None:
            return NotImplemented
        try:
            y = compute(a, self.number)
            if y - y:
                require_finite(y, a, self.number)
        except (ValueError, ArithmeticError) as error:
            raise undefined(operation, (a, self.number), error) from None
        return _node(operation, y, a, self)

    return _named(record, operation)


def _node(operation: Operation, y: float, a: Value | float, b: Value | float) -> Value:
    node = _new(Value)
    node.number = y
    node.operation = operation
    node.a = a
    node.b = b
    node.grad = _NOT_COMPUTED
    node.note = ""
    node.epoch = _epoch
    node.adjoint = None
    return node


def _named(method: Callable[..., Any], operation: Operation) -> Callable[..., Any]:
    method.__name__ = method.__qualname__ = operation.name
    method.__doc__ = f"Record the operation {operation.name!r} and return the result."
    return method


def _comparison(compare: Callable[[float, float], bool]) -> Callable[[Value, object], bool]:
    def method(self: Value, other: object) -> Any:
        try:
            b = other.number if isinstance(other, Value) else number(other)
        except OverflowError:  # An integer beyond the floats is as good as infinite.
            other = b = math.inf if other > 0 else -math.inf  # type: ignore[operator]
        if b is None:
            return NotImplemented
        answer = compare(self.number, b)
        if watchers:
            tell_compared(compare, self, other, answer)
        return answer

    return method


class Value:
    """A real number that remembers which operation made it, and from which inputs.

    Args:
        data: the number.
        label: the name by which pictures and messages call it; any text.

    Attributes:
        data: the number. Setting it gives a leaf another value; what was computed from the old
            one must then be computed again, and `backward()` insists on it. Set where it was
            computed itself, it ends there what can be differentiated.
        grad: the derivative of the last `backward()`'s result with respect to this number; 0.0
            until then. Leaves accumulate it over several backward passes, as in PyTorch.
        op: the name of the operation that made it, such as `"multiply"`; `""` for a leaf.
        inputs: the `Value`s it was made from, in order; plain numbers are constants and are not
            among them.
        label: as given.

    The operators `+ - * / ** abs` take a `Value` or a plain number on either side, and every
    function of the table is a method too, such as `x.exp()`. Comparisons compare the numbers,
    while the hash is the identity, as in PyTorch.

    Raises:
        TypeError: `data` is not one real number, or `label` is not a string.
        ValueError, ArithmeticError: an operation is undefined at its inputs, or its result is too
            large for a float; raised by the operation, at the line that made it.

    Example:
        >>> x = Value(2.0, label="x")
        >>> y = 3 * x
        >>> z = y**2
        >>> z.backward()
        >>> z.data, y.grad, x.grad
        (36.0, 12.0, 36.0)
    """

    # Two fixed slots for inputs, not a tuple: half as many objects for the garbage collector.
    # One for the label and all else that a Note holds, since most have nothing of it.
    __slots__ = {
        "a": "The engine's own: the first input, or a number in its place.",
        "adjoint": "The engine's own: what a sweep under way has collected.",
        "b": "The engine's own: the second input.",
        "epoch": "The engine's own: when its number was written.",
        "grad": "The derivative of the last backward()'s result with respect to it.",
        "note": "The engine's own: the label, and what else is noted.",
        "number": "The engine's own: its value.",
        "operation": "The engine's own: the row of the table that made it.",
    }

    number: float
    operation: Operation | None
    a: Value | float
    b: Value | float
    grad: float
    note: str | Note
    epoch: int
    adjoint: Any

    def __init__(self, data: Any, label: str = "") -> None:
        self.note = _one_label(label)
        self.number = _one_number(data)
        self.operation = None
        self.a = self.b = 0.0
        self.grad = _NOT_COMPUTED
        self.epoch = _epoch
        self.adjoint = None

    @property
    def data(self) -> float:
        """The number."""
        if watchers:
            tell_read(self)
        return self.number

    @data.setter
    def data(self, data: Any) -> None:
        global _epoch  # noqa: PLW0603  (one counter for all graphs)
        converted = _one_number(data)
        if watchers:
            tell_read(self)
        with sweep.lock:
            _epoch += 1
            self.epoch = _epoch if self.operation is None else _OVERWRITTEN
            self.number = converted

    @property
    def label(self) -> str:
        """The name by which pictures and messages call it."""
        note = self.note
        return note if isinstance(note, str) else note.label

    @label.setter
    def label(self, label: str) -> None:
        label, note = _one_label(label), self.note
        self.note = label if isinstance(note, str) else note._replace(label=label)

    @property
    def op(self) -> str:
        """The name of the operation that made it; "" for a leaf."""
        return "" if self.operation is None else self.operation.name

    @property
    def inputs(self) -> tuple[Value, ...]:
        """The `Value`s it was made from."""
        return tuple(slot for slot in (self.a, self.b) if isinstance(slot, Value))

    def backward(self) -> None:
        """Set `grad` of every `Value` that this one was made from to this one's derivative.

        The gradients of computed `Value`s are set afresh; those of leaves are added to what they
        hold, so set them to zero between steps of a descent.

        Raises:
            ValueError, ArithmeticError: a derivative does not exist, such as that of sqrt at 0;
                every `grad` is then as before.
            RuntimeError: the data of a `Value` was set after others were computed from it.

        Example:
            >>> x = Value(3.0)
            >>> (x * x).backward()
            >>> x.grad
            6.0
        """
        if watchers:
            tell_read(self)
        with sweep.lock:
            for node, adjoint in zip(*sweep.reverse(self), strict=True):
                if node.operation is None:
                    node.grad = (node.grad or 0.0) + adjoint
                else:
                    node.grad = adjoint

    __add__ = __radd__ = binary(OPERATIONS["add"])
    __mul__ = __rmul__ = binary(OPERATIONS["multiply"])
    __sub__, __rsub__ = binary(OPERATIONS["subtract"]), reflected(OPERATIONS["subtract"])
    __truediv__, __rtruediv__ = binary(OPERATIONS["divide"]), reflected(OPERATIONS["divide"])
    __pow__, __rpow__ = binary(OPERATIONS["power"]), reflected(OPERATIONS["power"])
    __neg__ = unary(OPERATIONS["negative"])
    __pos__ = unary(OPERATIONS["positive"])
    __abs__ = unary(OPERATIONS["absolute"])

    __lt__ = _comparison(operator.lt)
    __le__ = _comparison(operator.le)
    __gt__ = _comparison(operator.gt)
    __ge__ = _comparison(operator.ge)
    __eq__ = _comparison(operator.eq)
    __hash__ = object.__hash__

    if TYPE_CHECKING:
        # The methods that are attached at the end of this module; a test compares them with these.
        exp = expm1 = log = log1p = sqrt = sin = cos = tan = asin = acos = atan = __neg__
        sinh = cosh = tanh = asinh = acosh = atanh = erf = sigmoid = softplus = __neg__
        relu = absolute = arcsin = arccos = arctan = arcsinh = arccosh = arctanh = __neg__

        def atan2(self, other: SupportsFloat, /) -> Value:
            """Stand for every method of two inputs."""

        arctan2 = logaddexp = maximum = minimum = hypot = atan2

    def __bool__(self) -> bool:
        answer = self.number != 0
        if watchers:
            tell_compared(operator.ne, self, 0.0, answer)
        return answer

    def __float__(self) -> float:
        if watchers:
            tell_read(self)
        return self.number

    def __repr__(self) -> str:
        parts = [f"data={self.number!r}"]
        if not isinstance(self.grad, NotComputed):
            parts.append(f"grad={self.grad!r}")
        if self.operation is not None:
            parts.append(f"op={self.op!r}")
        if self.label:
            parts.append(f"label={self.label!r}")
        return f"Value({', '.join(parts)})"

    def __format__(self, form: str) -> str:
        """Return the number in a form such as ".2f"; without one, the same as `str`."""
        return format(self.number, form) if form else str(self)

    def conjugate(self) -> Value:
        """Return itself, since it is real; `numpy.var` and `numpy.std` ask for it.

        Example:
            >>> import numpy as np
            >>> float(np.var(np.array([Value(1.0), Value(3.0)])).data)
            1.0
        """
        return self

    def __copy__(self) -> Value:
        if isinstance(self, Input):
            return +self  # A leaf of its own would be lost to the derivative that is being taken.
        twin = _new(type(self))
        for slot in Value.__slots__:
            setattr(twin, slot, getattr(self, slot))
        twin.adjoint = None  # Another thread's sweep may be under way.
        getattr(twin, "__dict__", {}).update(getattr(self, "__dict__", {}))  # Of a subclass.
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        slots = [slot for slot in (self.a, self.b) if isinstance(slot, Value)]
        # Of a list of results that were made from one another, all but the last are copied by then.
        is_next = all(id(slot) in memo for slot in slots)
        order = [self] if is_next else sweep.topological_order(self)
        fresh = [node for node in order if id(node) not in memo]
        for node in fresh:
            twin = memo[id(node)] = node.__copy__()
            if not isinstance(node, Input):
                twin.a, twin.b = (_follows(node, slot, memo) for slot in (node.a, node.b))
        for node in fresh:
            if isinstance(node.note, Note) and node.note.call:
                memo[id(node)].note = node.note._replace(call=node.note.call.copied(memo))
        copied: Value = memo[id(self)]
        return copied

    def __reduce__(self) -> tuple[Any, ...]:
        if self.operation is not None:
            raise TypeError(
                f"a Value computed by {self.op!r} cannot be pickled with all that it was made "
                "from; pickle the leaves (or .data) and compute it again"
            )
        if watchers:
            tell_read(self)
        kind = Value if type(self) is Input else type(self)
        return kind, (self.number, self.label), (None, {"grad": self.grad})


def _follows(node: Value, slot: Any, memo: dict[int, Any]) -> Any:
    """Return the copy of an input of a node, whose own number must go with it."""
    copied = memo.get(id(slot), slot)
    if copied is slot:
        return slot
    if isinstance(copied, Value) and (copied.number == slot.number or math.isnan(slot.number)):
        return copied
    raise RuntimeError(
        f"a Value computed by {node.op!r} would keep its number, {node.number!r}, when its input "
        f"{slot.number!r} becomes {copied!r}; compute it where it is used, such as in __call__, "
        "instead of keeping it"
    )


_new = Value.__new__


class Input(Value):
    """A `Value` that a derivative is being taken with respect to, for as long as that lasts.

    A gradient taken inside of a function whose gradient is being taken knows by the outer
    function's inputs, which it meets in its own graph, that it must be recorded itself.
    """

    __slots__ = ()


# Python's own messages name the class, as in "'Value' object is not subscriptable".
Input.__name__ = "Value"


def _one_label(label: Any) -> str:
    if not isinstance(label, str):
        raise TypeError(f"a label is a string, got {label!r} of type {type(label).__name__}")
    return label


def _one_number(data: Any) -> float:
    converted = number(data)
    if converted is not None:
        return converted
    if isinstance(data, Value):
        advice = "it is a Value already: use it as it is, or its .data for a new leaf"
    elif is_array(data) and data.shape == ():
        advice = "take the number out of it: .item()"
    elif is_array(data) or isinstance(data, (list, tuple)):
        advice = "make one Value for each entry: [Value(entry) for entry in ...]"
    elif isinstance(data, complex):
        advice = "the engine differentiates real numbers only; use its .real or .imag"
    else:
        advice = "convert it first, with float(...)"
    raise TypeError(
        f"a Value holds one real number, got {data!r} of type {type(data).__name__}; {advice}"
    )


def _by_name(operation: Operation) -> Callable[[Value, SupportsFloat], Value]:
    """Return a method of two inputs whose refusal, unlike an operator's, nobody else hears."""
    record: Callable[..., Any] = binary(operation)

    def method(self: Value, other: object) -> Any:
        result = record(self, other)
        if result is NotImplemented:
            raise TypeError(
                f"the method {operation.name} takes a Value or a plain number, got {other!r} of "
                f"type {type(other).__name__}; the function microgradcheck.{operation.name} "
                "takes arrays too"
            )
        return result

    return _named(method, operation)


def _attach_methods() -> None:
    """Make every operation without an operator a method, so that `numpy.exp` finds `x.exp()`."""
    for name, operation in OPERATIONS.items():
        if name not in OPERATORS:
            method = unary(operation) if operation.arity == 1 else _by_name(operation)
            setattr(Value, name, method)
            if name[:4] in {"asin", "acos", "atan"}:
                # NumPy asks the entries of an array of objects for its own, older names.
                setattr(Value, "arc" + name[1:], method)


_attach_methods()
