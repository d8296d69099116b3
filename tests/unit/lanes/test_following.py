"""A worker's processor follows the newest generation, and lanes wait while its end is not confirmed."""

import asyncio
import gc
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from instep.kafka.connection import Connection
from instep.lanes.following import FollowedNetwork

FIRST, SECOND = SimpleNamespace(generation=1), SimpleNamespace(generation=2)


class Follower:
    """Holds a test's networks."""

    def __init__(self) -> None:
        self.network: Any = None
        self.is_fresh = True
        self._changed = asyncio.Event()

    def fresh(self) -> bool:
        return self.is_fresh

    def replace(self, network: Any) -> None:
        self.network = network
        self._changed.set()

    async def changed(self) -> None:
        await self._changed.wait()
        self._changed.clear()


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


@pytest.fixture
def taken_up() -> list[int]:
    return []


@pytest.fixture
def followed(taken_up: list[int]) -> FollowedNetwork:
    processor = SimpleNamespace(follow=lambda network: taken_up.append(network.generation))
    gauge = SimpleNamespace(set=lambda number: None)
    network = FollowedNetwork(
        Connection(bootstrap_servers="nowhere:1", security_protocol="PLAINTEXT"),
        cast(Any, processor),
        cast(Any, gauge),
    )
    network.follower = cast(Any, Follower())
    return network


async def test_a_new_generation_is_taken_up_once_and_before_the_next_batch(
    followed: FollowedNetwork, taken_up: list[int]
) -> None:
    follower = cast(Any, followed.follower)
    follower.network = FIRST
    await followed.up_to_date()
    await followed.up_to_date()
    assert taken_up == [1]
    follower.network = SECOND
    await followed.up_to_date()
    assert taken_up == [1, 2]
    assert followed.current is cast(Any, SECOND)


async def test_while_the_end_is_not_confirmed_lanes_wait_and_nothing_is_taken_up(
    followed: FollowedNetwork, taken_up: list[int]
) -> None:
    follower = cast(Any, followed.follower)
    follower.network, follower.is_fresh = FIRST, False
    waiting = asyncio.create_task(followed.up_to_date())
    await asyncio.sleep(0.06)
    assert not waiting.done()
    assert taken_up == []
    follower.is_fresh = True
    await asyncio.wait_for(waiting, 1.0)
    assert taken_up == [1]


async def test_the_first_network_is_waited_for(followed: FollowedNetwork, taken_up: list[int]) -> None:
    waiting = asyncio.create_task(followed.first())
    await asyncio.sleep(0)
    cast(Any, followed.follower).replace(FIRST)
    assert await asyncio.wait_for(waiting, 1.0) is cast(Any, FIRST)
    assert taken_up == [1]


async def test_a_generation_is_taken_up_also_while_no_lane_has_work_and_not_a_second_time(
    followed: FollowedNetwork, taken_up: list[int]
) -> None:
    follower = cast(Any, followed.follower)
    follower.replace(FIRST)
    assert await asyncio.wait_for(followed.changed(), 1.0) is cast(Any, FIRST)
    await followed.up_to_date()
    follower.replace(FIRST)
    assert await asyncio.wait_for(followed.changed(), 1.0) is cast(Any, FIRST)
    assert taken_up == [1]
