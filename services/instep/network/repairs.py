"""Repairs of a line of TOML, each for a slip that people make in Word, Notepad or Excel. Pure.

A repair gives the line as it should be and the slip in words. A repair knows nothing of the other lines: `slips` tries the
repairs, and keeps the first that lets the parser go on.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

from instep.network import everyday
from instep.network.documents import (
    AGREEMENT_KEYS,
    APPROVAL_KEYS,
    DAY,
    SHARE_KEYS,
    TEXT,
    TEXTS,
    WHOLE,
    YES_OR_NO,
    ValueType,
)
from instep.network.everyday import folded

KEYS: Mapping[str, ValueType] = {**AGREEMENT_KEYS, **APPROVAL_KEYS, **SHARE_KEYS}


@dataclass(frozen=True, kw_only=True, slots=True)
class Repair:
    """The line without the slip, and the slip in words. `line` may hold a line break, where a line is missing behind."""

    line: str
    words: str


Slip = Callable[[str, int], Iterator[Repair]]
"""Gives the repairs of a line; the number is the column, from 0, at which the parser stopped in this line."""

_QUOTES = dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02", '"')
_APOSTROPHES = dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u0060\u00b4", "'")
_SPACES = dict.fromkeys(
    "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "
)
_UNSEEN = dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202c\u2060\ufeff\u0085", "")
_CONTROLS = {chr(n): "" for n in (*range(9), *range(11, 32), 127)}
_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
_BULLETS = dict.fromkeys("\u2022\u00b7\u25aa\u25cf", "")
_SIGNS = {"\uff0c": ",", "\uff1d": "=", "\uff1a": ":", "\u2026": "..."}
_NAMES = (
    ("a curly quotation mark", _QUOTES | _APOSTROPHES),
    ("a non-breaking space", _SPACES),
    ("an invisible character", _UNSEEN | _CONTROLS),
    ("a long dash", _DASHES),
    ("a bullet", _BULLETS),
    ("a sign of another alphabet", _SIGNS),
)
_PLAIN = {odd: plain for _, table in _NAMES for odd, plain in table.items()}
_STRAIGHT = re.compile(r"""("(?:[^"\\]|\\.)*"|'[^']*')""")
_KEY = r"[A-Za-z][\w-]*"
_NAMED_LIKE_A_KEY = re.compile(
    r"(?P<indent>\s*)(?P<key>[A-Za-z][A-Za-z _-]*?)\s*(?P<sign>:=|==|=>|=|:|\t)\s*(?P<value>.*)"
)
_STARTS = re.compile(rf"(?P<start>\s*(?P<key>{_KEY})\s*=\s*)(?P<value>.*?)(?P<end>\s*)")
_BREAKS = re.compile("[\u2028\u2029\u0085\v\f]")
_NEXT_KEY = re.compile(
    rf"""(\S|^)\s*(?=\b(?:{"|".join(k for k in KEYS if k not in APPROVAL_KEYS)})\s*=|\[\[)"""
)
_HEADINGS = {"share": "[[share]]"}
_REMARK = re.compile(r"\s*(//|;|--|/\*|%|REM\b|')")


def outside(line: str, change: Callable[[str], str]) -> str:
    """The line with the parts outside of straight quotation marks changed."""
    parts = _STRAIGHT.split(line)
    return "".join(part if at % 2 else change(part) for at, part in enumerate(parts))


def odd_characters(line: str, column: int) -> Iterator[Repair]:
    """Curly quotation marks, non-breaking spaces, long dashes and the rest of a word processor's characters."""
    apostrophes_as_quotes = _PLAIN | dict.fromkeys(_APOSTROPHES, '"')
    quotes = _QUOTES | _SPACES
    for table in (_PLAIN, apostrophes_as_quotes, quotes):
        for cleaned in (outside(line, partial(_translated, table=table)), _translated(line, table=table)):
            if cleaned != line:
                yield Repair(line=cleaned, words=f"this line has {_names_of_odd(line, cleaned)}")
    # Quotation marks that came straight and curly by turns.
    for at, character in enumerate(line):
        if character in quotes:
            cleaned = line[:at] + quotes[character] + line[at + 1 :]
            yield Repair(line=cleaned, words=f"this line has {_names_of_odd(line, cleaned)}")


def _translated(text: str, *, table: Mapping[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)


def _names_of_odd(line: str, cleaned: str) -> str:
    gone = [character for character in line if line.count(character) > cleaned.count(character)]
    return " and ".join(name for name, table in _NAMES if any(odd in table for odd in gone))


def headings(line: str, column: int) -> Iterator[Repair]:
    """`[share]`, `[[share]`, `((share))`, `share:` for `[[share]]`."""
    word = line.strip(" \t[](){}<>:=.,\"'").casefold()
    if word in (*_HEADINGS, "shares") and line.strip() != "[[share]]":
        yield Repair(
            line="[[share]]", words="a share begins with its heading in two pairs of square brackets"
        )


def signs(line: str, column: int) -> Iterator[Repair]:
    """A colon, two equals signs, a tab or nothing where the equals sign belongs; a key with spaces or capitals."""
    if match := _NAMED_LIKE_A_KEY.fullmatch(line):
        key = _known_key(match["key"])
        if key and (key != match["key"] or match["sign"] != "="):
            words = "an equals sign is missing" if match["sign"] != "=" else f"the key is written {key}"
            yield Repair(line=f"{match['indent']}{key} = {match['value']}", words=words)
    for key in sorted(KEYS, key=len, reverse=True):
        for spelling in dict.fromkeys((key, key.replace("_", " "))):
            missing = re.compile(
                rf"(^|[{{,]|\s)({re.escape(spelling)})\s*(?::=|==|=>|:|\t|\s|-|)\s*(?=[\"'\[{{\d]|[A-Za-z]+$|true|false|$)",
                re.IGNORECASE,
            )
            repaired = outside(line, partial(missing.sub, rf"\1{key} = "))
            if repaired != line:
                yield Repair(line=repaired, words="an equals sign is missing")


def days(line: str, column: int) -> Iterator[Repair]:
    """Dates as people write them: 01/11/2026, 1 November 2026, 2026-4-1."""
    read: list[str] = []

    def as_written(match: re.Match[str]) -> str:
        found = everyday.day(match[0])
        if found is None or match[0] == found.isoformat():
            return match[0]
        read.append(f"{match[0]} is read as {everyday.long_day(found)}")
        return found.isoformat()

    repaired = outside(line, lambda part: everyday.DAY.sub(as_written, part))
    if read:
        yield Repair(line=repaired, words=f"{' and '.join(read)}, and a date is written year-month-day")


def answers(line: str, column: int) -> Iterator[Repair]:
    """`Yes` and `True` for `true`; `1,095` and `730 days` for a number."""
    match = _STARTS.fullmatch(line)
    if match is None:
        return
    kind, value = KEYS.get(match["key"]), match["value"]
    if kind is YES_OR_NO and (answer := everyday.yes_or_no(value)) is not None:
        yield Repair(line=f"{match['start']}{str(answer).lower()}", words=f"{match['key']} is true or false")
    if kind is DAY and (read := everyday.day(value.strip("\"'"))) is not None:
        words = f"a date is written year-month-day, without quotation marks ({everyday.long_day(read)})"
        yield Repair(line=f"{match['start']}{read}", words=words)
    if kind in (WHOLE, None) and (number := everyday.whole(value)) is not None:
        yield Repair(line=f"{match['start']}{number}", words="a whole number is written in figures alone")


def separators(line: str, column: int) -> Iterator[Repair]:
    """A full stop, semicolon or nothing where a comma belongs; a comma or full stop too many."""
    wrong = re.compile(r"^(\s*)[.;:|/](?=\s*$|\s*[\"'{]|\s*[a-z]+\s*=)")
    repaired = outside(line, lambda part: wrong.sub(r"\1,", part))
    if repaired != line:
        yield Repair(line=repaired, words="the values of a list are separated by commas")
    behind_value = re.compile(r"([\d}])\s*[.;:|/](?=\s*$|\s*[\"'{}]|\s*[a-z]+\s*=)")
    repaired = outside(line, lambda part: behind_value.sub(r"\1,", part))
    if repaired != line:
        yield Repair(line=repaired, words="the values of a list are separated by commas")
    missing = re.compile(r"""("[^"]*"|'[^']*'|\}|\d)(\s*)(?=["'{]|[a-z]+\s*=)""")
    for match in missing.finditer(line):
        yield Repair(line=f"{line[: match.end(1)]}, {line[match.end() :]}", words="a comma is missing")
    bare = line.rstrip()
    if bare and bare[-1] in "\"'}":
        yield Repair(line=f"{bare},", words="a comma is missing")
    if bare and bare[-1] in ",.;":
        yield Repair(line=bare[:-1].rstrip(), words="nothing stands behind the value")
    for at in (match.start() for match in re.finditer(r",\s*(?=[,}\]])", line)):
        yield Repair(line=line[:at] + line[at + 1 :], words="there is a comma too many")


def quotation_marks(line: str, column: int) -> Iterator[Repair]:
    """A text without quotation marks, or with one."""
    words = "a quotation mark is missing"
    if match := _STARTS.fullmatch(line):
        yield from _unquoted(match)
    item = re.fullmatch(r"(\s*)([A-Za-z][\w .()/&-]*?)(,?)(\s*)", line)
    if item and "=" not in line:
        yield Repair(line=f'{item[1]}"{item[2]}"{item[3]}', words="a text stands in quotation marks")
    for mark in "\"'":
        yield Repair(line=f"{line[:column]}{mark}{line[column:]}", words=words)
        # The end of a text: before the nearest sign that may follow, from where the parser stopped back to the start.
        for at in sorted(
            {len(line.rstrip()), *(m.start() for m in re.finditer(r"\s*[,\]}#]", line))},
            key=lambda at: (at > column, abs(column - at)),
        ):
            yield Repair(line=f"{line[:at]}{mark}{line[at:]}", words=words)
        for at in (match.end() for match in re.finditer(r"[=,\[]\s*", line)):
            yield Repair(line=f"{line[:at]}{mark}{line[at:]}", words=words)
    for doubled in ('""', "''"):
        if doubled in line:
            yield Repair(line=line.replace(doubled, doubled[0]), words="there is a quotation mark too many")
            yield Repair(
                line=line.replace(doubled + doubled[0], doubled[0]),
                words="there is a quotation mark too many",
            )
    if "\\" in line:
        yield Repair(line=line.replace("\\", "/"), words="a backslash has a meaning of its own in a text")


def _unquoted(match: re.Match[str]) -> Iterator[Repair]:
    kind, value = KEYS.get(match["key"], TEXT), match["value"]
    bare = value.strip("\"'").rstrip(".,;").rstrip("\"'")
    if kind is TEXT and bare and not bare.startswith("["):
        content = bare.replace("\\", "/").replace('"', "'")
        yield Repair(line=f'{match["start"]}"{content}"', words="a text stands in quotation marks")
    if kind is TEXTS and value and (parts := everyday.texts(value)):
        listed = ", ".join(f'"{part}"' for part in parts if not set(part) & set('"\\'))
        yield Repair(
            line=f"{match['start']}[{listed}]",
            words="a list stands in square brackets, and each text in quotation marks",
        )


def joined(line: str, column: int) -> Iterator[Repair]:
    """Two lines that have become one, with or without a line break of a word processor between."""
    words = "two lines have become one"
    parts = [part for part in _BREAKS.split(line) if part.strip()]
    if len(parts) > 1:
        yield Repair(line="\n".join(parts), words=words)
    spaced = outside(line, lambda part: _NEXT_KEY.sub(r"\1\n", part))
    if spaced != line:
        yield Repair(line=spaced, words=words)


def brackets(line: str, column: int) -> Iterator[Repair]:
    """A bracket of a list or an approval that is missing, round, or too many."""
    words = "a bracket is missing"
    bare = line.rstrip()
    rounded = outside(
        line, lambda part: part.replace("(", "[").replace(")", "]").replace("<", "[").replace(">", "]")
    )
    if rounded != line:
        yield Repair(line=rounded, words="a list stands in square brackets")
    for at, bracket in ((match.start(), match[0]) for match in re.finditer(r"[\[\]{}]", line)):
        swapped = "{}[]"["[]{}".index(bracket)]
        yield Repair(line=line[:at] + swapped + line[at + 1 :], words=f"the bracket here is {swapped}")
    if match := re.match(r"\s*[\w-]+\s*=\s*", line):
        yield Repair(line=f"{line[: match.end()].rstrip()} [{line[match.end() :]}", words=words)
    if bare and "[" not in bare and "=" not in bare:
        yield Repair(line=f"{bare}\n]", words="the list has no closing bracket")
    for sign in "]}":
        for at in sorted({len(bare), *(m.start() for m in re.finditer(r"\s*(,\s*$|,\s*\{|\]|$)", bare))}):
            yield Repair(line=f"{bare[:at]}{sign if sign == ']' else ' }'}{bare[at:]}", words=words)
    if bare:
        yield Repair(line=f"{bare}\n]", words="the list has no closing bracket")
    yield Repair(line=f"{line[:column]}{{ {line[column:]}", words=words)
    yield Repair(line=f"{line[:column]}[{line[column:]}", words=words)
    for at in (match.start() for match in re.finditer(r"[\[\]{}]", line)):
        yield Repair(line=line[:at] + line[at + 1 :], words="there is a bracket too many")


def remarks(line: str, column: int) -> Iterator[Repair]:
    """A remark without its `#`."""
    text = line.strip()
    if _REMARK.match(line):
        yield Repair(line=f"# {text.lstrip('/;-*% ')}".rstrip(), words="a remark begins with #")
    elif len(re.findall(r"[A-Za-z]{2,}", text)) > 1 and text[0] not in "\"'[]{}=" and "=" not in text:
        yield Repair(line=f"# {text}", words="this line is no key with a value, and a remark begins with #")


REPAIRS: tuple[Slip, ...] = (
    joined,
    odd_characters,
    headings,
    days,
    answers,
    separators,
    signs,
    quotation_marks,
    brackets,
)
"""The likeliest first."""
LAST_REPAIRS: tuple[Slip, ...] = (remarks,)
"""For when no other repair helps: nearly any line is sound as a remark."""


def repairs(line: str, column: int, kinds: Sequence[Slip]) -> Iterator[Repair]:
    """Every repair of these kinds that changes the line, each line once, the likeliest first."""
    seen = {line}
    for repair in chain.from_iterable(slip(line, column) for slip in kinds):
        if repair.line not in seen:
            seen.add(repair.line)
            yield repair


def _known_key(text: str) -> str | None:
    return next((key for key in KEYS if folded(key) == folded(text)), None)
