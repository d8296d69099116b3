"""The whole entry without a broker: a record of an outbox goes through intake, and if accepted through both routers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from instep.catalogue.files import default_directory, load_catalogue
from instep.events.framing import unframe
from instep.events.reader import decode
from instep.intake.metrics import IntakeMetrics
from instep.intake.processor import Intake
from instep.lanes.processor import Output
from instep.network.network import load
from instep.network.topics import EVENTS
from instep.router.arrival import Codec
from instep.router.metrics import RouterMetrics
from instep.router.processor import Router
from tests.hostile.cases import SOURCE, Record
from tests.unit.memory_state import MemoryRecord, MemoryState

NOW = 1_795_420_800_000
"""2026-11-23 08:00 UTC: within every agreement of the sample network."""
CATALOGUE = load_catalogue(default_directory())
SAMPLE = Path(__file__).parents[2] / "deploy" / "network" / "sample"


class NoPostcodes:
    """Every address of these tests names its authority."""

    codes: frozenset[str] = frozenset()

    def gss(self, postcode: str) -> str | None:
        return None


class Entry:
    """Intake, and the router on each codec, in the sample network."""

    def __init__(self) -> None:
        schemas = dict(enumerate(CATALOGUE.all(), start=1))
        named = {number: (schema.full_name, schema.version) for number, schema in schemas.items()}
        network = replace(load(SAMPLE), schemas=named)
        self.schemas = schemas
        self.intake = Intake(CATALOGUE, IntakeMetrics(CollectorRegistry()))
        self.routers = {
            codec: Router(CATALOGUE, NoPostcodes(), RouterMetrics(CollectorRegistry()), codec)
            for codec in Codec
        }
        self.intake.follow(network)
        for router in self.routers.values():
            router.follow(network)

    def number(self, full_name: str) -> int:
        """The id of the newest version of a schema."""
        return max(number for number, schema in self.schemas.items() if schema.full_name == full_name)

    def enter(self, record: Record, offset: int = 41) -> Output:
        """Intake's answer to a record: for the hub, or a rejection."""
        made = MemoryRecord(
            topic=f"{SOURCE}.outbox",
            key=record.key,
            value=record.value,
            headers=record.headers,
            offset=offset,
        )
        (output,) = self.intake.process([made], MemoryState(), NOW).records
        return output

    def rejection(self, output: Output) -> dict[str, Any]:
        """The decoded rejection."""
        assert output.topic == f"{SOURCE}.rejected", output.topic
        unframed = unframe(output.value)
        assert unframed is not None
        return decode(CATALOGUE.bus["rejection"], unframed[1])

    def route(self, accepted: Sequence[Output]) -> list[Output]:
        """The router's outputs for accepted events; fails where the two codecs differ in a byte."""
        records = [
            MemoryRecord(
                topic=EVENTS,
                key=event.key,
                value=event.value,
                headers=event.headers,
                partition=event.partition,
            )
            for event in accepted
        ]
        spliced, plain = (
            list(self.routers[codec].process(records, MemoryState(), NOW).records) for codec in Codec
        )
        assert spliced == plain
        return spliced
