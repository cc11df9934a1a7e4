"""Boxes around what scopes computed, and large graphs folded into them: right in every number."""

from __future__ import annotations

import math
import random
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microgradcheck import Value, draw, exp, nn, scope, sin
from microgradcheck.draw import layout
from microgradcheck.draw.compose import fold
from microgradcheck.draw.graph import Box, Graph
from pictures import SVG, box, center, curves, groups, lines, parse, tooltip, written


@scope
def square(x: Value) -> Value:
    return x * x


def network(shape: list[int], **options: Any) -> Value:
    model = nn.MLP(2, shape, rng=0, activation="tanh", **options)
    y: Value = model([Value(1.0, "x1"), Value(-2.0, "x2")])
    y.label = "y"
    y.backward()
    return y


def hinge_loss(samples: int) -> Value:
    """Return the loss of micrograd's demo, as a program that knows no scopes writes it."""
    model, choice = nn.MLP(2, [16, 16, 1], rng=0), random.Random(0)
    points = [[Value(choice.uniform(-1, 1)) for _ in range(2)] for _ in range(samples)]
    losses = [(1 - choice.choice((-1, 1)) * model(point)).relu() for point in points]
    penalty = sum(p * p for p in model.parameters())
    loss: Value = sum(losses) * (1 / samples) + 1e-4 * penalty
    loss.label = "loss"
    loss.backward()
    return loss


def shown(picture: Any) -> list[str]:
    """Return the text twin without its first line."""
    lines: list[str] = picture.text.splitlines()[1:]
    return lines


# Boxes


def test_a_box_is_drawn_around_what_a_scope_computed() -> None:
    picture = draw(square(sin(Value(3.0, "x"))) + 1)
    places = groups(picture)
    left, top, right, bottom = box(places["b0"])
    inside = {
        name
        for name in places
        if not name.startswith("b0") and left < center(places[name])[0] < right
        if top < center(places[name])[1] < bottom
    }
    assert inside == {"v2", "v2_a", "v2_b", "v2_operation"}
    for name in inside:
        x, y, to_x, to_y = box(places[name])
        assert left < x < to_x < right
        assert top < y < to_y < bottom
    assert lines(places["b0-title"]) == ["square"]
    assert tooltip(picture, "b0-title") == tooltip(picture, "b0")
    assert tooltip(picture, "b0") == "square\n1 operation"


@pytest.mark.parametrize("direction", ["LR", "RL", "TB", "BT"])
def test_boxes_lie_in_boxes_and_not_over_others(direction: Any) -> None:
    places = groups(draw(network([2, 1]), direction=direction, depth=3))
    frames = [name for name in places if re.fullmatch(r"b\d+", name)]
    assert [lines(places[f"{name}-title"])[0] for name in frames] == [
        *("MLP", "layers[0]", "neurons[0]", "neurons[1]", "layers[1]", "neurons[0]")
    ]
    bounds = {name: box(places[name]) for name in frames}

    def holds(outer: str, inner: str) -> bool:
        (a, b, c, d), (left, top, right, bottom) = bounds[outer], bounds[inner]
        return a < left and b < top and right < c and bottom < d

    def apart(one: str, other: str) -> bool:
        (a, b, c, d), (left, top, right, bottom) = bounds[one], bounds[other]
        return c <= left or right <= a or d <= top or bottom <= b

    assert all(holds("b0", name) for name in frames[1:])
    assert holds("b1", "b2")
    assert holds("b1", "b3")
    assert holds("b4", "b5")
    assert apart("b1", "b4")
    assert apart("b2", "b3")


def test_a_title_fits_its_box_and_lies_over_nothing() -> None:
    long = "a scope with quite a long name"
    places = groups(draw(scope(long)(lambda x: -x)(Value(1.0))))
    left, _, right, _ = box(places["b0"])
    (title,) = places["b0-title"].iter(SVG + "text")
    end = float(title.attrib["x"]) + float(title.attrib["textLength"])
    assert left < float(title.attrib["x"]) < end < right
    assert all(
        float(title.attrib["y"]) < box(place)[1] or end < box(place)[0]
        for name, place in places.items()
        if name not in {"b0", "b0-title", "v0"}
    )
    assert lines(places["b0-title"]) == ["a scope with quite a lo…"]
    assert places["b0"].findtext(SVG + "title") == f"{long}\n1 operation"


def test_the_text_twin_is_indented_by_boxes() -> None:
    x = Value(3.0, "x")
    assert shown(draw(square(square(x) + 1))) == [
        "v0 (x) = 3, gradient not computed",
        "square, 1 of 2:",
        "  v1 = multiply(v0, v0) = 9, gradient not computed",
        "v2 = add(v1, 1) = 10, gradient not computed",
        "square, 2 of 2:",
        "  v3 = multiply(v2, v2) = 100, gradient not computed",
    ]


def test_a_box_is_told_in_one_piece_after_all_that_it_takes_something_from() -> None:
    @scope
    def both(x: Value, y: Value) -> list[Value]:
        return [x * 2, y * 3]

    x = Value(1.0, "x")
    first, second = both(x, sin(x))
    order = [line.strip().split(" = ")[-1] for line in shown(draw(exp(first) + second))]
    assert [line.split(",")[0] for line in order] == [
        "1",
        "0.8415",
        "both:",
        "2",
        "2.524",
        "7.389",
        "9.913",
    ]


@pytest.mark.parametrize(
    "label", ["</text><script>alert(1)</script>", '"&lt;\\N', "]]>\n\x00\ud800", ""]
)
def test_a_title_is_drawn_as_the_text_that_it_is(label: str) -> None:
    y = scope(label)(lambda x: -x)(Value(1.0))
    for picture in (draw(y), draw(y, depth=0), draw([y, -square(y)], limit=2)):
        assert "script" not in {e.tag.removeprefix(SVG) for e in parse(picture).iter()}
        assert parse(picture).find("script") is None
    title = "".join(lines(groups(draw(y))["b0-title"]))
    assert (
        title[:12] == label.replace("\n", " ").replace("\x00", "␀").replace("\ud800", "\ufffd")[:12]
    )


@given(st.text(st.characters(exclude_categories=())))
@settings(max_examples=30, deadline=None)
def test_any_text_can_be_a_title(title: str) -> None:
    y = scope(title)(lambda x: -x)(Value(1.0))
    for depth in (0, 1):
        picture = draw(y, depth=depth)
        place = groups(picture)["b0" if depth == 0 else "b0-title"]
        told = lines(place)[0]
        assert len(told) <= 24
        assert parse(picture).findtext(SVG + "desc") == picture.text
        layout._run_graphviz(picture.dot, "svg", 10)


def test_other_programs_read_the_titles_from_dot() -> None:
    picture = draw(scope("<b> & co")(lambda x: -x)(Value(1.0)))
    svg = ElementTree.fromstring(layout._run_graphviz(picture.dot, "svg", 10).decode())
    (cluster,) = [g for g in svg.iter(SVG + "g") if g.attrib["class"] == "cluster"]
    assert [text.replace("\xa0", " ") for text in lines(cluster)] == ["<b> & co"]


def test_the_same_boxes_are_the_same_bytes() -> None:
    assert draw(network([3, 2, 1])) == draw(network([3, 2, 1]))
    assert draw(hinge_loss(2)).svg == draw(hinge_loss(2)).svg


@pytest.mark.parametrize("limit", [100, 20])
def test_another_process_draws_the_same_boxes(limit: int) -> None:
    script = f"""if True:
        import sys
        from test_folding import draw, hinge_loss
        padding = [object() for _ in range(1000)]  # Other addresses, other hashes.
        sys.stdout.buffer.write(draw(hinge_loss(3), limit={limit}).svg.encode())
    """
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, capture_output=True, check=False, cwd=Path(__file__).parent)
    assert ended.stderr == b""
    assert ended.stdout.decode() == draw(hinge_loss(3), limit=limit).svg


# Closed boxes


def test_depth_says_how_many_levels_are_open() -> None:
    y = network([2, 1])
    assert shown(draw(y, depth=0)) == [
        "v0 (x1) = 1, gradient 0.0306",
        "v1 (x2) = -2, gradient 0.06124",
        "b0 (MLP), folded: 14 operations, 9 inputs of v0, v1 = -0.1343, gradient 1",
    ]
    assert shown(draw(y, depth=1))[2:] == [
        "MLP:",
        "  b1 (layers[0]), folded: 10 operations, 6 inputs of v0, v1",
        "  b2 (layers[1]), folded: 4 operations, 3 inputs of b1 = -0.1343, gradient 1",
    ]
    assert [line for line in shown(draw(y, depth=2)) if "folded" in line] == [
        "    b2 (neurons[0]), folded: 5 operations, 3 inputs of v0, v1 = -0.3301, gradient 0.02255",
        "    b3 (neurons[1]), folded: 5 operations, 3 inputs of v0, v1 = 0.6671, gradient -0.1901",
        "    b5 (neurons[0]), folded: 4 operations, 3 inputs of b2, b3 = -0.1343, gradient 1",
    ]
    assert draw(y, depth=3) == draw(y, depth=4) == draw(y)
    assert "folded" not in draw(y).text


def test_a_closed_box_shows_its_amount_its_result_and_what_flows_back_through_it() -> None:
    picture = draw(network([2, 1]), depth=2)
    assert written(picture)["b2"] == [
        *("neurons[0]", "5 operations, 3 inputs", "-0.3301", "grad 0.02255")
    ]
    assert groups(picture)["b2"].attrib["class"] == "folded"
    assert groups(picture)["b5"].attrib["class"] == "folded result"
    assert written(picture)["b5"][2] == "y = -0.1343"
    assert written(picture)["v0"] == ["x1 = 1", "grad 0.0306 = 0.01384 + 0.01676"]
    assert written(picture)["b2_v0"] == ["grad 0.01384"]
    assert written(picture)["b3_v0"] == ["grad 0.01676"]
    assert written(picture)["b5_b2"] == ["grad 0.02255"]


def test_what_flows_through_a_closed_box_is_the_derivative_through_it() -> None:
    x = Value(0.7, "x")
    y = scope("f")(lambda x: sin(x) * x + x)(x) * 3 + x
    y.backward()
    through = 3 * (math.cos(0.7) * 0.7 + math.sin(0.7) + 1)
    picture = draw(y, depth=0)
    assert written(picture)["b0_v0"] == [f"grad {through:.4g}"]
    told = tooltip(picture, "b0_v0")
    assert told.startswith("from v0 (x) to f\ngrad ")
    assert float(told.split("grad ")[1]) == pytest.approx(through, rel=1e-12)
    assert written(picture)["v0"][1] == f"grad {x.grad:.4g} = 1 + {through:.4g}"


def test_a_line_of_several_values_says_how_many() -> None:
    picture = draw(network([3, 1]), depth=1)
    assert written(picture)["b2_b1"] == ["3 values"]
    assert written(picture)["b1"] == ["layers[0]", "15 operations, 9 inputs"]
    assert "3 values" in tooltip(picture, "b2_b1")


def test_before_backward_and_without_derivatives_lines_to_closed_boxes_are_bare() -> None:
    x = Value(2.0)
    assert [*written(draw(square(x), depth=0))] == ["v0", "b0"]
    y = square(x)
    y.backward()
    bare = draw(y, depth=0, derivatives=False)
    assert [*written(bare)] == ["v0", "b0"]
    assert len(curves(bare)) == 1


def test_many_lines_to_closed_boxes_have_no_texts_unless_asked_for() -> None:
    y = network([11, 10, 1])
    assert not [name for name in written(draw(y, depth=2)) if "_" in name]
    assert "b3_v0" in written(draw(y, depth=2, derivatives=True))


def test_a_wrong_gradient_is_seen_in_a_closed_box() -> None:
    x = Value(3.0, "x")
    y = square(sin(x)) + x
    y.backward()
    assert "failed" not in "".join(g.attrib["class"] for g in groups(draw(y, check=True)).values())
    source = y.inputs[0]
    source.grad = 5.0
    picture = draw(y, check=True, depth=0)
    assert groups(picture)["b0"].attrib["class"] == "folded failed"
    assert "gradient 5, which differs from 1 by nudging; 1 gradient in it differs" in picture.text
    hidden = scope("f")(lambda x: exp(sin(x)) + 1)(x)
    hidden.backward()
    hidden.inputs[0].grad = 7.0
    picture = draw(hidden, check=True, depth=0)
    assert groups(picture)["b0"].attrib["class"] == "folded result failed"
    assert tooltip(picture, "b0").endswith("\n1 gradient in it differs from nudging")


# Large graphs


def test_a_graph_that_fits_is_not_folded() -> None:
    values = [Value(float(i)) for i in range(50)]
    total = sum(values[1:], values[0])
    assert "folded" not in draw(total).text
    assert "folded" in draw(total, limit=98).text
    assert "folded" not in draw(total, limit=99).text


@pytest.mark.parametrize("depth", [None, 0])
def test_calls_that_are_deep_in_one_another_are_folded_at_once(depth: int | None) -> None:
    @scope
    def block(x: Value, n: int) -> Value:
        return sin(x) if n == 0 else exp(-block(x, n - 1)) * x

    y = block(Value(1.0), 300)
    started = time.process_time()
    graph = Graph([y])
    fold(graph, depth, 100)
    closed = [box for box in graph.boxes() if not box.is_open]
    graph.amounts()
    assert time.process_time() - started < 2  # 0.1 s on an idle machine
    assert min(box.level for box in closed) == (1 if depth == 0 else 33)
    assert len(set(graph.units())) <= 100


def test_fewer_levels_are_open_where_the_limit_is_lower() -> None:
    y = network([3, 3, 1])
    deepest = []
    for limit in (200, 20, 8, 4):
        titles = [line for line in shown(draw(y, limit=limit)) if line.endswith(":")]
        deepest.append(max((len(title) - len(title.lstrip())) // 2 + 1 for title in [*titles, ""]))
    assert deepest == [3, 2, 1, 1]


@pytest.mark.parametrize("samples", [1, 100])
def test_a_training_loss_is_an_overview(samples: int) -> None:
    loss = hinge_loss(samples)
    started = time.process_time()
    picture = draw(loss)
    assert time.process_time() - started < 8  # 0.8 s on an idle machine
    things = [name for name in groups(picture) if "_" not in name]
    assert len(things) < 30
    width, height = (float(parse(picture).attrib[side]) for side in ("width", "height"))
    assert width < 2500
    assert height < 600
    told = shown(picture)
    times = " × 100" if samples == 100 else ""
    operations = [80, 16 * 33, 32]
    for index, each in enumerate(operations):
        (line,) = [line for line in told if f"(layers[{index}]{times})" in line]
        assert line.startswith("  b")
        assert f"folded: {each * samples:,} operations" in line
    assert f"MLP{times}:" in told
    assert "b0 (337 inputs), folded" in told[0]
    assert any("(sum), folded: 337 operations" in line for line in told)
    assert "(loss) = add(" in told[-1]
    assert told[-1].endswith(f" = {loss.data:.4g}, gradient 1")


def test_nothing_is_lost_in_an_overview() -> None:
    graph = Graph([hinge_loss(3)])
    fold(graph, None, 20)
    units = graph.units()
    boxes = {unit for unit in units if isinstance(unit, Box)}
    assert len(set(map(id, units))) <= 20
    shown_one_by_one = [u for u, value in zip(units, graph.values, strict=True) if u is value]
    folded = sum(any(unit is each for each in boxes) for unit in units)
    assert folded + len(shown_one_by_one) == len(graph.values)


def test_calls_of_one_scope_are_drawn_as_one_before_anything_is_hidden() -> None:
    x = Value(2.0, "x")
    results = [sin(square(x + i)) for i in range(20)]
    picture = draw(results, limit=50)
    assert "b0 (square × 20), folded: 20 operations" in picture.text
    assert "more" not in picture.text
    assert groups(picture)["b0"].findtext(SVG + "title") == "square × 20\n20 operations"


def test_a_scope_that_takes_from_itself_is_drawn_as_one_too() -> None:
    state = Value(0.5, "state")
    for _ in range(200):
        state = sin(square(state))
    assert shown(draw(state, limit=10))[-1].endswith("gradient not computed")
    assert "square × 200" in draw(state, limit=10).text


def test_long_sums_are_one_box() -> None:
    terms = [sin(Value(float(i))) for i in range(40)]
    picture = draw(sum(terms), limit=85)
    assert "(sum), folded: 40 operations" in picture.text
    assert "more" not in picture.text


def test_a_sum_keeps_what_is_named_used_again_or_asked_for() -> None:
    terms = [Value(float(i)) for i in range(60)]
    half = sum(terms[:30])
    named = sum(terms[30:], half)
    for kind in ("label", "use", "root"):
        half.label = "half" if kind == "label" else ""
        roots = {"label": named, "use": named * half, "root": [named, half]}[kind]
        told = draw(roots, limit=70).text
        assert told.count("(sum), folded: 30 operations") == 2, kind
    half.label = ""
    assert "(sum), folded: 60 operations" in draw(named, limit=70).text


def test_what_is_far_from_the_result_is_counted() -> None:
    y = x = Value(0.5, "x")
    for _ in range(500):
        y = sin(y) * x
    picture = draw(y, limit=30)
    (line,) = [line for line in shown(picture) if "more" in line]
    count = int(re.search(r"… ([\d,]+) more", line)[1])  # type: ignore[index]
    # A sine, a product and a use of x for each step; x itself is far away, too.
    one_by_one = [name for name in written(picture) if re.fullmatch(r"v\d+", name)]
    assert count + len(one_by_one) == 1001
    assert 25 <= len(one_by_one) < 30
    assert groups(picture)["b0"].attrib["class"] == "folded"


def test_every_root_is_seen() -> None:
    roots = [sin(Value(float(i), f"x{i}")) for i in range(40)]
    for root in roots:
        root.label = "root"
    told = draw(roots, limit=5).text
    assert told.count("(root) = ") == 40
    assert "(40 inputs), folded" in told


def test_leaves_are_folded_by_where_they_go() -> None:
    left = [Value(float(i)) for i in range(60)]
    right = [Value(float(i)) for i in range(70)]

    def dot(a: list[Value], b: list[Value]) -> Value:
        return sum((x * y for x, y in zip(a, b, strict=True)), Value(0.0))

    y = scope("one")(dot)(left, left[::-1]) + sin(scope("other")(dot)(right, right[::-1]))
    told = draw(y, limit=20, depth=0).text
    assert "(60 inputs), folded" in told
    assert "(70 inputs), folded" in told


@pytest.mark.parametrize("seed", range(15))
def test_no_way_leads_out_of_what_is_hidden_and_back(seed: int) -> None:
    choice = random.Random(seed)
    values = [Value(choice.random(), f"x{i}") for i in range(4)]
    for _ in range(300):
        x, y = choice.choice(values[-20:]), choice.choice(values[-20:])
        values.append(square(x) if choice.random() < 0.02 else sin(x) + y)
    graph = Graph([values[-1]])
    fold(graph, 0, 40)
    units = graph.units()
    before: dict[int, set[int]] = {}
    for start, end in graph.lines(units):
        before.setdefault(id(units[end]), set()).add(id(units[start]))
    merged = {id(u) for u in units if isinstance(u, Box) and "×" in u.title}
    left = {id(unit): before.get(id(unit), set()) - merged for unit in units}
    while ready := [unit for unit, sources in left.items() if not sources & left.keys()]:
        for unit in ready:
            del left[unit]
    assert not left
    assert len({id(unit) for unit in units}) <= 40 + 4


def test_an_explicit_depth_is_kept_where_the_graph_is_too_large() -> None:
    picture = draw(hinge_loss(2), depth=0, limit=12)
    assert [line for line in shown(picture) if line.endswith(":")] == []
    picture = draw(hinge_loss(2), depth=1, limit=12)
    assert [line for line in shown(picture) if line.endswith(":")] == ["MLP × 2:"]


def test_a_graph_too_large_to_check_is_refused() -> None:
    y = Value(1.0)
    for _ in range(1000):
        y = y + 1
    with pytest.raises(
        ValueError, match=r"1,000 at most, and this graph has 1,001; draw a smaller"
    ):
        draw(y, check=True)


def test_a_box_with_much_in_it_does_not_keep_others_closed() -> None:
    model, choice = nn.MLP(2, [16, 16, 1], rng=0), random.Random(0)
    points = [[choice.random(), choice.random()] for _ in range(60)]
    told = shown(draw(nn.hinge([model(point) for point in points], [1] * 60)))
    assert told[0] == "b0 (337 inputs), folded"
    assert told[1] == "MLP × 60:"
    assert [line.split("(")[1].split(")")[0] for line in told[2:5]] == [
        *("layers[0] × 60", "layers[1] × 60", "layers[2] × 60")
    ]
    assert "(hinge), folded: 240 operations of b4" in told[5]


def test_inputs_with_a_name_are_not_lost_among_those_without() -> None:
    model = nn.MLP(2, [16, 16, 1], rng=0)
    x, y = Value(0.5, "x"), Value(2.0, "y")
    told = shown(draw(nn.hinge([model([x, y]), model([y, x])], [1, -1])))
    assert [line.split(",")[0] for line in told[:3]] == [
        *("b0 (337 inputs)", "v0 (x) = 0.5", "v1 (y) = 2")
    ]


def test_many_lines_between_few_things_hide_none_of_them() -> None:
    inputs = [Value(float(i), f"x{i}") for i in range(15)]
    boxes = [scope(f"f{i}")(lambda *x: sum(x))(*inputs) for i in range(15)]
    told = shown(draw(boxes, limit=50))
    assert len(told) == 30
    assert sum("folded" in line for line in told) == 15


def test_a_depth_that_there_is_no_room_for_opens_what_there_is_room_for() -> None:
    model = nn.MLP(2, [16, 16, 1], rng=0)
    loss = nn.hinge([model([i / 10, 0.5]) for i in range(10)], [1] * 10)
    for depth in (2, 9):
        text = draw(loss, depth=depth).text
        assert "(layers[1] × 10), folded: 5,280 operations" in text
        assert "more" not in text
