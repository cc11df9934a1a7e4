"""Pictures, by what they draw."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.contour import ContourSet

import microgradcheck as mg
from microgradcheck import plot
from microgradcheck.optimize import compare_descents, distinct_names, minimize
from microgradcheck.plot.looks import MOST_ROWS, styles
from microgradcheck.sources import differences


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def parabola(w: Any) -> Any:
    return (w - 5) ** 2


def bowl(p: Any) -> Any:
    return p[0] ** 2 + 3 * p[1] ** 2


def lines(ax: Axes) -> dict[str, Any]:
    """Return the labelled lines of a picture by their labels."""
    return {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}


def contours(ax: Axes) -> list[ContourSet]:
    return [artist for artist in ax.get_children() if isinstance(artist, ContourSet)]


def draw(ax: Axes) -> None:
    """Render it, for the errors and warnings that only come then."""
    ax.figure.canvas.draw()


PICTURES = {
    "convergence": lambda **at: plot.convergence(minimize(parabola, 0.0, steps=5), **at),
    "path of one number": lambda **at: plot.path(parabola, minimize(parabola, 0.0, steps=5), **at),
    "path of two": lambda **at: plot.path(bowl, minimize(bowl, [9.0, -8.0], steps=5), **at),
    "step_sizes": lambda **at: plot.step_sizes(mg.exp, 1.0, **at),
    "taylor": lambda **at: plot.taylor(bowl, [1.0, 2.0], **at),
    "decision_boundary": lambda **at: plot.decision_boundary(
        lambda p: p[0] - p[1], [[0.0, 1.0], [1.0, 0.0]], [-1, 1], **at
    ),
}


# What all have in common


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_pictures_have_labels_and_a_legend_and_render(picture: Any) -> None:
    ax = picture()
    draw(ax)
    assert isinstance(ax, Axes)
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    assert all(text.get_text() for text in ax.get_legend().get_texts())


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_pictures_are_drawn_where_they_are_asked_to(picture: Any) -> None:
    figure, (left, right) = plt.subplots(1, 2)
    assert picture(ax=right) is right
    assert not left.has_data()
    assert plt.get_fignums() == [figure.number]
    with pytest.raises(TypeError, match=r"Axes or None, got .* of type Figure"):
        picture(ax=figure)


def test_curves_can_be_told_apart_in_grey() -> None:
    looks = [(str(style["linestyle"]), style["marker"]) for style in islice(styles(), 63)]
    assert len(set(looks)) == 63
    assert all(len(set(part)) == 6 for part in zip(*looks[:6], strict=True))
    greys = [np.dot(to_rgb(style["color"]), [0.299, 0.587, 0.114]) for style in islice(styles(), 6)]
    assert max(greys) < 0.75, "too pale on white paper"


def test_the_looks_of_many_descents_and_classes_do_not_repeat() -> None:
    def looks(ax: Axes, kind: str) -> list[Any]:
        shown = [line for name, line in lines(ax).items() if name.startswith(kind)]
        return [(line.get_color(), line.get_marker()) for line in shown]

    descents = [minimize(parabola, 0.0, learning_rate=0.01 * k, steps=3) for k in range(1, 14)]
    for ax in (plot.convergence(*descents), plot.path(parabola, *descents)):
        assert len(set(looks(ax, "learning rate"))) == len(descents)
    points = [[float(k), float(k % 2)] for k in range(18)]
    ax = plot.decision_boundary(lambda p: [0.0] * 18, points, range(18), resolution=2)
    assert len(set(looks(ax, "class"))) == 18


def test_importing_it_loads_neither_matplotlib_nor_numpy() -> None:
    program = (
        "import sys, microgradcheck.plot, microgradcheck.nn\n"
        "print(*{'matplotlib', 'numpy', 'rich'} & set(sys.modules))\n"
        "import numpy\n"
        "print(*{'matplotlib', 'numpy', 'rich'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", program]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert shown.splitlines() == ["", "numpy"]


def test_without_matplotlib_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'microgradcheck\[plot\]'"):
        plot.step_sizes(mg.exp, 1.0)


# Descents


def test_convergence_draws_each_run_by_its_name() -> None:
    comparison = compare_descents(parabola, 0.0, optimizers=["gradient-descent", "adam"], steps=9)
    ax = plot.convergence(*comparison)
    assert list(lines(ax)) == distinct_names(list(comparison))
    for line, descent in zip(ax.lines, comparison, strict=True):
        assert list(line.get_xdata()) == list(range(10))
        assert list(line.get_ydata()) == [step.value for step in descent.history]
    assert ax.get_yscale() == "log"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "value of f")


def test_convergence_draws_gradient_norms() -> None:
    ax = plot.convergence(minimize(bowl, [3.0, 4.0], steps=2), quantity="gradient_norm")
    assert ax.lines[0].get_ydata()[0] == pytest.approx(math.hypot(6, 24))
    assert ax.get_ylabel() == "length of the gradient of f"


def test_convergence_is_linear_where_values_are_not_positive() -> None:
    assert plot.convergence(minimize(lambda x: x * x - 1, 3.0, steps=30)).get_yscale() == "linear"


def test_a_run_that_diverges_does_not_hide_the_others() -> None:
    good, bad = (minimize(parabola, 0.0, learning_rate=rate, steps=20) for rate in (0.1, 1e6))
    ax = plot.convergence(good, bad)
    assert max(ax.lines[1].get_ydata()) > 1e12
    assert ax.get_ylim()[1] < 1e3
    low, high = plot.path(parabola, good, bad).get_xlim()
    assert -2 < low < 0
    assert 5 < high < 8


def test_a_path_of_two_numbers_lies_over_contours_of_f() -> None:
    descent = minimize(bowl, [9.0, -8.0], steps=7)
    ax = plot.path(bowl, descent)
    path = lines(ax)["backprop, gradient-descent, learning rate 0.1"]
    assert np.array_equal(path.get_xydata(), [step.x for step in descent.history])
    (drawn,) = contours(ax)
    assert len(drawn.levels) >= 8
    for level, paths in zip(drawn.levels, drawn.get_paths(), strict=True):
        assert len(paths.vertices)
        heights = [bowl(point) for point in paths.vertices]
        assert heights == pytest.approx([level] * len(heights), rel=0.05, abs=0.2)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("p[0]", "p[1]")


def test_starts_and_ends_are_marked() -> None:
    runs = [minimize(bowl, start, steps=7) for start in ([9.0, -8.0], [-5.0, 3.0])]
    marks = lines(plot.path(bowl, *runs))
    assert marks["start"].get_xydata().tolist() == [[9.0, -8.0], [-5.0, 3.0]]
    assert marks["end"].get_xydata().tolist() == [run.x for run in runs]
    assert marks["start"].get_marker() != marks["end"].get_marker()


def test_a_path_of_two_arguments_is_named_after_them() -> None:
    def f(x: Any, y: Any) -> Any:
        return x * x + y * y

    ax = plot.path(f, minimize(f, 3.0, -2.0, steps=3))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "y")
    assert ax.get_aspect() == 1.0


def test_a_path_of_one_number_lies_on_the_curve_of_f() -> None:
    descent = minimize(parabola, 0.0, steps=7)
    ax = plot.path(parabola, descent)
    curve, path = list(lines(ax).values())[:2]
    assert curve.get_ydata() == pytest.approx(parabola(curve.get_xdata()))
    assert curve.get_xdata().min() < 0 < descent.x < curve.get_xdata().max()
    assert list(path.get_ydata()) == [step.value for step in descent.history]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("w", "value of f(w)")


def test_a_path_has_the_name_of_its_number_also_where_tables_of_steps_have_it() -> None:
    def f(step: Any) -> Any:
        return (step - 1) ** 2

    assert plot.path(f, minimize(f, 3.0, steps=1)).get_xlabel() == "step"


def test_a_path_may_go_along_the_border_of_a_domain() -> None:
    def f(p: Any) -> Any:
        return mg.log(p[0]) ** 2 + mg.relu(p[1])

    ax = plot.path(f, minimize(f, [0.5, 1.0], steps=9))
    draw(ax)
    assert contours(ax)


def test_a_path_that_stays_where_it_is_can_be_drawn() -> None:
    draw(plot.path(bowl, minimize(bowl, [0.0, 0.0], steps=3)))
    draw(plot.path(parabola, minimize(parabola, 5.0, steps=0)))
    draw(plot.path(lambda p: 3.0, minimize(lambda p: 3.0, [1.0, 1.0], steps=1)))


@pytest.mark.parametrize(
    ("call", "error", "complaint"),
    [
        (plot.convergence, TypeError, "at least one descent"),
        (
            lambda: plot.convergence([1.0]),
            TypeError,
            "what minimize returns, got one of type list",
        ),
        (
            lambda: plot.convergence(compare_descents(parabola, 0.0, steps=1)),
            TypeError,
            r"of type Comparison; unpack it: \*comparison",
        ),
        (
            lambda: plot.convergence(minimize(abs, 1.0, steps=1), quantity="loss"),
            ValueError,
            "quantity is one of value, gradient_norm; got 'loss'",
        ),
        (lambda: plot.path(minimize(abs, 1.0, steps=1)), TypeError, "f is the function"),
        (
            lambda: plot.path(sum, minimize(sum, [1.0, 2.0, 3.0], steps=1)),
            ValueError,
            "these have 3; draw their convergence",
        ),
        (
            lambda: plot.path(sum, minimize(abs, 1.0, steps=1), minimize(sum, [1.0, 2.0], steps=1)),
            ValueError,
            "these have 1 and 2",
        ),
    ],
)
def test_wrong_descents_are_refused(call: Any, error: type[Exception], complaint: str) -> None:
    with pytest.raises(error, match=complaint):
        call()


# Derivatives


def wave(x: Any) -> Any:
    return mg.exp(mg.sin(x))


def slope(line: Any, low: float, high: float) -> float:
    """Return the slope of a line in a doubly logarithmic picture, between two steps."""
    h, error = line.get_xdata(), line.get_ydata()
    part = (h >= low) & (h <= high)
    return float(np.polyfit(np.log(h[part]), np.log(error[part]), 1)[0])


def test_errors_fall_by_the_order_of_the_formula_and_rise_with_rounding() -> None:
    drawn = lines(plot.step_sizes(wave, 1.0))
    assert slope(drawn["forward difference"], 1e-6, 1e-2) == pytest.approx(1, abs=0.02)
    assert slope(drawn["central difference"], 1e-4, 1e-1) == pytest.approx(2, abs=0.05)
    assert slope(drawn["complex step"], 1e-6, 1e-1) == pytest.approx(2, abs=0.05)
    assert slope(drawn["forward difference"], 1e-14, 1e-9) == pytest.approx(-1, abs=0.25)
    assert slope(drawn["central difference"], 1e-14, 1e-7) == pytest.approx(-1, abs=0.25)
    assert max(drawn["complex step"].get_ydata()[drawn["complex step"].get_xdata() < 1e-9]) < 1e-15


def test_drawn_errors_are_those_of_the_textbook_s_formula() -> None:
    line = lines(plot.step_sizes(wave, 1.0, methods=["forward"]))["forward difference"]
    exact = math.cos(1.0) * wave(1.0)
    for h, error in zip(line.get_xdata(), line.get_ydata(), strict=True):
        expected = abs((wave(1.0 + h) - wave(1.0)) / h - exact)
        assert error == pytest.approx(expected, rel=1e-6, abs=1e-15)


@pytest.mark.parametrize("x", [1.0, -0.3, 2.5, 40.0])
def test_errors_stay_near_their_bounds(x: float) -> None:
    ax = plot.step_sizes(wave, x)
    errors, bounds = ax.lines[:3], ax.lines[3:]
    for error, bound in zip(errors, bounds, strict=True):
        small = error.get_xdata() < 1e-2 * abs(x)
        ratio = error.get_ydata()[small] / bound.get_ydata()[small]
        assert ratio.max() < 5  # f is two operations, the bound allows for one rounding
        assert ratio.max() > 0.2


def test_a_method_that_f_does_not_take_is_left_out() -> None:
    drawn = lines(plot.step_sizes(mg.erf, 0.5))  # erf takes no complex numbers.
    assert np.isnan(drawn["complex step"].get_ydata()).all()
    assert np.isfinite(drawn["central difference"].get_ydata()).all()


def test_steps_that_leave_the_domain_are_left_out() -> None:
    line = plot.step_sizes(mg.log, 0.5, methods=["central"]).lines[0]
    assert not np.isnan(line.get_ydata()[:-1]).any()
    assert np.isnan(line.get_ydata()[-1])


@pytest.mark.parametrize("f", [lambda x: x.exp(), lambda x: x**3, lambda x: 2 * x, lambda x: x * 0])
def test_any_function_of_a_number_has_its_errors_drawn(f: Any) -> None:
    for x in (0.0, np.float64(3.0)):
        draw(plot.step_sizes(f, x, methods=["forward", "backward", "central"]))


def test_a_bound_beyond_the_floats_is_no_warning() -> None:
    for bound in plot.step_sizes(mg.exp, 709.0, methods=["complex"]).lines[1:]:
        assert np.isfinite(bound.get_ydata()[0])
        assert np.isnan(bound.get_ydata()[-1])


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (abs, 0.0),
        (lambda x: 3.0, 1.0),
        (lambda x: x * x, 0.0),
        (lambda x: x * 0, 0.0),
        (lambda x: 1e9 * mg.cos(x), 0.0),
        (mg.sin, 0.0),
    ],
)
def test_errors_of_zero_leave_the_axis_legible(f: Any, x: float) -> None:
    ax = plot.step_sizes(f, x)
    draw(ax)
    low, high = ax.get_ylim()
    assert high / low < 1e20
    forward, central = (line.get_ydata() for line in ax.lines[:2])
    assert central.min() <= forward.min()


def test_errors_that_are_smaller_than_rounding_but_not_zero_are_drawn_as_they_are() -> None:
    forward = lines(plot.step_sizes(lambda x: x**4, 0.0))["forward difference"]
    assert forward.get_ydata() == pytest.approx(forward.get_xdata() ** 3)


@pytest.mark.parametrize(
    ("f", "title"),
    [
        (abs, "f has a kink here, with slopes -1 and 1;\nerrors are .* backpropagation's 0"),
        (lambda x: mg.relu(x) + x**2, "f has a kink here, with slopes 0 and 1;"),
        (lambda x: x**1.5, "f is undefined on its left;"),
    ],
)
def test_a_missing_derivative_is_in_the_title_and_has_no_bounds(f: Any, title: str) -> None:
    ax = plot.step_sizes(f, 0.0)
    assert re.match(title, ax.get_title())
    assert len(ax.lines) == 3
    smooth = plot.step_sizes(f, 2.0)
    assert smooth.get_title() == ""
    assert len(smooth.lines) == 6


def test_a_slope_outside_those_of_a_kink_is_refused() -> None:
    steep = mg.operation("steep", value="absolute(a)", derivatives=["1.5 + 0 * a"])
    with pytest.raises(ValueError, match=r"gives 1\.5 for the derivative, where differences"):
        plot.step_sizes(steep, 0.0)


def test_taylors_remainders_have_slopes_one_and_two() -> None:
    plain, linear = plot.taylor(bowl, [1.0, 2.0]).lines[:2]
    assert slope(plain, 1e-8, 1e-2) == pytest.approx(1, abs=0.02)
    assert slope(linear, 1e-5, 1e-1) == pytest.approx(2, abs=0.02)
    assert plain.get_label() == "|f(x + h v) − f(x)|, slope 1.00"
    assert linear.get_label() == "|f(x + h v) − f(x) − h g·v|, slope 2.00"


@pytest.mark.parametrize(
    ("gradient", "expected"),
    [
        (lambda p: [2 * p[0], 6 * p[1]], "slope 2.00"),
        (lambda p: [2 * p[0], 6.001 * p[1]], "slope 1."),
        (lambda p: [6 * p[1], 2 * p[0]], "slope 1.00"),
        ("central-difference", "slope 2.00"),
    ],
)
def test_a_wrong_gradient_is_seen_by_its_slope(gradient: Any, expected: str) -> None:
    line = plot.taylor(bowl, [1.0, 2.0], gradient=gradient).lines[1]
    assert expected in line.get_label()


def test_taylor_of_a_linear_function_leaves_only_rounding() -> None:
    ax = plot.taylor(lambda p: 3 * p[0] + p[1], [1.0, 2.0])
    draw(ax)
    assert "rounding only" in ax.lines[1].get_label()


def test_taylor_takes_several_arguments_and_repeats_its_direction() -> None:
    def f(x: Any, v: Any) -> Any:
        return x * x + (v * v).sum()

    first, again, other = (
        plot.taylor(f, 2.0, np.array([1.0, -3.0]), rng=rng).lines[1].get_ydata()
        for rng in (3, np.random.default_rng(3), 4)
    )
    assert np.array_equal(first, again, equal_nan=True)
    assert not np.array_equal(first, other, equal_nan=True)


@pytest.mark.parametrize(
    ("call", "error", "complaint"),
    [
        (lambda: plot.step_sizes(mg.exp, [1.0]), TypeError, "x is one number"),
        (lambda: plot.step_sizes(mg.exp, math.nan), ValueError, "finite"),
        (
            lambda: plot.step_sizes(mg.exp, 1.0, methods=["centre"]),
            ValueError,
            "unknown method 'centre'; choose of forward, backward, central, complex",
        ),
        (lambda: plot.step_sizes(mg.exp, 1.0, methods="central"), TypeError, "methods is a list"),
        (lambda: plot.step_sizes(math.exp, 1.0), ValueError, "not math.exp"),
        (lambda: plot.step_sizes(lambda x: x * math.sin(x), 1.0), ValueError, "not math.exp"),
        (lambda: plot.taylor(bowl), TypeError, "give the point"),
        (lambda: plot.taylor(bowl, [1.0, "2"]), TypeError, "'2'"),
        (lambda: plot.taylor(bowl, [1.0, 2.0], gradient="backprob"), ValueError, "did you mean"),
        (lambda: plot.taylor(bowl, [1.0, 2.0], gradient=lambda _: [2.0]), ValueError, "1 entries"),
        (lambda: plot.step_sizes(mg.exp, 1.0, methods=[]), ValueError, "empty; choose of forward"),
    ],
)
def test_wrong_functions_and_points_are_refused(
    call: Any, error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint):
        call()


# Classifiers

SQUARE = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]


def test_the_boundary_is_where_the_score_is_zero() -> None:
    ax = plot.decision_boundary(lambda p: p[0] + p[1] - 0.9, SQUARE, [-1, 1, 1, 1])
    boundary = next(c for c in contours(ax) if not c.filled)
    (path,) = boundary.get_paths()
    assert path.vertices.sum(axis=1) == pytest.approx(np.full(len(path.vertices), 0.9))


def test_every_point_is_drawn_with_its_class() -> None:
    drawn = lines(plot.decision_boundary(lambda p: p[0] - 0.5, SQUARE, [0.0, 0.0, 1.0, 1.0]))
    assert drawn["class 0"].get_xydata().tolist() == SQUARE[:2]
    assert drawn["class 1"].get_xydata().tolist() == SQUARE[2:]
    assert drawn["class 0"].get_marker() != drawn["class 1"].get_marker()


def test_regions_are_shades_of_grey() -> None:
    ax = plot.decision_boundary(lambda p: p[0] - 0.5, SQUARE, [-1, -1, 1, 1])
    shades = [c.get_facecolor()[0][:3] for c in contours(ax) if c.filled]
    assert len(shades) == 2
    assert all(np.ptp(shade) == 0 for shade in shades)
    assert abs(shades[0][0] - shades[1][0]) > 0.1


def test_the_second_class_has_the_darker_side_where_scores_are_positive() -> None:
    ax = plot.decision_boundary(lambda p: p[0] - 0.5, SQUARE, [-1, -1, 1, 1])
    regions = [c for c in contours(ax) if c.filled]
    light, dark = sorted(regions, key=lambda c: -c.get_facecolor()[0][0])
    assert dark.get_paths()[0].contains_point((0.9, 0.2))
    assert light.get_paths()[0].contains_point((0.1, 0.2))


def test_three_classes_have_three_regions() -> None:
    def scores(p: Any) -> list[Any]:
        return [p[0], p[1], 0.8 - p[0] - p[1]]

    points = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    ax = plot.decision_boundary(scores, points, ["a", "b", "c"])
    assert list(lines(ax)) == ["class a", "class b", "class c"]
    assert sum(c.filled for c in contours(ax)) == 3


def test_models_of_values_can_be_drawn() -> None:
    ax = plot.decision_boundary(
        lambda p: mg.Value(p[0]) * 2 - 1, SQUARE, [-1, -1, 1, 1], resolution=5
    )
    boundary = next(c for c in contours(ax) if not c.filled)
    assert boundary.get_paths()[0].vertices[:, 0] == pytest.approx([0.5] * 5)


def test_a_classifier_that_knows_one_class_only_has_one_region() -> None:
    ax = plot.decision_boundary(lambda p: 1.0, SQUARE, [-1, -1, 1, 1], resolution=5)
    draw(ax)
    assert [c.filled for c in contours(ax)] == [True]


@pytest.mark.parametrize(
    ("arguments", "options", "error", "complaint"),
    [
        (([[1.0, 2.0, 3.0]], [1]), {}, ValueError, "a list of pairs, with one label each"),
        ((SQUARE, [1, -1]), {}, ValueError, "2 labels"),
        ((SQUARE, [0, 1, 2, 3]), {}, ValueError, "4 classes among the labels.* tells 2 apart"),
        ((SQUARE, [0, 0, 1, 1]), {"resolution": 1}, ValueError, "resolution is an integer"),
        (([], []), {}, ValueError, "a list of pairs"),
    ],
)
def test_wrong_points_and_labels_are_refused(
    arguments: Any, options: dict[str, Any], error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint):
        plot.decision_boundary(lambda p: p[0] - 0.5, *arguments, **options)


@pytest.mark.parametrize(
    ("output", "returned"),
    [
        (lambda score: score, "nan"),
        (lambda score: [1.0, score], r"\[1.0, nan\]"),
        (mg.Value, r"Value\(data=nan\)"),
    ],
)
def test_a_score_that_is_nan_is_refused_with_its_point(output: Any, returned: str) -> None:
    def classifier(p: Any) -> Any:
        return output(math.nan if p[0] < 0 < p[1] else p[0])

    complaint = rf"returned {returned} at the point \[-0.15, 1.15\].*smaller learning rate"
    with pytest.raises(ValueError, match=complaint):
        plot.decision_boundary(classifier, SQUARE, [0, 0, 1, 1], resolution=2)


def test_a_classifier_may_be_certain() -> None:
    sure = plot.decision_boundary(lambda p: [-math.inf, p[0]], SQUARE, [0, 0, 1, 1], resolution=5)
    draw(sure)
    assert len(contours(sure)) == 1


# As a student would


def test_three_lines_descend_with_two_sources_and_show_the_pictures() -> None:
    comparison = compare_descents(bowl, [9.0, -8.0], gradients=["backprop", differences(h=0.1)])
    path, convergence = plot.path(bowl, *comparison), plot.convergence(*comparison)
    draw(path)
    draw(convergence)
    assert list(lines(convergence)) == ["backprop", "central-difference, h=0.1"]
    assert list(lines(path))[:2] == ["backprop", "central-difference, h=0.1"]


def test_a_path_over_one_number_ends_where_the_descent_has_diverged() -> None:
    def f(x: Any) -> Any:
        return x**4

    ax = plot.path(f, mg.minimize(f, 1.5, learning_rate=0.5))
    assert ax.get_ylim()[1] == pytest.approx(11 * 1.5**4)


def test_a_picture_of_a_descent_that_rose_from_zero_shows_how() -> None:
    def f(w: Any) -> Any:
        return w * w - 2 * w

    descent = mg.minimize(f, 0.0, learning_rate=1.2, steps=20)
    first = descent.history[1].value
    for ax in (plot.convergence(descent), plot.path(f, descent)):
        assert ax.get_ylim()[1] == pytest.approx(10 * first)


def test_taylor_takes_a_point_of_finite_numbers() -> None:
    with pytest.raises(ValueError, match="x is finite numbers"):
        plot.taylor(lambda x: x * 2, math.inf)


@pytest.mark.parametrize(("f", "x"), [(mg.asin, 0.9), (mg.exp, 700.0)])
def test_taylor_leaves_out_steps_that_f_does_not_take(f: Any, x: float) -> None:
    assert plot.taylor(f, x).lines[1].get_label().endswith("slope 2.00")


def test_the_legend_has_names_that_begin_with_an_underscore() -> None:
    def _mine(x: float) -> float:
        return 2 * x

    runs = [mg.minimize(lambda x: x * x, 1.0, gradient=g, steps=2) for g in (_mine, "backprop")]
    labels = [text.get_text() for text in plot.convergence(*runs).get_legend().get_texts()]
    assert labels[:2] == ["mine", "backprop"]


def test_every_curve_is_seen_on_a_dark_background() -> None:
    with plt.style.context("dark_background"):
        ax = plot.convergence(minimize(lambda x: x * x, 1.0, steps=3))
        assert to_rgb(ax.lines[0].get_color()) != to_rgb(ax.get_facecolor())


# At the extremes; warnings are errors


@pytest.mark.parametrize("start", [1e154, 3e153, 1.3e154])
def test_values_near_the_largest_float_are_drawn_as_far_as_there_is_room(start: float) -> None:
    def f(x: Any) -> Any:
        return x * x

    line = minimize(f, start, steps=20)
    ax = plot.path(f, line)
    draw(ax)
    low, high = ax.get_ylim()
    assert low < line.history[-1].value < high
    draw(plot.path(bowl, minimize(bowl, [start / 2, start / 2], steps=5)))


@pytest.mark.skipif(
    mpl.__version_info__ < (3, 10), reason="the ticks of Matplotlib 3.9 fail so near the largest"
)
@pytest.mark.parametrize(
    ("f", "x"), [(lambda x: x * 1.0, 1e308), (lambda x: x * x, 1e154), (mg.exp, 709.7)]
)
def test_errors_near_the_largest_float_are_drawn_as_far_as_there_is_room(f: Any, x: float) -> None:
    for ax in (plot.taylor(f, x), plot.step_sizes(f, x)):
        draw(ax)
        assert np.isfinite(ax.lines[0].get_ydata()).sum() > 9


def test_steps_near_the_least_float_are_no_warning() -> None:
    draw(plot.step_sizes(lambda x: x * x, 1e-308))


@pytest.mark.parametrize("many", [2, 3, 5, 7, 10, 11, 20, 30, 100])
def test_a_legend_leaves_room_for_the_picture(many: int) -> None:
    runs = [minimize(parabola, 0.1 * k, steps=2) for k in range(many)]
    points = [[float(k), float(k % 2)] for k in range(many)]
    pictures = [
        plot.convergence(*runs),
        plot.path(parabola, *runs),
        plot.decision_boundary(lambda p: [0.0] * many, points, range(many), resolution=2),
    ]
    for ax, most in zip(pictures, (MOST_ROWS, MOST_ROWS - 3, 2 * MOST_ROWS), strict=True):
        draw(ax)
        assert (ax.get_legend() is not None) == (many <= most)
        assert ax.get_position().height > 0.35
        assert ax.get_position().width > 0.7


@pytest.mark.parametrize(
    ("f", "bounds"),
    [(lambda x: abs(x) ** 2.5, [True, False]), (lambda x: abs(x) ** 1.5 + x, [False, False])],
)
def test_a_bound_whose_derivative_does_not_exist_is_left_out(f: Any, bounds: list[bool]) -> None:
    ax = plot.step_sizes(f, 0.0, methods=["forward", "central"])
    draw(ax)
    assert [bool(np.isfinite(line.get_ydata()).any()) for line in ax.lines[2:]] == bounds
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert len(names) == 2 + any(bounds)
