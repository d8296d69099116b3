"""Version 1 and version 2 of a schema live side by side: publishers, services and recipients each change in their own
time.
"""

import copy
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import given
from prometheus_client import CollectorRegistry

from instep.catalogue.files import load_catalogue, load_schema
from instep.catalogue.lint import lint
from instep.errors import HubRecordError
from instep.events.framing import frame, unframe
from instep.events.plain import from_plain
from instep.events.reader import decode
from instep.events.schema import Catalogue, Schema
from instep.events.writer import encode
from instep.intake.metrics import IntakeMetrics
from instep.intake.processor import Intake
from instep.lanes.processor import Output
from instep.network.network import Network
from instep.router.metrics import RouterMetrics
from instep.router.processor import Router
from tests.schemas.evolution import FIELD, NEW, SCHEMAS, SYMBOL, evolved
from tests.strategies import datums
from tests.unit.events.sample import plain_example
from tests.unit.memory_state import MemoryRecord, MemoryState
from tests.unit.sharing import GSS, agreement, network, share

NOW = 1_780_272_000_000  # 2026-06-01T00:00:00Z
FIRST = load_catalogue(SCHEMAS)
V1 = FIRST.events["resident-moved"].latest
V2 = load_schema(NEW / "events/resident-moved/1.1.0.avsc", name="resident-moved", kind="event")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return evolved(tmp_path_factory.mktemp("schemas"))


@pytest.fixture(scope="module")
def second(directory: Path) -> Catalogue:
    return load_catalogue(directory)


# ---------------------------------------------------------------------------------------------------- the catalogue


def test_the_second_version_is_sound_and_locked(directory: Path) -> None:
    assert lint(directory) == ()


def test_until_it_is_locked_one_sentence_says_so(tmp_path: Path) -> None:
    (problem,) = lint(evolved(tmp_path, locked=False))
    assert str(problem).startswith("events/resident-moved/1.1.0.avsc: is not in versions.lock")


def test_without_a_class_for_its_new_field_it_is_refused(tmp_path: Path) -> None:
    directory = evolved(tmp_path)
    file = directory / "events/resident-moved/event.toml"
    file.write_text(file.read_text(encoding="utf-8").replace(f'    "{FIELD}",\n', ""), encoding="utf-8")
    (problem,) = lint(directory)
    assert str(problem) == f"events/resident-moved/event.toml: [classes] {FIELD} has no class."


def test_it_is_not_among_the_schemas_that_are_public() -> None:
    assert [schema.version for schema in FIRST.events["resident-moved"].versions] == ["1.0.0"]


# ------------------------------------------------------------------------------------------------------- recipients


def read(body: bytes, writer: Schema, reader: Schema) -> dict[str, Any]:
    """What a recipient's ordinary Avro library makes of the bytes."""
    event = fastavro.schemaless_reader(io.BytesIO(body), writer.parsed, reader.parsed)
    assert isinstance(event, dict)
    return event


@given(datums(V2))
def test_a_recipient_on_version_1_reads_all_that_it_knows_of_version_2(event: dict[str, Any]) -> None:
    without = {name: value for name, value in event.items() if name != FIELD}
    if without["reason"] == SYMBOL:
        without["reason"] = "UNKNOWN"
    assert read(encode(V2, event), V2, V1) == without


@given(datums(V1))
def test_a_recipient_on_version_2_reads_version_1_as_saying_nothing_of_what_is_new(
    event: dict[str, Any],
) -> None:
    assert read(encode(V1, event), V1, V2) == {**event, FIELD: None}


# --------------------------------------------------------------------------------------------------------- services

IDS: Mapping[int, tuple[str, str]] = {
    number: (schema.full_name, schema.version) for number, schema in enumerate((*FIRST.all(), V2), start=1)
}
"""As `network apply` allots them: new schemas come last, and an id stays."""
ID = {pair: number for number, pair in IDS.items()}
WIDE = share(fields=("moved_on", "reason", FIELD))
NARROW = share(fields=("moved_on", "person.family_name"))


class NoPostcodes:
    """Every address of these tests names its authority."""

    codes = frozenset(GSS.values())

    def gss(self, postcode: str) -> str | None:
        return None


class Bus:
    """Intake and router each with a catalogue of its own, on a network that binds both versions."""

    def __init__(self, intake: Catalogue, router: Catalogue, *, shares: Any = WIDE) -> None:
        sharing = bound(shares)
        self.state = MemoryState()
        self.intake = Intake(intake, IntakeMetrics(CollectorRegistry()))
        self.intake.follow(sharing)
        self.routing(router, sharing)

    def routing(self, catalogue: Catalogue, sharing: Network) -> None:
        """Start the router, or start it again by another catalogue, upon the same state."""
        self.router = Router(catalogue, NoPostcodes(), RouterMetrics(CollectorRegistry()))
        self.router.follow(sharing)

    def publish(self, *events: tuple[Schema, Mapping[str, Any]]) -> list[Output]:
        """What intake makes of Bradford's outbox."""
        records = [
            MemoryRecord(
                topic="bradford.outbox",
                offset=offset,
                key=event["header"]["subject_ref"].encode(),
                value=frame(ID[schema.full_name, schema.version], encode(schema, event)),
            )
            for offset, (schema, event) in enumerate(events)
        ]
        return list(self.intake.process(records, self.state, NOW).records)

    def route(self, hub: Sequence[Output]) -> list[Output]:
        records = [
            MemoryRecord(topic=output.topic, key=output.key, value=output.value, headers=output.headers)
            for output in hub
        ]
        return list(self.router.process(records, self.state, NOW).records)

    def send(self, *events: tuple[Schema, Mapping[str, Any]]) -> list[Output]:
        """All the way."""
        hub = self.publish(*events)
        assert {output.topic for output in hub} == {"instep.events"}
        return self.route(hub)


def bound(shares: Any) -> Network:
    return network(agreement("tax", shares=[shares]), schemas=IDS)


def move(number: int, schema: Schema, **differences: Any) -> tuple[Schema, dict[str, Any]]:
    """Somebody moves to Leeds, as Bradford says it in this version; header fields and `reason` may differ."""
    event = from_plain(schema, copy.deepcopy(plain_example("ordinary-move")))
    reason = differences.pop("reason", "MOVE")
    event["header"] |= {"source": "bradford", "event_id": id_of(number), "sequence": number} | differences
    return schema, event | {"reason": reason} | ({FIELD: 3} if schema is V2 else {})


def id_of(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def deliveries(outputs: Sequence[Output]) -> list[tuple[str, dict[str, Any]]]:
    """Version and event of each delivery to Leeds."""
    delivered = []
    for output in outputs:
        if output.topic == "leeds.inbox.council-tax":
            framed = unframe(output.value)
            assert framed is not None
            schema = V2 if framed[0] == ID[V2.full_name, "1.1.0"] else V1
            assert framed[0] == ID[schema.full_name, schema.version]
            delivered.append((schema.version, decode(schema, framed[1])))
    return delivered


def rejections(outputs: Sequence[Output]) -> list[str]:
    reasons = []
    for output in outputs:
        framed = unframe(output.value)
        if output.topic == "bradford.rejected" and framed is not None:
            reasons.append(decode(FIRST.bus["rejection"], framed[1])["reason"])
    return reasons


def test_publishers_of_both_versions_are_served_and_each_delivery_keeps_its_own(second: Catalogue) -> None:
    outputs = Bus(second, second).send(move(1, V1), move(2, V2, reason=SYMBOL), move(3, V1))
    seen = [(version, event["reason"], event.get(FIELD)) for version, event in deliveries(outputs)]
    assert seen == [("1.0.0", "MOVE", None), ("1.1.0", SYMBOL, 3), ("1.0.0", "MOVE", None)]
    assert rejections(outputs) == []


def test_recipients_of_both_versions_read_the_deliveries_of_both(second: Catalogue) -> None:
    outputs = Bus(second, second).send(move(1, V1), move(2, V2, reason=SYMBOL))
    written = {"1.0.0": V1, "1.1.0": V2}
    seen = {
        (written[version].version, reader.version): read(
            encode(written[version], event), written[version], reader
        )
        for version, event in deliveries(outputs)
        for reader in (V1, V2)
    }
    assert {pair: (event["reason"], event.get(FIELD, "not known")) for pair, event in seen.items()} == {
        ("1.0.0", "1.0.0"): ("MOVE", "not known"),
        ("1.0.0", "1.1.0"): ("MOVE", None),
        ("1.1.0", "1.0.0"): ("UNKNOWN", "not known"),
        ("1.1.0", "1.1.0"): (SYMBOL, 3),
    }


def test_a_new_field_is_shared_with_nobody_until_an_agreement_names_it(second: Catalogue) -> None:
    ((version, event),) = deliveries(Bus(second, second, shares=NARROW).send(move(1, V2)))
    assert version == "1.1.0"
    assert event[FIELD] is None
    assert event["person"]["family_name"] == "Åkerthwaite"


@pytest.mark.parametrize(("old", "new"), [(V1, V2), (V2, V1)], ids=["by the newer", "by the older"])
def test_an_event_may_be_corrected_and_annulled_in_the_other_version(
    second: Catalogue, old: Schema, new: Schema
) -> None:
    bus = Bus(second, second)
    outputs = bus.send(
        move(1, old),
        move(2, new, change_kind="CORRECT", replaces=id_of(1)),
        move(3, old, change_kind="ANNUL", replaces=id_of(2)),
    )
    kinds = [(version, event["header"]["change_kind"]) for version, event in deliveries(outputs)]
    assert kinds == [(old.version, "NEW"), (new.version, "CORRECT"), (old.version, "ANNUL")]


def test_services_that_know_version_1_alone_serve_it_on_a_network_that_binds_both() -> None:
    outputs = Bus(FIRST, FIRST).send(move(1, V1))
    assert [version for version, _ in deliveries(outputs)] == ["1.0.0"]


def test_an_intake_that_does_not_know_version_2_refuses_it_for_that_and_a_newer_one_accepts_it_later(
    second: Catalogue,
) -> None:
    outputs = Bus(FIRST, second).publish(move(1, V1), move(2, V2), move(3, V1))
    assert [output.topic for output in outputs] == ["instep.events", "bradford.rejected", "instep.events"]
    assert rejections(outputs) == ["unknown-schema"]
    assert [version for version, _ in deliveries(Bus(second, second).send(move(2, V2)))] == ["1.1.0"]


def test_a_router_that_does_not_know_version_2_stops_before_it_and_a_newer_one_goes_on_from_there(
    second: Catalogue,
) -> None:
    """It never guesses and loses nothing: the lane waits for the newer service."""
    bus = Bus(second, FIRST)
    first, other = bus.publish(move(1, V1)), bus.publish(move(2, V2))
    assert len(deliveries(bus.route(first))) == 1
    with pytest.raises(HubRecordError, match="of a schema that this network knows"):
        bus.route(other)
    bus.routing(second, bound(WIDE))
    assert [version for version, _ in deliveries(bus.route(other))] == ["1.1.0"]
    assert bus.route(first) == [], "what the older one has routed stays routed"


def test_different_content_under_one_identity_is_a_conflict_in_whichever_version(second: Catalogue) -> None:
    bus = Bus(second, second)
    bus.send(move(1, V1))
    assert rejections(bus.send(move(1, V2, reason=SYMBOL))) == ["id-conflict"]


@pytest.mark.parametrize(("old", "new"), [(V1, V2), (V2, V1)], ids=["in the newer", "in the older"])
def test_an_event_sent_again_in_the_other_version_is_a_repeat(
    second: Catalogue, old: Schema, new: Schema
) -> None:
    def in_version(schema: Schema) -> tuple[Schema, dict[str, Any]]:
        _, event = move(1, schema)
        return schema, {**event, FIELD: None} if schema is V2 else event

    bus = Bus(second, second)
    assert len(deliveries(bus.send(in_version(old)))) == 1
    assert bus.send(in_version(new)) == []


def test_what_the_older_version_cannot_say_is_other_content(second: Catalogue) -> None:
    bus = Bus(second, second)
    bus.send(move(1, V2))
    assert rejections(bus.send(move(1, V1))) == ["id-conflict"]
