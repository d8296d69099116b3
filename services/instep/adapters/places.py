"""Tells places outside the network from mistakes, by the postcode alone: the forces, the islands, overseas, abroad."""

from __future__ import annotations

import re

_CROWN_DEPENDENCIES = {"JE": "JE", "GY": "GG", "IM": "IM"}
"""ISO 3166-1 codes by the letters with which a postcode begins."""
_OVERSEAS = {
    "ASCN": "SH", "STHL": "SH", "TDCU": "SH", "BBND": "IO", "BIQQ": "AQ", "FIQQ": "FK", "PCRN": "PN", "SIQQ": "GS",
    "TKCA": "TC",
}  # fmt: skip
_FORCES_NUMBER = re.compile(r"BFPO\s*\d{1,4}", re.IGNORECASE)
_GIBRALTAR = re.compile(r"GX11\s*1AA", re.IGNORECASE)
# Digits alone (most of Europe, the United States), Ireland, Canada, the Netherlands.
_FOREIGN = re.compile(
    r"[A-Z]{0,2}-?\d{4,6}(-\d{3,4})?|\d{3} \d{2}|[A-Z]\d[\dW] ?[A-Z0-9]{4}|[A-Z]\d[A-Z] ?\d[A-Z]\d|\d{4} ?[A-Z]{2}",
    re.IGNORECASE,
)


def country(postcode: str) -> str:
    """The country (ISO 3166-1 alpha-2) of a canonical postcode: GB, an island of the Crown, an overseas territory."""
    outward = postcode.partition(" ")[0]
    letters = outward.rstrip("0123456789")
    return _CROWN_DEPENDENCIES.get(letters) or _OVERSEAS.get(outward) or "GB"


def is_forces(postcode: str) -> bool:
    """Whether a canonical postcode is one of the forces (BF1), which no authority's area holds."""
    return postcode.startswith("BF1 ")


def of_no_postcode(text: str) -> str:
    """The reason for a text that is no postcode of the United Kingdom."""
    if _FORCES_NUMBER.fullmatch(text):
        return "forces-address"
    if _GIBRALTAR.fullmatch(text) or _FOREIGN.fullmatch(text):
        return "abroad"
    return "malformed-postcode"
