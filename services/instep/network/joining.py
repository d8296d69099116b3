"""Joining: adds the row of a new authority to `authorities.csv`, and lists what the authority needs then. Pure."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from instep.errors import NetworkError
from instep.network import topics
from instep.network.access import purpose_service
from instep.network.authorities import COLUMNS, Authority, read_authorities, row
from instep.network.census import authority_errors
from instep.network.network import Network


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """The needs of an authority: topics to write, topics to read, and principals to sign in as."""

    authority: str
    writes: tuple[str, ...]
    reads: tuple[str, ...]
    principals: tuple[str, ...]
    groups: tuple[str, ...]
    """Prefixes of the names of its consumer groups."""


def with_row(text: str, newcomer: Authority) -> str:
    """`authorities.csv` with the authority in the last line. Raises NetworkError for an unsound authority."""
    line = io.StringIO()
    csv.DictWriter(line, COLUMNS, lineterminator="\n").writerow(row(newcomer))
    longer = f"{text.rstrip()}\n{line.getvalue()}"
    rows, errors = read_authorities(longer)
    # `check` reports errors about other authorities.
    errors += [error for error in authority_errors(rows) if error.about == newcomer.id]
    if errors:
        raise NetworkError(f"{newcomer.id} cannot be added: {errors[0].message}.")
    return longer


def needs(network: Network, authority: str) -> Needs:
    """The needs of an authority of the network. Agreements decide which inboxes the authority has."""
    purposes = network.principals.get(authority, ())
    principals = (authority, *(purpose_service(authority, purpose) for purpose in purposes))
    inboxes = sorted(topics.inbox(*pair) for pair in topics.inboxes(network) if pair[0] == authority)
    own = (topics.outbox(authority), topics.rejected(authority), topics.outcomes(authority))
    return Needs(
        authority=authority,
        writes=(topics.outbox(authority),),
        reads=(*own, *inboxes, topics.NETWORK),
        principals=principals,
        groups=tuple(f"{principal}." for principal in principals),
    )


def first_event(newcomer: Authority, now: datetime) -> str:
    """A line of JSON for `instep publish`: an invented move within the authority's area.

    The event is marked synthetic, so the router delivers it to nobody.
    """
    day = now.astimezone(UTC).date().isoformat()
    header: Mapping[str, Any] = {
        "source_system": "first-event",
        "occurred_on": day,
        "recorded_at": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "handling": "ORDINARY",
        "synthetic": True,
    }
    event = {
        "event_type": "resident-moved",
        "reference": "first-event",
        "header": header,
        "person": {"family_name": "Example"},
        "new_address": {
            "lines": ["1 Example Street"],
            **({"authority_gss": newcomer.gss} if newcomer.gss else {}),
        },
        "moved_on": day,
    }
    return json.dumps(event)
