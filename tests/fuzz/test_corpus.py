"""Every run of the tests takes the inputs that the fuzzer starts from, and its finds."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import target
from tests.fuzz.seeds import CORPUS, seeds
from tests.hostile.cases import Record, cases
from tests.hostile.entry import NOW, Entry
from tests.strategies import examples
from tests.unit.events.sample import spoilt

ENTRY = Entry()
FILES = sorted(CORPUS.iterdir())


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_an_input_goes_through_the_whole_entry(file: Path) -> None:
    target.try_record(ENTRY, target.unpack(file.read_bytes()))


def test_the_corpus_holds_every_seed_as_it_is_now() -> None:
    """Else: `python -m tests.fuzz.seeds`."""
    corpus = {file.name: file.read_bytes() for file in FILES}
    due = seeds(ENTRY)
    assert len(due) > 100
    assert {name: corpus.get(name) for name in due} == due


def test_a_record_comes_back_from_its_input() -> None:
    for case in cases(ENTRY.number, NOW):
        for record in (case.hostile, case.neighbour):
            if len(record.headers) < 100 and all(len(name) < 256 for name, _ in record.headers):
                again = target.unpack(target.pack(record))
                assert again == Record(key=record.key, value=record.value or None, headers=record.headers)


@examples(300)
@given(st.sampled_from(FILES).flatmap(lambda file: spoilt(file.read_bytes())))
def test_spoilt_inputs_go_through_the_whole_entry(data: bytes) -> None:
    target.try_record(ENTRY, target.unpack(data))
