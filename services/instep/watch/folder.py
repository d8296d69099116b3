"""The file system of a watched folder: looks at it, takes files out of it, puts them away. No decisions.

    DIR/                       where people put files
    DIR/done/PLACE/            a published file, with its report
    DIR/to-correct/PLACE/      rows or whole files that somebody has to correct, with the reasons
    DIR/inbox/                 work lists
    DIR/.instep-watch/taken/PLACE/    a file that is being published
    DIR/.instep-watch/making/PLACE/   a folder that is being filled, before it is renamed to `to-correct`

Each file has a place: a folder of its own. A place goes from one of these folders to the next whole, by one rename, and
no rename replaces a folder that holds anything. So file and report come together, and nothing in `done` is overwritten. All
folders lie in the same folder, so that renaming works: they have to be on the same disk.
"""

import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from instep.errors import ConfigurationError
from instep.watch.decide import OWN_FOLDERS, UNFINISHED, EntryKind, FolderEntry, place_name

PRIVATE = ".instep-watch"
_MOMENT = "%Y-%m-%d %H.%M.%S.%f"
"""Places sort by it. Files taken within one second keep their order: of two lists with an answer each, the later holds."""


class Folder:
    """A watched folder. Every method may raise OSError: the share is away, the disk is full or cannot be written to."""

    def __init__(self, path: Path) -> None:
        """Of a folder that exists; makes nothing."""
        self.path = path
        self._private = path / PRIVATE
        self._taken = self._private / "taken"
        self._making = self._private / "making"

    def prepare(self, authority: str) -> None:
        """Make our own folders; raises ConfigurationError where the folder is another authority's, or is none."""
        if not self.path.is_dir():
            raise ConfigurationError(f"{self.path} is not there, or is no folder: make the folder first.")
        own = [self._private, self._taken, self._making, *(self.path / name for name in sorted(OWN_FOLDERS))]
        for folder in own:
            folder.mkdir(exist_ok=True)
            if folder.is_symlink():
                raise ConfigurationError(f"{folder} is a link, and may lead out of the folder: take it away.")
        self._claim(authority)

    def _claim(self, authority: str) -> None:
        """Files are published under one authority: a second watcher for another would publish some of them wrongly."""
        card = self._private / "authority"
        fresh = card.with_name(f"{secrets.token_hex(8)}{UNFINISHED}")
        if not card.exists():
            fresh.write_text(authority, encoding="utf-8")
            fresh.replace(card)
        owner = card.read_text(encoding="utf-8").strip()
        if owner != authority:
            raise ConfigurationError(
                f"{self.path} is watched for {owner}: give {authority} a folder of its own."
            )

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Whether nobody else works in the folder now, as far as locks hold there; where they do not, True."""
        # XXX: filelock makes folders that are missing: under a share that is away, they would be in the share's way.
        self._private.lstat()
        lock = FileLock(self._private / "lock", blocking=False, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            yield False
            return
        except NotImplementedError:
            yield True
            return
        try:
            yield True
        finally:
            lock.release()

    def entries(self) -> list[FolderEntry]:
        """What lies in the folder, our own folders included; an entry that goes meanwhile is left out."""
        seen = []
        with os.scandir(self.path) as listing:
            for item in listing:
                try:
                    # Not `item.stat()`: on Windows the listing of a folder may give the size of a moment ago.
                    status = Path(item.path).lstat()
                except FileNotFoundError:
                    continue
                kind = _kind(status.st_mode)
                seen.append(
                    FolderEntry(name=item.name, kind=kind, size=status.st_size, changed_ns=status.st_mtime_ns)
                )
        return seen

    def take(self, name: str, now: datetime) -> bool:
        """Take a file out of the folder into a place of its own; False where another watcher, or its owner, was quicker."""
        place = self._taken / place_name(name, now.strftime(_MOMENT), secrets.token_hex(3))
        place.mkdir()
        try:
            (self.path / name).rename(place / name)
        except FileNotFoundError:
            self.discard(place)
            return False
        except OSError:
            self.discard(place)
            raise
        return True

    def taken(self) -> list[Path]:
        """The places of taken files, the oldest first."""
        return sorted(self._taken.iterdir())

    def names(self, place: Path) -> list[str]:
        """The names in a place; none where another watcher has put the place away."""
        try:
            return [item.name for item in place.iterdir()]
        except FileNotFoundError:
            return []

    def entry(self, file: Path) -> FolderEntry | None:
        """A file as it is now; None where the file is gone."""
        try:
            status = file.lstat()
        except FileNotFoundError:
            return None
        return FolderEntry(
            name=file.name, kind=_kind(status.st_mode), size=status.st_size, changed_ns=status.st_mtime_ns
        )

    def discard(self, place: Path) -> None:
        """Take away an empty place; a place into which a file has come meanwhile stays."""
        try:
            place.rmdir()
        except FileNotFoundError:
            pass
        except OSError:
            if not self.names(place):
                raise

    def write_report(self, place: Path, name: str, text: str) -> None:
        """Write a report into a place; the report is there whole or not at all. Nothing where the place is gone."""
        unfinished = place / f"{secrets.token_hex(3)}{UNFINISHED}"
        try:
            with unfinished.open("x", encoding="utf-8", errors="backslashreplace", newline="\r\n") as stream:
                stream.write(text)
            if not (place / name).exists():
                unfinished.replace(place / name)
        except FileNotFoundError:
            return
        finally:
            unfinished.unlink(missing_ok=True)

    def hand_back(self, place: Path, fill: Callable[[Path], None]) -> Path:
        """Make a folder of this place's name in `to-correct`, filled by `fill`; left as it is where it is there already."""
        target = self.path / "to-correct" / place.name
        if target.exists():
            return target
        making = self._making / f"{secrets.token_hex(3)} {place.name}"
        making.mkdir()
        try:
            fill(making)
            _rename_folder(making, target)
        finally:
            shutil.rmtree(making, ignore_errors=True)
        return target

    def bring_back(self, file: Path) -> bool:
        """Copy a file into the folder, as people put files there; False where a file of the name is there."""
        if (self.path / file.name).exists():
            return False
        copy = self._making / f"{secrets.token_hex(3)}{UNFINISHED}"
        try:
            shutil.copyfile(file, copy)
            copy.rename(self.path / file.name)
        finally:
            copy.unlink(missing_ok=True)
        return True

    def put_away(self, place: Path, folder: str) -> bool:
        """Move a place to a folder of our own; False where another watcher has done so."""
        for unfinished in place.glob(f"*{UNFINISHED}"):
            unfinished.unlink(missing_ok=True)
        return _rename_folder(place, self.path / folder / place.name)

    def listed_until(self) -> date | None:
        """The last day of which work lists have been made; None before the first."""
        try:
            return date.fromisoformat((self._private / "listed-until").read_text(encoding="utf-8").strip())
        except (FileNotFoundError, ValueError):
            return None

    def note_listed(self, day: date) -> None:
        """Keep that the work lists of all days up to `day` are made."""
        fresh = self._private / f"{secrets.token_hex(3)}{UNFINISHED}"
        fresh.write_text(day.isoformat(), encoding="utf-8")
        fresh.replace(self._private / "listed-until")

    def list_file(self, purpose: str, day: date) -> Path:
        """The path of the work list of a purpose for a day."""
        return self.path / "inbox" / f"{purpose} {day.isoformat()}.xlsx"


def _kind(mode: int) -> EntryKind:
    if stat.S_ISLNK(mode):
        return EntryKind.LINK
    if stat.S_ISREG(mode):
        return EntryKind.FILE
    return EntryKind.FOLDER if stat.S_ISDIR(mode) else EntryKind.OTHER


def _rename_folder(source: Path, target: Path) -> bool:
    """Rename a folder that holds something; False where it is gone, or a folder of the name holds something already."""
    try:
        source.rename(target)
    except FileNotFoundError:
        return False
    except OSError:
        # XXX: POSIX says "directory not empty" or "exists", Windows "exists" or "access denied".
        if target.exists():
            return False
        raise
    return True
