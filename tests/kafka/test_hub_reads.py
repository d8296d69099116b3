"""Who reads the hub is told by Kafka's own log: the pattern that operators are given finds it, on a real secured broker."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiokafka.errors import TopicAuthorizationFailedError

from instep.kafka.connection import Connection
from instep.kafka.secrets import read_secret, secret
from instep.local import java
from instep.local.broker import Broker
from instep.provision.apply import apply
from tests.kafka.stage import SAMPLE
from tests.kafka.test_security import CATALOGUE, make_user, read

PAGE = Path(__file__).parents[2] / "deploy" / "governance" / "hub-access.md"


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A broker whose authorizer tells what it allows, too; its super user; and how each other signs in."""

    broker: Broker
    operator: Connection
    home: Path

    def as_(self, principal: str) -> Connection:
        password = read_secret(self.home / "secrets" / principal, principal)
        return replace(self.operator, sasl_username=principal, sasl_password=password)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    broker = Broker(
        tmp_path / "broker",
        secured=True,
        settings="super.users=User:instep.broker;User:operator\n",
        jvm=(*java.LEAN, *java.SMALL_HEAP, "-Dorg.slf4j.simpleLogger.log.kafka.authorizer.logger=debug"),
    )
    broker.tls.prepare()
    broker.start()
    try:
        operator = Connection(
            bootstrap_servers=broker.bootstrap_servers,
            sasl_username="operator",
            sasl_password=secret(tmp_path, "operator"),
            ssl_ca_file=broker.tls.ca,
            secrets_dir=tmp_path / "secrets",
        )
        asyncio.run(make_user(broker.own_connection, operator))
        asyncio.run(apply(operator, SAMPLE, CATALOGUE))
        yield Watched(broker=broker, operator=operator, home=tmp_path)
    finally:
        broker.stop()


async def test_whoever_reads_the_hub_and_is_no_service_leaves_a_line_in_the_brokers_log(
    watched: Watched,
) -> None:
    """What Instep's services and the councils do rightly is left out."""
    (pattern,) = re.findall(r"```regex\n(.+)\n```", PAGE.read_text(encoding="utf-8"))
    began = watched.broker.log.stat().st_size
    await read(watched.operator, "instep.disclosures")
    with pytest.raises(TopicAuthorizationFailedError):
        await read(watched.as_("leeds"), "instep.events")
    await read(watched.as_("instep.router"), "instep.events")
    await read(watched.as_("leeds"), "leeds.inbox.council-tax")
    said = watched.broker.log.read_bytes()[began:].decode()
    told = {
        re.findall(r"User:(\S+) is (\w+) operation = (\w+) .*:(instep\.\w+) for", line)[0]
        for line in said.splitlines()
        if re.search(pattern, line)
    }
    assert told == {
        ("operator", "Allowed", "READ", "instep.disclosures"),
        ("leeds", "Denied", "DESCRIBE", "instep.events"),
    }
    assert "User:instep.router is Allowed operation = READ" in said
    assert "User:leeds is Allowed operation = READ" in said
