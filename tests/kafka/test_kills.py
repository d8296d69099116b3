"""Routers and an intake die while work remains; nothing is lost, repeated or out of order."""

import time
from collections import Counter
from pathlib import Path

from aiokafka.structs import ConsumerRecord

from instep.catalogue.files import default_directory, load_catalogue
from instep.kafka.follow import read_network
from instep.local.broker import Broker
from instep.provision.apply import apply
from tests.kafka.journey import Event, Events, Reader, header, out_of_order, publish
from tests.kafka.services import Worker, fleet
from tests.kafka.stage import sample

COUNCILS = ("camden", "lambeth", "croydon")
EACH = 10_000
SUBJECTS = 300
KILLS = 5

Pair = tuple[str, str]
"""An event's id, and who received it."""


def moves(events: Events) -> list[Event]:
    """Moves among three councils, each of which publishes its own, many to a subject."""
    made = []
    for number in range(EACH):
        for at, source in enumerate(COUNCILS):
            old = COUNCILS[(at + 1 + number % 2) % 3]
            made.append(
                events.moved(source, old, source, subject=f"{source}-{number % SUBJECTS}", sequence=number)
            )
    return made


def expected(published: list[Event]) -> set[Pair]:
    """By the agreement among the three: the council moved from and the council moved to."""
    wanted = set()
    for event in published:
        at = COUNCILS.index(event.source)
        wanted.add((event.event_id, event.source))
        wanted.add((event.event_id, COUNCILS[(at + 1 + event.sequence % 2) % 3]))
    return wanted


def received(inboxes: list[ConsumerRecord]) -> list[Pair]:
    return [(header(record, "ce_id"), record.topic.partition(".")[0]) for record in inboxes]


async def kill_while_work_remains(workers: list[Worker], disclosures: Reader, total: int) -> None:
    """Kill one after another, each time with at least a tenth of the work left, and start it again at once."""
    for number in range(KILLS):
        goal = total * (number + 1) // (KILLS + 3)
        until = time.monotonic() + 60
        while len(disclosures.records) < goal:
            assert time.monotonic() < until, [worker.tail() for worker in workers]
            await disclosures.more()
        left = total - len(disclosures.records)
        assert left > total / 10, "nothing was left to interrupt: this kill would prove nothing"
        victim = workers[number % len(workers)]
        assert victim.exit_code is None
        victim.kill()
        print(f"killed {victim.service}, {left} of {total} events left")
        victim.start()


async def test_killed_routers_and_intakes_lose_repeat_and_disorder_nothing(
    own_broker: Broker, tmp_path: Path
) -> None:
    connection = own_broker.own_connection
    catalogue = load_catalogue(default_directory())
    await apply(connection, sample(tmp_path), catalogue)
    events = Events(catalogue, await read_network(connection))
    published = moves(events)
    await publish(connection, published)

    inboxes = [f"{council}.inbox.council-tax" for council in COUNCILS]
    # Small fetches, so that a worker is always in the middle of something.
    small = {"INSTEP_POLL_RECORDS": "200"}
    with fleet(connection, tmp_path) as ours:
        workers = [
            ours.start("router", **small),
            ours.start("intake", **small),
            ours.start("router", **small),
        ]
        async with (
            Reader(connection, ["instep.disclosures"]) as disclosures,
            Reader(connection, inboxes) as inbox,
        ):
            await kill_while_work_remains(workers, disclosures, len(published))
            await disclosures.until(len(published), seconds=90)
            await disclosures.settled()
            await inbox.until(2 * len(published))
            await inbox.settled()
        refused = []
        async with Reader(connection, [f"{council}.rejected" for council in COUNCILS]) as rejected:
            refused = await rejected.settled(0.5)
        assert all(worker.exit_code is None for worker in workers)

    disclosed = Counter(events.read(record)["event_id"] for record in disclosures.records)
    deliveries = Counter(received(inbox.records))
    wanted = expected(published)
    lost = {event.event_id for event in published} - set(disclosed) | {
        id for id, _ in wanted - set(deliveries)
    }
    repeated = [of for of, count in (*disclosed.items(), *deliveries.items()) if count > 1]
    unauthorised = set(deliveries) - wanted
    disordered = out_of_order(inbox.records, {event.event_id: event.sequence for event in published})
    print(
        f"{len(published)} events, {KILLS} kills: {len(lost)} lost, {len(repeated)} repeated,"
        f" {disordered} out of order, {len(unauthorised)} unauthorised, {len(refused)} refused"
    )
    assert (len(lost), len(repeated), disordered, len(unauthorised), len(refused)) == (0, 0, 0, 0, 0)


def test_the_judge_sees_what_it_is_to_see() -> None:
    """Planted: a delivery that came too late for its subject."""

    def delivery(offset: int, event_id: str) -> ConsumerRecord:
        headers = (("ce_id", event_id.encode()),)
        return ConsumerRecord(
            "camden.inbox.council-tax", 0, offset, 0, 0, b"lambeth/s", b"", None, 0, 0, headers
        )

    sequences = {"a": 1, "b": 2}
    assert out_of_order([delivery(0, "a"), delivery(1, "b")], sequences) == 0
    assert out_of_order([delivery(0, "b"), delivery(1, "a")], sequences) == 1
    assert received([delivery(0, "a")]) == [("a", "camden")]
