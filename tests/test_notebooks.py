"""Every notebook runs from a fresh kernel and prints what is stored in it; and it teaches."""

from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import Any

import pytest
from nbclient.exceptions import CellExecutionError
from nbformat import v4

from notebooks import FOLDER, VARIES, exact, executed, read

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
BYTES = 150_000

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_there_are_seven() -> None:
    assert [path.stem[:2] for path in NOTEBOOKS] == [f"{number}-" for number in range(1, 8)]


@every_notebook
def test_prints_what_is_stored(path: Path) -> None:
    stored = read(path)
    for ran, kept in zip(exact(executed(stored)), exact(stored), strict=True):
        assert ran == kept, "if this is as it should be: python tests/notebooks.py stores it anew"


@every_notebook
def test_has_questions_with_folded_answers_and_pictures(path: Path) -> None:
    notebook = read(path)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    # Without the empty line, Jupyter shows the answer's markup instead of the answer.
    folded = re.findall(r"<details><summary>.+?</summary>\n\n.+?\n\n</details>", text, re.DOTALL)
    assert folded
    assert len(folded) == text.count("<details>") == text.count("</details>")
    kinds = {kind for output in outputs(notebook) for kind in output.get("data", {})}
    assert kinds & {"image/svg+xml", "image/png"}


@every_notebook
def test_links_lead_somewhere(path: Path) -> None:
    text = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links
    assert [link for link in links if not (FOLDER / link).exists()] == []


@every_notebook
def test_is_small_and_has_nothing_of_the_machine_in_it(path: Path) -> None:
    assert path.stat().st_size < BYTES
    assert of_the_machine(read(path)) == []


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def of_the_machine(notebook: Any) -> list[str]:
    """Return what is stored of one run on one machine: errors, warnings, times, paths, its name."""
    found = [str(cell.metadata) for cell in notebook.cells if set(cell.metadata) - {"tags"}]
    for output in outputs(notebook):
        if output.output_type == "error" or output.get("name") == "stderr":
            found.append(str(output))
        texts = [part for kind, part in output.get("data", {}).items() if kind != "image/png"]
        for text in [output.get("text", ""), *texts]:
            found += re.findall(r"(?<![\w./:<])/(?:[\w.-]+/)+\w|\b[A-Z]:\\\w", text)
            found += re.findall(rf"\b{re.escape(platform.node() or 'localhost')}\b", text)
    return found


# The rest proves that the tests above can fail.


def notebook(source: str, *stored: Any, tags: tuple[str, ...] = ()) -> Any:
    cell = v4.new_code_cell(source, outputs=list(stored), metadata={"tags": list(tags)})
    return v4.new_notebook(cells=[cell])


def stream(text: str, name: str = "stdout") -> Any:
    return v4.new_output("stream", name=name, text=text)


def shown(**data: str) -> Any:
    kinds = {"text": "text/plain", "svg": "image/svg+xml", "png": "image/png"}
    data = {kinds[kind]: part for kind, part in data.items()}
    return v4.new_output("execute_result", data=data, execution_count=1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(stream("2\n"), stream("3\n"), id="printed"),
        pytest.param(stream("2\n"), stream("2\n", "stderr"), id="a warning"),
        pytest.param(shown(text="2"), shown(text="3"), id="result"),
        pytest.param(shown(text="", svg="<svg/>"), shown(text="", svg="<svg />"), id="picture"),
        pytest.param(shown(text="", png="a"), shown(text=""), id="no picture"),
    ],
)
def test_a_changed_output_is_found(one: Any, other: Any) -> None:
    assert exact(notebook("f()", one)) != exact(notebook("f()", other))
    assert exact(notebook("f()", one)) != exact(notebook("f()"))


def test_what_varies_is_not_compared() -> None:
    one, other = shown(text="", png="a"), shown(text="", png="b")
    assert exact(notebook("f()", one)) == exact(notebook("f()", other))
    one, other = stream("1 ms"), stream("2 ms")
    assert exact(notebook("f()", one, tags=(VARIES,))) == exact(notebook("f()", tags=(VARIES,)))


def test_what_rounding_decides_is_not_compared() -> None:
    report = "df/dx {} PASS 6.00000 against 6.00000 ± {}\npower: relative errors of {} would have"
    one, other = report.format("", "1.4e-12", "1.0e-06"), report.format("", "2e-12", "1.1e-06")
    assert exact(notebook("f()", stream(one))) == exact(notebook("f()", stream(other)))
    assert exact(notebook("f()", stream(one))) != exact(notebook("f()", stream(one[:-4])))


def test_runs_afresh_and_stops_at_an_error() -> None:
    stored = notebook("1 + 1", shown(text="3"))
    assert exact(executed(stored)) == exact(notebook("1 + 1", shown(text="2")))
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        executed(notebook("1 / 0"))


@pytest.mark.parametrize(
    "output",
    [
        pytest.param(v4.new_output("error", ename="E", evalue="", traceback=[]), id="error"),
        pytest.param(stream("careful\n", "stderr"), id="warning"),
        pytest.param(stream("at /home/me/f.py"), id="path"),
        pytest.param(shown(text=r"C:\me"), id="path of Windows"),
        pytest.param(stream(f"on {platform.node()}"), id="host"),
    ],
)
def test_what_is_of_the_machine_is_found(output: Any) -> None:
    assert of_the_machine(notebook("f()", output)) != []
