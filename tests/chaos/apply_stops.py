"""`instep network apply`, which stops itself (SIGSTOP) between its records and its commit: for faults that strike there.

python -m tests.chaos.apply_stops DIRECTORY
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from instep.catalogue.files import default_directory, load_catalogue
from instep.kafka.connection import from_env
from instep.provision.apply import apply


def stop_before_commits() -> None:
    """Only those of transactions that hold records: one that settles what hangs goes by."""
    kind: Any = AIOKafkaProducer
    send, commit = kind.send, kind.commit_transaction
    sent = False

    async def sending(self: Any, *arguments: Any, **named: Any) -> Any:
        nonlocal sent
        sent = True
        return await send(self, *arguments, **named)

    async def committing(self: Any) -> None:
        if sent:
            await self.flush()
            os.kill(os.getpid(), signal.SIGSTOP)
        await commit(self)

    kind.send, kind.commit_transaction = sending, committing


if __name__ == "__main__":
    stop_before_commits()
    catalogue = load_catalogue(default_directory())
    asyncio.run(apply(from_env(os.environ), Path(sys.argv[1]), catalogue))
