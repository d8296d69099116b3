"""Asks for a passphrase, or reads it from the file that INSTEP_PASSPHRASE_FILE names."""

import sys
from collections.abc import Mapping
from pathlib import Path

import typer

from instep.errors import ConfigurationError
from instep.kafka.secrets import read_secret

VARIABLE = "INSTEP_PASSPHRASE_FILE"
SHORTEST = 12
"""Characters of a new passphrase."""


def new_passphrase(environ: Mapping[str, str]) -> str:
    """A passphrase to seal with, asked for twice. Raises ConfigurationError for a short one, or where nobody can answer."""
    passphrase = _passphrase(environ, "A passphrase for the file, such as four words", twice=True)
    if len(passphrase) < SHORTEST:
        raise ConfigurationError(
            f"The passphrase is too short: take {SHORTEST} characters or more, such as four words."
        )
    return passphrase


def known_passphrase(environ: Mapping[str, str]) -> str:
    """The passphrase of a sealed file. Raises ConfigurationError where nobody can answer."""
    return _passphrase(environ, "The passphrase of the file", twice=False)


def _passphrase(environ: Mapping[str, str], question: str, *, twice: bool) -> str:
    if file := environ.get(VARIABLE):
        return read_secret(Path(file), VARIABLE)
    if not sys.stdin.isatty():
        raise ConfigurationError(
            f"Nobody can be asked for the passphrase here: name a file with it in {VARIABLE}."
        )
    answer: str = typer.prompt(question, hide_input=True, confirmation_prompt=twice, err=True)
    return answer
