"""Documents: agreements and a network's settings, as parsed from TOML or JSON, and read strictly.

Everything that does not fit is a `Finding` with its place in the document. `check` shows all findings with their lines;
`load` stops at the first.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any, get_args

from instep.errors import NetworkError
from instep.network import everyday
from instep.network.agreements import CHANGE_KINDS, Agreement, Approval, Share, Status, When
from instep.network.days import respond_within
from instep.network.everyday import folded

Document = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """An error or a warning, and its place in a document: at a key, at a value of the key, in the n-th `[[share]]`."""

    message: str
    key: str | None = None
    value: str | None = None
    share: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ValueType:
    """The type that a value must have: in words, and as a test."""

    words: str
    fits: Callable[[Any], bool]


TEXT = ValueType(words="a text", fits=lambda v: isinstance(v, str))
WHOLE = ValueType(words="a whole number", fits=lambda v: isinstance(v, int) and not isinstance(v, bool))
YES_OR_NO = ValueType(words="true or false", fits=lambda v: isinstance(v, bool))
DAY = ValueType(
    words="a date such as 2026-04-01", fits=lambda v: isinstance(v, date) and not isinstance(v, datetime)
)
TEXTS = ValueType(
    words="a list of texts", fits=lambda v: isinstance(v, list) and all(isinstance(item, str) for item in v)
)
TABLE = ValueType(words="a table", fits=lambda v: isinstance(v, dict))
TABLES = ValueType(
    words="a list of tables", fits=lambda v: isinstance(v, list) and all(isinstance(item, dict) for item in v)
)

AGREEMENT_KEYS = {
    "id": TEXT,
    "version": WHOLE,
    "status": TEXT,
    "purpose": TEXT,
    "lawful_basis": TEXT,
    "legal_power": TEXT,
    "special_category_condition": TEXT,
    "effective_from": DAY,
    "review_by": DAY,
    "retention_days": WHOLE,
    "respond_within": TEXT,
    "dpia": TEXT,
    "contact": TEXT,
    "sources": TEXTS,
    "recipients": TEXTS,
    "approved": TABLES,
    "share": TABLES,
}
APPROVAL_KEYS = {"authority": TEXT, "by": TEXT, "on": DAY}
SHARE_KEYS = {"event": TEXT, "when": TEXT, "change_kinds": TEXTS, "protected": YES_OR_NO, "fields": TEXTS}
OPTIONAL_AGREEMENT_KEYS = ("special_category_condition",)
OPTIONAL_SHARE_KEYS = ("when", "protected")


def nearest(name: str, names: Iterable[str]) -> str:
    """`" (did you mean ...?)"` with the most similar of the names; "" where no name is similar."""
    spelt = {folded(known): known for known in names}
    close = get_close_matches(folded(name), list(spelt), n=1)
    return f" (did you mean {spelt[close[0]]}?)" if close else ""


def shape_errors(
    document: Document, keys: Mapping[str, ValueType], optional: Iterable[str] = ()
) -> Iterator[Finding]:
    """Unknown keys, missing keys, and values of another type."""
    for key, value in document.items():
        if key not in keys:
            yield Finding(key=key, message=f"{key} is not known here{nearest(key, keys)}")
        elif not keys[key].fits(value):
            yield Finding(
                key=key, message=f"{key} must be {keys[key].words}{_instead(key, keys[key], value)}"
            )
    for key in keys:
        if key not in document and key not in optional:
            yield Finding(message=f"{key} is missing")


def _instead(key: str, kind: ValueType, value: Any) -> str:
    """What to write for a value of another type, to stand behind a sentence; "" where nobody can tell."""
    meant = _as_meant(key, kind, value)
    return f": write {meant}" if meant else ""


def _as_meant(key: str, kind: ValueType, value: Any) -> str | None:
    text = value if isinstance(value, str) else str(value)
    if kind is DAY:
        read = value.date() if isinstance(value, datetime) else everyday.day(text)
        return f"{key} = {read}" if read else None
    if kind is WHOLE:
        number = everyday.whole(text)
        return None if number is None or isinstance(value, bool) else f"{key} = {number}"
    if kind is YES_OR_NO:
        answer = everyday.yes_or_no(text)
        return None if answer is None else f"{key} = {str(answer).lower()}"
    if kind is TEXTS and isinstance(value, str):
        return f"{key} = [{', '.join(map(_quoted, everyday.texts(value)))}]"
    if kind is TABLES and key == "share":
        return "the heading [[share]], in two pairs of square brackets, above the lines of each share"
    if kind is TABLES and key == "approved":
        return 'approved = [{ authority = "leeds", by = "SIRO", on = 2026-03-02 }]'
    if kind is TEXT and isinstance(value, int | float | date):
        if key == "respond_within":
            return f'respond_within = "{text} days" or respond_within = "{text} working days"'
        return f"{key} = {_quoted(str(value).lower() if isinstance(value, bool) else text)}"
    return None


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def agreement_errors(document: Document) -> list[Finding]:
    """Every error that keeps the document from being an agreement; none when `agreement` can read the document."""
    errors = list(shape_errors(document, AGREEMENT_KEYS, optional=OPTIONAL_AGREEMENT_KEYS))
    if errors:
        return errors
    for approval in document["approved"]:
        errors += [
            Finding(key="approved", value=approval.get("authority"), message=f"approved: {finding.message}")
            for finding in shape_errors(approval, APPROVAL_KEYS)
        ]
    for index, share in enumerate(document["share"]):
        errors += [
            Finding(key=finding.key, share=index, message=finding.message)
            for finding in (
                *shape_errors(share, SHARE_KEYS, optional=OPTIONAL_SHARE_KEYS),
                *_share_words(share),
            )
        ]
    if document["status"] not in get_args(Status):
        errors.append(_not_one_of("status", document["status"], get_args(Status)))
    try:
        respond_within(document["respond_within"])
    except NetworkError as error:
        errors.append(Finding(key="respond_within", message=str(error)))
    return errors


def agreement(document: Document) -> Agreement:
    """The agreement of a document that has no errors."""
    return Agreement(
        id=document["id"],
        version=document["version"],
        status=document["status"],
        purpose=document["purpose"],
        lawful_basis=document["lawful_basis"],
        legal_power=document["legal_power"],
        special_category_condition=document.get("special_category_condition", ""),
        effective_from=document["effective_from"],
        review_by=document["review_by"],
        retention_days=document["retention_days"],
        respond_within=respond_within(document["respond_within"]),
        dpia=document["dpia"],
        contact=document["contact"],
        sources=frozenset(document["sources"]),
        recipients=frozenset(document["recipients"]),
        approvals=tuple(Approval(**approval) for approval in document["approved"]),
        shares=tuple(_share(share) for share in document["share"]),
    )


def document(agreement: Agreement) -> dict[str, Any]:
    """The document of an agreement, lists sorted: the inverse of `agreement`."""
    return {
        **{key: getattr(agreement, key) for key in AGREEMENT_KEYS if key not in ("approved", "share")},
        "respond_within": str(agreement.respond_within),
        "sources": sorted(agreement.sources),
        "recipients": sorted(agreement.recipients),
        "approved": [
            {key: getattr(approval, key) for key in APPROVAL_KEYS} for approval in agreement.approvals
        ],
        "share": [
            {
                "event": share.event,
                "when": share.when,
                "change_kinds": [kind for kind in CHANGE_KINDS if kind in share.change_kinds],
                "protected": share.protected,
                "fields": list(share.fields),
            }
            for share in agreement.shares
        ],
    }


def _share(document: Document) -> Share:
    return Share(
        event=document["event"],
        when=document.get("when", "concerns-recipient"),
        change_kinds=frozenset(document["change_kinds"]),
        protected=document.get("protected", False),
        fields=tuple(document["fields"]),
    )


def _share_words(share: Document) -> Iterator[Finding]:
    when = share.get("when")
    if isinstance(when, str) and when not in get_args(When):
        yield _not_one_of("when", when, get_args(When))
    kinds = share.get("change_kinds")
    if isinstance(kinds, list):
        for kind in kinds:
            if kind not in CHANGE_KINDS:
                yield _not_one_of("change_kinds", kind, CHANGE_KINDS)


def _not_one_of(key: str, value: Any, words: tuple[str, ...]) -> Finding:
    choice = ", ".join(words[:-1]) + " or " + words[-1]
    return Finding(
        key=key,
        value=str(value),
        message=f"{key} is {value!r}, which is not {choice}{nearest(str(value), words)}",
    )
