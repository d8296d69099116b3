"""What a lane remembers: RocksDB beneath, and an overlay of the changes that are not committed yet.

Were a change written to RocksDB before its transaction commits, an aborted batch would be taken for done when it is read
again, and its events lost. So changes wait in the overlay; after the commit one write holds them and the checkpoint, the
offset of the changelog up to which this directory is true.
"""

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch, WriteBufferManager

OWN = b"\x00instep/"  # keys of the engine's own; no processor's key begins so
_CHECKPOINT = OWN + b"checkpoint"

CACHE_BYTES = 32 << 20
BUFFER_BYTES = 48 << 20
"""What all lanes of a process hold in memory together, however many: blocks read, and writes not yet on disk."""
_CACHE = Cache(CACHE_BYTES)
BUFFERS = WriteBufferManager(BUFFER_BYTES, False)  # it flushes early rather than let writers wait


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """The offset of the changelog that this directory has reached, and when that was last known to be so.

    `digest` is of the record right below the offset. Older versions kept neither that nor the topic's id.
    """

    offset: int
    cluster: str
    seen_at: float  # seconds since 1970
    topic_id: str = ""
    digest: str = ""


class LaneState:
    """The state of one lane; use from one task at a time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._db = Rdict(str(directory), _options())
        self.changes: dict[bytes, bytes | None] = {}

    def get(self, key: bytes) -> bytes | None:
        if key in self.changes:
            return self.changes[key]
        found: bytes | None = self._db.get(key)
        return found

    def put(self, key: bytes, value: bytes) -> None:
        self.changes[key] = value

    def delete(self, key: bytes) -> None:
        self.changes[key] = None

    def scan(self, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Up to `limit` entries after the key `after`, the engine's own left out; fewer only at the end."""
        found = {
            k: v for k, v in self.changes.items() if v is not None and k > after and not k.startswith(OWN)
        }
        beneath = self._db.iter()
        beneath.seek(after)
        taken = 0
        while beneath.valid() and taken < limit:
            key: bytes = beneath.key()
            if key > after and key not in self.changes and not key.startswith(OWN):
                found[key] = beneath.value()
                taken += 1
            beneath.next()
        return sorted(found.items())[:limit]

    def committed(self, checkpoint: Checkpoint) -> None:
        """The transaction has committed: write its changes and the checkpoint at once."""
        self._write(self.changes, checkpoint)
        self.changes = {}

    def restored(self, entries: Mapping[bytes, bytes | None], checkpoint: Checkpoint) -> None:
        """Take over entries read from the changelog (None: removed)."""
        self._write(entries, checkpoint)

    def _write(self, entries: Mapping[bytes, bytes | None], checkpoint: Checkpoint) -> None:
        batch = WriteBatch(raw_mode=True)
        for key, value in entries.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.put(_CHECKPOINT, json.dumps(asdict(checkpoint)).encode())
        self._db.write(batch)

    def checkpoint(self) -> Checkpoint | None:
        raw = self._db.get(_CHECKPOINT)
        return None if raw is None else Checkpoint(**json.loads(raw))

    def seen(self) -> None:
        """Note that this directory is still as true as its checkpoint says: nobody else has owned the lane since."""
        found = self.checkpoint()
        if found is not None:
            self._write({}, replace(found, seen_at=time.time()))

    def discard(self) -> None:
        """Forget everything on disk, to be rebuilt from the changelog."""
        self._db.close()
        shutil.rmtree(self._directory)
        self._directory.mkdir(parents=True)
        self._db = Rdict(str(self._directory), _options())

    def close(self) -> None:
        self._db.close()


def _options() -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(16 << 20)
    options.set_write_buffer_manager(BUFFERS)
    options.set_max_open_files(128)
    table = BlockBasedOptions()
    table.set_block_cache(_CACHE)
    table.set_bloom_filter(10, False)  # most look-ups are of events never seen before
    options.set_block_based_table_factory(table)
    return options
