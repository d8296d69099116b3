"""What an agreement's letter promises to each recipient is what the router delivers, field for field."""

import re
from dataclasses import replace
from datetime import date
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instep.catalogue.files import load_catalogue
from instep.cli.agreement_letter import letter
from instep.cli.paper import Items, as_html, as_letter
from instep.events.blanking import Blanking
from instep.events.identifiers import AuthorityId
from instep.network.agreements import CHANGE_KINDS, Agreement, Approval, Share
from instep.network.network import Network, load
from instep.network.terms import shareable
from instep.router.decide import Facts, Result, decide
from instep.router.preview import HANDLINGS, Situation, received
from tests.unit.sharing import COUNCILS, agreement, share

ROOT = Path(__file__).parents[3]
EVENTS = load_catalogue(ROOT / "schemas").events
EVENT = EVENTS["resident-moved"]
SAMPLE = load(ROOT / "deploy/network/sample")

shares = st.builds(
    lambda fields, when, kinds, protected: share(
        fields=tuple(fields), when=when, change_kinds=frozenset(kinds), protected=protected
    ),
    st.lists(st.sampled_from(sorted(shareable(EVENT))), min_size=1, max_size=6, unique=True),
    st.sampled_from(["concerns-recipient", "always"]),
    st.sets(st.sampled_from(CHANGE_KINDS), min_size=1),
    st.booleans(),
)
parties = st.sets(st.sampled_from(COUNCILS), min_size=1).map(frozenset)
agreements = st.builds(
    lambda sources, recipients, of_shares, status, approved: agreement(
        sources=sources, recipients=recipients, shares=of_shares, status=status, approved=approved
    ),
    parties,
    parties,
    st.lists(shares, min_size=1, max_size=3),
    st.sampled_from(["active", "suspended"]),
    st.sets(st.sampled_from(COUNCILS)),
)


def signed(given: Agreement) -> Network:
    """The network as it will be: everybody has approved, and the agreement is in force."""
    approvals = tuple(Approval(authority=id, by="SIRO", on=date(2026, 3, 2)) for id in given.parties)
    whole = replace(given, status="active", approvals=approvals)
    return Network(name="real", lanes=4, authorities={}, agreements={whole.id: whole})


def delivered(given: Agreement, source: str, recipient: str, at: Situation) -> tuple[str, ...] | None:
    """The fields that the router sends this one recipient, as a delivery names them; None where it sends nothing."""
    facts = Facts(
        event_type=EVENT.name,
        source=AuthorityId(source),
        change_kind=at.change_kind,
        handling=at.handling,
        requested_by=None,
        concerned=frozenset({AuthorityId(recipient)} if at.concerned else ()),
        area_unknown=False,
        past=frozenset(),
        day=given.review_by,
    )
    entries = [
        entry
        for entry in decide(facts, signed(given)).having(Result.DELIVERED)
        if entry.authority == recipient
    ]
    return Blanking(EVENT.latest, entries[0].fields).paths if entries else None


@given(agreements)
@settings(deadline=None, max_examples=60)
def test_each_recipient_is_promised_what_the_router_delivers_from_every_source(given: Agreement) -> None:
    rows = received(given, EVENT)
    for source, recipient in product(given.sources, given.recipients):
        for at in (Situation(*each) for each in product((True, False), HANDLINGS, CHANGE_KINDS)):
            promised = [row.fields for row in rows if recipient in row.recipients and at in row.situations]
            real = delivered(given, source, recipient, at)
            assert promised == ([] if real is None else [real])


@given(agreements)
@settings(deadline=None, max_examples=30)
def test_the_letter_lists_the_fields_that_the_router_delivers_and_no_other(given: Agreement) -> None:
    listed = {
        match[1]
        for block in letter(given, SAMPLE.authorities, EVENTS)
        if isinstance(block, Items)
        for item in block.items
        if (match := re.search(r"\(([a-z_.]+)(, special category data)?\)$", item))
        and match[1] in shareable(EVENT)
    }
    real = {
        path
        for source, recipient in product(given.sources, given.recipients)
        for at in (Situation(*each) for each in product((True, False), HANDLINGS, CHANGE_KINDS))
        for path in delivered(given, source, recipient, at) or ()
    }
    assert listed == real


def test_an_event_with_nothing_but_empty_shared_fields_is_said_not_to_be_sent() -> None:
    (row,) = received(SAMPLE.agreements["placement-notices"], EVENT)
    assert row.only_with_content
    (row,) = received(SAMPLE.agreements["council-tax"], EVENT)
    assert not row.only_with_content


@pytest.mark.parametrize("id", sorted(SAMPLE.agreements))
def test_a_letter_and_a_page_are_the_same_each_time(id: str) -> None:
    first, second = (letter(SAMPLE.agreements[id], SAMPLE.authorities, EVENTS) for _ in range(2))
    assert as_letter(first) == as_letter(second)
    assert as_html(first) == as_html(second)
    assert max(map(len, as_letter(first).splitlines())) <= 80


def test_a_letter_says_who_has_not_signed_and_that_protected_people_stay_out() -> None:
    text = as_letter(letter(SAMPLE.agreements["council-tax"], SAMPLE.authorities, EVENTS))
    assert text.count("Date: ____") == 1
    assert "For Leeds City Council (leeds):" in text
    assert "Nothing is shared of protected people." in text
    assert "Who moved: Date of birth" in text.partition("Not shared under this agreement:")[2]


def test_protected_people_are_named_where_they_are_shared() -> None:
    blocks = letter(SAMPLE.agreements["placement-notices"], SAMPLE.authorities, EVENTS)
    assert "Events of protected people are shared too" in as_letter(blocks)


def test_two_shares_that_differ_for_protected_people_are_two_lists() -> None:
    mixed: tuple[Share, ...] = (share(), share(protected=True, fields=("moved_on",)))
    text = as_letter(letter(agreement(shares=mixed), {}, EVENTS))
    assert "of protected people alone" in text


HOSTILE = '<script src="//x.example/a.js"></script>&"\x1b[2J\u202e'


def test_a_page_escapes_what_the_agreement_says_and_needs_nothing_from_elsewhere() -> None:
    page = as_html(letter(agreement(contact=HOSTILE, dpia=HOSTILE), SAMPLE.authorities, EVENTS))
    assert "<script" not in page
    assert "&lt;script" in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert not re.search(r"<(link|img|script|iframe)|url\(|@import|href=", page)


def test_a_letter_moves_no_cursor() -> None:
    text = as_letter(letter(agreement(contact=HOSTILE), SAMPLE.authorities, EVENTS))
    assert "\x1b" not in text
    assert r"\x1b[2J\u202e" in text.replace("\n    ", "")
