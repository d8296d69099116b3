"""A trial of agreements answers as the router would, and shows whatever becomes another."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instep.events.blanking import Blanking
from instep.events.framing import frame
from instep.events.plain import from_plain
from instep.events.writer import encode
from instep.network.agreements import CHANGE_KINDS
from instep.network.areas import Areas
from instep.network.network import Network
from instep.router.arrival import Arrivals, Codec
from instep.router.decide import Result, decide
from instep.router.trial import Draft, Forecast, Trial, differences, signed
from tests.unit.events.sample import CATALOGUE, MOVED, example_files, plain_example
from tests.unit.memory_state import MemoryRecord
from tests.unit.router.test_router import IDS, MOVED_ID, NoPostcodes
from tests.unit.sharing import COUNCILS, GSS, TODAY, agreement, network, share

EXAMPLES = sorted(
    parameter.values[1].stem
    for parameter in example_files("examples")
    if parameter.values[0].name == "resident-moved"
)
shares = st.builds(
    lambda fields, when, kinds, protected: share(
        fields=tuple(sorted(fields)), when=when, change_kinds=frozenset(kinds), protected=protected
    ),
    st.sets(
        st.sampled_from(["placement", "group_ref", "moved_on", "old_address", "person.title"]), min_size=1
    ),
    st.sampled_from(["concerns-recipient", "always"]),
    st.sets(st.sampled_from(CHANGE_KINDS), min_size=1),
    st.booleans(),
)
networks = st.builds(
    lambda of_shares, approved, status: network(
        agreement(
            sources=frozenset(COUNCILS),
            recipients=frozenset(COUNCILS),
            shares=of_shares,
            approved=approved,
            status=status,
        ),
        schemas=IDS,
    ),
    st.lists(shares, min_size=1, max_size=2),
    st.sets(st.sampled_from(COUNCILS)),
    st.sampled_from(["active", "suspended", "ended"]),
)


def moved(name: str, old: str | None, new: str) -> dict[str, Any]:
    """An example of the catalogue, published by Bradford, with the addresses in these councils."""
    plain = plain_example(name)
    plain["header"] |= {"source": "bradford"}
    plain["new_address"] = {**(plain.get("new_address") or {}), "authority_gss": GSS[new]}
    plain["old_address"] = None if old is None else {"authority_gss": GSS[old], "town": "Here"}
    return plain


def drafted(plain: dict[str, Any]) -> Draft:
    header = plain["header"]
    return Draft(
        event_type="resident-moved",
        source=header["source"],
        change_kind=header["change_kind"],
        handling=header.get("handling", "PROTECTED"),
        requested_by=header.get("requested_by"),
        occurred_on=date.fromisoformat(header["occurred_on"]),
        body={name: value for name, value in plain.items() if name != "header"},
    )


def routed(plain: dict[str, Any], sharing: Network) -> dict[tuple[str, str], Forecast]:
    """What the router decides about the event's bytes."""
    value = frame(MOVED_ID, encode(MOVED.latest, from_plain(MOVED.latest, plain)))
    arrivals = Arrivals(CATALOGUE, sharing, CATALOGUE.bind(sharing.schemas), Codec.PLAIN)
    arrival = arrivals.read(MemoryRecord(topic="instep.events", key=b"bradford/x", value=value))
    facts = arrivals.facts(arrival, frozenset(), Areas(sharing, NoPostcodes(), TODAY), TODAY)
    return {
        (entry.authority, entry.purpose): Forecast(
            result=entry.result,
            reason=entry.reason,
            fields=Blanking(MOVED.latest, entry.fields).paths if entry.fields else (),
        )
        for entry in decide(facts, sharing).entries
        if entry.purpose
    }


@given(
    st.sampled_from(EXAMPLES),
    st.sampled_from([None, *COUNCILS]),
    st.sampled_from(COUNCILS),
    networks,
)
@settings(deadline=None, max_examples=150)
def test_a_draft_is_answered_as_the_router_decides_the_event_itself(
    name: str, old: str | None, new: str, sharing: Network
) -> None:
    plain = moved(name, old, new)
    # A correction is tried as an event by itself: nobody knows who was sent the event before.
    trial = Trial(sharing, CATALOGUE.events, NoPostcodes(), TODAY)
    assert trial.answers(drafted(plain), "bradford") == routed(plain, sharing)


BEFORE = network(agreement(shares=[share(fields=("moved_on", "person.title"))]))
DRAFT = drafted(moved("ordinary-move", "bradford", "leeds"))


def told(sharing: Network) -> Any:
    return Trial(sharing, CATALOGUE.events, NoPostcodes(), TODAY).answers(DRAFT, "bradford")


def test_a_field_that_goes_and_one_that_comes_are_named() -> None:
    after = network(agreement(shares=[share(fields=("moved_on", "person.born_on"))], version=2))
    (difference,) = differences(told(BEFORE), told(after))
    assert (difference.authority, difference.purpose) == ("leeds", "council-tax")
    assert (difference.gained, difference.lost) == (("person.born_on",), ("person.title",))


def test_a_new_version_that_tells_the_same_makes_no_difference() -> None:
    after = network(agreement(shares=[share(fields=("person.title", "moved_on"))], version=2))
    assert list(differences(told(BEFORE), told(after))) == []


def test_whoever_hears_no_more_is_named_with_the_reason() -> None:
    (suspended,) = differences(told(BEFORE), told(network(agreement(status="suspended"))))
    assert suspended.after == Forecast(result=Result.WITHHELD, reason="suspended")
    (gone,) = differences(told(BEFORE), told(network()))
    assert gone.after is None
    assert gone.lost == ("moved_on", "person.title")


def test_signatures_alone_can_be_what_is_missing() -> None:
    proposed = network(agreement(approved=()))
    (unsigned,) = told(proposed).values()
    assert unsigned.reason == "not-approved"
    (agreed,) = told(signed(proposed)).values()
    assert agreed.result is Result.DELIVERED


@pytest.mark.parametrize(
    ("reason", "old", "new", "publisher"),
    [
        ("MOVE", "bradford", "leeds", "leeds"),
        ("PLACEMENT", "bradford", "leeds", "bradford"),
        ("MOVE", "leeds", None, None),
    ],
)
def test_the_publisher_of_a_line_is_the_gaining_council_and_of_a_placement_the_placing_one(
    reason: str, old: str, new: str | None, publisher: str | None
) -> None:
    body = {
        "reason": reason,
        "old_address": {"authority_gss": GSS[old]},
        "new_address": {"authority_gss": GSS[new]} if new else {"country": "FR"},
    }
    trial = Trial(BEFORE, CATALOGUE.events, NoPostcodes(), TODAY)
    assert trial.publisher(replace(DRAFT, source=None, body=body)) == publisher
    assert trial.publisher(replace(DRAFT, source="kirklees", body=body)) == "kirklees"
