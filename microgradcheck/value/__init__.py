"""Numbers that remember how they were made."""

from __future__ import annotations

from microgradcheck.value.places import (
    Place,
    caller,
    is_ours,
    line_name,
    source_line,
    source_lines,
)
from microgradcheck.value.scopes import Call, scope
from microgradcheck.value.value import (
    OPERATORS,
    Input,
    NotComputed,
    Note,
    Value,
    binary,
    reflected,
    unary,
)
from microgradcheck.value.watching import watching

__all__ = [
    "OPERATORS",
    "Call",
    "Input",
    "NotComputed",
    "Note",
    "Place",
    "Value",
    "binary",
    "caller",
    "is_ours",
    "line_name",
    "reflected",
    "scope",
    "source_line",
    "source_lines",
    "unary",
    "watching",
]
