"""`instep up | down | status | doctor`: the local platform."""

import typer


def register(app: typer.Typer) -> None:
    """Add this module's commands to `instep`."""
