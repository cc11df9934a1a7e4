"""The long texts: there is one for whatever a check can say."""

from __future__ import annotations

import itertools

import pytest

from microgradcheck.cli import main
from microgradcheck.gradcheck import Verdict
from microgradcheck.gradcheck.entry import Cause
from microgradcheck.gradcheck.explanations import EXPLANATIONS, explain
from reports import CASES, Case

HEADINGS = ["What it means", "How it is found", "What usually causes it", "What to do"]


def test_every_verdict_and_every_cause_is_explained() -> None:
    assert set(EXPLANATIONS) == {*Verdict, *Cause}
    assert explain("PASS").startswith("PASS")


@pytest.mark.parametrize("topic", EXPLANATIONS)
def test_an_explanation_answers_four_questions(topic: Verdict | Cause) -> None:
    lines = explain(topic).split("\n")
    assert lines[0] == topic
    assert [line for line in lines if line in HEADINGS] == HEADINGS
    assert max(map(len, lines)) <= 72
    assert explain(topic).isascii(), "any terminal can show it"
    paragraphs = explain(topic).split("\n\n")[1:]
    assert [paragraph.split("\n")[0] for paragraph in paragraphs] == HEADINGS
    for paragraph in paragraphs:
        answer = " ".join(line.strip() for line in paragraph.split("\n")[1:])
        assert len(answer) > 15
        assert answer.endswith(".")
    assert not any(line.endswith("-") for line in lines), "a name such as forward-mode stays whole"
    for line, after in itertools.pairwise(lines):
        if line.startswith("  ") and after:
            assert len(f"{line} {after.split()[0]}") > 72, "each line is as full as it can be"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.finding.name)
def test_what_a_report_says_can_be_explained(case: Case) -> None:
    verdict = case.lines[0].split()[0]
    assert explain(verdict).split("\n")[0] == verdict
    told = [n for n, line in enumerate(case.lines) if line.startswith("cause: ")]
    for start in told:
        copied = "\n".join(case.lines[start:])
        assert explain(copied).split("\n")[0] == case.finding


@pytest.mark.parametrize(
    ("topic", "found"),
    [
        ("WRONG", Verdict.WRONG),
        (" noisy ", Verdict.NOISY),
        ("kink", Verdict.KINK),
        ("Sign Flipped", Cause.SIGN_FLIPPED),
        ("swap", Cause.ENTRIES_SWAPPED),
        ("jacobian", Cause.JACOBIAN_TRANSPOSED),
        ("off by a constant factor of 1.0001", Cause.CONSTANT_FACTOR),
        ("maybe off by a factor of 0.3", Cause.FACTOR),
        ("f is undefined on its left", Cause.UNDEFINED_ON_ITS_LEFT),
    ],
)
def test_a_topic_is_found_by_what_people_type(topic: str, found: Verdict | Cause) -> None:
    assert explain(topic).split("\n")[0] == found


@pytest.mark.parametrize(
    ("topic", "meant"),
    [
        ("WRNG", "'WRONG'"),
        ("inconclusiv3", "'INCONCLUSIVE'"),
        ("stael", "'stale'"),
        ("transposd", "'gradient transposed' or 'Jacobian transposed'"),
        ("factor", "'off by a constant factor' or 'off by a factor'"),
        ("zero", "'always zero' or 'zero here'"),
        (
            "gradient os none",
            "'gradient is None' or 'gradient is not finite' or 'gradient does not repeat'",
        ),
        (
            "here",  # the first five of more
            "'zero here' or 'f is stationary here' or 'only wrong here' or 'f has a kink here' or "
            "'f is undefined here'",
        ),
    ],
)
def test_a_near_miss_is_met_with_what_was_meant(topic: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f"^'{topic}' is not explained; did you mean {meant}\\?$"):
        explain(topic)


@pytest.mark.parametrize("topic", ["", "xyzzy"])
def test_what_nobody_knows_is_met_with_all_there_is(topic: str) -> None:
    with pytest.raises(ValueError, match=r"is not explained\. These are:\n") as raised:
        explain(topic)
    lines = str(raised.value).split("\n")[1:]
    assert " ".join(lines).split(", ") == list(EXPLANATIONS)
    assert max(map(len, lines)) <= 72


# From the command line


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--explain", "WRONG"]) == 0
    assert capsys.readouterr().out == f"{explain('WRONG')}\n"
    assert main(["check", "--explain", "sign", "flipped"]) == 0
    assert capsys.readouterr().out == f"{explain('sign flipped')}\n"


def test_the_command_asks_back(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--explain", "WRNG"]) == 2
    captured = capsys.readouterr()
    assert captured.err == "microgradcheck: 'WRNG' is not explained; did you mean 'WRONG'?\n"
    assert captured.out == ""
