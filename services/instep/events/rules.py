"""Refuses an event whose bytes are sound and whose meaning is not; each event type has a rule, compiled once.

A rule comes from the schema (dates, timestamps, enums and uuids by their types; identifiers by their names, which
mean the same thing wherever they stand) and from `event.toml` (required fields). NEW, CORRECT, ANNUL and REFRESH are
the kinds of change that an event can be; `replaces` names the event that it corrects or annuls. The reasons:

    unknown-value    an enum is given as UNKNOWN; or a NEW has `replaces`, so that nobody can tell whether the event is
                     new or corrects something
    missing-field    a required field of a NEW, CORRECT or REFRESH is null, empty or blank (an ANNUL may be bare); or a
                     CORRECT or ANNUL does not name the event to replace
    bad-identifier   an identifier is not in its canonical form; or an event replaces itself. A postcode in small letters
                     or without its space is refused too: adapters and publishers normalise (the module `identifiers`), and
                     the bus never rewrites a source's words. Whether a postcode *exists* is no question here: ZZ99 3VZ
                     passes
    bad-date         a date before 1850, or more than two years ahead (a birth: more than a day); or a timestamp more than a
                     day ahead

An event may violate a rule in several ways. The refusal gives the first reason in this order, and names all fields at fault
for that reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from instep.events import identifiers
from instep.events.decoding import Refusal
from instep.events.fields import Field
from instep.events.generated import Code, compiled
from instep.events.schema import EventType

Violation = tuple[str, str]
"""A reason, and the path of the field."""

REASONS = ("unknown-value", "missing-field", "bad-identifier", "bad-date")
DAY = 86_400_000
"""Milliseconds."""
EARLIEST = (date(1850, 1, 1) - date(1970, 1, 1)).days
"""Days since 1970: earlier than anyone living was born, and than most registers began."""
AHEAD = 731
"""Days: a move or an opening may be known two years ahead."""

_NO_ID: Violation = ("bad-identifier", "header.event_id")
_NO_SUBJECT: Violation = ("bad-identifier", "header.subject_ref")

Rule = Callable[[Mapping[str, Any], int], Refusal | None]
"""`rule(event, now)` says why the event is refused, or None; `now` is milliseconds UTC."""

NORMALISE: Mapping[str, identifiers.Normalise] = MappingProxyType(
    {
        "source": identifiers.authority_id,
        "requested_by": identifiers.authority_id,
        "subject_ref": identifiers.subject_ref,
        "uprn": identifiers.uprn,
        "usrn": identifiers.usrn,
        "authority_gss": identifiers.gss,
        "postcode": identifiers.postcode,
        "country": identifiers.country,
        "company_number": identifiers.company_number,
        "sic_codes": identifiers.sic,
    }
)
"""By the name of a field that is an identifier wherever it stands: the function that gives the canonical form."""


@lru_cache(maxsize=64)
def rule_of(event_type: EventType) -> Rule:
    """The compiled rule of an event type; it holds for every version, where an absent field is null."""
    return _RuleWriter(event_type).function()


def _refusal(violations: list[Violation], event: Mapping[str, Any], event_type: str) -> Refusal:
    header = event["header"]
    event_id, subject_ref = header["event_id"], header["subject_ref"]
    reason, path = violations[0]
    fields: tuple[str, ...] = (path,)
    if len(violations) > 1:
        reason = min((reason for reason, _ in violations), key=REASONS.index)
        fields = tuple(dict.fromkeys(path for why, path in violations if why == reason))
    # The rule has just looked at the id and the subject reference; both may be a person's name where they are unsound.
    return Refusal(
        reason=reason,
        fields=fields,
        event_id=event_id if _NO_ID not in violations or identifiers.uuid(event_id) else None,
        subject_ref=subject_ref if _NO_SUBJECT not in violations else None,
        event_type=event_type,
    )


class _RuleWriter:
    """Makes the rule of an event type: code for each field whose value can be refused."""

    def __init__(self, event_type: EventType) -> None:
        self._event_type = event_type
        self._fields = event_type.latest.fields
        self._values: dict[str, Any] = {
            "refusal": _refusal,
            "name": event_type.name,
            "uuid": identifiers.uuid,
            **NORMALISE,
        }

    def function(self) -> Rule:
        rule: Rule = compiled(self.code(), "rule", self._values, self._event_type.latest)
        return rule

    def code(self) -> Code:
        code = Code("def rule(event, now):")
        code.add(f"today = now // {DAY}; tomorrow = today + 1; ahead = today + {AHEAD}")
        code.add(f"latest_at = now + {DAY}")
        code.add("violations = []; add = violations.append")
        code.add("header = event['header']; kind = header['change_kind']; replaces = header['replaces']")
        self._change_kind(code)
        self._record(code, "", "event")
        code.add("return refusal(violations, event, name) if violations else None")
        return code

    def _change_kind(self, code: Code) -> None:
        """Adds the conditions that depend on the kind of change: on `replaces`, and on required fields."""
        with code.block("if replaces is None:"):
            _violation(code, "if kind == 'CORRECT' or kind == 'ANNUL'", "missing-field", "header.replaces")
        _violation(code, "elif kind == 'NEW'", "unknown-value", "header.replaces")
        _violation(code, "elif replaces == header['event_id']", "bad-identifier", "header.replaces")
        with code.block("if kind != 'ANNUL':"):
            code.add("pass")
            for path in self._event_type.required:
                self._required(code, path)

    def _required(self, code: Code, path: str) -> None:
        field = self._fields[path]
        *records, last = path.split(".")
        code.add("v = event")
        for name in records:
            code.add(f"v = v and v.get({name!r})")
        code.add(f"v = v and v.get({last!r})" if records else f"v = v.get({last!r})")
        if field.array:
            missing = "not v"
        elif field.type == "string":
            missing = "not v or v.isspace()"
        else:
            missing = "v is None"  # 0 is the first day of 1970
        _violation(code, f"if {missing}", "missing-field", path)

    def _record(self, code: Code, prefix: str, variable: str) -> None:
        for field in self._beneath(prefix):
            name = field.path.removeprefix(prefix)
            if not self._has_conditions(field.path):
                continue
            value = f"v{prefix.count('.')}"
            code.add(f"{value} = {variable}.get({name!r})")
            if field.array:
                with code.block(f"for {value} in {value} or ():"):
                    self._value(code, field, value)
            elif field.nullable:
                with code.block(f"if {value} is not None:"):
                    self._value(code, field, value)
            else:
                self._value(code, field, value)

    def _has_conditions(self, path: str) -> bool:
        """Whether the field, or any field within it, can be refused for its value."""
        prefix = f"{path}."
        return any(
            _condition(field)
            for inner, field in self._fields.items()
            if inner == path or inner.startswith(prefix)
        )

    def _value(self, code: Code, field: Field, value: str) -> None:
        condition = _condition(field)
        if condition is None:
            self._record(code, f"{field.path}.", value)
        else:
            reason, sound = condition
            _violation(code, f"if not ({sound.format(v=value)})", reason, field.path)

    def _beneath(self, prefix: str) -> list[Field]:
        return [
            field
            for path, field in self._fields.items()
            if path.startswith(prefix) and "." not in path.removeprefix(prefix)
        ]


def _violation(code: Code, condition: str, reason: str, path: str) -> None:
    code.add(f"{condition}: add(({reason!r}, {path!r}))")


def _condition(field: Field) -> tuple[str, str] | None:
    """The reason for which a field's value can be refused, and the condition that a sound value `v` meets."""
    name = field.path.rpartition(".")[2]
    match field.type_name:
        case "date":
            return "bad-date", f"{EARLIEST} <= {{v}} <= {'tomorrow' if name == 'born_on' else 'ahead'}"
        case "timestamp-millis":
            return "bad-date", f"{EARLIEST * DAY} <= {{v}} <= latest_at"
        case "uuid":
            return "bad-identifier", "uuid({v}) == {v}"
        case "string" if name == "uprn":  # systems that pad to twelve characters are not wrong
            return "bad-identifier", "uprn({v}) == {v}.lstrip('0')"
        case "string" if name in NORMALISE:
            return "bad-identifier", f"{name}({{v}}) == {{v}}"
        case _ if "UNKNOWN" in field.symbols:
            return "unknown-value", "{v} != 'UNKNOWN'"
        case _:
            return None
