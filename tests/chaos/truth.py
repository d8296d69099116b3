"""What the agreements mean, told once more: an implementation of its own, small and slow, for the judge alone.

Written from the rules and not from `instep.router`, of which it imports nothing: a rule that both get wrong has been
misunderstood twice. It knows a network as the files of its directory say it, in plain dicts, and places addresses by
`authority_gss` alone.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

Plain = Mapping[str, Any]
Pair = tuple[str, str]
"""An authority and a purpose."""

ADDRESSES = {
    "resident-moved": ("old_address", "new_address"),
    "business-registered": ("establishment.address",),
}
FURTHEST = (
    "no-agreement",
    "ended",
    "suspended",
    "not-yet-effective",
    "expired",
    "not-approved",
    "kind-not-shared",
    "protected",
)
"""Reasons in the order of the tests: of several, the one that came furthest is told."""


@dataclass(frozen=True, kw_only=True)
class Generation:
    """A network as it stood: its authorities' lines and its agreements' files, and when its successor was applied.

    `elsewhere` are codes of councils outside the network; `ended_at` is epoch milliseconds, None while it stands.
    """

    authorities: tuple[Plain, ...]
    agreements: tuple[Plain, ...]
    elsewhere: frozenset[str] = frozenset()
    ended_at: int | None = None
    by_id: Mapping[str, Plain] = field(init=False, repr=False)
    by_gss: Mapping[str, Plain] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_id", {line["authority"]: line for line in self.authorities})
        object.__setattr__(self, "by_gss", {line["gss"]: line for line in self.authorities})


class Due(NamedTuple):
    """What is to come of one event for one candidate and purpose; `fields` and `agreements` where delivered."""

    result: str
    reason: str = ""
    agreements: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


class Truth(NamedTuple):
    """An event's ending, what is due for each candidate and purpose, and whom a later correction has to reach."""

    ending: str
    due: Mapping[Pair, Due]
    told: frozenset[Pair]


class Facts(NamedTuple):
    """All that a truth rests on besides the network. `filled` are the event's own fields that are not empty."""

    event_type: str
    source: str
    change_kind: str
    handling: str
    requested_by: str | None
    places: frozenset[str]
    filled: frozenset[str]
    past: frozenset[Pair]
    day: date


def places(event_type: str, event: Plain) -> frozenset[str]:
    """The codes of an event's addresses."""
    found = set()
    for path in ADDRESSES[event_type]:
        at: Any = event
        for name in path.split("."):
            at = at and at.get(name)
        if at and at.get("authority_gss"):
            found.add(at["authority_gss"])
    return frozenset(found)


def truth(facts: Facts, network: Generation) -> Truth:
    """Decide an event."""
    past = facts.past if facts.change_kind in ("CORRECT", "ANNUL") else frozenset()
    concerned: set[str] = set()
    placed = False
    for code in facts.places:
        if code in network.by_gss:
            placed = True
            concerned |= _concerned(network.by_gss[code]["authority"], facts.day, network)
        placed = placed or code in network.elsewhere
    shares = list(_shares(facts, network))
    always = {who for _, share, of in shares if share.get("when") == "always" for who in of["recipients"]}
    candidates = concerned | always | {who for who, _ in past}
    if facts.change_kind == "REFRESH" and facts.requested_by:
        candidates &= {facts.requested_by}
    due: dict[Pair, Due] = {}
    for candidate in candidates:
        due |= _due(candidate, candidate in concerned, facts, shares, past, network)
    ending = "DECIDED" if candidates else "NOBODY_CONCERNED" if placed else "UNKNOWN_AREA"
    return Truth(ending, due, past | {pair for pair, one in due.items() if one.result == "DELIVERED"})


def blanked(event: Plain, fields: Collection[str]) -> dict[str, Any]:
    """An event's fields beneath its header, with all but these paths emptied."""
    return {
        name: _blanked(value, name, fields)
        if any(path == name or path.startswith(f"{name}.") for path in fields)
        else _empty(value)
        for name, value in event.items()
        if name != "header"
    }


def outermost(fields: Collection[str]) -> tuple[str, ...]:
    """Paths without those that lie within another."""
    return tuple(
        sorted(path for path in set(fields) if not any(path.startswith(f"{other}.") for other in fields))
    )


def _blanked(value: Any, path: str, fields: Collection[str]) -> Any:
    if path in fields:
        return value
    within = [shared for shared in fields if shared.startswith(f"{path}.")]
    if not within or value is None:
        return _empty(value)
    if isinstance(value, list):
        return [_blanked(item, path, fields) for item in value]
    return {name: _blanked(one, f"{path}.{name}", fields) for name, one in value.items()}


def _empty(value: Any) -> Any:
    return [] if isinstance(value, list) else None


def _concerned(authority: str, day: date, network: Generation) -> set[str]:
    acting = _acting(authority, day, network)
    counties = {network.by_id[id]["parent"] for id in acting} - {""}
    return acting.union(*(_acting(county, day, network) for county in counties))


def _acting(authority: str, day: date, network: Generation) -> set[str]:
    line = network.by_id[authority]
    if not line["valid_to"] or day <= date.fromisoformat(line["valid_to"]):
        return {authority}
    successors = [one for one in line["replaced_by"].split("|") if one]
    return set().union(*(_acting(successor, day, network) for successor in successors))


def _shares(facts: Facts, network: Generation) -> Iterator[tuple[str, Plain, Plain]]:
    """Each share that could carry the event: its purpose, itself, its agreement."""
    for agreement in network.agreements:
        if facts.source not in agreement["sources"]:
            continue
        for share in agreement["share"]:
            roots = {path.partition(".")[0] for path in share["fields"]}
            # An event that holds nothing of what is shared is not for the recipient; an ANNUL may be bare.
            if share["event"] == facts.event_type and (facts.change_kind == "ANNUL" or roots & facts.filled):
                yield agreement["purpose"], share, agreement


def _due(
    candidate: str,
    concerned: bool,
    facts: Facts,
    shares: list[tuple[str, Plain, Plain]],
    past: frozenset[Pair],
    network: Generation,
) -> dict[Pair, Due]:
    reasons: dict[str, list[str | None]] = {}
    permitted: dict[str, list[tuple[Plain, Plain]]] = {}
    for purpose, share, agreement in shares:
        if candidate in agreement["recipients"] and (concerned or share.get("when") == "always"):
            reason = _refusal(candidate, facts, share, agreement)
            if reason is None:
                permitted.setdefault(purpose, []).append((share, agreement))
            reasons.setdefault(purpose, []).append(reason)
    due = {}
    for purpose, found in reasons.items():
        if purpose in permitted:
            due[candidate, purpose] = _delivered(permitted[purpose])
        else:
            furthest = max((reason for reason in found if reason), key=FURTHEST.index)
            due[candidate, purpose] = Due("WITHHELD", furthest)
    for who, purpose in past:
        if who == candidate and due.get((who, purpose), Due("")).result != "DELIVERED":
            refused = due.get((who, purpose))
            due[who, purpose] = Due("WITHDRAWN", _withdrawn(refused, who, purpose, concerned, facts, network))
    return due or {(candidate, ""): Due("WITHHELD", "no-agreement")}


def _refusal(candidate: str, facts: Facts, share: Plain, agreement: Plain) -> str | None:
    approved = {one["authority"] for one in agreement["approved"]}
    if agreement["status"] != "active":
        return str(agreement["status"])
    if facts.day < agreement["effective_from"]:
        return "not-yet-effective"
    if facts.day > agreement["review_by"]:
        return "expired"
    if not {facts.source, candidate} <= approved:
        return "not-approved"
    if facts.change_kind not in share["change_kinds"]:
        return "kind-not-shared"
    if facts.handling != "ORDINARY" and not share.get("protected", False):
        return "protected"
    return None


def _delivered(permitted: list[tuple[Plain, Plain]]) -> Due:
    return Due(
        "DELIVERED",
        agreements=tuple(sorted({f"{one['id']}@{one['version']}" for _, one in permitted})),
        fields=outermost([path for share, _ in permitted for path in share["fields"]]),
    )


def _withdrawn(
    refused: Due | None, who: str, purpose: str, concerned: bool, facts: Facts, network: Generation
) -> str:
    if facts.change_kind == "ANNUL":
        return "ANNULLED"
    if refused is not None:
        return "NOW_PROTECTED" if refused.reason == "protected" else "AGREEMENT_ENDED"
    named = any(
        facts.source in one["sources"]
        and who in one["recipients"]
        and purpose == one["purpose"]
        and any(share["event"] == facts.event_type for share in one["share"])
        for one in network.agreements
    )
    return "AGREEMENT_ENDED" if concerned and not named else "NO_LONGER_CONCERNS"
