"""One file of everybody becomes what each council would export of its own."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from instep.adapters.csv_moves import COLUMNS
from instep.demo.exports import Exporter, expectations
from instep.errors import PlatformError
from instep.local.metrics import Exposition
from instep.network.network import load

ROOT = Path(__file__).parents[3]
NETWORK = load(ROOT / "deploy" / "network" / "sample")
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
AREAS = {"LS1 1AA": "leeds", "NW1 1RN": "camden", "CF10 1AA": "cardiff"}

Row = dict[str, str]


def row(reference: str, old: str, new: str, **changes: str) -> Row:
    told = {"reference": reference, "old_postcode": old, "new_postcode": new, "reason": "move"}
    return dict.fromkeys(COLUMNS, "") | told | {"recorded_at": "2026-09-01T10:00:00Z"} | changes


def exported(tmp_path: Path, *rows: Row) -> dict[str, list[Row]]:
    exporter(tmp_path, *rows)
    return {
        file.parent.name: list(csv.DictReader(file.read_text("utf-8").splitlines()))
        for file in (tmp_path / "out").glob("*/moves.csv")
    }


def exporter(tmp_path: Path, *rows: Row) -> Exporter:
    data = tmp_path / "data"
    data.mkdir()
    with (data / "moves.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    made = Exporter(data, tmp_path / "out", NETWORK, NOW)
    made.moves("moves.csv", AREAS.get)
    return made


def test_a_move_is_the_gaining_councils_and_a_placement_the_placing_ones(tmp_path: Path) -> None:
    moved = row("a", "LS1 1AA", "NW1 1RN")
    placed = row("b", "LS1 1AA", "NW1 1RN", reason="placement")
    found = exported(tmp_path, moved, placed)
    assert {council: [one["reference"] for one in rows] for council, rows in found.items()} == {
        "camden": ["a"],
        "leeds": ["b"],
    }


def test_a_correction_is_said_by_who_said_it_first(tmp_path: Path) -> None:
    found = exported(tmp_path, row("a", "LS1 1AA", "NW1 1RN"), row("a", "NW1 1RN", "LS1 1AA"))
    assert list(found) == ["camden"]


def test_a_council_outside_the_network_exports_nothing(tmp_path: Path) -> None:
    assert list(exported(tmp_path, row("a", "LS1 1AA", "CF10 1AA"), row("b", "CF10 1AA", "LS1 1AA"))) == [
        "leeds"
    ]


def test_a_line_of_an_export_is_known_by_its_line_in_the_file_of_everybody(tmp_path: Path) -> None:
    made = exporter(
        tmp_path, row("a", "", "LS1 1AA"), row("b", "", "NW1 1RN"), row("c", "", "LS1 1AA")
    ).done()
    (leeds,) = made.by_authority["leeds"]
    assert [leeds.line_of(line) for line in (2, 3, 4)] == [2, 4, None]
    assert leeds.place(3) == "moves.csv, line 4"


def test_rows_of_the_future_are_recorded_just_now_and_keep_their_order(tmp_path: Path) -> None:
    later = [
        row(ref, "", "LS1 1AA", recorded_at=at)
        for ref, at in (("a", "2026-12-01T10:00:00Z"), ("b", "2026-12-30T10:00:00Z"))
    ]
    found = exported(tmp_path, row("c", "", "LS1 1AA"), *later)["leeds"]
    assert [one["recorded_at"] for one in found] == [
        "2026-09-01T10:00:00Z",
        "2026-11-23T11:59:58Z",
        "2026-11-23T11:59:59Z",
    ]


def test_registrations_are_split_by_the_council_that_registered_them(tmp_path: Path) -> None:
    made = Exporter(ROOT / "deploy" / "demo", tmp_path, NETWORK, NOW)
    made.registrations("food-registrations.json")
    found: dict[str, list[dict[str, Any]]] = {
        export.authority: json.loads(export.file.read_text("utf-8")) for export in made.done()
    }
    assert sum(map(len, found.values())) == 31
    assert {one["local_council_url"] for one in found["leeds"]} == {"leeds"}


@pytest.mark.parametrize("name", ["moves", "sample-moves"])
def test_every_line_of_the_sample_data_has_an_answer(name: str) -> None:
    data = ROOT / "deploy" / "demo"
    with (data / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        references = [one["reference"] for one in csv.DictReader(stream)]
    with (data / f"{name}-expected.csv").open(encoding="utf-8", newline="") as stream:
        answered = [one["reference"] for one in csv.DictReader(stream)]
    assert references == answered
    assert list(expectations(data / f"{name}-expected.csv")) == list(range(2, len(references) + 2))


def test_without_the_repository_there_is_nothing_to_demonstrate(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="clone of the repository"):
        Exporter(tmp_path / "nowhere", tmp_path, NETWORK, NOW)


def test_a_metric_is_summed_over_the_series_that_have_the_labels() -> None:
    text = '# TYPE a counter\na_total{x="1",y="2"} 3\na_total{x="2",y="2"} 4\n# TYPE b gauge\nb 5\n'
    found = Exposition(text)
    assert (found.total("a_total"), found.total("a_total", x="1"), found.total("b")) == (7, 3, 5)
    assert found.total("absent") == 0
