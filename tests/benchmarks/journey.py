"""Intake and the router, each doing all of its work, beside a plain at-least-once loop that only does the common job.

python -m tests.benchmarks.journey [--events 100000] [--rounds 3] [--gate 0.7]
"""

import argparse
import asyncio
import sys
from statistics import median

from tests.benchmarks import throughput
from tests.benchmarks.entrants import AIOKAFKA
from tests.benchmarks.ground import INPUT, ground, load
from tests.benchmarks.throughput import Rate
from tests.kafka.journey import publish

PLAIN = "plain aiokafka"


async def one_round(count: int) -> dict[str, Rate]:
    """A fresh broker, the same events for each, and each alone."""
    async with ground() as here:
        made = here.made(count)
        await publish(here.connection, made)
        await load(here.connection, INPUT, made)
        plain = await throughput.of_entrant(here, AIOKAFKA, count)
        return {PLAIN: plain, **await throughput.of_services(here, count)}


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--events", type=int, default=100_000, help="events in each round (%(default)s)")
    asked.add_argument("--rounds", type=int, default=3, help="rounds; ratios are their medians (%(default)s)")
    asked.add_argument("--gate", type=float, default=0.7, help="least ratio to the plain loop (%(default)s)")
    options = asked.parse_args()
    ratios: dict[str, list[float]] = {"intake": [], "router": []}
    for number in range(options.rounds):
        rates = asyncio.run(one_round(options.events))
        print(f"round {number + 1} of {options.rounds}, {options.events} events")
        for name, rate in rates.items():
            print(
                f"  {name:15} {rate.events_per_second:7} events/s"
                f"  {rate.cpu_seconds:6.2f} s of processor time  {rate.rss_mb:4} MB",
                flush=True,
            )
        for name, found in ratios.items():
            found.append(rates[name].events_per_second / rates[PLAIN].events_per_second)
    medians = {name: round(median(found), 2) for name, found in ratios.items()}
    print("ratio to the plain loop, median: " + ", ".join(f"{name} {one}" for name, one in medians.items()))
    return 0 if min(medians.values()) >= options.gate else 1


if __name__ == "__main__":
    sys.exit(main())
