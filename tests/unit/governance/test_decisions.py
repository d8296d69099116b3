"""Decisions have records, pointers lead to them, and nobody speaks of a document that a reader does not have."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DECISIONS = ROOT / "services" / "decisions"
RECORDS = sorted(path.name for path in DECISIONS.glob("[0-9]*.md"))
RECORD = re.compile(r"\b\d{3}-[a-z0-9-]+\.md\b")
ABSENT = re.compile(
    r"\bdesign(?:\.md|[,:]? §)|\bthe design\b|\bfacts\.md|(?<![\w(\[])\((?:see )?facts[,)]"
    r"|\bbackground/\w|\bissue \d{1,2}\b",
    re.IGNORECASE,
)
"""Speaks of papers that were there before the repository."""

LARGEST_PROSE = 200_000
"""Bytes; larger files are data and locks."""


def texts() -> Iterator[tuple[str, str]]:
    """The name and the text of each text file of the repository, but this one."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and path != Path(__file__) and path.stat().st_size < LARGEST_PROSE:
            content = path.read_bytes()
            if b"\0" not in content:
                yield name, content.decode("utf-8", "replace")


@pytest.mark.slow
def test_every_pointer_leads_to_a_record() -> None:
    pointed = {(name, record) for name, text in texts() for record in RECORD.findall(text)}
    assert {(name, record) for name, record in pointed if record not in RECORDS} == set()


@pytest.mark.slow
def test_somebody_outside_points_at_every_record() -> None:
    outside = [text for name, text in texts() if not name.startswith("services/decisions/")]
    pointed = {record for text in outside for record in RECORD.findall(text)}
    assert sorted(set(RECORDS) - pointed) == []


@pytest.mark.parametrize(
    "page", ["GLOSSARY.md", "README.md", *(f"decisions/{name}" for name in ("README.md", *RECORDS))]
)
def test_every_link_to_a_file_leads_somewhere(page: str) -> None:
    file = ROOT / "services" / page
    links = re.findall(r"\]\(([^)]+)\)", file.read_text(encoding="utf-8"))
    paths = [link.partition("#")[0] for link in links if not link.startswith("https://")]
    assert [path for path in paths if not (file.parent / path).exists()] == []


@pytest.mark.parametrize("name", RECORDS)
def test_every_path_in_a_record_is_a_file(name: str) -> None:
    """A path that begins in no folder of the repository is a module under `services/instep/`."""
    text = (DECISIONS / name).read_text(encoding="utf-8")
    paths = re.findall(r"`([a-z_]+/[\w/.-]+)`", text)
    homes = (ROOT, ROOT / "services" / "instep")
    assert [path for path in paths if not any((home / path).exists() for home in homes)] == []


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_has_its_number_context_decision_and_consequences(name: str) -> None:
    text = (DECISIONS / name).read_text(encoding="utf-8")
    assert text.startswith(f"# {int(name[:3])}. ")
    for heading in ("Context", "Decision", "Consequences"):
        assert f"\n## {heading}\n" in text


def test_the_index_has_every_record_by_its_number_and_title() -> None:
    index = re.findall(
        r"^\| \[(\d+)\]\(([^)]+)\) \| (.+) \|$", (DECISIONS / "README.md").read_text("utf-8"), re.MULTILINE
    )
    titles = [(DECISIONS / name).read_text(encoding="utf-8").partition("\n")[0] for name in RECORDS]
    assert [f"# {number}. {title}" for number, _, title in index] == titles
    assert [name for _, name, _ in index] == RECORDS
    assert [int(name[:3]) for name in RECORDS] == list(range(1, len(RECORDS) + 1))


@pytest.mark.slow
def test_nobody_speaks_of_a_document_that_a_reader_does_not_have() -> None:
    found = [(name, match[0]) for name, text in texts() for match in ABSENT.finditer(text)]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "see Design §4",
        "design, §4",
        "(facts, rule 7)",
        "by design.md",
        "as FACTS.md says",
        "read the design",
        "issue 13",
    ],
)
def test_such_words_are_found(text: str) -> None:
    assert ABSENT.search(text)


@pytest.mark.parametrize(
    "text", ["`facts` of an event", "decide(facts, network)", "KAFKA-20734", "faust/issues/177"]
)
def test_words_that_mean_something_else_are_left_alone(text: str) -> None:
    assert not ABSENT.search(text)
