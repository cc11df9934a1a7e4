"""Draw a scene that has its layout as SVG, and an SVG as PNG."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from html import escape, unescape
from importlib.util import find_spec
from math import hypot, sqrt

from microgradcheck.draw.layout import Curve, Layout, Point
from microgradcheck.draw.scene import Frame, Line, Node, Scene

__all__ = ["rasterize", "write_svg"]

MARGIN = 10

# Texts have a contrast of 4.5 or more to what they stand on, in both palettes; inputs, values,
# results and operations differ in shape or in lightness too, so that a print in grey tells them
# apart.
_PALETTES = {  # light, dark
    "paper": ("#ffffff", "#12171c"),
    "ink": ("#1c2733", "#e8edf2"),
    "quiet": ("#5a6875", "#a3b0bc"),
    "line": ("#7d8a97", "#7f8d9a"),
    "value": ("#f4f6f8", "#1e262e"),
    "input": ("#dcebf8", "#17334d"),
    "input_line": ("#2f6ea5", "#6aaee8"),
    "result": ("#fdf0d5", "#3a2e12"),
    "result_line": ("#946200", "#d9a73f"),
    "operation": ("#33526f", "#a9c8e4"),
    "symbol": ("#ffffff", "#0e1a26"),
    "grad": ("#a33b0b", "#ffab7a"),
    "wrong": ("#b3001e", "#ff9aa2"),
    "frame": ("#f7f9fb", "#171d24"),
    "frame_line": ("#b9c4ce", "#43505c"),
    "folded": ("#e9edf2", "#28323c"),
}
# Written out for each palette, since most programs other than browsers know no CSS variables.
_COLORS = """\
#{id} .paper {{ fill: {paper} }}
#{id} text {{ fill: {ink} }}
#{id} .quiet {{ fill: {quiet} }}
#{id} .grad {{ fill: {grad} }}
#{id} .symbol {{ fill: {symbol} }}
#{id} .curve {{ stroke: {line} }}
#{id} .tip {{ fill: {line} }}
#{id} .value .box {{ fill: {value}; stroke: {line} }}
#{id} .input .box {{ fill: {input}; stroke: {input_line} }}
#{id} .operation .box {{ fill: {operation} }}
#{id} .folded .box, #{id} .folded .back {{ fill: {folded}; stroke: {line} }}
#{id} .result .box, #{id} .result .back {{ fill: {result}; stroke: {result_line} }}
#{id} .frame .box {{ fill: {paper}; stroke: {frame_line} }}
#{id} .frame .plate {{ fill: {paper} }}
#{id} .frame.odd .box, #{id} .frame.odd .plate {{ fill: {frame} }}
#{id} tspan.wrong {{ fill: {wrong}; font-weight: bold }}
#{id} .failed .box {{ stroke: {wrong}; stroke-width: 3; stroke-dasharray: 6 3 }}
"""
_FONTS = 'Helvetica, Arial, "Liberation Sans", "DejaVu Sans", sans-serif'
_STYLE = """\
#{id} {{ font-family: {fonts} }}
#{id} .name {{ font-weight: bold; unicode-bidi: isolate }}
#{id} .curve {{ fill: none; stroke-width: 1.2 }}
#{id} .box, #{id} .back {{ stroke-width: 1.2 }}
#{id} .result .box {{ stroke-width: 2.4 }}
"""

SHARPNESS = 2.0  # pixels to a point of a PNG, where that is not too many
LEAST_SHARPNESS = 0.5
MOST_PIXELS = 100_000_000

_EMPTY = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
# In the picture's own fonts: what resvg takes "sans-serif" for may be missing where they are not.
_LETTER = _EMPTY.replace("/>", f"><text y='9' font-family='{_FONTS}'>x</text></svg>")


def write_svg(scene: Scene, layout: Layout, name: str | None) -> str:
    """Return a scene as an SVG element.

    Args:
        scene: what to show.
        layout: where to show it.
        name: what every id in it begins with; by default something that only the same picture has.
    """
    name = name or "graph-" + sha256(repr((scene, layout)).encode()).hexdigest()[:8]
    return "\n".join(_write(scene, layout, name)) + "\n"


def _write(scene: Scene, layout: Layout, name: str) -> Iterator[str]:
    width, height = f"{layout.width + 2 * MARGIN:.0f}", f"{layout.height + 2 * MARGIN:.0f}"
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{name}" xml:space="preserve" '
        f'width="{width}" height="{height}" viewBox="{-MARGIN} {-MARGIN} {width} {height}" '
        f'role="img" aria-labelledby="{name}-title" aria-describedby="{name}-description">'
    )
    yield f'<title id="{name}-title">{escape(scene.title)}</title>'
    yield f'<desc id="{name}-description">{escape(scene.description)}</desc>'
    light, dark = (
        _COLORS.format(id=name, **dict(zip(_PALETTES, colors, strict=True)))
        for colors in zip(*_PALETTES.values(), strict=True)
    )
    yield (
        f"<style>\n{_STYLE.format(id=name, fonts=_FONTS)}{light}"
        f"@media screen and (prefers-color-scheme: dark) {{\n{dark}}}\n</style>"
    )
    yield f'<rect class="paper" x="{-MARGIN}" y="{-MARGIN}" width="{width}" height="{height}"/>'
    for frame in scene.frames:
        (left, top), (right, bottom) = layout.frames[frame.name]
        yield _group(frame, f"{name}-{frame.name}")
        yield _rectangle("box", (left, top), (right - left, bottom - top), radius=8)
        yield "</g>"
    for curve in layout.curves:
        yield from _curve(curve)
    # After the lines, some of which would run through them.
    for frame in scene.frames:
        left, top = layout.frames[frame.name][0]
        yield _group(frame, f"{name}-{frame.name}-title")
        size = frame.title.width + 6, 1.3 * frame.title.size
        yield _rectangle("plate", (left + 6, top + 4), size)
        yield _text(frame.title, left + 9, top + 4)
        yield "</g>"
    for node in scene.nodes:
        yield _group(node, f"{name}-{node.name}")
        yield from _node(node, *layout.centers[node.name])
        yield "</g>"
    yield "</svg>"


def _group(thing: Frame | Node, name: str) -> str:
    """Begin what is drawn of one thing, with its tooltip."""
    if isinstance(thing, Frame):
        # Frames within frames take turns, so that they are told apart.
        looks = "frame odd" if thing.level % 2 == 0 else "frame"
    else:
        looks = f"{thing.kind} failed" if thing.wrong else thing.kind
    return f'<g id="{name}" class="{looks}"><title>{escape(thing.tooltip)}</title>'


def _curve(curve: Curve) -> Iterator[str]:
    start, *controls = map(_at, curve.points)
    yield f'<path class="curve" d="M{start}C{" ".join(controls)}"/>'
    if curve.tip is not None:
        base, tip = curve.points[-1], curve.tip
        x, y = tip[0] - base[0], tip[1] - base[1]
        narrow = 3 / (hypot(x, y) or 1)
        left = base[0] - y * narrow, base[1] + x * narrow
        right = base[0] + y * narrow, base[1] - x * narrow
        yield f'<path class="tip" d="M{_at(left)}L{_at(tip)}L{_at(right)}Z"/>'


def _node(node: Node, x: float, y: float) -> Iterator[str]:
    if node.kind not in {"constant", "derivative"}:
        width, height = node.size
        left, top = x - width / 2, y - height / 2
        radius = height / 2 if node.kind == "operation" else 6
        if node.kind.startswith("folded"):  # Looks like a pile of boxes.
            yield _rectangle("back", (left + 4, top + 4), node.size, radius)
        yield _rectangle("box", (left, top), node.size, radius)
    top = y - sum(1.3 * line.size for line in node.lines) / 2
    for line in node.lines:
        yield _text(line, x - line.width / 2, top)
        top += 1.3 * line.size


def _rectangle(look: str, corner: Point, size: Point, radius: float = 0) -> str:
    rounded = f' rx="{_number(radius)}"' if radius else ""
    return (
        f'<rect class="{look}" x="{_number(corner[0])}" y="{_number(corner[1])}" '
        f'width="{_number(size[0])}" height="{_number(size[1])}"{rounded}/>'
    )


def _text(line: Line, left: float, top: float) -> str:
    # The length is said, and not left to the font: so a text fits its box in any.
    runs = "".join(f'<tspan class="{look}">{escape(text)}</tspan>' for look, text in line.runs)
    return (
        f'<text x="{_number(left)}" y="{_number(top + line.size)}" '
        f'font-size="{line.size:g}" textLength="{_number(line.width)}" '
        f'lengthAdjust="spacingAndGlyphs">{runs}</text>'
    )


def _at(point: Point) -> str:
    return f"{_number(point[0])},{_number(point[1])}"


def _number(x: float) -> str:
    return f"{x:.1f}".removesuffix(".0")


def rasterize(svg: str) -> bytes:
    """Return an SVG picture of this package as a PNG, as browsers show it in its light colors.

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
    sharpness = min(SHARPNESS, sqrt(MOST_PIXELS / (int(size[1]) * int(size[2]))))
    if sharpness < LEAST_SHARPNESS:
        raise ValueError(
            f"a picture of {size[1]} × {size[2]} points is too large for a PNG; draw less of the "
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
            "python -m pip install 'microgradcheck[plot]', which brings one; or save the picture "
            "as .svg"
        )
    return write(svg_string=_TEXT.sub(_with_lengths_of_runs, svg), zoom=sharpness)


_TEXT = re.compile(
    r'<text x="(\S+)" (y="\S+" font-size="(\S+)") textLength="(\S+)" (\S+)>(.*)</text>'
)
_RUN = re.compile(r'<tspan class="(.*?)">(.*?)</tspan>')


def _with_lengths_of_runs(text: re.Match[str]) -> str:
    """Say the length of each run of a text, since resvg does not divide that of the whole."""
    x, attributes, size, length, adjust, content = text.groups()
    runs = _RUN.findall(content)
    widths = [Line(float(size), ((look, unescape(run)),)).width for look, run in runs]
    place, stretch = float(x), float(length) / sum(widths)
    spans = []
    for (look, run), width in zip(runs, widths, strict=True):
        long = f'textLength="{width * stretch:.2f}" {adjust}'
        spans.append(f'<tspan class="{look}" x="{place:.2f}" {long}>{run}</tspan>')
        place += width * stretch
    return f"<text {attributes}>{''.join(spans)}</text>"
