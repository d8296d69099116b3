"""Looks into a publisher's memory without opening it: which pseudonym a reference has, and whether the memory knows it.

Looking takes no lock and changes nothing, so a council can ask while a file is being published.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from instep.adapters import fsa, move_rows, normalise
from instep.adapters.identity import Identity
from instep.errors import PlatformError

SYSTEMS = (move_rows.SYSTEM, fsa.SYSTEM)
"""The systems whose numbering a file has when nobody says otherwise."""
_LONGEST_PADDED = 16


class Recall:
    """What a publisher's memory can be asked; made by `recalled`."""

    def __init__(self, identity: Identity, database: sqlite3.Connection) -> None:
        self._identity = identity
        self._database = database

    def pseudonyms(self, reference: str, systems: Iterable[str] = SYSTEMS) -> frozenset[str]:
        """Every subject reference that a local reference may have.

        People write references in small letters, and spreadsheets take leading zeros off: all usual forms are tried.
        """
        plain = normalise.reference(reference)
        forms = {plain, plain.upper()}
        if plain.isascii() and plain.isdecimal():
            forms = {plain.zfill(width) for width in range(len(plain), _LONGEST_PADDED + 1)} | {plain}
        return frozenset(
            self._identity.subject_ref(system, form) for system in dict.fromkeys(systems) for form in forms
        )

    def knows(self, subject_ref: str) -> bool:
        """Whether an event of the subject has ever been published from here."""
        digest = self._identity.digest("memory", subject_ref)
        try:
            row = self._database.execute("select 1 from subject where subject = ?", (digest,)).fetchone()
        except sqlite3.Error as error:
            raise PlatformError(f"The publisher's memory cannot be read ({error}).") from None
        return row is not None


@contextmanager
def recalled(home: Path | None, authority: str) -> Iterator[Recall | None]:
    """The memory in an authority's directory; None where nothing was published from this machine.

    Raises PlatformError where the files cannot be read.
    """
    if home is None or not ((home / "secret").is_file() and (home / "memory.sqlite").is_file()):
        yield None
        return
    secret, database = home / "secret", home / "memory.sqlite"
    try:
        identity = Identity(secret=secret.read_bytes(), authority=authority)
        connection = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
    except (OSError, sqlite3.Error) as error:
        raise PlatformError(f"The publisher's memory in {home} cannot be read ({error}).") from None
    with closing(connection):
        yield Recall(identity, connection)
