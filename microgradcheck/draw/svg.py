"""Draw a scene that has its layout as SVG, and an SVG as PNG."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from html import escape, unescape
from importlib.util import find_spec
from math import hypot, sqrt

from microgradcheck.draw.layout import Layout, Point
from microgradcheck.draw.scene import Line, Node, Scene, in_lines

MARGIN = 10

# Each color in light and in dark mode, in full since few programs but browsers know CSS variables.
# What differs in color differs in shape or in lightness too, and so in a print in grey.
_COLORS = """\
.paper { fill: #ffffff/#12171c }
text { fill: #1c2733/#e8edf2 }
.quiet { fill: #5a6875/#a3b0bc }
.grad { fill: #a33b0b/#ffab7a }
.symbol { fill: #ffffff/#0e1a26 }
.curve { stroke: #7d8a97/#7f8d9a }
.tip { fill: #7d8a97/#7f8d9a }
.value .box { fill: #f4f6f8/#1e262e; stroke: #7d8a97/#7f8d9a }
.input .box { fill: #dcebf8/#17334d; stroke: #2f6ea5/#6aaee8 }
.operation .box { fill: #33526f/#a9c8e4 }
.folded .box, .folded .back { fill: #e9edf2/#28323c; stroke: #7d8a97/#7f8d9a }
.result .box, .result .back { fill: #fdf0d5/#3a2e12; stroke: #946200/#d9a73f }
.frame .box { fill: #ffffff/#12171c; stroke: #b9c4ce/#43505c }
.frame .plate { fill: #ffffff/#12171c }
.frame.odd .box, .frame.odd .plate { fill: #f7f9fb/#171d24 }
tspan.wrong { fill: #b3001e/#ff9aa2; font-weight: bold }
.failed .box { stroke: #b3001e/#ff9aa2; stroke-width: 3; stroke-dasharray: 6 3 }
"""
_FONTS = 'Helvetica, Arial, "Liberation Sans", "DejaVu Sans", sans-serif'
_SHAPES = """\
.name { font-weight: bold; unicode-bidi: isolate }
.curve { fill: none; stroke-width: 1.2 }
.box, .back { stroke-width: 1.2 }
.result .box { stroke-width: 2.4 }
"""

SHARPNESS = 2.0  # pixels to a point of a PNG, where that is not too many
LEAST_SHARPNESS = 0.5
MOST_PIXELS = 100_000_000

_EMPTY = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
# In the picture's own fonts: what resvg takes "sans-serif" for may be missing where they are not.
_LETTER = _EMPTY.replace("/>", f"><text y='9' font-family='{_FONTS}'>x</text></svg>")


def write_svg(scene: Scene, layout: Layout, name: str | None) -> str:
    """Return a scene as SVG; its ids begin with a name, which by default tells of its content."""
    # No text has the character that stands for the name.
    nameless = "\n".join(_write(scene, layout, "\0")) + "\n"
    return nameless.replace("\0", name or f"graph-{sha256(nameless.encode()).hexdigest()[:8]}")


def _write(scene: Scene, layout: Layout, name: str) -> Iterator[str]:
    width, height = f"{layout.width + 2 * MARGIN:.0f}", f"{layout.height + 2 * MARGIN:.0f}"
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{name}" xml:space="preserve" '
        f'width="{width}" height="{height}" viewBox="{-MARGIN} {-MARGIN} {width} {height}" '
        f'role="img" aria-labelledby="{name}-title" aria-describedby="{name}-description">'
    )
    yield f'<title id="{name}-title">{escape(scene.title)}</title>'
    yield f'<desc id="{name}-description">{escape(scene.description)}</desc>'
    yield f"<style>\n{_style(name)}</style>"
    yield f'<rect class="paper" x="{-MARGIN}" y="{-MARGIN}" width="{width}" height="{height}"/>'

    def group(node: Node, content: Iterable[str], suffix: str = "") -> Iterator[str]:
        tooltip = escape(in_lines(node.tooltip))
        yield f'<g id="{name}-{node.name}{suffix}" class="{node.kind}"><title>{tooltip}</title>'
        yield from content
        yield "</g>"

    frames = [node for node in scene.nodes if node.is_frame]
    for frame in frames:
        (left, top), (right, bottom) = layout.frames[frame.name]
        border = _rectangle("box", (left, top), (right - left, bottom - top), radius=8)
        yield from group(frame, [border])
    for points, tip in layout.curves:
        yield from _curve(points, tip)
    # After the lines, some of which would run through them.
    for frame in frames:
        (left, top), (title,) = layout.frames[frame.name][0], frame.lines
        plate = _rectangle("plate", (left + 6, top + 4), (title.width + 6, 1.3 * title.size))
        yield from group(frame, [plate, _text(title, left + 9, top + 4)], "-title")
    for node in scene.nodes:
        if not node.is_frame:
            yield from group(node, _node(node, *layout.centers[node.name]))
    yield "</svg>"


def _style(name: str) -> str:
    # Of each pair of colors, the other one is taken out.
    shapes, light, dark = (
        re.sub(r"^(?=.)|(?<=, )", f"#{name} ", rules, flags=re.MULTILINE)
        for rules in (_SHAPES, re.sub(r"/#\w+", "", _COLORS), re.sub(r"#\w+/", "", _COLORS))
    )
    return (
        f"#{name} {{ font-family: {_FONTS} }}\n{shapes}{light}"
        f"@media screen and (prefers-color-scheme: dark) {{\n{dark}}}\n"
    )


def _curve(points: Sequence[Point], tip: Point | None) -> Iterator[str]:
    start, *controls = map(_at, points)
    yield f'<path class="curve" d="M{start}C{" ".join(controls)}"/>'
    if tip is not None:
        base = points[-1]
        x, y = tip[0] - base[0], tip[1] - base[1]
        narrow = 3 / (hypot(x, y) or 1)
        left = base[0] - y * narrow, base[1] + x * narrow
        right = base[0] + y * narrow, base[1] - x * narrow
        yield f'<path class="tip" d="M{_at(left)}L{_at(tip)}L{_at(right)}Z"/>'


def _node(node: Node, x: float, y: float) -> Iterator[str]:
    if node.kind not in {"constant", "derivative"}:
        corner = x - node.size[0] / 2, y - node.size[1] / 2
        radius = node.size[1] / 2 if node.kind == "operation" else 6
        if node.kind.startswith("folded"):  # Looks like a pile of boxes.
            yield _rectangle("back", (corner[0] + 4, corner[1] + 4), node.size, radius)
        yield _rectangle("box", corner, node.size, radius)
    top = y - sum(1.3 * line.size for line in node.lines) / 2
    for line in node.lines:
        yield _text(line, x - line.width / 2, top)
        top += 1.3 * line.size


def _rectangle(look: str, corner: Point, size: Point, radius: float = 0) -> str:
    x, y, width, height = map(_number, (*corner, *size))
    rounded = f' rx="{_number(radius)}"' if radius else ""
    return f'<rect class="{look}" x="{x}" y="{y}" width="{width}" height="{height}"{rounded}/>'


def _text(line: Line, left: float, top: float) -> str:
    # The length is said, and not left to the font: so a text fits its box in any.
    runs = "".join(f'<tspan class="{look}">{escape(text)}</tspan>' for look, text in line.runs)
    x, y, length = map(_number, (left, top + line.size, line.width))
    return (
        f'<text x="{x}" y="{y}" font-size="{line.size:g}" textLength="{length}" '
        f'lengthAdjust="spacingAndGlyphs">{runs}</text>'
    )


def _at(point: Point) -> str:
    return ",".join(map(_number, point))


def _number(x: float) -> str:
    return f"{x:.1f}".removesuffix(".0")


def rasterize(svg: str) -> bytes:
    """Return an SVG picture of this package as a PNG, in its light colors."""
    try:
        from resvg_py import svg_to_bytes
    except ImportError as error:
        raise ImportError(
            "a PNG needs resvg: python -m pip install 'microgradcheck[png]'; or save the picture "
            "as .svg"
        ) from error
    width, height = map(int, re.findall(r' (?:width|height)="(\d+)"', svg)[:2])
    sharpness = min(SHARPNESS, sqrt(MOST_PIXELS / (width * height)))
    if sharpness < LEAST_SHARPNESS:
        raise ValueError(
            f"a picture of {width} × {height} points is too large for a PNG; draw less of the "
            "graph, with limit=..., or save it as .svg"
        )
    # A machine may have no font at all; matplotlib, where it is installed, brings one.
    matplotlib = find_spec("matplotlib")
    folders = matplotlib and matplotlib.submodule_search_locations
    fonts = [f"{folder}/mpl-data/fonts/ttf" for folder in folders or ()]
    write = partial(svg_to_bytes, font_dirs=fonts)
    if write(svg_string=_LETTER) == write(svg_string=_EMPTY):
        raise RuntimeError(
            "found no font to write a PNG with; install one, such as the package fonts-dejavu, or "
            "python -m pip install 'microgradcheck[plot]'; or save the picture as .svg"
        )
    return write(svg_string=_TEXT.sub(_with_lengths_of_runs, svg), zoom=sharpness)


_TEXT = re.compile(
    r'<text x="(\S+)" (y="\S+" font-size="(\S+)") textLength="\S+" (\S+)>(.*)</text>'
)
_RUN = re.compile(r'(<tspan class=".*?")>(.*?)</tspan>')


def _with_lengths_of_runs(text: re.Match[str]) -> str:
    """Say the length of each run of a text, since resvg does not divide that of the whole."""
    x, attributes, size, adjust, content = text.groups()
    place, spans = float(x), ""
    for start, run in _RUN.findall(content):
        width = Line(float(size), ("", unescape(run))).width
        spans += f'{start} x="{place:.1f}" textLength="{width}" {adjust}>{run}</tspan>'
        place += width
    return f"<text {attributes}>{spans}</text>"
