"""`make bench`: the common job by every entrant, intake and router, and latencies; a table, a chart, results/latest.json.

python -m tests.benchmarks [--events 100000] [--rounds 3] [--only NAME[,NAME]] [--short]
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import uvloop

from tests.benchmarks import latency, report, scale, throughput
from tests.benchmarks.entrants import AIOKAFKA_TRANSACTIONAL, ENTRANTS, EXACTLY_ONCE, Entrant, MissingError
from tests.benchmarks.ground import INPUT, Ground, ground, load
from tests.benchmarks.latency import Latency
from tests.benchmarks.report import Row
from tests.benchmarks.throughput import SERVICES, NotMeasuredError
from tests.kafka.journey import publish

RATE = 1000
"""Events a second at which each entrant's latency is taken."""
RATES = (20, 1000, 5000)
"""Those at which the journey's is."""
WARM_UP_SECONDS = 60.0
LATENCY_ROUNDS = 3


def _options() -> argparse.Namespace:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--events", type=int, default=100_000, help="events in the input (%(default)s)")
    asked.add_argument("--rounds", type=int, default=3, help="rounds; figures are medians (%(default)s)")
    asked.add_argument(
        "--only", default="", metavar="NAME[,NAME]", help="entrants; also intake, router, latency"
    )
    asked.add_argument(
        "--short", action="store_true", help="one small round without latencies: about a minute"
    )
    options = asked.parse_args()
    if options.short:
        options.events, options.rounds = min(options.events, 20_000), 1
    options.only = {name.strip() for name in options.only.split(",") if name.strip()}
    known = {entrant.name for entrant in ENTRANTS} | {*SERVICES, "latency"}
    if unknown := options.only - known:
        asked.error(f"there is no {', '.join(sorted(unknown))}: choose from {', '.join(sorted(known))}")
    return options


def _say(told: str) -> None:
    print(told, file=sys.stderr, flush=True)


async def _row(here: Ground, entrant: Entrant, options: argparse.Namespace) -> Row:
    """One entrant's figures of one round; what cannot be had is said, and the others go on."""
    _say(f"  {entrant.name}, {entrant.guarantee}")
    row = Row(name=entrant.name, guarantee=entrant.guarantee)
    try:
        row = replace(row, **asdict(await throughput.of_entrant(here, entrant, options.events)))
        bare = await throughput.of_entrant(here, entrant, options.events, codec=False)
        row = replace(row, without_codec_per_second=bare.events_per_second)
        if not options.short:
            (late,) = await latency.of_entrant(here, entrant, [RATE], options.seconds)
            row = replace(row, p50_ms=late.p50_ms, p99_ms=late.p99_ms)
    except (MissingError, NotMeasuredError, TimeoutError) as error:
        row = replace(row, missing=str(error) or "it took too long")
    return row


async def _round(options: argparse.Namespace) -> list[Row]:
    wanted = [one for one in ENTRANTS if not options.only or one.name in options.only]
    async with ground() as here:
        made = here.made(options.events)
        await load(here.connection, INPUT, made)
        rows = [await _row(here, entrant, options) for entrant in wanted]
        if not options.only or options.only & set(SERVICES):
            _say("  intake, router")
            await publish(here.connection, made)
            rates = await throughput.of_services(here, options.events)
            rows += [Row(name=name, guarantee=EXACTLY_ONCE, **asdict(rate)) for name, rate in rates.items()]
    return rows


async def _latencies(options: argparse.Namespace) -> dict[str, list[Latency]]:
    """Turn and turn about on one broker, which the journey itself has warmed up: medians of the rounds."""
    async with ground() as here:
        _say("latency: warming up the broker, which compiles its own code while it is new")
        await latency.of_journey(here, [RATE], WARM_UP_SECONDS)
        plain, both, two = (
            "plain transactional aiokafka, one hop",
            "intake and router, both hops, 1 of each",
            "intake and router, both hops, 2 of each",
        )
        rounds: dict[str, list[list[Latency]]] = {plain: [], both: [], two: []}
        for number in range(LATENCY_ROUNDS):
            _say(f"latency, round {number + 1} of {LATENCY_ROUNDS}")
            rounds[plain].append(
                await latency.of_entrant(here, AIOKAFKA_TRANSACTIONAL, RATES, options.seconds)
            )
            rounds[both].append(await latency.of_journey(here, RATES, options.seconds))
            rounds[two].append(await latency.of_journey(here, RATES, options.seconds, workers=2))
    return {
        name: [latency.middle(of_one) for of_one in zip(*found, strict=True)]
        for name, found in rounds.items()
    }


def _show_latencies(found: dict[str, list[Latency]]) -> None:
    for name, all_rates in found.items():
        for one in all_rates:
            print(
                f"latency {name}: {one.rate:5}/s  p50 {one.p50_ms:7} ms  p99 {one.p99_ms:7} ms"
                f"  most {one.most_ms:7} ms  missing {one.missing}"
            )


def main() -> int:
    options = _options()
    options.seconds = 8.0
    machine = report.machine()
    rounds: list[Sequence[Row]] = []
    for number in range(options.rounds):
        _say(f"round {number + 1} of {options.rounds}, {options.events} events")
        rounds.append(uvloop.run(_round(options)))
    rows = [report.middle(of_one) for of_one in zip(*rounds, strict=True)]
    settings: dict[str, Any] = {"events": options.events, "rounds": options.rounds, **machine}
    settings |= {f"{one.name}, {one.guarantee}": one.settings for one in ENTRANTS}
    latencies: dict[str, list[Latency]] = {}
    if not options.short and (not options.only or "latency" in options.only):
        latencies = uvloop.run(_latencies(options))
    report.show(rows, settings)
    _show_latencies(latencies)
    as_json = {name: [asdict(one) for one in found] for name, found in latencies.items()}
    report.write(rows, rounds, settings, {"latency": as_json})
    return 0 if options.short or options.only else scale.main([])


if __name__ == "__main__":
    sys.exit(main())
