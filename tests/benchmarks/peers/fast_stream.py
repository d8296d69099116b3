"""FastStream over aiokafka: a subscriber of raw bytes, publishing without waiting for the confirmation."""

import logging
from typing import Any

import uvloop
from faststream import FastStream
from faststream.kafka import KafkaBroker

from tests.benchmarks.peers.job import Job, told


async def decoded(message: Any) -> Any:
    return message.body


async def main(job: Job) -> None:
    work = job.work()
    broker = KafkaBroker(job.servers, logger=None, linger_ms=job.linger_ms, max_batch_size=512 * 1024)

    async def move(value: bytes) -> None:
        topic, key, blanked = work(value)
        await broker.publish(blanked, topic=topic, key=key, partition=0, no_confirm=True)

    broker.subscriber(job.topic, group_id=job.run, auto_offset_reset="earliest", decoder=decoded)(move)
    await FastStream(broker).run(log_level=logging.ERROR)


if __name__ == "__main__":
    uvloop.run(main(told()))
