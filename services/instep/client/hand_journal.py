"""Keeps what people change by hand: who annulled or corrected which event, when and why. A file beside the memory.

    <home>/by-hand.jsonl    a line when a change is begun, and a line when the broker has the event; for its owner's eyes

The reason never leaves this machine. A change that was begun and not finished is sent again with the time of its first
attempt, hence under the same id, and the router drops the repeat.
"""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instep.errors import PlatformError

FILE = "by-hand.jsonl"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A change by hand. `request` is a digest of what is asked for; `replaces` is the id of the event that stands.

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

    def begun_at(self, request: str, now_ms: int) -> int:
        """The time of a change: of the first attempt where one was begun and not finished, else `now_ms`."""
        at = now_ms
        for line in self._lines():
            if line.get("request") == request:
                at = int(line["at_ms"]) if line.get("state") == "begun" else now_ms
        return at

    def begin(self, entry: Entry, at_ms: int) -> None:
        """Note a change that is about to be sent."""
        self._write(entry, "begun", at_ms)

    def finish(self, entry: Entry, at_ms: int) -> None:
        """Note a change that the broker has, or that needs no event."""
        self._write(entry, "done", at_ms)

    def _write(self, entry: Entry, state: str, at_ms: int) -> None:
        line = {
            "state": state,
            "at_ms": at_ms,
            "command": entry.command,
            "by": _user(),
            "reason": self._reason,
            "subject_ref": entry.subject_ref,
            "replaces": entry.replaces,
            "event_id": entry.event_id,
            "request": entry.request,
        }
        try:
            descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "a", encoding="utf-8") as stream:
                stream.write(json.dumps(line, ensure_ascii=False) + "\n")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise PlatformError(f"{self._file} cannot be written ({error.strerror}).") from None

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
