"""Defines what a source can read about a subject or an event; `why_reading` reads it, and `why` answers from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from instep.client.decisions import EventOutcome
from instep.client.filed_rows import FiledRow


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """A record of the outbox. `at` is ISO 8601 to the second, UTC; `event_id` is "" where the record cannot be read here."""

    offset: int
    at: str
    event_id: str
    subject_ref: str
    event_type: str
    change_kind: str
    replaces: str = ""
    synthetic: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkRefusal:
    """A refusal by the network, of the record at `offset` of the outbox."""

    offset: int
    at: str
    reason: str
    fields: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """A recipient's answer, as far as the network has any: `outcome` is APPLIED, NOT_MATCHED …, or OVERDUE."""

    authority: str
    purpose: str
    outcome: str
    at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Everything that a source can read about a subject or an event.

    - `published`: records of the outbox, in order. `refusals`: by offset in the outbox. `outcomes`: by event id.
    - `answered`: recipients' answers by event id. `rows`: rows of files. `remembered`: the memory knows the subject.
    - `networks`: other networks for which this machine remembers the subject. `secrets`: key ids of other secrets with
      which the source has published.
    """

    authority: str
    published: Sequence[Published] = ()
    refusals: Mapping[int, NetworkRefusal] = field(default_factory=dict)
    outcomes: Mapping[str, EventOutcome] = field(default_factory=dict)
    answered: Mapping[str, Sequence[Answered]] = field(default_factory=dict)
    rows: Sequence[FiledRow] = ()
    remembered: bool = False
    networks: Sequence[str] = ()
    secrets: Sequence[str] = ()
