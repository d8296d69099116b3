"""A drafted agreement is one that `check` accepts, however people write their answers."""

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.catalogue.files import load_catalogue
from instep.errors import NetworkError
from instep.network import terms
from instep.network.agreement_text import as_toml
from instep.network.documents import agreement as agreement_of
from instep.network.documents import agreement_errors
from instep.network.drafting import Answer, Ask, Question, Surroundings, draft
from instep.network.network import load

ROOT = Path(__file__).parents[3]
EVENTS = load_catalogue(ROOT / "schemas").events
COUNCILS = load(ROOT / "deploy/network/sample").authorities
TODAY = date(2026, 11, 28)
AROUND = Surroundings(
    councils=COUNCILS,
    events=EVENTS,
    taken=frozenset({"council-tax"}),
    purposes=frozenset({"council-tax"}),
    today=TODAY,
)

ANSWERS: Mapping[str, str] = {
    "id": "Blue Badges",
    "sources": "Leeds City Council, E09000007 and lambeth",
    "event": "Resident moved",
    "fields": "person.family_name, Moved on",
    "legal_power": "Chronically Sick and Disabled Persons Act 1970",
    "dpia": "DPIA-2",
    "contact": "a@b.example",
    "special_category_condition": "UK GDPR Article 9(2)(g)",
}


def answering(**differences: str) -> Ask:
    """Gives these answers, and defaults to all other questions."""
    answers = {**ANSWERS, **differences}

    def ask(question: Question) -> Answer:
        return question.read(answers.get(question.key, question.default))

    return ask


def errors(document: Mapping[str, Any]) -> list[str]:
    """The errors of form and of content that `check` would find."""
    found = agreement_errors(document)
    if not found:
        read = agreement_of(document)
        found = [*terms.errors(read, document, read.id, COUNCILS, EVENTS, TODAY)]
    return [finding.message for finding in found]


def test_defaults_and_a_few_answers_make_a_sound_agreement_that_binds_nobody_yet() -> None:
    document = draft(answering(), AROUND)
    assert errors(document) == []
    assert document["id"] == document["purpose"] == "blue-badges"
    assert document["sources"] == document["recipients"] == ["camden", "lambeth", "leeds"]
    assert (document["effective_from"], document["review_by"]) == (date(2026, 12, 1), date(2027, 11, 30))
    assert document["approved"] == []
    (share,) = document["share"]
    assert share["fields"] == ["person.family_name", "moved_on"]
    assert share["protected"] is False


@pytest.mark.parametrize(
    ("key", "written", "read"),
    [
        ("effective_from", "1/2/2027", date(2027, 2, 1)),
        ("effective_from", "1st February 2027", date(2027, 2, 1)),
        ("review_by", "31 Mar 2028", date(2028, 3, 31)),
        ("retention_days", "1,095 days", 1095),
        ("respond_within", "10 Working  Days", "10 working days"),
        ("recipients", "high peak; Barnsley Metropolitan Borough Council", ["barnsley", "high-peak"]),
        ("legal_power", "  The   Act ", "The Act"),
        ("purpose", "Parking Permits", "parking-permits"),
    ],
)
def test_answers_are_read_as_people_write_them(key: str, written: str, read: object) -> None:
    document = draft(answering(**{key: written}), AROUND)
    assert document[key] == read
    assert errors(document) == []


@pytest.mark.parametrize(
    ("key", "written", "words"),
    [
        ("id", "", "An answer is needed here."),
        ("id", "Council Tax", "There is an agreement council-tax already: choose another name"),
        ("id", "instep", "The short name 'instep' is reserved."),
        ("id", "4", "The short name '4' must be 2 to 41 lower-case letters"),
        ("id", "c0uncil-tax", "'c0uncil-tax' would be taken for 'council-tax': choose one that cannot."),
        ("purpose", "counci1-tax", "'counci1-tax' would be taken for 'council-tax'"),
        ("sources", "", "Name at least one council."),
        ("sources", "leeds, camdem", "'camdem' is no council of this network (did you mean camden?)."),
        ("sources", "harrogate", "harrogate ended on 2023-03-31; north-yorkshire came after it."),
        ("event", "residents moved", "'residents moved' is no type of event (did you mean resident-moved?)."),
        ("fields", "title", "(did you mean person.title or placement.applicant.title?)."),
        ("fields", "header.source", "resident-moved has no field 'header.source'"),
        ("fields", "", "Name at least one field."),
        ("when", "sometimes", "'sometimes' is neither concerns-recipient nor always."),
        ("change_kinds", "NEW, OLD", "'OLD' is no kind of change"),
        ("protected", "perhaps", "Answer yes or no."),
        ("retention_days", "two years", "Write the number of days in figures"),
        ("retention_days", "0", "Write the number of days in figures"),
        ("respond_within", "soon", 'write it as "10 working days"'),
        ("effective_from", "31/2/2027", "'31/2/2027' is no date such as 2027-04-01"),
        ("review_by", "1/1/2026", "The last day is before the first day, 2026-12-01"),
        ("dpia", "  ", "An answer is needed here."),
    ],
)
def test_an_answer_that_cannot_be_read_gets_a_sentence(key: str, written: str, words: str) -> None:
    with pytest.raises(NetworkError) as raised:
        draft(answering(**{key: written}), AROUND)
    assert words in str(raised.value)


def test_an_only_party_is_refused() -> None:
    with pytest.raises(NetworkError, match="The only council that shares is the only one that receives"):
        draft(answering(sources="leeds"), AROUND)


def test_a_condition_is_asked_for_only_where_special_category_data_is_shared() -> None:
    assert "special_category_condition" not in draft(answering(), AROUND)
    document = draft(answering(fields="placement"), AROUND)
    assert document["special_category_condition"] == "UK GDPR Article 9(2)(g)"
    assert errors(document) == []


@pytest.mark.parametrize("first", [date(2028, 2, 29), date(2026, 1, 31), date(2026, 12, 31)])
def test_the_last_day_is_a_year_away_by_default_on_any_first_day(first: date) -> None:
    document = draft(answering(effective_from=str(first)), AROUND)
    assert 364 <= (document["review_by"] - first).days <= 365


def test_all_are_the_councils_that_stand_today() -> None:
    document = draft(answering(sources="All"), AROUND)
    assert "harrogate" not in document["sources"]
    assert errors(document) == []


words = st.text(min_size=1).filter(
    lambda text: text.strip() and not any("\ud800" <= c <= "\udfff" for c in text)
)


@given(words, words, st.sets(st.sampled_from(sorted(terms.shareable(EVENTS["resident-moved"]))), min_size=1))
def test_whatever_words_people_answer_the_file_says_them_again(
    law: str, contact: str, fields: set[str]
) -> None:
    document = draft(answering(legal_power=law, contact=contact, fields=", ".join(sorted(fields))), AROUND)
    assert tomllib.loads(as_toml(document)) == document
    assert errors(document) == []
