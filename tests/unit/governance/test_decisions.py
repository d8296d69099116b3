"""Decisions have records, and whoever points at one leads somewhere."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DECISIONS = ROOT / "services" / "decisions"
RECORDS = sorted(path.name for path in DECISIONS.glob("[0-9]*.md"))
TEXTS = (".py", ".md", ".toml", ".yml")


def tracked() -> list[Path]:
    """The text files of the repository."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.splitlines() if (path := ROOT / name).suffix in TEXTS and path.exists()]


def test_every_pointer_leads_to_a_record() -> None:
    pointed = {
        name
        for path in tracked()
        for name in re.findall(r"\b\d{3}-[a-z0-9-]+\.md\b", path.read_text(encoding="utf-8"))
    }
    assert pointed - {"NNN-title.md"} <= set(RECORDS)
    assert set(RECORDS) <= pointed


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_has_its_number_context_decision_and_consequences(name: str) -> None:
    text = (DECISIONS / name).read_text(encoding="utf-8")
    assert text.startswith(f"# {int(name[:3])}. ")
    for heading in ("Context", "Decision", "Consequences"):
        assert f"\n## {heading}\n" in text


def test_nobody_points_at_a_document_that_a_reader_does_not_have() -> None:
    absent = re.compile(r"design §|\bdesign\.md|\bfacts\.md")
    found = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if path != Path(__file__) and absent.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []
