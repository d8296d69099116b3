"""Defines the interface between the engine and a service's *processor*, which decides what becomes of records.

The engine passes in records, a state in which the processor remembers, and the time. The processor returns records to send.
A processor is a plain object. It never sees a transaction, an offset commit or Faust, so a test needs no broker to see a
service's decisions.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from instep.network.network import Network
from instep.network.services import Service


class Record(Protocol):
    """A record as fetched; aiokafka's ConsumerRecord fits."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int:
        """Milliseconds since 1970, the broker's own clock."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class State(Protocol):
    """The entries that a lane remembers. Changes are committed with the outputs of the same records, or not at all."""

    def get(self, key: bytes) -> bytes | None: ...
    def put(self, key: bytes, value: bytes) -> None: ...
    def delete(self, key: bytes) -> None: ...
    def scan(self, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Up to `limit` entries whose keys follow `after`, in the order of keys; fewer only at the end."""


class Output(NamedTuple):
    """A record to send."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]] | tuple[()] = ()


def nothing() -> None:
    """The `committed` of outputs that no metric counts."""


class Outputs(NamedTuple):
    """The records to send for decided records. `committed` counts them in metrics, and is called after the commit."""

    records: Sequence[Output] = ()
    committed: Callable[[], None] = nothing


class Processor(Protocol):
    """A service's own rules. The same object serves every lane of the worker."""

    @property
    def service(self) -> Service:
        """The service's row in the table of services. Its name is part of the group and of the state topic."""

    def follow(self, network: Network) -> None:
        """Switch to this generation of the network; called before the first `process`, and then between two calls."""

    def process(self, records: Sequence[Record], state: State, now: int) -> Outputs:
        """Decide records of one partition, in their order; `now` is milliseconds since 1970."""

    def tick(self, state: State, now: int) -> Outputs:
        """The outputs that fall due by the clock alone; called once a second for each lane."""


class Probing(Protocol):
    """A processor whose decoder a record could kill, and that can set such a record aside."""

    def probe_command(self) -> Sequence[str]:
        """A command that decodes values sent to it as `instep.lanes.probe` frames them."""

    def poisoned(self, record: Record, now: int) -> Outputs:
        """Set aside, undecoded, a record that has killed the decoder twice."""
