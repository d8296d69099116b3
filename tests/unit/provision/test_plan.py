"""The plan that brings a cluster to a network."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.errors import NetworkError
from instep.network.network import Network, load
from instep.network.records import from_records
from instep.network.topic_specs import topic_specs
from instep.network.topics import EVENTS, inbox, outbox
from instep.provision.changes import changes
from instep.provision.plan import Cluster, Plan, allot, plan

SAMPLE = load(Path(__file__).parents[3] / "deploy/network/sample")
SCHEMAS = (("uk.instep.BusinessRegistered", "1.0.0"), ("uk.instep.ResidentMoved", "1.0.0"))
EMPTY = Cluster(partitions={}, configs={}, records={})


def after(planned: Plan, cluster: Cluster = EMPTY) -> Cluster:
    """The cluster after the plan."""
    records = {**cluster.records, **planned.records, "generation": str(planned.generation).encode()}
    created = {spec.name: spec for spec in (*planned.create, *planned.configure)}
    return Cluster(
        partitions={**cluster.partitions, **{spec.name: spec.partitions for spec in created.values()}},
        configs={**cluster.configs, **{spec.name: spec.config for spec in created.values()}},
        records={key: value for key, value in records.items() if value is not None},
    )


APPLIED = after(plan(SAMPLE, SCHEMAS, EMPTY))


def test_a_new_cluster_gets_every_topic_and_the_first_generation() -> None:
    planned = plan(SAMPLE, SCHEMAS, EMPTY)
    assert planned.generation == 1
    assert planned.create == topic_specs(SAMPLE)
    assert from_records(APPLIED.records) == replace(
        SAMPLE, generation=1, schemas=dict(enumerate(SCHEMAS, start=1))
    )


def test_a_cluster_that_matches_gets_nothing_and_no_new_generation() -> None:
    planned = plan(SAMPLE, SCHEMAS, APPLIED)
    assert planned.empty
    assert planned.generation == 1


def test_only_what_has_changed_is_written() -> None:
    version = SAMPLE.agreements["council-tax"].version
    changed = _with_agreement(SAMPLE, "council-tax", status="suspended", version=version + 1)
    planned = plan(changed, SCHEMAS, APPLIED)
    assert list(planned.records) == ["agreement/council-tax"]
    assert (planned.generation, planned.create, planned.configure) == (2, (), ())


def test_what_is_gone_from_the_directory_is_removed_and_its_topics_stay() -> None:
    fewer = replace(
        SAMPLE,
        agreements={id: agreement for id, agreement in SAMPLE.agreements.items() if id != "council-tax"},
    )
    planned = plan(fewer, SCHEMAS, APPLIED)
    assert planned.records == {"agreement/council-tax": None}
    assert inbox("leeds", "council-tax") in after(planned, APPLIED).partitions


def test_topics_that_a_killed_run_has_left_out_are_made_without_a_new_generation() -> None:
    partitions = {name: number for name, number in APPLIED.partitions.items() if name != outbox("leeds")}
    planned = plan(SAMPLE, SCHEMAS, replace(APPLIED, partitions=partitions))
    assert [spec.name for spec in planned.create] == [outbox("leeds")]
    assert planned.generation == 1


def test_a_topic_whose_settings_differ_is_configured_anew() -> None:
    longer = replace(SAMPLE, retention=replace(SAMPLE.retention, events=14))
    planned = plan(longer, SCHEMAS, APPLIED)
    assert [spec.name for spec in planned.configure] == [EVENTS]
    assert list(planned.records) == ["network"]


def test_settings_that_instep_does_not_set_are_no_difference() -> None:
    configs = {name: {**config, "compression.type": "producer"} for name, config in APPLIED.configs.items()}
    assert plan(SAMPLE, SCHEMAS, replace(APPLIED, configs=configs)).empty


@pytest.mark.parametrize(
    ("network", "cluster", "message"),
    [
        (replace(SAMPLE, name="other"), APPLIED, "holds the network sample"),
        (replace(SAMPLE, lanes=5), APPLIED, "born with 4 lanes"),
        (SAMPLE, replace(EMPTY, partitions={EVENTS: 3}), "instep.events has 3 partitions and must have 4"),
        (SAMPLE, replace(EMPTY, partitions={outbox("leeds"): 2}), "leeds.outbox has 2 partitions"),
    ],
)
def test_a_cluster_that_cannot_take_the_network_is_refused(
    network: Network, cluster: Cluster, message: str
) -> None:
    with pytest.raises(NetworkError, match=message):
        plan(network, SCHEMAS, cluster)


def test_a_schema_keeps_its_id_for_good() -> None:
    assert allot({}, SCHEMAS) == {1: SCHEMAS[0], 2: SCHEMAS[1]}
    assert allot({7: SCHEMAS[1]}, SCHEMAS) == {7: SCHEMAS[1], 8: SCHEMAS[0]}
    assert allot({7: SCHEMAS[1]}, []) == {7: SCHEMAS[1]}


PAIRS = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["1.0.0", "1.1.0"])), unique=True)


@given(PAIRS, PAIRS)
def test_ids_are_never_given_twice_nor_changed(
    first: list[tuple[str, str]], then: list[tuple[str, str]]
) -> None:
    before = allot({}, first)
    now = allot(before, then)
    assert before.items() <= now.items()
    assert sorted(now.values()) == sorted({*first, *then})


@pytest.mark.parametrize(
    ("changed", "version", "message"),
    [
        ({"status": "suspended"}, 2, "status changed, but its version is still 2: write version = 3"),
        (
            {"dpia": "other", "retention_days": 7},
            2,
            "retention_days and dpia changed, but its version is still 2",
        ),
        ({}, 1, "version 2 has been applied already, and a version never goes back: write version = 3"),
        ({"status": "suspended"}, 1, "version 2 has been applied already"),
    ],
)
def test_an_agreement_that_changes_needs_a_higher_version(
    changed: dict[str, Any], version: int, message: str
) -> None:
    network = _with_agreement(SAMPLE, "council-tax", version=version, **changed)
    with pytest.raises(NetworkError, match=f"The agreement council-tax: {message}"):
        plan(network, SCHEMAS, APPLIED)


def test_a_plan_is_told_as_what_is_made_what_becomes_another_and_what_goes() -> None:
    agreements = dict(SAMPLE.agreements)
    ended = replace(agreements["council-tax"], status="ended", version=3)
    agreements["council-tax"] = ended
    del agreements["placement-notices"]
    agreements["second"] = replace(ended, id="second", purpose="other")
    harrogate = replace(SAMPLE.authorities["harrogate"], name="Harrogate")
    network = replace(
        SAMPLE,
        agreements=agreements,
        authorities={**SAMPLE.authorities, "harrogate": harrogate},
        retention=replace(SAMPLE.retention, events=14),
    )
    cluster = replace(APPLIED, partitions={**APPLIED.partitions, "stranger": 1, "__consumer_offsets": 50})
    planned = plan(network, SCHEMAS, cluster)
    lines = [str(change) for change in changes(planned) if change.kind != "topic"]
    assert lines == [
        "~ settings of the network",
        f"~ authority harrogate: name {SAMPLE.authorities['harrogate'].name} -> Harrogate",
        "~ agreement council-tax: version 2 -> 3 (status active -> ended)",
        "+ agreement second",
        "- agreement placement-notices",
    ]
    topics_told = [str(change) for change in changes(planned) if change.kind == "topic"]
    assert "+ topic leeds.inbox.other: partitions: 1, copies: 1" in topics_told
    assert (
        "~ topic instep.events: retention.ms 604800000 -> 1209600000, segment.ms 86400000 -> 172800000"
        in topics_told
    )
    assert [name for name in planned.unnamed if not name.endswith(".inbox.placements")] == ["stranger"]


def _with_agreement(network: Network, id: str, **changed: Any) -> Network:
    agreement = replace(network.agreements[id], **changed)
    return replace(network, agreements={**network.agreements, id: agreement})


def test_topics_of_those_who_have_left_are_told_from_those_of_strangers() -> None:
    """Topics of a council that has left, of an ended purpose and of an older hub are kept; Kafka's own are not mentioned."""
    own = ["harrogate.outbox", "instep.old.state", "leeds.inbox.parking"]
    others = ["leads.outbox", "leeds", "leeds.inbox.Parking", "leeds.outbox.more", "orders"]
    extra = dict.fromkeys([*own, *others, "__consumer_offsets"], 3)
    planned = plan(SAMPLE, SCHEMAS, replace(APPLIED, partitions={**APPLIED.partitions, **extra}))
    assert planned.unnamed == tuple(sorted([*own, *others]))
    assert planned.kept == set(own)
    assert planned.empty


def test_the_topics_of_an_authority_that_leaves_the_directory_are_kept() -> None:
    authorities = {id: council for id, council in SAMPLE.authorities.items() if id != "leeds"}
    agreements = {
        id: agreement for id, agreement in SAMPLE.agreements.items() if "leeds" not in agreement.parties
    }
    fewer = replace(SAMPLE, authorities=authorities, agreements=agreements)
    planned = plan(fewer, SCHEMAS, APPLIED)
    assert {outbox("leeds"), inbox("leeds", "placements")} <= planned.kept == set(planned.unnamed)


def test_only_what_left_before_the_last_apply_is_deleted_and_only_when_that_is_allowed() -> None:
    partitions = {
        **APPLIED.partitions,
        "harrogate.outbox": 1,
        "harrogate.other": 1,
        "instep.former.state": 4,
        "stranger": 1,
    }
    cluster = replace(APPLIED, partitions=partitions)
    assert plan(SAMPLE, SCHEMAS, cluster).delete == ()
    planned = plan(SAMPLE, SCHEMAS, cluster, allow_delete=True)
    assert planned.delete == ("harrogate.outbox",)
    assert planned.unnamed == ("harrogate.other", "instep.former.state", "stranger")
    assert not planned.empty
    fewer = replace(
        SAMPLE,
        agreements={id: agreement for id, agreement in SAMPLE.agreements.items() if id != "council-tax"},
    )
    leaving = plan(fewer, SCHEMAS, APPLIED, allow_delete=True)
    assert leaving.delete == (), "services are at work on its inboxes until they have followed"
    assert inbox("leeds", "council-tax") in leaving.kept
