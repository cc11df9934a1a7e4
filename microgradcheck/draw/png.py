"""Turn a picture into a PNG: resvg paints the same SVG that browsers show, in its light colors."""

from __future__ import annotations

import math
import re
from typing import Final

__all__ = ["rasterize"]

SHARPNESS: Final = 2.0
"""How many pixels a point of the picture is wide, where that is not too many."""

MOST_PIXELS: Final = 100_000_000
LEAST_SHARPNESS: Final = 0.5

_EMPTY: Final = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
_LETTER: Final = _EMPTY.replace("/>", '><text y="9" font-family="sans-serif">x</text></svg>')


def rasterize(svg: str) -> bytes:
    """Return an SVG picture of this package as a PNG.

    Raises:
        ImportError: resvg is not installed.
        ValueError: the picture is too large to be legible in as many pixels as fit into memory.
        RuntimeError: there is no font on this machine.
    """
    try:
        from resvg_py import svg_to_bytes
    except ImportError as error:
        raise ImportError(
            "a PNG needs resvg: python -m pip install 'microgradcheck[png]'; or save the picture "
            "as .svg"
        ) from error
    size = re.search(r'width="(\d+)" height="(\d+)"', svg)
    assert size is not None
    pixels = int(size[1]) * int(size[2])
    sharpness = min(SHARPNESS, math.sqrt(MOST_PIXELS / pixels))
    if sharpness < LEAST_SHARPNESS:
        raise ValueError(
            f"a picture of {size[1]} × {size[2]} points is too large for a PNG; draw less of the "
            "graph, with limit=..., or save it as .svg"
        )
    if svg_to_bytes(svg_string=_LETTER) == svg_to_bytes(svg_string=_EMPTY):
        raise RuntimeError(
            "found no font to write a PNG with; install one, such as the package fonts-dejavu, "
            "or save the picture as .svg"
        )
    return svg_to_bytes(svg_string=svg, zoom=sharpness)
