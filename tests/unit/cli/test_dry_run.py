"""`instep publish --dry-run` says what publishing would do, line by line, without a broker; nothing is sent or kept."""

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from instep.adapters import Memory, read
from instep.catalogue.files import default_directory, load_catalogue
from instep.cli.rehearsal import with_schemas
from instep.client.file_settings import file_settings
from instep.client.filing import Filing, LineResult
from instep.client.publisher import Gate, Sendable
from instep.network.network import load
from tests.unit.adapters.publishing import DATA, csv_of, row
from tests.unit.cli.command import exit_code

CATALOGUE = load_catalogue(default_directory())
SAMPLE = Path("deploy/network/sample").resolve()
NETWORK = with_schemas(load(SAMPLE), CATALOGUE)

Objects = list[dict[str, Any]]


class Recording:
    """An outbox that keeps what it is sent."""

    def __init__(self) -> None:
        self.values: list[bytes] = []

    async def send(self, authority: str, sendable: Sendable, confirmed: Callable[[int], None]) -> None:
        self.values.append(sendable.value)
        confirmed(len(self.values) - 1)

    async def flush(self) -> None: ...

    async def settle(self, within_s: float) -> None: ...


class Office:
    """A council's office: its files and its memory."""

    def __init__(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], cache: Path
    ) -> None:
        self.state = home / "state"
        self.file = home / "moves.csv"
        self._monkeypatch, self._capsys = monkeypatch, capsys
        for module in ("instep.cli.dry_run", "instep.client.file_settings"):
            monkeypatch.setattr(f"{module}.cache_directory", lambda environ: cache)
        # Whoever asks for a broker gets none.
        monkeypatch.setenv("INSTEP_BOOTSTRAP_SERVERS", "127.0.0.1:1")
        monkeypatch.setenv("INSTEP_SECURITY_PROTOCOL", "PLAINTEXT")

    def rehearse(self, *options: str, authority: str = "lambeth", code: int = 0) -> tuple[str, str]:
        arguments = ("publish", str(self.file), "-a", authority, "--dry-run", "--state-dir", str(self.state))
        left = exit_code(self._monkeypatch, *arguments, "--network", str(SAMPLE), *options)
        printed = self._capsys.readouterr()
        assert left == code, printed.err
        return printed.out, printed.err

    def objects(self, *options: str, authority: str = "lambeth", code: int = 0) -> Objects:
        out, _ = self.rehearse("--output", "json", *options, authority=authority, code=code)
        return [json.loads(line) for line in out.splitlines()]

    def publish(self, authority: str = "lambeth", *, on_behalf: bool = False) -> list[LineResult]:
        """Publish in earnest, to an outbox that only records."""
        results: list[LineResult] = []
        settings = file_settings(NETWORK, authority, {}, lambda line, note: None)
        with Memory.open(self.state / "publishers", authority) as memory:
            filing = Filing(
                lines=read(self.file, authority=authority, settings=settings),
                authority=authority,
                gate=Gate(NETWORK, CATALOGUE),
                memory=memory,
                on_behalf=on_behalf,
                report=results.append,
            )
            asyncio.run(filing.publish(Recording()))
        return results

    def kept(self) -> dict[str, str]:
        """The digest of every file of the memory, by name."""
        files = sorted(file for file in self.state.rglob("*") if file.is_file())
        return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture
def office(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    postcodes_cache: Path,
) -> Office:
    return Office(tmp_path, monkeypatch, capsys, postcodes_cache)


def move(number: int, **changes: str) -> dict[str, str]:
    """A move from Camden to Lambeth."""
    usual = {
        "reference": f"CT-{number}",
        "household_reference": f"HH-{number}",
        "old_postcode": "NW1 1RN",
        "new_postcode": "SW9 8FG",
        "old_town": "London",
        "new_town": "London",
    }
    return row(**{**usual, **changes})


def comparable(shown: dict[str, Any]) -> tuple[Any, ...]:
    outcome = "published" if shown["outcome"] == "would-publish" else shown["outcome"]
    return (
        shown["line"],
        outcome,
        shown.get("change_kind"),
        shown.get("column", ""),
        shown.get("held_back", []),
    )


def compared(result: LineResult) -> tuple[Any, ...]:
    kind = ("CORRECT" if result.correction else "NEW") if result.event_id else None
    return result.line, result.outcome, kind, result.column, list(result.kept_at_home)


@pytest.mark.slow
def test_a_rehearsal_says_of_each_line_what_publishing_then_does(office: Office) -> None:
    office.file.write_bytes((DATA / "moves-dirty.csv").read_bytes())
    *lines, _ = office.objects("--on-behalf", authority="leeds", code=1)
    assert {line["outcome"] for line in lines} >= {"would-publish", "refused", "duplicate", "review"}
    published = office.publish("leeds", on_behalf=True)
    assert [comparable(line) for line in lines] == [compared(result) for result in published]


def test_a_rehearsal_reads_the_memory_of_earlier_publications_and_leaves_every_byte_as_it_was(
    office: Office,
) -> None:
    office.file.write_bytes(csv_of(move(1), move(2), move(3)))
    office.publish()
    later = "2026-05-05T10:00:00Z"
    corrected = move(2, family_name="Corrected", recorded_at=later)
    office.file.write_bytes(csv_of(move(1), corrected, corrected, move(4), move(5, move_date="2026-02-30")))
    before = office.kept()
    *lines, last = office.objects(code=1)
    assert office.kept() == before
    assert [(line["outcome"], line.get("change_kind")) for line in lines] == [
        ("unchanged", None),
        ("would-publish", "CORRECT"),
        ("duplicate", None),
        ("would-publish", "NEW"),
        ("refused", None),
    ]
    assert last["summary"]["outcomes"] == {"unchanged": 1, "would-publish": 2, "duplicate": 1, "refused": 1}
    assert last["summary"]["corrections"] == 1
    published = office.publish()
    assert [comparable(line) for line in lines] == [compared(result) for result in published]
    ids = [line["event_id"] for line in lines if line["outcome"] == "would-publish"]
    assert ids == [result.event_id for result in published if result.outcome == "published"]


def test_before_a_first_publication_nothing_is_made_on_the_disk(office: Office) -> None:
    office.file.write_bytes(csv_of(move(1)))
    _, err = office.rehearse()
    assert not office.state.exists()
    assert "lambeth has published nothing from here" in err


def test_what_an_unsent_row_says_of_protection_counts_for_later_rows_and_is_forgotten_afterwards(
    office: Office,
) -> None:
    office.file.write_bytes(
        csv_of(move(1, protected="yes", move_date="2026-02-30"), move(2, household_reference="HH-1"))
    )
    for _ in range(2):
        *lines, _ = office.objects(code=1)
        assert lines[1]["event"]["header"]["handling"] == "PROTECTED"
    office.file.write_bytes(csv_of(move(2, household_reference="HH-1")))
    *lines, _ = office.objects()
    assert lines[0]["event"]["header"]["handling"] == "ORDINARY"


def test_the_event_is_shown_as_it_would_leave_with_who_is_told_which_fields_and_who_is_not(
    office: Office,
) -> None:
    office.file.write_bytes(csv_of(move(1)))
    line, last = office.objects()
    assert "reason" in line["held_back"]
    assert "reason" not in line["event"]
    told = {
        (entry["authority"], entry["purpose"]): entry
        for entry in line["decisions"]
        if entry["result"] == "DELIVERED"
    }
    council_tax = told["camden", "council-tax"]
    assert council_tax["agreements"] == ["council-tax@2"]
    assert "person" in {path.partition(".")[0] for path in council_tax["fields"]}
    assert "person.born_on" not in council_tax["fields"]
    assert line["ending"] == "DECIDED"
    summed = {
        (entry["authority"], entry["purpose"]): entry["lines"] for entry in last["summary"]["decisions"]
    }
    assert summed["camden", "council-tax"] == 1


def test_people_read_who_would_be_told_under_which_agreement_and_why_others_would_not(office: Office) -> None:
    protected = move(2, protected="yes")
    abroad = move(3, old_postcode="ZZ99 9ZZ", new_postcode="")
    office.file.write_bytes(csv_of(move(1), protected, abroad, move(4, protected="perhaps")))
    out, _ = office.rehearse()
    assert out.startswith("A dry run: nothing is sent, and nothing is remembered.\n4 lines of moves.csv:")
    assert re.search(r"^2 +resident-moved, NEW +camden \(council-tax\)", out, re.MULTILINE)
    assert re.search(r"^3 +resident-moved, NEW, protected", out, re.MULTILINE)
    told, _, rest = out.partition("Would be told:")[2].partition("Would not be told:")
    assert re.search(r"^camden +council-tax +council-tax@2 +\d+ +2 +.*person", told, re.MULTILINE)
    assert "The person or household is protected" in rest
    assert "Neither address could be placed in an authority's area." in rest


def test_a_correction_shows_that_only_the_network_knows_who_had_the_earlier_event(office: Office) -> None:
    office.file.write_bytes(csv_of(move(1)))
    office.publish()
    office.file.write_bytes(csv_of(move(1, family_name="Corrected", recorded_at="2026-05-05T10:00:00Z")))
    _, err = office.rehearse()
    assert "known to the network alone" in err


def test_without_a_list_of_postcodes_each_line_is_shown_still(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("instep.postcodes.PACKAGE", "a-package-that-nobody-has")
    office.file.write_bytes(csv_of(move(1)))
    line, last = office.objects()
    assert line["outcome"] == "would-publish"
    assert "decisions" not in line
    assert "decisions" not in last["summary"]
    _, err = office.rehearse()
    assert "install Instep with its [postcodes] extra" in err


def test_beside_a_publication_that_is_under_way_the_rehearsal_ends_with_a_sentence(office: Office) -> None:
    office.file.write_bytes(csv_of(move(1)))
    with Memory.open(office.state / "publishers", "lambeth"):
        _, err = office.rehearse(code=1)
    assert err == "instep: Another publish for lambeth is running; wait until it is done.\n"


def test_without_a_broker_and_a_directory_the_way_to_go_on_is_named(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    office.file.write_bytes(csv_of(move(1)))
    assert exit_code(monkeypatch, "publish", str(office.file), "-a", "lambeth", "--dry-run") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("--network DIR rehearses without a broker.)")


def test_a_file_with_headings_alone_says_so(office: Office) -> None:
    office.file.write_bytes(csv_of())
    out, _ = office.rehearse()
    assert out.splitlines()[1] == "moves.csv has headings and no rows: there is nothing to send."
    assert "would be told" not in out.lower()
    (summary,) = office.objects()
    assert summary["summary"]["lines"] == 0


@pytest.mark.parametrize("options", [("--network", "sample"), ("--dry-run", "--wait")])
def test_options_that_contradict_each_other_are_refused(
    office: Office, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    office.file.write_bytes(csv_of(move(1)))
    assert exit_code(monkeypatch, "publish", str(office.file), "-a", "lambeth", *options) == 2


def test_a_file_that_ends_in_the_middle_says_nothing_of_published_events(office: Office) -> None:
    office.file = office.file.with_suffix(".json")
    office.file.write_text('[{"fsa-rn": "1"}, {"fsa-')
    _, err = office.rehearse(code=1)
    assert "published before that" not in err


def test_a_copy_of_the_memory_is_gone_when_the_rehearsal_ends(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    office.file.write_bytes(csv_of(move(1)))
    office.publish()
    began = time.time()
    office.rehearse()
    assert list(scratch.iterdir()) == []
    assert scratch.stat().st_mtime >= began - 1, "the copy was made elsewhere"
