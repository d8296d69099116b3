"""What is done with an entry of a watched folder follows from what the looks have seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.watch.decide import (
    REPORT,
    UNFINISHED,
    WHY,
    Discard,
    EntryKind,
    FolderEntry,
    Publish,
    PutAway,
    Stillness,
    look,
    next_step,
    place_name,
)


def file(name: str = "moves.csv", size: int = 10, changed_ns: int = 1) -> FolderEntry:
    return FolderEntry(name=name, kind=EntryKind.FILE, size=size, changed_ns=changed_ns)


def looks(*seen: FolderEntry) -> list[tuple[str, ...]]:
    """What is ready at each of the looks."""
    standing: dict[str, Stillness] = {}
    ready = []
    for entry in seen:
        result = look([entry], standing)
        standing = dict(result.standing)
        ready.append(result.ready)
    return ready


def test_a_file_is_taken_when_two_looks_have_found_it_unchanged() -> None:
    assert looks(file(), file(), file()) == [(), (), ("moves.csv",)]


def test_a_file_that_grows_is_not_taken() -> None:
    assert looks(file(), file(), file(size=11), file(size=11), file(size=11))[2:] == [(), (), ("moves.csv",)]


def test_a_file_whose_size_was_set_before_its_content_is_not_taken_while_it_is_written() -> None:
    assert looks(file(), file(), file(changed_ns=2), file(changed_ns=2)) == [(), (), (), ()]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=12))
def test_whatever_happened_before_a_file_is_ready_only_after_three_equal_looks(
    seen: list[tuple[int, int]],
) -> None:
    ready = looks(*(file(size=size, changed_ns=changed) for size, changed in seen))
    for number, names in enumerate(ready):
        last = seen[max(number - 2, 0) : number + 1]
        assert bool(names) == (len(last) == 3 and len(set(last)) == 1 and last[0][0] > 0)


def test_an_empty_file_waits_and_somebody_is_told() -> None:
    result = look([file(size=0)], {"moves.csv": Stillness(size=0, changed_ns=1, still=9)})
    assert result.ready == ()
    assert "is empty" in result.remarks["moves.csv"]


@pytest.mark.parametrize("kind", [EntryKind.LINK, EntryKind.FOLDER, EntryKind.OTHER])
def test_what_is_no_file_is_left_and_somebody_is_told(kind: EntryKind) -> None:
    entry = FolderEntry(name="x.csv", kind=kind, size=1, changed_ns=1)
    result = look([entry], {"x.csv": Stillness(size=1, changed_ns=1, still=9)})
    assert result.ready == ()
    assert result.remarks.keys() == {"x.csv"}


@pytest.mark.parametrize(
    "name",
    [
        ".hidden.csv",
        "~$moves.xlsx",
        ".~lock.moves.csv#",
        "moves.csv.tmp",
        "moves.csv.part",
        "MOVES.CSV.PART",
        "moves.csv.crdownload",
        "moves.csv~",
        "Thumbs.db",
        "desktop.ini",
        "done",
        "inbox",
        "to-correct",
        REPORT,
        WHY,
    ],
)
def test_locks_unfinished_copies_hidden_files_and_our_own_are_passed_over_in_silence(name: str) -> None:
    result = look([file(name)], {name: Stillness(size=10, changed_ns=1, still=9)})
    assert (result.ready, result.remarks) == ((), {})


def test_the_oldest_file_comes_first() -> None:
    entries = [file("b.csv", changed_ns=1), file("a.csv", changed_ns=2)]
    standing = {entry.name: Stillness(size=10, changed_ns=entry.changed_ns, still=1) for entry in entries}
    assert look(entries, standing).ready == ("b.csv", "a.csv")


@given(st.text(st.characters(), min_size=1, max_size=255))
def test_the_name_of_a_place_is_valid_on_every_system(name: str) -> None:
    place = place_name(name, "2026-11-28 14.05.03", "ab12cd")
    assert len(place.encode()) < 200
    assert not set(place) & set('/\\:*?"<>|\0\n')
    assert place == place.strip(" .")
    assert place.startswith("2026-11-28 14.05.03 ab12cd")


def test_a_taken_file_is_published_until_a_report_is_there() -> None:
    assert next_step([]) == Discard()
    assert next_step([f"1{UNFINISHED}"]) == Discard()
    assert next_step(["moves.csv"]) == Publish(file="moves.csv")
    assert next_step([".DS_Store", "moves.csv", "Thumbs.db"]) == Publish(file="moves.csv")
    assert next_step(["moves.csv", f"1{UNFINISHED}"]) == Publish(file="moves.csv")
    assert next_step(["moves.csv", REPORT]) == PutAway(folder="done")
    assert next_step(["moves.csv", WHY]) == PutAway(folder="to-correct")
