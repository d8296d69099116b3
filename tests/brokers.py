"""Unsecured brokers that tests use one after another.

A broker that has run for a while need not be started, and works faster than a new one. So what a test leaves on its broker
is deleted, and the next test borrows the broker as if it were new. Where something cannot be deleted, as a group with a
member that was killed, the broker is ended, and the next test gets another.
"""

import atexit
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from instep.local.broker import Broker

_GONE_WITHIN_S = 15.0
_ASKED_S = 10.0

_idle: list[Broker] = []


@contextmanager
def borrowed() -> Iterator[Broker]:
    """A running broker that holds no topic and no group. The borrower may kill it and start it again.

    The broker may know of transactional ids that others have used, and how their last transactions ended.
    """
    broker = _idle.pop() if _idle else _new()
    try:
        yield broker
    finally:
        if _runs(broker) and _emptied(broker):
            _idle.append(broker)
        else:
            _end(broker)


@contextmanager
def unused() -> Iterator[Broker]:
    """A running broker that nobody has used, ended afterwards."""
    broker = _new()
    try:
        yield broker
    finally:
        _end(broker)


@atexit.register
def end_idle() -> None:
    """End the brokers that nobody has borrowed."""
    while _idle:
        _end(_idle.pop())


def _new() -> Broker:
    broker = Broker(Path(mkdtemp(prefix="instep-broker-")))
    try:
        broker.start()
    except BaseException:
        shutil.rmtree(broker.directory, ignore_errors=True)
        raise
    return broker


def _end(broker: Broker) -> None:
    broker.stop()
    shutil.rmtree(broker.directory, ignore_errors=True)


def _runs(broker: Broker) -> bool:
    return broker.process is not None and broker.process.alive()


def _emptied(broker: Broker) -> bool:
    """Whether everything could be deleted that the borrower left."""
    admin = AdminClient({**broker.own_connection.confluent()})
    try:
        return _in_time(lambda: _without_groups(admin)) and _in_time(lambda: _without_topics(admin))
    except (KafkaException, TimeoutError):
        return False


def _in_time(gone: Callable[[], bool]) -> bool:
    """Whether everything is gone soon: a worker that was killed is a member until its session has ended."""
    until = time.monotonic() + _GONE_WITHIN_S
    while not gone():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _without_groups(admin: AdminClient) -> bool:
    """Whether no group is left; those without members are deleted."""
    listed = admin.list_consumer_groups(request_timeout=_ASKED_S).result(_ASKED_S)
    names = [group.group_id for group in listed.valid]
    answers = admin.delete_consumer_groups(names, request_timeout=_ASKED_S) if names else {}
    return all(answer.exception(_ASKED_S) is None for answer in answers.values()) and not listed.errors


def _without_topics(admin: AdminClient) -> bool:
    """Whether no topic is left but Kafka's own; every other is deleted."""
    names = [name for name in admin.list_topics(timeout=_ASKED_S).topics if not name.startswith("__")]
    for answer in (admin.delete_topics(names, request_timeout=_ASKED_S) if names else {}).values():
        answer.exception(_ASKED_S)
    return not names
