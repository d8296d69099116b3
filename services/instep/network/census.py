"""The census: checks that the authorities of a network, and their GSS codes, fit together."""

from collections.abc import Container, Iterator, Mapping
from datetime import timedelta

from instep.network.authorities import GSS, TIERS, Authority, RowFinding, identifier_errors
from instep.network.documents import nearest
from instep.network.lookalikes import disguised, lookalikes


def authority_errors(
    authorities: Mapping[str, tuple[int, Authority]], unreadable: Container[str] = ()
) -> Iterator[RowFinding]:
    """Errors in the authorities, each by itself and among all; `unreadable` are ids of rows with errors of their own."""
    councils = {id: authority for id, (_, authority) in authorities.items()}
    taken_for = lookalikes(authorities)
    codes: dict[str, str] = {}
    for line, authority in authorities.values():
        words = [*_authority(authority, councils, unreadable), *_succession(authority, councils)]
        if authority.id in taken_for:
            words.append(f"it would be taken for {taken_for[authority.id]}: choose an id that cannot")
        if authority.gss and codes.setdefault(authority.gss, authority.id) != authority.id:
            words.append(f"{authority.gss} is the code of {codes[authority.gss]} already")
        yield from (
            RowFinding(line=line, message=f"{authority.id}: {word}", about=authority.id) for word in words
        )


def authority_warnings(authorities: Mapping[str, tuple[int, Authority]]) -> Iterator[RowFinding]:
    """Warnings about authorities, for the people who look after the network."""
    taken_for = lookalikes(authorities)
    for line, authority in authorities.values():
        if authority.valid_to and not authority.replaced_by:
            words = f"it ends on {authority.valid_to} and nobody replaces it, so nobody is told of what concerns its area"
            yield RowFinding(line=line, message=f"{authority.id}: {words}", about=authority.id)
        if (like := disguised(authority.id)) and authority.id not in taken_for:
            yield RowFinding(
                line=line, message=f"{authority.id}: the id reads like {like!r}", about=authority.id
            )


def _succession(authority: Authority, councils: Mapping[str, Authority]) -> Iterator[str]:
    """Errors in the succession: a successor must take the area over on the next day, and must outlast the authority."""
    for other in (councils[id] for id in authority.replaced_by if id in councils and id != authority.id):
        if authority.valid_to is None:
            continue
        if other.valid_from > authority.valid_to + timedelta(days=1):
            yield (
                f"its successor {other.id} begins on {other.valid_from}, later than the day after {authority.valid_to}:"
                " on the days between the area is nobody's"
            )
        if other.valid_to is not None and other.valid_to <= authority.valid_to:
            yield f"its successor {other.id} ends on {other.valid_to}, no later than itself"


def _authority(
    authority: Authority, councils: Mapping[str, Authority], unreadable: Container[str]
) -> Iterator[str]:
    yield from identifier_errors("the id", authority.id)
    if not authority.name.strip():
        yield "the name is empty"
    if authority.gss and not GSS.fullmatch(authority.gss):
        yield f"the gss {authority.gss!r} is not a code such as E08000035"
    if authority.tier not in TIERS:
        yield f"the tier {authority.tier!r} is not known{nearest(authority.tier, TIERS)}"
    if authority.valid_to and authority.valid_to < authority.valid_from:
        yield "valid_to is before valid_from"
    if authority.replaced_by and not authority.valid_to:
        yield "it is replaced but has no valid_to"
    for word, other in [("parent", authority.parent)] + [("successor", id) for id in authority.replaced_by]:
        if other is not None and other not in councils and other not in unreadable:
            yield f"its {word} {other!r} is not in authorities.csv{nearest(other, councils)}"
    if authority.parent and authority.parent in councils and councils[authority.parent].tier != "county":
        yield f"its parent {authority.parent} is not a county"
    if authority.id in _ahead(authority.id, {id: (other.parent or "",) for id, other in councils.items()}):
        yield "it is above itself, by its parents"
    if authority.id in _ahead(authority.id, {id: other.replaced_by for id, other in councils.items()}):
        yield "it replaces itself, by its successors"


def _ahead(id: str, steps: Mapping[str, tuple[str, ...]]) -> set[str]:
    """Every id that can be reached from an id; the id itself only where the steps form a cycle."""
    reached: set[str] = set()
    ahead = [*steps.get(id, ())]
    while ahead:
        step = ahead.pop()
        if step not in reached:
            reached.add(step)
            ahead.extend(steps.get(step, ()))
    return reached


def alias_errors(
    aliases: Mapping[str, tuple[int, str, str]],
    councils: Mapping[str, Authority],
    unreadable: Container[str] = (),
) -> Iterator[RowFinding]:
    """Errors in the former codes, given the authorities; `unreadable` as in `authority_errors`."""
    codes = {authority.gss: authority.id for authority in councils.values()}
    for former, (line, authority, current) in aliases.items():
        if authority not in councils and authority in unreadable:
            continue
        if authority not in councils:
            words = f"{authority!r} is not in authorities.csv{nearest(authority, councils)}"
        elif councils[authority].gss != current:
            words = f"the code of {authority} is {councils[authority].gss}, not {current}"
        elif former in codes:
            words = f"{former} is the code of {codes[former]} today, so it is nobody's former code"
        else:
            continue
        yield RowFinding(line=line, message=words)
