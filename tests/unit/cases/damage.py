"""Classes of damage, each as a function of a sound row's or registration's text.

None of them is among the cases of `files/`. Each takes the text and a source of chance, and gives the damaged text: bytes,
because some damage is no text. A class of moves may make several lines of a row.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from instep.adapters.csv_moves import COLUMNS

Damage = Callable[[str, random.Random], bytes]

_OF = {column: place for place, column in enumerate(COLUMNS)}


def _cell(column: str, change: Callable[[str, random.Random], str]) -> Damage:
    """Damage of a single cell."""

    def damage(row: str, rng: random.Random) -> bytes:
        cells = row.split(",")
        cells[_OF[column]] = change(cells[_OF[column]], rng)
        return ",".join(cells).encode()

    return damage


def _text(change: Callable[[str, random.Random], str]) -> Damage:
    return lambda row, rng: change(row, rng).encode()


def _exchanged(one: str, other: str) -> Damage:
    def damage(row: str, rng: random.Random) -> bytes:
        cells = row.split(",")
        cells[_OF[one]], cells[_OF[other]] = cells[_OF[other]], cells[_OF[one]]
        return ",".join(cells).encode()

    return damage


def _insert(what: bytes) -> Damage:
    def damage(row: str, rng: random.Random) -> bytes:
        spot = rng.randrange(len(row.split(",")[0]) + 1, len(row))
        return row[:spot].encode() + what + row[spot:].encode()

    return damage


def _delimiter(instead: str) -> Damage:
    def damage(row: str, rng: random.Random) -> bytes:
        spot = rng.choice([match.start() for match in re.finditer(",", row)][1:])
        return f"{row[:spot]}{instead}{row[spot + 1 :]}".encode()

    return damage


def _cut(row: str, rng: random.Random) -> str:
    return row[: rng.randrange(row.index(row.split(",")[_OF["old_town"]]), len(row))]


def _cut_within_address(row: str, rng: random.Random) -> str:
    """The row as far as the first letters of one of its addresses."""
    cells = row.split(",")
    place = _OF[rng.choice(["old_address_line_1", "new_address_line_1"])]
    return ",".join([*cells[:place], cells[place][: rng.randint(1, len(cells[place]))]])


def _quotation_mark(row: str, rng: random.Random) -> str:
    """A mark behind a letter: behind a number it may stand for inches."""
    spot = rng.choice([match.end() for match in re.finditer("[A-Za-z]", row)][5:])
    return f'{row[:spot]}"{row[spot:]}'


def _full_width(text: str, rng: random.Random) -> str:
    return "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in text)


def _other_separator(text: str, rng: random.Random) -> str:
    return text.replace("-", rng.choice(["/", " ", "_", ".", ""]))


def _rounded(text: str, rng: random.Random) -> str:
    return f"{int(text):.2E}" if text.isdecimal() else f"{text[:-1]}"


MOVES: Mapping[str, Damage] = MappingProxyType(
    {
        "a line break within a name": _cell("given_names", lambda text, rng: f"{text[:2]}\n{text[2:]}"),
        "a delimiter twice": _delimiter(",,"),
        "a delimiter lost": _delimiter(""),
        "semicolons for commas": _text(lambda row, rng: row.replace(",", ";")),
        "one semicolon": _delimiter(";"),
        "tabs for commas": _text(lambda row, rng: row.replace(",", "\t")),
        "curly quotation marks around a comma": _cell(
            "new_address_line_1", lambda text, rng: f"\u201cFlat 2, {text}\u201d"
        ),
        "a byte order mark before the row": _text(lambda row, rng: f"\ufeff{row}"),
        "the row in quotation marks": _text(lambda row, rng: f'"{row}"'),
        "one quotation mark": _text(_quotation_mark),
        "a quotation mark at a cell's start": _delimiter(',"'),
        "the row cut short": _text(_cut),
        "the row cut within its address": _text(_cut_within_address),
        "a NUL": _insert(b"\x00"),
        "an escape code": _insert(b"\x1b[2J"),
        "a mark that reverses the reading order": _insert("\u202e".encode()),
        "an American date": _cell("move_date", lambda text, rng: "05/13/2026"),
        "a spreadsheet's day number": _cell("move_date", lambda text, rng: "46143"),
        "cells after the last column": _text(lambda row, rng: f"{row},x,y"),
        "a formula": _cell("new_address_line_2", lambda text, rng: '=HYPERLINK("x"),1'),
        "a line too long": _cell("new_town", lambda text, rng: text + "x" * 70_000),
        "the household in other capitals": _cell("household_reference", lambda text, rng: text.lower()),
        "the household with another separator": _cell("household_reference", _other_separator),
        "the household in full width": _cell("household_reference", _full_width),
        "the household with zeros": _cell(
            "household_reference", lambda text, rng: re.sub(r"(\d+)", r"00\1", text)
        ),
        "the household emptied": _cell("household_reference", lambda text, rng: ""),
        "the household rounded or cut": _cell("household_reference", _rounded),
        "household and protection exchanged": _exchanged("household_reference", "protected"),
        "household and reference exchanged": _exchanged("household_reference", "reference"),
        "bytes of another encoding": _insert(b"\xe9"),
        "a byte of no encoding": _insert(b"\x81"),
    }
)


def _broken_after(name: str, instead: str) -> Damage:
    return _text(lambda text, rng: text.replace(f'"{name}":', instead, 1))


def _twice(text: str, rng: random.Random) -> str:
    return text.replace("{", '{"fsa_rn": "ZZZZZZ-ZZZZZZ-ZZZZZZ", ', 1)


REGISTRATIONS: Mapping[str, Damage] = MappingProxyType(
    {
        "a colon lost": _broken_after("establishment", '"establishment"'),
        "a bracket lost at the end": _text(lambda text, rng: text[:-1]),
        "a registration cut short": _text(lambda text, rng: text[: rng.randrange(60, len(text) - 1)]),
        "a quotation mark lost": _broken_after("createdAt", '"createdAt:'),
        "brackets without an end": _broken_after("establishment", '"establishment": ' + "[" * 2000),
        "a reference twice": _text(_twice),
        "a byte of Windows-1252": lambda text, rng: text.encode().replace(b'_name": "', b'_name": "\xe9', 1),
        "a number for an object": _text(
            lambda text, rng: re.sub(r'"operator": \{.*\}', '"operator": 7}}', text)
        ),
    }
)
CLASSES = (*MOVES, *REGISTRATIONS)
