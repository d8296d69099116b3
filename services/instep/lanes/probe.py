"""Finds records that kill a service's decoder and its process, by decoding them first in a child process.

A lane is one share of the partitions, and a claim is a worker's ownership of a lane. Where the last claim of a lane
ended without a commit, the worker may have died of such a record. Before the lane decodes its first batch again, a
child process decodes the batch. A record at which the child dies twice is set aside undecoded. The probe needs no
state of the worker that died.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from struct import Struct
from typing import BinaryIO, cast

from aiokafka.structs import ConsumerRecord

from instep.errors import Ours
from instep.kafka.record_parser import TOO_LARGE
from instep.lanes.processor import Output, Outputs, Probing, Processor, State

_LENGTH = Struct(">I")
_READY = b"."  # the child's answer when it has started, and after each record
_SECONDS = 20.0


def serve(decode: Callable[[bytes], object], source: BinaryIO, answer: BinaryIO) -> None:
    """The child: decode each value of `source` (four-byte big-endian length, bytes) and answer after each value."""
    _answer(answer)
    while head := source.read(_LENGTH.size):
        decode(source.read(_LENGTH.unpack(head)[0]))
        _answer(answer)


def _answer(answer: BinaryIO) -> None:
    answer.write(_READY)
    answer.flush()


async def killers(command: Sequence[str], values: Sequence[bytes]) -> set[int]:
    """The indices of the values at which the child dies, twice. Raises Ours when the child cannot even start."""
    deadly: set[int] = set()
    at = 0
    while at < len(values):
        at += await _survived(command, values[at:])
        if at < len(values):
            if await _survived(command, values[at : at + 1]) == 0:
                deadly.add(at)
            at += 1
    return deadly


async def _survived(command: Sequence[str], values: Sequence[bytes]) -> int:
    child = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    asked = b"".join(_LENGTH.pack(len(value)) + value for value in values)
    try:
        answers, _ = await asyncio.wait_for(child.communicate(asked), _SECONDS)
    except TimeoutError:
        child.kill()
        await child.wait()
        answers = b""  # the child hangs: as bad as dying, and nothing says where
        if len(values) > 1:
            return await _survived(command, values[: len(values) // 2])
        return 0
    if not answers.startswith(_READY):
        raise Ours(f"The probe of the decoder does not start: {command[-1]}.")
    return len(answers) - 1


class Poison:
    """Decides as the processor does, and probes first while a deadly record is expected."""

    def __init__(self, processor: Processor) -> None:
        self._processor = processor
        self._probing = cast(Probing, processor) if hasattr(processor, "probe_command") else None
        self.expected = False

    def expect_poison(self, uncommitted_claims: int) -> None:
        """Expect a deadly record when the claim before ended without a commit."""
        self.expected = uncommitted_claims > 0 and self._probing is not None

    async def decide(self, records: Sequence[ConsumerRecord], state: State, now: int) -> Outputs:
        """As `Processor.process`, with deadly records set aside."""
        if self._probing is None:
            return self._processor.process(records, state, now)
        values = [b"" if record.value is TOO_LARGE else record.value or b"" for record in records]
        bad = await killers(self._probing.probe_command(), values)
        parts = [
            self._probing.poisoned(run[0], now) if poison else self._processor.process(run, state, now)
            for poison, run in _runs(records, bad)
        ]
        outputs: list[Output] = [output for part in parts for output in part.records]

        def committed() -> None:
            for part in parts:
                part.committed()

        return Outputs(outputs, committed)


def _runs(
    records: Sequence[ConsumerRecord], bad: set[int]
) -> Iterator[tuple[bool, Sequence[ConsumerRecord]]]:
    begin = 0
    for at in sorted(bad):
        if at > begin:
            yield False, records[begin:at]
        yield True, records[at : at + 1]
        begin = at + 1
    if begin < len(records):
        yield False, records[begin:]


def standard_streams() -> tuple[BinaryIO, BinaryIO]:
    """The streams on which a child serves."""
    return sys.stdin.buffer, sys.stdout.buffer
