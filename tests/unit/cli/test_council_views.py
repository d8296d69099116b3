"""Shows a record to a council officer and to a program."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from instep.cli import council_views as views
from instep.client.content import leaves
from instep.client.filed_rows import FiledRow, opened
from instep.client.lost import REMEDIES, Lost
from instep.client.reader import Item

EVENT_ID = "6513270e-269e-4d37-b2a7-4de452e6b438"


def item(topic: str, kind: str, content: Mapping[str, Any], *, problem: str = "") -> Item:
    return Item(
        topic=topic,
        partition=0,
        offset=7,
        at=datetime(2026, 11, 23, 9, 30, 15, tzinfo=UTC),
        key="leeds/subject-1",
        headers={"ce_id": EVENT_ID},
        kind=kind,
        content=content,
        problem=problem,
    )


def test_a_delivery_is_shown_with_who_said_it_and_each_field() -> None:
    moved = item(
        "york.inbox.council-tax",
        "resident-moved",
        {
            "header": {"change_kind": "NEW", "handling": "PROTECTED"},
            "person": {"family_name": "Testcase"},
            "new_address": {"lines": ["Flat 1", "2 New Street"]},
        },
    )
    row = views.inbox_row(moved)
    assert tuple(row) == views.INBOX
    assert row["received"] == "2026-11-23 09:30:15"
    assert (row["from"], row["reference"], row["purpose"]) == ("leeds", "subject-1", "council-tax")
    assert row["what"] == "resident-moved (NEW, PROTECTED)"
    assert row["what it says"] == "person.family_name: Testcase\nnew_address.lines: Flat 1, 2 New Street"
    assert views.inbox_object(moved)["at"] == "2026-11-23T09:30:15Z"


def test_a_withdrawal_says_what_to_stop_relying_on_and_why() -> None:
    withdrawal = item("york.inbox.council-tax", "withdrawal", {"event_id": EVENT_ID, "reason": "ANNULLED"})
    assert views.inbox_row(withdrawal)["what"] == "withdrawn"
    assert "annulled" in views.inbox_row(withdrawal)["what it says"]
    assert "annulled" in views.inbox_object(withdrawal)["meaning"]


def test_a_record_that_cannot_be_decoded_is_shown_as_that() -> None:
    strange = item("york.inbox.council-tax", "", {}, problem="its schema id, 99, is not known here")
    assert "99" in views.inbox_row(strange)["what"]
    assert "99" in views.rejected_row(strange)["reason"]
    assert views.inbox_object(strange)["problem"]
    assert [views.outcome_row(entry)["kind"] for entry in views.outcome_objects(strange)] == [strange.problem]


def test_a_refusal_says_what_it_means_and_how_to_put_it_right() -> None:
    refusal = item(
        "leeds.rejected", "rejection", {"reason": "bad-date", "fields": ["moved_on"], "outbox_offset": 3}
    )
    row = views.rejected_row(refusal)
    assert tuple(row) == views.REJECTED
    assert (row["place in outbox"], row["reason"], row["fields"]) == (3, "bad-date", ["moved_on"])
    assert row["what it means"]
    assert row["how to put it right"]
    assert views.rejected_object(refusal)["subject_ref"] == "leeds/subject-1"


def test_each_entry_of_an_outcome_is_a_row_of_its_own() -> None:
    entries = [
        {
            "kind": "ACCEPTED",
            "event_id": EVENT_ID,
            "delivered": 2,
            "withheld": 0,
            "at": "2026-11-23T09:30:00Z",
        },
        {"kind": "RECEIPT", "outcome": "REFUSED", "reason_code": "no-such-account", "authority": "york"},
    ]
    rows = [
        views.outcome_row(entry)
        for entry in views.outcome_objects(item("leeds.outcomes", "outcome", {"entries": entries}))
    ]
    assert [tuple(row) for row in rows] == [views.OUTCOMES] * 2
    assert (rows[0]["delivered"], rows[0]["withheld"], rows[0]["at"]) == (2, 0, "2026-11-23 09:30")
    assert rows[0]["what became of it"] == "sent to 2 recipients, withheld from 0"
    assert rows[1]["what became of it"] == "york REFUSED no-such-account"


def test_an_outcome_names_who_was_sent_the_event_and_who_was_not(tmp_path: Path) -> None:
    decisions = [
        {"authority": "leeds", "purpose": "council-tax", "result": "DELIVERED", "agreements": ["tax@1"]},
        {"authority": "york", "purpose": "council-tax", "result": "WITHHELD", "reason": "not-approved"},
        {"authority": "hull", "purpose": "roll", "result": "WITHDRAWN", "reason": "ANNULLED"},
    ]
    counts = {"delivered": 1, "withheld": 1, "withdrawn": 1, "ending": "DECIDED"}
    entry = {"kind": "ACCEPTED", "event_id": EVENT_ID, "subject_ref": "s-1", "at": "2026-11-23T09:30:00Z"}
    outcome = item("leeds.outcomes", "outcome", {"entries": [entry | counts | {"decisions": decisions}]})
    with opened(tmp_path) as rows:
        rows.keep([FiledRow(file="moves.csv", line=17, outcome="published", event_id=EVENT_ID, at=2**41)])
        (shown,) = views.outcome_objects(outcome, rows)
    row = views.outcome_row(shown)
    assert (row["row"], row["withdrawn"]) == ("moves.csv line 17", 1)
    assert row["what became of it"].split("\n") == [
        "sent to leeds (council-tax)",
        "withheld from york (council-tax): not-approved",
        "withdrawn from hull (roll): ANNULLED",
    ]
    assert (shown["file"], shown["line"], shown["decisions"]) == ("moves.csv", 17, decisions)


@pytest.mark.parametrize("ending", REMEDIES)
def test_a_lost_event_has_its_remedy(ending: str) -> None:
    event = Lost(event_id=EVENT_ID, subject_ref="s-1", at="2026-11-23T09:30:00Z", ending=ending)
    row = views.lost_row(views.lost_object(event, None))
    assert tuple(row) == views.LOST
    assert (row["why"], row["how to put it right"]) == (REMEDIES[ending].meaning, REMEDIES[ending].remedy)


def test_items_of_a_list_share_the_path_of_their_list() -> None:
    content = {"operator": {"partners": [{"name": "A"}, {"name": "B"}]}, "sic_codes": ["1", "2"]}
    assert list(leaves(content)) == [
        ("operator.partners.name", "A"),
        ("operator.partners.name", "B"),
        ("sic_codes", ["1", "2"]),
    ]
