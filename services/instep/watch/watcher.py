"""One round of watching: looks, decides, acts. What the world does wrong is said once and tried again in a later round.

A round goes on with the taken files first, so a kill costs time alone. A file that cannot be read or moved just now waits,
and the other files go on. When the broker or the publisher's memory is away, the round ends: every file would meet the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, assert_never

from instep.errors import TheWorlds
from instep.watch.decide import (
    REPORT,
    WHY,
    Discard,
    EntryKind,
    FolderEntry,
    Publish,
    PutAway,
    Stillness,
    look,
    next_step,
)
from instep.watch.folder import Folder

LOOKED_AFTER = 500
"""Files that are looked after once they have come to their end: their writers may go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePublished:
    """The file was read to its end. `corrections` fills a folder with the lines to correct; None where there are none."""

    summary: str
    report: str
    corrections: Callable[[Path], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Somebody has to put the whole file right; `report` says why, and what was published before that."""

    summary: str
    report: str


class PublishFile(Protocol):
    """Publishes a file, each line once; raises TheWorlds where the broker, the memory or the disk is away."""

    def __call__(self, file: Path) -> FilePublished | Unreadable: ...


@dataclass(slots=True, kw_only=True)
class Watcher:
    """A watcher of a folder. `say` prints a line. `standing` is what the last look has seen."""

    folder: Folder
    publish: PublishFile
    say: Callable[[str], None]
    now: Callable[[], datetime]
    chores: Callable[[], None] = lambda: None
    """What has to be done beside files in a round; may raise TheWorlds."""
    standing: Mapping[str, Stillness] = field(default_factory=dict)
    to_correct: int = 0
    """Files that somebody has to correct, since the watcher began."""
    _said: dict[str, str] = field(default_factory=dict)
    _read: dict[Path, FolderEntry] = field(default_factory=dict)
    _ended: dict[Path, FolderEntry] = field(default_factory=dict)
    """The last files that came to their end, as they were when they were read."""

    def round(self) -> bool:
        """Carry out a round; False where the world has held up files that could have been published."""
        try:
            with self.folder.locked() as ours:
                if not ours:
                    self._say_once("", "Another watcher works in this folder; this one stands by.")
                    self.standing = {}
                    return True
                return self._round()
        except TheWorlds as error:
            return self._held_up("", f"{error} Trying again.")
        except OSError as error:
            return self._held_up("", f"{self.folder.path}: {_plain(error)}. Trying again.")

    def _round(self) -> bool:
        seen = look(self.folder.entries(), self.standing)
        self.standing = seen.standing
        places = {place.name for place in self.folder.taken()}
        for name in self._said.keys() - seen.remarks.keys() - seen.standing.keys() - places - {""}:
            del self._said[name]
        for name, remark in seen.remarks.items():
            self._say_once(name, f"{name} {remark}")
        smooth = self._go_on_with_taken()
        self._look_after_ended()
        takings = [self._take(name) for name in seen.ready]  # each, whatever becomes of the others
        smooth = all(takings) and smooth
        if seen.ready:
            smooth = self._go_on_with_taken() and smooth
        self.chores()
        self._said.pop("", None)
        return smooth

    def _look_after_ended(self) -> None:
        """Bring back a file whose writer has gone on writing: a program that holds a file open does not see its renaming."""
        for file, as_read in list(self._ended.items()):
            now = self.folder.entry(file)
            if now is None or now == as_read:
                continue
            if self.folder.bring_back(file):
                self.say(f"{file.name} was written to after it was read; it is read again.")
                self._ended[file] = now
        for file in list(self._ended)[:-LOOKED_AFTER]:
            del self._ended[file]

    def _take(self, name: str) -> bool:
        try:
            self.folder.take(name, self.now())
        except OSError as error:
            return self._held_up(name, f"{name} cannot be taken yet: {_plain(error)}.")
        return True

    def _go_on_with_taken(self) -> bool:
        """Whether every taken file went on; raises TheWorlds where none can go on."""
        smooth = True
        for place in self.folder.taken():
            try:
                while self._go_on(place):
                    pass
            except OSError as error:
                smooth = self._held_up(place.name, f"{place.name}: {_plain(error)}. Trying again.")
        return smooth

    def _go_on(self, place: Path) -> bool:
        """Carry out the next step for a taken file; whether a step is left that can be carried out now."""
        step = next_step(self.folder.names(place))
        match step:
            case Discard():
                self.folder.discard(place)
                return False
            case Publish():
                return self._publish(place, place / step.file)
            case PutAway():
                self._put_away(place, step.folder)
                return False
            case _:
                assert_never(step)

    def _put_away(self, place: Path, folder: str) -> None:
        as_read = self._read.pop(place, None)
        if self.folder.put_away(place, folder) and as_read is not None:
            self._ended[self.folder.path / folder / place.name / as_read.name] = as_read

    def _publish(self, place: Path, file: Path) -> bool:
        before = self.folder.entry(file)
        if before is None:
            return False
        result = self.publish(file) if before.kind is EntryKind.FILE else _no_file(before)
        after = self.folder.entry(file)
        if after is None:  # another watcher has put the place away
            return False
        if after != before:
            return self._held_up(
                place.name, f"{file.name} was written to while it was read; it is read again."
            )
        self._keep(place, file, result)
        self._read[place] = before
        return True

    def _keep(self, place: Path, file: Path, result: FilePublished | Unreadable) -> None:
        match result:
            case FilePublished():
                back = ""
                if result.corrections is not None:
                    # Before the report: once the report is there, nobody comes back to this file.
                    self.folder.hand_back(place, result.corrections)
                    self.to_correct += 1
                    back = f" What has to be corrected is in to-correct/{place.name}."
                self.folder.write_report(place, REPORT, result.report)
                self.say(f"{file.name}: {result.summary}{back}")
            case Unreadable():
                self.to_correct += 1
                self.folder.write_report(place, WHY, result.report)
                self.say(f"{file.name}: {result.summary} It is in to-correct/{place.name}.")
            case _:
                assert_never(result)

    def _held_up(self, about: str, sentence: str) -> bool:
        self._say_once(about, sentence)
        return False

    def _say_once(self, about: str, sentence: str) -> None:
        if self._said.get(about) != sentence:
            self._said[about] = sentence
            self.say(sentence)


def _no_file(entry: FolderEntry) -> Unreadable:
    sentence = f"The {entry.kind.value} is no file, and was not read: put the file itself into the folder."
    return Unreadable(summary=sentence, report=f"{sentence}\n")


def _plain(error: OSError) -> str:
    return error.strerror or str(error)
