"""`instep publish`, killed in the middle: publishing again completes the file, and nothing arrives twice.

`make publish-kills` does the same on 100,000 rows, with 20 kills.
"""

import asyncio
import random
from pathlib import Path

from tests.chaos.publish_kills import judge, publish_through_kills
from tests.kafka.stage import opened, sample

ROWS, KILLS = 1_500, 3


def test_a_publisher_that_is_killed_again_and_again_delivers_every_row_once(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    with opened(tmp_path, sample(tmp_path), "intake", "router") as stage:
        evidence = publish_through_kills(stage, tmp_path, rows=ROWS, kills=KILLS, seed=seed)
        counts = judge(asyncio.run(stage.bus(seconds=120)), evidence)
    assert counts["events"] == ROWS
    assert len(evidence.killed_after) == KILLS
