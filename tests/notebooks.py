"""Run notebooks from a fresh kernel, and store what they print.

python tests/notebooks.py                           writes the outputs of all notebooks anew
python tests/notebooks.py notebooks/2-descent.ipynb                   those of some
"""

from __future__ import annotations

import base64
import io
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from PIL import Image

FOLDER = Path(__file__).parents[1] / "notebooks"
VARIES = "varies"
"""The tag of cells whose outputs are not compared: times, and what hangs on the machine."""

# What rounding decides in a report of gradcheck, and with it the processor and its C library.
_ROUNDING = re.compile(r"(?<=± )\S+|(?<=relative errors of )\S+|(?<=calls: ).+")

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def read(path: Path) -> Any:
    """Return the notebook in a file, with the outputs that are stored in it."""
    return nbformat.read(path, as_version=4)


def executed(notebook: Any) -> Any:
    """Return a copy of a notebook with the outputs of a fresh kernel.

    It runs in an empty folder and leaves nothing of this machine or hour in the notebook.

    Raises:
        CellExecutionError: a cell raises an error.
    """
    notebook = nbformat.from_dict(notebook)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=300,
            record_timing=False,
            # What a cell prints is one output, however the kernel sends it.
            coalesce_streams=True,
            resources={"metadata": {"path": folder}},
        ).execute()
    notebook.metadata = nbformat.from_dict(_METADATA)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = _smaller(output.data["image/png"])
    return notebook


def _smaller(bitmap: str) -> str:
    """Return a bitmap in 64 colours, which are enough for lines and take a third of the room."""
    smaller = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(bitmap))) as image:
        image.convert("RGB").quantize(64).save(smaller, "png", optimize=True)
    return base64.b64encode(smaller.getvalue()).decode() + "\n"


def exact(notebook: Any) -> list[tuple[str, list[Any]]]:
    """Return source and outputs of each cell whose outputs are the same on every machine.

    Of a bitmap only that there is one: the rest hangs on matplotlib's version and fonts.
    """
    return [
        (cell.source, [_without_chance(output) for output in cell.outputs])
        for cell in notebook.cells
        if cell.cell_type == "code" and VARIES not in cell.metadata.get("tags", [])
    ]


def _without_chance(output: Any) -> Any:
    kept = {key: part for key, part in output.items() if key not in {"execution_count", "metadata"}}
    if "text" in output:
        kept["text"] = _ROUNDING.sub("…", output.text)
    if "data" in output:
        kept["data"] = {**output.data, "image/png": "image/png" in output.data}
    return kept


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:] or sorted(map(str, FOLDER.glob("*.ipynb")))):
        print(path)
        nbformat.write(executed(read(path)), path)
