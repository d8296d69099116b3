"""Records of a memory, made up."""

from instep.adapters.annulment import SubjectRecord
from instep.adapters.memory import Fingerprint
from instep.adapters.roll import RollEntry
from instep.client.missing import Gone

LAST = Fingerprint(
    subject=b"s" * 16,
    event_id=b"e" * 16,
    alike=b"a" * 16,
    loose=b"l" * 16,
    person=None,
    household=None,
    protected=0,
    recorded=1,
    sequence=1,
    run=1,
)
"""The last event of a subject."""


def gone() -> Gone:
    """A record that an export no longer holds."""
    standing = RollEntry(
        subject=LAST.subject,
        subject_ref="00" * 16,
        event_type="resident-moved",
        system="council-tax",
        file="monday.csv",
        line=2,
        run=1,
    )
    record = SubjectRecord(
        subject_ref="00" * 16, event_type="resident-moved", system="council-tax", last=LAST
    )
    return Gone(record=record, standing=standing)
