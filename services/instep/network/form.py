"""The form of an agreement as a JSON Schema, by which editors complete keys and fields and underline errors.

The schema is made from the rules of `documents` and `terms`, so the schema refuses nothing that `check` accepts. `check`
finds more, since a schema sees no other file. Dates are texts in the form of a date, since JSON has no dates. The schema is
of draft 4, the newest draft that Taplo supports fully; most editors read TOML with Taplo.
"""

from collections.abc import Mapping
from typing import Any, get_args

from instep.events.schema import EventType
from instep.network.agreements import CHANGE_KINDS, Status, When
from instep.network.authorities import IDENTIFIER, RESERVED
from instep.network.days import WITHIN
from instep.network.documents import (
    AGREEMENT_KEYS,
    APPROVAL_KEYS,
    DAY,
    OPTIONAL_AGREEMENT_KEYS,
    OPTIONAL_SHARE_KEYS,
    SHARE_KEYS,
    TEXT,
    TEXTS,
    WHOLE,
    YES_OR_NO,
    ValueType,
)
from instep.network.terms import LONGEST_DAYS, shareable

Schema = dict[str, Any]

_KINDS: Mapping[ValueType, Schema] = {
    TEXT: {"type": "string"},
    WHOLE: {"type": "integer"},
    YES_OR_NO: {"type": "boolean"},
    DAY: {"type": "string", "format": "date"},
    TEXTS: {"type": "array", "items": {"type": "string"}},
}
_ID: Schema = {"pattern": f"^{IDENTIFIER.pattern}$", "not": {"enum": [RESERVED]}}
_NOT_BLANK: Schema = {"pattern": r"\S"}
_PARTIES: Schema = {"minItems": 1, "uniqueItems": True}
_KEYS: Mapping[str, Schema] = {
    "id": {**_ID, "description": "The file's name without .toml; disclosures name it, with the version."},
    "version": {
        "minimum": 1,
        "description": "Raise it with every change: id@version stays the same for good.",
    },
    "status": {"enum": list(get_args(Status)), "description": "Nothing flows unless it is active."},
    "purpose": {**_ID, "description": "Names the inbox, <authority>.inbox.<purpose>."},
    "lawful_basis": {**_NOT_BLANK, "description": "Such as UK GDPR Article 6(1)(e)."},
    "legal_power": {**_NOT_BLANK, "description": "The law that lets the parties share this."},
    "special_category_condition": {
        "description": "Needed when a shared field is special category data (UK GDPR Article 9)."
    },
    "effective_from": {"description": "The first day, in London, on which anything flows."},
    "review_by": {"description": "The last day, in London, on which anything flows."},
    "retention_days": {
        "minimum": 1,
        "maximum": LONGEST_DAYS,
        "description": "For how many days recipients undertake to keep the data.",
    },
    "respond_within": {
        "pattern": f"^{WITHIN.pattern}$",
        "description": "The recipient's time to answer: 10 working days, or 14 days.",
    },
    "dpia": {**_NOT_BLANK, "description": "The data protection impact assessment that covers this."},
    "contact": {**_NOT_BLANK, "description": "Whom to ask about this agreement."},
    "sources": {**_PARTIES, "description": "Authorities that share, by their ids in authorities.csv."},
    "recipients": {**_PARTIES, "description": "Authorities that receive."},
}
_SHARE_KEYS: Mapping[str, Schema] = {
    "when": {
        "enum": list(get_args(When)),
        "description": "concerns-recipient: of its own area alone. always: of any.",
    },
    "change_kinds": {"minItems": 1, "items": {"enum": list(CHANGE_KINDS)}},
    "protected": {"description": "Whether it may carry events of protected people. No, if left out."},
    "fields": {
        "minItems": 1,
        "uniqueItems": True,
        "description": "Paths of the fields that are shared. A field that is not named does not leave.",
    },
}


def agreement_schema(events: Mapping[str, EventType]) -> Schema:
    """The JSON Schema of agreements about the given types of event, by folder name."""
    lists: Mapping[str, Schema] = {
        "approved": {
            "type": "array",
            "description": "Who has approved. The agreement binds them, and nobody else.",
            "items": _object(APPROVAL_KEYS, {}),
        },
        "share": {
            "type": "array",
            "minItems": 1,
            "description": "The fields of one type of event that are shared.",
            "items": _share(events),
        },
    }
    return {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "title": "A sharing agreement",
        "description": "Made by `instep network schema`: do not edit.",
        **_object(AGREEMENT_KEYS, {**_KEYS, **lists}, OPTIONAL_AGREEMENT_KEYS),
    }


def _share(events: Mapping[str, EventType]) -> Schema:
    """The form of a share: the fields that it may name depend on its type of event."""
    event_names: Mapping[str, Schema] = {
        "event": {"enum": sorted(events), "description": "The type of event."}
    }
    share = _object(SHARE_KEYS, {**_SHARE_KEYS, **event_names}, OPTIONAL_SHARE_KEYS)
    share["allOf"] = [
        {
            "anyOf": [
                {"properties": {"event": {"not": {"enum": [name]}}}},
                {"properties": {"fields": {"items": {"enum": sorted(shareable(event))}}}},
            ]
        }
        for name, event in sorted(events.items())
    ]
    return share


def _object(
    keys: Mapping[str, ValueType], more: Mapping[str, Schema], optional: tuple[str, ...] = ()
) -> Schema:
    return {
        "type": "object",
        "properties": {key: {**_KINDS.get(kind, {}), **more.get(key, {})} for key, kind in keys.items()},
        "required": [key for key in keys if key not in optional],
        "additionalProperties": False,
    }
