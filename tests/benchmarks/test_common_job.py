"""The benchmark measures what it says: every codec does the same job, and what is drawn and divided is what was measured."""

from xml.etree import ElementTree

import pytest

from instep.events.framing import frame
from instep.events.writer import encode
from instep.network.network import Network
from tests.benchmarks.chart import bars
from tests.benchmarks.entrants import ENTRANTS
from tests.benchmarks.network import FIELDS
from tests.benchmarks.peers.job import Job
from tests.benchmarks.peers.lanes import with_instep
from tests.benchmarks.report import Row, middle, ratios
from tests.unit.events.sample import MOVED, example

NETWORK = Network(
    name="bench",
    lanes=1,
    authorities={},
    agreements={},
    schemas={7: (MOVED.full_name, MOVED.latest.version)},
)


def job(codec: str) -> Job:
    gss = example()["old_address"]["authority_gss"]
    return Job(
        servers="",
        topic="in",
        run="run",
        directory="",
        transactional=False,
        codec=codec,
        linger_ms=0,
        schema=MOVED.latest.parsed,
        routes={gss: "one.inbox", "E0": "two.inbox"},
        fields=FIELDS,
    )


def test_fastavro_and_instep_send_the_same_bytes_to_the_same_place() -> None:
    event = example() | {"old_address": example()["new_address"] | {"authority_gss": "E0"}}
    value = frame(7, encode(MOVED.latest, event))
    sent = job("fastavro").work()(value)
    assert sent == with_instep(job("instep"), NETWORK)(value)
    assert sent[0] == "two.inbox"
    assert len(sent[2]) < len(value)


def test_without_codec_the_value_is_passed_on_as_it_is() -> None:
    value = frame(7, encode(MOVED.latest, example()))
    topic, key, passed = job("").work()(value)
    assert passed is value
    assert key.decode() == example()["header"]["event_id"]
    assert topic in job("").outputs


def test_ratios_say_how_many_times_as_fast_lanes_are() -> None:
    rows = [
        Row(name="lanes", guarantee="exactly once", events_per_second=60_000),
        Row(name="slow", guarantee="at least once", events_per_second=2_000),
        Row(name="absent", guarantee="at least once", missing="it is not here"),
    ]
    assert ratios(rows) == {"slow, at least once": 30.0}
    assert ratios(rows[1:]) == {}


def test_a_figure_is_the_median_of_its_rounds_and_a_missing_one_stays_missing() -> None:
    rounds = [Row(name="one", guarantee="", events_per_second=rate) for rate in (10, 30, 20)]
    assert middle(rounds) == Row(name="one", guarantee="", events_per_second=20)
    assert middle([Row(name="one", guarantee="", missing="why")]).missing == "why"


def test_the_longest_bar_is_the_quickest_and_names_are_escaped() -> None:
    drawn = ElementTree.fromstring(bars("a < b", [("quick", 100, True), ("slow & old", 50, False)]))  # noqa: S314
    widths = [float(one.get("width", "0")) for one in drawn.iter("{http://www.w3.org/2000/svg}rect")][1:]
    assert widths[0] == pytest.approx(2 * widths[1])
    assert "slow & old" in "".join(drawn.itertext())


def test_no_entrant_takes_part_twice_under_the_same_name() -> None:
    assert len({(one.name, one.guarantee) for one in ENTRANTS}) == len(ENTRANTS)
