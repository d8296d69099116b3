"""Makes a file that appears under its name whole, or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from instep.errors import FileFormatError


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """The path of a file beside `path` to write to; when the block ends well, the file is renamed to `path`.

    Raises FileFormatError where `path` is there already: somebody may have worked in the file. Whatever ends the block, no
    part of a file stays.
    """
    _refuse_existing(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        _refuse_existing(path)
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def _refuse_existing(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise FileFormatError(
            f"{path} is there already, and no file is overwritten: move that file, or name another."
        )
