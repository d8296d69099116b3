"""What a lane that is slow on purpose costs the quick lanes beside it, in one worker.

python -m tests.benchmarks.slow [--rounds 3] [--seconds 10]

Latency at 1,000 events a second over the quick lanes, first while the slow one has nothing to do, then while it has more
than it can do. Writes results/slow.json; exits with 1 where the quick ones' p99 rises by half or more.
"""

import argparse
import json
import sys
from dataclasses import asdict
from statistics import median

import uvloop
from aiokafka import AIOKafkaProducer

from tests.benchmarks import report
from tests.benchmarks.entrants import EXACTLY_ONCE, Entrant, script
from tests.benchmarks.ground import Ground, ground
from tests.benchmarks.latency import Latency, Loop
from tests.benchmarks.network import LANES
from tests.benchmarks.peers.slow_lane import SLOW
from tests.kafka.journey import create_topics

RATE = 1000
MOST = 1.5
_WARM_UP = 20
_BACKLOG = 60_000
_ONE_SLOW = Entrant(
    name="one slow lane", guarantee=EXACTLY_ONCE, command=script("slow_lane"), settings="", codec=""
)


async def one_round(seconds: float) -> tuple[Latency, Latency]:
    """Of the quick lanes, beside one that rests and beside one that is behind."""
    async with ground() as here:
        topic = f"instep.live-{next(here.numbers)}"
        await create_topics(here.connection, topic, partitions=LANES)
        job = await here.job(_ONE_SLOW, topic, linger_ms=0)
        quick = [lane for lane in range(LANES) if lane != SLOW]
        loop = Loop(here.connection, lambda number, event: (topic, quick[number % len(quick)]), job.outputs)
        with _ONE_SLOW.running(job):
            async with loop:
                await loop.warm_up(iter(here.made(5000)))
                await loop.measure(here.made(RATE * _WARM_UP), RATE)
                events = here.made(int(RATE * seconds))
                resting = await loop.measure(events, RATE)
                await _fall_behind(here, topic)
                return resting, await loop.measure(events, RATE)


async def _fall_behind(here: Ground, topic: str) -> None:
    """Give the slow lane two minutes' work."""
    async with AIOKafkaProducer(**here.connection.kafka(), linger_ms=5) as producer:
        value = here.made(1)[0].value
        for _ in range(_BACKLOG):
            await producer.send(topic, value, partition=SLOW)


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=3, help="the ratio is their median (%(default)s)")
    asked.add_argument("--seconds", type=float, default=10, help="of each measurement (%(default)s)")
    options = asked.parse_args()
    rounds = []
    for _ in range(options.rounds):
        resting, behind = uvloop.run(one_round(options.seconds))
        rounds.append({"resting": asdict(resting), "behind": asdict(behind)})
        print(
            f"quick lanes' p99: {resting.p99_ms} ms beside one that rests, {behind.p99_ms} ms beside one that is behind;"
            f" missing {resting.missing + behind.missing}",
            flush=True,
        )
    ratio = round(median(one["behind"]["p99_ms"] / one["resting"]["p99_ms"] for one in rounds), 2)
    print(f"a slow lane makes that {ratio} times, median of {len(rounds)} (below {MOST} is asked)")
    report.RESULTS.mkdir(exist_ok=True)
    told = json.dumps({"ratio": ratio, "rounds": rounds, "machine": report.machine()}, indent=1)
    (report.RESULTS / "slow.json").write_text(told + "\n", encoding="utf-8")
    return 0 if ratio < MOST else 1


if __name__ == "__main__":
    sys.exit(main())
