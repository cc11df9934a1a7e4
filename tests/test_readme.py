"""Every example in the README runs and prints what it says; its commands and links are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from readme import README, Block, blocks, commands, run

TEXT = README.read_text("utf-8")
PYTHON = [block for block in blocks(TEXT) if block.language == "python"]


def test_examples_run_in_order_and_draw_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    examples = [block for block in PYTHON if not block.needs]
    assert examples, "the README has no Python block, so this test would test nothing"
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for example in examples:
        run(example, namespace)
    shown = README.parent / ".github" / "picture.svg"
    assert (tmp_path / "picture.svg").read_bytes() == shown.read_bytes(), (
        "the picture is not the one that the tour draws; copy the new one to .github/picture.svg"
    )


@pytest.mark.parametrize("package", ["jax", "torch"])
def test_examples_with_other_libraries_run(package: str) -> None:
    pytest.importorskip(package, reason=f"needs {package}, see CONTRIBUTING")
    examples = [block for block in PYTHON if package in block.needs]
    assert examples
    for example in examples:
        run(example, {"__name__": "__main__"})


def test_languages_are_known() -> None:
    # An example marked "py" or "pycon" would not be run.
    assert {block.language for block in blocks(TEXT)} <= {"python", "sh", "text"}


def test_commands_are_marked_under_install() -> None:
    marked = commands(TEXT)
    assert sorted(marked) == ["run", "test"]
    _, _, install = TEXT.partition("\n## Install\n")
    assert commands(install.partition("\n## ")[0]) == marked


def test_links_within_the_repository_lead_somewhere() -> None:
    targets = re.findall(r"(?:\]\(|src=\"|href=\")([^)\"#\s]+)", TEXT)
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (README.parent / target).exists()] == []


# The rest proves that the tests above can fail.


def test_a_mark_of_needs_is_for_the_block_below_it() -> None:
    text = "<!-- needs: jax, torch -->\n```python\n1\n```\n```python\n2\n```"
    assert [block.needs for block in blocks(text)] == [("jax", "torch"), ()]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        pytest.param(">>> 1 + 1\n3\n", r'File "README.md", line 7,', id="wrong output"),
        pytest.param(">>> 1 + 1\n2\n>>> 1 / 0\n", r'File "README.md", line 9,', id="raises"),
        pytest.param(">>> print('a')\n", r"Expected nothing", id="output not shown"),
    ],
)
def test_a_broken_session_is_found(code: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        run(Block("python", 7, code), {})


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        pytest.param("x = 1\nassert x == 2\n", AssertionError, id="raises"),
        pytest.param("x = \n", SyntaxError, id="syntax"),
        pytest.param("print(forgotten)\n", NameError, id="name"),
    ],
)
def test_a_broken_program_is_found(code: str, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        run(Block("python", 7, code), {})
    assert caught.value.__notes__ == [f"in the block at README.md:7:\n{code}"]


def test_blocks_share_what_they_define(capsys: pytest.CaptureFixture[str]) -> None:
    text = "```python\nx = 1\n```\n\n```python\n>>> y = x + 1\n```\n\n```python\nprint(x + y)\n```"
    namespace: dict[str, Any] = {}
    for block in blocks(text):
        run(block, namespace)
    assert capsys.readouterr().out == "3\n"
    assert [block.line for block in blocks(text)] == [2, 6, 10]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("```\n1 / 0\n```", id="no language"),
        pytest.param("``` python\n1 / 0\n```", id="space"),
        pytest.param("  ```python\n  1 / 0\n  ```", id="indented"),
        pytest.param("~~~python\n1 / 0\n~~~", id="tildes"),
        pytest.param("```python\n1 / 0\n", id="not closed"),
        pytest.param("```python\n1 / 0\n```\n```", id="one fence too many"),
    ],
)
def test_a_hidden_block_is_found(text: str) -> None:
    with pytest.raises(ValueError, match="fence"):
        blocks(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("<!-- command: test -->\n\n```sh\nls\n```", id="gap"),
        pytest.param("<!-- command: test -->\n```text\nls\n```", id="language"),
        pytest.param("<!-- command: test -->\n```sh\nls\n```\n" * 2, id="twice"),
    ],
)
def test_a_badly_marked_command_is_found(text: str) -> None:
    with pytest.raises(ValueError, match="command"):
        commands(text)
