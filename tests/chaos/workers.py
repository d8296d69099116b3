"""Faults of workers and of their machines."""

import asyncio
import signal
import time
from collections.abc import Mapping

from tests.chaos.crew import SESSION_S
from tests.chaos.faults import Fault
from tests.chaos.scene import READY_S, Act, Scene

_NOTICED_S = 5.0
_FULL_S = 20.0


async def kill(scene: Scene) -> str:
    member = await scene.victim()
    member.worker.kill()
    return member.name


async def kill_and_wipe(scene: Scene) -> str:
    member = await scene.victim()
    member.wanted = False
    member.worker.kill()
    member.wipe()
    member.wanted = True
    return member.name


async def freeze(scene: Scene) -> str:
    member = await scene.victim()
    member.send(signal.SIGSTOP)
    frozen = SESSION_S + scene.random.uniform(2.0, 5.0)
    await asyncio.sleep(frozen)
    member.send(signal.SIGCONT)
    return f"{member.name}, for {frozen:.1f} s"


async def join_or_leave(scene: Scene) -> str:
    member = scene.random.choice(scene.crew.spare)
    await scene.work_remains()
    if not member.wanted:
        await scene.start(member)
        return f"{member.name} joins"
    await scene.stop(member)
    return f"{member.name} leaves"


async def fill_disk(scene: Scene) -> str:
    """It ends by itself when it has something to write, or is killed; and claims nothing until there is room."""
    place = scene.random.randrange(len(scene.crew.disks))
    member, disk = scene.crew.with_disk[place], scene.crew.disks[place]
    await member.ready(READY_S)
    await scene.work_remains()
    starts = member.starts
    disk.fill()
    try:
        began = time.monotonic()
        while member.starts == starts and time.monotonic() - began < _NOTICED_S:
            await asyncio.sleep(0.1)
        how = "killed" if member.starts == starts else "ended by itself"
        if member.starts == starts:
            member.worker.kill()
        while member.starts < starts + 3 and time.monotonic() - began < _FULL_S:
            await asyncio.sleep(0.1)
        said = await asyncio.to_thread(member.worker.not_ready_because)
    finally:
        disk.empty()
    if said is None:
        raise AssertionError(f"{member.name} has claimed its lanes on a disk that is full")
    return f"{member.name} {how}, and was started {member.starts - starts} times meanwhile"


async def clock_a_day_off(scene: Scene) -> str:
    return await _clock_off(scene, scene.random.choice((-24, 24)))


async def clock_400_days_off(scene: Scene) -> str:
    return await _clock_off(scene, scene.random.choice((-24 * 400, 24 * 400)))


async def _clock_off(scene: Scene, hours: int) -> str:
    """Its lanes stand and it says why, until the clock is right."""
    member = await scene.victim()
    await scene.stop(member)
    member.set_clock(hours)
    try:
        member.wanted = True
        until = time.monotonic() + READY_S
        while not (said := await asyncio.to_thread(member.says)).startswith("clock: "):
            if time.monotonic() > until:
                raise AssertionError(f"{member.name}, whose clock is {hours} h off, says {said!r}")
            await asyncio.sleep(0.2)
    finally:
        await scene.stop(member)
        member.set_clock(0)
    await scene.start(member)
    return f"{member.name}, {hours:+} h: {said}"


async def cut_off(scene: Scene) -> str:
    """From one broker; of one worker alone, and for longer than its session with the group."""
    member = await scene.victim()
    node = scene.random.choice(scene.cluster.nodes)
    away = SESSION_S + scene.random.uniform(2.0, 12.0)
    member.cut_off(node.port)
    try:
        await asyncio.sleep(away)
    finally:
        member.cut_off(None)
    await member.ready(READY_S)
    return f"{member.name} from broker {node.number}, for {away:.1f} s"


ACTS: Mapping[Fault, Act] = {
    Fault.WORKER_KILL: kill,
    Fault.WIPED: kill_and_wipe,
    Fault.ZOMBIE: freeze,
    Fault.MEMBERSHIP: join_or_leave,
    Fault.DISK: fill_disk,
    Fault.CLOCK_DAY: clock_a_day_off,
    Fault.CLOCK_YEAR: clock_400_days_off,
    Fault.CUT_OFF: cut_off,
}
