"""The marks by which rows of a household know each other, however the household's reference is written.

A household is one text on Monday and another on Tuesday: `HH-77` and `HH 77`, `551234567890` and `5.51E+11`, or a cell under
the heading of the reference. So protection travels by marks. A row that is protected, or cannot be read, *says* marks. A row
that has a mark in common with it *hears* its protection. A mark is a household's key, or a text that begins with a kind and
a colon. Sharing a mark never makes two households into a single one: the mark only protects.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache

from instep.adapters import normalise
from instep.adapters.line import Plain, Row

_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]"
)
_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_BETWEEN = re.compile(r"[|;,=]")
"""What may come before or after a household's reference when cells run together."""
_SHOWN_WHOLE = 6
"""Digits: spreadsheets may show longer numbers rounded."""
_EXACT_DIGITS = 15
_TELLING = 7
"""Digits: numbers that a council counts up have fewer in common."""
_ROUNDED = re.compile(r"(\d)[.,]?(\d*)E\+?(\d{1,3})", re.ASCII | re.IGNORECASE)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SHORTEST_CUT = 3
"""Characters of a household whose last may be missing."""
PLACE = "place:"
"""The kind under which a protected row says its addresses, for rows to ask whether more is worth hearing."""
SIGNS = frozenset({"any:", "cut:", "line:", "lone:", "name:", "rounded:", "stub:"})
"""The signs of the kinds of marks that damaged text alone has."""
_STUBS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16)
"""Characters by which a text without its end is known: as many of these as are left."""
_CUT = 2
"""Characters that may be missing at the end of a household's reference before only addresses can tell."""


@lru_cache(maxsize=4096)
def loosely(key: str) -> str:
    """A key without regard to what separates its words and numbers, and to zeros before its numbers; "" for none."""
    tokens = _TOKEN.findall(key)
    return "loose:" + "~".join(token.lstrip("0") or "0" for token in tokens) if tokens else ""


def spellings(keys: Iterable[str]) -> frozenset[str]:
    """The keys, and what they are loosely."""
    keys = [key for key in keys if key]
    return frozenset(keys) | {loose for key in keys if (loose := loosely(key))}


def said_by(row: Row) -> frozenset[str]:
    """What a protected row says: its household under every heading that may hold the household, and its addresses.

    Addresses speak to rows that have no household; of a row without a household, to every row. To leave an address for
    another together, or to go to an address under a family name, speaks to a household that lacks a character.
    """
    kinds = ("home",) if row.household else ("home", "at")
    return (
        spellings(_keys(row))
        | {f"ref:{mark}" for mark in spellings(_references(row))}
        | set(_addresses(row.body, kinds))
        | set(_together(row, whole="whole", short="short"))
        | {f"{PLACE}{place}" for place in _all_places(row.body)}
    )


def with_signs(marks: frozenset[str]) -> frozenset[str]:
    """Marks of damaged text with the sign of each kind: without its sign, no row asks for a kind (`heard_by`)."""
    return marks | (SIGNS & {f"{mark.partition(':')[0]}:" for mark in marks})


def heard_by(row: Row, known: Callable[[str], bool] | None = None) -> frozenset[str]:
    """What a row hears: its household in every form, and the addresses that it leaves and goes to.

    `known` says whether anybody has said a mark. Rows hear much that nobody has said, so a row asks for each kind by its
    sign, and for an address by its place. Without `known`, the row hears everything.
    """
    kinds, wide = (("at",), ("any",)) if row.household else (("home", "at"), ("any", "lone"))
    households = spellings(_keys(row))
    heard = {f"ref:{mark}" for mark in households}
    heard |= households
    heard |= spellings(_references(row))  # never as a reference: a row hears nothing of its own person
    known = known or _anything
    if known("cut:") or known("rounded:"):
        heard.update(_lost_forms(row.household, _families(row.body)))
    if known("any:") or known("lone:"):
        heard.update(_addresses(row.body, wide, sides=False))
    if known("line:") or known("name:"):
        heard.update(_traces(row.body))
    if known("stub:"):
        heard.update(_beginnings(row.body))
    if any(known(f"{PLACE}{place}") for place in _all_places(row.body)):
        heard.update(_addresses(row.body, kinds))
        heard.update(_together(row, whole="short", short="whole"))
    return frozenset(heard)


def _anything(mark: str) -> bool:
    return True


def _all_places(body: Plain) -> list[str]:
    """The places of both addresses."""
    addresses = (body.get("old_address"), body.get("new_address"))
    return [place for address in addresses if isinstance(address, dict) for place in _places(address)]


def _keys(row: Row) -> Iterator[str]:
    """The keys of cells that may be the household: columns may have been exchanged, or come twice."""
    yield row.household
    yield from row.others
    # Strange characters may have come into the reference: what is left of it may be the household's.
    yield normalise.key_of("".join(filter(str.isascii, row.household)))
    if len(parts := _BETWEEN.split(row.household)) > 1:
        yield from map(normalise.key_of, parts)


def _references(row: Row) -> Iterator[str]:
    """The key of the reference, which may be the household where columns have been exchanged."""
    if row.event_type == "resident-moved":
        yield normalise.key_of(row.reference)


def _addresses(body: Plain, kinds: Iterable[str], *, sides: bool = True) -> Iterator[str]:
    for side in ("old", "new"):
        address = body.get(f"{side}_address")
        if isinstance(address, dict):
            places = _places(address)
            for kind in kinds:
                for place in places:
                    yield f"{kind}:{side if sides else ''}:{place}"


def _families(body: Plain) -> list[str]:
    person = body.get("person")
    family = person.get("family_name") if isinstance(person, dict) else None
    return [family] if isinstance(family, str) and family else []


def _together(row: Row, *, whole: str, short: str) -> Iterator[str]:
    """The marks of going from an address to another, and of a family that goes to an address, beside the household's key.

    The key stands whole under one name and without its last character under the other. So a row hears a row of the
    same movers whose household lacks a character, and no row of another household.
    """
    if len(row.household) < _SHORTEST_CUT:
        return
    old, new = ([*_addresses({side: row.body.get(side)}, ("",))] for side in ("old_address", "new_address"))
    key = loosely(row.household)
    for to in new:
        movers = [
            *(f"both:{left}{to}" for left in old),
            *(f"kin:{folded(name)}{to}" for name in _families(row.body)),
        ]
        for each in movers:
            yield f"{each}:{whole}:{key}"
            yield f"{each}:{short}:{key[:-1]}"


def _traces(body: Plain) -> Iterator[str]:
    """What a row that is cut off may have of a row: its family name, with a postcode or alone, and an address's line."""
    for family in _families(body):
        yield named(family)
    for side in ("old_address", "new_address"):
        address = body.get(side)
        if not isinstance(address, dict):
            continue
        lines = address.get("lines")
        if isinstance(lines, list) and lines:
            yield at("line", "", "", str(lines[0]))
        if address.get("postcode"):
            yield from (named(family, str(address["postcode"])) for family in _families(body))


def _beginnings(body: Plain) -> Iterator[str]:
    """What a row that is cut off within a cell may have left of a row's family name, address line or UPRN."""
    for family in _families(body):
        yield from _stubs("name", f"{family} ")
    for side in ("old_address", "new_address"):
        address = body.get(side)
        if isinstance(address, dict):
            lines = address.get("lines")
            if isinstance(lines, list) and lines:
                yield from _stubs("line", f"{lines[0]} ")
            if address.get("uprn"):
                yield from _stubs("uprn", f"{address['uprn']} ")


def stub(kind: str, left: str) -> Iterator[str]:
    """The mark of a text of which this beginning is left; none where nothing is left."""
    *_, longest = ("", *_stubs(kind, left))
    if longest:
        yield longest


def _stubs(kind: str, text: str) -> Iterator[str]:
    words = " ".join(_TOKEN.findall(folded(text)))
    if words and not text[-1].isalnum():
        words += " "  # the last word or number has come to its end
    for length in _STUBS:
        if length <= len(words):
            yield f"stub:{kind}:{words[:length]}"


def named(family: str, postcode: str = "") -> str:
    """The mark of a family name, or of a family name at a postcode."""
    return f"name:{folded(family)}:{''.join(postcode.split()).upper()}"


def _places(address: Plain) -> list[str]:
    """The place of an address, by its postcode and first line and by its UPRN."""
    lines, postcode, uprn = address.get("lines"), address.get("postcode"), address.get("uprn")
    places = [_place(str(postcode), str(lines[0]))] if postcode and isinstance(lines, list) and lines else []
    return [*places, _place("", str(uprn))] if uprn else places


def at(kind: str, side: str, postcode: str, line: str) -> str:
    """The mark of an address."""
    return f"{kind}:{side}:{_place(postcode, line)}"


@lru_cache(maxsize=4096)
def _place(postcode: str, line: str) -> str:
    return f"{''.join(postcode.split()).upper()}:{_words(line)}"


def _words(text: str) -> str:
    """The folded letters and digits of a text, without what stands between."""
    return "".join(_TOKEN.findall(folded(text)))


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """A text as household references are compared: of characters that look alike one, none that nobody sees, no capitals."""
    return _UNSEEN.sub("", normalise.alike(text)).casefold()


def _lost_forms(key: str, families: Iterable[str]) -> Iterator[str]:
    """What a damaged row may have of a household: its first digits, or its beginning."""
    if key.isascii() and key.isdecimal() and len(key) > _SHOWN_WHOLE:
        names = [folded(family) for family in families]
        for length in range(1, min(len(key), _EXACT_DIGITS + 1)):
            yield from _rounded(key[:length], len(key), names)
    for missing in range(1, _CUT + 1):
        if len(key) - missing >= 2:
            yield f"cut:{key[:-missing]}"


def _rounded(digits: str, length: int, names: Iterable[str]) -> Iterator[str]:
    """The marks of a number's first digits: with few digits, which many households share, only beside a name."""
    digits = digits.rstrip("0")
    if len(digits) >= _TELLING:
        yield f"rounded:{digits}:{length}"
    yield from (f"rounded:{digits}:{length}:{name}" for name in names)


def cut(key: str) -> str:
    """The mark of a household whose end is missing; "" where too little is left."""
    return f"cut:{key}" if len(key) >= 2 else ""


def lost(written: str, names: Collection[str]) -> Iterator[str]:
    """The marks of a reference whose digits a spreadsheet has rounded, or that it has taken for a date.

    `names` are folded, and may be of the household's family.
    """
    if match := _ROUNDED.fullmatch(written):
        digits, length = match[1] + match[2], int(match[3]) + 1
    elif len(written) > _EXACT_DIGITS and written.isascii() and written.isdecimal():
        digits, length = written[:_EXACT_DIGITS], len(written)
    else:
        yield from _of_date(written)
        return
    for near in (int(digits) - 1, int(digits), int(digits) + 1):
        yield from _rounded(str(near), length, names)


def _of_date(written: str) -> Iterator[str]:
    """The references that a spreadsheet may have made this date of: 3-11, 11/3, MAR1."""
    words = [word.lstrip("0").casefold() for word in _TOKEN.findall(written.split(" ")[0])]
    if not 2 <= len(words) <= 3 or not any(word in _MONTHS or word.isdecimal() for word in words):
        return
    for parts in (words, words[:2], words[1:]):
        named = [_name_of(word) for word in parts]
        for each in (parts, named, [_number_of(word) for word in parts]):
            yield "loose:" + "~".join(each)
            yield "loose:" + "~".join(reversed(each))


def _name_of(word: str) -> str:
    return _MONTHS[int(word) - 1] if word.isdecimal() and 0 < int(word) <= 12 else word


def _number_of(word: str) -> str:
    return str(_MONTHS.index(word) + 1) if word in _MONTHS else word


def rounded_in(text: str) -> list[str]:
    """The numbers in a text that a spreadsheet has rounded."""
    return [match[0] for match in _ROUNDED.finditer(text)]
