"""`instep why` gives the true answer for each way in which a record may not arrive.

The real intake and the real router decide. What they disclose, which no council can read, judges the answers.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest

from instep.cli.publish_report import UNSENT
from instep.client.explain import WITHDRAWN, WITHHELD
from instep.client.filed_rows import FiledRow
from instep.client.why import LEFT_OUT, about, about_row, answers
from instep.client.why_answer import Answer, Way
from instep.client.why_evidence import Evidence
from instep.client.why_reading import evidence_of, subjects_of
from instep.network.agreements import Agreement
from instep.network.network import Network
from tests.unit.client.network_in_memory import NetworkInMemory
from tests.unit.router.test_router import IDS, NOW, TO_ALL, id_of, move
from tests.unit.sharing import agreement, network, share

SUBJECT = "7QpVtT3bKx0d"
TAX = agreement("tax")


def sharing(*agreements: Agreement, **differences: Any) -> Network:
    return network(*(agreements or (TAX,)), schemas=IDS, **differences)


def moved(number: int = 1, **differences: Any) -> dict[str, Any]:
    """A move that intake accepts."""
    return move(number, **{"published_at": NOW - 2500, "recorded_at": NOW - 5000} | differences)


def corrected(number: int, of: int, **differences: Any) -> dict[str, Any]:
    return moved(number, **{"change_kind": "CORRECT", "replaces": id_of(of)} | differences)


def published(*events: dict[str, Any], under: Network | None = None) -> NetworkInMemory:
    """A network that has decided these events."""
    hub = NetworkInMemory(under or sharing())
    for event in events:
        hub.publish(event)
    hub.run()
    return hub


def evidence(hub: NetworkInMemory, subject: str = SUBJECT) -> Evidence:
    return asyncio.run(evidence_of(hub.council("bradford"), hub.reader, {subject}))


def only(hub: NetworkInMemory, to: str | None = None) -> Answer:
    (answer,) = answers(evidence(hub), to)
    return answer


def protected(event: dict[str, Any]) -> dict[str, Any]:
    event["header"]["handling"] = "PROTECTED"
    return event


def without_area(event: dict[str, Any]) -> dict[str, Any]:
    """No code, and a postcode that is in no list."""
    event["new_address"]["authority_gss"] = None
    return event


def waiting() -> NetworkInMemory:
    hub = NetworkInMemory(sharing())
    hub.publish(moved())
    return hub


def repeated() -> NetworkInMemory:
    """The first publication has left the outbox, and the outcomes; a repeat and a later event of the subject have not."""
    hub = published(moved(1))
    hub.forget("bradford.outbox")
    hub.forget("bradford.outcomes")
    hub.publish(moved(1))
    hub.publish(moved(2))
    hub.run()
    return hub


def ended_meanwhile(*, change: Callable[..., Network]) -> NetworkInMemory:
    """Leeds was sent an event; then the network changed, and a correction came."""
    hub = published(moved(1))
    hub.apply(change())
    hub.publish(corrected(2, of=1))
    hub.run()
    return hub


@dataclass(frozen=True, kw_only=True)
class Case:
    """A way: a network after the fact, and the answer about the last event for all recipients, or for the one named."""

    hub: Callable[[], NetworkInMemory]
    way: Way
    reason: str = ""
    to: str | None = None


def withheld(reason: str, under: Network, event: Callable[[], dict[str, Any]] = moved) -> Case:
    return Case(hub=lambda: published(event(), under=under), way=Way.WITHHELD, reason=reason, to="leeds")


WAYS: dict[str, Case] = {
    "it lies unread in the outbox": Case(hub=waiting, way=Way.WAITING),
    "intake has refused it": Case(
        hub=lambda: published(moved(occurred_on=100_000)), way=Way.REFUSED, reason="bad-date"
    ),
    "it corrects an event that the network does not have": Case(
        hub=lambda: published(corrected(2, of=1)), way=Way.REFUSED, reason="replaces-unknown"
    ),
    "it is marked as a test": Case(hub=lambda: published(moved(synthetic=True)), way=Way.TEST),
    "nobody knows the area": Case(
        hub=lambda: published(without_area(moved())), way=Way.UNKNOWN_AREA, reason="UNKNOWN_AREA"
    ),
    "it concerns a council outside the network": Case(
        hub=lambda: published(
            moved(to="wakefield"),
            under=sharing(
                authorities={id: of for id, of in sharing().authorities.items() if id != "wakefield"}
            ),
        ),
        way=Way.NOBODY_CONCERNED,
        reason="NOBODY_CONCERNED",
    ),
    "it concerns only the source's own area": Case(
        hub=lambda: published(moved(to="bradford")), way=Way.OWN_AREA
    ),
    "it concerns others, and not the council that misses it": Case(
        hub=lambda: published(moved(to="leeds")), way=Way.NOT_CONCERNED, to="kirklees"
    ),
    "no agreement covers it": Case(
        hub=lambda: published(moved(to="wakefield")), way=Way.WITHHELD, reason="no-agreement"
    ),
    "the agreement is suspended": withheld("suspended", sharing(agreement(status="suspended"))),
    "the agreement has ended": withheld("ended", sharing(agreement(status="ended"))),
    "the agreement has not begun": withheld(
        "not-yet-effective", sharing(agreement(effective_from=date(2027, 1, 1)))
    ),
    "the agreement's review is overdue": withheld("expired", sharing(agreement(review_by=date(2026, 10, 1)))),
    "the recipient has not approved": withheld("not-approved", sharing(agreement(approved=("bradford",)))),
    "the agreement leaves out this kind of change": withheld(
        "kind-not-shared", sharing(agreement(shares=(share(change_kinds=frozenset({"CORRECT"})),)))
    ),
    "the person is protected": withheld("protected", sharing(), lambda: protected(moved())),
    "it was annulled": Case(
        hub=lambda: published(
            moved(1),
            corrected(2, of=1, change_kind="ANNUL"),
            under=sharing(agreement(shares=(share(change_kinds=frozenset({"NEW"})),))),
        ),
        way=Way.WITHDRAWN,
        reason="ANNULLED",
    ),
    "corrected, it concerns the recipient no longer": Case(
        hub=lambda: published(moved(1), corrected(2, of=1, to="bradford")),
        way=Way.WITHDRAWN,
        reason="NO_LONGER_CONCERNS",
        to="leeds",
    ),
    "the person has become protected": Case(
        hub=lambda: published(moved(1), protected(corrected(2, of=1))),
        way=Way.WITHDRAWN,
        reason="NOW_PROTECTED",
    ),
    "the agreement has ended since": Case(
        hub=lambda: ended_meanwhile(change=lambda: sharing(agreement(status="ended"))),
        way=Way.WITHDRAWN,
        reason="AGREEMENT_ENDED",
    ),
    "it is a repeat of an event long decided": Case(hub=repeated, way=Way.REPEAT),
    "it was delivered": Case(hub=lambda: published(moved()), way=Way.DELIVERED, to="leeds"),
}


@pytest.mark.parametrize("case", WAYS.values(), ids=WAYS)
def test_each_way_has_its_true_answer(case: Case) -> None:
    hub = case.hub()
    given = answers(evidence(hub), case.to)
    answer = given[-2] if case.way is Way.REPEAT else given[-1]
    assert (answer.way, answer.reason) == (case.way, case.reason)
    assert answer.sentence.endswith((".", ")")), answer.sentence
    assert answer.remedy.endswith("."), answer.remedy
    assert answer.as_json()["sentence"] == answer.sentence


@pytest.mark.parametrize("case", WAYS.values(), ids=WAYS)
def test_what_the_source_learns_is_what_was_disclosed(case: Case) -> None:
    hub = case.hub()
    disclosed = {
        item.content["event_id"]: item.content
        for item in map(hub.reader.decoded, hub.topics["instep.disclosures"])
    }
    of_event = {answer.published.event_id: answer for answer in answers(evidence(hub)) if answer.published}
    for event_id, answer in of_event.items():
        if answer.outcome is None or answer.way is Way.TEST:
            continue
        assert [
            (d.authority, d.purpose, d.result, d.reason, d.agreements) for d in answer.outcome.decisions
        ] == [
            (d["authority"], d["purpose"], d["result"], d["reason"], tuple(d.get("agreements", ())))
            for d in disclosed[event_id].get("decisions", ())
        ]
        assert answer.outcome.ending == disclosed[event_id]["ending"]


def test_every_reason_to_withhold_or_withdraw_that_the_router_gives_is_among_the_ways() -> None:
    reasons = {case.reason for case in WAYS.values()}
    assert reasons >= set(WITHHELD)
    assert reasons >= set(WITHDRAWN) - {"ERASED"}


def test_a_delivery_says_where_and_when() -> None:
    answer = only(published(moved()), to="leeds")
    assert answer.sentence == "Sent to leeds (council-tax), on 2026-11-23 08:00 UTC."
    assert answer.outcome is not None
    assert answer.outcome.decisions[0].agreements == ("tax@1",)


def test_an_event_that_was_refused_and_sent_again_was_delivered_in_the_end() -> None:
    hub = published(corrected(2, of=1))
    hub.publish(moved(1))
    hub.publish(corrected(2, of=1))
    hub.run()
    answer = about(evidence(hub), id_of(2))
    assert answer is not None
    assert (answer.way, answer.notes) == (
        Way.DELIVERED,
        ("Refused at first (replaces-unknown), and accepted when it was sent again.",),
    )


def test_an_id_used_again_for_other_content_leaves_the_first_event_standing() -> None:
    answer = only(published(moved(1), moved(1, to="bradford")))
    assert answer.way is Way.DELIVERED
    assert any("id-conflict" in note for note in answer.notes)


def test_a_repeat_is_counted_and_changes_nothing() -> None:
    answer = only(published(moved(1), moved(1), moved(1)))
    assert answer.way is Way.DELIVERED
    assert answer.notes == ("Published 3 times; the network dropped the repeats.",)


def test_an_event_says_by_which_event_it_was_replaced() -> None:
    hub = published(moved(1), corrected(2, of=1), corrected(3, of=2, change_kind="ANNUL"))
    first, second, third = answers(evidence(hub))
    assert [id_of(2) in first.notes[0], id_of(3) in second.notes[0], third.notes] == [True, True, ()]
    assert first.notes[0].startswith("Corrected on")
    assert second.notes[0].startswith("Annulled on")


def test_a_network_that_names_no_recipients_yet_gives_the_counts() -> None:
    older = {number: pair for number, pair in IDS.items() if pair != ("uk.instep.Outcome", "1.1.0")}
    answer = only(published(moved(), under=network(TAX, schemas=older)))
    assert answer.way is Way.COUNTED
    assert "sent to 1 recipients, withheld from 0" in answer.sentence


def test_a_reference_that_was_never_published_is_not_known() -> None:
    (answer,) = answers(evidence(published(moved()), subject="nobody"))
    assert answer.way is Way.NOT_PUBLISHED


def test_a_reference_that_the_memory_knows_was_published_longer_ago() -> None:
    (answer,) = answers(replace(evidence(published(moved()), subject="nobody"), remembered=True))
    assert answer.way is Way.NO_LONGER_KEPT


def test_a_reference_that_was_published_for_another_network_names_that_network() -> None:
    nothing = Evidence(authority="bradford", networks=("rehearsal", "uk on another cluster"))
    (answer,) = answers(nothing)
    assert answer.way is Way.OTHER_NETWORK
    assert "in another: rehearsal, uk on another cluster." in answer.sentence


def test_a_reference_that_is_unknown_here_may_be_known_where_another_secret_is() -> None:
    (answer,) = answers(Evidence(authority="bradford", secrets=("00ff00ff00ff00ff",)))
    assert answer.way is Way.OTHER_PUBLISHER
    assert "00ff00ff00ff00ff" in answer.sentence
    assert "instep publisher export" in answer.remedy


def row(outcome: str, **differences: Any) -> FiledRow:
    usual: dict[str, Any] = {
        "file": "moves.csv",
        "line": 3,
        "outcome": outcome,
        "subject_ref": SUBJECT,
        "at": NOW,
    }
    return FiledRow(**usual | differences)


@pytest.mark.parametrize(
    ("filed", "way", "words"),
    [
        (
            row("refused", column="move_date", reason="impossible-date"),
            Way.REFUSED_AT_HOME,
            "moves.csv line 3 was refused before anything was sent. move_date: not a day of the calendar.",
        ),
        (
            row("review", column="reference", reason="reference-conflict"),
            Way.HELD,
            "waits for somebody to look",
        ),
        (row("same-address"), Way.LEFT_OUT, "written differently"),
        (row("not-moved"), Way.LEFT_OUT, "nobody moved"),
        (row("duplicate"), Way.LEFT_OUT, "an earlier line"),
        (row("superseded"), Way.LEFT_OUT, "something newer"),
        (row("annulled"), Way.LEFT_OUT, "had been annulled"),
    ],
)
def test_a_row_that_never_left_is_answered_by_its_line(filed: FiledRow, way: Way, words: str) -> None:
    of_reference = answers(Evidence(authority="bradford", rows=(filed,)))
    assert of_reference == [about_row(Evidence(authority="bradford"), filed)]
    assert of_reference[0].way is way
    assert words in of_reference[0].sentence


def test_a_row_that_was_put_right_is_answered_by_its_event_alone() -> None:
    refused = row("refused", reason="impossible-date", at=NOW - 1)
    sent = row("published", event_id=id_of(1), line=5)
    (answer,) = answers(replace(evidence(published(moved(1))), rows=(refused, sent)))
    assert (answer.way, answer.row) == (Way.DELIVERED, sent)


def test_a_row_that_was_refused_after_an_event_was_published_is_answered_too() -> None:
    sent, refused = row("published", event_id=id_of(1)), row("refused", reason="impossible-date", at=NOW + 1)
    ways = [answer.way for answer in answers(replace(evidence(published(moved(1))), rows=(sent, refused)))]
    assert ways == [Way.DELIVERED, Way.REFUSED_AT_HOME]


def test_a_published_row_is_answered_by_its_event() -> None:
    filed = row("published", event_id=id_of(1))
    answer = about_row(replace(evidence(published(moved(1))), rows=(filed,)), filed)
    assert (answer.way, answer.row) == (Way.DELIVERED, filed)


def test_the_subject_of_an_event_is_found_in_the_outbox_and_nowhere_else() -> None:
    hub = published(moved(1), corrected(2, of=1))
    assert asyncio.run(subjects_of(hub.council("bradford"), hub.reader, id_of(1))) == {SUBJECT}
    assert asyncio.run(subjects_of(hub.council("bradford"), hub.reader, id_of(9))) == set()
    assert asyncio.run(subjects_of(hub.council("leeds"), hub.reader, id_of(1))) == set()


def test_the_topics_that_are_read_are_the_authoritys_own() -> None:
    hub = published(moved(1), under=sharing(agreement(recipients=TO_ALL)))
    read: list[str] = []
    records = hub.reader.records

    class Listening:
        decoded = hub.reader.decoded

        def records(self, partitions: Sequence[Any]) -> Any:
            read.extend(partition.topic for partition in partitions)
            return records(partitions)

    reader: Any = Listening()
    asyncio.run(evidence_of(hub.council("bradford"), reader, {SUBJECT}))
    assert read
    assert {topic.partition(".")[0] for topic in read} == {"bradford"}


def test_every_outcome_of_a_row_that_is_not_sent_has_words() -> None:
    assert set(LEFT_OUT) == set(UNSENT)
