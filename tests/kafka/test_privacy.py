"""What is said of a person is in the outbox, and after that only where an agreement says so: nowhere else, in no form.

A thousand events, a third of them hostile. Every free text of every event is a marker of its own, so that whatever is found
tells where it came from; everybody was born on one of four days, which are searched for as text and as Avro has them.
Records are searched as a consumer reads them, decompressed; the same search must find everything in the outboxes first.
"""

import asyncio
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord
from rocksdict import AccessType, Options, Rdict

from instep.events.framing import frame
from tests.hostile.avro import long
from tests.kafka.journey import DAY, Event, Events, Reader, publish
from tests.kafka.stage import SAMPLE, Bus, Pair, Stage, opened, sample

NHS_NUMBER = "9434765919"
"""One that the NHS gives as an example; as a subject's reference it is refused."""
ELSEWHERE = "W06000015"
"""Cardiff, which takes no part in the sample network."""

ROUNDS = 20
"""How often each kind of hostile record is made."""
CROWD = tuple(f"crowd-{number}" for number in range(653))
"""Moves like "ordinary": they are delivered."""
BIRTHDAYS = (date(1931, 2, 17), date(1948, 11, 30), date(1987, 6, 9), date(2011, 3, 21))
BORN_IN_TEXT = {day.isoformat() for day in BIRTHDAYS}
_MARKER = re.compile(rb"<<[\w.:-]+>>")

DELIVERED: Mapping[Pair, tuple[str, ...]] = {
    ("camden", "council-tax"): ("ordinary", "original", *CROWD),
    ("lambeth", "council-tax"): ("ordinary", "original", "corrected", "older", *CROWD),
    ("croydon", "council-tax"): ("corrected",),
    ("north-yorkshire", "council-tax"): ("older",),
    ("camden", "placements"): ("placement",),
    ("lambeth", "placements"): ("placement",),
}
"""Which of the accepted events each inbox is to hold; "withheld" and "elsewhere" are in none."""


class Seeds:
    """The markers of one event, by the path at which each stands."""

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self.markers: dict[str, str] = {}

    def __call__(self, path: str) -> str:
        marker = f"<<{self._tag}:{path}>>"
        self.markers[path] = marker
        return marker

    def move(self, old_gss: str, new_gss: str) -> dict[str, Any]:
        return {
            "person": self.person("person"),
            "old_address": self.address("old_address", old_gss),
            "new_address": self.address("new_address", new_gss),
            "moved_on": DAY,
            "residence": "MAIN",
            "reason": "PLACEMENT",
            "status": "CONFIRMED",
            "group_ref": self("group_ref"),
            "contact": {"email": self("contact.email"), "telephone": self("contact.telephone")},
        }

    def placement(self, gss: str) -> dict[str, Any]:
        return {
            "applicant": self.person("placement.applicant"),
            "others_number": 2,
            "others_description": self("placement.others_description"),
            "address": self.address("placement.address", gss),
            "made_available_on": DAY,
            "function_discharged": self("placement.function_discharged"),
        }

    def person(self, at: str) -> dict[str, Any]:
        scheme = {
            "scheme": self(f"{at}.local_references.scheme"),
            "value": self(f"{at}.local_references.value"),
        }
        return {
            "title": self(f"{at}.title"),
            "given_names": self(f"{at}.given_names"),
            "family_name": self(f"{at}.family_name"),
            "former_names": [self(f"{at}.former_names")],
            "born_on": self.born_on(),
            "local_references": [scheme],
        }

    def born_on(self) -> int:
        """Days since 1970, always the same for the same event."""
        return (BIRTHDAYS[len(self._tag) % len(BIRTHDAYS)] - date(1970, 1, 1)).days

    def address(self, at: str, gss: str) -> dict[str, Any]:
        return {
            "lines": [self(f"{at}.lines")],
            "locality": self(f"{at}.locality"),
            "town": self(f"{at}.town"),
            "authority_gss": gss,
        }


@dataclass(frozen=True)
class Seeded:
    """An event, and the markers in its record."""

    event: Event
    markers: Mapping[str, str]


class Sower:
    """Makes events full of markers for a network."""

    def __init__(self, events: Events, catalogue: Any) -> None:
        self._events = events
        self._schema = catalogue.events["resident-moved"].latest

    def sow(
        self,
        tag: str,
        source: str,
        old: str,
        new: str,
        *,
        change: Callable[[dict[str, Any], Seeds], None] = lambda header, seeds: None,
        **header: Any,
    ) -> Seeded:
        """A move from `old` to `new` (authorities, or codes), its subject and sequence its own unless `header` says so."""
        seeds = Seeds(tag)
        gss = {id: one.gss for id, one in self._events.network.authorities.items()}
        body = seeds.move(gss.get(old, old), gss.get(new, new))
        if tag == "placement":
            body["placement"] = seeds.placement(gss[new])
        told: dict[str, Any] = {"subject": f"subject-{tag}", "sequence": 1} | header
        change(told, seeds)
        return Seeded(self._events.of(self._schema, source, body, **told), seeds.markers)


def accepted(sower: Sower) -> dict[str, Seeded]:
    """Events that pass intake and router, by tag; some are delivered and some to nobody."""
    original = sower.sow("original", "lambeth", "camden", "lambeth", subject="corrected")
    return {
        "ordinary": sower.sow("ordinary", "lambeth", "camden", "lambeth"),
        "placement": sower.sow("placement", "camden", "camden", "lambeth", handling="PROTECTED"),
        "withheld": sower.sow("withheld", "leeds", "leeds", "leeds"),
        "elsewhere": sower.sow("elsewhere", "lambeth", ELSEWHERE, ELSEWHERE),
        "older": sower.sow("older", "lambeth", "harrogate", "lambeth"),
        "original": original,
        "corrected": sower.sow(
            "corrected",
            "lambeth",
            "croydon",
            "lambeth",
            subject="corrected",
            sequence=2,
            change_kind="CORRECT",
            replaces=original.event.event_id,
        ),
        **{tag: sower.sow(tag, "lambeth", "camden", "lambeth") for tag in CROWD},
    }


def refused(sower: Sower, known: Event, again: str = "") -> dict[str, tuple[Seeded, str]]:
    """Records that are refused, by tag, each with the reason: bytes, keys and headers that tell of a person among them.

    `again` is put behind every tag.
    """

    def sow(tag: str, **header: Any) -> Seeded:
        return sower.sow(f"{tag}{again}", "lambeth", "camden", "lambeth", **header)

    def put(field: str) -> Callable[[dict[str, Any], Seeds], None]:
        def change(header: dict[str, Any], seeds: Seeds) -> None:
            header[field] = seeds(f"header.{field}")

        return change

    def but(seeded: Seeded, **differences: Any) -> Seeded:
        return Seeded(replace(seeded.event, **differences), seeded.markers)

    def in_headers(seeded: Seeded, *names: str) -> Seeded:
        found = tuple((name, f"<<in-header:{name}>>".encode()) for name in names)
        return but(seeded, headers=found)

    json_text = sow("json")
    born = sorted(BORN_IN_TEXT)
    cut = sow("cut")
    end = sow("end")
    stranger = sow("stranger")
    large = sow("large")
    key = sow("key")
    other_source = sow("source", change=put("source"))
    made = {
        "json": (but(json_text, value=f"{json_text.markers} {born}".encode()), "bad-framing"),
        "cut": (but(cut, value=cut.event.value[:-1]), "undecodable"),
        "end": (but(end, value=end.event.value + b"<<end:more>>"), "trailing-bytes"),
        "stranger": (but(stranger, value=frame(77_777, stranger.event.value[5:])), "unknown-schema"),
        "large": (but(large, value=large.event.value + bytes(256 * 1024)), "oversize"),
        "source": (other_source, "wrong-source"),
        "key": (but(key, subject_ref=key.markers["person.family_name"]), "key-mismatch"),
        "header": (in_headers(sow("header"), "ce_id", "ce_source", "x-name"), "header-mismatch"),
        "born-key": (but(sow("born-key"), subject_ref=born[0]), "key-mismatch"),
        "born-header": (but(sow("born-header"), headers=(("ce_id", born[1].encode()),)), "header-mismatch"),
        "event-id": (sow("event-id", change=put("event_id")), "bad-identifier"),
        "subject": (sow("subject", change=put("subject")), "bad-identifier"),
        "nhs": (sow("nhs", subject=NHS_NUMBER), "bad-identifier"),
        "replaces": (sow("replaces", change=put("replaces"), change_kind="CORRECT"), "bad-identifier"),
        "asked": (sow("asked", change=put("requested_by"), change_kind="REFRESH"), "bad-identifier"),
        "date": (sow("date", occurred_on=-99_999), "bad-date"),
        "unknown": (sow("unknown", change_kind="UNKNOWN"), "unknown-value"),
        "conflict": (
            sow("conflict", subject=known.subject_ref, event_id=known.event_id),
            "id-conflict",
        ),
        "orphan": (
            sow("orphan", change_kind="CORRECT", replaces="5ac2b5a1-5ffd-4a29-9f2c-4b1c6f4a5a1e"),
            "replaces-unknown",
        ),
    }
    return {f"{tag}{again}": one for tag, one in made.items()}


def bytes_of(record: ConsumerRecord) -> bytes:
    """All that a record says, in any part of it."""
    headers = [part for name, value in record.headers for part in (name.encode(), value or b"")]
    return b"\n".join((record.key or b"", record.value or b"", *headers))


def found(markers: Iterable[str], *places: bytes) -> set[str]:
    """The markers that stand in any of the places."""
    wanted = set(markers)
    plain = [(one, one.encode()) for one in wanted if not _MARKER.fullmatch(one.encode())]
    spoken = {one.decode() for place in places for one in _MARKER.findall(place)}
    return spoken & wanted | {marker for marker, needle in plain for place in places if needle in place}


def born_in_avro(*places: bytes) -> set[date]:
    """The birthdays that stand in any of the places as an event has them: behind an array's end, not null, the day."""
    days = {day: (day - date(1970, 1, 1)).days for day in BIRTHDAYS}
    needles = {day: b"\x00\x02" + long(number) for day, number in days.items()}
    return {day for day, needle in needles.items() for place in places if needle in place}


def shared_by(purpose: str) -> list[str]:
    """The fields that the agreements of a purpose name, from their files."""
    documents = [tomllib.loads(path.read_text()) for path in (SAMPLE / "agreements").glob("*.toml")]
    return [
        field
        for document in documents
        if document["purpose"] == purpose
        for share in document["share"]
        if share["event"] == "resident-moved"
        for field in share["fields"]
    ]


def within(path: str, fields: Iterable[str]) -> bool:
    return any(path == field or path.startswith(f"{field}.") for field in fields)


@dataclass(frozen=True, kw_only=True)
class Searched:
    """Everything that there is to search, after all has come to its end and the services have stopped."""

    bus: Bus
    kafkas_own: list[ConsumerRecord]
    sown: Mapping[str, Seeded]
    reasons: Mapping[str, str]
    offsets: Mapping[str, int]
    state: Path
    metrics: tuple[str, ...]
    logs: tuple[str, ...]

    @property
    def markers(self) -> set[str]:
        own = {marker for seeded in self.sown.values() for marker in seeded.markers.values()}
        in_headers = {
            value.decode()
            for seeded in self.sown.values()
            for _, value in seeded.event.headers
            if b"<<" in value
        }
        return own | in_headers | {"<<end:more>>", NHS_NUMBER}


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searched]:
    home = tmp_path_factory.mktemp("privacy")
    with opened(home, sample(home), "intake", "router") as stage:
        yield asyncio.run(journey(stage))


async def journey(stage: Stage) -> Searched:
    """Publish it all, compressed, and gather what is left of it when the services have stopped."""
    sower = Sower(stage.events, stage.catalogue)
    passing = accepted(sower)
    spoken = passing["ordinary"]
    headers = (("x-name", b"<<in-header:ordinary>>"), ("traceparent", b"<<in-header:trace>>"))
    passing["ordinary"] = Seeded(replace(spoken.event, headers=headers), spoken.markers)
    failing = refused(sower, spoken.event)
    for again in range(1, ROUNDS):
        failing |= refused(sower, spoken.event, f"-{again}")
    last = sower.sow("last", "lambeth", ELSEWHERE, ELSEWHERE, subject=spoken.event.subject_ref)
    sown = passing | {tag: seeded for tag, (seeded, _) in failing.items()} | {"last": last}
    # The repeat is dropped by the router: nothing tells of it, so something of the same subject follows.
    records = [seeded.event for seeded in sown.values()]
    offsets = await publish(stage.connection, [*records[:-1], spoken.event, records[-1]], compression="gzip")
    bus = await stage.bus()
    async with Reader(stage.connection, ["__consumer_offsets", "__transaction_state"]) as reader:
        kafkas_own = await reader.to_the_end()
    metrics = tuple(worker.get("/metrics") for worker in stage.fleet.workers)
    for worker in stage.fleet.workers:
        worker.stop()
    return Searched(
        bus=bus,
        kafkas_own=kafkas_own,
        sown=sown,
        reasons={tag: reason for tag, (_, reason) in failing.items()},
        offsets=dict(zip(sown, offsets[:-2] + offsets[-1:], strict=True)),
        state=stage.home / "state",
        metrics=metrics,
        logs=tuple(worker.log.read_text() for worker in stage.fleet.workers),
    )


def test_the_search_finds_every_marker_in_the_outboxes(searched: Searched) -> None:
    markers = searched.markers
    assert len(searched.sown) > 1000
    assert len(markers) > 15_000
    outboxes = [bytes_of(record) for record in searched.bus.outboxes]
    assert found(markers, *outboxes) == markers
    assert found(BORN_IN_TEXT, *outboxes) == BORN_IN_TEXT
    assert born_in_avro(*outboxes) == set(BIRTHDAYS)


def test_every_event_came_to_the_end_that_it_was_made_for(searched: Searched) -> None:
    """Else a marker might be nowhere because nothing was done with it."""
    bus = searched.bus
    for tag, reason in searched.reasons.items():
        event = searched.sown[tag].event
        assert bus.refusal(event.source, searched.offsets[tag])["reason"] == reason, tag
    for pair, tags in DELIVERED.items():
        for tag in tags:
            assert bus.results(searched.sown[tag].event)[pair] == "delivered"
    told = bus.results(searched.sown["corrected"].event)
    assert told["camden", "council-tax"] == "NO_LONGER_CONCERNS"
    assert bus.disclosure(searched.sown["elsewhere"].event)["ending"] == "NOBODY_CONCERNED"
    assert set(bus.results(searched.sown["withheld"].event).values()) == {"not-approved", "suspended"}


def test_the_hub_holds_accepted_events_alone_and_nothing_in_keys_and_headers(searched: Searched) -> None:
    hub = searched.bus.by_topic["instep.events"]
    routers = {
        tag for tag in searched.reasons if tag.startswith(("conflict", "orphan"))
    }  # the router's to refuse
    passed = set(searched.sown) - set(searched.reasons) | routers
    allowed = {marker for tag in passed for marker in searched.sown[tag].markers.values()}
    assert found(searched.markers, *(record.value for record in hub)) == allowed
    assert found(searched.markers, *(bytes_of(record).removeprefix(record.key) for record in hub)) == allowed
    assert not found(searched.markers, *(bytes_of(record).replace(record.value, b"") for record in hub))


def test_an_inbox_holds_what_its_purposes_agreements_name_and_nothing_else(searched: Searched) -> None:
    for pair, tags in DELIVERED.items():
        fields = shared_by(pair[1])
        allowed = {
            marker
            for tag in tags
            for path, marker in searched.sown[tag].markers.items()
            if within(path, fields)
        }
        records = searched.bus.by_topic[f"{pair[0]}.inbox.{pair[1]}"]
        assert allowed
        assert found(searched.markers, *map(bytes_of, records)) == allowed
        assert not found(searched.markers, *(bytes_of(one).replace(one.value, b"") for one in records))


def test_no_other_inbox_holds_anything(searched: Searched) -> None:
    filled = {(record.topic.split(".")[0], record.topic.split(".")[2]) for record in searched.bus.inboxes}
    assert filled == set(DELIVERED)


def test_fields_that_no_agreement_names_are_in_no_inbox(searched: Searched) -> None:
    markers = {
        searched.sown[tag].markers[path]
        for tag in {tag for tags in DELIVERED.values() for tag in tags}
        for path in (
            "contact.email",
            "contact.telephone",
            "person.former_names",
            "person.local_references.value",
        )
    }
    assert found(markers, *map(bytes_of, searched.bus.outboxes)) == markers
    assert not found(markers, *map(bytes_of, searched.bus.inboxes))


def test_rejections_outcomes_disclosures_and_changelogs_hold_nothing_of_the_person(
    searched: Searched,
) -> None:
    bus = searched.bus
    others = {
        topic: records
        for topic, records in bus.by_topic.items()
        if not topic.endswith(".outbox") and ".inbox." not in topic and topic != "instep.events"
    }
    assert {"lambeth.rejected", "lambeth.outcomes", "instep.disclosures", "instep.router.state"} <= set(
        others
    )
    for topic, records in others.items():
        assert not found(searched.markers, *map(bytes_of, records)), topic
    # The same search, of what does stand there: the references that rejections and disclosures are keyed by.
    keys = {"subject-ordinary", "subject-withheld"}
    assert found(keys, *map(bytes_of, others["instep.disclosures"])) == keys
    assert found({"subject-date"}, *map(bytes_of, others["lambeth.rejected"]))


def test_kafkas_own_topics_hold_nothing_of_the_person(searched: Searched) -> None:
    places = [bytes_of(record) for record in searched.kafkas_own]
    assert found({"lambeth.outbox", "sample-router-0"}, *places) == {"lambeth.outbox", "sample-router-0"}
    assert not found(searched.markers, *places)


def test_a_services_state_holds_nothing_of_the_person_nor_the_subjects_reference(searched: Searched) -> None:
    directories = sorted(searched.state.glob("sample-router/worker-*/lane-*"))
    assert len(directories) == 4
    entries: dict[bytes, bytes] = {}
    for directory in directories:
        state = Rdict(str(directory), Options(raw_mode=True), access_type=AccessType.read_only())
        entries |= {bytes(key): value for key, value in state.items()}  # type: ignore[arg-type]  # raw: all are bytes
        state.close()
    places = [*entries.keys(), *entries.values()]
    # What does stand there is found: each accepted event, by its digest, and who was told of it.
    digests = {
        blake2b("/".join(identity).encode(), digest_size=16).digest() for identity in searched.bus.accepted
    }
    assert {key for key in entries if not key.startswith(b"\0instep/")} == digests
    pairs = {f"{authority}/{purpose}" for authority, purpose in DELIVERED}
    assert found(pairs, *places) == pairs
    assert not found(searched.markers, *places)
    assert not found({seeded.event.subject_ref for seeded in searched.sown.values()}, *places)
    files = [path.read_bytes() for path in searched.state.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not found(searched.markers, *files)


def test_metrics_and_logs_hold_nothing_of_the_person(searched: Searched) -> None:
    for text in searched.metrics:
        assert found({'source="lambeth"'}, text.encode())
        assert not found(searched.markers, text.encode())
    for text in searched.logs:
        assert found({'"event": "lane claimed"'}, text.encode())
        assert not found(searched.markers, text.encode())


def test_a_day_of_birth_is_only_where_an_agreement_shares_it(searched: Searched) -> None:
    paths = ("person.born_on", "placement.applicant.born_on")
    shared = {one for _, one in DELIVERED if any(within(path, shared_by(one)) for path in paths)}
    assert shared == {"placements"}
    for topic, records in searched.bus.by_topic.items():
        if topic.endswith(".outbox"):
            continue
        places = [bytes_of(record) for record in records]
        assert not found(BORN_IN_TEXT, *places), topic
        if topic != "instep.events" and topic.rpartition(".")[2] not in shared:
            assert not born_in_avro(*places), topic
    hub = [bytes_of(record) for record in searched.bus.by_topic["instep.events"]]
    assert born_in_avro(*hub) == set(BIRTHDAYS)
    files = [path.read_bytes() for path in searched.state.rglob("*") if path.is_file()]
    told = [text.encode() for text in (*searched.metrics, *searched.logs)]
    assert not found(BORN_IN_TEXT, *files, *told, *map(bytes_of, searched.kafkas_own))
