"""The page of columns lists every column and every word of a file of moves, as the code reads them."""

import re
from pathlib import Path

from instep.adapters import cells, faults
from instep.adapters.csv_moves import COLUMNS, REQUIRED
from instep.catalogue.files import default_directory, load_catalogue

PAGE = (Path(__file__).resolve().parents[3] / "deploy" / "columns.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([a-z_0-9]+)` \|([^|]*)\|([^|]*)\|$", re.MULTILINE)
CODES = {"residence_kind": faults.RESIDENCE, "reason": faults.REASON}


def section(heading: str) -> str:
    return PAGE.partition(heading)[2]


def test_the_page_has_every_column_in_order_and_says_which_a_file_must_have() -> None:
    rows = ROW.findall(PAGE.partition("## Words")[0])
    assert tuple(column for column, _, _ in rows) == COLUMNS
    assert {column for column, needed, _ in rows if needed.strip() == "yes"} == set(REQUIRED)


def test_the_page_has_every_word_with_the_schemas_word() -> None:
    rows = [
        (column, word.strip("` "), symbol.strip("` "))
        for column, word, symbol in ROW.findall(section("## Words"))
    ]
    for column, words in CODES.items():
        assert {word: symbol for name, word, symbol in rows if name == column} == dict(words)


def test_every_word_of_the_schema_can_be_written_in_a_file() -> None:
    fields = load_catalogue(default_directory()).events["resident-moved"].latest.fields
    for column, field in (("residence_kind", "residence"), ("reason", "reason")):
        assert set(CODES[column].values()) == set(fields[field].symbols) - {"UNKNOWN"}
        assert {symbol.casefold().replace("_", "-") for symbol in fields[field].symbols} - {"unknown"} <= set(
            CODES[column]
        )


def test_the_page_has_the_words_for_yes_and_no() -> None:
    line = next(line for line in PAGE.splitlines() if line.startswith("`protected` is"))
    yes, _, no = line.partition("; or ")
    for page, words in ((yes, cells.YES), (no, cells.NO)):
        named = set(re.findall(r"`([a-z0-9]+)`", page)) - {"protected"}
        assert named == {word for word in words if "." not in word}
