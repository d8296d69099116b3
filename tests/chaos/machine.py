"""A worker on a machine whose clock may be wrong, and whose way to a broker may be cut.

python -m tests.chaos.machine SERVICE

Two files in the worker's directory say so. `clock`, read at the start: by how many hours the clock is off. `cut`, looked at
before every request: the port of the broker that nobody reaches. A cut is made in the client, so that no rule of a firewall
and no root is needed: a request to that port gets no answer, and a connection to it is not made, as when packets are
dropped on the way. What is already on its way when the cut begins still arrives.
"""

import asyncio
import os
import runpy
import sys
import time
from pathlib import Path
from typing import Any

from aiokafka import conn
from aiokafka.errors import KafkaConnectionError

CLOCK, CUT = "clock", "cut"
HOME = "CHAOS_MACHINE"
"""The variable that names the directory with the two files."""


def set_clock(off_s: int) -> None:
    """Have this process live `off_s` seconds later than it is."""
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + off_s
    time.time_ns = lambda: real_ns() + off_s * 1_000_000_000


def obey_cuts(file: Path) -> None:
    """Let requests and connections to the port in `file` come to nothing while the file is there."""
    kind: Any = conn.AIOKafkaConnection
    send, connect = kind.send, kind.connect

    def is_cut(connection: Any) -> bool:
        try:
            return file.read_text() == str(connection.port)
        except OSError:
            return False

    async def unanswered(connection: Any) -> Any:
        await asyncio.sleep(connection._request_timeout)
        raise TimeoutError

    def send_or_not(self: Any, request: Any, expect_response: bool = True) -> Any:
        return unanswered(self) if is_cut(self) else send(self, request, expect_response)

    async def connect_or_not(self: Any) -> Any:
        if is_cut(self):
            await asyncio.sleep(self._request_timeout)
            raise KafkaConnectionError("no answer")
        return await connect(self)

    kind.send, kind.connect = send_or_not, connect_or_not


def main() -> None:
    home = Path(os.environ[HOME])
    if (home / CLOCK).exists():
        set_clock(int((home / CLOCK).read_text()) * 3600)
    obey_cuts(home / CUT)
    service = sys.argv[1]
    sys.argv = sys.argv[:1]
    runpy.run_module(f"instep.{service}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
