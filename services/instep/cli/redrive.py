"""Carries out `instep rejected A redrive` and `--counts`: sends refused events again, counts refusals by reason."""

import re
import time
from collections import Counter
from typing import Any

import typer

from instep.cli.listing import LARGEST_LISTING, connected, run
from instep.cli.output import OutputForm, note, progress, show
from instep.client.council import council
from instep.client.explain import REFUSALS, explain
from instep.client.reader import reading
from instep.client.redrive import Done, RedriveResult, RefusalChoice, redrive
from instep.client.redriven import Refusals
from instep.errors import ConfigurationError
from instep.kafka.record_parser import install_record_parser

COLUMNS = ("place in outbox", "event", "refused as", "result", "sent to", "fields", "what it means")

_MEANING = {
    RedriveResult.SENT: "Sent again. What becomes of it is in `instep outcomes` or `instep rejected`.",
    RedriveResult.SOUND: "It is sound now, and would be sent.",
    RedriveResult.NEVER: "An earlier event has this id and says something else: publish what it said under a new id.",
    RedriveResult.ALREADY: "It was sent again before.",
    RedriveResult.GONE: "The outbox keeps it no longer: publish it from your own system.",
}


def redrive_refused(
    authority: str, *, at: str | None, reason: str | None, everything: bool, dry_run: bool, output: OutputForm
) -> None:
    """Redrive the chosen events, show each result, and exit with 1 where an event is not sent."""
    choice = chosen(at=at, reason=reason, everything=everything)
    install_record_parser()
    done: list[Done] = []

    async def work() -> None:
        here = await council(*connected(), authority)
        with progress("redriving") as bar:

            def report(redriven: Done) -> None:
                done.append(redriven)
                bar.advance()

            await redrive(here, choice, time.time_ns() // 1_000_000, report, dry_run=dry_run)

    try:
        run(work())
    finally:
        # Also after an interruption: events that were sent stay sent.
        _show(sorted(done, key=lambda redriven: redriven.place), output)
    if any(
        redriven.result not in (RedriveResult.SENT, RedriveResult.SOUND, RedriveResult.ALREADY)
        for redriven in done
    ):
        raise typer.Exit(1)


def chosen(*, at: str | None, reason: str | None, everything: bool) -> RefusalChoice:
    """The choice that the options make; raises ConfigurationError where they choose nothing, or cannot be understood."""
    if reason is not None and reason not in REFUSALS:
        raise ConfigurationError(
            f"'{reason}' is no reason for a refusal: it is one of {', '.join(REFUSALS)}."
        )
    if at is None:
        if reason is None and not everything:
            raise ConfigurationError("Say what is to be redriven: --at PLACE, --reason REASON or --all.")
        return RefusalChoice(reason=reason)
    match = re.fullmatch(r"(\d{1,18})(?:-(\d{1,18}))?", at)
    if match is None:
        raise ConfigurationError(f"'{at}' is no place in the outbox: write 120, or 120-140 for a range.")
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise ConfigurationError(f"{at} ends before it begins.")
    return RefusalChoice(reason=reason, first=first, last=last)


def count_refused(authority: str, *, reason: str | None, redriven: bool, output: OutputForm) -> None:
    """Show the number of refusals for each reason, the largest first."""

    async def work() -> None:
        here = await council(*connected(), authority)
        counts: Counter[str] = Counter()
        async with reading(here.connection, here.schemas) as reader:
            refusals = Refusals(reason, everything=redriven)
            await refusals.prepare(here, reader)
            async for item in reader.read([here.rejected()]):
                if refusals.covers(item):
                    counts[str(item.content.get("reason", item.problem))] += 1
        rows = [
            {"reason": name, "refused": count, "what it means": explain(name).meaning}
            for name, count in counts.most_common()
        ]
        if not rows:
            note("Nothing has been refused, or all of it was sent again.")
        else:
            show(output, ("reason", "refused", "what it means"), rows)

    run(work())


def _show(done: list[Done], output: OutputForm) -> None:
    if not done:
        note("Nothing that was refused is meant by that.")
        return
    rows = [_object(redriven) if output is OutputForm.JSON else _row(redriven) for redriven in done]
    show(output, COLUMNS, rows, at_most=LARGEST_LISTING)
    tally = Counter(redriven.result for redriven in done)
    note(", ".join(f"{count} {result.value}" for result, count in tally.items()))


def _row(redriven: Done) -> dict[str, Any]:
    result = f"{redriven.result.value}: {redriven.still}" if redriven.still else redriven.result.value
    return {
        "place in outbox": redriven.place,
        "event": redriven.event_id,
        "refused as": redriven.reason,
        "result": result,
        "sent to": redriven.sent_to,
        "fields": list(redriven.fields),
        "what it means": _means(redriven),
    }


def _object(redriven: Done) -> dict[str, Any]:
    return {
        "outbox_offset": redriven.place,
        "event_id": redriven.event_id,
        "reason": redriven.reason,
        "result": redriven.result.value,
        "still": redriven.still or None,
        "fields": list(redriven.fields),
        "sent_to": redriven.sent_to,
        "meaning": _means(redriven),
    }


def _means(redriven: Done) -> str:
    return explain(redriven.still).meaning if redriven.still else _MEANING[redriven.result]
