"""The records of `instep.network` count from a `generation` record on."""

from hypothesis import given
from hypothesis import strategies as st

from instep.kafka.generations import Generations

KEYS = st.sampled_from([b"network", b"authority/leeds", b"authority/york", b"agreement/a"])
CHANGE = st.dictionaries(KEYS, st.none() | st.binary(max_size=3), max_size=4)


def test_nothing_counts_before_a_generation_record() -> None:
    read = Generations()
    read.read(b"network", b"{}")
    assert read.take() is None
    read.read(b"generation", b"1")
    assert read.take() == {"network": b"{}", "generation": b"1"}
    assert read.take() is None


def test_what_follows_a_generation_record_waits_for_the_next() -> None:
    read = Generations()
    for key, value in [(b"a", b"1"), (b"generation", b"1"), (b"a", b"2"), (b"b", b"2")]:
        read.read(key, value)
    assert read.take() == {"a": b"1", "generation": b"1"}


def test_a_null_value_removes_the_thing() -> None:
    read = Generations()
    for key, value in [(b"a", b"1"), (b"generation", b"1"), (b"a", None), (b"generation", b"2")]:
        read.read(key, value)
    assert read.take() == {"generation": b"2"}


@given(st.lists(CHANGE, min_size=1, max_size=6), st.data())
def test_compaction_of_what_has_been_superseded_changes_nothing(
    changes: list[dict[bytes, bytes | None]], data: st.DataObject
) -> None:
    """Kafka may drop any record with a later record of the same key; the last generation read is the same."""
    log: list[tuple[bytes, bytes | None]] = []
    for number, change in enumerate(changes):
        log += [*change.items(), (b"generation", str(number).encode())]
    last = {key: at for at, (key, _) in enumerate(log)}
    compacted = [
        (key, value) for at, (key, value) in enumerate(log) if last[key] == at or data.draw(st.booleans())
    ]
    assert _read(compacted) == _read(log)


def _read(log: list[tuple[bytes, bytes | None]]) -> object:
    read = Generations()
    for key, value in log:
        read.read(key, value)
    return read.take()
