"""What Jupyter shows of everything that shows itself: in a notebook that runs, and escaped."""

from __future__ import annotations

import re
import subprocess
import sys
from html import escape
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import microgradcheck as mg
from microgradcheck.draw import picture_of

CELLS = {
    "start": "import microgradcheck as mg",
    "leaf": "x = mg.Value(2.0, label='x')\nx",
    "value": "z = (3 * x) ** 2\nz.backward()\nz",
    "again": "z",
    "large": "w = x\nfor _ in range(5000):\n    w = w + x\nw",
    "folded": "model = mg.nn.MLP(2, [4, 1], rng=0)\nmodel([x, x * 3])",
    "picture": "mg.draw(z)",
    "tape": "tape = mg.record(lambda x, y: (x < y) * x * y, 1.0, 2.0)\ntape",
    "long tape": "mg.record(lambda x: sum([x] * 500), 1.0)",
    "descent": "mg.minimize(lambda w: (w - 5) ** 2, 0.0, steps=30)",
    "report": "mg.gradcheck(lambda x: x * x, 3.0)",
    "page": "mg.explore(lambda x, y: x * y, x=3.0, y=2.0)",
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Return what each cell shows, by its kind of content."""
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS.values()]
    notebook = nbformat.v4.new_notebook(cells=cells)
    folder = str(tmp_path_factory.mktemp("notebook"))
    client = NotebookClient(
        notebook, kernel_name="python3", timeout=120, resources={"metadata": {"path": folder}}
    )
    client.execute()
    found = {}
    for name, cell in zip(CELLS, notebook.cells, strict=True):
        assert {output.output_type for output in cell.outputs} <= {"execute_result"}, name
        found[name] = dict(cell.outputs[0].data) if cell.outputs else {}
    return found


def test_a_value_shows_its_graph(outputs: dict[str, dict[str, str]]) -> None:
    shown = outputs["value"]
    assert shown["text/plain"] == "Value(data=36.0, grad=1.0, op='power')"
    assert shown["image/svg+xml"].startswith("<svg ")
    assert "grad 36" in re.sub("<.*?>", "", shown["image/svg+xml"])


def test_a_leaf_and_a_large_graph_show_their_text(outputs: dict[str, dict[str, str]]) -> None:
    assert [*outputs["leaf"]] == [*outputs["large"]] == ["text/plain"]
    assert len(outputs["large"]["text/plain"]) < 100


def test_a_network_is_shown_folded(outputs: dict[str, dict[str, str]]) -> None:
    svg = outputs["folded"]["image/svg+xml"]
    assert svg.count('class="folded') >= 2
    assert len(svg) < 20_000


def test_no_two_pictures_share_an_id(outputs: dict[str, dict[str, str]]) -> None:
    svgs = [shown["image/svg+xml"] for shown in outputs.values() if "image/svg+xml" in shown]
    identifiers = [name for svg in svgs for name in re.findall(r'\bid="([^"]+)"', svg)]
    assert len(svgs) == 4
    assert len(identifiers) == len(set(identifiers))


def test_a_tape_shows_its_program_where_it_is_short(outputs: dict[str, dict[str, str]]) -> None:
    assert "<details><summary>source</summary><pre>" in outputs["tape"]["text/html"]
    assert "&lt;" in outputs["tape"]["text/html"]
    assert outputs["tape"]["text/html"].startswith("<p>&lt;tape of ")
    assert "<pre>" not in outputs["long tape"]["text/html"]


def test_a_descent_shows_both_ends(outputs: dict[str, dict[str, str]]) -> None:
    html = outputs["descent"]["text/html"]
    assert html.count("<tr>") == 1 + 6 + 1 + 5
    assert "<td>1</td><td>1.0000</td><td>-10.0000</td>" in html
    assert html.endswith("<p>Took all 30 steps.</p>")


@pytest.mark.parametrize("name", ["value", "folded", "picture", "tape", "descent", "report"])
def test_nothing_is_a_dump(name: str, outputs: dict[str, dict[str, str]]) -> None:
    assert sum(map(len, outputs[name].values())) < 25_000


def test_a_report_and_a_page_show_themselves(outputs: dict[str, dict[str, str]]) -> None:
    assert "PASS" in outputs["report"]["text/html"]
    assert outputs["page"]["text/html"].startswith("<iframe ")
    assert "<script" not in outputs["page"]["text/html"]  # but escaped, in the frame


def test_what_cannot_be_drawn_is_shown_as_text() -> None:
    x = mg.Value(1.0)
    y = x * 2
    assert picture_of(y) is not None
    x.data = 3.0
    assert picture_of(y) is None


def test_names_and_causes_are_escaped() -> None:
    def loss(x: Any) -> Any:
        return (x - 5) ** 2

    descent = mg.minimize(loss, 0.0, steps=2)
    hostile = "<script>alert(1)</script>"
    object.__setattr__(descent, "names", (hostile,))
    object.__setattr__(descent, "message", hostile)
    assert "<script" not in descent._repr_html_()
    assert descent._repr_html_().count("&lt;script") == 2


def test_outside_of_a_notebook_nothing_is_loaded_for_one() -> None:
    script = """if True:
        import sys
        import microgradcheck as mg
        mg.Value(1.0)
        assert "IPython" not in sys.modules
        assert "microgradcheck.draw" not in sys.modules
        import IPython
        for name in [name for name in sys.modules if name.startswith("microgradcheck")]:
            del sys.modules[name]
        import microgradcheck
        assert "microgradcheck.draw" not in sys.modules, "there is no shell"
    """
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert (ended.stderr, ended.returncode) == (b"", 0)


def test_a_tape_is_escaped_and_its_program_shown_where_it_is_short() -> None:
    tape = mg.record(lambda x, y: (x < y) * x * y, 1.0, 2.0)
    assert tape._repr_html_().startswith("<p>&lt;tape of 2 operations")
    assert "x &lt; y" in tape._repr_html_()
    long = mg.record(lambda x: sum([x] * 500), 1.0)
    assert long._repr_html_() == f"<p>{escape(repr(long))}</p>"
