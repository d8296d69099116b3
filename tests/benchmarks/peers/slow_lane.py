"""Lanes of which the first is slow on purpose: each of its records holds the processor up for two milliseconds."""

import time
from collections.abc import Sequence

from instep.lanes.processor import Outputs, Record, State
from tests.benchmarks.peers.job import told
from tests.benchmarks.peers.lanes import Common, serve

SLOW = 0
_HELD_UP_SECONDS = 0.002


class OneSlow(Common):
    """Passes values on; those of the slow lane take their time."""

    def process(self, records: Sequence[Record], state: State, now: int) -> Outputs:
        if records and records[0].partition == SLOW:
            time.sleep(_HELD_UP_SECONDS * len(records))
        return super().process(records, state, now)


if __name__ == "__main__":
    job = told()
    serve(job, OneSlow(job))
