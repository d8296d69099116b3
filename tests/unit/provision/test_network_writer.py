"""A generation that cannot be written fails once: asyncio logs nothing of the records that were under way."""

import asyncio
import gc
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidProducerIdMapping, KafkaError

from instep.provision.network_writer import _write


class _Forgotten:
    """A producer whose id the brokers have forgotten: two records are under way, and the third call says so."""

    def __init__(self) -> None:
        self.under_way: list[asyncio.Future[Any]] = []

    def transaction(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def send(self, *_: Any, **__: Any) -> asyncio.Future[Any]:
        if len(self.under_way) == 2:
            raise InvalidProducerIdMapping
        self.under_way.append(asyncio.get_running_loop().create_future())
        return self.under_way[-1]

    def fail(self) -> None:
        while self.under_way:
            self.under_way.pop().set_exception(KafkaError("Unexpected error during batch delivery"))


async def test_records_under_way_are_not_logged() -> None:
    logged: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context))
    writer = _Forgotten()
    with pytest.raises(InvalidProducerIdMapping):
        await _write(cast(AIOKafkaProducer, writer), {"a": b"1", "b": b"2", "c": b"3"})
    writer.fail()
    await asyncio.sleep(0)
    gc.collect()
    assert logged == []
