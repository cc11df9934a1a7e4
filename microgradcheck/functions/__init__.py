"""Mathematical functions of numbers, `Value`s and arrays: the table's operations, and a few sums.

Every operation of the table is a function here. A `Value` gives a `Value`, a float a float, a
complex number a complex number and an array an array, entry by entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from microgradcheck.functions.custom import operation
from microgradcheck.functions.elementwise import Function, elementwise, example_of
from microgradcheck.functions.entries import clip, dot, logsumexp, mean, softmax, sum
from microgradcheck.ops import OPERATIONS
from microgradcheck.value import OPERATORS

__all__ = ["clip", "dot", "logsumexp", "mean", "operation", "softmax", "sum"]

if TYPE_CHECKING:
    # One function for each row of the table; see the end of this module.
    def __getattr__(name: str) -> Function: ...


for _operation in list(OPERATIONS.values()):
    _function = elementwise(_operation)
    if _operation.name not in OPERATORS:
        _function.__module__ = __name__.partition(".")[0]  # Where pickle finds it, and readers.
        _function.__doc__ = f"{_function.__doc__}\n\n{example_of(_operation)}"
        globals()[_operation.name] = _function
        __all__.append(_operation.name)
