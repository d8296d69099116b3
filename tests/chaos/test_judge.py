"""The judge is judged: what is planted is found, and what is clean is clean."""

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.judge import KINDS, STALE_MS, Hostile, Judge, Verdict
from tests.chaos.truth import Generation

HERE = Path(__file__).parent
Datum = dict[str, Any]

NOON = 1_790_000_000_000


def authority(name: str, gss: str, **other: str) -> Datum:
    return {"authority": name, "gss": gss, "parent": "", "valid_to": "", "replaced_by": ""} | other


def agreement(**other: Any) -> Datum:
    share = {
        "event": "resident-moved",
        "when": "concerns-recipient",
        "change_kinds": ["NEW", "CORRECT"],
        "protected": False,
        "fields": ["person.family_name", "old_address", "new_address"],
    }
    return {
        "id": "tax",
        "version": 1,
        "status": "active",
        "purpose": "tax",
        "effective_from": date(2026, 4, 1),
        "review_by": date(2027, 3, 31),
        "sources": ["a", "b"],
        "recipients": ["a", "b"],
        "approved": [{"authority": "a"}, {"authority": "b"}],
        "share": [share],
    } | other


def network(*agreements: Datum, ended_at: int | None = None) -> Generation:
    return Generation(
        authorities=(authority("a", "E01"), authority("b", "E02"), authority("c", "E03")),
        agreements=agreements or (agreement(),),
        elsewhere=frozenset({"E99"}),
        ended_at=ended_at,
    )


HISTORY = {1: network(ended_at=NOON), 2: network(agreement(version=2, status="suspended"))}


def moved(event_id: str, **header: Any) -> Datum:
    """A move from the area of b to that of a, published by a."""
    head = {
        "event_id": event_id,
        "source": "a",
        "subject_ref": "s",
        "change_kind": "NEW",
        "replaces": None,
        "handling": "ORDINARY",
        "requested_by": None,
    }
    return {
        "header": head | header,
        "person": {"family_name": "Example", "given_names": "Alex"},
        "old_address": {"authority_gss": "E02", "lines": ["1 Street"]},
        "new_address": {"authority_gss": "E01", "lines": ["2 Street"]},
        "contact": {"email": "someone@example.org"},
    }


def delivery(event: Datum, to: str) -> tuple[Any, ...]:
    """What is to lie in an inbox."""
    body = {
        "header": event["header"],
        "person": {"family_name": "Example", "given_names": None},
        "old_address": event["old_address"],
        "new_address": event["new_address"],
        "contact": None,
    }
    headers = {
        "ce_id": event["header"]["event_id"],
        "ce_instepfields": "new_address,old_address,person.family_name",
        "ce_instepagreements": "tax@1",
    }
    return to, "tax", "a/s", headers, body


def entry(to: str, **other: Any) -> Datum:
    return {
        "authority": to,
        "purpose": "tax",
        "result": "DELIVERED",
        "reason": "",
        "agreements": ["tax@1"],
        "fields": ["new_address", "old_address", "person.family_name"],
    } | other


def disclosure(event: Datum, *decisions: Datum, **other: Any) -> Datum:
    header = event["header"]
    return {
        "event_id": header["event_id"],
        "source": header["source"],
        "subject_ref": header["subject_ref"],
        "generation": 1,
        "at": NOON,
        "ending": "DECIDED",
        "decisions": list(decisions or (entry("a"), entry("b"))),
    } | other


def answer(event: Datum, delivered: int = 2, withheld: int = 0) -> Datum:
    header = event["header"]
    return {
        "subject_ref": header["subject_ref"],
        "event_id": header["event_id"],
        "delivered": delivered,
        "withheld": withheld,
    }


@dataclass
class Run:
    """A clean run of two events and a hostile record, to be spoilt."""

    outbox: list[Datum | Hostile] = field(
        default_factory=lambda: [moved("1"), Hostile(reason="bad-framing"), moved("2")]
    )
    disclosures: list[Datum] = field(default_factory=lambda: [disclosure(moved("1")), disclosure(moved("2"))])
    inboxes: list[tuple[Any, ...]] = field(
        default_factory=lambda: [delivery(moved(id), to) for to in ("a", "b") for id in ("1", "2")]
    )
    refusals: list[Datum] = field(
        default_factory=lambda: [{"source": "a", "outbox_offset": 1, "reason": "bad-framing"}]
    )
    answers: list[Datum] = field(default_factory=lambda: [answer(moved("1")), answer(moved("2"))])
    confirmed: list[str] = field(default_factory=lambda: ["1", "2"])

    def verdict(self) -> Verdict:
        judge = Judge(HISTORY)
        for offset, datum in enumerate(self.outbox):
            judge.published("a", offset, "resident-moved", datum)
        judge.confirmed(self.confirmed)
        for disclosed in self.disclosures:
            judge.disclosed(disclosed)
        for delivered in self.inboxes:
            judge.delivered(*delivered)
        for refusal in self.refusals:
            judge.rejected("a", refusal)
        for answered in self.answers:
            judge.answered("a", answered)
        return judge.verdict()


def wrong(run: Run) -> dict[str, int]:
    return {kind: count for kind, count in run.verdict().counts.items() if count}


def test_a_clean_run_is_clean() -> None:
    verdict = Run().verdict()
    assert verdict.clean
    assert verdict.counts == dict.fromkeys(KINDS, 0)
    assert verdict.judged == {
        "published": 3,
        "hostile": 1,
        "disclosures": 2,
        "deliveries": 4,
        "refusals": 1,
        "answers": 2,
    }


def lose_a_delivery(run: Run) -> None:
    del run.inboxes[0]


def lose_an_event(run: Run) -> None:
    del run.disclosures[1], run.inboxes[3], run.inboxes[1], run.answers[1]


def lose_a_confirmed_record(run: Run) -> None:
    run.confirmed.append("3")


def lose_a_refusal(run: Run) -> None:
    run.refusals.clear()


def repeat_a_delivery(run: Run) -> None:
    run.inboxes.append(run.inboxes[0])


def repeat_a_disclosure(run: Run) -> None:
    run.disclosures.append(run.disclosures[0])


def repeat_a_refusal(run: Run) -> None:
    run.refusals *= 2


def repeat_an_answer(run: Run) -> None:
    run.answers.append(run.answers[0])


def swap_two_deliveries(run: Run) -> None:
    run.inboxes[0], run.inboxes[1] = run.inboxes[1], run.inboxes[0]


def swap_two_disclosures(run: Run) -> None:
    run.disclosures.reverse()


def leak_a_field(run: Run) -> None:
    run.inboxes[0][4]["contact"] = moved("1")["contact"]


def leak_a_field_and_say_so(run: Run) -> None:
    leak_a_field(run)
    run.inboxes[0][3]["ce_instepfields"] += ",contact"


def send_to_one_whom_it_does_not_concern(run: Run) -> None:
    run.inboxes.append(delivery(moved("1"), "c"))


def send_what_was_never_published(run: Run) -> None:
    run.inboxes.append(delivery(moved("9"), "a"))


def decide_by_what_had_ended(run: Run) -> None:
    run.disclosures[1]["at"] = NOON + STALE_MS + 1


def forge_a_withholding(run: Run) -> None:
    forged = entry("b", result="WITHHELD", reason="suspended", agreements=[], fields=[])
    run.disclosures[0] = disclosure(moved("1"), entry("a"), forged)


def leave_one_out_in_silence(run: Run) -> None:
    run.disclosures[0] = disclosure(moved("1"), entry("a"))


def refuse_a_sound_event(run: Run) -> None:
    run.refusals.append({"source": "a", "outbox_offset": 0, "reason": "bad-date"})


def refuse_for_another_reason(run: Run) -> None:
    run.refusals[0]["reason"] = "poison"


def disclose_what_was_never_published(run: Run) -> None:
    run.disclosures.append(disclosure(moved("9")))


def leave_the_source_untold(run: Run) -> None:
    del run.answers[0]


def answer_with_another_number(run: Run) -> None:
    run.answers[0]["delivered"] = 1


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (lose_a_delivery, {"lost": 1}),
        (lose_an_event, {"lost": 1}),
        (lose_a_confirmed_record, {"lost": 1}),
        (lose_a_refusal, {"lost": 1}),
        (repeat_a_delivery, {"repeated": 1}),
        (repeat_a_disclosure, {"repeated": 1}),
        (repeat_a_refusal, {"repeated": 1}),
        (repeat_an_answer, {"repeated": 1}),
        (swap_two_deliveries, {"disordered": 1}),
        (swap_two_disclosures, {"disordered": 1}),
        (leak_a_field, {"unauthorised": 1}),
        (leak_a_field_and_say_so, {"unauthorised": 1}),
        (send_to_one_whom_it_does_not_concern, {"unauthorised": 1}),
        (send_what_was_never_published, {"unauthorised": 1}),
        (decide_by_what_had_ended, {"unauthorised": 1}),
        (forge_a_withholding, {"unaccounted": 1}),
        (leave_one_out_in_silence, {"unaccounted": 1}),
        (refuse_a_sound_event, {"unaccounted": 1}),
        (refuse_for_another_reason, {"unaccounted": 1}),
        (disclose_what_was_never_published, {"unaccounted": 1}),
        (leave_the_source_untold, {"unaccounted": 1}),
        (answer_with_another_number, {"unaccounted": 1}),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_is_planted_is_caught(plant: Callable[[Run], None], found: dict[str, int]) -> None:
    run = Run()
    plant(run)
    assert wrong(run) == found


def test_a_forged_withholding_that_is_carried_out_is_a_loss_as_well() -> None:
    run = Run()
    forge_a_withholding(run)
    del run.inboxes[2]
    run.answers[0] = answer(moved("1"), delivered=1, withheld=1)
    assert wrong(run) == {"lost": 1, "unaccounted": 2}


def test_what_a_suspended_agreement_would_have_shared_is_due_to_nobody() -> None:
    """The generation of the disclosure says so: the same records under the one before were clean."""
    withheld = [
        entry(to, result="WITHHELD", reason="suspended", agreements=[], fields=[]) for to in ("a", "b")
    ]
    run = Run()
    run.disclosures[1] = disclosure(moved("2"), *withheld, generation=2)
    run.answers[1] = answer(moved("2"), delivered=0, withheld=2)
    assert wrong(run) == {"unauthorised": 2}
    del run.inboxes[3], run.inboxes[1]
    assert wrong(run) == {}


def test_a_publishers_own_repeat_comes_to_nothing() -> None:
    run = Run()
    run.outbox.append(moved("1"))
    assert wrong(run) == {}


def test_a_past_recipient_who_may_not_have_the_correction_gets_a_withdrawal() -> None:
    correct = moved("2", change_kind="CORRECT", replaces="1", handling="PROTECTED")
    reason = "NOW_PROTECTED"
    run = Run()
    run.outbox[2] = correct
    withdrawn = [entry(to, result="WITHDRAWN", reason=reason, agreements=[], fields=[]) for to in ("a", "b")]
    run.disclosures[1] = disclosure(correct, *withdrawn)
    run.answers[1] = answer(correct, delivered=0)
    body = {"source": "a", "subject_ref": "s", "event_id": "1", "reason": reason}
    for at, to in ((1, "a"), (3, "b")):
        run.inboxes[at] = (to, "tax", "a/s", {"ce_id": "2"}, dict(body))
    assert wrong(run) == {}
    run.inboxes[1][4]["reason"] = "ANNULLED"
    assert wrong(run) == {"unauthorised": 1}


def test_a_correction_of_what_was_never_published_is_to_be_refused() -> None:
    run = Run()
    run.outbox.append(moved("3", change_kind="CORRECT", replaces="0"))
    assert wrong(run) == {"lost": 1}
    run.refusals.append({"source": "a", "outbox_offset": 3, "reason": "replaces-unknown"})
    assert wrong(run) == {}


@pytest.mark.parametrize("name", ["judge.py", "truth.py"])
def test_the_judge_imports_nothing_of_instep(name: str) -> None:
    """And does no I/O: these modules are all that it knows."""
    allowed = {"collections", "dataclasses", "datetime", "marshal", "typing", "zoneinfo"}
    found = set()
    for node in ast.walk(ast.parse((HERE / name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    assert {one.partition(".")[0] for one in found if one != "tests.chaos.truth"} <= allowed
