"""What a sound event must also mean, before anyone acts on it; compiled once for each event type.

The rules come from the schema (dates, timestamps, enums, uuids by their types; identifiers by their names, which mean the
same thing wherever they stand) and from `event.toml` (required fields):

    unknown-value    an enum is UNKNOWN where it is given at all; or a NEW has `replaces`, so that nobody can tell
                     whether it is new or corrects something
    missing-field    a required field of a NEW, CORRECT or REFRESH is null, empty or blank (an ANNUL may be bare);
                     or a CORRECT or ANNUL does not say what it replaces
    bad-identifier   not in its canonical form: a postcode in small letters or without its space too, since adapters and
                     publishers normalise (`identifiers`) and the bus never rewrites what a source said; an event that
                     replaces itself. Whether a postcode *exists* is no question here: ZZ99 3VZ passes
    bad-date         before 1850, more than two years ahead (a birth: more than a day), or a timestamp more than a day ahead

An event with several faults is refused for the first kind of them, in this order, and all fields of that kind are named.
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

Fault = tuple[str, str]
"""A reason, and the path at fault."""

REASONS = ("unknown-value", "missing-field", "bad-identifier", "bad-date")
DAY = 86_400_000
"""Milliseconds."""
EARLIEST = (date(1850, 1, 1) - date(1970, 1, 1)).days
"""Days: older than anyone living, and than most registers."""
AHEAD = 731
"""Days: a move or an opening may be known two years before it happens."""

_NO_ID: Fault = ("bad-identifier", "header.event_id")
_NO_SUBJECT: Fault = ("bad-identifier", "header.subject_ref")

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
"""Field names that are identifiers wherever they stand, and what gives the canonical form of one."""


@lru_cache(maxsize=64)
def rule_of(event_type: EventType) -> Rule:
    """The compiled rule of an event type; it holds for every version, where an absent field is null."""
    return _Rules(event_type).function()


def _refusal(faults: list[Fault], event: Mapping[str, Any], event_type: str) -> Refusal:
    header = event["header"]
    event_id, subject_ref = header["event_id"], header["subject_ref"]
    reason, path = faults[0]
    fields: tuple[str, ...] = (path,)
    if len(faults) > 1:
        reason = min((reason for reason, _ in faults), key=REASONS.index)
        fields = tuple(dict.fromkeys(path for kind, path in faults if kind == reason))
    # The rules have just looked at both.
    return Refusal(
        reason=reason,
        fields=fields,
        event_id=event_id if _NO_ID not in faults or identifiers.uuid(event_id) else None,
        subject_ref=subject_ref if _NO_SUBJECT not in faults else None,
        event_type=event_type,
    )


class _Rules:
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
        code = Code("def check_event(event, now):")
        code.add(f"today = now // {DAY}; tomorrow = today + 1; ahead = today + {AHEAD}")
        code.add(f"latest_at = now + {DAY}")
        code.add("faults = []; fault = faults.append")
        code.add("header = event['header']; kind = header['change_kind']; replaces = header['replaces']")
        self._kind(code)
        self._record(code, "", "event")
        code.add("return refusal(faults, event, name) if faults else None")
        rule: Rule = compiled(code, "check_event", self._values, self._event_type.latest)
        return rule

    def _kind(self, code: Code) -> None:
        """What hangs on the kind of change: what it replaces, and what it must tell."""
        with code.block("if replaces is None:"):
            _fault(code, "if kind == 'CORRECT' or kind == 'ANNUL'", "missing-field", "header.replaces")
        _fault(code, "elif kind == 'NEW'", "unknown-value", "header.replaces")
        _fault(code, "elif replaces == header['event_id']", "bad-identifier", "header.replaces")
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
        _fault(code, f"if {missing}", "missing-field", path)

    def _record(self, code: Code, prefix: str, variable: str) -> None:
        for field in self._beneath(prefix):
            name = field.path.removeprefix(prefix)
            if not any(_rule(inner) for path, inner in self._fields.items() if _within(path, field.path)):
                continue
            value = f"v{prefix.count('.')}"
            code.add(f"{value} = {variable}.get({name!r})")
            if field.array:
                with code.block(f"for {value} in {value} or ():"):
                    self._one(code, field, value)
            elif field.nullable:
                with code.block(f"if {value} is not None:"):
                    self._one(code, field, value)
            else:
                self._one(code, field, value)

    def _one(self, code: Code, field: Field, value: str) -> None:
        rule = _rule(field)
        if rule is None:
            self._record(code, f"{field.path}.", value)
        else:
            reason, sound = rule
            _fault(code, f"if not ({sound.format(v=value)})", reason, field.path)

    def _beneath(self, prefix: str) -> list[Field]:
        return [
            field
            for path, field in self._fields.items()
            if path.startswith(prefix) and "." not in path.removeprefix(prefix)
        ]


def _fault(code: Code, condition: str, reason: str, path: str) -> None:
    code.add(f"{condition}: fault(({reason!r}, {path!r}))")


def _within(path: str, outer: str) -> bool:
    return path == outer or path.startswith(f"{outer}.")


def _rule(field: Field) -> tuple[str, str] | None:
    """The reason that a field's value can be refused for, and what holds of `v` where it is sound."""
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
