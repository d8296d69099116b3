"""The alerts: heard when they should be, made of metrics that exist, with a runbook each."""

import functools
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from instep.intake.metrics import IntakeMetrics
from instep.lanes.metrics import HangingCollector, LagCollector, LaneMetrics
from instep.router.metrics import RouterMetrics
from tests.kafka.promtool import promtool

DEPLOY = Path(__file__).parents[3] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
RUNBOOKS = DEPLOY / "runbooks"
_SUFFIXES = {
    "counter": ("_total", "_created"),
    "gauge": ("",),
    "histogram": ("_bucket", "_count", "_sum", "_created"),
}
TARGET = frozenset({"job", "instance", "network"})
"""Labels that Prometheus adds, by `prometheus.yml`."""


@functools.cache
def loaded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((PROMETHEUS / name).read_text())
    return found


def rules() -> list[dict[str, Any]]:
    return [rule for group in loaded("rules.yml")["groups"] for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


@functools.cache
def metrics() -> dict[str, frozenset[str]]:
    """Every series that a service shows, with the labels that it has of its own."""
    registry = CollectorRegistry()
    LaneMetrics(registry, "intake", "1")
    IntakeMetrics(registry)
    RouterMetrics(registry)
    registry.register(LagCollector("uk-intake", lambda: [("leeds.outbox", 0, 0)]))
    registry.register(HangingCollector("intake", lambda: [(0, 0.0)]))
    found: dict[str, frozenset[str]] = {}
    for family in registry.collect():
        collector = registry._names_to_collectors[family.name]
        labels = getattr(collector, "_labelnames", None) or next(iter(family.samples)).labels
        for suffix in _SUFFIXES[family.type]:
            also = {"le"} if suffix == "_bucket" else set()
            found[family.name + suffix] = frozenset(labels) | also
    return found


@pytest.mark.slow
@pytest.mark.parametrize("command", [("check", "config", "prometheus.yml"), ("check", "rules", "rules.yml")])
def test_prometheus_takes_the_files(command: tuple[str, ...]) -> None:
    _passes(*command)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rules.test.yml", "rules.days.test.yml"])
def test_each_alert_is_heard_when_it_should_be(name: str) -> None:
    _passes("test", "rules", name)


def test_each_alert_is_heard_and_kept_silent_by_some_test() -> None:
    heard: set[str] = set()
    silent: set[str] = set()
    for name in ("rules.test.yml", "rules.days.test.yml"):
        for test in loaded(name)["tests"]:
            for case in test["alert_rule_test"]:
                (heard if case.get("exp_alerts") else silent).add(case["alertname"])
    assert heard == set(alerts())
    # One whose input holds a neighbour that must not be heard needs no silent moment besides.
    assert set(alerts()) - silent <= {"InstepTransactionsAborted", "InstepEventsArriveLate"}


def test_rules_and_their_tests_use_metrics_that_exist_with_the_labels_they_have() -> None:
    known = metrics()
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for rule in rules():
        named = set(re.findall(r"\b(?:instep|kafka)_\w+|\b\w+:\w+:\w+", rule["expr"]))
        assert named <= known.keys() | recorded, named - known.keys() - recorded
    for name in ("rules.test.yml", "rules.days.test.yml"):
        for test in loaded(name)["tests"]:
            for one in test["input_series"]:
                series, labels = re.fullmatch(r"(\w+)\{(.*)\}", one["series"]).groups()  # type: ignore[union-attr]
                if series != "up":
                    assert set(re.findall(r"(\w+)=", labels)) - TARGET == known[series], one["series"]


def test_each_alert_names_its_runbook_and_each_runbook_is_of_an_alert() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == set(alerts())
    for name, rule in alerts().items():
        assert rule["annotations"]["runbook"] == f"deploy/runbooks/{name}.md"
        assert rule["labels"]["severity"] in ("page", "ticket")


def _passes(*command: str) -> None:
    done = subprocess.run(
        [promtool(), *command], cwd=PROMETHEUS, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
