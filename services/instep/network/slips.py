"""Slips of the hand: a sentence for each place where a file of the network is no TOML, with the line to write. Pure.

The parser stops at the first unexpected character, and knows no more. So the repairs of `repairs` are tried on the line
where the parser stopped, and on the lines before from which the fault may come. If the parser goes on after a repair, the
repair gives the slip and the line to write: advice is tried before anybody reads the advice.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from instep.network.documents import Document
from instep.network.repairs import KEYS, LAST_REPAIRS, REPAIRS, Repair, Slip, repairs

TRIALS = 400
"""Repairs that are tried at most on one line and on its repaired forms."""
LONGEST_REPAIRED = 2000
"""The longest line that is repaired, in characters: trials take the square of a line's length."""
LONGEST_SHOWN = 120
MOST = 20
"""Slips of a file that are told at once."""
_PLACE = re.compile(r" \(at line (\d+), column (\d+)\)| \(at end of document\)")
_START = re.compile(r"\s*(\[\[?\s*[A-Za-z]|[A-Za-z_][\w-]*\s*=)")
_TWICE = re.compile(r"Cannot (overwrite|declare|mutate)|Duplicate|twice")
_UNENDED = re.compile(r"""Unterminated string|Expected ["']{3,}""")
"""A text that has no end: the parser has read on to the end of the file."""
_DEPTH = 3
_AHEAD = 8
"""Repaired forms of a line that are repaired once more, where one repair is not enough."""

Place = tuple[int, int]
"""A line and a column, from 0."""
_SOUND: Place = (1 << 40, 0)
_PLAUSIBLE = (0, 0)
_IMPLAUSIBLE = 2
_ODD_TEXT = re.compile(r"""["\n\u201c\u201d]|\s=\s|^[\s',\[]|[\s',\]]$|, *$""")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Candidate:
    """A repair that lets the parser go on. The lowest `rank` is the likeliest.

    The rank is (0, 0) where the statement becomes sound and its values have the right types; (1, -line) where the parser
    stops again, further on; and (2, faults) where the statement becomes sound with values without sense.
    """

    rank: tuple[int, int]
    repair: Repair
    line: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """How to put a file right that is no TOML. `line` counts from 1.

    `repaired` is the line as it should be (with a line more, where a line is missing); None where no repair was found.
    """

    line: int
    message: str
    repaired: str | None = None


def all_advice(text: str, error: tomllib.TOMLDecodeError) -> Iterator[Advice]:
    """The slips of a text, in order, at most `MOST`: each slip is put right before the search for the next."""
    lines = text.split("\n")
    numbers = list(range(1, len(lines) + 1))
    for _ in range(MOST):
        found = advice("\n".join(lines), error)
        yield replace(found, line=numbers[found.line - 1])
        if found.repaired is None:
            return
        at, new = found.line - 1, found.repaired.split("\n")
        lines[at : at + 1] = new
        numbers[at : at + 1] = [numbers[at]] * len(new)
        try:
            tomllib.loads("\n".join(lines))
        except tomllib.TOMLDecodeError as next_error:
            error = next_error
        except RecursionError:
            yield Advice(line=1, message="this is nested too deeply to be read")
            return
        else:
            return


def advice(text: str, error: tomllib.TOMLDecodeError) -> Advice:
    """The slip at the first place where `text` is no TOML, given the parser's own error."""
    lines = text.split("\n")
    stopped = _place(error, lines)
    if _TWICE.search(str(error)):
        return _twice(lines, stopped[0])
    start = _statement(lines, stopped[0])
    if _UNENDED.match(str(error)):
        stopped = start, len(lines[start])
    region = lines[start : _end(lines, stopped[0])]
    where = (stopped[0] - start, stopped[1])
    best: _Candidate | None = None
    for kinds in (REPAIRS, LAST_REPAIRS):
        for number in _suspects(region, where[0]):
            for candidate in _tried(region, number, where, kinds):
                if candidate.rank == _PLAUSIBLE:
                    return _said(start + number, candidate.repair)
                if best is None or candidate.rank < best.rank:
                    best = replace(candidate, line=start + number)
    if best is not None and best.rank[0] < _IMPLAUSIBLE:
        return _said(best.line, best.repair)
    return Advice(line=stopped[0] + 1, message=_without_repair(lines[stopped[0]]))


def _place(error: tomllib.TOMLDecodeError, lines: list[str]) -> Place:
    """Where the parser stopped; the last line with anything on it, for the end of the file."""
    at = _PLACE.search(str(error))
    if at and at[1]:
        line, column = int(at[1]) - 1, int(at[2]) - 1
        # A fault at a line's end is counted to the next line by some versions of the parser.
        return (line, column) if line < len(lines) else (len(lines) - 1, len(lines[-1]))
    last = max((number for number, line in enumerate(lines) if line.strip()), default=0)
    return last, len(lines[last])


def _statement(lines: list[str], line: int) -> int:
    """The first line of the statement around a line: all lines before are sound."""
    for number in range(line, 0, -1):
        if (number == line or _START.match(lines[number])) and _reached(lines[:number])[0] == _SOUND:
            return number
    return 0


def _end(lines: list[str], line: int) -> int:
    """The line before the second statement behind: far enough to see whether the parser goes on."""
    starts = (number for number in range(line + 1, len(lines)) if _START.match(lines[number]))
    return next(islice(starts, 1, None), len(lines))


def _suspects(region: list[str], line: int) -> Iterator[int]:
    """The lines from which the fault may come, the likeliest first: this line, the last before, the statement's first."""
    before = (
        n for n in range(line - 1, -1, -1) if region[n].strip() and not region[n].lstrip().startswith("#")
    )
    suspects = dict.fromkeys((line, *islice(before, 1), 0))
    yield from (number for number in suspects if len(region[number]) <= LONGEST_REPAIRED)


def _reached(lines: list[str]) -> tuple[Place, Document]:
    """How far the parser gets, and the document if all lines are sound."""
    try:
        return _SOUND, tomllib.loads("\n".join(lines) + "\n")
    except tomllib.TOMLDecodeError as error:
        return (0, 0) if _UNENDED.match(str(error)) else _place(error, lines), {}
    except RecursionError:
        return (0, 0), {}


def _tried(region: list[str], number: int, stopped: Place, kinds: Sequence[Slip]) -> Iterator[_Candidate]:
    """The repairs of a line after which the parser goes on beyond `stopped`."""
    column = stopped[1] if number == stopped[0] else len(region[number])
    frontier = [(Repair(line=region[number], words=""), column)]
    seen: set[str] = set()
    for _ in range(_DEPTH):
        ahead: list[tuple[Repair, int]] = []
        for so_far, column in frontier:
            for repair in repairs(so_far.line, column, kinds):
                if repair.line in seen or len(seen) >= TRIALS:
                    continue
                seen.add(repair.line)
                both = Repair(line=repair.line, words=_and(so_far.words, repair.words))
                new = repair.line.split("\n")
                reached, document = _reached([*region[:number], *new, *region[number + 1 :]])
                if reached == _SOUND:
                    faults = _faults(document)
                    yield _Candidate(rank=(_IMPLAUSIBLE, faults) if faults else _PLAUSIBLE, repair=both)
                elif reached[0] >= stopped[0] + len(new) and _meant(
                    [*region[:number], *new], in_list=number > 0 or "[" in region[0]
                ):
                    yield _Candidate(rank=(1, len(new) - reached[0]), repair=both)
                if (reached == _SOUND or reached[0] <= number + len(new)) and len(ahead) < _AHEAD:
                    ahead.append((both, reached[1]))
        frontier = ahead


def _meant(so_far: list[str], *, in_list: bool) -> bool:
    """Whether the values up to a repaired line make sense, as far as anybody can see. Only a list may be open there."""
    reached, document = _reached(so_far)
    return not _faults(document) if reached == _SOUND else in_list


def _faults(document: Document) -> int:
    """The number of values without sense: of another type than their key's, or a text with a piece of TOML inside."""
    faults = 0
    for key, value in document.items():
        faults += key in KEYS and not KEYS[key].fits(value)
        items = value if isinstance(value, list) else [value]
        faults += sum(bool(_ODD_TEXT.search(item)) for item in items if isinstance(item, str))
        faults += sum(_faults(item) for item in items if isinstance(item, dict))
    return faults


def _and(first: str, second: str) -> str:
    return first if not second or second in first else f"{first}, and {second}" if first else second


def _said(number: int, repair: Repair) -> Advice:
    line, _, more = (part.strip()[:LONGEST_SHOWN] for part in repair.line.partition("\n"))
    both = f"{line} and, on a line below, {more}" if more else line
    write = "write ] on a line below" if more == "]" else f"write {both}"
    return Advice(line=number + 1, message=f"{repair.words}: {write}", repaired=repair.line)


def _twice(lines: list[str], line: int) -> Advice:
    key = lines[line].partition("=")[0].strip(" \t\"'[]")
    same = re.compile(rf"\s*[\"'\[]*{re.escape(key)}[\"'\]]*\s*(=|$)")
    first = next((number for number in range(line) if same.match(lines[number])), line)
    more = (
        ", and begin each further share with [[share]]"
        if key in ("event", "when", "change_kinds", "protected", "fields")
        else ""
    )
    return Advice(
        line=line + 1,
        message=f"{key} stands here a second time, after line {first + 1}: keep one of the two lines{more}",
    )


def _without_repair(line: str) -> str:
    key = line.partition("=")[0].strip()
    if "=" in line and key in KEYS:
        return f"the value of {key} cannot be read: write {KEYS[key].words} behind the equals sign"
    return (
        "this line cannot be read: write a key, an equals sign and a value, such as version = 3 or"
        ' status = "active", or begin the line with # for a remark'
    )
