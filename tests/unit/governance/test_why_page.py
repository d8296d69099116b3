"""The page of the ways in which a record may not arrive has every way that the code knows, and Kafka's tests show them."""

import re
from pathlib import Path

from instep.client.explain import ENDINGS, WITHDRAWN, WITHHELD
from instep.client.why import LEFT_OUT
from instep.client.why_answer import Way
from instep.client.why_received import Whereabouts
from tests.kafka.test_why import LATER, WAYS

PAGE = (Path(__file__).resolve().parents[3] / "deploy" / "why.md").read_text(encoding="utf-8")
SOURCE, RECIPIENT = PAGE.split("## A recipient asks")
KAFKA = "Kafka"
FREE = {"refused-at-home", "held-for-review", "refused"}
"""Ways whose reasons are listed elsewhere."""

Pair = tuple[str, str]


def rows(part: str) -> dict[Pair, str]:
    """How each way and reason of a part of the page is shown."""
    read: dict[Pair, str] = {}
    for line in part.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and "what happened" not in line and re.fullmatch(r"`[a-z-]+`", cells[1]):
            reason = cells[2].strip("`") if len(cells) == 4 else ""
            way = cells[1].strip("`")
            assert (way, reason) not in read
            read[way, "" if way in FREE else reason] = cells[-1]
    return read


def test_the_page_has_every_way_and_every_reason() -> None:
    pairs = {
        **{("withheld", reason): 1 for reason in WITHHELD},
        **{("withdrawn", reason): 1 for reason in WITHDRAWN},
        **{("left-out", reason): 1 for reason in LEFT_OUT},
        **{(reason.lower().replace("_", "-"), reason): 1 for reason in ENDINGS},
    }
    ways = {(str(way), "") for way in Way} - {(way, "") for way, _ in pairs}
    assert set(rows(SOURCE)) == pairs.keys() | ways
    assert set(rows(RECIPIENT)) == {(str(arrival), "") for arrival in Whereabouts}


def test_the_tests_on_a_real_kafka_show_each_way_that_the_page_says_they_show() -> None:
    seen = {(way.way, "" if way.way in FREE else way.reason, bool(way.recipient)) for way in (*WAYS, *LATER)}
    named = {(*pair, False) for pair, shown in rows(SOURCE).items() if shown == KAFKA}
    named |= {(*pair, True) for pair, shown in rows(RECIPIENT).items() if shown == KAFKA}
    assert seen == named


def test_there_are_many_ways() -> None:
    """A page that nobody could read any more would have none."""
    assert len(rows(SOURCE)) > 30
