"""Lateness is counted for the subjects seen last, in bounded memory."""

from hypothesis import given
from hypothesis import strategies as st

from instep.router.sequences import Sequences


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.integers(0, 9))))
def test_an_event_is_late_when_a_later_one_of_its_subject_went_before(
    events: list[tuple[bytes, int]],
) -> None:
    sequences = Sequences()
    for at, (subject, sequence) in enumerate(events):
        before = [other for whose, other in events[:at] if whose == subject]
        assert sequences.is_late(subject, sequence) == any(other > sequence for other in before)


def test_the_subject_seen_longest_ago_is_forgotten_first() -> None:
    sequences = Sequences(subjects=2)
    for subject in (b"a", b"b", b"a", b"c"):
        sequences.is_late(subject, 5)
    assert sequences.is_late(b"a", 1)
    assert not sequences.is_late(b"b", 1)
