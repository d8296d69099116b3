"""Who may know which fields, by example: read `EXAMPLES` as a table. Bradford publishes; Leeds is told, or not, and why."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import pytest

from instep.network.agreements import Agreement
from instep.network.days import RespondWithin
from instep.router.decide import Ending, Entry, Facts, Result, decide, pairs_to_correct
from tests.unit.sharing import TODAY, agreement, facts, network, share, summary

TAX = agreement("tax")
FOOD = agreement("food", purpose="food-safety")
ALWAYS = agreement(
    "fraud", purpose="fraud", recipients=frozenset({"kirklees"}), shares=[share(when="always")]
)
BEFORE = frozenset({("leeds", "council-tax")})
NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Example:
    when: str
    then: list[str]
    agreements: tuple[Agreement, ...] = (TAX,)
    facts: Facts = field(default_factory=facts)


EXAMPLES = [
    # Default deny
    Example(when="no agreement at all", agreements=(), then=["leeds - WITHHELD no-agreement"]),
    Example(when="an agreement in force that both have approved", then=["leeds council-tax DELIVERED"]),
    Example(
        when="the agreement names another source",
        agreements=(replace(TAX, sources=frozenset({"wakefield"})),),
        then=["leeds - WITHHELD no-agreement"],
    ),
    Example(
        when="the agreement names another recipient",
        agreements=(replace(TAX, recipients=frozenset({"wakefield"})),),
        then=["leeds - WITHHELD no-agreement"],
    ),
    Example(
        when="the agreement shares another kind of event",
        agreements=(agreement(shares=[share(event="business-registered")]),),
        then=["leeds - WITHHELD no-agreement"],
    ),
    Example(
        when="two councils are concerned and one has an agreement",
        facts=facts(concerned=frozenset({"leeds", "wakefield"})),
        then=["leeds council-tax DELIVERED", "wakefield - WITHHELD no-agreement"],
    ),
    Example(
        when="it concerns the publisher's own area: a candidate like any other",
        facts=facts(concerned=frozenset({"bradford", "leeds"})),
        then=["bradford - WITHHELD no-agreement", "leeds council-tax DELIVERED"],
    ),
    # Standing
    Example(
        when="the agreement has been ended",
        agreements=(replace(TAX, status="ended"),),
        then=["leeds council-tax WITHHELD ended"],
    ),
    Example(
        when="the agreement is suspended",
        agreements=(replace(TAX, status="suspended"),),
        then=["leeds council-tax WITHHELD suspended"],
    ),
    Example(
        when="it begins tomorrow",
        agreements=(replace(TAX, effective_from=TODAY + timedelta(days=1)),),
        then=["leeds council-tax WITHHELD not-yet-effective"],
    ),
    Example(
        when="it begins today",
        agreements=(replace(TAX, effective_from=TODAY),),
        then=["leeds council-tax DELIVERED"],
    ),
    Example(
        when="today is its last day",
        agreements=(replace(TAX, review_by=TODAY),),
        then=["leeds council-tax DELIVERED"],
    ),
    Example(
        when="yesterday was its last day",
        agreements=(replace(TAX, review_by=TODAY - timedelta(days=1)),),
        then=["leeds council-tax WITHHELD expired"],
    ),
    # Approval binds those who gave it
    Example(
        when="the recipient has not approved",
        agreements=(agreement(approved=["bradford"]),),
        then=["leeds council-tax WITHHELD not-approved"],
    ),
    Example(
        when="the source has not approved",
        agreements=(agreement(approved=["leeds"]),),
        then=["leeds council-tax WITHHELD not-approved"],
    ),
    Example(
        when="a third party has not approved, which is no matter between these two",
        agreements=(agreement(approved=["bradford", "leeds"], recipients=frozenset({"leeds", "wakefield"})),),
        then=["leeds council-tax DELIVERED"],
    ),
    # Kinds of change
    Example(
        when="corrections are not shared",
        agreements=(agreement(shares=[share(change_kinds=frozenset({"NEW"}))]),),
        facts=facts(change_kind="CORRECT"),
        then=["leeds council-tax WITHHELD kind-not-shared"],
    ),
    Example(
        when="the kind is one that nobody knows, even if an agreement names it",
        agreements=(agreement(shares=[share(change_kinds=frozenset({"UNKNOWN"}))]),),
        facts=facts(change_kind="UNKNOWN"),
        then=["leeds council-tax WITHHELD kind-not-shared"],
    ),
    # Protected people
    Example(
        when="the person is protected",
        facts=facts(handling="PROTECTED"),
        then=["leeds council-tax WITHHELD protected"],
    ),
    Example(
        when="the person is protected and the agreement may carry that",
        agreements=(agreement(shares=[share(protected=True)]),),
        facts=facts(handling="PROTECTED"),
        then=["leeds council-tax DELIVERED"],
    ),
    Example(
        when="the handling is one that nobody knows",
        agreements=(agreement(shares=[share(protected=True)]),),
        facts=facts(handling="SEALED"),
        then=["leeds council-tax WITHHELD protected"],
    ),
    # Purposes
    Example(
        when="there are agreements for two purposes: each is its own delivery",
        agreements=(TAX, FOOD),
        then=["leeds council-tax DELIVERED", "leeds food-safety DELIVERED"],
    ),
    Example(
        when="one purpose is suspended: the other goes on",
        agreements=(TAX, replace(FOOD, status="suspended")),
        then=["leeds council-tax DELIVERED", "leeds food-safety WITHHELD suspended"],
    ),
    Example(
        when="of two agreements for one purpose one permits it",
        agreements=(replace(TAX, status="ended"), agreement("tax-2")),
        then=["leeds council-tax DELIVERED"],
    ),
    Example(
        when="none of two permits it: the reason is that of the one which came furthest",
        agreements=(replace(TAX, status="ended"), agreement("tax-2", approved=["leeds"])),
        then=["leeds council-tax WITHHELD not-approved"],
    ),
    # Always
    Example(
        when="an agreement tells Kirklees always",
        agreements=(TAX, ALWAYS),
        then=["kirklees fraud DELIVERED", "leeds council-tax DELIVERED"],
    ),
    Example(
        when="it tells Kirklees always, and concerns nobody else",
        agreements=(TAX, ALWAYS),
        facts=facts(concerned=NOBODY, area_unknown=True),
        then=["kirklees fraud DELIVERED"],
    ),
    Example(
        when="Kirklees is told always, under an agreement that is suspended",
        agreements=(replace(ALWAYS, status="suspended"),),
        facts=facts(concerned=NOBODY),
        then=["kirklees fraud WITHHELD suspended"],
    ),
    # Corrections
    Example(
        when="a correction still concerns Leeds, which was told before",
        facts=facts(change_kind="CORRECT", past=BEFORE),
        then=["leeds council-tax DELIVERED"],
    ),
    Example(
        when="a correction concerns Leeds, which was not told before",
        facts=facts(change_kind="CORRECT"),
        then=["leeds council-tax DELIVERED"],
    ),
    Example(
        when="a correction no longer concerns Leeds",
        facts=facts(change_kind="CORRECT", past=BEFORE, concerned=NOBODY),
        then=["leeds council-tax WITHDRAWN NO_LONGER_CONCERNS"],
    ),
    Example(
        when="a correction makes the person protected",
        facts=facts(change_kind="CORRECT", past=BEFORE, handling="PROTECTED"),
        then=["leeds council-tax WITHDRAWN NOW_PROTECTED"],
    ),
    Example(
        when="an ordinary move is no placement notice, so an agreement on those alone does not speak of it",
        agreements=(agreement(shares=[share(fields=("placement",))]),),
        facts=facts(absent=frozenset({"placement"})),
        then=["leeds - WITHHELD no-agreement"],
    ),
    Example(
        when="a placement is",
        agreements=(agreement(shares=[share(fields=("placement",))]),),
        facts=facts(),
        then=["leeds council-tax DELIVERED"],
    ),
    Example(
        when="an annulment is bare, and is told all the same",
        agreements=(agreement(shares=[share(fields=("placement",))]),),
        facts=facts(change_kind="ANNUL", past=BEFORE, absent=frozenset({"placement"})),
        then=["leeds council-tax DELIVERED"],
    ),
    Example(
        when="a correction says that it was no placement after all",
        agreements=(agreement(shares=[share(fields=("placement",))]),),
        facts=facts(change_kind="CORRECT", past=BEFORE, absent=frozenset({"placement"})),
        then=["leeds council-tax WITHDRAWN NO_LONGER_CONCERNS"],
    ),
    Example(
        when="a correction comes after the agreement was suspended",
        agreements=(replace(TAX, status="suspended"),),
        facts=facts(change_kind="CORRECT", past=BEFORE),
        then=["leeds council-tax WITHDRAWN AGREEMENT_ENDED"],
    ),
    Example(
        when="a correction comes after the agreement is gone altogether",
        agreements=(),
        facts=facts(change_kind="CORRECT", past=BEFORE),
        then=["leeds council-tax WITHDRAWN AGREEMENT_ENDED"],
    ),
    Example(
        when="a correction comes, and the agreement shares no corrections",
        agreements=(agreement(shares=[share(change_kinds=frozenset({"NEW"}))]),),
        facts=facts(change_kind="CORRECT", past=BEFORE),
        then=["leeds council-tax WITHDRAWN AGREEMENT_ENDED"],
    ),
    Example(
        when="a correction moves the event from Leeds to Wakefield",
        agreements=(replace(TAX, recipients=frozenset({"leeds", "wakefield"})),),
        facts=facts(change_kind="CORRECT", past=BEFORE, concerned=frozenset({"wakefield"})),
        then=["leeds council-tax WITHDRAWN NO_LONGER_CONCERNS", "wakefield council-tax DELIVERED"],
    ),
    Example(
        when="a correction: one past purpose may have it, the other may not",
        agreements=(TAX, replace(FOOD, status="ended")),
        facts=facts(change_kind="CORRECT", past=BEFORE | {("leeds", "food-safety")}),
        then=["leeds council-tax DELIVERED", "leeds food-safety WITHDRAWN AGREEMENT_ENDED"],
    ),
    Example(
        when="a correction: past purpose gone, a new purpose that Leeds was never told under is still refused",
        agreements=(replace(TAX, status="ended"), replace(FOOD, status="suspended")),
        facts=facts(change_kind="CORRECT", past=BEFORE),
        then=["leeds council-tax WITHDRAWN AGREEMENT_ENDED", "leeds food-safety WITHHELD suspended"],
    ),
    # Annulments
    Example(
        when="an annulment, where annulments are shared, goes out as the event itself",
        facts=facts(change_kind="ANNUL", past=BEFORE),
        then=["leeds council-tax DELIVERED"],
    ),
    Example(
        when="an annulment that carries no address reaches those who were told",
        facts=facts(change_kind="ANNUL", past=BEFORE, concerned=NOBODY, area_unknown=True),
        then=["leeds council-tax WITHDRAWN ANNULLED"],
    ),
    Example(
        when="an annulment, where annulments are not shared",
        agreements=(agreement(shares=[share(change_kinds=frozenset({"NEW"}))]),),
        facts=facts(change_kind="ANNUL", past=BEFORE),
        then=["leeds council-tax WITHDRAWN ANNULLED"],
    ),
    # What is new, or told again, has no past
    Example(
        when="a new event claims a past, which only a correction or an annulment has",
        facts=facts(past=BEFORE, concerned=NOBODY),
        then=[],
    ),
    Example(
        when="a refresh claims a past",
        facts=facts(change_kind="REFRESH", past=BEFORE, concerned=NOBODY),
        then=[],
    ),
    Example(
        when="a refresh that Leeds has asked for concerns Wakefield too",
        agreements=(replace(TAX, recipients=frozenset({"leeds", "wakefield"})),),
        facts=facts(change_kind="REFRESH", requested_by="leeds", concerned=frozenset({"leeds", "wakefield"})),
        then=["leeds council-tax DELIVERED"],
    ),
    Example(
        when="a refresh that Leeds has asked for does not concern Leeds",
        facts=facts(change_kind="REFRESH", requested_by="leeds", concerned=frozenset({"wakefield"})),
        then=[],
    ),
    Example(
        when="a refresh that nobody has asked for goes to everyone whom it concerns",
        facts=facts(change_kind="REFRESH", concerned=frozenset({"leeds", "wakefield"})),
        then=["leeds council-tax DELIVERED", "wakefield - WITHHELD no-agreement"],
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.when)
def test_who_may_know_what(example: Example) -> None:
    assert summary(decide(example.facts, network(*example.agreements))) == example.then


def only(decided: tuple[Entry, ...]) -> Entry:
    (entry,) = decided
    return entry


def test_within_a_purpose_fields_are_joined_and_every_agreement_that_permits_is_named() -> None:
    more = agreement("tax-2", version=4, shares=[share(fields=("old_address", "moved_on"))])
    suspended = agreement("tax-3", status="suspended", shares=[share(fields=("contact.email",))])
    entry = only(decide(facts(), network(TAX, more, suspended)).entries)
    assert entry.fields == ("moved_on", "old_address", "person.family_name")
    assert entry.agreements == ("tax-2@4", "tax@1")


def test_fields_of_one_purpose_never_reach_another() -> None:
    food = agreement("food", purpose="food-safety", shares=[share(fields=("contact.email",))])
    decision = decide(facts(), network(TAX, food))
    assert [entry.fields for entry in decision.entries] == [
        ("moved_on", "person.family_name"),
        ("contact.email",),
    ]


def test_of_several_shares_of_an_agreement_only_those_that_permit_count() -> None:
    shares = [
        share(fields=("moved_on",), change_kinds=frozenset({"NEW"})),
        share(fields=("old_address",), change_kinds=frozenset({"CORRECT"})),
        share(fields=("status",), when="always"),
    ]
    decided = decide(facts(), network(agreement(shares=shares)))
    assert only(decided.entries).fields == ("moved_on", "status")
    elsewhere = decide(facts(concerned=NOBODY), network(agreement(shares=shares)))
    assert only(elsewhere.entries).fields == ("status",)


def test_what_is_withheld_names_no_agreement_no_field_and_no_day() -> None:
    entry = only(decide(facts(handling="PROTECTED"), network(TAX)).entries)
    assert (entry.agreements, entry.fields, entry.respond_by) == ((), (), None)


def test_the_shortest_of_the_times_to_answer_counts() -> None:
    quick = agreement("tax-2", respond_within=RespondWithin(days=3, working=False))
    assert only(decide(facts(), network(TAX)).entries).respond_by == date(2026, 12, 7)
    assert only(decide(facts(), network(TAX, quick)).entries).respond_by == date(2026, 11, 26)


def test_a_withdrawal_has_the_clock_of_its_purpose_even_if_the_agreement_has_ended() -> None:
    gone = facts(change_kind="CORRECT", past=BEFORE, concerned=NOBODY)
    assert only(decide(gone, network(replace(TAX, status="ended"))).entries).respond_by == date(2026, 12, 7)
    assert only(decide(gone, network()).entries).respond_by is None


def test_an_event_without_a_candidate_says_whether_the_area_is_known() -> None:
    nobody = decide(facts(concerned=NOBODY), network(TAX))
    unknown = decide(facts(concerned=NOBODY, area_unknown=True), network(TAX))
    assert (nobody.ending, nobody.entries) == (Ending.NOBODY_CONCERNED, ())
    assert (unknown.ending, unknown.entries) == (Ending.UNKNOWN_AREA, ())
    assert decide(facts(), network()).ending == Ending.DECIDED


def test_those_told_now_and_those_told_before_are_remembered_together() -> None:
    moved_on = facts(change_kind="CORRECT", past=BEFORE, concerned=frozenset({"wakefield"}))
    sharing = network(replace(TAX, recipients=frozenset({"leeds", "wakefield"})))
    pairs = pairs_to_correct(moved_on, decide(moved_on, sharing))
    assert pairs == {("leeds", "council-tax"), ("wakefield", "council-tax")}


def test_nobody_from_whom_it_was_withheld_is_remembered_as_told() -> None:
    assert pairs_to_correct(facts(), decide(facts(), network())) == frozenset()


def test_entries_are_found_by_their_result() -> None:
    decision = decide(facts(concerned=frozenset({"leeds", "wakefield"})), network(TAX))
    assert [entry.authority for entry in decision.having(Result.DELIVERED)] == ["leeds"]
    assert [entry.authority for entry in decision.having(Result.WITHHELD)] == ["wakefield"]
