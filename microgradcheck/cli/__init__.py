"""The command line: arguments in, text or pictures out.

NumPy, rich and all else that takes time to load is imported by the commands that need it.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib import import_module
from typing import Any, Final, Never

from microgradcheck import __version__

__all__ = ["Status", "main"]

_LESSONS: Final = {"demo", "mistakes", "ops", "sweep"}
SCHEMA: Final = 1
"""The version of the JSON; a change that a reader of it must know of raises it."""

_DESCRIPTION: Final = """\
Record a computation, carry its derivative back by the chain rule, and compare
it with plain arithmetic.
"""

_EPILOG: Final = """

An expression has numbers, names, + - * / ** and the library's functions: exp,
log, sqrt, sin, tanh, relu, max, ... Values may be expressions, too: x=pi/2.

exit status:
  0    the gradient is right, or the command did what it was asked to
  1    the gradient is wrong
  2    the command line, an expression or the function has an error
  3    nobody can tell: noise, an edge, no derivative, a descent that diverged
  130  stopped by Ctrl-C
"""


class Status:
    """The exit statuses of every command."""

    PASS: Final = 0
    WRONG: Final = 1
    USAGE: Final = 2
    CANNOT_TELL: Final = 3
    # As a shell reports programs that were ended by Ctrl-C, and by a pipe that no one reads.
    INTERRUPTED: Final = 130
    UNREAD: Final = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, by default the one that was typed, and return its exit status.

    Example:
        >>> main(["check", "x^2", "x=3"])  # and on stderr: write x**2, not x^2
        2
    """
    for name in ("stdout", "stderr"):
        # Where a shell closed it (`>&-`), it is None; the exit status is what is asked for then.
        if getattr(sys, name) is None:
            setattr(sys, name, io.StringIO())
    try:
        status = _run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Python writes what is left when it ends; with no one to read it, that must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Status.UNREAD
    except (KeyboardInterrupt, SystemExit, Exception) as error:  # noqa: BLE001 (a function may raise anything)
        from microgradcheck.cli.result import complaint, write

        write(sys.stderr, f"microgradcheck: {complaint(error)}")
        return Status.INTERRUPTED if isinstance(error, KeyboardInterrupt) else Status.USAGE


def _run(arguments: Sequence[str]) -> int:
    try:
        options = _options(arguments)
    except SystemExit:  # Help or the version was asked for, and is printed.
        return Status.PASS
    from microgradcheck.cli.result import show, write

    home = import_module(f"{__name__}.{'lessons' if options.command in _LESSONS else 'commands'}")
    # A function that prints must not print into the JSON.
    with redirect_stdout(sys.stderr if options.json else sys.stdout):
        status, data, shown = getattr(home, options.command)(options)
    if options.json:
        import json

        head = {"schema": SCHEMA, "command": options.command}
        # First for the eye, and last because a report has a schema of its own.
        text = json.dumps(head | data | head)
        # JSON has null for what is not a finite number.
        finite = json.loads(text, parse_constant=lambda _: None)
        write(sys.stdout, json.dumps(finite, indent=2))
    else:
        show(sys.stdout, *shown)
    return int(status)


# What may be typed


class _Explain(argparse.Action):
    """Print an explanation and end, as --help and --version do, whatever else was typed."""

    def __call__(
        self, parser: argparse.ArgumentParser, _: object, words: Any, __: object = None
    ) -> Never:
        from microgradcheck.gradcheck.explanations import explain

        print(explain(" ".join(words)))
        parser.exit()


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line and raised, so that one place prints them."""

    def error(self, message: str) -> Never:
        raise ValueError(f"{message}; {self.prog} --help tells more")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of the command that was typed; `demo` where none was."""
    parser = _parser()
    options, more = parser.parse_known_args([_shield(a) for a in arguments] or ["demo"])
    unknown = [a for a in more if a.startswith("-") or "values" not in options]
    if unknown:
        first = unknown[0].strip()
        is_option = first.startswith("-")
        parser.error(f"there is no option {first}" if is_option else f"{first} is one too many")
    if "values" in options:
        options.target = options.target.strip()
        # argparse does not take values from behind an option, where they may stand as well.
        options.values = [value.strip() for value in (*options.values, *more)]
    return options


def _shield(argument: str) -> str:
    """Put a space before "-x**2" and "-1e-3", which argparse would take for options."""
    negative = re.match(r"-[^-]", argument) and argument not in {"-h", "-o"}
    return f" {argument}" if negative else argument


def _unshield(argument: str) -> str:
    return re.sub(r"^ (?=-)", "", argument)


def _parser() -> _Parser:
    layout: dict[str, Any] = {
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,
    }
    parser = _Parser(prog="microgradcheck", description=_DESCRIPTION, **layout)
    parser.add_argument("--version", action="version", version=f"microgradcheck {__version__}")
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", dest="command", required=True
    )

    firsts = []  # the first example of each command

    def add(summary: str, *examples: str, output: str | None = None) -> argparse.ArgumentParser:
        firsts.append(examples[0])
        command = commands.add_parser(
            examples[0].partition(" ")[0],
            help=summary,
            description=f"{summary.capitalize()}.",
            epilog=_in_lines(examples),
            **layout,
        )
        command.add_argument("--json", action="store_true", help="write JSON, for other programs")
        if output is not None:
            kinds = ".html" if output.endswith(".html") else ".svg, .png, .dot or .txt"
            written = f"the file to write, {kinds} (default: {output or 'none'})"
            command.add_argument(
                "-o", "--output", metavar="FILE", type=_unshield, default=output, help=written
            )
        return command

    def add_for_function(
        summary: str, *examples: str, output: str | None = None
    ) -> argparse.ArgumentParser:
        command = add(summary, *examples, output=output)
        command.add_argument(
            "target", metavar="FUNCTION", help="an expression in quotes, or package.module:function"
        )
        command.add_argument(
            "values",
            nargs="*",
            default=[],  # Without it, argparse says that they are required.
            metavar="NAME=NUMBER",
            help="the variables of an expression",
        )
        command.add_argument(
            "--at", nargs="+", metavar="NUMBER", help="the inputs of a module's function"
        )
        return command

    def add_gradient(command: argparse.ArgumentParser) -> None:
        command.add_argument(
            "--gradient",
            default="backprop",
            help="backprop, forward-mode, tape, central-difference, forward-difference, "
            "backward-difference, complex-step, package.module:function, or an expression for "
            "each input, with commas between (default: %(default)s)",
        )

    add(
        "differentiate, check, draw and descend: a tour in one page",
        "demo",
        "demo --output chain-rule.svg",
        output="microgradcheck-demo.svg",
    )
    check = add_for_function(
        "compare a gradient with finite differences",
        'check "sin(x*y) + x**2" x=1 y=2',
        'check "x**2 * y" x=3 y=2 --gradient "2*x*y, x**2"',
        "check math:sin --gradient math:cos --at pi/3",
        "check operator:mul --at 2 3 --json",
        "check --explain WRONG",
    )
    add_gradient(check)
    check.add_argument(
        "--explain",
        action=_Explain,
        nargs="+",
        metavar="WORD",
        help="tell all about a verdict or a cause: WRONG, NOISY, sign flipped, ...",
    )
    draw = add_for_function(
        "draw the graph of a computation, with values and gradients",
        'draw "sigmoid(w*x + b)" w=0.5 x=2 b=-1 -o neuron.svg',
        output="graph.svg",
    )
    draw.add_argument(
        "--depth",
        type=int,
        metavar="LEVELS",
        help="levels of boxes to open (default: as many as the limit allows)",
    )
    draw.add_argument(
        "--limit",
        type=int,
        default=100,
        metavar="VALUES",
        help="values to draw before some are folded (default: %(default)s)",
    )
    add_for_function(
        "write a page that goes through the chain rule step by step",
        'explore "tanh(w*x + b)" w=0.5 x=2 b=-1',
        "explore operator:mul --at 2 3 --output product.html",
        output="page.html",
    )
    descend = add_for_function(
        "follow a gradient downhill",
        'descend "(w - 5)**2" w=0 --learning-rate 0.1 --steps 30',
        'descend "x**2 + y**2" x=10 y=-10 --gradient central-difference',
    )
    add_gradient(descend)
    descend.add_argument(
        "--learning-rate", type=float, default=0.1, metavar="RATE", help="(default: %(default)s)"
    )
    descend.add_argument("--steps", type=int, default=30, help="(default: %(default)s)")
    sweep = add_for_function(
        "show the error of finite differences against their step",
        'sweep "exp(x)" x=1',
        'sweep "sin(x*y)" x=1 y=2 --variable y',
    )
    sweep.add_argument("--variable", help="the one to differentiate by (default: the first)")
    mistakes = add(
        "show what one may build or believe, beside what is right",
        "mistakes add-overwrites",
        "mistakes first-visit-order --output order.svg",
        output="",
    )
    mistakes.add_argument(
        "name", metavar="NAME", nargs="?", help="one of them, in full (default: a list of all)"
    )
    operations = add("show the table of operations, with their derivatives", "ops tanh")
    operations.add_argument("name", metavar="NAME", nargs="?", help="one of them (default: all)")

    parser.epilog = _in_lines(firsts) + _EPILOG
    return parser


def _in_lines(examples: Sequence[str]) -> str:
    return "\n  microgradcheck ".join(["examples:", *examples])
