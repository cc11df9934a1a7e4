"""The command line: what it prints, how it ends, and that no one ever sees a traceback."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest
from rich.text import Text

from microgradcheck.cli import main
from microgradcheck.cli.result import show
from microgradcheck.mistakes import GALLERY
from microgradcheck.ops import OPERATIONS
from microgradcheck.sources import SOURCES
from microgradcheck.value import source_line

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = ("demo", "check", "draw", "explore", "descend", "sweep", "mistakes", "ops")


class Ended(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[[str], Ended]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in an empty folder, in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("COLUMNS", "80")

    def run_line(line: str) -> Ended:
        status = main(shlex.split(line))
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Ended(status, captured.out, captured.err)

    return run_line


@pytest.fixture
def losses(tmp_path: Path) -> None:
    """Put a module of functions into the folder that commands run in."""
    (tmp_path / "losses.py").write_text(
        "from microgradcheck import exp\n"
        "def square(w): return (w - 5)**2\n"
        "def right(w): return 2 * (w - 5)\n"
        "def wrong(w): return w - 5\n"
        "def bowl(p): return p[0]**2 + 3 * p[1]**2\n"
        "def product(a, b): return a * exp(b)\n"
        "def loud(x):\n"
        "    print('loud')\n"
        "    return x * x\n"
        "def broken(x):\n"
        "    return [x][1]\n"
        "def ending(x): raise SystemExit(0)\n"
        "def plain(x): return 3.0\n"
        "number = 3\n",
        encoding="utf-8",
    )


def start(line: str, cwd: Path, **environment: str) -> subprocess.Popen[bytes]:
    """Start the command line as a process of its own."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", "microgradcheck", *shlex.split(line)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": path} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


# The tour


def test_the_demo_shows_forward_backward_check_and_picture(run: Run) -> None:
    ended = run("demo")
    assert ended.status == 0
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    for line in (
        "y = 3 * x = 3 * 2 = 6",
        "z = y**2 = 6**2 = 36",
        "dz/dy = dz/dz × 12 = 1 × 12 = 12 12 is the slope of y**2 at y = 6",
        "dz/dx = dz/dy × 3 = 12 × 3 = 36 3 is the slope of 3 * x at x = 2",
        "backprop = 36.0",
        "PASS",
        "microgradcheck-demo.svg",
    ):
        assert line in lines
    numerical = re.search(r"central differences = (\S+) ± (\S+)", " ".join(lines))
    assert numerical is not None
    assert float(numerical[1]) == pytest.approx(36, abs=float(numerical[2]))
    ElementTree.parse("microgradcheck-demo.svg")


def test_the_demo_descends_by_two_sources_side_by_side(run: Run) -> None:
    out = run("demo").out
    assert re.search(r"^ +backprop +central-difference$", out, re.MULTILINE)
    rows = [line.split() for line in out.splitlines() if re.match(r" +\d+ +\d", line)]
    assert [row[0] for row in rows] == ["0", "1", "2", "3", "4", "5", "28", "29", "30"]
    assert rows[1] == ["1", "1.0000", "-10.0000", "16.00000"] * 2
    assert [row[1] for row in rows[1:4]] == ["1.0000", "1.8000", "2.4400"]
    assert rows[-1][1] == rows[-1][5] == "4.9938"


def test_the_demo_puts_its_picture_where_it_is_told_to(run: Run) -> None:
    ended = run("demo --output chain.dot")
    assert ended.status == 0
    assert " chain.dot" in ended.out.splitlines()
    assert Path("chain.dot").read_text("utf-8").startswith("digraph")


def test_the_demo_sees_a_wrong_derivative(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OPERATIONS["power"], "derivative_a", lambda a, b, y: b * a)
    monkeypatch.setattr(OPERATIONS["multiply"], "derivative_b", lambda a, b, y: 2.5)
    ended = run("demo")
    assert ended.status == 1
    assert "dz/dx = dz/dy × 2.5 = 12 × 2.5 = 30" in " ".join(ended.out.split())
    assert "WRONG" in ended.out


def test_the_module_without_a_command_is_the_demo(tmp_path: Path, run: Run) -> None:
    with start("", cwd=tmp_path, PYTHONIOENCODING="utf-8") as running:
        out, err = running.communicate(timeout=20)
    assert running.returncode == 0
    assert err == b""
    assert out.decode("utf-8").splitlines() == run("demo").out.splitlines()
    ElementTree.parse(tmp_path / "microgradcheck-demo.svg")


# The other commands


def test_check_compares_the_gradient_of_an_expression(run: Run) -> None:
    ended = run('check "sin(x*y) + x**2" x=1 y=2')
    assert ended.status == 0
    assert ended.out.startswith("sin(x*y) + x**2 at x = 1, y = 2\n")
    assert "PASS" in ended.out


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("check 'x**3' x=2", 0),
        ("check 'abs(x)' x=0", 0),
        ("check '𝑥 * pi' 𝑥=-pi/2", 0),
        ("check 'sqrt(x)' x=0", 3),
        ("check losses:square --at 3", 0),
        ("check losses:square --gradient losses:right --at 3", 0),
        ("check losses:square --gradient losses:wrong --at 3", 1),
        ("check losses:square --gradient forward-mode --at -3e0", 0),
        ("check 'x**3' x=2 --gradient '3*x**2'", 0),
        ("check 'x**3' x=2 --gradient '3*x'", 1),
        ("check 'x*y' x=2 y=3 --gradient 'y, x'", 0),
        ("check 'x*y' x=2 y=3 --gradient 'x, y'", 1),
        ("check '-x*y' x=2 y=3 --gradient ' -y, min(-x, x)'", 0),
        ("check 'x*y - y**2/2' x=2 y=3 --gradient 'y,x-y'", 0),
        ("check 'x*x/2' x=2 --gradient x", 0),
        ("check '-x' x=2 --gradient -1", 0),
        ("check 'pi*x' x=2 --gradient pi", 0),
        ("check operator:mul --at 2 3 --gradient 'b, a'", 0),
        ("check losses:bowl --at 1 -2", 0),
        ("check losses:product --at 1 pi/2", 0),
        ("draw 'sqrt(x)' x=0", 3),
        ("draw losses:bowl --at 1 -2", 0),
        ("draw -x**2 x=-1", 0),
        ("descend losses:bowl --at 1 -2 --steps 3", 0),
        ("descend 'x**4' x=10 --learning-rate 1", 3),
        ("descend '(x - 5)**2' x=0 --gradient '2*(x - 5)'", 0),
        ("sweep 'sqrt(x)' x=0", 3),
        ("sweep 'sqrt(x**4)' x=0", 3),
        ("sweep 'abs(x)' x=0", 3),
        ("sweep 'abs(x)' x=-1", 0),
        ("sweep 'x + 0*y' x=1 y=2 --variable y", 0),
        ("sweep losses:bowl --at 1 -2", 0),
        ("sweep math:exp --at 1", 3),
    ],
)
@pytest.mark.usefixtures("losses")
def test_the_exit_status_tells_what_was_found(run: Run, line: str, status: int) -> None:
    assert run(line).status == status


@pytest.mark.parametrize("line", ["check 'x*y' x=3 y=5", "demo"])
def test_a_wrong_rule_in_the_table_is_status_1(
    run: Run, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setattr(OPERATIONS["multiply"], "derivative_b", lambda a, b, y: -a)
    assert run(line).status == 1


def test_draw_writes_the_graph_with_values_and_gradients(run: Run) -> None:
    ended = run('draw "x*y" x=3 y=5 -o product.svg')
    assert ended.status == 0
    assert "v0 (x) = 3, gradient 5" in ended.out
    assert ended.out.endswith("Picture: product.svg\n")
    ElementTree.parse("product.svg")


def test_draw_knows_the_lines_of_a_function(run: Run) -> None:
    Path("kept.py").write_text(
        "made = []\ndef square(x):\n    y = x * x\n    made.append(y)\n    return y\n", "utf-8"
    )
    assert run("draw kept:square --at 3").status == 0
    (y,) = sys.modules["kept"].made
    assert source_line(y) == "kept.py:3: y = x * x"


def test_draw_folds_what_is_too_much(run: Run) -> None:
    (Path("boxed.py")).write_text(
        "from microgradcheck import scope\nf = scope('square')(lambda x: x * x)\n", "utf-8"
    )
    assert "\nsquare:\n  v1 = multiply" in run("draw boxed:f --at 3").out
    assert "(square), folded: 1 operation" in run("draw boxed:f --at 3 --depth 0").out
    assert "4 more), folded" in run('draw "x*x*x*x*x*x*x*x*x" x=2 --limit 6').out
    assert run('draw "x*x" x=2 --limit 0').status == 2


def test_the_name_of_a_file_may_begin_with_a_minus(run: Run) -> None:
    assert run("draw 'x**2' x=3 -o -x.svg").out.endswith("Picture: -x.svg\n")
    assert Path("-x.svg").exists()


def test_draw_without_a_derivative_still_draws(run: Run) -> None:
    ended = run('draw "sqrt(x)" x=0')
    assert "It has no gradients: the derivative of sqrt" in ended.out
    ElementTree.parse("graph.svg")


def test_descend_follows_the_source_that_is_asked_for(run: Run) -> None:
    ended = run('descend "(w - 5)**2" w=0 --gradient central-difference')
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert "Step 1: w = 1.0000, Gradient = -10.0000, Cost = 16.0000" in lines
    assert any(line.startswith("Step 30: w = 4.9938") for line in lines)
    assert "central-difference" in ended.out


def test_descend_takes_the_learning_rate_that_is_asked_for(run: Run) -> None:
    assert "w = 5.0000" in run('descend "(w - 5)**2" w=0 --learning-rate 0.5 --steps 1').out


def test_sweep_differentiates_by_the_variable_that_is_asked_for(run: Run) -> None:
    data = json.loads(run("sweep 'x * y**2' x=3 y=2 --variable y --json").out)
    assert data["gradient"] == 12
    assert data["trials"][5]["derivatives"]["central"] == pytest.approx(12)
    assert data["trials"][5]["errors"]["central"] < 1e-9


def test_sweep_shows_the_curve_of_errors(run: Run) -> None:
    ended = run('sweep "exp(x)" x=1')
    rows = [line.split() for line in ended.out.splitlines() if re.match(r" *1e-\d\d ", line)]
    assert [row[0] for row in rows] == [f"1e-{k:02}" for k in range(1, 17)]
    forward, central, complex_step = ([float(row[column]) for row in rows] for column in (1, 2, 3))
    assert min(range(16), key=central.__getitem__) in {4, 5, 6}
    assert min(central) < 1e-9 < min(forward)
    assert complex_step[-1] < 1e-15
    assert forward[-1] == central[-1] == 1
    assert rows[0][4] == ".f.*............."


def test_sweep_says_where_a_difference_is_undefined(run: Run) -> None:
    out = run("sweep 'erf(sqrt(x - 0.95))' x=1").out
    row = next(line for line in out.splitlines() if "1e-01" in line)
    assert row.split()[2:4] == ["-", "-"]


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        ("abs(x)", "f has a kink here, with slopes -1 and 1"),
        ("max(x, 3*x)", "f has a kink here, with slopes 1 and 3"),
        ("sqrt(x)", "f is undefined on its left"),
        ("x**1.5", "f is undefined on its left"),
        ("0 - sqrt(-x)", "f is undefined on its right"),
    ],
)
def test_sweep_says_why_there_is_no_slope(run: Run, function: str, problem: str) -> None:
    ended = run(f"sweep '{function}' x=0")
    assert ended.status == 3
    assert f"f is 0.0 there, but {problem}." in ended.out
    assert "digits" not in ended.out
    assert json.loads(run(f"sweep '{function}' x=0 --json").out)["problem"] == problem


@pytest.mark.parametrize(
    ("line", "largest"),
    [
        *(("'x**3' x=1e6", 1e5), ("'log(x)' x=1e-8", 1e-9), ("'log(x)' x=5e-8", 1e-8)),
        *(("'x**3' x=-2000", 1e2), ("exp(x) x=0", 0.1), ("exp(x) x=0.2", 0.1), ("x**3 x=9", 0.1)),
    ],
)
def test_steps_of_a_sweep_are_in_proportion_to_x(run: Run, line: str, largest: float) -> None:
    trials = json.loads(run(f"sweep {line} --json").out)["trials"]
    steps = [trial["step"] for trial in trials]
    assert steps == pytest.approx([largest / 10**k for k in range(16)])
    central = [trial["errors"]["central"] for trial in trials]
    assert 3 <= min(range(16), key=central.__getitem__) <= 6
    shown = re.findall(r"^ *(1e[-+]\d\d) ", run(f"sweep {line}").out, re.MULTILINE)
    assert list(map(float, shown)) == pytest.approx(steps)


# For machines


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        ("demo", {"values", "gradients", "check", "picture", "descents"}),
        ("check 'x*y' x=3 y=5", {"function", "at", "verdict", "entries"}),
        ("draw 'x*y' x=3 y=5", {"function", "at", "value", "gradient", "problem", "picture"}),
        ("descend 'x*x' x=3", {"function", "at", "history", "x", "message"}),
        ("sweep 'x*x' x=3", {"function", "at", "variable", "gradient", "error", "trials"}),
    ],
)
def test_json_has_a_schema_and_everything_that_people_see(
    run: Run, line: str, keys: set[str]
) -> None:
    ended = run(f"{line} --json")
    data = json.loads(ended.out)
    assert data["schema"] == 1
    assert data["command"] == line.split(maxsplit=1)[0]
    assert keys <= set(data)
    assert ended.status == 0


@pytest.mark.usefixtures("losses")
def test_json_is_json_whatever_a_function_prints(run: Run) -> None:
    ended = run("check losses:loud --at 2 --json")
    assert json.loads(ended.out)["at"] == {"x": 2.0}
    assert "loud" in ended.err


def test_json_has_null_for_what_is_no_finite_number(run: Run) -> None:
    assert json.loads(run("check 'sqrt(x)' x=0 --json").out)["entries"][0]["gradient"] is None
    trials = json.loads(run("sweep 'sqrt(x - 0.95)' x=1 --json").out)["trials"]
    assert trials[0]["errors"]["central"] is None


# Mistakes


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("check 'x^2' x=1", "write x**2, not x^2\n  x^2\n   ^\n"),
        ("check 'x*y' x=1", "y has no value; add y=1 after the expression\n  x*y\n    ^\n"),
        ("check 'x*yy' x=1 yyy=2", "yy has no value; did you mean 'yyy'?\n  x*yy\n    ^\n"),
        ("check 'x*Pi' x=1", "Pi has no value; did you mean 'pi'?\n  x*Pi\n    ^\n"),
        ("check x x=1 y=2", "y is given but not in the expression\n"),
        ("check 'x*pi' x=1 pi=3", "pi has a meaning already; choose another name\n"),
        ("check x x=1 x=2", "x is given twice\n"),
        ("check sin(x) + x x=1", "+ is not of the form x=1: write values without spaces, "),
        ("check 3", "there is no variable in the expression, and so no derivative of it\n"),
        ("check x x=", "x needs a finite number, as in x=1\n"),
        ("check x x=inf", "x needs a finite number, as in x=1\n  inf\n  ^\n"),
        ("check x x=1e999", "this number is too large for a float\n  1e999\n  ^\n"),
        ("check x x=9**9**9", "power(9.0, 387420489.0) is too large"),
        ("check x x=2x", "write 2*x\n  2x\n   ^\n"),
        ("draw 'log(x)' x=-1", "log(-1.0) is undefined: it needs a > 0\n  log(x)\n  ^\n"),
        ("sweep x x=1 --variable z", "there is no variable z; choose one of x\n"),
        ("check x --at 1", "--at is for functions"),
        ("check losses:square x=1", "x=1: give a function its inputs in order"),
        ("check losses:square --at x=1", "x=1: give the inputs in order, as --at 1.0 2.0"),
        ("check losses:square", "losses:square needs its inputs, as in --at 1.0 2.0"),
        ("check losses:sqare --at 1", "there is no sqare in losses; did you mean 'square'?\n"),
        ("check losses:number --at 1", "losses:number is of type int, not a function\n"),
        ("check nowhere:f --at 1", "cannot import nowhere: No module named 'nowhere'\n"),
        ("check losses:broken --at 1", "IndexError: list index out of range (losses.py:11)\n"),
        ("check losses:ending --at 1", "the function ended the program"),
        ("check losses:square --at 1 2 3", "TypeError: "),
        ("draw losses:plain --at 1", "losses:plain returned 3.0, expected one Value computed"),
        ("check x x=1 --gradient bakprop", "unknown gradient source 'bakprop'; did you mean"),
        ("check x x=1 --gradient Tape", "unknown gradient source 'Tape'; did you mean 'tape'?"),
        ("check x x=1 --gradient complex_step", "unknown gradient source 'complex_step'; did you"),
        ("check x x=1 --gradient X", "X is no input of x; did you mean 'x'?\n  X\n"),
        ("check x x=1 --gradient sqrt", "sqrt is a function: write sqrt(x)\n  sqrt\n"),
        ("check 'x*y' x=1 y=2 --gradient y", "the gradient y has 1 expression, expected one for"),
        ("check x xx=1 x=1 --gradient x,x", "xx is given but not in the expression; did you"),
        ("check 'x*y' x=1 y=2 --gradient y,xx", "xx is no input of x*y; did you mean 'x'?\n  xx\n"),
        ("check 'x*y' x=1 y=2 --gradient y,,x", "a number or a name is missing here\n  y,,x\n"),
        ("check x x=1 --gradient 3x", "write 3*x\n  3x\n"),
        ("descend x x=1 --steps -1", "steps"),
        ("descend x x=1 --learning-rate fast", "argument --learning-rate: invalid float value"),
        ("draw x x=1 -o missing/graph.svg", "cannot write missing/graph.svg: No such file"),
        ("draw x x=1 -o graph.gif", "cannot save a picture as 'graph.gif'"),
        ("draw x x=1 -o .", "cannot save a picture as '.'"),
        ("chek x x=1", "argument COMMAND: invalid choice: 'chek'"),
        ("check", "the following arguments are required: FUNCTION; "),
        ("check x x=1 --jason", "there is no option --jason"),
        ("demo x=1", "x=1 is one too many; microgradcheck --help tells more\n"),
        ("demo --x", "there is no option --x; microgradcheck --help tells more\n"),
        ("check 'x*y' x=1,5 y=2", "this is more than one expression; write a decimal point, not a"),
        ("check xy x=1 y=2", "xy has no value; for a product, write x*y\n  xy\n  ^\n"),
        ("check 'x**2'", "x has no value; add x=1 after the expression\n  x**2\n  ^\n"),
        ("check 'x**2' y=1", "x has no value; add x=1 after the expression\n  x**2\n  ^\n"),
        ("check sinx x=1", "sinx has no value; write sin(x)\n  sinx\n  ^\n"),
        ("mistakes add-overwrite", "there is no mistake named add-overwrite; did you mean 'add-o"),
        ("mistakes 7", "there is no mistake named 7; microgradcheck mistakes lists them\n"),
        ("mistakes -o x.svg", "--output is for one mistake; give its name before it\n"),
        ("mistakes agreement -o x.svg", "agreement has no graph to draw; leave --output away\n"),
        ("ops tan2", "there is no operation named tan2; did you mean 'atan2'?\n"),
        ("ops +", "there is no operation named +; microgradcheck ops lists them\n"),
    ],
)
@pytest.mark.usefixtures("losses")
def test_a_mistake_is_one_clear_complaint_and_status_2(run: Run, line: str, complaint: str) -> None:
    ended = run(line)
    assert ended.status == 2
    assert ended.out == ""
    assert ended.err.startswith(f"microgradcheck: {complaint}")


def test_values_may_stand_before_and_after_options(run: Run) -> None:
    expected = run("descend x*y x=1 y=-2 --steps 2").out
    assert run("descend --steps 2 x*y x=1 y=-2").out == expected
    assert run("descend x*y --steps 2 x=1 y=-2").out == expected
    assert run("descend x*y x=1 --steps 2 y=-2").out == expected


# The gallery and the table


def test_mistakes_lists_every_one_below_its_question(run: Run) -> None:
    ended = run("mistakes")
    text = " ".join(ended.out.split())
    assert ended.status == 0
    for mistake in GALLERY.values():
        assert f"{mistake.name} {mistake.sentence}" in text
        assert text.index(mistake.question) < text.index(mistake.sentence)
    listed = json.loads(run("mistakes --json").out)["mistakes"]
    assert [row["name"] for row in listed] == list(GALLERY)


def test_a_mistake_is_shown_in_full_and_drawn_where_that_is_asked_for(run: Run) -> None:
    ended = run("mistakes add-overwrites -o sum.svg")
    assert ended.status == 0
    assert ended.out.startswith(f"{GALLERY['add-overwrites'].run()}\n")
    assert ended.out.endswith("\nPicture: sum.svg\n")
    ElementTree.parse("sum.svg")
    assert "With -o add-overwrites.svg" in run("mistakes add-overwrites").out
    assert "-o" not in run("mistakes agreement").out.splitlines()[-1]
    data = json.loads(run("mistakes add-overwrites --json").out)
    assert (data["command"], data["schema"]) == ("mistakes", 1)
    assert data["rows"][1] == ["df/da at a = 3", 1.0, 2.0]
    assert data["report"]["verdict"] == "WRONG"


def test_ops_shows_every_row_of_the_table(run: Run) -> None:
    listed = json.loads(run("ops --json").out)["operations"]
    assert [row["name"] for row in listed] == list(OPERATIONS)
    shown = run("ops").out
    for row in listed:
        assert f"\n {row['name']} " in shown
        operation = OPERATIONS[row["name"]]
        assert row["value"] == operation.value
        assert tuple(row["derivatives"].values()) == operation.derivatives
    assert re.search(r"^ exp +exp\(a\) +∂y/∂a = y$", shown, re.MULTILINE)
    assert re.search(r"^ log +log\(a\) +∂y/∂a = 1 / a\n +for a > 0$", shown, re.MULTILINE)


@pytest.mark.parametrize("name", OPERATIONS)
def test_ops_shows_all_that_is_known_of_one(run: Run, name: str) -> None:
    operation, out = OPERATIONS[name], run(f"ops {name}").out
    text = " ".join(out.split())
    assert f"value y = {operation.value}" in text
    for parameter, derivative in zip(operation.parameters, operation.derivatives, strict=True):
        assert f"∂y/∂{parameter} {derivative}" in text
    assert f"domain {operation.domain or 'everywhere'}" in text
    assert ("by convention" in text) == bool(operation.kink)


def test_ops_knows_the_names_of_expressions(run: Run) -> None:
    assert run("ops abs") == run("ops absolute")
    assert run("ops max") == run("ops maximum")


@pytest.mark.parametrize(
    ("name", "slopes"),
    [
        ("relu", [0.0]),
        ("absolute", [0.0]),
        ("maximum", [0.5, 0.5]),
        ("minimum", [0.5, 0.5]),
        ("hypot", [0.0, 0.0]),
    ],
)
def test_ops_tells_the_convention_at_a_kink(run: Run, name: str, slopes: list[float]) -> None:
    row = json.loads(run(f"ops {name} --json").out)
    zeros = dict.fromkeys(row["inputs"], 0.0)
    assert eval(row["kink"], zeros)
    assert list(row["at_the_kink"].values()) == slopes


# How it looks

HELP = [f"{command} --help" for command in ("", *COMMANDS)]
OUTPUTS = (
    *("demo", "check x*y x=3 y=-5", "sweep exp(x) x=1"),
    *("mistakes", "mistakes breadth-first", "ops", "ops power"),
)
EXAMPLE = re.compile(r"^  microgradcheck ?(.*)$", re.MULTILINE)


@pytest.mark.parametrize("line", HELP)
def test_the_examples_in_the_help_run(run: Run, line: str) -> None:
    examples = EXAMPLE.findall(run(line).out)
    assert examples
    for example in examples:
        assert run(example).status == 0, example


@pytest.mark.parametrize("command", ["check", "descend"])
def test_the_help_names_every_source_of_a_gradient(run: Run, command: str) -> None:
    # A long name may be split at its hyphen.
    words = re.sub(r"-\s+", "-", run(f"{command} --help").out).replace(",", " ").split()
    assert set(SOURCES) <= set(words)


@pytest.mark.parametrize("line", [*HELP, *OUTPUTS])
def test_lines_fit_80_columns(run: Run, line: str) -> None:
    ended = run(line)
    assert ended.status == 0
    assert max(map(len, ended.out.splitlines())) <= 80


def test_prose_is_wrapped_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    stream = io.StringIO()
    show(stream, Text("some words " * 20))
    assert 70 < max(map(len, stream.getvalue().splitlines())) <= 80


@pytest.mark.parametrize("columns", [40, 60])
@pytest.mark.parametrize("line", ["ops", "ops power"])
def test_columns_says_how_wide_the_page_is(
    run: Run, line: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert columns - 20 < max(map(len, run(line).out.splitlines())) <= columns


@pytest.mark.parametrize("line", ["mistakes", "mistakes add-overwrites", "ops logaddexp"])
def test_a_narrow_terminal_cuts_no_name_off(
    run: Run, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert "…" not in run(line).out


@pytest.mark.parametrize(
    ("line", "status"),
    [
        *(('check "sin(x)" x=1 --json', 0), ('check "sin(x)" x=1', 0), ("--help", 0)),
        *(("check operator:pos --at 1 --gradient operator:neg", 1), ("check x^2 x=1", 2)),
    ],
)
def test_without_output_there_is_still_an_exit_status(
    line: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert main(shlex.split(line)) == status


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_colour_is_for_terminals_without_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    verdict = Text("PASS", style="bold green")

    def shown(stream: io.StringIO) -> str:
        show(stream, verdict)
        return stream.getvalue()

    assert "\x1b[" in shown(Terminal())
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert shown(io.StringIO()) == "PASS\n"
    monkeypatch.setenv("NO_COLOR", "1")
    assert shown(Terminal()) == "PASS\n"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize("line", ["demo", "draw 面積*2 面積=3", "draw 面積^2 面積=3", "\udcff"])
def test_any_encoding_gets_text(
    run: Run, monkeypatch: pytest.MonkeyPatch, encoding: str, line: str
) -> None:
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    assert main(shlex.split(line)) == (0 if line in {"demo", "draw 面積*2 面積=3"} else 2)
    for stream in streams:
        stream.flush()
    written = b"".join(stream.buffer.getvalue() for stream in streams)  # type: ignore[attr-defined]
    text = written.decode(encoding)
    if line == "demo":
        sign = {"ascii": "*"}.get(encoding, "×")
        assert f"dz/dx = dz/dy {sign} 3" in text
    elif "^" in line and encoding != "utf-8":
        assert text.splitlines()[1:] == ["  \\u9762\\u7a4d^2", f"  {' ' * 12}^"]
    elif encoding != "utf-8":
        assert "\\u9762" in text or "\\udcff" in text


# As a process


def test_help_loads_little() -> None:
    program = (
        "import argparse, sys; argparse.ArgumentParser().print_help(); before = set(sys.modules);"
        "from microgradcheck.cli import main; main(['--help']); print(*set(sys.modules) - before)"
    )
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(ended.stdout.splitlines()[-1].split())
    assert "microgradcheck.cli" in loaded
    assert {"numpy", "rich", "graphviz", "inspect", "json", "pathlib"}.isdisjoint(loaded)
    ours = {name for name in loaded if name.startswith("microgradcheck.")}
    assert all(name.startswith("microgradcheck.cli") for name in ours)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send to one process")
@pytest.mark.parametrize("command", ["check", "descend"])
def test_ctrl_c_is_status_130(tmp_path: Path, command: str, request: pytest.FixtureRequest) -> None:
    (tmp_path / "slow.py").write_text(
        "import time\n"
        "def f(x):\n"
        "    print('running', flush=True)\n"
        "    for _ in range(6000):\n"  # A signal just before a sleep does not end it.
        "        time.sleep(0.01)\n"
        "    return x\n",
        encoding="utf-8",
    )
    # A job in the background of a shell ignores it, and so would what is started here.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    with start(f"{command} slow:f --at 1", cwd=tmp_path) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"running\n"
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=20)
    assert running.returncode == 130
    assert err == b"microgradcheck: stopped\n"


def test_a_descent_that_is_stopped_shows_what_it_reached(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    slopes = iter([-1.0, -1.0, -1.0])

    def slope(a: float, b: float, y: float) -> float:
        for slope in slopes:
            return slope
        raise KeyboardInterrupt

    monkeypatch.setattr(OPERATIONS["negative"], "derivative_a", slope)
    ended = run("descend -x x=1")
    assert ended.status == 130
    assert "Step 2: x = 1.2000" in ended.out
    assert "Step 3:" not in ended.out


@pytest.mark.skipif(os.name == "nt", reason="Windows has other pipes")
@pytest.mark.parametrize(("line", "status"), [("demo", 141), ("sweep x x=1 --json", 141)])
def test_a_reader_that_leaves_is_no_error(tmp_path: Path, line: str, status: int) -> None:
    with start(line, cwd=tmp_path) as running:
        assert running.stdout is not None
        running.stdout.close()
        running.stdout = None
        _, err = running.communicate(timeout=20)
    assert err == b""
    assert running.returncode == status


def test_a_stream_that_shows_ascii_only_is_no_error(tmp_path: Path) -> None:
    with start("demo", cwd=tmp_path, PYTHONIOENCODING="ascii") as running:
        out, err = running.communicate(timeout=20)
    assert running.returncode == 0
    assert err == b""
    assert out.isascii()
    assert b" +- " in out


def test_a_terminal_of_no_columns_has_eighty(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "0")
    assert "PASS df/dx" in run("check x*x x=3").out
