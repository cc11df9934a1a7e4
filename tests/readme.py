"""The README's commands and examples, for the tests and for `.ci/run`.

    python tests/readme.py test

prints the command that the README marks with `<!-- command: test -->`.
"""

from __future__ import annotations

import doctest
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

README = Path(__file__).resolve().parent.parent / "README.md"

COMMAND = re.compile(r"^<!-- command: (\w+) -->\n```sh\n(.+?)\n```$", re.MULTILINE | re.DOTALL)

NEEDS = re.compile(r"<!-- needs: ([\w, ]+) -->")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language: what stands after its opening fence.
        line: the number of its first line of code.
        code: its lines.
        needs: the packages named in a comment right above it, `<!-- needs: jax -->`.
    """

    language: str
    line: int
    code: str
    needs: tuple[str, ...] = ()


def commands(text: str) -> dict[str, str]:
    r"""Return the marked commands by name.

    Raises:
        ValueError: a name is marked twice, or no `sh` block begins right below its mark.

    Example:
        >>> lines = ["<!-- command: greet -->", "```sh", "echo hello", "```"]
        >>> commands("\n".join(lines))
        {'greet': 'echo hello'}
    """
    found = COMMAND.findall(text)
    names = [name for name, _ in found]
    if len(set(names)) < len(names) or len(names) < text.count("<!-- command:"):
        raise ValueError(f"each command needs one mark and a `sh` block right below it: {names}")
    return dict(found)


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks in order.

    Raises:
        ValueError: a fence is indented, has no language or is not closed, any of which would
            hide an example from the tests.
    """
    found: list[Block] = []
    lines: Iterator[tuple[int, str]] = enumerate(text.splitlines(), start=1)
    needs: tuple[str, ...] = ()
    for number, line in lines:
        if not line.lstrip().startswith(("```", "~~~")):
            mark = NEEDS.fullmatch(line)
            needs = tuple(mark[1].split(", ")) if mark else ()
            continue
        opening = re.fullmatch(r"```(\w+)", line)
        if opening is None:
            raise ValueError(f"line {number}: a fence is written ```language, not {line!r}")
        code: list[str] = []
        for _, inner in lines:
            if inner == "```":
                break
            code.append(inner + "\n")
        else:
            raise ValueError(f"line {number}: this fence is not closed")
        found.append(Block(opening[1], number + 1, "".join(code), needs))
        needs = ()
    return found


def run(block: Block, namespace: dict[str, Any], filename: str = README.name) -> None:
    """Run a Python block in a namespace, as a session where it has prompts, else as a program.

    Raises:
        AssertionError: a session prints something else than the block says; the message shows
            both, with the line in the file.
        Exception: whatever a program raises, with a note of the block and its line.
    """
    if re.search(r"^>>> ", block.code, re.MULTILINE):
        _run_session(block, namespace, filename)
        return
    try:
        # Blank lines before the code let a traceback count as the file does.
        exec(compile("\n" * (block.line - 1) + block.code, filename, "exec"), namespace)
    except Exception as error:
        error.add_note(f"in the block at {filename}:{block.line}:\n{block.code}")
        raise


def _run_session(block: Block, namespace: dict[str, Any], filename: str) -> None:
    name = f"the block at {filename}:{block.line}"
    session = doctest.DocTestParser().get_doctest(
        block.code, namespace, name, filename, block.line - 1
    )
    report: list[str] = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    runner.run(session, out=report.append, clear_globs=False)
    # A session works on a copy of the namespace.
    namespace.update(session.globs)
    if report:
        raise AssertionError("".join(report))


if __name__ == "__main__":
    print(commands(README.read_text("utf-8"))[sys.argv[1]])
