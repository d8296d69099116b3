"""A processor of your own: how many events of each type the hub has carried, by lane.

The processor reads `instep.events`, counts in its lane's state and shows one metric. The engine commits the counts with
its positions in one transaction, so a restart, a crash or a move to another worker neither loses an event nor counts an
event twice. `test_tally.py` shows this without Kafka.

To run the processor on a real Kafka:

1. Add the row `TALLY` to `services/instep/network/services.py`: Kafka's user, its ACLs and the state topic come from there.
2. `instep up`, then `instep network apply sample`.
3. `python -m tests.examples.tally`, and in another terminal `curl localhost:9790/metrics`.

To keep the processor, make it a service: "A new service" in `services/README.md` lists the steps.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Gauge

from instep.catalogue.files import load_catalogue
from instep.events.framing import schema_id
from instep.events.schema import Catalogue
from instep.lanes.process import run
from instep.lanes.processor import Outputs, Record, State
from instep.lanes.settings import from_env
from instep.network.network import Network
from instep.network.services import Service
from instep.network.topics import EVENTS

TALLY = Service(name="tally", port=9790, reads=(EVENTS,), writes={})


class Tally:
    """Counts events by type; the state holds one number a type, the metric shows each."""

    service = TALLY

    def __init__(self, catalogue: Catalogue, registry: CollectorRegistry) -> None:
        self._catalogue = catalogue
        self._events = Gauge(
            "instep_tally_events", "Events counted so far.", ["lane", "event_type"], registry=registry
        )

    def follow(self, network: Network) -> None:
        """Read the types of events by this network's schema ids."""
        schemas = self._catalogue.bind(network.schemas)
        self._types: Mapping[int | None, str] = {number: schema.name for number, schema in schemas.items()}

    def process(self, records: Sequence[Record], state: State, now: int) -> Outputs:
        """Add these records to the counts. Partition and lane have the same number on every topic of the hub."""
        counts = Counter(self._types[schema_id(record.value)] for record in records)
        totals = {name: int(state.get(name.encode()) or b"0") + count for name, count in counts.items()}
        for name, total in totals.items():
            state.put(name.encode(), b"%d" % total)
        return Outputs(committed=lambda: self._show(records[0].partition, totals))

    def tick(self, state: State, now: int) -> Outputs:
        """The clock alone changes no count."""
        return Outputs()

    def _show(self, lane: int, totals: dict[str, int]) -> None:
        for name, total in totals.items():
            self._events.labels(str(lane), name).set(total)


def main() -> None:
    """Run one worker until it is told to stop."""
    settings = from_env(os.environ, TALLY)
    catalogue = load_catalogue(settings.schemas_directory)
    run(lambda registry: Tally(catalogue, registry), settings)


if __name__ == "__main__":
    main()
