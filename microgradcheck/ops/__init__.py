"""The table of operations, and the number systems that give its texts a meaning."""

from __future__ import annotations

from microgradcheck.ops.systems import (
    COMPLEX,
    FLOATS,
    OPERATIONS,
    RESERVED,
    NumberSystem,
    Rule,
    arrays,
    rewritten,
)
from microgradcheck.ops.table import Operation, define, require_finite, retold, undefined

__all__ = [
    "COMPLEX",
    "FLOATS",
    "OPERATIONS",
    "RESERVED",
    "NumberSystem",
    "Operation",
    "Rule",
    "arrays",
    "define",
    "require_finite",
    "retold",
    "rewritten",
    "undefined",
]
