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

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from microgradcheck import mistakes as mistakes
    from microgradcheck import nn as nn
    from microgradcheck import numeric as numeric
    from microgradcheck import optimize as optimize
    from microgradcheck import plot as plot
    from microgradcheck.backprop import grad as grad
    from microgradcheck.backprop import hessian as hessian
    from microgradcheck.backprop import jacobian as jacobian
    from microgradcheck.backprop import value_and_grad as value_and_grad
    from microgradcheck.draw import Picture as Picture
    from microgradcheck.draw import draw as draw
    from microgradcheck.explore import explore as explore
    from microgradcheck.functions import *  # noqa: F403  (the table's among them)
    from microgradcheck.gradcheck import GradcheckError as GradcheckError
    from microgradcheck.gradcheck import Report as Report
    from microgradcheck.gradcheck import Verdict as Verdict
    from microgradcheck.gradcheck import gradcheck as gradcheck
    from microgradcheck.numeric import derivative as derivative
    from microgradcheck.optimize import Comparison as Comparison
    from microgradcheck.optimize import Descent as Descent
    from microgradcheck.optimize import compare_descents as compare_descents
    from microgradcheck.optimize import minimize as minimize
    from microgradcheck.tape import Tape as Tape
    from microgradcheck.tape import record as record
    from microgradcheck.value import Value as Value
    from microgradcheck.value import scope as scope
    from microgradcheck.value import source_lines as source_lines

__version__ = "0.1.0"

# Where each public name is found; the functions of the table are in `functions`, one for each row.
# All is loaded when first used, so that a test run that has this library's plugin but does not use
# it, or a look at `--help`, does not pay for it.
_HOMES = {
    name: home
    for home, names in {
        "backprop": ("grad", "hessian", "jacobian", "value_and_grad"),
        "draw": ("Picture", "draw"),
        "explore": ("explore",),
        "gradcheck": ("GradcheckError", "Report", "Verdict", "gradcheck"),
        "numeric": ("derivative",),
        "optimize": ("Comparison", "Descent", "compare_descents", "minimize"),
        "tape": ("Tape", "record"),
        "value": ("Value", "scope", "source_lines"),
    }.items()
    for name in names
}
_MODULES = ("mistakes", "nn", "numeric", "optimize", "plot")


def _attribute(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name == "__all__":
        return sorted([*_HOMES, *_MODULES, *_functions()])
    if name in _HOMES:
        found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    # `from microgradcheck import sweep` asks here first, and imports the module if told no.
    elif name.startswith("_") or find_spec(f"{__name__}.{name}") or name not in _functions():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    else:
        found = _functions()[name]
    globals()[name] = found
    return found


if not TYPE_CHECKING:  # A checker would take it that every name can be had.
    __getattr__ = _attribute


def _functions() -> dict[str, Any]:
    functions = import_module(f"{__name__}.functions")
    return {name: getattr(functions, name) for name in functions.__all__}


def __dir__() -> list[str]:
    return [*_attribute("__all__"), "__version__"]


class _Package(ModuleType):
    """This package, in which a function wins over the module of its name, whoever imported what."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (isinstance(value, ModuleType) and name in _HOMES):
            super().__setattr__(name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        # cloudpickle, and so joblib, knows a module by its class alone.
        return import_module, (self.__name__,)


sys.modules[__name__].__class__ = _Package

# In a notebook, a Value shows its picture; nothing is loaded before there is one.
_shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
if _shell is not None:
    _shell.display_formatter.formatters["image/svg+xml"].for_type_by_name(
        f"{__name__}.value.value",
        "Value",
        lambda value: import_module(f"{__name__}.draw").picture_of(value),
    )
