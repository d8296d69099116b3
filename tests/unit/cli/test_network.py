"""`instep network` without a broker."""

import json
import shutil
from pathlib import Path

import pytest

from tests.unit.cli.command import exit_code

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "deploy/network/sample"


def network(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    return exit_code(monkeypatch, "network", *arguments)


def test_a_sound_directory_passes_and_a_name_finds_it_from_anywhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for given in (str(SAMPLE), "sample"):
        assert network(monkeypatch, "check", given) == 0
        assert "0 errors" in capsys.readouterr().err


def test_an_error_is_shown_at_its_line_and_ends_with_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    directory = shutil.copytree(SAMPLE, tmp_path / "broken")
    file = directory / "agreements/council-tax.toml"
    file.write_text(file.read_text("utf-8").replace('status = "active"', 'status = "perhaps"'), "utf-8")
    assert network(monkeypatch, "check", str(directory), "--output", "json") == 1
    problems = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (error,) = [problem for problem in problems if problem["severity"] == "error"]
    assert error["file"] == str(file)
    assert '"perhaps"' in file.read_text("utf-8").splitlines()[error["line"] - 1]
    assert network(monkeypatch, "check", str(directory)) == 1
    assert capsys.readouterr().err.startswith("1 error, ")


def test_check_against_an_earlier_checkout_ends_with_code_1_until_the_version_is_raised(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    directory = shutil.copytree(SAMPLE, tmp_path / "changed")
    file = directory / "agreements/council-tax.toml"
    file.write_text(file.read_text("utf-8").replace('status = "active"', 'status = "suspended"'), "utf-8")
    against = ("check", str(directory), "--against", str(SAMPLE))
    assert network(monkeypatch, *against) == 1
    assert f"{file}:5: error: council-tax: status changed" in capsys.readouterr().out
    file.write_text(file.read_text("utf-8").replace("version = 2", "version = 3"), "utf-8")
    assert network(monkeypatch, *against) == 0


def test_a_directory_that_is_not_there_is_named_beside_those_that_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("check", "apply", "plan", "show"):
        assert network(monkeypatch, command, "nowhere") == 1
        message = capsys.readouterr().err
        assert message.startswith("instep: There is no network directory nowhere")
        assert "sample" in message


def test_show_gives_each_authority_and_agreement_as_one_object_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert network(monkeypatch, "show", "sample", "--output", "json") == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["authority"] for row in shown if row["kind"] == "authority"} >= {"leeds", "harrogate"}
    (tax,) = [row for row in shown if row.get("agreement") == "council-tax"]
    assert "leeds" not in tax["approved"]
    assert set(tax["approved"]) < {*tax["sources"], *tax["recipients"]}


def test_show_as_a_table_counts_the_parties(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert network(monkeypatch, "show", "sample") == 0
    assert "9 of 10" in capsys.readouterr().out


def test_show_gives_who_shares_what_with_whom_of_one_authority_and_purpose(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("show", "uk", "--authority", "leeds", "--purpose", "placements")
    assert network(monkeypatch, *asked, "--output", "json") == 0
    flows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {flow["kind"] for flow in flows} == {"flow"}
    assert {flow["purpose"] for flow in flows} == {"placements"}
    assert all(["leeds"] in (flow["sources"], flow["recipients"]) for flow in flows)
    assert network(monkeypatch, *asked) == 0
    table = capsys.readouterr().out
    assert len(table.splitlines()) == len(flows) + 1
    assert " councils " in table


def test_show_of_a_national_network_stays_short(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert network(monkeypatch, "show", "uk") == 0
    assert len(capsys.readouterr().out.splitlines()) < 60


def test_show_draws_a_diagram(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert network(monkeypatch, "show", "sample", "--diagram") == 0
    assert capsys.readouterr().out.startswith("flowchart LR\n")


def test_schema_prints_the_committed_form_of_an_agreement(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert network(monkeypatch, "schema") == 0
    assert capsys.readouterr().out == (ROOT / "deploy/network/agreement.schema.json").read_text("utf-8")


def test_an_authority_is_added_told_of_and_found_sound(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    directory = shutil.copytree(SAMPLE, tmp_path / "joined")
    file = directory / "authorities.csv"
    before = file.read_text(encoding="utf-8")
    newcomer = ("--name", "Wakefield Council", "--gss", "E08000036", "--tier", "metropolitan")
    add = ("add-authority", str(directory), "wakefield", *newcomer)
    assert network(monkeypatch, *add, "--dry-run") == 0
    assert file.read_text(encoding="utf-8") == before
    assert network(monkeypatch, *add, "--output", "json", "--from", "1974-04-01") == 0
    needs = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert needs["writes"] == ["wakefield.outbox"]
    assert json.loads(needs["first_event"])["header"]["synthetic"]
    assert file.read_text(encoding="utf-8").splitlines()[-1] == (
        "wakefield,Wakefield Council,E08000036,metropolitan,,1974-04-01,,"
    )
    assert network(monkeypatch, "check", str(directory)) == 0
    after = file.read_text(encoding="utf-8")
    assert network(monkeypatch, *add) == 1, "it is there already"
    assert "wakefield cannot be added: " in capsys.readouterr().err
    assert file.read_text(encoding="utf-8") == after


def test_make_uk_makes_the_committed_directory(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    source = ROOT / "deploy/network/uk-source"
    assert network(monkeypatch, "make-uk", "--source", str(source), "--target", str(tmp_path / "uk")) == 0
    committed = ROOT / "deploy/network/uk"
    made = {str(file.relative_to(tmp_path / "uk")) for file in (tmp_path / "uk").rglob("*.*")}
    assert made == {str(file.relative_to(committed)) for file in committed.rglob("*.*")}


MOVES = ROOT / "deploy/demo/sample-moves.csv"


@pytest.fixture
def proposed(tmp_path: Path) -> Path:
    """The sample network with a change: council tax hears no title any more, and the date of birth."""
    directory = shutil.copytree(SAMPLE, tmp_path / "proposed")
    file = directory / "agreements/council-tax.toml"
    text = file.read_text("utf-8").replace("version = 2", "version = 3")
    file.write_text(text.replace('"person.title"', '"person.born_on"'), "utf-8")
    return directory


def try_on(
    monkeypatch: pytest.MonkeyPatch, cache: Path, directory: Path, *options: str, file: Path = MOVES
) -> int:
    monkeypatch.setattr("instep.cli.network_trial.cache_directory", lambda environ: cache)
    return network(monkeypatch, "try", str(directory), "--on", str(file), "--against", str(SAMPLE), *options)


def test_try_names_the_field_that_goes_and_the_one_that_comes_for_each_recipient(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    postcodes_cache: Path,
    proposed: Path,
) -> None:
    assert try_on(monkeypatch, postcodes_cache, proposed) == 0
    printed = capsys.readouterr()
    table = [line for line in printed.out.splitlines() if "council-tax" in line]
    assert len(table) == 9
    assert all(line.endswith("person.born_on comes, person.title goes") for line in table)
    assert "2 lines cannot be published as they are" in printed.err
    assert "Quillfeather" not in printed.out + printed.err, "no value of the file is shown"


def test_try_gives_each_line_that_differs_and_a_summary_as_json(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    postcodes_cache: Path,
    proposed: Path,
) -> None:
    assert try_on(monkeypatch, postcodes_cache, proposed, "--output", "json") == 0
    *lines, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["purpose"] for line in lines} == {"council-tax"}
    assert all((line["gained"], line["lost"]) == (["person.born_on"], ["person.title"]) for line in lines)
    summary = last["summary"]
    assert summary["lines"] == 30
    assert summary["lines_that_differ"] == len({line["line"] for line in lines})
    assert sum(change["lines"] for change in summary["changes"]) == len(lines)
    assert all(row["before"] == row["after"] for row in summary["deliveries"])


def test_try_shows_what_follows_once_all_have_signed_and_on_another_day(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], postcodes_cache: Path
) -> None:
    assert try_on(monkeypatch, postcodes_cache, SAMPLE, "--day", "1 May 2026") == 0
    assert "nobody would be told otherwise" in capsys.readouterr().out
    assert try_on(monkeypatch, postcodes_cache, SAMPLE, "--day", "28/11/2026", "--signed") == 0
    assert "is told group_ref, moved_on" in (out := capsys.readouterr().out)
    assert "(before: not-approved)" in out
    assert try_on(monkeypatch, postcodes_cache, SAMPLE, "--day", "soon") == 1
    assert "--day: 'soon' is no date" in capsys.readouterr().err


def test_try_ends_with_a_sentence_for_a_file_or_authority_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], postcodes_cache: Path, tmp_path: Path
) -> None:
    assert try_on(monkeypatch, postcodes_cache, SAMPLE, file=tmp_path / "no.csv") == 1
    assert "no.csv is not there." in capsys.readouterr().err
    assert try_on(monkeypatch, postcodes_cache, SAMPLE, "--authority", "camdem") == 1
    assert "'camdem' is no authority of sample (did you mean camden?)." in capsys.readouterr().err


def test_try_counts_lines_that_are_no_events_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], postcodes_cache: Path, tmp_path: Path
) -> None:
    usual = {"occurred_on": "2026-01-01", "recorded_at": "2026-01-01T00:00:00Z"}
    events: list[dict[str, object]] = [
        {"header": {"occurred_on": "soon"}, "person": {"family_name": "Example"}},
        {"header": usual, "new_address": "here", "person": {"family_name": "Example"}},
        {"header": {**usual, "change_kind": 5, "handling": [1], "source": 7}, "new_address": {"postcode": 5}},
        {
            "header": {**usual, "handling": "ORDINARY"},
            "person": {"family_name": "Example"},
            "new_address": {"authority_gss": "E09000007", "lines": ["1 Example Street"]},
            "moved_on": "2026-01-01",
        },
    ]
    file = tmp_path / "odd.jsonl"
    lines = (json.dumps({"event_type": "resident-moved", "reference": "a"} | event) for event in events)
    file.write_text("\n".join(lines), "utf-8")
    assert try_on(monkeypatch, postcodes_cache, SAMPLE, "--output", "json", file=file) == 0
    summary = json.loads(capsys.readouterr().out)["summary"]
    assert (summary["lines"], summary["refused"], summary["publisher_unknown"]) == (4, 3, 0)
    assert {row["authority"] for row in summary["deliveries"]} == {"camden"}


def test_try_takes_registrations_of_many_councils(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], postcodes_cache: Path
) -> None:
    file = ROOT / "deploy/demo/food-registrations.json"
    options = ("--format", "fsa-json", "--output", "json")
    assert try_on(monkeypatch, postcodes_cache, SAMPLE, *options, file=file) == 0
    summary = json.loads(capsys.readouterr().out)["summary"]
    assert (summary["lines"], summary["refused"]) == (300, 0)
