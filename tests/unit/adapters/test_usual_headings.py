"""A mapping is proposed, never guessed in silence."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.adapters import Row, Settings, load_mapping, read
from instep.adapters.csv_moves import COLUMNS, REQUIRED
from instep.adapters.suggesting import suggested_mapping
from instep.adapters.usual_headings import _COLUMN_OF, mapping_text, proposal_for
from instep.errors import ConfigurationError, FileFormatError
from tests.unit.adapters.publishing import AUTHORITY, TODAY, Publisher, csv_of, row
from tests.unit.adapters.sheets import grid, ods, xlsx

OURS = {
    "reference": "Account No.",
    "title": "Salutation",
    "given_names": "Forename(s)",
    "family_name": "Surname",
    "date_of_birth": "D.O.B.",
    "old_uprn": "From UPRN",
    "old_address_line_1": "Previous Address 1",
    "old_address_line_2": "Previous Address 2",
    "old_town": "Previous Town",
    "old_postcode": "Previous Post-Code",
    "new_uprn": "To UPRN",
    "new_address_line_1": "New Address 1",
    "new_address_line_2": "New Address 2",
    "new_town": "New Town",
    "new_postcode": "NewPostcode",
    "move_date": "Date of Move",
    "residence_kind": "Residence Type",
    "reason": "Reason for Move",
    "household_reference": "HH Ref",
    "protected": "Protected (Y/N)",
    "recorded_at": "Last Updated",
}


def test_usual_headings_are_known_and_the_proposal_publishes_the_file(publisher: Publisher) -> None:
    cells = row()
    renamed = {OURS[column]: cells.get(column, "") for column in COLUMNS}
    for path in (
        publisher.file("\r\n".join((";".join(renamed), ";".join(renamed.values()))).encode()),
        xlsx(publisher.directory / "t.xlsx", {"M": [["Moves of May"], *grid(renamed, columns=renamed)]}),
        ods(publisher.directory / "t.ods", {"M": grid(renamed, columns=renamed)}),
    ):
        text, undecided = suggested_mapping(path, None, "")
        assert undecided == ()
        mapping = publisher.file(text.encode(), ".toml")
        assert {**load_mapping(mapping), "new_town": "New Town"} == OURS  # a heading of ours needs no mapping
        settings = Settings(today=TODAY, columns=load_mapping(mapping))
        (line,) = read(path, authority=AUTHORITY, settings=settings)
        assert isinstance(line, Row)


def test_our_own_headings_need_no_mapping(publisher: Publisher) -> None:
    text, undecided = suggested_mapping(publisher.file(csv_of(row())), None, "")
    assert tomllib.loads(text) == {"columns": {}}
    assert undecided == ()


def test_two_headings_for_a_column_are_left_to_a_person() -> None:
    proposal = proposal_for(["Account No", "Surname", "Last Updated", "Date entered"])
    assert proposal.doubtful == {"recorded_at": ("Last Updated", "Date entered")}
    text = mapping_text(proposal, "t.csv")
    assert tomllib.loads(text) == {"columns": {"reference": "Account No", "family_name": "Surname"}}
    assert '# recorded_at = "Last Updated"\n# recorded_at = "Date entered"\n' in text


def test_a_heading_that_is_only_alike_is_left_to_a_person() -> None:
    proposal = proposal_for(["reference", "family_name", "Houshold ref"])
    assert proposal.proposed == {}
    assert proposal.doubtful == {"household_reference": ("Houshold ref",)}


def test_an_address_heading_that_names_no_side_is_offered_for_the_sides_that_have_no_heading() -> None:
    headings = ["reference", "family_name", "Previous UPRN", "UPRN", "Town", "Previous Postcode", "Postcode"]
    proposal = proposal_for(headings)
    assert proposal.proposed == {"old_uprn": "Previous UPRN", "old_postcode": "Previous Postcode"}
    assert proposal.doubtful == {
        "new_uprn": ("UPRN",),
        "old_town": ("Town",),
        "new_town": ("Town",),
        "new_postcode": ("Postcode",),
    }
    assert proposal.unread == ()


def test_a_heading_that_comes_twice_is_never_proposed() -> None:
    proposal = proposal_for(["reference", "Surname", "surname", "Notes"])
    assert proposal.repeated == ("Surname", "surname")
    assert "family_name" in proposal.missing
    assert proposal.unread == ("Notes",)


def test_what_is_missing_is_named(publisher: Publisher) -> None:
    path = publisher.file(b"Account No,Surname,Notes\n1,A,\n")
    text, undecided = suggested_mapping(path, None, "")
    assert undecided == tuple(column for column in REQUIRED if column not in ("reference", "family_name"))
    assert "nothing can be published without them: old_postcode, new_postcode, move_date, protected" in text
    assert "Without household_reference, nobody is protected" in text
    assert '# Headings that nobody reads: "Notes"' in text


def test_a_file_without_headings_gets_a_sentence_without_its_values(publisher: Publisher) -> None:
    for path in (publisher.file(b"1,Quillfeather,Alex\n"), publisher.file(b'{"header": {}}\n', ".jsonl")):
        with pytest.raises(FileFormatError) as refusal:
            suggested_mapping(path, None, "")
        assert "Quillfeather" not in str(refusal.value)


def test_a_heading_is_proposed_under_the_sheet_that_is_named(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "t.xlsx", {"A": [["x"]], "B": [["Account No", "Surname"]]})
    assert 'family_name = "Surname"' in suggested_mapping(path, None, "B")[0]


@given(st.lists(st.sampled_from(sorted(_COLUMN_OF)) | st.text(max_size=8), max_size=12))
def test_a_proposal_is_always_a_mapping_with_a_heading_for_one_column(headings: list[str]) -> None:
    proposal = proposal_for([heading for heading in headings if heading.isprintable() and heading.strip()])
    columns = tomllib.loads(mapping_text(proposal, 'a "file".csv'))["columns"]
    assert columns == dict(proposal.proposed)
    assert len(set(columns.values())) == len(columns)
    assert set(columns) <= set(COLUMNS)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_mapping_file_is_read_as_any_shell_or_editor_of_windows_has_saved_it(
    tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "ours.toml"
    path.write_bytes('# ours\r\n[columns]\r\ntitle = "Anrede für"\r\n'.encode(encoding))
    assert load_mapping(path) == {"title": "Anrede für"}


def test_a_mapping_file_of_another_encoding_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_bytes('[columns]\ntitle = "Anrede für"\n'.encode("latin-1"))
    with pytest.raises(ConfigurationError, match="not valid TOML"):
        load_mapping(path)
