"""Workbooks of moves: the same rows as `publishing.csv_of` writes, as .xlsx and as .ods."""

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from xml.sax.saxutils import quoteattr

import xlsxwriter

from instep.adapters.csv_moves import COLUMNS

Cell = str | int | float | date | datetime | None
Rows = Sequence[Sequence[Cell]]

_SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "table", "text", "style")
)
_CALC = 'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'


def grid(*rows: Mapping[str, Cell], columns: Iterable[str] = COLUMNS) -> list[list[Cell]]:
    """The headings, and the rows' cells in their order."""
    columns = tuple(columns)
    return [list(columns), *([row.get(column) for column in columns] for row in rows)]


def xlsx(path: Path, sheets: Mapping[str, Rows]) -> Path:
    """An Excel workbook; texts stay texts, dates are date cells, numbers are numbers."""
    with xlsxwriter.Workbook(path) as book:
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        moment = book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                for place, cell in enumerate(row):
                    match cell:
                        case datetime():
                            sheet.write_datetime(number, place, cell, moment)
                        case date():
                            sheet.write_datetime(number, place, cell, day)
                        case str():
                            sheet.write_string(number, place, cell)
                        case int() | float():
                            sheet.write_number(number, place, cell)
                        case None:
                            pass
    return path


def ods_cell(cell: Cell) -> str:
    """A cell as LibreOffice writes it."""
    match cell:
        case None | "":
            return "<table:table-cell/>"
        case datetime() | date():
            return (
                f'<table:table-cell office:value-type="date" office:date-value="{cell.isoformat()}">'
                f"<text:p>{cell:%d/%m/%Y}</text:p></table:table-cell>"
            )
        case int() | float():
            return (
                f'<table:table-cell office:value-type="float" office:value="{cell!r}"><text:p>{cell:.6g}</text:p>'
                "</table:table-cell>"
            )
        case str():
            paragraphs = "".join(f"<text:p>{_text(line)}</text:p>" for line in cell.split("\n"))
            return f'<table:table-cell office:value-type="string">{paragraphs}</table:table-cell>'


def _text(line: str) -> str:
    return quoteattr(line)[1:-1].replace("  ", ' <text:s text:c="1"/>').replace("\t", "<text:tab/>")


def ods_row(cells: Iterable[str], attributes: str = "") -> str:
    return f"<table:table-row {attributes}>{''.join(cells)}</table:table-row>"


def ods(
    path: Path,
    sheets: Mapping[str, Rows | str],
    *,
    styles: str = "",
    others: Mapping[str, str] | None = None,
) -> Path:
    """An OpenDocument workbook; a sheet may be given as XML. `others` are further parts."""
    tables = "".join(
        f"<table:table table:name={quoteattr(name)} table:style-name={quoteattr('style of ' + name)}>"
        + (rows if isinstance(rows, str) else "".join(ods_row(map(ods_cell, row)) for row in rows))
        # LibreOffice writes the empty rest of a sheet so.
        + '<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/>'
        "</table:table-row></table:table>"
        for name, rows in sheets.items()
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {_SPACES} {_CALC}>'
        f"<office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", content)
        for name, part in (others or {}).items():
            archive.writestr(name, part)
    return path
