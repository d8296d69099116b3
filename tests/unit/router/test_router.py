"""The router from hub records to outputs: recipients, bytes, headers, and the memory of an event."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from instep.errors import ConfigurationError, HubRecordError, NetworkError
from instep.events.blanking import Blanking
from instep.events.framing import frame, unframe
from instep.events.identifiers import AuthorityId
from instep.events.reader import decode
from instep.events.writer import encode
from instep.lanes.processor import Output
from instep.network.areas import Areas
from instep.network.network import Network
from instep.router.app import codec_from
from instep.router.arrival import Arrivals, Codec
from instep.router.decide import Decision, Facts, decide
from instep.router.disclosing import BYTES_A_RECORD
from instep.router.metrics import RouterMetrics
from instep.router.processor import Router
from tests.unit.events.sample import CATALOGUE, MOVED, example
from tests.unit.memory_state import MemoryRecord, MemoryState
from tests.unit.sharing import GSS, agreement, network, share

DAY = 86_400_000
NOW = 1_795_420_800_000  # 2026-11-23 08:00 UTC
TODAY = (date(2026, 11, 23) - date(1970, 1, 1)).days
IDS = {number: (schema.full_name, schema.version) for number, schema in enumerate(CATALOGUE.all(), start=1)}
ID_OF = {full_name: number for number, (full_name, _) in IDS.items()}
MOVED_ID = ID_OF[MOVED.full_name]
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

TO_ALL = frozenset({"leeds", "wakefield", "kirklees"})
TAX = agreement("tax", recipients=TO_ALL)
SHARING = network(TAX, schemas=IDS)


class NoPostcodes:
    """Every address of these tests names its authority."""

    codes = frozenset(GSS.values())

    def gss(self, postcode: str) -> str | None:
        return None


@pytest.fixture(params=list(Codec), autouse=True)
def codec(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every claim here is true of both ways to read and to blank."""
    monkeypatch.setattr(Bench, "codec", request.param)


class Bench:
    """A router with its state and metrics."""

    codec = Codec.SPLICE

    def __init__(self, sharing: Network = SHARING) -> None:
        self.registry = CollectorRegistry()
        self.router = Router(CATALOGUE, NoPostcodes(), RouterMetrics(self.registry), self.codec)
        self.router.follow(sharing)
        self.state = MemoryState()

    def route(self, *events: Mapping[str, Any], now: int = NOW, **differences: Any) -> list[Output]:
        return self.process([hub(event, **differences) for event in events], now)

    def process(self, records: Sequence[MemoryRecord], now: int = NOW) -> list[Output]:
        outputs = self.router.process(records, self.state, now)
        outputs.committed()
        return list(outputs.records)

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


def move(number: int = 1, *, to: str | None = "leeds", **header: Any) -> dict[str, Any]:
    """Somebody moves within Bradford, or from there to another council; `number` makes the event's id and sequence."""
    event = copy.deepcopy(example())
    event["header"] |= {
        "source": "bradford",
        "event_id": id_of(number),
        "sequence": number,
        "occurred_on": TODAY,
    }
    event["header"] |= {"published_at": NOW - 2500} | header
    event["old_address"] = None
    event["new_address"] = None if to is None else event["new_address"] | {"authority_gss": GSS[to]}
    return event


def correction(number: int, of: int, **differences: Any) -> dict[str, Any]:
    return move(number, **{"change_kind": "CORRECT", "replaces": id_of(of)} | differences)


def id_of(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def hub(event: Mapping[str, Any], **differences: Any) -> MemoryRecord:
    fields: dict[str, Any] = {
        "topic": "instep.events",
        "partition": 3,
        "offset": 70,
        "key": f"{event['header']['source']}/{event['header']['subject_ref']}".encode(),
        "value": frame(MOVED_ID, encode(MOVED.latest, event)),
        "headers": [("instep-outbox-offset", b"41")],
    }
    return MemoryRecord(**fields | differences)


def by_topic(outputs: Iterable[Output], topic: str) -> list[Output]:
    return [output for output in outputs if output.topic == topic]


def datums(outputs: Iterable[Output], topic: str) -> list[dict[str, Any]]:
    """The decoded values in a topic."""
    decoded = []
    for output in by_topic(outputs, topic):
        unframed = unframe(output.value)
        assert unframed is not None
        decoded.append(decode(CATALOGUE.schema(*IDS[unframed[0]]), unframed[1]))
    return decoded


def topics(outputs: Iterable[Output]) -> list[str]:
    return [output.topic for output in outputs]


def decisions(outputs: Iterable[Output]) -> list[str]:
    """`leeds council-tax DELIVERED`, a line for each entry of the only disclosure."""
    (disclosure,) = datums(outputs, "instep.disclosures")
    return [
        " ".join(
            filter(None, (entry["authority"], entry["purpose"] or "-", entry["result"], entry["reason"]))
        )
        for entry in disclosure["decisions"]
    ]


# What is sent


def test_an_event_becomes_a_delivery_a_disclosure_and_an_outcome() -> None:
    outputs = Bench().route(move())
    assert topics(outputs) == ["leeds.inbox.council-tax", "instep.disclosures", "bradford.outcomes"]


def test_a_delivery_is_the_event_in_its_own_schema_with_only_the_shared_fields() -> None:
    event = move()
    (delivery,) = by_topic(Bench().route(event), "leeds.inbox.council-tax")
    blanked = Blanking(MOVED.latest, TAX.shares[0].fields).blank(event)
    assert (delivery.partition, delivery.key) == (0, b"bradford/7QpVtT3bKx0d")
    assert delivery.value == frame(MOVED_ID, encode(MOVED.latest, blanked))
    assert "Åkerthwaite".encode() in (delivery.value or b"")
    assert b"imogen.akerthwaite" not in (delivery.value or b"")


def test_a_delivery_carries_cloudevents_headers() -> None:
    event = move(published_at=1_795_420_799_250)
    headers = [("instep-outbox-offset", b"41"), ("traceparent", TRACE), ("x-own", b"anything")]
    (delivery,) = by_topic(Bench().route(event, headers=headers), "leeds.inbox.council-tax")
    assert isinstance(delivery.headers, list)  # aiokafka's packer takes nothing else
    assert len(delivery.headers) == len(dict(delivery.headers))
    assert dict(delivery.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": id_of(1).encode(),
        "ce_source": b"urn:instep:authority:bradford",
        "ce_type": b"uk.instep.resident-moved.v1",
        "ce_time": b"2026-11-23T07:59:59.250Z",
        "ce_dataschema": b"urn:instep:schema:uk.instep.ResidentMoved:1.0.0",
        "content-type": b"application/avro",
        "ce_instepagreements": b"tax@1",
        "ce_instepfields": b"moved_on,person.family_name",
        "traceparent": TRACE,
    }


def test_the_disclosure_says_who_was_told_what_under_which_agreement() -> None:
    outputs = Bench().route(move())
    (output,) = by_topic(outputs, "instep.disclosures")
    assert (output.partition, output.key) == (3, b"bradford/7QpVtT3bKx0d")
    assert datums(outputs, "instep.disclosures") == [
        {
            "event_id": id_of(1),
            "source": "bradford",
            "subject_ref": "7QpVtT3bKx0d",
            "event_type": "resident-moved",
            "change_kind": "NEW",
            "replaces": None,
            "generation": 7,
            "at": NOW,
            "ending": "DECIDED",
            "decisions": [
                {
                    "authority": "leeds",
                    "purpose": "council-tax",
                    "result": "DELIVERED",
                    "reason": "",
                    "agreements": ["tax@1"],
                    "fields": ["moved_on", "person.family_name"],
                    "respond_by": (date(2026, 12, 7) - date(1970, 1, 1)).days,
                }
            ],
        }
    ]


def test_the_disclosure_in_two_parts_is_the_disclosure_in_one() -> None:
    both = replace(SHARING, agreements={"tax": replace(TAX, recipients=frozenset({"leeds"}))})
    outputs = Bench(both).route(
        move(), move(2, to="wakefield"), move(3, to=None), correction(4, 1, to="kirklees")
    )
    disclosure = CATALOGUE.bus["disclosure"]
    whole = [
        frame(ID_OF[disclosure.full_name], encode(disclosure, datum))
        for datum in datums(outputs, "instep.disclosures")
    ]
    assert [output.value for output in by_topic(outputs, "instep.disclosures")] == whole


def test_only_fields_that_this_version_has_are_said_to_be_shared() -> None:
    fields = ("person", "person.family_name", "a_field_of_a_later_version")
    sharing = network(agreement(shares=[share(fields=fields)]), schemas=IDS)
    outputs = Bench(sharing).route(move())
    (delivery,) = by_topic(outputs, "leeds.inbox.council-tax")
    assert dict(delivery.headers)["ce_instepfields"] == b"person"
    assert datums(outputs, "instep.disclosures")[0]["decisions"][0]["fields"] == ["person"]


def test_recipients_of_the_same_fields_get_the_same_bytes() -> None:
    everyone = agreement(recipients=TO_ALL, shares=[share(when="always")])
    outputs = Bench(network(everyone, schemas=IDS)).route(move())
    deliveries = [output for output in outputs if ".inbox." in output.topic]
    assert len(deliveries) == 3
    assert len({id(delivery.value) for delivery in deliveries}) == 1


def test_an_event_that_nobody_may_have_is_disclosed_as_withheld() -> None:
    outputs = Bench().route(move(handling="PROTECTED"))
    assert topics(outputs) == ["instep.disclosures", "bradford.outcomes"]
    assert decisions(outputs) == ["leeds council-tax WITHHELD protected"]


@pytest.mark.parametrize(
    ("gss", "ending"), [("E07000223", "UNKNOWN_AREA"), ("S12000033", "NOBODY_CONCERNED")]
)
def test_an_event_without_a_candidate_is_disclosed_too(gss: str, ending: str) -> None:
    class AlsoAberdeen(NoPostcodes):
        codes = NoPostcodes.codes | {"S12000033"}

    bench = Bench()
    bench.router = Router(CATALOGUE, AlsoAberdeen(), RouterMetrics(CollectorRegistry()), bench.codec)
    bench.router.follow(SHARING)
    event = move()
    event["new_address"]["authority_gss"] = gss
    (disclosure,) = datums(bench.route(event), "instep.disclosures")
    assert (disclosure["ending"], disclosure["decisions"]) == (ending, [])


def test_outcomes_are_many_to_a_record_and_by_source() -> None:
    leeds = move(3, source="leeds")
    outputs = Bench().route(move(1), move(2, to="bradford"), leeds)
    assert [entry["event_id"] for entry in datums(outputs, "leeds.outcomes")[0]["entries"]] == [id_of(3)]
    (record,) = by_topic(outputs, "bradford.outcomes")
    assert (record.partition, record.key) == (0, None)
    entries = datums(outputs, "bradford.outcomes")[0]["entries"]
    assert [
        (e["kind"], e["event_id"], e["subject_ref"], e["delivered"], e["withheld"], e["at"]) for e in entries
    ] == [
        ("ACCEPTED", id_of(1), "7QpVtT3bKx0d", 1, 0, NOW),
        ("ACCEPTED", id_of(2), "7QpVtT3bKx0d", 0, 1, NOW),
    ]


def test_outcomes_of_a_large_batch_are_spread_over_records() -> None:
    outputs = Bench().route(*(move(number) for number in range(1201)))
    outcomes = datums(outputs, "bradford.outcomes")
    assert [len(datum["entries"]) for datum in outcomes] == [500, 500, 201]
    outcome = CATALOGUE.bus["outcome"]  # written entry by entry, it is what it would be at once
    whole = [frame(ID_OF[outcome.full_name], encode(outcome, datum)) for datum in outcomes]
    assert [output.value for output in by_topic(outputs, "bradford.outcomes")] == whole


def test_the_source_learns_of_each_recipient_what_the_disclosure_says() -> None:
    bench = Bench(network(TAX, agreement("roll", purpose="electoral-roll", approved=("leeds",)), schemas=IDS))
    bench.route(move(1))
    outputs = bench.route(correction(2, of=1, to="wakefield"))
    (disclosure,) = datums(outputs, "instep.disclosures")
    (entry,) = datums(outputs, "bradford.outcomes")[0]["entries"]
    assert [decision["result"] for decision in entry["decisions"]] == ["WITHDRAWN", "DELIVERED"]
    names = ("authority", "purpose", "result", "reason", "agreements")
    assert entry["decisions"] == [{name: d[name] for name in names} for d in disclosure["decisions"]]
    assert (entry["ending"], entry["withdrawn"]) == ("DECIDED", 1)


@pytest.mark.parametrize(("to", "ending"), [(None, "UNKNOWN_AREA"), ("wakefield", "NOBODY_CONCERNED")])
def test_the_source_learns_that_an_event_found_nobody(to: str | None, ending: str) -> None:
    here = {id: council for id, council in SHARING.authorities.items() if id != "wakefield"}
    outputs = Bench(replace(SHARING, authorities=here)).route(move(1, to=to))
    (entry,) = datums(outputs, "bradford.outcomes")[0]["entries"]
    assert (entry["ending"], entry["decisions"], entry["delivered"]) == (ending, [], 0)
    assert datums(outputs, "instep.disclosures")[0]["ending"] == ending


def test_a_network_that_is_not_applied_yet_has_outcomes_of_the_version_it_knows() -> None:
    older = {number: pair for number, pair in IDS.items() if pair != ("uk.instep.Outcome", "1.1.0")}
    outputs = Bench(network(TAX, schemas=older)).route(move(1))
    (entry,) = datums(outputs, "bradford.outcomes")[0]["entries"]
    assert (entry["delivered"], entry["withheld"]) == (1, 0)
    assert "decisions" not in entry


def test_large_outcomes_are_spread_over_records() -> None:
    many = frozenset(f"council-{number:04d}" for number in range(400))
    everybody = agreement("tax", recipients=many, approved=(), shares=(share(when="always"),))
    outputs = Bench(network(everybody, schemas=IDS)).route(*(move(number) for number in range(40)))
    records = by_topic(outputs, "bradford.outcomes")
    entries = [entry for datum in datums(outputs, "bradford.outcomes") for entry in datum["entries"]]
    assert [entry["event_id"] for entry in entries] == [id_of(number) for number in range(40)]
    assert len(records) > 1
    assert all(len(output.value or b"") <= BYTES_A_RECORD for output in records)


# Repeats and conflicts


def test_an_event_is_routed_once_however_often_it_comes() -> None:
    bench = Bench()
    assert len(bench.route(move(), move())) == 3
    assert bench.route(move()) == []
    assert bench.count("instep_router_duplicates_total", source="bradford") == 2


def test_publishing_again_later_is_a_repeat() -> None:
    bench = Bench()
    bench.route(move())
    assert bench.route(move(published_at=NOW), now=NOW + DAY) == []


def test_the_same_id_with_other_content_is_a_conflict() -> None:
    bench = Bench()
    bench.route(move())
    outputs = bench.route(move(to="wakefield"))
    assert topics(outputs) == ["bradford.rejected"]
    assert (outputs[0].partition, outputs[0].key) == (0, b"7QpVtT3bKx0d")
    assert datums(outputs, "bradford.rejected") == [
        {
            "source": "bradford",
            "reason": "id-conflict",
            "fields": ["header.event_id"],
            "outbox_offset": 41,
            "event_id": id_of(1),
            "at": NOW,
        }
    ]
    assert bench.count("instep_router_rejections_total", source="bradford", reason="id-conflict") == 1


def test_two_subjects_or_sources_may_use_the_same_id() -> None:
    bench = Bench()
    assert len(bench.route(move(), move(subject_ref="other"), move(source="leeds"))) == 7


def test_an_event_that_was_withheld_is_not_routed_again_when_it_is_repeated() -> None:
    """Lifting a suspension does not replay."""
    suspended = replace(SHARING, agreements={"tax": replace(TAX, status="suspended")})
    bench = Bench(suspended)
    assert decisions(bench.route(move())) == ["leeds council-tax WITHHELD suspended"]
    bench.router.follow(replace(SHARING, generation=8))
    assert bench.route(move()) == []
    assert decisions(bench.route(move(2))) == ["leeds council-tax DELIVERED"]


# Corrections, annulments, withdrawals


def test_a_correction_reaches_those_told_before_and_those_it_concerns_now() -> None:
    bench = Bench()
    bench.route(move())
    outputs = bench.route(correction(2, 1, to="wakefield"))
    assert decisions(outputs) == [
        "leeds council-tax WITHDRAWN NO_LONGER_CONCERNS",
        "wakefield council-tax DELIVERED",
    ]
    assert topics(outputs) == [
        "wakefield.inbox.council-tax",
        "leeds.inbox.council-tax",
        "instep.disclosures",
        "bradford.outcomes",
    ]


def test_a_withdrawal_names_what_is_withdrawn_and_holds_nothing_else() -> None:
    bench = Bench()
    bench.route(move())
    outputs = bench.route(correction(2, 1, handling="PROTECTED", published_at=NOW))
    (withdrawal,) = by_topic(outputs, "leeds.inbox.council-tax")
    assert datums(outputs, "leeds.inbox.council-tax") == [
        {
            "source": "bradford",
            "subject_ref": "7QpVtT3bKx0d",
            "event_id": id_of(1),
            "reason": "NOW_PROTECTED",
        }
    ]
    assert (withdrawal.partition, withdrawal.key) == (0, b"bradford/7QpVtT3bKx0d")
    assert dict(withdrawal.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": id_of(2).encode(),
        "ce_source": b"urn:instep:authority:bradford",
        "ce_type": b"uk.instep.withdrawal.v1",
        "ce_time": b"2026-11-23T08:00:00.000Z",
        "ce_dataschema": b"urn:instep:schema:uk.instep.Withdrawal:1.0.0",
        "content-type": b"application/avro",
    }


def test_withdrawals_count_as_neither_delivered_nor_withheld() -> None:
    bench = Bench()
    bench.route(move())
    (outcome,) = datums(bench.route(correction(2, 1, to="wakefield")), "bradford.outcomes")
    assert [(entry["delivered"], entry["withheld"]) for entry in outcome["entries"]] == [(1, 0)]


def test_an_annulment_without_addresses_reaches_those_told() -> None:
    no_annulments = agreement(recipients=TO_ALL, shares=[share(change_kinds=frozenset({"NEW"}))])
    bench = Bench(network(no_annulments, schemas=IDS))
    bench.route(move())
    outputs = bench.route(move(2, to=None, change_kind="ANNUL", replaces=id_of(1)))
    assert decisions(outputs) == ["leeds council-tax WITHDRAWN ANNULLED"]


def test_a_chain_of_corrections_reaches_everyone_told_along_it() -> None:
    bench = Bench()
    bench.route(move(1), correction(2, 1, to="wakefield"))
    assert decisions(bench.route(correction(3, 2, to="kirklees"))) == [
        "kirklees council-tax DELIVERED",
        "leeds council-tax WITHDRAWN NO_LONGER_CONCERNS",
        "wakefield council-tax WITHDRAWN NO_LONGER_CONCERNS",
    ]


def test_a_withdrawal_goes_out_when_the_agreement_is_no_more() -> None:
    bench = Bench()
    bench.route(move())
    bench.router.follow(replace(SHARING, agreements={}))
    outputs = bench.route(correction(2, 1))
    assert decisions(outputs) == ["leeds council-tax WITHDRAWN AGREEMENT_ENDED"]
    assert topics(outputs)[0] == "leeds.inbox.council-tax"


def test_a_correction_of_what_is_not_remembered_is_refused_and_may_be_sent_again() -> None:
    bench = Bench()
    (rejection,) = datums(bench.route(correction(2, 1)), "bradford.rejected")
    assert (rejection["reason"], rejection["fields"], rejection["event_id"]) == (
        "replaces-unknown",
        ["header.replaces"],
        id_of(2),
    )
    bench.route(move(1))
    assert decisions(bench.route(correction(2, 1))) == ["leeds council-tax DELIVERED"]


def test_a_correction_replaces_only_within_its_source_and_subject() -> None:
    bench = Bench()
    bench.route(move(1, subject_ref="other"), move(1, source="leeds"))
    assert topics(bench.route(correction(2, 1))) == ["bradford.rejected"]


def test_a_correction_of_something_too_old_to_be_remembered_is_routed_as_new_and_marked() -> None:
    bench = Bench()
    outputs = bench.route(correction(2, 1, occurred_on=TODAY - 401))
    (delivery,) = by_topic(outputs, "leeds.inbox.council-tax")
    assert dict(delivery.headers)["ce_instepforgotten"] == b"true"
    assert datums(outputs, "instep.disclosures")[0]["replaces"] == id_of(1)
    assert bench.count("instep_router_forgotten_total", source="bradford") == 1
    assert topics(bench.route(correction(3, 1, occurred_on=TODAY - 399))) == ["bradford.rejected"]


def test_a_refresh_goes_to_the_one_who_asked() -> None:
    event = move(change_kind="REFRESH", requested_by="leeds")
    event["old_address"] = event["new_address"] | {"authority_gss": GSS["wakefield"]}
    assert decisions(Bench().route(event)) == ["leeds council-tax DELIVERED"]


# Memory


def test_the_memory_holds_digests_times_and_pairs_and_nothing_of_the_person() -> None:
    bench = Bench()
    bench.route(move())
    ((key, value),) = bench.state.entries.items()
    assert len(key) == 16
    assert int.from_bytes(value[16:24], "big") == NOW
    assert value[24:] == b"leeds/council-tax"


def test_what_is_older_than_400_days_is_forgotten_and_nothing_younger() -> None:
    bench = Bench()
    bench.route(*(move(number) for number in range(600)))
    bench.route(*(move(number) for number in range(600, 1000)), now=NOW + DAY)
    for second in range(60):
        assert bench.router.tick(bench.state, NOW + 400 * DAY + 1 + second * 1000).records == ()
    assert len(bench.state.entries) < 500
    for second in range(60, 400):
        bench.router.tick(bench.state, NOW + 400 * DAY + 1 + second * 1000)
    assert len(bench.state.entries) == 400


def test_a_tick_changes_nothing_while_nothing_is_old() -> None:
    bench = Bench()
    bench.route(move())
    before = dict(bench.state.entries)
    bench.router.tick(bench.state, NOW + 400 * DAY)
    assert bench.state.entries == before


# The network and the day


def test_a_new_generation_counts_from_the_next_batch() -> None:
    bench = Bench()
    bench.route(move(1))
    bench.router.follow(replace(SHARING, generation=8, agreements={"tax": replace(TAX, status="suspended")}))
    outputs = bench.route(move(2))
    assert decisions(outputs) == ["leeds council-tax WITHHELD suspended"]
    assert datums(outputs, "instep.disclosures")[0]["generation"] == 8


def test_an_agreement_runs_out_at_midnight_in_london() -> None:
    """In summer London is an hour ahead of UTC."""
    last_day = replace(SHARING, agreements={"tax": replace(TAX, review_by=date(2026, 7, 1))})
    bench = Bench(last_day)
    midnight = 1_782_946_800_000  # 2026-07-01 23:00 UTC
    early: dict[str, Any] = {"published_at": midnight - 5000, "occurred_on": TODAY - 200}
    assert decisions(bench.route(move(1, **early), now=midnight - 1)) == ["leeds council-tax DELIVERED"]
    assert decisions(bench.route(move(2, **early), now=midnight)) == ["leeds council-tax WITHHELD expired"]


def test_a_network_without_ids_for_our_own_records_is_not_followed() -> None:
    with pytest.raises(NetworkError, match="network apply"):
        Bench(network(TAX, schemas={MOVED_ID: IDS[MOVED_ID]}))


def test_the_router_reads_the_hub() -> None:
    assert Bench().router.service.inputs(SHARING) == ("instep.events",)


@pytest.mark.parametrize(
    "broken",
    [
        {"value": None},
        {"value": b"hello"},
        {"value": frame(ID_OF["uk.instep.Outcome"], b"\0")},
        {"value": frame(999, b"x")},
        {"value": (hub(move()).value or b"")[:-3]},
        {"value": (hub(move()).value or b"") + b"\0"},
        {"key": None},
    ],
)
def test_a_hub_record_that_intake_cannot_have_written_stops_the_lane(broken: dict[str, Any]) -> None:
    with pytest.raises(HubRecordError, match=r"Offset 70 of instep\.events, partition 3"):
        Bench().route(move(), **broken)


def test_a_conflict_whose_place_in_the_outbox_is_not_told_stops_the_lane() -> None:
    bench = Bench()
    bench.route(move())
    with pytest.raises(HubRecordError, match="where in its outbox"):
        bench.route(move(to="wakefield"), headers=())


# Canaries, lateness, metrics


def test_a_canary_is_measured_answered_and_dropped() -> None:
    bench = Bench()
    outputs = bench.route(move(synthetic=True), move(synthetic=True))
    assert topics(outputs) == ["bradford.outcomes"]
    (outcome,) = datums(outputs, "bradford.outcomes")
    assert [(entry["delivered"], entry["withheld"]) for entry in outcome["entries"]] == [(0, 0)] * 2
    assert bench.state.entries == {}
    assert bench.count("instep_router_canaries_total", source="bradford") == 2


def test_a_late_event_is_delivered_and_counted() -> None:
    bench = Bench()
    for number in (2, 5, 3, 5):
        bench.route(move(number))
    assert bench.count("instep_router_late_total", source="bradford") == 1
    assert bench.count("instep_router_deliveries_total", **LEEDS) == 3
    bench.route(move(1, subject_ref="other"))
    assert bench.count("instep_router_late_total", source="bradford") == 1


LEEDS = {"recipient": "leeds", "purpose": "council-tax", "event_type": "resident-moved"}


def test_counts_are_raised_after_the_commit_and_not_before() -> None:
    bench = Bench()
    records = [
        hub(move(1)),
        hub(move(2, handling="PROTECTED")),
        hub(move(1)),
        hub(correction(3, 1, to="kirklees")),
    ]
    outputs = bench.router.process(records, bench.state, NOW)
    assert bench.count("instep_router_deliveries_total", **LEEDS) == 0
    outputs.committed()
    assert bench.count("instep_router_deliveries_total", **LEEDS) == 1
    assert bench.count("instep_router_withheld_total", reason="protected") == 1
    assert bench.count("instep_router_withdrawals_total", reason="NO_LONGER_CONCERNS") == 1
    assert bench.count("instep_router_duplicates_total", source="bradford") == 1
    assert bench.count("instep_router_events_total", ending="DECIDED") == 3
    assert bench.count("instep_event_age_seconds_sum", event_type="resident-moved") == 5.0, (
        "of the two delivered"
    )


def test_agreements_show_when_their_last_day_ends_in_london() -> None:
    bench = Bench()
    name = "instep_agreement_expiry_timestamp_seconds"
    assert bench.count(name, agreement="tax") == 1_806_534_000  # 2027-03-31 23:00 UTC, summer time
    bench.router.follow(replace(SHARING, agreements={}))
    assert bench.registry.get_sample_value(name, {"agreement": "tax"}) is None


# Whatever comes


@given(
    st.lists(
        st.tuples(
            st.integers(1, 6),
            st.sampled_from([*GSS, None]),
            st.sampled_from(["NEW", "CORRECT", "ANNUL", "REFRESH"]),
            st.integers(1, 6),
            st.sampled_from(["ORDINARY", "PROTECTED"]),
        ),
        max_size=12,
    ),
    st.integers(1, 12),
)
def test_a_history_ends_the_same_however_it_is_cut_into_batches(
    history: list[tuple[int, str | None, str, int, str]], size: int
) -> None:
    """And each event has a disclosure or a rejection, or repeats an event with either."""
    events = [
        move(number, to=to, change_kind=kind, handling=handling)
        if kind in ("NEW", "REFRESH")
        else correction(number, of, to=to, change_kind=kind, handling=handling)
        for number, to, kind, of, handling in history
        if kind in ("NEW", "REFRESH") or number != of
    ]
    whole, parts = Bench(), Bench()
    at_once = whole.route(*events)
    in_parts = [
        output
        for start in range(0, len(events), size)
        for output in parts.route(*events[start : start + size])
    ]
    assert [o for o in at_once if "outcomes" not in o.topic] == [
        o for o in in_parts if "outcomes" not in o.topic
    ]
    assert whole.state.entries == parts.state.entries
    ended = len(by_topic(at_once, "instep.disclosures")) + len(by_topic(at_once, "bradford.rejected"))
    assert ended + whole.count("instep_router_duplicates_total", source="bradford") == len(events)
    accepted = [entry for datum in datums(at_once, "bradford.outcomes") for entry in datum["entries"]]
    assert len(accepted) == len(by_topic(at_once, "instep.disclosures")) == len(whole.state.entries)
    sent = sum(1 for o in at_once if ".inbox." in o.topic)
    decided = [entry for datum in datums(at_once, "instep.disclosures") for entry in datum["decisions"]]
    assert sent == sum(1 for entry in decided if entry["result"] != "WITHHELD")


def test_the_codec_is_chosen_by_a_setting_and_a_wrong_one_is_named() -> None:
    assert codec_from({}) is Codec.SPLICE
    assert codec_from({"INSTEP_CODEC": "plain"}) is Codec.PLAIN
    with pytest.raises(ConfigurationError, match="INSTEP_CODEC"):
        codec_from({"INSTEP_CODEC": "fast"})


def test_an_event_with_a_long_text_or_a_long_list_is_routed_all_the_same() -> None:
    event = move()
    event["person"] |= {"family_name": "x" * 5000, "former_names": ["y"] * 50}
    fields = ("person.family_name", "person.former_names")
    (delivery, *_) = Bench(network(agreement(shares=[share(fields=fields)]), schemas=IDS)).route(event)
    blanked = Blanking(MOVED.latest, fields).blank(event)
    assert delivery.value == frame(MOVED_ID, encode(MOVED.latest, blanked))


def test_an_event_is_known_by_the_same_identity_and_content_either_way() -> None:
    schemas = CATALOGUE.bind(IDS)
    splice, plain = (Arrivals(CATALOGUE, SHARING, schemas, codec) for codec in (Codec.SPLICE, Codec.PLAIN))
    for event in (
        move(),
        move(2, source_system="Åker", published_at=0),
        correction(3, 2, requested_by="leeds"),
    ):
        part, whole = splice.read(hub(event)), plain.read(hub(event))
        assert (part.identity, part.digest) == (whole.identity, whole.digest)
        assert {**whole.header, **part.header} == whole.header


def test_the_facts_of_an_event_are_named_as_they_are_and_the_same_either_way() -> None:
    placements = agreement(shares=[share(fields=("placement",))])
    sharing = network(placements, schemas=IDS)
    bradford, leeds, wakefield = map(AuthorityId, ("bradford", "leeds", "wakefield"))
    today, past = date(2026, 11, 23), frozenset({(leeds, "council-tax")})
    areas = Areas(sharing, NoPostcodes(), today)
    event = correction(2, 1, to="wakefield", handling="PROTECTED", requested_by="leeds") | {"placement": None}
    for codec in Codec:
        arrivals = Arrivals(CATALOGUE, sharing, CATALOGUE.bind(IDS), codec)
        assert arrivals.facts(arrivals.read(hub(event)), past, areas, today) == Facts(
            event_type="resident-moved",
            source=bradford,
            change_kind="CORRECT",
            handling="PROTECTED",
            requested_by=leeds,
            concerned=frozenset({wakefield}),
            area_unknown=False,
            past=past,
            day=today,
            absent=frozenset({"placement"}),
        )


def test_events_with_equal_facts_are_decided_once_a_day_and_generation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decided: list[Facts] = []

    def decide_and_note(facts: Facts, sharing: Network) -> Decision:
        decided.append(facts)
        return decide(facts, sharing)

    monkeypatch.setattr("instep.router.processor.decide", decide_and_note)
    bench = Bench()
    bench.route(move(1), move(2), move(3, to="wakefield"))
    bench.route(move(4))
    assert [facts.concerned for facts in decided] == [{"leeds"}, {"wakefield"}]
    bench.route(move(5), now=NOW + DAY)
    assert len(decided) == 3
    bench.router.follow(SHARING)
    bench.route(move(6), now=NOW + DAY)
    assert len(decided) == 4
