"""Judges how alike two rows are: the same person, the same address, the same content. Pure."""

from __future__ import annotations

import re
from typing import Any

from instep.adapters.line import Plain
from instep.adapters.memory import Fingerprint

_WORD = re.compile(r"\w+")


def is_another(current: Fingerprint, last: Fingerprint) -> bool:
    """Whether a row is of another person than the remembered row of its reference, as far as one can ask.

    Two traits that differ are enough, of given names, family name and date of birth; given names alone are, of two rows that
    were recorded at once. So is a different person in a different household; without households, a different person.
    """
    if current.person is None or last.person is None or current.person == last.person:
        return False
    differ = [_differ(getattr(current, name), getattr(last, name)) for name in ("given", "family", "born")]
    if sum(differ) > 1 or (differ[0] and current.recorded == last.recorded):
        return True
    return current.household is None or last.household is None or current.household != last.household


def _differ(one: bytes | None, other: bytes | None) -> bool:
    return one is not None and other is not None and one != other


def newly_protected(current: Fingerprint, last: Fingerprint) -> bool:
    """Whether a row is protected and its subject was last sent as ordinary: never left unsent for its age."""
    return bool(current.shown) and not (last.protected if last.shown is None else last.shown)


def has_not_moved(body: Plain) -> bool:
    """Whether the addresses before and after are the same, where the reason is a move of the person."""
    if body.get("reason", "MOVE") not in ("MOVE", "PLACEMENT"):
        return False
    old, new = body.get("old_address"), body.get("new_address")
    if not isinstance(old, dict) or not isinstance(new, dict) or not old.get("postcode"):
        return False
    if old.get("uprn") and new.get("uprn"):
        return _decisive(old) == _decisive(new)
    return bool(old.get("lines")) and _spelling(old) == _spelling(new)


def _spelling(address: Plain) -> tuple[Any, list[str]]:
    lines = address.get("lines", ())
    return address.get("postcode"), _WORD.findall(" ".join(map(str, lines)).casefold())


def _decisive(address: Plain) -> Plain:
    """What decides whether two addresses with a UPRN are the same: a spreadsheet may copy a UPRN down a column."""
    words = _WORD.findall(" ".join(map(str, address["lines"])).casefold()) if address.get("lines") else []
    numbers = [word for word in words if not word.isalpha() or (len(word) == 1 and word != "s")]
    return {"uprn": address["uprn"], "postcode": address.get("postcode"), "numbers": numbers}


def loosened(content: Any) -> Any:
    """The content, with each address that has a UPRN reduced to what decides: UPRN, postcode, numbers of house and flat."""
    if isinstance(content, dict):
        if content.get("uprn") and "lines" in content:
            return _decisive(content)
        return {name: loosened(value) for name, value in content.items()}
    if isinstance(content, list):
        return [loosened(item) for item in content]
    return content
