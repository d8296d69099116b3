"""`make chaos`: kill workers and brokers while work remains, judge, and write results/latest.json and seed-N.json.

python -m tests.chaos [--brokers 1|3] [--kafka 4.3.1] [--events 1000000] [--worker-kills 50] [--broker-kills 10]
    [--zombies 5] [--rounds 2] [--councils 350] [--seed N] [--rate 3000] [--only FAULT,FAULT] [--short]
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.faults import Fault
from tests.chaos.run import Plan, run

UK = 350
"""With so many councils more there are the 2,200 partitions of the UK."""
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
    asked.add_argument("--brokers", type=int, choices=(1, 3), default=3, help="(%(default)s)")
    asked.add_argument(
        "--kafka", default="", help="another version of Kafka, whose jars are pinned here: 4.3.1"
    )
    asked.add_argument("--rounds", type=int, default=2, help="of every other fault (%(default)s)")
    asked.add_argument(
        "--councils",
        type=int,
        default=None,
        help="more councils, of the UK (all on one broker, none on three)",
    )
    asked.add_argument("--only", default=None, help="these faults and no others: their names, with commas")
    asked.add_argument("--short", action="store_true", help="leave out what takes long, as CI does")
    options = asked.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    only = (
        None
        if options.only is None
        else tuple(Fault[name.upper()] for name in options.only.split(",") if name)
    )
    councils = (UK if options.brokers == 1 else 0) if options.councils is None else options.councils
    plan = Plan(**vars(options) | {"seed": seed, "only": only, "councils": councils})
    home = Path(tempfile.mkdtemp(prefix="instep-chaos-"))
    report = asyncio.run(run(plan, home, lambda text: print(text, flush=True)))
    print(report.as_text())
    RESULTS.mkdir(exist_ok=True)
    for name in ("latest", f"seed-{seed}-brokers-{plan.brokers}-kafka-{report.kafka}"):
        (RESULTS / f"{name}.json").write_text(report.as_json() + "\n", encoding="utf-8")
    if report.clean:
        shutil.rmtree(home)
        return 0
    print(f"Logs and data are kept in {home}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
