"""Mathematical functions of numbers, `Value`s and arrays: the table's operations, and a few sums.

Every operation of the table is a function here. A `Value` gives a `Value`, a float a float, a
complex number a complex number and an array an array, entry by entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from microgradcheck.functions.custom import operation as operation
from microgradcheck.functions.elementwise import elementwise, example_of
from microgradcheck.functions.entries import clip as clip
from microgradcheck.functions.entries import dot as dot
from microgradcheck.functions.entries import logsumexp as logsumexp
from microgradcheck.functions.entries import mean as mean
from microgradcheck.functions.entries import softmax as softmax
from microgradcheck.functions.entries import sum as sum
from microgradcheck.ops import OPERATIONS
from microgradcheck.value import OPERATORS

if TYPE_CHECKING:
    # What is made of the table below, and a test compares with it.
    from microgradcheck.functions.elementwise import of_one, of_two

    exp = expm1 = log = log1p = sqrt = sin = cos = tan = asin = acos = atan = sinh = cosh = of_one
    tanh = asinh = acosh = atanh = erf = sigmoid = softplus = relu = absolute = of_one
    atan2 = logaddexp = maximum = minimum = hypot = of_two
else:
    __all__ = ["clip", "dot", "logsumexp", "mean", "operation", "softmax", "sum"]
    for _operation in list(OPERATIONS.values()):
        _function = elementwise(_operation)
        if _operation.name not in OPERATORS:
            _function.__module__ = __name__.partition(".")[0]  # Where pickle finds it, and readers.
            _function.__doc__ = f"{_function.__doc__}\n\n{example_of(_operation)}"
            globals()[_operation.name] = _function
            __all__.append(_operation.name)
