"""Authorities: their rows, their days in force and their successors."""

from datetime import date
from pathlib import Path

from instep.network.authorities import (
    ALIAS_COLUMNS,
    COLUMNS,
    Authority,
    authority,
    read_aliases,
    read_authorities,
    row,
)
from instep.network.network import Network, load

HEADING = ",".join(COLUMNS) + "\n"
SAMPLE = Path(__file__).parents[3] / "deploy/network/sample"


def test_an_authority_is_in_force_up_to_and_including_its_last_day() -> None:
    read, errors = read_authorities(
        HEADING + "harrogate,Harrogate,E07000165,district,,1974-04-01,2023-03-31,north-yorkshire\n"
    )
    _, harrogate = read["harrogate"]
    assert not errors
    assert not harrogate.in_force(date(1974, 3, 31))
    assert harrogate.in_force(date(1974, 4, 1))
    assert harrogate.in_force(date(2023, 3, 31))
    assert not harrogate.in_force(date(2023, 4, 1))


def test_two_successors_are_joined_with_a_bar() -> None:
    read, _ = read_authorities(
        HEADING
        + "cumbria,Cumbria,E10000006,county,,1974-04-01,2023-03-31,cumberland|westmorland-and-furness\n"
    )
    assert read["cumbria"][1].replaced_by == ("cumberland", "westmorland-and-furness")


def test_a_row_read_and_written_is_the_same() -> None:
    for council in load(SAMPLE).authorities.values():
        assert authority(row(council)) == council


def test_the_nation_follows_from_the_code() -> None:
    def nation(gss: str) -> str:
        return Authority(
            id="x1", name="x", gss=gss, tier="unitary", parent=None, valid_from=date(2000, 1, 1)
        ).nation

    assert [nation(gss) for gss in ("E06000001", "W06000001", "S12000033", "N09000001", "")] == [
        "england",
        "wales",
        "scotland",
        "northern-ireland",
        "northern-ireland",
    ]


def test_a_date_that_is_none_a_short_row_and_a_second_row_are_faults_with_their_lines() -> None:
    good = "leeds,Leeds,E08000035,metropolitan,,1974-04-01,,\n"
    read, errors = read_authorities(HEADING + good + "york,York,E06000014,unitary,,1996,,\n" + "a,b\n" + good)
    assert list(read) == ["leeds"]
    assert {(error.line, error.message) for error in errors} == {
        (3, "valid_from is '1996', which is not a date such as 2026-04-01"),
        (4, "2 columns where there should be 8"),
        (5, "leeds is on line 2 already"),
    }


def test_other_columns_are_refused_by_name() -> None:
    _, errors = read_authorities("id,name\n")
    assert [error.line for error in errors] == [1]
    assert "valid_from" in errors[0].message


def test_a_former_code_given_twice_is_a_fault() -> None:
    text = ",".join(ALIAS_COLUMNS) + "\nE08000016,barnsley,E08000038\nE08000016,leeds,E08000035\n"
    read, errors = read_aliases(text)
    assert read["E08000016"][1] == "barnsley"
    assert [error.line for error in errors] == [3]


def test_a_former_code_leads_to_the_council_that_still_exists() -> None:
    network = load(SAMPLE)
    assert network.by_gss["E08000016"].id == "barnsley"
    assert network.by_gss["E08000038"].id == "barnsley"


def _network(*authorities: Authority) -> Network:
    return Network(
        name="test", lanes=1, authorities={council.id: council for council in authorities}, agreements={}
    )


def test_an_authority_that_is_gone_leads_to_its_successors_through_any_chain() -> None:
    def lasting(id: str, first: str, last: str | None = None, *replaced_by: str) -> Authority:
        end = date.fromisoformat(last) if last else None
        start = date.fromisoformat(first)
        return Authority(
            id=id,
            name=id,
            gss="",
            tier="district",
            parent=None,
            valid_from=start,
            valid_to=end,
            replaced_by=replaced_by,
        )

    network = _network(
        lasting("taunton-deane", "1974-04-01", "2019-03-31", "somerset-west-and-taunton"),
        lasting("somerset-west-and-taunton", "2019-04-01", "2023-03-31", "somerset"),
        lasting("somerset", "2023-04-01"),
        lasting("round", "1974-04-01", "1996-03-31", "about"),
        lasting("about", "1974-04-01", "1996-03-31", "round"),
    )
    assert network.successors_in_force("taunton-deane", date(2018, 1, 1)) == {"taunton-deane"}
    assert network.successors_in_force("taunton-deane", date(2020, 1, 1)) == {"somerset-west-and-taunton"}
    assert network.successors_in_force("taunton-deane", date(2026, 1, 1)) == {"somerset"}
    assert network.successors_in_force("round", date(2026, 1, 1)) == frozenset()
    assert network.successors_in_force("nowhere", date(2026, 1, 1)) == frozenset()
