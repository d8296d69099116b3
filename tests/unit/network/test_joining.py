"""A new authority: its row, its topics, principals and groups, and a first event that goes to nobody."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from instep.errors import NetworkError
from instep.network.authorities import Authority, read_authorities
from instep.network.joining import first_event, needs, with_row
from instep.network.network import load

SAMPLE = Path(__file__).parents[3] / "deploy/network/sample"
TEXT = (SAMPLE / "authorities.csv").read_text(encoding="utf-8")
WAKEFIELD = Authority(
    id="wakefield",
    name="City of Wakefield, Council",
    gss="E08000036",
    tier="metropolitan",
    parent=None,
    valid_from=date(1974, 4, 1),
)


@pytest.mark.parametrize("text", [TEXT, TEXT.rstrip("\n"), TEXT.rstrip("\n") + "\n\n"])
def test_the_newcomer_is_the_last_line_and_the_others_stay(text: str) -> None:
    rows, errors = read_authorities(with_row(text, WAKEFIELD))
    before, _ = read_authorities(TEXT)
    assert errors == []
    assert {id: council for id, (_, council) in rows.items()} == {
        **{id: council for id, (_, council) in before.items()},
        "wakefield": WAKEFIELD,
    }
    assert list(rows)[-1] == "wakefield"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"id": "Wakefield"}, "must be 2 to 41 lower-case letters"),
        ({"id": "../wakefield"}, "must be 2 to 41 lower-case letters"),
        ({"id": "instep"}, "is reserved"),
        ({"id": "leeds"}, "already"),
        ({"gss": "E08000035"}, "is the code of leeds already"),
        ({"gss": "nonsense"}, "is not a code such as"),
        ({"tier": "city"}, "the tier 'city' is not known"),
        ({"parent": "nowhere"}, "its parent 'nowhere' is not in"),
        ({"name": " "}, "the name is empty"),
    ],
)
def test_what_is_unsound_is_said_in_one_sentence(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        with_row(TEXT, replace(WAKEFIELD, **wrong))


def test_it_is_told_its_topics_its_principals_and_its_groups() -> None:
    required = needs(replace(load(SAMPLE), principals={"leeds": ("placements",)}), "leeds")
    assert required.writes == ("leeds.outbox",)
    assert {
        "leeds.outbox",
        "leeds.rejected",
        "leeds.outcomes",
        "instep.network",
        "leeds.inbox.placements",
    } <= set(required.reads)
    assert required.principals == ("leeds", "leeds.placements")
    assert required.groups == ("leeds.", "leeds.placements.")


def test_its_first_event_is_of_nobody_and_for_nobody() -> None:
    event = json.loads(first_event(WAKEFIELD, datetime(2026, 11, 26, 23, 30, tzinfo=UTC)))
    assert event["header"]["synthetic"] is True
    assert event["moved_on"] == "2026-11-26"
    assert event["new_address"]["authority_gss"] == WAKEFIELD.gss
