"""`instep inbox A --format …`: which file the options ask for, and what they contradict."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from instep import cli
from instep.cli.inbox_files import InboxRequest, check_size, file_format
from instep.cli.output import FileFormat
from instep.client.days import Days
from instep.errors import ConfigurationError, InstepError


@pytest.mark.parametrize(
    ("asked", "to", "work_list", "expected"),
    [
        (FileFormat.CSV, None, False, FileFormat.CSV),
        (FileFormat.JSONL, None, False, FileFormat.JSONL),
        (None, "in.csv", False, FileFormat.CSV),
        (None, "in.JSONL", False, FileFormat.JSONL),
        (None, "in.xlsx", False, FileFormat.XLSX),
        (FileFormat.CSV, "export", False, FileFormat.CSV),
        (FileFormat.XLSX, "in.xlsx", False, FileFormat.XLSX),
        (None, "in.xlsx", True, FileFormat.XLSX),
        (FileFormat.XLSX, "in.XLSX", True, FileFormat.XLSX),
    ],
)
def test_the_format_is_that_of_the_option_or_of_the_name(
    asked: FileFormat | None, to: str | None, work_list: bool, expected: FileFormat
) -> None:
    assert file_format(asked, Path(to) if to else None, work_list=work_list) is expected


@pytest.mark.parametrize(
    ("asked", "to", "work_list", "words"),
    [
        (None, "export", False, "--format csv, xlsx or jsonl"),
        (FileFormat.XLSX, None, False, "--to inbox.xlsx"),
        (None, None, True, "--to inbox.xlsx"),
        (FileFormat.CSV, "in.xlsx", False, r"name it \*.csv"),
        (FileFormat.XLSX, "in.csv", False, r"name it \*.xlsx"),
        (FileFormat.XLSX, "in", False, r"name it \*.xlsx"),
        (FileFormat.CSV, "in.csv", True, "A work list is an Excel file"),
        (FileFormat.CSV, None, True, "A work list is an Excel file"),
        (None, "in.csv", True, "A work list is an Excel file"),
    ],
)
def test_options_that_contradict_each_other_are_a_sentence_that_says_what_to_write(
    asked: FileFormat | None, to: str | None, work_list: bool, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words) as refusal:
        file_format(asked, Path(to) if to else None, work_list=work_list)
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize(
    ("work_list", "count", "words"),
    [
        (True, 100_000, None),
        (True, 100_001, "There are 100,001 records, and a work list has 100,000 rows at most"),
        (False, 1_048_575, None),
        (False, 1_048_576, "a sheet of Excel has 1,048,575 rows at most"),
    ],
)
def test_more_rows_than_a_workbook_has_are_refused_before_any_is_written(
    work_list: bool, count: int, words: str | None
) -> None:
    request = InboxRequest(
        authority="york",
        purpose=None,
        format=FileFormat.XLSX,
        to=Path("in.xlsx"),
        days=Days(),
        work_list=work_list,
    )
    if words is None:
        check_size(request, count)
        return
    with pytest.raises(ConfigurationError, match=words):
        check_size(request, count)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--format", "csv", "--follow"], "do not go with a file"),
        (["--format", "csv", "-n", "5"], "do not go with a file"),
        (["--to", "x.csv", "-o", "json"], "do not go with a file"),
        (["--follow", "--until", "2026-11-01"], "leave one out"),
        (["--since", "1/11/2026"], "write 2026-11-01"),
        (["--format", "pdf"], "csv"),
    ],
)
def test_wrong_usage_names_the_remedy(options: list[str], words: str) -> None:
    done = CliRunner().invoke(cli.build(), ["inbox", "leeds", *options], terminal_width=500)
    assert done.exit_code == 2
    assert words in " ".join(done.output.split())


def test_days_in_the_wrong_order_are_an_error_before_any_connection() -> None:
    options = ["--since", "2026-11-02", "--until", "2026-11-01"]
    done = CliRunner().invoke(cli.build(), ["inbox", "leeds", *options])
    assert isinstance(done.exception, InstepError)
    assert "lies before" in str(done.exception)


def test_a_list_that_is_no_list_is_refused_before_any_connection(tmp_path: Path) -> None:
    (tmp_path / "list.xlsx").write_text("outcome,note")
    done = CliRunner().invoke(cli.build(), ["worklist", "check", str(tmp_path / "list.xlsx")])
    assert isinstance(done.exception, InstepError)
    assert "no Excel workbook" in str(done.exception)
