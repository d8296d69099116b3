"""A memory has one publisher at a time, and goes on where an earlier version of Instep has left one."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from instep.adapters import Memory
from instep.errors import PlatformError
from tests.unit.adapters.publishing import AUTHORITY, ROW, Publisher, names, row

HOLD = """
import sys
from pathlib import Path
from instep.adapters import Memory
with Memory.open(Path(sys.argv[1]), sys.argv[2]):
    print("open", flush=True)
    sys.stdin.read()
"""
BEFORE = """
create table subject (
    subject blob primary key, event_id blob not null, alike blob not null, loose blob not null,
    person blob, household blob, protected integer not null, recorded integer not null,
    sequence integer not null, run integer not null, again blob not null
) without rowid;
insert into subject select subject, event_id, alike, loose, person, household, protected, recorded, sequence, run, again
    from there.subject;
create table sent (event_id blob primary key) without rowid;
insert into sent select event_id from there.sent;
"""


@pytest.mark.slow
def test_another_process_waits_for_the_publisher_and_a_killed_one_leaves_no_lock(
    publisher: Publisher,
) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(publisher.state), AUTHORITY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(PlatformError, match="Another publish for leeds is running"):
            Memory.open(publisher.state, AUTHORITY)
    finally:
        other.kill()
        other.communicate()
    assert names(publisher.rows(ROW)) == ["Send"]


def test_a_memory_of_an_earlier_version_still_knows_what_was_sent(publisher: Publisher) -> None:
    publisher.rows(ROW, row(reference="CT-2", given_names="Max"))
    now = publisher.state / AUTHORITY / "memory.sqlite"
    old = publisher.directory / "old.sqlite"
    database = sqlite3.connect(old)
    database.execute("attach ? as there", (str(now),))
    database.executescript(BEFORE)
    database.execute("pragma user_version = 1")
    database.close()
    publisher.forget_everything_but_the_secret()
    old.rename(now)
    assert names(publisher.rows(ROW, row(reference="CT-2", given_names="Max"))) == ["Unchanged"] * 2
    changed = row(move_date="2026-05-02", recorded_at="2026-05-06T10:00:00Z")
    assert names(publisher.rows(changed)) == ["Send"]


def test_what_an_unsent_row_says_of_its_household_ends_with_the_row_that_is_published(tmp_path: Path) -> None:
    household, one, other = b"h" * 16, b"a" * 16, b"b" * 16
    with Memory.open(tmp_path, AUTHORITY) as memory:
        memory.shield([household], one)
        assert memory.is_marked([household], other)
        assert not memory.is_marked([household], one), "a row speaks for itself"
    with Memory.open(tmp_path, AUTHORITY) as memory:
        assert memory.is_marked([household], other), "from day to day"
        memory.lift(one)
        assert not memory.is_marked([household], other)
