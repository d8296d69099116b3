"""Defines `instep publisher release`: lifts by hand what a damaged row has said of a household or person."""

from typing import Annotated

import typer

from instep.cli.changes import ReasonOption
from instep.cli.options import StateDirOption


def release(
    authority: Annotated[str, typer.Option("--authority", "-a", help="The council, by id: leeds.")],
    reason: ReasonOption,
    household: Annotated[
        str | None, typer.Option("--household", help="The household's reference in your own system.")
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option("--reference", help="Or the reference of a published member of the household."),
    ] = None,
    person: Annotated[
        str | None,
        typer.Option("--person", help="Or the reference of a person, to release this person alone."),
    ] = None,
    system: Annotated[
        str, typer.Option("--system", help="The system that the reference is of.")
    ] = "council-tax",
    state_dir: StateDirOption = None,
) -> None:
    """Lift the doubt that a damaged row has cast on a household or person: for a row that nobody can mend and send again.

    A person whom the row names by address or family alone has no household to release: use --person.

    Members of the household then go out as their own rows say. Make sure first that nobody of the household is at risk:
    whoever lifts the doubt, why and when is kept on this machine. A published member who is protected goes on to protect the
    household.

    Examples: instep publisher release --household HH-17 -a leeds --reason "the row was another household's"
    · instep publisher release --person CT-9 -a leeds --reason "lives alone; the row was a neighbour's"
    """
    from instep.cli.by_hand import release_household, release_person

    if sum(name is not None for name in (household, reference, person)) != 1:
        raise typer.BadParameter(
            "Name the household with --household, a member with --reference, or a person with --person."
        )
    if person is not None:
        release_person(authority, reason, person=person, system=system, state_directory=state_dir)
        return
    release_household(
        authority,
        reason,
        household=household,
        reference=reference,
        system=system,
        state_directory=state_dir,
    )
