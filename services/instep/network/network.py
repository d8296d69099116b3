"""The network: one immutable value of who takes part and under which agreements. `load` reads a network's directory.

`records` reads the same value from the topic `instep.network`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from instep.errors import NetworkError
from instep.network import documents
from instep.network.agreements import Agreement
from instep.network.authorities import Authority, read_aliases, read_authorities
from instep.network.settings import Quotas, Retention, read_settings, settings_errors
from instep.network.slips import advice


@dataclass(frozen=True, kw_only=True)
class Network:
    """Who takes part, under which agreements. Immutable; each property is worked out once, at its first use."""

    name: str
    lanes: int
    generation: int = 0
    authorities: Mapping[str, Authority]
    agreements: Mapping[str, Agreement]
    schemas: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    """Full name and version by schema id. `network apply` allots the ids, or takes them from a registry.

    Where a schema has several ids, services write with the first id in this mapping and read under every id.
    """
    gss_aliases: Mapping[str, str] = field(default_factory=dict)
    """The authority's id by a former GSS code of the authority."""
    retention: Retention = field(default_factory=Retention)
    quotas: Quotas = field(default_factory=Quotas)
    principals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By authority: the purposes whose service signs in as a principal of its own (see `access`)."""
    replication_factor: int = 1
    min_insync_replicas: int = 1
    registry: str = ""

    @cached_property
    def by_gss(self) -> Mapping[str, Authority]:
        """The authority of each GSS code, former codes of authorities that still exist included."""
        by_code = {authority.gss: authority for authority in self.authorities.values() if authority.gss}
        aliases = {
            code: self.authorities[id] for code, id in self.gss_aliases.items() if id in self.authorities
        }
        return aliases | by_code

    @cached_property
    def agreements_by_source_and_event(self) -> Mapping[tuple[str, str], tuple[Agreement, ...]]:
        """By source and event (folder name): the agreements that share the event, sorted by id, whatever their standing."""
        by_event: dict[tuple[str, str], list[Agreement]] = {}
        for agreement in sorted(self.agreements.values(), key=lambda agreement: agreement.id):
            for source in agreement.sources:
                for event in agreement.events:
                    by_event.setdefault((source, event), []).append(agreement)
        return {key: tuple(agreements) for key, agreements in by_event.items()}

    def agreements_of(self, source: str, event: str) -> tuple[Agreement, ...]:
        """The agreements that name the source and share the event, whatever their standing; often none."""
        return self.agreements_by_source_and_event.get((source, event), ())

    @cached_property
    def participants(self) -> tuple[str, ...]:
        """The authorities that have topics, sorted: those without a last day, and those that an agreement still names.

        So an authority whose last day is announced keeps its topics while an agreement names the authority. No clock
        decides this, so every service and `apply` agree.
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
        """Who acts for an authority on a day: the authority until its last day, then its successors, through any chain.

        An authority acts for days before its first day too: its row does not say whose area it was then.
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
    """The network of a directory, at generation 0. Raises NetworkError, which names the file, at the first error."""
    file = directory / "network.toml"
    settings = _toml(file)
    errors = settings_errors(settings)
    if errors:
        raise NetworkError(f"{file}: {errors[0].message}")
    agreements = [_agreement(path) for path in sorted((directory / "agreements").glob("*.toml"))]
    return Network(
        **read_settings(settings),
        authorities=_authorities(directory / "authorities.csv"),
        agreements={agreement.id: agreement for agreement in agreements},
        gss_aliases=_aliases(directory / "gss_aliases.csv"),
    )


def _toml(path: Path) -> dict[str, Any]:
    text = _text(path)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        slip = advice(text, error)
        raise NetworkError(f"{path}, line {slip.line}: {slip.message}") from error
    except RecursionError:
        raise NetworkError(f"{path} is nested too deeply to be read") from None


def _agreement(path: Path) -> Agreement:
    document = _toml(path)
    errors = documents.agreement_errors(document)
    if errors:
        raise NetworkError(f"{path}: {errors[0].message}")
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
    rows, errors = read_authorities(_text(path))
    if errors:
        raise NetworkError(f"{path}, line {errors[0].line}: {errors[0].message}")
    return {id: authority for id, (_, authority) in rows.items()}


def _aliases(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    rows, errors = read_aliases(_text(path))
    if errors:
        raise NetworkError(f"{path}, line {errors[0].line}: {errors[0].message}")
    return {former: authority for former, (_, authority, _) in rows.items()}
