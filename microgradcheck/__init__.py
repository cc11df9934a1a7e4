"""A scalar autograd engine that never asks to be believed: every gradient can be checked.

`Value` records what is computed with it, `backward()` applies the chain rule, `gradcheck`
compares any gradient with plain arithmetic, and `minimize` follows any source of gradients.

Example:
    >>> import microgradcheck as mg
    >>> x = mg.Value(2.0, label="x")
    >>> z = (3 * x) ** 2
    >>> z.backward()
    >>> x.grad
    36.0
"""

from __future__ import annotations

from microgradcheck import functions
from microgradcheck.backprop import grad, hessian, jacobian, value_and_grad
from microgradcheck.functions import *  # noqa: F403  (the table's rows are named in one place)
from microgradcheck.value import Value

__version__ = "0.1.0"

__all__ = [
    "Value",
    "grad",
    "hessian",
    "jacobian",
    "value_and_grad",
]
__all__ += functions.__all__
