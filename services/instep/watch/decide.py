"""Decides what to do with each entry of a watched folder, and with each file that was taken before; pure.

A share tells no events, so the folder is looked at again and again. A file is ready when two looks in a row find the size
and the time of the last change as the look before. An empty file is never ready: a copy may be about to begin.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

STILL = 2
"""Looks in a row that have to find a file unchanged."""
OWN_FOLDERS = frozenset({"done", "to-correct", "inbox"})
REPORT, WHY = "instep-report.txt", "instep-why.txt"
"""The reports that we write: beside a published file, and beside a file that somebody has to correct."""

# Of editors, browsers, Explorer and Finder, and of programs that copy: never anybody's export.
_PASSED_OVER = (
    ".tmp",
    ".temp",
    ".part",
    ".partial",
    ".filepart",
    ".crdownload",
    ".download",
    ".swp",
    ".bak",
    "~",
)
_SYSTEM = frozenset({"thumbs.db", "desktop.ini", REPORT, WHY})
_LONGEST_STEM = 120
"""Bytes in UTF-8: systems bound a name to 255 bytes, and Windows a whole path to 260 letters."""


class EntryKind(Enum):
    """The kind of an entry; a link is a link whatever the link leads to."""

    FILE = "file"
    LINK = "link"
    FOLDER = "folder"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderEntry:
    """An entry of the folder: `size` in bytes, `changed_ns` the time of the last change in epoch nanoseconds."""

    name: str
    kind: EntryKind
    size: int = 0
    changed_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stillness:
    """How long a file has stood still: the number of looks that found the file as the look before."""

    size: int
    changed_ns: int
    still: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a look at the folder gives.

    `ready` names the files to take, oldest first. `standing` is for the next look. `remarks` has a sentence for each entry
    that is left where it is and that somebody has to do something about.
    """

    ready: tuple[str, ...]
    standing: Mapping[str, Stillness]
    remarks: Mapping[str, str]


def look(entries: Iterable[FolderEntry], before: Mapping[str, Stillness]) -> Look:
    """Decide on the entries of the folder; `before` is the standing of the look before."""
    standing: dict[str, Stillness] = {}
    remarks: dict[str, str] = {}
    for entry in entries:
        if is_passed_over(entry.name):
            continue
        if remark := _remark(entry):
            remarks[entry.name] = remark
        else:
            standing[entry.name] = _standing(entry, before.get(entry.name))
    ready = [(stood.changed_ns, name) for name, stood in standing.items() if stood.still >= STILL]
    return Look(ready=tuple(name for _, name in sorted(ready)), standing=standing, remarks=remarks)


def is_passed_over(name: str) -> bool:
    """Whether an entry is none of our business: hidden, a program's lock or unfinished copy, or a folder of our own."""
    folded = name.casefold()
    return (
        folded.startswith((".", "~$"))
        or folded.endswith(_PASSED_OVER)
        or folded in _SYSTEM
        or folded in OWN_FOLDERS
    )


def _remark(entry: FolderEntry) -> str:
    match entry.kind:
        case EntryKind.FILE if entry.size == 0:
            return "is empty: waiting until something is in the file."
        case EntryKind.FILE:
            return ""
        case EntryKind.LINK:
            return "is a link, and links are not followed: put the file itself here."
        case EntryKind.FOLDER:
            return "is a folder, and only files are taken: put its files here."
        case EntryKind.OTHER:
            return "is no file: take it away."


def _standing(entry: FolderEntry, before: Stillness | None) -> Stillness:
    same = before is not None and (before.size, before.changed_ns) == (entry.size, entry.changed_ns)
    still = before.still + 1 if before is not None and same else 0
    return Stillness(size=entry.size, changed_ns=entry.changed_ns, still=still)


def place_name(file: str, moment: str, mark: str) -> str:
    """The name of a taken file's own folder: unique by `mark`, in order of time, valid on every system, short."""
    stem = file.rpartition(".")[0] or file
    plain = "".join(letter if letter.isalnum() or letter in "-_ " else "_" for letter in stem)
    short = plain.encode()[:_LONGEST_STEM].decode(errors="ignore")
    return f"{moment} {mark} {short.strip()}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Discard:
    """Nothing is in the place: its watcher ended before the file came in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """The file has to be published, for the first time or again."""

    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PutAway:
    """The file is dealt with; its place has to be moved to `folder`, one of OWN_FOLDERS."""

    folder: str


Step = Discard | Publish | PutAway


def next_step(names: Iterable[str]) -> Step:
    """The next step for a taken file, by the names in the file's own place.

    A report is there only when everything that the report says has happened.
    """
    present = set(names)
    if REPORT in present:
        return PutAway(folder="done")
    if WHY in present:
        return PutAway(folder="to-correct")
    # Explorer, Finder and shares put files of their own into any folder.
    files = sorted(name for name in present if not (name.endswith(UNFINISHED) or is_passed_over(name)))
    return Publish(file=files[0]) if files else Discard()


UNFINISHED = ".instep-unfinished"
"""The end of the name of a report that is being written."""
