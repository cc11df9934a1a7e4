"""The long text behind every verdict and every cause: what a report has no room for.

The texts themselves are in `explanations.md`, which reads well by itself.
"""

from __future__ import annotations

import difflib
import textwrap
from importlib.resources import files
from typing import Final

from microgradcheck.gradcheck.entry import Cause

_WIDTH = 72


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
    for answer in EXPLANATIONS[found].split("\n\n"):
        heading, _, text = answer.removeprefix("**").partition(".** ")
        filled = textwrap.fill(text, _WIDTH - 2, break_on_hyphens=False)
        lines += ["", heading, textwrap.indent(filled, "  ")]
    return "\n".join(lines)


def _find(topic: str) -> str:
    wanted, names = topic.casefold(), {known.casefold(): known for known in EXPLANATIONS}
    found = names.get(wanted) or Cause.of(topic)
    if found:
        return found
    having = [known for name, known in names.items() if wanted and wanted in name]
    if len(having) == 1:
        return having[0]
    # A word of a name stands for it, unless it is a name itself: `transposd` for both transposed.
    spellings: dict[str, list[str]] = {}
    for name, known in names.items():
        for word in name.split():
            spellings.setdefault(word, []).append(known)
    spellings |= {name: [known] for name, known in names.items()}
    near = difflib.get_close_matches(wanted, spellings, cutoff=0.75)
    meant = having or dict.fromkeys(known for spelling in near for known in spellings[spelling])
    if meant:
        quoted = " or ".join(map(repr, list(meant)[:5]))
        raise ValueError(f"{topic!r} is not explained; did you mean {quoted}?")
    known_topics = textwrap.fill(", ".join(EXPLANATIONS), _WIDTH, break_on_hyphens=False)
    raise ValueError(f"{topic!r} is not explained. These are:\n{known_topics}")


def _read() -> dict[str, str]:
    page = (files("microgradcheck.gradcheck") / "explanations.md").read_text(encoding="utf-8")
    sections = page.strip().split("\n\n## ")[1:]
    return dict(section.split("\n\n", 1) for section in sections)


EXPLANATIONS: Final = _read()
"""What `explain` knows: four answers on every verdict and every cause."""
