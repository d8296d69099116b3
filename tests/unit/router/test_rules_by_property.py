"""Claims about every decision, whatever the agreements and the event; each claim is worked out here a second time."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from instep.network.agreements import Agreement, Share
from instep.network.network import Network
from instep.router.decide import Decision, Facts, Result, decide, pairs_to_correct
from tests.unit.sharing import COUNCILS, TODAY, agreement, facts, network, share

KINDS = ("UNKNOWN", "NEW", "CORRECT", "ANNUL", "REFRESH")
PURPOSES = ("council-tax", "food-safety")
FIELDS = ("moved_on", "old_address", "person.family_name", "status")

councils = st.sampled_from(COUNCILS)
some_councils = st.frozensets(councils)
shares = st.builds(
    share,
    event=st.sampled_from(["resident-moved", "resident-moved", "business-registered"]),
    when=st.sampled_from(["concerns-recipient", "always"]),
    change_kinds=st.frozensets(st.sampled_from(KINDS)) | st.just(frozenset(KINDS)),
    protected=st.booleans(),
    fields=st.lists(st.sampled_from(FIELDS), unique=True, min_size=1).map(tuple),
)
networks = st.lists(
    st.builds(
        agreement,
        status=st.sampled_from(["active", "active", "active", "suspended", "ended"]),
        purpose=st.sampled_from(PURPOSES),
        approved=some_councils | st.just(frozenset(COUNCILS)),
        sources=some_councils | st.just(frozenset(COUNCILS)),
        recipients=some_councils | st.just(frozenset(COUNCILS)),
        effective_from=st.sampled_from([TODAY - timedelta(days=9), TODAY, TODAY + timedelta(days=1)]),
        review_by=st.sampled_from([TODAY + timedelta(days=9), TODAY, TODAY - timedelta(days=1)]),
        shares=st.lists(shares, min_size=1, max_size=3),
    ),
    max_size=5,
).map(lambda made: network(*(renamed(agreement, f"a{number}") for number, agreement in enumerate(made))))
situations = st.builds(
    facts,
    source=councils,
    change_kind=st.sampled_from(KINDS),
    handling=st.sampled_from(["ORDINARY", "ORDINARY", "PROTECTED", "SEALED"]),
    requested_by=st.none() | councils,
    concerned=some_councils,
    area_unknown=st.booleans(),
    past=st.frozensets(st.tuples(councils, st.sampled_from([*PURPOSES, "parking"])), max_size=3),
)


def renamed(original: Agreement, id: str) -> Agreement:
    return agreement(
        id,
        **{
            name: getattr(original, name)
            for name in ("status", "purpose", "sources", "recipients", "approved")
        },
        effective_from=original.effective_from,
        review_by=original.review_by,
        shares=original.shares,
    )


def permits(agreement: Agreement, share: Share, recipient: str, event: Facts) -> bool:
    """Every condition for a delivery, at once."""
    return (
        agreement.status == "active"
        and agreement.effective_from <= event.day <= agreement.review_by
        and event.source in agreement.sources & agreement.approved
        and recipient in agreement.recipients & agreement.approved
        and share.event == event.event_type
        and (share.when == "always" or recipient in event.concerned)
        and event.change_kind in share.change_kinds - {"UNKNOWN"}
        and (event.handling == "ORDINARY" or (event.handling == "PROTECTED" and share.protected))
    )


def permitted(event: Facts, sharing: Network, recipient: str, purpose: str) -> tuple[set[str], set[str]]:
    """The labels of the agreements that permit the delivery, and the fields that they share."""
    permitting = [
        (agreement.label, share.fields)
        for agreement in sharing.agreements.values()
        if agreement.purpose == purpose
        for share in agreement.shares
        if permits(agreement, share, recipient, event)
    ]
    return {label for label, _ in permitting}, {path for _, fields in permitting for path in fields}


def candidates(event: Facts, sharing: Network) -> set[str]:
    always = {
        recipient
        for agreement in sharing.agreements.values()
        for share in agreement.shares
        if event.source in agreement.sources and share.event == event.event_type and share.when == "always"
        for recipient in agreement.recipients
    }
    everyone = event.concerned | always
    if event.change_kind in ("CORRECT", "ANNUL"):
        return {*everyone, *(authority for authority, _ in event.past)}
    if event.change_kind == "REFRESH" and event.requested_by:
        return set(everyone & {event.requested_by})
    return set(everyone)


def pairs(decision: Decision, *results: Result) -> set[tuple[str, str]]:
    return {(entry.authority, entry.purpose) for entry in decision.entries if entry.result in results}


@given(situations, networks)
def test_what_no_agreement_in_force_names_does_not_leave(event: Facts, sharing: Network) -> None:
    for entry in decide(event, sharing).having(Result.DELIVERED):
        agreements, fields = permitted(event, sharing, entry.authority, entry.purpose)
        assert agreements
        assert (set(entry.agreements), set(entry.fields)) == (agreements, fields)


@given(situations, networks)
def test_what_an_agreement_in_force_permits_is_delivered_to_every_candidate(
    event: Facts, sharing: Network
) -> None:
    delivered = pairs(decide(event, sharing), Result.DELIVERED)
    due = {
        (candidate, purpose)
        for candidate in candidates(event, sharing)
        for purpose in PURPOSES
        if permitted(event, sharing, candidate, purpose)[0]
    }
    assert delivered == due


@given(situations, networks)
def test_every_candidate_has_an_entry_and_nobody_else(event: Facts, sharing: Network) -> None:
    decision = decide(event, sharing)
    assert {entry.authority for entry in decision.entries} == candidates(event, sharing)
    assert (decision.ending == "DECIDED") == bool(decision.entries)


@given(situations, networks)
def test_a_candidate_and_purpose_has_one_entry_and_the_order_is_fixed(event: Facts, sharing: Network) -> None:
    decided = [(entry.authority, entry.purpose) for entry in decide(event, sharing).entries]
    assert decided == sorted(set(decided))


@given(situations, networks)
def test_a_reason_is_given_exactly_where_nothing_is_delivered(event: Facts, sharing: Network) -> None:
    for entry in decide(event, sharing).entries:
        assert bool(entry.reason) == (entry.result is not Result.DELIVERED) == (not entry.agreements)
        assert bool(entry.fields) == bool(entry.agreements)


@given(st.lists(st.tuples(situations, networks), min_size=1, max_size=5))
def test_a_chain_of_corrections_reaches_everyone_who_was_ever_told(
    chain: list[tuple[Facts, Network]],
) -> None:
    """Whatever becomes of the agreements in between, each of them is told again, or told to stop."""
    (first, sharing), *corrections = chain
    first = first._replace(change_kind="NEW")
    informed = pairs_to_correct(first, decide(first, sharing))
    for event, now_sharing in corrections:
        correction = event._replace(
            source=first.source,
            change_kind="ANNUL" if event.change_kind == "ANNUL" else "CORRECT",
            past=informed,
        )
        decision = decide(correction, now_sharing)
        assert informed <= pairs(decision, Result.DELIVERED, Result.WITHDRAWN)
        informed |= pairs_to_correct(correction, decision)


@given(situations, networks)
def test_only_past_recipients_are_told_to_stop(event: Facts, sharing: Network) -> None:
    withdrawn = pairs(decide(event, sharing), Result.WITHDRAWN)
    assert withdrawn <= event.past
    assert not withdrawn or event.change_kind in ("CORRECT", "ANNUL")
