"""The pytest plugin: the fixture `gradcheck`, and one line on how much a run's checks could see.

Every test run loads this file where the library is installed, whether it checks gradients or not.
So it imports nothing that pytest has not loaded by then, and the fixture loads the library.

Example:
    def test_the_gradient_of_my_loss(gradcheck):
        gradcheck(my_loss, weights, gradient=my_gradient)
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Generator
from functools import wraps
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from microgradcheck.gradcheck import Report


SCHEMA: Final = 1
"""The version of the JSON; a change that a reader of it must know of raises it."""


class _Session:
    """The checks of a test run, from the fixture to the summary.

    A check travels in the report of its test, as plain data. Pytest-xdist and the like bring that
    to the process that sums up, even from a worker that crashes or is stopped later.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.rtol = _rtol(config)
        path, _, folder = _setting(config, "report")
        self.path = folder / path if path else None
        self._of_this_phase: list[dict[str, Any]] = []
        self._checks: list[dict[str, Any]] = []
        if self.path is not None:
            # Better a complaint before any test has run than after them all.
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self.path.open("a").close()
            except OSError as error:
                raise pytest.UsageError(f"cannot write {self.path}: {error.strerror}") from error

    def add(self, report: Report) -> None:
        """Keep what a check found until pytest reports on its test."""
        power = float(report.power)
        found = {"passed": report.passed, "verdict": str(report.verdict), "power": power}
        self._of_this_phase.append(found if self.path is None else report.to_dict())

    # In the old style, since the library may be installed beside an old pytest, unused.
    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
        report = (yield).get_result()
        if self._of_this_phase:
            # A report of pytest carries what is added to it from process to process.
            report.gradchecks = self._of_this_phase
            self._of_this_phase = []
        crash = getattr(report.longrepr, "reprcrash", None)
        if call.excinfo is not None and call.excinfo.typename == "GradcheckError" and crash:
            # The exception's name goes: what the short summary shows has room for one thing.
            crash.message = crash.message.partition("GradcheckError: ")[2] or crash.message

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for found in getattr(report, "gradchecks", ()):
            self._checks.append({"test": report.nodeid, "report": found})

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        # A worker of pytest-xdist leaves it to the process that started it.
        if self.path is not None and not hasattr(session.config, "workerinput"):
            # By test, since workers end theirs in any order.
            checks = sorted(self._checks, key=lambda check: check["test"])
            text = json.dumps({"schema": SCHEMA, "checks": checks}, indent=2)
            self.path.write_text(f"{text}\n", encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._checks:
            clean = all(check["report"]["verdict"] == "PASS" for check in self._checks)
            terminalreporter.write_line(_summary(self._checks), green=clean, yellow=not clean)
        if self.path is not None:
            terminalreporter.write_line(f"gradcheck: report in {self.path}")


_NAME: Final = "microgradcheck-session"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options and their twins in configuration files."""
    group = parser.getgroup("gradcheck", "gradients checked against plain arithmetic")
    for name, text in (
        ("rtol", "relative tolerance of gradchecks that do not state their own"),
        ("report", "write what all gradchecks found into a JSON file"),
    ):
        group.addoption(f"--gradcheck-{name}", metavar=name.upper(), help=text)
        parser.addini(f"gradcheck_{name}", f"{text}, as --gradcheck-{name} does")


def pytest_configure(config: pytest.Config) -> None:
    """Start counting."""
    config.pluginmanager.register(_Session(config), _NAME)


@pytest.fixture(scope="session")
def gradcheck(pytestconfig: pytest.Config) -> Callable[..., Report]:
    """Compare a gradient with plain arithmetic: `microgradcheck.gradcheck`, counted and reported.

    A check that does not pass fails the test with its report. At the end of the run one line says
    how many checks there were, their verdicts, and which of those that passed saw least.
    """
    # Of the session, not of a test, so that fixtures of any scope and Hypothesis can use it.
    from microgradcheck.gradcheck import GradcheckError
    from microgradcheck.gradcheck import gradcheck as check

    session: Any = pytestconfig.pluginmanager.get_plugin(_NAME)
    defaults = {} if session.rtol is None else {"rtol": session.rtol}

    @wraps(check)
    def counted(*arguments: Any, raise_on_failure: bool = True, **options: Any) -> Report:
        __tracebackhide__ = True
        try:
            report = check(*arguments, **defaults | options)
        except GradcheckError as error:
            session.add(error.report)
            if raise_on_failure:
                raise  # with the error of f as its cause, where f failed
            return error.report
        session.add(report)
        return report

    return counted


def _rtol(config: pytest.Config) -> float | None:
    given, name, _ = _setting(config, "rtol")
    if not given:
        return None
    try:
        rtol = float(given)
    except ValueError:
        rtol = 0.0
    if not 0 < rtol < 1:
        raise pytest.UsageError(f"{name} takes a number between 0 and 1, got {given!r}")
    return rtol


def _setting(config: pytest.Config, name: str) -> tuple[str, str, Path]:
    """Return what was asked for, by which name, and the folder that a path in it starts from."""
    given = config.getoption(f"gradcheck_{name}")
    if given is not None:
        return given, f"--gradcheck-{name}", config.invocation_params.dir
    folder = config.rootpath if config.inipath is None else config.inipath.parent
    return config.getini(f"gradcheck_{name}"), f"gradcheck_{name}", folder


def _summary(checks: list[dict[str, Any]]) -> str:
    """Return the line that sums up: the checks, their verdicts, and the weakest that passed."""
    from microgradcheck.gradcheck import Verdict
    from microgradcheck.structure import count

    counts = Counter(check["report"]["verdict"] for check in checks)
    verdicts = [f"{counts[verdict]:,} {verdict}" for verdict in Verdict if counts[verdict]]
    line = ", ".join([f"gradcheck: {count(len(checks), 'check')}", *verdicts])
    # JSON has no number for a check that saw nothing; 0 is that of an f that stands still.
    nothing = "no error of any size"
    words = {None: nothing, inf: nothing, 0.0: "that f stands still"}
    reports = [(check["report"], check["test"]) for check in checks if check["report"]["passed"]]
    if not reports:
        return line
    report, test = min(reports, key=lambda one: (-(one[0]["power"] or inf), one[1]))
    power = report["power"]
    seen = words.get(power) or f"relative errors of {power:.0e}"
    return f"{line} (weakest: {test}, sees {seen})"
