"""The authorities that an event concerns: by code or postcode, in two tiers, through reorganisations."""

import csv
from collections.abc import Mapping
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.network.areas import Areas, Concerned
from instep.network.authorities import Authority
from instep.network.network import Network, load
from instep.postcodes import Postcodes

ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests/data"
TODAY = date(2026, 11, 22)
UK = load(ROOT / "deploy/network/uk")


class FewPostcodes:
    """A gazetteer of a test's own postcodes, with the codes of some councils outside the network."""

    def __init__(
        self, gss_by_postcode: Mapping[str, str] | None = None, codes: frozenset[str] = frozenset()
    ) -> None:
        self._gss_by_postcode = gss_by_postcode or {}
        self.codes = codes | frozenset(self._gss_by_postcode.values())

    def gss(self, postcode: str) -> str | None:
        return self._gss_by_postcode.get(postcode)


def code_of(authority: str, network: Network = UK) -> dict[str, str]:
    return {"authority_gss": network.authorities[authority].gss}


def concerned_by(*addresses: Mapping[str, str | None] | None, on: date, today: date = TODAY) -> set[str]:
    return set(Areas(UK, FewPostcodes(), today).concerned(addresses, on).authorities)


@pytest.mark.slow
def test_every_sample_move_concerns_the_bodies_that_are_expected_and_in_force(postcodes: Postcodes) -> None:
    areas = Areas(UK, postcodes, TODAY)
    moves, expected = _rows("moves.csv"), _rows("moves-expected.csv")
    wrong = []
    for move, answer in zip(moves, expected, strict=True):
        on = date.fromisoformat(move["move_date"])
        concerned = areas.concerned([{"postcode": move[f"{side}_postcode"]} for side in ("old", "new")], on)
        named = answer["concerned"].split("|")
        if concerned != _exactly({id for id in named if UK.authorities[id].in_force(on)}):
            wrong.append(answer["line"])
    assert len(moves) == 2000
    assert wrong == []


def test_a_move_between_two_tier_areas_concerns_four_bodies() -> None:
    concerned = concerned_by(code_of("high-peak"), code_of("adur"), on=date(2026, 10, 1))
    assert concerned == {"high-peak", "derbyshire", "adur", "west-sussex"}


def test_a_county_is_told_of_a_move_within_one_of_its_districts() -> None:
    assert concerned_by(code_of("adur"), code_of("adur"), on=date(2026, 10, 1)) == {"adur", "west-sussex"}


def test_the_code_goes_before_the_postcode() -> None:
    areas = Areas(UK, FewPostcodes({"LS1 1UR": "E08000035"}), TODAY)
    address = code_of("bradford") | {"postcode": "LS1 1UR"}
    assert areas.concerned([address], TODAY) == _exactly({"bradford"})


def test_a_former_code_of_a_council_that_still_exists_finds_it() -> None:
    assert concerned_by({"authority_gss": "E08000016"}, on=TODAY) == {"barnsley"}


def test_a_council_ended_before_the_day_leads_to_its_successor() -> None:
    assert concerned_by(code_of("harrogate"), on=date(2023, 4, 1)) == {"north-yorkshire"}


def test_a_council_in_force_on_the_day_but_gone_today_leads_to_its_successor_too() -> None:
    last_day = date(2023, 3, 31)
    assert concerned_by(code_of("harrogate"), on=last_day) == {"north-yorkshire"}
    assert concerned_by(code_of("harrogate"), on=last_day, today=last_day) == {
        "harrogate",
        "north-yorkshire-county",
    }


def test_successors_are_followed_through_a_chain() -> None:
    assert concerned_by(code_of("taunton-deane"), on=date(2019, 1, 1)) == {"somerset"}


def test_of_a_split_county_only_the_districts_own_successor_is_told() -> None:
    assert concerned_by(code_of("eden"), on=date(2022, 6, 1)) == {"westmorland-and-furness"}
    assert concerned_by(code_of("carlisle"), on=date(2022, 6, 1)) == {"cumberland"}


def test_a_county_given_by_its_own_code_leads_to_all_its_successors() -> None:
    assert concerned_by(code_of("cumbria"), on=date(2022, 6, 1)) == {"cumberland", "westmorland-and-furness"}


def test_a_district_merged_within_a_county_still_concerns_the_county() -> None:
    assert concerned_by(code_of("forest-heath"), on=date(2018, 1, 1)) == {"west-suffolk", "suffolk"}


def test_an_event_older_than_the_council_of_its_postcode_concerns_that_council() -> None:
    areas = Areas(UK, FewPostcodes({"HG1 1AA": "E06000065"}), TODAY)
    assert areas.concerned([{"postcode": "HG1 1AA"}], date(2001, 1, 1)) == _exactly({"north-yorkshire"})


def test_a_reorganisation_takes_effect_on_its_day_and_not_before() -> None:
    new = Authority(id="newshire", name="", gss="E06999999", tier="unitary", parent=None, valid_from=_day(1))
    old = [
        Authority(
            id=id,
            name="",
            gss=gss,
            tier=tier,
            parent=parent,
            valid_from=date(1974, 4, 1),
            valid_to=_day(0),
            replaced_by=("newshire",),
        )
        for id, gss, tier, parent in [
            ("oldtown", "E07999999", "district", "oldshire"),
            ("oldshire", "E10999999", "county", None),
        ]
    ]
    network = _network(new, *old)
    for today, expected in ((_day(0), {"oldtown", "oldshire"}), (_day(1), {"newshire"})):
        areas = Areas(network, FewPostcodes(), today)
        assert areas.concerned([code_of("oldtown", network)], _day(0)) == _exactly(expected)


@pytest.mark.parametrize(
    "address",
    [
        None,
        {},
        {"authority_gss": None, "postcode": None},
        {"postcode": "ZZ99 9ZZ"},
        {"postcode": "JE2 3AB"},
        {"authority_gss": "E09999999"},
        {"authority_gss": "E09999999", "postcode": "LS1 1UR"},
        {"postcode": "LS1 1UR", "country": "US"},
    ],
)
def test_an_event_none_of_whose_addresses_can_be_placed_is_of_an_unknown_area(
    address: Mapping[str, str | None] | None,
) -> None:
    areas = Areas(UK, FewPostcodes({"LS1 1UR": "E08000035", "JE2 3AB": ""}), TODAY)
    assert areas.concerned([address, None], TODAY) == Concerned(authorities=frozenset(), unknown=True)


def test_one_address_that_can_be_placed_is_enough() -> None:
    areas = Areas(UK, FewPostcodes(), TODAY)
    abroad = {"country": "FR", "postcode": None, "authority_gss": None}
    assert areas.concerned([code_of("leeds"), abroad], TODAY) == _exactly({"leeds"})


def test_an_address_in_a_council_outside_the_network_is_placed_and_concerns_nobody() -> None:
    sample = load(ROOT / "deploy/network/sample")
    areas = Areas(sample, FewPostcodes(codes=frozenset({"S12000033"})), TODAY)
    assert areas.concerned([{"authority_gss": "S12000033"}], TODAY) == _exactly(set())


AUTHORITIES = st.sampled_from(sorted(council.id for council in UK.authorities.values() if council.gss))
DAYS = st.dates(date(1974, 4, 1), date(2030, 1, 1))


@given(AUTHORITIES, DAYS, DAYS)
def test_whoever_is_told_has_not_ended(authority: str, on: date, today: date) -> None:
    concerned = concerned_by(code_of(authority), on=on, today=today)
    assert concerned
    for id in concerned:
        ended = UK.authorities[id].valid_to
        assert ended is None or ended >= max(on, today)


@given(st.lists(AUTHORITIES, max_size=4), DAYS)
def test_more_addresses_concern_exactly_those_that_each_concerns(authorities: list[str], on: date) -> None:
    each = [concerned_by(code_of(id), on=on) for id in authorities]
    assert concerned_by(*map(code_of, authorities), on=on) == set().union(*each)


@given(
    st.sampled_from(sorted(council.id for council in UK.authorities.values() if not council.valid_to)), DAYS
)
def test_a_council_that_stands_is_told_with_its_county_and_nobody_else(authority: str, on: date) -> None:
    parent = UK.authorities[authority].parent
    assert concerned_by(code_of(authority), on=on) == {authority} | ({parent} if parent else set())


@given(st.data())
def test_however_authorities_follow_one_another_somebody_who_stands_is_told(data: st.DataObject) -> None:
    """A line of councils, each the successor of the council before; whatever the days, exactly one council is told."""
    starts = [date(1974, 4, 1)]
    for days in data.draw(st.lists(st.integers(1, 9000), max_size=5)):
        starts.append(starts[-1] + timedelta(days=days))
    ends = [later - timedelta(days=1) for _, later in pairwise(starts)]
    line = [
        Authority(
            id=f"council-{at}",
            name="",
            gss=f"E069{at:05}",
            tier="unitary",
            parent=None,
            valid_from=start,
            valid_to=ends[at] if at < len(ends) else None,
            replaced_by=(f"council-{at + 1}",) if at < len(ends) else (),
        )
        for at, start in enumerate(starts)
    ]
    network = _network(*line)
    first = data.draw(st.sampled_from(line))
    on, today = data.draw(DAYS), data.draw(DAYS)
    concerned = Areas(network, FewPostcodes(), today).concerned([code_of(first.id, network)], on)
    later = [
        council
        for council in line[line.index(first) :]
        if council.valid_to is None or council.valid_to >= max(on, today)
    ]
    assert concerned == _exactly({later[0].id})


def _exactly(authorities: set[str]) -> Concerned:
    return Concerned(authorities=frozenset(authorities), unknown=False)


def _network(*authorities: Authority) -> Network:
    return Network(
        name="test", lanes=4, authorities={council.id: council for council in authorities}, agreements={}
    )


def _day(number: int) -> date:
    return date(2027, 3, 31) + timedelta(days=number)


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
