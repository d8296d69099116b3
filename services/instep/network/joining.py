"""Joining: the row of an authority that comes in, and what it has to be given once it is in. Pure."""

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
from instep.network.authorities import COLUMNS, Authority, RowFinding, read_authorities, row
from instep.network.census import authority_errors
from instep.network.network import Network


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """What an authority needs to take part: its topics, by what it may do with them, and whom it signs in as."""

    authority: str
    writes: tuple[str, ...]
    reads: tuple[str, ...]
    principals: tuple[str, ...]
    groups: tuple[str, ...]
    """What the names of its consumer groups begin with."""


def with_row(text: str, newcomer: Authority) -> str:
    """`authorities.csv` with the authority in its last line; raises NetworkError, saying what of it is unsound."""
    line = io.StringIO()
    csv.DictWriter(line, COLUMNS, lineterminator="\n").writerow(row(newcomer))
    longer = f"{text.rstrip()}\n{line.getvalue()}"
    rows, errors = read_authorities(longer)
    problems = [*errors, *_of(newcomer, [*authority_errors(rows)])]
    if problems:
        raise NetworkError(f"{newcomer.id} cannot be added: {problems[0].message}.")
    return longer


def _of(newcomer: Authority, errors: list[RowFinding]) -> list[RowFinding]:
    """Those of the newcomer: what else is wrong in the file is for `check` to say."""
    return [finding for finding in errors if finding.about == newcomer.id]


def needs(network: Network, authority: str) -> Needs:
    """What an authority of the network needs; its inboxes are those that an agreement gives it."""
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
    """A line of JSON for `instep publish`: a move of nobody within its area, marked synthetic, so that no one is told."""
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
