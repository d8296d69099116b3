"""What a claim pays for its barrier, and a commit for the check behind it, on a broker with many partitions.

python -m tests.benchmarks.claim [--partitions 4,300,2200]

The barrier is measured where nothing hangs: the price of every claim. The check asks for the last stable offset of the
changelog's partition, before the next transaction adds partitions; the watch asks once a second for all that was written.
Writes results/claim.json: medians in milliseconds.
"""

import argparse
import json
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import cast

import uvloop
from aiokafka import AIOKafkaProducer, TopicPartition

from instep.kafka.connection import Connection
from instep.kafka.log_ends import LastTransaction, LogEnds, Offsets
from instep.lanes.barrier import Barrier
from instep.lanes.hanging import Hanging
from instep.lanes.settlement import Marker
from instep.local.broker import Broker
from instep.local.java import FAST
from tests.benchmarks import report
from tests.kafka.journey import create_topics

RESULT = report.RESULTS / "claim.json"
CHANGELOG = "claim.state"
ROUNDS = 15


async def _median_ms(measured: Callable[[], Awaitable[object]]) -> float:
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await measured()
        took.append(time.perf_counter() - began)
    return round(statistics.median(took) * 1000, 2)


def _barrier(ends: LogEnds, partitions: list[TopicPartition]) -> Callable[[], Awaitable[object]]:
    # Nothing hangs, so the barrier asks nothing of a producer.
    producer = cast(AIOKafkaProducer, None)
    changelog = TopicPartition(CHANGELOG, 0)

    async def decisions(_: Offsets) -> Mapping[TopicPartition, Marker]:
        return {}

    def passed() -> Awaitable[object]:
        barrier = Barrier(
            ends, partitions, changelog, hanging=Hanging(), note=lambda _: None, transaction_timeout=60.0
        )
        return barrier.passed(producer, LastTransaction(state="CompleteCommit"), decisions, lane=0)

    return passed


async def _measured(connection: Connection, sizes: list[int]) -> list[dict[str, float]]:
    await create_topics(connection, CHANGELOG)
    rows, made = [], 0
    ends = LogEnds(connection)
    await ends.start()
    try:
        for size in sorted(sizes):
            await create_topics(connection, *(f"claim.out-{number}" for number in range(made, size)))
            made = size
            partitions = [TopicPartition(f"claim.out-{number}", 0) for number in range(size)]
            passed = _barrier(ends, partitions)
            await passed()  # learns the leaders
            rows.append(
                {
                    "partitions": size,
                    "barrier_ms": await _median_ms(passed),
                    "check_ms": await _median_ms(partial(ends.stable, [TopicPartition(CHANGELOG, 0)])),
                    "watch_ms": await _median_ms(partial(ends.stable, partitions)),
                }
            )
            print(rows[-1], flush=True)
    finally:
        await ends.stop()
    return rows


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--partitions", default="4,300,2200", help="sizes of the network (%(default)s)")
    sizes = [int(size) for size in asked.parse_args().partitions.split(",")]
    machine = report.machine()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells of every topic that is new
    with tempfile.TemporaryDirectory(prefix="instep-claim-") as name:
        broker = Broker(Path(name) / "broker", jvm=FAST)
        broker.start()
        try:
            connection = broker.own_connection
            rows = uvloop.run(_measured(connection, sizes))
        finally:
            broker.stop()
    RESULT.write_text(json.dumps({"rows": rows, **machine}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
