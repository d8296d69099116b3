"""Keeps the state of a lane (one share of the partitions): committed entries on disk in RocksDB, and above them the
uncommitted changes in memory.

Were a change written to RocksDB before its transaction commits, an aborted batch would look decided at the second
reading, and its events would be lost. So changes wait in memory. After the commit a single write holds the changes
and the checkpoint: the offset of the changelog (the lane's partition of `instep.<service>.state`) up to which the
directory is true.

A damaged directory is discarded at the opening (the module `damage`). The lane then rebuilds it from the changelog.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import structlog
from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch, WriteBufferManager

from instep.errors import StateDamagedError
from instep.lanes import damage

_log = structlog.get_logger("instep.lanes")

OWN = b"\x00instep/"  # keys of the engine's own; no processor's key begins so
_CHECKPOINT = OWN + b"checkpoint"
_COMPACTION_SECONDS = 5.0
"""How long closing waits for a compaction; one of a lane takes a fraction of a second."""
_LONGEST_WHY = 300

CACHE_BYTES = 32 << 20
BUFFER_BYTES = 48 << 20
"""The memory of all lanes of a process together, however many: for blocks read, and for writes not yet on disk."""
_CACHE = Cache(CACHE_BYTES)
BUFFERS = WriteBufferManager(BUFFER_BYTES, False)  # flush early rather than let writers wait


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """The offset of the changelog that the directory has reached, and when the directory was last known to be true.

    `digest` is of the record right below the offset. Older versions kept neither a digest nor the topic's id.
    """

    offset: int
    cluster: str
    seen_at: float  # seconds since 1970
    topic_id: str = ""
    digest: str = ""


class LaneState:
    """The state of a lane; for a single task at a time.

    All but `put` and `delete` may raise StateDamagedError, or the errors of `damage.unusable`.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.changes: dict[bytes, bytes | None] = {}
        self._db = self._opened_or_made_anew()

    def _opened_or_made_anew(self) -> Rdict:
        why = damage.marked(self._directory)
        if why is None:
            try:
                return self._opened()
            except StateDamagedError as error:
                why = str(error)
        _log.warning("state discarded", directory=str(self._directory), why=why[:_LONGEST_WHY])
        self._remove()
        return self._opened()

    def _opened(self) -> Rdict:
        """Open the directory, or make a new one; raises StateDamagedError where the content is not sound."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            before = [file.name for file in self._directory.glob("*.sst")]
            db = Rdict(str(self._directory), _options())
            forgotten = damage.forgotten(before, (file["name"] for file in db.live_files()))
            db.set_options({"disable_auto_compactions": "false"})
        except Exception as error:
            raise self._trouble(error) from error
        if forgotten:
            db.close()
            raise StateDamagedError(f"its MANIFEST does not know of {', '.join(forgotten)}")
        return db

    def _remove(self) -> None:
        try:
            damage.remove(self._directory)
        except OSError as error:
            raise self._trouble(error) from error

    def _trouble(self, error: Exception) -> Exception:
        """The meaning of an error for this directory; else the error itself. rocksdict has a single kind of error."""
        if unusable := damage.unusable(self._directory, error if isinstance(error, OSError) else str(error)):
            return unusable
        return StateDamagedError(str(error)) if damage.is_damage(str(error)) else error

    def _failed(self, error: Exception) -> Exception:
        """As `_trouble`, for a directory in use: the next claim discards a damaged directory."""
        trouble = self._trouble(error)
        if isinstance(trouble, StateDamagedError):
            return damage.mark(self._directory, str(error)[:_LONGEST_WHY])
        return trouble

    def get(self, key: bytes) -> bytes | None:
        if key in self.changes:
            return self.changes[key]
        return self._read(key)

    def _read(self, key: bytes) -> bytes | None:
        try:
            value: bytes | None = self._db.get(key)
        except Exception as error:
            raise self._failed(error) from error
        return value

    def put(self, key: bytes, value: bytes) -> None:
        self.changes[key] = value

    def delete(self, key: bytes) -> None:
        self.changes[key] = None

    def scan(self, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Up to `limit` entries after the key `after`, the engine's own left out; fewer only at the end."""
        entries = {
            key: value
            for key, value in self.changes.items()
            if value is not None and key > after and not key.startswith(OWN)
        }
        entries |= self._beneath(after, limit)
        return sorted(entries.items())[:limit]

    def _beneath(self, after: bytes, limit: int) -> dict[bytes, bytes]:
        """The first entries on disk after `after` that no change hides."""
        entries: dict[bytes, bytes] = {}
        try:
            beneath = self._db.iter()
            beneath.seek(after)
            while beneath.valid() and len(entries) < limit:
                key: bytes = beneath.key()
                if key > after and key not in self.changes and not key.startswith(OWN):
                    entries[key] = beneath.value()
                beneath.next()
            beneath.status()  # at a damaged block the iteration ends as at the end of all entries
        except Exception as error:
            raise self._failed(error) from error
        return entries

    def committed(self, checkpoint: Checkpoint) -> None:
        """The transaction has committed: write its changes and the checkpoint together."""
        self._write(self.changes, checkpoint)
        self.changes = {}

    def restored(self, entries: Mapping[bytes, bytes | None], checkpoint: Checkpoint) -> None:
        """Write entries read from the changelog (None removes a key), and the checkpoint that they reach."""
        self._write(entries, checkpoint)

    def _write(self, entries: Mapping[bytes, bytes | None], checkpoint: Checkpoint) -> None:
        batch = WriteBatch(raw_mode=True)
        for key, value in entries.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.put(_CHECKPOINT, json.dumps(asdict(checkpoint)).encode())
        try:
            self._db.write(batch)
        except Exception as error:
            raise self._failed(error) from error

    def checkpoint(self) -> Checkpoint | None:
        raw = self._read(_CHECKPOINT)
        return None if raw is None else Checkpoint(**json.loads(raw))

    def seen(self) -> None:
        """Note that the directory is still true at its checkpoint: nobody else has owned the lane since."""
        checkpoint = self.checkpoint()
        if checkpoint is not None:
            self._write({}, replace(checkpoint, seen_at=time.time()))

    def discard(self) -> None:
        """Forget everything on disk, to be rebuilt from the changelog."""
        self._db.close()
        self._remove()
        self._db = self._opened()

    def close(self) -> None:
        """Close the directory, and remove tables that a compaction has left: the next opening would take them for damage."""
        try:
            left = self._left_by_compactions()
        except Exception:  # noqa: BLE001  # a full disk, perhaps; the next opening may rebuild for nothing
            left = []
        self._db.close()
        for file in left:
            file.unlink(missing_ok=True)

    def _left_by_compactions(self) -> list[Path]:
        self._end_compactions()
        self._db.flush()
        live = {file["name"].lstrip("/") for file in self._db.live_files()}
        return [file for file in self._directory.glob("*.sst") if file.name not in live]

    def _end_compactions(self) -> None:
        self._db.set_options({"disable_auto_compactions": "true"})
        until = time.monotonic() + _COMPACTION_SECONDS
        while self._db.property_int_value("rocksdb.num-running-compactions") and time.monotonic() < until:
            time.sleep(0.01)


def _options() -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(16 << 20)
    options.set_write_buffer_manager(BUFFERS)
    options.set_max_open_files(128)
    options.set_disable_auto_compactions(True)  # until the tables in the directory are known
    table = BlockBasedOptions()
    table.set_block_cache(_CACHE)
    table.set_bloom_filter(10, False)  # most look-ups are of events never seen before
    options.set_block_based_table_factory(table)
    return options
