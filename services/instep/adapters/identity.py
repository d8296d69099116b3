"""Makes pseudonyms and ids that only the publisher can make.

They are HMAC-SHA256 under the publisher's secret. With a plain hash, a recipient could try names and birth dates until a
guess fits, and so learn withheld fields. The same secret, authority, system and content give the same pseudonyms and ids
again, even when everything else is lost.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b

from instep.adapters.line import Row

_PSEUDONYM = re.compile(r"[0-9a-f]{32}")
_VERSION, _VARIANT = 14, 19
"""Where the text of a UUID says its version and its variant."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """An authority's identity. `system` in the methods names the numbering: two systems may both count from 1."""

    secret: bytes = field(repr=False)
    authority: str
    _keyed_marks: dict[str, blake2b] = field(default_factory=dict, repr=False, compare=False)

    def digest(self, use: str, *parts: str) -> bytes:
        """16 bytes; parts cannot run into each other, nor can uses."""
        parts_of_message = (use, self.authority, *parts)
        # The lengths go first, so that no text can pass for a boundary.
        lengths = ",".join([str(len(part)) for part in parts_of_message])
        message = f"{lengths};{''.join(parts_of_message)}".encode("utf-8", "surrogatepass")
        keyed = _keyed(self.secret).copy()
        keyed.update(message)
        return keyed.digest()[:16]

    def marks(self, system: str, marks: Iterable[str]) -> list[bytes]:
        """16 bytes for each mark of a household: a household's key, or a text with a colon.

        Rows have many marks, so those with a colon are hashed by BLAKE2 under a key, which is several times faster.
        """
        keyed = self._keyed_marks.get(system)
        if keyed is None:
            keyed = blake2b(digest_size=16, key=self.digest("mark", system))
            self._keyed_marks[system] = keyed
        digests = []
        for mark in marks:
            if ":" in mark:
                copy = keyed.copy()
                copy.update(mark.encode("utf-8", "surrogatepass"))
                digests.append(copy.digest())
            else:
                digests.append(self.digest("household", system, mark))
        return digests

    def subject_ref(self, system: str, reference: str) -> str:
        """32 hexadecimal digits that stand for a local reference."""
        return self.digest("subject", system, reference).hex()

    def subject_of(self, row: Row) -> str:
        """The pseudonym of a row's subject; a line of JSON may name the pseudonym itself."""
        return str(row.header.get("subject_ref") or self.subject_ref(row.system, row.reference))

    def group_ref(self, system: str, household: str) -> str:
        """32 hexadecimal digits that stand for a household."""
        return self.digest("group", system, household).hex()

    def event_id(self, subject_ref: str, content: str, recorded: int) -> str:
        """The UUID (version 8, RFC 9562) of a row's content; `recorded` is in epoch milliseconds."""
        raw = bytearray(self.digest("event", subject_ref, content, str(recorded)))
        raw[6] = raw[6] & 0x0F | 0x80
        raw[8] = raw[8] & 0x3F | 0x80
        digits = raw.hex()
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def is_derived(event_id: str, subject_ref: str) -> bool:
    """Whether an event has the id and the pseudonym that a file's row without either is given."""
    return (
        event_id[_VERSION : _VERSION + 1] == "8"
        and event_id[_VARIANT : _VARIANT + 1] in tuple("89ab")
        and _PSEUDONYM.fullmatch(subject_ref) is not None
    )


@lru_cache(maxsize=8)
def _keyed(secret: bytes) -> hmac.HMAC:
    """An HMAC that has read the key, to be copied: a fresh one reads the key again for each message."""
    return hmac.new(secret, digestmod="sha256")
