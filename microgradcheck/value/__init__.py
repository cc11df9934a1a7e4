"""Numbers that remember how they were made."""

from __future__ import annotations

from microgradcheck.value.scopes import Call, scope
from microgradcheck.value.value import (
    OPERATORS,
    Input,
    NotComputed,
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
    "Value",
    "binary",
    "reflected",
    "scope",
    "unary",
    "watching",
]
