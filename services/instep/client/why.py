"""Says why a record has arrived or not, from what the authority that asks may read itself. Pure.

A source reads its outbox, its refusals and its outcomes, and knows what became of the rows of its files. Each way of an
event has a sentence and a remedy. The recipient's side is `why_received`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from instep.adapters.line import explain as explain_row
from instep.client.decisions import DELIVERED, WITHDRAWN, WITHHELD, EventOutcome, RecipientDecision
from instep.client.explain import explain, explain_to_source
from instep.client.filed_rows import FiledRow
from instep.client.why_answer import Answer, Way
from instep.client.why_evidence import Evidence, NetworkRefusal, Published


def answers(evidence: Evidence, to: str | None = None) -> list[Answer]:
    """An answer for each event, in the order of publication, then for each row that was not published.

    With `to`, the answers are about this recipient alone. There is always at least an answer.
    """
    by_event: dict[str, list[Published]] = {}
    for record in evidence.published:
        by_event.setdefault(record.event_id or f"offset {record.offset}", []).append(record)
    given = [_of_event(records, evidence, to) for records in by_event.values()]
    given += map(_of_row, _never_sent(evidence.rows))
    return given or [_of_nothing(evidence)]


def _never_sent(rows: Sequence[FiledRow]) -> list[FiledRow]:
    """The rows that stayed at home, without those before a row of the subject was published: they have been put right."""
    published_at = max((row.at for row in rows if row.event_id), default=0)
    return [row for row in rows if not row.event_id and row.at >= published_at]


def about(evidence: Evidence, event_id: str, to: str | None = None) -> Answer | None:
    """The answer about an event; None where the outbox does not hold the event."""
    published = (a for a in answers(evidence, to) if a.published and a.published.event_id == event_id)
    return next(published, None)


def about_row(evidence: Evidence, row: FiledRow, to: str | None = None) -> Answer:
    """The answer about a row of a file."""
    published = about(evidence, row.event_id, to) if row.event_id else None
    return published or answers(replace(evidence, published=(), rows=(row,)), to)[0]


def _of_nothing(evidence: Evidence) -> Answer:
    if evidence.remembered or evidence.rows:
        return Answer(
            way=Way.NO_LONGER_KEPT,
            sentence="An event was published under this reference, so long ago that your topics keep it no longer.",
            remedy="Ask the recipient to look whether it has the record. If not, correct the row in your own system and"
            " publish it again.",
        )
    if evidence.networks:
        return Answer(
            way=Way.OTHER_NETWORK,
            sentence="Nothing has been published under this reference in this network. From here, it was published in"
            f" another: {', '.join(evidence.networks)}.",
            remedy="If this network should have it, publish the file here; if not, ask with the connection of the other.",
        )
    if evidence.secrets:
        return Answer(
            way=Way.OTHER_PUBLISHER,
            sentence="Nothing has been published under this reference from here. Your council has also published with"
            f" another secret (key {', '.join(evidence.secrets)}), and only who has that secret can tell whose records"
            " those are.",
            remedy="Ask where the other secret is, or bring its memory here: `instep publisher export` there,"
            " `instep publisher import` here.",
        )
    return Answer(
        way=Way.NOT_PUBLISHED,
        sentence="Nothing has been published under this reference.",
        remedy="Check the reference, and publish the file that holds it. If your system numbers its records in its own way,"
        " name it: --system.",
    )


def _of_row(row: FiledRow) -> Answer:
    where = f"{row.column}: " if row.column else ""
    meaning = row.problem or (explain_row(row.reason) if row.reason else "")
    if row.outcome == "refused":
        return Answer(
            way=Way.REFUSED_AT_HOME,
            sentence=f"{row.place} was refused before anything was sent. {where}{meaning}.",
            remedy="Put the row right in your own system, and publish the file again.",
            reason=row.reason,
            row=row,
        )
    if row.outcome == "review":
        return Answer(
            way=Way.HELD,
            sentence=f"{row.place} waits for somebody to look at it, and was not sent. {where}{meaning}.",
            remedy="Put right in your own system what is named, and publish the file again.",
            reason=row.reason,
            row=row,
        )
    return Answer(
        way=Way.LEFT_OUT,
        sentence=f"{row.place} was not sent: {LEFT_OUT.get(row.outcome, row.outcome)}.",
        remedy="Nothing is wrong, unless the row should say something else.",
        reason=row.outcome,
        row=row,
    )


LEFT_OUT: Mapping[str, str] = {
    "same-address": "it has the same address as before, written differently",
    "not-moved": "the addresses before and after are the same, so nobody moved",
    "duplicate": "an earlier line of the same file says the same",
    "superseded": "something newer had been published before",
    "annulled": "the record had been annulled, and the row says nothing newer",
}
"""Why a row was not sent although its file had it, by outcome."""


def _of_event(records: Sequence[Published], evidence: Evidence, to: str | None) -> Answer:
    """The answer about an event, from all records of the outbox with its id: repeats have the same id."""
    first = records[0]
    outcome = evidence.outcomes.get(first.event_id) if first.event_id else None
    refusals = [evidence.refusals[record.offset] for record in records if record.offset in evidence.refusals]
    row = next((row for row in evidence.rows if row.event_id and row.event_id == first.event_id), None)
    if outcome is not None:
        answer = _of_outcome(first, outcome, evidence, to)
        notes = (*_repeats(records, refusals), *_replacements(first, evidence))
    elif refusals and len(refusals) == len(records):
        answer, notes = _of_refusal(refusals[-1]), ()
    else:
        answer, notes = _of_silence(first, records, evidence), ()
    answered = evidence.answered.get(first.event_id, ())
    return replace(
        answer,
        published=first,
        row=row,
        outcome=outcome,
        answered=[each for each in answered if to in (None, each.authority)],
        notes=notes,
    )


def _of_refusal(refusal: NetworkRefusal) -> Answer:
    reason = explain(refusal.reason)
    fields = f" Fields: {', '.join(refusal.fields)}." if refusal.fields else ""
    return Answer(
        way=Way.REFUSED,
        sentence=f"The network refused the event on {_day(refusal.at)} ({refusal.reason}). {reason.meaning}{fields}",
        remedy=reason.remedy,
        reason=refusal.reason,
    )


def _of_silence(first: Published, records: Sequence[Published], evidence: Evidence) -> Answer:
    """No answer. Events of a subject are answered in their order: once a later one is, this one was a repeat."""
    last = records[-1].offset
    later = [record for record in evidence.published if record.offset > last]
    if any(r.event_id in evidence.outcomes or r.offset in evidence.refusals for r in later):
        return Answer(
            way=Way.REPEAT,
            sentence="The network had the same event before, and dropped the repeat: it stands as it was decided then.",
            remedy="If it was to say something new, publish it as a correction with an id of its own.",
        )
    return Answer(
        way=Way.WAITING,
        sentence=f"The event lies in your outbox since {_moment(first.at)}, and the network has not answered: its services"
        " have not read it yet, or it is a repeat of an event that they had before.",
        remedy="Look again in a minute. If there is still no answer, ask the network's operators whether intake and router"
        " run.",
    )


def _of_outcome(first: Published, outcome: EventOutcome, evidence: Evidence, to: str | None) -> Answer:
    if first.synthetic:
        return Answer(
            way=Way.TEST,
            sentence="The event is marked as a test (synthetic), and tests are sent to nobody.",
            remedy="Publish a real event without the mark.",
        )
    if not outcome.ending:
        return Answer(
            way=Way.COUNTED,
            sentence=f"The event was accepted: sent to {outcome.delivered} recipients, withheld from {outcome.withheld}. The"
            " network does not name them yet.",
            remedy="Ask the network's operators to run `instep network apply` with this version of Instep.",
        )
    if outcome.ending in ("UNKNOWN_AREA", "NOBODY_CONCERNED"):
        ending = explain(outcome.ending)
        way = Way.UNKNOWN_AREA if outcome.ending == "UNKNOWN_AREA" else Way.NOBODY_CONCERNED
        return Answer(way=way, sentence=f"{ending.meaning}", remedy=ending.remedy, reason=outcome.ending)
    decisions = [each for each in outcome.decisions if to in (None, each.authority)]
    if not decisions:
        return _not_concerned(to or "", outcome)
    return _of_decisions(decisions, evidence.authority, outcome)


def _not_concerned(to: str, outcome: EventOutcome) -> Answer:
    return Answer(
        way=Way.NOT_CONCERNED,
        sentence=f"When the network decided, on {_moment(outcome.at)}, the event did not concern {to}: none of its addresses"
        f" lay in the area of {to}, and no agreement sent {to} events of every area.",
        remedy="If an address does lie there, correct its postcode or the authority's code in your own system, and publish"
        f" the row again. If {to} has joined since, it is sent what is published from then on.",
    )


def _of_decisions(decisions: Sequence[RecipientDecision], source: str, outcome: EventOutcome) -> Answer:
    delivered = [each for each in decisions if each.result == DELIVERED]
    withdrawn = [each for each in decisions if each.result == WITHDRAWN]
    withheld = [each for each in decisions if each.result == WITHHELD]
    if delivered:
        alone = {each.authority for each in outcome.decisions} == {source}
        only = " The event concerns no other authority than yourselves." if alone else ""
        return Answer(way=Way.DELIVERED, sentence=_sentence(delivered, outcome) + only, remedy=_UNREAD)
    if withdrawn:
        return Answer(
            way=Way.WITHDRAWN,
            sentence=_sentence(withdrawn, outcome),
            remedy=_remedy(withdrawn),
            reason=withdrawn[0].reason,
        )
    if all(each.authority == source and each.reason == "no-agreement" for each in withheld):
        return Answer(
            way=Way.OWN_AREA,
            sentence="The event concerns no other authority than yourselves: its addresses lie in your own area.",
            remedy="Check the postcodes if somebody moved out of your area or into it.",
        )
    others = [each for each in withheld if each.authority != source] or withheld
    return Answer(
        way=Way.WITHHELD,
        sentence=_sentence(others, outcome),
        remedy=_remedy(others),
        reason=others[0].reason,
    )


_UNREAD = (
    "If a recipient misses it: `instep why --event ID` there says whether its systems have read it. Until the recipient"
    " answers, you cannot see that from here."
)


def _sentence(decisions: Sequence[RecipientDecision], outcome: EventOutcome) -> str:
    """`Withheld from leeds (council-tax): …` for each, and the time."""
    meanings = dict.fromkeys(explain_to_source(each.reason).meaning for each in decisions if each.reason)
    said = "; ".join(map(str, decisions))
    return " ".join((f"{said[0].upper()}{said[1:]}, on {_moment(outcome.at)}.", *meanings))


def _remedy(decisions: Sequence[RecipientDecision]) -> str:
    return " ".join(dict.fromkeys(explain_to_source(each.reason).remedy for each in decisions if each.reason))


def _repeats(records: Sequence[Published], refusals: Sequence[NetworkRefusal]) -> tuple[str, ...]:
    notes = [
        f"Published again at place {refusal.offset} of the outbox, and refused there ({refusal.reason}):"
        f" {explain(refusal.reason).meaning}"
        if refusal.offset != records[0].offset
        else f"Refused at first ({refusal.reason}), and accepted when it was sent again."
        for refusal in refusals
    ]
    again = len(records) - 1 - len(refusals)
    if again > 0:
        notes.append(f"Published {again + 1} times; the network dropped the repeats.")
    return tuple(notes)


def _replacements(first: Published, evidence: Evidence) -> tuple[str, ...]:
    """The accepted events that have replaced this one."""
    words = {"CORRECT": "Corrected", "ANNUL": "Annulled"}
    return tuple(
        f"{words.get(record.change_kind, 'Replaced')} on {_moment(record.at)} by event {record.event_id}."
        for record in evidence.published
        if record.replaces and record.replaces == first.event_id and record.event_id in evidence.outcomes
    )


def _day(at: str) -> str:
    return at[:10]


def _moment(at: str) -> str:
    return f"{at[:16].replace('T', ' ')} UTC"
