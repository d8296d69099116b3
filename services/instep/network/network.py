"""The network: one immutable value of who takes part and under which agreements; from a directory or from records.

`instep.network` holds one record a thing (`network`, `authority/<id>`, `agreement/<id>`, `schema/<id>`, JSON)
and `generation`, whose value is the number in ASCII; all that came before it belongs to that generation.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from instep.errors import NetworkError
from instep.network import documents
from instep.network.agreements import Agreement
from instep.network.authorities import IDENTIFIER, Authority, authority, read_aliases, read_authorities, row
from instep.network.documents import TABLE, TEXT, TEXTS, WHOLE, Fault, shape_faults

NETWORK_KEYS = {
    "name": TEXT,
    "lanes": WHOLE,
    "retention": TABLE,
    "replication_factor": WHOLE,
    "min_insync_replicas": WHOLE,
    "registry": TEXT,
    "quotas": TABLE,
    "principals": TABLE,
}
OPTIONAL_NETWORK_KEYS = tuple(key for key in NETWORK_KEYS if key not in ("name", "lanes"))
RETENTION_KEYS = {"tenants": WHOLE, "events": WHOLE, "register": WHOLE}
LEAST_DAYS = {
    "tenants": (7, "the alert for unread records is heard after 3 days, and a long weekend has 4"),
    "events": (7, "the alert for unread records is heard after 3 days, and a long weekend has 4"),
    "register": (400, "the router remembers for 400 days whom it told what, in a topic that is kept as long"),
}
"""How short each kind of record may be kept, and what would break below that."""
USUAL_TENANT_DAYS = 35
QUOTA_KEYS = {"producer_byte_rate": WHOLE, "consumer_byte_rate": WHOLE, "request_percentage": WHOLE}


@dataclass(frozen=True, kw_only=True, slots=True)
class Retention:
    """Days that records are kept: tenants' topics and receipts, `instep.events`, what the register is made from."""

    tenants: int = 35
    events: int = 7
    register: int = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Quotas:
    """What each principal of an authority may use of a broker before it is slowed down, in Kafka's own units.

    Bytes a second, as means over some ten seconds, and per cent of one thread's time. The whole country's events are a few
    hundred bytes a second: a council that publishes its whole stock at these rates holds up nobody.
    """

    producer_byte_rate: int = 1_048_576
    consumer_byte_rate: int = 4_194_304
    request_percentage: int = 50


@dataclass(frozen=True, kw_only=True)
class Network:
    """Who takes part, under which agreements. Immutable; what follows from it is worked out once, when asked for."""

    name: str
    lanes: int
    generation: int = 0
    authorities: Mapping[str, Authority]
    agreements: Mapping[str, Agreement]
    schemas: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    """Full name and version by schema id, as `network apply` has allotted them or a registry has.

    A schema that has come to several ids is written with the first of them here, and read under all.
    """
    gss_aliases: Mapping[str, str] = field(default_factory=dict)
    """The authority's id by a former code of it."""
    retention: Retention = Retention()
    quotas: Quotas = Quotas()
    principals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By authority, the purposes whose service signs in as a principal of its own (see `access`)."""
    replication_factor: int = 1
    min_insync_replicas: int = 1
    registry: str = ""

    @cached_property
    def by_gss(self) -> Mapping[str, Authority]:
        """The authority of each code, former codes of those that still exist included."""
        by_code = {authority.gss: authority for authority in self.authorities.values() if authority.gss}
        aliases = {
            code: self.authorities[id] for code, id in self.gss_aliases.items() if id in self.authorities
        }
        return aliases | by_code

    @cached_property
    def agreements_by_source_and_event(self) -> Mapping[tuple[str, str], tuple[Agreement, ...]]:
        """The agreements, by id, that name the source and share the event (folder name), in any standing."""
        by_event: dict[tuple[str, str], list[Agreement]] = {}
        for agreement in sorted(self.agreements.values(), key=lambda agreement: agreement.id):
            for source in agreement.sources:
                for event in agreement.events:
                    by_event.setdefault((source, event), []).append(agreement)
        return {key: tuple(agreements) for key, agreements in by_event.items()}

    def agreements_of(self, source: str, event: str) -> tuple[Agreement, ...]:
        """The agreements that name the source and share the event, in any standing; often none."""
        return self.agreements_by_source_and_event.get((source, event), ())

    @cached_property
    def participants(self) -> tuple[str, ...]:
        """The authorities that have topics, sorted: those without an end, and those that an agreement still names.

        So an end that is known beforehand takes nothing away while an agreement names the authority. No clock is
        asked: every service and `apply` agree.
        """
        named = {party for agreement in self.agreements.values() for party in agreement.parties}
        return tuple(
            sorted(
                authority.id
                for authority in self.authorities.values()
                if authority.valid_to is None or authority.id in named
            )
        )

    def successors_in_force(self, authority: str, day: date) -> frozenset[str]:
        """Who acts for an authority on that day: itself until it has ended, then its successors, through any chain.

        It acts for days before it began, too: that its area was another's then is not known from it.
        """
        in_force: set[str] = set()
        seen: set[str] = set()
        ahead = [authority]
        while ahead:
            id = ahead.pop()
            acting = self.authorities.get(id)
            if acting is None or id in seen:
                continue
            seen.add(id)
            if acting.valid_to is None or day <= acting.valid_to:
                in_force.add(id)
            else:
                ahead.extend(acting.replaced_by)
        return frozenset(in_force)


def load(directory: Path) -> Network:
    """The network of a directory, at generation 0; raises NetworkError, naming the file, at the first fault."""
    file = directory / "network.toml"
    settings = _toml(file)
    faults = settings_faults(settings)
    if faults:
        raise NetworkError(f"{file}: {faults[0].message}")
    agreements = [_agreement(path) for path in sorted((directory / "agreements").glob("*.toml"))]
    return Network(
        **_read(settings),
        authorities=_authorities(directory / "authorities.csv"),
        agreements={agreement.id: agreement for agreement in agreements},
        gss_aliases=_aliases(directory / "gss_aliases.csv"),
    )


def settings_faults(document: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with the document of `network.toml`."""
    faults = [*shape_faults(document, NETWORK_KEYS, OPTIONAL_NETWORK_KEYS)]
    if faults:
        return faults
    retention: dict[str, Any] = document.get("retention", {})
    quotas: dict[str, Any] = document.get("quotas", {})
    faults += shape_faults(retention, RETENTION_KEYS, RETENTION_KEYS)
    faults += shape_faults(quotas, QUOTA_KEYS, QUOTA_KEYS)
    principals: dict[str, Any] = document.get("principals", {})
    faults += [
        Fault(key=id, message=f"{id} must be {TEXTS.words}")
        for id, purposes in principals.items()
        if not TEXTS.fits(purposes)
    ]
    name = document["name"]
    if not IDENTIFIER.fullmatch(name):
        faults.append(
            Fault(key="name", message=f"name is {name!r}; write it in lower-case letters, digits, hyphens")
        )
    for key in ("lanes", "replication_factor", "min_insync_replicas"):
        if document.get(key, 1) < 1:
            faults.append(Fault(key=key, message=f"{key} must be 1 or more"))
    if document.get("min_insync_replicas", 1) > document.get("replication_factor", 1):
        faults.append(
            Fault(key="min_insync_replicas", message="min_insync_replicas is more than replication_factor")
        )
    for key, amount in (*retention.items(), *quotas.items()):
        if isinstance(amount, int) and amount < 1:
            faults.append(Fault(key=key, message=f"{key} must be 1 or more"))
    return [*faults, *_retention_faults(retention)]


def _retention_faults(retention: Mapping[str, Any]) -> Iterator[Fault]:
    for key, (least, why) in LEAST_DAYS.items():
        days = retention.get(key, least)
        if WHOLE.fits(days) and 1 <= days < least:
            yield Fault(key=key, message=f"{key} is {days}, which must be {least} or more: {why}")


def settings_warnings(document: Mapping[str, Any]) -> Iterator[Fault]:
    """What its people should know of a document of `network.toml` that has no faults."""
    days = document.get("retention", {}).get("tenants", USUAL_TENANT_DAYS)
    if days < USUAL_TENANT_DAYS:
        words = f"tenants is {days}, less than {USUAL_TENANT_DAYS}: a council that is away for a month loses what expires"
        yield Fault(key="tenants", message=words)


def to_records(network: Network) -> dict[str, bytes]:
    """The records of `instep.network`, value by key, but for `generation`: `apply` alone writes that, and last."""
    settings = {key: getattr(network, key) for key in NETWORK_KEYS} | {
        "gss_aliases": dict(network.gss_aliases)
    }
    parts = {"retention": asdict(network.retention), "quotas": asdict(network.quotas)}
    things: dict[str, Any] = {"network": settings | parts}
    things |= {f"authority/{id}": row(authority) for id, authority in network.authorities.items()}
    things |= {
        f"agreement/{id}": documents.document(agreement) for id, agreement in network.agreements.items()
    }
    written = set[tuple[str, str]]()
    for id, (name, version) in network.schemas.items():
        later = {"read_only": True} if (name, version) in written else {}
        things[f"schema/{id}"] = {"full_name": name, "version": version, **later}
        written.add((name, version))
    return {
        key: json.dumps(thing, sort_keys=True, separators=(",", ":"), default=date.isoformat).encode()
        for key, thing in things.items()
    }


def from_records(records: Mapping[str, bytes]) -> Network:
    """The network of the records, at generation 0 where they name none; raises NetworkError naming the key at fault."""
    if "network" not in records:
        raise NetworkError("instep.network holds no network: run `instep network apply`")
    settings: dict[str, Any] = {}
    generation = 0
    authorities: dict[str, Authority] = {}
    agreements: dict[str, Agreement] = {}
    schemas: dict[int, tuple[str, str]] = {}
    read_only: dict[int, tuple[str, str]] = {}
    for key, value in records.items():
        kind, _, id = key.partition("/")
        try:
            match kind:
                case "network":
                    settings = _read(json.loads(value))
                case "authority":
                    authorities[id] = authority(json.loads(value))
                case "agreement":
                    agreements[id] = documents.agreement(_with_dates(json.loads(value)))
                case "schema":
                    schema = json.loads(value)
                    ids = read_only if schema.get("read_only") else schemas
                    ids[int(id)] = (schema["full_name"], schema["version"])
                case "generation":
                    generation = int(value)
        except (ValueError, KeyError, TypeError) as error:
            raise NetworkError(f"the record {key} of instep.network cannot be read") from error
    return Network(
        **settings,
        generation=generation,
        authorities=authorities,
        agreements=agreements,
        schemas=schemas | read_only,
    )


def _read(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of `network.toml`, or of the record, as `Network` takes them."""
    document: dict[str, Any] = {"retention": {}, "quotas": {}, "principals": {}} | settings
    return document | {
        "retention": Retention(**document["retention"]),
        "quotas": Quotas(**document["quotas"]),
        "principals": {id: tuple(purposes) for id, purposes in document["principals"].items()},
    }


def _with_dates(document: dict[str, Any]) -> dict[str, Any]:
    for approval in document["approved"]:
        approval["on"] = date.fromisoformat(approval["on"])
    dates = {key: date.fromisoformat(document[key]) for key in ("effective_from", "review_by")}
    return document | dates


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise NetworkError(f"{path}: {error}") from error


def _agreement(path: Path) -> Agreement:
    document = _toml(path)
    faults = documents.agreement_faults(document)
    if faults:
        raise NetworkError(f"{path}: {faults[0].message}")
    agreement = documents.agreement(document)
    if agreement.id != path.stem:
        raise NetworkError(f"{path}: id is {agreement.id!r}, but the file is {path.name}")
    return agreement


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NetworkError(f"{path} does not exist") from None
    except UnicodeDecodeError:
        raise NetworkError(f"{path} is not UTF-8") from None


def _authorities(path: Path) -> dict[str, Authority]:
    found, faults = read_authorities(_text(path))
    if faults:
        raise NetworkError(f"{path}, line {faults[0].line}: {faults[0].message}")
    return {id: authority for id, (_, authority) in found.items()}


def _aliases(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    found, faults = read_aliases(_text(path))
    if faults:
        raise NetworkError(f"{path}, line {faults[0].line}: {faults[0].message}")
    return {former: authority for former, (_, authority, _) in found.items()}
