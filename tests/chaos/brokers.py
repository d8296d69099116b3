"""Faults of brokers. Beside half of them a worker is killed at a random instant of the disturbance."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from instep.network.topics import NETWORK
from tests.chaos.cluster import BROKER_SESSION_S, Node
from tests.chaos.crew import LIMIT_S
from tests.chaos.faults import Fault
from tests.chaos.reassignment import moved_to
from tests.chaos.scene import Act, Scene


async def kill(scene: Scene) -> str:
    node = await _chosen(scene)
    async with _beside(scene, 5.0) as victim:
        node.kill()
        away = scene.random.uniform(0.5, 5.0)
        await asyncio.sleep(away)
        await scene.cluster.start_again([node])
    return f"broker {node.number}, away for {away:.1f} s{victim}"


async def stop(scene: Scene) -> str:
    node = await _chosen(scene)
    async with _beside(scene, 5.0) as victim:
        await asyncio.to_thread(node.stop)
        await scene.cluster.start_again([node])
    return f"broker {node.number}{victim}"


async def stop_each(scene: Scene) -> str:
    """As a rolling update does: the next one when the cluster is whole again."""
    await scene.cluster.whole()
    await scene.work_remains()
    async with _beside(scene, 20.0) as victim:
        for node in scene.cluster.nodes:
            await asyncio.to_thread(node.stop)
            await scene.cluster.start_again([node])
    return f"brokers {', '.join(str(node.number) for node in scene.cluster.nodes)}{victim}"


async def away(scene: Scene) -> str:
    node = await _chosen(scene)
    seconds = LIMIT_S + scene.random.uniform(3.0, 8.0)
    async with _beside(scene, seconds) as victim:
        node.kill()
        await asyncio.sleep(seconds)
        await scene.cluster.start_again([node])
    return f"broker {node.number}, away for {seconds:.1f} s{victim}"


async def freeze(scene: Scene) -> str:
    node = await _chosen(scene)
    return await _frozen(scene, [node], BROKER_SESSION_S + scene.random.uniform(2.0, 4.0))


async def freeze_leader(scene: Scene) -> str:
    await scene.cluster.whole()
    number = await scene.leader_of(NETWORK)
    await scene.work_remains()
    return await _frozen(scene, [scene.cluster.nodes[number - 1]], LIMIT_S + scene.random.uniform(2.0, 6.0))


async def freeze_all(scene: Scene) -> str:
    await scene.cluster.whole()
    await scene.work_remains()
    return await _frozen(scene, scene.cluster.nodes, LIMIT_S + scene.random.uniform(1.0, 5.0))


async def _frozen(scene: Scene, nodes: list[Node], seconds: float) -> str:
    async with _beside(scene, seconds) as victim:
        for node in nodes:
            node.freeze()
        try:
            await asyncio.sleep(seconds)
        finally:
            for node in nodes:
                node.thaw()
        await scene.cluster.whole()
    return f"{_named(nodes)}, for {seconds:.1f} s{victim}"


async def leaderless(scene: Scene) -> str:
    """Partitions that lanes write move to one broker alone, which is then ended or killed; their coordinators live on."""
    await scene.cluster.whole()
    alone, *others = scene.random.sample(scene.cluster.nodes, len(scene.cluster.nodes))
    topics = scene.random.sample([f"{council}.outcomes" for council in scene.workload.councils], 2)
    await moved_to(scene.connection, topics, [alone.number], min_in_sync=1)
    await scene.work_remains()
    async with _beside(scene, 5.0) as victim:
        await asyncio.to_thread(scene.random.choice((alone.stop, alone.kill)))
        seconds = scene.random.uniform(3.0, 10.0)
        await asyncio.sleep(seconds)
        await scene.cluster.start_again([alone])
    await moved_to(scene.connection, topics, [alone.number, *(one.number for one in others)], min_in_sync=2)
    await scene.cluster.whole()
    return f"{', '.join(topics)} on broker {alone.number} alone, away for {seconds:.1f} s{victim}"


async def second_down(scene: Scene) -> str:
    await scene.cluster.whole()
    first, second = scene.random.sample(scene.cluster.nodes, 2)
    await scene.work_remains()
    async with _beside(scene, 8.0) as victim:
        first.kill()
        await asyncio.sleep(scene.random.uniform(2.0, 6.0))
        scene.cluster.launch(first)
        await asyncio.sleep(scene.random.uniform(0.5, 2.5))
        second.kill()
        await asyncio.sleep(scene.random.uniform(1.0, 4.0))
        await scene.cluster.start_again([second])
    return f"broker {first.number}, then {second.number}{victim}"


async def staggered(scene: Scene) -> str:
    """One is behind before all die, so that the in-sync replicas differ; then one starts after another."""
    await scene.cluster.whole()
    behind, *_ = order = scene.random.sample(scene.cluster.nodes, len(scene.cluster.nodes))
    await scene.work_remains()
    async with _beside(scene, 15.0) as victim:
        behind.freeze()
        await asyncio.sleep(scene.random.uniform(0.0, BROKER_SESSION_S))
        scene.cluster.kill_all()
        scene.random.shuffle(order)
        gaps = [scene.random.uniform(3.0, 10.0) for _ in order[1:]]
        for node, gap in zip(order, gaps, strict=False):
            scene.cluster.launch(node)
            await asyncio.sleep(gap)
        await scene.cluster.start_again(order[-1:])
    started = ", ".join(str(node.number) for node in order)
    apart = " and ".join(f"{gap:.1f} s" for gap in gaps)
    return f"broker {behind.number} was behind; started {started}, {apart} apart{victim}"


async def everything(scene: Scene) -> str:
    members = scene.crew.wanted
    await scene.work_remains()
    for member in members:
        member.wanted = False
    scene.cluster.kill_all()
    for member in members:
        if member.running():
            member.worker.kill()
    await scene.cluster.start_again(scene.cluster.nodes)
    for member in members:
        member.wanted = True
    return f"{len(scene.cluster.nodes)} brokers and {len(members)} workers"


async def _chosen(scene: Scene) -> Node:
    await scene.cluster.whole()
    node = scene.random.choice(scene.cluster.nodes)
    await scene.work_remains()
    return node


class _Victim:
    """Who is killed beside a fault, if anybody."""

    name = ""

    def __str__(self) -> str:
        return f"; {self.name} is killed meanwhile" if self.name else ""


@asynccontextmanager
async def _beside(scene: Scene, seconds: float) -> AsyncIterator[_Victim]:
    """Within so many seconds, perhaps: one worker is killed, wherever it is between EndTxn and its next commit."""
    victim = _Victim()
    member = scene.random.choice(scene.crew.wanted)
    after = scene.random.uniform(0.0, seconds)

    async def strike() -> None:
        await asyncio.sleep(after)
        if member.running():
            victim.name = member.name
            member.worker.kill()

    task = asyncio.create_task(strike()) if scene.random.random() < 0.5 else None
    yield victim
    if task is not None:
        await task


def _named(nodes: Iterable[Node]) -> str:
    return ", ".join(f"broker {node.number}" for node in nodes)


ACTS: Mapping[Fault, Act] = {
    Fault.BROKER_KILL: kill,
    Fault.BROKER_STOP: stop,
    Fault.EACH_STOPPED: stop_each,
    Fault.BROKER_AWAY: away,
    Fault.BROKER_FROZEN: freeze,
    Fault.LEADER_FROZEN: freeze_leader,
    Fault.ALL_FROZEN: freeze_all,
    Fault.LEADERLESS: leaderless,
    Fault.SECOND_DOWN: second_down,
    Fault.STAGGERED: staggered,
    Fault.EVERYTHING: everything,
}
