"""`make chaos`: kill workers and brokers while work remains, judge, and write results/latest.json and seed-N.json.

python -m tests.chaos [--events 1000000] [--worker-kills 50] [--broker-kills 10] [--zombies 5] [--seed N] [--rate 3000]
    [--short]
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.run import Plan, run

RESULTS = Path(__file__).parent / "results"


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--events", type=int, default=1_000_000, help="records published (%(default)s)")
    asked.add_argument("--worker-kills", type=int, default=50, help="SIGKILLs of workers (%(default)s)")
    asked.add_argument("--broker-kills", type=int, default=10, help="SIGKILLs of brokers (%(default)s)")
    asked.add_argument("--zombies", type=int, default=5, help="workers frozen and thawed (%(default)s)")
    asked.add_argument("--seed", type=int, default=None, help="repeats a run's faults and events (random)")
    asked.add_argument(
        "--rate", type=int, default=3_000, help="events published a second at most (%(default)s)"
    )
    asked.add_argument("--short", action="store_true", help="leave out what takes long, as CI does")
    options = asked.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    plan = Plan(**vars(options) | {"seed": seed})
    home = Path(tempfile.mkdtemp(prefix="instep-chaos-"))
    report = asyncio.run(run(plan, home, lambda text: print(text, flush=True)))
    print(report.as_text())
    RESULTS.mkdir(exist_ok=True)
    for name in ("latest", f"seed-{seed}"):
        (RESULTS / f"{name}.json").write_text(report.as_json() + "\n", encoding="utf-8")
    if report.clean:
        shutil.rmtree(home)
        return 0
    print(f"Logs and data are kept in {home}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
