"""A work list: an Excel file with a row for each record of an inbox, where people note the outcome of each.

Writes the list, reads the filled list, and checks it against the inbox. An officer may sort, filter and hide rows, leave
rows without an outcome, delete rows and columns, and add columns. Beside an outcome, the values of the row have to be as
they were received: an outcome speaks of those values.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType

from instep.client.inbox_table import (
    EVENT,
    PURPOSE,
    RECEIVED,
    REFERENCE,
    SHARED,
    SOURCE,
    WHAT,
    WITHDRAWAL,
    WITHDRAWN,
)
from instep.errors import FileFormatError
from instep.workbooks.excel import Workbook, excel_value
from instep.workbooks.excel_in import Cell, Formula, open_workbook
from instep.workbooks.ods_rows import open_ods
from instep.workbooks.package import check_package, content_of, has_cell
from instep.workbooks.tables import Column, Value

OUTCOMES: Mapping[str, str] = MappingProxyType(
    {
        "RECEIVED": "You have read it, and will act on it later.",
        "APPLIED": "Your own records now agree with it.",
        "NOT_MATCHED": "You found nobody, or no business, in your own records that it speaks of.",
        "DIFFERS": "You found the record, and your own records say something else; the note can say what.",
        "REFUSED": "You will not act on it; the note can say why.",
    }
)
"""The outcomes of a receipt, for a person to choose, in plain English."""

OUTCOME, NOTE = "outcome", "note"
ANSWER = (
    Column(heading=OUTCOME, width=16, to_fill=True, choices=tuple(OUTCOMES)),
    Column(heading=NOTE, width=40, to_fill=True),
)
MOST_ROWS = 100_000
"""The rows of a list; a longer one would be slow to open, to fill in and to check."""
SHEET, ABOUT = "Work list", "About"

_MARK, _VERSION = "Instep work list", "1"
_AUTHORITY = "authority"
_IDENTITY = (PURPOSE, SOURCE, REFERENCE, EVENT, WHAT)
# How Excel shows a moment is the machine's own affair; the paths are written for people, and the withdrawal's words may
# change with the next release.
_NOT_COMPARED = frozenset({OUTCOME, NOTE, RECEIVED, SHARED, WITHDRAWN})
_GUIDE = (
    "Choose an outcome for each row that you have dealt with, and add a note if you like. Notes stay in this file.",
    "You may sort, filter and hide rows, and leave rows for later. Leave the other columns as they are.",
    "Then run: instep worklist check THIS_FILE. If your council has a watched folder, you can put the file there instead.",
)
_WORKBOOKS = frozenset({".xlsx", ".xlsm", ".ods"})


Rows = Callable[[], Iterator[tuple[int, Sequence[Cell]]]]
"""Gives a sheet's rows: each one's number in the spreadsheet, and its cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Identifies a row. A withdrawal has the id of the withdrawn event."""

    purpose: str
    source: str
    subject_ref: str
    event_id: str
    withdrawal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOutcome:
    """The outcome of a row, as a receipt will say it."""

    key: Key
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkListFault:
    """The fault of a row, by the row's number in Excel: a sentence with cause and remedy, and without any value."""

    row: int
    sentence: str

    def __str__(self) -> str:
        return f"Row {self.row}: {self.sentence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledRow:
    """A row with an outcome: its number in Excel, and its cells by heading."""

    number: int
    cells: Mapping[str, Cell]

    @property
    def key(self) -> Key:
        """The row's key, as its cells say."""
        purpose, source, reference, event, what = (_text(self.cells.get(name)) for name in _IDENTITY)
        return Key(
            purpose=purpose,
            source=source,
            subject_ref=reference,
            event_id=event.lower(),
            withdrawal=what == WITHDRAWAL,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledList:
    """A list that has come back: its authority, its rows with an outcome, and the number of rows without."""

    authority: str
    rows: Sequence[FilledRow]
    open_rows: int


def key_of(row: Mapping[str, Value]) -> Key:
    """The key of a row of `InboxTable`."""
    return FilledRow(number=0, cells=row).key


def write_about(book: Workbook, authority: str, facts: Mapping[str, str]) -> None:
    """The second sheet: the list's authority, facts, the meaning of the outcomes, and what to do."""
    sheet = book.sheet(ABOUT, [Column(heading=_MARK, width=24), Column(heading=_VERSION, width=100)])
    lines = {_AUTHORITY: authority, **facts, **OUTCOMES, **dict.fromkeys(_GUIDE, "")}
    for name, text in lines.items():
        sheet.write({_MARK: name, _VERSION: text})


def read_work_list(path: Path) -> FilledList:
    """The list in a workbook; raises FileFormatError where the file is no work list, or its columns are gone."""
    with _opened(path) as sheets:
        authority = _authority(path, sheets)
        filled: list[FilledRow] = []
        open_rows = 0
        for row in _rows(path, sheets):
            if row.cells.get(OUTCOME) not in (None, "") and _text(row.cells[OUTCOME]) != "":
                filled.append(row)
            elif any(cell not in (None, "") for name, cell in row.cells.items() if name != NOTE):
                open_rows += 1
        return FilledList(authority=authority, rows=filled, open_rows=open_rows)


def is_work_list(path: Path) -> bool:
    """Whether a file is a work list, whole or spoilt; `read_work_list` says where a list is spoilt.

    Raises OSError where the file cannot be read just now.
    """
    suffix = path.suffix.lower()
    if suffix not in _WORKBOOKS:
        return False
    try:
        content = content_of(path)
        check_package(path, content, ".ods" if suffix == ".ods" else ".xlsx")
        if not has_cell(content, (_MARK, OUTCOME)):
            return False
        with _opened(path) as sheets:
            return any(map(_is_of_list, sheets))
    except FileFormatError:
        return False


def _is_of_list(sheet: Rows) -> bool:
    first = [_text(cell) for cell in next(sheet(), (0, ()))[1]]
    return first[:1] == [_MARK] or {*_IDENTITY, OUTCOME} <= set(first)


@contextmanager
def _opened(path: Path) -> Iterator[Sequence[Rows]]:
    """The rows of each sheet; LibreOffice may have saved the list as .ods."""
    if path.suffix.lower() == ".ods":
        with open_ods(path, content_of(path)) as (sheets, _):
            yield [sheet.cells for sheet in sheets]
    else:
        with open_workbook(path) as book:
            yield [sheet.rows for sheet in book]


def _authority(path: Path, sheets: Sequence[Rows]) -> str:
    for sheet in sheets:
        rows = sheet()
        first = [_text(cell) for cell in next(rows, (0, ()))[1][:2]]
        if first[:1] != [_MARK]:
            continue
        if first[1:] != [_VERSION]:
            raise FileFormatError(
                f"{path} was written by another version of Instep: bring this one up to date."
            )
        for _, cells in rows:
            if len(cells) > 1 and _text(cells[0]) == _AUTHORITY:
                return _text(cells[1])
    raise FileFormatError(f"{path} is no work list of Instep, or its sheet '{ABOUT}' has been taken out.")


def _rows(path: Path, sheets: Sequence[Rows]) -> Iterable[FilledRow]:
    for sheet in sheets:
        rows = sheet()
        headings = [_text(cell) for cell in next(rows, (0, ()))[1]]
        if OUTCOME not in headings:
            continue
        _check_headings(path, headings)
        for number, cells in rows:
            named = {heading: cell for heading, cell in zip(headings, cells, strict=False) if heading}
            yield FilledRow(number=number, cells=named)
        return
    raise FileFormatError(f"{path} has no column '{OUTCOME}': put the heading back into the first row.")


def _check_headings(path: Path, headings: Sequence[str]) -> None:
    for name in (*_IDENTITY, OUTCOME):
        if headings.count(name) != 1:
            fault = "has no column" if name not in headings else "has more than one column"
            raise FileFormatError(
                f"{path} {fault} '{name}': the first row needs each heading of the list once."
            )


def check(
    rows: Sequence[FilledRow], received: Mapping[Key, Mapping[str, Value]], headings: Collection[str]
) -> tuple[list[RowOutcome], list[WorkListFault]]:
    """The answers of the rows, and all faults of the rows; with a fault, no answer is to be kept.

    `received` holds the rows of the inbox, at least those named by the filled rows. `headings` are the possible headings of
    the inbox as a table; other columns are people's own.
    """
    compared = frozenset(headings) - _NOT_COMPARED
    answers: list[RowOutcome] = []
    faults: list[WorkListFault] = []
    first: dict[Key, int] = {}
    for row in rows:
        outcome = _outcome(row.cells[OUTCOME])
        sentences = [] if outcome else [_no_outcome(row.cells[OUTCOME])]
        if row.key in first:
            sentences.append(f"it is about the same record as row {first[row.key]}: take one of them out.")
        else:
            first[row.key] = row.number
            sentences += _edited(row, received.get(row.key), compared)
        faults += [WorkListFault(row=row.number, sentence=sentence) for sentence in sentences]
        answers.append(RowOutcome(key=row.key, outcome=outcome))
    return answers, faults


def _outcome(cell: Cell) -> str:
    word = _text(cell).strip().upper().replace(" ", "_").replace("-", "_")
    return word if word in OUTCOMES else ""


def _no_outcome(cell: Cell) -> str:
    if isinstance(cell, Formula):
        return "its outcome is a formula: put the word itself there."
    near = get_close_matches(_text(cell).strip().upper(), OUTCOMES, n=1)
    hint = f": did you mean {near[0]}?" if near else f", which are {', '.join(OUTCOMES)}."
    return f"its outcome is none of the words in the list{hint}"


def _edited(row: FilledRow, received: Mapping[str, Value] | None, compared: Collection[str]) -> Iterable[str]:
    """Sentences about the row's other values."""
    missing = [name for name in _IDENTITY if _text(row.cells.get(name)) == ""]
    if missing:
        yield f"it has an outcome, and nothing under {' and '.join(missing)}: put back what stood there."
    elif received is None:
        yield (
            f"your inbox holds no such record. Either {', '.join(_IDENTITY[:-1])} or {WHAT} was changed, or the record is"
            " older than the inbox keeps: put the cells back, or empty the outcome."
        )
    else:
        changed = [
            heading
            for heading, cell in row.cells.items()
            if heading in compared and not _same(received.get(heading), cell)
        ]
        if changed:
            yield f"{' and '.join(changed)} no longer holds what you received: put it back, and use the note."


def _same(received: Value, cell: Cell) -> bool:
    expected = excel_value(received)
    if isinstance(cell, datetime) and isinstance(expected, date) and not isinstance(expected, datetime):
        return cell.date() == expected
    return _text(expected) == _text(cell)


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case Formula():
            return "="
        case str():
            # Programs that save a workbook write line ends as they like.
            return cell.replace("\r\n", "\n").replace("\r", "\n").strip()
        case datetime():
            return cell.isoformat(sep=" ", timespec="seconds")
        case date():
            return cell.isoformat()
        case int():
            return str(cell)
