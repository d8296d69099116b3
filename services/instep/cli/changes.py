"""Defines `instep annul | correct`: changes of published records by hand."""

from pathlib import Path
from typing import Annotated

import typer

from instep.cli.councils import Format
from instep.cli.options import StateDirOption
from instep.cli.output import OutputForm, OutputOption

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
    output: OutputOption = OutputForm.TABLE,
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
    authority: AuthorityOption,
    reason: ReasonOption,
    file: Annotated[
        Path | None,
        typer.Argument(
            help="The file that holds the row, as your own system exports it; or a file with that row alone. Without a file,"
            " the row is made from the event in your outbox.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
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
    system: Annotated[
        str | None,
        typer.Option(
            "--system", help="Without a file: the system that the reference is of, where several count alike."
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Without a file: show what would be corrected, and send nothing."),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Without a file: send without asking, as a program does anyway.")
    ] = False,
    wait: WaitOption = False,
    state_dir: StateDirOption = None,
    output: OutputOption = OutputForm.TABLE,
) -> None:
    """Correct a published record by the rules of publish, and send no other record.

    With --set, cells are changed before the row is read; the file itself is left as it is. A row that becomes protected
    takes the published members of its household in the file with it. A record that was annulled goes out again as new.

    Without a file, --reference and --set are needed. The other cells come from the event in your outbox, and the command
    shows the changes and asks before it sends. Where your outbox may hold less than the file (a protected record, a
    placement, a record of more than 35 days ago), the command asks for the file.

    Exit code: 0 when the row is fine, 1 when you have to put it right or the network refuses it, 2 for wrong usage.

    Examples: instep correct --reference CT-1042 --set new_postcode="LS1 1UR" -a leeds --reason "typing error" ·
    instep correct moves.csv --reference CT-1042 --set new_postcode="LS1 1UR" -a leeds --reason "typing error" ·
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
    if file is None:
        if not (reference and changes) or format or mapping or on_behalf:
            raise typer.BadParameter(
                "Without a file, name --reference and --set; --format, --mapping and --on-behalf go with a file."
            )
        from instep.cli.correct_published import CorrectionWanted, correct_published

        correct_published(
            order,
            CorrectionWanted(reference=reference, changes=changes, system=system, dry_run=dry_run, yes=yes),
        )
        return
    if system or dry_run:
        raise typer.BadParameter(
            "--system and --dry-run go without a file; `instep publish FILE --dry-run` shows what a file would do."
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
