"""The types for publishers' and recipients' programs are current, and mypy finds mistakes by them."""

import copy
import re
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_type_hints

import pytest
from mypy import api

from instep.catalogue import python_types
from instep.client import types
from instep.errors import SchemaError
from instep.events.schema import Catalogue, Schema
from tests.unit.events.sample import CATALOGUE, MOVED, example_files, plain_example

SERVICES = Path(types.__file__).parents[2]
IMPORTS = "from instep.client.types import BusinessRegistered, ResidentMoved\n\n"
GOOD = f"moved: ResidentMoved = {plain_example('ordinary-move')!r}\n"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy")


def complaints(code: str, folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The complaints of mypy --strict about a council's program, without the places."""
    file = folder / "program.py"
    file.write_text(IMPORTS + code, encoding="utf-8")
    monkeypatch.setenv("MYPYPATH", str(SERVICES))
    printed, crashed, _ = api.run(
        [
            "--strict",
            "--config-file=",
            f"--cache-dir={cache}",
            "--no-error-summary",
            "--hide-error-context",
            str(file),
        ]
    )
    assert crashed == ""
    return [line.split(": ", maxsplit=1)[1] for line in printed.splitlines() if ": error: " in line]


def test_the_types_are_those_of_the_schemas() -> None:
    current = Path(types.__file__).read_text(encoding="utf-8") == python_types.source(CATALOGUE)
    assert current, (
        "The schemas have changed since client/types.py was written: `instep schemas types --write`."
    )


def test_an_editor_finds_the_fields_and_what_they_mean() -> None:
    moved, address = get_type_hints(types.ResidentMoved), get_type_hints(types.Address)
    assert moved["new_address"] is types.Address
    assert address["postcode"] is str
    text = Path(types.__file__).read_text(encoding="utf-8")
    assert re.search(r'postcode: NotRequired\[str\]\n    """Postcode, upper case with one space."""', text)


@pytest.mark.slow
def test_mypy_accepts_every_example_of_the_catalogue(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "".join(
        f"event_{number}: {parameter.values[0].full_name.rpartition('.')[2]} = "
        f"{plain_example(parameter.values[1].stem, parameter.values[0].name)!r}\n"
        for number, parameter in enumerate(example_files("examples"))
    )
    assert code.count("event_") > 10
    assert complaints(code, tmp_path, cache, monkeypatch) == []


@pytest.mark.slow
def test_mypy_finds_each_mistake_of_a_publisher(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mistakes = {
        'moved["residence"] = "MIAN"': 'error: Value of "residence" has incompatible type "Literal[\'MIAN\']"',
        'moved["header"]["change_kind"] = "new"': 'error: Value of "change_kind" has incompatible type',
        'moved["new_address"]["postcode"] = 1': 'error: Value of "postcode" has incompatible type "int"',
        'moved["new_address"]["post_code"] = "LS1 4AP"': 'error: TypedDict "Address" has no key "post_code"',
        'moved["surname"] = "Marsh"': 'error: TypedDict "ResidentMoved" has no key "surname"',
        'bare: ResidentMoved = {"moved_on": "2026-04-11"}': 'error: Missing key "header" for TypedDict "ResidentMoved"',
        "business: BusinessRegistered = moved": "error: Incompatible types in assignment",
    }
    complained = complaints(GOOD + "\n".join(mistakes) + "\n", tmp_path, cache, monkeypatch)
    assert len(complained) == len(mistakes), complained
    for expected, complaint in zip(mistakes.values(), complained, strict=True):
        assert complaint.startswith(expected)


def catalogue_with(schema: Schema, definition: dict[str, Any]) -> Catalogue:
    """The catalogue, with another definition in place of a schema's."""
    changed = replace(schema, definition=definition)
    events = {
        name: replace(kind, versions=(changed,)) if kind.latest is schema else kind
        for name, kind in CATALOGUE.events.items()
    }
    return replace(CATALOGUE, events=MappingProxyType(events))


def test_two_types_of_one_name_that_differ_are_both_written() -> None:
    definition = copy.deepcopy(MOVED.latest.definition)
    address = next(field for field in definition["fields"] if field["name"] == "old_address")["type"][1]
    address["fields"].append({"name": "storey", "type": ["null", "string"], "doc": "Floor.", "default": None})
    text = python_types.source(catalogue_with(MOVED.latest, definition))
    assert "class Address(TypedDict):" in text
    assert "class ResidentMovedAddress(TypedDict):" in text
    assert "new_address: NotRequired[ResidentMovedAddress]" in text


def test_a_field_that_python_cannot_name_is_said_in_one_sentence() -> None:
    definition = copy.deepcopy(MOVED.latest.definition)
    definition["fields"][-1]["name"] = "from"
    with pytest.raises(SchemaError, match="ResidentMoved: from is a word of Python"):
        python_types.source(catalogue_with(MOVED.latest, definition))
