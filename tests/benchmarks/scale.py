"""What growth costs: more authorities, agreements, workers; hostile records; and a router that remembers many events.

python -m tests.benchmarks.scale [--events 200000] [--remembered 1000000]

Writes results/scale.json: the rates of intake and router in networks of several sizes, with two workers of each, and with
one record in a hundred hostile (medians of three rounds); for the memory of the router what its process holds, and how long
it takes to be ready with its state at hand and with its state directory wiped.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import cycle
from typing import Any

import psutil
import uvloop
from aiokafka import TopicPartition

from instep.network import topics
from tests.benchmarks import report, throughput
from tests.benchmarks.ground import Ground, ground
from tests.benchmarks.network import PURPOSE, RECIPIENTS
from tests.benchmarks.throughput import SERVICES, Meter, NotMeasuredError, Rate
from tests.hostile.cases import SOURCE, cases
from tests.kafka.journey import Event, publish, read_all
from tests.kafka.services import Fleet, Worker, fleet

GROUNDS = (
    (0, 1, 1, 0.0),
    (28, 1, 1, 0.0),
    (388, 1, 1, 0.0),
    (388, 4000, 1, 0.0),
    (0, 1, 2, 0.0),
    (0, 1, 1, 0.01),
)
"""Authorities besides those of the sample, agreements, workers of each service, and the share of hostile records."""
ROUNDS = 3
"""Turn and turn about: this machine may be half as quick from one minute to the next."""
_AT_ONCE = 50_000


async def rates(
    events: int, others: int, agreements: int, workers: int, hostile: float
) -> tuple[dict[str, float], dict[str, Rate]]:
    """Such a ground, and the rates of intake and router on it; the events are between the same few councils.

    The hostile are in the place of events, and count for nothing.
    """
    async with ground(others=others, agreements=agreements) as here:
        made = here.made(events)
        places = range(0, events, int(1 / hostile)) if hostile else range(0)
        unsound = _unsound(here)
        for place in places:
            made[place] = next(unsound)
        await publish(here.connection, made)
        found = await throughput.of_services(here, events - len(places), workers)
        refused = len(await read_all(here.connection, topics.rejected(SOURCE)))
        if refused != len(places):
            raise NotMeasuredError(f"of {len(places)} hostile records {refused} were refused")
        told = {
            "authorities": len(here.network.participants),
            "agreements": len(here.network.agreements),
            "workers": workers,
            "hostile": hostile,
        }
        return told, found


def _unsound(here: Ground) -> Iterator[Event]:
    """Every record that intake refuses, over and over; those apart that have no value, or no key that is text."""
    number = {schema.full_name: number for number, schema in here.events.schemas.items()}
    refused = [
        Event(
            source=SOURCE,
            subject_ref=case.hostile.key.decode(),
            event_id="",
            sequence=0,
            value=case.hostile.value,
            headers=case.hostile.headers,
        )
        for case in cases(number.__getitem__, time.time_ns() // 1_000_000)
        if case.by == "intake" and case.hostile.value and case.hostile.key and case.hostile.key.isascii()
    ]
    return cycle(refused)


async def memory(events: int) -> dict[str, Any]:
    """A router that remembers so many events: its memory, and how long it takes to be ready again."""
    async with ground() as here:
        with fleet(here.connection, here.directory) as ours:
            router = await _remember(here, ours, events)
            assert router.process is not None
            held = psutil.Process(router.process.pid).memory_info().rss >> 20
            router.stop()
            with _timed() as at_hand:
                router.start()
                router.wait_until_ready(300)
            router.stop()
            shutil.rmtree(here.directory / "state")
            with _timed() as wiped:
                router.start()
                router.wait_until_ready(300)
            after = psutil.Process(router.process.pid).memory_info().rss >> 20
            return {
                "remembered": events,
                "rss_mb": held,
                "rss_mb_after_restore": after,
                "ready_with_state_seconds": at_hand[0],
                "ready_after_wipe_seconds": wiped[0],
            }


async def _remember(here: Ground, ours: Fleet, events: int) -> Worker:
    """Pass events through intake and router, and leave the router running."""
    intake, router = ours.start("intake"), ours.start("router")
    ours.wait_until_ready()
    inboxes = [TopicPartition(topics.inbox(one, PURPOSE), 0) for one in RECIPIENTS]
    async with Meter(here.connection) as meter:
        for begin in range(0, events, _AT_ONCE):
            await publish(here.connection, here.made(min(_AT_ONCE, events - begin)))
            await meter.until(inboxes, min(begin + _AT_ONCE, events))
    intake.stop()
    return router


@contextmanager
def _timed() -> Iterator[list[float]]:
    """Seconds that the context took, once it is over."""
    seconds: list[float] = []
    began = time.monotonic()
    yield seconds
    seconds.append(round(time.monotonic() - began, 2))


def main(arguments: Sequence[str] | None = None) -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--events", type=int, default=200_000, help="events for each (%(default)s)")
    asked.add_argument("--remembered", type=int, default=1_000_000, help="events to remember (%(default)s)")
    options = asked.parse_args(arguments)
    rounds = []
    for number in range(ROUNDS):
        print(f"growth, round {number + 1} of {ROUNDS}", file=sys.stderr, flush=True)
        rounds.append([uvloop.run(rates(options.events, *one)) for one in GROUNDS])
    grown = []
    for of_one in zip(*rounds, strict=True):
        told = of_one[0][0]
        found = {name: throughput.middle([rate[name] for _, rate in of_one]) for name in SERVICES}
        grown.append(told | {name: asdict(rate) for name, rate in found.items()})
        print(
            f"{told['authorities']:4} authorities, {told['agreements']:5} agreements, {told['workers']} of each service,"
            f" {told['hostile']:.0%} hostile: "
            + ", ".join(f"{name} {rate.events_per_second:,}/s" for name, rate in found.items())
        )
    remembered = uvloop.run(memory(options.remembered))
    print(", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in remembered.items()))
    report.RESULTS.mkdir(exist_ok=True)
    written = json.dumps({"growth": grown, "memory": remembered, "machine": report.machine()}, indent=1)
    (report.RESULTS / "scale.json").write_text(written + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
