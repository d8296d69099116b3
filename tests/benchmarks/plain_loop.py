"""The peer: a plain aiokafka loop that decodes, picks a topic, blanks, encodes and sends, at least once.

As well as aiokafka and fastavro do it: whole fetches, sends queued and awaited together, parsed schemas and buffers
reused, large batches, offsets committed after the sends. It checks nothing, remembers nothing and discloses nothing.

    python -m tests.benchmarks.plain_loop BOOTSTRAP_SERVERS INPUT OUTPUT_PREFIX COUNT ROUTES_JSON FIELDS_JSON
"""

import asyncio
import io
import json
import sys
from collections.abc import Callable
from typing import Any

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from fastavro import parse_schema, schemaless_reader, schemaless_writer

from instep.events.catalogue import Catalogue

Work = Callable[[bytes], tuple[str, bytes, bytes]]


def work(schema: Any, routes: dict[str, str], fields: list[str]) -> Work:
    """From a value to the topic, the key and the value to send."""
    whole = [name for name in fields if "." not in name]
    of_person = [name.removeprefix("person.") for name in fields if name.startswith("person.")]

    def one(value: bytes) -> tuple[str, bytes, bytes]:
        event: Any = schemaless_reader(io.BytesIO(value[5:]), schema, None)
        header = event["header"]
        blanked = {"header": header, **{name: event[name] for name in whole}}
        blanked["person"] = {name: event["person"][name] for name in of_person}
        out = io.BytesIO()
        out.write(value[:5])
        schemaless_writer(out, schema, blanked)
        topic = routes[event["old_address"]["authority_gss"]]
        return topic, f"{header['source']}/{header['subject_ref']}".encode(), out.getvalue()

    return one


async def main(servers: str, source: str, count: int, routes: dict[str, str], fields: list[str]) -> None:
    definition = Catalogue.load(Catalogue.default_directory()).events["resident-moved"].latest.parsed
    one = work(parse_schema(definition), routes, fields)
    consumer = AIOKafkaConsumer(
        source,
        bootstrap_servers=servers,
        group_id=f"plain-{source}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=servers,
        linger_ms=10,
        max_batch_size=512 * 1024,
        enable_idempotence=True,
        acks="all",
    )
    await consumer.start()
    await producer.start()
    done = 0
    while done < count:
        fetched = await consumer.getmany(timeout_ms=1000, max_records=4000)
        sends, offsets = [], {}
        for partition, records in fetched.items():
            for record in records:
                topic, key, value = one(record.value)
                sends.append(await producer.send(topic, value, key=key, partition=0))
            offsets[partition] = records[-1].offset + 1
            done += len(records)
        if sends:
            await asyncio.gather(*sends)
            await consumer.commit(offsets)
    await producer.stop()
    await consumer.stop()


if __name__ == "__main__":
    uvloop.run(
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4]), json.loads(sys.argv[5]))
    )
