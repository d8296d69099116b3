"""Pseudonyms and ids stay what they were: HMAC-SHA256 under the publisher's secret, whatever way is quickest."""

import hmac
import uuid

from hypothesis import given
from hypothesis import strategies as st

from instep.adapters.identity import Identity


@given(st.binary(min_size=1, max_size=200), st.lists(st.text(), max_size=4))
def test_a_digest_is_the_hmac_of_the_lengths_and_the_parts(secret: bytes, parts: list[str]) -> None:
    everything = ("household", "leeds", *parts)
    lengths = ",".join(str(len(part)) for part in everything)
    message = f"{lengths};{''.join(everything)}".encode("utf-8", "surrogatepass")
    expected = hmac.digest(secret, message, "sha256")[:16]
    assert Identity(secret=secret, authority="leeds").digest("household", *parts) == expected


@given(st.binary(min_size=32, max_size=32), st.text(), st.integers())
def test_an_event_id_is_a_uuid_of_version_8_in_its_usual_form(
    secret: bytes, content: str, recorded: int
) -> None:
    text = Identity(secret=secret, authority="leeds").event_id("0" * 32, content, recorded)
    id = uuid.UUID(text)
    assert (id.version, id.variant, str(id)) == (8, uuid.RFC_4122, text)
