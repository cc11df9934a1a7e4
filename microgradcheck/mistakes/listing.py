"""Texts that are run: compiled so that tracebacks and reports can show their lines."""

from __future__ import annotations

import linecache
from types import CodeType

__all__ = ["compile_text"]


def compile_text(title: str, text: str) -> CodeType:
    """Compile a text as if it stood in a file.

    Args:
        title: how a traceback or a report calls that file.
        text: statements.

    Raises:
        SyntaxError: the text is no Python.
    """
    filename = f"<{title.replace('-', '_')}>"  # Where a line is wrapped, that is one word.
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    return compile(text, filename, "exec")
