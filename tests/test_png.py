"""PNG: the same picture in pixels, or a clear word about what it needs."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from microgradcheck import Value, draw
from microgradcheck.cli import main
from microgradcheck.draw import svg
from pictures import box, groups, parse


def picture(label: str = "x") -> Any:
    x = Value(2.0, label)
    y = (3 * x) ** 2
    y.backward()
    return draw(y)


def pixels(drawn: Any) -> Image.Image:
    return Image.open(io.BytesIO(svg.rasterize(drawn.svg))).convert("RGB")


def test_a_png_has_two_pixels_to_a_point_and_is_the_same_each_time(tmp_path: Path) -> None:
    drawn = picture()
    saved = drawn.save(tmp_path / "graph.PNG")
    root = parse(drawn)
    with Image.open(saved) as image:
        assert image.format == "PNG"
        assert image.size == tuple(2 * int(root.attrib[side]) for side in ("width", "height"))
    assert saved.read_bytes() == svg.rasterize(drawn.svg)


def test_every_box_has_its_color_and_its_text() -> None:
    drawn = picture()
    image = pixels(drawn)
    left, top, *_ = map(float, parse(drawn).attrib["viewBox"].split())
    grounds = {"v0": "#dcebf8", "v1": "#f4f6f8", "v2": "#fdf0d5", "v1_operation": "#33526f"}
    for name, ground in grounds.items():
        x, y, to_x, to_y = box(groups(drawn)[name])
        corner = [2 * (side - start) for side, start in ((x, left), (y, top))]
        end = [2 * (side - start) for side, start in ((to_x, left), (to_y, top))]
        inside = image.crop((int(corner[0]), int(corner[1]), int(end[0]), int(end[1])))
        counts = {color: count for count, color in inside.getcolors(100_000) or []}
        color = tuple(int(ground[i : i + 2], 16) for i in (1, 3, 5))
        assert counts[color] == max(counts.values())
        # Letters, and the shades at their edges.
        assert sum(counts.values()) - counts[color] > 60
        assert len(counts) > 10


def test_letters_fill_the_room_that_they_have() -> None:
    """A text that is written without its font, or not at its length, would not."""
    wide, narrow = pixels(picture("wwwwwwwwww")), pixels(picture("iiiiiiiiii"))
    assert wide.size[0] > narrow.size[0] + 100


@pytest.mark.parametrize("label", ["</text><script>", "θ ∂ 中文 🎉", "\x00\ud800", "a" * 500])
def test_any_label_can_be_written(label: str) -> None:
    assert pixels(picture(label)).size[0] > 100


def test_a_large_picture_has_fewer_pixels_and_a_huge_one_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = picture()
    width, height = (int(parse(drawn).attrib[side]) for side in ("width", "height"))
    monkeypatch.setattr(svg, "MOST_PIXELS", width * height)
    assert pixels(drawn).size == (width, height)
    monkeypatch.setattr(svg, "MOST_PIXELS", width * height // 5)
    with pytest.raises(ValueError, match=rf"of {width} × {height} points is too large .*limit="):
        svg.rasterize(drawn.svg)


def test_without_the_extra_it_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    path = tmp_path / "graph.png"
    with pytest.raises(ImportError, match=r"python -m pip install 'microgradcheck\[png\]'"):
        picture().save(path)
    assert main(["draw", "x**2", "x=3", "-o", str(path)]) == 2
    complaint = capsys.readouterr().err
    assert "microgradcheck[png]" in complaint
    assert "Traceback" not in complaint
    assert not path.exists()


@pytest.fixture
def without_system_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    import resvg_py

    write = resvg_py.svg_to_bytes
    without = {"skip_system_fonts": True}
    monkeypatch.setattr(resvg_py, "svg_to_bytes", lambda **options: write(**options | without))


@pytest.mark.usefixtures("without_system_fonts")
def test_without_a_font_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svg, "find_spec", lambda _: None)
    with pytest.raises(RuntimeError, match=r"found no font .*microgradcheck\[plot\]"):
        svg.rasterize(picture().svg)


@pytest.mark.usefixtures("without_system_fonts")
def test_the_font_of_matplotlib_is_enough_and_stays_in_the_boxes() -> None:
    pytest.importorskip("matplotlib")
    x = Value(1.234567, "x")
    y = x.sin() * x + x.exp() * x
    y.backward()
    drawn = draw(y)
    image = pixels(drawn)
    left, top, *_ = map(float, parse(drawn).attrib["viewBox"].split())
    _, start, end, bottom = box(groups(drawn)["v0"])
    strip = (2 * (end + 1 - left), 2 * (start - top), 2 * (end + 7 - left), 2 * (bottom - top))
    assert (0xA3, 0x3B, 0x0B) in {color for _, color in image.getcolors(100_000) or []}
    beyond = image.crop(tuple(map(int, strip))).getcolors(10_000) or []
    # Lines leave the box to its right, and no letter of its gradient does.
    assert not [
        color for _, color in beyond if isinstance(color, tuple) and color[0] > color[2] + 60
    ]


def test_the_command_line_writes_png(tmp_path: Path) -> None:
    path = tmp_path / "graph.png"
    assert main(["draw", "sin(x*y) + x**2", "x=1", "y=2", "-o", str(path)]) == 0
    with Image.open(path) as image:
        assert image.format == "PNG"
