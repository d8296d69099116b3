"""The census: whether the authorities of a network, and their codes, fit together."""

from collections.abc import Container, Iterator, Mapping
from datetime import timedelta

from instep.network.authorities import GSS, TIERS, Authority, LineFault, identifier_faults
from instep.network.documents import nearest
from instep.network.lookalikes import disguised, lookalikes


def authority_faults(
    authorities: Mapping[str, tuple[int, Authority]], unread: Container[str] = ()
) -> Iterator[LineFault]:
    """What is wrong with the authorities among themselves; `unread` are ids of rows that have faults of their own."""
    known = {id: one for id, (_, one) in authorities.items()}
    taken_for = lookalikes(authorities)
    codes: dict[str, str] = {}
    for line, one in authorities.values():
        words = [*_authority(one, known, unread), *_succession(one, known)]
        if one.id in taken_for:
            words.append(f"it would be taken for {taken_for[one.id]}: choose an id that cannot")
        if one.gss and codes.setdefault(one.gss, one.id) != one.id:
            words.append(f"{one.gss} is the code of {codes[one.gss]} already")
        yield from (LineFault(line=line, message=f"{one.id}: {word}") for word in words)


def authority_warnings(authorities: Mapping[str, tuple[int, Authority]]) -> Iterator[LineFault]:
    """What the network's people should know of its authorities."""
    taken_for = lookalikes(authorities)
    for line, one in authorities.values():
        if one.valid_to and not one.replaced_by:
            words = f"it ends on {one.valid_to} and nobody replaces it, so nobody is told of what concerns its area"
            yield LineFault(line=line, message=f"{one.id}: {words}")
        if (like := disguised(one.id)) and one.id not in taken_for:
            yield LineFault(line=line, message=f"{one.id}: the id reads like {like!r}")


def _succession(one: Authority, known: Mapping[str, Authority]) -> Iterator[str]:
    """Areas pass on without a day between, to a body that is there to take them."""
    for other in (known[id] for id in one.replaced_by if id in known and id != one.id):
        if one.valid_to is None:
            continue
        if other.valid_from > one.valid_to + timedelta(days=1):
            yield (
                f"its successor {other.id} begins on {other.valid_from}, later than the day after {one.valid_to}:"
                " on the days between the area is nobody's"
            )
        if other.valid_to is not None and other.valid_to <= one.valid_to:
            yield f"its successor {other.id} ends on {other.valid_to}, no later than itself"


def _authority(one: Authority, known: Mapping[str, Authority], unread: Container[str]) -> Iterator[str]:
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
        if other is not None and other not in known and other not in unread:
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
    aliases: Mapping[str, tuple[int, str, str]], known: Mapping[str, Authority], unread: Container[str] = ()
) -> Iterator[LineFault]:
    """What is wrong with the former codes, given the authorities; `unread` as in `authority_faults`."""
    codes = {one.gss: one.id for one in known.values()}
    for former, (line, authority, current) in aliases.items():
        if authority not in known and authority in unread:
            continue
        if authority not in known:
            words = f"{authority!r} is not in authorities.csv{nearest(authority, known)}"
        elif known[authority].gss != current:
            words = f"the code of {authority} is {known[authority].gss}, not {current}"
        elif former in codes:
            words = f"{former} is the code of {codes[former]} today, so it is nobody's former code"
        else:
            continue
        yield LineFault(line=line, message=words)
