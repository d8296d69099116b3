"""Reads the answers to the questions of a new agreement, as people write them. Pure.

Each function raises NetworkError with the sentence that says what to write.
"""

from collections.abc import Mapping
from datetime import date

from instep.errors import NetworkError
from instep.events.schema import EventType
from instep.network import everyday
from instep.network.agreements import CHANGE_KINDS
from instep.network.authorities import IDENTIFIER, Authority, identifier_errors
from instep.network.days import respond_within
from instep.network.documents import nearest
from instep.network.everyday import folded
from instep.network.lookalikes import lookalikes
from instep.network.naming import authority_like, authority_meant
from instep.network.terms import LONGEST_DAYS, field_like, fields_meant, shareable

ALL = "all"
_NEEDED = "An answer is needed here."


def standing(councils: Mapping[str, Authority]) -> list[tuple[str, str]]:
    """The councils that stand today: id and name, sorted by id."""
    return [(id, council.name) for id, council in sorted(councils.items()) if council.valid_to is None]


def words(text: str) -> str:
    """The text, with single spaces."""
    if not (spaced := " ".join(text.split())):
        raise NetworkError(_NEEDED)
    return spaced


def id_of(role: str, text: str, others: frozenset[str]) -> str:
    """The id in the text: `blue-badges` for Blue Badges. Readers must not take the id for another of `others`."""
    if not text.strip():
        raise NetworkError(_NEEDED)
    id = text.strip() if IDENTIFIER.fullmatch(text.strip()) else folded(text)
    for error in identifier_errors(role, id or text):
        raise NetworkError(f"The {error}.")
    if other := lookalikes([*sorted(others), id]).get(id):
        raise NetworkError(f"The {role} {id!r} would be taken for {other!r}: choose one that cannot.")
    return id


def new_id(text: str, taken: frozenset[str]) -> str:
    """The id of a new agreement."""
    id = id_of("short name", text, taken)
    if id in taken:
        raise NetworkError(
            f"There is an agreement {id} already: choose another name, or change that one and its version."
        )
    return id


def council_ids(text: str, councils: Mapping[str, Authority]) -> list[str]:
    """The ids of councils by id, name or code, sorted; only councils that stand today."""
    if text.strip().casefold() == ALL:
        return [id for id, _ in standing(councils)]
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


def event_name(text: str, events: Mapping[str, EventType]) -> str:
    """The folder name of a type of event, by name or title."""
    for name, event in events.items():
        if folded(text) in (name, folded(event.title)):
            return name
    raise NetworkError(f"{text.strip()!r} is no type of event{nearest(text, events)}.")


def field_paths(text: str, event: EventType) -> list[str]:
    """The paths of fields, by path, name or description."""
    fields: list[str] = []
    for name in everyday.texts(text):
        if name in shareable(event):
            fields.append(name)
            continue
        meant = fields_meant(name, event)
        if len(meant) != 1:
            raise NetworkError(f"{event.name} has no field {name!r}{field_like(name, event)}.")
        fields += meant
    if not fields:
        raise NetworkError("Name at least one field.")
    return list(dict.fromkeys(fields))


def when(text: str) -> str:
    """Of which events: of the recipient's own area, or always."""
    word = folded(text)
    if word in ("always", "any", "of-any-area"):
        return "always"
    if word in ("concerns-recipient", "own", "of-its-own-area", "own-area"):
        return "concerns-recipient"
    raise NetworkError(f"{text.strip()!r} is neither concerns-recipient nor always.")


def change_kinds(text: str) -> list[str]:
    """Kinds of change, in the usual order."""
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


def yes_or_no(text: str) -> bool:
    """Yes or no."""
    answer = everyday.yes_or_no(text)
    if answer is None:
        raise NetworkError("Answer yes or no.")
    return answer


def retention_days(text: str) -> int:
    """A number of days, at most a hundred years."""
    days = everyday.whole(text)
    if days is None or not 1 <= days <= LONGEST_DAYS:
        raise NetworkError(f"Write the number of days in figures, from 1 to {LONGEST_DAYS}: 365 is a year.")
    return days


def time_to_answer(text: str) -> str:
    """The recipients' time to answer, in the words of an agreement."""
    return str(respond_within(" ".join(text.split()).casefold()))


def day(text: str) -> date:
    """A day, as people write days."""
    read = everyday.day(text)
    if read is None:
        raise NetworkError(f"{text.strip()!r} is no date such as 2027-04-01 or 1 April 2027.")
    return read
