"""`instep why` from the command line to the page, in a network without a broker."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from instep.adapters import Memory, Sent
from instep.adapters.identity import Identity
from instep.cli import why_answers
from instep.client.filed_rows import FiledRow, opened
from tests.unit.cli.command import exit_code
from tests.unit.client.network_in_memory import NetworkInMemory
from tests.unit.client.records import LAST
from tests.unit.client.test_why import corrected, moved, published, sharing
from tests.unit.router.test_router import NOW, id_of
from tests.unit.sharing import agreement


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INSTEP_STATE_DIR", str(tmp_path))
    return tmp_path


def connect(
    hub: NetworkInMemory, monkeypatch: pytest.MonkeyPatch, positions: Mapping[str, Any] | None = None
) -> None:
    async def council(connection: object, catalogue: object, name: str) -> Any:
        return hub.council(name)

    @asynccontextmanager
    async def reading(connection: object, schemas: object) -> AsyncIterator[Any]:
        yield hub.reader

    async def positions_of(at: object, inboxes: object) -> Mapping[str, Any]:
        return positions or {}

    async def other_secrets(at: object, own: str) -> list[str]:
        return []

    for name, stand_in in (
        ("other_secrets", other_secrets),
        ("connected", lambda: (None, None)),
        ("council", council),
        ("reading", reading),
        ("positions_of", positions_of),
    ):
        monkeypatch.setattr(why_answers, name, stand_in)


def pseudonym(state: Path, reference: str) -> str:
    with Memory.open(state / "publishers", "bradford") as memory:
        return Identity(secret=memory.secret, authority="bradford").subject_ref("council-tax", reference)


def keep(state: Path, *rows: FiledRow) -> None:
    pseudonym(state, "any")  # rows lie beside a publisher's memory
    with opened(state / "publishers" / "bradford", now_ms=NOW) as kept:
        kept.keep(rows)


def asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: str
) -> list[dict[str, Any]]:
    assert exit_code(monkeypatch, "why", *options, "-o", "json") == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_local_reference_leads_to_its_events_and_rows(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    subject = pseudonym(state, "0042")
    connect(published(moved(1, subject_ref=subject), corrected(2, of=1, subject_ref=subject)), monkeypatch)
    keep(
        state,
        FiledRow(file="m.csv", line=3, outcome="published", event_id=id_of(2), subject_ref=subject, at=NOW),
        FiledRow(
            file="n.csv", line=9, outcome="refused", reason="impossible-date", subject_ref=subject, at=NOW + 1
        ),
    )
    first, second, refused = asked(monkeypatch, capsys, "-a", "bradford", "--reference", "42")
    assert (first["way"], first["event_id"], "file" in first) == ("delivered", id_of(1), False)
    assert (second["way"], second["event_id"], second["file"], second["line"]) == (
        "delivered",
        id_of(2),
        "m.csv",
        3,
    )
    assert (refused["way"], refused["file"], refused["line"]) == ("refused-at-home", "n.csv", 9)


def test_a_pseudonym_is_a_reference_too(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connect(published(moved(1, subject_ref="own-ref")), monkeypatch)
    (answer,) = asked(monkeypatch, capsys, "-a", "bradford", "--reference", "own-ref")
    assert answer["way"] == "delivered"


def test_a_line_leads_to_its_event_or_its_refusal(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connect(published(moved(1)), monkeypatch)
    keep(
        state,
        FiledRow(
            file="m.csv", line=3, outcome="published", event_id=id_of(1), subject_ref="7QpVtT3bKx0d", at=NOW
        ),
        FiledRow(file="m.csv", line=4, outcome="refused", column="x", reason="impossible-date", at=NOW),
    )
    (sent,) = asked(monkeypatch, capsys, "-a", "bradford", "--file", "/exports/m.csv", "--line", "3")
    (refused,) = asked(monkeypatch, capsys, "-a", "bradford", "--file", "m.csv", "--line", "4")
    assert (sent["way"], refused["way"]) == ("delivered", "refused-at-home")
    assert exit_code(monkeypatch, "why", "-a", "bradford", "--file", "m.csv", "--line", "5") == 1
    assert "Nothing is known of line 5 of m.csv" in capsys.readouterr().err


def test_an_event_is_answered_for_its_source_and_for_a_recipient(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connect(published(moved(1)), monkeypatch, {"council-tax": {"leeds.tax": 0}})
    (source,) = asked(monkeypatch, capsys, "-a", "bradford", "--event", id_of(1))
    (recipient,) = asked(monkeypatch, capsys, "-a", "leeds", "--event", id_of(1).upper())
    (stranger,) = asked(monkeypatch, capsys, "-a", "kirklees", "--event", id_of(1))
    assert (source["way"], recipient["way"], stranger["way"]) == ("delivered", "not-read", "no-inbox")
    assert recipient["not_read_by"] == ["leeds.tax"]


def test_one_recipient_alone_can_be_asked_about(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    under = sharing(agreement(status="suspended"))
    connect(published(moved(1), under=under), monkeypatch)
    (withheld,) = asked(monkeypatch, capsys, "-a", "bradford", "--event", id_of(1), "--to", "leeds")
    (elsewhere,) = asked(monkeypatch, capsys, "-a", "bradford", "--event", id_of(1), "--to", "Kirklees")
    assert (withheld["way"], withheld["reason"], elsewhere["way"]) == (
        "withheld",
        "suspended",
        "not-concerned",
    )
    assert exit_code(monkeypatch, "why", "-a", "bradford", "--event", id_of(1), "--to", "leds") == 1
    assert "did you mean leeds" in capsys.readouterr().err


def test_a_machine_that_published_nothing_cannot_tell_and_says_so(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connect(published(moved(1)), monkeypatch)
    assert exit_code(monkeypatch, "why", "-a", "bradford", "--reference", "4711") == 1
    assert "No file of bradford was published from here" in capsys.readouterr().err
    assert list(state.iterdir()) == []


def test_a_reference_of_another_network_is_known_by_the_memory_for_that_network(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connect(published(moved(1)), monkeypatch)
    pseudonym(state, "any")  # files have been published for this network too
    with Memory.open(state / "publishers" / "rehearsal" / "kraft", "bradford") as memory:
        identity = Identity(secret=memory.secret, authority="bradford")
        subject = identity.digest("memory", identity.subject_ref("council-tax", "4711"))
        memory.remember([Sent(event_id=b"e" * 16, fingerprint=replace(LAST, subject=subject))])
    (answer,) = asked(monkeypatch, capsys, "-a", "bradford", "--reference", "4711")
    assert (answer["way"], "another: rehearsal." in answer["sentence"]) == ("other-network", True)
    (unknown,) = asked(monkeypatch, capsys, "-a", "bradford", "--reference", "4712")
    assert unknown["way"] == "not-published"


def test_the_page_for_people_has_the_row_the_answer_and_each_recipient(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    under = sharing(agreement("tax"), agreement("roll", purpose="electoral-roll", approved=("leeds",)))
    connect(published(moved(1), under=under), monkeypatch)
    keep(
        state,
        FiledRow(
            file="m.csv", line=3, outcome="published", event_id=id_of(1), subject_ref="7QpVtT3bKx0d", at=NOW
        ),
    )
    assert exit_code(monkeypatch, "why", "-a", "bradford", "--event", id_of(1)) == 0
    page = capsys.readouterr().out
    heading, sentence = page.splitlines()[:2]
    assert heading == (
        f"Event {id_of(1)}, NEW resident-moved, published 2026-11-23 08:00 UTC at place 0 of the outbox, m.csv line 3:"
    )
    assert sentence == "Sent to leeds (council-tax), on 2026-11-23 08:00 UTC."
    assert "electoral-roll" in page
    assert "not-approved" in page
    assert "under tax@1" in page
