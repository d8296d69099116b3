"""An officer can look up every reason of Instep's."""

import re
from pathlib import Path

import pytest

from instep.catalogue.files import default_directory, load_catalogue
from instep.client.explain import (
    ENDINGS,
    REFUSALS,
    WITHDRAWN,
    WITHDRAWN_FROM,
    WITHHELD,
    explain,
    explain_to_source,
)
from instep.router import decide

# The closed list of refusals: councils' programs go by these reasons.
CLOSED_LIST = [
    "oversize",
    "bad-framing",
    "unknown-schema",
    "undecodable",
    "trailing-bytes",
    "not-canonical",
    "wrong-source",
    "key-mismatch",
    "header-mismatch",
    "unknown-value",
    "bad-identifier",
    "bad-date",
    "missing-field",
    "id-conflict",
    "replaces-unknown",
    "not-disclosed-to-you",
    "receipt-goes-back",
    "poison",
]
SERVICES = Path(__file__).parents[3] / "services" / "instep"


def test_every_refusal_of_the_closed_list_is_explained_and_no_other() -> None:
    assert sorted(REFUSALS) == sorted(CLOSED_LIST)


@pytest.mark.parametrize("folder", ["intake", "events", "router"])
def test_every_reason_that_a_service_writes_is_explained(folder: str) -> None:
    written = {
        reason
        for file in (SERVICES / folder).glob("*.py")
        for reason in re.findall(r'(?:reason=|Refusal\(|Refused\()"([a-z-]+)"', file.read_text("utf-8"))
    }
    assert written <= set(REFUSALS)


def test_every_reason_for_withholding_is_explained_and_no_other() -> None:
    assert set(WITHHELD) == {reason.value for reason in decide.Withheld}


def test_every_reason_for_a_withdrawal_is_explained_and_no_other() -> None:
    schema = load_catalogue(default_directory()).bus["withdrawal"]
    symbols = set(schema.fields["reason"].symbols)
    assert set(WITHDRAWN) == symbols - {"UNKNOWN"}
    assert set(WITHDRAWN) >= {reason.value for reason in decide.Withdrawn}


def test_a_withdrawal_is_explained_to_its_source_in_words_of_its_own() -> None:
    assert set(WITHDRAWN_FROM) == set(WITHDRAWN)
    for reason, explanation in WITHDRAWN_FROM.items():
        assert explain_to_source(reason) == explanation != explain(reason)
        assert "this recipient" in explanation.meaning.lower()
    assert explain_to_source("no-agreement") == explain("no-agreement")


def test_every_ending_without_a_decision_is_explained() -> None:
    assert set(ENDINGS) == {ending.value for ending in decide.Ending} - {"DECIDED"}


@pytest.mark.parametrize("reason", [*REFUSALS, *WITHHELD, *WITHDRAWN, *ENDINGS])
def test_an_explanation_is_sentences_that_say_what_it_means_and_what_to_do(reason: str) -> None:
    explanation = explain(reason)
    for text in (explanation.meaning, explanation.remedy):
        assert text[0].isupper()
        assert text.endswith(".")
        assert len(text.split()) > 3


def test_a_reason_of_a_newer_network_is_said_to_be_newer() -> None:
    assert "newer" in explain("quite-new").meaning
