"""What operators do, rightly and wrongly: changes of the network, offsets that are moved, outboxes that are made anew."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from instep.kafka.follow import read_network
from instep.kafka.log_ends import LogEnds
from instep.lanes.survey import accept_lost
from instep.network import topics
from tests.chaos.cluster import IDS_EXPIRE_S
from tests.chaos.faults import Fault
from tests.chaos.inspection import changelog_positions
from tests.chaos.network import add_authority, toggle
from tests.chaos.reading import Incarnations, committed_records
from tests.chaos.scene import SERVICES, Act, Scene
from tests.chaos.states import delete_topic
from tests.kafka.offsets import delete_group, set_group_offset

_FILLER = b"\x07 is no version of the framing"
_APPLY_OPEN_S = 40.0
"""Longer than `apply` lets its transaction last."""


# -- the network


async def agree(scene: Scene) -> str:
    await scene.work_remains()
    status = toggle(scene.directory)
    return f"council-tax is {status} from generation {await scene.apply()} on"


async def add(scene: Scene) -> str:
    await scene.work_remains()
    newcomer = add_authority(scene.directory)
    generation = await scene.apply()
    network = await read_network(scene.connection)
    scene.workload.gss[newcomer] = network.authorities[newcomer].gss
    scene.workload.councils.append(newcomer)
    for member in scene.crew.wanted:
        await scene.stop(member)
        await scene.start(member)
    return f"{newcomer}, by generation {generation}"


async def kill_apply(scene: Scene) -> str:
    await scene.work_remains()
    status = toggle(scene.directory)
    process = await _apply_until_its_commit(scene)
    process.kill()
    process.wait()
    return f"council-tax is {status} from generation {await scene.apply()} on"


async def freeze_apply(scene: Scene) -> str:
    """Services wait for the end of its transaction, which the broker aborts; thawed, it is fenced or aborted."""
    await scene.work_remains()
    status = toggle(scene.directory)
    process = await _apply_until_its_commit(scene)
    await asyncio.sleep(_APPLY_OPEN_S)
    process.send_signal(signal.SIGCONT)
    code = await asyncio.to_thread(process.wait, 60)
    if code == 0:
        raise AssertionError("an apply whose transaction the broker has aborted says that it has applied")
    return f"it ended with {code}; council-tax is {status} from generation {await scene.apply()} on"


async def _apply_until_its_commit(scene: Scene) -> "subprocess.Popen[bytes]":
    """A process of `apply`, stopped (SIGSTOP) when its records are written and its commit is not asked for."""
    argv = [sys.executable, "-m", "tests.chaos.apply_stops", str(scene.directory)]
    environ = {
        "INSTEP_BOOTSTRAP_SERVERS": scene.connection.bootstrap_servers,
        "INSTEP_SECURITY_PROTOCOL": "PLAINTEXT",
    }
    process = subprocess.Popen(argv, env={**os.environ, **environ}, stdin=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while _state_of(process.pid) != "T":
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            raise AssertionError(f"apply did not come to its commit; its exit code is {process.poll()}")
        await asyncio.sleep(0.05)
    return process


def _state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1]


# -- offsets


async def delete_offsets(scene: Scene) -> str:
    service = scene.random.choice(SERVICES)
    await scene.work_remains()
    async with scene.stopped(service):
        await asyncio.to_thread(delete_group, scene.connection, scene.group(service))
    return f"those of {service}"


async def expire(scene: Scene) -> str:
    """The offsets are gone, and so are the records that were read: the changelog's positions are all there is."""
    service = "intake"
    await scene.work_remains()
    async with scene.stopped(service):
        kept = await changelog_positions(scene.connection, service)
        council = scene.random.choice(scene.workload.councils)
        outbox = TopicPartition(topics.outbox(council), 0)
        await asyncio.to_thread(delete_group, scene.connection, scene.group(service))
        await _archive(scene, council, kept[outbox])
        admin = AIOKafkaAdminClient(**scene.connection.kafka())
        await admin.start()
        try:
            await admin.delete_records({outbox: RecordsToDelete(before_offset=kept[outbox])})
        finally:
            await admin.close()
    return f"those of {service}, and {outbox.topic} before {kept[outbox]}"


async def set_ahead(scene: Scene) -> str:
    """The lane stops and says so; put right, it reads again from where it was, and nothing is passed over."""
    await scene.work_remains()
    async with scene.stopped("intake"):
        kept = await changelog_positions(scene.connection, "intake")
        ends = LogEnds(scene.connection)
        await ends.start()
        try:
            outboxes = [TopicPartition(topics.outbox(one), 0) for one in scene.workload.councils]
            logs = await ends.logs(outboxes)
        finally:
            await ends.stop()
        behind = {tp: log.end for tp, log in logs.items() if tp in kept and kept[tp] < log.end}
        if not behind:  # whatever was on its way is through: then beyond the end, which is as wrong
            behind = {tp: log.end + 10 for tp, log in logs.items() if tp in kept}
        outbox = scene.random.choice(sorted(behind))
        ahead = scene.random.randint(kept[outbox] + 1, behind[outbox])
        group = scene.group("intake")
        await asyncio.to_thread(
            set_group_offset, scene.connection, group, outbox.topic, outbox.partition, ahead
        )
    said = await scene.until_one_says("intake", f"{outbox.topic} from {kept[outbox]} to ")
    if "lost-records" not in said or "ahead" not in said:
        raise AssertionError(f"the lane says {said!r}")
    network = await read_network(scene.connection)
    await accept_lost(scene.connection, network, "intake", outbox.topic, "chaos", repeat=True)
    await scene.all_ready()
    return f"{outbox.topic} from {kept[outbox]} to {ahead}"


# -- outboxes


async def anew_and_shorter(scene: Scene) -> str:
    return await _anew(scene, longer=False)


async def anew_and_longer(scene: Scene) -> str:
    return await _anew(scene, longer=True)


async def _anew(scene: Scene, *, longer: bool) -> str:
    """All that was in it is through before, so nothing is lost by the deletion; the lane stops until that is accepted."""
    await scene.work_remains()
    async with scene.publisher.held():
        await scene.drained()
        ends = {one: await _end(scene, topics.outbox(one)) for one in scene.workload.councils}
        council = min(ends, key=lambda one: ends[one])
        outbox = topics.outbox(council)
        await _archive(scene, council, ends[council])
        scene.anew[council].begin_next(await _end(scene, topics.rejected(council)))
        await asyncio.to_thread(delete_topic, scene.connection.bootstrap_servers, outbox)
        await scene.apply()
        fillers = ends[council] + 10 if longer else 3
        await _fill(scene, council, fillers)
    said = await scene.until_one_says("intake", f"{outbox} from ")
    if "lost-records" not in said:
        raise AssertionError(f"the lane says {said!r}")
    network = await read_network(scene.connection)
    await accept_lost(scene.connection, network, "intake", outbox, "chaos")
    await scene.all_ready()
    return f"{outbox}, which had {ends[council]} records, and {fillers} afterwards"


async def _archive(scene: Scene, council: str, before: int) -> None:
    """Keep for the judge what is about to be deleted, as far as it is not kept already."""
    held = scene.anew.setdefault(council, Incarnations())
    async for record in committed_records(scene.connection, [topics.outbox(council)]):
        if record.offset < before:
            held.keep(record)


async def _fill(scene: Scene, council: str, count: int) -> None:
    """Records that are to be refused, each once."""
    key = council.encode()
    scene.publisher.planted[council, key, _FILLER] = "bad-framing"
    producer = AIOKafkaProducer(**scene.connection.kafka(), acks="all", enable_idempotence=True, linger_ms=5)
    await producer.start()
    try:
        sent = [await producer.send(topics.outbox(council), _FILLER, key=key) for _ in range(count)]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def _end(scene: Scene, topic: str) -> int:
    ends = LogEnds(scene.connection)
    await ends.start()
    try:
        partition = TopicPartition(topic, 0)
        return (await ends.logs([partition]))[partition].end
    finally:
        await ends.stop()


# -- transactional ids


async def forget_ids(scene: Scene) -> str:
    """A service that was idle for longer than the brokers remember it."""
    service = scene.random.choice(SERVICES)
    await scene.work_remains()
    async with scene.stopped(service):
        await asyncio.sleep(IDS_EXPIRE_S + 8.0)
    await scene.all_ready()
    return f"those of {service}"


ACTS: Mapping[Fault, Act] = {
    Fault.AGREEMENT: agree,
    Fault.AUTHORITY: add,
    Fault.OFFSETS: delete_offsets,
    Fault.OFFSETS_EXPIRED: expire,
    Fault.OFFSETS_AHEAD: set_ahead,
    Fault.ANEW_SHORTER: anew_and_shorter,
    Fault.ANEW_LONGER: anew_and_longer,
    Fault.APPLY_KILLED: kill_apply,
    Fault.APPLY_FROZEN: freeze_apply,
    Fault.IDS_EXPIRED: forget_ids,
}
