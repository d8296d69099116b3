"""Works out, once for all events that are decided alike, everything about their delivery that does not differ between them.

Events of one type from the same council about the same areas have the same facts, and so the same decision. Their
plan holds the topics, the headers, the fields that each recipient may have, the bytes of the disclosure's entries and
the bytes to remember. (A disclosure is the record of who was sent an event, and who was not.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from instep.events import envelope
from instep.events.blanking import Blanking
from instep.events.bus import BusRecord
from instep.events.identifiers import AuthorityId
from instep.events.schema import Schema
from instep.network import topics
from instep.router import memory
from instep.router.decide import Decision, Entry, Facts, Result, pairs_to_correct
from instep.router.disclosing import DisclosureRecord, OutcomeRecord

Target = tuple[str, envelope.Headers]
"""An inbox, and those headers of a record there that do not depend on the single event."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DeliveryPlan:
    """How an event is delivered, disclosed and remembered. Plans are compared by identity, not by content.

    - `blanked`: for each set of shared fields, the inboxes that get those fields.
    - `withdrawn`: the inboxes that get a withdrawal, each with its reason.
    - `decisions`: the bytes of this field of the disclosure; `decided`: the bytes of the decision in the outcome.
    - `packed_pairs`: the pairs as `memory` keeps them.
    - `delivered`, `withheld`: how many entries have the result.
    """

    event_type: str
    decision: Decision
    blanked: tuple[tuple[Blanking, tuple[Target, ...]], ...]
    withdrawn: tuple[tuple[Target, str], ...]
    decisions: bytes
    decided: bytes
    packed_pairs: bytes
    delivered: int
    withheld: int


class DeliveryPlanner:
    """Makes the plans for events of a schema."""

    def __init__(
        self, schema: Schema, disclosure: DisclosureRecord, outcome: OutcomeRecord, withdrawal: BusRecord
    ) -> None:
        self._schema = schema
        self._disclosure = disclosure
        self._outcome = outcome
        self._withdrawal = withdrawal
        self._blankings: dict[tuple[str, ...], Blanking] = {}

    def plan(self, facts: Facts, decision: Decision) -> DeliveryPlan:
        """Make the plan of a decision. The entries of the plan name only fields of this version of the schema."""
        decision = replace(
            decision, entries=tuple(self._in_this_version(entry) for entry in decision.entries)
        )
        return DeliveryPlan(
            event_type=facts.event_type,
            decision=decision,
            blanked=self._deliveries(facts.source, decision.having(Result.DELIVERED)),
            withdrawn=self._withdrawals(facts.source, decision.having(Result.WITHDRAWN)),
            decisions=self._disclosure.decisions(decision.entries),
            decided=self._outcome.decided(decision),
            packed_pairs=memory.pack(pairs_to_correct(facts, decision)),
            delivered=len(decision.having(Result.DELIVERED)),
            withheld=len(decision.having(Result.WITHHELD)),
        )

    def _in_this_version(self, entry: Entry) -> Entry:
        """Name the fields that are really sent.

        An agreement may name a record and also a field within the record, or a field of a later version.
        """
        return replace(entry, fields=self._blanking(entry.fields).paths) if entry.fields else entry

    def _blanking(self, fields: tuple[str, ...]) -> Blanking:
        blanking = self._blankings.get(fields)
        if blanking is None:
            blanking = Blanking(self._schema, fields)
            # Under its own paths too: an event is blanked once, even where two agreements name the same fields differently.
            blanking = self._blankings.setdefault(blanking.paths, blanking)
            self._blankings[fields] = blanking
        return blanking

    def _deliveries(
        self, source: AuthorityId, entries: Sequence[Entry]
    ) -> tuple[tuple[Blanking, tuple[Target, ...]], ...]:
        groups: dict[Blanking, list[Target]] = {}
        for entry in entries:
            target = (topics.inbox(entry.authority, entry.purpose), self._delivery_headers(source, entry))
            groups.setdefault(self._blanking(entry.fields), []).append(target)
        return tuple((blanking, tuple(targets)) for blanking, targets in groups.items())

    def _delivery_headers(self, source: AuthorityId, entry: Entry) -> envelope.Headers:
        return [
            *_headers(source, self._schema),
            ("ce_instepagreements", ",".join(entry.agreements).encode()),
            ("ce_instepfields", ",".join(entry.fields).encode()),
        ]

    def _withdrawals(self, source: AuthorityId, entries: Sequence[Entry]) -> tuple[tuple[Target, str], ...]:
        headers = _headers(source, self._withdrawal.schema)
        return tuple(
            ((topics.inbox(entry.authority, entry.purpose), headers), entry.reason) for entry in entries
        )


def _headers(source: AuthorityId, schema: Schema) -> envelope.Headers:
    return [
        envelope.SPEC_VERSION,
        envelope.CONTENT_TYPE,
        ("ce_source", envelope.ce_source(source).encode()),
        ("ce_type", envelope.ce_type(schema).encode()),
        ("ce_dataschema", envelope.ce_dataschema(schema).encode()),
    ]
