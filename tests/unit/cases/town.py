"""A town's moves and registrations by chance, with the truth about them: who lives with whom, and who is protected."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

from tests.unit.adapters.publishing import DATA, csv_of, row

MOVES = 300
REGISTRATIONS = 50
SAMPLE: list[dict[str, Any]] = json.loads((DATA / "food-registrations.json").read_text(encoding="utf-8"))


@dataclass(frozen=True, kw_only=True)
class Town:
    """`moves` by number of the person; the truth stands beside them, and is never read from a file."""

    moves: dict[int, dict[str, str]]
    household_of: dict[int, int]
    protected_households: frozenset[int]
    registrations: list[dict[str, Any]] = field(default_factory=list)

    def may_be_seen(self, person: int) -> bool:
        """Whether a person's move may go out to anybody as ordinary."""
        return self.household_of[person] not in self.protected_households

    def line(self, person: int) -> str:
        """The row of a person, as a sound file has it."""
        return csv_of(self.moves[person]).decode().split("\r\n")[1]


def town(rng: random.Random) -> Town:
    """A town whose councils write household references in one of two ways."""
    digits = rng.random() < 0.5
    moves: dict[int, dict[str, str]] = {}
    household_of: dict[int, int] = {}
    protected: set[int] = set()
    household = 0
    while len(moves) < MOVES:
        household += 1
        size = min(rng.randint(1, 4), MOVES - len(moves))
        if is_protected := rng.random() < 0.25:
            protected.add(household)
        written = str(551_000_000_000 + household * 10_007_003) if digits else f"HH-{1000 + household}"
        for member in range(size):
            person = len(moves) + 1
            household_of[person] = household
            moves[person] = _move(
                rng, person, household, written, "yes" if is_protected and not member else "no"
            )
    return Town(
        moves=moves,
        household_of=household_of,
        protected_households=frozenset(protected),
        registrations=[_registration(number) for number in range(REGISTRATIONS)],
    )


def _move(rng: random.Random, person: int, household: int, written: str, protected: str) -> dict[str, str]:
    return row(
        reference=f"CT{person:05}",
        given_names=given_names(person),
        family_name=f"Fam{word(household if rng.random() < 0.8 else 1000 + person)}",
        date_of_birth=f"19{50 + person % 50}-0{1 + person % 9}-1{person % 7}",
        old_uprn="",
        old_address_line_1=f"{household} Old Row",
        new_uprn="",
        new_address_line_1=f"{household} New Row",
        household_reference=written,
        protected=protected,
    )


def word(number: int) -> str:
    """A number in letters."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def given_names(person: int) -> str:
    return f"Nia{word(person)}"


def _registration(number: int) -> dict[str, Any]:
    whole = json.loads(json.dumps(SAMPLE[number % len(SAMPLE)]))
    establishment = whole["establishment"]
    establishment["establishment_trading_name"] = f"Cafe {word(number)}"
    establishment["premise"]["establishment_postcode"] = "BD1 1HY"
    rest = {
        name: value
        for name, value in whole.items()
        if name not in ("fsa_rn", "local_council_url", "council", "competent_authority_id")
    }
    return {"fsa_rn": f"AB{number:04}-ABCDEF-ABCDEF", **rest}
