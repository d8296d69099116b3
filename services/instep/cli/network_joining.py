"""Prints a newcomer's needs for `instep network add-authority`, to be handed over."""

from dataclasses import asdict
from pathlib import Path

import typer

from instep.cli.output import OutputForm, show_lines
from instep.network.joining import Needs


def show_needs(needs: Needs, event: str, secrets: Path | None, output: OutputForm) -> None:
    """Topics, principals, where their secrets will be, the settings to sign in with, and a first event to try."""
    kept = {who: str((secrets or Path("INSTEP_SECRETS_DIR")) / who) for who in needs.principals}
    if output is OutputForm.JSON:
        show_lines([{**asdict(needs), "secrets": kept, "first_event": event}])
        return
    for words, names in (
        ("Writes", needs.writes),
        ("Reads", needs.reads),
        ("Groups begin with", needs.groups),
    ):
        typer.echo(f"{words}: {', '.join(names)}")
    for who, file in kept.items():
        typer.echo(
            f"Signs in as {who}; once applied, its secret is in {file}: give it to that council alone."
        )
    typer.echo("Settings of its programs:")
    for setting in (
        "INSTEP_BOOTSTRAP_SERVERS=the brokers' addresses",
        "INSTEP_SECURITY_PROTOCOL=SASL_SSL",
        f"INSTEP_SASL_USERNAME={needs.authority}",
        "INSTEP_SASL_PASSWORD_FILE=where it keeps the secret",
        "INSTEP_SSL_CA_FILE=the certificate that signed the brokers'",
    ):
        typer.echo(f"  {setting}")
    typer.echo(
        "A first event to try: it is about nobody, and goes to nobody. Save this line as first-event.jsonl:"
    )
    typer.echo(f"  {event}")
    typer.echo(f"  instep publish first-event.jsonl --authority {needs.authority} --wait")
