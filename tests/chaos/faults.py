"""Faults as data, in an order that a seed decides. What each does is in `workers`, `brokers`, `operators` and `states`."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """What can go wrong, and what people do."""

    WORKER_KILL = "a worker is killed"
    WIPED = "a worker is killed and its state directory wiped"
    ZOMBIE = "a worker is frozen past its session and thawed"
    MEMBERSHIP = "a worker joins or leaves"
    DISK = "a worker's disk is full, and has room again later"
    CLOCK_DAY = "a worker's clock is a day off"
    CLOCK_YEAR = "a worker's clock is 400 days off"
    CUT_OFF = "a worker no longer reaches one broker"

    BROKER_KILL = "a broker is killed and started again"
    BROKER_STOP = "a broker is ended in order and started again"
    EACH_STOPPED = "each broker in turn is ended in order and started again"
    BROKER_AWAY = "a broker is away for longer than a transaction may last"
    BROKER_FROZEN = "a broker is frozen past its session, fenced, and thawed"
    LEADER_FROZEN = "the leader of instep.network is frozen past the limit of a transaction"
    ALL_FROZEN = "all brokers are frozen past the limit of a transaction"
    LEADERLESS = "a partition has no leader while its coordinator lives"
    SECOND_DOWN = "a second broker dies before the first is back in step"
    STAGGERED = "all brokers are killed and started one after another"
    EVERYTHING = "all brokers and workers are killed at once"

    AGREEMENT = "an agreement is suspended or lifted"
    AUTHORITY = "an authority is added, and every worker restarted one by one"
    OFFSETS = "the offsets of a service are deleted while it is stopped"
    OFFSETS_EXPIRED = "the offsets of a service are gone, and what it has read is as well"
    OFFSETS_AHEAD = "the offsets of a service are set ahead"
    ANEW_SHORTER = "an outbox is deleted and made anew, and is shorter than before"
    ANEW_LONGER = "an outbox is deleted and made anew, and is longer than before"
    APPLY_KILLED = "apply is killed between its records and its commit"
    APPLY_FROZEN = "apply is frozen between its records and its commit"
    IDS_EXPIRED = "the brokers have forgotten the transactional ids of a service"

    STATE_ANEW = "the topic of a service's state is deleted, and restored from a copy"
    STATE_OLD = "an old state directory is brought back"
    STATE_DAMAGED = "files of a state directory are damaged"


OF_THREE = frozenset((Fault.EACH_STOPPED, Fault.LEADERLESS, Fault.SECOND_DOWN, Fault.STAGGERED))
"""These need more than one broker."""
SLOW = frozenset(
    (
        Fault.AUTHORITY,
        Fault.MEMBERSHIP,
        Fault.OFFSETS,
        Fault.DISK,
        Fault.EVERYTHING,
        Fault.BROKER_AWAY,
        Fault.BROKER_FROZEN,
        Fault.LEADER_FROZEN,
        Fault.EACH_STOPPED,
        Fault.LEADERLESS,
        Fault.SECOND_DOWN,
        Fault.STAGGERED,
        Fault.ANEW_LONGER,
        Fault.APPLY_FROZEN,
        Fault.IDS_EXPIRED,
        Fault.STATE_ANEW,
        Fault.CLOCK_YEAR,
    )
)
"""Left out of a short run."""
COUNTED = frozenset(
    (Fault.WORKER_KILL, Fault.WIPED, Fault.BROKER_KILL, Fault.ZOMBIE, Fault.AGREEMENT, Fault.MEMBERSHIP)
)
"""As often as a plan says, or as its kills imply."""
ONCE = frozenset((Fault.AUTHORITY, Fault.EVERYTHING))


def schedule(
    seed: int,
    *,
    worker_kills: int,
    broker_kills: int,
    zombies: int,
    brokers: int = 3,
    rounds: int = 1,
    disks: bool = False,
    short: bool = False,
    only: Iterable[Fault] | None = None,
) -> list[Fault]:
    """A run's faults in their order: kills and zombies as often as asked for, every other fault `rounds` times.

    One worker kill in ten wipes its state; joins and changes of agreements come along. Disks are filled only where that is
    possible (`disks`). One broker has no faults that need three. A `short` run leaves out what takes long, but keeps those
    in `only`; with `only` nothing else comes besides what is counted.
    """
    wiped = max(1, worker_kills // 10) if worker_kills else 0
    several = max(1, worker_kills // 12) if worker_kills else 0
    faults = [
        *[Fault.WORKER_KILL] * (worker_kills - wiped),
        *[Fault.WIPED] * wiped,
        *[Fault.BROKER_KILL] * broker_kills,
        *[Fault.ZOMBIE] * zombies,
        *[Fault.AGREEMENT] * 2 * several,
        *([] if short else [Fault.MEMBERSHIP] * 2 * several),
    ]
    others = [fault for fault in Fault if fault not in COUNTED] if only is None else list(only)
    for fault in others:
        if (fault in OF_THREE and brokers == 1) or (fault is Fault.DISK and not disks):
            continue
        if only is None and short and fault in SLOW:
            continue
        faults += [fault] * (1 if fault in ONCE else rounds)
    random.Random(seed).shuffle(faults)
    return faults


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When a fault struck, in seconds from the start, and what remained: records on their way, and yet to be published."""

    at: float
    waiting: int
    unpublished: int


@dataclass(frozen=True, kw_only=True)
class Done:
    """A fault that was carried out, and on whom; `wrong` is what was wrong with the cluster right before it."""

    fault: Fault
    what: str
    moment: Moment
    wrong: Mapping[str, int]
