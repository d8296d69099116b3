"""The JSON Schema of an agreement accepts everything that `check` accepts, and refuses errors of form as `check` does."""

import copy
import json
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator, FormatChecker

from instep.catalogue.files import load_catalogue
from instep.network.documents import agreement_errors
from instep.network.form import agreement_schema

ROOT = Path(__file__).parents[3]
CATALOGUE = load_catalogue(ROOT / "schemas")
SCHEMA = agreement_schema(CATALOGUE.events)
VALIDATOR = Draft4Validator(SCHEMA, format_checker=FormatChecker(["date"]))
AGREEMENTS = sorted((ROOT / "deploy/network").glob("*/agreements/*.toml"))
READY = [file for file in AGREEMENTS if "uk-source" not in file.parts]
"""The agreements whose parties are filled in."""
DOCUMENT = tomllib.loads(
    (ROOT / "deploy/network/sample/agreements/placement-notices.toml").read_text("utf-8")
)


def fits(document: Mapping[str, Any]) -> bool:
    return VALIDATOR.is_valid(json.loads(json.dumps(document, default=date.isoformat)))


def test_it_is_a_json_schema() -> None:
    Draft4Validator.check_schema(SCHEMA)
    with pytest.raises(Exception, match="not valid"):
        Draft4Validator.check_schema({"type": "nothing"})


@pytest.mark.parametrize("file", READY, ids=lambda file: "/".join(file.parts[-3::2]))
def test_every_agreement_fits(file: Path) -> None:
    assert fits(tomllib.loads(file.read_text("utf-8")))


@pytest.mark.parametrize("file", AGREEMENTS, ids=lambda file: "/".join(file.parts[-3::2]))
def test_every_agreement_tells_editors_where_its_form_is(file: Path) -> None:
    heading = [line for line in file.read_text("utf-8").splitlines() if line.startswith("#:schema ")]
    assert heading == ["#:schema ../../agreement.schema.json"]
    assert (
        file.parent / "../../agreement.schema.json"
    ).resolve() == ROOT / "deploy/network/agreement.schema.json"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", "Council Tax"),
        ("id", "instep"),
        ("version", 0),
        ("status", "perhaps"),
        ("purpose", "../etc"),
        ("legal_power", " "),
        ("review_by", "31 March 2027"),
        ("retention_days", 36526),
        ("respond_within", "soon"),
        ("sources", []),
        ("recipients", ["leeds", "leeds"]),
        ("share", []),
    ],
)
def test_values_that_check_refuses_do_not_fit(key: str, value: object) -> None:
    assert fits(DOCUMENT)
    assert not fits({**DOCUMENT, key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("event", "resident-move"),
        ("when", "sometimes"),
        ("change_kinds", ["OLD"]),
        ("fields", []),
        ("fields", ["placement", "placement"]),
        ("fields", ["placemnt"]),
        ("fields", ["header.source"]),
        ("event", "business-registered"),  # which has no field placement
    ],
)
def test_a_share_of_what_is_not_known_does_not_fit(key: str, value: object) -> None:
    assert not fits({**DOCUMENT, "share": [{**DOCUMENT["share"][0], key: value}]})


TABLES = [("share", 0), ("approved", 0), None]
ODD = st.one_of(
    st.booleans(), st.integers(0, 9), st.just(2.5), st.just("odd"), st.just([1]), st.just({"a": 1})
)


@given(st.sampled_from(TABLES), st.data())
def test_whatever_check_finds_faulty_in_form_does_not_fit(
    within: tuple[str, int] | None, data: st.DataObject
) -> None:
    document = copy.deepcopy(DOCUMENT)
    table = document if within is None else document[within[0]][within[1]]
    key = data.draw(st.sampled_from([*table, "anything"]))
    if data.draw(st.booleans()) and key in table:
        del table[key]
    else:
        table[key] = data.draw(ODD)
    if agreement_errors(document):
        assert not fits(document)
