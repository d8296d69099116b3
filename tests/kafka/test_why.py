"""`instep why` and `instep outcomes` on a real Kafka: every way of `deploy/why.md` that a running network produces."""

import asyncio
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from typer.testing import CliRunner

from instep.adapters import Memory, Sent
from instep.adapters.identity import Identity
from instep.catalogue.files import default_directory
from instep.cli import build
from tests.kafka import journey
from tests.kafka.journey import Event
from tests.kafka.stage import Stage, edit, opened, sample
from tests.kafka.test_publish import (
    assert_refused_in_one_sentence,
    at_home,
    environ,
    instep,
    objects,
    row,
    write,
)
from tests.unit.client.records import LAST

ABROAD = "M1 1AE"
"""A postcode of Manchester, which is not in the sample network."""
BARNSLEY, CHESTERFIELD, LEEDS, LAMBETH = "S70 5PT", "S40 4RA", "LS10 3SN", "SW9 8FG"
SECOND = "2026-09-09T10:00:00Z"
"""When the rows of the second file were recorded."""
REFUSED = str(uuid.uuid4())
"""The event of Leeds that corrects nothing."""
REPEATED = str(uuid.uuid4())
"""The event of Derbyshire that is published again after it has expired."""

AGREEMENT = """
id = "{purpose}"
version = 1
status = "{status}"
purpose = "{purpose}"
lawful_basis = "UK GDPR Article 6(1)(e)"
legal_power = "Local Government Finance Act 1992, Schedule 2"
effective_from = {effective_from}
review_by = {review_by}
retention_days = 30
respond_within = "10 working days"
dpia = "DPIA-2026-099"
contact = "information.governance@lambeth.example"
sources = ["lambeth"]
recipients = ["{recipient}"]
approved = [{approved}]

[[share]]
event = "resident-moved"
when = "concerns-recipient"
change_kinds = {change_kinds}
protected = false
fields = ["moved_on", "new_address.postcode"]
"""


def days(number: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=number)).isoformat()


STANDINGS: Mapping[str, tuple[str, dict[str, str]]] = {
    "begins-later": ("not-yet-effective", {"effective_from": days(40)}),
    "ran-out": ("expired", {"review_by": days(-2)}),
    "is-over": ("ended", {"status": "ended"}),
    "paused": ("suspended", {"status": "suspended"}),
    "unsigned": ("not-approved", {"approved": '{ authority = "lambeth", by = "SIRO", on = 2026-03-10 }'}),
    "corrections-alone": ("kind-not-shared", {"change_kinds": '["CORRECT"]'}),
}
"""Agreements of Lambeth with Derbyshire by purpose: the reason for which each holds an event back, and its difference."""


def agree(network: Path, purpose: str, recipient: str, **differences: str) -> None:
    """Put an agreement of Lambeth into the network's directory."""
    approved = ", ".join(
        f'{{ authority = "{party}", by = "SIRO", on = 2026-03-10 }}' for party in ("lambeth", recipient)
    )
    usual = {
        "status": "active",
        "effective_from": "2026-04-01",
        "review_by": days(200),
        "approved": approved,
        "change_kinds": '["NEW", "CORRECT", "ANNUL", "REFRESH"]',
    }
    text = AGREEMENT.format(purpose=purpose, recipient=recipient, **usual | differences)
    (network / "agreements" / f"{purpose}.toml").write_text(text, encoding="utf-8")


def many_ways(home: Path) -> Path:
    """The sample network with agreements that hold events back, and a council without an agreement."""
    network = sample(home)
    for purpose, (_, difference) in STANDINGS.items():
        agree(network, purpose, "derbyshire", **difference)
    agree(network, "news-alone", "leeds", change_kinds='["NEW"]')
    with (network / "authorities.csv").open("a", encoding="utf-8") as stream:
        stream.write("wakefield,Wakefield Council,E08000036,metropolitan,,1974-04-01,,\n")
    return network


FIRST_ROWS = [
    row(1, reference="SENT"),
    row(2, reference="PROTECTED", protected="yes"),
    row(3, reference="BAD-DATE", move_date="2026-02-30"),
    row(4, reference="NOWHERE", old_postcode="", new_postcode=""),
    row(5, reference="OUTSIDE", old_postcode=ABROAD, new_postcode=ABROAD),
    row(6, reference="OWN", old_postcode=LAMBETH, new_postcode=LAMBETH),
    row(7, reference="LATER-ENDED"),
    row(8, reference="MEMBER", family_name="Testcase2", household_reference="H-000002"),
    row(9, reference="STANDINGS", new_postcode=CHESTERFIELD),
    row(10, reference="ANNULLED", new_postcode=LEEDS),
    row(11, reference="MOVED-OFF", new_postcode=BARNSLEY),
    row(12, reference="NOW-PROTECTED"),
    row(13, reference="STYLED", new_address_line_1="2 New Street"),
    row(14, reference="OLDER"),
    row(15, reference="TWO-PEOPLE"),
    at_home(16) | {"reference": "BY-HAND"},
]
SECOND_ROWS = [
    row(11, reference="MOVED-OFF", recorded_at=SECOND),
    row(12, reference="NOW-PROTECTED", protected="yes", recorded_at=SECOND),
    row(13, reference="STYLED", new_address_line_1="2 New St.", recorded_at=SECOND),
    row(14, reference="OLDER", move_date="2026-08-30", recorded_at="2026-08-31T10:00:00Z"),
    row(16, reference="TWO-PEOPLE", given_names="Bo", date_of_birth="1950-05-05", recorded_at=SECOND),
    row(
        17,
        reference="STAYED",
        new_uprn="999300000159",
        new_address_line_1="1 Old Street",
        new_postcode="NW1 1RN",
    ),
    row(18, reference="TWICE"),
    row(18, reference="TWICE"),
    row(10, reference="ANNULLED", new_postcode=LEEDS),
]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A network in which records have gone every way, from files and from a client that is not ours."""
    home = tmp_path_factory.mktemp("why")
    with opened(home, many_ways(home), "intake", "router") as opened_stage:
        publish_what_expires(opened_stage)
        asyncio.run(journey.publish(opened_stage.connection, events_of_derbyshire(opened_stage)))
        assert publish(opened_stage, "moves.csv", FIRST_ROWS)["accepted"] == len(FIRST_ROWS) - 1
        annul = ("annul", "--reference", "ANNULLED", "-a", "lambeth", "--reason", "twice", "--wait")
        assert run(opened_stage, *annul)[-1]["answer"] == "accepted"
        publish(opened_stage, "second.csv", SECOND_ROWS)
        publish_elsewhere(opened_stage)
        yield opened_stage


def run(stage: Stage, *arguments: str | Path, state: Path | None = None) -> list[dict[str, Any]]:
    """What a command prints as JSON, run within this process: that takes a tenth of the time."""
    variables = environ(stage.connection, state or stage.home)
    done = CliRunner(env=variables).invoke(build(), [*map(str, arguments), "-o", "json"])
    assert done.exit_code in (0, 1), done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def publish(stage: Stage, name: str, rows: list[dict[str, str]]) -> dict[str, Any]:
    """Publish a file of Lambeth's, and wait for the answers; the summary."""
    file = write(stage.home / name, rows)
    summary: dict[str, Any] = run(stage, "publish", file, "-a", "lambeth", "--on-behalf", "--wait")[-1]
    return dict(summary["summary"])


def publish_what_expires(stage: Stage) -> None:
    """An event from a file and an event of Derbyshire's, of which retention leaves nothing; and a refusal of Leeds's."""
    event = json.loads(
        (default_directory() / "events/resident-moved/examples/ordinary-move.json").read_text("utf-8")
    )
    event["header"] |= {
        "event_id": REFUSED,
        "source": "leeds",
        "subject_ref": "why-refused",
        "change_kind": "CORRECT",
        "replaces": str(uuid.uuid4()),
    }
    file = stage.home / "correction.jsonl"
    file.write_text(json.dumps(event | {"event_type": "resident-moved"}) + "\n", encoding="utf-8")
    run(stage, "publish", file, "-a", "leeds", "--wait")
    asyncio.run(journey.publish(stage.connection, [repeat_of_derbyshire(stage)]))
    publish(stage, "expired.csv", [row(20, reference="EXPIRED")])
    asyncio.run(stage.bus())
    asyncio.run(expire(stage, "lambeth.outbox", "derbyshire.outbox", "derbyshire.outcomes"))


async def expire(stage: Stage, *topics: str) -> None:
    """Retention takes all records of these topics."""
    admin = AIOKafkaAdminClient(**stage.connection.kafka())
    await admin.start()
    try:
        whole = RecordsToDelete(before_offset=-1)
        await admin.delete_records({TopicPartition(topic, 0): whole for topic in topics})
    finally:
        await admin.close()


def repeat_of_derbyshire(stage: Stage) -> Event:
    return stage.events.moved(
        "derbyshire", "bolsover", "derbyshire", subject="REPEAT", sequence=1, event_id=REPEATED
    )


def events_of_derbyshire(stage: Stage) -> list[Event]:
    def moved(subject: str, old: str = "bolsover", **other: Any) -> Event:
        return stage.events.moved("derbyshire", old, "derbyshire", subject=subject, sequence=2, **other)

    return [
        moved("OWN-AREA", old="derbyshire"),
        moved("NO-AGREEMENT"),
        moved("TEST", synthetic=True),
        moved("TOO-LATE", occurred_on=100_000),
        repeat_of_derbyshire(stage),
        moved("REPEAT"),
    ]


def publish_elsewhere(stage: Stage) -> None:
    """A file of Leeds's with another secret, and a file of Lambeth's for another network."""
    file = write(stage.home / "elsewhere.csv", [row(21, reference="ELSEWHERE", old_postcode=LEEDS)])
    run(stage, "publish", file, "-a", "leeds", "--first", state=stage.home / "another")
    with Memory.open(stage.home / "publishers" / "rehearsal" / "another-cluster", "lambeth") as memory:
        identity = Identity(secret=memory.secret, authority="lambeth")
        subject = identity.digest("memory", identity.subject_ref("council-tax", "REHEARSED"))
        memory.remember([Sent(event_id=b"e" * 16, fingerprint=replace(LAST, subject=subject))])


def why(stage: Stage, *options: str, authority: str = "lambeth") -> list[dict[str, Any]]:
    return run(stage, "why", "-a", authority, *options)


def only(stage: Stage, *options: str, authority: str = "lambeth") -> dict[str, Any]:
    (answer,) = why(stage, *options, authority=authority)
    return answer


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A way, and who sees it: the last answer about a reference, or the first event of the reference at a recipient.

    `purpose` picks a decision about `to`. With a `line`, the question is about that line of the second file.
    """

    way: str
    reason: str = ""
    reference: str
    to: str = ""
    authority: str = "lambeth"
    recipient: str = ""
    purpose: str = ""
    line: int = 0


DERBYSHIRE = "derbyshire"
WAYS = [
    Seen(reference="SENT", to="camden", way="delivered"),
    Seen(reference="sent", to="Leeds City Council", way="not-concerned"),
    Seen(reference="PROTECTED", to="camden", way="withheld", reason="protected"),
    Seen(reference="MEMBER", to="camden", way="withheld", reason="protected"),
    *(
        Seen(reference="STANDINGS", to=DERBYSHIRE, way="withheld", reason=reason, purpose=purpose)
        for purpose, (reason, _) in STANDINGS.items()
    ),
    Seen(
        reference="NO-AGREEMENT", authority=DERBYSHIRE, to="bolsover", way="withheld", reason="no-agreement"
    ),
    Seen(reference="NOWHERE", way="unknown-area", reason="UNKNOWN_AREA"),
    Seen(reference="OUTSIDE", way="nobody-concerned", reason="NOBODY_CONCERNED"),
    Seen(reference="OWN-AREA", authority=DERBYSHIRE, way="own-area"),
    Seen(reference="TEST", authority=DERBYSHIRE, way="test-event"),
    Seen(reference="TOO-LATE", authority=DERBYSHIRE, way="refused", reason="bad-date"),
    Seen(reference="why-refused", authority="leeds", way="refused", reason="replaces-unknown"),
    Seen(reference="ANNULLED", to="leeds", way="withdrawn", reason="ANNULLED"),
    Seen(reference="MOVED-OFF", to="barnsley", way="withdrawn", reason="NO_LONGER_CONCERNS"),
    Seen(reference="NOW-PROTECTED", to="camden", way="withdrawn", reason="NOW_PROTECTED"),
    Seen(reference="BAD-DATE", way="refused-at-home", reason="impossible-date"),
    Seen(reference="TWO-PEOPLE", way="held-for-review", reason="reference-conflict"),
    Seen(reference="STYLED", way="left-out", reason="same-address"),
    Seen(reference="OLDER", way="left-out", reason="superseded"),
    Seen(reference="STAYED", way="left-out", reason="not-moved"),
    Seen(reference="TWICE", line=9, way="left-out", reason="duplicate"),
    Seen(reference="ANNULLED", way="left-out", reason="annulled"),
    Seen(reference="NEVER", way="not-published"),
    Seen(reference="REHEARSED", way="other-network"),
    Seen(reference="ELSEWHERE", authority="leeds", way="other-publisher"),
    Seen(reference="EXPIRED", way="no-longer-kept"),
    Seen(reference="SENT", recipient="camden", way="received"),
    Seen(reference="MOVED-OFF", recipient="camden", way="corrected"),
    Seen(reference="MOVED-OFF", recipient="barnsley", way="withdrawn"),
    Seen(reference="PROTECTED", recipient="camden", way="not-here"),
    Seen(reference="SENT", recipient="wakefield", way="no-inbox"),
]
LATER = [
    Seen(reference="REPEAT", authority=DERBYSHIRE, way="repeat"),
    Seen(reference="SENT", recipient="camden", way="not-read"),
    Seen(reference="LATER-ENDED", to="camden", way="withdrawn", reason="AGREEMENT_ENDED"),
    Seen(reference="UNREAD", way="waiting"),
]
"""Ways that other tests below show."""


@pytest.mark.parametrize("seen", WAYS, ids=lambda seen: f"{seen.reference}-{seen.way}-{seen.reason}")
def test_each_way_of_a_record_has_its_true_answer(stage: Stage, seen: Seen) -> None:
    given = why(stage, *_asked(seen), authority=seen.authority)
    if seen.recipient:
        given = why(stage, "--event", given[0]["event_id"], authority=seen.recipient)
    if seen.way == "withdrawn" and seen.reason:
        given = [answer for answer in given if answer.get("event_id")]
    answer = given[-1]
    reason = answer.get("reason", "")
    if seen.purpose:
        reason = {d["purpose"]: d["reason"] for d in answer["decisions"] if d["authority"] == seen.to}[
            seen.purpose
        ]
    assert (answer["way"], reason) == (seen.way, seen.reason), answer
    assert answer["sentence"]
    assert answer["remedy"]


def _asked(seen: Seen) -> tuple[str, ...]:
    if seen.line:
        return ("--file", "second.csv", "--line", str(seen.line))
    return ("--reference", seen.reference, *(("--to", seen.to) if seen.to else ()))


def test_a_record_is_corrected_by_its_reference_alone(stage: Stage) -> None:
    correct: list[str] = [
        "correct",
        "--reference",
        "BY-HAND",
        "--set",
        "move_date=03/09/2026",
        "-a",
        "lambeth",
    ]
    correct += ["--reason", "a typing error"]
    (rehearsed,) = run(stage, *correct, "--dry-run")
    assert rehearsed["outcome"] == "would-publish"
    assert len(why(stage, "--reference", "BY-HAND")) == 1
    (corrected,) = run(stage, *correct, "--wait")
    assert (corrected["answer"], corrected["delivered"]) == ("accepted", 2)
    first, second = why(stage, "--reference", "BY-HAND")
    assert (second["event_id"], second["way"]) == (corrected["event_id"], "delivered")
    assert second["event_id"] in first["notes"][0]
    (again,) = run(stage, *correct)
    assert again["outcome"] == "unchanged"
    protected = instep(stage.connection, stage.home, *correct[:2], "PROTECTED", *correct[3:])
    assert_refused_in_one_sentence(protected, "went out protected", "instep correct FILE")


def test_a_repeat_of_an_event_that_has_expired_stands_as_it_was_decided(stage: Stage) -> None:
    first, second = why(stage, "--reference", "REPEAT", authority=DERBYSHIRE)
    assert (first["way"], first["event_id"]) == ("repeat", REPEATED)
    assert second["way"] == "withheld"


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
    assert sorted(entries) == [2, 3, *range(5, 18)]
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
    file = write(
        stage.home / "later.csv",
        [row(7, reference="LATER-ENDED", recorded_at=later, move_date="2026-09-03")],
    )
    done = run(stage, "publish", file, "-a", "lambeth", "--on-behalf", "--wait")
    (answer,) = [line for line in done if line.get("outcome") == "accepted"]
    assert answer["withdrawn"] >= 1, "and not: delivered 0 times"
    first, second = why(stage, "--reference", "LATER-ENDED", "--to", "camden")
    assert (first["way"], second["way"], second["reason"]) == ("delivered", "withdrawn", "AGREEMENT_ENDED")
    assert second["event_id"] in first["notes"][0]
    assert only(stage, "--event", first["event_id"], authority="camden")["way"] in ("withdrawn", "not-read")
    for worker in stage.fleet.workers:
        worker.stop()
    file = write(stage.home / "unread.csv", [row(8, reference="UNREAD")])
    run(stage, "publish", file, "-a", "lambeth", "--on-behalf")
    assert only(stage, "--reference", "UNREAD")["way"] == "waiting"
