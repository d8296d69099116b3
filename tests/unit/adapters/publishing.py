"""A publisher at work, without a broker: files in, results of triage out, deliveries remembered."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from instep.adapters import Memory, Plain, Send, Settings, Triaged, read, triage
from instep.adapters.csv_moves import COLUMNS

DATA = Path(__file__).resolve().parents[2] / "data"
TODAY = date(2026, 11, 23)
NOW = 1_795_400_000_000
SETTINGS = Settings(today=TODAY)
AUTHORITY = "leeds"

ROW = {
    "reference": "CT-1",
    "title": "Ms",
    "given_names": "Alex Sam",
    "family_name": "Quillfeather",
    "date_of_birth": "1990-04-03",
    "old_uprn": "999000000001",
    "old_address_line_1": "1 Old Street",
    "old_town": "Leeds",
    "old_postcode": "LS1 1UR",
    "new_uprn": "999000000002",
    "new_address_line_1": "2 New Street",
    "new_town": "Bradford",
    "new_postcode": "BD1 1HY",
    "move_date": "2026-05-01",
    "residence_kind": "main",
    "reason": "move",
    "household_reference": "HH-1",
    "protected": "no",
    "recorded_at": "2026-05-04T10:00:00Z",
}


def row(**changes: str) -> dict[str, str]:
    return {**ROW, **changes}


def csv_of(*rows: dict[str, str]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


class Publisher:
    """Publishes files under a state directory; `deliver` chooses the events that the broker confirms."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.state = directory / "state"
        self._files = 0

    def file(self, content: bytes, suffix: str = ".csv") -> Path:
        self._files += 1
        path = self.directory / f"file-{self._files}{suffix}"
        path.write_bytes(content)
        return path

    def publish(
        self,
        path: Path,
        *,
        deliver: Callable[[int], bool] = lambda number: True,
        settings: Settings = SETTINGS,
        validate: Callable[[str, Plain], None] | None = None,
    ) -> list[Triaged]:
        outcomes = []
        with Memory.open(self.state, AUTHORITY) as memory:
            lines = read(path, authority=AUTHORITY, settings=settings)
            triaged = triage(
                lines,
                memory=memory,
                secret=memory.secret,
                authority=AUTHORITY,
                now=lambda: NOW,
                validate=validate,
            )
            for number, outcome in enumerate(triaged):
                outcomes.append(outcome)
                if isinstance(outcome, Send) and deliver(number):
                    memory.remember([outcome.sent])
        return outcomes

    def rows(self, *rows: dict[str, str]) -> list[Triaged]:
        return self.publish(self.file(csv_of(*rows)))

    def forget_everything_but_the_secret(self) -> None:
        for file in (self.state / AUTHORITY).glob("memory.sqlite*"):
            file.unlink()


def sent(outcomes: list[Triaged]) -> list[Send]:
    return [outcome for outcome in outcomes if isinstance(outcome, Send)]


def events(outcomes: list[Triaged]) -> list[Plain]:
    return [outcome.event for outcome in sent(outcomes)]


def ids(outcomes: list[Triaged]) -> list[str]:
    return [outcome.event_id for outcome in sent(outcomes)]


def names(outcomes: list[Triaged]) -> list[str]:
    return [type(outcome).__name__ for outcome in outcomes]


def leaves(plain: object) -> Iterator[str]:
    """Every text within a plain event."""
    if isinstance(plain, dict):
        for value in plain.values():
            yield from leaves(value)
    elif isinstance(plain, list):
        for value in plain:
            yield from leaves(value)
    elif isinstance(plain, str):
        yield plain
