"""The cost of a stranger's bytes beside a sound event's, measured in the same run: ratios, each the best of some rounds."""

import time
from collections.abc import Callable
from io import BytesIO
from statistics import fmean

import fastavro
import pytest

from instep.events.decoding import Decoder
from instep.events.framing import PREFIX
from instep.events.rules import rule_of
from instep.intake.decide import decide
from instep.network.topics import EVENTS
from instep.router.arrival import Codec
from tests.hostile.cases import SOURCE, Case, Record, cases, sound
from tests.hostile.entry import CATALOGUE, NOW, Entry
from tests.unit.memory_state import MemoryRecord, MemoryState

ENTRY = Entry()
DECODER = Decoder(CATALOGUE, ENTRY.schemas)
RULES = {name: rule_of(event_type) for name, event_type in CATALOGUE.events.items()}
CASES = [case for case in cases(ENTRY.number, NOW) if case.by == "intake"]
NOISE = 1.15
"""Of two equal works, each the best of several rounds, how much dearer the second may seem on a busy machine."""


def best(*works: Callable[[], object], rounds: int = 15, calls: int = 12) -> list[float]:
    """Processor seconds a call, of each work. Other processes do not count, and a busy moment meets all works in turn."""
    least = [float("inf")] * len(works)
    for _ in range(rounds):
        for place, work in enumerate(works):
            began = time.thread_time()
            for _ in range(calls):
                work()
            least[place] = min(least[place], (time.thread_time() - began) / calls)
    return least


def deciding(record: Record) -> Callable[[], object]:
    return lambda: decide(
        record.key, record.value, record.headers, source=SOURCE, decoder=DECODER, rules=RULES, now=NOW
    )


def entering(*records: Record, and_routed: bool = False) -> Callable[[], object]:
    """Takes records through intake, and with `and_routed` the accepted events through the router."""
    made = [
        MemoryRecord(
            topic=f"{SOURCE}.outbox", key=record.key, value=record.value, headers=record.headers, offset=41
        )
        for record in records
    ]
    router = ENTRY.routers[Codec.SPLICE]

    def work() -> None:
        sent = ENTRY.intake.process(made, MemoryState(), NOW).records
        if and_routed:
            router.process(
                [
                    MemoryRecord(topic=EVENTS, key=output.key, value=output.value, headers=output.headers)
                    for output in sent
                ],
                MemoryState(),
                NOW,
            )

    return work


@pytest.mark.slow
def test_to_decide_that_a_record_is_refused_costs_no_more_than_that_its_neighbour_is_accepted() -> None:
    ratios = {case.name: _ratio(case) for case in CASES}
    dear = {name: ratio for name, ratio in ratios.items() if ratio > NOISE}
    # Once more, alone: one in a hundred may have been unlucky.
    assert not {case.name for case in CASES if case.name in dear and _ratio(case, rounds=60) > NOISE}
    assert fmean(ratios.values()) < 0.85


def _ratio(case: Case, rounds: int = 15) -> float:
    large = max(len(case.hostile.value or b""), len(case.neighbour.value or b"")) > 10_000
    refusing, accepting = best(
        deciding(case.hostile), deciding(case.neighbour), rounds=rounds, calls=1 if large else 12
    )
    return refusing / accepting


def test_a_refused_record_costs_less_than_an_accepted_one_in_all() -> None:
    """From the outbox on: to write a rejection is dearer than to pass an event on, but nobody routes a rejection."""
    good = sound(ENTRY.number, NOW, count=10)
    small = [case for case in CASES if len(case.hostile.value or b"") < 10_000]
    accepting, *refusing = best(
        entering(*good, and_routed=True),
        *(entering(*[case.hostile] * 10) for case in small),
        rounds=5,
        calls=2,
    )
    assert max(refusing) < accepting


@pytest.mark.parametrize("blocks", ["plain", "sized"])
def test_strict_decoding_costs_at_most_1_3_of_what_fastavro_takes_for_the_same_event(blocks: str) -> None:
    """As intake decodes: size, framing, the schema by its id, a strict reading, nothing left over, canonical bytes."""
    value = _value(blocks)
    schema = ENTRY.schemas[int.from_bytes(value[1:PREFIX], "big")].parsed
    body = value[PREFIX:]
    strict, plain = best(
        lambda: DECODER.decode(value),
        lambda: fastavro.schemaless_reader(BytesIO(body), schema, None),
        rounds=60,
        calls=25,
    )
    assert strict <= 1.3 * plain


def _value(blocks: str) -> bytes:
    (plain,) = sound(ENTRY.number, NOW, count=1)
    (sized,) = [case.neighbour for case in CASES if case.name == "a block count of INT64_MIN"]
    value = {"plain": plain, "sized": sized}[blocks].value
    assert value is not None
    return value
