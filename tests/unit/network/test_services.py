"""Every place that names services names the services of the table."""

import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from instep.errors import NetworkError
from instep.network.network import load
from instep.network.services import SERVICES, Reach, Service, hub_topics, service
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
