"""The demo's judge can fail: every kind of fault, planted, is found; and what is sound is not accused."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from instep.demo.report import (
    Check,
    Disclosed,
    EventIdentity,
    Expected,
    PublishedRecord,
    ReceivedRecord,
    RecipientResult,
    RejectedRecord,
    Slot,
    TopicEvidence,
    busiest,
    figures,
    judge,
)

FIELDS = frozenset({"person.family_name", "new_address"})
FIRST = EventIdentity("leeds", "subject-1", "event-1")
FIXED = EventIdentity("leeds", "subject-1", "event-2")
OTHER = EventIdentity("leeds", "subject-2", "event-3")


def said(identity: EventIdentity | None, offset: int, replaces: str | None = None) -> PublishedRecord:
    return PublishedRecord(
        slot=Slot("leeds", offset), identity=identity, event_type="resident-moved", replaces=replaces
    )


def decided(authority: str, result: str = "DELIVERED", reason: str = "") -> RecipientResult:
    fields = FIELDS if result == "DELIVERED" else frozenset()
    return RecipientResult(
        authority=authority, purpose="council-tax", result=result, reason=reason, fields=fields
    )


def disclosed(identity: EventIdentity, *decisions: RecipientResult, ending: str = "DECIDED") -> Disclosed:
    return Disclosed(identity=identity, event_type="resident-moved", ending=ending, decisions=decisions)


def received(authority: str, identity: EventIdentity, *, withdrawn: bool = False) -> ReceivedRecord:
    if withdrawn:
        return ReceivedRecord(authority=authority, purpose="council-tax", identity=identity, withdrawn=True)
    says = frozenset({"person.family_name", "new_address.postcode"})
    return ReceivedRecord(
        authority=authority, purpose="council-tax", identity=identity, fields=FIELDS, says=says
    )


# Leeds says that somebody moved to York, corrects it to Hull, says something of another, and something unreadable.
SOUND = TopicEvidence(
    said=[said(FIRST, 0), said(FIXED, 1, replaces="event-1"), said(OTHER, 2), said(None, 3)],
    refusals=[RejectedRecord(slot=Slot("leeds", 3), reason="undecodable")],
    disclosed=[
        disclosed(FIRST, decided("york"), decided("leeds", "WITHHELD", "not-approved")),
        disclosed(
            FIXED,
            decided("hull"),
            decided("leeds", "WITHHELD", "not-approved"),
            decided("york", "WITHDRAWN", "NO_LONGER_CONCERNS"),
        ),
        disclosed(OTHER, ending="NOBODY_CONCERNED"),
    ],
    received=[received("york", FIRST), received("york", FIRST, withdrawn=True), received("hull", FIXED)],
)
EXPECTED = [
    Expected(place="line 2", identity=FIRST, concerned=frozenset({"york", "leeds"})),
    Expected(
        place="line 3",
        identity=FIXED,
        concerned=frozenset({"hull", "leeds"}),
        told_before=frozenset({"york", "leeds"}),
    ),
    Expected(place="line 4", identity=OTHER, concerned=frozenset()),
]


def failing(evidence: TopicEvidence, expected: Sequence[Expected] = EXPECTED) -> set[str]:
    return {check.name for check in judge(evidence, expected) if not check.holds}


def test_what_adds_up_holds() -> None:
    assert failing(SOUND) == set()


def test_nothing_at_all_holds_nothing() -> None:
    nothing = TopicEvidence(said=[], refusals=[], disclosed=[], received=[])
    assert failing(nothing, []) == {check.name for check in judge(nothing, [])}


def test_an_event_published_again_under_its_id_is_one_event() -> None:
    assert failing(replace(SOUND, said=[*SOUND.said, said(FIRST, 4)])) == set()


def test_an_event_that_is_neither_accepted_nor_refused_is_found() -> None:
    lost = replace(SOUND, disclosed=[one for one in SOUND.disclosed if one.identity != OTHER])
    assert failing(lost, EXPECTED[:2]) == {"lines"}


def test_a_refusal_that_is_lost_is_found() -> None:
    assert failing(replace(SOUND, refusals=[])) == {"lines"}


def test_a_refusal_said_twice_is_found() -> None:
    assert failing(replace(SOUND, refusals=[*SOUND.refusals, *SOUND.refusals])) == {"lines"}


def test_a_refusal_of_nothing_is_found() -> None:
    forged = RejectedRecord(slot=Slot("hull", 0), reason="undecodable")
    assert failing(replace(SOUND, refusals=[*SOUND.refusals, forged])) == {"lines"}


def test_an_event_that_is_both_accepted_and_refused_is_found() -> None:
    both = RejectedRecord(slot=Slot("leeds", 2), reason="bad-date")
    assert failing(replace(SOUND, refusals=[*SOUND.refusals, both])) == {"lines"}


def test_an_event_accepted_twice_is_found() -> None:
    assert failing(replace(SOUND, disclosed=[*SOUND.disclosed, SOUND.disclosed[-1]])) == {"lines"}


def test_an_event_that_nobody_published_is_found() -> None:
    forged = disclosed(EventIdentity("hull", "subject-9", "event-9"), ending="NOBODY_CONCERNED")
    assert failing(replace(SOUND, disclosed=[*SOUND.disclosed, forged])) == {"lines"}


@pytest.mark.parametrize("number", range(len(SOUND.received)))
def test_a_lost_delivery_or_withdrawal_is_found(number: int) -> None:
    rest = [one for place, one in enumerate(SOUND.received) if place != number]
    assert failing(replace(SOUND, received=rest)) == {"deliveries"}


@pytest.mark.parametrize("number", range(len(SOUND.received)))
def test_a_repeated_delivery_or_withdrawal_is_found(number: int) -> None:
    assert failing(replace(SOUND, received=[*SOUND.received, SOUND.received[number]])) == {"deliveries"}


def test_a_forged_delivery_is_found() -> None:
    forged = received("york", EventIdentity("leeds", "subject-1", "event-0"))
    assert "deliveries" in failing(replace(SOUND, received=[*SOUND.received, forged]))


def test_a_delivery_to_another_purpose_is_found() -> None:
    moved = [replace(SOUND.received[0], purpose="electoral-registration"), *SOUND.received[1:]]
    assert "deliveries" in failing(replace(SOUND, received=moved))


@pytest.mark.parametrize(
    "decision",
    [
        decided("york", "WITHHELD", "because"),
        decided("york", "WITHHELD"),
        decided("york", "UNKNOWN"),
        decided("york", "DELIVERED", "protected"),
        decided("york", "WITHDRAWN"),
    ],
    ids=["a reason of its own", "no reason", "no result", "delivered for a reason", "withdrawn for none"],
)
def test_a_candidate_without_a_proper_result_is_found(decision: RecipientResult) -> None:
    assert "candidates" in failing(
        replace(SOUND, disclosed=[disclosed(FIRST, decision), *SOUND.disclosed[1:]])
    )


def test_a_candidate_decided_twice_is_found() -> None:
    twice = disclosed(FIRST, decided("york"), decided("york"))
    assert "candidates" in failing(replace(SOUND, disclosed=[twice, *SOUND.disclosed[1:]]))


@pytest.mark.parametrize("ending", ["NOBODY_CONCERNED", "UNKNOWN"])
def test_an_ending_that_contradicts_its_decisions_is_found(ending: str) -> None:
    odd = replace(SOUND.disclosed[0], ending=ending)
    assert failing(replace(SOUND, disclosed=[odd, *SOUND.disclosed[1:]])) == {"candidates"}


def test_deliveries_out_of_order_are_found() -> None:
    both = [
        disclosed(FIRST, decided("york"), decided("leeds", "WITHHELD", "protected")),
        disclosed(FIXED, decided("york"), decided("hull"), decided("leeds", "WITHHELD", "protected")),
        SOUND.disclosed[2],
    ]
    inboxes = [received("york", FIRST), received("york", FIXED), received("hull", FIXED)]
    in_order = replace(SOUND, disclosed=both, received=inboxes)
    assert failing(in_order) == set()
    swapped = replace(in_order, received=[inboxes[1], inboxes[0], inboxes[2]])
    assert failing(swapped) == {"order"}


def test_a_field_that_is_not_shared_is_found() -> None:
    leaking = replace(SOUND.received[0], says=SOUND.received[0].says | {"person.born_on"})
    assert failing(replace(SOUND, received=[leaking, *SOUND.received[1:]])) == {"blanking"}


def test_a_field_whose_name_only_begins_like_a_shared_one_is_found() -> None:
    leaking = replace(SOUND.received[0], says=frozenset({"new_address_of_a_friend"}))
    assert failing(replace(SOUND, received=[leaking, *SOUND.received[1:]])) == {"blanking"}


def test_a_delivery_that_names_other_fields_than_were_decided_is_found() -> None:
    other = replace(SOUND.received[0], fields=FIELDS | {"contact"})
    assert failing(replace(SOUND, received=[other, *SOUND.received[1:]])) == {"blanking"}


def test_an_authority_that_should_have_been_a_candidate_is_found() -> None:
    expected = [replace(EXPECTED[0], concerned=EXPECTED[0].concerned | {"wigan"}), *EXPECTED[1:]]
    assert failing(SOUND, expected) == {"routing"}


def test_a_candidate_whom_it_does_not_concern_is_found() -> None:
    expected = [replace(EXPECTED[0], concerned=frozenset({"leeds"})), *EXPECTED[1:]]
    assert "routing" in failing(SOUND, expected)


def test_a_candidate_that_an_agreement_always_tells_is_no_fault() -> None:
    expected = [
        replace(EXPECTED[0], concerned=frozenset({"leeds"}), always=frozenset({"york"})),
        *EXPECTED[1:],
    ]
    assert failing(SOUND, expected) == set()


def test_one_who_was_sent_what_is_corrected_has_to_be_told_again() -> None:
    silent = replace(
        SOUND,
        disclosed=[
            SOUND.disclosed[0],
            disclosed(FIXED, decided("hull"), decided("leeds", "WITHHELD", "not-approved")),
            SOUND.disclosed[2],
        ],
        received=[SOUND.received[0], SOUND.received[2]],
    )
    assert failing(silent) == {"routing"}


def test_one_from_whom_it_was_withheld_need_not_be_told_of_the_correction() -> None:
    withheld = [
        disclosed(FIRST, decided("york", "WITHHELD", "protected"), decided("leeds", "WITHHELD", "protected")),
        disclosed(FIXED, decided("hull"), decided("leeds", "WITHHELD", "protected")),
        SOUND.disclosed[2],
    ]
    assert failing(replace(SOUND, disclosed=withheld, received=[received("hull", FIXED)])) == set()


def test_a_line_without_a_disclosure_is_found() -> None:
    expected = [
        *EXPECTED,
        Expected(place="line 5", identity=EventIdentity("leeds", "s", "e"), concerned=frozenset()),
    ]
    assert failing(SOUND, expected) == {"routing"}


def test_a_check_keeps_the_first_problems_and_counts_all() -> None:
    events = [said(EventIdentity("leeds", f"s{n}", f"e{n}"), n) for n in range(50)]
    lines: Check = judge(TopicEvidence(said=events, refusals=[], disclosed=[], received=[]), [])[0]
    assert (lines.wrong, len(lines.problems)) == (50, 20)


def test_figures_are_counted_by_source_and_by_recipient() -> None:
    total = figures(SOUND)
    assert (total.published, total.accepted, total.delivered) == (4, 3, 2)
    assert total.refused == {"undecodable": 1}
    assert total.withheld == {"not-approved": 2}
    assert total.endings == {"DECIDED": 2, "NOBODY_CONCERNED": 1}
    assert total.received == {"council-tax": 2}
    assert total.withdrawn == {"council-tax": 1}
    york = figures(SOUND, "york")
    assert (york.published, york.received, york.withdrawn) == (0, {"council-tax": 1}, {"council-tax": 1})
    assert figures(SOUND, "leeds").withheld == {"not-approved": 2}


def test_the_busiest_councils_come_first() -> None:
    assert busiest(SOUND, 2) == ["leeds", "york"]
