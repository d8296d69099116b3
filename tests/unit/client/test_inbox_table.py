"""An inbox as a table: a column for each shared field, in the schema's order."""

from datetime import date, datetime

from hypothesis import given
from hypothesis import strategies as st

from instep.client.inbox_table import FIRST, LAST, SharedFields
from instep.workbooks.tables import ColumnKind
from tests.strategies import plain_events
from tests.unit.client.inbox import CATALOGUE, TABLE, delivery, unreadable, withdrawal

AROUND = {column.heading for column in (*FIRST, *LAST)}


def fields(*forms: SharedFields) -> list[str]:
    return [column.heading for column in TABLE.columns(forms) if column.heading not in AROUND]


def test_a_shared_record_has_a_column_for_each_of_its_fields() -> None:
    assert fields(SharedFields("resident-moved", "moved_on,person.family_name,person.local_references")) == [
        "person.family_name",
        "person.local_references.scheme",
        "person.local_references.value",
        "moved_on",
    ]


def test_the_columns_are_those_that_any_record_shares_and_no_other() -> None:
    both = fields(
        SharedFields("resident-moved", "contact.email"),
        SharedFields("resident-moved", "moved_on"),
        SharedFields("business-registered", "registration_ref"),
        SharedFields("withdrawal", ""),
        SharedFields("", "anything"),
    )
    assert both == ["registration_ref", "moved_on", "contact.email"]


def test_headings_are_unique() -> None:
    every = [
        column.heading
        for column in TABLE.columns(
            SharedFields(name, ",".join(event.latest.fields)) for name, event in CATALOGUE.events.items()
        )
    ]
    assert len(every) == len(set(every))
    assert set(every) == TABLE.headings


def test_a_delivery_says_who_sent_it_when_in_london_and_each_field_with_its_kind() -> None:
    item = delivery(
        header={"change_kind": "CORRECT", "replaces": "0b0e7c6a-5d2e-4c8e-9f36-0d6a3c1f9b52"},
        person={
            "family_name": "Testcase",
            "former_names": ["A", "B"],
            "local_references": [{"scheme": "account", "value": "007"}, {"value": "8"}],
        },
        new_address={"uprn": "000100023336", "lines": ["Flat 1", "2 New Street"]},
        moved_on="2026-06-30",
        placement={"others_number": 3, "made_available_on": "2026-06-29"},
    )
    row = TABLE.row(item)
    assert row["received"] == datetime(2026, 7, 2, 0, 30, 15)  # noqa: DTZ001 -- summer time in London
    assert (row["from"], row["reference"], row["purpose"]) == ("leeds", "s-1", "council-tax")
    assert (row["what"], row["change"], row["handling"]) == ("resident-moved", "CORRECT", "ORDINARY")
    assert row["replaces"] == "0b0e7c6a-5d2e-4c8e-9f36-0d6a3c1f9b52"
    assert row["person.former_names"] == "A; B"
    assert row["person.local_references.scheme"] == "account; "
    assert row["person.local_references.value"] == "007; 8"
    assert row["new_address.uprn"] == "000100023336"
    assert row["new_address.lines"] == "Flat 1; 2 New Street"
    assert row["moved_on"] == date(2026, 6, 30)
    assert (row["placement.others_number"], row["placement.made_available_on"]) == (3, date(2026, 6, 29))
    assert row["shared"] == "person, new_address, moved_on"
    kinds = {
        column.heading: column.kind
        for column in TABLE.columns([SharedFields("resident-moved", "placement,moved_on")])
    }
    assert kinds["moved_on"] is ColumnKind.DATE
    assert kinds["placement.others_number"] is ColumnKind.NUMBER
    assert kinds["placement.address.uprn"] is ColumnKind.TEXT


def test_flags_of_several_partners_are_words() -> None:
    partners = [{"name": "A", "primary_contact": True}, {"name": "B", "primary_contact": False}]
    row = TABLE.row(delivery(kind="business-registered", operator={"partners": partners}))
    assert row["operator.partners.primary_contact"] == "yes; no"


def test_a_withdrawal_says_why_and_what_to_do() -> None:
    event_id = "0b0e7c6a-5d2e-4c8e-9f36-0d6a3c1f9b52"
    row = TABLE.row(withdrawal(event_id))
    assert (row["what"], row["event"]) == ("withdrawal", event_id)
    assert "annulled" in str(row["withdrawn"])
    assert "Undo" in str(row["withdrawn"])


def test_a_record_that_cannot_be_read_has_a_row() -> None:
    item = unreadable()
    row = TABLE.row(item)
    assert row["what"] == "cannot be read: its schema id, 99, is not known here"
    assert (row["event"], row["reference"]) == (item.headers["ce_id"], "s-9")


@given(st.data())
def test_each_value_of_any_event_has_a_column(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(CATALOGUE.events)))
    event = data.draw(plain_events(CATALOGUE.events[name]))
    body = {field: value for field, value in event.items() if field != "header"}
    item = delivery(kind=name, shared=",".join(body), header=event["header"], **body)
    headings = {column.heading for column in TABLE.columns([SharedFields(name, ",".join(body))])}
    assert set(TABLE.row(item)) <= headings
