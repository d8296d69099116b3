"""A real Kafka for the tests in this folder. When it cannot start they fail: a missing broker is never skipped over."""

from collections.abc import Awaitable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from instep.cluster.connection import Connection
from instep.local.broker import Broker

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("kafka")


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One Kafka 4.3.1 on free ports for the whole run. Tests share it: use topic and group names of your own."""
    yield from _running(Broker(tmp_path_factory.mktemp("broker")))


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A Kafka for this test alone (2 s): to apply whole networks to, to kill, to start again."""
    yield from _running(Broker(tmp_path / "broker"))


@pytest.fixture
def connection(broker: Broker) -> Connection:
    """How to reach the shared broker."""
    return Connection(bootstrap_servers=broker.bootstrap_servers, security_protocol="PLAINTEXT")


class CreateTopics(Protocol):
    """`await create_topics("a", "b", partitions=4, config={"cleanup.policy": "compact"})`."""

    def __call__(
        self, *names: str, partitions: int = 1, config: Mapping[str, str] | None = None
    ) -> Awaitable[None]: ...


@pytest.fixture
def create_topics(broker: Broker) -> CreateTopics:
    """Make topics on the shared broker."""

    async def create(*names: str, partitions: int = 1, config: Mapping[str, str] | None = None) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
        await admin.start()
        try:
            await admin.create_topics(
                [NewTopic(name, partitions, 1, topic_configs=dict(config or {})) for name in names]
            )
        finally:
            await admin.close()

    return create


def _running(broker: Broker) -> Iterator[Broker]:
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
