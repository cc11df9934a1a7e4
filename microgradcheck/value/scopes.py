"""Which call of a function computed a `Value`: what pictures draw boxes around.

A call is known by its ends: its arguments are what went in, what came out is marked with it, and
all that lies between was computed in it. So recording an operation costs the same in a scope as
outside of one; only each call of the scope costs half a microsecond.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterable, Iterator
from functools import wraps
from typing import Any, TypeVar, overload

from microgradcheck.structure import is_array
from microgradcheck.value.value import Note, Value

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


class Call:
    """One call of a function that is a scope.

    Attributes:
        owner: the name of the scope, or the object that was called.
        arguments: what it was called with.
        outer: the call that it was made in, if there is one.
    """

    __slots__ = ("arguments", "outer", "owner")

    def __init__(self, owner: Any, arguments: tuple[Any, ...], outer: Call | None) -> None:
        self.owner = owner
        self.arguments = arguments
        self.outer = outer

    def inputs(self, ids: Container[int]) -> list[Any]:
        """Return those things among the arguments, and in them, whose id is a given one."""
        return [thing for thing in _parts(self.arguments) if id(thing) in ids]

    def copied(self, twins: dict[int, Any]) -> Call:
        """Return this call as it is among the copies of things, which are given by their ids."""
        calls: list[Call] = []
        call: Call | None = self
        while call is not None and id(call) not in twins:
            calls.append(call)
            call = call.outer
        twin: Call | None = None if call is None else twins[id(call)]
        for call in reversed(calls):
            inputs = tuple(twins[id(thing)] for thing in call.inputs(twins))
            twin = twins[id(call)] = Call(call.owner, inputs, twin)
        copied: Call = twins[id(self)]
        return copied


class _Running(threading.local):
    """The call that a thread is in."""

    call: Call | None = None


_running = _Running()


@overload
def scope(f: FunctionT, /) -> FunctionT: ...
@overload
def scope(name: str, /) -> Callable[[FunctionT], FunctionT]: ...
def scope(f: FunctionT | str, /) -> FunctionT | Callable[[FunctionT], FunctionT]:
    """Have pictures draw a box around what each call of a function computes.

    A decorator. The box is called as the function is, or as you say: `@scope("hidden layer")`.
    Around a method `__call__` it is called as the object is where another scope holds it, as in
    `layers[0]`, and else as its class. Every `microgradcheck.nn.Module` is a scope by itself.
    Scopes that are called in others are boxes in boxes, and large pictures fold them.

    Args:
        f: the function, or the name of the scope.

    Returns:
        The function, which computes what it did before; or the decorator with that name.

    Raises:
        TypeError: f is neither a function nor a string.

    Limits: a box holds what lies between the `Value`s in the call's arguments and those in what
    it returns, in lists, tuples, dictionaries and arrays too. A call that returns the very thing
    that it was given has no box. A `Value` that the function gets in
    another way, and that nothing else uses, is drawn in its box; one that leaves it in another
    way, and what depends on it, outside.

    Example:
        >>> from microgradcheck.draw import draw
        >>> @scope
        ... def square(x):
        ...     return x * x
        >>> print(draw(square(Value(3.0)) + 1).text)
        Computation graph of an expression: 3 values and 2 operations.
        v0 = 3, gradient not computed
        square:
          v1 = multiply(v0, v0) = 9, gradient not computed
        v2 = add(v1, 1) = 10, gradient not computed
    """
    if isinstance(f, str):
        return lambda function: _marking(function, f)
    return _marking(f, None)


def _marking(f: FunctionT, name: str | None) -> FunctionT:
    _require_function(f)
    own_name = getattr(f, "__name__", type(f).__name__)
    of_object = name is None and own_name == "__call__"
    title = own_name if name is None else name

    @wraps(f)
    def marked(*args: Any, **kwargs: Any) -> Any:
        outer = _running.call
        arguments = (*args, kwargs) if kwargs else args
        call = _running.call = Call(args[0] if of_object else title, arguments, outer)
        try:
            result = f(*args, **kwargs)
        finally:
            _running.call = outer
        for given in arguments:
            if given is result:  # As dropout returns it that is at rest: it computed nothing.
                return result
        for output in (result,) if type(result) is Value else _parts([result]):
            if isinstance(output, Value) and output.operation is not None:
                note = output.note
                if isinstance(note, str):
                    output.note = Note(note, call, None)
                elif note.call is None:  # Else an inner scope made it.
                    output.note = note._replace(call=call)
        return result

    return marked  # type: ignore[return-value]


def _require_function(f: object) -> None:
    if not callable(f) or isinstance(f, type):
        raise TypeError(
            f"a scope is a function or method, got {f!r}; of a class, decorate its __call__"
        )


def _parts(things: Iterable[Any]) -> Iterator[Any]:
    """Yield what lists, tuples, dictionaries and arrays hold, at any depth, and all else as is."""
    pending = list(things)
    met = set()
    for thing in pending:  # It grows under way.
        if not isinstance(thing, (list, tuple, dict)) and not is_array(thing):
            yield thing
        elif id(thing) not in met:
            met.add(id(thing))  # A list may hold itself.
            if isinstance(thing, dict):
                pending += thing.values()
            elif isinstance(thing, (list, tuple)):
                pending += thing
            elif thing.dtype == object:
                pending += thing.ravel().tolist()
