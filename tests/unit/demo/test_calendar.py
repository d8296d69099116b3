"""The demo's agreements stand on any later day as they did on the day they were written."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from instep.catalogue.files import default_directory, load_catalogue
from instep.demo.calendar import WRITTEN, moved_on
from instep.network.check import check
from instep.network.network import load

NETWORKS = Path(__file__).parents[3] / "deploy/network"


@pytest.mark.parametrize("name", ["sample", "uk"])
@pytest.mark.parametrize("passed", [1, 30, 400, 4000])
def test_what_was_in_force_is_and_what_was_not_yet_is_not(name: str, passed: int, tmp_path: Path) -> None:
    today = WRITTEN + timedelta(days=passed)
    assert moved_on(NETWORKS / name, tmp_path / name, today) == passed
    problems = check(tmp_path / name, load_catalogue(default_directory()), today)
    assert not [problem for problem in problems if problem.severity == "error"]
    before, now = load(NETWORKS / name).agreements, load(tmp_path / name).agreements
    assert {id: one.standing(today) for id, one in now.items()} == {
        id: one.standing(WRITTEN) for id, one in before.items()
    }
    assert any(one.standing(today) == "active" for one in now.values())


def test_on_an_earlier_day_nothing_is_moved(tmp_path: Path) -> None:
    assert moved_on(NETWORKS / "sample", tmp_path / "sample", date(2026, 9, 1)) == 0
    assert load(tmp_path / "sample") == load(NETWORKS / "sample")
