"""A file of registrations that breaks JSON's rules costs the broken registrations, each by name, and no other."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instep.adapters import Line, Refused, Row, json_array, read
from tests.strategies import examples
from tests.unit.adapters.publishing import AUTHORITY, DATA, SETTINGS, Publisher

SAMPLE: list[dict[str, Any]] = json.loads((DATA / "food-registrations.json").read_text(encoding="utf-8"))
FRESH = [HealthCheck.function_scoped_fixture]


def registration(number: int) -> dict[str, Any]:
    whole = copy.deepcopy(SAMPLE[number % 3])
    # As the Agency's own files begin: with the number of the registration.
    return {"fsa_rn": f"AAAA{number:02d}-BBBBBB-CCCCCC", **{k: v for k, v in whole.items() if k != "fsa_rn"}}


TEXTS = [json.dumps(registration(number)) for number in range(4)]


def lines_of(publisher: Publisher, content: str | bytes) -> list[Line]:
    path = publisher.file(content if isinstance(content, bytes) else content.encode(), ".json")
    return list(read(path, authority=AUTHORITY, settings=SETTINGS))


def read_numbers(lines: list[Line]) -> list[str]:
    return [line.reference[4:6] for line in lines if isinstance(line, Row)]


def refused(lines: list[Line]) -> list[tuple[str, str]]:
    return [(line.entry, line.reason) for line in lines if isinstance(line, Refused)]


DAMAGE: list[Callable[[str], str]] = [
    lambda text: text.replace('"establishment":', '"establishment" '),
    lambda text: text.replace('"createdAt": "', '"createdAt": ', 1),
    lambda text: text[: len(text) // 2],
    lambda text: text[:-1],
    lambda text: text.replace('{"', "{'", 2).replace("{'fsa_rn", '{"fsa_rn'),
    lambda text: text.replace('"establishment": {', '"establishment": {' + "[" * 3000, 1),
    lambda text: text.replace('", "', '"\x00, "', 1),
]


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("separator", [", ", ",\n", "\n"])
@pytest.mark.parametrize("chunk", [64, 64 * 1024])
def test_a_broken_registration_is_named_and_reading_goes_on(
    publisher: Publisher,
    monkeypatch: pytest.MonkeyPatch,
    damage: Callable[[str], str],
    separator: str,
    chunk: int,
) -> None:
    monkeypatch.setattr(json_array, "_CHUNK", chunk)
    broken = damage(TEXTS[1])
    lines = lines_of(publisher, "[" + separator.join([TEXTS[0], broken, TEXTS[2], TEXTS[3]]) + "]")
    assert read_numbers(lines) == ["00", "02", "03"]
    ((entry, reason),) = refused(lines)
    assert entry == "registration 2 (AAAA01-BBBBBB-CCCCCC)"
    assert reason in ("broken-json", "too-deep")


@settings(examples(60), suppress_health_check=FRESH)
@given(
    place=st.floats(0.05, 0.999),
    at=st.integers(0, 3),
    noise=st.sampled_from(['"', "{", "}", "[", "]", ",", ":", "\\"]),
)
def test_whatever_stands_too_much_in_a_registration_costs_no_other(
    publisher: Publisher, place: float, at: int, noise: str
) -> None:
    texts = list(TEXTS)
    spot = max(int(place * len(texts[at])), len('{"fsa_rn": "AAAA00-BBBBBB-CCCCCC",'))
    texts[at] = texts[at][:spot] + noise + texts[at][spot:]
    lines = lines_of(publisher, "[" + ",".join(texts) + "]")
    others = [f"{number:02d}" for number in range(4) if number != at]
    assert [number for number in read_numbers(lines) if int(number) != at] == others
    assert f"{at:02d}" in read_numbers(lines) or any(f"AAAA{at:02d}" in entry for entry, _ in refused(lines))


def test_a_file_that_is_cut_off_says_which_registration_is_missing(publisher: Publisher) -> None:
    lines = lines_of(publisher, "[" + ",".join(TEXTS[:2])[:-30])
    assert read_numbers(lines) == ["00"]
    assert refused(lines) == [("registration 2 (AAAA01-BBBBBB-CCCCCC)", "cut-off")]
    assert refused(lines_of(publisher, "[" + TEXTS[0])) == [("registration 2", "cut-off")]


def test_bytes_of_windows_1252_are_read_and_noted_where_they_stand(publisher: Publisher) -> None:
    whole = registration(1)
    whole["establishment"]["establishment_trading_name"] = "Caf\u00e9 Stra\u00dfe"
    windows = json.dumps(whole, ensure_ascii=False).encode("cp1252")
    content = b"[" + TEXTS[0].encode() + b"," + windows + b"," + TEXTS[2].encode() + b"]"
    lines = [line for line in lines_of(publisher, content) if isinstance(line, Row)]
    assert [line.reference[4:6] for line in lines] == ["00", "01", "02"]
    assert lines[1].body["establishment"]["trading_names"][0] == "Caf\u00e9 Stra\u00dfe"
    noted = [any(note.reason == "windows-1252" for note in line.notes) for line in lines]
    assert noted == [False, True, False]


def test_a_number_that_a_registration_gives_twice_is_nobodys_to_choose(publisher: Publisher) -> None:
    twice = TEXTS[1].replace("{", '{"fsa_rn": "ZZZZ01-BBBBBB-CCCCCC", ', 1)
    lines = lines_of(publisher, f"[{TEXTS[0]},{twice},{TEXTS[2]}]")
    assert read_numbers(lines) == ["00", "02"]
    assert [reason for _, reason in refused(lines)] == ["repeated-name"]


def test_registrations_line_by_line_or_without_commas_are_read(publisher: Publisher) -> None:
    assert read_numbers(lines_of(publisher, "\n".join(TEXTS))) == ["00", "01", "02", "03"]
    assert read_numbers(lines_of(publisher, "[" + " ".join(TEXTS) + ",]")) == ["00", "01", "02", "03"]
