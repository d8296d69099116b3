"""The common job, the same for every peer: decode a move, pick the recipient, blank it to some fields, encode it.

This module and the peers' scripts import no `instep`: some of them run in an environment of their own. What differs from
run to run is in a file that each script is given: `python -m tests.benchmarks.peers.<peer> JOB.json`.
"""

import io
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastavro import parse_schema, schemaless_reader, schemaless_writer

Work = Callable[[bytes], tuple[str, bytes, bytes]]
"""From a value to the topic, the key and the value to send."""

_PREFIX = 5


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a peer is told. `linger_ms` is 0 where latency is measured; without `codec` values are passed on as they are."""

    servers: str
    topic: str
    run: str  # names groups, transactions and state; each run has its own
    directory: str
    transactional: bool
    codec: str  # "fastavro", "instep" or "" for none
    linger_ms: int
    schema: Any
    routes: dict[str, str]  # from the GSS code of the old address's authority to the recipient's topic
    fields: Sequence[str]

    @property
    def outputs(self) -> list[str]:
        return sorted(self.routes.values())

    def work(self) -> Work:
        """The common job's function."""
        return _with_fastavro(self) if self.codec else _passed_on(self)


def told() -> Job:
    """The job in the file that the command line names."""
    return Job(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))


def _with_fastavro(job: Job) -> Work:
    schema: Any = parse_schema(job.schema)
    routes = job.routes
    whole = [name for name in job.fields if "." not in name]
    names = _records_in_unions(job.schema)
    addresses = [name for name in whole if name in names]
    of_person = [name.removeprefix("person.") for name in job.fields if name.startswith("person.")]

    def work(value: bytes) -> tuple[str, bytes, bytes]:
        body = io.BytesIO(value)
        body.seek(_PREFIX)
        event: Any = schemaless_reader(body, schema, None)
        header, person = event["header"], event["person"]
        blanked = {"header": header, **{name: event[name] for name in whole}}
        # A record in a union, written with its name: fastavro need not validate it to find the branch.
        blanked["person"] = names["person"], {name: person[name] for name in of_person}
        for name in addresses:
            if (address := blanked[name]) is not None:
                blanked[name] = names[name], address
        out = io.BytesIO()
        out.write(value[:_PREFIX])
        schemaless_writer(out, schema, blanked)
        topic = routes[event["old_address"]["authority_gss"]]
        return topic, f"{header['source']}/{header['subject_ref']}".encode(), out.getvalue()

    return work


def _records_in_unions(schema: Any) -> dict[str, str]:
    """The full name of the record in each field that is a record or null."""
    found = {}
    for field in schema["fields"]:
        match field["type"]:
            case ["null", {"type": "record", "name": name}]:
                found[field["name"]] = name
            case ["null", str(name)] if "." in name:
                found[field["name"]] = name
    return found


def _passed_on(job: Job) -> Work:
    # An event begins with its id, 36 characters of text behind their length; its last digit picks the topic.
    first, second = job.outputs

    def work(value: bytes) -> tuple[str, bytes, bytes]:
        return (first if value[41] & 1 else second), value[6:42], value

    return work
