"""How long `instep network apply` takes on a secured broker: the first time, and once more when nothing has changed.

python -m tests.benchmarks.apply [--authorities 400] [--agreements 4000]
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from instep.catalogue.files import default_directory, load_catalogue
from instep.kafka.connection import Connection
from instep.local.platform import Platform
from instep.local.ports import free_ports
from instep.network.network import load
from instep.provision.apply import Applied, apply
from tests.benchmarks.network import write_network

RESULT = Path(__file__).parent / "results" / "apply.json"
FIRST_SECONDS, SECOND_SECONDS = 120.0, 20.0
"""What the two may take."""


async def _twice(connection: Connection, directory: Path) -> tuple[list[float], Applied, Applied]:
    catalogue = load_catalogue(default_directory())
    took: list[float] = []
    done: list[Applied] = []
    for _ in range(2):
        began = time.perf_counter()
        done.append(await apply(connection, directory, catalogue, _say))
        took.append(time.perf_counter() - began)
    return took, done[0], done[1]


def _say(doing: str, done: int, total: int) -> None:
    if not done:
        print(f"  {doing}: {total}", file=sys.stderr, flush=True)


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--authorities", type=int, default=400, help="in the network (%(default)s)")
    asked.add_argument("--agreements", type=int, default=4000, help="among them (%(default)s)")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="instep-apply-") as name:
        home = Path(name)
        own = len(load(write_network(home / "probe")).authorities)
        directory = write_network(
            home / "network", others=options.authorities - own, agreements=options.agreements
        )
        platform = Platform(home / "platform")
        platform.up(free_ports(1)[0])
        try:
            took, first, second = asyncio.run(_twice(platform.connection(), directory))
        finally:
            platform.down()
    result = {
        "authorities": options.authorities,
        "agreements": options.agreements,
        "topics": len(first.topics_created),
        "users": len(first.access.users_created) if first.access else 0,
        "acls": len(first.access.acls_created) if first.access else 0,
        "first_seconds": round(took[0], 1),
        "second_seconds": round(took[1], 1),
        "changed_by_the_second": len(second.records_changed) + len(second.topics_created),
    }
    print(json.dumps(result, indent=1))
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0 if took[0] <= FIRST_SECONDS and took[1] <= SECOND_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
