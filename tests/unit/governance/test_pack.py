"""The governance pack says nothing that is not so: pointers lead somewhere, figures are those of topics and rights."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from instep.network.access import access
from instep.network.network import load
from instep.network.topic_specs import topic_specs

ROOT = Path(__file__).parents[3]
PACK = ROOT / "deploy" / "governance"
PAGES = sorted(PACK.glob("*.md"))
DAY_MS = 86_400_000
CHECKLIST = (
    *("purpose", "sources", "recipients", "approved", "share.fields", "share.when", "lawful_basis"),
    *(
        "legal_power",
        "special_category_condition",
        "retention_days",
        "contact",
        "dpia",
        "review_by",
        "status",
    ),
)
"""What of an agreement's file the checklist has to lead to."""


def pointers(text: str) -> list[str]:
    """What stands in backticks and is a path, and every link."""
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text)]
    paths = [span for span in spans if span.startswith(("deploy/", "services/", "schemas/", "tests/"))]
    return paths + re.findall(r"\]\(([^)]+)\)", text)


def dead(pointer: str) -> str | None:
    """What is wrong with a pointer; None where it leads somewhere."""
    path, _, name = pointer.partition("::")
    file = ROOT / path if "/" in path else PACK / path
    if not file.exists():
        return "no such file"
    if not name:
        return None
    found = _names(file) if file.suffix == ".py" else _keys(tomllib.loads(file.read_text(encoding="utf-8")))
    return None if name in found else "no such name in it"


@cache
def _names(file: Path) -> frozenset[str]:
    """Functions of a file of Python, and its texts: the ids of cases are texts."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = (n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    texts = (n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str))
    return frozenset((*functions, *texts))


def _keys(table: dict[str, Any]) -> set[str]:
    found = set(table)
    for key, value in table.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                found |= {f"{key}.{inner}" for inner in one}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_pointer_is_dead(page: Path) -> None:
    found = pointers(page.read_text(encoding="utf-8"))
    assert found
    assert [(pointer, wrong) for pointer in found if (wrong := dead(pointer))] == []


@pytest.mark.parametrize(
    "pointer",
    [
        "nowhere.md",
        "tests/kafka/test_nothing.py",
        "tests/kafka/test_security.py::test_nothing",
        "deploy/network/sample/agreements/council-tax.toml::share.nothing",
    ],
)
def test_a_dead_pointer_is_found(pointer: str) -> None:
    assert dead(pointer)


def rows(page: str) -> list[list[str]]:
    """The cells of a page's tables, without their headings."""
    found: list[list[str]] = []
    heading = True
    for line in (PACK / page).read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            heading = True
        elif line.startswith("| -- "):
            heading = False
        elif not heading:
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def test_every_line_of_the_checklist_points_somewhere_and_none_is_forgotten() -> None:
    lines = rows("data-sharing-checklist.md")
    for question, settled, _ in lines:
        assert pointers(settled), question
    named = {one.partition("::")[2] for _, settled, _ in lines for one in pointers(settled)}
    assert sorted(set(CHECKLIST) - named) == []


@pytest.mark.parametrize("name", ["sample", "uk"])
def test_the_retention_table_is_what_topics_are_made_with(name: str) -> None:
    told = {
        row[0].strip("`"): (row[1], row[2]) for row in rows("retention.md") if row[0].startswith(("`i", "`<"))
    }
    network = load(ROOT / "deploy" / "network" / name)
    made = {_general(spec.name): _days(spec.config) for spec in topic_specs(network)}
    assert told == made


def _general(topic: str) -> str:
    authority, _, rest = topic.partition(".")
    if authority == "instep":
        return topic
    return "<authority>.inbox.<purpose>" if rest.startswith("inbox.") else f"<authority>.{rest}"


def _days(config: Any) -> tuple[str, str]:
    kept = config.get("retention.ms")
    return str(int(kept) // DAY_MS) if kept else "for good", str(int(config["segment.ms"]) // DAY_MS)


def test_the_hub_is_read_and_written_by_those_in_the_table() -> None:
    network = load(ROOT / "deploy" / "network" / "sample")
    acls = access(network).acls
    hub = [spec.name for spec in topic_specs(network) if spec.name.startswith("instep.")]
    told = {row[0].strip("`"): row[1:] for row in rows("hub-access.md") if row[0].startswith("`instep.")}
    assert sorted(told) == sorted(hub)
    for topic, (read, written) in told.items():
        for operation, cell in (("READ", read), ("WRITE", written)):
            may = {one.principal for one in acls if (one.name, one.operation) == (topic, operation)}
            councils = {one for one in may if not one.startswith("instep.")}
            if cell == "everybody who takes part":
                assert councils >= set(network.participants)
            else:
                assert not councils
                assert sorted(may) == sorted(re.findall(r"`([^`]+)`", cell)), (topic, operation)
