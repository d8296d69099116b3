"""The golden files hold the generated code of today, for people to read."""

import pytest

from instep.events.splice import form
from tests.unit.events.generated_code import COMMAND, GOLDEN, SCHEMA, golden_files, parts, without_names


@pytest.mark.parametrize("name", golden_files())
def test_a_golden_file_is_current(name: str) -> None:
    file = GOLDEN / name
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    assert text == golden_files()[name], f"{name} is not current: `{COMMAND}` writes it anew."


def test_every_golden_file_is_generated() -> None:
    assert {file.name for file in GOLDEN.iterdir()} == set(golden_files())


def test_the_lines_of_the_form_are_the_whole_expression() -> None:
    assert without_names("".join(parts(form(SCHEMA)))) == form(SCHEMA).expression.pattern
    assert len(list(parts(form(SCHEMA)))) == form(SCHEMA).expression.groups
