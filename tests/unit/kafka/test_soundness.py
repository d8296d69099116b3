"""The levels of `metadata.version` decide whether a broker's Kafka is sound."""

import struct

import pytest

from instep.kafka.soundness import Levels, levels, verdict

OF_4_1, OF_4_2, OF_4_3, OF_4_4, NEWER = 27, 29, 30, 33, 34


def feature(name: str, first: int, second: int) -> bytes:
    return bytes([len(name) + 1]) + name.encode() + struct.pack(">hh", first, second) + b"\0"


def listed(*features: bytes) -> bytes:
    return bytes([len(features) + 1]) + b"".join(features)


@pytest.mark.parametrize(
    ("brokers", "lines"),
    [
        ([], []),
        ([Levels()], []),
        ([Levels(supported=OF_4_1, finalized=OF_4_1), Levels(supported=OF_4_2, finalized=OF_4_1)], []),
        ([Levels(supported=OF_4_3, finalized=OF_4_3)], ["4.3"]),
        ([Levels(supported=OF_4_3, finalized=OF_4_2)], ["4.3"]),  # an upgrade that is not finalised
        ([Levels(supported=OF_4_2), Levels(supported=OF_4_3), Levels()], ["4.3"]),  # in the midst of one
        ([Levels(supported=31)], ["4.4"]),
        ([Levels(supported=OF_4_4)], ["4.4"]),
        ([Levels(supported=OF_4_4), Levels(supported=OF_4_3)], ["4.3", "4.4"]),
        ([Levels(finalized=OF_4_3)], ["4.3"]),  # a broker that tells no more than this
        ([Levels(supported=NEWER, finalized=OF_4_3)], []),  # newer software at the older level
        ([Levels(supported=0, finalized=7)], []),
    ],
)
def test_a_cluster_is_unsound_when_the_software_of_one_of_its_brokers_is(
    brokers: list[Levels], lines: list[str]
) -> None:
    sentence = verdict(brokers)
    if not lines:
        assert sentence is None
        return
    assert sentence is not None
    assert (
        f"runs Kafka {' and '.join(lines)}, and may lose or repeat events after a broker restart" in sentence
    )
    assert "4.2.2, 4.1.2 and 4.0.2 are sound" in sentence
    assert sentence.count(".\n") == 0
    assert sentence.endswith(".")


def test_the_levels_are_read_from_the_answers_tagged_fields() -> None:
    tags = {
        0: listed(feature("group.version", 0, 1), feature("metadata.version", 7, OF_4_2)),
        1: struct.pack(">q", 21),
        2: listed(feature("metadata.version", OF_4_1, OF_4_1), feature("transaction.version", 2, 2)),
    }
    assert levels(tags) == Levels(supported=OF_4_2, finalized=OF_4_1)


@pytest.mark.parametrize(
    "tags", [{}, {1: b"\0" * 8}, {0: listed(), 2: listed(feature("group.version", 1, 1))}]
)
def test_an_answer_that_does_not_tell_gives_no_level(tags: dict[int, bytes]) -> None:
    assert levels(tags) == Levels()


@pytest.mark.parametrize("field", [b"\x02\x11meta", listed(feature("metadata.version", 7, 30))[:-3], b"\x02"])
def test_an_answer_that_is_cut_off_is_an_error_that_the_asker_expects(field: bytes) -> None:
    with pytest.raises((ValueError, struct.error)):
        levels({0: field})
