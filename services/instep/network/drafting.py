"""Drafts a new agreement from answers to questions. Pure.

Each question is a value: the question in words, help, a default, and how an answer is read (`answers`).
`agreement_text` writes the draft.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from instep.errors import NetworkError
from instep.events.schema import EventType
from instep.network import answers
from instep.network.agreements import CHANGE_KINDS
from instep.network.authorities import Authority
from instep.network.documents import AGREEMENT_KEYS, SHARE_KEYS, Document
from instep.network.terms import shareable

Answer = Any
_A_MONTH_AND_MORE = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A question about a key of the agreement. `default` is an answer as one would write it, "" for none.

    `share` is the number of the share asked about, from 0; None for a question about the whole agreement. `choices` are the
    possible answers with a word about each, where there are few enough to list.
    """

    key: str
    asks: str
    help: str
    read: Callable[[str], Answer]
    default: str = ""
    share: int | None = None
    choices: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What an agreement must fit: the network's authorities, the types of event, and the day in London.

    `taken` are the ids of the agreements that there are, `purposes` their purposes.
    """

    councils: Mapping[str, Authority]
    events: Mapping[str, EventType]
    taken: frozenset[str]
    purposes: frozenset[str]
    today: date


Ask = Callable[[Question], Answer]
"""Puts a question to somebody until the answer can be read; gives the answer as read."""


def draft(ask: Ask, around: Surroundings) -> Document:
    """The document of a new agreement, from the answers. Nobody has approved it, so it binds nobody yet."""
    given: dict[str, Answer] = {"version": 1, "status": "active", "approved": []}
    given["id"] = ask(_name(around.taken))
    given["purpose"] = ask(_purpose(given["id"], around.purposes))
    given["sources"] = ask(_sources(around.councils))
    given["recipients"] = ask(_recipients(around, given["sources"]))
    given["share"] = _shares(ask, around)
    if _special(given["share"], around):
        given["special_category_condition"] = ask(_condition())
    for question in _law_and_care():
        given[question.key] = ask(question)
    given["effective_from"] = ask(_first_day(around.today))
    given["review_by"] = ask(_last_day(given["effective_from"]))
    return {key: given[key] for key in AGREEMENT_KEYS if key in given}


def _name(taken: frozenset[str]) -> Question:
    return Question(
        key="id",
        asks="The agreement's short name",
        help="Lower-case letters, digits and hyphens, such as council-tax. It names the file.",
        read=lambda text: answers.new_id(text, taken),
    )


def _purpose(id: str, purposes: frozenset[str]) -> Question:
    return Question(
        key="purpose",
        asks="The purpose",
        help="What the data is for, in the same form. It names the recipients' inbox: <authority>.inbox.<purpose>.",
        read=lambda text: answers.id_of("purpose", text, purposes),
        default=id,
    )


def _sources(councils: Mapping[str, Authority]) -> Question:
    return Question(
        key="sources",
        asks="Who shares",
        help=f"Councils by id, name or code, separated by commas; {answers.ALL} for every council of the network.",
        read=lambda text: answers.council_ids(text, councils),
        choices=answers.standing(councils),
    )


def _recipients(around: Surroundings, sources: Sequence[str]) -> Question:
    def read(text: str) -> list[str]:
        recipients = answers.council_ids(text, around.councils)
        if len({*sources, *recipients}) == 1:
            raise NetworkError("The only council that shares is the only one that receives: name another.")
        return recipients

    return Question(
        key="recipients",
        asks="Who receives",
        help="The same way. Where nothing is written, all who share receive too.",
        read=read,
        default=", ".join(sources),
        choices=answers.standing(around.councils),
    )


def _law_and_care() -> tuple[Question, ...]:
    return (
        Question(
            key="lawful_basis",
            asks="The lawful basis",
            help="Of UK GDPR Article 6: (1)(e) is a public task, (1)(c) a legal obligation.",
            read=answers.words,
            default="UK GDPR Article 6(1)(e)",
        ),
        Question(
            key="legal_power",
            asks="The law that lets the councils share this",
            help="Such as Local Government Finance Act 1992, Schedule 2.",
            read=answers.words,
        ),
        Question(
            key="retention_days",
            asks="For how many days recipients may keep the data",
            help="In days: 365 is a year, 730 are two.",
            read=answers.retention_days,
            default="365",
        ),
        Question(
            key="respond_within",
            asks="The recipients' time to answer",
            help="Such as 10 working days, or 14 days.",
            read=answers.time_to_answer,
            default="10 working days",
        ),
        Question(
            key="dpia",
            asks="The data protection impact assessment that covers this",
            help="Its reference, such as DPIA-2026-011.",
            read=answers.words,
        ),
        Question(
            key="contact",
            asks="Whom to ask about this agreement",
            help="An e-mail address.",
            read=answers.words,
        ),
    )


def _condition() -> Question:
    return Question(
        key="special_category_condition",
        asks="The condition for special category data",
        help="Among the fields is special category data. UK GDPR Article 9 asks for a condition, such as Article 9(2)(g).",
        read=answers.words,
    )


def _first_day(today: date) -> Question:
    return Question(
        key="effective_from",
        asks="The first day",
        help="Nothing flows before it. 1/4/2027 and 1 April 2027 are understood too.",
        read=answers.day,
        default=str((today.replace(day=1) + timedelta(days=_A_MONTH_AND_MORE)).replace(day=1)),
    )


def _last_day(first: date) -> Question:
    def read(text: str) -> date:
        last = answers.day(text)
        if last < first:
            raise NetworkError(f"The last day is before the first day, {first}: name a later one.")
        return last

    # The year after the 29th of February ends with February too.
    anniversary = (
        date(first.year + 1, 3, 1)
        if first.day == 29 and first.month == 2
        else first.replace(year=first.year + 1)
    )
    return Question(
        key="review_by",
        asks="The last day",
        help="Nothing flows after it unless the parties renew. A year is usual.",
        read=read,
        default=str(anniversary - timedelta(days=1)),
    )


def _shares(ask: Ask, around: Surroundings) -> list[Document]:
    shares: list[Document] = []
    while not shares or ask(_another(len(shares))):
        shares.append(_share(ask, around, len(shares)))
    return shares


def _another(number: int) -> Question:
    return Question(
        key="another",
        asks="Another type of event",
        help="Yes, to share fields of a further type of event under the same agreement.",
        read=answers.yes_or_no,
        default="no",
        share=number,
    )


def _share(ask: Ask, around: Surroundings, number: int) -> Document:
    titles = [(name, event.title) for name, event in sorted(around.events.items())]
    event: str = ask(
        Question(
            key="event",
            asks="The type of event",
            help="What happened that recipients hear of.",
            read=lambda text: answers.event_name(text, around.events),
            share=number,
            choices=titles,
        )
    )
    given = {"event": event} | {
        question.key: ask(question) for question in _share_questions(around.events[event], number)
    }
    return {key: given[key] for key in SHARE_KEYS}


def _share_questions(event: EventType, number: int) -> tuple[Question, ...]:
    fields = event.latest.fields
    return (
        Question(
            key="fields",
            asks="The fields that are shared",
            help="By name or in words, separated by commas. A field that is not named does not leave its council.",
            read=lambda text: answers.field_paths(text, event),
            share=number,
            choices=[(path, fields[path].doc) for path in fields if path in shareable(event)],
        ),
        Question(
            key="when",
            asks="Of which events",
            help="Of events in the recipient's own area, or always: of any area.",
            read=answers.when,
            default="concerns-recipient",
            share=number,
            choices=[("concerns-recipient", "of its own area"), ("always", "of any area")],
        ),
        Question(
            key="change_kinds",
            asks="Of which kinds of change",
            help="All, unless there is a reason: who leaves out ANNUL and CORRECT keeps what is wrong.",
            read=answers.change_kinds,
            default=", ".join(CHANGE_KINDS),
            share=number,
        ),
        Question(
            key="protected",
            asks="Of protected people too",
            help="People at risk, whose records are marked PROTECTED. No, unless the purpose cannot do without.",
            read=answers.yes_or_no,
            default="no",
            share=number,
        ),
    )


def _special(shares: Iterable[Document], around: Surroundings) -> bool:
    return any(
        around.events[share["event"]].classes.get(path) == "special-category"
        for share in shares
        for path in share["fields"]
    )
