"""Prints `instep network show`: who takes part, and who shares which fields with whom."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from instep.cli.output import OutputForm, note, show, show_lines
from instep.network.flows import Flow
from instep.network.network import Network
from instep.network.problems import plainly

FEW_NAMES = 3
"""More councils than this are counted, not named."""
FEW_ROWS = 40
"""More authorities than this are counted by tier."""

_AUTHORITY = ("authority", "name", "gss", "tier", "parent", "valid_to", "replaced_by")
_AGREEMENT = ("agreement", "version", "status", "purpose", "events", "from", "to", "approved", "review_by")


def show_network(network: Network, flows: Sequence[Flow], output: OutputForm) -> None:
    """The authorities, the agreements, and the flows between authorities."""
    authorities, agreements = list(_authorities(network)), list(_agreements(network))
    if output is OutputForm.JSON:
        show_lines({"kind": "authority"} | row for row in authorities)
        show_lines({"kind": "agreement"} | row for row in agreements)
        show_flows(flows, output)
        return
    applied = f", generation {network.generation}" if network.generation else ""
    note(
        f"{network.name}: {len(authorities)} authorities, {len(agreements)} agreements, {network.lanes} lanes{applied}"
    )
    if len(authorities) > FEW_ROWS:
        show(output, ("tier", "in force", "gone"), _tiers(network))
    else:
        show(output, _AUTHORITY, map(_plain, authorities))
    show(output, _AGREEMENT, (_plain({**row, **_counted(row)}) for row in agreements))
    show_flows(flows, output)


def show_flows(flows: Sequence[Flow], output: OutputForm) -> None:
    """A row for each flow: who shares which fields with whom. A table counts many councils; JSON names each."""
    if output is OutputForm.JSON:
        show_lines({"kind": "flow", **asdict(flow)} for flow in flows)
        return
    columns = ("source", "recipient", "purpose", "event", "fields", "agreement", "today")
    show(output, columns, (_plain(_row(flow)) for flow in flows))


def _row(flow: Flow) -> dict[str, Any]:
    always = ", of any area" if flow.when == "always" else ""
    return {
        "source": _several(flow.sources),
        "recipient": _several(flow.recipients),
        "purpose": flow.purpose,
        "event": f"{flow.event}{always}{', protected too' if flow.protected else ''}",
        "fields": flow.fields,
        "agreement": flow.agreement,
        "today": flow.standing,
    }


def _several(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= FEW_NAMES else f"{len(names)} councils"


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row in plain text: control characters in a directory that nobody has checked yet cannot fool a terminal."""
    return {
        key: None
        if value is None
        else plainly(", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))
        for key, value in row.items()
    }


def _tiers(network: Network) -> Iterator[dict[str, Any]]:
    councils = network.authorities.values()
    standing = Counter(council.tier for council in councils if council.valid_to is None)
    gone = Counter(council.tier for council in councils if council.valid_to is not None)
    for tier in sorted(standing | gone):
        yield {"tier": tier, "in force": standing[tier], "gone": gone[tier]}


def _authorities(network: Network) -> Iterator[dict[str, Any]]:
    for authority in network.authorities.values():
        yield {
            "authority": authority.id,
            "name": authority.name,
            "gss": authority.gss,
            "tier": authority.tier,
            "parent": authority.parent,
            "valid_from": authority.valid_from,
            "valid_to": authority.valid_to,
            "replaced_by": list(authority.replaced_by),
        }


def _agreements(network: Network) -> Iterator[dict[str, Any]]:
    for agreement in network.agreements.values():
        yield {
            "agreement": agreement.id,
            "version": agreement.version,
            "status": agreement.status,
            "purpose": agreement.purpose,
            "events": list(agreement.events),
            "sources": sorted(agreement.sources),
            "recipients": sorted(agreement.recipients),
            "approved": sorted(agreement.approved),
            "parties": len(agreement.parties),
            "effective_from": agreement.effective_from,
            "review_by": agreement.review_by,
        }


def _counted(row: Mapping[str, Any]) -> dict[str, Any]:
    """A national agreement has hundreds of parties: a table counts them."""
    return {
        "from": len(row["sources"]),
        "to": len(row["recipients"]),
        "approved": f"{len(row['approved'])} of {row['parties']}",
    }
