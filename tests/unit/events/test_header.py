"""Content is everything but the time of publishing."""

from hashlib import blake2b
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from instep.events.framing import PREFIX, frame
from instep.events.header import content_digest, identity, published_at
from instep.events.schema import Schema
from instep.events.writer import encode
from tests.strategies import LONGS, datums, examples
from tests.unit.events.sample import CATALOGUE, MOVED, REGISTERED, example, fastavro_encode

EVENTS = st.sampled_from((MOVED.latest, REGISTERED.latest))


def digest(schema: Schema, event: dict[str, Any], number: int = 7) -> bytes:
    return content_digest(schema, frame(number, encode(schema, event)), event["header"])


def with_header(event: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**event, "header": {**event["header"], **changes}}


def slow_digest(schema: Schema, event: dict[str, Any]) -> bytes:
    """The same by fastavro: the header cut in two at `published_at`, each half written by a schema of its own."""
    fields = CATALOGUE.header.parsed["fields"]
    at = [field["name"] for field in fields].index("published_at")
    body = fastavro_encode(schema, with_header(event, published_at=0))
    before = fastavro_encode_fields(fields[:at], event["header"])
    assert body.startswith(before + b"\x00")
    content = schema.full_name.encode() + b"\x00" + before + body[len(before) + 1 :]
    return blake2b(content, digest_size=16).digest()


def fastavro_encode_fields(fields: list[Any], header: dict[str, Any]) -> bytes:
    from io import BytesIO

    import fastavro

    body = BytesIO()
    fastavro.schemaless_writer(body, {"type": "record", "name": "Part", "fields": fields}, header)
    return body.getvalue()


@examples(50)
@given(st.data(), EVENTS)
def test_the_digest_is_that_of_a_slow_reference(data: st.DataObject, schema: Schema) -> None:
    event = data.draw(datums(schema))
    assert digest(schema, event) == slow_digest(schema, event)
    assert len(digest(schema, event)) == 16


@given(st.data(), EVENTS, LONGS)
def test_publishing_again_does_not_change_the_content(
    data: st.DataObject, schema: Schema, again: int
) -> None:
    event = data.draw(datums(schema))
    assert digest(schema, with_header(event, published_at=again)) == digest(schema, event)


@examples(50)
@given(st.data(), EVENTS)
def test_any_other_change_changes_the_content(data: st.DataObject, schema: Schema) -> None:
    event, other = data.draw(datums(schema)), data.draw(datums(schema))
    field = data.draw(st.sampled_from([*event["header"], *event]))
    assume(field not in ("published_at", "header"))
    changed = (
        with_header(event, **{field: other["header"][field]})
        if field in event["header"]
        else {**event, field: other[field]}
    )
    assert (digest(schema, changed) == digest(schema, event)) == (changed == event)


def test_the_networks_number_of_a_schema_is_not_content_and_the_kind_of_event_is() -> None:
    event = {"header": example()["header"]}
    assert digest(MOVED.latest, event, 7) == digest(MOVED.latest, event, 8)
    body = encode(REGISTERED.latest, event)
    as_moved = content_digest(MOVED.latest, frame(7, body), event["header"])
    assert as_moved != content_digest(REGISTERED.latest, frame(7, body), event["header"])


@examples(50)
@given(st.data(), EVENTS)
def test_published_at_is_found_where_it_is_written(data: st.DataObject, schema: Schema) -> None:
    event = with_header(data.draw(datums(schema)), published_at=2**62)
    start = published_at(event["header"])
    value = frame(7, fastavro_encode(schema, event))
    assert value[start : start + 10] == b"\x80" * 9 + b"\x01"
    assert start > PREFIX


def test_identity_is_of_source_subject_and_event() -> None:
    assert identity("leeds", "a", "b") == blake2b(b"leeds/a/b", digest_size=16).digest()
    assert (
        len({identity("leeds", "a", "b"), identity("bradford", "a", "b"), identity("leeds", "b", "a")}) == 3
    )
