"""A row that is cut off hides nobody of its household whose name or address begins with what is left of the row."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.adapters import Review, surveying
from tests.unit.adapters.publishing import csv_of, row
from tests.unit.cases.council import CouncilOffice, Run

PARENT = row(
    reference="P-1",
    given_names="Ada",
    family_name="Quillfeather",
    old_uprn="",
    old_address_line_1="The Old Mill",
    new_uprn="",
    new_address_line_1="17 New Street",
    household_reference="HH-77",
    protected="yes",
)
PARTNER = {**PARENT, "reference": "P-2", "given_names": "Bo", "family_name": "Tansy", "protected": "no"}
STRANGER = row(
    reference="P-3",
    given_names="Cy",
    family_name="Umber",
    old_uprn="",
    old_address_line_1="3 Elm Row",
    new_uprn="",
    new_address_line_1="4 Oak Row",
    household_reference="HH-78",
)


def line(cells: dict[str, str]) -> str:
    return csv_of(cells).decode().split("\r\n")[1]


def published(office: CouncilOffice, *lines: str) -> Run:
    heading = csv_of().decode().rstrip("\r\n")
    return office.publish("\r\n".join([heading, *lines, ""]))


@pytest.mark.parametrize(
    "left",
    ["The O", "T", "The Old Mill ", "The Old Mill", "The Old Mill,,Leeds,LS1 1UR,,17", "The Old Mill,,Le"],
)
def test_a_row_cut_within_its_address_protects_another_family_at_that_address(
    tmp_path: Path, left: str
) -> None:
    office = CouncilOffice("bradford", tmp_path)
    text = line(PARENT)
    cut = text[: text.index("The Old Mill")] + left
    run = published(office, cut, line(PARTNER), line(STRANGER))
    assert run.unsent == {2: "missing-cells", 3: "household-in-doubt"}
    assert run.handling() == {4: "ORDINARY"}


def test_a_row_cut_within_its_address_protects_who_comes_in_the_next_file(tmp_path: Path) -> None:
    office = CouncilOffice("bradford", tmp_path)
    published(office, line(PARENT).partition(" Old Mill")[0])
    assert published(office, line(PARTNER), line(STRANGER)).handling() == {2: "PROTECTED", 3: "ORDINARY"}


@pytest.mark.parametrize("left", ["Qu", "Quillfeather", "Quillfeather,1990-04"])
def test_a_row_cut_before_its_address_protects_its_family(tmp_path: Path, left: str) -> None:
    office = CouncilOffice("bradford", tmp_path)
    cut = line(PARENT).partition("Quillfeather")[0] + left
    child = {**PARTNER, "family_name": "Quillfeather"}
    assert published(office, cut, line(child), line(STRANGER)).handling() == {4: "ORDINARY"}


def test_a_row_cut_within_its_uprn_protects_who_goes_to_a_property_that_begins_so(tmp_path: Path) -> None:
    office = CouncilOffice("bradford", tmp_path)
    cut = line({**PARENT, "old_uprn": "999000000001"}).partition("0001,")[0]
    partner = {**PARTNER, "old_uprn": "999000000001"}
    assert published(office, cut, line(partner), line(STRANGER)).handling() == {4: "ORDINARY"}


@given(data=st.data())
def test_nobody_at_the_address_of_a_cut_row_goes_out_ordinary_wherever_within_or_after_its_address_the_cut_is(
    data: st.DataObject,
) -> None:
    text = line(PARENT)
    cut = text[: data.draw(st.integers(text.index("The Old Mill") + 1, len(text) - 1))]
    with TemporaryDirectory() as directory:
        office = CouncilOffice("bradford", Path(directory))
        run = published(office, *data.draw(st.permutations([cut, line(PARTNER)])))
        assert "ORDINARY" not in run.handling().values()
        later = {**PARTNER, "reference": "P-4", "household_reference": ""}
        assert "ORDINARY" not in published(office, line(later)).handling().values()


def test_a_number_that_came_to_its_end_before_the_cut_speaks_of_no_longer_number(tmp_path: Path) -> None:
    office = CouncilOffice("bradford", tmp_path)
    cut = line({**PARENT, "old_address_line_1": "3 Old Row"}).partition("Old Row")[0]
    further = {**STRANGER, "old_address_line_1": "31 Elm Row", "new_address_line_1": "4 Oak Row"}
    assert published(office, cut, line(further)).handling() == {3: "ORDINARY"}
    assert published(office, line(STRANGER)).handling() == {2: "PROTECTED"}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surveying, "MANY", 3)


@pytest.mark.usefixtures("few")
def test_among_very_many_rows_that_cannot_be_read_every_other_row_of_the_file_is_held(tmp_path: Path) -> None:
    office = CouncilOffice("bradford", tmp_path)
    others = [
        line({**STRANGER, "reference": f"X-{number}"}).partition(",2026-05-01")[0] for number in range(4)
    ]
    run = published(office, *others, line(PARENT).partition(",yes")[0], line(PARTNER))
    assert run.unsent == {**dict.fromkeys(range(2, 7), "missing-cells"), 7: "household-in-doubt"}
    assert [outcome.cause for outcome in run.outcomes if isinstance(outcome, Review)] == [5]
    alone = {**PARTNER, "household_reference": ""}
    assert published(office, line(alone)).handling() == {2: "PROTECTED"}


def event_line(cells: dict[str, str]) -> str:
    """A row's event as a line of JSON."""
    return json.dumps({
        "header": {"occurred_on": cells["move_date"], "recorded_at": cells["recorded_at"],
                   "source_system": "council-tax", "handling": "PROTECTED" if cells["protected"] == "yes" else "ORDINARY"},
        "reference": cells["reference"],
        "person": {"given_names": cells["given_names"], "family_name": cells["family_name"]},
        "old_address": {"lines": [cells["old_address_line_1"]], "postcode": cells["old_postcode"]},
        "new_address": {"lines": [cells["new_address_line_1"]], "postcode": cells["new_postcode"]},
        "moved_on": cells["move_date"],
        "household_reference": cells["household_reference"],
    })  # fmt: skip


@pytest.mark.parametrize("end", ["The O", "The Old Mill", "17 New", "2026-05-01"])
def test_a_line_of_json_cut_within_or_after_its_address_protects_who_is_at_that_address(
    tmp_path: Path, end: str
) -> None:
    office = CouncilOffice("bradford", tmp_path)
    text = event_line(PARENT)
    cut = text[: text.rindex(end) + len(end)]
    run = office.publish("\n".join([cut, event_line(PARTNER), event_line(STRANGER), ""]), suffix=".jsonl")
    assert run.unsent == {1: "not-json", 2: "household-in-doubt"}
    assert run.handling() == {3: "ORDINARY"}
    alone = event_line({**PARTNER, "household_reference": ""})
    assert office.publish(f"{alone}\n{alone}\n", suffix=".jsonl").handling() == {1: "PROTECTED"}
