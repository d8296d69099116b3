"""Prints the changes that `instep network plan` finds and `instep network apply` makes."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from instep.cli.output import OutputForm, note, show_lines

if TYPE_CHECKING:
    from instep.provision.plan import Plan

_NAMES_SHOWN = 12
_Kinds = Mapping[tuple[str, str], list[str]]
"""The lines to print, by the sign of the change and the kind of thing."""


def show_changes(plan: "Plan", *, would: bool, output: OutputForm) -> None:
    """Print the changes, and notes on everything left alone; `would` says whether they are still to be made."""
    from instep.provision.changes import changes

    if output is OutputForm.JSON:
        show_lines([_as_json(plan)])
        return
    kinds: dict[tuple[str, str], list[str]] = {}
    for change in changes(plan):
        kinds.setdefault((change.sign, change.kind), []).append(str(change))
    for (sign, kind), lines in kinds.items():
        for line in lines[:_NAMES_SHOWN]:
            typer.echo(line)
        if len(lines) > _NAMES_SHOWN:
            typer.echo(f"{sign} {kind}: {len(lines) - _NAMES_SHOWN} more")
    _note_left_alone(plan)
    if not kinds:
        typer.echo("Nothing to change: the cluster matches.")
    counted = ", ".join(f"{count} {sign}" for sign, count in _by_sign(kinds).items())
    at = f"The network {'would be' if would and kinds else 'is'} at generation {plan.generation}"
    typer.echo(f"{at} ({counted})." if counted else f"{at}.")


def _note_left_alone(plan: "Plan") -> None:
    if plan.access is None:
        note("Users, ACLs and quotas are left out: without security (PLAINTEXT) anybody may do anything.")
    elif plan.access.unmanaged:
        note(
            f"ACLs that the network does not name, left as they are: {_some(plan.access.as_json()['acls_left_alone'])}"
        )
    if plan.kept:
        kept = _some([name for name in plan.unnamed if name in plan.kept])
        note(f"Topics of those who have left, kept: what lies in them is theirs until it expires: {kept}")
    if unnamed := [name for name in plan.unnamed if name not in plan.kept]:
        note(f"Topics that the network does not name, left as they are: {_some(unnamed)}")


def _by_sign(kinds: _Kinds) -> dict[str, int]:
    counts: dict[str, int] = {}
    for (sign, _), lines in kinds.items():
        counts[sign] = counts.get(sign, 0) + len(lines)
    return counts


def _as_json(plan: "Plan") -> dict[str, Any]:
    return {
        "generation": plan.generation,
        "topics_created": [spec.name for spec in plan.create],
        "topics_configured": [spec.name for spec in plan.configure],
        "schemas_registered": [" ".join(pair) for pair in plan.register],
        "records_changed": list(plan.records),
        "topics_left_alone": list(plan.unnamed),
        "topics_deleted": list(plan.delete),
        "access": plan.access.as_json() if plan.access else None,
    }


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
