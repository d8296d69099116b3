"""The page of settings names the variables that the code reads, and no others, with ranges and readers."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from instep.cli import build
from instep.kafka.connection import MECHANISMS, NAMES, PROTOCOLS, variable
from instep.network.services import SERVICES
from instep.provision import registry_client
from instep.router.arrival import Codec

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "deploy" / "settings.md").read_text(encoding="utf-8")
SOURCES = sorted((ROOT / "services" / "instep").rglob("*.py"))
SET_UP = [ROOT / name for name in ("deploy/python", "deploy/setup", "deploy/uv", "Makefile")]
READERS = ("services", "commands", "local platform", "tests", "setting up")


class Setting(NamedTuple):
    """A row of the page."""

    name: str
    sets: str
    default: str
    range: str
    read_by: str


SETTINGS = [
    Setting(*row)
    for row in re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
]


class Recording(dict[str, str]):
    """An empty environment; remembers the names of the variables asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        self.names.add(name)
        return default


def mentioned() -> set[str]:
    """Every variable of Instep's in the sources, in docstrings and messages too."""
    texts = [path.read_text(encoding="utf-8") for path in (*SOURCES, *SET_UP)]
    return set(re.findall(r"\bINSTEP_[A-Z_]*[A-Z]\b", "\n".join(texts)))


def constants(tree: ast.AST) -> Iterator[str]:
    """Texts of a variable's name and nothing else, so no docstrings and no messages."""
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str() as text) if re.fullmatch(r"INSTEP_[A-Z_]*[A-Z]", text):
                yield text


def asked_of_the_environment(tree: ast.AST) -> Iterator[str]:
    """X in `environ.get("X")`, `environ.setdefault("X", …)` and `environ["X"]`."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=mapping, attr="get" | "setdefault" | "pop"),
                args=[ast.Constant(value=str() as name), *_],
            ) if ast.unparse(mapping).endswith("environ"):
                yield name
            case ast.Subscript(value=mapping, slice=ast.Constant(value=str() as name)) if ast.unparse(
                mapping
            ).endswith("environ"):
                yield name


def read_by_code() -> set[str]:
    registry = Recording()
    registry_client.from_env(registry)
    names = registry.names | {variable(name) for name in NAMES}
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names |= {*constants(tree), *asked_of_the_environment(tree)}
    for path in SET_UP:
        names |= set(re.findall(r"\$\{([A-Z_]+):?-", path.read_text(encoding="utf-8")))
    return names


def test_the_page_names_every_variable_that_the_code_reads_and_no_other() -> None:
    assert sorted(setting.name for setting in SETTINGS) == sorted(read_by_code())


def test_every_variable_that_the_code_mentions_is_on_the_page() -> None:
    assert mentioned() <= {setting.name for setting in SETTINGS}


def test_every_row_of_the_page_is_whole() -> None:
    assert len(SETTINGS) == len(re.findall(r"^\| `", PAGE, re.MULTILINE))
    assert all(all(cell.strip() for cell in setting) for setting in SETTINGS)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_variable_says_who_reads_it(setting: Setting) -> None:
    readers = [part.partition(":")[0].strip() for part in setting.read_by.split(", ")]
    named = [reader for reader in readers if not reader.startswith("`")]
    assert named
    assert set(named) <= set(READERS)


def test_the_ranges_and_defaults_of_numbers_are_those_of_the_code() -> None:
    code = "\n".join(
        (ROOT / "services/instep" / name).read_text(encoding="utf-8")
        for name in ("lanes/settings.py", "service/settings.py")
    )
    numbers = re.findall(r'"(INSTEP_\w+)", \w+, ([\w.]+), ([\d.]+), ([\d._]+)\)', code)
    bounds = {name: (float(least), float(most.replace("_", ""))) for name, _, least, most in numbers}
    defaults = {name: float(default) for name, default, _, _ in numbers if default[0].isdigit()}
    shown = {
        setting.name: tuple(map(float, setting.range.split(" to ")))
        for setting in SETTINGS
        if re.fullmatch(r"[\d.]+ to [\d.]+", setting.range)
    }
    assert shown == bounds
    assert {
        setting.name: float(setting.default) for setting in SETTINGS if setting.name in defaults
    } == defaults
    assert (len(bounds), len(defaults)) == (6, 5)


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("INSTEP_SECURITY_PROTOCOL", PROTOCOLS),
        ("INSTEP_SASL_MECHANISM", MECHANISMS),
        ("INSTEP_CODEC", tuple(Codec)),
    ],
)
def test_the_choices_are_those_of_the_code(name: str, choices: tuple[str, ...]) -> None:
    (shown,) = [setting.range for setting in SETTINGS if setting.name == name]
    assert sorted(re.findall(r"`([^`]+)`", shown)) == sorted(choices)


def test_the_ports_are_those_of_the_table_of_services() -> None:
    (port,) = [setting for setting in SETTINGS if setting.name == "INSTEP_MANAGEMENT_PORT"]
    ports = {name: int(number) for number, name in re.findall(r"(\d+) ([a-z]+)", port.default)}
    assert ports == {service.name: service.port for service in SERVICES.values()}


def test_the_help_of_run_points_at_the_page() -> None:
    assert "deploy/settings.md" in CliRunner().invoke(build(), ["run", "--help"]).output
