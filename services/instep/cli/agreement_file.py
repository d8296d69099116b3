"""Puts a drafted agreement into a network's directory: proven sound first, then written whole or not at all."""

import os
import shutil
import tempfile
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from instep.errors import NetworkError
from instep.events.schema import Catalogue, EventType
from instep.network.agreement_text import as_toml
from instep.network.authorities import read_authorities
from instep.network.check import check
from instep.network.documents import Document
from instep.network.drafting import Surroundings
from instep.network.problems import Problem

SCHEMA = "agreement.schema.json"


def surroundings(directory: Path, events: Mapping[str, EventType], today: date) -> Surroundings:
    """What a new agreement of the directory must fit. Raises NetworkError where the authorities cannot be read."""
    file = directory / "authorities.csv"
    rows, errors = read_authorities(file.read_text("utf-8"))
    if errors:
        raise NetworkError(f"{file}, line {errors[0].line}: {errors[0].message}.")
    agreements = sorted((directory / "agreements").glob("*.toml"))
    return Surroundings(
        councils={id: council for id, (_, council) in rows.items()},
        events=events,
        taken=frozenset(path.stem for path in agreements),
        purposes=frozenset(purpose for path in agreements if (purpose := _purpose(path)) is not None),
        today=today,
    )


def written(directory: Path, document: Document, catalogue: Catalogue, today: date) -> Path:
    """Write the agreement's file, which overwrites nothing. Raises NetworkError where `check` would refuse the file."""
    agreements = directory / "agreements"
    schema = f"../../{SCHEMA}" if (directory.parent / SCHEMA).exists() else None
    text = as_toml(document, schema)
    file = agreements / f"{document['id']}.toml"
    _prove(directory, file.name, text, catalogue, today)
    agreements.mkdir(exist_ok=True)
    _create(file, text)
    return file


def _purpose(file: Path) -> str | None:
    """The purpose of an agreement; None where the file cannot be read, as `check` reports."""
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    purpose = document.get("purpose")
    return purpose if isinstance(purpose, str) else None


def _prove(directory: Path, name: str, text: str, catalogue: Catalogue, today: date) -> None:
    """Check a copy of the directory, without the agreement and with it. Errors that were there before are no matter here."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "network"
        (copy / "agreements").mkdir(parents=True)
        for file in (*directory.glob("*.*"), *directory.glob("agreements/*.toml")):
            if file.is_file():
                shutil.copyfile(file, copy / file.relative_to(directory))
        before = set(_errors(copy, catalogue, today))
        (copy / "agreements" / name).write_text(text, "utf-8")
        for error in _errors(copy, catalogue, today):
            if error not in before:
                raise NetworkError(f"The agreement was not written: {error.message}.")


def _errors(directory: Path, catalogue: Catalogue, today: date) -> list[Problem]:
    return [problem for problem in check(directory, catalogue, today) if problem.severity == "error"]


def _create(file: Path, text: str) -> None:
    """Write a new file, whole."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.write_text(text, "utf-8")
        _name(draft, file)
    except FileExistsError:
        raise NetworkError(f"{file} is there already, and nothing is overwritten.") from None
    finally:
        draft.unlink(missing_ok=True)


def _name(draft: Path, file: Path) -> None:
    """Give the draft its name. A link fails where the name is taken, and some shared drives have no links."""
    try:
        os.link(draft, file)
    except FileExistsError:
        raise
    except OSError:
        with file.open("x", encoding="utf-8") as new:
            new.write(draft.read_text("utf-8"))
