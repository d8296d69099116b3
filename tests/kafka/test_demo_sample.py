"""`instep demo` on the small network: it shows the whole journey, adds up, and leaves nothing running."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

INSTEP = str(Path(sys.executable).with_name("instep"))
pytestmark = pytest.mark.timeout(1200)


def environ(**settings: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("INSTEP_")} | settings


def run(home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [INSTEP, *arguments],
        cwd=home,
        env=environ(**settings),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def running_in(home: Path) -> list[str]:
    """Commands of processes that name the directory, or work in it."""
    found = []
    for process in psutil.process_iter():
        try:
            command = " ".join(process.cmdline())
            if process.status() != psutil.STATUS_ZOMBIE and (
                str(home) in command or process.cwd() == str(home)
            ):
                found.append(command)
        except psutil.Error:
            continue
    return found


def figures(home: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((home / ".instep" / "demo.json").read_text("utf-8"))
    return told


def test_the_journey_adds_up_can_be_looked_at_and_is_ended(tmp_path: Path) -> None:
    # A setting for somebody's own cluster must not take the demo there.
    shown = run(tmp_path, "demo", "--network", "sample", "--keep", INSTEP_BOOTSTRAP_SERVERS="127.0.0.1:1")
    try:
        assert shown.returncode == 0, shown.stderr + shown.stdout
        told = figures(tmp_path)
        _adds_up(told)
        _is_shown(shown.stdout)
        assert len(running_in(tmp_path)) == 3, "the broker, intake and router"
        where = re.search(r"INSTEP_HOME=(\S+)", shown.stdout)
        assert where
        inbox = run(tmp_path, "inbox", "high-peak", "placements", "-o", "json", INSTEP_HOME=where[1])
        # The event of the suspension may come here too, under an agreement that stands: it was published afterwards.
        received = [
            one
            for one in map(json.loads, inbox.stdout.splitlines())
            if one["content"]["header"]["event_id"] != told["suspension"]["event_id"]
        ]
        assert len(received) == told["councils"]["high-peak"]["received"]["placements"] > 0
        assert all(set(one["content"]) == {"header", "placement"} for one in received)
        other = run(
            tmp_path, "inbox", "high-peak", "placements", INSTEP_HOME=where[1], INSTEP_SASL_USERNAME="leeds"
        )
        assert other.returncode == 1
        assert "does not permit leeds to use high-peak.inbox.placements" in other.stderr
    finally:
        stopped = run(tmp_path, "demo", "--stop")
    assert stopped.returncode == 0
    assert running_in(tmp_path) == []


def _adds_up(told: dict[str, Any]) -> None:
    assert told["holds"]
    assert {check["name"] for check in told["checks"]} >= {
        "lines",
        "candidates",
        "deliveries",
        "blanking",
        "routing",
    }
    assert all(check["holds"] and check["cases"] > 0 and not check["wrong"] for check in told["checks"])
    assert told["files"]["sample-moves.csv"] == {
        "published": 26,
        "same-address": 1,
        "duplicate": 1,
        "refused": 2,
    }
    total, councils = told["total"], told["councils"].values()
    for purpose, count in total["received"].items():
        assert count == sum(one["received"].get(purpose, 0) for one in councils)
    assert (
        sum(total["received"].values())
        == total["delivered"]
        == told["metrics"]["instep_router_deliveries_total"]
    )
    assert total["published"] == total["accepted"] + sum(total["refused"].values())
    # The small network has something of each to show.
    assert set(total["received"]) >= {"council-tax", "food-safety", "placements", "concessionary-travel"}
    assert set(total["withheld"]) >= {
        "no-agreement",
        "suspended",
        "not-approved",
        "not-yet-effective",
        "protected",
    }
    assert total["withdrawn"]
    assert told["metrics"]["kafka_consumergroup_lag (router)"] == 0
    assert [one["answer"] for one in told["attempts"]] == ["allowed"] + ["TopicAuthorizationFailedError"] * 4
    suspension = told["suspension"]
    assert suspension["result"] == "suspended"
    assert suspension["generation"] == suspension["generation_disclosed"] == 2


def _is_shown(text: str) -> None:
    for heading in (
        "The busiest councils",
        "Received, by purpose",
        "Withheld, and why",
        "Kept at home",
        "One event",
        "What the broker says",
        "An agreement is suspended",
        "Metrics",
    ):
        assert heading in text
    assert "DOES NOT HOLD" not in text
    one_event = text[text.index("One event") : text.index("What the broker says")]
    assert re.search(r"(?m)^placement\.applicant\.born_on +\S+ +- *$", one_event), (
        "some is in the outbox, and not in the inbox"
    )
    assert "person.born_on" not in one_event, "a date of birth that nobody shares is on no topic"
    assert re.search(r"(?m)^ +\d+  person\.born_on$", text), "and it is counted among what stayed at home"


@pytest.mark.parametrize(
    "step", ["starting Kafka", "creating topics", "publishing", "suspending an agreement", "ending"]
)
def test_an_interruption_leaves_nothing_running_and_the_next_begins_anew(tmp_path: Path, step: str) -> None:
    demo = subprocess.Popen(
        [INSTEP, "demo", "--network", "sample"],
        cwd=tmp_path,
        env=environ(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with demo:
        assert demo.stderr is not None
        assert any(step in line for line in demo.stderr)
        demo.send_signal(signal.SIGINT)
        said = demo.stderr.read()
        assert demo.wait(60) == 130
    assert "Traceback" not in said
    assert running_in(tmp_path) == []
    began = time.monotonic()
    assert run(tmp_path, "demo", "--stop").returncode == 0
    assert time.monotonic() - began < 30
