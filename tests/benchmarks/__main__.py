"""`make bench`: rounds of the throughput benchmark, a table, and results/latest.json.

python -m tests.benchmarks [--events 100000] [--rounds 3] [--gate 0.7]
"""

import argparse
import asyncio
import sys
from pathlib import Path

from tests.benchmarks.throughput import Row, as_json, one_round, ratios

RESULTS = Path(__file__).parent / "results" / "latest.json"


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--events", type=int, default=100_000, help="events in each round (%(default)s)")
    asked.add_argument("--rounds", type=int, default=3, help="rounds; ratios are their medians (%(default)s)")
    asked.add_argument("--gate", type=float, default=0.7, help="least ratio to the plain loop (%(default)s)")
    options = asked.parse_args()
    rounds: list[list[Row]] = []
    for number in range(options.rounds):
        rounds.append(asyncio.run(one_round(options.events)))
        print(f"round {number + 1} of {options.rounds}, {options.events} events")
        for row in rounds[-1]:
            print(
                f"  {row.name:15} {row.guarantee:14} {row.events_per_second:7} events/s"
                f"  {row.cpu_seconds:6.2f} s of processor time  {row.rss_mb:4} MB",
                flush=True,
            )
    found = ratios(rounds)
    print("ratio to the plain loop, median: " + ", ".join(f"{name} {ratio}" for name, ratio in found.items()))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(as_json(rounds) + "\n")
    return 0 if min(found.values()) >= options.gate else 1


if __name__ == "__main__":
    sys.exit(main())
