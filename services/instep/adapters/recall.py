"""Looks into a publisher's memory without opening it: which pseudonym a reference has, and whether the memory knows it.

Looking takes no lock and changes nothing, so a council can ask while a file is being published.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from instep.adapters.identity import Identity
from instep.adapters.lookup import EVENT_TYPES, reference_forms
from instep.adapters.memory_files import DATABASE
from instep.adapters.secret import FILE, key_id
from instep.errors import PlatformError

SYSTEMS = tuple(EVENT_TYPES)
"""The systems whose numbering a file has when nobody says otherwise."""


class Recall:
    """What a publisher's memory can be asked; made by `recalled`."""

    def __init__(self, identity: Identity, database: sqlite3.Connection) -> None:
        self._identity = identity
        self._database = database

    @property
    def key_id(self) -> str:
        """The name of the memory's secret."""
        return key_id(self._identity.secret)

    def pseudonyms(self, reference: str, systems: Iterable[str] = SYSTEMS) -> frozenset[str]:
        """Every subject reference that a local reference may have, in all its usual forms."""
        return frozenset(
            self._identity.subject_ref(system, form)
            for system in dict.fromkeys(systems)
            for form in reference_forms(reference)
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
    if home is None or not ((home / FILE).is_file() and (home / DATABASE).is_file()):
        yield None
        return
    secret, database = home / FILE, home / DATABASE
    try:
        identity = Identity(secret=secret.read_bytes(), authority=authority)
        connection = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
    except (OSError, sqlite3.Error) as error:
        raise PlatformError(f"The publisher's memory in {home} cannot be read ({error}).") from None
    with closing(connection):
        yield Recall(identity, connection)
