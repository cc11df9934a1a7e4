"""A gallery of mistakes: what one builds or believes, run beside what is right.

Fifteen wrong engines, each the right one with one thing changed, and what gradcheck says of them;
and beliefs about gradients that a few numbers refute. Nothing in the library uses this package.

Example:
    >>> from microgradcheck import mistakes
    >>> print(mistakes.show("add-overwrites").report.cause)
    a use is not accumulated: it equals one of 2 contributions, which must be added (`+=`, not `=`)
"""

from __future__ import annotations

from typing import Final

from microgradcheck.mistakes.beliefs import BELIEFS
from microgradcheck.mistakes.mistake import Mistake, Outcome, Question
from microgradcheck.mistakes.wrong_engines import WRONG_ENGINES, engine
from microgradcheck.structure import did_you_mean

__all__ = ["GALLERY", "Mistake", "Outcome", "Question", "engine", "show"]

GALLERY: Final[dict[str, Mistake]] = {
    mistake.name: mistake
    for question in Question
    for mistake in (*WRONG_ENGINES, *BELIEFS)
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
        hint = did_you_mean(str(name), GALLERY, f". There are {', '.join(GALLERY)}")
        raise ValueError(f"there is no mistake named {name!r}{hint}")
    return GALLERY[name].run()
