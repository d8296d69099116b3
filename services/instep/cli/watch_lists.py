"""Fills the inbox folder of a watched folder: a work list for each purpose and each day that is over."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

from instep.cli import inbox_files
from instep.cli.listing import connected, run
from instep.cli.output import FileFormat
from instep.client.council import council
from instep.client.days import Days
from instep.errors import ConfigurationError, FileFormatError
from instep.network import topics
from instep.watch.folder import Folder

KEPT = timedelta(days=35)
"""How long an inbox keeps its records."""


@dataclass(slots=True, kw_only=True)
class WorkLists:
    """Makes the lists of the days since the last list, each once. The first list is of yesterday."""

    folder: Folder
    authority: str
    say: Callable[[str], None]
    today: Callable[[], date]
    _until: date | None = field(default=None)

    def make(self) -> None:
        """Make the lists that are due; raises TheWorlds where the broker is away, OSError where the folder is."""
        yesterday = self.today() - timedelta(days=1)
        if self._until is not None and self._until >= yesterday:
            return
        last = self.folder.listed_until() or yesterday - timedelta(days=1)
        day = max(last, yesterday - KEPT) + timedelta(days=1)
        purposes = self._purposes() if day <= yesterday else []
        while day <= yesterday:
            for purpose in purposes:
                self._make(purpose, day)
            self.folder.note_listed(day)
            day += timedelta(days=1)
        self._until = yesterday

    def _make(self, purpose: str, day: date) -> None:
        file = self.folder.list_file(purpose, day)
        if file.exists():
            return
        try:
            count = inbox_files.write_inbox(
                inbox_files.InboxRequest(
                    authority=self.authority,
                    purpose=purpose,
                    format=FileFormat.XLSX,
                    to=file,
                    days=Days(since=day, until=day),
                    work_list=True,
                ),
                say=lambda _: None,  # a purpose without records has no news
            )
        except (ConfigurationError, FileFormatError) as error:
            if file.exists():  # another watcher was quicker
                return
            # A day of more records than a list can have must hold up no other day.
            self.say(f"No work list for {purpose} of {day}: {error}")
            return
        if count:
            records = "record" if count == 1 else "records"
            self.say(f"A new work list: inbox/{file.name}, {count:,} {records}.")

    def _purposes(self) -> list[str]:
        purposes: list[str] = []

        async def work() -> None:
            at = await council(*connected(), self.authority)
            purposes.extend(
                sorted(
                    purpose for authority, purpose in topics.inboxes(at.network) if authority == at.authority
                )
            )

        run(work())
        return purposes
