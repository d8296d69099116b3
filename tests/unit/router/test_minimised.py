"""A publisher keeps at home only fields that nobody would have been sent: the router's outputs are the same without them."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from instep.events.blanking import Blanking, paths_of
from instep.network.minimisation import leaving, may_leave
from tests.strategies import examples
from tests.unit.events.sample import MOVED
from tests.unit.router.test_router import IDS, Bench, correction, move
from tests.unit.sharing import agreement, network, share

PATHS = sorted(paths_of(MOVED.latest))
FIELDS = st.lists(st.sampled_from(PATHS), min_size=1, max_size=6, unique=True).map(tuple)
SHARES = st.lists(FIELDS, min_size=1, max_size=2).map(
    lambda many: tuple(share(fields=fields) for fields in many)
)

STATUSES = st.sampled_from(["active", "suspended"])


@given(st.lists(st.tuples(SHARES, STATUSES), min_size=1, max_size=3), st.booleans())
@examples(60)
def test_the_router_sends_and_says_the_same(made: list[tuple[Any, Any]], placement: bool) -> None:
    agreements = [
        agreement(f"number-{number}", shares=shares, status=status, purpose=f"purpose-{number % 2}")
        for number, (shares, status) in enumerate(made)
    ]
    day = agreement("day", purpose="purpose-0", shares=[share(fields=("moved_on",))])
    sharing = network(day, *agreements, schemas=IDS)
    blanking = Blanking(MOVED.latest, may_leave(sharing, "bradford", MOVED))
    events = [move(1), correction(2, 1, handling="ORDINARY"), correction(3, 2)]
    if not placement:
        for event in events:
            event["placement"] = None
    whole = Bench(sharing).route(*events)
    minimised = Bench(sharing).route(*map(blanking.blank, events))

    def seen(outputs: list[Any]) -> list[Any]:
        # What the router remembers is a digest of what it read.
        return [output for output in outputs if output.topic != "instep.router.state"]

    assert seen(minimised) == seen(whole)
    assert any(".inbox." in output.topic for output in whole)


@given(
    st.lists(st.tuples(FIELDS, st.booleans(), STATUSES), min_size=1, max_size=3),
    st.sampled_from(["ORDINARY", "PROTECTED"]),
)
@examples(60)
def test_of_protected_events_too_the_router_sends_and_says_the_same(
    made: list[tuple[Any, bool, Any]], before: str
) -> None:
    agreements = [
        agreement(
            f"number-{number}",
            shares=[share(fields=fields, protected=protected)],
            status=status,
            purpose=f"purpose-{number % 2}",
        )
        for number, (fields, protected, status) in enumerate(made)
    ]
    day = agreement("day", purpose="purpose-0", shares=[share(fields=("moved_on",), protected=True)])
    sharing = network(day, *agreements, schemas=IDS)
    events = [move(1), correction(2, 1, handling="PROTECTED"), correction(3, 2)]
    for event, handling in zip(events, (before, "PROTECTED", "PROTECTED"), strict=True):
        event["header"]["handling"] = handling
    blanked = []
    for event in events:
        leaves = leaving(sharing, "bradford", MOVED, protected=event["header"]["handling"] == "PROTECTED")
        blanked.append(Blanking(MOVED.latest, leaves.paths).blank(leaves.reduced(event)))

    def seen(outputs: list[Any]) -> list[Any]:
        # What the router remembers is a digest of what it read.
        return [output for output in outputs if output.topic != "instep.router.state"]

    assert seen(Bench(sharing).route(*blanked)) == seen(Bench(sharing).route(*events))
