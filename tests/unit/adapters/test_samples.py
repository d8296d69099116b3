"""The clean samples convert whole: every row becomes an event that its schema takes."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from instep.adapters import Plain, Refused, Row, Settings, Triaged, read, triage
from instep.adapters.memory import Memory
from instep.adapters.split import councils, split_moves, split_registrations, write_moves
from instep.catalogue.files import default_directory, load_catalogue
from instep.events.plain import from_plain, to_plain
from instep.events.reader import decode
from instep.events.rules import rule_of
from instep.events.schema import Catalogue
from instep.events.writer import encode
from tests.unit.adapters.publishing import AUTHORITY, DATA, NOW, SETTINGS, TODAY, Publisher, events, names

MOVES = DATA / "moves.csv"
FOOD = DATA / "food-registrations.json"
COUNCILS = DATA / "fsa-authorities.csv"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(default_directory())


@pytest.fixture(scope="module")
def moves(tmp_path_factory: pytest.TempPathFactory) -> list[Triaged]:
    return Publisher(tmp_path_factory.mktemp("moves")).publish(MOVES)


@pytest.fixture(scope="module")
def food(tmp_path_factory: pytest.TempPathFactory) -> list[Triaged]:
    return Publisher(tmp_path_factory.mktemp("food")).publish(FOOD)


def encoded(catalogue: Catalogue, event_type: str, event: Plain) -> Plain:
    schema = catalogue.events[event_type].latest
    return to_plain(schema, decode(schema, encode(schema, from_plain(schema, event))))


@pytest.mark.slow
def test_all_2000_moves_convert_and_encode(catalogue: Catalogue, moves: list[Triaged]) -> None:
    assert names(moves) == ["Send"] * 2000
    for event in events(moves):
        assert encoded(catalogue, "resident-moved", event)["person"] == event["person"]


def test_all_300_registrations_convert_and_encode(catalogue: Catalogue, food: list[Triaged]) -> None:
    assert names(food) == ["Send"] * 300
    for event in events(food):
        assert encoded(catalogue, "business-registered", event)["establishment"] == event["establishment"]


@pytest.mark.slow
def test_intakes_own_rules_find_every_event_sound(
    catalogue: Catalogue, moves: list[Triaged], food: list[Triaged]
) -> None:
    """At the end of 2026: the samples hold rows recorded up to 30 December."""
    end_of_2026 = 1_798_761_600_000
    for event_type, outcomes in (("resident-moved", moves), ("business-registered", food)):
        kind = catalogue.events[event_type]
        for event in events(outcomes):
            assert rule_of(kind)(from_plain(kind.latest, event), end_of_2026) is None


def test_a_reference_again_is_a_correction_of_the_event_before(moves: list[Triaged]) -> None:
    last: dict[str, Plain] = {}
    for event in events(moves):
        header = event["header"]
        before = last.get(header["subject_ref"])
        assert header["change_kind"] == ("CORRECT" if before else "NEW")
        if before:
            assert header["replaces"] == before["event_id"]
            assert header["sequence"] > before["sequence"]
        last[header["subject_ref"]] = header
    assert Counter(event["header"]["change_kind"] for event in events(moves)) == {"NEW": 1960, "CORRECT": 40}


def test_no_local_reference_leaves_the_publisher(moves: list[Triaged]) -> None:
    text = json.dumps(events(moves))
    exported = MOVES.read_text(encoding="utf-8")
    for marked in ("CT-26-00", "HH-00"):  # every reference and household begins so
        assert exported.count(marked) >= 2000
        assert marked not in text


def test_event_ids_are_unique(moves: list[Triaged], food: list[Triaged]) -> None:
    ids = [event["header"]["event_id"] for event in (*events(moves), *events(food))]
    assert len(set(ids)) == len(ids) == 2300


def test_a_households_members_share_their_group_and_nobody_else_does(moves: list[Triaged]) -> None:
    with MOVES.open(encoding="utf-8") as stream:
        households = [row["household_reference"] for row in csv.DictReader(stream)]
    groups = [event["group_ref"] for event in events(moves)]
    assert len(set(zip(households, groups, strict=True))) == len(set(households)) == len(set(groups))


def test_nulls_of_the_real_api_are_absent_in_the_event(food: list[Triaged]) -> None:
    assert "null" not in json.dumps(events(food))


def test_moves_split_by_who_publishes_them_lose_none_and_keep_references_together(tmp_path: Path) -> None:
    with (DATA / "moves-expected.csv").open(encoding="utf-8") as stream:
        expected = {int(row["line"]): row for row in csv.DictReader(stream)}
    with MOVES.open(encoding="utf-8") as stream:
        all_rows = list(csv.DictReader(stream))
    lies_in = {
        row["new_postcode"]: expected[line]["new_authority"] for line, row in enumerate(all_rows, start=2)
    }
    for line, row in enumerate(all_rows, start=2):
        if expected[line]["class"] != "reorganisation":
            lies_in.setdefault(row["old_postcode"], expected[line]["old_authority"])
    shares = split_moves(MOVES, lies_in.get)
    assert "" not in shares
    assert sorted(int(row["line"]) for rows in shares.values() for row in rows) == list(range(2, 2002))
    home: dict[str, str] = {}
    for authority, rows in shares.items():
        for row in rows:
            first = row["reference"] not in home
            assert home.setdefault(row["reference"], authority) == authority
            side = "old_authority" if row["reason"] == "placement" else "new_authority"
            assert not first or expected[int(row["line"])][side] == authority
    busiest = max(shares, key=lambda authority: len(shares[authority]))
    write_moves(tmp_path / "share.csv", shares[busiest])
    assert names(Publisher(tmp_path).publish(tmp_path / "share.csv")) == ["Send"] * len(shares[busiest])


def test_registrations_split_by_council_are_that_councils_and_no_others(tmp_path: Path) -> None:
    council_of = councils(COUNCILS)
    shares = split_registrations(FOOD, council_of)
    assert "" not in shares
    assert sum(map(len, shares.values())) == 300
    path = tmp_path / "share.json"
    path.write_text(json.dumps(shares["cumberland"]), encoding="utf-8")
    settings = Settings(today=TODAY, council_of=council_of)
    mine = list(read(path, authority="cumberland", settings=settings))
    assert [type(line) for line in mine] == [Row] * len(shares["cumberland"])
    others = list(read(path, authority="cardiff", settings=settings))
    assert {line.reason for line in others if isinstance(line, Refused)} == {"other-council"}
    assert len(others) == len(mine)


@pytest.mark.slow
def test_two_authorities_never_have_a_reference_or_an_id_in_common(tmp_path: Path) -> None:
    identifiers = []
    for authority in (AUTHORITY, "bradford"):
        with Memory.open(tmp_path, AUTHORITY) as memory:  # the same secret, even
            lines = read(MOVES, authority=authority, settings=SETTINGS)
            outcomes = list(
                triage(lines, memory=memory, secret=memory.secret, authority=authority, now=lambda: NOW)
            )
            identifiers.append(
                {event["header"][name] for event in events(outcomes) for name in ("event_id", "subject_ref")}
            )
    assert identifiers[0]
    assert not identifiers[0] & identifiers[1]
