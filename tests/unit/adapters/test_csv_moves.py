"""Files of moves as spreadsheets leave them, and files that are none."""

import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instep.adapters import FORMATS, Line, Refused, Row, Settings, load_mapping, read
from instep.adapters.csv_moves import COLUMNS
from instep.adapters.line import REFUSALS, explain
from instep.errors import ConfigurationError, FileFormatError
from tests.strategies import examples
from tests.unit.adapters.publishing import AUTHORITY, ROW, SETTINGS, TODAY, Publisher, csv_of, row

HEADING = ",".join(COLUMNS)


def lines_of(path: Path, settings: Settings = SETTINGS) -> list[Line]:
    return list(read(path, authority=AUTHORITY, settings=settings))


def refusals(lines: list[Line]) -> list[tuple[int, str, str]]:
    return [(line.line, line.column, line.reason) for line in lines if isinstance(line, Refused)]


def notes(line: Line) -> list[tuple[str, str]]:
    assert isinstance(line, Row)
    return [(note.column, note.reason) for note in line.notes]


def test_a_clean_row_leaves_no_notes(publisher: Publisher) -> None:
    (line,) = lines_of(publisher.file(csv_of(ROW)))
    assert notes(line) == []


@pytest.mark.parametrize(
    ("change", "column", "reason"),
    [
        ({"reference": ""}, "reference", "missing-reference"),
        ({"reference": "1.1E+07"}, "reference", "reference-damaged"),
        ({"family_name": " \u00a0 "}, "family_name", "missing-family-name"),
        ({"move_date": ""}, "move_date", "missing-move-date"),
        ({"recorded_at": ""}, "recorded_at", "missing-recorded-at"),
        ({"reason": "holiday"}, "reason", "unknown-value"),
        ({"residence_kind": "castle"}, "residence_kind", "unknown-value"),
    ],
)
def test_a_row_that_cannot_be_put_right_names_its_column_and_reason(
    publisher: Publisher, change: dict[str, str], column: str, reason: str
) -> None:
    assert refusals(lines_of(publisher.file(csv_of(ROW, row(**change), ROW)))) == [(3, column, reason)]


def test_what_is_empty_is_absent(publisher: Publisher) -> None:
    bare = dict.fromkeys(COLUMNS, "") | {
        name: ROW[name] for name in ("reference", "family_name", "move_date", "protected", "recorded_at")
    }
    (line,) = lines_of(publisher.file(csv_of(bare)))
    assert isinstance(line, Row)
    assert line.body == {
        "person": {"family_name": ROW["family_name"]},
        "moved_on": ROW["move_date"],
        "status": "CONFIRMED",
    }


@pytest.mark.parametrize(
    ("cell", "protected"), [("no", False), ("N", False), ("yes", True), ("?", True), ("", True)]
)
def test_what_does_not_clearly_say_no_is_protected(publisher: Publisher, cell: str, protected: bool) -> None:
    (line,) = lines_of(publisher.file(csv_of(row(protected=cell))))
    assert isinstance(line, Row)
    assert line.protected is line.shielded is protected
    assert ("protected", "protected-unclear") in notes(line) or cell not in ("?", "")


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("delimiter", [b",", b";", b"\t"])
def test_line_endings_byte_order_marks_and_delimiters_make_no_difference(
    publisher: Publisher, ending: bytes, start: bytes, delimiter: bytes
) -> None:
    content = csv_of(ROW).replace(b"\r\n", ending).replace(b",", delimiter)
    (line,) = lines_of(publisher.file(start + content))
    (plain,) = lines_of(publisher.file(csv_of(ROW)))
    assert isinstance(line, Row)
    assert isinstance(plain, Row)
    assert (line.reference, line.header, line.body, line.notes) == (
        plain.reference,
        plain.header,
        plain.body,
        plain.notes,
    )


def test_an_unclosed_quote_costs_its_own_row_and_no_other(publisher: Publisher) -> None:
    content = csv_of(ROW, row(reference="CT-2", title="@"), *[row(reference=f"CT-{n}") for n in range(3, 60)])
    lines = lines_of(publisher.file(content.replace(b"@", b'"Ms')))
    assert refusals(lines) == [(3, "", "unclosed-quote")]
    assert len(lines) == 59


def test_inches_and_other_quotes_within_a_cell_are_only_text(publisher: Publisher) -> None:
    content = csv_of(row(new_address_line_1="Unit @, 6")).replace(b'"Unit @, 6"', b'Unit 6" wide')
    (line,) = lines_of(publisher.file(content))
    assert isinstance(line, Row)
    assert line.body["new_address"]["lines"] == ['Unit 6" wide']


def test_rows_that_are_broken_are_refused_and_the_rest_goes_on(publisher: Publisher) -> None:
    good = csv_of(ROW).split(b"\r\n")[1]
    broken = [
        b"CT-9,Ms,Alex",
        good + b",,surplus",
        good.replace(b"Ms", b'"Ms" x'),
        b"x" * 70_000,
        b"\xc3\x81\x81\x00,",
    ]
    content = b"\r\n".join([HEADING.encode(), *broken, good, b""])
    lines = lines_of(publisher.file(content))
    assert [reason for _, _, reason in refusals(lines)] == [
        "missing-cells",
        "extra-content",
        "bad-quoting",
        "line-too-long",
        "bad-encoding",
    ]
    assert isinstance(lines[-1], Row)
    assert lines[-1].line == 7


def test_wherever_a_file_is_cut_off_its_last_row_is_whole_or_refused(publisher: Publisher) -> None:
    """Without a word, a row cut within its last cell would give another time of recording."""
    content = csv_of(ROW, row(reference="CT-2")).removesuffix(b"\r\n")
    whole = lines_of(publisher.file(content))[1]
    assert isinstance(whole, Row)
    first_row_ends = content.index(b"\r\nCT-2") + 2
    for length in range(first_row_ends + 1, len(content)):
        lines = lines_of(publisher.file(content[:length]))
        assert refusals(lines)[-1:] == [(3, "", "cut-off")], length


def test_a_note_names_the_heading_of_the_file_itself(publisher: Publisher) -> None:
    mapping = publisher.directory / "mapping.toml"
    mapping.write_text('[columns]\nmove_date = "Date of move"\nnew_postcode = "PC new"\n')
    renamed = Settings(today=TODAY, columns=load_mapping(mapping))
    content = csv_of(row(new_postcode="bd11hy"), row(move_date="46105")).replace(
        b"move_date", b"date OF  Move"
    )
    lines = lines_of(publisher.file(content.replace(b"new_postcode", b"PC new")), renamed)
    assert notes(lines[0]) == [("PC new", "postcode-form")]
    assert refusals(lines) == [(3, "Date of move", "excel-serial-date")]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("not toml", "not valid TOML"),
        ('reference = "Account"', r"one table, \[columns\]"),
        ('[columns]\nmove_dat = "Date"', "move_dat is not a column of Instep's; did you mean move_date"),
        ("[columns]\nmove_date = 3", "move_date needs a heading"),
        ('[columns]\nmove_date = "A"\nreason = "a"', "one heading to two columns"),
    ],
)
def test_a_mapping_that_cannot_be_used_says_why(tmp_path: Path, content: str, sentence: str) -> None:
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(content)
    with pytest.raises(ConfigurationError, match=sentence):
        load_mapping(mapping)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_mapping(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \r\n", "is empty"),
        (b"PK\x03\x04sheet", "a spreadsheet or a ZIP archive, not CSV"),
        (b"\xff\xfe\x00\x00r\x00\x00\x00", "in UTF-32"),
        (b"%PDF-1.7", "a PDF"),
        (b"a\x00b,c\n", "holds binary data"),
        (b"Quillfeather,Alex\n", "holds none of the headings"),
        (b'[{"fsa_rn": 1}]\n', "holds none of the headings"),
        (
            b"reference,family_name,move_date\n",
            "has no column old_postcode, new_postcode, protected, recorded_at",
        ),
        (HEADING.encode() + b",Reference\n", "the heading of reference twice"),
        (b"x" * 100_000, "no line of headings"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_a_file_that_is_no_file_of_moves_is_one_sentence_without_a_value(
    publisher: Publisher, content: bytes, sentence: str
) -> None:
    path = publisher.file(content)
    with pytest.raises(FileFormatError, match=sentence) as caught:
        read(path, authority=AUTHORITY, settings=SETTINGS)
    assert "Quillfeather" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_missing_or_a_folder_or_of_no_known_kind_is_one_sentence(tmp_path: Path) -> None:
    for path, kind, sentence in (
        (tmp_path / "absent.csv", None, "does not exist"),
        (tmp_path, "csv", "a folder or a pipe"),
        (tmp_path / "moves.doc", None, f"the formats are {', '.join(FORMATS)}"),
        (tmp_path / "moves.csv", "xml", "the formats are"),
    ):
        with pytest.raises(FileFormatError, match=sentence):
            read(path, kind, authority=AUTHORITY, settings=SETTINGS)


def test_a_heading_alone_is_a_quiet_day_and_no_error(publisher: Publisher) -> None:
    assert lines_of(publisher.file(csv_of())) == []


@pytest.mark.slow
def test_a_huge_file_is_read_in_less_memory_than_it_has_bytes(publisher: Publisher) -> None:
    content = csv_of(*(row(reference=f"CT-{number}", household_reference="") for number in range(10_000)))
    path = publisher.file(content)
    del content
    tracemalloc.start()
    try:
        count = sum(isinstance(line, Row) for line in read(path, authority=AUTHORITY, settings=SETTINGS))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 10_000
    # CPython itself keeps up to 2,000 freed tuples of each length.
    assert peak < 1_000_000 < path.stat().st_size


@settings(examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    noise=st.lists(
        st.tuples(
            st.floats(0, 1, exclude_max=True),
            st.sampled_from([b'"', b",", b"\n", b"\xff", b"\x00", b"\xc3", b";", b"9"]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_however_bytes_are_spoilt_there_is_no_traceback_and_no_value_in_a_refusal(
    tmp_path: Path, noise: list[tuple[float, bytes]]
) -> None:
    content = bytearray(csv_of(*(row(reference=f"CT-{number}") for number in range(4))))
    for place, byte in noise:
        content[int(place * len(content)) : int(place * len(content)) + 1] = byte
    path = tmp_path / "spoilt.csv"
    path.write_bytes(bytes(content))
    lines: list[Line] = []
    message = ""
    try:
        lines = lines_of(path)
    except FileFormatError as error:
        message = str(error)
    assert "Quillfeather" not in message
    for line in lines:
        if isinstance(line, Refused):
            assert line.column in {"", *COLUMNS}
            assert line.reason in REFUSALS or line.reason.startswith("missing-")
            assert explain(line.reason) != line.reason
        else:
            assert "Quillfeather" not in repr(line)


def test_positions_rise_to_the_files_size(publisher: Publisher) -> None:
    path = publisher.file(csv_of(*[row(reference=f"CT-{number}") for number in range(5)]))
    positions = [line.position for line in lines_of(path)]
    assert positions == sorted(positions)
    assert positions[-1] == path.stat().st_size


def test_a_row_shows_nothing_of_the_person_when_printed(publisher: Publisher) -> None:
    (line,) = lines_of(publisher.file(csv_of(ROW)))
    shown = repr(line)
    assert "resident-moved" in shown
    assert not any(value in shown for value in ("Quillfeather", "CT-1", "HH-1", "1990", "New Street"))
    assert sys.getsizeof(shown) < 1000
