"""`instep why` and `instep outcomes` on a real Kafka: many ways of an event, with the installed command."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from instep.catalogue.files import default_directory
from tests.kafka.stage import Stage, edit, opened, sample
from tests.kafka.test_publish import assert_refused_in_one_sentence, instep, objects, row, write

ABROAD = "M1 1AE"
"""A postcode of Manchester, which is not in the sample network."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The sample network, where Lambeth has published a file with a row for each of many ways."""
    home = tmp_path_factory.mktemp("why")
    with opened(home, sample(home), "intake", "router") as opened_stage:
        rows = [
            row(1, reference="SENT"),
            row(2, reference="PROTECTED", protected="yes"),
            row(3, reference="BAD-DATE", move_date="2026-02-30"),
            row(4, reference="NOWHERE", old_postcode="", new_postcode=""),
            row(5, reference="OUTSIDE", old_postcode=ABROAD, new_postcode=ABROAD),
            row(6, reference="OWN", old_postcode="SW9 8FG", new_postcode="SW9 8FG"),
            row(7, reference="LATER-ENDED"),
        ]
        done = publish(opened_stage, home, "moves.csv", rows)
        assert objects(done)[-1]["summary"]["accepted"] == 6, done.stdout
        yield opened_stage


def publish(stage: Stage, home: Path, name: str, rows: list[dict[str, str]]) -> Any:
    file = write(home / name, rows)
    return instep(
        stage.connection, home, "publish", file, "-a", "lambeth", "--on-behalf", "--wait", "-o", "json"
    )


def why(stage: Stage, *options: str, authority: str = "lambeth") -> list[dict[str, Any]]:
    done = instep(stage.connection, stage.home, "why", "-a", authority, *options, "-o", "json")
    assert done.returncode == 0, done.stderr
    return objects(done)


def only(stage: Stage, *options: str, authority: str = "lambeth") -> dict[str, Any]:
    (answer,) = why(stage, *options, authority=authority)
    return answer


@pytest.mark.parametrize(
    ("reference", "to", "way", "reason"),
    [
        ("SENT", "camden", "delivered", None),
        ("sent", "Leeds City Council", "not-concerned", None),
        ("PROTECTED", "camden", "withheld", "protected"),
        ("BAD-DATE", None, "refused-at-home", "impossible-date"),
        ("NOWHERE", None, "unknown-area", "UNKNOWN_AREA"),
        ("OUTSIDE", None, "nobody-concerned", "NOBODY_CONCERNED"),
        ("NEVER", None, "not-published", None),
    ],
)
def test_the_source_asks_by_its_own_reference(
    stage: Stage, reference: str, to: str | None, way: str, reason: str | None
) -> None:
    answer = only(stage, "--reference", reference, *(("--to", to) if to else ()))
    assert (answer["way"], answer.get("reason")) == (way, reason)
    assert answer["sentence"]
    assert answer["remedy"]


def test_a_line_of_the_file_is_answered_whether_it_went_out_or_not(stage: Stage) -> None:
    sent = only(stage, "--file", "moves.csv", "--line", "2")
    assert (sent["way"], sent["file"], sent["line"]) == ("delivered", "moves.csv", 2)
    refused = only(stage, "--file", "moves.csv", "--line", "4")
    assert (refused["way"], refused["line"]) == ("refused-at-home", 4)
    unknown = instep(
        stage.connection, stage.home, "why", "-a", "lambeth", "--file", "moves.csv", "--line", "99"
    )
    assert_refused_in_one_sentence(unknown, "line 99", "--reference")


def test_people_read_the_answer_as_sentences_and_a_table(stage: Stage) -> None:
    done = instep(stage.connection, stage.home, "why", "-a", "lambeth", "--reference", "PROTECTED")
    assert done.returncode == 0, done.stderr
    for words in ("moves.csv line 3", "Withheld from camden (council-tax): protected", "safeguarding"):
        assert words in done.stdout


def test_outcomes_name_the_row_and_every_recipient_and_go_to_excel(stage: Stage) -> None:
    done = instep(stage.connection, stage.home, "outcomes", "lambeth", "--from-beginning", "-o", "json")
    entries = {entry["line"]: entry for entry in objects(done) if entry.get("file") == "moves.csv"}
    assert sorted(entries) == [2, 3, 5, 6, 7, 8]
    assert {d["authority"] for d in entries[2]["decisions"] if d["result"] == "DELIVERED"} == {
        "camden",
        "lambeth",
    }
    file = stage.home / "outcomes.xlsx"
    written = instep(stage.connection, stage.home, "outcomes", "lambeth", "--to", file)
    assert written.returncode == 0, written.stderr
    headings, *rows = openpyxl.load_workbook(file).active.iter_rows(values_only=True)
    results = {(row[headings.index("line")], row[headings.index("result")]) for row in rows}
    assert {(2, "DELIVERED"), (3, "WITHHELD"), (5, "UNKNOWN_AREA"), (6, "NOBODY_CONCERNED")} <= results


def test_the_lost_list_has_the_events_that_found_nobody(stage: Stage) -> None:
    done = instep(stage.connection, stage.home, "outcomes", "lambeth", "--lost", "-o", "json")
    lost = {event["line"]: event["ending"] for event in objects(done) if event.get("file") == "moves.csv"}
    assert lost == {5: "UNKNOWN_AREA", 6: "NOBODY_CONCERNED"}
    assert all(event["remedy"] for event in objects(done))


def test_a_refusal_of_the_network_is_answered_with_its_remedy(stage: Stage) -> None:
    event = json.loads(
        (default_directory() / "events/resident-moved/examples/ordinary-move.json").read_text("utf-8")
    )
    event["header"] |= {
        "event_id": str(uuid.uuid4()),
        "source": "leeds",
        "subject_ref": "why-refused",
        "change_kind": "CORRECT",
        "replaces": str(uuid.uuid4()),
    }
    file = stage.home / "correction.jsonl"
    file.write_text(json.dumps(event | {"event_type": "resident-moved"}) + "\n", encoding="utf-8")
    instep(stage.connection, stage.home, "publish", file, "-a", "leeds", "--wait", "-o", "json")
    answer = only(stage, "--event", event["header"]["event_id"], authority="leeds")
    assert (answer["way"], answer["reason"]) == ("refused", "replaces-unknown")


def test_a_recipient_learns_what_it_has_and_whether_its_programs_have_read_it(stage: Stage) -> None:
    event = only(stage, "--reference", "SENT")["event_id"]
    received = only(stage, "--event", event, authority="camden")
    assert (received["way"], received["purpose"]) == ("received", "council-tax")
    asyncio.run(commit(stage, "camden.tax", received["records"][0]["offset"]))
    waiting = only(stage, "--event", event, authority="camden")
    assert (waiting["way"], waiting["not_read_by"]) == ("not-read", ["camden.tax"])
    asyncio.run(commit(stage, "camden.tax", received["records"][0]["offset"] + 1))
    assert only(stage, "--event", event, authority="camden")["read_by"] == ["camden.tax"]
    withheld = only(stage, "--reference", "PROTECTED")["event_id"]
    assert only(stage, "--event", withheld, authority="camden") == only(
        stage, "--event", str(uuid.uuid4()), authority="camden"
    )


async def commit(stage: Stage, group: str, offset: int) -> None:
    consumer = AIOKafkaConsumer(
        **stage.connection.kafka(), group_id=group, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    partition = TopicPartition("camden.inbox.council-tax", 0)
    try:
        await consumer.start()
        consumer.assign([partition])
        await consumer.commit({partition: offset})
    finally:
        await consumer.stop()


def test_an_event_is_withdrawn_and_waits_as_the_network_changes(stage: Stage) -> None:
    """The last test: it suspends the agreement and ends the services."""
    edit(stage.network / "agreements" / "council-tax.toml", ('status = "active"', 'status = "suspended"'))
    edit(stage.network / "agreements" / "council-tax.toml", ("version = 2", "version = 3"))
    asyncio.run(stage.apply())
    later = "2026-09-09T10:00:00Z"
    done = publish(
        stage,
        stage.home,
        "later.csv",
        [row(7, reference="LATER-ENDED", recorded_at=later, move_date="2026-09-03")],
    )
    (answer,) = [line for line in objects(done) if line.get("outcome") == "accepted"]
    assert answer["withdrawn"] >= 1, "and not: delivered 0 times"
    first, second = why(stage, "--reference", "LATER-ENDED", "--to", "camden")
    assert (first["way"], second["way"], second["reason"]) == ("delivered", "withdrawn", "AGREEMENT_ENDED")
    assert second["event_id"] in first["notes"][0]
    assert only(stage, "--event", first["event_id"], authority="camden")["way"] in ("withdrawn", "not-read")
    for worker in stage.fleet.workers:
        worker.stop()
    file = write(stage.home / "unread.csv", [row(8, reference="UNREAD")])
    instep(stage.connection, stage.home, "publish", file, "-a", "lambeth", "-o", "json")
    assert only(stage, "--reference", "UNREAD")["way"] == "waiting"
