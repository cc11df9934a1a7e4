"""Change one operator or number of the core at a time, and ask the tests: do they notice?

    python -m pip install cosmic-ray
    python -m tests.benchmarks.mutation mutants.jsonl microgradcheck/numeric

Cosmic Ray says what can be changed. Each change is tried in a fork of one process that has
imported and collected everything: functions get their changed code, and the tests that run the
changed line or its file are asked, quickest first, until one fails. What runs before any test does,
at import or while tests are collected, is tried in a new process. The file keeps what was found, so
that a run that was stopped goes on. In the end it prints the changes that no test noticed, and the
score.

Changes that people have judged to change nothing that can be seen are not asked about; they are in
`without_effect.txt`, with the reason.
"""

from __future__ import annotations

import difflib
import gc
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final, NamedTuple

import coverage
import pytest
from _pytest.runner import runtestprotocol
from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

ROOT: Final = Path(__file__).parents[2]
CORE: Final = [
    *("ops", "structure.py", "sweep.py", "value", "backprop.py", "sources.py"),
    *("numeric", "gradcheck"),
]
TESTS: Final = [
    *("pinned_estimates", "pinned_reports", "ops", "structure", "sweep", "value", "places"),
    *("backprop", "functions", "sources", "scopes", "numeric", "numeric_traps", "numeric_samples"),
    *("gradcheck", "gradcheck_arguments", "gradcheck_causes", "branches", "nudges", "report"),
    *("explanations", "second_opinions", "hand_written", "raises"),
]

# Operators that make no mutants worth asking for.
_SKIPPED: Final = re.compile(
    # They have no meaning for floats, so whatever runs the line sees them.
    r"core/ReplaceBinaryOperator_(Add|Sub|Mul|Div|FloorDiv|Mod|Pow)_"
    r"(FloorDiv|Mod|RShift|LShift|Bit)"
    # Mostly the | of annotations, which nothing evaluates.
    r"|core/ReplaceBinaryOperator_Bit"
    # Identity stands beside None and types, which have no order and are equal to themselves only.
    r"|core/ReplaceComparisonOperator_(Is|IsNot)_(?!Is)"
    r"|core/ReplaceComparisonOperator_(Eq|NotEq|Lt|LtE|Gt|GtE)_Is"
)
# Lines that check what always holds, that only pytest reads, or that only type checkers do.
_WITHOUT_EFFECT: Final = re.compile(r"strict=|__tracebackhide__|TYPE_CHECKING|^\s+\*,$")
_JUDGED: Final = Path(__file__).with_name("without_effect.txt")
_PATIENCE: Final = 20  # seconds, and ten times what tests take by themselves
_FAST_LOCALS: Final = 1  # the flag of the code of functions


class Mutant(NamedTuple):
    """One change of one file, by the operator and its position among all that it could change."""

    file: str
    operator: str
    occurrence: int
    line: int


def mutants(paths: Iterable[str]) -> Iterator[Mutant]:
    """Yield all changes of files and folders."""
    for path in paths:
        for file in sorted((ROOT / path).rglob("*.py")) or [ROOT / path]:
            source = file.read_text(encoding="utf-8")
            lines, nodes = source.splitlines(), list(ast_nodes(get_ast(source)))
            for name in plugins.operator_names():
                operator = plugins.get_operator(name)
                if _SKIPPED.match(name) or operator.arguments():
                    continue
                places = (p for node in nodes for p in operator().mutation_positions(node))
                for occurrence, ((line, _), _) in enumerate(places):
                    if not _WITHOUT_EFFECT.search(lines[line - 1]):
                        yield Mutant(str(file.relative_to(ROOT)), name, occurrence, line)


class Runner:
    """A plugin of pytest that asks the collected tests about mutants instead of running them."""

    def __init__(self, results: Path, paths: list[str]) -> None:
        self.results, self.paths = results, paths
        self.kills: Counter[str] = Counter()
        self.judged = judged()
        self.before_tests = _coverage()
        self.before_tests.start()

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try all mutants without a result, as many at once as there are processors."""
        self.before_tests.stop()
        self.items = {item.nodeid: item for item in session.items}
        profile = Fork(self._profile).told()
        if profile is None:
            sys.exit("a test fails before anything is changed")
        self.seconds, self.tests_of_line = profile
        self.functions = _functions()
        gc.freeze()  # so that forks share the memory of what is there
        known = {tuple(each["mutant"]) for each in self.found()}
        running: dict[int, tuple[Mutant, Fork]] = {}
        for mutant in (m for m in mutants(self.paths) if m not in known):
            if len(running) == (os.cpu_count() or 1):
                self._note(running)
            fork = Fork(partial(self._try, mutant))
            running[fork.pid] = mutant, fork
        while running:
            self._note(running)
        return True

    def found(self) -> list[dict[str, Any]]:
        """Return what is known of mutants: the changed lines, and the test that noticed, or ""."""
        lines = (
            self.results.read_text(encoding="utf-8").splitlines() if self.results.exists() else ()
        )
        return [json.loads(line) for line in lines]

    def _note(self, running: dict[int, tuple[Mutant, Fork]]) -> None:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        mutant, fork = running.pop(ended.si_pid)
        found = fork.told() or {"noticed": "by no end, or by a crash"}
        self.kills[found["noticed"]] += 1
        with self.results.open("a", encoding="utf-8") as file:
            print(json.dumps({"mutant": mutant, **found}), file=file)

    def _profile(self) -> tuple[dict[str, float], dict[str, dict[int, list[str]]]] | None:
        """Return how long each test takes, and which tests run each line of each file."""
        measured = _coverage()
        seconds: dict[str, float] = {}
        measured.start()
        for identifier, item in self.items.items():
            measured.switch_context(identifier)
            start = time.perf_counter()
            if not _passes(item):
                print(f"{identifier} fails", file=sys.__stderr__)
                return None
            seconds[identifier] = time.perf_counter() - start
        measured.stop()
        data = measured.get_data()
        tests = {
            file: {line: list(filter(None, each)) for line, each in lines.items()}
            for file in data.measured_files()
            if (lines := data.contexts_by_lineno(file))
        }
        return seconds, tests

    def _try(self, mutant: Mutant) -> dict[str, Any]:
        path = ROOT / mutant.file
        before = path.read_text(encoding="utf-8")
        after = mutate_code(before, plugins.get_operator(mutant.operator)(), mutant.occurrence)
        changed = [
            f"{line[0]} {line[1:].strip()}"
            for line in difflib.unified_diff(before.splitlines(), after.splitlines(), n=0)
            if line[1:].strip() and not line.startswith(("---", "+++", "@@"))
        ]
        if why := self.judged.get((mutant.file, *changed)):
            return {"noticed": "", "changed": changed, "why": why}
        try:
            old, new = (compile(text, path, "exec", dont_inherit=True) for text in (before, after))
        except SyntaxError:
            return {"noticed": "by Python", "changed": changed}
        tests = self._tests_of(str(path), mutant.line)
        noticed, at_import = "", _at_import(old) != _at_import(new)
        if not at_import:
            codes = _codes(old)
            for place, code in _codes(new).items():
                if codes.get(place) != code:
                    for function in self.functions[str(path)][place]:
                        function.__code__ = code
            noticed = self._first_to_notice(tests)
        ran = self.before_tests.get_data().lines(str(path)) or ()
        if at_import or (not noticed and mutant.line in ran):
            noticed = self._in_a_new_process(mutant.file, after, tests)
        return {"noticed": noticed, "changed": changed}

    def _tests_of(self, file: str, line: int) -> list[str]:
        """Return the tests that run a file, those of the line and that may notice first."""
        lines = self.tests_of_line.get(file, {})
        # Of what is kept once computed, only the first test runs the line.
        tests = {test for each in lines.values() for test in each}
        tests |= {name for name, item in self.items.items() if "untraced" in item.fixturenames}
        of_line = lines.get(str(line), ())
        return sorted(tests, key=lambda t: (t not in of_line, -self.kills[t], self.seconds[t]))

    def _first_to_notice(self, tests: list[str]) -> str:
        for test in tests:
            signal.alarm(self._patience([test]))  # It ends this fork, and so tells nothing.
            if not _passes(self.items[test]):
                return test
        return ""

    def _in_a_new_process(self, file: str, source: str, tests: list[str]) -> str:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for each in ROOT.iterdir():
                if each.name != "microgradcheck":
                    (folder / each.name).symlink_to(each)
            shutil.copytree(ROOT / "microgradcheck", folder / "microgradcheck")
            (folder / file).write_text(source, encoding="utf-8")
            (folder / "asked").write_text("\n".join(tests))
            run = [sys.executable, "-m", "pytest", "-xq", "-p", "no:cacheprovider", "@asked"]
            try:
                subprocess.run(
                    run,
                    cwd=folder,
                    env={**os.environ, "PYTHONPATH": name},
                    capture_output=True,
                    timeout=self._patience(tests),
                    check=True,
                )
            except subprocess.SubprocessError:
                return "in a new process"
        return ""

    def _patience(self, tests: list[str]) -> int:
        return _PATIENCE + int(10 * sum(self.seconds[test] for test in tests))


class Fork:
    """A copy of this process that does some work and tells what came of it."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._pipe, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                told = json.dumps(work())
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                with os.fdopen(write, "w") as pipe:
                    pipe.write(told)
            finally:
                os._exit(0)
        os.close(write)

    def told(self) -> Any:
        """Return what came of the work; None of a copy that came to no good end."""
        with os.fdopen(self._pipe) as pipe:
            text = pipe.read()
        os.waitpid(self.pid, 0)
        return json.loads(text) if text else None


def _coverage() -> coverage.Coverage:
    package = f"{ROOT}/microgradcheck/*"
    return coverage.Coverage(data_file=None, config_file=False, include=[package])


def _passes(item: pytest.Item) -> bool:
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


def _functions() -> dict[str, dict[tuple[str, int], list[FunctionType]]]:
    """Return all functions that there are by file, name and first line."""
    found: Any = defaultdict(lambda: defaultdict(list))
    for each in gc.get_objects():
        if isinstance(each, FunctionType):
            code = each.__code__
            found[code.co_filename][code.co_qualname, code.co_firstlineno].append(each)
    return found


def _codes(code: CodeType) -> dict[tuple[str, int], CodeType]:
    """Return all code within some code by name and first line."""
    found = {}
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            found[inner.co_qualname, inner.co_firstlineno] = inner
            found |= _codes(inner)
    return found


def _at_import(code: CodeType) -> tuple[Any, ...]:
    """Return what runs at import: all but the bodies of functions."""
    within: list[Any] = []
    for inner in code.co_consts:
        if not isinstance(inner, CodeType):
            within.append(repr(inner))
        elif inner.co_flags & _FAST_LOCALS:
            within.append((inner.co_qualname, inner.co_varnames[: inner.co_argcount]))
        else:
            within.append(_at_import(inner))
    return (code.co_code, code.co_names, *within)


def judged() -> dict[tuple[str, ...], str]:
    """Return why changes are without effect, by their file and lines: `-` before, `+` after."""
    found: dict[tuple[str, ...], str] = {}
    before: list[str] = []
    after: list[str] = []
    file, ended = "", True
    for line in _JUDGED.read_text(encoding="utf-8").splitlines():
        match line[:2]:
            case "- ":
                before = [line] if ended else [*before, line]
                ended = False
            case "+ ":
                after.append(line)
            case "= ":
                found[file, *before, *after] = line[2:]
                after, ended = [], True
            case name if name.strip("# "):
                file = f"microgradcheck/{line}"
    return found


def print_score(found: Iterable[dict[str, Any]]) -> None:
    """Print what no test noticed, and for each room how much they noticed."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    unneeded = judged()
    for each in found:
        file, _, _, line = each["mutant"]
        outcome = "noticed" if each["noticed"] else "judged" if "why" in each else "not noticed"
        counts[file.split("/")[1]][outcome] += 1
        unneeded.pop((file, *each.get("changed", ())), None)
        if outcome == "not noticed":
            print(f"\n{file}:{line}", *each["changed"], sep="\n")
    if unneeded:
        print("\nJudged, and no longer in the code:")
        print(*("\n".join(change) for change in unneeded), sep="\n")
    print("\n| Room | Mutants | Noticed | Without effect | Not noticed |\n|---|---|---|---|---|")
    for room, count in sorted(counts.items()):
        numbers = [count.total(), *(count[o] for o in ("noticed", "judged", "not noticed"))]
        print(f"| `{room}` |", *(f"{number:,} |" for number in numbers))


if __name__ == "__main__":
    runner = Runner(Path(sys.argv[1]), sys.argv[2:] or [f"microgradcheck/{room}" for room in CORE])
    options = ["-q", "--no-header", "-p", "no:cacheprovider", "-k", "not million"]
    pytest.main([*options, *(f"tests/test_{name}.py" for name in TESTS)], plugins=[runner])
    print_score(runner.found())
