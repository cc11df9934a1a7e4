"""The command line: arguments in, text or pictures out.

NumPy, rich and all else that takes time to load is imported by the commands that need it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Final

from microgradcheck.cli.arguments import parse_arguments
from microgradcheck.cli.result import Screen, Status, finite

__all__ = ["main"]

SCHEMA: Final = 1
"""The version of the JSON; a change that a reader of it must know of raises it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Args:
        arguments: what stands after `microgradcheck`; by default what this program was given.

    Returns:
        0 for a pass, 1 for a wrong gradient, 2 for a wrong command line, expression or function,
        3 where it cannot be told, 130 for Ctrl-C, and 141 where no one reads what is written.

    Example:
        >>> main(["check", "sin(x*y) + x**2", "x=1", "y=2", "--json"])
        {
          "schema": 1,
          "command": "check",
          "function": "sin(x*y) + x**2",
        ...
        0
        >>> main(["check", "x^2", "x=3"])  # and on stderr: write x**2, not x^2
        2
    """
    try:
        status = _run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Python writes what is left when it ends; with no one to read it, that must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Status.UNREAD
    except (KeyboardInterrupt, SystemExit, Exception) as error:  # noqa: BLE001 (see _complaint)
        Screen(sys.stderr).write(f"microgradcheck: {_complaint(error)}")
        return Status.INTERRUPTED if isinstance(error, KeyboardInterrupt) else Status.USAGE


def _run(arguments: Sequence[str]) -> int:
    try:
        options = parse_arguments(arguments)
    except SystemExit:  # Help or the version was asked for, and is printed.
        return Status.PASS
    from microgradcheck.cli import commands, demo, tables

    command = {
        "demo": demo.demo,
        "check": commands.check,
        "draw": commands.draw,
        "explore": commands.explore,
        "descend": commands.descend,
        "sweep": tables.sweep,
        "mistakes": tables.mistakes,
        "ops": tables.operations,
    }[options.command]
    screen = Screen(sys.stdout)
    if not options.json:
        result = command(options)
        screen.show(*result.show())
        return result.status
    import json

    # A function that prints must not print into the JSON.
    with redirect_stdout(sys.stderr):
        result = command(options)
    head = {"schema": SCHEMA, "command": options.command}
    # First for the eye, and last because a report has a schema of its own.
    data = finite(head | result.data | head)
    screen.write(json.dumps(data, indent=2, allow_nan=False))
    return result.status


def _complaint(error: BaseException) -> str:
    """Return what a person should read, who sees no traceback; a function may raise anything."""
    if isinstance(error, KeyboardInterrupt):
        return "stopped"
    if isinstance(error, SystemExit):
        return "the function ended the program instead of returning a number"
    text = str(error) or type(error).__name__
    if place := _place(error):
        text = f"{type(error).__name__}: {text} ({place})"
    return "\n".join([text, *getattr(error, "__notes__", [])])


def _place(error: BaseException) -> str:
    """Return the last line of a user's own file that an error passed, and nothing without one."""
    import sysconfig
    import traceback
    from pathlib import Path

    paths = sysconfig.get_paths()
    libraries = {Path(paths[name]) for name in ("stdlib", "purelib", "platlib")}
    libraries.add(Path(__file__).parent.parent)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_file() and libraries.isdisjoint(file.resolve().parents):
            return f"{file.name}:{frame.lineno}"
    return ""
