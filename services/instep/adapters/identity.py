"""Makes pseudonyms and ids that only the publisher can make.

They are HMAC-SHA256 under the publisher's secret. With a plain hash, a recipient could try names and birth dates until a
guess fits, and so learn withheld fields. The same secret, authority, system and content give the same pseudonyms and ids
again, even when everything else is lost.
"""

from __future__ import annotations

import hmac
import uuid
from dataclasses import dataclass, field
from hashlib import blake2b


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """An authority's identity. `system` in the methods names the numbering: two systems may both count from 1."""

    secret: bytes = field(repr=False)
    authority: str
    _mark_keys: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    def digest(self, use: str, *parts: str) -> bytes:
        """16 bytes; parts cannot run into each other, nor can uses."""
        parts_of_message = (use, self.authority, *parts)
        # The lengths go first, so that no text can pass for a boundary.
        lengths = ",".join([str(len(part)) for part in parts_of_message])
        message = f"{lengths};{''.join(parts_of_message)}".encode("utf-8", "surrogatepass")
        return hmac.digest(self.secret, message, "sha256")[:16]

    def mark(self, system: str, mark: str) -> bytes:
        """16 bytes that stand for a mark of a household: a household's key, or a text with a colon.

        Rows have many marks, so those with a colon are hashed by BLAKE2 under a key, which is several times faster.
        """
        if ":" not in mark:
            return self.digest("household", system, mark)
        key = self._mark_keys.get(system)
        if key is None:
            key = self._mark_keys[system] = self.digest("mark", system)
        return blake2b(mark.encode("utf-8", "surrogatepass"), digest_size=16, key=key).digest()

    def subject_ref(self, system: str, reference: str) -> str:
        """32 hexadecimal digits that stand for a local reference."""
        return self.digest("subject", system, reference).hex()

    def group_ref(self, system: str, household: str) -> str:
        """32 hexadecimal digits that stand for a household."""
        return self.digest("group", system, household).hex()

    def event_id(self, subject_ref: str, content: str, recorded: int) -> str:
        """The UUID (version 8, RFC 9562) of a row's content; `recorded` is in epoch milliseconds."""
        raw = bytearray(self.digest("event", subject_ref, content, str(recorded)))
        raw[6] = raw[6] & 0x0F | 0x80
        raw[8] = raw[8] & 0x3F | 0x80
        return str(uuid.UUID(bytes=bytes(raw)))
