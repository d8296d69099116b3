"""Look-alikes: ids that a reader takes for another, `l33ds` for `leeds`: a topic's name is all that tells them apart."""

import re
from collections.abc import Iterable, Mapping

_ALIKE = str.maketrans("0135", "oles")
_TWO_FOR_ONE = (("rn", "m"), ("vv", "w"))
_IN_A_WORD = re.compile(r"[a-z][0135]+[a-z]")


def reading(id: str) -> str:
    """What an id looks like: equal for two that are easily taken for each other."""
    for two, one in _TWO_FOR_ONE:
        id = id.replace(two, one)
    return id.translate(_ALIKE)


def disguised(id: str) -> str | None:
    """What an id reads like that has a figure between letters; None where it has none, as `area-51` and `ward10`."""
    return id.translate(_ALIKE) if _IN_A_WORD.search(id) else None


def lookalikes(ids: Iterable[str]) -> Mapping[str, str]:
    """Each id that would be taken for one before it, and that one."""
    first: dict[str, str] = {}
    return {id: other for id in dict.fromkeys(ids) if (other := first.setdefault(reading(id), id)) != id}
