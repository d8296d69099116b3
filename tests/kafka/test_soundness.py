"""Real brokers show whether their version is sound."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from instep.kafka import soundness
from instep.kafka.connection import Connection
from instep.kafka.soundness import unsound
from instep.local.broker import Broker
from instep.local.jars import OTHER_PINS
from tests.conftest import KAFKA_4_3_1


@pytest.fixture(params=[None, KAFKA_4_3_1], ids=["4.2.2", "4.3.1"])
def kafka(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Broker, bool]]:
    """A broker of either version, and whether the version is sound."""
    if request.param:
        monkeypatch.setenv(OTHER_PINS, str(request.param))
    else:
        monkeypatch.delenv(OTHER_PINS, raising=False)
    broker = Broker(tmp_path / "broker")
    broker.start()
    yield broker, request.param is None
    broker.stop()


async def test_a_real_broker_is_judged_by_its_version(kafka: tuple[Broker, bool]) -> None:
    broker, sound = kafka
    sentence = await unsound(broker.own_connection)
    assert (sentence is None) is sound
    asked = await soundness._ask_all(broker.own_connection)
    level = 29 if sound else 30
    assert asked == [soundness.Levels(supported=level, finalized=level)]
    if sentence:
        assert "Kafka 4.3, and may lose or repeat events" in sentence


def test_doctor_plan_and_apply_say_so(kafka: tuple[Broker, bool], tmp_path: Path) -> None:
    broker, sound = kafka
    environ = {
        "INSTEP_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "INSTEP_SECURITY_PROTOCOL": "PLAINTEXT",
        "INSTEP_HOME": str(tmp_path / "home"),
    }
    for command in (["doctor"], ["network", "plan", "sample"], ["network", "apply", "sample"]):
        done = instep(environ, *command)
        assert ("may lose or repeat events" in done.stdout + done.stderr) is not sound, command
        assert done.returncode == (1 if command == ["doctor"] and not sound else 0), done.stderr
        assert "may lose" not in done.stdout or command == ["doctor"], "a note is no result"


def instep(environ: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("instep")), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environ},
    )


async def test_a_cluster_that_does_not_answer_is_no_error() -> None:
    assert await unsound(Connection(bootstrap_servers="127.0.0.1:1", security_protocol="PLAINTEXT")) is None
