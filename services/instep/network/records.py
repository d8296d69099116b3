"""The records of `instep.network`: writes a network as records, and reads a network from records.

`instep.network` holds a record for each thing (`network`, `authority/<id>`, `agreement/<id>`, `schema/<id>`, all JSON).
The record `generation` holds a number in ASCII: every record before it belongs to that generation.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from instep.errors import NetworkError
from instep.network import documents
from instep.network.agreements import Agreement
from instep.network.authorities import Authority, authority, row
from instep.network.network import Network
from instep.network.settings import NETWORK_KEYS, read_settings


def to_records(network: Network) -> dict[str, bytes]:
    """The records of `instep.network`, value by key. `apply` alone writes the record `generation`, at the very end."""
    settings = {key: getattr(network, key) for key in NETWORK_KEYS} | {
        "gss_aliases": dict(network.gss_aliases)
    }
    tables = {"retention": asdict(network.retention), "quotas": asdict(network.quotas)}
    documents_by_key: dict[str, Any] = {"network": settings | tables}
    documents_by_key |= {f"authority/{id}": row(authority) for id, authority in network.authorities.items()}
    documents_by_key |= {
        f"agreement/{id}": documents.document(agreement) for id, agreement in network.agreements.items()
    }
    written = set[tuple[str, str]]()
    for id, (name, version) in network.schemas.items():
        later = {"read_only": True} if (name, version) in written else {}
        documents_by_key[f"schema/{id}"] = {"full_name": name, "version": version, **later}
        written.add((name, version))
    return {
        key: json.dumps(document, sort_keys=True, separators=(",", ":"), default=date.isoformat).encode()
        for key, document in documents_by_key.items()
    }


def from_records(records: Mapping[str, bytes]) -> Network:
    """The network of the records, at generation 0 where none is named. Raises NetworkError, which names the bad key."""
    if "network" not in records:
        raise NetworkError("instep.network holds no network: run `instep network apply`")
    contents = _Contents()
    for key, value in records.items():
        try:
            _add(contents, key, value)
        except (ValueError, KeyError, TypeError) as error:
            raise NetworkError(f"the record {key} of instep.network cannot be read") from error
    return Network(
        **contents.settings,
        generation=contents.generation,
        authorities=contents.authorities,
        agreements=contents.agreements,
        schemas=contents.schemas | contents.read_only_schemas,
    )


@dataclass(kw_only=True, slots=True)
class _Contents:
    """The contents of records that have been read so far."""

    settings: dict[str, Any] = field(default_factory=dict)
    generation: int = 0
    authorities: dict[str, Authority] = field(default_factory=dict)
    agreements: dict[str, Agreement] = field(default_factory=dict)
    schemas: dict[int, tuple[str, str]] = field(default_factory=dict)
    read_only_schemas: dict[int, tuple[str, str]] = field(default_factory=dict)


def _add(contents: _Contents, key: str, value: bytes) -> None:
    kind, _, id = key.partition("/")
    match kind:
        case "network":
            contents.settings = read_settings(json.loads(value))
        case "authority":
            contents.authorities[id] = authority(json.loads(value))
        case "agreement":
            contents.agreements[id] = documents.agreement(_with_dates(json.loads(value)))
        case "schema":
            schema = json.loads(value)
            ids = contents.read_only_schemas if schema.get("read_only") else contents.schemas
            ids[int(id)] = (schema["full_name"], schema["version"])
        case "generation":
            contents.generation = int(value)
        case _:
            pass  # a kind of record that a later Instep writes: this version has no use for it


def _with_dates(document: dict[str, Any]) -> dict[str, Any]:
    for approval in document["approved"]:
        approval["on"] = date.fromisoformat(approval["on"])
    dates = {key: date.fromisoformat(document[key]) for key in ("effective_from", "review_by")}
    return document | dates
