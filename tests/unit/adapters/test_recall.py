"""A publisher's memory can be asked for pseudonyms while it is open elsewhere, and asking changes nothing."""

from pathlib import Path

from instep.adapters import Memory, Sent
from instep.adapters.identity import Identity
from instep.adapters.memory import Fingerprint
from instep.adapters.recall import recalled


def fingerprint(subject: bytes) -> Fingerprint:
    return Fingerprint(
        subject=subject,
        event_id=b"e" * 16,
        alike=b"",
        loose=b"",
        person=None,
        household=None,
        protected=0,
        recorded=1,
        sequence=1,
        run=1,
    )


def test_a_reference_has_the_pseudonym_under_which_it_was_published(tmp_path: Path) -> None:
    with Memory.open(tmp_path, "leeds") as memory, recalled(tmp_path / "leeds", "leeds") as recall:
        assert recall is not None
        identity = Identity(secret=memory.secret, authority="leeds")
        assert identity.subject_ref("council-tax", "4711") in recall.pseudonyms("4711")
        assert identity.subject_ref("council-tax", "0004711") in recall.pseudonyms(" '4711")
        assert identity.subject_ref("council-tax", "4712") not in recall.pseudonyms("4711")
        assert identity.subject_ref("own", "AB-1") in recall.pseudonyms("AB-1", ["own"])
        assert identity.subject_ref("own", "AB-1") not in recall.pseudonyms("AB-1")


def test_the_memory_says_whether_a_subject_was_ever_published(tmp_path: Path) -> None:
    with Memory.open(tmp_path, "leeds") as memory:
        subject = Identity(secret=memory.secret, authority="leeds").digest("memory", "s-1")
        memory.remember([Sent(event_id=b"e" * 16, fingerprint=fingerprint(subject))])
        with recalled(tmp_path / "leeds", "leeds") as recall:
            assert recall is not None
            assert recall.knows("s-1")
            assert not recall.knows("s-2")


def test_asking_where_nothing_was_published_makes_nothing(tmp_path: Path) -> None:
    with recalled(tmp_path / "leeds", "leeds") as recall:
        assert recall is None
    assert list(tmp_path.iterdir()) == []
