"""Finds a published record in a publisher's memory by the reference that people know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from instep.adapters import fsa, move_rows, normalise
from instep.adapters.annulment import SubjectRecord
from instep.adapters.identity import Identity
from instep.adapters.memory import Memory
from instep.errors import ConfigurationError

EVENT_TYPES = {move_rows.SYSTEM: "resident-moved", fsa.SYSTEM: "business-registered"}
"""The event type of a system whose records no file has named since the roll was begun."""
_LONGEST_PADDED = 16


def reference_forms(reference: str) -> list[str]:
    """The forms that a reference may have in a file: spreadsheets take leading zeros off, people write small letters."""
    plain = normalise.reference(reference)
    forms = [plain, plain.upper()]
    if plain.isascii() and plain.isdecimal():
        forms += [plain.zfill(width) for width in range(len(plain), _LONGEST_PADDED + 1)]
    return list(dict.fromkeys(forms))


def records_of(reference: str, system: str | None, memory: Memory, identity: Identity) -> list[SubjectRecord]:
    """The published records of a local reference, or of a subject reference: in one system, or in any where None."""
    systems = [system] if system is not None else [*EVENT_TYPES, *memory.roll().systems(), ""]
    known: dict[str, SubjectRecord] = {}
    for subject_ref, named in _candidates(reference, systems, identity):
        subject = identity.digest("memory", subject_ref)
        last, standing = memory.last(subject), memory.roll().of(subject)
        if last is not None and subject_ref not in known:
            known[subject_ref] = SubjectRecord(
                subject_ref=subject_ref,
                event_type=standing.event_type if standing else EVENT_TYPES.get(named, ""),
                system=standing.system if standing else named,
                last=last,
            )
    return list(known.values())


def only_record(records: Sequence[SubjectRecord], *, absent: str) -> SubjectRecord:
    """The single record of a reference. Raises ConfigurationError: `absent` for none, the systems' names for several."""
    if not records:
        raise ConfigurationError(absent)
    if len(records) > 1:
        named = ", ".join(sorted(record.system or "(none)" for record in records))
        raise ConfigurationError(
            f"Several records have this reference: say with --system whose you mean ({named})."
        )
    return records[0]


def _candidates(reference: str, systems: Iterable[str], identity: Identity) -> Iterator[tuple[str, str]]:
    for system in dict.fromkeys(systems):
        for form in reference_forms(reference):
            yield identity.subject_ref(system, form), system
        # JSON lines may name the subject themselves.
        yield reference.strip(), system
