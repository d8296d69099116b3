"""How busy the machine is, for tests of what has to happen within a time. A promise in seconds is for a machine at rest."""

import time

SHARE_S = 0.05


def strain() -> float:
    """How many times longer than alone a program takes on this machine just now (1 or more); takes 0.05 s or longer."""
    began, used = time.monotonic(), time.process_time()
    while time.process_time() - used < SHARE_S:
        pass
    return max(1.0, (time.monotonic() - began) / SHARE_S)


def in_time(took: float, within: float) -> bool:
    """Whether `took` seconds are less than `within`, or would have been had the machine nothing else to do."""
    return took < within or took < within * strain()
