"""Keeps a service's rules at the newest agreements, and makes lanes wait while nobody can tell which are the newest.

The network is the authorities and their sharing agreements, read from `instep.network`. Each change of the network is
a generation with a number. The service's processor switches to a new generation between two of its calls, never
within one. `kafka/follow.py` reads the topic.
"""

import asyncio

import structlog
from prometheus_client import Gauge

from instep.kafka.connection import Connection
from instep.kafka.follow import NetworkFollower
from instep.lanes import memory
from instep.lanes.processor import Processor
from instep.network.network import Network

_log = structlog.get_logger("instep.worker")

_FRESH_POLL_SECONDS = 0.02


class FollowedNetwork:
    """Hands each generation to the processor. `generation` is the metric of the number."""

    def __init__(self, connection: Connection, processor: Processor, generation: Gauge) -> None:
        self.follower = NetworkFollower(connection)
        self.current: Network | None = None
        """The generation of the processor; None before the first."""
        self._processor = processor
        self._generation = generation

    async def up_to_date(self) -> None:
        """Return once the end of `instep.network` is confirmed and the processor follows the newest generation."""
        while not self.follower.fresh():  # noqa: ASYNC110  # freshness passes with time, not with an event
            await asyncio.sleep(_FRESH_POLL_SECONDS)
        network = self.follower.network
        if network is not None and network is not self.current:
            self._switch(network)

    async def first(self) -> Network:
        """Wait until somebody has applied a network, and follow the network."""
        while self.follower.network is None:
            await self.follower.changed()
        self._switch(self.follower.network)
        return self.follower.network

    async def changed(self) -> Network:
        """Wait for the next generation and follow the network, also while no lane has work."""
        while True:
            await self.follower.changed()
            network = self.follower.network
            if network is not None:
                if network is not self.current:
                    self._switch(network)
                return network

    def _switch(self, network: Network) -> None:
        self._processor.follow(network)
        self.current = network
        memory.let_go()  # the network before
        memory.set_aside()
        self._generation.set(network.generation)
        _log.info("network followed", generation=network.generation)
