"""A consumer group's offsets, set and deleted as an operator's tools do it."""

import time
from collections.abc import Callable

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from instep.kafka.connection import Connection

_SECONDS = 60.0


def set_group_offset(connection: Connection, group: str, topic: str, partition: int, offset: int) -> None:
    """Set one committed offset, once the group has no member; raises KafkaException after 60 s.

    A broker refuses this for each partition by itself while the group has a member, and confluent-kafka raises nothing then.
    """
    admin = AdminClient({**connection.confluent()})
    asked = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, partition, offset)])

    def alter() -> None:
        answered: ConsumerGroupTopicPartitions = admin.alter_consumer_group_offsets([asked])[group].result(15)
        for place in answered.topic_partitions or ():
            if place.error is not None:
                raise KafkaException(place.error)

    _patiently(alter)


def delete_group(connection: Connection, group: str) -> None:
    """Delete a group and all that it has committed, once the group has no member; raises KafkaException after 60 s."""
    admin = AdminClient({**connection.confluent()})
    _patiently(lambda: admin.delete_consumer_groups([group], request_timeout=10)[group].result(15))


def _patiently(do: Callable[[], object]) -> None:
    """A member that died shows until its session has ended."""
    until = time.monotonic() + _SECONDS
    while True:
        try:
            do()
            return
        except KafkaException:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
