"""A broker is away for long: the supervised worker says so, is started again after each end, and nothing is lost."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from instep.catalogue.files import default_directory, load_catalogue
from instep.local.broker import Broker
from instep.provision.apply import apply
from tests.kafka.journey import Reader
from tests.kafka.services import Worker
from tests.kafka.test_lanes import SAMPLE, numbered, write

INSTEP = str(Path(sys.executable).with_name("instep"))


async def until(condition: Callable[[], bool], seconds: float = 40) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.1)


async def test_a_supervised_worker_outlives_a_broker_that_is_away(own_broker: Broker, tmp_path: Path) -> None:
    connection = own_broker.own_connection
    await apply(connection, SAMPLE, load_catalogue(default_directory()))
    asked = Worker("intake", "instep.intake", connection, tmp_path, {"INSTEP_WATCHDOG_SECONDS": "5"})
    log = tmp_path / "supervised.log"
    with log.open("ab") as to:
        supervisor = subprocess.Popen(
            [INSTEP, "run", "intake", "--supervised"], env=asked.environ, cwd=tmp_path, stdout=to, stderr=to
        )

    def restarts_logged() -> list[dict[str, object]]:
        lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("event") == "worker ended"]

    def worker() -> int | None:
        children = psutil.Process(supervisor.pid).children()
        return children[0].pid if children else None

    def ready() -> bool:
        return asked.not_ready_because() is None

    try:
        await until(ready)
        await write(connection, numbered(0, 10), "camden.outbox")
        async with Reader(connection, ["camden.rejected"]) as reader:
            await reader.until(10)
        await asyncio.to_thread(own_broker.kill)
        await until(lambda: not ready())
        # Twice it ends while the broker is away, however that comes about; each time it is started again, later.
        for times in (1, 2):
            await until(lambda: worker() is not None)
            os.kill(worker() or 0, signal.SIGKILL)
            await until(lambda times=times: len(restarts_logged()) >= times)  # type: ignore[misc]
        await until(lambda: "the broker" in (asked.not_ready_because() or ""))
        await asyncio.to_thread(own_broker.start)
        await write(connection, numbered(10, 20), "camden.outbox")
        await until(ready)
        async with Reader(connection, ["camden.rejected"]) as reader:
            await reader.until(20)
            assert len(await reader.settled(2.0)) == 20
        assert [line["again_in_seconds"] for line in restarts_logged()][:2] == [0.5, 1.0]
        last = worker()
        supervisor.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(supervisor.wait, 5) == 0
        assert last is not None
        assert not psutil.pid_exists(last)
    finally:
        if supervisor.poll() is None:
            for process in [*psutil.Process(supervisor.pid).children(), supervisor]:
                process.kill()
