"""What every test may rely on.

A test that needs Kafka asks for `broker`, `own_broker` or `connection`. When Kafka cannot start the test fails: a missing
broker is never skipped over.
"""

import logging
import os
import signal
from collections.abc import Awaitable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import settings

from instep.kafka.connection import Connection
from instep.local.broker import Broker
from instep.local.jars import OTHER_PINS
from tests.brokers import borrowed, end_idle
from tests.strategies import QUICK, THOROUGH

# The machine may be busy: a slow example is no failure. A failing one is printed with the blob that repeats it.
# `make unit` draws fewer examples (`--hypothesis-profile=quick`); every other run is thorough.
settings.register_profile("thorough", deadline=None, print_blob=True, max_examples=THOROUGH)
settings.register_profile("quick", settings.get_profile("thorough"), max_examples=QUICK)
settings.load_profile("thorough")

# A shell that starts the tests in its background has them ignore Ctrl-C, and all that they start; some press it.
signal.signal(signal.SIGINT, signal.default_int_handler)

HERE = Path(__file__).parent
KAFKA_4_3_1 = HERE / "chaos" / "kafka-4.3.1-jars.csv"
"""The jars of a Kafka that skips transaction markers (KAFKA-20734), and whose data 4.2.2 cannot read."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs a broker is marked so, that `-m "not kafka"` takes seconds."""
    for item in items:
        asked = set(getattr(item, "fixturenames", ()))
        if asked & {"broker", "own_broker"} or HERE / "kafka" in item.path.parents:
            item.add_marker("kafka")


def pytest_sessionfinish() -> None:
    """A process of xdist ends without `atexit`."""
    end_idle()


@pytest.fixture(autouse=True)
def no_settings_from_outside(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What a developer's shell says about Kafka must not reach a test; which version runs, on which Java, may.

    Nor may a test reach the developer's own data directory, where `instep publish` keeps memories.
    """
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.getbasetemp() / "data"))
    for name in os.environ:
        if name.startswith("INSTEP_") and name not in {"INSTEP_JAVA", OTHER_PINS}:
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def aiokafka_logs_as_before() -> Iterator[None]:
    """A command quietens aiokafka for the rest of its process, which here is the process of all tests."""
    library = logging.getLogger("aiokafka")
    before = library.level
    yield
    library.setLevel(before)


@pytest.fixture
def closed_terminal_is_heard() -> Iterator[None]:
    """Processes that the test starts end when their terminal closes, also where the tests themselves run under `nohup`."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """One Kafka on free ports for the whole run. Tests share it: use topic and group names of your own."""
    with borrowed() as shared:
        yield shared


@pytest.fixture
def own_broker() -> Iterator[Broker]:
    """A Kafka for this test alone: to apply whole networks to, to kill, to start again."""
    with borrowed() as own:
        yield own


@pytest.fixture
def connection(broker: Broker) -> Connection:
    """How to reach the shared broker."""
    return broker.own_connection


class CreateTopics(Protocol):
    """`await create_topics("a", "b", partitions=4, config={"cleanup.policy": "compact"})`."""

    def __call__(
        self, *names: str, partitions: int = 1, config: Mapping[str, str] | None = None
    ) -> Awaitable[None]: ...


@pytest.fixture
def create_topics(broker: Broker) -> CreateTopics:
    """Make topics on the shared broker."""
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

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
