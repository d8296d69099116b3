"""`instep up`, `down`, `status` and `doctor` as a user runs them, with everything that may go wrong between."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from instep.errors import PlatformError
from instep.kafka.connection import Connection
from instep.local import aot, java
from instep.local import platform as local_platform
from instep.local.broker import Broker
from instep.local.doctor import CheckHealth, examine
from instep.local.jars import OTHER_PINS, kafka_jars
from instep.local.kafka import cluster_at, cluster_of, prepare
from instep.local.platform import Platform, marked_brokers
from instep.local.ports import free_ports, is_open
from instep.local.process import Process
from tests.chaos.disk import Disk
from tests.conftest import KAFKA_4_3_1

INSTEP = str(Path(sys.executable).with_name("instep"))


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """The platform of a directory of its own, which is the current one; whatever runs there is ended."""
    monkeypatch.chdir(tmp_path)
    platform = Platform()
    # The default port of this machine may belong to a developer who is at work.
    monkeypatch.setattr(local_platform, "DEFAULT_PORT", free_ports(1)[0])
    try:
        yield platform
    finally:
        platform.down()
        assert brokers_of(platform) == []


def instep(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [INSTEP, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def rows(*arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in instep(*arguments, "--output", "json").stdout.splitlines()]


def brokers_of(platform: Platform) -> list[Process]:
    return [one for directory, one in marked_brokers() if directory == platform.directory / "kafka"]


def recorded(platform: Platform) -> Process:
    found = platform.records.read(Broker.name)
    assert found
    return found


def started(platform: Platform, arguments: Sequence[str]) -> "subprocess.Popen[str]":
    """`instep up`, interrupted as soon as the broker process is there but not ready."""
    up = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while platform.records.read(Broker.name) is None:
        assert time.monotonic() < until
        time.sleep(0.01)
    return up


def test_up_status_doctor_and_down_tell_one_story(platform: Platform) -> None:
    port = str(free_ports(1)[0])
    up = instep("up", "--port", port)
    assert up.returncode == 0, up.stderr
    assert f"Kafka is up at 127.0.0.1:{port}" in up.stdout
    said = json.loads(platform.connection_file.read_text())
    assert said["bootstrap_servers"] == f"127.0.0.1:{port}"
    assert said["security_protocol"] == "SASL_SSL"
    for principal in ("instep.admin", "instep.intake", "instep.router"):
        secret = (platform.secrets / principal).read_text().strip()
        assert len(secret) > 40
        assert secret not in platform.connection_file.read_text()
        assert (platform.secrets / principal).stat().st_mode & 0o777 == 0o600
        assert not [one for one in psutil.process_iter(["cmdline"]) if secret in str(one.info["cmdline"])]
    broker = recorded(platform)
    assert rows("status") == [
        {
            "name": "broker",
            "state": "up",
            "pid": broker.pid,
            "address": f"127.0.0.1:{port}",
            "log": ".instep/logs/broker.log",
        }
    ]
    again = instep("up")
    assert again.returncode == 0
    assert "already up" in again.stdout
    assert recorded(platform) == broker
    assert instep("doctor").returncode == 0
    assert {one["health"] for one in rows("doctor")} == {"ok"}
    assert rows("down") == [{"ended": "broker"}]
    assert not broker.alive()
    assert not is_open(int(port))
    assert not platform.connection_file.exists()
    assert [one["state"] for one in rows("status")] == ["down"]
    assert "Nothing was running" in instep("down").stdout


def test_down_and_up_keep_the_port_and_a_command_below_finds_the_platform(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    port = free_ports(1)[0]
    assert instep("up", "--port", str(port)).returncode == 0
    below = tmp_path / "below/here"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert [row["address"] for row in rows("status")] == [f"127.0.0.1:{port}"]
    assert rows("down") == [{"ended": "broker"}]
    again = instep("up")
    assert f"Kafka is up at 127.0.0.1:{port}" in again.stdout
    assert not (below / ".instep").exists()
    assert rows("down", "--delete-data") == [{"ended": "broker"}]
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        moved = instep("up")
    assert moved.returncode == 0
    assert f"Port {port} is in use by another program" in moved.stderr


def test_a_terminal_without_instep_on_its_path_is_told_how_to_start_it(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    up = instep("up")
    assert up.returncode == 0, up.stderr
    assert f"`{INSTEP} down` ends it." in up.stdout
    assert "is not on this terminal's PATH" in up.stderr
    monkeypatch.setenv("PATH", f"{Path(INSTEP).parent}:/usr/bin:/bin")
    up = instep("up")
    assert "`instep down` ends it." in up.stdout
    assert "PATH" not in up.stderr


@pytest.mark.usefixtures("closed_terminal_is_heard")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_up_that_is_interrupted_leaves_nothing_half_started(
    platform: Platform, number: signal.Signals, code: int
) -> None:
    up = started(platform, [INSTEP, "up", "--port", str(free_ports(1)[0])])
    broker = recorded(platform)
    up.send_signal(number)
    _, told = up.communicate(timeout=60)
    assert up.returncode == code
    assert "Traceback" not in told
    assert not broker.alive()
    assert brokers_of(platform) == []
    assert platform.records.all() == []
    assert not platform.connection_file.exists()


def test_after_up_was_killed_a_second_up_heals(platform: Platform) -> None:
    up = started(platform, [INSTEP, "up"])
    broker = recorded(platform)
    up.kill()
    up.communicate(timeout=60)
    assert broker.alive()
    result = platform.up()
    assert result.bootstrap_servers
    assert cluster_at(platform.connection())
    assert not broker.alive()
    assert [one.pid for one in brokers_of(platform)] == [recorded(platform).pid]


def test_after_the_broker_was_killed_up_brings_it_back_at_its_address_with_its_topics(
    platform: Platform,
) -> None:
    before = platform.up()
    secrets = {file.name: file.read_text() for file in platform.secrets.iterdir()}
    asyncio.run(_create_topic(platform.connection(), "kept"))
    broker = recorded(platform)
    broker.kill()
    assert [one.state for one in platform.status()] == ["ended"]
    problems = [one for one in examine(platform, {}) if one.health is CheckHealth.PROBLEM]
    assert {one.check for one in problems} == {"processes", "connection"}
    assert all(one.advice for one in problems)
    after = platform.up()
    assert not after.already
    assert after.bootstrap_servers == before.bootstrap_servers
    assert f"process {broker.pid}" in after.notes[0]
    assert "kept" in asyncio.run(_topics(platform.connection()))
    assert {file.name: file.read_text() for file in platform.secrets.iterdir()} == secrets


def test_a_broker_whose_record_is_lost_is_found_and_replaced(platform: Platform) -> None:
    platform.up()
    lost = recorded(platform)
    platform.records.remove(Broker.name)
    platform.up()
    assert not lost.alive()
    assert [one.pid for one in brokers_of(platform)] == [recorded(platform).pid]


def test_a_broker_that_hangs_is_replaced(platform: Platform) -> None:
    platform.up()
    hung = recorded(platform)
    hung.signal(signal.SIGSTOP)
    assert [one.state for one in platform.status()] == ["not answering"]
    platform.up()
    assert cluster_at(platform.connection())
    assert not hung.alive()


def test_with_another_program_on_the_default_port_kafka_takes_a_free_one_and_says_so(
    platform: Platform,
) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", local_platform.DEFAULT_PORT))
        stranger.listen()
        result = platform.up()
        assert f"Port {local_platform.DEFAULT_PORT} is in use by another program" in result.notes[0]
        assert cluster_at(platform.connection())
        platform.down()
        assert is_open(local_platform.DEFAULT_PORT)


def test_a_port_that_was_asked_for_and_is_taken_is_refused_in_one_sentence(platform: Platform) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        up = instep("up", "--port", str(port))
    assert up.returncode == 1
    assert up.stderr.splitlines()[-1] == f"instep: Port {port} is in use by another program."
    assert platform.records.all() == []


def test_records_of_a_newer_kafka_are_named_with_the_remedy_and_kept_until_it_is_taken(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(OTHER_PINS, raising=False)
    newer = kafka_jars({OTHER_PINS: str(KAFKA_4_3_1)})
    newer.fetch()
    data = platform.directory / "kafka" / "data"
    prepare(newer, data)
    cluster = cluster_of(data)
    up = instep("up")
    assert up.returncode == 1
    assert "are of a newer Kafka, and Kafka 4.2.2 cannot read them" in up.stderr.splitlines()[-1]
    assert "instep down --delete-data" in up.stderr.splitlines()[-1]
    assert platform.records.all() == []
    assert cluster_of(data) == cluster
    assert instep("down", "--delete-data").returncode == 0
    assert instep("up").returncode == 0
    assert cluster_of(data) != cluster


def test_java_accepts_the_prepared_classes_that_brokers_start_with(broker: Broker) -> None:
    jars = kafka_jars()
    options = aot.options(jars, java.QUICK)
    assert broker.process is not None
    assert set(options) <= set(psutil.Process(broker.process.pid).cmdline())
    # A cache that does not fit is passed over in silence; this mode makes it an error.
    program = [str(java.find_java()), *java.QUICK, *options, "-XX:AOTMode=on", "-cp", jars.classpath]
    asked = subprocess.run(
        [*program, "kafka.Kafka", "--version"], capture_output=True, text=True, check=False
    )
    assert options, "no cache was made"
    assert asked.returncode == 0, asked.stderr


def test_a_java_that_cannot_run_kafka_is_named(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTEP_JAVA", "/bin/false")
    up = instep("up")
    assert up.returncode == 1
    assert "/bin/false does not run on this machine" in up.stderr
    assert platform.records.all() == []


def test_two_ups_at_once_start_one_kafka(platform: Platform) -> None:
    both = [
        subprocess.Popen([INSTEP, "up", "-o", "json"], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    told = [json.loads(one.communicate(timeout=120)[0]) for one in both]
    assert [one.returncode for one in both] == [0, 0]
    assert sorted(one["already"] for one in told) == [False, True]
    assert told[0]["bootstrap_servers"] == told[1]["bootstrap_servers"]
    assert len(brokers_of(platform)) == 1


def test_down_ends_services_too_and_nothing_that_it_did_not_start(platform: Platform) -> None:
    platform.up()
    stranger = psutil.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        service = platform.start("intake", [sys.executable, "-c", "import time; time.sleep(600)"])
        assert [(one.name, one.state) for one in platform.status()] == [("broker", "up"), ("intake", "up")]
        with pytest.raises(PlatformError, match="running already"):
            platform.start("intake", [sys.executable])
        # A record that outlived its process, whose id somebody else has now.
        platform.records.write(
            Process(name="router", pid=stranger.pid, started=stranger.create_time() - 3600)
        )
        assert platform.down() == ["intake", "broker"]
        assert not service.alive()
        assert stranger.is_running()
    finally:
        stranger.kill()
        stranger.wait()


SERVICE = """
import signal, socket, sys, time
def end(*_):
    time.sleep(0.5)
    with socket.socket() as probe:
        print("broker is there" if probe.connect_ex(("127.0.0.1", int(sys.argv[1]))) == 0 else "broker is gone", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("here", flush=True)
time.sleep(600)
"""


def test_services_end_before_a_broker_that_was_started_after_them(platform: Platform) -> None:
    platform.up()
    port = str(recorded(platform).port)
    services = [platform.start(name, [sys.executable, "-c", SERVICE, port]) for name in ("intake", "router")]
    recorded(platform).kill()
    platform.up()
    assert str(recorded(platform).port) == port
    assert platform.down() == ["router", "intake", "broker"]
    assert {Path(one.log).read_text() for one in services} == {"here\nbroker is there\n"}


@pytest.mark.parametrize("name", ["Überprüfung – ø 日本", "ends with \\"])
def test_a_directory_may_have_any_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: Platform
) -> None:
    monkeypatch.setenv("INSTEP_HOME", str(tmp_path / name))
    monkeypatch.setenv("LC_ALL", "C")
    up = instep("up")
    try:
        assert up.returncode == 0, up.stderr
        assert (tmp_path / name / "kafka" / "data" / "meta.properties").exists()
        assert [one.name for one in tmp_path.iterdir()] == [name]
        assert instep("doctor").returncode == 0
    finally:
        assert "Ended: broker." in instep("down").stdout


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A small disk that can be filled; without the right to mount one there is nothing to try."""
    disk = Disk(tmp_path / "disk")
    if not disk.possible:
        pytest.skip("this user may not mount a disk")
    yield disk
    disk.unmount()


@pytest.mark.parametrize("when", ["at first", "later"])
def test_a_full_disk_is_named_and_no_process_is_left(
    when: str, disk: Disk, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTEP_HOME", str(disk.directory / "home"))
    there = Platform(disk.directory / "home")
    if when == "later":
        there.up()
        there.down()
    disk.fill()
    up = instep("up")
    assert up.returncode == 1
    assert f"Kafka cannot write in {there.directory / 'kafka'}" in up.stderr.splitlines()[-1]
    assert "0 MiB are free there" in up.stderr.splitlines()[-1]
    assert brokers_of(there) == []
    assert there.records.all() == []
    assert not list(there.records.directory.glob(".*"))
    disk.empty()
    assert instep("up").returncode == 0
    assert instep("down").returncode == 0


def test_a_disk_that_fills_up_while_the_network_is_applied_is_no_traceback(
    disk: Disk, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTEP_HOME", str(disk.directory / "home"))
    there = Platform(disk.directory / "home")
    there.up()
    try:
        disk.fill()
        applied = instep("network", "apply", "sample")
        assert applied.returncode == 1, applied.stdout
        assert applied.stderr.splitlines()[-1].startswith("instep: ")
        assert "Traceback" not in applied.stderr
        doctor = {one["check"]: one for one in rows("doctor")}
        assert doctor["disk"]["health"] == "problem"
    finally:
        disk.empty()
        there.down()


def test_from_another_directory_another_platform_is_seen(
    platform: Platform, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.up()
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    assert [one["state"] for one in rows("status")] == ["down"]
    assert f"Nothing was running in {elsewhere}" in instep("down").stdout
    assert platform.address()


async def _create_topic(connection: Connection, name: str) -> None:
    admin = AIOKafkaAdminClient(**connection.kafka())
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, 1)])
    finally:
        await admin.close()


async def _topics(connection: Connection) -> list[str]:
    admin = AIOKafkaAdminClient(**connection.kafka())
    await admin.start()
    try:
        return list(await admin.list_topics())
    finally:
        await admin.close()
