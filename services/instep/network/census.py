"""The census: whether the authorities of a network, and their codes, fit together."""

from collections.abc import Iterator, Mapping

from instep.network.authorities import GSS, TIERS, Authority, LineFault, identifier_faults
from instep.network.documents import nearest


def authority_faults(authorities: Mapping[str, tuple[int, Authority]]) -> Iterator[LineFault]:
    """What is wrong with the authorities among themselves."""
    known = {id: one for id, (_, one) in authorities.items()}
    codes: dict[str, str] = {}
    for line, one in authorities.values():
        words = [*_authority(one, known)]
        if one.gss and codes.setdefault(one.gss, one.id) != one.id:
            words.append(f"{one.gss} is the code of {codes[one.gss]} already")
        yield from (LineFault(line=line, message=f"{one.id}: {word}") for word in words)


def _authority(one: Authority, known: Mapping[str, Authority]) -> Iterator[str]:
    yield from identifier_faults("the id", one.id)
    if not one.name.strip():
        yield "the name is empty"
    if one.gss and not GSS.fullmatch(one.gss):
        yield f"the gss {one.gss!r} is not a code such as E08000035"
    if one.tier not in TIERS:
        yield f"the tier {one.tier!r} is not known{nearest(one.tier, TIERS)}"
    if one.valid_to and one.valid_to < one.valid_from:
        yield "valid_to is before valid_from"
    if one.replaced_by and not one.valid_to:
        yield "it is replaced but has no valid_to"
    for word, other in [("parent", one.parent)] + [("successor", id) for id in one.replaced_by]:
        if other is not None and other not in known:
            yield f"its {word} {other!r} is not in authorities.csv{nearest(other, known)}"
    if one.parent and one.parent in known and known[one.parent].tier != "county":
        yield f"its parent {one.parent} is not a county"
    if one.id in _ahead(one.id, {id: (other.parent or "",) for id, other in known.items()}):
        yield "it is above itself, by its parents"
    if one.id in _ahead(one.id, {id: other.replaced_by for id, other in known.items()}):
        yield "it replaces itself, by its successors"


def _ahead(id: str, steps: Mapping[str, tuple[str, ...]]) -> set[str]:
    """All that can be reached from an id, itself only by way of a cycle."""
    found: set[str] = set()
    ahead = [*steps.get(id, ())]
    while ahead:
        step = ahead.pop()
        if step not in found:
            found.add(step)
            ahead.extend(steps.get(step, ()))
    return found


def alias_faults(
    aliases: Mapping[str, tuple[int, str, str]], known: Mapping[str, Authority]
) -> Iterator[LineFault]:
    """What is wrong with the former codes, given the authorities."""
    codes = {one.gss: one.id for one in known.values()}
    for former, (line, authority, current) in aliases.items():
        if authority not in known:
            words = f"{authority!r} is not in authorities.csv{nearest(authority, known)}"
        elif known[authority].gss != current:
            words = f"the code of {authority} is {known[authority].gss}, not {current}"
        elif former in codes:
            words = f"{former} is the code of {codes[former]} today, so it is nobody's former code"
        else:
            continue
        yield LineFault(line=line, message=words)
