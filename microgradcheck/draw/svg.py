"""Draw a scene that has its layout as SVG."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from html import escape
from math import hypot

from microgradcheck.draw.layout import Curve, Layout, Point
from microgradcheck.draw.scene import Frame, Node, Scene
from microgradcheck.draw.text import Line

__all__ = ["write_svg"]

MARGIN = 10

# Texts have a contrast of 4.5 or more to what they stand on, in both palettes; inputs, values,
# results and operations differ in shape or in lightness too, so that a print in grey tells them
# apart.
LIGHT = {
    "paper": "#ffffff",
    "ink": "#1c2733",
    "quiet": "#5a6875",
    "line": "#7d8a97",
    "value": "#f4f6f8",
    "input": "#dcebf8",
    "input_line": "#2f6ea5",
    "result": "#fdf0d5",
    "result_line": "#946200",
    "operation": "#33526f",
    "symbol": "#ffffff",
    "grad": "#a33b0b",
    "wrong": "#b3001e",
    "frame": "#f7f9fb",
    "frame_line": "#b9c4ce",
    "folded": "#e9edf2",
}
DARK = {
    "paper": "#12171c",
    "ink": "#e8edf2",
    "quiet": "#a3b0bc",
    "line": "#7f8d9a",
    "value": "#1e262e",
    "input": "#17334d",
    "input_line": "#6aaee8",
    "result": "#3a2e12",
    "result_line": "#d9a73f",
    "operation": "#a9c8e4",
    "symbol": "#0e1a26",
    "grad": "#ffab7a",
    "wrong": "#ff9aa2",
    "frame": "#171d24",
    "frame_line": "#43505c",
    "folded": "#28323c",
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
_STYLE = """\
#{id} {{ font-family: Helvetica, Arial, "Liberation Sans", "DejaVu Sans", sans-serif }}
#{id} .name {{ font-weight: bold; unicode-bidi: isolate }}
#{id} .curve {{ fill: none; stroke-width: 1.2 }}
#{id} .box, #{id} .back {{ stroke-width: 1.2 }}
#{id} .result .box {{ stroke-width: 2.4 }}
"""


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
    width, height = layout.width + 2 * MARGIN, layout.height + 2 * MARGIN
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{name}" xml:space="preserve" '
        f'width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{-MARGIN} {-MARGIN} {width:.0f} {height:.0f}" '
        f'role="img" aria-labelledby="{name}-title" aria-describedby="{name}-description">'
    )
    yield f'<title id="{name}-title">{escape(scene.title)}</title>'
    yield f'<desc id="{name}-description">{escape(scene.description)}</desc>'
    dark = _COLORS.format(id=name, **DARK)
    yield (
        f"<style>\n{_STYLE.format(id=name)}{_COLORS.format(id=name, **LIGHT)}"
        f"@media screen and (prefers-color-scheme: dark) {{\n{dark}}}\n</style>"
    )
    yield (
        f'<rect class="paper" x="{-MARGIN}" y="{-MARGIN}" width="{width:.0f}" '
        f'height="{height:.0f}"/>'
    )
    for frame in scene.frames:
        yield from _write_frame(frame, *layout.frames[frame.name], name)
    for curve in layout.curves:
        yield from _write_curve(curve)
    for frame in scene.frames:
        yield from _write_title(frame, layout.frames[frame.name][0], name)
    for node in scene.nodes:
        yield from _write_node(node, layout.centers[node.name], name)
    yield "</svg>"


def _write_frame(frame: Frame, start: Point, end: Point, name: str) -> Iterator[str]:
    (left, top), (right, bottom) = start, end
    yield (
        f'<g id="{name}-{frame.name}" class="{_look(frame)}"><title>{escape(frame.tooltip)}</title>'
    )
    yield (
        f'<rect class="box" x="{_number(left)}" y="{_number(top)}" '
        f'width="{_number(right - left)}" height="{_number(bottom - top)}" rx="8"/>'
    )
    yield "</g>"


def _write_title(frame: Frame, corner: Point, name: str) -> Iterator[str]:
    # After the lines, some of which would run through it.
    left, top = corner[0] + 6, corner[1] + 4
    width, height = frame.title.width + 6, 1.3 * frame.title.size
    yield (
        f'<g id="{name}-{frame.name}-title" class="{_look(frame)}">'
        f"<title>{escape(frame.tooltip)}</title>"
    )
    yield (
        f'<rect class="plate" x="{_number(left)}" y="{_number(top)}" '
        f'width="{_number(width)}" height="{_number(height)}"/>'
    )
    yield _write_line(frame.title, left + 3, top)
    yield "</g>"


def _look(frame: Frame) -> str:
    """Return its class: frames within frames take turns, so that they are told apart."""
    return "frame odd" if frame.level % 2 == 0 else "frame"


def _write_curve(curve: Curve) -> Iterator[str]:
    start, *controls = map(_at, curve.points)
    yield f'<path class="curve" d="M{start}C{" ".join(controls)}"/>'
    if curve.tip is not None:
        base, tip = curve.points[-1], curve.tip
        x, y = tip[0] - base[0], tip[1] - base[1]
        narrow = 3 / (hypot(x, y) or 1)
        left = base[0] - y * narrow, base[1] + x * narrow
        right = base[0] + y * narrow, base[1] - x * narrow
        yield f'<path class="tip" d="M{_at(left)}L{_at(tip)}L{_at(right)}Z"/>'


def _write_node(node: Node, center: Point, name: str) -> Iterator[str]:
    looks = f"{node.kind} failed" if node.wrong else node.kind
    yield f'<g id="{name}-{node.name}" class="{looks}"><title>{escape(node.tooltip)}</title>'
    (x, y), (width, height) = center, node.size
    if node.kind not in {"constant", "derivative"}:
        radius = height / 2 if node.kind == "operation" else 6
        corner = x - width / 2, y - height / 2
        size = f'width="{_number(width)}" height="{_number(height)}" rx="{_number(radius)}"'
        if node.kind.startswith("folded"):  # Looks like a pile of boxes.
            at = f'x="{_number(corner[0] + 4)}" y="{_number(corner[1] + 4)}"'
            yield f'<rect class="back" {at} {size}/>'
        yield f'<rect class="box" x="{_number(corner[0])}" y="{_number(corner[1])}" {size}/>'
    top = y - sum(1.3 * line.size for line in node.lines) / 2
    for line in node.lines:
        yield _write_line(line, x - line.width / 2, top)
        top += 1.3 * line.size
    yield "</g>"


def _write_line(line: Line, left: float, top: float) -> str:
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
