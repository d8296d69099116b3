"""Problems: the findings of `check`, each with its file, line and severity."""

import re
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]

_SHARE = re.compile(r"\s*\[\[\s*share\s*\]\]")
_NEXT = re.compile(r"\s*(\[|[A-Za-z0-9_-]+\s*=)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Something to put right, in a plain sentence. Only an error keeps `apply` from applying the network."""

    file: str
    line: int
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        return plainly(f"{self.file}:{self.line}: {self.severity}: {self.message}")


def plainly(text: str) -> str:
    r"""The text in printable ASCII, with escapes such as `\x1b` or `\u0430`: no file can move a cursor or fool a reader."""
    return "".join(
        character if " " <= character <= "~" else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


class Lines:
    """The lines of keys and values in the text of a TOML file, which the parser does not give. Lines count from 1."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._shares = [number for number, line in enumerate(self._lines) if _SHARE.match(line)]

    def of(self, key: str | None = None, *, value: str | None = None, share: int | None = None) -> int:
        """The line of a text value of a key; else of the key; else the first of the n-th `[[share]]`, or of the file."""
        start, end = self._section(share)
        if key is None:
            return start + 1
        named = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*=""")
        at = next((n for n in range(start, end) if named.match(self._lines[n])), None)
        if at is None:
            return start + 1
        if value is not None:
            quoted = re.compile(rf"""["']{re.escape(value)}["']""")
            for number in range(at, end):
                if number > at and _NEXT.match(self._lines[number]):
                    break
                if quoted.search(self._lines[number]):
                    return number + 1
        return at + 1

    def _section(self, share: int | None) -> tuple[int, int]:
        marks = [*self._shares, len(self._lines)]
        if share is None or share >= len(self._shares):
            return 0, marks[0]
        return marks[share], marks[share + 1]
