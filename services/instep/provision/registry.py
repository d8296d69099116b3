"""Schema ids from a Confluent-compatible registry, where there is one: Apicurio's, Confluent's, Karapace.

`apply` alone talks to it, and before it changes anything else: services take ids from `instep.network` and never ask.
An id means one schema for good, on the bus as in the registry, and is read back before it is taken.
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
    """The registry's ids of the schemas that it has, and which of them are new to it, or would be."""

    ids: Mapping[Pair, int]
    new: tuple[Pair, ...]


# -- what to do: pure


def in_order(schemas: Sequence[Schema], known: Mapping[int, Pair]) -> tuple[Schema, ...]:
    """The order in which to register: by the ids that the network has, so that an empty registry gives the same again."""
    ids: dict[Pair, int] = {}
    for number, pair in known.items():
        ids.setdefault(pair, number)
    unknown = _LARGEST_ID + 1
    return tuple(sorted(schemas, key=lambda schema: ids.get(_pair(schema), unknown)))


def agreed(known: Mapping[int, Pair], registered: Mapping[Pair, int]) -> dict[int, Pair]:
    """The network's ids once the registry's are taken: the registry's first, which are written with from now on.

    Ids that the network has had stay, to be read: events on the bus bear them. Raises NetworkError for an id that is
    two schemas' or does not fit in four bytes.
    """
    taken: dict[int, Pair] = {}
    for pair, number in registered.items():
        _fitting(pair, number)
        other = taken.get(number, known.get(number, pair))
        if other != pair:
            raise NetworkError(
                f"The registry gives {_named(pair)} the id {number}, under which this network has {_named(other)} for good,"
                " since events on the bus bear it: nothing is applied; use a registry whose next id is above"
                f" {max(known, default=0)}, or none."
            )
        taken[number] = pair
    return taken | {number: pair for number, pair in known.items() if number not in taken}


def _fitting(pair: Pair, number: object) -> int:
    """The id, which is a stranger's; raises NetworkError for one that does not fit."""
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


async def lookup(registry: Registry, schemas: Sequence[Schema], known: Mapping[int, Pair]) -> Registered:
    """What the registry has of these schemas, and what is missing; changes nothing.

    `known` are the network's ids so far. Raises NetworkError where the registry holds another schema under one of them:
    who asks it would misread what lies on the bus. And NotConnectedError, ConfigurationError.
    """
    async with connected(registry) as client:
        ids = await _lookup(client, schemas, known)
    missing = (schema for schema in in_order(schemas, known) if _pair(schema) not in ids)
    return Registered(ids=ids, new=tuple(map(_pair, missing)))


async def register(registry: Registry, schemas: Sequence[Schema], known: Mapping[int, Pair]) -> Registered:
    """The registry's ids of these schemas, which are registered where they are not yet; run again, it changes nothing.

    First the rule is set for every subject, then every new version is tried against it, and only then is any
    registered. Raises SchemaError for an incompatible version, and as `lookup`.
    """
    async with connected(registry) as client:
        ids = await _lookup(client, schemas, known)
        missing = [schema for schema in in_order(schemas, known) if _pair(schema) not in ids]
        for subject in {schema.full_name: None for schema in schemas}:
            await client.set_rule(subject)
        for schema in missing:
            await client.try_out(schema)
        for schema in missing:
            ids[_pair(schema)] = _fitting(_pair(schema), await client.register(schema))
        agreed(known, ids)
        for schema in missing:
            await _read_back(client, schema, ids[_pair(schema)])
    return Registered(ids=ids, new=tuple(map(_pair, missing)))


async def _lookup(client: Client, schemas: Sequence[Schema], known: Mapping[int, Pair]) -> dict[Pair, int]:
    ours = {_pair(schema): schema for schema in schemas}
    for number, pair in known.items():
        answer = await client.by_id(number)
        if answer is not None and not _same(answer, pair, ours.get(pair)):
            raise NetworkError(
                f"The registry holds another schema under the id {number}, which is {_named(pair)} on this network's bus:"
                " whoever asks it would misread events, so nothing is applied; use a registry that has not given out"
                f" the ids up to {max(known)}, or none."
            )
    ids_by_pair: dict[Pair, int] = {}
    for pair, schema in ours.items():
        given = await client.id_of(schema)
        if given is not None:
            ids_by_pair[pair] = number = _fitting(pair, given)
            if known.get(number) != pair:
                await _read_back(client, schema, number)
    return ids_by_pair


def _same(answer: Any, pair: Pair, schema: Schema | None) -> bool:
    """Whether what the registry holds is this schema; of one that our catalogue has lost only the name is known."""
    if schema is not None:
        return bool(answer == schema.definition)
    return isinstance(answer, dict) and f"{answer.get('namespace')}.{answer.get('name')}" == pair[0]


async def _read_back(client: Client, schema: Schema, number: int) -> None:
    if await client.by_id(number) != schema.definition:
        raise NetworkError(
            f"The registry says that {_named(_pair(schema))} has the id {number}, but gives out another schema under it:"
            " nothing is applied."
        )
