"""Splits the demo's sample data, one file of everybody's records, into the files that each council would export.

Who publishes: a move, the gaining council; a placement, the placing council; a registration, the council that registered.
Rows of councils outside the network are left out. The sample data run to the end of 2026, and an event recorded in the
future is refused. So a row that this machine's clock has not reached yet is dated back to the last minutes, in its order.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from instep.adapters.split import councils, split_moves, split_registrations, write_moves
from instep.errors import PlatformError
from instep.network.network import Network

AuthorityOf = Callable[[str], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A council's own file, split from `source`, the file of everybody.

    `lines` gives for each line of the council's file the line of `source`; empty where `source` is not made of lines.
    """

    authority: str
    file: Path
    format: str
    source: str
    lines: tuple[int, ...] = ()

    def place(self, line: int) -> str:
        """Where a line of the export stands in the file of everybody."""
        number = self.line_of(line)
        return f"{self.source}, line {number}" if number else f"{self.source}, a line of {self.authority}"

    def line_of(self, line: int) -> int | None:
        """The line of `source` that a line of the export was; None where the source is not made of lines."""
        return self.lines[line - 2] if 2 <= line < len(self.lines) + 2 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exports:
    """All exports, by council; `redated` rows were dated back, since this machine's clock has not reached them."""

    by_authority: Mapping[str, tuple[Export, ...]]
    redated: int

    def __iter__(self) -> Iterator[Export]:
        return (export for exports in self.by_authority.values() for export in exports)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """The sample data's own answer for a line: the authorities concerned.

    `told_before` are the authorities that were sent the event of the line which this line corrects.
    """

    concerned: frozenset[str]
    told_before: frozenset[str]


class Exporter:
    """Writes exports under `directory` from the sample data in `data`."""

    def __init__(self, data: Path, directory: Path, network: Network, now: datetime) -> None:
        if not data.is_dir():
            raise PlatformError(f"{data} is not there: the demo runs from a clone of the repository.")
        self._data = data
        self._directory = directory
        self._network = network
        self._now = now
        self._redated = 0
        self._exports: dict[str, list[Export]] = {}

    def moves(self, name: str, authority_of: AuthorityOf) -> None:
        """Split a file of moves."""
        for authority, rows in split_moves(self._data / name, authority_of).items():
            if authority in self._network.participants:
                file = self._file(authority, name)
                self._date_back(rows, "recorded_at")
                write_moves(file, rows)
                lines = tuple(int(row["line"]) for row in rows)
                self._add(Export(authority=authority, file=file, format="csv", source=name, lines=lines))

    def registrations(self, name: str) -> None:
        """Split a file of registrations."""
        council_of = councils(self._data / "fsa-authorities.csv")
        for authority, registrations in split_registrations(self._data / name, council_of).items():
            if authority in self._network.participants:
                file = self._file(authority, name)
                self._date_back(registrations, "createdAt")
                lines = ",\n".join(
                    json.dumps(registration, ensure_ascii=False) for registration in registrations
                )
                file.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
                self._add(Export(authority=authority, file=file, format="fsa-json", source=name))

    def done(self) -> Exports:
        """All exports written so far."""
        exports_of = {authority: tuple(exports) for authority, exports in sorted(self._exports.items())}
        return Exports(by_authority=exports_of, redated=self._redated)

    def _file(self, authority: str, name: str) -> Path:
        folder = self._directory / authority
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name

    def _add(self, export: Export) -> None:
        self._exports.setdefault(export.authority, []).append(export)

    def _date_back(self, rows: Iterable[dict[str, Any]], column: str) -> None:
        ahead = [row for row in rows if _is_after(row[column], self._now)]
        for number, row in enumerate(ahead):
            before = timedelta(seconds=len(ahead) - number)
            row[column] = (self._now - before).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._redated += len(ahead)


def _is_after(text: str, now: datetime) -> bool:
    try:
        return datetime.fromisoformat(text).astimezone(UTC) > now
    except ValueError:
        return False  # for the adapters to refuse


def expectations(path: Path) -> dict[int, Expectation]:
    """The sample data's own answers, by line; a line without `concerned` is expected to be refused."""
    with path.open(encoding="utf-8", newline="") as stream:
        return {
            int(row["line"]): Expectation(
                concerned=_set(row["concerned"]), told_before=_set(row["previously_told"])
            )
            for row in csv.DictReader(stream)
        }


def _set(text: str) -> frozenset[str]:
    return frozenset(filter(None, text.split("|")))
