"""The toy service on a machine whose clock is off by CLOCK_IS_OFF_BY_HOURS.

python -m tests.kafka.wrong_clock
"""

import os
import time

OFF_S = int(os.environ["CLOCK_IS_OFF_BY_HOURS"]) * 3600

_time, _time_ns = time.time, time.time_ns
time.time = lambda: _time() + OFF_S
time.time_ns = lambda: _time_ns() + OFF_S * 1_000_000_000

if __name__ == "__main__":
    from instep.lanes.process import run
    from instep.lanes.settings import from_env
    from tests.kafka.toy import Toy

    run(lambda registry: Toy(), from_env(os.environ, Toy.service))
