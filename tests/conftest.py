"""What the tests share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import settings

from microgradcheck.functions.elementwise import VALUES
from microgradcheck.ops import COMPLEX, FLOATS, OPERATIONS, arrays

# The same examples in every run, however busy the machine is.
settings.register_profile("steady", deadline=None, derandomize=True, database=None)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def _table_as_it_was() -> Iterator[None]:
    with table_as_it_was():
        yield


@contextmanager
def table_as_it_was() -> Iterator[None]:
    """Forget the operations that are defined within."""
    known = set(OPERATIONS)
    yield
    # Not more than these: rules that are compiled already go on using the other names.
    for name in set(OPERATIONS) - known:
        for table in (OPERATIONS, *_names()):
            table.pop(name, None)


@pytest.fixture
def untraced() -> Iterator[None]:
    """Take away the tracer of coverage or a debugger, since gradcheck watches branches by one."""
    tracer = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(tracer)


def _names() -> list[dict[str, object]]:
    return [system.names for system in (FLOATS, COMPLEX, VALUES, arrays())]
