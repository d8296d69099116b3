"""An authority leaves and its topics are deleted, while the router has yet to decide events of it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from instep.network.topics import DISCLOSURES, EVENTS
from instep.provision.apply import apply
from tests.kafka.journey import publish, read_all
from tests.kafka.stage import Stage, opened, sample
from tests.kafka.test_apply import edit

GONE = "wakefield"
OTHERS = ("leeds", "camden", "croydon", "lambeth", "barnsley")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    network = sample(tmp_path)
    with (network / "authorities.csv").open("a", encoding="utf-8") as file:
        file.write(f"{GONE},Wakefield Council,E08000036,metropolitan,,1974-04-01,,\n")
    with opened(tmp_path, network, "intake", "router") as opened_stage:
        yield opened_stage


async def test_events_of_an_authority_whose_topics_are_gone_hold_nobody_up(stage: Stage) -> None:
    intake, router = stage.fleet.workers
    router.stop()
    events = [
        stage.events.moved(source, "camden", source, subject=f"s{number}", sequence=number)
        for number, source in enumerate((GONE, *OTHERS) * 8)
    ]
    await publish(stage.connection, events)
    assert len(await read_all(stage.connection, EVENTS, count=len(events))) == len(events)
    await leave(stage)
    router.start()
    disclosed = await read_all(stage.connection, DISCLOSURES, count=len(events))
    assert len(disclosed) == len(events), (
        "what is told to the register does not depend on the source's own topics"
    )
    assert f"{GONE}.outcomes" not in await stage.topics()
    told = {f"{source}.outcomes": 8 for source in OTHERS}
    outcomes = await read_all(stage.connection, *told)
    assert {record.topic for record in outcomes} == told.keys()
    assert "the topic is gone" in router.log.read_text()
    assert intake.exit_code is None
    assert router.exit_code is None


async def leave(stage: Stage) -> None:
    """End the authority, then delete its topics, which is a second step."""
    edit(stage.network / "authorities.csv", "1974-04-01,,\n", "1974-04-01,2026-10-31,leeds\n", last=True)
    await stage.apply()
    await apply(stage.connection, stage.network, stage.catalogue, allow_delete=True)
    async with asyncio.timeout(30):
        while f"{GONE}.outcomes" in await stage.topics():
            await asyncio.sleep(0.1)
