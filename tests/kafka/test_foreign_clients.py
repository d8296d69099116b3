"""A council whose software shares no code with ours: librdkafka for Kafka, fastavro for Avro, and these facts alone.

- A value is a zero byte, the schema's id in four bytes (big-endian), and Avro; a key is the subject's reference.
- The schemas are the files in `schemas/`; their ids are in the topic `instep.network`, under `schema/<id>`.
- An event goes to `<authority>.outbox`; what others sent lies in `<authority>.inbox.<purpose>`.

Only the stage imports Instep.
"""

import io
import json
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import fastavro
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, Producer, TopicPartition

from tests.kafka.journey import OCCURRED
from tests.kafka.stage import Stage, opened, sample

MOVED = Path(__file__).parents[2] / "schemas" / "events" / "resident-moved" / "1.0.0.avsc"
EACH = 60
SUBJECTS = 7


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home = tmp_path_factory.mktemp("foreign")
    with opened(home, sample(home), "intake", "router") as opened_stage:
        yield opened_stage


class Council:
    """The other software: it publishes Lambeth's moves and reads Camden's inbox."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap = {"bootstrap.servers": bootstrap_servers}
        self._schema = fastavro.parse_schema(json.loads(MOVED.read_text()))
        self._id = self._schema_id("uk.instep.ResidentMoved", "1.0.0")
        self._inbox = self._consumer("camden-revenues")
        self._inbox.subscribe(["camden.inbox.council-tax"])

    def close(self) -> None:
        self._inbox.close()

    def producer(self, **settings: Any) -> Producer:
        return Producer(self._bootstrap | {name.replace("_", "."): value for name, value in settings.items()})

    def publish(self, producer: Producer, event: dict[str, Any]) -> None:
        body = io.BytesIO()
        fastavro.schemaless_writer(body, self._schema, event)
        producer.produce(
            "lambeth.outbox",
            key=event["header"]["subject_ref"],
            value=b"\0" + self._id.to_bytes(4, "big") + body.getvalue(),
            on_delivery=_delivered,
        )

    def received(self, complete: Callable[[list[Message]], bool], seconds: float = 60.0) -> list[Message]:
        """The messages of Camden's inbox since the last call, once they are complete and the inbox has no more."""
        messages: list[Message] = []
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            message = self._inbox.poll(1.0)
            if message is None:
                continue
            error = message.error()
            if error is None:
                messages.append(message)
            elif error.code() != KafkaError._PARTITION_EOF:
                raise AssertionError(error)
            elif complete(messages):
                return messages
        raise AssertionError(f"Only {len(messages)} deliveries came in time.")

    def read(self, message: Message) -> dict[str, Any]:
        """A delivery as fastavro reads it, with its logical types."""
        value = message.value() or b""
        assert value[0] == 0
        assert int.from_bytes(value[1:5], "big") == self._id
        body = io.BytesIO(value[5:])
        event = fastavro.schemaless_reader(body, self._schema, None)
        assert body.read() == b""
        assert isinstance(event, dict)
        return event

    def _schema_id(self, full_name: str, version: str) -> int:
        network = self._consumer("camden-schemas")
        network.assign([TopicPartition("instep.network", 0, OFFSET_BEGINNING)])
        ids: dict[tuple[str, str], int] = {}
        try:
            while (message := network.poll(10.0)) is not None and message.error() is None:
                kind, _, number = (message.key() or b"").decode().partition("/")
                if kind == "schema":
                    schema = json.loads(message.value() or b"")
                    ids[schema["full_name"], schema["version"]] = int(number)
        finally:
            network.close()
        return ids[full_name, version]

    def _consumer(self, group: str) -> Consumer:
        return Consumer(
            self._bootstrap
            | {"group.id": group, "auto.offset.reset": "earliest", "enable.partition.eof": True}
        )


def _delivered(error: KafkaError | None, message: Message) -> None:
    assert error is None, error


def move(subject: str, sequence: int) -> dict[str, Any]:
    """From Camden to Lambeth, in Avro's own types; what is left out takes the schema's defaults."""
    now = datetime.now(UTC)
    return {
        "header": {
            "event_id": uuid.uuid4(),
            "source": "lambeth",
            "source_system": "Somebody else's",
            "subject_ref": subject,
            "sequence": sequence,
            "change_kind": "NEW",
            "occurred_on": OCCURRED,
            "recorded_at": now,
            "published_at": now,
            "handling": "ORDINARY",
        },
        "person": {"family_name": f"Family {sequence}", "given_names": "Alex", "former_names": ["Before"]},
        "old_address": {"lines": ["1 Example Street"], "authority_gss": "E09000007"},
        "new_address": {"lines": ["2 Example Street"], "authority_gss": "E09000022"},
        "moved_on": OCCURRED,
        "contact": {"email": "alex@example.org"},
    }


@pytest.fixture(scope="module")
def council(stage: Stage) -> Iterator[Council]:
    council = Council(stage.connection.bootstrap_servers)
    yield council
    council.close()


def moves(name: str) -> list[dict[str, Any]]:
    return [move(f"{name}-{number % SUBJECTS}", number) for number in range(EACH)]


def judge(council: Council, published: list[dict[str, Any]], messages: list[Message]) -> None:
    """Each event once, by subject in the order of the outbox, with what the agreement shares and no more."""
    sequences_by_subject: dict[str, list[int]] = defaultdict(list)
    undelivered = {str(event["header"]["event_id"]): event for event in published}
    assert len(messages) == len(undelivered)
    for message in messages:
        delivery = council.read(message)
        headers = dict(cast("list[tuple[str, bytes]]", message.headers()))
        event = undelivered.pop(headers["ce_id"].decode())
        subject = event["header"]["subject_ref"]
        assert message.key() == f"lambeth/{subject}".encode()
        assert headers["ce_source"] == b"urn:instep:authority:lambeth"
        assert headers["ce_dataschema"] == b"urn:instep:schema:uk.instep.ResidentMoved:1.0.0"
        assert delivery["header"]["event_id"] == event["header"]["event_id"]
        assert delivery["person"]["family_name"] == event["person"]["family_name"]
        assert delivery["new_address"]["lines"] == ["2 Example Street"]
        assert delivery["moved_on"] == OCCURRED
        assert (delivery["person"]["former_names"], delivery["contact"]) == ([], None)
        assert b"contact" not in headers["ce_instepfields"]
        sequences_by_subject[subject].append(delivery["header"]["sequence"])
    assert len(sequences_by_subject) == SUBJECTS
    assert all(sequences == sorted(sequences) for sequences in sequences_by_subject.values())


SETTINGS: dict[str, dict[str, Any]] = {
    "as-it-comes": {},
    "idempotent-zstd": {"enable_idempotence": True, "compression_type": "zstd"},
    "murmur2-lz4": {"partitioner": "murmur2_random", "compression_type": "lz4"},
    "random-snappy": {"partitioner": "random", "compression_type": "snappy"},
    "gzip": {"compression_type": "gzip", "linger_ms": 50},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_librdkafka_publishes_and_reads_whatever_its_settings(council: Council, name: str) -> None:
    published = moves(name)
    producer = council.producer(**SETTINGS[name])
    for event in published:
        council.publish(producer, event)
    assert producer.flush(30) == 0
    judge(council, published, council.received(lambda messages: len(messages) >= EACH))


def test_what_a_publishers_transaction_aborts_was_never_said(council: Council) -> None:
    aborted, committed = moves("aborted"), moves("committed")
    producer = council.producer(transactional_id="lambeth-council-tax")
    producer.init_transactions(30)
    for events, end_transaction in (
        (aborted, producer.abort_transaction),
        (committed, producer.commit_transaction),
    ):
        producer.begin_transaction()
        for event in events:
            # An aborted transaction purges what has not been sent: then nothing would be there to be left out.
            council.publish(producer, event)
        assert producer.flush(30) == 0
        end_transaction(30)
    judge(council, committed, council.received(lambda messages: len(messages) >= EACH))


def test_a_foreign_mistake_is_told_to_its_source_and_the_rest_goes_on(stage: Stage, council: Council) -> None:
    """JSON where Avro was due: the usual first attempt."""
    producer = council.producer()
    producer.produce("lambeth.outbox", key="json", value=json.dumps({"family_name": "Example"}))
    published = moves("after-json")
    for event in published:
        council.publish(producer, event)
    assert producer.flush(30) == 0
    judge(council, published, council.received(lambda messages: len(messages) >= EACH))
    rejected = council._consumer("lambeth-mistakes")
    rejected.assign([TopicPartition("lambeth.rejected", 0, OFFSET_BEGINNING)])
    message = rejected.poll(10.0)
    rejected.close()
    assert message is not None
    assert message.error() is None
    assert message.key() == b"json"
    assert b"bad-framing" in (message.value() or b"")
