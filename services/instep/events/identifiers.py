"""Gives each identifier its canonical form: postcodes, UPRNs, GSS codes, company numbers, references of subjects and
others.

Every function takes a system's text and gives the canonical form, or None where the text is no such identifier. So a
value is canonical where the function gives the same value back. Adapters normalise with these functions. Intake's rules
only compare: nobody would trust a bus that quietly rewrote a council's words. No function says that an identifier
*exists*.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NewType

AuthorityId = NewType("AuthorityId", str)
Normalise = Callable[[str], str | None]

# Source: BS 7666 and Royal Mail's programmers' guide for the letters of each place; the third letters are those of the ONS
# directory of November 2025, which also knows terminated districts (W1M, W1R …). All but one of its 2,720,556 rows pass
# (NPT 0VA, terminated).
_POSTCODE = re.compile(
    r"(?:[A-PR-UWYZ][A-HK-Y]?[0-9][0-9]?"  # M1, M60, CR2, DN55, and BF1 of the forces
    r"|[A-PR-UWYZ][0-9][A-HJKMNPR-Y]"  # W1A
    r"|[A-PR-UWYZ][A-HK-Y][0-9][ABEHMNPRVWXY]"  # EC1A
    r"|NPT)"  # Newport before 1990s' districts; terminated, still in records
    r"[0-9][ABD-HJLNP-UW-Z]{2}"
    r"|GIR0AA"  # Girobank's own
    r"|(?:ASCN|BBND|BIQQ|FIQQ|PCRN|SIQQ|STHL|TDCU|TKCA)1ZZ"  # overseas territories
    r"|ZZ99[0-9][A-Z]{2}"  # pseudo-postcodes: no fixed abode, abroad (NHS and ONS practice)
)
_SPACES = re.compile(r"\s+")
_GSS = re.compile(r"[EWSN][0-9]{8}")
_UPRN = re.compile(r"[0-9]{1,12}")
_USRN = re.compile(r"[0-9]{8}")
_SIC = re.compile(r"[0-9]{4,5}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_AUTHORITY = re.compile(r"[a-z][a-z0-9-]{1,40}")
_SUBJECT_REF = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NATIONAL_INSURANCE = re.compile(r"[A-Za-z]{2}[0-9]{6}[A-Za-z]")
_NOT_PLAIN = re.compile(r"[._-]+")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

# Source: Companies House, "Uniform Resource Identifiers Customer Guide", and its register. R has seven digits; the
# mutual societies' registers (IP, NP, NO, SP, RS) end some numbers in a letter or two.
_COMPANY_NUMBER = re.compile(
    r"[0-9]{8}|R[0-9]{7}"
    r"|(?:AC|BR|CE|CN|CS|EN|ES|FC|FE|GE|GN|GS|IC|IP|LP|NA|NC|NF|NI|NL|NO|NP|NR|NV|NZ"
    r"|OC|OE|PC|RC|RS|SA|SC|SE|SF|SG|SI|SL|SO|SP|SR|SZ|ZC)"
    r"[0-9]{4}(?:[0-9]{2}|[0-9][A-Z]|[A-Z]{2})"
)
_COMPANY_PARTS = re.compile(r"([A-Z]{0,2})([0-9]+[A-Z]{0,2})")


@lru_cache(maxsize=65536)
def postcode(text: str) -> str | None:
    """`ls11ur` to `LS1 1UR`: capitals, one space before the last three characters."""
    compact = _SPACES.sub("", text).upper()
    return f"{compact[:-3]} {compact[-3:]}" if _POSTCODE.fullmatch(compact) else None


def uprn(text: str) -> str | None:
    """Unique Property Reference Number: up to 12 digits, without zeros in front (some systems pad, some drop the zeros)."""
    number = text.strip()
    return number.lstrip("0") or None if _UPRN.fullmatch(number) else None


def usrn(text: str) -> str | None:
    """Unique Street Reference Number: 8 digits."""
    number = text.strip()
    return number if _USRN.fullmatch(number) else None


@lru_cache(maxsize=4096)
def gss(text: str) -> str | None:
    """ONS's nine-character code of an area of England, Wales, Scotland or Northern Ireland."""
    code = text.strip().upper()
    return code if _GSS.fullmatch(code) else None


@lru_cache(maxsize=65536)
def company_number(text: str) -> str | None:
    """Companies House's eight characters; zeros that a spreadsheet dropped are put back (`SC1234` is `SC001234`)."""
    parts = _COMPANY_PARTS.fullmatch(_SPACES.sub("", text).upper())
    if parts is None:
        return None
    prefix, rest = parts.groups()
    number = prefix + rest.zfill(8 - len(prefix))
    return number if _COMPANY_NUMBER.fullmatch(number) and number.strip("0") else None


def sic(text: str) -> str | None:
    """A Standard Industrial Classification code: a class of 4 digits or a subclass of 5."""
    code = text.strip()
    return code if _SIC.fullmatch(code) else None


@lru_cache(maxsize=1024)
def country(text: str) -> str | None:
    """ISO 3166-1 alpha-2, by its shape."""
    code = text.strip().upper()
    return code if _COUNTRY.fullmatch(code) else None


@lru_cache(maxsize=4096)
def authority_id(text: str) -> AuthorityId | None:
    """`[a-z][a-z0-9-]{1,40}`; `instep` is reserved."""
    return AuthorityId(text) if _AUTHORITY.fullmatch(text) and text != "instep" else None


def subject_ref(text: str) -> str | None:
    """A source's own pseudonym of a subject; never an NHS or National Insurance number, however punctuated."""
    if not _SUBJECT_REF.fullmatch(text):
        return None
    return None if len(text) < 20 and _is_national(_NOT_PLAIN.sub("", text)) else text


def uuid(text: str) -> str | None:
    """A UUID in lower case with hyphens (RFC 9562): the text tells events apart, so there is a single spelling."""
    lower = text.strip().lower()
    return lower if _UUID.fullmatch(lower) else None


def _is_national(plain: str) -> bool:
    return _NATIONAL_INSURANCE.fullmatch(plain) is not None or _is_nhs_number(plain)


def _is_nhs_number(plain: str) -> bool:
    """Ten digits of which the last checks the others, modulus 11 (NHS Data Model and Dictionary, "NHS NUMBER")."""
    if len(plain) != 10 or not (plain.isascii() and plain.isdigit()):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), plain, strict=False))
    return (11 - total % 11) % 11 == int(plain[-1])
