"""Intake accepts or refuses the records of an outbox, each for itself; a refusal has its reason."""

import copy
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from instep.errors import NetworkError
from instep.events.framing import frame, unframe
from instep.events.reader import decode
from instep.events.writer import encode
from instep.intake.metrics import IntakeMetrics
from instep.intake.processor import Intake
from instep.lanes.processor import Output
from instep.network.network import Network
from instep.network.partition import lane_of
from tests.unit.events.sample import CATALOGUE, MOVED, example, spoilt
from tests.unit.memory_state import MemoryRecord, MemoryState
from tests.unit.sharing import network

NOW = 1_780_000_000_000  # 2026-05-28
IDS = {number: (schema.full_name, schema.version) for number, schema in enumerate(CATALOGUE.all(), start=1)}
MOVED_ID = next(number for number, (name, _) in IDS.items() if name == MOVED.full_name)
NETWORK: Network = network(schemas=IDS)
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def intake(registry: CollectorRegistry | None = None) -> Intake:
    made = Intake(CATALOGUE, IntakeMetrics(registry or CollectorRegistry()))
    made.follow(NETWORK)
    return made


INTAKE = intake()


def move(change: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
    event = copy.deepcopy(example())
    if change is not None:
        change(event)
    return event


def outbox(event: Mapping[str, Any] | None = None, **differences: Any) -> MemoryRecord:
    """A sound record of Leeds's outbox, but for the differences."""
    event = event or move()
    sound: dict[str, Any] = {
        "topic": "leeds.outbox",
        "offset": 41,
        "key": event["header"]["subject_ref"].encode(),
        "value": frame(MOVED_ID, encode(MOVED.latest, event)),
    }
    return MemoryRecord(**sound | differences)


def output_of(record: MemoryRecord) -> Output:
    (output,) = INTAKE.process([record], MemoryState(), NOW).records
    return output


def rejection(record: MemoryRecord) -> dict[str, Any]:
    output = output_of(record)
    assert (output.topic, output.partition) == ("leeds.rejected", 0)
    unframed = unframe(output.value)
    assert unframed is not None
    assert IDS[unframed[0]][0] == "uk.instep.Rejection"
    return decode(CATALOGUE.bus["rejection"], unframed[1])


def put(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(event: dict[str, Any]) -> None:
        *records, last = path.split(".")
        target = event
        for name in records:
            target = target[name]
        target[last] = value

    return change


def test_a_sound_event_goes_to_the_lane_of_its_key_in_the_same_bytes() -> None:
    record = outbox()
    output = output_of(record)
    assert output.topic == "instep.events"
    assert output.key == b"leeds/7QpVtT3bKx0d"
    assert output.partition == lane_of(b"leeds/7QpVtT3bKx0d", NETWORK.lanes)
    assert output.value == record.value


def test_the_hub_learns_where_in_the_outbox_it_lay_and_nothing_else_of_the_headers() -> None:
    record = outbox(headers=[("traceparent", TRACE), ("x-name", b"Imogen"), ("ce_subject", b"Imogen")])
    assert list(output_of(record).headers) == [("instep-outbox-offset", b"41"), ("traceparent", TRACE)]


@pytest.mark.parametrize("trace", [b"Imogen", b"", b"ff" + TRACE[2:], TRACE[:3] + b"0" * 32 + TRACE[35:]])
def test_a_malformed_traceparent_does_not_travel(trace: bytes) -> None:
    assert list(output_of(outbox(headers=[("traceparent", trace)])).headers) == [
        ("instep-outbox-offset", b"41")
    ]


def test_sized_array_blocks_are_written_again() -> None:
    """Some libraries write them, and they are valid Avro; hub topics hold canonical bytes only."""
    event = move()
    body = encode(MOVED.latest, event)
    line = b"\x2214 Ferncliffe Row"
    plain, block = b"\x02" + line + b"\x00", b"\x01" + bytes([2 * len(line)]) + line + b"\x00"
    assert body.count(plain) == 1
    sized = body.replace(plain, block)
    output = output_of(outbox(event, value=frame(MOVED_ID, sized)))
    assert (output.topic, output.value) == ("instep.events", frame(MOVED_ID, body))


def test_a_canary_is_accepted_like_any_event() -> None:
    assert output_of(outbox(move(put("header.synthetic", True)))).topic == "instep.events"


REFUSED = [
    ("no value", outbox(value=None), "bad-framing", []),
    ("no framing", outbox(value=b"hello"), "bad-framing", []),
    ("a schema that nobody knows", outbox(value=frame(999, b"x")), "unknown-schema", []),
    ("bytes after the event", outbox(value=(outbox().value or b"") + b"\0"), "trailing-bytes", []),
    ("an event cut short", outbox(value=(outbox().value or b"")[:-9]), "undecodable", []),
    ("a value above 256 KiB", outbox(value=bytes(256 * 1024 + 1)), "oversize", []),
    ("a key above 256 bytes", outbox(key=b"k" * 257), "oversize", ["key"]),
    ("65 headers", outbox(headers=[("a", b"b")] * 65), "oversize", ["headers"]),
    ("headers above 16 KiB", outbox(headers=[("a", bytes(16 * 1024))]), "oversize", ["headers"]),
    (
        "another source than the outbox's",
        outbox(move(put("header.source", "bradford"))),
        "wrong-source",
        ["header.source"],
    ),
    ("no key", outbox(key=None), "key-mismatch", ["key", "header.subject_ref"]),
    ("another key", outbox(key=b"other"), "key-mismatch", ["key", "header.subject_ref"]),
    ("a key that is no text", outbox(key=b"\xff"), "key-mismatch", ["key", "header.subject_ref"]),
    (
        "a kind that nobody knows",
        outbox(move(put("header.change_kind", "UNKNOWN"))),
        "unknown-value",
        ["header.change_kind"],
    ),
    (
        "a correction of nothing",
        outbox(move(put("header.change_kind", "CORRECT"))),
        "missing-field",
        ["header.replaces"],
    ),
    (
        "a postcode that is none",
        outbox(move(put("new_address.postcode", "LEEDS"))),
        "bad-identifier",
        ["new_address.postcode"],
    ),
    ("a day before 1850", outbox(move(put("moved_on", -99_999))), "bad-date", ["moved_on"]),
]


@pytest.mark.parametrize(
    ("record", "reason", "fields"),
    [pytest.param(*rest, id=fault) for fault, *rest in REFUSED],
)
def test_what_is_refused_and_why(record: MemoryRecord, reason: str, fields: list[str]) -> None:
    refused = rejection(record)
    assert (refused["source"], refused["outbox_offset"], refused["at"]) == ("leeds", 41, NOW)
    assert (refused["reason"], refused["fields"]) == (reason, fields)


def test_a_record_of_the_bus_itself_is_no_event() -> None:
    for number, (full_name, version) in IDS.items():
        if CATALOGUE.schema(full_name, version).kind == "bus":
            assert rejection(outbox(value=frame(number, b"x")))["reason"] == "unknown-schema"


@pytest.mark.parametrize(
    ("name", "agrees", "contradicts"),
    [
        ("ce_specversion", b"1.0", b"0.3"),
        ("ce_id", b"6513270e-269e-4d37-b2a7-4de452e6b438", b"6513270e-269e-4d37-b2a7-4de452e6b439"),
        ("ce_source", b"urn:instep:authority:leeds", b"urn:instep:authority:bradford"),
        ("ce_type", b"uk.instep.resident-moved.v1", b"uk.instep.business-registered.v1"),
        (
            "ce_dataschema",
            b"urn:instep:schema:uk.instep.ResidentMoved:1.0.0",
            b"urn:instep:schema:uk.instep.ResidentMoved:1.1.0",
        ),
    ],
)
def test_a_cloudevents_header_may_not_contradict_the_event(
    name: str, agrees: bytes, contradicts: bytes
) -> None:
    assert output_of(outbox(headers=[(name, agrees)])).topic == "instep.events"
    for wrong in (contradicts, b"", b"\xff", None):
        refused = rejection(outbox(headers=[("x-own", b"\xff"), (name, agrees), (name, wrong)]))
        assert (refused["reason"], refused["fields"]) == ("header-mismatch", [name])


def test_a_rejection_is_keyed_by_the_subject_where_it_can_be_read() -> None:
    assert output_of(outbox(value=b"hello")).key == b"7QpVtT3bKx0d"
    assert output_of(outbox(key=b"other")).key == b"7QpVtT3bKx0d"
    assert output_of(outbox(value=b"hello", key=None)).key is None


def test_what_has_not_the_form_of_a_reference_is_in_no_rejection() -> None:
    """A faulty system may have put a name there."""
    misused = move(put("header.subject_ref", "Imogen Zoe Pellowby"))
    for record in (outbox(misused), outbox(misused, value=b"hello"), outbox(misused, key=b"x")):
        output = output_of(record)
        assert output.topic == "leeds.rejected"
        assert output.key is None
        assert b"Imogen" not in (output.value or b"")


def test_a_rejection_names_the_event_where_its_id_is_one() -> None:
    assert rejection(outbox(key=b"other"))["event_id"] == "6513270e-269e-4d37-b2a7-4de452e6b438"
    assert rejection(outbox(move(put("header.event_id", "Imogen")), key=b"other"))["event_id"] is None
    assert rejection(outbox(value=b"hello"))["event_id"] is None


def test_records_stay_in_order_and_each_has_one_output() -> None:
    records = [outbox(offset=at, value=None if at % 3 == 0 else outbox().value) for at in range(20)]
    outputs = INTAKE.process(records, MemoryState(), NOW).records
    assert [output.topic == "leeds.rejected" for output in outputs] == [at % 3 == 0 for at in range(20)]
    hub = [
        dict(output.headers)["instep-outbox-offset"] for output in outputs if output.topic == "instep.events"
    ]
    assert hub == [b"%d" % at for at in range(20) if at % 3]


def test_a_record_that_kills_the_decoder_is_set_aside_undecoded() -> None:
    (output,) = INTAKE.poisoned(outbox(value=b"poison"), NOW).records
    unframed = unframe(output.value)
    assert unframed is not None
    refused = decode(CATALOGUE.bus["rejection"], unframed[1])
    assert (output.topic, output.key) == ("leeds.rejected", b"7QpVtT3bKx0d")
    assert (refused["reason"], refused["outbox_offset"]) == ("poison", 41)


@pytest.mark.slow
def test_the_probe_survives_what_intake_survives() -> None:
    values = [outbox().value or b"", b"", b"hello"]
    asked = b"".join(len(value).to_bytes(4, "big") + value for value in values)
    done = subprocess.run(INTAKE.probe_command(), input=asked, capture_output=True, timeout=60, check=True)
    assert done.stdout == b"." * (1 + len(values))


def test_intake_reads_the_outbox_of_everyone_who_takes_part_and_remembers_nothing() -> None:
    assert INTAKE.service.inputs(NETWORK) == tuple(
        f"{council}.outbox" for council in sorted(NETWORK.authorities)
    )
    state = MemoryState()
    INTAKE.process([outbox()], state, NOW)
    assert INTAKE.tick(state, NOW).records == ()
    assert state.entries == {}


def test_a_network_without_an_id_for_rejections_is_not_followed() -> None:
    with pytest.raises(NetworkError, match="network apply"):
        Intake(CATALOGUE, IntakeMetrics(CollectorRegistry())).follow(network())


def test_counts_are_raised_after_the_commit_and_not_before() -> None:
    registry = CollectorRegistry()
    counting = intake(registry)
    outputs = counting.process(
        [outbox(), outbox(), outbox(key=b"other"), outbox(value=None)], MemoryState(), NOW
    )

    def count(outcome: str, event_type: str) -> float | None:
        labels = {"source": "leeds", "event_type": event_type, "outcome": outcome}
        return registry.get_sample_value("instep_intake_events_total", labels)

    assert count("accepted", "resident-moved") is None
    outputs.committed()
    assert count("accepted", "resident-moved") == 2
    assert count("refused", "resident-moved") == 1
    assert count("refused", "unknown") == 1
    labels = {"source": "leeds", "reason": "key-mismatch"}
    assert registry.get_sample_value("instep_intake_rejections_total", labels) == 1


@given(st.data())
def test_whatever_a_stranger_writes_ends_in_one_output(data: st.DataObject) -> None:
    """An accepted record is the canonical form of the stranger's, under the key of its own header."""
    body = data.draw(spoilt(encode(MOVED.latest, move())))
    key = data.draw(st.none() | st.binary(max_size=300) | st.just(b"7QpVtT3bKx0d"))
    headers = data.draw(
        st.lists(st.tuples(st.sampled_from(["ce_id", "ce_type", "x"]), st.binary()), max_size=3)
    )
    output = output_of(outbox(value=frame(MOVED_ID, body), key=key, headers=headers))
    assert output.topic in ("instep.events", "leeds.rejected")
    if output.topic == "instep.events":
        unframed = unframe(output.value)
        assert unframed is not None
        event = decode(MOVED.latest, unframed[1])
        assert encode(MOVED.latest, event) == unframed[1]
        assert output.key == f"leeds/{event['header']['subject_ref']}".encode() == b"leeds/" + (key or b"")


@given(st.binary(max_size=400))
def test_whatever_bytes_lie_in_an_outbox_the_lane_goes_on(value: bytes) -> None:
    assert output_of(outbox(value=value)).topic == "leeds.rejected"
