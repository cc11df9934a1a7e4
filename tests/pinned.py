"""What pins of long texts have in common: they hold on every machine and version of Python."""

from __future__ import annotations

import hashlib
import operator
import re
from collections.abc import Callable, Iterable
from functools import reduce
from pathlib import Path
from typing import Any

_NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?")
# What Python says since 3.14, where it said "math domain error" before.
_DOMAIN_ERROR = re.compile(r"expected a nonnegative input, got [-+.e\d]+")


def added(terms: Iterable[Any]) -> Any:
    """Return a sum from left to right; Python's own adds floats in another way from 3.12 on."""
    return reduce(operator.add, terms, 0)


def digest(text: str) -> str:
    """Return a short fingerprint of a text, with numbers of ten digits: libraries of C differ."""
    text = _DOMAIN_ERROR.sub("math domain error", text)
    rounded = _NUMBER.sub(lambda number: f"{float(number[0]):.10g}", text)
    return hashlib.blake2b(rounded.encode(), digest_size=4).hexdigest()


def rows(path: Path) -> list[str]:
    """Return the rows of a file of pins."""
    return path.read_text(encoding="utf-8").splitlines()


def rewrite(path: Path, row: Callable[[int], str]) -> None:
    """Write the pins of a file anew, with what `row` gives for each one's seed."""
    seeds = [int(pinned.partition(":")[0]) for pinned in rows(path)]
    path.write_text("".join(f"{row(seed)}\n" for seed in seeds), encoding="utf-8", newline="\n")
