"""A plain aiokafka loop: whole fetches, sends queued and awaited together, large batches, offsets after the sends.

It checks nothing, remembers nothing and discloses nothing.
"""

import asyncio

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from tests.benchmarks.peers.job import Job, told


async def main(job: Job) -> None:
    work = job.work()
    consumer = AIOKafkaConsumer(
        job.topic,
        bootstrap_servers=job.servers,
        group_id=job.run,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=job.servers,
        linger_ms=job.linger_ms,
        max_batch_size=512 * 1024,
        enable_idempotence=True,
        transactional_id=job.run if job.transactional else None,
    )
    await consumer.start()
    await producer.start()
    while True:
        fetched = await consumer.getmany(timeout_ms=1000, max_records=4000)
        if not fetched:
            continue
        if job.transactional:
            await producer.begin_transaction()
        sends, offsets = [], {}
        for partition, records in fetched.items():
            for record in records:
                topic, key, value = work(record.value)
                sends.append(await producer.send(topic, value, key=key, partition=0))
            offsets[partition] = records[-1].offset + 1
        await asyncio.gather(*sends)
        if job.transactional:
            await producer.send_offsets_to_transaction(offsets, job.run)
            await producer.commit_transaction()
        else:
            await consumer.commit(offsets)


if __name__ == "__main__":
    uvloop.run(main(told()))
