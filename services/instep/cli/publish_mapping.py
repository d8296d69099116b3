"""Carries out `instep publish --suggest-mapping FILE`: prints a proposed mapping file, and sends nothing."""

import sys
from pathlib import Path

from instep.adapters.suggesting import suggested_mapping
from instep.cli.output import note


def print_mapping(file: Path, format: str | None, sheet: str) -> None:  # noqa: A002 -- the option's name
    """Print the proposal on stdout, for `> ours.toml`; needs no network."""
    text, undecided = suggested_mapping(file, format, sheet)
    sys.stdout.write(text)
    sys.stdout.flush()
    if undecided:
        note(f"Decide on {', '.join(undecided)} by hand: the proposal leaves them open.")
