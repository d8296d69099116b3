"""The map and the decisions about lanes are true of the code: paths, rooms, the bytes of an event, limits."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from instep.kafka import unpacking
from instep.lanes import barrier, claim, clock, fetching, lane, pending_offsets, readiness, unconfirmed, watch
from instep.lanes.settings import LaneSettings
from instep.network.services import SERVICES
from tests.hostile import avro
from tests.hostile.cases import CAMDEN, LAMBETH, SOURCE, Record
from tests.hostile.entry import NOW, Entry

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "services" / "instep"
PAGE = (ROOT / "services" / "README.md").read_text(encoding="utf-8")
DECISION_1 = (ROOT / "services/decisions/001-claims-that-prove-what-they-build-on.md").read_text("utf-8")
DECISION_15 = (ROOT / "services/decisions/015-a-lane-watches-its-markers.md").read_text("utf-8")
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
MODULES = {path.name for path in PACKAGE.rglob("*.py")}
QUOTED = re.findall(r"`([^`\n]+)`", PAGE)
BULLETS = {
    room: re.findall(r"`([a-z_]+)`", text)
    for room, text in re.findall(r"^- \*\*`(\w+)/`\*\*:(.*(?:\n  .*)*)", PAGE, re.MULTILINE)
}
COMMANDS = {"up", "down", "status"}
"""Words of the lists of modules that are commands."""

NUMBER = 90_000_000
"""The event of the map."""


def is_there(path: str) -> bool:
    return any(list(home.glob(path)) for home in (ROOT, PACKAGE, PACKAGE.parent))


def test_every_path_on_the_map_is_there() -> None:
    paths = [text for text in QUOTED if re.fullmatch(r"[a-z_*-]+/[\w/.*-]*", text) and "case-" not in text]
    assert len(paths) > 40, "the paths were found"
    assert [path for path in paths if not is_there(path)] == []


def test_every_module_on_the_map_is_there() -> None:
    modules = [text for text in QUOTED if re.fullmatch(r"\w+\.py", text)]
    assert len(modules) > 40, "the modules were found"
    assert sorted(set(modules) - MODULES) == []


def test_every_room_has_a_row() -> None:
    rows = {
        room
        for row in re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
        for room in re.findall(r"`(\w+)/`", row)
    }
    assert sorted(rows) == ROOMS


@pytest.mark.parametrize("room", BULLETS)
def test_the_modules_listed_for_a_room_are_in_the_room(room: str) -> None:
    modules = {path.stem for path in (PACKAGE / room).glob("*.py")}
    assert sorted(set(BULLETS[room]) - modules - COMMANDS) == []


def test_each_room_without_a_section_of_its_own_has_a_list_of_modules() -> None:
    assert sorted({*BULLETS, *SERVICES, "lanes"}) == ROOMS


def test_the_event_on_the_map_has_these_bytes_at_each_step() -> None:
    entry = Entry()
    event = avro.body(avro.moved(NUMBER, SOURCE, NOW, old=LAMBETH, new=CAMDEN))
    value = avro.framed(entry.number("uk.instep.ResidentMoved"), event)
    accepted = entry.enter(Record(key=b"case-%d" % NUMBER, value=value))
    assert (
        f"`lambeth.outbox`, key `case-{NUMBER}`: byte 0, the schema's id in 4 bytes, then {len(event)} bytes"
        in PAGE
    )
    assert f"Lambeth publishes the move: {len(value)} bytes" in " ".join(PAGE.split())
    assert (
        f"`{accepted.topic}` partition {accepted.partition}, key `lambeth/case-{NUMBER}`, the same"
        f" {len(accepted.value or b'')} bytes, header `{next(iter(accepted.headers))[0]}`"
    ) in PAGE
    step_seven = next(line for line in PAGE.splitlines() if line.startswith("| 7 |"))
    outputs = entry.route([accepted])
    assert set(re.findall(r"`((?:camden|lambeth|instep)\.[\w.-]+)`", step_seven)) == {
        output.topic for output in outputs
    }
    for output in outputs:
        place = f"`{output.topic}`" + (
            f" partition {output.partition}" if output.topic.startswith("instep.") else ""
        )
        assert re.search(
            rf"{re.escape(place)}(?: and `[\w.-]+`)?: {len(output.value or b'')}\b", step_seven
        ), place


DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(LaneSettings)}
LIMITS = [
    (f"After {barrier.GRACE_SECONDS:g} s a transaction without an end", PAGE),
    (f"{1000 * fetching._REST_PER_RECORD:g} ms a record, {1000 * fetching._LONGEST_REST:g} ms at most", PAGE),
    (f"after {fetching._MANY} records or more", PAGE),
    (f"comes {1000 * fetching._OPEN_SECONDS:g} ms later", PAGE),
    (f"unpacked up to {unpacking.MOST >> 20} MiB", PAGE),
    (f"Above {DEFAULTS['queue_bytes'] >> 20} MiB of queued values", PAGE),
    (f"{DEFAULTS['transaction_events']:,} records", PAGE),
    (f"or {DEFAULTS['transaction_bytes'] >> 20} MiB", PAGE),
    (f"nothing more after {DEFAULTS['transaction_seconds']:g} s", PAGE),
    (f"begins {1000 * DEFAULTS['transaction_interval']:g} ms after", PAGE),
    (f"waits for records, for {'a second' if lane._TICK_SECONDS == 1 else lane._TICK_SECONDS} at most", PAGE),
    (f"missing for {claim._SETTLE_SECONDS:g} s, the lane", PAGE),
    (f"Every {watch._TOPICS_SECONDS:g} s it asks whether a topic", PAGE),
    (f"claims again after {lane._FIRST_PAUSE_SECONDS:g} s", PAGE),
    (f"up to {lane._LONGEST_PAUSE_SECONDS:g} s", PAGE),
    (f"looks every {lane._STOPPED_SECONDS:g} s whether somebody has acted", PAGE),
    (f"more than {'five' if clock.CLOCK_SECONDS == 300 else clock.CLOCK_SECONDS} minutes", PAGE),
    (f"silent for {DEFAULTS['watchdog_seconds']:g} s", PAGE),
    (f"commits nothing for {readiness._STALLED_SECONDS:g} s", PAGE),
    (f"open for {readiness._PAST_ITS_TIME} times its limit", PAGE),
    (f"{'Once a second' if pending_offsets.OFFSET_COMMIT_SECONDS == 1 else 'Seldom'} the watch", PAGE),
    (f"missing for {claim._SETTLE_SECONDS:g} s, the lane", DECISION_15),
    (f"may stay open for {DEFAULTS['transaction_timeout']:g} s", DECISION_15),
    (f"the lane waits for {DEFAULTS['transaction_timeout'] + barrier.MARGIN_SECONDS:g} s", DECISION_1),
    (f"has not after {barrier.GRACE_SECONDS:g} s, a transaction hangs", DECISION_1),
    (
        f"at most {'once a minute' if unconfirmed._AGAIN_SECONDS == 60 else 'seldom'} for a partition",
        DECISION_15,
    ),
]


@pytest.mark.parametrize(("words", "page"), LIMITS, ids=[words for words, _ in LIMITS])
def test_a_limit_is_the_code_s(words: str, page: str) -> None:
    assert words in " ".join(page.split())
