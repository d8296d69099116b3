"""Reads plain events from JSON lines: a JSON object on each line. A file of a single object may spread it over many lines.

The object is a plain event (`events.plain`): a `header` and the fields of its schema. Besides:

- `event_type` ("resident-moved", "business-registered") may name the type; otherwise the fields decide. For an annulment
  without fields, the system decides (`lookup.EVENT_TYPES`).
- `reference` stands in for `header.subject_ref`, and `household_reference` for `group_ref`. Both are local references: the
  pseudonyms are derived from them, and they go no further.
- The header needs `occurred_on` and `recorded_at`. `event_id`, `source`, `published_at` and `sequence` are filled where
  absent. Where `change_kind` is absent, `triage` decides `change_kind` and `replaces` from the subject's published events,
  as for a row of a CSV file. An absent `handling` is PROTECTED.
- A PROTECTED event makes every event of the file with its `group_ref` or `household_reference` PROTECTED. A line that
  cannot be read holds back the events of each household that its text mentions.
- Texts go out in NFC, and UUIDs in their one spelling. A line with control characters is refused.
"""

from __future__ import annotations

import json
import re
import unicodedata
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

from instep.adapters import normalise
from instep.adapters.doubt import mentioned
from instep.adapters.households import Survey
from instep.adapters.json_said import said
from instep.adapters.line import Line, Note, Plain, Refused, Row, Shield
from instep.adapters.lookup import EVENT_TYPES
from instep.adapters.marks import heard_by, said_by
from instep.adapters.settings import Settings
from instep.adapters.text import LONGEST_LINE, PhysicalLine, open_file, physical_lines
from instep.errors import FileFormatError, RowError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_OWN_FIELDS = {
    "resident-moved": frozenset({"person", "old_address", "new_address", "moved_on", "placement"}),
    "business-registered": frozenset({"registration_ref", "operator", "establishment", "activities"}),
}


def read_events(path: Path, settings: Settings) -> Iterator[Line]:
    """Every event of the file; raises FileFormatError at once where the file is not JSON lines."""
    stream = open_file(path, "JSON lines")
    first = next((line for line in physical_lines(stream) if line.text.strip()), None)
    if first is None or not first.text.lstrip().startswith("{"):
        stream.close()
        raise FileFormatError(f"{path} is not JSON lines: its first line is not a JSON object.")
    return _read(stream, settings)


def _read(stream: BinaryIO, settings: Settings) -> Iterator[Line]:
    with stream:
        survey = _survey(stream, replace(settings, is_elsewhere=None))
        ahead = survey.ahead
        for line in _written(stream):
            outcome = _line(line, settings, survey)
            yield replace(outcome, ahead=ahead) if ahead else outcome
            ahead = frozenset()


def is_event(path: Path) -> bool:
    """Whether a file holds a single plain event, on as many lines as its writer liked."""
    try:
        with path.open("rb") as stream:
            return _single(stream) is not None
    except OSError:
        return False


def _written(stream: BinaryIO) -> Iterator[PhysicalLine]:
    single = _single(stream)
    if single is not None:
        return iter((single,))
    return (line for line in physical_lines(stream) if line.unreadable or line.text.strip())


def _single(stream: BinaryIO) -> PhysicalLine | None:
    """The file as a line, where the file is a single plain event and no longer than a line may be; else None."""
    stream.seek(0)
    raw = stream.read(LONGEST_LINE + 1)
    if len(raw) > LONGEST_LINE:
        return None
    try:
        text = raw.decode("utf-8-sig")
        event = json.loads(text)
    except (ValueError, RecursionError):
        return None
    header = event.get("header") if isinstance(event, dict) else None
    if not (isinstance(header, dict) and header):
        return None
    number = 1 + len(text) - len(text.lstrip("\n"))
    return PhysicalLine(number, text, len(raw), False, True, "")


def _survey(stream: BinaryIO, settings: Settings) -> Survey:
    """The first reading: whom rows protect, and whom lines that cannot be read may protect."""
    households: set[str] = set()
    protecting: dict[str, int] = {}
    doubted: dict[str, int] = {}
    ahead: set[tuple[str, str]] = set()
    unreadable: list[tuple[int, str]] = []
    for line in _written(stream):
        outcome = _line(line, settings, Survey())
        if isinstance(outcome, Row):
            households.add(outcome.household)
            if outcome.protected:
                protecting |= dict.fromkeys(said_by(outcome) - protecting.keys(), line.number)
                ahead |= set() if outcome.household else {(outcome.system, outcome.reference)}
            continue
        refused = said(line.text)
        if refused.sure:
            protecting |= dict.fromkeys(refused.marks - protecting.keys(), line.number)
        else:
            doubted |= dict.fromkeys(refused.marks - doubted.keys(), line.number)
        ahead |= {(refused.system or settings.source_system, refused.reference)} if refused.marks else set()
        unreadable += [(line.number, refused.text)] if refused.text else []
    households.discard("")
    lengths = frozenset(map(len, households))
    mentions = {number: mentioned(text, households, lengths) for number, text in unreadable}
    for number, mentioned_there in mentions.items():
        doubted |= dict.fromkeys(mentioned_there - doubted.keys(), number)
    return Survey(
        said=protecting,
        doubted=doubted,
        mentioned=mentions,
        ahead=frozenset(person for person in ahead if person[1]),
    )


def _line(line: PhysicalLine, settings: Settings, survey: Survey) -> Line:
    try:
        return _row(line, _object(line), settings, survey)
    except RowError as error:
        return Refused(
            line=line.number,
            column=error.column,
            reason=error.reason,
            position=line.position,
            shield=_shield(line, settings, survey),
        )


def _shield(line: PhysicalLine, settings: Settings, survey: Survey) -> Shield | None:
    """What a refused line may say of protection."""
    refused = said(line.text)
    marks = refused.marks | survey.mentioned.get(line.number, frozenset())
    if not marks:
        return None
    return Shield(system=refused.system or settings.source_system, reference=refused.reference, marks=marks)


def _object(line: PhysicalLine) -> Plain:
    if line.unreadable or line.windows:
        raise RowError("", line.unreadable or "bad-encoding")
    try:
        event = json.loads(line.text, object_pairs_hook=_object_of)
    except RowError:
        raise
    except (ValueError, RecursionError):
        raise RowError("", "not-json" if line.ended else "cut-off") from None
    if not isinstance(event, dict):
        raise RowError("", "not-json")
    return event


def _object_of(pairs: list[tuple[str, Any]]) -> Plain:
    """A JSON object; of two values under one name nobody can tell which one holds."""
    whole = dict(pairs)
    if len(whole) < len(pairs) and any(_differ(whole[name], value) for name, value in pairs):
        raise RowError("", "repeated-name")
    return whole


def _differ(one: Any, other: Any) -> bool:
    return type(one) is not type(other) or bool(one != other)


def _row(line: PhysicalLine, event: Plain, settings: Settings, survey: Survey) -> Row:
    event, notes = _in_form(event)
    event_type = _text(event, "event_type") or _guessed_type(event)
    reference = normalise.reference(_text(event, "reference"))
    household = normalise.reference(_text(event, "household_reference"))
    header = event.pop("header", None)
    if not isinstance(header, dict):
        raise RowError("header", "missing-header")
    header = {name: value for name, value in header.items() if value is not None}
    for name in ("occurred_on", "recorded_at"):
        if not isinstance(header.get(name), str):
            raise RowError(f"header.{name}", f"missing-{name.replace('_', '-')}")
    if not isinstance(header.get("subject_ref", reference or None), str):
        raise RowError("header.subject_ref", "missing-subject-ref")
    notes += _canonical_ids(header)
    recorded, _ = normalise.moment("header.recorded_at", header["recorded_at"], settings.today)
    if normalise.is_placeholder(household):
        household = ""
    group = event.get("group_ref")
    system = header.get("source_system", settings.source_system)
    household = normalise.key_of(household) if household else group if isinstance(group, str) else ""
    # Beside the header, `handling` is refused later; what it says of the household counts.
    protected = any(
        said != "ORDINARY" for said in (header.get("handling"), event.get("handling", "ORDINARY"))
    )
    if _is_born_after_move(event):
        raise RowError("person.born_on", "born-after-move")
    row = Row(
        line=line.number,
        position=line.position,
        event_type=event_type,
        recorded=normalise.milliseconds(recorded),
        header=header,
        body=event,
        system=system if isinstance(system, str) else "",
        reference=reference,
        household=household,
        person=_person(event),
        protected=protected,
        precision=normalise.precision(header["recorded_at"]),
        elsewhere=event_type == "resident-moved"
        and settings.is_elsewhere is not None
        and settings.is_elsewhere(event),
        notes=tuple(notes),
    )
    return _judged(row, survey)


def _judged(row: Row, survey: Survey) -> Row:
    """The row with what the whole file says of it."""
    if not (survey.said or survey.doubted):
        return row
    heard = heard_by(row, survey.knows)
    protector = survey.protector(heard)
    cause = 0 if row.protected or protector else survey.cause(heard)
    held = "household-in-doubt" if cause else ""
    return replace(row, shielded=protector > 0, held=held, cause=cause or protector)


def _in_form(event: Plain) -> tuple[Plain, list[Note]]:
    """The event with its texts in NFC, and a note where any was not; raises RowError where one holds control characters."""
    changed: list[str] = []

    def formed(value: Any, path: str) -> Any:
        if isinstance(value, str):
            if normalise.has_control(value):
                raise RowError(path, "control-character")
            composed = unicodedata.normalize("NFC", value)
            if composed != value:
                changed.append(path)
            return composed
        if isinstance(value, dict):
            if not all(map(_NAME.fullmatch, value)):  # a name may be anything, and names are printed
                raise RowError(path, "strange-name")
            return {name: formed(inner, f"{path}.{name}" if path else name) for name, inner in value.items()}
        return [formed(inner, path) for inner in value] if isinstance(value, list) else value

    try:
        event = formed(event, "")
    except RecursionError:
        raise RowError("", "too-deep") from None
    return event, [Note(column=path, reason="accents") for path in dict.fromkeys(changed)]


def _canonical_ids(header: Plain) -> list[Note]:
    """Put the header's UUIDs into their one spelling, in place; a text that is no UUID stays for the rules to refuse."""
    notes = []
    for name in ("event_id", "replaces"):
        try:
            spelling = str(uuid.UUID(header[name].strip()))
        except (KeyError, ValueError, AttributeError):
            continue
        if spelling != header[name]:
            header[name] = spelling
            notes.append(Note(column=f"header.{name}", reason="identifier-form"))
    return notes


def _person(event: Plain) -> tuple[str, ...]:
    person = event.get("person")
    if not isinstance(person, dict):
        return ()
    values = [person.get(name) or "" for name in ("given_names", "family_name", "born_on")]
    return tuple(values) if all(isinstance(value, str) for value in values) and any(values) else ()


def _is_born_after_move(event: Plain) -> bool:
    person, moved_on = event.get("person"), event.get("moved_on")
    born_on = person.get("born_on") if isinstance(person, dict) else None
    if not isinstance(born_on, str) or not isinstance(moved_on, str):
        return False
    try:
        return date.fromisoformat(born_on) > date.fromisoformat(moved_on)
    except ValueError:  # for the rules to refuse
        return False


def _guessed_type(event: Plain) -> str:
    fitting = [name for name, fields in _OWN_FIELDS.items() if fields & event.keys()]
    header = event.get("header")
    if not fitting and isinstance(header, dict) and header.get("change_kind") == "ANNUL":
        known = EVENT_TYPES.get(str(header.get("source_system")))
        fitting = [known] if known else []
    if len(fitting) != 1:
        raise RowError("event_type", "not-an-event")
    return fitting[0]


def _text(event: Plain, name: str) -> str:
    value: Any = event.pop(name, None)
    if value is not None and not isinstance(value, str):
        raise RowError(name, "wrong-type")
    return normalise.clean(value or "")
