"""The pytest plugin, in test runs of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy  # noqa: F401  (a run in this process would load it, which can be done once only)
import pytest

import microgradcheck as mg
from microgradcheck.gradcheck import Verdict
from microgradcheck.gradcheck.entry import Cause
from reports import CASES, Case, masked

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parent.parent
PLUGIN = ("-p", "microgradcheck.pytest_plugin")

SEVERAL_CHECKS = """
    import math
    import pytest
    import microgradcheck as mg

    def test_passes(gradcheck):
        gradcheck(lambda x: x**2, 3.0)
        gradcheck(lambda x: x**2, 3.0, gradient=lambda x: 2 * x)

    def test_has_a_kink(gradcheck):
        gradcheck(abs, 0.0, gradient=lambda x: 0.0)

    @pytest.mark.parametrize("x", [1.0])
    def test_sees_little(gradcheck, x):
        f = lambda x: 1e12 + math.sin(x)
        gradcheck(f, x, gradient=math.cos, accept=("INCONCLUSIVE",))

    def test_fails(gradcheck):
        gradcheck(lambda x: x**3, 1.0, gradient=lambda x: 3.0)
        gradcheck(lambda x: x**3, 1.0, gradient=lambda x: -3 * x**2)

    def test_expects_a_failure(gradcheck):
        with pytest.raises(mg.GradcheckError):
            gradcheck(lambda x: x**3, 1.0, gradient=lambda x: 0.0)
        assert not gradcheck(max, 1.0, 1.0, gradient=lambda x, y: (1, 1), raise_on_failure=False)
"""
ERROR = "microgradcheck.GradcheckError: "
SUMMARY_OF_SEVERAL = (
    "gradcheck: 8 checks, 3 PASS, 1 KINK, 1 INCONCLUSIVE, 3 WRONG "
    "(weakest: test_several.py::test_sees_little[1.0], sees relative errors of 2e-02)"
)


@pytest.fixture(autouse=True)
def _a_run_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing of this test run reach those that it starts."""
    for name in ("CI", "BUILD_NUMBER", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def run(pytester: pytest.Pytester, *options: str, **files: str) -> list[str]:
    """Run pytest with the plugin in this process; return the lines that it wrote."""
    pytester.makepyfile(**files)
    return pytester.runpytest_inprocess(*PLUGIN, *options).outlines


def summary_in(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("gradcheck:")]


def ending_of(lines: list[str]) -> str:
    """Return how many tests passed and failed, without the time that they took."""
    return re.sub(r" in .*|=+ ?", "", lines[-1])


# What a failing check shows


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.finding.name)
def test_the_report_is_shown(pytester: pytest.Pytester, case: Case) -> None:
    lines = run(pytester, "-rPf", test_it=case.test_file)
    headline = case.lines[0]
    verdict = headline.split()[0]

    if verdict in {"PASS", "KINK"}:
        assert ending_of(lines) == "1 passed"
        first = lines.index(headline)
        report = lines[first : first + len(case.lines)]
    else:
        assert ending_of(lines) == "1 failed"
        told = [line[8:] for line in lines if line.startswith("E    ")]
        # Where f fails, its own error comes first.
        [first] = [n for n, line in enumerate(told) if line.startswith(ERROR)]
        report = [told[first].removeprefix(ERROR), *told[first + 1 :]]
        assert f"FAILED test_it.py::test_it - {report[0]}" in lines

    assert [masked(line, verdict) for line in report] == case.lines
    assert len(report[0]) <= 41
    assert len(report) <= 15
    assert max(map(len, report)) <= 72


def test_the_cases_have_every_verdict_and_every_cause() -> None:
    findings = {case.finding for case in CASES}
    assert findings >= set(Cause)
    assert {case.lines[0].split()[0] for case in CASES} == set(Verdict)
    for case in CASES:
        told = [line for line in case.lines if line.startswith("cause: ")]
        named = [Cause.of(line.removeprefix("cause: ")) for line in told]
        assert named == ([case.finding] if case.finding in set(Cause) else [])


def test_continuous_integration_repeats_the_whole_report(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    lines = run(pytester, test_it=CASES[-1].test_file)
    assert lines.count(CASES[-1].lines[0].join(["FAILED test_it.py::test_it - ", ""])) == 1
    assert "cause: wrong type: the gradient holds '1e-5', which is not a real number" in lines


def test_a_failure_by_the_function_is_as_short_in_the_summary(pytester: pytest.Pytester) -> None:
    body = """
        import microgradcheck as mg

        def test_it():
            mg.gradcheck(lambda x: x**3, 1.0, gradient=lambda x: -3.0)
    """
    lines = run(pytester, test_it=body)
    assert "FAILED test_it.py::test_it - WRONG df/dx: -3.00000, not 3.00000" in lines
    assert summary_in(lines) == []


@pytest.mark.parametrize(
    ("f", "gradient"),
    [
        ("lambda x: {}[x]", "lambda x: 2 * x"),
        ("lambda x: x**2 if x == 1.0 else {}[x]", "lambda x: 2 * x"),
        ("lambda x, calls=count(): x**2 if next(calls) < 10 else {}[x]", "lambda x: 2 * x"),
        ("lambda x: x**2", "lambda x: {}[x]"),
        *(
            ("lambda x: x**2 if isinstance(x, float) else {}[x]", options)
            for options in ('"backprop"', '"forward-mode"', '"tape"', '"backprop", order=2')
        ),
    ],
    ids=[
        *("in f", "in f at another input", "in f later", "in the gradient"),
        *("under backprop", "in forward mode", "on the tape", "for second derivatives"),
    ],
)
def test_tracebacks_show_no_frame_of_the_checker(
    pytester: pytest.Pytester, f: str, gradient: str
) -> None:
    body = f"""
        from itertools import count

        def test_it(gradcheck):
            gradcheck({f}, 1.0, gradient={gradient})
    """
    lines = run(pytester, test_it=body)
    assert any(line.startswith("E ") and "KeyError" in line for line in lines)
    # The test, and the function that raised.
    assert [line.split(":")[0] for line in lines if line.startswith("test_it.py:")] == (
        ["test_it.py", "test_it.py"]
    )
    assert not any("microgradcheck/" in line for line in lines)


def test_where_f_is_undefined_its_own_traceback_is_shown(pytester: pytest.Pytester) -> None:
    body = """
        import math

        def loss(x):
            return math.log(x - 5)

        def test_it(gradcheck):
            gradcheck(lambda x: loss(x), 2.0, gradient=lambda x: 1 / (x - 5))
    """
    lines = run(pytester, test_it=body)
    assert lines.index(">       return math.log(x - 5)") < lines.index(
        f"E       {ERROR}EDGE df/dx: f is undefined here"
    )
    assert not any("microgradcheck/" in line for line in lines)


@pytest.mark.parametrize(
    "call",
    [
        *("gradcheck(mg.exp, {1: 2.0})", "gradcheck(mg.exp, 10**400)", "mg.grad(mg.sqrt)(0.0)"),
        *("mg.exp(mg.Value(1e3))", "mg.tan('1')", "mg.sum([None])", "mg.softmax([])"),
        *("mg.Value(1.0) / 0", "mg.Value('1')", "mg.sqrt(mg.Value(0.0)).backward()"),
    ],
)
def test_tracebacks_of_wrong_arguments_show_the_test_alone(
    pytester: pytest.Pytester, call: str
) -> None:
    body = f"""
        import microgradcheck as mg

        def test_it(gradcheck):
            {call}
    """
    lines = run(pytester, test_it=body)
    assert ending_of(lines) == "1 failed"
    assert not any("microgradcheck/" in line for line in lines)
    assert len([line for line in lines if line.startswith("test_it.py:")]) == 1


# The summary


def test_one_line_sums_up(pytester: pytest.Pytester) -> None:
    lines = run(pytester, test_several=SEVERAL_CHECKS)
    assert ending_of(lines) == "1 failed, 4 passed"
    assert summary_in(lines) == [SUMMARY_OF_SEVERAL]


def test_a_run_without_checks_has_no_summary(pytester: pytest.Pytester) -> None:
    lines = run(pytester, test_it="def test_it(gradcheck): pass")
    assert ending_of(lines) == "1 passed"
    assert summary_in(lines) == []


@pytest.mark.parametrize(
    ("checks", "summary"),
    [
        (
            "gradcheck(lambda x: x**2, 3.0)",
            "1 check, 1 PASS (weakest: test_it.py::test_it, sees relative errors of 1e-06)",
        ),
        (
            "gradcheck(lambda x: x**2, 3.0, gradient=lambda x: x, raise_on_failure=False)",
            "1 check, 1 WRONG",
        ),
        (
            'gradcheck(math.sqrt, 0.0, gradient=lambda x: 0.0, accept=("EDGE",))',
            "1 check, 1 EDGE (weakest: test_it.py::test_it, sees no error of any size)",
        ),
    ],
    ids=["one", "none passed", "blind"],
)
def test_the_weakest_is_one_that_passed(
    pytester: pytest.Pytester, checks: str, summary: str
) -> None:
    body = f"import math\ndef test_it(gradcheck):\n    {checks}\n"
    assert summary_in(run(pytester, test_it=body)) == [f"gradcheck: {summary}"]


def test_a_check_of_an_f_that_stands_still_is_the_weakest(pytester: pytest.Pytester) -> None:
    body = """
        def test_a(gradcheck):
            gradcheck(lambda x: x**2, 3.0)

        def test_b(gradcheck):
            gradcheck(lambda x: 7.0, 3.0)
    """
    (summary,) = summary_in(run(pytester, test_it=body))
    assert summary.endswith("2 PASS (weakest: test_it.py::test_b, sees that f stands still)")


def test_plain_assertions_change_nothing(pytester: pytest.Pytester) -> None:
    lines = run(pytester, "--assert=plain", test_several=SEVERAL_CHECKS)
    assert summary_in(lines) == [SUMMARY_OF_SEVERAL]
    assert "FAILED test_several.py::test_fails - WRONG df/dx: -3.00000, not 3.00000" in lines


def test_fixtures_of_any_scope_can_check(pytester: pytest.Pytester) -> None:
    body = """
        import pytest

        @pytest.fixture(scope="session")
        def checked(gradcheck):
            yield gradcheck(lambda x: x**2, 3.0)
            gradcheck(abs, 0.0, gradient=lambda x: 0.0)

        def test_one(checked): pass

        def test_two(checked): assert checked
    """
    (summary,) = summary_in(run(pytester, "--gradcheck-report=found.json", test_it=body))[:1]
    assert summary.startswith("gradcheck: 2 checks, 1 PASS, 1 KINK (")
    tests = [check["test"] for check in checks_in(pytester.path / "found.json")]
    assert tests == ["test_it.py::test_one", "test_it.py::test_two"]


# The fixture


def test_the_fixture_is_called_as_the_function_is(pytester: pytest.Pytester) -> None:
    body = """
        import inspect
        import microgradcheck as mg

        def test_it(gradcheck):
            assert inspect.signature(gradcheck) == inspect.signature(mg.gradcheck)
            assert gradcheck.__doc__ == mg.gradcheck.__doc__
    """
    assert ending_of(run(pytester, test_it=body)) == "1 passed"


def test_the_example_in_the_plugins_documentation_runs(pytester: pytest.Pytester) -> None:
    from microgradcheck import pytest_plugin

    example = dedent((pytest_plugin.__doc__ or "").partition("Example:\n")[2])
    names = """
        my_loss = lambda x: x[0] ** 2 + x[1]
        my_gradient = lambda x: [2 * x[0], 1.0]
        weights = [3.0, 4.0]
    """
    lines = run(pytester, test_it=dedent(names) + example)
    assert ending_of(lines) == "1 passed"
    assert len(summary_in(lines)) == 1


# Options

SLIGHTLY_WRONG = """
    def test_by_the_option(gradcheck):
        gradcheck(lambda x: x**2, 3.0, gradient=lambda x: 2.0001 * x)

    def test_by_its_own(gradcheck):
        gradcheck(lambda x: x**2, 3.0, gradient=lambda x: 2.0001 * x, rtol=1e-6)
"""


@pytest.mark.parametrize(
    ("option", "setting", "ending"),
    [
        (None, None, "2 failed"),
        ("1e-3", None, "1 failed, 1 passed"),
        (None, "1e-3", "1 failed, 1 passed"),
        ("1e-3", "1e-9", "1 failed, 1 passed"),
        ("1e-9", "1e-3", "2 failed"),
    ],
)
def test_the_tolerance_is_for_checks_without_their_own(
    pytester: pytest.Pytester, option: str | None, setting: str | None, ending: str
) -> None:
    if setting:
        pytester.makeini(f"[pytest]\ngradcheck_rtol = {setting}\n")
    options = [f"--gradcheck-rtol={option}"] if option else []
    assert ending_of(run(pytester, *options, test_it=SLIGHTLY_WRONG)) == ending


@pytest.mark.parametrize("rtol", ["0", "1", "-1e-6", "nan", "small"])
def test_a_tolerance_that_is_none_is_refused(pytester: pytest.Pytester, rtol: str) -> None:
    by_option = pytester.runpytest_inprocess(*PLUGIN, f"--gradcheck-rtol={rtol}")
    assert by_option.ret == pytest.ExitCode.USAGE_ERROR
    reason = f"takes a number between 0 and 1, got '{rtol}'"
    assert f"ERROR: --gradcheck-rtol {reason}" in by_option.errlines

    pytester.makeini(f"[pytest]\ngradcheck_rtol = {rtol}\n")
    by_setting = pytester.runpytest_inprocess(*PLUGIN)
    assert by_setting.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: gradcheck_rtol {reason}" in by_setting.errlines


# The JSON


def checks_in(path: Path) -> list[dict[str, Any]]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    data = json.loads(path.read_text("utf-8"), parse_constant=refuse)
    assert data["schema"] == 1
    checks: list[dict[str, Any]] = data["checks"]
    return checks


def test_the_json_has_every_check_of_every_test(pytester: pytest.Pytester) -> None:
    path = pytester.path / "new" / "found.json"
    lines = run(pytester, "--gradcheck-report=new/found.json", test_several=SEVERAL_CHECKS)
    assert f"gradcheck: report in {path}" in lines
    checks = checks_in(path)
    assert [(check["test"].split("::")[1], check["report"]["verdict"]) for check in checks] == [
        ("test_expects_a_failure", "WRONG"),
        ("test_expects_a_failure", "WRONG"),
        ("test_fails", "PASS"),
        ("test_fails", "WRONG"),
        ("test_has_a_kink", "KINK"),
        ("test_passes", "PASS"),
        ("test_passes", "PASS"),
        ("test_sees_little[1.0]", "INCONCLUSIVE"),
    ]
    cause = checks[3]["report"]["cause"]
    assert cause == "sign flipped"


def test_the_json_has_every_number_of_a_report(pytester: pytest.Pytester) -> None:
    body = """
        def test_it(gradcheck):
            gradcheck(lambda x: [x[0] * x[1], x[0]], [3.0, 2.0])
    """
    run(pytester, "--gradcheck-report=found.json", test_it=body)
    report = mg.gradcheck(lambda x: [x[0] * x[1], x[0]], [3.0, 2.0]).to_dict()
    assert checks_in(pytester.path / "found.json") == [
        {"test": "test_it.py::test_it", "report": json.loads(json.dumps(report))}
    ]


def test_what_is_no_number_is_null(pytester: pytest.Pytester) -> None:
    body = """
        import math

        def test_it(gradcheck):
            gradcheck(math.sqrt, 0.0, gradient=lambda x: -math.inf, accept=("EDGE",))
    """
    run(pytester, "--gradcheck-report=found.json", test_it=body)
    (check,) = checks_in(pytester.path / "found.json")
    (entry,) = check["report"]["entries"]
    assert (entry["gradient"], entry["reference"], entry["error_bound"]) == (None, None, None)


def test_the_json_is_written_where_the_settings_are(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeini("[pytest]\ngradcheck_report = found.json\n")
    below = pytester.mkdir("below")
    (below / "test_it.py").write_text("def test_it(gradcheck): gradcheck(abs, 1.0)", "utf-8")
    monkeypatch.chdir(below)
    assert pytester.runpytest_inprocess(*PLUGIN).ret == 0
    assert len(checks_in(pytester.path / "found.json")) == 1


def test_a_run_without_checks_leaves_an_empty_list(pytester: pytest.Pytester) -> None:
    run(pytester, "--gradcheck-report=found.json", test_it="def test_it(): pass")
    assert checks_in(pytester.path / "found.json") == []


def test_a_json_that_cannot_be_written_ends_the_run_at_its_start(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(test_it="def test_it(): pass")
    result = pytester.runpytest_inprocess(*PLUGIN, "--gradcheck-report=.")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert any(line.startswith(f"ERROR: cannot write {pytester.path}") for line in result.errlines)


# Several processes

XDIST = ("-p", "xdist", "-n", "2")


def test_the_summary_of_several_processes_is_that_of_one(pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    alone = run(pytester, "--gradcheck-report=alone.json", test_several=SEVERAL_CHECKS)
    together = pytester.runpytest_subprocess(
        *(*PLUGIN, *XDIST, "--gradcheck-report=together.json", "--gradcheck-rtol=1e-6")
    )
    assert "2 workers" in together.stdout.str()
    assert summary_in(together.outlines)[:1] == summary_in(alone)[:1] == [SUMMARY_OF_SEVERAL]
    assert (
        "FAILED test_several.py::test_fails - WRONG df/dx: -3.00000, not 3.00000"
        in together.outlines
    )
    texts = [(pytester.path / f"{name}.json").read_text("utf-8") for name in ("alone", "together")]
    assert texts[0] == texts[1]


def test_the_checks_of_a_worker_that_crashes_later_count(pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    body = """
        import os

        def test_one(gradcheck):
            gradcheck(lambda x: x**2, 3.0)

        def test_two():
            os._exit(1)
    """
    pytester.makepyfile(test_it=body)
    lines = pytester.runpytest_subprocess(*PLUGIN, *XDIST[:-1], "1").outlines
    assert ending_of(lines) == "1 failed, 1 passed"
    assert summary_in(lines)[0].startswith("gradcheck: 1 check, 1 PASS")


# Installed with the library


@pytest.fixture
def installed(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Make pytest find the entry point of this checkout, whether or not it is installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    ((name, module),) = project["entry-points"]["pytest11"].items()
    metadata = pytester.mkdir("site") / "microgradcheck-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: microgradcheck\nVersion: 0\n")
    (metadata / "entry_points.txt").write_text(f"[pytest11]\n{name} = {module}\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(metadata.parent), str(ROOT)]))
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    pytester.makepyfile(test_it="def test_it(gradcheck): gradcheck(abs, 1.0)")
    return pytester


def test_it_is_there_once_the_library_is_installed(installed: pytest.Pytester) -> None:
    result = installed.runpytest_subprocess()
    assert ending_of(result.outlines) == "1 passed"
    assert len(summary_in(result.outlines)) == 1


def test_it_can_be_left_out(installed: pytest.Pytester) -> None:
    result = installed.runpytest_subprocess("-p", "no:microgradcheck")
    assert ending_of(result.outlines) == "1 error"
    assert "E       fixture 'gradcheck' not found" in result.outlines
    assert summary_in(result.outlines) == []

    refused = installed.runpytest_subprocess("-p", "no:microgradcheck", "--gradcheck-rtol=1e-3")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    refused.stderr.fnmatch_lines(["*unrecognized arguments: --gradcheck-rtol=1e-3"])


# What it costs


def loaded_by_a_run(pytester: pytest.Pytester, body: str) -> set[str]:
    """Return the names of all modules that are loaded when a test run ends."""
    pytester.makeconftest("import sys\ndef pytest_unconfigure(): print('loaded:', *sys.modules)")
    pytester.makepyfile(test_it=body)
    (line,) = [
        line
        for line in pytester.runpytest_subprocess(*PLUGIN).outlines
        if line.startswith("loaded: ")
    ]
    return set(line.split())


def test_a_run_that_checks_nothing_does_not_load_the_library(pytester: pytest.Pytester) -> None:
    loaded = loaded_by_a_run(pytester, "def test_it(): pass")
    assert "numpy" not in loaded
    assert {name for name in loaded if name.startswith("microgradcheck")} == {
        "microgradcheck",
        "microgradcheck.pytest_plugin",
    }


def test_a_run_that_checks_does(pytester: pytest.Pytester) -> None:
    loaded = loaded_by_a_run(pytester, "def test_it(gradcheck): gradcheck(abs, 1.0)")
    assert "microgradcheck.gradcheck" in loaded


def imports_of(statement: str) -> list[tuple[str, int]]:
    """Return what a statement imports, with the microseconds of it and of what it imports."""
    command = [sys.executable, "-X", "importtime", "-c", statement]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [line.split("|") for line in ended.stderr.splitlines()[1:]]
    return [(name.strip(), int(total)) for _, total, name in rows]


def test_its_import_takes_no_time_beside_pytest() -> None:
    shares = []
    for _ in range(3):
        times = imports_of("import pytest; import microgradcheck.pytest_plugin")
        names = [name for name, _ in times]
        # pytest loads all else that the plugin imports.
        assert names[names.index("pytest") + 1 :] == [
            "microgradcheck",
            "microgradcheck.pytest_plugin",
        ]
        shares.append(dict(times)["microgradcheck.pytest_plugin"] / dict(times)["pytest"])
    assert min(shares) < 0.05


def test_an_import_that_takes_time_would_be_seen() -> None:
    times = dict(imports_of("import pytest; import microgradcheck.gradcheck"))
    assert times["microgradcheck.gradcheck"] > 0.05 * times["pytest"]
