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
        open_ones = "it" if len(undecided) == 1 else "them"
        note(
            f"Decide on {', '.join(undecided)} by hand in the mapping file: the proposal leaves {open_ones} open."
        )
