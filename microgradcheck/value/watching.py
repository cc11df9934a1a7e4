"""Who is told when a plain number or a truth is taken out of a `Value`.

Such a number has forgotten how it was made: a derivative that goes through it is lost, and a
branch that was taken on it holds at this point only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from microgradcheck.value.value import Value


Read = Callable[["Value"], None]
Compared = Callable[[Callable[[float, float], bool], "Value", object, bool], None]

# By thread, since threads that record at once must not disturb one another.
watchers: dict[int, tuple[Read | None, Compared | None]] = {}


@contextmanager
def watching(read: Read | None = None, compared: Compared | None = None) -> Iterator[None]:
    """Call a function where this thread lets a plain number or a truth out of a `Value`.

    Args:
        read: called with a `Value` before `.data`, `float()`, `backward()` or a pickle gives its
            number away, and with it the way back to its inputs, or its data is set.
        compared: called with the comparison (such as `operator.lt`), its `Value`, its other side
            (a `Value` or a number) and its answer; `bool()` compares with 0.

    What is not given stays with whoever is watching around it.
    """
    thread = threading.get_ident()
    outer = watchers.get(thread)
    watchers[thread] = (
        read or (outer and outer[0]) or None,
        compared or (outer and outer[1]) or None,
    )
    try:
        yield
    finally:
        if outer is None:
            del watchers[thread]
        else:
            watchers[thread] = outer


def tell_read(value: Value) -> None:
    """Tell this thread's watcher, if there is one, that a number is taken out of a `Value`."""
    read, _ = watchers.get(threading.get_ident(), (None, None))
    if read is not None:
        read(value)


def tell_compared(
    compare: Callable[[float, float], bool], value: Value, other: object, answer: bool
) -> None:
    """Tell this thread's watcher, if there is one, that a `Value` was compared."""
    _, compared = watchers.get(threading.get_ident(), (None, None))
    if compared is not None:
        compared(compare, value, other, answer)
