"""`instep publish` of one file, killed again and again in the middle: in the end every row is delivered, and none twice.

python -m tests.chaos.publish_kills [--rows 100000] [--kills 20] [--seed N]

The judge reads the topics alone. An event in flight when its publisher was killed may lie in the outbox twice, under
the same id and with the same content. Every recipient has it once.
"""

import argparse
import asyncio
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instep.adapters.csv_moves import COLUMNS
from tests.kafka.journey import header
from tests.kafka.stage import Bus, Stage, opened, sample

INSTEP = str(Path(sys.executable).with_name("instep"))
SOURCE = "lambeth"
INBOX = "camden.inbox.council-tax"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the killed runs left: `killed_after` are the confirmed events that each killed run had printed."""

    rows: int
    killed_after: Sequence[int]
    last_run: Mapping[str, Any]
    """The summary of the run that nobody killed."""
    last_seconds: float


def write_moves(file: Path, rows: int) -> None:
    """Moves from Camden to Lambeth, three people a household."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for number in range(rows):
            writer.writerow(_move(number))


def _move(number: int) -> list[str]:
    house = number // 3
    row = dict.fromkeys(COLUMNS, "") | {
        "reference": f"R-{number:07}",
        "given_names": "Ada",
        "family_name": f"Testcase{house}",
        "date_of_birth": f"19{50 + number % 50}-01-31",
        "old_uprn": f"9993{house:08}",
        "old_address_line_1": f"{house} Old Street",
        "old_postcode": "NW1 1RN",
        "new_uprn": f"9994{house:08}",
        "new_address_line_1": f"{house} New Street",
        "new_postcode": "SW9 8FG",
        "move_date": "2026-09-01",
        "residence_kind": "main",
        "reason": "move",
        "household_reference": f"H-{house:07}",
        "protected": "no",
        "recorded_at": "2026-09-02T10:00:00Z",
    }
    return [row[column] for column in COLUMNS]


def publish_through_kills(stage: Stage, home: Path, *, rows: int, kills: int, seed: int) -> Evidence:
    """Publish `rows` moves; kill the publisher `kills` times, each time after some more events; then let it end."""
    dice = random.Random(seed)
    file = home / "moves.csv"
    write_moves(file, rows)
    killed_after = []
    for _ in range(kills):
        after = dice.randrange(rows // kills)
        killed_after.append(_killed(stage, home, file, after))
    began = time.monotonic()
    done = subprocess.run(
        _command(file), env=_environ(stage, home), capture_output=True, text=True, timeout=3600, check=False
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])["summary"]
    return Evidence(
        rows=rows,
        killed_after=killed_after,
        last_run=summary,
        last_seconds=time.monotonic() - began,
    )


def _killed(stage: Stage, home: Path, file: Path, after: int) -> int:
    """Start a publisher and kill it once it has printed `after` published lines; how many it had printed by its death."""
    with subprocess.Popen(
        _command(file),
        env=_environ(stage, home),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as publisher:
        assert publisher.stdout is not None
        published = 0
        for line in publisher.stdout:
            published += '"outcome": "published"' in line
            if published > after and publisher.returncode is None:
                publisher.kill()
        publisher.wait()
        assert publisher.returncode == -9, "the publisher was to be killed in the middle, and had ended"
    return published


def _command(file: Path) -> list[str]:
    return [INSTEP, "publish", str(file), "--authority", SOURCE, "--output", "json"]


def _environ(stage: Stage, home: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("INSTEP_")}
    return inherited | {
        "INSTEP_BOOTSTRAP_SERVERS": stage.connection.bootstrap_servers,
        "INSTEP_SECURITY_PROTOCOL": "PLAINTEXT",
        "INSTEP_STATE_DIR": str(home / "state"),
    }


def judge(bus: Bus, evidence: Evidence) -> dict[str, int]:
    """Check what lies in the topics against the file; the counts, to be printed."""
    contents: dict[str, set[str]] = defaultdict(set)
    subjects: set[str] = set()
    records = bus.by_topic[f"{SOURCE}.outbox"]
    for record in records:
        event = bus.event_in(record)
        assert event is not None
        assert event["header"]["change_kind"] == "NEW", "an interrupted row came back as a correction"
        assert event["header"]["handling"] == "ORDINARY"
        contents[event["header"]["event_id"]].add(_content(event))
        subjects.add(event["header"]["subject_ref"])
    assert len(contents) == len(subjects) == evidence.rows, "a row was lost, or went out under two ids"
    assert all(len(versions) == 1 for versions in contents.values()), "an id went out with two contents"
    assert not bus.refused
    for said in (bus.accepted, bus.disclosed):
        assert len(said) == evidence.rows
        assert all(len(entries) == 1 for entries in said.values()), "an event was decided twice"
    delivered = Counter(header(record, "ce_id") for record in bus.by_topic[INBOX])
    assert delivered.keys() == contents.keys(), "an event was not delivered"
    assert set(delivered.values()) == {1}, "an event was delivered twice"
    return {"events": len(contents), "records": len(records), "repeats": len(records) - len(contents)}


def _content(event: Mapping[str, Any]) -> str:
    """The event without the time at which it was published, which each run sets anew."""
    header = {name: value for name, value in event["header"].items() if name != "published_at"}
    return json.dumps({**event, "header": header}, sort_keys=True, default=str)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        with opened(home, sample(home), "intake", "router") as stage:
            evidence = publish_through_kills(
                stage, home, rows=options.rows, kills=options.kills, seed=options.seed
            )
            print(
                f"killed after {list(evidence.killed_after)}; the last run took {evidence.last_seconds:.0f} s"
            )
            print(judge(asyncio.run(stage.bus(seconds=600)), evidence))
    print("every row once")


if __name__ == "__main__":
    main()
