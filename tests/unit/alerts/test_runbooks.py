"""Runbooks point at nothing that is not there: commands, metrics, topics, files, settings, reasons."""

import functools
import re
from typing import Any

import pytest
import typer

from instep.cli import build
from instep.client.explain import REFUSALS, WITHHELD
from instep.errors import StoppedLaneError
from instep.network import topics
from instep.network.access import ADMIN, service_principal
from instep.network.services import SERVICES
from tests.unit.alerts.test_rules import RUNBOOKS, alerts, metrics, rules

ROOT = RUNBOOKS.parents[1]
SECTIONS = (
    "What has happened",
    "What it means for residents",
    "What to look at",
    "What to do",
    "When it is over",
)
SOURCE = "\n".join(path.read_text() for path in (ROOT / "services").rglob("*.py"))
TOPICS = {
    "instep.events",
    "instep.disclosures",
    "instep.network",
    topics.outbox("<authority>"),
    topics.rejected("<authority>"),
    topics.inbox("<authority>", "<purpose>"),
}
LEADS = {"page": "Page: act now. ", "ticket": "Ticket: act on the next working day. "}
"""How a runbook begins, by the alert's severity."""
LOGGED = {"worker ended", "transaction settled", "state discarded", "fenced"}
STOPPED = {"lost-records", "hanging-transaction", "clock"}
USERS = {ADMIN, *map(service_principal, SERVICES)}
WORDS = LOGGED | STOPPED | USERS | {"up", "instep"}
"""What a log, `/ready` or Prometheus says; a test looks in the source for the words of logs and of stopped lanes."""
FIELDS = {
    "service",
    "lane",
    "result",
    "contact",
    "review_by",
    "approved",
    "version",
    "status",
    "published_at",
}
FILES = {"network.toml"}
"""Names of files in a network's directory."""

KAFKAS = {"kafka-transactions.sh abort", "kafka-transactions.sh describe-producers"}
"""What Kafka's own tools are asked."""


def spans(text: str) -> list[str]:
    return [" ".join(found.split()) for found in re.findall(r"`([^`]+)`", text)]


def dead(span: str) -> str | None:
    """What is wrong with a pointer; None if what it points at is there."""
    if span == "instep run":  # the command itself; a service follows where it is to be typed
        return None
    if span.startswith("instep "):
        return _command(span.split()[1:])
    if found := re.fullmatch(r"curl http://127\.0\.0\.1:(\d+)(/\w+)", span):
        there = (
            int(found[1]) in {service.port for service in SERVICES.values()}
            and f'add_get("{found[2]}"' in SOURCE
        )
        return None if there else "no such page"
    if re.fullmatch(r"/\w+", span):
        return None if f'add_get("{span}"' in SOURCE else "no such page"
    if span.startswith(("deploy/", "services/", "schemas/", "tests/")):
        return None if (ROOT / span).exists() else "no such file"
    if re.fullmatch(r"INSTEP_\w+", span):
        return None if f'"{span}"' in SOURCE else "no such setting"
    names = re.findall(r"\binstep_\w+|\bkafka_\w+|\b\w+:\w+:\w+", span)
    if names:
        return next((f"no metric {name}" for name in names if name not in _series()), None)
    if span in TOPICS | WORDS | FIELDS | KAFKAS | FILES | set(REFUSALS) | set(WITHHELD) | set(alerts()):
        return None
    return None if span == "--dry-run" else "points at nothing known"


def _series() -> set[str]:
    """Names as they are shown, and a histogram's by itself."""
    shown = set(metrics())
    bases = {name.removesuffix("_bucket") for name in shown if name.endswith("_bucket")}
    return shown | bases | {rule["record"] for rule in rules() if "record" in rule}


@functools.cache
def _commands() -> Any:
    return typer.main.get_command(build())


def _command(words: list[str]) -> str | None:
    command = _commands()
    while isinstance(command, typer.core.TyperGroup):
        if not words or words[0] not in command.commands:
            return f"no command {' '.join(words[:1])}"
        command, words = command.commands[words[0]], words[1:]
    try:
        command.make_context(command.name, list(words))
    except Exception as error:  # noqa: BLE001  # whatever it does not like about the words
        return str(error)
    return None


@pytest.mark.parametrize("name", sorted(alerts()))
def test_a_runbook_has_its_parts_and_points_at_what_is_there(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text()
    assert text.startswith(f"# {name}\n")
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    assert parts[0].startswith(f"# {name}\n\n{LEADS[alerts()[name]['labels']['severity']]}")
    assert tuple(parts[1::2]) == SECTIONS
    assert all(part.strip() for part in parts[2::2])
    assert {span: why for span in spans(text) if (why := dead(span))} == {}


@pytest.mark.parametrize(
    "span",
    [
        "instep lanes list",
        "instep lane show",
        "instep rejected leeds --count-all",
        "curl http://127.0.0.1:9709/ready",
        "curl http://127.0.0.1:9701/status",
        "deploy/runbooks/InstepNothing.md",
        "INSTEP_STATE_DIRECTORY",
        "rate(instep_intake_refusals_total[1h])",
        "instep.event",
        "bad-luck",
    ],
)
def test_a_dead_pointer_is_found(span: str) -> None:
    assert dead(span)


@pytest.mark.parametrize("word", sorted(LOGGED))
def test_what_a_log_is_said_to_say_is_logged(word: str) -> None:
    assert any(f'_log.{level}("{word}"' in SOURCE for level in ("error", "warning", "info"))


@pytest.mark.parametrize("word", sorted(STOPPED))
def test_what_a_stopped_lane_is_said_to_say_is_its_reason(word: str) -> None:
    assert word in {kind.reason for kind in StoppedLaneError.__subclasses__()}
