"""Says an agreement in words, for those who sign: who shares what with whom, why, until when, and what each would receive.

Pure: the same agreement always gives the same words. The router's own rules (`router.preview`) say what each party receives,
so the words promise nothing else than the router does.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from instep.cli.paper import Block, Heading, Items, Paragraph, Rows, Signatures
from instep.events.fields import any_beneath
from instep.events.schema import EventType
from instep.network.agreements import CHANGE_KINDS, Agreement
from instep.network.authorities import Authority
from instep.network.everyday import long_day
from instep.router.preview import PromisedFields, received

_KINDS: Mapping[str, str] = {
    "NEW": "new events",
    "CORRECT": "corrections",
    "ANNUL": "annulments",
    "REFRESH": "repeats on request",
}


def letter(
    agreement: Agreement, councils: Mapping[str, Authority], events: Mapping[str, EventType]
) -> tuple[Block, ...]:
    """The agreement in words. Councils have their names in the network; a council unknown to the network has its id."""
    return (
        Heading(text=f"Sharing agreement {agreement.id}, version {agreement.version}", level=1),
        *_terms(agreement),
        *_parties(agreement, councils),
        *(
            block
            for name in agreement.events
            if name in events
            for block in _event(agreement, councils, events[name])
        ),
        *_signing(agreement, councils),
    )


def _terms(agreement: Agreement) -> Iterator[Block]:
    yield Rows(
        rows=(
            ("Purpose", agreement.purpose),
            ("Lawful basis", agreement.lawful_basis),
            ("Legal power", agreement.legal_power),
            *_given("Condition for special category data", agreement.special_category_condition.strip()),
            ("First day", long_day(agreement.effective_from)),
            ("Last day", f"{long_day(agreement.review_by)}; nothing flows after it unless the parties renew"),
            ("Kept by recipients for", f"{agreement.retention_days} days"),
            ("Answer expected within", str(agreement.respond_within)),
            ("Impact assessment (DPIA)", agreement.dpia),
            ("Contact", agreement.contact),
        )
    )
    if agreement.status != "active":
        yield Paragraph(text=f"This agreement is {agreement.status}, so nothing flows under it.")


def _given(label: str, value: str) -> tuple[tuple[str, str], ...]:
    return ((label, value),) if value else ()


def _parties(agreement: Agreement, councils: Mapping[str, Authority]) -> Iterator[Block]:
    if agreement.sources == agreement.recipients:
        yield Heading(text="Who shares and receives", level=2)
        yield Items(items=_names(agreement.sources, councils))
        return
    yield Heading(text="Who shares", level=2)
    yield Items(items=_names(agreement.sources, councils))
    yield Heading(text="Who receives", level=2)
    yield Items(items=_names(agreement.recipients, councils))


def _names(ids: Iterable[str], councils: Mapping[str, Authority]) -> tuple[str, ...]:
    return tuple(sorted(f"{councils[id].name} ({id})" if id in councils else id for id in ids))


def _event(agreement: Agreement, councils: Mapping[str, Authority], event: EventType) -> Iterator[Block]:
    rows = received(agreement, event)
    yield Heading(text=f"What is received: {event.title.lower()}", level=2)
    yield Paragraph(text=event.purpose)
    for row in rows:
        yield Paragraph(text=_who_and_when(row, agreement, councils))
        yield Items(items=tuple(_fields(row.fields, event)))
    shared = {path for row in rows for path in row.fields}
    kept = _kept_back(shared, event)
    if kept:
        yield Paragraph(text=f"Not shared under this agreement: {'; '.join(kept)}.")
    yield Paragraph(text=_protection(rows))


def _who_and_when(row: PromisedFields, agreement: Agreement, councils: Mapping[str, Authority]) -> str:
    everybody = frozenset(row.recipients) == agreement.recipients
    who = "Every recipient" if everybody else _and(_names(row.recipients, councils))
    anywhere = any(not situation.concerned for situation in row.situations)
    where = "of any area" if anywhere else "that concern its own area"
    kinds = [_KINDS[kind] for kind in CHANGE_KINDS if any(s.change_kind == kind for s in row.situations)]
    handlings = {situation.handling for situation in row.situations}
    whose = " of protected people alone" if handlings == {"PROTECTED"} else ""
    content = ", and nothing where the event has none of them" if row.only_with_content else ""
    receives = "receives" if everybody or len(row.recipients) == 1 else "receive"
    return f"{who} {receives} these fields of events{whose} {where} ({_and(kinds)}){content}:"


def _protection(rows: Sequence[PromisedFields]) -> str:
    if any(s.handling == "PROTECTED" for row in rows for s in row.situations):
        return "Events of protected people are shared too: the parties have agreed to that for this purpose."
    return "Nothing is shared of protected people."


def _fields(paths: Iterable[str], event: EventType) -> Iterator[str]:
    for path in sorted(paths, key=list(event.latest.fields).index):
        special = ", special category data" if event.classes.get(path) == "special-category" else ""
        yield f"{described(path, event)} ({path}{special})"


def described(path: str, event: EventType) -> str:
    """A field in the words of its schema, behind the words of the records that hold it; with all parts of a record."""
    fields = event.latest.fields
    parts = path.split(".")
    words = ": ".join(_doc(fields[".".join(parts[: depth + 1])].doc) for depth in range(len(parts)))
    inner = [
        _doc(field.doc) for inner, field in fields.items() if inner.startswith(f"{path}.") and field.leaf
    ]
    return f"{words}, whole: {', '.join(inner)}" if inner else words


def _doc(doc: str) -> str:
    return re.split(r"[:,]", doc.rstrip("."))[0]


def _kept_back(shared: set[str], event: EventType) -> list[str]:
    """The outermost fields of which nothing is shared, in the schema's order."""
    fields = event.latest.fields
    kept: list[str] = []
    for path in fields:
        covered = any(path == part or path.startswith(f"{part}.") for part in (*shared, *kept, "header"))
        if not covered and not any_beneath(shared, path):
            kept.append(path)
    return [f"{': '.join(_doc(fields[p].doc) for p in _with_parents(path))} ({path})" for path in kept]


def _with_parents(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[: depth + 1]) for depth in range(len(parts))]


def _signing(agreement: Agreement, councils: Mapping[str, Authority]) -> Iterator[Block]:
    yield Heading(text="Approval", level=2)
    yield Paragraph(
        text="The agreement binds the parties that have approved it, and no other. A party that has not approved neither"
        " sends nor receives under it."
    )
    if agreement.approvals:
        yield Rows(
            rows=tuple(
                (
                    _names([approval.authority], councils)[0],
                    f"approved by {approval.by} on {long_day(approval.on)}",
                )
                for approval in sorted(agreement.approvals, key=lambda approval: approval.authority)
            )
        )
    if missing := agreement.parties - agreement.approved:
        yield Signatures(names=_names(missing, councils))


def _and(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
