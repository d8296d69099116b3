"""Makes plain events from files that old systems export: the way in for councils without Kafka or HTTP.

Reads a file (moves as CSV or in a workbook, the FSA's registrations in JSON, JSON lines) and an authority's memory of its
published events; writes the memory, and nothing else. Promises:

- Each line becomes an event, or is refused by line, column and reason.
- A fact about protection or household outlives the row that holds it, read or not.
- No message about a file holds a value from the file.
- The same file gives the same ids again while the secret is kept, even when the memory is lost.
- A memory and its secret go together: neither is used without the other, and neither is overwritten.

    with Memory.open(state / "publishers", authority) as memory:
        lines = read(path, authority=authority, settings=Settings(today=today))
        for triaged in triage(lines, memory=memory, secret=memory.secret, authority=authority, now=now, validate=validate):
            match triaged:
                case Send(): …  # deliver `triaged.event`; once the broker confirms: memory.remember([triaged.sent])
                case Unchanged() | SameAddress() | Skipped() | Review() | Refused(): …  # count, and list the last two

    reading     a file of any of the formats
    line        the result of a line: Row or Refused; notes; every reason in plain English
    snapshot    a file as it was at one moment · unicode_text: UTF-16 as UTF-8
    text        physical lines, each decoded by itself · sheets: the rows of a workbook as such lines
    title_rows  titles above the headings, totals below the rows · opened_table: a table of any format, for its cells
    suggesting  proposes a mapping · usual_headings: the names that headings have
    csv_text    records of cells · cells: one record, by our columns
    csv_headings  the headings of a table · mapping: a council's own
    csv_moves   moves · move_rows: a record as a row
    faults      all that is wrong with a row, and what its cells may hold
    surveying   the first reading: what needs the whole file (households) · doubt: what an unreadable row says of households
    marks       how rows of a household know each other, however its reference is written
    fsa         registrations · fsa_event, fsa_part: their values · fsa_codes: codes · json_array: one element at a time
    jsonl       plain events · json_said: what a refused line says of protection
    normalise   dates, references, spaces · places: the forces, the islands, abroad
    memory      sent events · memory_files: database, secret, lock · moving: sealed, to another machine (sealing) · adoption
    identity    pseudonyms and ids · secret: what they are made with · triage: new rows, corrections, repeats (likeness)
    fates       a line's fate · content: what is compared and sent · protection: whom a row protects beside itself
    split       a file of many councils into a file for each
"""

from __future__ import annotations

from instep.adapters.line import Line, Note, Plain, Refused, Row, explain
from instep.adapters.mapping import load_mapping
from instep.adapters.memory import Memory, Sent
from instep.adapters.reading import FORMATS, read
from instep.adapters.settings import Settings
from instep.adapters.snapshot import STANDARD_INPUT, shown
from instep.adapters.triage import Review, SameAddress, Send, Skipped, Triaged, Unchanged, triage

__all__ = [
    "FORMATS",
    "STANDARD_INPUT",
    "Line",
    "Memory",
    "Note",
    "Plain",
    "Refused",
    "Review",
    "Row",
    "SameAddress",
    "Send",
    "Sent",
    "Settings",
    "Skipped",
    "Triaged",
    "Unchanged",
    "explain",
    "load_mapping",
    "read",
    "shown",
    "triage",
]
