"""Postcodes: the answers of a look-up; and a file is written whole or not at all."""

import csv
import shutil
from pathlib import Path

import pytest

from instep.errors import PlatformError
from instep.postcodes import Postcodes

MOVES = Path(__file__).parents[1] / "data/moves.csv"


@pytest.mark.parametrize("written", ["LS1 1UR", "LS11UR", " ls1  1ur ", "Ls1\t1uR"])
def test_spaces_and_case_make_no_difference(postcodes: Postcodes, written: str) -> None:
    assert postcodes.gss(written) == "E08000035"


@pytest.mark.parametrize(
    "written", ["", "LS", "LS1", "LS1 1U", "ZZ99 9ZZ", "BF1 3AA", "LS1 1URX", "1", "É1 1AA", "\0" * 7]
)
def test_what_is_not_known_has_no_answer(postcodes: Postcodes, written: str) -> None:
    assert postcodes.gss(written) is None


@pytest.mark.parametrize("crown_dependency", ["JE2 3AB", "IM1 1AA"])
def test_a_postcode_of_no_uk_authority_is_known_and_has_none(
    postcodes: Postcodes, crown_dependency: str
) -> None:
    assert postcodes.gss(crown_dependency) == ""


def test_the_first_and_the_last_postcode_are_found(postcodes: Postcodes) -> None:
    assert postcodes.gss("AB1 0AA") == "S12000033"
    assert postcodes.gss("ZE3 9XP") == "S12000027"


def test_every_postcode_of_the_sample_moves_is_known(postcodes: Postcodes) -> None:
    with MOVES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(postcodes.gss(row[side]) for row in rows for side in ("old_postcode", "new_postcode"))


def test_all_codes_but_those_of_no_authority_are_listed(postcodes: Postcodes) -> None:
    assert len(postcodes.codes) == 361
    assert postcodes.codes.isdisjoint({"", "L99999999", "M99999999"})


def test_the_file_is_made_once_and_leaves_nothing_beside_it(postcodes_cache: Path) -> None:
    (made,) = postcodes_cache.iterdir()
    before = made.stat().st_mtime_ns
    Postcodes.open(postcodes_cache)
    assert [*postcodes_cache.iterdir()] == [made]
    assert made.stat().st_mtime_ns == before


@pytest.mark.parametrize("size", [0, 5, 16, 4_000, 24_000_000])
def test_a_file_cut_off_is_not_taken_for_a_whole_one(
    postcodes_cache: Path, tmp_path: Path, size: int
) -> None:
    cut = _cut(postcodes_cache, tmp_path, size)
    with pytest.raises(ValueError):
        Postcodes(cut)


@pytest.mark.slow
def test_a_file_cut_off_is_made_again(postcodes_cache: Path, tmp_path: Path) -> None:
    cut = _cut(postcodes_cache, tmp_path, 1_000_000)
    assert Postcodes.open(tmp_path).gss("LS1 1UR") == "E08000035"
    (whole,) = postcodes_cache.iterdir()
    assert cut.read_bytes() == whole.read_bytes()


@pytest.mark.slow
def test_a_place_that_cannot_be_written_is_said_in_one_sentence(tmp_path: Path) -> None:
    occupied = tmp_path / "cache"
    occupied.write_text("a file where a directory should be")
    with pytest.raises(PlatformError, match="cannot be made"):
        Postcodes.open(occupied)


def _cut(cache: Path, into: Path, size: int) -> Path:
    (whole,) = cache.iterdir()
    cut = into / whole.name
    shutil.copy(whole, cut)
    with cut.open("r+b") as file:
        file.truncate(size)
    return cut
