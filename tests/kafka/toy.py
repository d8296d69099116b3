"""A service for tests of the lanes alone: passes each value on once, and dies of a deadly value.

python -m tests.kafka.toy
"""

import os
import signal
import sys
from collections.abc import Sequence

from instep.lanes.process import run
from instep.lanes.processor import Output, Outputs, Record, State
from instep.lanes.settings import from_env
from instep.network.network import Network
from instep.network.services import Reach, Service

INPUT = "instep.toy-in"
OUTPUT = "instep.toy-out"
STATE = "instep.toy.state"
DEADLY = b"deadly"
SET_ASIDE = b"set aside"
TOY = Service(name="toy", port=0, reads=(INPUT,), writes={OUTPUT: Reach.OWN_LANE})

_CHILD = f"""
import os, signal
from instep.lanes.probe import serve, standard_streams
def decode(value):
    if value == {DEADLY!r}:
        os.kill(os.getpid(), signal.SIGSEGV)
serve(decode, *standard_streams())
"""


class Toy:
    """Remembers each value and passes on new values only."""

    service = TOY

    def follow(self, network: Network) -> None:
        """No agreement concerns this service."""

    def process(self, records: Sequence[Record], state: State, now: int) -> Outputs:
        outputs = []
        for record in records:
            value = record.value or b""
            if value == DEADLY:
                os.kill(os.getpid(), signal.SIGKILL)
            if state.get(value) is None:
                state.put(value, b"seen")
                outputs.append(Output(OUTPUT, record.partition, record.key, value))
        return Outputs(outputs)

    def tick(self, state: State, now: int) -> Outputs:
        return Outputs()

    def probe_command(self) -> Sequence[str]:
        return (sys.executable, "-c", _CHILD)

    def poisoned(self, record: Record, now: int) -> Outputs:
        return Outputs([Output(OUTPUT, record.partition, record.key, SET_ASIDE)])


if __name__ == "__main__":
    run(lambda registry: Toy(), from_env(os.environ, TOY))
