"""What must hold of a cluster and its lanes at rest, beside what the judge says of records. It does no I/O.

- hanging: a partition whose last stable offset does not reach its end, though nobody writes
- ahead: a group's committed offset that is greater than the position in the changelog, or has none there
- unsettled: an end marker that a broker skipped, which nobody has written since and no lane has stopped for
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

Partition = tuple[str, int]

SKIPPED = "likely deleted already and hence can be skipped"
"""What a broker logs when it takes a partition without a leader for a deleted one."""
_PARTITION = re.compile(r"(?P<topic>[A-Za-z0-9._-]+)-(?P<number>\d+)")


@dataclass(frozen=True, kw_only=True)
class Skip:
    """One line of a broker: a marker that it did not write. `partitions` is empty where the line names none we know."""

    at: float
    line: str
    partitions: frozenset[Partition]


def hanging(
    ends: Mapping[Partition, int], stable: Mapping[Partition, int]
) -> dict[Partition, tuple[int, int]]:
    """Last stable offset and end of each partition where they differ; -1 where no broker tells it."""
    return {
        partition: (stable.get(partition, -1), end)
        for partition, end in ends.items()
        if stable.get(partition, -1) != end
    }


def ahead(
    committed: Mapping[Partition, int], kept: Mapping[Partition, int]
) -> dict[Partition, tuple[int, int]]:
    """Committed offset and kept position, -1 where there is none, wherever the group is ahead of the changelog."""
    return {
        partition: (offset, kept.get(partition, -1))
        for partition, offset in committed.items()
        if offset > kept.get(partition, -1)
    }


def skips(text: str, topics: Iterable[str]) -> list[Skip]:
    """The markers that a broker's log says it skipped, in these topics."""
    known = set(topics)
    found = []
    for line in text.splitlines():
        if SKIPPED in line:
            named = frozenset(
                (one["topic"], int(one["number"]))
                for one in _PARTITION.finditer(line)
                if one["topic"] in known
            )
            found.append(Skip(at=_seconds(line.split(" ", 1)[0].lstrip("[")), line=line, partitions=named))
    return found


def settlements(text: str) -> list[tuple[float, str]]:
    """When a worker settled transactions by its log, and the line."""
    found = []
    for line in text.splitlines():
        if '"transaction settled"' in line:
            entry = json.loads(line)
            found.append((_seconds(str(entry["timestamp"])), line))
    return found


def unsettled(skipped: Iterable[Skip], still_hanging: Collection[Partition]) -> list[str]:
    """The skipped markers whose partitions still hang; whether others went the right way is for the judge of records."""
    return [skip.line for skip in skipped if not skip.partitions.isdisjoint(still_hanging)]


def _seconds(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return 0.0
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
