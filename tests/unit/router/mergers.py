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
        why="Corby and the county are gone: the one council that took Corby's area acts for both.",
    ),
    Example(
        merger=NORTHANTS,
        situation="A move on the first day, the address still with Corby's old code",
        old="corby",
        new="leeds",
        occurred=APRIL_21,
        published=APRIL_21,
        source="leeds",
        delivered=("north-northamptonshire",),
        why="An old code leads to the successor.",
    ),
    Example(
        merger=NORTHANTS,
        situation="The day after, with the new code",
        old="north-northamptonshire",
        new="leeds",
        occurred=date(2021, 4, 2),
        published=date(2021, 4, 2),
        source="leeds",
        delivered=("north-northamptonshire",),
        why="The new council, which has no county above it.",
    ),
    Example(
        merger=NORTHANTS,
        situation="A move of 2020 told late, by the new code",
        old="west-northamptonshire",
        new="leeds",
        occurred=date(2020, 6, 1),
        published=APRIL_21,
        source="leeds",
        delivered=("west-northamptonshire",),
        why="Postcode files know the codes of now alone: who holds the area now is told.",
    ),
    Example(
        merger=NORTHANTS,
        situation="A move between districts of different halves, before",
        old="daventry",
        new="corby",
        occurred=MARCH_21,
        published=MARCH_21,
        source="corby",
        delivered=("daventry", "northamptonshire"),
        why="The district left, and the county of both.",
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
        why="What was a move within one county is now one between two councils.",
    ),
    Example(
        merger=NORTHANTS,
        situation="A move within what becomes one half, published a day later",
        old="daventry",
        new="northampton",
        occurred=MARCH_21,
        published=APRIL_21,
        source="leeds",
        delivered=("west-northamptonshire",),
        why="The county was split: only the half that holds these districts is told, not the other.",
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
        why="Nobody can say which half it was, so both are told.",
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
        why="The successor is told the corrected content; the bodies told before are told to stop relying on theirs.",
    ),
    Example(
        merger=NORTHANTS,
        situation="A correction across the date, which moves the address to the other half",
        old="daventry",
        new="leeds",
        occurred=MARCH_21,
        published=APRIL_21,
        source="leeds",
        kind="CORRECT",
        before=("corby", "northamptonshire"),
        delivered=("west-northamptonshire",),
        withdrawn=("corby: NO_LONGER_CONCERNS", "northamptonshire: NO_LONGER_CONCERNS"),
        why="The half that the address is in is told; the other never was.",
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
        why="The successor may hold it from its predecessor, so it is told; so are the bodies that were.",
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
        why="One council took over from both, and is told once.",
    ),
    Example(
        merger=YORKS,
        situation="A move between two of its districts, told years later",
        old="harrogate",
        new="scarborough",
        occurred=date(2022, 6, 1),
        published=date(2026, 11, 26),
        source="leeds",
        delivered=("north-yorkshire",),
        why="Both areas are its own now.",
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
        why="The new council, by its new code.",
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
        why="A neighbour that did not change is told as before.",
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
        why="York is told. Who was told wrongly is told to stop relying on it; the successor never was.",
    ),
    Example(
        merger=YORKS,
        situation="A correction after the date of what was told after it",
        old="york",
        new="leeds",
        occurred=APRIL_23,
        published=date(2023, 4, 2),
        source="leeds",
        kind="CORRECT",
        before=("north-yorkshire",),
        delivered=("york",),
        withdrawn=("north-yorkshire: NO_LONGER_CONCERNS",),
        why="The new council was told, and its copy is withdrawn.",
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
        why="The district of that day, and its county.",
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
        why="The merged district acts for it; the county goes on.",
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
        why="Nothing has changed in those four years.",
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
        why="Through two mergers to the one council that is left.",
    ),
    Example(
        merger=SOMERSET,
        situation="A move from Mendip to South Somerset, before",
        old="mendip",
        new="south-somerset",
        occurred=MARCH_23,
        published=MARCH_23,
        source="south-somerset",
        delivered=("mendip", "somerset-county"),
        why="The district left, and the county of both.",
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
        why="One council holds both areas.",
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
        why="A like name is another council: it did not merge.",
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
        why="The successor is told, and the bodies that were told before.",
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
        why="The district left, and the county of both.",
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
        why="Carlisle went to Cumberland, Eden to Westmorland and Furness.",
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
        why="Only the half that took Eden: Cumberland has no part in it.",
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
        why="Only the half that took Carlisle.",
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
        why="Two councils that have no county above them.",
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
        why="Nobody can say which half it was, so both are told.",
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
        why="Cumberland is told; the bodies told before are told to stop relying on theirs.",
    ),
    Example(
        merger=CUMBRIA,
        situation="A correction after the date of what was told after it: it was Carlisle, not Eden",
        old="carlisle",
        new="leeds",
        occurred=APRIL_23,
        published=date(2023, 4, 2),
        source="leeds",
        kind="CORRECT",
        before=("westmorland-and-furness",),
        delivered=("cumberland",),
        withdrawn=("westmorland-and-furness: NO_LONGER_CONCERNS",),
        why="The wrong half was told, and its copy is withdrawn.",
    ),
    Example(
        merger=CUMBRIA,
        situation="An annulment after the date of what was told before it",
        old="eden",
        new="leeds",
        occurred=MARCH_23,
        published=APRIL_23,
        source="leeds",
        kind="ANNUL",
        before=("cumbria", "eden"),
        delivered=("westmorland-and-furness",),
        withdrawn=("cumbria: ANNULLED", "eden: ANNULLED"),
        why="The successor is told, and the bodies that were told before.",
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

Real mergers, and moves on the days around them. Each row is a test: the rules by which events are routed are asked the same
question, and this page is made from the table that they are held against (`make routing`).

How to read it:

- An event says **when** somebody moved, and **where** from and to. It may be published later. The day of the move says whose
  area it was; the day of publishing says who acts for that area now. A council that has ended has nobody left to read its
  post, so its successor is told in its place.
- A county is told beside the district, where there is one.
- To show this alone, all councils that exist on the day of publishing share everything here. In a real network only those
  are told whom an approved agreement in force names.
- The council that publishes is not listed among those told.
- **Told to stop** is a withdrawal. It goes to whoever was told what is now corrected or annulled, and is not told the
  new content; also to a council that has ended, whose inbox is kept until what lies in it has expired.
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
