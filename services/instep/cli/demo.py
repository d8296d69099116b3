"""`instep demo`: the whole journey of a network on a real Kafka, shown and judged."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instep.cli.output import Output, note, show, stderr, stdout
from instep.errors import PlatformError

if TYPE_CHECKING:
    from instep.demo.journey import Journey
    from instep.demo.report import Figures

BUSIEST = 10
FAULTY_SHOWN = 10
EXIT_DOES_NOT_HOLD = 1
CHECKED = {True: "holds", False: "DOES NOT HOLD"}


class NetworkName(StrEnum):
    """The networks that the demo has data for."""

    UK = "uk"
    SAMPLE = "sample"


def register(app: typer.Typer) -> None:
    """Add this module's command to `instep`."""
    app.command("demo")(demo)


def demo(
    network: Annotated[
        NetworkName, typer.Option(help="All councils of the United Kingdom, or eleven of them.")
    ] = NetworkName.UK,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything up afterwards, to look around.")
    ] = False,
    stop: Annotated[
        bool, typer.Option("--stop", help="End what `--keep` has left up, and do nothing else.")
    ] = False,
) -> None:
    """Move invented people's records between councils over a real Kafka, and prove that nothing is lost or leaked.

    It starts a Kafka and the services of its own, publishes the files in deploy/demo as every council would, reads what
    each council received, and checks it: every line accepted or refused, every candidate told or not told for a reason,
    nothing in an inbox that no agreement shares. It exits with 1 if anything does not hold, and leaves nothing running.
    The figures are also in .instep/demo.json.
    """
    from instep.cache import cache_directory
    from instep.demo.journey import Paths
    from instep.demo.run import demo as run_demo
    from instep.demo.run import stop_demo

    directory = Path(".instep")
    if stop:
        ended = stop_demo(directory / "demo")
        typer.echo(f"Ended: {', '.join(ended)}." if ended else "Nothing was left up.")
        return
    paths = Paths(root=_root(), directory=directory / "demo", postcodes=cache_directory(os.environ))
    began = time.monotonic()
    with _steps() as tell, run_demo(network.value, paths, tell, keep=keep) as journey:
        journey.seconds["total"] = time.monotonic() - began
        file = directory / "demo.json"
        file.write_text(json.dumps(as_json(journey), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        print_journey(journey)
        if keep:
            _print_how_to_look(journey)
    stdout().print(f"\nThe same figures are in {file}.")
    if not journey.holds:
        raise typer.Exit(EXIT_DOES_NOT_HOLD)


def _root() -> Path:
    """The repository, whose sample data and networks the demo uses."""
    root = Path(__file__).resolve().parents[3]
    if not (root / "deploy" / "demo").is_dir():
        raise PlatformError(
            "The demo runs from a clone of the repository, which has its data in deploy/demo."
        )
    return root


class _steps:  # noqa: N801 -- used as a function
    """Progress on stderr: one line a step, with how long it took; a count beside it where there is a terminal."""

    def __enter__(self) -> "_steps":
        self._began = time.monotonic()
        self._last = ""
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, text: str, done: int = 0, total: int = 0) -> None:
        """Tell of a step."""
        if text != self._last:
            self._last = text
            note(f"{time.monotonic() - self._began:6.1f} s  {text}")
        elif total and stderr().is_terminal:
            stderr().print(f"          {done} of {total}", end="\r")


def as_json(journey: "Journey") -> dict[str, Any]:
    """Every figure, for `.instep/demo.json`."""
    from instep.demo.report import figures

    evidence = journey.evidence
    councils = sorted(
        {one.slot.authority for one in evidence.said} | {one.authority for one in evidence.received}
    )
    return {
        "network": journey.network.name,
        "generation": journey.network.generation,
        "authorities": len(journey.network.participants),
        "holds": journey.holds,
        "seconds": {stage: round(seconds, 1) for stage, seconds in journey.seconds.items()},
        "files": {file: dict(outcomes) for file, outcomes in journey.lines.items()},
        "held_back": dict(journey.held_back),
        "redated_rows": journey.redated,
        "agreements_moved_on_by_days": journey.moved_on,
        "refused_lines": [
            {"place": place, "column": result.column, "reason": result.reason}
            for place, result in journey.faulty
        ],
        "total": asdict(figures(evidence)),
        "councils": {id: asdict(figures(evidence, id)) for id in councils},
        "checks": [asdict(check) | {"holds": check.holds} for check in journey.checks],
        "restarts": {service.name: service.restarts for service in journey.services},
        "metrics": metrics(journey),
        "attempts": [asdict(attempt) | {"holds": attempt.holds} for attempt in journey.attempts],
        "suspension": asdict(journey.suspension) if journey.suspension else None,
    }


def metrics(journey: "Journey") -> dict[str, float]:
    """A few figures as the services' own metrics have them."""
    intake, router = journey.metrics["intake"], journey.metrics["router"]
    return {
        "instep_intake_events_total": intake.total("instep_intake_events_total"),
        "instep_intake_rejections_total": intake.total("instep_intake_rejections_total"),
        "instep_router_deliveries_total": router.total("instep_router_deliveries_total"),
        "instep_router_withheld_total": router.total("instep_router_withheld_total"),
        "instep_router_duplicates_total": router.total("instep_router_duplicates_total"),
        "instep_network_generation": router.total("instep_network_generation"),
        "kafka_consumergroup_lag (intake)": intake.total("kafka_consumergroup_lag"),
        "kafka_consumergroup_lag (router)": router.total("kafka_consumergroup_lag"),
    }


def print_journey(journey: "Journey") -> None:
    """Everything that came of it, for people."""
    _print_files(journey)
    _print_councils(journey)
    _print_totals(journey)
    _print_held_back(journey)
    _print_event(journey)
    _print_checks(journey)
    _print_attempts(journey)
    _print_suspension(journey)
    _print_metrics(journey)


def _print_files(journey: "Journey") -> None:
    _heading(f"What {len(journey.by_council)} councils of the network {journey.network.name} published")
    rows = [
        {
            "file": file,
            "lines": outcomes.total(),
            "published": outcomes["published"],
            "not sent: same address": outcomes["same-address"],
            "not sent: said before": outcomes["duplicate"] + outcomes["unchanged"] + outcomes["superseded"],
            "refused": outcomes["refused"] + outcomes["review"],
        }
        for file, outcomes in sorted(journey.lines.items())
    ]
    show(Output.TABLE, tuple(rows[0]), rows)
    if journey.moved_on:
        stdout().print(
            f"All dates of the agreements are moved on by {journey.moved_on} days: they stand as when they were written."
        )
    if journey.redated:
        stdout().print(
            f"{journey.redated} rows are dated after this machine's today: they were published as recorded just now."
        )
    from instep.adapters import explain

    for place, result in journey.faulty[:FAULTY_SHOWN]:
        column = f", {result.column}" if result.column else ""
        stdout().print(f"refused: {place}{column}: {explain(result.reason)}")
    if len(journey.faulty) > FAULTY_SHOWN:
        stdout().print(f"and {len(journey.faulty) - FAULTY_SHOWN} more, in .instep/demo.json")


def _print_councils(journey: "Journey") -> None:
    from instep.demo.report import busiest, figures

    _heading("The busiest councils, and all together")
    purposes = sorted(figures(journey.evidence).received)
    ids = busiest(journey.evidence, BUSIEST)
    rows = [_council_row(id, figures(journey.evidence, id), purposes, journey) for id in ids]
    rows.append(_council_row(None, figures(journey.evidence), purposes, journey))
    show(Output.TABLE, tuple(rows[0]), rows)
    stdout().print(
        "From `published` to `withheld` as the publisher; the rest is what lies in the council's own inboxes."
    )


def _council_row(id: str | None, found: "Figures", purposes: list[str], journey: "Journey") -> dict[str, Any]:
    lines = [outcomes for council, outcomes in journey.by_council.items() if id in (None, council)]
    refused = sum(outcomes["refused"] + outcomes["review"] for outcomes in lines)
    return {
        "council": id or "all",
        "published": found.published,
        "refused": refused + sum(found.refused.values()),
        "accepted": found.accepted,
        "delivered": found.delivered,
        "withheld": sum(found.withheld.values()),
        **{f"← {purpose}": found.received.get(purpose, 0) for purpose in purposes},
        "← withdrawals": sum(found.withdrawn.values()),
    }


def _print_totals(journey: "Journey") -> None:
    from instep.client.explain import explain
    from instep.demo.report import figures

    total = figures(journey.evidence)
    for title, counts in (
        ("Received, by purpose", total.received),
        ("Withdrawn, by purpose", total.withdrawn),
    ):
        _heading(title)
        _print_counts(counts, {})
    _heading("Withheld, and why")
    _print_counts(total.withheld, {reason: explain(reason).meaning for reason in total.withheld})
    others = {ending: count for ending, count in total.endings.items() if ending != "DECIDED"}
    if others:
        _heading("Accepted, and told to nobody")
        _print_counts(others, {ending: explain(ending).meaning for ending in others})
    if total.refused:
        _heading("Refused by the network")
        _print_counts(total.refused, {reason: explain(reason).meaning for reason in total.refused})


def _print_counts(counts: Mapping[str, int], meanings: Mapping[str, str]) -> None:
    for name, count in counts.items():
        stdout().print(f"{count:>8}  {name:<24}{meanings.get(name, '')}".rstrip())
    if not counts:
        stdout().print("       0")


def _print_held_back(journey: "Journey") -> None:
    if journey.held_back:
        _heading("Kept at home, since no agreement of the council shares it (lines that have it)")
        _print_counts(dict(sorted(journey.held_back.items())), {})


def _print_event(journey: "Journey") -> None:
    from instep.demo import evidence

    if journey.pair is None:
        return
    before, after = journey.pair
    kept = dict(evidence.body(after))
    recipient, _, purpose = after.topic.partition(".inbox.")
    _heading(
        f"One event (an invented person's): as {before.topic.partition('.')[0]} said it, and as {recipient} got it"
    )
    stdout().print(
        f"{after.headers.get('ce_type')} for {purpose}, under {after.headers.get('ce_instepagreements')}; a field that is"
        " not shared is null in the delivery."
    )
    rows = [
        {"field": path, before.topic: _shown(value), after.topic: _shown(kept[path]) if path in kept else "-"}
        for path, value in evidence.body(before)
    ]
    show(Output.TABLE, ("field", before.topic, after.topic), rows)


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _print_checks(journey: "Journey") -> None:
    _heading("Whether it adds up, from the topics alone")
    rows = [
        {"": CHECKED[check.holds], "check": check.claim, "cases": check.cases, "wrong": check.wrong}
        for check in journey.checks
    ]
    show(Output.TABLE, ("", "check", "cases", "wrong"), rows)
    for check in journey.checks:
        for problem in check.problems:
            stdout().print(f"{check.name}: {problem}")


def _print_attempts(journey: "Journey") -> None:
    _heading("What the broker says to councils, whatever their programs may try")
    rows = [
        {"": CHECKED[one.holds], "signed in as": one.who, "tries to": one.tried, "the broker": one.answer}
        for one in journey.attempts
    ]
    show(Output.TABLE, ("", "signed in as", "tries to", "the broker"), rows)


def _print_suspension(journey: "Journey") -> None:
    if (suspension := journey.suspension) is None:
        return
    _heading("An agreement is suspended while everything runs")
    stdout().print(
        f"{CHECKED[suspension.holds]}: {suspension.agreement} is suspended by generation {suspension.generation}; the same"
        f" event, published anew {suspension.after_s:g} s later, was not delivered: {suspension.result} (disclosed under"
        f" generation {suspension.generation_disclosed})."
    )


def _print_metrics(journey: "Journey") -> None:
    _heading("Metrics")
    for service in journey.services:
        again = (
            f"; it ended by itself and was started again {service.restarts} times" if service.restarts else ""
        )
        stdout().print(
            f"{service.name}: {service.address}/metrics (while it runs: `instep demo --keep`){again}"
        )
    _print_counts({name: round(value) for name, value in metrics(journey).items()}, {})


def _print_how_to_look(journey: "Journey") -> None:
    _heading("Everything is still up")
    stdout().print(
        "export INSTEP_HOME=.instep/demo\n"
        "instep inbox leeds · instep outcomes leeds · instep rejected leeds · instep network show\n"
        "instep demo --stop ends it. The agreement that was suspended still is."
    )


def _heading(text: str) -> None:
    stdout().print(f"\n{text}")
    stdout().print("-" * len(text))
