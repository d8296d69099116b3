"""A town's files with every class of damage, over three days, judged by the truth about the town alone.

`INSTEP_DAMAGE_SEEDS=100` draws 100 towns instead of two. A failure names its seed.
"""

from __future__ import annotations

import json
import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from instep.adapters import Plain, Refused, Review, Send, Triaged
from instep.adapters.csv_moves import COLUMNS
from tests.unit.adapters.publishing import csv_of
from tests.unit.cases.council import CouncilOffice, Run
from tests.unit.cases.damage import CLASSES, MOVES, REGISTRATIONS
from tests.unit.cases.town import Town, given_names, town, word

SEEDS = [1, 2, *range(1_000, 1_000 + int(os.environ.get("INSTEP_DAMAGE_SEEDS", "0")))]
HEADING = csv_of().rstrip(b"\r\n")
ADDRESS_LINES = [COLUMNS.index(f"{side}_address_line_1") for side in ("old", "new")]
UNSEEN = {
    "the household in other capitals",
    "the household with another separator",
    "the household emptied",
    "the household rounded or cut",
    "household and reference exchanged",
    "the household with zeros",
}
"""Damage after which a row is sound to every eye: only the rows of its household show that something is wrong."""


@dataclass(frozen=True, kw_only=True)
class Day:
    """A file: `line_of` says where each person's row begins, `damaged` the class of a row's damage.

    `left` are the beginnings of addresses that rows cut off within an address have left.
    """

    content: bytes
    line_of: dict[int, int]
    damaged: dict[int, str]
    left: tuple[str, ...] = ()


def day(rng: random.Random, place: Town, people: list[int], damaged: dict[int, str]) -> Day:
    lines, line_of, number, left = [HEADING], {}, 2, set[str]()
    for person in rng.sample(people, len(people)):
        text = place.line(person)
        raw = MOVES[damaged[person]](text, rng) if person in damaged else text.encode()
        line_of[person] = number
        number += len((raw + b"\r\n").splitlines())
        lines.append(raw)
        if "cut" in damaged.get(person, "") and raw.count(b",") in ADDRESS_LINES:
            left.add(raw.decode().rpartition(",")[2])
    content = b"\r\n".join([*lines, b""])
    return Day(content=content, line_of=line_of, damaged=damaged, left=tuple(left - {""}))


def days(rng: random.Random, place: Town) -> Iterator[Day]:
    """Damage on the first day; the damaged rows missing on the second, with newcomers; all of them sound on the third."""
    protected = [number for number, move in place.moves.items() if move["protected"] == "yes"]
    others = [number for number in place.moves if number not in protected]
    rng.shuffle(protected)
    rng.shuffle(others)
    hit = [*protected[: len(MOVES)], *others[: len(MOVES)]]
    damaged = dict(zip(hit, [*MOVES, *MOVES], strict=False))
    late = set(rng.sample(others, len(others) // 4)) - set(damaged)
    yield day(rng, place, [number for number in place.moves if number not in late], damaged)
    moved = {number for number in others if rng.random() < 0.3}
    again = replace(
        place, moves={number: _moved(move, number in moved) for number, move in place.moves.items()}
    )
    yield day(rng, again, [number for number in place.moves if number not in damaged], {})
    yield day(rng, again, list(place.moves), {})


def _moved(move: dict[str, str], really: bool) -> dict[str, str]:
    return {**move, "move_date": "2026-05-02", "recorded_at": "2026-05-06T10:00:00Z"} if really else move


def exposed(place: Town, run: Run) -> list[Plain]:
    """The ordinary events in which anybody stands who may not be seen."""
    hidden = {given_names(number) for number in place.moves if not place.may_be_seen(number)}
    homes = {f"{household} New Row" for household in place.protected_households}
    return [event for event in run.ordinary() if _names_in(event) & hidden or _homes_in(event) & homes]


def _names_in(event: Plain) -> set[str]:
    return set(
        re.findall(r"Nia[a-j]+", re.sub(r"[^A-Za-z0-9{}:,]", "", json.dumps(event, ensure_ascii=False)))
    )


def _homes_in(event: Plain) -> set[str]:
    return set(re.findall(r"\d+ New Row", json.dumps(event)))


def vanished(file: Day, run: Run) -> list[int]:
    """The people whose row has no outcome under its line."""
    lines = Counter(outcome.line for outcome in run.outcomes)
    return [person for person, line in file.line_of.items() if lines[line] != 1]


def unnamed(place: Town, file: Day, run: Run) -> list[str]:
    """The classes of damaged rows about which nothing is said at their line.

    Nobody can see damage in a household of a single member, and nothing follows from it.
    """
    outcomes = {outcome.line: outcome for outcome in run.outcomes}
    sound = {place.household_of[person] for person in file.line_of.keys() - file.damaged.keys()}
    return [
        kind
        for person, kind in file.damaged.items()
        if isinstance(sent := outcomes[file.line_of[person]], Send)
        and not sent.notes
        and (kind not in UNSEEN or place.household_of[person] in sound)
    ]


def unexplained(place: Town, file: Day, run: Run, *, first: bool) -> list[Triaged]:
    """The sound rows that are protected or held for another row's sake and do not say so.

    On the first day nothing is remembered, so each of them names a line: of a protected row, or of a damaged row.
    """
    damaged = {file.line_of[person] for person in file.damaged}
    protected = {line for person, line in file.line_of.items() if place.moves[person]["protected"] == "yes"}
    speaking = protected | damaged | {line + 1 for line in damaged}  # a line break makes two lines of a row
    causes = {
        outcome.line: cause_of(outcome)
        for person, line in file.line_of.items()
        if place.moves[person]["protected"] == "no" and person not in file.damaged
        for outcome in run.outcomes
        if outcome.line == line
    }
    silent = {
        line: cause is None or (first and cause not in speaking)
        for line, cause in causes.items()
        if cause != NO_CAUSE_NEEDED
    }
    return [outcome for outcome in run.outcomes if silent.get(outcome.line)]


NO_CAUSE_NEEDED = -1


def cause_of(outcome: Triaged) -> int | None:
    """The line that a protected or held row names, 0 for no line; None where the row says nothing."""
    if isinstance(outcome, Review) and outcome.reason == "household-in-doubt":
        return outcome.cause
    if isinstance(outcome, Send) and outcome.event["header"]["handling"] == "PROTECTED":
        return next((note.cause for note in outcome.notes if note.reason == "household-protected"), None)
    return NO_CAUSE_NEEDED


def held_back(place: Town, file: Day, run: Run, left: tuple[str, ...]) -> float:
    """The share of sound rows, of people who may be seen, that were not sent as ordinary.

    Nobody can tell who lives at an address of which no more than this is left: caution about such people does not count.
    """
    outcomes = {outcome.line: outcome for outcome in run.outcomes}
    harmless = [person for person in file.line_of if person not in file.damaged and place.may_be_seen(person)]
    cautious = [
        person
        for person in harmless
        if not place.moves[person]["old_address_line_1"].startswith(left)
        and not place.moves[person]["new_address_line_1"].startswith(left)
        and (
            isinstance(outcome := outcomes[file.line_of[person]], Review | Refused)
            or (isinstance(outcome, Send) and outcome.event["header"]["handling"] != "ORDINARY")
        )
    ]
    return len(cautious) / len(harmless)


def test_there_are_at_least_thirty_eight_classes() -> None:
    assert len(set(CLASSES)) >= 38


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_no_damage_of_a_towns_moves_exposes_anybody_or_loses_a_row(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    place = town(rng)
    office = CouncilOffice("bradford", tmp_path)
    left: tuple[str, ...] = ()
    for number, file in enumerate(days(rng, place), start=1):
        run = office.publish(file.content)
        left += file.left
        assert not exposed(place, run), number
        assert not vanished(file, run), number
        assert not unnamed(place, file, run), number
        assert not unexplained(place, file, run, first=number == 1), number
        # One row in five is damaged on the first day, and missing on the second.
        assert held_back(place, file, run, left) < (0.3, 0.25, 0.06)[number - 1], number
    assert set(office.publish(file.content).unsent.values()) <= {"reference-conflict"}, "a name was damaged"


@pytest.mark.parametrize("seed", SEEDS)
def test_damage_of_registrations_costs_the_damaged_and_names_them(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    registrations = town(rng).registrations
    texts: list[bytes] = [json.dumps(each, ensure_ascii=False).encode() for each in registrations]
    hit = dict(zip(rng.sample(range(len(texts)), len(REGISTRATIONS)), REGISTRATIONS, strict=True))
    for number, kind in hit.items():
        texts[number] = REGISTRATIONS[kind](texts[number].decode(), rng)
    run = CouncilOffice("bradford", tmp_path).publish(b"[" + b",\n".join(texts) + b"]", suffix=".json")
    refused = {outcome.entry: outcome.reason for outcome in run.outcomes if isinstance(outcome, Refused)}
    sent = Counter(send.event["registration_ref"] for send in run.sent.values())
    for number, whole in enumerate(registrations):
        named = f"registration {number + 1} ("
        if whole["fsa_rn"] not in sent:
            assert number in hit, refused
            assert any(entry.startswith(named) for entry in refused), hit[number]
    assert sum(sent.values()) + len(refused) == len(registrations)
    assert all(count == 1 for count in sent.values())
    assert any(word(number) for number in hit)
