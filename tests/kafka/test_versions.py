"""A second version of an event on a running bus: services change first, then the network, publishers, recipients last."""

import asyncio
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fastavro
import pytest

from instep.catalogue.files import load_catalogue
from instep.events.schema import Schema
from instep.provision.apply import apply
from tests.kafka.journey import Events, header, publish
from tests.kafka.stage import Stage, edit, opened, sample
from tests.schemas.evolution import FIELD, SYMBOL, evolved


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with opened(tmp_path, sample(tmp_path), "intake", "router") as stage:
        yield stage


async def upgraded(stage: Stage, directory: Path) -> Stage:
    """Workers that know both versions take over from those that know one; then the network binds both."""
    before = list(stage.fleet.workers)
    for service in ("intake", "router"):
        worker = stage.fleet.start(service, INSTEP_SCHEMAS_DIR=str(directory))
        await asyncio.to_thread(worker.wait_until_ready)
    for worker in before:
        await asyncio.to_thread(worker.stop)
    catalogue = load_catalogue(directory)
    ids = (await stage.network_now()).schemas
    edit(
        stage.network / "agreements/council-tax.toml",
        ("\nversion = 2\n", "\nversion = 3\n"),
        ('    "group_ref",\n', f'    "group_ref",\n    "reason",\n    "{FIELD}",\n'),
    )
    await apply(stage.connection, stage.network, catalogue)
    network = await stage.network_now()
    assert ids.items() < network.schemas.items(), "ids once given stay"
    return replace(stage, catalogue=catalogue, events=Events(catalogue, network))


def read(value: bytes, writer: Schema, reader: Schema) -> dict[str, Any]:
    """What a council's Avro library, compiled against one version, makes of a delivery in another."""
    event = fastavro.schemaless_reader(io.BytesIO(value[5:]), writer.parsed, reader.parsed)
    assert isinstance(event, dict)
    return event


async def test_both_versions_flow_through_services_that_were_changed_while_running(
    stage: Stage, tmp_path: Path
) -> None:
    first = stage.events.moved("lambeth", "camden", "lambeth", subject="versions-1", sequence=1)
    await publish(stage.connection, [first])
    assert ("camden", "council-tax") in (await stage.bus()).deliveries(first)

    stage = await upgraded(stage, evolved(tmp_path))
    v1, v2 = stage.catalogue.events["resident-moved"].versions
    body = stage.events.move("camden", "lambeth", {"family_name": "Example"})
    newer = body | {"reason": SYMBOL, FIELD: 3}
    by_old = stage.events.of(v1, "lambeth", body, subject="versions-2", sequence=1)
    by_new = stage.events.of(v2, "lambeth", newer, subject="versions-2", sequence=2)
    corrected = stage.events.of(
        v2,
        "lambeth",
        newer,
        subject="versions-1",
        sequence=2,
        change_kind="CORRECT",
        replaces=first.event_id,
    )
    await publish(stage.connection, [by_old, by_new, corrected])
    bus = await stage.bus()
    assert bus.refused == {}

    told = {}
    for event, writer in ((first, v1), (by_old, v1), (by_new, v2), (corrected, v2)):
        delivery = bus.deliveries(event)["camden", "council-tax"]
        dataschema = f"urn:instep:schema:uk.instep.ResidentMoved:{writer.version}"
        assert header(delivery, "ce_dataschema") == dataschema
        assert delivery.value[:5] == event.value[:5], "framed with the event's own schema id"
        old, new = (read(delivery.value, writer, reader) for reader in (v1, v2))
        told[event.event_id] = old["reason"], new["reason"], new[FIELD]
        assert FIELD not in old
    assert told == {
        first.event_id: (None, None, None),  # the agreement did not share the reason then
        by_old.event_id: ("MOVE", "MOVE", None),
        by_new.event_id: ("UNKNOWN", SYMBOL, 3),
        corrected.event_id: ("UNKNOWN", SYMBOL, 3),
    }
