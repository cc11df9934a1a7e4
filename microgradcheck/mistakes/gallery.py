"""All mistakes by name."""

from __future__ import annotations

import difflib
from typing import Final

from microgradcheck.mistakes import about_checks, about_graphs
from microgradcheck.mistakes.outcome import Mistake, Outcome, Question
from microgradcheck.mistakes.wrong_engines import WRONG_ENGINES

__all__ = ["GALLERY", "show"]

GALLERY: Final[dict[str, Mistake]] = {
    mistake.name: mistake
    for question in Question
    for mistake in (*WRONG_ENGINES, *about_graphs.BELIEFS, *about_checks.BELIEFS)
    if mistake.question is question
}
"""Every mistake by name, those that answer one question together."""


def show(name: str) -> Outcome:
    """Run a mistake beside what is right.

    Args:
        name: its name in `GALLERY`.

    Returns:
        What both give, with a report of gradcheck and a picture. A prompt shows it in words, and
        Jupyter with its picture.

    Raises:
        ValueError: there is no mistake of that name.

    Example:
        >>> for what, wrong, right in show("add-overwrites").rows:
        ...     print(what, wrong, right)
        df/df at f = 6 1.0 1.0
        df/da at a = 3 1.0 2.0
    """
    if name not in GALLERY:
        near = difflib.get_close_matches(name, GALLERY, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f". There are {', '.join(GALLERY)}"
        raise ValueError(f"there is no mistake named {name!r}{hint}")
    return GALLERY[name].run()
