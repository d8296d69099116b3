"""The topics of a network, and their configuration."""

from dataclasses import replace
from datetime import date
from pathlib import Path

from instep.network.network import Network, load
from instep.network.services import SERVICES
from instep.network.settings import Retention
from instep.network.topic_specs import TopicSpec, topic_specs
from instep.network.topics import inbox, outbox

SAMPLE = Path(__file__).parents[3] / "deploy/network/sample"
DAY_MS = 86_400_000


def _topics(network: Network | None = None) -> dict[str, TopicSpec]:
    specs = topic_specs(network or load(SAMPLE))
    specs_by_name = {spec.name: spec for spec in specs}
    assert len(specs_by_name) == len(specs)
    return specs_by_name


def test_hub_topics_have_a_partition_a_lane_and_tenants_topics_have_one() -> None:
    specs_by_name = _topics()
    hub = {name for name in specs_by_name if name.startswith("instep.")}
    assert hub == {
        "instep.network",
        "instep.events",
        "instep.disclosures",
        *(f"instep.{name}.state" for name in SERVICES),
    }
    for name, spec in specs_by_name.items():
        lanes = 4 if name in hub - {"instep.network"} else 1
        assert spec.partitions == lanes, name


def test_every_authority_of_today_has_an_outbox_whether_or_not_an_agreement_names_it() -> None:
    network = replace(load(SAMPLE), agreements={})
    names = {name for name in _topics(network) if not name.startswith("instep.")}
    assert names == {
        f"{id}.{kind}"
        for id, one in network.authorities.items()
        if one.valid_to is None
        for kind in ("outbox", "rejected", "outcomes")
    }


def test_an_authority_that_is_gone_has_no_topics() -> None:
    assert not [name for name in _topics() if name.startswith(("harrogate.", "north-yorkshire-county."))]


def test_an_announced_end_takes_no_topic_away_while_an_agreement_names_the_authority() -> None:
    network = load(SAMPLE)
    ending = replace(network.authorities["bolsover"], valid_to=date(2028, 3, 31), replaced_by=("derbyshire",))
    network = replace(network, authorities={**network.authorities, "bolsover": ending})
    assert outbox("bolsover") in _topics(network)
    assert outbox("bolsover") not in _topics(replace(network, agreements={}))


def test_an_inbox_is_there_for_each_recipient_and_purpose_whatever_the_standing() -> None:
    inboxes = {name for name in _topics() if ".inbox." in name}
    network = load(SAMPLE)
    assert inboxes == {
        f"{recipient}.inbox.{agreement.purpose}"
        for agreement in network.agreements.values()
        for recipient in agreement.recipients
    }
    assert inbox("leeds", "electoral-registration") in inboxes, "suspended"
    assert inbox("leeds", "council-tax") in inboxes, "not approved"
    assert inbox("derbyshire", "council-tax") not in inboxes


def test_records_are_kept_as_long_as_the_network_says() -> None:
    def days(name: str, specs_by_name: dict[str, TopicSpec]) -> float:
        return int(specs_by_name[name].config["retention.ms"]) / DAY_MS

    kept = {
        "leeds.outbox": 35,
        "leeds.rejected": 35,
        "leeds.outcomes": 35,
        "leeds.inbox.placements": 35,
        "instep.events": 7,
        "instep.disclosures": 400,
        "instep.router.state": 400,
    }
    assert {name: days(name, _topics()) for name in kept} == kept
    changed = _topics(replace(load(SAMPLE), retention=Retention(tenants=20, events=2, register=90)))
    assert [days(name, changed) for name in ("leeds.outbox", "instep.events", "instep.disclosures")] == [
        20,
        2,
        90,
    ]


def test_a_segment_is_younger_than_what_is_kept() -> None:
    for spec in _topics().values():
        if "retention.ms" in spec.config:
            assert int(spec.config["segment.ms"]) * 5 <= int(spec.config["retention.ms"]), spec.name


def test_state_is_compacted_and_forgotten_and_the_network_is_only_compacted() -> None:
    specs_by_name = _topics()
    assert specs_by_name["instep.router.state"].config["cleanup.policy"] == "compact,delete"
    assert specs_by_name["instep.network"].config["cleanup.policy"] == "compact"
    assert "retention.ms" not in specs_by_name["instep.network"].config
    assert specs_by_name["leeds.outbox"].config["cleanup.policy"] == "delete"


def test_every_topic_has_the_brokers_time_and_the_networks_copies() -> None:
    network = replace(load(SAMPLE), replication_factor=3, min_insync_replicas=2)
    for spec in topic_specs(network):
        assert spec.config["message.timestamp.type"] == "LogAppendTime"
        assert spec.config["min.insync.replicas"] == "2"
        assert spec.replication_factor == 3
    assert {spec.replication_factor for spec in topic_specs(load(SAMPLE))} == {1}
