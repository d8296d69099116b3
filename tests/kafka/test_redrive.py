"""`instep rejected A redrive`: events that have become sound go again, once and in order; the others stay where they are."""

import asyncio
import itertools
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from instep.client.redrive import REDRIVES, redriven_of
from tests.kafka.journey import Event, publish
from tests.kafka.stage import Stage, opened, pair_of, sample
from tests.kafka.test_lanes import delete_before
from tests.kafka.test_publish import INSTEP, environ, instep, objects

NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The sample network with its services up; each test publishes as another council."""
    home = tmp_path_factory.mktemp("redrive")
    with opened(home, sample(home), "intake", "router") as opened_stage:
        yield opened_stage


def corrected(stage: Stage, source: str, subject: str) -> tuple[Event, Event]:
    """A move to the source's area, and its correction."""
    old = "lambeth" if source == "camden" else "camden"
    first = stage.events.moved(source, old, source, subject=subject, sequence=next(NUMBERS))
    second = stage.events.moved(
        source,
        old,
        source,
        subject=subject,
        sequence=next(NUMBERS),
        change_kind="CORRECT",
        replaces=first.event_id,
    )
    return first, second


def redriven(stage: Stage, home: Path, council: str, *options: str) -> dict[int, tuple[str, int | None]]:
    """By the original's place in the outbox: the result, and the place of the event that was sent again (None: none)."""
    done = instep(stage.connection, home, "rejected", council, "redrive", *options, "-o", "json")
    assert done.returncode in (0, 1), done.stderr
    return {event["outbox_offset"]: (event["result"], event["sent_to"]) for event in objects(done)}


def counted(stage: Stage, home: Path, council: str, *options: str) -> dict[str, int]:
    done = instep(stage.connection, home, "rejected", council, "--counts", *options, "-o", "json")
    return {count["reason"]: count["refused"] for count in objects(done)}


async def write(stage: Stage, council: str, *values: bytes) -> None:
    async with AIOKafkaProducer(**stage.connection.kafka()) as producer:
        for value in values:
            await producer.send_and_wait(f"{council}.outbox", value, key=b"somebody")


def test_what_is_sound_by_now_is_sent_again_once_and_the_rest_is_told(stage: Stage, tmp_path: Path) -> None:
    pairs = [corrected(stage, "lambeth", f"redrive-{n}") for n in range(2)]
    (first_move, first_correction), (second_move, second_correction) = pairs
    # Both corrections come before what they correct, with bytes between them that nobody can read.
    asyncio.run(publish(stage.connection, [first_correction]))
    asyncio.run(write(stage, "lambeth", b"not an event"))
    asyncio.run(publish(stage.connection, [second_correction]))
    bus = asyncio.run(stage.bus())
    assert [bus.refusal("lambeth", place)["reason"] for place in range(3)] == [
        "replaces-unknown",
        "bad-framing",
        "replaces-unknown",
    ]
    assert counted(stage, tmp_path, "lambeth") == {"replaces-unknown": 2, "bad-framing": 1}
    shown = instep(stage.connection, tmp_path, "rejected", "lambeth", "--reason", "bad-framing", "-o", "json")
    assert [refusal["outbox_offset"] for refusal in objects(shown)] == [1]

    expected = {0: ("sound", None), 1: ("still-unsound", None), 2: ("sound", None)}
    assert redriven(stage, tmp_path, "lambeth", "--all", "--dry-run") == expected
    assert len(asyncio.run(stage.bus()).by_topic["lambeth.outbox"]) == 3

    asyncio.run(publish(stage.connection, [first_move, second_move]))  # places 3 and 4
    assert redriven(stage, tmp_path, "lambeth", "--at", "0-1") == {0: ("sent", 5), 1: ("still-unsound", None)}
    assert redriven(stage, tmp_path, "lambeth", "--reason", "replaces-unknown") == {
        0: ("already-redriven", None),
        2: ("sent", 6),
    }
    bus = asyncio.run(stage.bus())
    outbox = {record.offset: record for record in bus.by_topic["lambeth.outbox"]}
    for original, sent_to in ((0, 5), (2, 6)):
        assert (outbox[sent_to].key, outbox[sent_to].value) == (outbox[original].key, outbox[original].value)
        assert outbox[sent_to].headers == ((REDRIVES, b"%d" % original),)
    for correction in (first_correction, second_correction):
        assert bus.deliveries(correction)
    assert counted(stage, tmp_path, "lambeth") == {"bad-framing": 1}
    assert counted(stage, tmp_path, "lambeth", "--redriven") == {"replaces-unknown": 2, "bad-framing": 1}


def test_what_is_refused_again_says_why_and_what_is_gone_is_said(stage: Stage, tmp_path: Path) -> None:
    first, correction = corrected(stage, "croydon", "redrive-gone")
    conflicting = stage.events.moved(
        "croydon", "camden", "croydon", subject="redrive-gone", sequence=9, event_id=first.event_id
    )
    asyncio.run(publish(stage.connection, [correction, first, conflicting]))
    bus = asyncio.run(stage.bus())
    assert bus.refusal("croydon", 2)["reason"] == "id-conflict"
    asyncio.run(delete_before(stage.connection, TopicPartition("croydon.outbox", 0), 1))
    assert redriven(stage, tmp_path, "croydon", "--all") == {0: ("gone", None), 2: ("never", None)}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "--at PLACE"),
        (["--at", "7-3"], "ends before it begins"),
        (["--at", "here"], "no place in the outbox"),
        (["--reason", "bad-luck"], "no reason for a refusal"),
    ],
)
def test_a_choice_that_makes_no_sense_is_told_in_a_sentence(
    stage: Stage, tmp_path: Path, options: list[str], words: str
) -> None:
    done = instep(stage.connection, tmp_path, "rejected", "leeds", "redrive", *options)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("instep: ")
    assert words in done.stderr


def test_killed_in_the_middle_and_run_again_each_goes_once_and_in_order(stage: Stage, tmp_path: Path) -> None:
    pairs = [corrected(stage, "camden", f"redrive-{n % 20}") for n in range(400)]
    asyncio.run(publish(stage.connection, [correction for _, correction in pairs]))
    asyncio.run(stage.bus())
    asyncio.run(publish(stage.connection, [first for first, _ in pairs]))
    asyncio.run(stage.bus())

    command = [INSTEP, "rejected", "camden", "redrive", "--all", "-o", "json"]
    killed = subprocess.Popen(command, env=environ(stage.connection, tmp_path), stdout=subprocess.DEVNULL)
    _until_sent(stage, "camden.outbox", 801)
    killed.send_signal(signal.SIGKILL)
    killed.wait(10)
    results = redriven(stage, tmp_path, "camden", "--all")
    assert {result for result, _ in results.values()} <= {"sent", "already-redriven"}
    places = [sent_to for _, sent_to in results.values() if sent_to]
    assert places == sorted(places)

    bus = asyncio.run(stage.bus())
    originals = [redriven_of(record.headers) for record in bus.by_topic["camden.outbox"][800:]]
    assert originals == list(range(400))
    number_of = {correction.event_id: number for number, (_, correction) in enumerate(pairs)}
    for pair in {pair_of(record) for record in bus.inboxes}:
        contents = [bus.read(record) for record in bus.inboxes if pair_of(record) == pair]
        headers: list[Any] = [content["header"] for content in contents if "header" in content]
        for subject in {correction.subject_ref for _, correction in pairs}:
            delivered = [
                number_of[header["event_id"]]
                for header in headers
                if _is_correction_of(header, subject, number_of)
            ]
            assert delivered == sorted(set(delivered))
    assert all(bus.deliveries(correction) for _, correction in pairs)


def _is_correction_of(header: dict[str, Any], subject: str, number_of: dict[str, int]) -> bool:
    return header["subject_ref"] == subject and header["event_id"] in number_of


def _until_sent(stage: Stage, topic: str, count: int) -> None:
    async def end() -> int:
        async with AIOKafkaConsumer(**stage.connection.kafka()) as consumer:
            partition = TopicPartition(topic, 0)
            return int((await consumer.end_offsets([partition]))[partition])

    until = time.monotonic() + 30
    while asyncio.run(end()) < count:
        assert time.monotonic() < until, "nothing is sent"
