"""The kinds behind the cases, as properties: damage of any sort, references in any form, moments at any precision."""

import re
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instep.adapters.csv_moves import COLUMNS
from instep.client.publisher import Gate, Sendable
from instep.network.minimisation import STAND_IN
from tests.strategies import examples
from tests.unit.adapters.publishing import NOW, csv_of, row
from tests.unit.cases.council import CouncilOffice, catalogue, network
from tests.unit.client.test_gate import NETWORK, _event, example
from tests.unit.sharing import agreement, share

FRESH = [HealthCheck.function_scoped_fixture]
PARENT = row(reference="P-1", given_names="Tessa", household_reference="HH-77", protected="yes")
CHILD = row(reference="P-2", given_names="Kit", date_of_birth="2018-02-02", household_reference="HH-77")
OTHERS = [
    row(
        reference=f"P-{number}",
        given_names=f"Nia {number}",
        family_name=f"Marsh{number}",
        household_reference=f"HH-{number}",
        old_address_line_1=f"{number} High Row",
        new_address_line_1=f"Flat {number}, Elm House",
        new_uprn="",
        old_uprn="",
    )
    for number in range(100, 103)
]

DAMAGE = st.sampled_from(
    [
        b'"',
        b",",
        b"\n",
        b"\r\n",
        b"\x00",
        b"\x1b",
        b"\xff\xfe",
        b'",',
        b',"',
        b"\x81",
        b"\xe2\x80\xae",
        b";",
        b"\t",
    ]
)


def office_of(directory: Path) -> CouncilOffice:
    return CouncilOffice("bradford", directory)


def cell_span(line: bytes, column: str) -> tuple[int, int]:
    """Where a cell of an undamaged line stands."""
    cells = line.split(b",")
    place = COLUMNS.index(column)
    start = sum(len(cell) + 1 for cell in cells[:place])
    return start, start + len(cells[place])


def outside_what_protects(line: bytes, place: float) -> int:
    """A place in the line, outside the cells of household and protection."""
    at = int(place * (len(line) + 1))
    start, _ = cell_span(line, "household_reference")
    _, end = cell_span(line, "protected")
    return at if at <= start or at >= end else start


@settings(examples(150), suppress_health_check=FRESH)
@given(
    harm=st.lists(st.tuples(st.floats(0, 1), DAMAGE), min_size=1, max_size=3),
    order=st.permutations([0, 1, 2, 3, 4]),
)
def test_however_the_protected_row_is_damaged_nobody_of_the_household_goes_out_ordinary(
    tmp_path_factory: pytest.TempPathFactory, harm: list[tuple[float, bytes]], order: list[int]
) -> None:
    rows = [PARENT, CHILD, *OTHERS]
    heading, *lines = csv_of(*(rows[number] for number in order)).removesuffix(b"\r\n").split(b"\r\n")
    at = order.index(0)
    for place, byte in sorted(harm, reverse=True):
        spot = outside_what_protects(lines[at], place) if lines[at].count(b",") == 20 else 0
        lines[at] = lines[at][:spot] + byte + lines[at][spot:]
    run = office_of(tmp_path_factory.mktemp("harm")).publish(b"\r\n".join([heading, *lines, b""]))
    exposed = [
        event["person"] for event in run.ordinary() if event["person"]["given_names"] in ("Tessa", "Kit")
    ]
    assert not exposed


@settings(examples(80), suppress_health_check=FRESH)
@given(length=st.integers(1, 230), order=st.permutations([0, 1, 2, 3, 4]))
def test_wherever_the_protected_row_is_cut_short_nobody_of_the_household_goes_out_ordinary(
    tmp_path_factory: pytest.TempPathFactory, length: int, order: list[int]
) -> None:
    rows = [PARENT, CHILD, *OTHERS]
    heading, *lines = csv_of(*(rows[number] for number in order)).removesuffix(b"\r\n").split(b"\r\n")
    at = order.index(0)
    # From the family name on: a row without a name, an address and a household tells nothing of anybody.
    lines[at] = lines[at][: max(length, cell_span(lines[at], "family_name")[1])]
    run = office_of(tmp_path_factory.mktemp("cut")).publish(b"\r\n".join([heading, *lines, b""]))
    assert not [event for event in run.ordinary() if event["person"]["given_names"] in ("Tessa", "Kit")]
    assert len(run.outcomes) == 5


@settings(examples(80), suppress_health_check=FRESH)
@given(place=st.floats(0, 1), at=st.integers(0, 4))
def test_one_quotation_mark_too_many_costs_at_most_its_own_row_and_every_line_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, place: float, at: int
) -> None:
    rows = [{**each, "new_address_line_2": "The Mill, Mill Lane"} for each in (PARENT, CHILD, *OTHERS)]
    heading, *lines = csv_of(*rows).removesuffix(b"\r\n").split(b"\r\n")
    spot = int(place * len(lines[at]))
    lines[at] = lines[at][:spot] + b'"' + lines[at][spot:]
    run = office_of(tmp_path_factory.mktemp("quote")).publish(b"\r\n".join([heading, *lines, b""]))
    assert [outcome.line for outcome in run.outcomes] == [2, 3, 4, 5, 6]
    assert set(run.unsent) - {line for line, why in run.unsent.items() if why.startswith("household")} <= {
        at + 2
    }


WRITTEN = [
    lambda text: f"{text}.0",
    lambda text: f"{text}.00",
    lambda text: f"\ufeff{text}",
    lambda text: f"{text}\u200b",
    lambda text: f"\u2060{text}\u200d",
    lambda text: f'="{text}"',
    lambda text: f"'{text}",
    lambda text: f"00{text}",
    lambda text: f" {text}\u00a0",
    lambda text: f"{int(text):,}",
]


@settings(examples(60), suppress_health_check=FRESH)
@given(
    household=st.integers(100, 10**9).map(str),
    first=st.sampled_from([str, *WRITTEN]),
    second=st.sampled_from([str, *WRITTEN]),
    one_file=st.booleans(),
)
def test_a_household_is_the_same_however_its_reference_is_written(
    tmp_path_factory: pytest.TempPathFactory, household: str, first: Any, second: Any, one_file: bool
) -> None:
    office = office_of(tmp_path_factory.mktemp("form"))
    parent = {**PARENT, "household_reference": first(household)}
    child = {**CHILD, "household_reference": second(household)}
    files = [[parent, child]] if one_file else [[parent], [child]]
    runs = [office.publish(csv_of(*rows)) for rows in files]
    events = [send.event for run in runs for send in run.sent.values()]
    assert [event["header"]["handling"] for event in events] == ["PROTECTED", "PROTECTED"]
    assert len({event["group_ref"] for event in events}) == 1


@pytest.mark.parametrize(
    "lost",
    ["5.51E+11", "03-Nov", "Nov-03", "2026-11-03", "03/11/2026", "1234567890123450000", "#REF!", "####"],
)
def test_a_household_whose_reference_is_lost_is_refused_and_holds_back_who_moves_with_it(
    tmp_path: Path, lost: str
) -> None:
    child = {**CHILD, "household_reference": "551234567890"}
    run = office_of(tmp_path).publish(csv_of({**PARENT, "household_reference": lost}, child, *OTHERS))
    assert run.unsent[2] in ("reference-damaged", "spreadsheet-error")
    assert run.unsent[3] == "household-in-doubt"
    assert run.handling() == dict.fromkeys((4, 5, 6), "ORDINARY")


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", "\r\r\n"])
def test_line_ends_may_even_be_mixed(tmp_path: Path, ending: str) -> None:
    lines = csv_of(PARENT, CHILD, *OTHERS).decode().split("\r\n")
    mixed = "\r\n".join(lines[:2]) + "\r\n" + ending.join(lines[2:])
    assert office_of(tmp_path).publish(mixed).counted() == {"Send": 5}


@pytest.mark.parametrize("byte", [b"\x00", b"\x1b", b"\x81", b"\x1a"])
def test_a_byte_that_no_text_holds_costs_one_row_of_the_file(tmp_path: Path, byte: bytes) -> None:
    content = csv_of(*OTHERS).replace(b"Marsh101", b"Marsh" + byte + b"101")
    run = office_of(tmp_path).publish(content)
    assert list(run.unsent) == [3]
    assert sorted(run.sent) == [2, 4]


@settings(examples(150), suppress_health_check=FRESH)
@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12))
def test_no_name_leaves_with_a_character_that_nobody_sees_or_in_another_form_than_nfc(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    run = office_of(tmp_path_factory.mktemp("name")).publish(csv_of({**OTHERS[0], "given_names": name}))
    assert len(run.outcomes) >= 1
    for event in run.ordinary():
        text = event["person"].get("given_names", "")
        assert not re.search(
            "[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]", text
        )
        assert unicodedata.is_normalized("NFC", text)


@pytest.mark.parametrize(
    "word", ["NULL", "null", "N/A", "n/a", "-", "None", "\\N", "Unknown", "(blank)", "0"]
)
@pytest.mark.parametrize(
    "column", ["given_names", "household_reference", "old_address_line_2", "new_uprn", "title"]
)
def test_a_word_for_nothing_is_nothing_and_noted(tmp_path: Path, word: str, column: str) -> None:
    run = office_of(tmp_path).publish(csv_of({**OTHERS[0], column: word}))
    assert (column, "placeholder") in run.notes(2)
    assert word not in str({**run.sent[2].event, "header": None}).split("'")


@pytest.mark.parametrize(
    "error", ["#REF!", "#N/A", "#NAME?", "#VALUE!", "#DIV/0!", "#NUM!", "#SPILL!", "########", "Err:502"]
)
@pytest.mark.parametrize("column", ["reference", "family_name", "new_postcode", "new_uprn", "date_of_birth"])
def test_an_error_of_a_spreadsheet_is_refused_wherever_it_stands(
    tmp_path: Path, error: str, column: str
) -> None:
    run = office_of(tmp_path).publish(csv_of({**OTHERS[0], column: error}, OTHERS[1]))
    assert run.unsent == {2: "spreadsheet-error"}
    assert 3 in run.sent


@settings(examples(60), suppress_health_check=FRESH)
@given(
    second=st.integers(0, 59),
    written=st.sampled_from(["%Y-%m-%d %H:%M", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%Y-%m-%d"]),
    protected=st.booleans(),
)
def test_a_change_whose_moment_lost_precision_is_sent(
    tmp_path_factory: pytest.TempPathFactory, second: int, written: str, protected: bool
) -> None:
    from datetime import datetime

    office = office_of(tmp_path_factory.mktemp("moment"))
    at = datetime(2026, 5, 4, 10, 30, second)  # noqa: DTZ001 -- as the file has it: UK time
    office.publish(csv_of({**OTHERS[0], "recorded_at": at.strftime("%Y-%m-%d %H:%M:%S")}))
    changed = {**OTHERS[0], "move_date": "2026-05-02", "protected": "yes" if protected else "no"}
    run = office.publish(csv_of({**changed, "recorded_at": at.strftime(written)}))
    assert run.sent[2].event["header"]["change_kind"] == "CORRECT"
    assert run.handling() == {2: "PROTECTED" if protected else "ORDINARY"}


PATHS = sorted(
    path for path in catalogue().events["resident-moved"].latest.fields if not path.startswith("header")
)


@settings(examples(60))
@given(
    shares=st.lists(
        st.tuples(st.lists(st.sampled_from(PATHS), min_size=1, max_size=5, unique=True), st.booleans()),
        min_size=1,
        max_size=3,
    )
)
def test_of_a_protected_event_only_what_an_agreement_may_carry_when_protected_leaves(
    shares: list[tuple[list[str], bool]],
) -> None:
    plain = example()
    plain["header"]["handling"] = "PROTECTED"
    source = plain["header"]["source"]
    terms = agreement(
        sources=frozenset({source}),
        shares=[share(fields=tuple(fields), protected=protected) for fields, protected in shares],
    )
    admitted = Gate(replace(NETWORK, agreements={terms.id: terms}), catalogue()).admit(
        source, "resident-moved", plain, NOW
    )
    assert isinstance(admitted, Sendable)
    left = _event(admitted)
    carried = {path for fields, protected in shares if protected for path in fields}
    named = {"person", "person.family_name"} & carried
    assert left["person"]["family_name"] == (plain["person"]["family_name"] if named else STAND_IN)
    assert ("person.family_name" in admitted.kept_at_home) != bool(named)
    for field in ("given_names", "born_on", "title"):
        if not {"person", f"person.{field}"} & carried:
            assert left["person"][field] is None
    for side in ("old_address", "new_address"):
        if not {side, f"{side}.lines"} & carried:
            assert not (left[side] or {}).get("lines")


def test_every_agreement_of_the_network_carries_a_protected_event_as_its_router_reads_it() -> None:
    """What the stand-in replaces is nothing that any agreement of the network would deliver."""
    for terms in network().agreements.values():
        for each in terms.shares:
            if each.protected and terms.status != "ended":
                assert each.fields
