"""What a command found, for people and for machines, and the exit status that says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from rich.text import Text

    from microgradcheck.cli.screen import Screen
    from microgradcheck.cli.target import Target
    from microgradcheck.gradcheck import Report

__all__ = ["Result", "Status", "about", "headline", "status_of", "with_verdicts"]


class Status:
    """The exit statuses of every command."""

    PASS: Final = 0
    WRONG: Final = 1
    USAGE: Final = 2
    CANNOT_TELL: Final = 3
    # As a shell reports programs that were ended by Ctrl-C, and by a pipe that no one reads.
    INTERRUPTED: Final = 130
    UNREAD: Final = 141


class Result(NamedTuple):
    """What a command found.

    Attributes:
        status: the exit status.
        data: what machines get, as far as JSON can hold it.
        show: writes what people get.
    """

    status: int
    data: dict[str, Any]
    show: Callable[[Screen], None]


def status_of(report: Report) -> int:
    """Return the exit status that says what a report says."""
    if report.passed:
        return Status.PASS
    undecided = str(report.verdict) in {"NOISY", "INCONCLUSIVE", "EDGE"}
    return Status.CANNOT_TELL if undecided else Status.WRONG


def headline(target: Target) -> str:
    """Return the function and the point as a line for people."""
    return f"{target.title} at {', '.join(f'{n} = {x:g}' for n, x in target.at.items())}"


def about(target: Target) -> dict[str, Any]:
    """Return the function and the point as data for machines."""
    return {"function": target.title, "at": target.at}


def with_verdicts(text: str) -> Text:
    """Return a text with its verdicts in colour."""
    from rich.text import Text

    styled = Text(text)
    styled.highlight_words(["PASS"], "bold green")
    styled.highlight_words(["WRONG"], "bold red")
    styled.highlight_words(["KINK", "EDGE", "NOISY", "INCONCLUSIVE"], "bold yellow")
    return styled
