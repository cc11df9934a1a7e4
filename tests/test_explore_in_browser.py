"""The page in a real browser: stepped through, dragged, guessed at, read aloud and printed."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from javascript import program
from microgradcheck import exp, log, relu, tanh
from microgradcheck.backprop import value_and_grad
from microgradcheck.explore import Exploration, explore
from microgradcheck.ops import OPERATIONS
from test_explore import HOSTILE, agree, close, diamond, rule_calls, twice

ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")

if PROGRAM is None and not os.environ.get("MICROGRADCHECK_NEEDS_BROWSER"):
    pytest.skip("Chromium is not installed (Debian: apt install chromium)", allow_module_level=True)

playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=PROGRAM, headless=True, args=ARGUMENTS)
        yield chromium
        chromium.close()


Open = Callable[..., Any]


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Open a page from a file; whatever it asks for or complains about is an error."""
    contexts = []
    complaints: list[str] = []

    def open_it(exploration: Exploration, fragment: str = "", **options: Any) -> Any:
        path = exploration.save(tmp_path / "page.html")
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        address = f"{path.as_uri()}{fragment}"
        page.on("request", lambda asked: complaints.append(asked.url))
        page.goto(address)
        assert complaints.pop(0) == path.as_uri()
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert not complaints


def document(page: Any) -> str:
    html: str = page.evaluate("document.documentElement.outerHTML")
    return html


def state(page: Any) -> dict[str, list[str]]:
    return parse_qs(page.evaluate("location.hash").removeprefix("#"))


def step_of(page: Any) -> int:
    return int(state(page)["step"][0])


def count(page: Any) -> int:
    number: int = page.evaluate("document.getElementById('progress').max")
    return number


def wide(x: Any, y: Any, z: Any) -> Any:
    return tanh(x * y) * exp(-z) + (x - z) / (2 + y * y) + x**3 * relu(z)


# Numbers


def test_every_row_of_the_table_is_the_same_in_the_browser(browser: Any) -> None:
    page = browser.new_page()
    calls = [call for row in OPERATIONS.values() for call in rule_calls(row)]
    expressions = ", ".join(call for call, _ in calls)
    found = page.evaluate(
        f"(() => {{ {program(OPERATIONS.values())}; return [{expressions}]; }})()"
    )
    page.close()
    wrong = [
        (call, x, expected)
        for x, (call, expected) in zip(found, calls, strict=True)
        if not agree(float("nan") if x is None else x, expected)
    ]
    assert len(calls) > 100 * len(OPERATIONS)
    assert not wrong


@pytest.mark.parametrize(("f", "names"), [(wide, "xyz"), (diamond, "xy")])
def test_sliders_recompute_everything_as_the_library_does(
    open_page: Open, f: Any, names: str
) -> None:
    page = open_page(explore(f, **dict.fromkeys(names, 0.5)))
    choice = random.Random(0)
    for _ in range(25):
        slider = page.locator(f"#slider-{choice.randrange(len(names))}")
        slider.evaluate(
            """(slider, x) => {
              slider.value = x;
              for (const name of ["input", "change"]) slider.dispatchEvent(new Event(name));
            }""",
            str(choice.uniform(-2, 2)),
        )
        inputs = [float(x) for x in state(page)["inputs"][0].split(",")]
        value, gradient = value_and_grad(f)(*inputs)
        exact = "elements => elements.map((element) => Number(element.dataset.exact))"
        assert close(page.locator("#result-value").evaluate_all(exact)[0], value, 1.0)
        found = page.locator(".backprop").evaluate_all(exact)
        numerical = page.locator(".numerical").evaluate_all(exact)
        for backprop, difference, expected in zip(found, numerical, gradient, strict=True):
            assert close(backprop, expected, 1.0)
            if inputs[-1] != 0:  # There is a kink, which the page calls one.
                assert abs(difference - expected) < 1e-6 * max(1.0, abs(expected))
        assert "✗" not in page.locator("#inputs").inner_text()


def test_a_slider_is_dragged_by_mouse_and_by_keyboard_and_takes_exact_numbers(
    open_page: Open,
) -> None:
    page = open_page(explore(diamond, x=1.0, y=2.0))
    box = page.locator("#slider-0").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    moved = float(state(page)["inputs"][0].split(",")[0])
    assert -1.2 < moved < -0.8
    page.keyboard.press("ArrowRight")
    assert float(state(page)["inputs"][0].split(",")[0]) > moved
    assert step_of(page) == 0
    field = page.get_by_label("x, exactly")
    field.fill("1/3")
    field.press("Enter")
    assert state(page)["inputs"] == [f"{1 / 3!r},2"]
    page.locator("#reset").click()
    assert state(page)["inputs"] == ["1,2"]


def test_outside_of_the_domain_the_page_says_so(open_page: Open) -> None:
    page = open_page(explore(lambda x: x**0.5 + 1, x=2.0), "#step=2&inputs=-1")
    assert "v1 = power(−1, 0.5) is undefined" in page.locator("#problem").inner_text()
    assert "—" in page.locator("#formula").inner_text()
    assert "there is no derivative here" in page.locator(".verdict").inner_text()


def test_where_f_is_undefined_the_steps_end_and_there_is_no_gradient(open_page: Open) -> None:
    page = open_page(explore(lambda x, y: relu(x) + log(y) + x, x=1.0, y=2.0))
    page.locator("#last").click()
    assert "the gradient is complete" in page.locator("#phase").inner_text()
    page.get_by_label("y, exactly").fill("-1")
    page.keyboard.press("Enter")
    assert "step 2 of 4: f is undefined here" in page.locator("#phase").inner_text()
    assert page.locator(".backprop").all_inner_texts() == ["—", "—"]
    assert "grad —" in page.locator("#graph-v0").text_content()
    assert page.locator("#next").get_attribute("aria-disabled") == "true"
    page.get_by_label("y, exactly").fill("2")
    page.keyboard.press("Enter")
    assert "the gradient is complete" in page.locator("#phase").inner_text()


def test_a_branch_that_was_not_recorded_is_pointed_out(open_page: Open) -> None:
    page = open_page(explore(lambda x: x * x if x > 0 else -x, x=2.0), "#inputs=-1")
    assert "another branch here: x > 0 was true" in page.locator("#problem").inner_text()


def test_the_check_says_in_words_what_it_found(open_page: Open) -> None:
    page = open_page(explore(lambda x, y: exp(x) + y**3, x=1.0, y=1.0), "#inputs=25,1")
    verdicts = page.locator(".verdict")
    assert verdicts.all_inner_texts() == ["✓ agree to 8 digits", "cannot tell: rounding hides it"]
    page.evaluate("location.hash = '#inputs=1,0'")
    page.wait_for_function("document.querySelector('#result-value').textContent === '2.718'")
    assert verdicts.all_inner_texts()[1] == "✓ both are close to 0"


# Steps


def test_n_steps_forward_and_n_back_give_the_same_document(open_page: Open) -> None:
    page = open_page(explore(diamond, x=1.0, y=2.0))
    documents = [document(page)]
    for _ in range(count(page)):
        page.locator("#next").click()
        documents.append(document(page))
    assert len(set(documents)) == len(documents)
    for n, expected in reversed(list(enumerate(documents[:-1]))):
        page.locator("#back").click()
        assert step_of(page) == n
        assert document(page) == expected
    page.locator("#last").click()
    assert document(page) == documents[-1]
    page.locator("#first").click()
    assert document(page) == documents[0]


def test_the_address_brings_every_state_back(open_page: Open) -> None:
    exploration = explore(diamond, x=1.0, y=2.0)
    page = open_page(exploration)
    page.locator("#slider-1").fill("-1.5")
    for _ in range(8):
        page.locator("#next").click()
    again = open_page(exploration, page.evaluate("location.hash"))
    assert document(again) == document(page)
    page.evaluate("location.hash = '#step=2&inputs=1,2'")
    page.wait_for_function("document.querySelector('#phase').textContent.includes('step 2')")


@pytest.mark.parametrize(
    "fragment", ["#", "#step=-3", "#step=x&inputs=1", "#inputs=1,Infinity", "#step=1.5", "#%"]
)
def test_a_broken_address_is_the_start(open_page: Open, fragment: str) -> None:
    exploration = explore(diamond, x=1.0, y=2.0)
    page = open_page(exploration, fragment)
    assert state(page) == {"step": ["0"], "inputs": ["1,2"]}


def test_arrow_keys_step_only_while_the_stepper_has_the_focus(open_page: Open) -> None:
    page = open_page(explore(diamond, x=1.0, y=2.0))
    page.keyboard.press("ArrowRight")
    assert step_of(page) == 0
    page.locator("#picture").focus()
    page.keyboard.press("ArrowRight")
    assert step_of(page) == 0
    page.locator("#stepper").focus()
    for key, step in [("ArrowRight", 1), ("ArrowDown", 2), ("ArrowLeft", 1), ("End", 11)]:
        page.keyboard.press(key)
        assert step_of(page) == step
    page.keyboard.press("ArrowRight")
    assert step_of(page) == 11
    page.keyboard.press("Home")
    page.locator("#next").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    assert step_of(page) == 2


def test_a_button_that_leads_nowhere_looks_like_it(open_page: Open) -> None:
    look = """() => ["back", "next"].map((id) => {
      const { color, backgroundColor, borderStyle } = getComputedStyle(document.getElementById(id));
      return [color, backgroundColor, borderStyle].join();
    })"""
    at_the_start = open_page(explore(diamond, x=1.0, y=2.0)).evaluate(look)
    at_the_end = open_page(explore(diamond, x=1.0, y=2.0), "#step=11").evaluate(look)
    assert at_the_start[0] == at_the_end[1] != at_the_start[1]


def test_everything_can_be_reached_by_keyboard(open_page: Open) -> None:
    page = open_page(explore(diamond, x=1.0, y=2.0))
    reached = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert reached >= {"stepper", "first", "back", "next", "last", "guessing", "source", "slider-1"}


def test_the_chain_rule_the_sum_and_the_line_are_shown(open_page: Open) -> None:
    page = open_page(explore(twice, x=3.0), "#step=9")
    assert page.locator("#formula span").all_inner_texts() == [
        "∂twice/∂v2 · ∂v2/∂x",
        "= 2 × 5",
        "= 10",
    ]
    assert page.locator("#rule").inner_text() == "∂v2/∂x = 5"
    assert page.locator("#source [aria-current]").inner_text().strip() == "d_x = d_v2 * 5"
    page.locator("#next").click()
    assert page.locator("#total").inner_text() == "∂twice/∂x so far = 10 + 6 = 16 (2 of 3 uses)"
    assert "d_x += " in page.locator("#source [aria-current]").inner_text()
    page.locator("#next").click()
    assert page.locator("#total").inner_text() == "∂twice/∂x = 10 + 6 + 6 = 22 (3 of 3 uses)"
    assert "= 10 + 6 + 6" not in page.locator("#graph").text_content()
    assert "10 + 6 + 6" in page.locator("#graph-v0").text_content()
    assert "grad 22" in page.locator("#graph-v0").text_content()


def test_tooltips_tell_the_line_of_f_at_every_step(open_page: Open) -> None:
    page = open_page(explore(diamond, x=1.0, y=2.0))
    for button in ("#next", "#last"):
        page.locator(button).click()
        for part in ("v2", "v2_operation"):
            assert ": a = x * y" in page.locator(f"#graph-{part} title").text_content()
    assert "data 2\ngrad" in page.locator("#graph-v2 title").text_content()


def test_with_scripts_off_the_page_shows_the_program_and_every_number(open_page: Open) -> None:
    static = open_page(explore(wide, x=0.5, y=-1.25, z=2.0), java_script_enabled=False)
    assert static.locator("noscript p").is_visible()
    for hidden in ("#stepper", "#inputs"):
        assert not static.locator(hidden).is_visible()
    assert "d_v10 = d_wide" in static.locator("#source").inner_text()
    assert "grad 1.664" in static.locator("#graph-v0").text_content()
    assert "-0.1171 + 0.2807 + 1.5" in static.locator("#graph-v0").text_content()
    assert "= 1.5" in static.locator("#graph").text_content()


def test_lines_run_on_behind_what_stands_on_them(open_page: Open) -> None:
    page = open_page(explore(wide, x=0.5, y=-1.25, z=2.0))
    met = page.evaluate(
        """() => {
          const boxes = [...document.querySelectorAll("#graph .flow .box")];
          const ends = [...document.querySelectorAll("#graph .curve")].flatMap((curve) =>
            [0, curve.getTotalLength()].map((length) => curve.getPointAtLength(length)));
          return boxes.map((box) => box.getBBox()).map((box) => ends.filter((end) =>
            Math.hypot(end.x - box.x - box.width / 2, end.y - box.y - box.height / 2) < 2).length);
        }"""
    )
    assert len(met) > 10
    assert set(met) == {2}


# Guesses


def test_guessing_hides_the_answers_and_says_what_went_wrong(open_page: Open) -> None:
    page = open_page(explore(twice, x=3.0), "#step=8")
    assert page.locator("#result-value").inner_text() == "48"
    page.locator("#guessing").click()
    assert page.evaluate("document.activeElement.id") == "answer"
    assert page.locator("#result-value").inner_text() == "?"
    assert "∂twice/∂v1 = 2" not in page.locator("#question").inner_text()
    for guess, said in [("5", "forgot the upstream"), ("-10", "Wrong sign"), ("", "Type a number")]:
        page.locator("#answer").fill(guess)
        page.keyboard.press("Enter")
        assert said in page.locator("#feedback").inner_text()
        assert step_of(page) == 8
    page.locator("#answer").fill("10")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert step_of(page) == 9
    assert page.evaluate("document.activeElement.id") == "answer"
    page.locator("#answer").fill("6")
    page.get_by_role("button", name="Check").click()
    assert "= for +=" in page.locator("#feedback").inner_text()
    page.get_by_role("button", name="Reveal").click()
    page.get_by_role("button", name="Reveal").click()
    assert page.locator("#result-value").inner_text() == "48"
    assert not page.locator("#guess").is_visible()


# For everyone


@pytest.mark.parametrize(
    ("fragment", "scheme", "width"),
    [
        *product(["#step=7", "#step=11", "#step=6&guess=on"], ["light", "dark"], [1440]),
        *product(["", "#step=6&guess=on&inputs=0,0"], ["light"], [1440, 390]),
    ],
)
def test_axe_finds_nothing(open_page: Open, fragment: str, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    # The page's own policy keeps out every script but its own, axe too.
    page = open_page(explore(diamond, x=1.0, y=2.0), fragment, bypass_csp=True, **options)
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_steps_are_announced(open_page: Open) -> None:
    page = open_page(explore(diamond, x=1.0, y=2.0), "#step=1")
    status = page.get_by_role("status").first
    assert status.get_attribute("aria-live") == "polite"
    assert "a = x × y" in status.inner_text()
    assert "a = 2, gradient not computed yet" in page.locator("#graph desc").text_content()


@pytest.mark.parametrize(("wish", "duration"), [("reduce", "0s"), ("no-preference", "0.15s")])
def test_those_who_want_no_motion_get_none(open_page: Open, wish: str, duration: str) -> None:
    page = open_page(explore(diamond, x=1.0, y=2.0), reduced_motion=wish)
    style = "box => getComputedStyle(box).transitionDuration.split(',')[0]"
    assert page.locator("#graph .box").first.evaluate(style) == duration


def test_it_prints_what_is_shown_without_the_controls(open_page: Open) -> None:
    page = open_page(explore(diamond, x=1.0, y=2.0), "#step=8", color_scheme="dark")
    page.emulate_media(media="print")
    for seen in ("#graph", "#formula", "#source", "#result"):
        assert page.locator(seen).is_visible()
    for hidden in ("#next", "#slider-0", "#guess"):
        assert not page.locator(hidden).is_visible()
    paper = "graph => getComputedStyle(graph).fill"
    assert page.locator("#graph .paper").evaluate(paper) == "rgb(255, 255, 255)"
    assert page.pdf().count(b"/Type /Page\n") == 1


@pytest.mark.parametrize("width", [320, 768, 1024, 1920])
def test_no_width_makes_the_page_scroll_sideways(open_page: Open, width: int) -> None:
    page = open_page(
        explore(wide, x=1.0, y=2.0, z=3.0), "#step=12", viewport={"width": width, "height": 800}
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("wish", ["reduce", "no-preference"])
def test_a_narrow_picture_follows_the_step(open_page: Open, wish: str) -> None:
    phone = {"width": 375, "height": 667}
    page = open_page(explore(wide, x=1.0, y=2.0, z=3.0), viewport=phone, reduced_motion=wish)
    inside = """() => {
      const [item, panel] = ["#graph .now", "#picture"].map(
        (name) => document.querySelector(name).getBoundingClientRect());
      return panel.left <= item.left && item.right <= panel.right;
    }"""
    for step in ("next", "last", "back"):
        page.locator(f"#{step}").click()
        # An older Playwright waits for a function by eval, which the page forbids.
        for _ in range(100):
            if page.evaluate(inside):
                break
            page.wait_for_timeout(50)
        assert page.evaluate(inside)


@pytest.mark.parametrize("width", [390, 1280])
def test_no_number_of_the_inputs_is_broken(open_page: Open, width: int) -> None:
    page = open_page(
        explore(lambda x, y, z: x * y * z, x=0.00434512, y=1 / 3, z=-1.2345e-5),
        viewport={"width": width, "height": 800},
    )
    lines = "outputs => outputs.map((output) => output.getClientRects().length)"
    heights = "outputs => outputs.map((output) => output.offsetHeight)"
    assert set(page.locator("#inputs output").evaluate_all(lines)) == {1}
    assert max(page.locator(".entry output").evaluate_all(heights)) < 35
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_edges_name_the_slope_that_is_yet_to_come(open_page: Open) -> None:
    page = open_page(explore(lambda x, y: x * y + x, x=2.0, y=3.0))
    labels = page.locator("#graph .flow text:first-of-type").all_text_contents()
    assert sorted(labels) == ["slope of + in x", "∂f/∂v1", "∂v1/∂x", "∂v1/∂y"]


def test_hostile_labels_run_nothing(open_page: Open) -> None:
    def f(**at: Any) -> Any:
        (x,) = at.values()
        y = x * 2
        y.label = HOSTILE
        return y * x

    f.__name__ = HOSTILE
    page = open_page(explore(f, **{HOSTILE: 2.0}), "#step=3&guess=on")
    assert page.evaluate("typeof hacked") == "undefined"
    assert page.locator("img").count() == 0
    page.locator("#reveal").click()
    assert "<img" in page.locator("#graph").text_content() + page.title()


def test_in_a_notebook_it_is_a_frame_of_its_own(browser: Any) -> None:
    page = browser.new_page()
    page.set_content(f"<p>before</p>{explore(diamond, x=1.0, y=2.0)._repr_html_()}")
    frame = page.frame_locator("iframe")
    frame.locator("#next").click()
    frame.locator("#next").click()
    assert "Forward, step 2 of 4" in frame.locator("#phase").inner_text()
    page.close()


def test_a_large_graph_is_dragged_smoothly(open_page: Open) -> None:
    def f(x: Any, y: Any) -> Any:
        for _ in range(40):
            x, y = x * 0.9 + tanh(y), y - 0.1 * x
        return x * y

    page = open_page(explore(f, x=0.5, y=1.0), "#step=150")
    milliseconds = page.evaluate(
        """() => {
          const slider = document.getElementById("slider-0");
          const begun = performance.now();
          for (let i = 0; i < 10; i += 1) {
            slider.value = String(i / 10);
            slider.dispatchEvent(new Event("input"));
          }
          return (performance.now() - begun) / 10;
        }"""
    )
    assert milliseconds < 200
