"""A small disk of a worker's own that can be filled: a tmpfs, so that nobody else runs out of room."""

import contextlib
import errno
import subprocess
from pathlib import Path

MEGABYTES = 1024
_PIECE = b"\0" * (1 << 20)


class Disk:
    """Mounted at a directory. `possible` is whether this user may mount at all; where not, nothing is pretended."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._filler = directory / "filler"
        directory.mkdir(parents=True, exist_ok=True)
        options = f"size={MEGABYTES}m,mode=0700"
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory)], capture_output=True, check=False
        )
        self.possible = mounted.returncode == 0

    def fill(self) -> None:
        """Leave no byte."""
        with self._filler.open("ab", buffering=0) as filler:
            piece = _PIECE
            while piece:
                try:
                    filler.write(piece)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    piece = piece[: len(piece) // 2]

    def empty(self) -> None:
        """Give the room back."""
        self._filler.unlink(missing_ok=True)

    def unmount(self) -> None:
        """Also when something in it is still open."""
        if self.possible:
            with contextlib.suppress(OSError):
                subprocess.run(["umount", "-l", str(self.directory)], capture_output=True, check=False)
            self.possible = False
