"""Mergers: who is told on the days around them, by example and on every day."""

import subprocess
import sys
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.network.areas import Areas
from tests.unit.router.mergers import (
    CUMBRIA,
    EXAMPLES,
    NORTHANTS,
    PAGE,
    ROOT,
    SOMERSET,
    UK,
    YORKS,
    Example,
    NoPostcodes,
    network_on,
    outcome,
)


@pytest.mark.parametrize(
    "example", EXAMPLES, ids=lambda example: f"{example.merger.partition(',')[0]}: {example.situation}"
)
def test_who_is_told_around_a_merger(example: Example) -> None:
    assert outcome(example) == (example.delivered, example.withdrawn)


@pytest.mark.parametrize("merger", [NORTHANTS, YORKS, SOMERSET, CUMBRIA])
def test_each_merger_is_shown_before_and_after_with_a_correction_or_an_annulment(merger: str) -> None:
    rows = [example for example in EXAMPLES if example.merger == merger]
    day = date.fromisoformat(merger.partition(":")[0].rpartition(" ")[2])
    assert {row.published < day for row in rows} == {True, False}
    assert day in {row.published for row in rows}
    assert {"CORRECT", "ANNUL"} & {row.kind for row in rows}


@pytest.mark.slow
def test_the_page_is_what_the_command_makes() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "tests.unit.router.mergers"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout == PAGE.read_text("utf-8")


AREAS = st.sampled_from(sorted(id for id, council in UK.authorities.items() if council.gss))
DAYS = st.dates(date(1974, 4, 1), date(2030, 1, 1))


@given(AREAS, DAYS, DAYS)
def test_on_any_day_any_area_leads_to_bodies_in_force(area: str, occurred: date, published: date) -> None:
    """Never to nobody, nor to an ended body. A body that had not begun is told only where its own code was given."""
    network = network_on(published)
    addresses = [{"authority_gss": UK.authorities[area].gss}]
    concerned = Areas(network, NoPostcodes(), published).concerned(addresses, occurred)
    assert concerned.authorities
    assert not concerned.unknown
    later = max(occurred, published)
    for id in concerned.authorities:
        council = UK.authorities[id]
        assert council.valid_to is None or council.valid_to >= later
        assert council.in_force(later) or id == area


@given(AREAS, DAYS)
def test_whoever_is_told_was_the_area_s_own_body_or_county_or_follows_one(area: str, day: date) -> None:
    addresses = [{"authority_gss": UK.authorities[area].gss}]
    concerned = Areas(UK, NoPostcodes(), day).concerned(addresses, day - timedelta(days=1)).authorities
    parents = {UK.authorities[id].parent for id in heirs(area)} - {None}
    allowed = heirs(area).union(*(heirs(id) for id in parents if id))
    assert concerned <= allowed
    assert concerned & heirs(area)


def heirs(id: str) -> set[str]:
    """An authority and all its successors, worked out a second time: step by step along `replaced_by`."""
    line = {id}
    for successor in UK.authorities[id].replaced_by:
        line |= heirs(successor)
    return line
