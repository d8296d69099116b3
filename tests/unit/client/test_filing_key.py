"""An event that the secret has made names the secret in the outbox; one that names itself goes without."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from instep.adapters import Memory, read
from instep.client.filing import Filing
from instep.client.publisher import Publisher, Sendable
from instep.events.envelope import PUBLISHER_KEY
from tests.unit.adapters.publishing import AUTHORITY, ROW, SETTINGS, csv_of
from tests.unit.client.test_gate import GATE, example


class Outbox:
    """Takes every event, at the next offset from 7 on."""

    def __init__(self) -> None:
        self.taken: list[Sendable] = []

    async def send(self, authority: str, sendable: Sendable, confirmed: Callable[[int], None]) -> None:
        self.taken.append(sendable)
        confirmed(6 + len(self.taken))

    async def flush(self) -> None: ...

    async def settle(self, within_s: float) -> None: ...


async def published(file: Path, directory: Path) -> tuple[list[Sendable], Filing]:
    outbox = Outbox()
    with Memory.open(directory, AUTHORITY) as memory:
        lines = read(file, authority=AUTHORITY, settings=SETTINGS)
        filing = Filing(lines=lines, authority=AUTHORITY, gate=GATE, memory=memory)
        await filing.publish(cast(Publisher, outbox))
    return outbox.taken, filing


async def test_a_row_goes_out_with_the_key_id_of_the_secret(tmp_path: Path) -> None:
    file = tmp_path / "moves.csv"
    file.write_bytes(csv_of(ROW, {**ROW, "reference": "CT-2"}))
    taken, filing = await published(file, tmp_path)
    assert [sendable.headers for sendable in taken] == [((PUBLISHER_KEY, filing.memory.key_id.encode()),)] * 2
    assert filing.tally.end == 9


@pytest.mark.parametrize(
    ("left_out", "keyed"), [((), False), (("event_id",), True), (("subject_ref",), True)]
)
async def test_a_line_that_names_its_own_id_and_reference_needs_no_secret(
    tmp_path: Path, left_out: tuple[str, ...], keyed: bool
) -> None:
    event = example()
    event["header"]["source"] = AUTHORITY
    for name in left_out:
        del event["header"][name]
    file = tmp_path / "events.jsonl"
    file.write_text(json.dumps({"reference": "CT-1", **event}) + "\n")
    (sendable,), _ = await published(file, tmp_path)
    assert bool(sendable.headers) is keyed
