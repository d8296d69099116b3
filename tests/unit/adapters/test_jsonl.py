"""Plain events from JSON lines stay as given; only the gaps of their headers are filled."""

import json
from typing import Any

import pytest

from instep.adapters import Line, Plain, Refused, read
from instep.errors import FileFormatError
from tests.unit.adapters.publishing import AUTHORITY, NOW, SETTINGS, Publisher, events, names

ID = "0b0e7c6a-5d2e-8c8e-9f36-0d6a3c1f9b52"
HEADER = {
    "subject_ref": "subject-1",
    "change_kind": "NEW",
    "sequence": 7,
    "occurred_on": "2026-05-01",
    "recorded_at": "2026-05-04T10:00:00Z",
    "handling": "ORDINARY",
}
EVENT = {
    "header": HEADER,
    "person": {"family_name": "Quillfeather"},
    "new_address": {"postcode": "BD1 1HY"},
    "moved_on": "2026-05-01",
}


def event(header: dict[str, Any] | None = None, **changes: Any) -> Plain:
    event = {**EVENT, **changes, "header": {**HEADER, **(header or {})}}
    event["header"] = {name: value for name, value in event["header"].items() if value != "absent"}
    return event


def jsonl(*documents: Any) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def lines_of(publisher: Publisher, content: bytes) -> list[Line]:
    return list(read(publisher.file(content, ".jsonl"), authority=AUTHORITY, settings=SETTINGS))


def test_an_event_goes_as_it_is_given_with_the_gaps_of_its_header_filled(publisher: Publisher) -> None:
    (event,) = events(publisher.publish(publisher.file(jsonl(EVENT), ".jsonl")))
    filled = {name: event["header"].pop(name) for name in ("event_id", "published_at", "source")}
    event["header"].pop("source_system")
    assert event == EVENT
    assert filled["source"] == AUTHORITY
    assert filled["published_at"].startswith("2026-")
    assert NOW


def test_an_id_that_is_given_stays(publisher: Publisher) -> None:
    path = publisher.file(jsonl(event({"event_id": ID})), ".jsonl")
    assert events(publisher.publish(path))[0]["header"]["event_id"] == ID


def test_publishing_the_file_again_publishes_nothing(publisher: Publisher) -> None:
    path = publisher.file(jsonl(EVENT, event({"change_kind": "ANNUL", "replaces": ID})), ".jsonl")
    assert names(publisher.publish(path)) == ["Send", "Send"]
    assert names(publisher.publish(path)) == ["Unchanged", "Unchanged"]


def test_events_that_differ_in_what_they_change_have_different_ids(publisher: Publisher) -> None:
    path = publisher.file(jsonl(EVENT, event({"change_kind": "CORRECT", "replaces": ID})), ".jsonl")
    first, second = events(publisher.publish(path))
    assert first["header"]["event_id"] != second["header"]["event_id"]


def test_without_a_change_kind_it_is_judged_by_what_was_published_before(publisher: Publisher) -> None:
    bare = {"change_kind": "absent", "sequence": "absent"}
    first = event(bare)
    second = event({**bare, "recorded_at": "2026-05-05T10:00:00Z"}, moved_on="2026-05-02")
    outcomes = publisher.publish(publisher.file(jsonl(first, first, second), ".jsonl"))
    assert names(outcomes) == ["Send", "Skipped", "Send"]
    new, correct = (event["header"] for event in events(outcomes))
    assert (new["change_kind"], correct["change_kind"]) == ("NEW", "CORRECT")
    assert correct["replaces"] == new["event_id"]


def test_a_local_reference_stands_in_for_the_subject_and_goes_no_further(publisher: Publisher) -> None:
    line = {**event({"subject_ref": "absent"}), "reference": "CT-77", "household_reference": "HH-77"}
    outcomes = publisher.publish(publisher.file(jsonl(line, {**line, "reference": "CT-78"}), ".jsonl"))
    first, second = events(outcomes)
    assert first["header"]["subject_ref"] != second["header"]["subject_ref"]
    assert first["group_ref"] == second["group_ref"]
    assert not any(mark in json.dumps([first, second]) for mark in ("CT-7", "HH-7"))


def test_handling_that_is_not_given_is_protected(publisher: Publisher) -> None:
    path = publisher.file(jsonl(event({"handling": "absent"})), ".jsonl")
    assert events(publisher.publish(path))[0]["header"]["handling"] == "PROTECTED"


def test_one_protected_event_protects_all_of_its_group(publisher: Publisher) -> None:
    lines = [
        event(group_ref="g1"),
        event({"subject_ref": "subject-2", "handling": "PROTECTED"}, group_ref="g1"),
        event({"subject_ref": "subject-3"}, group_ref="g2"),
        event({"subject_ref": "subject-4"}),
    ]
    outcomes = publisher.publish(publisher.file(jsonl(*lines), ".jsonl"))
    handling = [sent["header"]["handling"] for sent in events(outcomes)]
    assert handling == ["PROTECTED", "PROTECTED", "ORDINARY", "ORDINARY"]


@pytest.mark.parametrize(
    ("document", "column", "reason"),
    [
        (event({"subject_ref": "absent"}), "header.subject_ref", "missing-subject-ref"),
        (event({"recorded_at": "absent"}), "header.recorded_at", "missing-recorded-at"),
        (event({"occurred_on": None}), "header.occurred_on", "missing-occurred-on"),
        (event({"recorded_at": "soon"}), "header.recorded_at", "impossible-date"),
        (event({"event_id": "seven"}), "header.event_id", "bad-identifier"),
        (event({"source": "bradford"}), "header.source", "wrong-source"),
        ({"header": HEADER}, "event_type", "not-an-event"),
        ({**EVENT, "header": 3}, "header", "missing-header"),
        ({**EVENT, "reference": 3}, "reference", "wrong-type"),
        ([EVENT], "", "not-json"),
    ],
)
def test_an_event_that_cannot_be_used_is_refused_and_the_rest_goes_on(
    publisher: Publisher, document: Any, column: str, reason: str
) -> None:
    outcomes = publisher.publish(
        publisher.file(jsonl(EVENT, document, event({"subject_ref": "s2"})), ".jsonl")
    )
    assert names(outcomes) == ["Send", "Refused", "Send"]
    assert isinstance(outcomes[1], Refused)
    assert (outcomes[1].line, outcomes[1].column, outcomes[1].reason) == (2, column, reason)


def test_an_annulment_needs_no_more_than_its_type(publisher: Publisher) -> None:
    annulment = {"event_type": "resident-moved", "header": {**HEADER, "change_kind": "ANNUL", "replaces": ID}}
    assert names(publisher.publish(publisher.file(jsonl(annulment), ".jsonl"))) == ["Send"]


def test_lines_that_are_broken_are_refused_and_blank_ones_left_out(publisher: Publisher) -> None:
    deep = b'{"header": ' + b"[" * 30_000 + b"\n"
    content = jsonl(EVENT) + b"\n{broken\n" + deep + b'{"a": "\xe9"}\n' + jsonl(EVENT) + b'{"header": {"ha'
    refused = [line for line in lines_of(publisher, content) if isinstance(line, Refused)]
    assert [(line.line, line.reason) for line in refused] == [
        (3, "not-json"),
        (4, "not-json"),
        (5, "bad-encoding"),
        (7, "cut-off"),
    ]


def test_nesting_that_no_event_has_is_refused_without_a_traceback(publisher: Publisher) -> None:
    whole = json.dumps(event(old_address=0))
    for depth in (300, 600, 900, 980):
        nested = whole.replace(
            '"old_address": 0', '"old_address": ' + '{"lines": ' * depth + "0" + "}" * depth
        )
        (outcome,) = publisher.publish(publisher.file(nested.encode() + b"\n", ".jsonl"))
        assert type(outcome).__name__ in {"Send", "Refused"}


@pytest.mark.parametrize("content", [b"[1]\n", b"a,b\n", b"\n\n"])
def test_a_file_that_is_not_json_lines_is_one_sentence(publisher: Publisher, content: bytes) -> None:
    with pytest.raises(FileFormatError, match=r"is not JSON lines|is empty"):
        read(publisher.file(content, ".jsonl"), authority=AUTHORITY, settings=SETTINGS)
