"""A child process dies of the record that kills the decoder, and the record is set aside."""

import sys
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from instep.errors import Ours
from instep.kafka.record_parser import TOO_LARGE
from instep.lanes.probe import Poison, killers
from instep.lanes.processor import Output, Outputs, Record, State
from instep.network.services import Service

pytestmark = pytest.mark.slow

CHILD = """
import os, signal, time
from instep.lanes.probe import serve, standard_streams
def decode(value):
    if value == b"deadly":
        os.kill(os.getpid(), signal.SIGSEGV)
    if value == b"raising":
        raise ValueError
serve(decode, *standard_streams())
"""
COMMAND = (sys.executable, "-c", CHILD)


async def test_only_the_deadly_values_are_named() -> None:
    assert await killers(COMMAND, [b"a", b"deadly", b"", b"deadly", b"b"]) == {1, 3}
    assert await killers(COMMAND, [b"a", b"b"]) == set()
    assert await killers(COMMAND, []) == set()


async def test_a_value_at_which_the_decoder_raises_what_it_must_not_is_named_too() -> None:
    assert await killers(COMMAND, [b"raising", b"a"]) == {0}


async def test_a_child_that_cannot_start_condemns_nothing() -> None:
    with pytest.raises(Ours):
        await killers((sys.executable, "-c", "raise SystemExit(3)"), [b"a"])


@dataclass(frozen=True)
class Sent:
    value: bytes
    topic: str = "leeds.outbox"
    partition: int = 0
    offset: int = 0
    timestamp: int = 0
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


class Echo:
    """Passes values on, and names those that were set aside."""

    service = Service(name="echo", port=0, reads=(), writes={})

    def follow(self, network: object) -> None:
        """Nothing to follow."""

    def process(self, records: Sequence[Record], state: State, now: int) -> Outputs:
        return Outputs([Output("out", 0, None, record.value) for record in records])

    def tick(self, state: State, now: int) -> Outputs:
        return Outputs()

    def probe_command(self) -> Sequence[str]:
        return COMMAND

    def poisoned(self, record: Record, now: int) -> Outputs:
        return Outputs([Output("poison", 0, None, b"-")])


async def test_poison_is_set_aside_in_its_place_and_the_rest_goes_on() -> None:
    poison = Poison(Echo())
    poison.expect_poison(1)
    assert poison.expected
    nothing: Any = None
    records: Any = [Sent(b"a"), Sent(b"deadly"), Sent(b"b"), Sent(b"c")]
    outputs = await poison.decide(records, nothing, 0)
    assert [(output.topic, output.value) for output in outputs.records] == [
        ("out", b"a"),
        ("poison", b"-"),
        ("out", b"b"),
        ("out", b"c"),
    ]


async def test_what_stands_in_for_a_batch_too_large_to_unpack_is_not_sent_to_the_child() -> None:
    """A megabyte for each of a thousand records."""
    poison = Poison(Echo())
    nothing: Any = None
    records: Any = [Sent(TOO_LARGE)] * 1000
    tracemalloc.start()
    try:
        outputs = await poison.decide(records, nothing, 0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [output.value for output in outputs.records] == [TOO_LARGE] * 1000
    assert peak < 10 << 20


def test_a_lane_whose_last_claim_committed_expects_no_poison() -> None:
    poison = Poison(Echo())
    poison.expect_poison(0)
    assert not poison.expected
