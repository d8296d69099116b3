"""The files that a repository is expected to have say what such files say, and agree with each other."""

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
WORKFLOW = (ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8")
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
CHANGES = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
"""Keep a Changelog's kinds of changes, in its order."""


def releases() -> list[tuple[str, str, str]]:
    """Version, date and text of each release, from the newest on; what is unreleased has no date."""
    heading = r"^## \[([^]]+)\](?: - (\S+))?\n"
    parts = re.split(heading, CHANGELOG, flags=re.MULTILINE)[1:]
    return [(parts[at], parts[at + 1] or "", parts[at + 2]) for at in range(0, len(parts), 3)]


def test_the_changelog_lists_releases_from_the_newest_on_each_with_its_day() -> None:
    (unreleased, none, _), *released = releases()
    assert (unreleased, none) == ("Unreleased", "")
    days = [date.fromisoformat(day) for _, day, _ in released]
    assert days == sorted(days, reverse=True)
    versions = [tuple(map(int, version.split("."))) for version, _, _ in released]
    assert versions == sorted(versions, reverse=True)
    assert versions[-1] == (0, 1, 0)
    assert len(re.findall(r"^## ", CHANGELOG, re.MULTILINE)) == len(released) + 1


def test_the_newest_release_is_the_version_of_the_package() -> None:
    assert releases()[1][0] == PROJECT["version"]


@pytest.mark.parametrize(("version", "day", "text"), [pytest.param(*one, id=one[0]) for one in releases()])
def test_a_release_lists_its_changes_by_kind(version: str, day: str, text: str) -> None:
    kinds = re.findall(r"^### (.*)$", text, re.MULTILINE)
    assert kinds == [kind for kind in CHANGES if kind in kinds]
    for body in re.split(r"^### .*$", text, flags=re.MULTILINE)[1:]:
        assert body.strip().startswith("- ")


def test_the_licence_is_the_one_that_the_package_names() -> None:
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert (PROJECT["license"], PROJECT["license-files"]) == ("Apache-2.0", ["LICENSE"])
    assert " ".join(licence.split()).startswith("Apache License Version 2.0, January 2004")
    assert re.search(r"^ *Copyright \d{4} Instep contributors$", licence, re.MULTILINE)


def test_ci_runs_make_test_alone_and_may_only_read() -> None:
    workflow: dict[str, Any] = yaml.safe_load(WORKFLOW)
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert "permissions" not in job
    assert [step["run"] for step in job["steps"] if "run" in step] == ["make test"]


def test_ci_takes_each_action_by_its_commit() -> None:
    actions = re.findall(r"uses: (\S+)", WORKFLOW)
    assert len(actions) > 1
    assert [action for action in actions if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action)] == []


def test_a_commit_fetches_nothing_and_calls_the_tools_that_make_lint_calls() -> None:
    assert [repository["repo"] for repository in HOOKS["repos"]] == ["local"]
    entries = [hook["entry"] for hook in HOOKS["repos"][0]["hooks"]]
    called = {tuple(entry.removesuffix(" --force-exclude").split()) for entry in entries}
    (lint,) = re.findall(
        r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    tools = re.findall(r"\$\(BIN\)/(.*)", lint)
    assert called == {
        tuple(f".venv/bin/{tool}".removesuffix(" .").replace(" --check", "").split()) for tool in tools
    }
