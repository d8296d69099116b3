"""A confluent-kafka loop: consumed in batches, produced into librdkafka's queue, flushed or committed once a batch."""

from confluent_kafka import Consumer, Producer

from tests.benchmarks.peers.job import Job, told


def main(job: Job) -> None:
    work = job.work()
    consumer = Consumer(
        {
            "bootstrap.servers": job.servers,
            "group.id": job.run,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    settings: dict[str, str | int | bool] = {
        "bootstrap.servers": job.servers,
        "linger.ms": job.linger_ms,
        "enable.idempotence": True,
        "queue.buffering.max.messages": 1_000_000,
    }
    if job.transactional:
        settings["transactional.id"] = job.run
    producer = Producer(settings)
    if job.transactional:
        producer.init_transactions()
    consumer.subscribe([job.topic])
    # `consume` waits until it has so many or the time is over.
    wait = 0.2 if job.linger_ms else 0.005
    while True:
        messages = consumer.consume(4000, timeout=wait)
        if not messages:
            continue
        if job.transactional:
            producer.begin_transaction()
        for message in messages:
            topic, key, value = work(message.value() or b"")
            producer.produce(topic, value, key, partition=0)
        if job.transactional:
            producer.send_offsets_to_transaction(
                consumer.position(consumer.assignment()), consumer.consumer_group_metadata()
            )
            producer.commit_transaction()
        else:
            producer.flush()
            consumer.commit(asynchronous=False)


if __name__ == "__main__":
    main(told())
