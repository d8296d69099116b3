"""Faust as it comes, tuned: its C extensions, uvloop, raw bytes, sends not awaited, large batches, a deep buffer."""

import asyncio
import sys
from typing import Any

import faust
import uvloop
from faust.worker import Worker

from tests.benchmarks.peers.job import Job, told


def main(job: Job) -> None:
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    work = job.work()
    app = faust.App(
        job.run,
        broker=f"kafka://{job.servers}",
        value_serializer="raw",
        key_serializer="raw",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_buffer_maxsize=65536,
        cython_optimizations=True,
        consumer_auto_offset_reset="earliest",
        producer_linger=job.linger_ms / 1000,
        producer_max_batch_size=512 * 1024,
        datadir=job.directory,
    )
    source = app.topic(job.topic, value_type=bytes, key_type=bytes)
    topics: dict[str, Any] = {name: app.topic(name, value_type=bytes, key_type=bytes) for name in job.outputs}

    async def move(stream: Any) -> None:
        async for value in stream:
            topic, key, blanked = work(value)
            await topics[topic].send(key=key, value=blanked, partition=0)

    app.agent(source, name="move")(move)
    sys.argv = sys.argv[:1]
    Worker(app, loglevel="WARN").execute_from_commandline()


if __name__ == "__main__":
    main(told())
