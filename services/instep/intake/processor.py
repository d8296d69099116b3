"""Takes records of outboxes from the engine, and returns for each the accepted event or the rejection to send.

`Intake.process` is what the engine (`lanes/`) calls. The module `decide` decides. An accepted event goes to the
partition of `instep.events` that follows from its key.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import assert_never

from instep.events import envelope
from instep.events.bus import RejectionRecord
from instep.events.decoding import Decoder, Refusal
from instep.events.outbox import readable_subject_ref
from instep.events.rules import rule_of
from instep.events.schema import Catalogue
from instep.intake.decide import Accepted, decide
from instep.intake.metrics import IntakeMetrics, IntakeTally
from instep.lanes.processor import Output, Outputs, Record, State
from instep.network import topics
from instep.network.network import Network
from instep.network.partition import lane_of
from instep.network.services import SERVICES


class Intake:
    """Decides each record of the outboxes from the record alone. `follow` has to be called before `process`."""

    service = SERVICES["intake"]

    def __init__(self, catalogue: Catalogue, metrics: IntakeMetrics) -> None:
        self._catalogue = catalogue
        self._metrics = metrics
        self._rules = {name: rule_of(event_type) for name, event_type in catalogue.events.items()}

    def follow(self, network: Network) -> None:
        """Read by this network's schema ids from now on; raises NetworkError where the schema of rejections has no id."""
        self._network = network
        schemas = self._catalogue.bind(network.schemas)
        self._decoder = Decoder(self._catalogue, schemas)
        self._rejections = RejectionRecord(self._catalogue, schemas)

    def process(self, records: Sequence[Record], state: State, now: int) -> Outputs:
        """An output for each record, in order; all `records` are of the same outbox, `state` stays empty."""
        tally = IntakeTally()
        outputs: list[Output] = []
        for record in records:
            source = record.topic.partition(".")[0]
            decision = decide(
                record.key,
                record.value,
                record.headers,
                source=source,
                decoder=self._decoder,
                rules=self._rules,
                now=now,
            )
            match decision:
                case Accepted():
                    outputs.append(self._hub(record, decision))
                    tally[decision.event_type, None] += 1
                case Refusal():
                    outputs.append(self._rejected(record, source, decision, now))
                    tally[decision.event_type, decision.reason] += 1
                case _:
                    assert_never(decision)
        return self._outputs(outputs, records, tally)

    def tick(self, state: State, now: int) -> Outputs:
        """Nothing: intake sends nothing by the clock alone."""
        return Outputs()

    def poisoned(self, record: Record, now: int) -> Outputs:
        """Set aside, undecoded, a record that has killed the decoder twice."""
        source = record.topic.partition(".")[0]
        refused = Refusal(reason="poison", subject_ref=readable_subject_ref(record.key))
        output = self._rejected(record, source, refused, now)
        return self._outputs([output], [record], IntakeTally({(None, refused.reason): 1}))

    def probe_command(self) -> Sequence[str]:
        """The command of the child process that decodes values and may die of them (`instep.intake.probe`)."""
        ids = json.dumps({number: list(pair) for number, pair in self._network.schemas.items()})
        return (sys.executable, "-m", "instep.intake.probe", ids)

    def _hub(self, record: Record, accepted: Accepted) -> Output:
        headers: envelope.Headers = [(envelope.OUTBOX_OFFSET, b"%d" % record.offset)]
        trace = envelope.traceparent(record.headers) if record.headers else None
        if trace is not None:
            headers.append(trace)
        lane = lane_of(accepted.key, self._network.lanes)
        return Output(topics.EVENTS, lane, accepted.key, accepted.value, headers)

    def _rejected(self, record: Record, source: str, refused: Refusal, now: int) -> Output:
        value = self._rejections.of(
            source=source,
            reason=refused.reason,
            fields=refused.fields,
            outbox_offset=record.offset,
            event_id=refused.event_id,
            at=now,
        )
        key = None if refused.subject_ref is None else refused.subject_ref.encode()
        return Output(topics.rejected(source), 0, key, value, [])

    def _outputs(self, outputs: list[Output], records: Sequence[Record], tally: IntakeTally) -> Outputs:
        if not records:
            return Outputs()
        source = records[0].topic.partition(".")[0]
        return Outputs(outputs, lambda: self._metrics.raise_by(source, tally))
