"""A plan: a decision made ready, with everything that is the same for every event that it applies to.

Events of one type from one council about the same areas are decided alike. What does not depend on the single event is
worked out once: topics, headers, who is blanked how, the bytes of the disclosure's entries and of what is remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from instep.events import envelope
from instep.events.blanking import Blanking
from instep.events.bus import BusRecord
from instep.events.schema import Schema
from instep.network import topics
from instep.router import memory
from instep.router.decide import Decision, Entry, Facts, Result, pairs_told
from instep.router.disclosing import DisclosureRecord

Target = tuple[str, envelope.Headers]
"""An inbox, and the headers of a record in it but those of the single event."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Plan:
    """What is done with an event; told apart by identity.

    `blanked`: for each set of shared fields, the inboxes that get it. `withdrawn`: inboxes and the reason to give.
    `decisions` and `packed_pairs` are bytes of the disclosure and of the memory.
    """

    event_type: str
    decision: Decision
    blanked: tuple[tuple[Blanking, tuple[Target, ...]], ...]
    withdrawn: tuple[tuple[Target, str], ...]
    decisions: bytes
    packed_pairs: bytes
    delivered: int
    withheld: int


class Planner:
    """Makes plans for events of one schema."""

    def __init__(self, schema: Schema, disclosure: DisclosureRecord, withdrawal: BusRecord) -> None:
        self._schema = schema
        self._disclosure = disclosure
        self._withdrawal = withdrawal
        self._blankings: dict[tuple[str, ...], Blanking] = {}

    def plan(self, facts: Facts, decided: Decision) -> Plan:
        """Make a decision ready. The fields of its entries become those that this version of the schema has."""
        decision = replace(decided, entries=tuple(self._in_this_version(entry) for entry in decided.entries))
        delivered = decision.having(Result.DELIVERED)
        groups: dict[Blanking, list[Target]] = {}
        for entry in delivered:
            target = (
                topics.inbox(entry.authority, entry.purpose),
                self._delivery_headers(facts.source, entry),
            )
            groups.setdefault(self._blanking(entry.fields), []).append(target)
        return Plan(
            event_type=facts.event_type,
            decision=decision,
            blanked=tuple((blanking, tuple(targets)) for blanking, targets in groups.items()),
            withdrawn=self._withdrawals(facts.source, decision.having(Result.WITHDRAWN)),
            decisions=self._disclosure.decisions(decision.entries),
            packed_pairs=memory.pack(pairs_told(facts, decision)),
            delivered=len(delivered),
            withheld=len(decision.having(Result.WITHHELD)),
        )

    def _in_this_version(self, entry: Entry) -> Entry:
        """An agreement may name a record and what lies within it, or a later version's field: say what is really sent."""
        return replace(entry, fields=self._blanking(entry.fields).paths) if entry.fields else entry

    def _blanking(self, fields: tuple[str, ...]) -> Blanking:
        blanking = self._blankings.get(fields)
        if blanking is None:
            blanking = Blanking(self._schema, fields)
            # Under its own paths too, so that two ways of naming the same fields are blanked once.
            blanking = self._blankings.setdefault(blanking.paths, blanking)
            self._blankings[fields] = blanking
        return blanking

    def _delivery_headers(self, source: str, entry: Entry) -> envelope.Headers:
        return [
            *_headers(source, self._schema),
            ("ce_instepagreements", ",".join(entry.agreements).encode()),
            ("ce_instepfields", ",".join(entry.fields).encode()),
        ]

    def _withdrawals(self, source: str, entries: Sequence[Entry]) -> tuple[tuple[Target, str], ...]:
        headers = _headers(source, self._withdrawal.schema)
        return tuple(
            ((topics.inbox(entry.authority, entry.purpose), headers), entry.reason) for entry in entries
        )


def _headers(source: str, schema: Schema) -> envelope.Headers:
    return [
        envelope.SPEC_VERSION,
        envelope.CONTENT_TYPE,
        ("ce_source", envelope.ce_source(source).encode()),
        ("ce_type", envelope.ce_type(schema).encode()),
        ("ce_dataschema", envelope.ce_dataschema(schema).encode()),
    ]
