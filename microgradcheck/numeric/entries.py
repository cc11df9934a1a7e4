"""What goes into a function of numbers, and what comes out of it."""

from __future__ import annotations

import math
import operator
import random
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from microgradcheck.structure import is_array, is_numpy, shown, take_apart

_SEEDS = 2**32


class Generator(Protocol):
    """NumPy's, as far as it is used here; its own name is not to be had without NumPy."""

    def integers(self, low: int, /) -> Any:
        """Return a random integer from 0 up to below a number."""


def entries_of(x: Any, name: str = "x") -> list[float]:
    """Return the entries of a number, list, tuple or array as floats, all of them finite."""
    entries = list(map(float, take_apart(x, name=name)))
    for position, entry in enumerate(entries):
        if not math.isfinite(entry):
            where = "" if len(entries) == 1 else f" at entry {position}"
            raise ValueError(f"{name} must be finite, got {entry!r}{where}")
    return entries


def one_number(result: Any) -> Any:
    """Return what f gave as a float or a complex number."""
    if is_array(result) and result.ndim == 0:
        result = result.item()
    if isinstance(result, complex) or is_numpy(result, "complexfloating"):
        return complex(result)
    if isinstance(result, (str, bytes)) or not hasattr(result, "__float__") or is_array(result):
        shape = f" of shape {result.shape}" if is_array(result) else ""
        raise TypeError(
            f"f must return one real number, it returned {shown(result)}{shape} of type "
            f"{type(result).__name__}; for several numbers use numeric.jacobian"
        )
    return float(result)


def numbers(result: Any) -> Any:
    """Return what f gave as an array of floats or complex numbers."""
    import numpy as np

    try:
        array = np.asarray(result)
        if array.dtype.kind == "O":
            array = np.array([one_number(entry) for entry in array.flat]).reshape(array.shape)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.dtype.kind not in "biufc" or array.size == 0:
        raise TypeError(
            "f must return a number, a list or an array of numbers, all of its rows of the same "
            f"length, got {shown(result)}"
        )
    return array.astype(complex if array.dtype.kind == "c" else float)


def real_part(result: Any) -> Any:
    """Return complex numbers that are real as floats."""
    if abs(result.imag).max() if is_array(result) else result.imag:
        raise ValueError(
            f"f gives the complex {shown(result)} for real numbers; as a function of real "
            "numbers it is undefined here or near by, as x**0.5 is below 0"
        )
    return result.real


def quiet_numpy() -> AbstractContextManager[object]:
    """Keep NumPy from warning where f is undefined, which what is found says better."""
    errstate = getattr(sys.modules.get("numpy"), "errstate", None)  # As in `is_numpy`.
    return errstate(all="ignore") if errstate else nullcontext()


def seed_of(rng: object) -> int:
    """Return the seed that a whole number, a NumPy generator or None stands for."""
    if rng is None:
        return random.SystemRandom().randrange(_SEEDS)
    if hasattr(rng, "integers"):
        return int(rng.integers(_SEEDS))
    try:
        return operator.index(rng)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(
            f"rng is a whole number, the seed of random directions, a numpy.random.Generator or "
            f"None; got {rng!r}"
        ) from None


def scales_of(entries: list[float]) -> list[float]:
    """Return the lengths by which entries are moved in proportion: their own sizes.

    An entry of zero has none, and borrows the typical size of the others; 1 where all are zero.
    """
    sizes = [math.log(abs(entry)) for entry in entries if entry != 0]
    typical = math.exp(math.fsum(sizes) / len(sizes)) if sizes else 1.0
    return [abs(entry) or typical for entry in entries]
