"""Splits a file of many councils into the files that each of them would publish.

A council exports its own records; samples and national extracts hold everybody's. The gaining council publishes a move, the
placing council a placement, the registering council a registration.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from instep.adapters.csv_moves import COLUMNS
from instep.adapters.fsa import MEMBER
from instep.adapters.json_array import elements
from instep.adapters.normalise import key_of
from instep.adapters.text import open_file
from instep.errors import FileFormatError

AuthorityOf = Callable[[str], str | None]


def publishing_authority(row: Mapping[str, str], authority_of: AuthorityOf) -> str | None:
    """The authority that publishes a row of moves; `authority_of` gives the lowest-tier authority of a postcode."""
    side = "old_postcode" if row["reason"].strip().casefold() == "placement" else "new_postcode"
    return authority_of(row[side])


def split_moves(path: Path, authority_of: AuthorityOf) -> dict[str, list[dict[str, str]]]:
    """Rows by the authority that publishes them, in the file's order; "" where the authority is unknown.

    Every row of a reference goes where its first row goes: the first publisher also publishes the corrections. Each row also
    has `line`, its physical line in `path`. The file must be clean, in UTF-8, with our columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return _shares(_numbered(csv.DictReader(stream, strict=True)), authority_of)
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read ({error.strerror}).") from None
    except (csv.Error, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        raise FileFormatError(f"{path} is not a clean file of moves in UTF-8.") from None


def _numbered(reader: csv.DictReader[str]) -> Iterator[dict[str, str]]:
    line = 2 if reader.fieldnames else 1
    for row in reader:
        yield {**row, "line": str(line)}
        line = reader.line_num + 1


def _shares(rows: Iterable[dict[str, str]], authority_of: AuthorityOf) -> dict[str, list[dict[str, str]]]:
    shares: dict[str, list[dict[str, str]]] = {}
    first: dict[str, str] = {}
    for row in rows:
        reference = key_of(row["reference"].strip())
        if reference not in first:
            first[reference] = publishing_authority(row, authority_of) or ""
        shares.setdefault(first[reference], []).append(row)
    return shares


def write_moves(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Write a share as a CSV file of its own."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def councils(table: Path) -> Callable[[Mapping[str, Any]], str | None]:
    """The `Settings.council_of` of a table with the columns competent_authority_id, local_council_url and authority."""
    with table.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    by_id = {row["competent_authority_id"]: row["authority"] for row in rows}
    by_url = {row["local_council_url"]: row["authority"] for row in rows}

    def council_of(registration: Mapping[str, Any]) -> str | None:
        url = registration.get("local_council_url")
        return by_id.get(str(registration.get("competent_authority_id"))) or by_url.get(str(url))

    return council_of


def split_registrations(
    path: Path, council_of: Callable[[Mapping[str, Any]], str | None]
) -> dict[str, list[dict[str, Any]]]:
    """Registrations by the council that registered them; "" where the council is unknown."""
    shares: dict[str, list[dict[str, Any]]] = {}
    with open_file(path, "JSON") as stream:
        for element in elements(stream, path, MEMBER):
            if not isinstance(element.value, dict):
                raise FileFormatError(
                    f"{path} holds something that is not a registration on line {element.line}."
                )
            shares.setdefault(council_of(element.value) or "", []).append(element.value)
    return shares
