"""Keeps the changes that people make by hand: who annulled or corrected an event, when and why. A file beside the memory.

    <home>/by-hand.jsonl    a line when a change is begun, and a line when the broker has the event; for its owner's eyes

The reason never leaves this machine. A change that was begun and not finished is sent again with the time of its first
attempt, hence under the same id, and the router drops the repeat.
"""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instep.errors import PlatformError

FILE = "by-hand.jsonl"


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalEntry:
    """A change by hand. `request` is a digest of the wish; `replaces` is the id of the event that stands.

    `command` is annul, correct or release; `event_id` is the new event's, "" for a release.
    """

    command: str
    request: str
    subject_ref: str
    replaces: str = ""
    event_id: str = ""


class Journal:
    """The journal in an authority's directory. Raises PlatformError where the file cannot be written."""

    def __init__(self, home: Path, reason: str) -> None:
        self._file = home / FILE
        self._reason = reason
        self._unfinished = self._read_unfinished()

    def begun_at(self, request: str, now_ms: int) -> int:
        """The time of a change: of the first attempt where one was begun and not finished, else `now_ms`."""
        return self._unfinished.get(request, now_ms)

    def begin(self, entries: Iterable[tuple[JournalEntry, int]]) -> None:
        """Note changes that are about to be sent, each with its time."""
        self._write("begun", entries)

    def finish(self, entries: Iterable[tuple[JournalEntry, int]]) -> None:
        """Note changes that the broker has, or without an event."""
        self._write("done", entries)

    def _write(self, state: str, entries: Iterable[tuple[JournalEntry, int]]) -> None:
        user = _user()
        lines = [json.dumps(self._line(state, entry, at, user), ensure_ascii=False) for entry, at in entries]
        try:
            descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "a", encoding="utf-8") as stream:
                stream.writelines(f"{line}\n" for line in lines)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise PlatformError(f"{self._file} cannot be written ({error.strerror}).") from None

    def _line(self, state: str, entry: JournalEntry, at_ms: int, user: str) -> dict[str, Any]:
        return {
            "state": state,
            "at_ms": at_ms,
            "command": entry.command,
            "by": user,
            "reason": self._reason,
            "subject_ref": entry.subject_ref,
            "replaces": entry.replaces,
            "event_id": entry.event_id,
            "request": entry.request,
        }

    def _read_unfinished(self) -> dict[str, int]:
        """When the changes were begun that nobody has finished, by request."""
        unfinished: dict[str, int] = {}
        for line in self._lines():
            request = str(line.get("request"))
            if line.get("state") == "begun":
                unfinished.setdefault(request, int(line["at_ms"]))
            else:
                unfinished.pop(request, None)
        return unfinished

    def _lines(self) -> Iterator[Mapping[str, Any]]:
        if not self._file.exists():
            return
        for text in self._file.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                line = json.loads(text)
            except ValueError:  # a line that a kill has cut off
                continue
            if isinstance(line, dict):
                yield line


def _user() -> str:
    """The user's name on this machine; "" where the system knows none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
