"""Carries out the faults of one run, each while work remains. Before each it inspects the cluster."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping

from tests.chaos import brokers, operators, states, workers
from tests.chaos.faults import Done, Fault
from tests.chaos.inspection import inspect
from tests.chaos.publisher import CHUNK
from tests.chaos.scene import Act, Scene

ACTS: Mapping[Fault, Act] = {**workers.ACTS, **brokers.ACTS, **operators.ACTS, **states.ACTS}
_RESERVE = 20 * CHUNK
"""Records that are kept back for the last faults."""


class Conductor:
    """Publishing is spread over the faults, so that each has records on their way."""

    def __init__(self, scene: Scene, faults: list[Fault]) -> None:
        self.done: list[Done] = []
        self.scene = scene
        self._faults = faults

    @property
    def counts(self) -> Counter[Fault]:
        """How often each was carried out."""
        return Counter(one.fault for one in self.done)

    @property
    def wrong(self) -> Counter[str]:
        """What was found wrong before faults."""
        found: Counter[str] = Counter()
        for one in self.done:
            found.update(one.wrong)
        return found

    async def run(self) -> None:
        """All faults, each when its share of the records is published; ends with publishing permitted to the end."""
        publisher = self.scene.publisher
        # What is kept back is for the last faults: each has to find records on their way, however long it looks around.
        share = (publisher.total - min(_RESERVE, publisher.total // 4)) / (len(self._faults) + 1)
        for number, fault in enumerate(self._faults, start=1):
            # While one is carried out the next share is on its way.
            publisher.permitted = max(publisher.permitted, int(share * (number + 1)))
            while publisher.confirmed < share * number:
                await asyncio.sleep(0.05)
            await self._strike(number, fault)
        publisher.permitted = publisher.total

    async def _strike(self, number: int, fault: Fault) -> None:
        scene = self.scene
        await scene.cluster.whole()
        await scene.all_ready()
        found = await inspect(scene.connection)
        if any(found.counts.values()):
            scene.say(f"           WRONG before {fault}: {found}")
        try:
            what = await ACTS[fault](scene)
        except BaseException as error:
            scene.say(f"           {number:3}/{len(self._faults)}  {fault}: {type(error).__name__}: {error}")
            raise
        self.done.append(Done(fault=fault, what=what, moment=scene.moment, wrong=found.counts))
        moment = scene.moment
        scene.say(
            f"{moment.at:7.1f} s  {number:3}/{len(self._faults)}  {fault}: {what};"
            f" {moment.waiting} on their way, {moment.unpublished} to come"
        )

    async def settled(self, seconds: float) -> bool:
        """Whether all that was published has come through, waiting as long as there is progress at all."""
        until = time.monotonic() + seconds
        calm = 0
        least = await self.scene.lag()
        while calm < 10:
            await asyncio.sleep(0.3)
            lag = await self.scene.lag()
            if lag < least:
                least, until = lag, time.monotonic() + seconds
            calm = calm + 1 if lag == 0 else 0
            if time.monotonic() > until:
                return False
        return True
