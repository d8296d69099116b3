"""The engine alone (the toy service, which passes each value on once) while brokers are restarted under load.

python -m tests.chaos.restarts [--how stop] [--times 15] [--kafka 4.3.1]

- stop: one broker is ended in order and started again
- kill, freeze: one broker is killed and started again, or frozen past its session
- leaderless: of three brokers one dies that alone has the output of every lane, while the lanes' coordinators live
- staggered: three brokers are killed at once and started one after another
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from tests.chaos.bench import Bench, Outcome
from tests.chaos.cluster import BROKER_SESSION_S
from tests.chaos.reassignment import moved_to
from tests.kafka.toy import OUTPUT

_CALM_S = 3.0


async def _stop(bench: Bench) -> None:
    (node,) = bench.cluster.nodes
    await asyncio.to_thread(node.stop)
    await bench.cluster.start_again([node])


async def _kill(bench: Bench) -> None:
    (node,) = bench.cluster.nodes
    node.kill()
    await bench.cluster.start_again([node])


async def _freeze(bench: Bench) -> None:
    (node,) = bench.cluster.nodes
    node.freeze()
    try:
        await asyncio.sleep(BROKER_SESSION_S + random.uniform(1.0, 3.0))
    finally:
        node.thaw()
    await bench.cluster.whole()


async def _leaderless(bench: Bench) -> None:
    alone = bench.cluster.nodes[2]
    await moved_to(bench.connection, [OUTPUT], [alone.number], min_in_sync=1, partitions=bench.lanes)
    await asyncio.sleep(1.0)
    alone.kill()
    await asyncio.sleep(random.uniform(3.0, 8.0))
    await bench.cluster.start_again([alone])
    await moved_to(bench.connection, [OUTPUT], [3, 1, 2], min_in_sync=2, partitions=bench.lanes)


async def _staggered(bench: Bench) -> None:
    order = random.sample(bench.cluster.nodes, len(bench.cluster.nodes))
    bench.cluster.kill_all()
    for node in order[:-1]:
        bench.cluster.launch(node)
        await asyncio.sleep(random.uniform(3.0, 8.0))
    await bench.cluster.start_again(order[-1:])


HOW: Mapping[str, tuple[int, Callable[[Bench], Awaitable[None]]]] = {
    "stop": (1, _stop),
    "kill": (1, _kill),
    "freeze": (1, _freeze),
    "leaderless": (3, _leaderless),
    "staggered": (3, _staggered),
}
"""How many brokers there are, and what is done to them."""


async def run(
    how: str, times: int, home: Path, kafka: str = "", say: Callable[[str], None] = print
) -> Outcome:
    """Do it so many times while values are passed on; then see what became of each."""
    brokers, strike = HOW[how]
    bench = Bench(home, brokers, kafka)
    async with bench.at_work():
        for number in range(1, times + 1):
            await asyncio.sleep(_CALM_S + random.random())
            await bench.ready()
            await strike(bench)
            say(
                f"{how} {number}/{times}: {len(bench.confirmed)} published, {bench.restarts} workers restarted"
            )
        await bench.ready()
    return bench.outcome


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--how", choices=HOW, default="stop")
    asked.add_argument("--times", type=int, default=15, help="(%(default)s)")
    asked.add_argument(
        "--kafka", default="", help="another version of Kafka, whose jars are pinned here: 4.3.1"
    )
    options = asked.parse_args()
    home = Path(tempfile.mkdtemp(prefix="instep-restarts-"))
    outcome = asyncio.run(
        run(options.how, options.times, home, options.kafka, lambda text: print(text, flush=True))
    )
    print(outcome)
    if outcome.clean:
        shutil.rmtree(home)
        return 0
    print(f"Logs and data are kept in {home}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
