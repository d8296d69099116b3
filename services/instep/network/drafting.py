"""Drafts a new agreement from answers to questions, and writes the draft as TOML. Pure.

Each question is a value: what is asked, help, a default, and how an answer is read. An answer may be written as people write
(see `everyday`, `naming`); `Question.read` raises NetworkError with the sentence that says what to write.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from instep.errors import NetworkError
from instep.events.schema import EventType
from instep.network import everyday
from instep.network.agreements import CHANGE_KINDS
from instep.network.authorities import IDENTIFIER, Authority, identifier_errors
from instep.network.days import respond_within
from instep.network.documents import AGREEMENT_KEYS, SHARE_KEYS, Document, nearest
from instep.network.everyday import folded
from instep.network.lookalikes import lookalikes
from instep.network.naming import authority_like, authority_meant
from instep.network.terms import LONGEST_DAYS, field_like, shareable

Answer = Any
_A_MONTH_AND_MORE = 32
ALL = "all"
_NEEDED = "An answer is needed here."


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
    answers: dict[str, Answer] = {"version": 1, "status": "active", "approved": []}
    answers["id"] = ask(_name(around.taken))
    answers["purpose"] = ask(_purpose(answers["id"], around.purposes))
    answers["sources"] = ask(_sources(around.councils))
    answers["recipients"] = ask(_recipients(around, answers["sources"]))
    answers["share"] = _shares(ask, around)
    if _special(answers["share"], around):
        answers["special_category_condition"] = ask(_condition())
    for question in _law_and_care():
        answers[question.key] = ask(question)
    answers["effective_from"] = ask(_first_day(around.today))
    answers["review_by"] = ask(_last_day(answers["effective_from"]))
    return {key: answers[key] for key in AGREEMENT_KEYS if key in answers}


def _name(taken: frozenset[str]) -> Question:
    return Question(
        key="id",
        asks="The agreement's short name",
        help="Lower-case letters, digits and hyphens, such as council-tax. It names the file.",
        read=lambda text: _new_id(text, taken),
    )


def _purpose(id: str, purposes: frozenset[str]) -> Question:
    return Question(
        key="purpose",
        asks="The purpose",
        help="What the data is for, in the same form. It names the recipients' inbox: <authority>.inbox.<purpose>.",
        read=lambda text: _id("purpose", text, purposes),
        default=id,
    )


def _sources(councils: Mapping[str, Authority]) -> Question:
    return Question(
        key="sources",
        asks="Who shares",
        help=f"Councils by id, name or code, separated by commas; {ALL} for every council of the network.",
        read=lambda text: _councils(text, councils),
        choices=_standing(councils),
    )


def _recipients(around: Surroundings, sources: Sequence[str]) -> Question:
    def read(text: str) -> list[str]:
        recipients = _councils(text, around.councils)
        if len({*sources, *recipients}) == 1:
            raise NetworkError("The only council that shares is the only one that receives: name another.")
        return recipients

    return Question(
        key="recipients",
        asks="Who receives",
        help="The same way. Where nothing is written, all who share receive too.",
        read=read,
        default=", ".join(sources),
        choices=_standing(around.councils),
    )


def _law_and_care() -> tuple[Question, ...]:
    return (
        Question(
            key="lawful_basis",
            asks="The lawful basis",
            help="Of UK GDPR Article 6: (1)(e) is a public task, (1)(c) a legal obligation.",
            read=_words,
            default="UK GDPR Article 6(1)(e)",
        ),
        Question(
            key="legal_power",
            asks="The law that lets the councils share this",
            help="Such as Local Government Finance Act 1992, Schedule 2.",
            read=_words,
        ),
        Question(
            key="retention_days",
            asks="For how many days recipients may keep the data",
            help="In days: 365 is a year, 730 are two.",
            read=_retention,
            default="365",
        ),
        Question(
            key="respond_within",
            asks="The recipients' time to answer",
            help="Such as 10 working days, or 14 days.",
            read=_time_to_answer,
            default="10 working days",
        ),
        Question(
            key="dpia",
            asks="The data protection impact assessment that covers this",
            help="Its reference, such as DPIA-2026-011.",
            read=_words,
        ),
        Question(
            key="contact", asks="Whom to ask about this agreement", help="An e-mail address.", read=_words
        ),
    )


def _condition() -> Question:
    return Question(
        key="special_category_condition",
        asks="The condition for special category data",
        help="Among the fields is special category data. UK GDPR Article 9 asks for a condition, such as Article 9(2)(g).",
        read=_words,
    )


def _first_day(today: date) -> Question:
    return Question(
        key="effective_from",
        asks="The first day",
        help="Nothing flows before it. 1/4/2027 and 1 April 2027 are understood too.",
        read=_day,
        default=str((today.replace(day=1) + timedelta(days=_A_MONTH_AND_MORE)).replace(day=1)),
    )


def _last_day(first: date) -> Question:
    def read(text: str) -> date:
        last = _day(text)
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
        read=_yes_or_no,
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
            read=lambda text: _event(text, around.events),
            share=number,
            choices=titles,
        )
    )
    answers = {"event": event} | {
        question.key: ask(question) for question in _share_questions(around.events[event], number)
    }
    return {key: answers[key] for key in SHARE_KEYS}


def _share_questions(event: EventType, number: int) -> tuple[Question, ...]:
    fields = event.latest.fields
    return (
        Question(
            key="fields",
            asks="The fields that are shared",
            help="By name or in words, separated by commas. A field that is not named does not leave its council.",
            read=lambda text: _fields(text, event),
            share=number,
            choices=[(path, fields[path].doc) for path in fields if path in shareable(event)],
        ),
        Question(
            key="when",
            asks="Of which events",
            help="Of events in the recipient's own area, or always: of any area.",
            read=_when,
            default="concerns-recipient",
            share=number,
            choices=[("concerns-recipient", "of its own area"), ("always", "of any area")],
        ),
        Question(
            key="change_kinds",
            asks="Of which kinds of change",
            help="All, unless there is a reason: who leaves out ANNUL and CORRECT keeps what is wrong.",
            read=_kinds,
            default=", ".join(CHANGE_KINDS),
            share=number,
        ),
        Question(
            key="protected",
            asks="Of protected people too",
            help="People at risk, whose records are marked PROTECTED. No, unless the purpose cannot do without.",
            read=_yes_or_no,
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


def _standing(councils: Mapping[str, Authority]) -> list[tuple[str, str]]:
    return [(id, council.name) for id, council in sorted(councils.items()) if council.valid_to is None]


def _words(text: str) -> str:
    if not (words := " ".join(text.split())):
        raise NetworkError(_NEEDED)
    return words


def _id(role: str, text: str, others: frozenset[str]) -> str:
    if not text.strip():
        raise NetworkError(_NEEDED)
    id = text.strip() if IDENTIFIER.fullmatch(text.strip()) else folded(text)
    for words in identifier_errors(role, id or text):
        raise NetworkError(f"The {words}.")
    if other := lookalikes([*sorted(others), id]).get(id):
        raise NetworkError(f"The {role} {id!r} would be taken for {other!r}: choose one that cannot.")
    return id


def _new_id(text: str, taken: frozenset[str]) -> str:
    id = _id("short name", text, taken)
    if id in taken:
        raise NetworkError(
            f"There is an agreement {id} already: choose another name, or change that one and its version."
        )
    return id


def _councils(text: str, councils: Mapping[str, Authority]) -> list[str]:
    if text.strip().casefold() == ALL:
        return [id for id, _ in _standing(councils)]
    ids = []
    for name in _parts(text, councils):
        id = authority_meant(name, councils)
        if id is None:
            raise NetworkError(f"{name!r} is no council of this network{authority_like(name, councils)}.")
        if (last := councils[id].valid_to) is not None:
            successors = " and ".join(councils[id].replaced_by) or "nobody"
            raise NetworkError(f"{id} ended on {last}; {successors} came after it.")
        ids.append(id)
    if not ids:
        raise NetworkError("Name at least one council.")
    return sorted(set(ids))


def _parts(text: str, councils: Mapping[str, Authority]) -> list[str]:
    """The names of a list. The `and` of Tyne and Wear is no separator, so a name that fits whole is not taken apart."""
    by_commas = [part.strip() for part in text.replace(";", ",").replace("\n", ",").split(",")]
    return [
        name
        for part in by_commas
        if part
        for name in ([part] if authority_meant(part, councils) else everyday.texts(part))
    ]


def _event(text: str, events: Mapping[str, EventType]) -> str:
    for name, event in events.items():
        if folded(text) in (name, folded(event.title)):
            return name
    raise NetworkError(f"{text.strip()!r} is no type of event{nearest(text, events)}.")


def _fields(text: str, event: EventType) -> list[str]:
    fields: list[str] = []
    for name in everyday.texts(text):
        if name in shareable(event):
            fields.append(name)
            continue
        advice = field_like(name, event)
        if not advice.startswith(": write "):
            raise NetworkError(f"{event.name} has no field {name!r}{advice}.")
        fields.append(advice.removeprefix(": write "))
    if not fields:
        raise NetworkError("Name at least one field.")
    return list(dict.fromkeys(fields))


def _when(text: str) -> str:
    word = folded(text)
    if word in ("always", "any", "of-any-area"):
        return "always"
    if word in ("concerns-recipient", "own", "of-its-own-area", "own-area"):
        return "concerns-recipient"
    raise NetworkError(f"{text.strip()!r} is neither concerns-recipient nor always.")


def _kinds(text: str) -> list[str]:
    if text.strip().casefold() == ALL:
        return list(CHANGE_KINDS)
    kinds = {part.upper() for part in everyday.texts(text)}
    for kind in sorted(kinds - {*CHANGE_KINDS}):
        raise NetworkError(
            f"{kind!r} is no kind of change{nearest(kind, CHANGE_KINDS)}: {', '.join(CHANGE_KINDS)}."
        )
    if not kinds:
        raise NetworkError("Name at least one kind of change.")
    return [kind for kind in CHANGE_KINDS if kind in kinds]


def _yes_or_no(text: str) -> bool:
    answer = everyday.yes_or_no(text)
    if answer is None:
        raise NetworkError("Answer yes or no.")
    return answer


def _retention(text: str) -> int:
    days = everyday.whole(text)
    if days is None or not 1 <= days <= LONGEST_DAYS:
        raise NetworkError(f"Write the number of days in figures, from 1 to {LONGEST_DAYS}: 365 is a year.")
    return days


def _time_to_answer(text: str) -> str:
    return str(respond_within(" ".join(text.split()).casefold()))


def _day(text: str) -> date:
    day = everyday.day(text)
    if day is None:
        raise NetworkError(f"{text.strip()!r} is no date such as 2027-04-01 or 1 April 2027.")
    return day


def as_toml(document: Document, schema: str | None = None) -> str:
    """The document as a file for people to read and change. `schema` is the path of the JSON Schema, for editors."""
    lines = [f"#:schema {schema}"] if schema else []
    lines += [
        f"{key} = {_value(value)}" for key, value in document.items() if key not in ("approved", "share")
    ]
    lines += [
        "# Who has approved. The agreement binds them, and nobody else. A line for each, such as:",
        '#     { authority = "leeds", by = "SIRO", on = 2027-03-02 },',
        "approved = [",
        *(
            f"    {{ {', '.join(f'{key} = {_value(value)}' for key, value in row.items())} }},"
            for row in document["approved"]
        ),
        "]",
    ]
    for share in document["share"]:
        lines += ["", "[[share]]", *(f"{key} = {_value(value)}" for key, value in share.items())]
    return "\n".join(lines) + "\n"


def _value(value: Answer) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        items = [_value(item) for item in value]
        one_line = f"[{', '.join(items)}]"
        return one_line if len(one_line) <= 80 else "[\n" + "".join(f"    {item},\n" for item in items) + "]"
    if isinstance(value, str):
        # JSON's escapes are TOML's too, but for the one control character that JSON leaves as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value)
