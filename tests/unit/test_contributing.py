"""CONTRIBUTING.md stays true: its worked example is carried out, and what it points at is there."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLE = PAGE.partition("\n## Change one rule in ten minutes\n")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", EXAMPLE, re.MULTILINE | re.DOTALL)
ENVIRONMENT = Path(sys.prefix)


def apply(diff: str, tree: Path) -> None:
    """Make the change of a diff whose hunks have no line numbers: the lines that it takes out stand in the file once."""
    head, *hunks = re.split(r"^@@\n", diff, flags=re.MULTILINE)
    old, new = head.splitlines()
    assert old.removeprefix("--- a/") == new.removeprefix("+++ b/")
    file = tree / old.removeprefix("--- a/")
    text = file.read_text(encoding="utf-8")
    for hunk in hunks:
        before, after = (
            "".join(line[1:] for line in hunk.splitlines(keepends=True) if line[0] in signs)
            for signs in (" -", " +")
        )
        assert text.count(before) == 1, f"{file.name} holds {text.count(before)} times:\n{before}"
        text = text.replace(before, after)
    file.write_text(text, encoding="utf-8")


def commands(block: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a block, and the lines that it is said to print."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *promised = part.splitlines()
        yield command, promised


def prints(output: str, promised: list[str]) -> bool:
    """Whether the promised lines are in the output, in order; no line promises silence.

    `…` is anything, and blanks are as good as each other.
    """
    if not promised:
        return not output.strip()
    lines = iter([" ".join(line.split()) for line in output.splitlines()])
    patterns = [re.escape(line).replace("…", ".*") for line in promised if line != "…"]
    return all(any(re.fullmatch(pattern, line) for line in lines) for pattern in patterns)


def run(command: str, tree: Path) -> str:
    """What a command prints in the copy, with the copy's code and none of this run's settings."""
    scratch = tree.parent / "tmp"
    scratch.mkdir(exist_ok=True)
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tree,
        env={**outer, "PYTHONPATH": str(tree / "services"), "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of this repository, with the environment of these tests as its .venv."""
    copy = tmp_path / "instep"
    left_out = shutil.ignore_patterns(".*", "__pycache__", "results")
    shutil.copytree(ROOT, copy, ignore=left_out)
    (copy / ".venv").symlink_to(ENVIRONMENT)
    return copy


@pytest.mark.slow
def test_the_worked_example_goes_as_the_page_says(tree: Path) -> None:
    for kind, block in BLOCKS:
        if kind == "diff":
            apply(block, tree)
        else:
            for command, promised in commands(block):
                output = run(command, tree)
                assert prints(output, promised), f"$ {command}\n{output}"


def test_the_worked_example_changes_a_rule_an_example_and_a_hostile_case() -> None:
    assert {kind for kind, _ in BLOCKS} == {"diff", "console"}
    changed = re.findall(r"^\+\+\+ b/(.*)$", EXAMPLE, re.MULTILINE)
    assert [Path(file).parts[0] for file in changed] == ["schemas", "tests", "services"]


@pytest.mark.parametrize(
    ("promised", "holds"),
    [
        (["…", "1 failed, …"], True),
        (["a b", "1 failed, 2 passed"], True),
        (["1 failed, …", "a b"], False),
        (["1 failed"], False),
        ([], False),
    ],
)
def test_what_is_promised_is_compared_line_by_line_in_order(promised: list[str], holds: bool) -> None:
    assert prints("F.\na   b \n1 failed, 2 passed\n", promised) is holds


def test_the_targets_that_the_page_names_are_there() -> None:
    made = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", PAGE))
    assert len(named) > 5
    assert named <= made


def test_what_the_page_links_to_is_there() -> None:
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", PAGE) if "://" not in link]
    assert len(links) > 5
    assert [link for link in links if not (ROOT / link).exists()] == []
