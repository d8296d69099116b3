"""The router as the engine sees it: events of a lane in; deliveries, disclosures and outcomes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from instep.events import envelope
from instep.events.bus import BusRecord, RejectionRecord
from instep.events.schema import Catalogue
from instep.lanes.processor import Output, Outputs, Record, State
from instep.network import topics
from instep.network.areas import PostcodeSource
from instep.network.days import today_in_london
from instep.network.network import Network
from instep.network.services import SERVICES
from instep.router import memory
from instep.router.arrival import Arrival, Arrivals, Codec
from instep.router.decide import Pair
from instep.router.disclosing import AcceptedOutcomes, DisclosureRecord, OutcomeRecord
from instep.router.metrics import Happened, RouterMetrics
from instep.router.plan import Plan
from instep.router.plans import Plans
from instep.router.sequences import Sequences

FORGOTTEN = ("ce_instepforgotten", b"true")
"""Marks a correction of something too old to be remembered: it went to those whom it concerns now, as if it were new."""

_DAY_MS = 86_400_000
_NOBODY: frozenset[Pair] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Batch:
    """What comes of the records of one call."""

    now: int
    state: State
    plans: Plans
    outcomes: AcceptedOutcomes
    outputs: list[Output] = field(default_factory=list)
    happened: Happened = field(default_factory=Happened)


class Router:
    """Decides each event once; `follow` comes before all else."""

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
        """Decide by this network from now on; raises NetworkError where it has no id for our own records."""
        self._network = network
        self._schemas = self._catalogue.bind(network.schemas)
        self._arrivals = Arrivals(self._catalogue, network, self._schemas, self._codec)
        self._disclosure = DisclosureRecord(self._catalogue, self._schemas)
        self._outcome = OutcomeRecord(self._catalogue, self._schemas)
        self._withdrawal = BusRecord(self._catalogue, self._schemas, "withdrawal")
        self._rejection = RejectionRecord(self._catalogue, self._schemas)
        self._plans: Plans | None = None
        self._metrics.follow(network.agreements.values())

    def process(self, records: Sequence[Record], state: State, now: int) -> Outputs:
        """Route events of one partition, in order."""
        batch = _Batch(
            now=now,
            state=state,
            plans=self._plans_of(today_in_london(now)),
            outcomes=AcceptedOutcomes(self._outcome, now),
        )
        for record in records:
            self._receive(self._arrivals.read(record), batch)
        for source, value in batch.outcomes.values():
            batch.outputs.append(Output(topics.outcomes(source), 0, None, value, []))
        return Outputs(batch.outputs, lambda: self._metrics.raise_by(batch.happened))

    def tick(self, state: State, now: int) -> Outputs:
        """Forget what is older than 400 days, a little at a time."""
        memory.sweep(state, now)
        return Outputs()

    def _plans_of(self, today: date) -> Plans:
        if self._plans is None or self._plans.today != today:
            self._plans = Plans(
                network=self._network,
                today=today,
                postcodes=self._postcodes,
                catalogue=self._catalogue,
                schemas=self._schemas,
                disclosure=self._disclosure,
                withdrawal=self._withdrawal,
            )
        return self._plans

    def _receive(self, arrival: Arrival, batch: _Batch) -> None:
        """See whether an event is one to route: not a canary, and not known."""
        header = arrival.header
        if header["synthetic"]:
            batch.happened.canaries[header["source"]] += 1
            batch.outcomes.add(header["source"], arrival.names, delivered=0, withheld=0)
            return
        repeated = memory.same_content(batch.state, arrival.identity, arrival.digest)
        if repeated is None:
            self._route(arrival, batch)
        elif repeated or self._repeats_in_another_version(arrival, batch.state):
            batch.happened.duplicates[header["source"]] += 1
        else:
            self._reject(arrival, "id-conflict", "header.event_id", batch)

    def _repeats_in_another_version(self, arrival: Arrival, state: State) -> bool:
        digests = self._arrivals.digests_in_other_versions(arrival)
        return any(memory.same_content(state, arrival.identity, digest) for digest in digests)

    def _route(self, arrival: Arrival, batch: _Batch) -> None:
        """Decide a new event, carry that out, and remember it."""
        header = arrival.header
        past, marks = _NOBODY, []
        replaced = arrival.replaced
        if replaced is not None:
            earlier = memory.recall(batch.state, replaced)
            if earlier is not None:
                past = earlier.pairs
            elif batch.now - header["occurred_on"] * _DAY_MS > memory.KEPT_MS:
                marks = [FORGOTTEN]
                batch.happened.forgotten[header["source"]] += 1
            else:
                # Not remembered, so that it may be sent again once what it replaces has come through.
                self._reject(arrival, "replaces-unknown", "header.replaces", batch)
                return
        plan = batch.plans.of(arrival, past)
        if plan.blanked or plan.withdrawn:
            self._send(arrival, plan, marks, batch)
        self._disclose(arrival, plan, batch)
        memory.remember(batch.state, arrival.identity, arrival.digest, plan.packed_pairs, batch.now)
        batch.happened.routed(plan, batch.now - header["published_at"])
        if self._sequences.is_late(arrival.key, header["sequence"]):
            batch.happened.late[header["source"]] += 1

    def _send(self, arrival: Arrival, plan: Plan, marks: envelope.Headers, batch: _Batch) -> None:
        """Fill the inboxes: each set of shared fields is written once, however many get it."""
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

    def _disclose(self, arrival: Arrival, plan: Plan, batch: _Batch) -> None:
        """Tell the register and the source. The disclosure has the event's key, and so stays in its lane."""
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
        batch.outcomes.add(header["source"], names, delivered=plan.delivered, withheld=plan.withheld)

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
        batch.happened.rejections[header["source"], reason] += 1
