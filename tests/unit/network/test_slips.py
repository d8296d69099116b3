"""What is no TOML gets one sentence that names its line and says what to write, whatever the hand that slipped."""

import re
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from instep.network.slips import MOST, Advice, advice, all_advice

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "deploy/network/sample/agreements").glob("*.toml"))
TEXTS = [file.read_text("utf-8") for file in FILES]
TEXT = (ROOT / "deploy/network/sample/agreements/council-tax.toml").read_text("utf-8")


def broken(text: str) -> tomllib.TOMLDecodeError | None:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return error
    return None


def put_right(text: str, advised: Advice) -> dict[str, Any]:
    """The document of the text once the advice is followed."""
    assert advised.repaired is not None
    lines = text.split("\n")
    lines[advised.line - 1] = advised.repaired
    return tomllib.loads("\n".join(lines))


WRITTEN = [
    ("effective_from = 2026-04-01", "effective_from = 01/04/2026"),
    ("effective_from = 2026-04-01", "effective_from = 1/4/26"),
    ("effective_from = 2026-04-01", "effective_from = 01.04.2026"),
    ("effective_from = 2026-04-01", "effective_from = 01-Apr-26"),
    ("effective_from = 2026-04-01", "effective_from = 1 April 2026"),
    ("effective_from = 2026-04-01", "effective_from = Wednesday, 1st April 2026"),
    ("effective_from = 2026-04-01", "effective_from = April 1, 2026"),
    ("effective_from = 2026-04-01", "effective_from = 2026-4-1"),
    ("effective_from = 2026-04-01", "effective_from = 2026/04/01"),
    ("effective_from = 2026-04-01", "effective_from = 2026\u201304\u201301"),
    ("effective_from = 2026-04-01", "effective_from = \u201c01/04/2026\u201d"),
    ("effective_from = 2026-04-01", "Effective from: 01/04/2026"),
    ("effective_from = 2026-04-01", "effective_from\t01/04/2026"),
    ('status = "active"', "status = \u201cactive\u201d"),
    ('status = "active"', 'status = \u201cactive"'),
    ('status = "active"', "status = \u2018active\u2019"),
    ('status = "active"', "status = active"),
    ('status = "active"', 'status = "active'),
    ('status = "active"', 'status = active"'),
    ('status = "active"', 'status = "active",'),
    ('status = "active"', 'status = "active".'),
    ('status = "active"', 'status "active"'),
    ('status = "active"', 'status: "active"'),
    ('status = "active"', 'status\t"active"'),
    ('status = "active"', 'status == "active"'),
    ('status = "active"', 'status =\u00a0"active"'),
    ('status = "active"', '\u2022 status = "active"'),
    ('status = "active"', 'status = """active"'),
    ("protected = false", "protected = No"),
    ("protected = false", "protected = FALSE"),
    ("protected = false", "protected = False."),
    ("protected = false", "Protected: no"),
    ("version = 2", "version 2"),
    ("version = 2", "version = 02"),
    ("version = 2", "version = 2."),
    ("retention_days = 730", "retention_days = 730 days"),
    ("retention_days = 730", "retention days = 730"),
    ('legal_power = "Local', "legal_power = Local"),
    ('    "bolsover",', '    "bolsover"'),
    ('    "bolsover",', '    "bolsover".'),
    ('    "bolsover",', '    "bolsover";'),
    ('    "bolsover",', '    "bolsover'),
    ('    "bolsover",', '    "bolsover,'),
    ('    "bolsover",', '    bolsover",'),
    ('    "bolsover",', "    bolsover,"),
    ('    "bolsover",', "    bolsover"),
    ('    "bolsover",', "    \u201cbolsover\u201d,"),
    ('    "bolsover",', '    "bolsover",,'),
    ('    "bolsover",', "    \u2022\u00a0bolsover"),
    ("sources = [", "sources = "),
    ("sources = [", "sources = ("),
    ("sources = [", "sources ["),
    ("sources = [", "sources: ["),
    ("[[share]]", "[[share]"),
    ("[[share]]", "[share]]"),
    ("[[share]]", "((share))"),
    ("[[share]]", "Share:"),
    ('{ authority = "camden",', 'authority = "camden",'),
    ("on = 2026-03-02 },", "on = 2026-03-02 ,"),
    ("on = 2026-03-02 },", "on = 02/03/2026 },"),
    ("on = 2026-03-02 },", "on 2026-03-02 },"),
    ('authority = "camden", by', 'authority = "camden" by'),
    ('authority = "camden", by', 'authority = "camden". by'),
    ('authority = "camden", by', 'authority = "camden, by'),
    ('authority = "camden", by', 'authority = camden", by'),
    ('authority = "camden", by', 'authority: "camden", by'),
    ('["NEW", "CORRECT", "ANNUL", "REFRESH"]', '["NEW", "CORRECT, "ANNUL", "REFRESH"]'),
    ('["NEW", "CORRECT", "ANNUL", "REFRESH"]', '["NEW", CORRECT", "ANNUL", "REFRESH"]'),
    ('["NEW", "CORRECT", "ANNUL", "REFRESH"]', '["NEW" "CORRECT", "ANNUL", "REFRESH"]'),
    ('["NEW", "CORRECT", "ANNUL", "REFRESH"]', '["NEW"; "CORRECT"; "ANNUL"; "REFRESH"]'),
    ('["NEW", "CORRECT", "ANNUL", "REFRESH"]', '["NEW". "CORRECT", "ANNUL", "REFRESH"]'),
    ('["NEW", "CORRECT", "ANNUL", "REFRESH"]', '["NEW", "CORRECT", "ANNUL", "REFRESH"'),
    ('["NEW", "CORRECT", "ANNUL", "REFRESH"]', '"NEW", "CORRECT", "ANNUL", "REFRESH"'),
    ('["NEW", "CORRECT", "ANNUL", "REFRESH"]', '("NEW", "CORRECT", "ANNUL", "REFRESH")'),
    ('["NEW", "CORRECT", "ANNUL", "REFRESH"]', "NEW, CORRECT, ANNUL and REFRESH"),
    ("# Enough to end", "Enough to end"),
    ("# Enough to end", "// Enough to end"),
    ("# Enough to end", "-- Enough to end"),
]


@pytest.mark.parametrize(("right", "written"), WRITTEN, ids=[written for _, written in WRITTEN])
def test_whoever_follows_the_advice_has_the_agreement_that_was_meant(right: str, written: str) -> None:
    assert right in TEXT
    text = TEXT.replace(right, written, 1)
    error = broken(text)
    assert error is not None, "such an agreement is no TOML"
    advised = advice(text, error)
    assert advised.line == TEXT[: TEXT.index(right)].count("\n") + 1
    assert put_right(text, advised) == tomllib.loads(TEXT)
    assert re.search(r": write \S", advised.message)
    assert "\n" not in advised.message


DAMAGES: dict[str, tuple[str, ...]] = {
    '"': ("", "\u201c", "\u201d"),
    ",": ("", ".", ";"),
    "=": ("", ":", "=="),
    "[": ("", "("),
    "]": ("", ")"),
    "{": ("", "["),
    "}": ("",),
    "#": ("", "//"),
    "-": ("\u2013",),
    " ": ("\u00a0",),
    "\n": ("\u2028",),
}
"""What becomes of a character in Word, Notepad or Excel, or by a slip of the hand."""


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, int, str]:
    """A sound text, the place of a character, and what became of the character."""
    text = draw(st.sampled_from(TEXTS))
    kind = draw(st.sampled_from(sorted(kind for kind in DAMAGES if kind in text)))
    at = draw(st.sampled_from([place for place, character in enumerate(text) if character == kind]))
    return text, at, draw(st.sampled_from(DAMAGES[kind]))


@pytest.mark.slow
@given(damaged())
@settings(deadline=None, max_examples=300)
def test_advice_about_one_damaged_character_names_its_line_and_gives_the_agreement_back(
    damage: tuple[str, int, str],
) -> None:
    text, at, became = damage
    spoilt = text[:at] + became + text[at + 1 :]
    error = broken(spoilt)
    assume(error is not None)
    assert error is not None
    advised = advice(spoilt, error)
    line = text[:at].count("\n") + 1
    lines = spoilt.split("\n")
    # Where the only character of a line is gone, the line above is the last that anybody can see.
    seen = line if lines[line - 1].strip() else max(n for n in range(1, line) if lines[n - 1].strip())
    assert advised.line == seen
    assert put_right(spoilt, advised) == tomllib.loads(text)


@given(st.text(alphabet=st.sampled_from("abv=[]{}\",.#\n \t\u201c-:12\\'\x00\u2028"), max_size=60))
@settings(deadline=None)
def test_any_text_gets_one_sentence_about_a_line_that_it_has(text: str) -> None:
    error = broken(text)
    assume(error is not None)
    assert error is not None
    sentences = list(all_advice(text, error))
    assert 1 <= len(sentences) <= MOST
    for sentence in sentences:
        assert 1 <= sentence.line <= text.count("\n") + 1
        assert sentence.message
        assert "\n" not in sentence.message


def test_the_slips_of_a_file_are_all_told_at_once_each_at_its_line() -> None:
    text = TEXT
    for right, written in (
        ("version = 2", "version: 2"),
        ('    "bolsover",', "    bolsover\n"),
        ("on = 2026-03-02 },", "on = 02/03/2026 },"),
        ("[[share]]", "[share"),
        ("protected = false", "protected = No"),
    ):
        text = text.replace(right, written, 1)
    error = broken(text)
    assert error is not None
    lines = text.split("\n")
    assert [lines[slip.line - 1].strip() for slip in all_advice(text, error)] == [
        "version: 2",
        "bolsover",
        '{ authority = "camden", by = "Head of Information Governance", on = 02/03/2026 },',
        "[share",
        "protected = No",
    ]


@pytest.mark.parametrize(
    ("right", "written", "words"),
    [
        ("version = 2", "version = two", "the value of version cannot be read: write a whole number behind"),
        (
            "effective_from = 2026-04-01",
            "effective_from = 31/02/2026",
            "the value of effective_from cannot be read: write a date such as 2026-04-01 behind",
        ),
        ("version = 2", "version = 2\nversion = 3", "version stands here a second time, after line 5"),
        ("version = 2", "~ = = ~", "this line cannot be read: write a key, an equals sign and a value"),
    ],
)
def test_where_nobody_can_tell_the_value_the_sentence_says_what_kind_to_write(
    right: str, written: str, words: str
) -> None:
    text = TEXT.replace(right, written, 1)
    error = broken(text)
    assert error is not None
    advised = advice(text, error)
    assert advised.message.startswith(words)
    assert advised.repaired is None


def test_a_national_agreement_is_diagnosed_within_seconds() -> None:
    text = (ROOT / "deploy/network/uk/agreements/uk-council-tax.toml").read_text("utf-8")
    spoilt = text.replace("respond_within", "respond within ~", 1)
    error = broken(spoilt)
    assert error is not None
    began = time.monotonic()
    assert advice(spoilt, error).line == text[: text.index("respond_within")].count("\n") + 1
    assert time.monotonic() - began < 20


def test_a_line_without_end_is_not_pored_over() -> None:
    for part in ('"', "a ", ", ", "\u201c", "1/", "a = "):
        text = f"id = {part * 100_000}~\n"
        error = broken(text)
        assert error is not None
        began = time.monotonic()
        assert advice(text, error).line == 1
        assert time.monotonic() - began < 5


def test_a_nest_too_deep_behind_a_slip_ends_with_a_sentence() -> None:
    text = f"version: 2\nstatus = active\ndpia = 1\nid = {'[' * 20_000}\n"
    error = broken(text)
    assert error is not None
    assert [slip.message for slip in all_advice(text, error)] == [
        "an equals sign is missing: write version = 2",
        "the value of status cannot be read: write a text behind the equals sign",
    ]
