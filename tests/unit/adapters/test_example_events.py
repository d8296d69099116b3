"""The examples of the catalogue can be published as they are: a file with an event, or many as JSON lines."""

import json
from pathlib import Path

import pytest

from instep.adapters import Memory, Refused, Row, Send, read, triage
from instep.client.publisher import NotAdmitted
from tests.unit.adapters.publishing import NOW, SETTINGS
from tests.unit.cases.council import ROOT, gate

EXAMPLES = sorted((ROOT / "schemas" / "events").glob("*/examples/*.json"))


def source_of(file: Path) -> str:
    return str(json.loads(file.read_text())["header"]["source"])


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: f"{file.parts[-3]}-{file.stem}")
def test_an_example_is_published_as_it_is(file: Path, tmp_path: Path) -> None:
    authority = source_of(file)
    lines = read(file, authority=authority, settings=SETTINGS)
    with Memory.open(tmp_path, authority) as memory:
        (sent,) = triage(lines, memory=memory, secret=memory.secret, authority=authority, now=lambda: NOW)
        assert isinstance(sent, Send)
    assert sent.event_type == file.parts[-3]
    event = json.loads(file.read_text())
    assert sent.event["header"]["event_id"] == event["header"]["event_id"]
    admitted = gate().admit(authority, sent.event_type, sent.event, NOW)
    assert not isinstance(admitted, NotAdmitted)


def test_the_examples_as_json_lines_are_the_same_events(tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    events = [json.loads(example.read_text()) for example in EXAMPLES]
    file.write_text("".join(f"{json.dumps(event)}\n" for event in events))
    rows = list(read(file, authority="leeds", settings=SETTINGS))
    assert [row.event_type for row in rows if isinstance(row, Row)] == [path.parts[-3] for path in EXAMPLES]


def test_a_single_event_over_many_lines_may_begin_with_blank_lines_and_a_mark(tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    file.write_bytes(b"\xef\xbb\xbf" + EXAMPLES[0].read_bytes())
    (row,) = read(file, authority="leeds", settings=SETTINGS)
    assert isinstance(row, Row)


def test_two_events_over_many_lines_are_refused_line_by_line_and_none_is_sent(tmp_path: Path) -> None:
    file = tmp_path / "two.jsonl"
    file.write_bytes(EXAMPLES[0].read_bytes() * 2)
    assert all(isinstance(line, Refused) for line in read(file, authority="leeds", settings=SETTINGS))


def test_an_annulment_of_an_unknown_system_has_to_name_its_type(tmp_path: Path) -> None:
    file = tmp_path / "annul.json"
    event = json.loads((ROOT / "schemas/events/resident-moved/examples/annulment.json").read_text())
    event["header"]["source_system"] = "parking"
    file.write_text(json.dumps(event))
    (line,) = read(file, authority="leeds", settings=SETTINGS)
    assert isinstance(line, Refused)
    assert line.reason == "not-an-event"
    file.write_text(json.dumps({"event_type": "resident-moved", **event}))
    (line,) = read(file, authority="leeds", settings=SETTINGS)
    assert isinstance(line, Row)
