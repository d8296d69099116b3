"""One suite, on ids that `network apply` allots and on ids of a real Apicurio Registry. The bus is secured as in production,
and councils' services in other languages read their inboxes.

Before the last tests, the registry is stopped while everything runs: no service of ours ever asks the registry.
"""

import asyncio
import json
import os
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from instep.catalogue.files import default_directory, load_catalogue
from instep.errors import NotConnectedError, SchemaError
from instep.events.schema import Catalogue
from instep.kafka.connection import Connection
from instep.kafka.follow import read_network
from instep.kafka.secrets import read_secret, secret
from instep.local import java
from instep.local.broker import Broker
from instep.network.access import service_principal
from instep.network.services import SERVICES
from instep.network.topics import inbox
from instep.provision.apply import Applied, apply, preview
from instep.provision.registry_client import RULE, Registry
from tests.foreign.apicurio import Apicurio, apicurio
from tests.foreign.readers import READERS, read
from tests.kafka.journey import Event, Events, Reader, publish
from tests.kafka.services import fleet
from tests.kafka.stage import sample
from tests.kafka.test_security import make_user
from tests.schemas.evolution import evolved
from tests.unit.provision.fake_registry import FakeRegistry

CATALOGUE = load_catalogue(default_directory())
PAIRS = [(schema.full_name, schema.version) for schema in CATALOGUE.all()]
INBOX = inbox("camden", "council-tax")


@dataclass(kw_only=True)
class Bus:
    """A network applied, its services running, and the registry if it has one."""

    home: Path
    network: Path
    operator: Connection
    apicurio: Apicurio | None
    catalogue: Catalogue = CATALOGUE
    sent: int = 0

    @property
    def registry(self) -> Registry:
        return Registry(url=self.apicurio.url if self.apicurio else "")

    def as_(self, principal: str) -> Connection:
        password = read_secret(self.home / "secrets" / principal, principal)
        return replace(self.operator, sasl_username=principal, sasl_password=password)

    async def apply(self, catalogue: Catalogue | None = None, registry: Registry | None = None) -> Applied:
        where = self.registry if registry is None else registry
        return await apply(self.operator, self.network, catalogue or self.catalogue, registry=where)

    async def events(self) -> Events:
        return Events(CATALOGUE, await read_network(self.operator))

    async def arrives(self, event: Event) -> None:
        """Publish it as its council does; return when Camden's service has it, last of all."""
        await publish(self.as_(event.source), [event])
        self.sent += 1
        async with Reader(self.as_("camden"), [INBOX]) as reader:
            records = await reader.until(self.sent)
        assert dict(records[-1].headers)["ce_id"].decode() == event.event_id


@pytest.fixture(scope="module", params=["built-in", "apicurio"])
def bus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bus]:
    home = tmp_path_factory.mktemp(request.param)
    with ExitStack() as running:
        registry = running.enter_context(apicurio(home)) if request.param == "apicurio" else None
        settings = "super.users=User:instep.broker;User:operator\n"
        jvm = (*java.QUICK, *java.SMALL_HEAP)
        broker = Broker(home / "broker", secured=True, settings=settings, jvm=jvm)
        running.callback(broker.stop)
        broker.start()
        operator = Connection(
            bootstrap_servers=broker.bootstrap_servers,
            sasl_username="operator",
            sasl_password=secret(home, "operator"),
            ssl_ca_file=broker.tls.ca,
            secrets_dir=home / "secrets",
        )
        asyncio.run(make_user(broker.own_connection, operator))
        bus = Bus(home=home, network=sample(home), operator=operator, apicurio=registry)
        if registry:
            registry.wait_until_ready()
        applied = asyncio.run(bus.apply())
        assert (applied.schemas_registered != ()) == (registry is not None)
        ours = running.enter_context(fleet(operator, home))
        for name in SERVICES:
            ours.start(
                name, **_environ(bus.as_(service_principal(name)), home / "secrets" / service_principal(name))
            )
        ours.wait_until_ready()
        yield bus


def _environ(connection: Connection, secret_file: Path) -> dict[str, str]:
    return {
        "INSTEP_BOOTSTRAP_SERVERS": connection.bootstrap_servers,
        "INSTEP_SASL_USERNAME": str(connection.sasl_username),
        "INSTEP_SASL_PASSWORD_FILE": str(secret_file),
        "INSTEP_SSL_CA_FILE": str(connection.ssl_ca_file),
        "INSTEP_SECRETS_DIR": str(connection.secrets_dir),
    }


Programs = Callable[[str], Sequence[str]]


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """How to run the reader of each language, built once."""
    return cache(lambda language: READERS[language](tmp_path_factory.mktemp(language)))


def by_http(registry: Registry, path: str) -> Any:
    with urllib.request.urlopen(f"{registry.url}/{path}", timeout=10) as answer:  # noqa: S310  # http, on loopback
        return json.load(answer)


async def test_every_schema_has_one_id_which_is_the_registrys_where_there_is_one(bus: Bus) -> None:
    schemas = (await read_network(bus.operator)).schemas
    assert sorted(schemas.values()) == sorted(PAIRS)
    if not bus.apicurio:
        assert sorted(schemas) == list(range(1, len(PAIRS) + 1))
        return
    assert sorted(by_http(bus.registry, "subjects")) == sorted({name for name, _ in PAIRS})
    for number, schema in CATALOGUE.bind(schemas).items():
        assert json.loads(by_http(bus.registry, f"schemas/ids/{number}")["schema"]) == schema.definition
        assert by_http(bus.registry, f"config/{schema.full_name}")["compatibilityLevel"] == RULE


async def test_applied_again_nothing_changes(bus: Bus) -> None:
    planned = await preview(bus.operator, bus.network, CATALOGUE, bus.registry)
    assert planned.empty
    applied = await bus.apply()
    assert (applied.records_changed, applied.schemas_registered) == ((), ())


async def test_events_arrive_corrections_and_withdrawals_too(bus: Bus) -> None:
    events = await bus.events()
    for number in range(4):
        await bus.arrives(events.moved("lambeth", "camden", "lambeth", subject=f"mover-{number}", sequence=1))
    first = events.moved("lambeth", "camden", "lambeth", subject="corrected", sequence=1)
    await bus.arrives(first)
    again = {"change_kind": "CORRECT", "replaces": first.event_id}
    # The move never concerned Camden: whoever was told of the event is told to forget it.
    elsewhere = events.moved("lambeth", "croydon", "lambeth", subject="corrected", sequence=2, **again)
    await bus.arrives(elsewhere)


@pytest.mark.parametrize("language", READERS)
async def test_a_service_in_another_language_reads_what_we_read(
    bus: Bus, language: str, programs: Programs, tmp_path: Path
) -> None:
    ids = await _listed_ids(bus, tmp_path)
    schemas = {"SCHEMAS_DIR": str(default_directory()), "SCHEMA_IDS": str(ids)}
    if bus.apicurio:
        schemas = {"REGISTRY_URL": bus.registry.url}
    records = await asyncio.to_thread(
        read,
        programs(language),
        bus.as_("camden"),
        bus.home / "secrets" / "camden",
        INBOX,
        bus.sent,
        schemas,
        f"camden.{language}",
    )
    ours = await _inbox(bus)
    assert len(ours) == bus.sent > 5
    assert {record["headers"]["ce_type"] for record in ours} == {
        "uk.instep.resident-moved.v1",
        "uk.instep.withdrawal.v1",
    }
    assert [_same_times(record) for record in records] == [_same_times(record) for record in ours]


async def test_a_new_version_gets_an_id_and_one_that_is_not_compatible_changes_nothing(
    bus: Bus, tmp_path: Path
) -> None:
    directory = evolved(tmp_path)
    newer = load_catalogue(directory)
    settings = {"INSTEP_SCHEMAS_DIR": str(directory), "INSTEP_REGISTRY_URL": bus.registry.url}
    arguments = ("network", "plan", str(bus.network), "-o", "json")
    planned = json.loads(await _instep(bus.operator, bus.home / "operator", *arguments, **settings))
    assert planned["schemas_registered"] == (["uk.instep.ResidentMoved 1.1.0"] if bus.apicurio else [])
    before = await read_network(bus.operator)
    if bus.apicurio:
        broken = _with_a_needed_field(newer)
        with pytest.raises(
            SchemaError, match=r"uk\.instep\.ResidentMoved 1\.1\.0 by its rule FULL_TRANSITIVE"
        ):
            await bus.apply(broken)
        assert await read_network(bus.operator) == before
        assert by_http(bus.registry, "subjects/uk.instep.ResidentMoved/versions") == [1]
    await bus.apply(newer)
    after = await read_network(bus.operator)
    assert before.schemas.items() < after.schemas.items()
    assert after.generation == planned["generation"] == before.generation + 1
    bus.catalogue = newer


def _with_a_needed_field(catalogue: Catalogue) -> Catalogue:
    """The catalogue, with a field in resident-moved that older events lack and that has no default."""
    newest = catalogue.events["resident-moved"].latest
    definition = newest.definition | {
        "fields": [*newest.definition["fields"], {"name": "shoe", "type": "int"}]
    }
    worse = replace(newest, definition=definition, text=json.dumps(definition))
    return replace(
        catalogue, schemas=tuple(worse if schema == newest else schema for schema in catalogue.schemas)
    )


async def test_with_the_registry_down_services_go_on_and_apply_says_so_in_a_sentence(bus: Bus) -> None:
    if bus.apicurio:
        bus.apicurio.stop()
        before = await read_network(bus.operator)
        with pytest.raises(NotConnectedError, match=r"The registry at http.* cannot be reached"):
            await bus.apply()
        assert await read_network(bus.operator) == before
    events = await bus.events()
    for number in range(3):
        await bus.arrives(events.moved("lambeth", "camden", "lambeth", subject=f"after-{number}", sequence=1))


async def test_with_other_ids_from_now_on_what_lies_on_the_bus_is_read_and_the_old_ids_are_taken(
    bus: Bus,
) -> None:
    """From built-in ids to a registry's, or from one registry's to another's; and back to none."""
    before = await bus.events()
    async with FakeRegistry(first=1001) as other:
        applied = await bus.apply(registry=Registry(url=other.url))
    assert len(applied.records_changed) == 2 * len(bus.catalogue.all()), (
        "the new, and that the old are only read"
    )
    after = await bus.events()
    old = before.moved("lambeth", "camden", "lambeth", subject="old-id", sequence=1)
    await bus.arrives(old)
    written = {name: number for number, name in reversed(list(after.network.schemas.items()))}
    number = written["uk.instep.ResidentMoved", "1.0.0"]
    assert number > 1000
    moved = after.moved("lambeth", "camden", "lambeth", subject="new-id", sequence=1)
    await bus.arrives(replace(moved, value=b"\0" + number.to_bytes(4, "big") + moved.value[5:]))
    assert [record["problem"] for record in await _inbox(bus) if "problem" in record] == []
    back = await bus.apply(registry=Registry())
    assert back.records_changed == (), "ids once given stay, and those written with too"


async def _listed_ids(bus: Bus, tmp_path: Path) -> Path:
    """The file of ids that `instep schemas list --ids -o json` prints for Camden."""
    printed = await _camdens(bus, "schemas", "list", "--ids", "-o", "json")
    (tmp_path / "ids.jsonl").write_text(printed)
    return tmp_path / "ids.jsonl"


async def _inbox(bus: Bus) -> list[dict[str, Any]]:
    """The records that `instep inbox camden council-tax -o json` prints, without the fields that no other reader gives."""
    printed = await _camdens(bus, "inbox", "camden", "council-tax", "--from-beginning", "-o", "json")
    ours = [json.loads(line) for line in printed.splitlines()]
    return [{key: record[key] for key in record if key not in ("at", "kind", "meaning")} for record in ours]


async def _camdens(bus: Bus, *arguments: str) -> str:
    return await _instep(bus.as_("camden"), bus.home / "secrets" / "camden", *arguments)


async def _instep(connection: Connection, secret_file: Path, *arguments: str, **settings: str) -> str:
    """The output of the command."""
    environ = _environ(connection, secret_file) | settings
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("instep"),
        *arguments,
        env=os.environ | environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return printed.decode()


def _same_times(value: Any) -> Any:
    """The value with every instant parsed, however a language writes instants."""
    match value:
        case dict():
            return {key: _same_times(field) for key, field in value.items()}
        case list():
            return [_same_times(item) for item in value]
        case str() if value.endswith("Z") and value[10:11] == "T":
            return datetime.fromisoformat(value)
        case _:
            return value
