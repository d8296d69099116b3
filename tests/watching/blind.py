"""`instep` with a watcher that pays no regard to the folder's lock: as on a share where locks do not hold.

python -m tests.watching.blind watch DIR --authority leeds
"""

from collections.abc import Iterator
from contextlib import contextmanager

from instep import cli
from instep.watch.folder import Folder


@contextmanager
def _open_to_all(_: Folder) -> Iterator[bool]:
    yield True


if __name__ == "__main__":
    Folder.locked = _open_to_all  # type: ignore[method-assign, assignment]
    cli.main()
