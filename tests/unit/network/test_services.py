"""Every place that names services names the services of the table."""

import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from instep.errors import NetworkError
from instep.network import topics
from instep.network.access import acls_of
from instep.network.network import load
from instep.network.services import SERVICES, Reach, Service, hub_topics, on_lanes, service
from instep.network.topic_specs import topic_specs

ROOT = Path(__file__).parents[3]
SAMPLE = load(ROOT / "deploy/network/sample")


def test_an_unknown_service_is_refused_with_the_names_of_all() -> None:
    with pytest.raises(NetworkError, match="intake, router"):
        service("intaek")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_a_folder_that_can_be_run(name: str) -> None:
    assert find_spec(f"instep.{name}.app") is not None
    assert find_spec(f"instep.{name}.__main__") is not None


def test_ports_are_told_apart() -> None:
    assert len({row.port for row in SERVICES.values()}) == len(SERVICES)


def test_prometheus_scrapes_each_service_at_its_port() -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    scraped = {
        job["job_name"]: target.rpartition(":")[2]
        for job in config["scrape_configs"]
        for static in job["static_configs"]
        for target in static["targets"]
    }
    assert scraped == {f"instep-{row.name}": str(row.port) for row in SERVICES.values()}


def test_the_import_contracts_keep_all_services_apart() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = {contract["id"]: contract for contract in settings["tool"]["importlinter"]["contracts"]}
    assert contracts["processors-apart"]["modules"] == [f"instep.{name}" for name in SERVICES]


def test_the_import_contracts_keep_every_service_out_of_the_client() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = {contract["id"]: contract for contract in settings["tool"]["importlinter"]["contracts"]}
    forbidden = contracts["client-without-services"]["forbidden_modules"]
    assert {f"instep.{name}" for name in SERVICES} <= set(forbidden)


def test_each_service_is_missed_by_an_alert() -> None:
    rules = yaml.safe_load((ROOT / "deploy/prometheus/rules.yml").read_text())
    (missing,) = (
        rule
        for group in rules["groups"]
        for rule in group["rules"]
        if rule.get("alert") == "InstepServiceMissing"
    )
    assert set(re.findall(r'service="([^"]+)"', missing["expr"])) == set(SERVICES)


def test_the_pattern_of_reads_of_the_hub_leaves_out_each_service() -> None:
    page = (ROOT / "deploy/governance/hub-access.md").read_text(encoding="utf-8")
    (names,) = re.findall(r"User:\(\?!instep\\\.\(\?:([a-z|-]+)\) \)", page)
    assert set(names.split("|")) == {*SERVICES, "broker"}


def test_the_map_has_a_row_for_each_service() -> None:
    page = (ROOT / "services/README.md").read_text(encoding="utf-8")
    assert [name for name in SERVICES if f"| `{name}/` |" not in page] == []


def test_a_hub_topic_is_there_when_a_service_names_it() -> None:
    made = {spec.name for spec in topic_specs(SAMPLE)}
    assert hub_topics() <= made
    assert not {"instep.receipts", "instep.outcomes"} & made


def test_a_lane_of_intake_writes_rejections_of_its_own_authorities_and_events_anywhere() -> None:
    lanes = [set(SERVICES["intake"].outputs(SAMPLE, lane)) for lane in range(SAMPLE.lanes)]
    events = {("instep.events", number) for number in range(SAMPLE.lanes)}
    assert all(events <= written for written in lanes)
    rejected = [written - events for written in lanes]
    assert sum(map(len, rejected)) == len(set().union(*rejected)) == len(SAMPLE.participants)


def test_a_lane_of_the_router_writes_its_own_disclosures_and_to_every_authority() -> None:
    everybody = {(f"{authority}.outcomes", 0) for authority in SAMPLE.participants}
    for lane in range(SAMPLE.lanes):
        written = set(SERVICES["router"].outputs(SAMPLE, lane))
        assert everybody <= written
        assert {number for topic, number in written if topic == "instep.disclosures"} == {lane}


def test_one_row_is_enough_for_inputs_and_outputs() -> None:
    row = Service(name="toy", port=0, reads=("outbox",), writes={"instep.toy": Reach.OWN_LANE})
    assert set(row.inputs(SAMPLE)) == {f"{authority}.outbox" for authority in SAMPLE.participants}
    assert row.outputs(SAMPLE, 2) == (("instep.toy", 2),)


def test_a_service_without_lanes_has_no_state_topic_and_no_transactions() -> None:
    outlet = Service(name="outlet", port=9799, reads=(topics.DISCLOSURES,), writes={}, lanes=False)
    assert on_lanes({"outlet": outlet, **SERVICES}) == ("intake", "router")
    rights = {(acl.resource, acl.name, acl.operation) for acl in acls_of(SAMPLE, outlet, {})}
    assert rights == {
        ("topic", topics.DISCLOSURES, "READ"),
        ("topic", topics.NETWORK, "READ"),
        ("group", topics.group(SAMPLE, "outlet"), "READ"),
    }
