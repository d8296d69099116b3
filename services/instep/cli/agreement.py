"""Defines `instep agreement new | show`: sharing agreements, for the officers who write and sign them."""

import os
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from instep.catalogue.files import load_catalogue, schemas_directory
from instep.cli.agreement_file import surroundings, written
from instep.cli.interview import Interview, option_of
from instep.cli.network_directory import applied, find, network_names
from instep.cli.output import note
from instep.errors import NetworkError
from instep.network.days import today_in_london
from instep.network.documents import AGREEMENT_KEYS, SHARE_KEYS, nearest
from instep.network.drafting import Question, draft
from instep.network.network import load

app = typer.Typer(no_args_is_help=True, help="Sharing agreements, for those who write and sign them.")


class PaperForm(StrEnum):
    """How an agreement is shown."""

    LETTER = "letter"
    HTML = "html"


def register(root: typer.Typer) -> None:
    """Add this module's commands to `instep`."""
    root.add_typer(app, name="agreement")


def _option(key: str, words: str) -> Any:
    return typer.Option(option_of(key), help=words)


@app.command("new")
def new(
    network: Annotated[
        str | None,
        typer.Option("--network", metavar="DIR", help="The network's directory, or its name: sample."),
    ] = None,
    id: Annotated[str | None, _option("id", "Its short name, which names the file.")] = None,
    purpose: Annotated[str | None, _option("purpose", "The purpose, which names the inbox.")] = None,
    sources: Annotated[
        str | None, _option("sources", "Who shares: ids, names or codes, by commas; or all.")
    ] = None,
    recipients: Annotated[
        str | None, _option("recipients", "Who receives; all who share, if left out.")
    ] = None,
    event: Annotated[
        list[str] | None, _option("event", "A type of event; again for each further share.")
    ] = None,
    fields: Annotated[
        list[str] | None, _option("fields", "Its shared fields, by commas; once for each --event.")
    ] = None,
    when: Annotated[
        list[str] | None, _option("when", "concerns-recipient or always; once for each --event.")
    ] = None,
    change_kinds: Annotated[
        list[str] | None, _option("change_kinds", "Kinds of change, by commas; once for each --event.")
    ] = None,
    protected: Annotated[
        list[str] | None,
        _option("protected", "yes, to share events of protected people; once for each --event."),
    ] = None,
    special_category_condition: Annotated[
        str | None,
        _option("special_category_condition", "The condition, where special category data is shared."),
    ] = None,
    lawful_basis: Annotated[
        str | None, _option("lawful_basis", "The lawful basis (UK GDPR Article 6).")
    ] = None,
    legal_power: Annotated[
        str | None, _option("legal_power", "The law that lets the councils share this.")
    ] = None,
    retention_days: Annotated[
        str | None, _option("retention_days", "How long recipients keep the data.")
    ] = None,
    respond_within: Annotated[
        str | None, _option("respond_within", "The recipients' time to answer.")
    ] = None,
    dpia: Annotated[str | None, _option("dpia", "The data protection impact assessment.")] = None,
    contact: Annotated[str | None, _option("contact", "Whom to ask.")] = None,
    effective_from: Annotated[
        str | None, _option("effective_from", "The first day: 2027-04-01 or 1/4/2027.")
    ] = None,
    review_by: Annotated[str | None, _option("review_by", "The last day.")] = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Ask nothing: what no option answers gets its default.")
    ] = False,
) -> None:
    """Write a new agreement by answering questions, each checked at once; `instep network check` accepts the file.

    Every answer can be given as an option too. The file is written when all is answered, so Ctrl-C leaves nothing behind. No
    file is overwritten. Nobody has approved a new agreement, so it binds nobody yet.
    """
    texts = {key: [text] for key, text in locals().items() if key in AGREEMENT_KEYS and isinstance(text, str)}
    lists = {key: value for key, value in locals().items() if key in SHARE_KEYS and isinstance(value, list)}
    interview = Interview(given={**texts, **lists}, defaults=defaults)
    where = find(network or interview(_which_network()))
    catalogue = load_catalogue(schemas_directory(os.environ))
    today = today_in_london(time.time_ns() // 1_000_000)
    document = draft(interview, surroundings(where, catalogue.events, today))
    file = written(where, document, catalogue, today)
    typer.echo(str(file))
    note(f"The agreement is written. Read it in words: instep agreement show {file}")
    note(
        "Nobody has approved it yet: each party's approval is a line of its own in the file, under approved."
    )


def _which_network() -> Question:
    names = network_names()
    return Question(
        key="network",
        asks="The network",
        help="The directory of the network that the agreement is for, or its name.",
        read=lambda text: str(find(text)),
        default=names[0] if len(names) == 1 else "",
        choices=[(name, "a network of this checkout") for name in names],
    )


@app.command("show")
def show_agreement(
    agreement: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="The agreement's id, or its file: council-tax, or council-tax.toml."
        ),
    ],
    form: Annotated[
        PaperForm,
        typer.Option("--as", help="A letter of plain text, or a page of HTML for a browser or for Word."),
    ] = PaperForm.LETTER,
    network: Annotated[
        str | None,
        typer.Option(
            "--network",
            metavar="DIR",
            help="The network's directory or name; the applied network if left out.",
        ),
    ] = None,
) -> None:
    """Show an agreement in words, for those who sign: who shares what with whom, until when, and what each would receive.

    The same rules that deliver events say what each would receive, as if every party had approved.
    """
    from instep.cli.agreement_letter import letter
    from instep.cli.paper import as_html, as_letter

    file = Path(agreement)
    if file.suffix == ".toml" and network is None:
        whole, id = load(file.resolve().parent.parent), file.stem
    else:
        whole, id = (load(find(network)) if network else applied()), file.name.removesuffix(".toml")
    if id not in whole.agreements:
        raise NetworkError(f"{whole.name} has no agreement {id!r}{nearest(id, whole.agreements)}.")
    blocks = letter(
        whole.agreements[id], whole.authorities, load_catalogue(schemas_directory(os.environ)).events
    )
    typer.echo(as_html(blocks) if form is PaperForm.HTML else as_letter(blocks), nl=False)
