"""Finds look-alikes: ids that readers take for another, such as `l33ds` for `leeds`. Pure.

A reader of a topic sees nothing but its name, so an id of similar look could pass for another council.
"""

import re
from collections.abc import Iterable, Mapping

_ALIKE = str.maketrans("0135", "oles")
_PAIRS_LIKE_A_LETTER = (("rn", "m"), ("vv", "w"))
_IN_A_WORD = re.compile(r"[a-z][0135]+[a-z]")


def reading(id: str) -> str:
    """An id as people read the id: the same text for two ids of similar look."""
    for pair, letter in _PAIRS_LIKE_A_LETTER:
        id = id.replace(pair, letter)
    return id.translate(_ALIKE)


def disguised(id: str) -> str | None:
    """The word that an id with a digit between letters reads like; None for ids without, as `area-51` and `ward10`."""
    return id.translate(_ALIKE) if _IN_A_WORD.search(id) else None


def lookalikes(ids: Iterable[str]) -> Mapping[str, str]:
    """Each id that readers would take for an earlier id, and the earlier id."""
    first: dict[str, str] = {}
    return {id: other for id in dict.fromkeys(ids) if (other := first.setdefault(reading(id), id)) != id}
