"""Defines `instep annul | correct`: changes of published records by hand."""

from pathlib import Path
from typing import Annotated

import typer

from instep.cli.councils import Format
from instep.cli.options import StateDirOption
from instep.cli.output import Output, OutputOption

AuthorityOption = Annotated[
    str, typer.Option("--authority", "-a", help="The council that has published the record: leeds.")
]
ReasonOption = Annotated[
    str,
    typer.Option(
        "--reason",
        help="Why. The reason stays on this machine, with your name and the time, and is sent to nobody.",
    ),
]
WaitOption = Annotated[
    bool, typer.Option("--wait", help="Wait until the network has accepted or refused the change.")
]


def register(app: typer.Typer) -> None:
    """Add this module's commands to `instep`."""
    app.command("annul")(annul)
    app.command("correct")(correct)


def annul(
    reference: Annotated[
        list[str],
        typer.Option(
            "--reference", help="The record's reference in your own system. May be given several times."
        ),
    ],
    authority: AuthorityOption,
    reason: ReasonOption,
    system: Annotated[
        str | None,
        typer.Option(
            "--system", help="The system that the reference is of, where several count alike: council-tax."
        ),
    ] = None,
    event_type: Annotated[
        str | None,
        typer.Option("--event-type", help="resident-moved or business-registered, where nobody knows."),
    ] = None,
    wait: WaitOption = False,
    state_dir: StateDirOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Annul a published record: everybody who was sent it is asked to stop relying on it.

    The annulment names the event and says nothing of the person. A row of your next export that says the same, or is older
    than the annulment, is not sent; a newer row is sent as new. An annulled person who was protected goes on to protect
    the household.

    Exit code: 0 when the record is annulled, 1 when not, 2 for wrong usage.

    Examples: instep annul --reference CT-1042 --authority leeds --reason "entered twice"
    """
    from instep.cli.by_hand import Order, annul_records

    order = Order(
        authority=authority,
        reason=reason,
        wait=wait,
        output=output,
        state_directory=state_dir,
    )
    annul_records(order, reference, system, event_type)


def correct(
    file: Annotated[
        Path,
        typer.Argument(
            help="The file that holds the row, as your own system exports it; or a file with that row alone.",
            exists=True,
            dir_okay=False,
        ),
    ],
    authority: AuthorityOption,
    reason: ReasonOption,
    reference: Annotated[
        str | None,
        typer.Option("--reference", help="The row's reference; not needed in a file of a single row."),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="COLUMN=VALUE",
            help="A new cell: new_postcode='LS1 1UR'. May be given several times.",
        ),
    ] = None,
    format: Annotated[  # noqa: A002 -- the option's name
        Format | None, typer.Option("--format", help="As for publish; by the file's name if left out.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="As for publish: what your own CSV headings mean.")
    ] = None,
    on_behalf: Annotated[bool, typer.Option("--on-behalf", help="As for publish.")] = False,
    wait: WaitOption = False,
    state_dir: StateDirOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Correct a published record from a row of a file, by the rules of publish, and send no other record.

    With --set, cells are changed before the row is read; the file itself is left as it is. A row that becomes protected
    takes the published members of its household in the file with it. A record that was annulled goes out again as new.

    Exit code: 0 when the row is fine, 1 when you have to put it right or the network refuses it, 2 for wrong usage.

    Examples: instep correct moves.csv --reference CT-1042 --set new_postcode="LS1 1UR" -a leeds --reason "typing error" ·
    instep correct one-row.csv -a leeds --reason "moved a week later"
    """
    from instep.cli.by_hand import CorrectionRequest, Order, correct_record

    order = Order(
        authority=authority,
        reason=reason,
        wait=wait,
        output=output,
        state_directory=state_dir,
    )
    request = CorrectionRequest(
        file=file,
        format=format.value if format else None,
        mapping=mapping,
        reference=reference,
        changes=changes or (),
        on_behalf=on_behalf,
    )
    correct_record(order, request)
