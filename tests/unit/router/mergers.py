"""Who is told when councils merge, by example: `EXAMPLES` is the table that council officers read as a page.

    python -m tests.unit.router.mergers > deploy/network/ROUTING.md     (`make routing`)

The councils, their codes and the dates are those of the national network. To show routing alone, all councils in force
on the day of publishing share everything with each other under one agreement that all have approved.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from itertools import groupby
from pathlib import Path

from instep.network.agreements import Approval
from instep.network.areas import Areas
from instep.network.network import Network, load
from instep.router.decide import Result, decide
from tests.unit.sharing import agreement, facts, share

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "deploy/network/ROUTING.md"
UK = load(ROOT / "deploy/network/uk")


class NoPostcodes:
    """Every address in the table has its council's code."""

    codes: frozenset[str] = frozenset()

    def gss(self, postcode: str) -> str | None:
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A move between the areas of two councils, by their codes; `published` decides who acts today."""

    merger: str
    situation: str
    old: str
    new: str
    occurred: date
    published: date
    source: str
    delivered: tuple[str, ...]
    """The councils that are told."""
    withdrawn: tuple[str, ...] = ()
    """Who is sent a Withdrawal, and why."""
    kind: str = "NEW"
    before: tuple[str, ...] = ()
    """The councils that were told of the replaced event."""
    why: str


NORTHANTS = "Northamptonshire, 2021-04-01: seven districts and the county become two unitary councils"
YORKS = "North Yorkshire, 2023-04-01: seven districts and the county become one unitary council"
SOMERSET = "Somerset, 2023-04-01: four districts and the county become one; two of them had merged in 2019"
CUMBRIA = "Cumbria, 2023-04-01: six districts and the county become two unitary councils"

MARCH_21, APRIL_21 = date(2021, 3, 31), date(2021, 4, 1)
MARCH_23, APRIL_23 = date(2023, 3, 31), date(2023, 4, 1)

EXAMPLES = [
    Example(
        merger=NORTHANTS,
        situation="A move away, the day before",
        old="corby",
        new="leeds",
        occurred=date(2021, 3, 30),
        published=date(2021, 3, 30),
        source="leeds",
        delivered=("corby", "northamptonshire"),
        why="The district and its county still exist.",
    ),
    Example(
        merger=NORTHANTS,
        situation="A move away on their last day",
        old="corby",
        new="leeds",
        occurred=MARCH_21,
        published=MARCH_21,
        source="leeds",
        delivered=("corby", "northamptonshire"),
        why="31 March is the last day in force.",
    ),
    Example(
        merger=NORTHANTS,
        situation="The same move, published a day later",
        old="corby",
        new="leeds",
        occurred=MARCH_21,
        published=APRIL_21,
        source="leeds",
        delivered=("north-northamptonshire",),
        why="Corby and the county are gone. North Northamptonshire took Corby's area, and acts for both.",
    ),
    Example(
        merger=NORTHANTS,
        situation="A move on the first day of the new council; the address still has Corby's old code",
        old="corby",
        new="leeds",
        occurred=APRIL_21,
        published=APRIL_21,
        source="leeds",
        delivered=("north-northamptonshire",),
        why="The router knows which council succeeded the old code's council.",
    ),
    Example(
        merger=NORTHANTS,
        situation="A move on the day after, with the new code",
        old="north-northamptonshire",
        new="leeds",
        occurred=date(2021, 4, 2),
        published=date(2021, 4, 2),
        source="leeds",
        delivered=("north-northamptonshire",),
        why="The new council has no county above it.",
    ),
    Example(
        merger=NORTHANTS,
        situation="A move of 2020, published late, with the new code",
        old="west-northamptonshire",
        new="leeds",
        occurred=date(2020, 6, 1),
        published=APRIL_21,
        source="leeds",
        delivered=("west-northamptonshire",),
        why="Postcode files hold only today's codes. So the router tells the council that holds the area today.",
    ),
    Example(
        merger=NORTHANTS,
        situation="A move between districts of different halves, before the merger",
        old="daventry",
        new="corby",
        occurred=MARCH_21,
        published=MARCH_21,
        source="corby",
        delivered=("daventry", "northamptonshire"),
        why="The person left one district, and both districts are in the county.",
    ),
    Example(
        merger=NORTHANTS,
        situation="The same move, published a day later",
        old="daventry",
        new="corby",
        occurred=MARCH_21,
        published=APRIL_21,
        source="north-northamptonshire",
        delivered=("west-northamptonshire",),
        why="The move was within one county. By now the two areas belong to two councils.",
    ),
    Example(
        merger=NORTHANTS,
        situation="A move within one half of the county, published a day later",
        old="daventry",
        new="northampton",
        occurred=MARCH_21,
        published=APRIL_21,
        source="leeds",
        delivered=("west-northamptonshire",),
        why="The county was split. Only the council of this half is told.",
    ),
    Example(
        merger=NORTHANTS,
        situation="An address known only by the county's own code",
        old="northamptonshire",
        new="leeds",
        occurred=MARCH_21,
        published=APRIL_21,
        source="leeds",
        delivered=("north-northamptonshire", "west-northamptonshire"),
        why="The code does not say which half the address was in, so both are told.",
    ),
    Example(
        merger=NORTHANTS,
        situation="A correction across the date",
        old="corby",
        new="leeds",
        occurred=MARCH_21,
        published=APRIL_21,
        source="leeds",
        kind="CORRECT",
        before=("corby", "northamptonshire"),
        delivered=("north-northamptonshire",),
        withdrawn=("corby: NO_LONGER_CONCERNS", "northamptonshire: NO_LONGER_CONCERNS"),
        why="The successor is told the correction. The two councils that were told before are told to stop.",
    ),
    Example(
        merger=NORTHANTS,
        situation="A correction across the date: the address was in the other half",
        old="daventry",
        new="leeds",
        occurred=MARCH_21,
        published=APRIL_21,
        source="leeds",
        kind="CORRECT",
        before=("corby", "northamptonshire"),
        delivered=("west-northamptonshire",),
        withdrawn=("corby: NO_LONGER_CONCERNS", "northamptonshire: NO_LONGER_CONCERNS"),
        why="The council of the right half is told. The council of the wrong half never was.",
    ),
    Example(
        merger=NORTHANTS,
        situation="An annulment across the date",
        old="corby",
        new="leeds",
        occurred=MARCH_21,
        published=APRIL_21,
        source="leeds",
        kind="ANNUL",
        before=("corby", "northamptonshire"),
        delivered=("north-northamptonshire",),
        withdrawn=("corby: ANNULLED", "northamptonshire: ANNULLED"),
        why="The successor may hold its predecessor's record, so it is told. Those told before are told to stop.",
    ),
    Example(
        merger=YORKS,
        situation="A move away, the day before",
        old="harrogate",
        new="leeds",
        occurred=date(2023, 3, 30),
        published=date(2023, 3, 30),
        source="leeds",
        delivered=("harrogate", "north-yorkshire-county"),
        why="The district and its county still exist.",
    ),
    Example(
        merger=YORKS,
        situation="A move away on their last day",
        old="harrogate",
        new="leeds",
        occurred=MARCH_23,
        published=MARCH_23,
        source="leeds",
        delivered=("harrogate", "north-yorkshire-county"),
        why="31 March is the last day in force.",
    ),
    Example(
        merger=YORKS,
        situation="The same move, published a day later",
        old="harrogate",
        new="leeds",
        occurred=MARCH_23,
        published=APRIL_23,
        source="leeds",
        delivered=("north-yorkshire",),
        why="One council took over from both the district and the county, and is told once.",
    ),
    Example(
        merger=YORKS,
        situation="A move between two of its districts, published years later",
        old="harrogate",
        new="scarborough",
        occurred=date(2022, 6, 1),
        published=date(2026, 11, 26),
        source="leeds",
        delivered=("north-yorkshire",),
        why="Both areas belong to this council now.",
    ),
    Example(
        merger=YORKS,
        situation="A move on the first day",
        old="north-yorkshire",
        new="leeds",
        occurred=APRIL_23,
        published=APRIL_23,
        source="leeds",
        delivered=("north-yorkshire",),
        why="The new code names the new council.",
    ),
    Example(
        merger=YORKS,
        situation="A move from York, which was never part of the county",
        old="york",
        new="leeds",
        occurred=MARCH_23,
        published=APRIL_23,
        source="leeds",
        delivered=("york",),
        why="York did not change, and is told as before.",
    ),
    Example(
        merger=YORKS,
        situation="A correction across the date: it was York, not Harrogate",
        old="york",
        new="leeds",
        occurred=MARCH_23,
        published=APRIL_23,
        source="leeds",
        kind="CORRECT",
        before=("harrogate", "north-yorkshire-county"),
        delivered=("york",),
        withdrawn=("harrogate: NO_LONGER_CONCERNS", "north-yorkshire-county: NO_LONGER_CONCERNS"),
        why="York is told. The two councils that were wrongly told are told to stop. Their successor never was told.",
    ),
    Example(
        merger=YORKS,
        situation="A correction of an event that was itself published after the merger",
        old="york",
        new="leeds",
        occurred=APRIL_23,
        published=date(2023, 4, 2),
        source="leeds",
        kind="CORRECT",
        before=("north-yorkshire",),
        delivered=("york",),
        withdrawn=("north-yorkshire: NO_LONGER_CONCERNS",),
        why="The new council was told the event, so it is told to stop.",
    ),
    Example(
        merger=SOMERSET,
        situation="A move away from Taunton Deane, on its last day",
        old="taunton-deane",
        new="leeds",
        occurred=date(2019, 3, 31),
        published=date(2019, 3, 31),
        source="leeds",
        delivered=("somerset-county", "taunton-deane"),
        why="The district existed on that day, and so did its county.",
    ),
    Example(
        merger=SOMERSET,
        situation="The same move, published a day later",
        old="taunton-deane",
        new="leeds",
        occurred=date(2019, 3, 31),
        published=date(2019, 4, 1),
        source="leeds",
        delivered=("somerset-county", "somerset-west-and-taunton"),
        why="The merged district acts for Taunton Deane. The county still exists.",
    ),
    Example(
        merger=SOMERSET,
        situation="The same move, published on the merged district's last day",
        old="taunton-deane",
        new="leeds",
        occurred=date(2019, 3, 31),
        published=MARCH_23,
        source="leeds",
        delivered=("somerset-county", "somerset-west-and-taunton"),
        why="Nothing changed in those four years.",
    ),
    Example(
        merger=SOMERSET,
        situation="The same move, published a day after that",
        old="taunton-deane",
        new="leeds",
        occurred=date(2019, 3, 31),
        published=APRIL_23,
        source="leeds",
        delivered=("somerset",),
        why="After two mergers, one council is left, and it acts for all.",
    ),
    Example(
        merger=SOMERSET,
        situation="A move from Mendip to South Somerset, before the merger",
        old="mendip",
        new="south-somerset",
        occurred=MARCH_23,
        published=MARCH_23,
        source="south-somerset",
        delivered=("mendip", "somerset-county"),
        why="The person left one district, and both districts are in the county.",
    ),
    Example(
        merger=SOMERSET,
        situation="The same move, published a day later",
        old="mendip",
        new="south-somerset",
        occurred=MARCH_23,
        published=APRIL_23,
        source="leeds",
        delivered=("somerset",),
        why="One council now holds both areas.",
    ),
    Example(
        merger=SOMERSET,
        situation="A move from North Somerset, which left the county in 1996",
        old="north-somerset",
        new="leeds",
        occurred=MARCH_23,
        published=APRIL_23,
        source="leeds",
        delivered=("north-somerset",),
        why="North Somerset has a similar name and is another council, which did not merge.",
    ),
    Example(
        merger=SOMERSET,
        situation="An annulment across the date",
        old="mendip",
        new="leeds",
        occurred=MARCH_23,
        published=APRIL_23,
        source="leeds",
        kind="ANNUL",
        before=("mendip", "somerset-county"),
        delivered=("somerset",),
        withdrawn=("mendip: ANNULLED", "somerset-county: ANNULLED"),
        why="The successor is told. The councils that were told before are told to stop.",
    ),
    Example(
        merger=CUMBRIA,
        situation="A move from Carlisle to Eden, on their last day",
        old="carlisle",
        new="eden",
        occurred=MARCH_23,
        published=MARCH_23,
        source="eden",
        delivered=("carlisle", "cumbria"),
        why="The person left one district, and both districts are in the county.",
    ),
    Example(
        merger=CUMBRIA,
        situation="The same move, published a day later",
        old="carlisle",
        new="eden",
        occurred=MARCH_23,
        published=APRIL_23,
        source="westmorland-and-furness",
        delivered=("cumberland",),
        why="Carlisle became part of Cumberland, and Eden part of Westmorland and Furness, which publishes.",
    ),
    Example(
        merger=CUMBRIA,
        situation="A move away from Eden, published a day later",
        old="eden",
        new="leeds",
        occurred=MARCH_23,
        published=APRIL_23,
        source="leeds",
        delivered=("westmorland-and-furness",),
        why="Westmorland and Furness took Eden. Cumberland has no part in the move.",
    ),
    Example(
        merger=CUMBRIA,
        situation="A move away from Carlisle, published a day later",
        old="carlisle",
        new="leeds",
        occurred=MARCH_23,
        published=APRIL_23,
        source="leeds",
        delivered=("cumberland",),
        why="Cumberland took Carlisle. Westmorland and Furness has no part in the move.",
    ),
    Example(
        merger=CUMBRIA,
        situation="A move on the first day",
        old="cumberland",
        new="westmorland-and-furness",
        occurred=APRIL_23,
        published=APRIL_23,
        source="westmorland-and-furness",
        delivered=("cumberland",),
        why="Neither new council has a county above it.",
    ),
    Example(
        merger=CUMBRIA,
        situation="An address known only by the county's own code",
        old="cumbria",
        new="leeds",
        occurred=MARCH_23,
        published=APRIL_23,
        source="leeds",
        delivered=("cumberland", "westmorland-and-furness"),
        why="The code does not say which half the address was in, so both are told.",
    ),
    Example(
        merger=CUMBRIA,
        situation="A correction across the date: it was Carlisle, not Eden",
        old="carlisle",
        new="leeds",
        occurred=MARCH_23,
        published=APRIL_23,
        source="leeds",
        kind="CORRECT",
        before=("cumbria", "eden"),
        delivered=("cumberland",),
        withdrawn=("cumbria: NO_LONGER_CONCERNS", "eden: NO_LONGER_CONCERNS"),
        why="Cumberland is told the correction. The two councils that were told before are told to stop.",
    ),
    Example(
        merger=CUMBRIA,
        situation="A correction of an event that was itself published after the merger: it was Carlisle, not Eden",
        old="carlisle",
        new="leeds",
        occurred=APRIL_23,
        published=date(2023, 4, 2),
        source="leeds",
        kind="CORRECT",
        before=("westmorland-and-furness",),
        delivered=("cumberland",),
        withdrawn=("westmorland-and-furness: NO_LONGER_CONCERNS",),
        why="The council of the wrong half was told the event, so it is told to stop.",
    ),
    Example(
        merger=CUMBRIA,
        situation="An annulment after the merger, of an event that was published before",
        old="eden",
        new="leeds",
        occurred=MARCH_23,
        published=APRIL_23,
        source="leeds",
        kind="ANNUL",
        before=("cumbria", "eden"),
        delivered=("westmorland-and-furness",),
        withdrawn=("cumbria: ANNULLED", "eden: ANNULLED"),
        why="The successor is told. The councils that were told before are told to stop.",
    ),
]


@cache
def network_on(day: date) -> Network:
    """The national network, where all councils in force on the day share everything with each other."""
    councils = frozenset(id for id, council in UK.authorities.items() if council.in_force(day))
    everything = replace(
        agreement("everything", shares=[share(protected=True)]),
        sources=councils,
        recipients=councils,
        approvals=tuple(Approval(authority=id, by="SIRO", on=day) for id in sorted(councils)),
        effective_from=day,
        review_by=day,
    )
    return replace(UK, agreements={everything.id: everything})


def outcome(example: Example) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who is told, and who is sent a Withdrawal and why; the publisher itself left out."""
    network = network_on(example.published)
    codes = [{"authority_gss": UK.authorities[id].gss} for id in (example.old, example.new)]
    concerned = Areas(network, NoPostcodes(), example.published).concerned(codes, example.occurred)
    event = facts(
        source=example.source,
        change_kind=example.kind,
        concerned=concerned.authorities,
        area_unknown=concerned.unknown,
        past=frozenset((id, "council-tax") for id in example.before),
        day=example.published,
    )
    decision = decide(event, network)
    delivered = (entry.authority for entry in decision.having(Result.DELIVERED))
    stopped = (f"{entry.authority}: {entry.reason}" for entry in decision.having(Result.WITHDRAWN))
    withheld = decision.having(Result.WITHHELD)
    assert not withheld, f"every council in force shares everything, and yet: {withheld}"
    return tuple(id for id in delivered if id != example.source), tuple(stopped)


HEAD = """# Who is told when councils merge

This page shows real mergers, and moves on the days around them. Each row is also a test of the router's rules.
`make routing` makes this page from the table in that test.

How to read it:

- An event says **when** somebody moved, **from** where and **to** where. A council may publish it later. The day of the
  move decides whose area each address was in. The day of publishing decides who acts for that area now. If a council has
  ended, nobody reads its inbox, so the router tells its successor instead.
- Where there is a county, the router tells the county as well as the district.
- On this page, all councils that exist on the day of publishing share everything with each other. In a real network, the
  router tells only the councils that an approved agreement in force names.
- The council that publishes is not listed among those told.
- **Told to stop** means that the router sends a withdrawal: stop relying on what you were told. The withdrawal goes to each
  council that was told of the earlier event and is not sent its correction or annulment. A council that has ended gets the
  withdrawal too, in its old inbox, which Kafka keeps until the records in it expire.
"""


def page() -> Iterator[str]:
    """The lines of the page."""
    yield HEAD
    for merger, rows in groupby(EXAMPLES, key=lambda example: example.merger):
        yield f"## {merger}\n"
        yield "| what happens | from | to | moved | published | told | told to stop | why |"
        yield "| -- | -- | -- | -- | -- | -- | -- | -- |"
        for row in rows:
            delivered, stopped = outcome(row)
            councils = (UK.authorities[row.old].name, UK.authorities[row.new].name)
            cells = (
                row.situation,
                *councils,
                row.occurred,
                row.published,
                _names(delivered),
                _stopped(stopped),
                row.why,
            )
            yield f"| {' | '.join(map(str, cells))} |"
        yield ""


REASONS = {"NO_LONGER_CONCERNS": "no longer concerns it", "ANNULLED": "annulled"}


def _names(ids: tuple[str, ...]) -> str:
    return ", ".join(UK.authorities[id].name for id in ids)


def _stopped(entries: tuple[str, ...]) -> str:
    pairs = (entry.split(": ") for entry in entries)
    return ", ".join(f"{UK.authorities[id].name} ({REASONS[reason]})" for id, reason in pairs)


if __name__ == "__main__":
    print("\n".join(page()).rstrip())
