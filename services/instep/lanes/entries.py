"""Encodes and decodes the engine's own entries in a lane's *changelog*, the lane's partition of `instep.<service>.state`.

The processor's entries lie there too. The engine's own keys begin with a NUL and `instep/`, and their values are JSON:

- `position/<topic>/<partition>`: the offset of the next record to read
- `claims`: how many claims of the lane in a row have ended without a commit
- `accepted/<topic>/<partition>`: a gap (records that the lane may never have read) that an operator has accepted:
  who, when, and where to go on
- `settled/<epoch ms>`: an operator's decision to commit or to abort transactions without an end marker

Why positions are here: `services/decisions/011-the-changelog-holds-positions.md`.
"""

import json
from collections.abc import Mapping
from typing import Any

from aiokafka import TopicPartition

from instep.errors import HubRecordError
from instep.lanes.positions import Gap, Position
from instep.lanes.processor import State
from instep.lanes.settlement import Marker
from instep.lanes.state import OWN

_POSITION = OWN + b"position/"
_CLAIMS = OWN + b"claims"
_ACCEPTED = OWN + b"accepted/"
_SETTLED = OWN + b"settled/"

Values = Mapping[bytes, bytes | None]


def position_entry(partition: TopicPartition, position: Position) -> tuple[bytes, bytes]:
    """The entry that keeps a position."""
    return _position_key(partition), b'{"offset":%d,"topic_id":"%b"}' % (
        position.offset,
        position.topic_id.encode(),
    )


def position_in(state: State, partition: TopicPartition) -> Position | None:
    """The position kept for a partition; None where the lane has never read the partition."""
    value = state.get(_position_key(partition))
    if value is None:
        return None
    document = _document(value, f"{partition.topic}/{partition.partition}")
    if isinstance(document, int):  # versions before 0.2 kept the offset alone
        return Position(offset=document)
    return Position(offset=document["offset"], topic_id=document["topic_id"])


def _position_key(partition: TopicPartition) -> bytes:
    return _POSITION + f"{partition.topic}/{partition.partition}".encode()


def claims_entry(count: int) -> tuple[bytes, bytes]:
    """The entry that counts claims in a row that ended without a commit."""
    return _CLAIMS, b"%d" % count


def uncommitted_claims(state: State) -> int:
    """How many claims in a row have ended without a commit."""
    return int(state.get(_CLAIMS) or b"0")


def accepted_entry(gap: Gap, *, goes_on_at: int, by: str, at: int) -> tuple[bytes, bytes]:
    """The entry by which an operator accepts a gap; `at` is epoch ms. The entry stays, as a record of who and when."""
    document = {
        "position": gap.position,
        "start": gap.start,
        "topic_id": gap.topic_id,
        "goes_on_at": goes_on_at,
        "by": by,
        "at": at,
    }
    return _ACCEPTED + f"{gap.partition.topic}/{gap.partition.partition}".encode(), json.dumps(
        document
    ).encode()


def accepted_in(state: State, gap: Gap) -> int | None:
    """The offset to go on at after this very gap; None where nobody has accepted the gap."""
    value = state.get(_ACCEPTED + f"{gap.partition.topic}/{gap.partition.partition}".encode())
    if value is None:
        return None
    document = _document(value, gap.partition.topic)
    same = (document["position"], document["start"], document["topic_id"]) == (
        gap.position,
        gap.start,
        gap.topic_id,
    )
    return int(document["goes_on_at"]) if same else None


def settled_entry(
    hanging: Mapping[TopicPartition, int], ending: Marker, *, by: str, at: int
) -> tuple[bytes, bytes]:
    """The entry by which an operator decides about partitions that hang at the given last stable offsets."""
    where = [[topic, number, stable] for (topic, number), stable in sorted(hanging.items())]
    document = {"ending": ending, "hanging": where, "by": by, "at": at}
    return _SETTLED + b"%d" % at, json.dumps(document).encode()


def decisions_in(values: Values, hanging: Mapping[TopicPartition, int]) -> dict[TopicPartition, Marker]:
    """The operators' decisions about partitions that hang at the given last stable offsets."""
    decided: dict[TopicPartition, Marker] = {}
    for key, value in values.items():
        if key.startswith(_SETTLED) and value is not None:
            document = _document(value, "settled")
            for topic, number, stable in document["hanging"]:
                if hanging.get(TopicPartition(topic, number)) == stable:
                    decided[TopicPartition(topic, number)] = Marker(document["ending"])
    return decided


def _document(value: bytes, subject: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        raise HubRecordError(
            f"The changelog holds an entry for {subject} that Instep has not written: is the topic another program's?"
        ) from None
