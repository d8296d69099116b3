"""The diagnosis names the cause on real brokers: absent, frozen, not Kafka, or refusing us."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from instep.errors import NotConnectedError
from instep.kafka.connection import Connection, ensure_reachable
from instep.local.broker import Broker
from instep.local.certificates import CertificateAuthority
from instep.local.ports import free_ports

PROTOCOLS = ("SASL_SSL", "SSL", "PLAINTEXT", "SASL_PLAINTEXT")


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A secured broker without users."""
    broker = Broker(tmp_path_factory.mktemp("diagnosis"), secured=True)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def leeds(secured: Broker) -> Connection:
    return Connection(
        bootstrap_servers=secured.bootstrap_servers,
        sasl_username="leeds",
        sasl_password="geheim",
        ssl_ca_file=secured.tls.ca,
    )


async def refused(connection: Connection) -> str:
    with pytest.raises(NotConnectedError) as refusal:
        await ensure_reachable(connection, timeout_s=3)
    assert "geheim" not in str(refusal.value)
    return str(refusal.value)


@asynccontextmanager
async def frozen(broker: Broker) -> AsyncIterator[None]:
    assert broker.process is not None
    os.kill(broker.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(broker.process.pid, signal.SIGCONT)


async def test_a_frozen_broker_is_told_as_one_that_does_not_answer_whatever_it_would_say_awake(
    secured: Broker, leeds: Connection
) -> None:
    by_protocol = [replace(leeds, security_protocol=protocol) for protocol in PROTOCOLS]
    async with frozen(secured):
        for sentence in await asyncio.gather(*map(refused, by_protocol)):
            assert sentence.startswith(
                f"Kafka at {leeds.bootstrap_servers} does not answer (the port is open, but nothing replies in 5 s): "
            )
    awake = await asyncio.gather(*map(refused, by_protocol))
    for sentence, expected in zip(
        awake, ("user leeds is unknown", "wants a certificate", "wants TLS", "wants TLS"), strict=True
    ):
        assert expected in sentence


async def test_a_broker_that_freezes_between_its_certificate_and_its_answer_does_not_answer(
    secured: Broker, leeds: Connection, tmp_path: Path
) -> None:
    """A broker that freezes after TLS was agreed answers no sign-in: the sentence blames neither name nor secret."""
    import ssl

    authority = CertificateAuthority("its own")
    authority.write(tmp_path / "ca.pem")
    authority.issue("instep.broker", tmp_path / "broker.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "broker.pem")
    (port,) = free_ports(1)
    async with await asyncio.start_server(silent_until_left, "127.0.0.1", port, ssl=context):
        sentence = await refused(
            replace(leeds, bootstrap_servers=f"127.0.0.1:{port}", ssl_ca_file=tmp_path / "ca.pem")
        )
    assert sentence.startswith(f"Kafka at 127.0.0.1:{port} does not answer")


async def test_of_several_brokers_the_one_that_got_furthest_says_why(leeds: Connection) -> None:
    (port,) = free_ports(1)
    absent = f"127.0.0.1:{port}"
    both = replace(leeds, bootstrap_servers=f"{absent},{leeds.bootstrap_servers}")
    assert (await refused(replace(leeds, bootstrap_servers=absent))).startswith(
        f"No broker answers at {absent}"
    )
    assert "user leeds is unknown" in await refused(both)
    async with await asyncio.start_server(silent_until_left, "127.0.0.1", port):
        silent = await refused(replace(leeds, bootstrap_servers=absent))
        assert silent.startswith(f"Kafka at {absent} does not answer")
        assert "user leeds is unknown" in await refused(both)


async def test_a_port_without_sign_in_and_a_port_that_is_not_kafkas_are_told_as_such(
    broker: Broker, leeds: Connection
) -> None:
    plain = replace(leeds, bootstrap_servers=broker.bootstrap_servers)
    assert "does not speak TLS" in await refused(plain)
    assert "takes no name and password" in await refused(replace(plain, security_protocol="SASL_PLAINTEXT"))
    (port,) = free_ports(1)
    another = replace(leeds, bootstrap_servers=f"127.0.0.1:{port}", security_protocol="PLAINTEXT")
    async with await asyncio.start_server(lambda _, there: there.close(), "127.0.0.1", port):
        assert "does not answer as Kafka over PLAINTEXT" in await refused(another)


async def silent_until_left(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()
