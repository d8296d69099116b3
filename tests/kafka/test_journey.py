"""Agreements on a real Kafka, through real workers: who receives what, who does not, and what everyone is told of it."""

import asyncio
import csv
import random
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from instep.events.framing import frame
from instep.provision.apply import Applied
from tests.kafka.journey import DAY, MILLIS, OCCURRED, Event, publish
from tests.kafka.stage import SAMPLE, Bus, Pair, Stage, edit, opened, owner_of, pair_of, sample

TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SHARED = (
    "group_ref,moved_on,new_address,old_address,person.family_name,person.given_names,person.title,"
    "residence,status"
)
PLACES = {"S40 1LP": "E07000034", "NW1 1BD": "E09000007"}
"""Postcodes of these tests: Chesterfield's town hall, a street in Camden."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The sample network, and Wakefield, which no agreement names."""
    home = tmp_path_factory.mktemp("journey")
    network = sample(home)
    with (network / "authorities.csv").open("a", encoding="utf-8") as file:
        file.write("wakefield,Wakefield Council,E08000036,metropolitan,,1974-04-01,,\n")
    with opened(home, network, "intake", "router") as stage:
        yield stage


async def published(stage: Stage, *events: Event) -> Bus:
    await publish(stage.connection, events)
    return await stage.bus()


async def test_a_council_without_an_agreement_receives_nothing(stage: Stage) -> None:
    from_wakefield = stage.events.moved("lambeth", "wakefield", "lambeth", subject="none-1", sequence=1)
    by_wakefield = stage.events.moved("wakefield", "camden", "wakefield", subject="none-2", sequence=1)
    bus = await published(stage, from_wakefield, by_wakefield)
    assert bus.results(from_wakefield)["wakefield", ""] == "no-agreement"
    assert set(bus.deliveries(from_wakefield)) == {("lambeth", "council-tax")}
    assert bus.results(by_wakefield) == {("camden", ""): "no-agreement", ("wakefield", ""): "no-agreement"}
    assert bus.deliveries(by_wakefield) == {}
    assert not [topic for topic in await stage.topics() if topic.startswith("wakefield.inbox")]


async def test_a_council_that_has_not_approved_neither_receives_nor_sends(stage: Stage) -> None:
    to_leeds = stage.events.moved("lambeth", "leeds", "lambeth", subject="approval-1", sequence=1)
    by_leeds = stage.events.moved("leeds", "camden", "leeds", subject="approval-2", sequence=1)
    bus = await published(stage, to_leeds, by_leeds)
    assert bus.results(to_leeds)["leeds", "council-tax"] == "not-approved"
    assert bus.results(by_leeds)["camden", "council-tax"] == "not-approved"
    assert set(bus.deliveries(to_leeds)) == {("lambeth", "council-tax")}
    assert bus.deliveries(by_leeds) == {}


async def test_a_delivery_is_the_event_with_only_what_its_agreement_names(stage: Stage) -> None:
    event = stage.events.moved("lambeth", "camden", "lambeth", subject="fields", sequence=1)
    bus = await published(stage, event)
    delivery = bus.deliveries(event)["camden", "council-tax"]
    whole = bus.event_in(next(one for one in bus.outboxes if one.value == event.value))
    assert whole is not None
    assert whole["contact"] == {"email": "fields@example.org", "telephone": None}
    assert bus.read(delivery) == whole | {"reason": None, "contact": None, "placement": None}
    assert delivery.key == b"lambeth/fields"
    assert delivery.value[:5] == event.value[:5], "framed with the event's own schema id"
    entry = bus.decisions(event)["camden", "council-tax"]
    assert entry["agreements"] == ["council-tax@2"]
    assert entry["fields"] == SHARED.split(",")


async def test_headers_of_a_delivery_are_those_of_cloudevents_and_nothing_else(stage: Stage) -> None:
    event = stage.events.moved("lambeth", "camden", "lambeth", subject="headers", sequence=1)
    traced = replace(
        event, headers=(("traceparent", TRACE), ("x-name", b"Imogen"), ("ce_subject", b"Imogen"))
    )
    bus = await published(stage, traced)
    assert sorted(bus.deliveries(event)["camden", "council-tax"].headers) == [
        ("ce_dataschema", b"urn:instep:schema:uk.instep.ResidentMoved:1.0.0"),
        ("ce_id", event.event_id.encode()),
        ("ce_instepagreements", b"council-tax@2"),
        ("ce_instepfields", SHARED.encode()),
        ("ce_source", b"urn:instep:authority:lambeth"),
        ("ce_specversion", b"1.0"),
        ("ce_time", f"{OCCURRED}T00:00:00.000Z".encode()),
        ("ce_type", b"uk.instep.resident-moved.v1"),
        ("content-type", b"application/avro"),
        ("traceparent", TRACE),
    ]


async def test_a_protected_event_goes_only_where_an_agreement_says_so(stage: Stage) -> None:
    event = stage.events.placed("camden", "lambeth", subject="protected", sequence=1, handling="PROTECTED")
    bus = await published(stage, event)
    assert bus.results(event) == {
        ("camden", "council-tax"): "protected",
        ("camden", "placements"): "delivered",
        ("lambeth", "council-tax"): "protected",
        ("lambeth", "placements"): "delivered",
    }
    assert set(bus.deliveries(event)) == {("camden", "placements"), ("lambeth", "placements")}


async def test_counties_successors_and_postcodes_lead_to_those_concerned(stage: Stage) -> None:
    events = stage.events
    within = events.moved("high-peak", "chesterfield", "high-peak", subject="area-1", sequence=1)
    gone = events.moved("lambeth", "harrogate", "lambeth", subject="area-2", sequence=1)
    body = {
        "person": {"family_name": "Example"},
        "old_address": {"postcode": "S40 1LP"},
        "new_address": {"postcode": "NW1 1BD"},
        "moved_on": DAY,
    }
    schema = stage.catalogue.events["resident-moved"].latest
    by_postcode = events.of(schema, "camden", body, subject="area-3", sequence=1)
    bus = await published(stage, within, gone, by_postcode)
    assert set(bus.deliveries(within)) == {
        ("chesterfield", "council-tax"),
        ("high-peak", "council-tax"),
        ("derbyshire", "concessionary-travel"),
    }
    assert ("north-yorkshire", "council-tax") in bus.deliveries(gone)
    assert {("camden", "council-tax"), ("chesterfield", "council-tax")} <= set(bus.deliveries(by_postcode))


async def test_an_always_recipient_is_told_wherever_it_was(stage: Stage) -> None:
    event = stage.events.registered("chesterfield", "leeds", subject="always", sequence=1)
    bus = await published(stage, event)
    assert set(bus.deliveries(event)) == {("leeds", "food-safety"), ("derbyshire", "trading-standards")}


async def test_a_correction_to_another_council_withdraws_from_the_one_told_before(stage: Stage) -> None:
    first = stage.events.moved("lambeth", "camden", "lambeth", subject="correct", sequence=1)
    corrected = stage.events.moved(
        "lambeth", "croydon", "lambeth", subject="correct", sequence=2,
        change_kind="CORRECT", replaces=first.event_id,
    )  # fmt: skip
    bus = await published(stage, first, corrected)
    assert set(bus.deliveries(first)) == {("camden", "council-tax"), ("lambeth", "council-tax")}
    told = bus.deliveries(corrected)
    assert set(told) == {("camden", "council-tax"), ("croydon", "council-tax"), ("lambeth", "council-tax")}
    withdrawal = told["camden", "council-tax"]
    assert dict(withdrawal.headers)["ce_type"] == b"uk.instep.withdrawal.v1"
    assert withdrawal.key == b"lambeth/correct"
    assert bus.read(withdrawal) == {
        "source": "lambeth",
        "subject_ref": "correct",
        "event_id": first.event_id,
        "reason": "NO_LONGER_CONCERNS",
    }
    assert bus.results(corrected)["camden", "council-tax"] == "NO_LONGER_CONCERNS"


async def test_an_annulment_reaches_everyone_who_was_told_even_through_a_correction(stage: Stage) -> None:
    events = stage.events
    first = events.moved("lambeth", "camden", "lambeth", subject="annul", sequence=1)
    corrected = events.moved(
        "lambeth", "croydon", "lambeth", subject="annul", sequence=2,
        change_kind="CORRECT", replaces=first.event_id,
    )  # fmt: skip
    schema = stage.catalogue.events["resident-moved"].latest
    annulled = events.of(
        schema, "lambeth", {}, subject="annul", sequence=3, change_kind="ANNUL", replaces=corrected.event_id
    )
    bus = await published(stage, first, corrected, annulled)
    told = bus.deliveries(annulled)
    assert set(told) == {(council, "council-tax") for council in ("camden", "croydon", "lambeth")}
    assert {bus.read(record)["reason"] for record in told.values()} == {"ANNULLED"}
    assert {bus.read(record)["event_id"] for record in told.values()} == {corrected.event_id}


async def test_a_refresh_goes_to_the_one_who_asked(stage: Stage) -> None:
    event = stage.events.moved(
        "lambeth", "camden", "lambeth", subject="refresh", sequence=1,
        change_kind="REFRESH", requested_by="camden",
    )  # fmt: skip
    bus = await published(stage, event)
    assert bus.results(event) == {("camden", "council-tax"): "delivered"}


async def test_a_repeat_is_dropped_and_what_contradicts_memory_is_refused(stage: Stage) -> None:
    events = stage.events
    event = events.moved("lambeth", "camden", "lambeth", subject="repeat", sequence=1)
    sent_later = events.moved(
        "lambeth", "camden", "lambeth", subject="repeat", sequence=1,
        event_id=event.event_id, published_at=MILLIS + 5,
    )  # fmt: skip
    conflicting = events.moved(
        "lambeth", "croydon", "lambeth", subject="repeat", sequence=1, event_id=event.event_id
    )
    of_nothing = events.moved(
        "lambeth", "camden", "lambeth", subject="repeat", sequence=2,
        change_kind="CORRECT", replaces="5ac2b5a1-5ffd-4a29-9f2c-4b1c6f4a5a1e",
    )  # fmt: skip
    last = events.moved("lambeth", "camden", "lambeth", subject="repeat", sequence=3)
    offsets = await publish(stage.connection, [event, event, sent_later, conflicting, of_nothing, last])
    bus = await stage.bus()
    assert bus.outcome(event)["delivered"] == len(bus.deliveries(event)) == len(bus.deliveries(last)) == 2
    assert bus.disclosure(event)["event_id"] == event.event_id
    refusals = {offset: bus.refusal("lambeth", offset) for offset in offsets[3:5]}
    assert [(of["reason"], of["fields"], of["event_id"]) for of in refusals.values()] == [
        ("id-conflict", ["header.event_id"], event.event_id),
        ("replaces-unknown", ["header.replaces"], of_nothing.event_id),
    ]
    assert not {("lambeth", offset) for offset in offsets[:3]} & set(bus.refused)


def refusals(stage: Stage) -> list[tuple[Event, str, list[str], bool]]:
    """What intake refuses: the record, the reason, the fields at fault, and whether the event's id can be read."""

    def sound(**other: Any) -> Event:
        return stage.events.moved("croydon", "camden", "croydon", subject="refused", sequence=1, **other)

    unknown_schema = sound()
    return [
        (replace(sound(), value=b"hello"), "bad-framing", [], False),
        (
            replace(unknown_schema, value=frame(99_999, unknown_schema.value[5:])),
            "unknown-schema",
            [],
            False,
        ),
        (replace(event := sound(), value=event.value[:60]), "undecodable", [], True),
        (replace(event := sound(), value=event.value + b"\0"), "trailing-bytes", [], True),
        (replace(event := sound(), value=event.value + bytes(256 * 1024)), "oversize", [], False),
        (replace(sound(), source="camden"), "wrong-source", ["header.source"], True),
        (replace(sound(), subject_ref="other"), "key-mismatch", ["key", "header.subject_ref"], True),
        (
            replace(sound(), headers=(("ce_type", b"uk.instep.withdrawal.v1"),)),
            "header-mismatch",
            ["ce_type"],
            True,
        ),
        (sound(change_kind="UNKNOWN"), "unknown-value", ["header.change_kind"], True),
        (sound(change_kind="CORRECT"), "missing-field", ["header.replaces"], True),
        (sound(family_name=" "), "missing-field", ["person.family_name"], True),
        (sound(event_id="not-a-uuid"), "bad-identifier", ["header.event_id"], False),
        (sound(occurred_on=-99_999), "bad-date", ["header.occurred_on"], True),
    ]


async def test_what_intake_refuses_is_told_to_its_source_with_reason_fields_and_offset(stage: Stage) -> None:
    cases = refusals(stage)
    offsets = await publish(stage.connection, [event for event, *_ in cases])
    bus = await stage.bus()
    for (event, reason, fields, readable), offset in zip(cases, offsets, strict=True):
        record, datum = bus.refused[event.source, offset]
        assert record.topic == f"{event.source}.rejected"
        assert record.key == event.subject_ref.encode() or reason == "key-mismatch"
        assert abs(record.timestamp - datum.pop("at")) < 10_000
        assert datum == {
            "source": event.source,
            "reason": reason,
            "fields": fields,
            "outbox_offset": offset,
            "event_id": event.event_id if readable else None,
        }
    refused_values = {event.value for event, *_ in cases}
    assert not refused_values & {record.value for record in bus.by_topic["instep.events"]}


async def test_the_source_learns_how_often_each_event_was_delivered_and_withheld(stage: Stage) -> None:
    delivered = stage.events.moved("lambeth", "camden", "lambeth", subject="outcome-1", sequence=1)
    protected = stage.events.placed(
        "camden", "lambeth", subject="outcome-2", sequence=1, handling="PROTECTED"
    )
    bus = await published(stage, delivered, protected)
    for event, told in ((delivered, (2, 1)), (protected, (2, 2))):
        outcome = bus.outcome(event)
        assert (outcome["kind"], outcome["delivered"], outcome["withheld"]) == ("ACCEPTED", *told)
        entries = Counter(one["result"] for one in bus.disclosure(event)["decisions"])
        assert (entries["DELIVERED"], entries["WITHHELD"]) == told


async def test_sized_array_blocks_reach_inboxes_in_canonical_form(stage: Stage) -> None:
    """As hamba/avro (Go) writes arrays by default."""
    event = stage.events.moved("lambeth", "camden", "lambeth", subject="blocks", sequence=1)
    plain = b"\x02" + (line := b"\x20" + b"1 Example Street") + b"\x00"
    assert event.value.count(plain) == 2
    block = b"\x01" + bytes([2 * len(line)]) + line + b"\x00"
    bus = await published(stage, replace(event, value=event.value.replace(plain, block)))
    assert event.value in {record.value for record in bus.by_topic["instep.events"]}
    delivery = bus.read(bus.deliveries(event)["camden", "council-tax"])
    assert delivery["old_address"]["lines"] == ["1 Example Street"]


class Flow:
    """Moves from Camden to Lambeth, one after another, until told to stop."""

    def __init__(self, stage: Stage) -> None:
        self.events: list[Event] = []
        self._stage = stage
        self._stop = asyncio.Event()

    async def __aenter__(self) -> "Flow":
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await self._task

    async def _run(self) -> None:
        while not self._stop.is_set():
            number = len(self.events)
            event = self._stage.events.moved("lambeth", "camden", "lambeth", subject="flow", sequence=number)
            await publish(self._stage.connection, [event])
            self.events.append(event)


async def agreement(stage: Stage, version: int, status: str) -> tuple[Applied, float]:
    """Apply another version of the council-tax agreement; returns what was applied and when, in epoch milliseconds."""
    file = stage.network / "agreements" / "council-tax.toml"
    before = tomllib.loads(file.read_text())
    edit(
        file,
        (f"version = {before['version']}", f"version = {version}"),
        (f'status = "{before["status"]}"', f'status = "{status}"'),
    )
    applied = await stage.apply()
    return applied, time.time() * 1000


async def decided_under(stage: Stage, flow: Flow, generation: int, seconds: float = 20.0) -> None:
    """Return when an event of the flow has been decided under this generation."""
    async with asyncio.timeout(seconds):
        while True:
            published = list(flow.events)
            bus = await stage.bus()
            if any(bus.disclosure(event)["generation"] == generation for event in published):
                return


async def test_suspending_an_agreement_stops_the_flow_within_a_second_and_lifting_it_replays_nothing(
    stage: Stage,
) -> None:
    async with Flow(stage) as flow:
        async with asyncio.timeout(20):
            while len(flow.events) < 3:
                await asyncio.sleep(0.01)
        suspended, at = await agreement(stage, 3, "suspended")
        await decided_under(stage, flow, suspended.generation)
    bus = await stage.bus()
    lifted, _ = await agreement(stage, 4, "active")
    async with Flow(stage) as after:
        await decided_under(stage, after, lifted.generation)
    last = await stage.bus()

    disclosures = [bus.disclosure(event) for event in flow.events]
    assert {one["generation"] for one in disclosures} == {suspended.generation - 1, suspended.generation}
    late = [one["at"] - at for one in disclosures if one["generation"] < suspended.generation]
    print(
        f"{len(late)} of {len(disclosures)} decided before; the last {max(late):.0f} ms after `apply` returned"
    )
    assert max(late) < 1_250
    for event, disclosure in zip(flow.events, disclosures, strict=True):
        stopped = disclosure["generation"] == suspended.generation
        results = bus.results(event)
        assert results["camden", "council-tax"] == ("suspended" if stopped else "delivered")
        assert (("camden", "council-tax") in bus.deliveries(event)) is not stopped
        assert bus.deliveries(event).keys() == last.deliveries(event).keys(), "nothing is replayed"
    assert lifted.generation == suspended.generation + 1
    entry = last.decisions(after.events[-1])["camden", "council-tax"]
    assert (entry["result"], entry["agreements"]) == ("DELIVERED", ["council-tax@4"])


# -- conservation


class Judge:
    """Recomputes whom an event concerns, from the files of the network and the outboxes alone."""

    def __init__(self, network: Path) -> None:
        with (network / "authorities.csv").open(encoding="utf-8", newline="") as file:
            self._rows = {row["authority"]: row for row in csv.DictReader(file)}
        self._of_gss = {row["gss"]: id for id, row in self._rows.items()}
        self._always = [
            (set(document["sources"]), set(document["recipients"]))
            for path in (network / "agreements").glob("*.toml")
            for document in [tomllib.loads(path.read_text())]
            if any(share["when"] == "always" for share in document["share"])
        ]

    def candidates(self, event: dict[str, Any], past: set[str]) -> set[str]:
        """`past`: those who were sent what the event replaces."""
        addresses = [event.get("old_address"), event.get("new_address")]
        addresses.append((event.get("establishment") or {}).get("address"))
        found = set(past)
        for address in filter(None, addresses):
            found |= self._concerned(self._of_gss[address["authority_gss"] or PLACES[address["postcode"]]])
        if "establishment" in event:
            for sources, recipients in self._always:
                found |= recipients if event["header"]["source"] in sources else set()
        asked = event["header"]["requested_by"]
        return found & {asked} if asked else found

    def _concerned(self, id: str) -> set[str]:
        row = self._rows[id]
        if row["valid_to"] and date.fromisoformat(row["valid_to"]) < OCCURRED:
            return set().union(*(self._concerned(successor) for successor in row["replaced_by"].split(";")))
        return {id, row["parent"]} - {""}


def mixed(stage: Stage, seed: int, count: int) -> list[Event]:
    """Moves among all sorts of councils, of all kinds of change, ordinary and protected, some of them corrections."""
    chance = random.Random(seed)
    councils = sorted(set(stage.events.network.authorities) - {"derbyshire", "north-yorkshire-county"})
    publishers = sorted(set(stage.events.network.participants) - {"derbyshire"})
    made: list[Event] = []
    last: dict[str, Event] = {}
    for number in range(count):
        source = chance.choice(publishers)
        subject = f"mixed-{source}-{chance.randrange(3)}"
        handling = chance.choice(["ORDINARY", "ORDINARY", "PROTECTED"])
        other: dict[str, Any] = {"handling": handling}
        if subject in last and chance.random() < 0.5:
            other |= {"change_kind": chance.choice(["CORRECT", "ANNUL"]), "replaces": last[subject].event_id}
        elsewhere = chance.choice(councils)
        event = (
            stage.events.placed(source, elsewhere, subject=subject, sequence=number, **other)
            if chance.random() < 0.2
            else stage.events.moved(source, elsewhere, source, subject=subject, sequence=number, **other)
        )
        made.append(event)
        last[subject] = event
    return made


async def test_every_candidate_has_an_entry_and_inboxes_hold_what_was_disclosed_and_no_more(
    stage: Stage,
) -> None:
    """Of all that this module has published, and of a random mixture besides."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    mixture = mixed(stage, seed, 250)
    bus = await published(stage, *mixture)
    judge = Judge(stage.network)
    sent: dict[tuple[str, str, str], set[Pair]] = {}
    seen = 0
    for record in sorted(bus.outboxes, key=lambda record: (record.topic, record.offset)):
        event = bus.event_in(record)
        if (owner_of(record), record.offset) in bus.refused or event is None:
            continue
        header = event["header"]
        of = header["source"], header["subject_ref"]
        identity = (*of, header["event_id"])
        if identity in sent:
            continue  # a repeat
        seen += 1
        (disclosure,) = bus.disclosed[identity]
        (outcome,) = bus.accepted[identity]
        past = sent[(*of, header["replaces"])] if header["change_kind"] in ("CORRECT", "ANNUL") else set()
        entries = disclosure["decisions"]
        candidates = judge.candidates(event, {authority for authority, _ in past})
        assert {one["authority"] for one in entries} == candidates
        pairs = [(one["authority"], one["purpose"]) for one in entries]
        assert len(pairs) == len(set(pairs))
        assert past <= {
            (one["authority"], one["purpose"]) for one in entries if one["result"] != "WITHHELD"
        }, "whoever was told hears of the change"
        told = {(one["authority"], one["purpose"]) for one in entries if one["result"] == "DELIVERED"}
        sent[identity] = past | told
        withheld = sum(one["result"] == "WITHHELD" for one in entries)
        assert (outcome["delivered"], outcome["withheld"]) == (len(told), withheld)
    assert seen == len(bus.disclosed) == len(bus.accepted) >= len(mixture)

    disclosed = Counter(
        (one["authority"], one["purpose"], disclosure["event_id"], one["result"])
        for disclosures in bus.disclosed.values()
        for disclosure in disclosures
        for one in disclosure["decisions"]
        if one["result"] != "WITHHELD"
    )
    found = Counter(
        (*pair_of(record), dict(record.headers)["ce_id"].decode(), _result(record)) for record in bus.inboxes
    )
    assert found == disclosed
    print(f"{seen} events, {found.total()} records in inboxes")


def _result(record: Any) -> str:
    return "WITHDRAWN" if b"withdrawal" in dict(record.headers)["ce_type"] else "DELIVERED"


def test_the_judge_sees_what_it_is_to_see() -> None:
    """Its candidates, from the sample network's own files, by hand."""
    judge = Judge(SAMPLE)

    def move(old: str, new: str, **header: Any) -> dict[str, Any]:
        return {
            "header": {"source": "lambeth", "requested_by": None} | header,
            "old_address": {"authority_gss": old},
            "new_address": {"authority_gss": new},
        }

    assert judge.candidates(move("E07000034", "E09000022"), set()) == {
        "chesterfield",
        "derbyshire",
        "lambeth",
    }
    assert judge.candidates(move("E07000165", "E09000022"), {"leeds"}) == {
        "north-yorkshire",
        "lambeth",
        "leeds",
    }
    assert judge.candidates(move("E09000007", "E09000022", requested_by="camden"), set()) == {"camden"}
