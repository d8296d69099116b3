"""Publishes plain events: validates them by intake's own rules, frames them, and sends them to their authority's outbox.

`Gate` decides with intake's decoder and intake's rules, so intake refuses no sent event for its content. `Publisher` sends:
idempotent, acknowledged by every replica, in batches, with a bounded number in flight.

An idempotent aiokafka producer never gives up on a batch by itself, so the patience is ours. When confirmations are awaited
and none comes for that long, publishing ends with a NotConnectedError. Events confirmed by then stay published. The others
may have been published too. Sending them again is harmless, since the same event has the same id.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from instep.errors import InstepError, NotConnectedError, PlainEventError
from instep.events.blanking import Blanking
from instep.events.decoding import Decoder, Refusal
from instep.events.framing import frame
from instep.events.plain import from_plain
from instep.events.rules import rule_of
from instep.events.schema import Catalogue, EventType, written_ids
from instep.events.writer import encode
from instep.kafka.connection import Connection, connecting, not_permitted
from instep.network import minimisation
from instep.network.network import Network
from instep.network.topics import outbox

IN_FLIGHT = 2000
"""Events sent and not yet confirmed, at most: a few megabytes."""
PATIENCE_S = 15.0
"""How long a broker may confirm nothing before the publishing gives up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sendable:
    """A sound event, ready for the outbox: `value` is framed and canonical, `key` its subject reference."""

    event_id: str
    subject_ref: str
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()
    kept_at_home: tuple[str, ...] = ()
    """Paths of fields that the event has and no agreement of its source names: `value` is without them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAdmitted:
    """An event that intake would refuse: the reason's code (see `explain`), the field at fault, the problem in English."""

    reason: str
    field: str
    problem: str


class Gate:
    """Decides whether an authority's plain event may be sent, and which of its fields leave; pure, shared by a whole
    network.

    The whole event is validated; then fields that no agreement of the source names are blanked
    (`network.minimisation`). Of a PROTECTED event, only agreements that carry PROTECTED events count.
    """

    def __init__(self, network: Network, catalogue: Catalogue) -> None:
        schemas = catalogue.bind(network.schemas)
        self._events: Mapping[str, EventType] = catalogue.events
        self._ids = written_ids(schemas)
        self._decoder = Decoder(catalogue, schemas)
        self._network = network
        self._leaving: dict[tuple[str, str, bool], _Leaving] = {}

    def admit(
        self, authority: str, event_type: str, plain: Mapping[str, Any], now_ms: int
    ) -> Sendable | NotAdmitted:
        """`event_type` is a folder's name (resident-moved); `now_ms` is epoch milliseconds."""
        kind = self._events.get(event_type)
        number = self._ids.get(kind.latest) if kind else None
        if kind is None or number is None:
            return NotAdmitted(
                reason="unknown-schema", field="event_type", problem="is not an event of this network"
            )
        try:
            datum = from_plain(kind.latest, dict(plain))
        except PlainEventError as error:
            return NotAdmitted(reason=error.reason, field=error.field, problem=error.problem)
        if datum["header"]["source"] != authority:
            return NotAdmitted(
                reason="wrong-source", field="header.source", problem="is not the authority that publishes"
            )
        return self._validated(kind, number, encode(kind.latest, datum), now_ms)

    def _validated(self, kind: EventType, number: int, body: bytes, now_ms: int) -> Sendable | NotAdmitted:
        sound = self._decoder.decode(frame(number, body))
        if isinstance(sound, Refusal):
            return _not_admitted(sound)
        refusal = rule_of(kind)(sound.event, now_ms)
        if refusal is not None:
            return _not_admitted(refusal)
        header = sound.event["header"]
        subject = str(header["subject_ref"])
        leaving = self._leaves(header["source"], kind, protected=header["handling"] == "PROTECTED")
        leaves = leaving.encode(sound.event)
        return Sendable(
            event_id=str(header["event_id"]),
            subject_ref=subject,
            key=subject.encode(),
            value=frame(number, leaves),
            kept_at_home=() if leaves == body else tuple(leaving.left_out(sound.event)),
        )

    def _leaves(self, source: str, kind: EventType, *, protected: bool) -> "_Leaving":
        leaving = self._leaving.get((source, kind.name, protected))
        if leaving is None:
            leaving = _Leaving(kind, minimisation.leaving(self._network, source, kind, protected=protected))
            self._leaving[source, kind.name, protected] = leaving
        return leaving


class _Leaving:
    """Writes what leaves of an event, and names what stays at home."""

    def __init__(self, kind: EventType, leaving: minimisation.Leaving) -> None:
        self._leaving = leaving
        self._blanking = Blanking(kind.latest, leaving.paths)
        self._named = Blanking(kind.latest, leaving.paths - leaving.hollow.keys())

    def encode(self, event: Mapping[str, Any]) -> bytes:
        """The Avro body of what leaves."""
        return self._blanking.encode(self._leaving.reduced(event))

    def left_out(self, event: Mapping[str, Any]) -> list[str]:
        """The paths with a value that stays at home."""
        withheld = (path for path in self._leaving.withheld if _has_value(event, path.split(".")))
        return sorted({*self._named.left_out(event), *withheld})


def _has_value(record: Any, path: Sequence[str]) -> bool:
    for name in path:
        record = record.get(name) if isinstance(record, Mapping) else None
    return record is not None


PROBLEMS: Mapping[str, str] = {
    "missing-field": "is missing",
    "bad-identifier": "does not have the shape of such an identifier",
    "bad-date": "is impossible, too far in the past or in the future",
    "unknown-value": "is UNKNOWN where a decision is needed",
    "oversize": "is larger than the network carries",
}


def _not_admitted(refusal: Refusal) -> NotAdmitted:
    return NotAdmitted(
        reason=refusal.reason,
        field=", ".join(refusal.fields) or "event",
        problem=PROBLEMS.get(refusal.reason, "cannot be sent"),
    )


class Publisher:
    """An idempotent producer for any number of outboxes; made by `publishing`."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        connection: Connection,
        *,
        in_flight: int = IN_FLIGHT,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._producer = producer
        self._connection = connection
        self._in_flight = in_flight
        self._patience_s = patience_s
        self._pending = 0
        self._failure: BaseException | None = None
        self._moved = asyncio.Event()

    async def find(self, authorities: Iterable[str]) -> None:
        """Learn where these authorities' outboxes are in a single request; otherwise `send` asks for each singly."""
        async with asyncio.timeout(self._patience_s):
            await self._producer.client.set_topics({outbox(authority) for authority in authorities})

    async def send(self, authority: str, sendable: Sendable, confirmed: Callable[[int], None]) -> None:
        """Queue an event for the authority's outbox; waits while too many are in flight.

        `confirmed` is called with the event's offset once the broker has the event. An authority's events reach its outbox
        in the order of the calls.
        """
        await self._until(lambda: self._pending < self._in_flight)
        try:
            sent = await self._producer.send(
                outbox(authority),
                value=sendable.value,
                key=sendable.key,
                partition=0,
                headers=list(sendable.headers),
            )
        except KafkaError as error:
            raise self._failed(error) from error
        self._pending += 1
        sent.add_done_callback(lambda done: self._done(done, confirmed))

    async def flush(self) -> None:
        """Wait until everything sent has been confirmed; raises NotConnectedError when the broker stops confirming."""
        await self._until(lambda: self._pending == 0)

    async def settle(self, within_s: float) -> None:
        """Give events in flight a last moment to be confirmed; never raises. For leaving in a hurry."""
        try:
            async with asyncio.timeout(within_s):
                await self._until(lambda: self._pending == 0)
        except (TimeoutError, NotConnectedError):
            pass

    def _done(self, done: asyncio.Future[Any], confirmed: Callable[[int], None]) -> None:
        self._pending -= 1
        error = asyncio.CancelledError() if done.cancelled() else done.exception()
        if error is None:
            confirmed(done.result().offset)
        else:
            self._failure = self._failure or error
        self._moved.set()

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached() and self._failure is None:
            self._moved.clear()
            try:
                async with asyncio.timeout(self._patience_s):
                    await self._moved.wait()
            except TimeoutError as error:
                raise self._gone() from error
        if self._failure is not None:
            raise self._failed(self._failure) from self._failure

    def _failed(self, error: BaseException) -> InstepError:
        if isinstance(error, TopicAuthorizationFailedError):
            return not_permitted(self._connection, error.args[0])
        return self._gone()

    def _gone(self) -> NotConnectedError:
        where = self._connection.bootstrap_servers
        return NotConnectedError(f"The broker at {where} has stopped confirming what is sent to it.")

    async def close(self) -> None:
        """Let go of the connection. `stop` waits for batches that a broken producer never sends, hence the limit."""
        try:
            async with asyncio.timeout(1.0 if self._pending else self._patience_s):
                await self._producer.stop()
        except (TimeoutError, KafkaError):
            await self._producer.client.close()


@asynccontextmanager
async def publishing(connection: Connection, *, patience_s: float = PATIENCE_S) -> AsyncIterator[Publisher]:
    """A connected publisher; on leaving without an error, everything sent has been confirmed.

    Raises NotConnectedError when the broker is not there, or (from `send` and `flush`) confirms nothing for `patience_s`.
    """
    producer = AIOKafkaProducer(
        **connection.kafka(),
        client_id="instep-publish",
        acks="all",
        enable_idempotence=True,
        linger_ms=5,
        max_batch_size=512 * 1024,
        compression_type="lz4",
        request_timeout_ms=int(patience_s * 1000),
    )
    publisher = Publisher(producer, connection, patience_s=patience_s)
    try:
        async with connecting(connection), asyncio.timeout(patience_s):
            await producer.start()
        yield publisher
        await publisher.flush()
    finally:
        await publisher.close()
