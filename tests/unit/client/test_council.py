"""Finds the council by its typed name, and reads records from their bytes."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from instep.catalogue.files import default_directory, load_catalogue
from instep.client.council import Council, participant
from instep.client.reader import item
from instep.errors import ConfigurationError
from instep.events.framing import frame
from instep.events.writer import encode
from instep.kafka.connection import Connection
from instep.network.network import Network, load

NETWORK = load(Path(__file__).parents[3] / "deploy" / "network" / "sample")
CATALOGUE = load_catalogue(default_directory())


def at(authority: str, network: Network = NETWORK) -> Council:
    connection = Connection(bootstrap_servers="127.0.0.1:1", security_protocol="PLAINTEXT")
    return Council(authority=authority, connection=connection, catalogue=CATALOGUE, network=network)


def test_a_council_may_be_named_by_id_or_in_full() -> None:
    assert participant(NETWORK, "leeds") == "leeds"
    assert participant(NETWORK, "leeds city council") == "leeds"


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("leads", "did you mean leeds?"),
        ("London Borough of Cambden", "did you mean camden?"),
        ("harrogate", "replaced by north-yorkshire"),
        ("zzzzzz", "There is no authority"),
    ],
)
def test_one_that_takes_no_part_is_answered_with_the_nearest_or_its_successor(
    typed: str, answer: str
) -> None:
    assert not NETWORK.authorities["north-yorkshire"].valid_from > date(2026, 1, 1)
    with pytest.raises(ConfigurationError, match=answer.replace("?", r"\?")):
        participant(NETWORK, typed)


def test_a_councils_inboxes_are_those_of_its_agreements() -> None:
    inboxes = at("derbyshire").inboxes()
    assert [inbox.topic for inbox in inboxes] == [
        "derbyshire.inbox.concessionary-travel",
        "derbyshire.inbox.trading-standards",
    ]
    assert [inbox.topic for inbox in at("derbyshire").inboxes("trading-standards")] == [inboxes[1].topic]


def test_an_inbox_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(ConfigurationError, match="it has concessionary-travel, trading-standards"):
        at("derbyshire").inboxes("council-tax")


def test_one_without_agreements_is_told_so() -> None:
    alone = Network(name="alone", lanes=4, authorities=NETWORK.authorities, agreements={})
    with pytest.raises(ConfigurationError, match="receives under no agreement"):
        at("leeds", alone).inboxes()


@dataclass(frozen=True)
class Found:
    value: bytes | None
    topic: str = "leeds.inbox.council-tax"
    partition: int = 0
    offset: int = 3
    timestamp: int = 1_796_000_000_000
    key: bytes | None = b"york/\xff"
    headers: tuple[tuple[str, bytes], ...] = field(default=(("ce_id", b"one"),))


WITHDRAWAL = CATALOGUE.bus["withdrawal"]


def test_a_record_is_read_as_plain_json() -> None:
    datum = {
        "source": "york",
        "subject_ref": "s",
        "event_id": "6513270e-269e-4d37-b2a7-4de452e6b438",
        "reason": "ANNULLED",
    }
    seen = item(Found(frame(7, encode(WITHDRAWAL, datum))), {7: WITHDRAWAL})
    assert (seen.kind, seen.content, seen.problem) == ("withdrawal", datum, "")
    assert seen.headers == {"ce_id": "one"}
    assert seen.as_json()["at"].endswith("Z")


@pytest.mark.parametrize(
    "value", [None, b"", b"\x01\x00\x00\x00\x07x", b"\0\0\0\0\7\xff", b"\0\0\0\0\x09\1\2"]
)
def test_a_record_that_cannot_be_read_comes_out_with_its_problem(value: bytes | None) -> None:
    seen = item(Found(value), {7: WITHDRAWAL})
    assert seen.problem
    assert seen.content == {}
