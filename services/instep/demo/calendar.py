"""Moves the dates of a network's agreements on, so that the demo's agreements are in force today as when they were written.

An agreement ends with its review date, and then nothing flows under it. The demo's networks were written on one day
(`WRITTEN`). On a later day, all dates in a copy of their agreements are moved on by the days that have passed.
"""

import re
import shutil
from datetime import date, timedelta
from pathlib import Path

WRITTEN = date(2026, 11, 23)
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")


def moved_on(directory: Path, target: Path, today: date) -> int:
    """Copy a network's directory to `target`; returns by how many days its agreements' dates were moved, 0 for none."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(directory, target)
    passed = max(0, (today - WRITTEN).days)
    if passed:
        for file in (target / "agreements").glob("*.toml"):
            file.write_text(
                _later(file.read_text(encoding="utf-8"), timedelta(days=passed)), encoding="utf-8"
            )
    return passed


def _later(text: str, by: timedelta) -> str:
    return _DATE.sub(lambda match: (date.fromisoformat(match[0]) + by).isoformat(), text)
