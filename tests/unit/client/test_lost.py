"""The lost list has exactly the events that found nobody and that nothing has replaced since."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from instep.cli.outcomes import lost_events
from instep.client.lost import LostEvents
from tests.unit.client.network_in_memory import NetworkInMemory
from tests.unit.client.test_why import corrected, moved, published, sharing, without_area
from tests.unit.router.test_router import id_of
from tests.unit.sharing import agreement, share

HERE = sharing(authorities={id: of for id, of in sharing().authorities.items() if id != "wakefield"})


def lost(hub: NetworkInMemory) -> list[tuple[str, str]]:
    found: LostEvents = asyncio.run(lost_events(hub.council("bradford"), hub.reader))
    return [(event.event_id, event.ending) for event in found]


def test_both_kinds_of_lost_events_are_listed_and_no_others() -> None:
    hub = published(
        without_area(moved(1)), moved(2, to="wakefield"), moved(3), moved(4, to="kirklees"), under=HERE
    )
    assert lost(hub) == [(id_of(1), "UNKNOWN_AREA"), (id_of(2), "NOBODY_CONCERNED")]


def test_a_corrected_event_is_lost_no_longer() -> None:
    assert lost(published(without_area(moved(1)), corrected(2, of=1))) == []


def test_a_correction_of_which_nobody_is_told_is_lost() -> None:
    assert lost(published(moved(1), without_area(corrected(2, of=1)))) == [(id_of(2), "NO_LONGER_CONCERNS")]
    assert lost(published(moved(1), corrected(2, of=1, to="wakefield"), under=HERE)) == [
        (id_of(2), "NO_LONGER_CONCERNS")
    ]


def test_a_correction_that_found_another_council_is_not_lost() -> None:
    assert lost(published(moved(1), corrected(2, of=1, to="kirklees"))) == []


def test_an_annulment_that_reaches_its_recipients_is_not_lost() -> None:
    alone = sharing(agreement(shares=(share(change_kinds=frozenset({"NEW"})),)))
    assert lost(published(moved(1), corrected(2, of=1, change_kind="ANNUL"), under=alone)) == []


def test_an_annulled_event_is_lost_no_longer_and_its_annulment_never_is() -> None:
    annulment = without_area(corrected(2, of=1, change_kind="ANNUL"))
    assert lost(published(without_area(moved(1)), annulment)) == []


def test_a_correction_that_finds_nobody_either_takes_the_place_of_its_event() -> None:
    hub = published(without_area(moved(1)), without_area(corrected(2, of=1)))
    assert lost(hub) == [(id_of(2), "UNKNOWN_AREA")]


def test_a_refused_correction_takes_nothing_off_the_list() -> None:
    hub = published(without_area(moved(1)), corrected(2, of=1, occurred_on=100_000))
    assert lost(hub) == [(id_of(1), "UNKNOWN_AREA")]


def test_another_event_of_the_subject_takes_nothing_off_the_list() -> None:
    assert lost(published(without_area(moved(1)), moved(2))) == [(id_of(1), "UNKNOWN_AREA")]


@given(st.lists(st.sampled_from(["here", "lost", "nobody"]), max_size=8))
def test_every_event_is_on_the_list_or_has_a_candidate(kinds: list[str]) -> None:
    events = [
        without_area(moved(number))
        if kind == "lost"
        else moved(number, to="wakefield" if kind == "nobody" else "leeds")
        for number, kind in enumerate(kinds)
    ]
    listed = {event_id for event_id, _ in lost(published(*events, under=HERE))}
    assert listed == {id_of(number) for number, kind in enumerate(kinds) if kind != "here"}
