"""From the files that old systems export to plain events: the way in for councils without Kafka or HTTP.

Reads a file (CSV of moves, the FSA's registrations in JSON, JSON lines) and one authority's memory of what it
has published; writes that memory, and nothing else. Promises that a line is either an event, or refused by line,
column and reason; that nothing it says of a file holds a value from it; and that the same file gives the same
ids again, whatever was forgotten in between but the secret.

    with Memory.open(state / "publishers", authority) as memory:
        lines = read(path, authority=authority, settings=Settings(today=today))
        for triaged in triage(lines, memory=memory, secret=memory.secret, authority=authority, now=now, validate=validate):
            match triaged:
                case Send(): …  # deliver `triaged.event`; once the broker confirms: memory.remember([triaged.sent])
                case Unchanged() | SameAddress() | Skipped() | Review() | Refused(): …  # count, and list the last two

    reading     a file of any of the formats
    line        what a line becomes: Row or Refused; notes; every reason in plain English
    text        physical lines, each decoded by itself
    csv_text    records of cells · mapping: their headings · cells: one record, by our columns
    csv_moves   moves · households: what needs the whole file first
    fsa         registrations · json_array: one element at a time
    jsonl       plain events
    normalise   dates, references, spaces
    identity    pseudonyms and ids · memory: what was sent · plan: what is new, and what corrects
    split       one file of many councils into one a council
"""

from __future__ import annotations

from instep.adapters.line import Line, Note, Plain, Refused, Row, explain
from instep.adapters.mapping import load_mapping
from instep.adapters.memory import Memory, Sent
from instep.adapters.reading import FORMATS, read
from instep.adapters.settings import Settings
from instep.adapters.triage import Review, SameAddress, Send, Skipped, Triaged, Unchanged, triage

__all__ = [
    "FORMATS",
    "Line",
    "Memory",
    "Note",
    "Plain",
    "Triaged",
    "Refused",
    "Review",
    "Row",
    "SameAddress",
    "Send",
    "Sent",
    "Settings",
    "Skipped",
    "Unchanged",
    "explain",
    "load_mapping",
    "triage",
    "read",
]
