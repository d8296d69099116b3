"""The national network is generated from its source, and is sound."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from instep.catalogue.files import load_catalogue
from instep.errors import NetworkError
from instep.network.check import check
from instep.network.network import load
from instep.network.uk import make_uk, uk_files

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "deploy/network/uk-source"
UK = ROOT / "deploy/network/uk"
TODAY = date(2026, 11, 23)


def test_the_committed_files_are_what_the_command_makes() -> None:
    committed = {
        str(file.relative_to(UK)): file.read_text(encoding="utf-8")
        for file in UK.rglob("*")
        if file.is_file()
    }
    assert committed == uk_files(SOURCE)


def test_the_command_writes_a_network_that_loads(tmp_path: Path) -> None:
    make_uk(SOURCE, tmp_path / "uk")
    assert load(tmp_path / "uk") == load(UK)


def test_a_source_with_a_broken_row_is_not_used(tmp_path: Path) -> None:
    for name in ("network.toml", "gss-aliases.csv"):
        (tmp_path / name).write_bytes((SOURCE / name).read_bytes())
    (tmp_path / "authorities.csv").write_text("authority,name\n")
    with pytest.raises(NetworkError, match=r"authorities\.csv, line 1"):
        uk_files(tmp_path)


def test_it_is_sound_and_only_lacks_approvals() -> None:
    problems = check(UK, load_catalogue(ROOT / "schemas"), TODAY)
    assert {problem.severity for problem in problems} == {"warning"}
    assert all("has not approved" in problem.message for problem in problems)


def test_it_holds_every_council_of_today_and_those_that_led_to_them() -> None:
    network = load(UK)
    today = [council for council in network.authorities.values() if council.valid_to is None]
    assert len(today) == 382
    assert network.participants == tuple(sorted(council.id for council in today))
    assert len(network.authorities) == 455
    for council in network.authorities.values():
        successors = network.successors_in_force(council.id, TODAY)
        assert successors, council.id
        assert all(network.authorities[id].valid_to is None for id in successors)


def test_its_parties_are_those_with_the_duty() -> None:
    network = load(UK)
    tiers = Counter(council.tier for council in network.authorities.values() if council.valid_to is None)
    tax, food, placements = (
        network.agreements[f"uk-{name}"] for name in ("council-tax", "food-safety", "placements")
    )
    nation = {id: council.nation for id, council in network.authorities.items()}
    assert tax.sources == tax.recipients
    assert len(tax.sources) == 382 - tiers["county"] - 11
    assert "northern-ireland" not in {nation[id] for id in tax.sources}
    assert food.recipients - food.sources == {
        id
        for id, council in network.authorities.items()
        if council.tier == "county" and council.valid_to is None
    }
    assert "scotland" not in {nation[id] for id in food.parties}
    assert {nation[id] for id in placements.parties} == {"england"}


def test_most_have_approved_and_a_few_have_not() -> None:
    for agreement in load(UK).agreements.values():
        assert 0.93 < len(agreement.approved) / len(agreement.parties) < 0.98, agreement.id


def test_a_former_code_finds_the_council_that_still_exists() -> None:
    network = load(UK)
    assert network.by_gss["S12000046"].id == "glasgow"
    assert network.by_gss["E08000019"].id == "sheffield"
    assert len(network.gss_aliases) == 14
