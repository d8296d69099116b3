"""A recipient learns whether an event is in its inboxes and whether its programs have read it, and nothing of others."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from instep.client.why_reading import inbox_records, inboxes_of, subjects_of
from instep.client.why_received import Received, Whereabouts, received
from tests.unit.client.network_in_memory import NetworkInMemory
from tests.unit.client.test_why import corrected, moved, published, sharing
from tests.unit.router.test_router import id_of
from tests.unit.sharing import agreement, share

NEW_ALONE = sharing(agreement(shares=(share(change_kinds=frozenset({"NEW"})),)))


def asked(
    hub: NetworkInMemory, event: int = 1, authority: str = "leeds", positions: Any = None
) -> list[Received]:
    inboxes = inboxes_of(hub.council(authority))
    records = asyncio.run(inbox_records(hub.reader, inboxes, id_of(event)))
    purposes = [inbox.topic.partition(".inbox.")[2] for inbox in inboxes]
    return received(authority, purposes, records, positions or {})


@pytest.mark.parametrize(
    ("positions", "arrival", "words"),
    [
        ({}, Whereabouts.RECEIVED, "nobody can tell whether a program has read it"),
        ({"leeds.tax": 1}, Whereabouts.RECEIVED, "Read by leeds.tax."),
        ({"leeds.tax": 0}, Whereabouts.NOT_READ, "Not read yet by leeds.tax."),
        (
            {"leeds.tax": 0, "leeds.audit": 1},
            Whereabouts.RECEIVED,
            "Read by leeds.audit. Not read yet by leeds.tax.",
        ),
    ],
)
def test_an_event_in_the_inbox_is_read_or_not(
    positions: dict[str, int], arrival: Whereabouts, words: str
) -> None:
    (answer,) = asked(published(moved(1)), positions={"council-tax": positions})
    assert (answer.arrival, answer.purpose) == (arrival, "council-tax")
    assert answer.sentence.startswith(
        "Received from bradford for council-tax on 2026-11-23 08:00 UTC, place 0."
    )
    assert words in answer.sentence


def test_positions_of_other_purposes_say_nothing() -> None:
    (answer,) = asked(published(moved(1)), positions={"electoral-roll": {"leeds.roll": 0}})
    assert (answer.arrival, answer.read_by, answer.not_read_by) == (Whereabouts.RECEIVED, (), ())


def test_each_purpose_has_its_answer() -> None:
    under = sharing(agreement("tax"), agreement("roll", purpose="electoral-roll"))
    answers = asked(published(moved(1), under=under))
    assert [answer.purpose for answer in answers] == ["council-tax", "electoral-roll"]


def test_a_withdrawn_event_says_why() -> None:
    (answer,) = asked(published(moved(1), corrected(2, of=1, change_kind="ANNUL"), under=NEW_ALONE))
    assert answer.arrival is Whereabouts.WITHDRAWN
    assert "annulled the event" in answer.sentence
    assert answer.remedy == "Undo what you recorded from it."
    assert [record["event_id"] for record in answer.as_json()["records"]] == [id_of(1), id_of(2)]


def test_a_withdrawal_that_no_program_has_read_is_not_read() -> None:
    hub = published(moved(1), corrected(2, of=1, change_kind="ANNUL"), under=NEW_ALONE)
    (answer,) = asked(hub, positions={"council-tax": {"leeds.tax": 1}})
    assert answer.arrival is Whereabouts.NOT_READ
    assert "annulled the event" in answer.sentence


def test_a_corrected_event_names_its_correction() -> None:
    (answer,) = asked(published(moved(1), corrected(2, of=1)))
    assert answer.arrival is Whereabouts.CORRECTED
    assert f"Replaced by event {id_of(2)}" in answer.sentence


@pytest.mark.parametrize(
    "hub",
    [
        published(),
        published(moved(1, to="wakefield")),
        published(moved(1), under=sharing(agreement(status="suspended"))),
    ],
    ids=["never published", "of another council", "withheld"],
)
def test_an_event_that_is_not_here_looks_the_same_whether_or_not_it_exists(hub: NetworkInMemory) -> None:
    (answer,) = asked(hub)
    assert answer.arrival is Whereabouts.NOT_HERE
    assert answer == asked(published())[0]


def test_a_service_of_one_purpose_asks_of_its_own_inbox_alone() -> None:
    hub = published(moved(1), under=sharing(agreement("tax"), agreement("roll", purpose="electoral-roll")))
    council = hub.council("leeds")
    service = replace(council, connection=replace(council.connection, sasl_username="leeds.electoral-roll"))
    assert [inbox.topic for inbox in inboxes_of(service)] == ["leeds.inbox.electoral-roll"]
    source = hub.council("bradford")
    own = replace(source, connection=replace(source.connection, sasl_username="bradford.council-tax"))
    assert asyncio.run(subjects_of(own, hub.reader, id_of(1))) == frozenset()


def test_a_council_that_receives_under_no_agreement_has_no_inbox() -> None:
    (answer,) = asked(published(moved(1)), authority="kirklees")
    assert answer.arrival is Whereabouts.NO_INBOX
    assert "kirklees has no inbox" in answer.sentence
