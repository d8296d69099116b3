"""The page for a team without an engineer names commands and options that are there, and settings that are read."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from instep.cli import build
from instep.kafka.connection import NAMES, variable

PAGE = Path(__file__).parents[3] / "deploy" / "guide" / "without-an-engineer.md"


def commands(page: str) -> list[str]:
    """The `instep` commands of a page's blocks, in the page's order, each as people type it."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL)
    lines = (line.strip() for block in blocks for line in block.splitlines())
    return [line for line in lines if line.startswith("instep ")]


def parse(line: str) -> None:
    """Parse a line as `instep` would, and carry out nothing; raises UsageError for wrong usage."""
    arguments = shlex.split(line.partition(" > ")[0])[1:]
    command: Any = typer.main.get_command(build())
    context = command.make_context("instep", list(arguments))
    while hasattr(command, "resolve_command"):
        name, command, arguments = command.resolve_command(context, arguments)
        context = command.make_context(name, list(arguments), parent=context)


# typer has a click of its own.
UsageError: Any = typer.BadParameter.__base__
COMMANDS = commands(PAGE.read_text(encoding="utf-8"))


def test_the_commands_are_found() -> None:
    assert len(COMMANDS) > 12
    assert {line.split()[1] for line in COMMANDS} >= {
        "publish",
        "watch",
        "inbox",
        "worklist",
        "why",
        "outcomes",
    }


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_guide_is_there_with_its_options(line: str) -> None:
    parse(line)


@pytest.mark.parametrize("line", ["instep publish x.csv --autority leeds", "instep inboxes leeds"])
def test_a_command_that_is_not_there_is_noticed(line: str) -> None:
    with pytest.raises(UsageError):
        parse(line)


def test_the_settings_of_the_guide_are_settings_for_every_system() -> None:
    text = PAGE.read_text(encoding="utf-8")
    posix = set(re.findall(r"^ *export (INSTEP_\w+)=", text, re.MULTILINE))
    windows = set(re.findall(r"^ *setx (INSTEP_\w+) ", text, re.MULTILINE))
    assert posix == windows
    assert posix <= set(map(variable, NAMES))
    assert len(posix) == 4
