"""Names for the variables of generated code, and the lines that take arguments apart."""

from __future__ import annotations

import inspect
import keyword
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["WIDTH", "Names", "listing", "pattern", "summed", "unpacking"]

WIDTH = 96
"""How many characters a line of generated code may have."""


class Names:
    """Gives out names that are free.

    Args:
        taken: names that are in use already, besides Python's keywords.
    """

    def __init__(self, taken: set[str]) -> None:
        self._taken = {*taken, *keyword.kwlist}

    def fresh(self, wish: str, otherwise: str) -> str:
        """Return an unused identifier, as near to the wish as can be.

        Args:
            wish: any text, such as a label.
            otherwise: the name where nothing of the wish can be kept.
        """
        # Python itself reads identifiers in this normal form.
        plain = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", wish)).strip("_")
        name = stem = plain if plain.isidentifier() else otherwise
        count = 1
        while name in self._taken:
            count += 1
            name = f"{stem}_{count}"
        self._taken.add(name)
        return name

    def parameters(self, f: Callable[..., Any], count: int) -> list[str]:
        """Return a name for each of f's arguments, its own where it has them."""
        try:
            signature = list(inspect.signature(f).parameters.values())
        except (TypeError, ValueError):  # Some functions written in C have none.
            signature = []
        wishes = [
            p.name for p in signature if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}
        ]
        rest = next((p.name for p in signature if p.kind is p.VAR_POSITIONAL), "x")
        wishes += [f"{rest}{i}" if count > 1 else rest for i in range(len(wishes), count)]
        return [self.fresh(wish, "x") for wish in wishes[:count]]

    def entries(self, parameter: str, like: Any, labels: Sequence[str]) -> list[str]:
        """Return a name for each entry of an argument: its label, or such as `x0` or `w0_1`."""
        if not isinstance(like, (list, tuple)):
            return [parameter]
        wishes: list[str] = []
        pending: list[tuple[str, str, Any]] = [(parameter, "", like)]
        while pending:
            stem, separator, part = pending.pop()
            if isinstance(part, (list, tuple)):
                pending += reversed(
                    [(f"{stem}{separator}{i}", "_", entry) for i, entry in enumerate(part)]
                )
            else:
                wishes.append(stem)
        return [self.fresh(label or wish, wish) for label, wish in zip(labels, wishes, strict=True)]


def pattern(names: Sequence[str], like: Any) -> str:
    """Return the names in the nesting of an argument.

    Example:
        >>> pattern(["a", "b", "c"], [1.0, [2.0, 3.0]])
        '[a, [b, c]]'
    """
    remaining = iter(names)

    def write(part: Any) -> str:
        if not isinstance(part, (list, tuple)):
            return next(remaining)
        inside = ", ".join(map(write, part))
        if isinstance(part, list):
            return f"[{inside}]"
        return f"({inside},)" if len(part) == 1 else f"({inside})"

    return write(like)


def unpacking(names: Sequence[str], like: Sequence[Any], source: str) -> list[str]:
    """Return lines that give the entries of a list or tuple their names."""
    target = pattern(names, list(like))
    bare = f"{target[1:-1]} = {source}"
    return [bare] if len(like) > 1 and len(bare) <= WIDTH else listing(f"{target} = {source}")


def listing(line: str) -> list[str]:
    """Return a line with a list in it, broken after the commas where it is too long."""
    rows = [""]
    for item in re.findall(r".+?(?:, |$)", line):
        if len(rows[-1]) + len(item.rstrip()) > WIDTH:
            rows.append("    ")
        rows[-1] += item
    return [row.rstrip() for row in rows]


def summed(names: Sequence[str], total: str) -> tuple[list[str], str]:
    """Return lines that add many names up, and the text of their sum.

    Args:
        names: any number of them.
        total: the name of the sum where it takes several lines.
    """
    rows = [" + ".join(names[i : i + 8]) for i in range(0, len(names), 8)]
    if len(rows) == 1:
        return [], rows[0]
    return [f"{total} {'+=' if i else '='} {row}" for i, row in enumerate(rows)], total
