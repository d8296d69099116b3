"""Decides who may know which fields of an event, and why each other candidate may not: the router's rules. Pure.

The *candidates* of an event are the authorities in whose area one of its addresses lies, the recipients to whom an
agreement always sends, and the past recipients of the event that this event replaces. Each candidate gets an entry
for each purpose in which an agreement could reach the candidate, so no candidate is left out in silence.

The default is to deny: an entry is DELIVERED only if an agreement in force, approved by both sides, shares the event.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from instep.events.identifiers import AuthorityId
from instep.network.agreements import CHANGE_KINDS, Agreement, Share
from instep.network.network import Network

Pair = tuple[AuthorityId, str]
"""An authority and a purpose."""


class Result(StrEnum):
    """The result of an event for a candidate and purpose."""

    DELIVERED = "DELIVERED"
    WITHHELD = "WITHHELD"
    WITHDRAWN = "WITHDRAWN"


class Ending(StrEnum):
    """How the decision of an event ended as a whole."""

    DECIDED = "DECIDED"
    NOBODY_CONCERNED = "NOBODY_CONCERNED"
    UNKNOWN_AREA = "UNKNOWN_AREA"


class Withheld(StrEnum):
    """Why an event is withheld, in the order of the tests. Of several agreements, the one that passes most counts."""

    NO_AGREEMENT = "no-agreement"
    ENDED = "ended"
    SUSPENDED = "suspended"
    NOT_YET_EFFECTIVE = "not-yet-effective"
    EXPIRED = "expired"
    NOT_APPROVED = "not-approved"
    KIND_NOT_SHARED = "kind-not-shared"
    PROTECTED = "protected"


class Withdrawn(StrEnum):
    """Why a past recipient has to stop relying on an earlier event. The router never gives the schema's reason ERASED."""

    ANNULLED = "ANNULLED"
    NO_LONGER_CONCERNS = "NO_LONGER_CONCERNS"
    NOW_PROTECTED = "NOW_PROTECTED"
    AGREEMENT_ENDED = "AGREEMENT_ENDED"


_RANK = {reason: rank for rank, reason in enumerate(Withheld)}


class Facts(NamedTuple):
    """Everything that a decision rests on, besides the network. Events with equal facts are decided alike.

    A tuple and not a dataclass, because the plan of delivery is looked up by the facts of every event.

    - `concerned`: the authorities whose area held an address of the event; `area_unknown`: no address could be placed.
    - `past`: the pairs that were sent the event that this event replaces.
    - `day`: the day of the decision, in London.
    - `absent`: the empty fields among those on which a share may depend wholly (`sparse_roots`).
    """

    event_type: str
    source: AuthorityId
    change_kind: str
    handling: str
    requested_by: AuthorityId | None
    concerned: frozenset[AuthorityId]
    area_unknown: bool
    past: frozenset[Pair]
    day: date
    absent: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """The decision for a candidate and purpose. `reason` is a `Withheld` or `Withdrawn`, "" when delivered.

    `agreements` are all that permit the delivery (`id@version`), `fields` all that those agreements share. Both are empty
    unless the event is delivered.
    """

    authority: AuthorityId
    purpose: str
    result: Result
    reason: str = ""
    agreements: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    respond_by: date | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """An event's ending, and an entry for each candidate and purpose, sorted."""

    ending: Ending
    entries: tuple[Entry, ...]

    def having(self, result: Result) -> tuple[Entry, ...]:
        """The entries with this result."""
        return tuple(entry for entry in self.entries if entry.result is result)


class _Applicable(NamedTuple):
    """An agreement that could reach a recipient, and those of its shares that cover the event."""

    agreement: Agreement
    shares: Sequence[Share]


def decide(facts: Facts, network: Network) -> Decision:
    """Decide an event for each of its candidates."""
    agreements = network.agreements_of(facts.source, facts.event_type)
    past = past_pairs(facts)
    candidates = _candidates(facts, agreements, past)
    entries = (
        entry for candidate in sorted(candidates) for entry in _entries(candidate, facts, agreements, past)
    )
    return Decision(ending=_ending(candidates, facts), entries=tuple(entries))


def past_pairs(facts: Facts) -> frozenset[Pair]:
    """The pairs that were sent the replaced event. Only a CORRECT or an ANNUL replaces an event."""
    return facts.past if facts.change_kind in ("CORRECT", "ANNUL") else frozenset()


def pairs_to_correct(facts: Facts, decision: Decision) -> frozenset[Pair]:
    """The pairs that a later correction has to reach: those that were sent this event, and those inherited."""
    delivered = decision.having(Result.DELIVERED)
    return past_pairs(facts) | {(entry.authority, entry.purpose) for entry in delivered}


def _candidates(
    facts: Facts, agreements: Sequence[Agreement], past: frozenset[Pair]
) -> frozenset[AuthorityId]:
    always = frozenset(
        AuthorityId(recipient)
        for agreement in agreements
        for share in agreement.events[facts.event_type]
        if share.when == "always" and _has_something(share, facts)
        for recipient in agreement.recipients
    )
    candidates = facts.concerned | always | {authority for authority, _ in past}
    if facts.change_kind == "REFRESH" and facts.requested_by is not None:
        return candidates & {facts.requested_by}
    return candidates


def _ending(candidates: frozenset[AuthorityId], facts: Facts) -> Ending:
    if candidates:
        return Ending.DECIDED
    return Ending.UNKNOWN_AREA if facts.area_unknown else Ending.NOBODY_CONCERNED


def _entries(
    recipient: AuthorityId, facts: Facts, agreements: Sequence[Agreement], past: frozenset[Pair]
) -> Iterator[Entry]:
    """The entries of a candidate, by purpose."""
    by_purpose = _applicable(recipient, facts, agreements)
    decided = {
        purpose: _entry(recipient, purpose, applicable, facts) for purpose, applicable in by_purpose.items()
    }
    for authority, purpose in past:
        if authority == recipient and not _delivered(decided.get(purpose)):
            decided[purpose] = _withdrawal(recipient, purpose, decided.get(purpose), facts, agreements)
    if not decided:
        yield Entry(
            authority=recipient, purpose="", result=Result.WITHHELD, reason=Withheld.NO_AGREEMENT.value
        )
    for purpose in sorted(decided):
        yield decided[purpose]


def _applicable(
    recipient: AuthorityId, facts: Facts, agreements: Sequence[Agreement]
) -> Mapping[str, Sequence[_Applicable]]:
    """By purpose: the agreements that share the event with the recipient, in any standing."""
    by_purpose: dict[str, list[_Applicable]] = {}
    for agreement in agreements:
        shares = [
            share
            for share in agreement.events[facts.event_type]
            if (share.when == "always" or recipient in facts.concerned) and _has_something(share, facts)
        ]
        if shares and recipient in agreement.recipients:
            by_purpose.setdefault(agreement.purpose, []).append(_Applicable(agreement, shares))
    return by_purpose


def sparse_roots(
    agreements: Iterable[Agreement], event_type: str, required: Collection[str]
) -> frozenset[str]:
    """The fields of an event on which some share depends wholly: all fields of each share that names no required field."""
    shares = (share for agreement in agreements for share in agreement.events.get(event_type, ()))
    return frozenset(root for share in shares if not share.roots & set(required) for root in share.roots)


def _has_something(share: Share, facts: Facts) -> bool:
    """Whether the event holds any shared field. Without any, the event is not for the recipient.

    An ordinary move, for example, is no placement notice. An ANNUL always counts, since an ANNUL may be bare and still
    says that the earlier event no longer holds.
    """
    return facts.change_kind == "ANNUL" or not share.roots <= facts.absent


def _entry(recipient: AuthorityId, purpose: str, applicable: Sequence[_Applicable], facts: Facts) -> Entry:
    """Deliver if any agreement of the purpose permits. All that permit give their fields; the shortest time counts."""
    refusals: list[Withheld] = []
    permitting: dict[str, Agreement] = {}
    fields: set[str] = set()
    for agreement, shares in applicable:
        for share in shares:
            refusal = _refusal(agreement, share, recipient, facts)
            if refusal is None:
                permitting[agreement.label] = agreement
                fields.update(share.fields)
            else:
                refusals.append(refusal)
    if not permitting:
        furthest = max(refusals, key=_RANK.__getitem__)
        return Entry(authority=recipient, purpose=purpose, result=Result.WITHHELD, reason=furthest.value)
    return Entry(
        authority=recipient,
        purpose=purpose,
        result=Result.DELIVERED,
        agreements=tuple(sorted(permitting)),
        fields=tuple(sorted(fields)),
        respond_by=min(agreement.respond_within.respond_by(facts.day) for agreement in permitting.values()),
    )


def _refusal(agreement: Agreement, share: Share, recipient: AuthorityId, facts: Facts) -> Withheld | None:
    """The first test that an agreement's share fails. An unknown kind or handling passes none of the tests."""
    standing = agreement.standing(facts.day)
    if standing != "active":
        return Withheld(standing)
    if not agreement.approved >= {facts.source, recipient}:
        return Withheld.NOT_APPROVED
    if facts.change_kind not in CHANGE_KINDS or facts.change_kind not in share.change_kinds:
        return Withheld.KIND_NOT_SHARED
    if facts.handling == "ORDINARY" or (facts.handling == "PROTECTED" and share.protected):
        return None
    return Withheld.PROTECTED


def _delivered(entry: Entry | None) -> bool:
    return entry is not None and entry.result is Result.DELIVERED


def _withdrawal(
    recipient: AuthorityId,
    purpose: str,
    withheld: Entry | None,
    facts: Facts,
    agreements: Sequence[Agreement],
) -> Entry:
    """Tell a past recipient to stop, whether or not an agreement still stands (UK GDPR Article 19)."""
    naming = [
        agreement
        for agreement in agreements
        if agreement.purpose == purpose and recipient in agreement.recipients
    ]
    days = (agreement.respond_within.respond_by(facts.day) for agreement in naming)
    return Entry(
        authority=recipient,
        purpose=purpose,
        result=Result.WITHDRAWN,
        reason=_why_withdrawn(recipient, withheld, facts, still_named=bool(naming)).value,
        respond_by=min(days, default=None),
    )


def _why_withdrawn(
    recipient: AuthorityId, withheld: Entry | None, facts: Facts, *, still_named: bool
) -> Withdrawn:
    if facts.change_kind == "ANNUL":
        return Withdrawn.ANNULLED
    if withheld is None:
        ended = recipient in facts.concerned and not still_named
        return Withdrawn.AGREEMENT_ENDED if ended else Withdrawn.NO_LONGER_CONCERNS
    return Withdrawn.NOW_PROTECTED if withheld.reason == Withheld.PROTECTED else Withdrawn.AGREEMENT_ENDED
