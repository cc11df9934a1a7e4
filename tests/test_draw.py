"""Pictures: right in every number, legible everywhere, and the same bytes each time."""

from __future__ import annotations

import json
import linecache
import math
import random
import re
import subprocess
import sys
import time
from html import escape
from importlib import metadata
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microgradcheck import (
    Value,
    exp,
    log,
    logsumexp,
    nn,
    operation,
    sin,
    softmax,
    source_lines,
    sqrt,
    tanh,
)
from microgradcheck.draw import Picture, draw, layout
from microgradcheck.value import source_line
from pictures import SVG, box, center, curves, groups, lines, parse, tooltip, written


def chain_rule_exercise() -> Value:
    y = 3 * Value(2.0, "x")
    y.label = "y"
    z = y**2
    z.label = "z"
    return z


def two_variables() -> Value:
    x, y = Value(1.0, "x"), Value(2.0, "y")
    return sin(x * y) + x**2


def after_backward(root: Value) -> Value:
    root.backward()
    return root


def tangle(size: int) -> Value:
    choice = random.Random(0)
    values = [Value(1.0)]
    for _ in range(size):
        values.append(choice.choice(values) + choice.choice(values))
    root = values[0]
    for value in values:
        root = root + value
    return root


# The numbers


def test_the_chain_rule_exercise_shows_every_number_of_both_passes() -> None:
    assert written(draw(after_backward(chain_rule_exercise()))) == {
        "v0": ["x = 2", "grad 36"],
        "v1_a": ["3 × 12 = 36"],
        "v1_b": ["3"],
        "v1_operation": ["×"],
        "v1": ["y = 6", "grad 12"],
        "v2_a": ["12 × 1 = 12"],
        "v2_b": ["2"],
        "v2_operation": ["**"],
        "v2": ["z = 36", "grad 1"],
    }


def test_before_backward_there_are_local_derivatives_only() -> None:
    shown = written(draw(chain_rule_exercise()))
    assert shown["v1_a"] == ["3"]
    assert shown["v2_a"] == ["12"]
    assert [shown[name][-1] for name in ("v0", "v1", "v2")] == ["grad —"] * 3


def test_a_gradient_of_zero_is_not_taken_for_one_that_was_never_computed() -> None:
    x = Value(2.0)
    x.grad = 0.0
    assert written(draw(x)) == {"v0": ["2", "grad 0"]}


def test_both_edges_of_a_square_are_drawn_and_their_flows_add_up() -> None:
    a = Value(3.0, "a")
    picture = draw(after_backward(a * a))
    shown = written(picture)
    assert shown["v1_a"] == shown["v1_b"] == ["3 × 1 = 3"]
    assert shown["v0"] == ["a = 3", "grad 6 = 3 + 3"]
    assert len(curves(picture)) == 5


def test_contributions_are_subtracted_where_they_are_negative_and_counted_where_many() -> None:
    x = Value(3.0)
    assert written(draw(after_backward(x * x - x)))["v0"][1] == "grad 5 = 3 + 3 - 1"
    x = Value(3.0)
    assert written(draw(after_backward(sum([x] * 9, x))))["v0"][1] == (
        "grad 10 = 1 + 1 + 1 + … (10 uses)"
    )


def test_a_sum_that_is_not_the_gradient_is_not_shown() -> None:
    x = Value(3.0)
    y = x * x
    y.backward()
    y.backward()
    assert written(draw(y))["v0"] == ["3", "grad 12"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (math.pi, "3.142"),
        (1.2e-7, "1.2e-07"),
        (1e-6, "1e-06"),
        (-0.000123456, "-0.0001235"),
        (0.1 + 0.2, "0.3"),
        (12345.0, "12345"),
        (12345.678, "1.235e+04"),
        (-0.0, "0"),
        (1e300, "1e+300"),
        (math.inf, "inf"),
        (math.nan, "nan"),
    ],
)
def test_numbers_have_four_significant_digits_and_tooltips_have_all(
    number: float, text: str
) -> None:
    picture = draw(Value(number))
    assert written(picture)["v0"][0] == text
    assert tooltip(picture, "v0") == f"data {number!r}\ngrad not computed"


@pytest.mark.parametrize(("precision", "text"), [(1, "3"), (6, "3.14159"), (17, repr(math.pi))])
def test_precision_is_an_option(precision: int, text: str) -> None:
    shown = written(draw(Value(math.pi), precision=precision))["v0"][0]
    assert shown == text or float(shown) == math.pi


def test_a_derivative_that_does_not_exist_is_said_to_be_undefined() -> None:
    assert written(draw(sqrt(Value(0.0))))["v1_a"] == ["undefined"]


def test_one_undefined_derivative_does_not_hide_the_other() -> None:
    shown = written(draw(Value(-2.0) ** Value(3.0)))
    assert (shown["v2_a"], shown["v2_b"]) == (["12"], ["undefined"])


def test_formulas_are_those_of_the_table() -> None:
    picture = draw(sin(Value(0.0)), formulas=True)
    assert written(picture)["v1_a"] == ["1", "∂/∂a = cos(a)"]
    assert tooltip(picture, "v1_operation") == "sin: y = sin(a)"


def test_a_derivative_given_as_a_function_is_drawn_without_a_formula() -> None:
    twice = operation("twice", value="2 * a", derivatives=[lambda a, y: 2.0])
    picture = draw(twice(Value(1.0)), formulas=True)
    assert written(picture)["v1_a"] == ["2", "∂/∂a"]


def test_tooltips_tell_the_exact_product() -> None:
    x = Value(0.1)
    y = sin(x) * 0.3
    picture = draw(after_backward(y))
    slope, gradient = math.cos(0.1), 0.3
    assert tooltip(picture, "v1_a") == (
        f"∂/∂a = cos(a)\n{slope!r} × {gradient!r} = {slope * gradient!r}"
    )


def test_tooltips_tell_the_line_of_source_where_it_was_recorded() -> None:
    x = Value(2.0, "x")
    with source_lines():
        y = sin(x) * 3  # a < b & "c"
    picture = draw(after_backward(y), name="a")
    line = f"\n{source_line(y)}"
    assert line.endswith(': y = sin(x) * 3  # a < b & "c"')
    for name in ("v1", "v1_operation", "v2", "v2_operation"):
        assert tooltip(picture, name).endswith(line)
    for name in ("v0", "v1_a", "v2_a", "v2_b"):
        assert line not in tooltip(picture, name)
    again = draw(after_backward(sin(Value(2.0, "x")) * 3), name="a")
    assert picture.svg.replace(escape(line), "") == again.svg
    assert picture.text == again.text


def test_a_line_of_source_may_hold_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    file, line = "</title>\x01.py", f"y = x * 2  # ]]></title><script>\t\x00\ud800{'z' * 500}"
    monkeypatch.setitem(linecache.cache, file, (len(line), None, [line], file))
    names = {"x": Value(2.0)}
    with source_lines():
        exec(compile("y = x * 2", file, "exec"), names)
    told = tooltip(draw(names["y"]), "v1").splitlines()[-1]
    assert told.startswith("title>␁.py:1: y = x * 2  # ]]></title><script> ␀\ufffdzzz")
    assert told.endswith("z…")
    assert len(told) == 100


def test_without_derivatives_the_edges_are_bare_and_the_operation_tells() -> None:
    a = Value(3.0)
    picture = draw(after_backward(a * a), derivatives=False)
    assert written(picture) == {
        "v0": ["3", "grad 6 = 3 + 3"],
        "v1_operation": ["×"],
        "v1": ["9", "grad 1"],
    }
    assert len(curves(picture)) == 3
    assert "∂/∂b = a: 3.0 × 1.0 = 3.0" in tooltip(picture, "v1_operation")


def test_the_text_twin_says_what_the_picture_shows() -> None:
    assert draw(after_backward(chain_rule_exercise())).text.splitlines() == [
        "Computation graph of z: 3 values and 2 operations.",
        "v0 (x) = 2, gradient 36",
        "v1 (y) = multiply(v0, 3) = 6, gradient 12",
        "v2 (z) = power(v1, 2) = 36, gradient 1",
    ]


def test_the_text_twin_of_a_large_graph_is_short() -> None:
    twin = draw([Value(1.0) for _ in range(152)], limit=None).text.splitlines()
    assert len(twin) == 102
    assert twin[-1] == "and 52 more values"


# What may be drawn


@pytest.mark.parametrize("kind", [list, tuple, lambda roots: np.array(roots, dtype=object)])
def test_several_roots_share_one_picture(kind: Any) -> None:
    x = Value(2.0, "x")
    picture = draw(kind([x * x, x + 1]))
    assert [name for name in written(picture) if "_" not in name] == ["v0", "v1", "v2"]
    assert [groups(picture)[name].attrib["class"] for name in ("v0", "v1", "v2")] == [
        "input",
        "result",
        "result",
    ]


@pytest.mark.parametrize("thing", [2.0, "x", None, [Value(1.0), 2.0], np.array([1.0]), {}])
def test_anything_else_is_refused_with_advice(thing: Any) -> None:
    with pytest.raises(TypeError, match=r"draw needs a Value, or a list.* got .*compute it from"):
        draw(thing)


def test_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one Value"):
        draw([])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"direction": "up"}, "LR, RL, TB, BT, got 'up'"),
        ({"precision": 0}, "precision is an integer, at least 1; got 0"),
        ({"precision": 18}, "precision is at most 17 digits, got 18"),
        ({"precision": 4.0}, "at least 1; got 4.0 of type float"),
        ({"precision": "4"}, "at least 1; got '4' of type str"),
        ({"depth": -1}, "depth is an integer, at least 0; got -1"),
        ({"limit": 0}, "limit is an integer, at least 1; got 0"),
        ({"limit": 2.5}, "at least 1; got 2.5 of type float"),
        ({"name": "1st"}, "letter.* got '1st'"),
        ({"name": 'x"><script>'}, "letter"),
        ({"name": "graph\n"}, "letter"),
    ],
)
def test_options_are_checked(option: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        draw(Value(1.0), **option)


def test_numbers_that_were_overwritten_are_not_drawn() -> None:
    x = Value(1.0)
    y = x * 2
    x.data = 5.0
    with pytest.raises(RuntimeError, match="compute the result again"):
        draw(y)


# Labels

HOSTILE = [
    "</text><script>alert(1)</script>",
    "]]><!--",
    '"quoted"',
    "back\\slash\\",
    r"\N \G \L \n",
    '\\"',
    "&lt;&amp;&#65;",
    "<b>bold</b>",
    "θ ∂ 中文 🎉",
    "node",
    "  wide  ",
    "\u202eright to left",
]


def legible(label: str, *, breaks: dict[str, str]) -> str:
    """Return how a label is drawn, where some of its characters cannot be or are line breaks."""
    for code in (*range(0x20), 0x7F):
        picture = chr(0x2421 if code == 0x7F else 0x2400 + code)
        label = label.replace(chr(code), breaks.get(chr(code), picture))
    label = re.sub("[\ud800-\udfff\ufffe\uffff]", "\ufffd", label)
    return re.sub("[\x85\u2028\u2029]", lambda found: breaks.get(found[0], found[0]), label)


def in_one_line(label: str) -> str:
    return legible(label, breaks=dict.fromkeys("\t\n\v\f\r\x85\u2028\u2029", " "))


def shortened(label: str) -> str:
    return label if len(label) <= 24 else label[:23] + "…"


@pytest.mark.parametrize("label", HOSTILE)
def test_a_label_is_drawn_as_the_text_that_it_is(label: str) -> None:
    picture = draw(Value(0.5, label))
    assert written(picture)["v0"][0] == f"{shortened(label)} = 0.5"
    assert tooltip(picture, "v0").startswith(f"{label}\ndata 0.5")
    assert f"v0 ({label}) = 0.5" in picture.text
    assert {element.tag.removeprefix(SVG) for element in parse(picture).iter()} == (
        {"svg", "title", "desc", "style", "rect", "g", "text", "tspan"}
    )


def spaced(*texts: str) -> list[str]:
    """Return texts with plain spaces, for those that Graphviz widens."""
    return [text.replace("\xa0", " ") for text in texts]


def drawn_by_graphviz(picture: Picture) -> dict[str, list[str]]:
    svg = layout._run_graphviz(picture.dot, "svg", 10).decode()
    return {
        group.findtext(SVG + "title") or "": spaced(*lines(group))
        for group in ElementTree.fromstring(svg).iter(SVG + "g")
        if group.attrib["class"] == "node"
    }


@pytest.mark.parametrize("label", HOSTILE)
def test_other_programs_read_the_same_text_from_dot(label: str) -> None:
    picture = draw(after_backward(Value(0.5, label) * 2))
    assert drawn_by_graphviz(picture) == written(picture)


@given(st.lists(st.text(st.characters(exclude_categories=())), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_any_text_can_be_a_label(labels: list[str]) -> None:
    picture = draw([Value(0.5, label) for label in labels])
    shown = written(picture)
    for index, label in enumerate(labels):
        text = in_one_line(label)
        assert shown[f"v{index}"][0] == (f"{shortened(text)} = 0.5" if text else "0.5")
        exact = legible(label, breaks={"\t": "\t", "\n": "\n"})
        assert tooltip(picture, f"v{index}").removesuffix("data 0.5\ngrad not computed") == (
            f"{exact}\n" if label else ""
        )
    assert drawn_by_graphviz(picture) == {name: spaced(*text) for name, text in shown.items()}


def test_characters_that_xml_cannot_hold_are_pictured() -> None:
    label = "".join(map(chr, [*range(0x20), 0x7F, 0xD7FF, 0xD800, 0xDFFF, 0xE000, 0xFFFE, 0xFFFF]))
    picture = draw(Value(1.0, label))
    assert tooltip(picture, "v0").startswith(legible(label, breaks={"\t": "\t", "\n": "\n"}))
    assert f"({in_one_line(label)})" in picture.text


def test_line_breaks_are_kept_where_there_is_room_for_them() -> None:
    picture = draw(Value(1.0, "first\nsecond"))
    assert written(picture)["v0"][0] == "first second = 1"
    assert tooltip(picture, "v0").startswith("first\nsecond\n")


# The drawing


@pytest.mark.parametrize("direction", ["LR", "RL", "TB", "BT"])
def test_the_computation_goes_where_it_is_sent(direction: Any) -> None:
    places = groups(draw(chain_rule_exercise(), direction=direction))
    x, y, z = (center(places[name]) for name in ("v0", "v1", "v2"))
    axis = 0 if direction in {"LR", "RL"} else 1
    steps = [y[axis] - x[axis], z[axis] - y[axis]]
    assert all(step > 0 for step in steps) == (direction in {"LR", "TB"})
    assert all(step < 0 for step in steps) == (direction in {"RL", "BT"})


def test_the_first_input_of_a_subtraction_comes_first() -> None:
    a, b = Value(1.0, "a"), Value(2.0, "b")
    for difference in (a - b, b - a):
        places = groups(draw([a, b, difference]))
        assert center(places["v2_a"])[1] < center(places["v2_b"])[1]


def test_the_way_from_the_first_variable_to_the_result_is_a_straight_line() -> None:
    places = groups(draw(after_backward(chain_rule_exercise())))
    way = ["v0", "v1_a", "v1_operation", "v1", "v2_a", "v2_operation", "v2"]
    heights = [center(places[name])[1] for name in way]
    assert max(heights) - min(heights) < 2


def test_lines_go_forward_from_one_thing_to_the_next() -> None:
    picture = draw(after_backward(chain_rule_exercise()))
    ends = {side: [box(g)[side] for g in groups(picture).values()] for side in (0, 2)}
    for curve in curves(picture):
        xs = [float(x) for x in re.findall(r"([\d.]+),", curve.attrib["d"])]
        assert len(xs) % 3 == 1
        assert xs == sorted(xs)
        assert min(abs(xs[0] - right) for right in ends[2]) < 6
        assert min(abs(xs[-1] - left) for left in ends[0]) < 12


@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("formulas", [False, True])
def test_nothing_lies_over_anything_else(direction: Any, formulas: bool) -> None:
    picture = draw(after_backward(two_variables()), direction=direction, formulas=formulas)
    boxes = [box(group) for group in groups(picture).values()]
    for (left, top, right, bottom), (x, y, to_x, to_y) in combinations(boxes, 2):
        assert right <= x or to_x <= left or bottom <= y or to_y <= top
    x, y, width, height = map(float, parse(picture).attrib["viewBox"].split())
    for left, top, right, bottom in boxes:
        assert x <= left < right <= x + width
        assert y <= top < bottom <= y + height


def test_every_text_fits_its_box_in_any_font() -> None:
    picture = draw(after_backward(two_variables()), formulas=True)
    for group in groups(picture).values():
        left, top, right, bottom = box(group)
        for text in group.iter(SVG + "text"):
            x, length = float(text.attrib["x"]), float(text.attrib["textLength"])
            assert text.attrib["lengthAdjust"] == "spacingAndGlyphs"
            assert left <= x
            assert x + length <= right
            assert top < float(text.attrib["y"]) <= bottom


def test_every_arrow_ends_at_a_circle_or_a_box() -> None:
    picture = draw(after_backward(two_variables()))
    ends = [box(g) for g in groups(picture).values() if g.find(SVG + "rect") is not None]
    tips = [p.attrib["d"] for p in parse(picture).iter(SVG + "path") if p.attrib["class"] == "tip"]
    assert len(tips) == 11
    for tip in tips:
        x, y = (float(number) for number in tip.split("L")[1].split(","))
        assert any(
            min(abs(x - left), abs(x - right), math.hypot(x - middle, y - height) - 15) < 1.5
            and top - 1 <= y <= bottom + 1
            for left, top, right, bottom in ends
            for middle, height in [((left + right) / 2, (top + bottom) / 2)]
        )


def test_operations_and_values_differ_in_shape() -> None:
    places = groups(draw(chain_rule_exercise()))
    circle = places["v1_operation"].find(SVG + "rect")
    square = places["v1"].find(SVG + "rect")
    assert circle is not None
    assert square is not None
    assert circle.attrib["width"] == circle.attrib["height"] == "30"
    assert circle.attrib["rx"] == "15"
    assert float(square.attrib["rx"]) < float(square.attrib["height"]) / 4


def brightness(color: str) -> float:
    channels = [int(color[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def contrast(color: str, other: str) -> float:
    """Return the contrast as WCAG 2 defines it."""
    light, dark = sorted([brightness(color), brightness(other)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


def palette(style: str) -> dict[str, dict[str, str]]:
    rules = re.findall(r"(#[\w-]+ [^{}]+) \{ (.+?) \}", style)
    return {
        re.sub(r"#[\w-]+ ", "", selector): dict(re.findall(r"([\w-]+): (#\w{6})", body))
        for selectors, body in rules
        for selector in selectors.split(", ")
        if re.search(r"#\w{6}", body)
    }


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_every_text_stands_out(mode: str) -> None:
    style = parse(draw(Value(1.0))).findtext(SVG + "style") or ""
    light, dark = style.split("@media screen and (prefers-color-scheme: dark)")
    colors = palette(light if mode == "light" else dark)
    paper = colors[".paper"]["fill"]
    kinds = ("value", "input", "result", "folded")
    boxes = [colors[f".{kind} .box"]["fill"] for kind in kinds]
    frames = [colors[frame]["fill"] for frame in (".frame .box", ".frame.odd .box")]
    for ground in [paper, *boxes, *frames]:
        for text in ("text", ".quiet", ".grad", "tspan.wrong"):
            assert contrast(colors[text]["fill"], ground) >= 4.5
    operation = colors[".operation .box"]["fill"]
    assert contrast(colors[".symbol"]["fill"], operation) >= 4.5
    for line in (colors[".curve"]["stroke"], colors[".tip"]["fill"], operation):
        assert contrast(line, paper) >= 3
    for ground in boxes:  # In grey, a circle is still no box.
        assert contrast(operation, ground) >= 3


def test_every_look_has_a_rule_and_every_picture_its_own_paper() -> None:
    picture = draw(after_backward(two_variables()), formulas=True)
    style = parse(picture).findtext(SVG + "style") or ""
    assert set(palette(style.split("@media")[0])) == set(palette(style.split("@media")[1]))
    paper = parse(picture).find(SVG + "rect")
    assert paper is not None
    x, y, width, height = parse(picture).attrib["viewBox"].split()
    assert paper.attrib == {"class": "paper", "x": x, "y": y, "width": width, "height": height}


def test_a_reader_of_the_screen_finds_title_and_description() -> None:
    picture = draw(chain_rule_exercise())
    root = parse(picture)
    title, description = root[0], root[1]
    assert root.attrib["role"] == "img"
    assert (title.tag, description.tag) == (SVG + "title", SVG + "desc")
    assert root.attrib["aria-labelledby"] == title.attrib["id"]
    assert root.attrib["aria-describedby"] == description.attrib["id"]
    assert title.text == "Computation graph of z"
    assert description.text == picture.text


# Many pictures


def identifiers(picture: Picture) -> list[str]:
    return [element.attrib["id"] for element in parse(picture).iter() if "id" in element.attrib]


@pytest.mark.parametrize("derivatives", [True, False])
def test_two_pictures_in_one_page_share_no_id(derivatives: bool) -> None:
    before = draw(two_variables(), derivatives=derivatives)
    after = draw(after_backward(two_variables()), derivatives=derivatives)
    together = identifiers(before) + identifiers(after)
    assert len(together) == len(set(together)) > 20


def test_a_name_keeps_the_same_picture_apart() -> None:
    first, second = (draw(two_variables(), name=name) for name in ("first", "second"))
    assert all(re.match("first(-|$)", each) for each in identifiers(first))
    assert first.svg.replace("first", "second") == second.svg


def test_the_same_graph_is_the_same_bytes() -> None:
    assert draw(two_variables()) == draw(two_variables())


def test_another_process_draws_the_same_bytes_and_writes_nothing_else() -> None:
    script = """if True:
        import sys
        from microgradcheck import Value
        from microgradcheck.draw import draw
        assert not {"graphviz", "subprocess", "json"} & set(sys.modules), "loaded too early"
        sys.stdout.buffer.write(draw(Value(2.0, "θ") * 3).svg.encode())
    """
    command = [sys.executable, "-W", "error", "-c", script]
    ended = subprocess.run(command, capture_output=True, check=False)
    assert (ended.stderr, ended.returncode) == (b"", 0)
    assert ended.stdout.decode() == draw(Value(2.0, "θ") * 3).svg


# Files and notebooks


@pytest.mark.parametrize("suffix", [".svg", ".SVG", ".dot", ".txt"])
def test_a_picture_is_saved_in_the_form_that_its_suffix_says(tmp_path: Path, suffix: str) -> None:
    picture = draw(Value(2.0, "θ"))
    saved = picture.save(tmp_path / f"graph{suffix}")
    assert saved == tmp_path / f"graph{suffix}"
    forms = {".svg": picture.svg, ".dot": picture.dot, ".txt": picture.text + "\n"}
    assert saved.read_bytes().decode("utf-8") == forms[suffix.lower()]


@pytest.mark.parametrize("name", ["graph.pdf", "graph", "graph.svg.gz"])
def test_a_suffix_that_is_not_known_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"must end in one of \.svg, \.png, \.dot, \.txt"):
        draw(Value(2.0)).save(str(tmp_path / name))
    assert list(tmp_path.iterdir()) == []


def test_notebooks_show_the_picture() -> None:
    picture = draw(Value(2.0, "shown once"))
    bundle = picture._repr_mimebundle_(include=None, exclude=None)
    assert bundle == {"image/svg+xml": picture.svg, "text/plain": picture.text}
    assert repr(picture) == (
        "<Picture: Computation graph of shown once: 1 value and 0 operations.>"
    )


def test_a_picture_that_is_shown_again_has_other_ids() -> None:
    picture = draw(Value(2.0, "shown twice"))
    shown = [picture._repr_svg_(), draw(Value(2.0, "shown twice"))._repr_svg_()]
    found = [re.findall(r'id="([^"]+)"', svg) for svg in shown]
    assert shown[0] == picture.svg
    assert len({*found[0], *found[1]}) == 2 * len(found[0]) > 6
    # All that refers to an id refers to one of the same picture.
    for svg, ids in zip(shown, found, strict=True):
        for name in re.findall(r'#(graph[\w-]+)|(?:by)="([^"]+)"', svg):
            assert "".join(name) in ids
    named = draw(Value(2.0), name="mine")
    assert named._repr_svg_() == named._repr_svg_() == named.svg


# Large graphs


def test_a_tree_of_five_thousand_values_draws() -> None:
    values = [Value(1.0) for _ in range(2501)]
    while len(values) > 1:
        values.append(values.pop(0) + values.pop(0))
    picture = draw(after_backward(values[0]), limit=None, time_limit=120)
    kinds = [group.attrib["class"] for group in parse(picture).iter(SVG + "g")]
    assert kinds.count("input") == 2501
    assert kinds.count("operation") == 2500
    assert kinds.count("derivative") == 0


def test_a_layout_that_takes_too_long_is_stopped_with_advice() -> None:
    root = tangle(400)
    started = time.monotonic()
    with pytest.raises(TimeoutError, match=r"longer than 0\.3 s; draw a smaller part .*time_limit"):
        draw(root, limit=None, time_limit=0.3)
    assert time.monotonic() - started < 3


# The program that lays graphs out


def test_the_program_that_pip_installed_is_used() -> None:
    program = Path(layout._graphviz_program())
    installed = [Path(str(file.locate())) for file in metadata.files("graphviz-pure") or ()]
    assert program in [file.resolve() for file in installed]
    assert json.loads(layout._run_graphviz("digraph { a }", "json0", 10))["directed"] is True


def test_a_program_that_is_elsewhere_than_pip_wrote_down_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # As after `pip install --target`.
    nowhere = SimpleNamespace(stem="graphviz-pure", name="graphviz-pure", locate=lambda: "/no/such")
    monkeypatch.setattr(metadata, "files", lambda name: [nowhere])
    monkeypatch.setattr(layout, "which", {"dot": "/somewhere/dot"}.get)
    assert layout._graphviz_program() == "/somewhere/dot"
    monkeypatch.setattr(layout, "__file__", str(tmp_path / "microgradcheck" / "draw" / "layout.py"))
    beside = tmp_path / "bin" / "graphviz-pure"
    beside.parent.mkdir()
    beside.touch()
    assert layout._graphviz_program() == str(beside.resolve())


def test_a_program_of_the_system_is_the_second_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_installed(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", not_installed)
    monkeypatch.setattr(layout, "which", {"dot": "/somewhere/dot"}.get)
    assert layout._graphviz_program() == "/somewhere/dot"
    monkeypatch.setattr(layout, "which", {}.get)
    with pytest.raises(RuntimeError, match="pip install graphviz-pure"):
        draw(Value(1.0))


def test_a_program_that_fails_is_named_with_its_complaint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "_graphviz_program", lambda: sys.executable)
    with pytest.raises(RuntimeError, match=r"python.* ended with status 2: .*-T"):
        draw(Value(1.0))


def test_a_check_stands_beside_each_gradient() -> None:
    x = Value(2.0, label="x")
    y = x * x
    y.backward()
    picture = draw(y, check=True)
    assert "v0 (x) = 2, gradient 4, which agrees with 4 by nudging" in picture.text
    assert "failed" not in re.sub("<style>.*</style>", "", picture.svg, flags=re.DOTALL)


def test_a_check_stands_alone_where_there_is_no_gradient() -> None:
    x = Value(2.0, label="x")
    assert "v0 (x) = 2, gradient not computed, and 4 by nudging" in draw(x * x, check=True).text
    text = draw(sqrt(Value(0.0)), check=True).text
    assert "v0 = 0, gradient not computed, and undefined by nudging" in text


def test_a_gradient_that_fails_its_check_is_marked() -> None:
    x = Value(2.0, label="x")
    y = x * x
    y.backward()
    x.grad = 2.0  # As `=` for `+=` leaves it.
    picture = draw(y, check=True)
    assert "v0 (x) = 2, gradient 2, which differs from 4 by nudging" in picture.text
    assert picture.svg.count('class="input failed"') == 1
    assert picture.svg.count('class="result failed"') == 0


@pytest.mark.parametrize(
    "f",
    [
        lambda a, b, c: softmax([a, b, c])[0],
        lambda a, b, c: logsumexp([a, b, c]),
        lambda a, b, c: nn.cross_entropy([[a, b, c]], [1]),
        lambda a, b, c: (3 * a) / (7 * a) + b * c,
    ],
)
def test_what_rounding_leaves_of_terms_that_cancel_is_not_marked(f: Any) -> None:
    for seed in range(10):
        numbers = random.Random(seed)
        y = after_backward(f(*(Value(numbers.uniform(-3, 3)) for _ in range(3))))
        assert "differs" not in draw(y, check=True).text


@pytest.mark.parametrize("factor", ["-", "1.001 * ", "0 * ", "1e-9 * "])
def test_a_wrong_derivative_is_marked_beside_terms_that_cancel(factor: str) -> None:
    wrong = operation(f"wrong{len(factor)}", value="tanh(a)", derivatives=[f"{factor}(1 - y**2)"])
    x, *rest = map(Value, (0.5, -0.2, 0.1))
    y = after_backward(softmax([wrong(x), *rest])[0])
    text = draw(y, check=True).text
    assert text.count("differs") == 1
    assert re.search(r"v0 = 0.5, gradient \S+, which differs from 0.1948 by nudging", text)


@pytest.mark.parametrize(
    ("f", "x", "said"),
    [
        (lambda x: log(exp(x)) - x, 0.3, "gradient 0, and nudging cannot tell"),
        (sin, 1e160, "gradient 0.9223, and nudging cannot tell"),
        (lambda x: x * 1e-20 + 1e5, 2.0, "gradient 1e-20, and nudging cannot tell"),
        (lambda x: 1e9 * (x - 3) ** 2, 3.0, "gradient 0, which agrees with 0 by nudging"),
        (tanh, 25.0, "gradient 0, which agrees with 0 by nudging"),
        (lambda x: x * 0, 2.0, "gradient 0, which agrees with 0 by nudging"),
        (lambda x: x.relu() * 2, -1.0, "gradient 0, which agrees with 0 by nudging"),
    ],
)
def test_a_check_says_where_nudging_cannot_tell(f: Any, x: float, said: str) -> None:
    picture = draw(after_backward(f(Value(x))), check=True)
    assert said in picture.text.splitlines()[1]
    assert ("nudging cannot tell</tspan>" in picture.svg) == ("cannot" in said)


def test_a_gradient_that_is_infinite_is_marked() -> None:
    x = Value(2.0)
    y = after_backward(x * x)
    x.grad = math.inf
    assert "gradient inf, which differs from 4 by nudging" in draw(y, check=True).text


def test_a_check_is_of_one_value() -> None:
    x = Value(2.0)
    with pytest.raises(ValueError, match="one Value"):
        draw([x, x * x], check=True)


@pytest.mark.parametrize("limit", [math.inf, math.nan, 0, "a"])
def test_a_time_limit_is_a_number_of_seconds(limit: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="time_limit"):
        draw(Value(1.0), time_limit=limit)
