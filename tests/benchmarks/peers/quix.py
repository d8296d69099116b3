"""Quix Streams: a streaming dataframe of bytes, idempotent producer, its own commit interval (0.1 s for latency)."""

from typing import Any

from quixstreams import Application
from quixstreams.models.serializers import BytesSerializer

from tests.benchmarks.peers.job import Job, told


class Blanked(BytesSerializer):  # type: ignore[misc]  # quixstreams is not installed where types are checked
    """Takes the value out of what `work` returned."""

    def __call__(self, value: Any, ctx: Any) -> Any:
        return value[2]


def main(job: Job) -> None:
    work = job.work()
    app = Application(
        broker_address=job.servers,
        consumer_group=job.run,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once" if job.transactional else "at-least-once",
        commit_interval=5.0 if job.linger_ms else 0.1,
        producer_extra_config={"linger.ms": job.linger_ms, "enable.idempotence": True},
        auto_create_topics=False,
        use_changelog_topics=False,
        state_dir=job.directory,
        loglevel="ERROR",
    )
    source = app.topic(job.topic, value_deserializer="bytes", key_deserializer="bytes")
    topics = {
        name: app.topic(name, value_serializer=Blanked(), key_serializer="bytes") for name in job.outputs
    }
    moves = app.dataframe(source).apply(work)
    moves.to_topic(lambda value, key, timestamp, headers: topics[value[0]], key=lambda value: value[1])
    app.run()


if __name__ == "__main__":
    main(told())
