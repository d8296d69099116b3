"""Makes of a row what triage compares and sends: header, body, and the fingerprint of the event."""

from __future__ import annotations

import json
import uuid
from typing import Any

from instep.adapters.identity import Identity
from instep.adapters.likeness import loosened
from instep.adapters.line import Plain, Row
from instep.adapters.memory import Fingerprint, Memory
from instep.adapters.protection import Protection
from instep.errors import RowError

_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


class Content:
    """The content of an authority's rows, given its memory."""

    def __init__(self, memory: Memory, identity: Identity, protection: Protection) -> None:
        self._memory = memory
        self._identity = identity
        self._protection = protection

    def of(self, row: Row) -> tuple[Plain, Plain, Fingerprint]:
        """Header and body as far as the row decides them, and the fingerprint of the event."""
        identity = self._identity
        given, family, born = self._traits(row)
        subject_ref = identity.subject_of(row)
        subject = identity.digest("memory", subject_ref)
        household = self._household(row, subject)
        body, protected = self._with_household(row, household, subject)
        header = {
            "source_system": row.system,
            **row.header,
            "subject_ref": subject_ref,
            "handling": "PROTECTED" if protected else "ORDINARY",
        }
        content = {"handling": header["handling"], "occurred_on": header["occurred_on"], **body}
        text = _canonical(content)
        if "event_id" not in header:
            as_given = _canonical(row.header) if "change_kind" in row.header else ""
            header["event_id"] = identity.event_id(subject_ref, text + as_given, row.recorded)
        return (
            header,
            body,
            Fingerprint(
                subject=subject,
                event_id=_uuid(header["event_id"]),
                alike=identity.digest("alike", text.casefold()),
                loose=identity.digest("loose", _canonical(loosened(content)).casefold()),
                person=identity.digest("person", "\n".join(row.person).casefold()) if row.person else None,
                household=household,
                protected=row.protected,
                recorded=row.recorded,
                sequence=row.recorded,
                run=self._memory.run,
                given=given,
                family=family,
                born=born,
                shown=protected,
            ),
        )

    def _traits(self, row: Row) -> tuple[bytes | None, ...]:
        """Digests of given names, family name and date of birth, each None where not known."""
        return tuple(
            self._identity.digest(name, value.casefold()) if value else None
            for name, value in zip(("given", "family", "born"), row.person or ("", "", ""), strict=True)
        )

    def _with_household(self, row: Row, household: bytes | None, subject: bytes) -> tuple[Plain, bool]:
        """The body with what the household adds, and whether the event is protected."""
        body = row.body
        if household and row.household:
            body = {"group_ref": self._identity.group_ref(row.system, row.household), **body}
        if household and row.household_size:
            body = _with_all_members(body, row.household_size, self._memory.members(household))
        protected = row.protected or row.shielded
        return body, protected or self._protection.covers(row, household, subject)

    def _household(self, row: Row, subject: bytes) -> bytes | None:
        """The digest of the row's household; without a household, of the subject's last: an empty cell takes nobody out."""
        if row.household:
            return self._identity.digest("household", row.system, row.household)
        last = self._memory.last(subject) if "change_kind" not in row.header else None
        return last.household if last else None


def _canonical(content: Any) -> str:
    return _ENCODER.encode(content)


def _uuid(text: Any) -> bytes:
    try:
        return uuid.UUID(text).bytes
    except (ValueError, TypeError, AttributeError):
        raise RowError("header.event_id", "bad-identifier") from None


def _with_all_members(body: Plain, in_file: int, remembered: int) -> Plain:
    """A placement of a household that is only partly in this file: counts all members, leaves out their description."""
    if remembered <= in_file or "others_number" not in body.get("placement", {}):
        return body
    placement = {name: value for name, value in body["placement"].items() if name != "others_description"}
    return {**body, "placement": {**placement, "others_number": remembered - 1}}
