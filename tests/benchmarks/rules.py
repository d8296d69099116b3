"""How long the processors' own work takes for each event, without Kafka: `python -m tests.benchmarks.rules [EVENTS]`.

Moves from Bradford to Leeds that one agreement shares, 500 records a call as the engine hands them over. Prints the median
of five rounds, the router's with each codec, and what parts cost (finding and splicing stand for decoding and encoding).
"""

import copy
import gc
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry

from instep.events.blanking import Blanking
from instep.events.framing import PREFIX, frame
from instep.events.header import content_digest, identity
from instep.events.reader import reader
from instep.events.splice import form
from instep.events.writer import encode
from instep.intake.metrics import IntakeMetrics
from instep.intake.processor import Intake
from instep.lanes.processor import Processor
from instep.router.arrival import Codec
from instep.router.metrics import RouterMetrics
from instep.router.processor import Router
from tests.unit.events.sample import CATALOGUE, MOVED, example
from tests.unit.memory_state import MemoryRecord, MemoryState
from tests.unit.sharing import GSS, agreement, network, share

NOW = 1_795_420_800_000  # 2026-11-23
IDS = {number: (schema.full_name, schema.version) for number, schema in enumerate(CATALOGUE.all(), start=1)}
MOVED_ID = next(number for number, (name, _) in IDS.items() if name == MOVED.full_name)
FIELDS = ("person.family_name", "person.given_names", "old_address", "new_address.postcode", "moved_on")
NETWORK = network(agreement(shares=[share(fields=FIELDS)]), schemas=IDS)
CALL = 500
ROUNDS = 5


class NoPostcodes:
    codes = frozenset(GSS.values())

    def gss(self, postcode: str) -> str | None:
        return None


def move(number: int) -> dict[str, Any]:
    event = copy.deepcopy(example())
    event["header"] |= {
        "source": "bradford",
        "event_id": f"00000000-0000-4000-8000-{number:012d}",
        "subject_ref": f"subject-{number % 5000:08d}",
        "sequence": number,
    }
    event["old_address"]["authority_gss"] = None
    event["old_address"]["postcode"] = None
    return event


def records(events: int, topic: str) -> list[MemoryRecord]:
    made = []
    for number in range(events):
        event = move(number)
        subject = event["header"]["subject_ref"]
        made.append(
            MemoryRecord(
                topic=topic,
                offset=number,
                key=(f"bradford/{subject}" if topic == "instep.events" else subject).encode(),
                value=frame(MOVED_ID, encode(MOVED.latest, event)),
                headers=[("instep-outbox-offset", b"%d" % number)] if topic == "instep.events" else [],
            )
        )
    return made


def microseconds(work: Callable[[], object], events: int) -> float:
    """Median of some rounds, an event."""
    taken = []
    for _ in range(ROUNDS):
        gc.collect()
        began = time.process_time()  # of this process alone: the machine may be busy
        work()
        taken.append((time.process_time() - began) * 1e6 / events)
    return statistics.median(taken)


def run(processor: Processor, batch: list[MemoryRecord]) -> None:
    state = MemoryState()
    for start in range(0, len(batch), CALL):
        processor.process(batch[start : start + CALL], state, NOW).committed()


def parts(batch: list[MemoryRecord]) -> dict[str, Callable[[], object]]:
    values = [record.value or b"" for record in batch]
    read = reader(MOVED.latest)
    events = [read(value, PREFIX)[0] for value in values]
    headers = [event["header"] for event in events]
    blanking = Blanking(MOVED.latest, FIELDS)
    find = form(MOVED.latest).find
    found = [find(value, PREFIX) for value in values]
    return {
        "decode": lambda: each(read, values, [PREFIX] * len(values)),
        "identity": lambda: each(lambda h: identity(h["source"], h["subject_ref"], h["event_id"]), headers),
        "content digest": lambda: each(partial(content_digest, MOVED.latest), values, headers),
        "blank and encode": lambda: each(blanking.encode, events),
        "find the fields": lambda: each(find, values, [PREFIX] * len(values)),
        "splice": lambda: each(blanking.splice, found),
    }


def each(work: Callable[..., object], *arguments: Iterable[Any]) -> None:
    deque(map(work, *arguments), maxlen=0)


def main(events: int) -> None:
    intake = Intake(CATALOGUE, IntakeMetrics(CollectorRegistry()))
    routers = {
        f"router, {codec}": Router(CATALOGUE, NoPostcodes(), RouterMetrics(CollectorRegistry()), codec)
        for codec in Codec
    }
    intake.follow(NETWORK)
    for router in routers.values():
        router.follow(NETWORK)
    outbox, hub = records(events, "bradford.outbox"), records(events, "instep.events")
    print(f"{events} events of {len(hub[0].value or b'')} bytes")
    timed = {"intake": microseconds(lambda: run(intake, outbox), events)}
    timed |= {name: microseconds(partial(run, router, hub), events) for name, router in routers.items()}
    for name, of_one in timed.items():
        print(f"{name:20}{of_one:7.1f} µs an event {1e6 / of_one:10,.0f} events/s")
    for name, work in parts(hub).items():
        print(f"  {name:18}{microseconds(work, events):7.1f} µs")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
