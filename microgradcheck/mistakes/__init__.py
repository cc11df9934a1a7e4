"""A gallery of mistakes: what one builds or believes, run beside what is right.

Fifteen wrong engines, each the right one with one thing changed, and what gradcheck says of them;
and beliefs about gradients that a few numbers refute. Nothing in the library uses this package.

Example:
    >>> from microgradcheck import mistakes
    >>> print(mistakes.show("add-overwrites").report.cause)
    a use is not accumulated: it equals one of 2 contributions, which must be added (`+=`, not `=`)
"""

from __future__ import annotations

from microgradcheck.mistakes.gallery import GALLERY, show
from microgradcheck.mistakes.outcome import Mistake, Outcome, Question
from microgradcheck.mistakes.wrong_engines import engine

__all__ = ["GALLERY", "Mistake", "Outcome", "Question", "engine", "show"]
