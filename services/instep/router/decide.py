"""Who may know what of an event, and why not: the router's rules. Pure, so that they can be read and tested as they stand.

A *candidate* is an authority that the event concerns, one that an agreement tells always, or one that was sent what the
event replaces. Each candidate gets an entry for each purpose in which an agreement could reach it, so nobody is left out
in silence. Default deny: an entry is DELIVERED only if an agreement in force, approved by both sides, shares this event.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from instep.network.agreements import CHANGE_KINDS, Agreement, Share
from instep.network.network import Network

Pair = tuple[str, str]
"""An authority and a purpose."""


class Result(StrEnum):
    """What was done about a candidate and purpose."""

    DELIVERED = "DELIVERED"
    WITHHELD = "WITHHELD"
    WITHDRAWN = "WITHDRAWN"


class Ending(StrEnum):
    """How an event ended."""

    DECIDED = "DECIDED"
    NOBODY_CONCERNED = "NOBODY_CONCERNED"
    UNKNOWN_AREA = "UNKNOWN_AREA"


class Withheld(StrEnum):
    """Why an event is withheld, in the order of the tests: of several agreements, the one that came furthest is told."""

    NO_AGREEMENT = "no-agreement"
    ENDED = "ended"
    SUSPENDED = "suspended"
    NOT_YET_EFFECTIVE = "not-yet-effective"
    EXPIRED = "expired"
    NOT_APPROVED = "not-approved"
    KIND_NOT_SHARED = "kind-not-shared"
    PROTECTED = "protected"


class Withdrawn(StrEnum):
    """Why a past recipient is to stop relying on what it was sent (ERASED is said by the reconciler alone)."""

    ANNULLED = "ANNULLED"
    NO_LONGER_CONCERNS = "NO_LONGER_CONCERNS"
    NOW_PROTECTED = "NOW_PROTECTED"
    AGREEMENT_ENDED = "AGREEMENT_ENDED"


_RANK = {reason: rank for rank, reason in enumerate(Withheld)}


class Facts(NamedTuple):
    """All that a decision rests on, besides the network.

    A tuple and not a dataclass, because plans are remembered under it and looked up for every event. `concerned` are
    the authorities whose area held an address; `area_unknown`: no address could be placed; `past` are the
    pairs that were sent what this event replaces; `day` is the day in London on which it is decided; `absent` are fields
    of the event, of those on which a share may depend wholly (`sparse_roots`), that it leaves empty.
    """

    event_type: str
    source: str
    change_kind: str
    handling: str
    requested_by: str | None
    concerned: frozenset[str]
    area_unknown: bool
    past: frozenset[Pair]
    day: date
    absent: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One candidate and purpose. `reason` is a `Withheld` or `Withdrawn`, "" when delivered.

    `agreements` (`id@version`) are those that permit it and `fields` all that these share, both empty unless delivered.
    """

    authority: str
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


class _Claim(NamedTuple):
    """An agreement that could reach a recipient, and those of its shares that would."""

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
    """The pairs that were sent what this event replaces; only a CORRECT or an ANNUL replaces anything."""
    return facts.past if facts.change_kind in ("CORRECT", "ANNUL") else frozenset()


def pairs_told(facts: Facts, decision: Decision) -> frozenset[Pair]:
    """Whom a later correction has to reach: those sent this event, and those it inherits."""
    delivered = decision.having(Result.DELIVERED)
    return past_pairs(facts) | {(entry.authority, entry.purpose) for entry in delivered}


def _candidates(facts: Facts, agreements: Sequence[Agreement], past: frozenset[Pair]) -> frozenset[str]:
    always = frozenset(
        recipient
        for agreement in agreements
        for share in agreement.events[facts.event_type]
        if share.when == "always" and _has_something(share, facts)
        for recipient in agreement.recipients
    )
    candidates = facts.concerned | always | {authority for authority, _ in past}
    if facts.change_kind == "REFRESH" and facts.requested_by is not None:
        return candidates & {facts.requested_by}
    return candidates


def _ending(candidates: frozenset[str], facts: Facts) -> Ending:
    if candidates:
        return Ending.DECIDED
    return Ending.UNKNOWN_AREA if facts.area_unknown else Ending.NOBODY_CONCERNED


def _entries(
    recipient: str, facts: Facts, agreements: Sequence[Agreement], past: frozenset[Pair]
) -> Iterator[Entry]:
    """The entries of one candidate, by purpose."""
    claims = _claims(recipient, facts, agreements)
    decided = {purpose: _entry(recipient, purpose, of, facts) for purpose, of in claims.items()}
    for authority, purpose in past:
        if authority == recipient and not _delivered(decided.get(purpose)):
            decided[purpose] = _withdrawal(recipient, purpose, decided.get(purpose), facts, agreements)
    if not decided:
        yield Entry(
            authority=recipient, purpose="", result=Result.WITHHELD, reason=Withheld.NO_AGREEMENT.value
        )
    for purpose in sorted(decided):
        yield decided[purpose]


def _claims(recipient: str, facts: Facts, agreements: Sequence[Agreement]) -> Mapping[str, Sequence[_Claim]]:
    """By purpose: the agreements that name the recipient and share this type of event with it, whatever their standing."""
    found: dict[str, list[_Claim]] = {}
    for agreement in agreements:
        shares = [
            share
            for share in agreement.events[facts.event_type]
            if (share.when == "always" or recipient in facts.concerned) and _has_something(share, facts)
        ]
        if shares and recipient in agreement.recipients:
            found.setdefault(agreement.purpose, []).append(_Claim(agreement, shares))
    return found


def sparse_roots(
    agreements: Iterable[Agreement], event_type: str, required: Collection[str]
) -> frozenset[str]:
    """The fields of an event on which some share depends wholly: those it names when it names none that is required."""
    shares = (share for agreement in agreements for share in agreement.events.get(event_type, ()))
    return frozenset(root for share in shares if not share.roots & set(required) for root in share.roots)


def _has_something(share: Share, facts: Facts) -> bool:
    """An event that holds nothing of what is shared is not for the recipient: an ordinary move is no placement notice.

    An ANNUL is: it may be bare, and what it says is that it annuls.
    """
    return facts.change_kind == "ANNUL" or not share.roots <= facts.absent


def _entry(recipient: str, purpose: str, claims: Sequence[_Claim], facts: Facts) -> Entry:
    """Delivered if any agreement of the purpose permits it: with the fields of all that do, and in the shortest of times."""
    refusals: list[Withheld] = []
    permitting: dict[str, Agreement] = {}
    fields: set[str] = set()
    for agreement, shares in claims:
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


def _refusal(agreement: Agreement, share: Share, recipient: str, facts: Facts) -> Withheld | None:
    """The first test that an agreement's share fails. A kind or handling that nobody knows passes none."""
    standing = agreement.standing(facts.day)
    if standing is not None:
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
    recipient: str, purpose: str, refused: Entry | None, facts: Facts, agreements: Sequence[Agreement]
) -> Entry:
    """Tells a past recipient to stop, whether or not an agreement still stands (UK GDPR Article 19)."""
    naming = [one for one in agreements if one.purpose == purpose and recipient in one.recipients]
    return Entry(
        authority=recipient,
        purpose=purpose,
        result=Result.WITHDRAWN,
        reason=_why_withdrawn(recipient, refused, facts, still_named=bool(naming)).value,
        respond_by=min((one.respond_within.respond_by(facts.day) for one in naming), default=None),
    )


def _why_withdrawn(recipient: str, refused: Entry | None, facts: Facts, *, still_named: bool) -> Withdrawn:
    if facts.change_kind == "ANNUL":
        return Withdrawn.ANNULLED
    if refused is None:
        ended = recipient in facts.concerned and not still_named
        return Withdrawn.AGREEMENT_ENDED if ended else Withdrawn.NO_LONGER_CONCERNS
    return Withdrawn.NOW_PROTECTED if refused.reason == Withheld.PROTECTED else Withdrawn.AGREEMENT_ENDED
