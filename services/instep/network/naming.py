"""Whom people mean when they write an authority's full name, its code, or its id with capitals. Pure."""

import re
from collections.abc import Mapping
from difflib import get_close_matches

from instep.network.authorities import Authority
from instep.network.everyday import folded

_COMMON = re.compile(
    r"\b(london borough of|royal borough of|city of|county of|the"
    r"|borough|city|county|district|metropolitan|council|cyngor|mbc|cc|dc|bc)\b"
)


def authority_meant(text: str, councils: Mapping[str, Authority]) -> str | None:
    """The id of the authority with this id, name or GSS code, however it is written; None where nobody or several fit."""
    for spelling in (folded, _short):
        wanted = spelling(text)
        fitting = {
            id
            for id, council in councils.items()
            if wanted and wanted in (spelling(id), spelling(council.name), spelling(council.gss))
        }
        # A name that a council took over from its predecessor means the council of today.
        today = {id for id in fitting if councils[id].valid_to is None} or fitting
        if len(today) == 1:
            return today.pop()
    return None


def authority_like(text: str, councils: Mapping[str, Authority]) -> str:
    """What to write instead of `text`, to stand behind a sentence: `": write leeds"`; "" where no authority is similar."""
    meant = authority_meant(text, councils)
    if meant is not None:
        return f": write {meant}"
    names = {_short(name): id for id, council in councils.items() for name in (council.name, id)}
    # Names of places are short, and many share half of their letters.
    like = get_close_matches(_short(text), list(names), n=1, cutoff=0.7)
    return f" (did you mean {names[like[0]]}?)" if like else ""


def _short(text: str) -> str:
    """The name without the words that many names of councils share: `camden` for `London Borough of Camden`."""
    return folded(_COMMON.sub(" ", text.casefold())) or folded(text)
