"""Says for `/ready` why a worker's lanes (its shares of the partitions) are not ready, and for the watchdog which lane
has work and makes no progress.
"""

from collections.abc import Collection

from instep.lanes.lane import Lane

_STALLED_SECONDS = 120.0
_PAST_ITS_TIME = 3
"""A transaction has been open for too long after so many times the limit at which the broker aborts it."""


def unready(lanes: Collection[Lane]) -> str | None:
    """Why the lanes are not ready: a lane stands still until somebody acts, or lanes are still being claimed."""
    for lane in lanes:
        if lane.stopped:
            return lane.stopped
    claiming = sorted((lane for lane in lanes if not lane.claimed), key=lambda lane: lane.number)
    if not claiming:
        return None
    numbers = [lane.number for lane in claiming]
    steps = ", ".join(step for lane in claiming if (step := _step(lane)))
    return f"lanes {numbers} are not claimed yet{f': {steps}' if steps else ''}"


def _step(lane: Lane) -> str:
    """The step of a lane's claim; "" for no step in particular."""
    if lane.restored is not None:
        return f"lane {lane.number} has {lane.restored:.0%} of its state"
    return f"lane {lane.number} waits for {lane.waiting_for}" if lane.waiting_for else ""


def stalled(lanes: Collection[Lane], transaction_timeout: float) -> str | None:
    """A sentence about a lane that has work and has made no progress for too long; None where there is no such lane."""
    for lane in lanes:
        if lane.silent_for() > _STALLED_SECONDS:
            return f"lane {lane.number} has work and has committed nothing for {_STALLED_SECONDS:g} s"
        if lane.open_for() > _PAST_ITS_TIME * transaction_timeout:
            return f"lane {lane.number} has had a transaction open for {lane.open_for():.0f} s"
    return None
