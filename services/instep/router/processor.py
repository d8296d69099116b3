"""Routes the events of a lane: takes records of `instep.events` from the engine, and returns the records to send.

`Router.process` is what the engine (`lanes/`) calls. For each event, `_receive` and `_route` take these steps:

1. Read the record (the module `arrival`).
2. Drop canaries (test events about nobody) and repeats. Refuse an event whose identity is known with other content,
   and a correction of an unknown event. For a correction, find who was sent the replaced event (the module `memory`).
3. Work out the facts of the decision (`arrival`), decide (the module `decide`), and make a plan of delivery (the
   module `delivery_plan`). Events with equal facts share their plan.
4. Fill the inboxes, write the disclosure (who was sent the event) and the outcome for the source (the module
   `disclosing`), and remember the event (`memory`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

from instep.events import envelope
from instep.events.bus import BusRecord, RejectionRecord
from instep.events.schema import Catalogue
from instep.lanes.processor import Output, Outputs, Record, State
from instep.network import topics
from instep.network.areas import Areas, PostcodeSource
from instep.network.days import today_in_london
from instep.network.network import Network
from instep.network.services import SERVICES
from instep.router import memory
from instep.router.arrival import Arrival, Arrivals, Codec
from instep.router.decide import Facts, Pair, decide
from instep.router.delivery_plan import DeliveryPlan, DeliveryPlanner
from instep.router.disclosing import AcceptedOutcomes, DisclosureRecord, OutcomeRecord
from instep.router.metrics import RouterMetrics, RouterTally, Sequences

FORGOTTEN = ("ce_instepforgotten", b"true")
"""Marks a correction of an event too old to be remembered. Only the candidates of today got the correction, as if new."""

KEPT_PLANS = 16_384
"""Plans of delivery kept for a day. Of more, those used longest ago are made anew when they are needed."""

_DAY_MS = 86_400_000
_Past = tuple[frozenset[Pair], envelope.Headers]
"""The pairs that were sent the replaced event, and the headers that mark a delivery."""
_NO_PAST: _Past = (frozenset(), [])


@dataclass(frozen=True, kw_only=True, slots=True)
class _Batch:
    """The results of a call, gathered while its records are decided."""

    now: int
    today: date
    state: State
    outcomes: AcceptedOutcomes
    outputs: list[Output] = field(default_factory=list)
    tally: RouterTally = field(default_factory=RouterTally)


class Router:
    """Decides each event once. `follow` has to be called before `process`."""

    service = SERVICES["router"]

    def __init__(
        self,
        catalogue: Catalogue,
        postcodes: PostcodeSource,
        metrics: RouterMetrics,
        codec: Codec = Codec.SPLICE,
    ) -> None:
        self._catalogue = catalogue
        self._codec = codec
        self._postcodes = postcodes
        self._metrics = metrics
        self._sequences = Sequences()

    def follow(self, network: Network) -> None:
        """Decide by this network from now on; raises NetworkError where a schema of Instep's own records has no id."""
        self._network = network
        self._schemas = self._catalogue.bind(network.schemas)
        self._arrivals = Arrivals(self._catalogue, network, self._schemas, self._codec)
        self._disclosure = DisclosureRecord(self._catalogue, self._schemas)
        self._outcome = OutcomeRecord(self._catalogue, self._schemas)
        self._withdrawal = BusRecord(self._catalogue, self._schemas, "withdrawal")
        self._rejection = RejectionRecord(self._catalogue, self._schemas)
        self._planners = {
            number: DeliveryPlanner(schema, self._disclosure, self._outcome, self._withdrawal)
            for number, schema in self._schemas.items()
            if schema.kind == "event"
        }
        self._plan_of = lru_cache(maxsize=KEPT_PLANS)(self._make_plan)
        self._today: date | None = None
        self._metrics.follow(network.agreements.values())

    def process(self, records: Sequence[Record], state: State, now: int) -> Outputs:
        """Route events of a partition, in order."""
        today = today_in_london(now)
        if today != self._today:
            self._begin(today)
        batch = _Batch(now=now, today=today, state=state, outcomes=AcceptedOutcomes(self._outcome, now))
        for record in records:
            self._receive(self._arrivals.read(record), batch)
        for source, value in batch.outcomes.values():
            batch.outputs.append(Output(topics.outcomes(source), 0, None, value, []))
        return Outputs(batch.outputs, lambda: self._metrics.raise_by(batch.tally))

    def tick(self, state: State, now: int) -> Outputs:
        """Forget events older than 400 days, a few at a time."""
        memory.sweep(state, now)
        return Outputs()

    def _begin(self, today: date) -> None:
        """Begin a day: agreements begin and end with a day, and so do councils."""
        self._areas = Areas(self._network, self._postcodes, today)
        self._plan_of.cache_clear()
        self._today = today

    def _make_plan(self, schema_id: int, facts: Facts) -> DeliveryPlan:
        """Decide, and make the decision ready to carry out; `_plan_of` does so once for equal facts."""
        decision = decide(facts, self._network)
        return self._planners[schema_id].plan(facts, decision)

    def _receive(self, arrival: Arrival, batch: _Batch) -> None:
        """Drop canaries and repeats, refuse conflicts, and route the rest."""
        header = arrival.header
        if header["synthetic"]:
            batch.tally.canaries[header["source"]] += 1
            batch.outcomes.add(header["source"], arrival.names, delivered=0, withheld=0)
            return
        repeated = memory.same_content(batch.state, arrival.identity, arrival.digest)
        if repeated is None:
            self._route(arrival, batch)
        elif repeated or self._repeats_in_another_version(arrival, batch.state):
            batch.tally.duplicates[header["source"]] += 1
        else:
            self._reject(arrival, "id-conflict", "header.event_id", batch)

    def _repeats_in_another_version(self, arrival: Arrival, state: State) -> bool:
        digests = self._arrivals.digests_in_other_versions(arrival)
        return any(memory.same_content(state, arrival.identity, digest) for digest in digests)

    def _route(self, arrival: Arrival, batch: _Batch) -> None:
        """Decide a new event, carry the decision out, and remember the event."""
        replaced = arrival.replaced
        past = _NO_PAST if replaced is None else self._past(arrival, replaced, batch)
        if past is None:
            # The event is not remembered, so its source may send it again once the replaced event has come through.
            self._reject(arrival, "replaces-unknown", "header.replaces", batch)
            return
        pairs, marks = past
        facts = self._arrivals.facts(arrival, pairs, self._areas, batch.today)
        plan = self._plan_of(arrival.schema_id, facts)
        if plan.blanked or plan.withdrawn:
            self._send(arrival, plan, marks, batch)
        self._disclose(arrival, plan, batch)
        memory.remember(batch.state, arrival.identity, arrival.digest, plan.packed_pairs, batch.now)
        batch.tally.routed(plan, batch.now - arrival.header["published_at"])
        if self._sequences.is_late(arrival.key, arrival.header["sequence"]):
            batch.tally.late[arrival.header["source"]] += 1

    def _past(self, arrival: Arrival, replaced: bytes, batch: _Batch) -> _Past | None:
        """The past of a correction or annulment; None where the replaced event should be remembered and is not."""
        pairs = memory.pairs_of(batch.state, replaced)
        if pairs is not None:
            return pairs, []
        header = arrival.header
        if batch.now - header["occurred_on"] * _DAY_MS > memory.KEPT_MS:
            batch.tally.forgotten[header["source"]] += 1
            return frozenset(), [FORGOTTEN]
        return None

    def _send(self, arrival: Arrival, plan: DeliveryPlan, marks: envelope.Headers, batch: _Batch) -> None:
        """Fill the inboxes. Each set of shared fields is blanked once, however many recipients share the set."""
        header, key = arrival.header, arrival.key
        own = [
            ("ce_id", header["event_id"].encode()),
            ("ce_time", envelope.ce_time(header["published_at"])),
            *marks,
        ]
        trace = envelope.traceparent(arrival.record.headers)
        if trace is not None:
            own.append(trace)
        put = batch.outputs.append
        for blanking, targets in plan.blanked:
            value = arrival.blanked(blanking)
            for topic, headers in targets:
                put(Output(topic, 0, key, value, headers + own))
        for (topic, headers), reason in plan.withdrawn:
            put(Output(topic, 0, key, self._withdrawal_of(header, reason), headers + own))

    def _withdrawal_of(self, header: Mapping[str, Any], reason: str) -> bytes:
        return self._withdrawal.value(
            {
                "source": header["source"],
                "subject_ref": header["subject_ref"],
                "event_id": header["replaces"],
                "reason": reason,
            }
        )

    def _disclose(self, arrival: Arrival, plan: DeliveryPlan, batch: _Batch) -> None:
        """Write the disclosure, and the outcome for the source. The disclosure has the event's key, hence its lane."""
        header, names = arrival.header, arrival.names
        disclosed = self._disclosure.of(
            names,
            event_type=plan.event_type,
            change_kind=header["change_kind"],
            generation=self._network.generation,
            ending=plan.decision.ending,
            decisions=plan.decisions,
            at=batch.now,
        )
        batch.outputs.append(Output(topics.DISCLOSURES, arrival.record.partition, arrival.key, disclosed, []))
        batch.outcomes.add(
            header["source"],
            names,
            delivered=plan.delivered,
            withheld=plan.withheld,
            decided=plan.decided,
        )

    def _reject(self, arrival: Arrival, reason: str, fault: str, batch: _Batch) -> None:
        header = arrival.header
        value = self._rejection.of(
            source=header["source"],
            reason=reason,
            fields=(fault,),
            outbox_offset=arrival.outbox_offset(),
            event_id=header["event_id"],
            at=batch.now,
        )
        key = header["subject_ref"].encode()
        batch.outputs.append(Output(topics.rejected(header["source"]), 0, key, value, []))
        batch.tally.rejections[header["source"], reason] += 1
