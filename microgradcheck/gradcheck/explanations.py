"""The long text behind every verdict and every cause: what a report has no room for.

The texts themselves are in `explanations.md`, which reads well by itself.
"""

from __future__ import annotations

import difflib
import textwrap
from importlib.resources import files
from typing import Final

from microgradcheck.gradcheck.entry import Cause, Verdict

__all__ = ["EXPLANATIONS", "explain"]

_WIDTH = 72
_HEADINGS = ("What it means", "How it is found", "What usually causes it", "What to do")


def explain(topic: str) -> str:
    """Return the explanation of a verdict or a cause.

    Args:
        topic: a verdict; the name of a cause, or a part of it that no other has; or what a report
            says after "cause:".

    Raises:
        ValueError: there is no such verdict or cause; the text says which were perhaps meant.

    Example:
        >>> print(explain("sign"))
        sign flipped
        <BLANKLINE>
        What it means
          The gradient has the right size and the wrong sign.
        ...
    """
    found = _find(" ".join(topic.split()))
    lines = [str(found)]
    for heading, answer in zip(_HEADINGS, EXPLANATIONS[found].split("\n\n"), strict=True):
        text = textwrap.fill(" ".join(answer.split()), _WIDTH - 2, break_on_hyphens=False)
        lines += ["", heading, textwrap.indent(text, "  ")]
    return "\n".join(lines)


def _find(topic: str) -> Verdict | Cause:
    wanted = topic.casefold()
    for known in EXPLANATIONS:
        if wanted == known.casefold():
            return known
    named = Cause.of(topic)
    if named:
        return named
    having = [known for known in EXPLANATIONS if wanted and wanted in known.casefold()]
    if len(having) == 1:
        return having[0]
    meant = having or _spelled_like(wanted)
    if meant:
        names = " or ".join(repr(str(name)) for name in meant[:5])
        raise ValueError(f"{topic!r} is not explained; did you mean {names}?")
    known_topics = textwrap.fill(", ".join(EXPLANATIONS), _WIDTH, break_on_hyphens=False)
    raise ValueError(f"{topic!r} is not explained. These are:\n{known_topics}")


def _spelled_like(wanted: str) -> list[Verdict | Cause]:
    # A word of a name stands for it, unless it is a name itself: `transposd` for both transposed.
    spellings: dict[str, list[Verdict | Cause]] = {}
    for known in EXPLANATIONS:
        for word in known.casefold().split():
            spellings.setdefault(word, []).append(known)
    spellings |= {known.casefold(): [known] for known in EXPLANATIONS}
    near = difflib.get_close_matches(wanted, spellings, cutoff=0.75)
    return list(dict.fromkeys(known for spelling in near for known in spellings[spelling]))


def _read() -> dict[Verdict | Cause, str]:
    """Return the four answers on each topic, as paragraphs without their headings."""
    page = (files("microgradcheck.gradcheck") / "explanations.md").read_text(encoding="utf-8")
    explanations: dict[Verdict | Cause, str] = {}
    for section in page.split("\n## ")[1:]:
        name, *answers = section.strip().split("\n\n")
        topic = Verdict(name) if name in list(Verdict) else Cause(name)
        bare = [
            answer.removeprefix(f"**{heading}.** ")
            for heading, answer in zip(_HEADINGS, answers, strict=True)
        ]
        explanations[topic] = "\n\n".join(bare)
    return explanations


EXPLANATIONS: Final = _read()
"""What `explain` knows: every verdict and every cause."""
