"""Takes schema ids from a Confluent-compatible registry (Apicurio, Confluent, Karapace), and registers new schemas there.

Only `apply` talks to a registry, where an operator or the network names one, and does so before any other change.
Services take ids from `instep.network`. An id means the same schema for good, in Kafka's records and in the registry.
Before the network takes a new id, `apply` reads the schema back by that id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instep.errors import NetworkError
from instep.events.schema import Schema
from instep.provision.registry_client import Client, Registry, connected

Pair = tuple[str, str]
"""A schema's full name and version."""

_LARGEST_ID = 2**31 - 1  # Confluent's clients hold it in a signed integer


@dataclass(frozen=True, kw_only=True, slots=True)
class Registered:
    """The registry's ids of schemas, and the schemas that are, or would be, new to the registry."""

    ids: Mapping[Pair, int]
    new: tuple[Pair, ...]


# -- what to do: pure


def in_order(schemas: Sequence[Schema], earlier: Mapping[int, Pair]) -> tuple[Schema, ...]:
    """Schemas in the order to register them: by the network's ids, so that an empty registry gives the same ids again."""
    ids: dict[Pair, int] = {}
    for number, pair in earlier.items():
        ids.setdefault(pair, number)
    unknown = _LARGEST_ID + 1
    return tuple(sorted(schemas, key=lambda schema: ids.get(_pair(schema), unknown)))


def agreed(earlier: Mapping[int, Pair], registered: Mapping[Pair, int]) -> dict[int, Pair]:
    """The network's ids with the registry's ids first: from now on services write with the registry's.

    The network's earlier ids stay for readers, because events on the bus bear them. Raises NetworkError for an id of two
    schemas, or of more than four bytes.
    """
    taken: dict[int, Pair] = {}
    for pair, number in registered.items():
        _fitting(pair, number)
        other = taken.get(number, earlier.get(number, pair))
        if other != pair:
            raise NetworkError(
                f"The registry gives {_named(pair)} the id {number}, under which this network has {_named(other)} for good,"
                " since events on the bus bear it: nothing is applied; use a registry whose next id is above"
                f" {max(earlier, default=0)}, or none."
            )
        taken[number] = pair
    return taken | {number: pair for number, pair in earlier.items() if number not in taken}


def _fitting(pair: Pair, number: object) -> int:
    """The id that the registry gave, checked. Raises NetworkError for a value that can be no id."""
    if type(number) is not int or not 0 < number <= _LARGEST_ID:
        raise NetworkError(
            f"The registry gives {_named(pair)} an id that is no whole number from 1 to {_LARGEST_ID}: nothing is applied."
        )
    return number


def _pair(schema: Schema) -> Pair:
    return schema.full_name, schema.version


def _named(pair: Pair) -> str:
    return " ".join(pair)


# -- asking and registering


async def lookup(registry: Registry, schemas: Sequence[Schema], earlier: Mapping[int, Pair]) -> Registered:
    """The registry's ids of these schemas, and the schemas that the registry lacks; changes nothing.

    `earlier` are the network's ids so far. Raises NetworkError where the registry holds another schema under one of these
    ids: readers with that registry would misread events. Raises NotConnectedError and ConfigurationError too.
    """
    async with connected(registry) as client:
        ids = await _lookup(client, schemas, earlier)
    missing = (schema for schema in in_order(schemas, earlier) if _pair(schema) not in ids)
    return Registered(ids=ids, new=tuple(map(_pair, missing)))


async def register(registry: Registry, schemas: Sequence[Schema], earlier: Mapping[int, Pair]) -> Registered:
    """Register the schemas that are missing, and give the registry's ids of all. A second run changes nothing.

    The order: set the compatibility rule for every subject, try every new version against the rule, and only then
    register. Raises SchemaError for an incompatible version, and otherwise as `lookup` does.
    """
    async with connected(registry) as client:
        ids = await _lookup(client, schemas, earlier)
        missing = [schema for schema in in_order(schemas, earlier) if _pair(schema) not in ids]
        for subject in {schema.full_name: None for schema in schemas}:
            await client.set_rule(subject)
        for schema in missing:
            await client.try_out(schema)
        for schema in missing:
            ids[_pair(schema)] = _fitting(_pair(schema), await client.register(schema))
        agreed(earlier, ids)
        for schema in missing:
            await _read_back(client, schema, ids[_pair(schema)])
    return Registered(ids=ids, new=tuple(map(_pair, missing)))


async def _lookup(client: Client, schemas: Sequence[Schema], earlier: Mapping[int, Pair]) -> dict[Pair, int]:
    ours = {_pair(schema): schema for schema in schemas}
    for number, pair in earlier.items():
        answer = await client.by_id(number)
        if answer is not None and not _same(answer, pair, ours.get(pair)):
            raise NetworkError(
                f"The registry holds another schema under the id {number}, which is {_named(pair)} on this network's bus:"
                " whoever asks it would misread events, so nothing is applied; use a registry that has not given out"
                f" the ids up to {max(earlier)}, or none."
            )
    ids_by_pair: dict[Pair, int] = {}
    for pair, schema in ours.items():
        given = await client.id_of(schema)
        if given is not None:
            ids_by_pair[pair] = number = _fitting(pair, given)
            if earlier.get(number) != pair:
                await _read_back(client, schema, number)
    return ids_by_pair


def _same(answer: Any, pair: Pair, schema: Schema | None) -> bool:
    """Whether a definition from the registry is this schema; by name alone for a schema that the catalogue has lost."""
    if schema is not None:
        return bool(answer == schema.definition)
    return isinstance(answer, dict) and f"{answer.get('namespace')}.{answer.get('name')}" == pair[0]


async def _read_back(client: Client, schema: Schema, number: int) -> None:
    if await client.by_id(number) != schema.definition:
        raise NetworkError(
            f"The registry says that {_named(_pair(schema))} has the id {number}, but gives out another schema under it:"
            " nothing is applied."
        )
