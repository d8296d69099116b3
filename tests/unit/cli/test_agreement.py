"""`instep agreement new` and `show`, as an officer uses them."""

import io
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from tests.unit.cli.command import exit_code

ROOT = Path(__file__).parents[3]
INSTEP = str(Path(sys.executable).with_name("instep"))

GIVEN = (
    *("--id", "Blue Badges", "--sources", "Leeds City Council, E09000007", "--event", "resident-moved"),
    *("--fields", "person.family_name, moved_on", "--legal-power", "An Act", "--dpia", "DPIA-2"),
    *("--contact", "a@b.example"),
)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A copy of the sample network."""
    return shutil.copytree(ROOT / "deploy/network/sample", tmp_path / "sample")


def instep(monkeypatch: pytest.MonkeyPatch, *arguments: str, typed: str = "") -> int:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    return exit_code(monkeypatch, *arguments)


def files(network: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(network)): file.read_bytes() for file in network.rglob("*") if file.is_file()
    }


def test_options_alone_write_a_file_that_check_accepts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], network: Path
) -> None:
    before = files(network)
    assert instep(monkeypatch, "agreement", "new", "--network", str(network), "--defaults", *GIVEN) == 0
    file = network / "agreements/blue-badges.toml"
    assert capsys.readouterr().out == f"{file}\n"
    after = files(network)
    assert {name for name in after if after[name] != before.get(name)} == {"agreements/blue-badges.toml"}
    assert instep(monkeypatch, "network", "check", str(network)) == 0
    document = tomllib.loads(file.read_text("utf-8"))
    assert document["sources"] == ["camden", "leeds"]


def test_two_types_of_event_are_two_shares(monkeypatch: pytest.MonkeyPatch, network: Path) -> None:
    second = ("--event", "Business registered", "--fields", "status, registration_ref", "--when", "always")
    new = ("agreement", "new", "--network", str(network), "--defaults", *GIVEN, *second)
    assert instep(monkeypatch, *new) == 0
    shares = tomllib.loads((network / "agreements/blue-badges.toml").read_text("utf-8"))["share"]
    assert [(share["event"], share["when"]) for share in shares] == [
        ("resident-moved", "always"),  # the first --when is of the first --event
        ("business-registered", "concerns-recipient"),
    ]


def test_nothing_is_ever_overwritten(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], network: Path
) -> None:
    before = files(network)
    again = ("agreement", "new", "--network", str(network), "--defaults", *GIVEN, "--id", "council-tax")
    assert instep(monkeypatch, *again) == 1
    assert "--id: There is an agreement council-tax already" in capsys.readouterr().err
    assert files(network) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--from", "31/2/2027"), "--from: '31/2/2027' is no date such as 2027-04-01"),
        (("--until", "1/1/2020"), "--until: The last day is before the first day"),
        (("--fields", "title"), "--fields: resident-moved has no field 'title' (did you mean"),
        (("--dpia", " "), "--dpia: An answer is needed here."),
        (("--purpose", "c0uncil-tax"), "would be taken for 'council-tax': choose one that cannot"),
        (("--network", "nowhere"), "There is no network directory nowhere"),
    ],
)
def test_an_unusable_option_is_one_sentence_and_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    network: Path,
    options: tuple[str, str],
    words: str,
) -> None:
    before = files(network)
    at = GIVEN.index(options[0]) if options[0] in GIVEN else len(GIVEN)
    given = (*GIVEN[:at], *GIVEN[at + 2 :], *options)
    assert instep(monkeypatch, "agreement", "new", "--network", str(network), "--defaults", *given) == 1
    error = capsys.readouterr().err
    assert error.startswith("instep: ")
    assert words in error
    assert len(error.splitlines()) == 1
    assert files(network) == before


def test_without_an_answer_and_a_default_the_option_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], network: Path
) -> None:
    assert instep(monkeypatch, "agreement", "new", "--network", str(network), "--defaults", *GIVEN[2:]) == 1
    assert capsys.readouterr().err == "instep: The agreement's short name is not given: give --id.\n"


TYPED = (
    *(
        "parking",
        "",
        "camden, croyden",
        "camden; croydon",
        "",
        "?",
        "resident-moved",
        "title",
        "placement",
        "",
    ),
    *(
        "",
        "maybe",
        "no",
        "",
        "Article 9(2)(g)",
        "",
        "Some Act",
        "two years",
        "730",
        "",
        "DPIA-3",
        "x@y.example",
    ),
    *("1/4/2027", ""),
)
"""What an officer types, with a few slips."""


def test_questions_are_answered_at_the_terminal_and_put_again_after_a_slip(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], network: Path
) -> None:
    typed = "".join(f"{line}\n" for line in TYPED)
    assert instep(monkeypatch, "agreement", "new", "--network", str(network), typed=typed) == 0
    printed = capsys.readouterr().err
    for words in (
        "did you mean croydon?",
        "resident-moved: Resident moved",
        "Answer yes or no.",
        "in figures",
    ):
        assert words in printed
    document = tomllib.loads((network / "agreements/parking.toml").read_text("utf-8"))
    assert document["sources"] == ["camden", "croydon"]
    assert (str(document["effective_from"]), str(document["review_by"])) == ("2027-04-01", "2028-03-31")
    assert instep(monkeypatch, "network", "check", str(network)) == 0


@pytest.mark.parametrize("answered", range(len(TYPED)))
def test_input_that_ends_early_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], network: Path, answered: int
) -> None:
    before = files(network)
    typed = "".join(f"{line}\n" for line in TYPED[:answered])
    assert instep(monkeypatch, "agreement", "new", "--network", str(network), typed=typed) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert "The input ended before the question: " in last
    assert re.search(r"--[a-z-]+ answers it too, and nothing was written\.$", last)
    assert files(network) == before


@pytest.mark.slow
def test_ctrl_c_in_the_middle_leaves_nothing_behind(network: Path) -> None:
    before = files(network)
    asked = subprocess.Popen(
        [INSTEP, "agreement", "new", "--network", str(network)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert asked.stdin is not None
    assert asked.stderr is not None
    asked.stdin.write(b"parking\n\ncamden, croydon\n")
    asked.stdin.flush()
    while b"Who receives" not in asked.stderr.readline():
        assert asked.poll() is None
    time.sleep(0.2)
    asked.send_signal(signal.SIGINT)
    out, err = asked.communicate(timeout=60)
    assert asked.returncode == 130
    assert (out, b"Traceback" in err) == (b"", False)
    assert files(network) == before


def test_show_gives_a_letter_by_default_and_a_page_when_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], network: Path
) -> None:
    assert instep(monkeypatch, "agreement", "show", "council-tax", "--network", str(network)) == 0
    letter = capsys.readouterr().out
    assert letter.startswith("Sharing agreement council-tax, version 2\n====")
    by_file = str(network / "agreements/council-tax.toml")
    assert instep(monkeypatch, "agreement", "show", by_file) == 0
    assert capsys.readouterr().out == letter
    assert instep(monkeypatch, "agreement", "show", by_file, "--as", "html") == 0
    assert capsys.readouterr().out.startswith("<!DOCTYPE html>\n")


def test_show_names_the_nearest_agreement(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], network: Path
) -> None:
    assert instep(monkeypatch, "agreement", "show", "council tax", "--network", str(network)) == 1
    assert (
        capsys.readouterr().err
        == "instep: sample has no agreement 'council tax' (did you mean council-tax?).\n"
    )
