"""The command line: its commands, options and help."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any, Final, Never

from microgradcheck import __version__
from microgradcheck.cli.result import UsageError

__all__ = ["parse_arguments"]

_SHORT_OPTIONS: Final = ("-h", "-o")

_DESCRIPTION: Final = """\
Gradients that can be checked: record a computation, carry its derivative back
by the chain rule, and compare it with plain arithmetic.
"""

_EPILOG: Final = """\
examples:
  microgradcheck
  microgradcheck check "sin(x*y) + x**2" x=1 y=2
  microgradcheck draw "tanh(w*x + b)" w=0.5 x=2 b=-1 -o neuron.svg
  microgradcheck explore "tanh(w*x + b)" w=0.5 x=2 b=-1 -o neuron.html
  microgradcheck descend "(w - 5)**2" w=0 --gradient central-difference
  microgradcheck sweep "exp(x)" x=1
  microgradcheck mistakes add-overwrites
  microgradcheck ops tanh

An expression has numbers, names, + - * / ** and the library's functions: exp,
log, sqrt, sin, tanh, relu, max, ... Values may be expressions, too: x=pi/2.

exit status:
  0    the gradient is right, or the command did what it was asked to
  1    the gradient is wrong
  2    the command line, an expression or the function has an error
  3    nobody can tell: noise, an edge, no derivative, a descent that diverged
  130  stopped by Ctrl-C
"""

_TARGET_HELP: Final = """an expression in quotes, or package.module:function for one of your own,
    from the current folder too"""
_VALUES_HELP: Final = "the variables of the expression"
_AT_HELP: Final = "the inputs of package.module:function"
_OUTPUT_HELP: Final = "where the picture goes: .svg, .png, .dot or .txt (default: %(default)s)"
_DEPTH_HELP: Final = "how many levels of boxes to open (default: as many as the limit allows)"
_LIMIT_HELP: Final = "how many values to draw before some are folded (default: %(default)s)"
_PAGE_HELP: Final = "where the page goes: .html (default: %(default)s)"
_GRADIENT_HELP: Final = """backprop, forward-mode, central-difference, forward-difference,
    backward-difference, complex-step, or package.module:function (default: %(default)s)"""
_MISTAKE_HELP: Final = "one of them, to be shown in full (default: a list of all)"
_MISTAKE_OUTPUT_HELP: Final = "where its picture goes: .svg, .png, .dot or .txt (default: nowhere)"
_EXPLAIN_HELP: Final = """tell what a verdict or a cause means, how it is found, and what to do:
    WRONG, NOISY, sign flipped, ..."""

_EXAMPLES: Final = {
    "demo": """\
  microgradcheck demo
  microgradcheck demo --output chain-rule.svg""",
    "check": """\
  microgradcheck check "sin(x*y) + x**2" x=1 y=2
  microgradcheck check "abs(x)" x=0
  microgradcheck check math:sin --gradient math:cos --at pi/3
  microgradcheck check operator:mul --at 2 3 --json
  microgradcheck check --explain WRONG""",
    "draw": """\
  microgradcheck draw "sin(x*y) + x**2" x=1 y=2
  microgradcheck draw "sigmoid(w*x + b)" w=0.5 x=2 b=-1 -o neuron.svg""",
    "explore": """\
  microgradcheck explore "sin(x*y) + x**2" x=1 y=2
  microgradcheck explore operator:mul --at 2 3 --output product.html""",
    "descend": """\
  microgradcheck descend "(w - 5)**2" w=0 --learning-rate 0.1 --steps 30
  microgradcheck descend "x**2 + y**2" x=10 y=-10 --gradient central-difference""",
    "sweep": """\
  microgradcheck sweep "exp(x)" x=1
  microgradcheck sweep "sin(x*y)" x=1 y=2 --variable y""",
    "mistakes": """\
  microgradcheck mistakes
  microgradcheck mistakes add-overwrites
  microgradcheck mistakes first-visit-order --output order.svg""",
    "ops": """\
  microgradcheck ops
  microgradcheck ops tanh""",
}


class _Explain(argparse.Action):
    """Print an explanation and end, as --help and --version do, whatever else was typed."""

    def __call__(
        self, parser: argparse.ArgumentParser, _: object, words: Any, __: object = None
    ) -> Never:
        from microgradcheck.gradcheck.explanations import explain

        try:
            print(explain(" ".join(words)))
        except ValueError as error:
            raise UsageError(str(error)) from error
        parser.exit()


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line and raised, so that one place prints them."""

    def error(self, message: str) -> Never:
        raise UsageError(f"{message}; {self.prog} --help tells more")


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of the command that was typed; `demo` where none was.

    Raises:
        UsageError: they are wrong.
        SystemExit: help or the version was asked for and printed.

    Example:
        >>> parse_arguments(["check", "-x**2", "x=-1"]).target
        '-x**2'
    """
    parser = _parser()
    options, more = parser.parse_known_args([_shield(a) for a in arguments] or ["demo"])
    unknown = [a for a in more if a.startswith("-") or "values" not in options]
    if unknown:
        parser.error(f"there is no option {unknown[0].strip()}")
    if "values" in options:
        options.target = options.target.strip()
        # argparse does not take values from behind an option, where they may stand as well.
        options.values = [value.strip() for value in (*options.values, *more)]
    return options


def _shield(argument: str) -> str:
    """Put a space before "-x**2" and "-1e-3", which argparse would take for options."""
    negative = re.match(r"-[^-]", argument) and argument not in _SHORT_OPTIONS
    return f" {argument}" if negative else argument


def _parser() -> _Parser:
    parser = _Parser(
        prog="microgradcheck",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"microgradcheck {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    commands.required = True

    def add_command(name: str, summary: str) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name,
            help=summary,
            description=f"{summary.capitalize()}.",
            epilog=f"examples:\n{_EXAMPLES[name]}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.add_argument("--json", action="store_true", help="write JSON, for other programs")
        return command

    demo = add_command("demo", "differentiate, check, draw and descend: a tour in one page")
    demo.add_argument("-o", "--output", default="microgradcheck-demo.svg", help=_OUTPUT_HELP)

    check = add_command("check", "compare a gradient with finite differences")
    _add_target(check)
    check.add_argument("--gradient", default="backprop", help=_GRADIENT_HELP)
    check.add_argument("--explain", action=_Explain, nargs="+", metavar="WORD", help=_EXPLAIN_HELP)

    draw = add_command("draw", "draw the graph of a computation, with values and gradients")
    _add_target(draw)
    draw.add_argument("-o", "--output", default="graph.svg", help=_OUTPUT_HELP)
    draw.add_argument("--depth", type=int, metavar="LEVELS", help=_DEPTH_HELP)
    draw.add_argument("--limit", type=int, default=100, metavar="VALUES", help=_LIMIT_HELP)

    explore = add_command("explore", "write a page that goes through the chain rule step by step")
    _add_target(explore)
    explore.add_argument("-o", "--output", default="page.html", help=_PAGE_HELP)

    descend = add_command("descend", "follow a gradient downhill")
    _add_target(descend)
    descend.add_argument("--gradient", default="backprop", help=_GRADIENT_HELP)
    descend.add_argument(
        "--learning-rate", type=float, default=0.1, metavar="RATE", help="(default: %(default)s)"
    )
    descend.add_argument("--steps", type=int, default=30, help="(default: %(default)s)")

    sweep = add_command("sweep", "show the error of finite differences against their step")
    _add_target(sweep)
    sweep.add_argument("--variable", help="the one to differentiate by (default: the first)")

    mistakes = add_command("mistakes", "show what one may build or believe, beside what is right")
    mistakes.add_argument("name", metavar="NAME", nargs="?", help=_MISTAKE_HELP)
    mistakes.add_argument("-o", "--output", help=_MISTAKE_OUTPUT_HELP)

    ops = add_command("ops", "show the table of operations, with their derivatives")
    ops.add_argument("name", metavar="NAME", nargs="?", help="one of them (default: all)")
    return parser


def _add_target(command: argparse.ArgumentParser) -> None:
    command.add_argument("target", metavar="FUNCTION", help=_TARGET_HELP)
    command.add_argument("values", nargs="*", metavar="NAME=NUMBER", help=_VALUES_HELP)
    command.add_argument("--at", nargs="+", metavar="NUMBER", help=_AT_HELP)
