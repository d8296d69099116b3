"""A record of an outbox is sound, or is refused for the first reason that applies."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.events.decoding import MAX_VALUE, Decoder, Refusal, Sound
from instep.events.framing import frame
from instep.events.outbox import (
    MAX_HEADER_COUNT,
    MAX_HEADERS,
    MAX_KEY,
    OutboxHeaders,
    readable_subject_ref,
    validate,
)
from instep.events.rules import rule_of
from instep.events.writer import encode
from tests.unit.events.sample import CATALOGUE, MOVED, NOW, example, spoilt

DECODER = Decoder(CATALOGUE, {7: MOVED.latest})
RULES = {name: rule_of(event_type) for name, event_type in CATALOGUE.events.items()}
EVENT = example()
HEADER = EVENT["header"]
SOURCE, SUBJECT_REF, EVENT_ID = HEADER["source"], HEADER["subject_ref"], HEADER["event_id"]
KEY = SUBJECT_REF.encode()
VALUE = frame(7, encode(MOVED.latest, EVENT))
CE_ID = ("ce_id", EVENT_ID.encode())


def validated(
    key: bytes | None = KEY, value: bytes | None = VALUE, headers: OutboxHeaders = (), source: str = SOURCE
) -> Sound | Refusal:
    return validate(key, value, headers, source=source, decoder=DECODER, rules=RULES, now=NOW)


def refused(**record: Any) -> Refusal:
    refusal = validated(**record)
    assert isinstance(refusal, Refusal)
    return refusal


def value_with(**header: Any) -> bytes:
    return frame(7, encode(MOVED.latest, {**EVENT, "header": {**HEADER, **header}}))


def test_a_sound_record_gives_its_event_in_the_same_bytes() -> None:
    sound = validated()
    assert isinstance(sound, Sound)
    assert (sound.event, sound.value) == (EVENT, VALUE)
    assert (sound.schema, sound.event_type) == (MOVED.latest, MOVED)


@pytest.mark.parametrize(
    ("hostile", "neighbour", "fields"),
    [
        ({"key": b"k" * (MAX_KEY + 1)}, {"key": b"k" * MAX_KEY}, ("key",)),
        (
            {"headers": [("a", b"b")] * (MAX_HEADER_COUNT + 1)},
            {"headers": [("a", b"b")] * MAX_HEADER_COUNT},
            ("headers",),
        ),
        (
            {"headers": [("a", bytes(MAX_HEADERS))]},
            {"headers": [("a", bytes(MAX_HEADERS - 1))]},
            ("headers",),
        ),
        (
            {"headers": [("é" * (MAX_HEADERS // 2), b"x")]},
            {"headers": [("é" * (MAX_HEADERS // 2), None)]},
            ("headers",),
        ),
        ({"value": bytes(MAX_VALUE + 1)}, {"value": bytes(MAX_VALUE)}, ()),
    ],
    ids=["key", "number of headers", "bytes of headers", "bytes of a name", "value"],
)
def test_a_record_at_the_limit_is_not_oversize_and_a_byte_more_is(
    hostile: dict[str, Any], neighbour: dict[str, Any], fields: tuple[str, ...]
) -> None:
    refusal = refused(**hostile)
    assert (refusal.reason, refusal.fields) == ("oversize", fields)
    at_limit = validated(**neighbour)
    assert isinstance(at_limit, Sound) or at_limit.reason != "oversize"


def test_an_oversize_record_is_refused_before_its_value_is_looked_at() -> None:
    refusal = refused(key=b"k" * (MAX_KEY + 1), value=b"hello")
    assert (refusal.reason, refusal.event_id, refusal.subject_ref) == ("oversize", None, None)


def test_an_undecodable_value_is_refused_under_the_subject_of_its_key() -> None:
    refusal = refused(value=VALUE[:-9])
    assert (refusal.reason, refusal.event_id, refusal.subject_ref) == ("undecodable", EVENT_ID, SUBJECT_REF)
    assert refused(value=b"hello", key=b"Imogen Pellowby").subject_ref is None


def test_an_event_names_the_source_whose_outbox_holds_it() -> None:
    refusal = refused(source="bradford" if SOURCE != "bradford" else "leeds")
    assert (refusal.reason, refusal.fields) == ("wrong-source", ("header.source",))
    assert (refusal.event_id, refusal.event_type) == (EVENT_ID, "resident-moved")


@pytest.mark.parametrize("key", [None, b"", b"other", KEY + b"x", b"\xff"])
def test_a_key_is_the_subject_reference(key: bytes | None) -> None:
    refusal = refused(key=key)
    assert (refusal.reason, refusal.fields) == ("key-mismatch", ("key", "header.subject_ref"))
    assert refusal.subject_ref == SUBJECT_REF


@pytest.mark.parametrize(
    ("name", "agreeing", "contradicting"),
    [
        ("ce_specversion", b"1.0", b"0.3"),
        ("ce_id", EVENT_ID.encode(), b"6513270e-269e-4d37-b2a7-4de452e6b439"),
        ("ce_source", f"urn:instep:authority:{SOURCE}".encode(), b"urn:instep:authority:other"),
        ("ce_type", b"uk.instep.resident-moved.v1", b"uk.instep.business-registered.v1"),
        (
            "ce_dataschema",
            b"urn:instep:schema:uk.instep.ResidentMoved:1.0.0",
            b"urn:instep:schema:uk.instep.ResidentMoved:1.1.0",
        ),
    ],
)
def test_a_cloudevents_header_agrees_with_the_event(name: str, agreeing: bytes, contradicting: bytes) -> None:
    assert isinstance(validated(headers=[(name, agreeing)]), Sound)
    for wrong in (contradicting, b"", b"\xff", None):
        refusal = refused(headers=[("x-own", b"\xff"), (name, agreeing), (name, wrong), (name, wrong)])
        assert (refusal.reason, refusal.fields) == ("header-mismatch", (name,))


@pytest.mark.parametrize("name", ["ce_time", "ce_subject", "traceparent", "x-own"])
def test_any_other_header_may_say_anything(name: str) -> None:
    assert isinstance(validated(headers=[CE_ID, (name, b"\xff"), (name, None)]), Sound)


def test_every_contradicting_header_is_named_in_their_order() -> None:
    refusal = refused(headers=[("ce_type", b""), CE_ID, ("ce_source", b""), ("ce_type", None)])
    assert refusal.fields == ("ce_type", "ce_source")


def test_a_sound_form_with_an_unsound_meaning_is_refused_by_the_rule_of_its_type() -> None:
    refusal = refused(value=value_with(change_kind="UNKNOWN"))
    assert (refusal.reason, refusal.fields) == ("unknown-value", ("header.change_kind",))


def test_a_contradiction_comes_before_the_rule() -> None:
    unsound = value_with(change_kind="UNKNOWN")
    assert refused(value=unsound, key=b"other").reason == "key-mismatch"
    assert refused(value=unsound, headers=[("ce_id", b"")]).reason == "header-mismatch"


def test_a_refusal_repeats_no_text_without_the_form_of_an_identifier() -> None:
    """A faulty system may have put a name there."""
    misused = value_with(subject_ref="Imogen Zoe Pellowby", event_id="Imogen")
    refusal = refused(value=misused, key=b"other")
    assert (refusal.reason, refusal.event_id, refusal.subject_ref) == ("key-mismatch", None, None)
    assert "Imogen" not in repr(refusal)


@pytest.mark.parametrize(
    ("key", "subject_ref"),
    [
        (b"7QpVtT3bKx0d", "7QpVtT3bKx0d"),
        (b"a" * 64, "a" * 64),
        (b"a" * 65, None),
        (b"", None),
        (None, None),
        (b"Imogen Pellowby", None),
        ("Zoë".encode(), None),
        (b"\xff", None),
        (b"9434765919", None),
        (b"k" * (MAX_KEY + 1), None),
    ],
)
def test_a_key_gives_a_subject_reference_only_where_it_has_the_form(
    key: bytes | None, subject_ref: str | None
) -> None:
    assert readable_subject_ref(key) == subject_ref


@given(
    spoilt(VALUE),
    st.none() | st.just(KEY) | st.binary(max_size=300),
    st.lists(st.tuples(st.sampled_from(["ce_id", "ce_type", "x"]), st.none() | st.binary()), max_size=3),
)
def test_whatever_a_record_holds_it_is_sound_or_refused(
    value: bytes, key: bytes | None, headers: OutboxHeaders
) -> None:
    outcome = validated(key=key, value=value, headers=headers)
    if isinstance(outcome, Sound):
        assert outcome.event["header"]["source"] == SOURCE
        assert outcome.event["header"]["subject_ref"].encode() == key
    else:
        assert outcome.reason
