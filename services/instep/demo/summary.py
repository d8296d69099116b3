"""Puts the results of a run of the demo into sections of text and tables for people. Pure: `instep demo` prints them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from instep.client.explain import explain
from instep.client.reader import Item
from instep.demo import evidence
from instep.demo.access_probes import Suspension
from instep.demo.journey import Journey
from instep.demo.record import metrics
from instep.demo.report import Figures, busiest, figures

BUSIEST = 10
FAULTY_SHOWN = 10
CHECKED = {True: "holds", False: "DOES NOT HOLD"}

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A heading, lines of text, a table (its columns are the keys of its first row), and lines after the table."""

    heading: str
    before: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    after: tuple[str, ...] = ()


HOW_TO_LOOK = Section(
    heading="Everything is still up",
    before=(
        "export INSTEP_HOME=.instep/demo",
        "instep inbox leeds · instep outcomes leeds · instep rejected leeds · instep network show",
        "instep demo --stop ends it. The agreement that was suspended still is.",
    ),
)


def sections(journey: Journey) -> Iterator[Section]:
    """The sections of the demo's results, in the order in which people read."""
    yield _files(journey)
    yield _councils(journey)
    yield from _totals(journey)
    if journey.kept_at_home:
        heading = "Kept at home, since no agreement of the council shares it (lines that have it)"
        yield Section(heading=heading, before=_counts(dict(sorted(journey.kept_at_home.items())), {}))
    if journey.pair is not None:
        yield _event(*journey.pair)
    yield from _checks(journey)
    if journey.suspension is not None:
        yield _suspension(journey.suspension)
    yield _metrics(journey)


def _files(journey: Journey) -> Section:
    rows = tuple(
        {
            "file": file,
            "lines": outcomes.total(),
            "published": outcomes["published"],
            "not sent: same address": outcomes["same-address"],
            "not sent: said before": outcomes["duplicate"] + outcomes["unchanged"] + outcomes["superseded"],
            "refused": outcomes["refused"] + outcomes["review"],
        }
        for file, outcomes in sorted(journey.lines.items())
    )
    heading = f"What {len(journey.by_council)} councils of the network {journey.network.name} published"
    return Section(heading=heading, rows=rows, after=tuple(_about_files(journey)))


def _about_files(journey: Journey) -> Iterator[str]:
    if journey.moved_on:
        yield f"All dates of the agreements are moved on by {journey.moved_on} days: they stand as when they were written."
    if journey.redated:
        yield f"{journey.redated} rows are dated after this machine's today: they were published as recorded just now."
    for place, result in journey.faulty[:FAULTY_SHOWN]:
        column = f", {result.column}" if result.column else ""
        yield f"refused: {place}{column}: {result.meaning}"
    if len(journey.faulty) > FAULTY_SHOWN:
        yield f"and {len(journey.faulty) - FAULTY_SHOWN} more, in .instep/demo.json"


def _councils(journey: Journey) -> Section:
    purposes = sorted(figures(journey.evidence).received)
    busy = busiest(journey.evidence, BUSIEST)
    rows = [_council_row(council, figures(journey.evidence, council), purposes, journey) for council in busy]
    rows.append(_council_row(None, figures(journey.evidence), purposes, journey))
    return Section(
        heading="The busiest councils, and all together",
        rows=tuple(rows),
        after=(
            "From `published` to `withheld` as the publisher; the rest is what lies in the council's own inboxes.",
        ),
    )


def _council_row(council: str | None, total: Figures, purposes: list[str], journey: Journey) -> Row:
    lines = [outcomes for publisher, outcomes in journey.by_council.items() if council in (None, publisher)]
    refused = sum(outcomes["refused"] + outcomes["review"] for outcomes in lines)
    return {
        "council": council or "all",
        "published": total.published,
        "refused": refused + sum(total.refused.values()),
        "accepted": total.accepted,
        "delivered": total.delivered,
        "withheld": sum(total.withheld.values()),
        **{f"← {purpose}": total.received.get(purpose, 0) for purpose in purposes},
        "← withdrawals": sum(total.withdrawn.values()),
    }


def _totals(journey: Journey) -> Iterator[Section]:
    total = figures(journey.evidence)
    yield Section(heading="Received, by purpose", before=_counts(total.received, {}))
    yield Section(heading="Withdrawn, by purpose", before=_counts(total.withdrawn, {}))
    yield Section(heading="Withheld, and why", before=_explained(total.withheld))
    others = {ending: count for ending, count in total.endings.items() if ending != "DECIDED"}
    if others:
        yield Section(heading="Accepted, and told to nobody", before=_explained(others))
    if total.refused:
        yield Section(heading="Refused by the network", before=_explained(total.refused))


def _explained(counts: Mapping[str, int]) -> tuple[str, ...]:
    return _counts(counts, {reason: explain(reason).meaning for reason in counts})


def _counts(counts: Mapping[str, int], meanings: Mapping[str, str]) -> tuple[str, ...]:
    lines = (f"{count:>8}  {name:<24}{meanings.get(name, '')}".rstrip() for name, count in counts.items())
    return tuple(lines) or ("       0",)


def _event(before: Item, after: Item) -> Section:
    kept = dict(evidence.body(after))
    recipient, _, purpose = after.topic.partition(".inbox.")
    source = before.topic.partition(".")[0]
    return Section(
        heading=f"One event (an invented person's): as {source} said it, and as {recipient} got it",
        before=(
            f"{after.headers.get('ce_type')} for {purpose}, under {after.headers.get('ce_instepagreements')}; a field that"
            " is not shared is null in the delivery.",
        ),
        rows=tuple(
            {
                "field": path,
                before.topic: _shown(value),
                after.topic: _shown(kept[path]) if path in kept else "-",
            }
            for path, value in evidence.body(before)
        ),
    )


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _checks(journey: Journey) -> Iterator[Section]:
    yield Section(
        heading="Whether it adds up, from the topics alone",
        rows=tuple(
            {"": CHECKED[check.holds], "check": check.claim, "cases": check.cases, "wrong": check.wrong}
            for check in journey.checks
        ),
        after=tuple(f"{check.name}: {problem}" for check in journey.checks for problem in check.problems),
    )
    yield Section(
        heading="What the broker says to councils, whatever their programs may try",
        rows=tuple(
            {
                "": CHECKED[attempt.holds],
                "signed in as": attempt.who,
                "tries to": attempt.tried,
                "the broker": attempt.answer,
            }
            for attempt in journey.attempts
        ),
    )


def _suspension(suspension: Suspension) -> Section:
    return Section(
        heading="An agreement is suspended while everything runs",
        before=(
            f"{CHECKED[suspension.holds]}: {suspension.agreement} is suspended by generation {suspension.generation}; the"
            f" same event, published anew {suspension.after_s:g} s later, was not delivered: {suspension.result} (disclosed"
            f" under generation {suspension.generation_disclosed}).",
        ),
    )


def _metrics(journey: Journey) -> Section:
    return Section(
        heading="Metrics",
        before=(
            *(
                f"{service.name}: {service.address}/metrics (while it runs: `instep demo --keep`)"
                + (
                    f"; it ended by itself and was started again {service.restarts} times"
                    if service.restarts
                    else ""
                )
                for service in journey.services
            ),
            *_counts({name: round(value) for name, value in metrics(journey).items()}, {}),
        ),
    )
