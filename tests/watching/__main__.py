"""The long form of `tests/kafka/test_watch.py`: many files, many kills, watchers that heed locks and watchers that do not.

python -m tests.watching --files 1000 --kills 30
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from tests.kafka.stage import opened, sample
from tests.watching.ordeal import Ordeal


def main() -> None:
    """Run the ordeal, print what was seen; a traceback where something did not hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--watchers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--blind", action="store_true", help="watchers that pay no regard to locks")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        with opened(home, sample(home), "intake", "router") as stage:
            began = time.monotonic()
            ordeal = Ordeal(connection=stage.connection, home=home, **vars(options))
            try:
                ordeal.run()
                ordeal.judge_folders()
                asyncio.run(stage.bus(120.0))
                records = asyncio.run(ordeal.judge_topics())
            except BaseException:
                print(ordeal.log()[-5000:])
                raise
            print(
                f"{options.files} files, {options.watchers} {'blind ' if options.blind else ''}watchers,"
                f" {ordeal.killed} kills ({ordeal.killed_in_the_middle} while a file was taken),"
                f" {time.monotonic() - began:.0f} s: {records['ids']} rows, {records['outbox']} records in the outbox,"
                f" {records['inbox']} in the inbox; nothing lost, nothing twice"
            )


if __name__ == "__main__":
    main()
