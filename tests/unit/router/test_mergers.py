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


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: f"{one.merger.partition(',')[0]}: {one.what}")
def test_who_is_told_around_a_merger(example: Example) -> None:
    assert outcome(example) == (example.told, example.withdrawn)


@pytest.mark.parametrize("merger", [NORTHANTS, YORKS, SOMERSET, CUMBRIA])
def test_each_merger_is_shown_before_and_after_with_a_correction_or_an_annulment(merger: str) -> None:
    rows = [one for one in EXAMPLES if one.merger == merger]
    day = date.fromisoformat(merger.partition(":")[0].rpartition(" ")[2])
    assert {one.published < day for one in rows} == {True, False}
    assert day in {one.published for one in rows}
    assert {"CORRECT", "ANNUL"} & {one.kind for one in rows}


def test_the_page_is_what_the_command_makes() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "tests.unit.router.mergers"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout == PAGE.read_text("utf-8")


AREAS = st.sampled_from(sorted(id for id, one in UK.authorities.items() if one.gss))
DAYS = st.dates(date(1974, 4, 1), date(2030, 1, 1))


@given(AREAS, DAYS, DAYS)
def test_on_any_day_any_area_leads_to_bodies_in_force(area: str, occurred: date, published: date) -> None:
    """Never to nobody, nor to one that has ended; one that had not begun is told only where it was named by its own code."""
    network = network_on(published)
    addresses = [{"authority_gss": UK.authorities[area].gss}]
    concerned = Areas(network, NoPostcodes(), published).concerned(addresses, occurred)
    assert concerned.authorities
    assert not concerned.unknown
    later = max(occurred, published)
    for id in concerned.authorities:
        one = UK.authorities[id]
        assert one.valid_to is None or one.valid_to >= later
        assert one.in_force(later) or id == area


@given(AREAS, DAYS)
def test_whoever_is_told_was_the_area_s_own_body_or_county_or_follows_one(area: str, day: date) -> None:
    addresses = [{"authority_gss": UK.authorities[area].gss}]
    told = Areas(UK, NoPostcodes(), day).concerned(addresses, day - timedelta(days=1)).authorities
    parents = {UK.authorities[id].parent for id in heirs(area)} - {None}
    allowed = heirs(area).union(*(heirs(id) for id in parents if id))
    assert told <= allowed
    assert told & heirs(area)


def heirs(id: str) -> set[str]:
    """An authority and all that came after it, worked out a second time: step by step along `replaced_by`."""
    found = {id}
    for successor in UK.authorities[id].replaced_by:
        found |= heirs(successor)
    return found
