"""Where a command's text goes: with colour on a terminal, and in characters that it can show."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["Screen", "machine_readable"]

# One character for each, so that columns stay columns.
_NEAREST: Final = str.maketrans("×·−–—→←∂≈≤≥±…“”‘’", "**---><d~<>+.\"\"''")


class Screen:
    """A stream that people or programs read.

    Args:
        stream: text goes here, as far as the stream's encoding can hold it; other characters are
            replaced by a near one or an escape.

    Example:
        >>> import sys
        >>> Screen(sys.stdout).show("a text", "and another")
        a text
        and another
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._encoding = stream.encoding or "utf-8"

    def write(self, text: str) -> None:
        """Write a text and end the line."""
        try:
            text.encode(self._encoding)
        except UnicodeEncodeError:
            nearest = text.translate(_NEAREST).encode(self._encoding, "backslashreplace")
            text = nearest.decode(self._encoding)
        self._stream.write(f"{text}\n")

    def show(self, *things: RenderableType) -> None:
        """Write texts as they are, and texts and tables of rich wrapped, one below the other."""
        from rich.console import Console

        terminal = self._stream.isatty()
        console = Console(
            file=self._stream,
            width=None if terminal else 80,
            color_system="auto" if terminal and not os.environ.get("NO_COLOR") else None,
            highlight=False,
            markup=False,
            emoji=False,
        )
        # Rich would end the program itself where a pipe breaks, as if a gradient were wrong.
        with console.capture() as capture:
            for thing in things:
                console.print(thing, soft_wrap=isinstance(thing, str))
        self.write("\n".join(map(str.rstrip, capture.get().splitlines())))


def machine_readable(data: Mapping[str, Any]) -> str:
    """Return data as JSON, with null for what is not a finite number.

    Example:
        >>> print(machine_readable({"value": math.inf}))
        {
          "value": null
        }
    """
    import json

    return json.dumps(_finite(data), indent=2, allow_nan=False)


def _finite(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_finite(value) for value in data]
    if isinstance(data, float) and not math.isfinite(data):
        return None
    return data
