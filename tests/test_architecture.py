"""The shape of the package: light to import, layered, and with the public names it promises."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import microgradcheck as mg

ROOT = Path(__file__).resolve().parent.parent


def python(*statements: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run statements in a fresh interpreter, which finds the package in `cwd`."""
    command = [sys.executable, "-c", "\n".join(statements)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


# Imports


def loaded_by(statement: str) -> set[str]:
    """Return the top-level modules that are loaded once a statement has run."""
    ended = python(statement, "import sys", "print(*sys.modules)")
    assert ended.returncode == 0, ended.stderr
    return {module.partition(".")[0] for module in ended.stdout.split()}


@pytest.mark.parametrize(
    ("statement", "already_there"),
    [
        ("import microgradcheck", "pass"),
        ("import microgradcheck.cli", "pass"),
        ("import microgradcheck.pytest_plugin", "import pytest"),
    ],
)
def test_importing_loads_the_standard_library_only(statement: str, already_there: str) -> None:
    loaded = loaded_by(statement) - loaded_by(already_there) - sys.stdlib_module_names
    assert loaded == {"microgradcheck"}


@pytest.mark.parametrize("heavy", ["graphviz", "matplotlib", "numpy", "rich", "scipy", "sympy"])
def test_a_heavy_import_would_be_seen(heavy: str) -> None:
    assert heavy in loaded_by(f"import microgradcheck, {heavy}") - sys.stdlib_module_names


# Layers


def contract_layers() -> list[set[str]]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    (contract,) = contracts["contracts"]
    assert contract["type"] == "layers"
    assert contract["exhaustive"] is True
    return [set(re.findall(r"\w+", layer)) for layer in contract["layers"]]


def test_the_contributors_guide_shows_the_contract() -> None:
    guide = (ROOT / ".github" / "CONTRIBUTING.md").read_text("utf-8")
    diagram = guide.partition("\n## Layers\n")[2].partition("```text\n")[2].partition("```")[0]
    # Two spaces or more stand between the modules and what they are for.
    shown = [re.split(r" {2,}", line)[0].split(" | ") for line in diagram.splitlines()]
    assert [set(modules) for modules in shown] == contract_layers()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what import-linter reads."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "microgradcheck", tmp_path / "microgradcheck")
    return tmp_path


def lint_imports(checkout: Path) -> subprocess.CompletedProcess[str]:
    command = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"
    return python(command, cwd=checkout)


def test_an_untouched_copy_keeps_the_layers(checkout: Path) -> None:
    untouched = lint_imports(checkout)
    assert untouched.returncode == 0, untouched.stdout + untouched.stderr


@pytest.mark.parametrize(
    ("module", "line", "complaint"),
    [
        ("sweep", "from microgradcheck import value", "sweep is not allowed to import"),
        ("gradcheck", "from microgradcheck import optimize", "gradcheck is not allowed to import"),
        ("ops", "import microgradcheck", "ops is not allowed to import"),
        ("optimize", "from microgradcheck import mistakes", "optimize is not allowed to import"),
        ("stray", "", "not listed as layers"),
    ],
)
def test_a_broken_layer_is_found(checkout: Path, module: str, line: str, complaint: str) -> None:
    room = checkout / "microgradcheck" / module
    path = room / "__init__.py" if room.is_dir() else room.with_suffix(".py")
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    broken = lint_imports(checkout)
    assert broken.returncode == 1
    assert complaint in " ".join(broken.stdout.split())


# Public names

PROMISED = {
    *("Value", "operation"),
    *("exp", "log", "log1p", "expm1", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan"),
    *("atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "sigmoid", "softplus"),
    *("relu", "absolute", "maximum", "minimum", "hypot", "logaddexp"),
    *("sum", "mean", "dot", "logsumexp", "softmax", "clip"),
    *("grad", "value_and_grad", "jacobian", "hessian"),
    *("derivative", "numeric"),
    *("gradcheck", "GradcheckError", "Report"),
    *("minimize", "Descent", "compare_descents"),
    *("draw", "scope", "nn", "plot", "explore", "record"),
}


def test_the_promised_names_are_public() -> None:
    assert set(mg.__all__) >= PROMISED


def test_every_public_name_resolves_and_is_listed() -> None:
    assert list(mg.__all__) == sorted(set(mg.__all__))
    for name in mg.__all__:
        assert hasattr(mg, name)
        assert name in dir(mg)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="gradchek"):
        mg.gradchek  # noqa: B018


@pytest.mark.parametrize("name", ["draw", "explore", "gradcheck"])
@pytest.mark.parametrize(
    "order",
    [
        ("import microgradcheck.{name}", "mg.{name}"),
        ("mg.{name}", "import microgradcheck.{name}"),
        ("from microgradcheck import {name}", "import microgradcheck.{name} as module"),
    ],
    ids=["module first", "function first", "by from"],
)
def test_functions_named_like_their_module_stay_functions(
    name: str, order: tuple[str, str]
) -> None:
    ended = python(
        "import inspect, microgradcheck as mg",
        *(statement.format(name=name) for statement in order),
        f"assert inspect.isfunction(mg.{name})",
        f"from microgradcheck import {name}",
        f"assert inspect.isfunction({name})",
    )
    assert ended.returncode == 0, ended.stderr


def test_every_module_can_be_imported_first() -> None:
    package = Path(mg.__file__).parent
    modules = sorted(
        ".".join(("microgradcheck", *path.relative_to(package).with_suffix("").parts))
        for path in package.rglob("*.py")
        if path.name not in {"__init__.py", "__main__.py"}
    )
    ended = python(
        "import importlib, sys",
        f"for module in {modules!r}:\n"
        "    for name in [name for name in sys.modules if name.startswith('microgradcheck')]:\n"
        "        del sys.modules[name]\n"
        "    importlib.import_module(module)",
    )
    assert ended.returncode == 0, ended.stderr


def test_a_module_in_place_of_its_function_would_be_seen() -> None:
    assert not inspect.isfunction(inspect)


def test_the_package_can_be_sent_to_other_processes_by_its_name() -> None:
    assert pickle.loads(pickle.dumps(mg)) is mg
    assert copy.deepcopy(mg) is mg
