"""The terms of an agreement: checks that its parties can keep the agreement, and warns of dates that run out."""

from collections.abc import Container, Iterator, Mapping
from datetime import date, timedelta

from instep.events.schema import EventType
from instep.network.agreements import Agreement, Share
from instep.network.authorities import IDENTIFIER, Authority, identifier_errors
from instep.network.documents import Document, Finding, nearest
from instep.network.everyday import folded
from instep.network.naming import authority_like, authority_meant

NOTICE = timedelta(days=60)
"""How long before the last day of an agreement the warning begins."""
LONGEST_DAYS = 36_525
"""A hundred years. A longer period is a slip of the hand: no data shared here should outlive the people concerned."""
LONG_DAYS = 7 * 366
"""Seven years: six years in which most claims can be brought (Limitation Act 1980), and the current year.

A council that keeps another council's data for longer needs a reason (UK GDPR Article 5(1)(e)), and a warning shows the
parties the period.
"""


def errors(
    agreement: Agreement,
    document: Document,
    name: str,
    councils: Mapping[str, Authority],
    events: Mapping[str, EventType],
    today: date,
    unreadable: Container[str] = (),
) -> Iterator[Finding]:
    """Errors in an agreement. `document` is its parsed file, `name` the file's name without `.toml`.

    `unreadable` are ids of authorities whose rows have errors, which `census` reports.
    """
    yield from _identity(agreement, name)
    yield from _clauses(agreement)
    yield from _parties(agreement, document, councils, today, unreadable)
    yield from _approvals(agreement, councils)
    for index, share in enumerate(agreement.shares):
        yield from _share(share, index, events, agreement)


def _identity(agreement: Agreement, name: str) -> Iterator[Finding]:
    for key in ("id", "purpose"):
        id = getattr(agreement, key)
        for words in identifier_errors(key, id):
            meant = f": write {folded(id)}" if IDENTIFIER.fullmatch(folded(id)) and id != folded(id) else ""
            yield Finding(key=key, message=f"{words}{meant}")
    if agreement.id != name:
        yield Finding(key="id", message=f"id is {agreement.id!r}, but the file is {name}.toml")
    for key in ("version", "retention_days"):
        if getattr(agreement, key) < 1:
            yield Finding(key=key, message=f"{key} must be 1 or more")
    if agreement.retention_days > LONGEST_DAYS:
        words = f"retention_days is {agreement.retention_days}, more than a hundred years"
        yield Finding(key="retention_days", message=words)


def _clauses(agreement: Agreement) -> Iterator[Finding]:
    for key in ("lawful_basis", "legal_power", "dpia", "contact"):
        if not getattr(agreement, key).strip():
            yield Finding(key=key, message=f"{key} is empty")
    if agreement.review_by < agreement.effective_from:
        yield Finding(key="review_by", message="review_by is before effective_from")
    for approval in agreement.approvals:
        if approval.on > agreement.review_by:
            words = f"{approval.authority} approved after review_by"
            yield Finding(key="approved", value=approval.authority, message=words)
    if not agreement.shares:
        yield Finding(message="it shares nothing: a [[share]] is missing")


def _parties(
    agreement: Agreement,
    document: Document,
    councils: Mapping[str, Authority],
    today: date,
    unreadable: Container[str],
) -> Iterator[Finding]:
    for key in ("sources", "recipients"):
        names: list[str] = document[key]
        if not names:
            yield Finding(key=key, message=f"{key} is empty")
        for name in dict.fromkeys(names):
            if names.count(name) > 1:
                yield Finding(key=key, value=name, message=f"{name} is among the {key} twice")
            if name in councils or name not in unreadable:
                for words in _party(name, councils, agreement, today):
                    yield Finding(key=key, value=name, message=words)
    if len(agreement.parties) == 1:
        yield Finding(key="recipients", message="its only source is its only recipient")


def _approvals(agreement: Agreement, councils: Mapping[str, Authority]) -> Iterator[Finding]:
    approvals = [approval.authority for approval in agreement.approvals]
    for name in dict.fromkeys(approvals):
        if name not in agreement.parties:
            meant = authority_meant(name, councils)
            instead = f": write {meant}" if meant != name and meant in agreement.parties else ""
            words = f"{name} has approved but is no party{instead}"
            yield Finding(key="approved", value=name, message=words)
        if approvals.count(name) > 1:
            yield Finding(key="approved", value=name, message=f"{name} has approved twice")


def _party(name: str, councils: Mapping[str, Authority], agreement: Agreement, today: date) -> Iterator[str]:
    if name not in councils:
        yield f"{name!r} is not in authorities.csv{authority_like(name, councils)}"
    elif (last := councils[name].valid_to) and last < today and agreement.status != "ended":
        successors = " and ".join(councils[name].replaced_by) or "nobody"
        yield f"{name} ended on {last}; {successors} came after it"


def _share(
    share: Share, index: int, events: Mapping[str, EventType], agreement: Agreement
) -> Iterator[Finding]:
    event = events.get(share.event)
    if event is None:
        words = f"the event {share.event!r} is not known{nearest(share.event, events)}"
        yield Finding(key="event", value=share.event, share=index, message=words)
        return
    for key in ("fields", "change_kinds"):
        if not getattr(share, key):
            yield Finding(key=key, share=index, message=f"{key} is empty")
    fields = shareable(event)
    special = agreement.special_category_condition.strip()
    for path in dict.fromkeys(share.fields):
        words = ""
        if path.partition(".")[0] == "header":
            words = "the header is part of every event and is not named"
        elif path not in fields:
            words = f"{share.event} has no field {path!r}{field_like(path, event)}"
        elif share.fields.count(path) > 1:
            words = f"{path} is named twice"
        elif event.classes.get(path) == "special-category" and not special:
            words = f"{path} is special category data, so special_category_condition must be given"
        if words:
            yield Finding(key="fields", value=path, share=index, message=words)


def field_like(path: str, event: EventType) -> str:
    """What to write instead of a path that is no field's, to stand behind a sentence; "" where nobody can tell."""
    meant = fields_meant(path, event)
    if len(meant) == 1:
        return f": write {meant[0]}"
    if meant:
        return f" (did you mean {' or '.join(meant)}?)"
    return nearest(path, sorted(shareable(event)))


def fields_meant(path: str, event: EventType) -> list[str]:
    """The fields with that name, last part of a name, or description, however it is written; several where unclear."""
    fields = {field: event.latest.fields[field] for field in sorted(shareable(event))}
    for names in (
        {path: folded(path) for path in fields},
        {path: folded(path.rpartition(".")[2]) for path in fields},
        {path: folded(field.doc) for path, field in fields.items()},
    ):
        fitting = [field for field, name in names.items() if name == folded(path)]
        if fitting:
            return fitting
    return []


def shareable(event: EventType) -> frozenset[str]:
    """The paths of an event type that an agreement may name: all but the header's."""
    return frozenset(path for path in event.latest.fields if path.partition(".")[0] != "header")


def warnings(agreement: Agreement, councils: Mapping[str, Authority], today: date) -> Iterator[Finding]:
    """Reasons why an agreement that has not ended may not work as the parties expect, today or soon."""
    if agreement.status == "ended":
        return
    yield from _party_warnings(agreement, councils, today)
    if LONG_DAYS < agreement.retention_days <= LONGEST_DAYS:
        words = (
            f"retention_days is {agreement.retention_days}, more than seven years: the dpia should say why"
        )
        yield Finding(key="retention_days", message=words)
    if agreement.review_by < today:
        words = f"its review is overdue since {agreement.review_by}, and nothing flows"
        yield Finding(key="review_by", message=words)
    elif agreement.review_by <= today + NOTICE:
        left = (agreement.review_by - today).days
        yield Finding(key="review_by", message=f"it runs out on {agreement.review_by} (days left: {left})")


def _party_warnings(
    agreement: Agreement, councils: Mapping[str, Authority], today: date
) -> Iterator[Finding]:
    """Parties that have not approved, or not yet, and parties that end before the agreement."""
    for name in sorted(agreement.parties - agreement.approved):
        key = "sources" if name in agreement.sources else "recipients"
        words = f"{name} has not approved, so it neither sends nor receives under this agreement"
        yield Finding(key=key, value=name, message=words)
    for name in sorted(agreement.parties & councils.keys()):
        last = councils[name].valid_to
        if last and today <= last < agreement.review_by:
            yield Finding(key="sources", value=name, message=f"{name} ends on {last}, before review_by")
    for approval in agreement.approvals:
        if approval.on > today:
            words = f"the approval of {approval.authority} is dated after today"
            yield Finding(key="approved", value=approval.authority, message=words)
