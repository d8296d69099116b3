"""What `make bench` leaves: a table with ratios, a chart, and results/latest.json; a missing figure stays missing."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.chart import bars

RESULTS = Path(__file__).parent / "results"
LANES = "lanes"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line: latencies are at 1,000 events a second; what was not measured is None, and `missing` says why."""

    name: str
    guarantee: str
    events_per_second: int | None = None
    without_codec_per_second: int | None = None
    cpu_seconds: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    rss_mb: int | None = None
    missing: str = ""

    @property
    def label(self) -> str:
        return f"{self.name}, {self.guarantee}"


def middle(rounds: Sequence[Row]) -> Row:
    """The medians of one entrant's rounds."""
    first = rounds[0]
    numbers: dict[str, Any] = {}
    for name, value in asdict(first).items():
        if name not in ("name", "guarantee", "missing"):
            known = [found for one in rounds if (found := getattr(one, name)) is not None]
            numbers[name] = type(known[0])(median(known)) if known else value
    missing = next((one.missing for one in rounds if one.missing), "")
    return Row(name=first.name, guarantee=first.guarantee, missing=missing, **numbers)


def ratios(rows: Sequence[Row]) -> dict[str, float]:
    """How many times as fast lanes are as each other row."""
    lanes = next((row.events_per_second for row in rows if row.name == LANES), None)
    if not lanes:
        return {}
    return {
        row.label: round(lanes / row.events_per_second, 2)
        for row in rows
        if row.events_per_second and row.name != LANES
    }


def show(rows: Sequence[Row], settings: Mapping[str, Any]) -> None:
    """The table, what is missing from it, and the settings."""
    found = ratios(rows)
    table = Table(title="the common job: decode, pick the recipient, blank, encode, send one output")
    for title in ("", "guarantee"):
        table.add_column(title)
    for title in ("events/s", "no codec", "lanes ×", "cpu s", "p50 ms", "p99 ms", "MB"):
        table.add_column(title, justify="right")
    for row in rows:
        figures = (
            row.events_per_second,
            row.without_codec_per_second,
            found.get(row.label),
            row.cpu_seconds,
            row.p50_ms,
            row.p99_ms,
            row.rss_mb,
        )
        table.add_row(row.name, row.guarantee, *("–" if one is None else f"{one:,}" for one in figures))
    console = Console(width=120)
    console.print(table)
    for row in rows:
        if row.missing:
            console.print(f"no figure for {row.label}: {row.missing}", highlight=False)
    for name, value in settings.items():
        console.print(f"{name}: {value}", highlight=False, soft_wrap=True)


def write(
    rows: Sequence[Row],
    rounds: Sequence[Sequence[Row]],
    settings: Mapping[str, Any],
    other: Mapping[str, Any],
) -> None:
    """Leave results/latest.json and results/throughput.svg."""
    RESULTS.mkdir(exist_ok=True)
    told = {
        "rows": [asdict(row) for row in rows],
        "lanes_over": ratios(rows),
        **other,
        "settings": settings,
        "rounds": [[asdict(row) for row in one] for one in rounds],
    }
    (RESULTS / "latest.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    drawn = [
        (row.label, float(row.events_per_second), row.name.startswith((LANES, "intake", "router")))
        for row in sorted(rows, key=lambda row: -(row.events_per_second or 0))
        if row.events_per_second
    ]
    if drawn:
        chart = bars("Events a second, one process, one broker on the same machine", drawn)
        (RESULTS / "throughput.svg").write_text(chart, encoding="utf-8")


def machine() -> dict[str, Any]:
    """Where it was measured, and how busy it was then: beside other work, rates are too low and latencies too high."""
    load = round(os.getloadavg()[0], 1)
    return {
        "cores": os.cpu_count(),
        "load": load,
        "python": platform.python_version(),
        "system": platform.platform(),
    }
