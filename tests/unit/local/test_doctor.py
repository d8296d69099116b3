"""`instep doctor`: every finding that is not well says what to do."""

from pathlib import Path

import pytest

from instep.local import doctor
from instep.local.doctor import CheckHealth, CheckResult, examine
from instep.local.jars import kafka_jars
from instep.local.platform import Platform

pytestmark = pytest.mark.slow


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return Platform(tmp_path / ".instep")


def found(platform: Platform, check: str, **environ: str) -> CheckResult:
    return next(one for one in examine(platform, environ) if one.check == check)


def test_on_a_fresh_machine_nothing_is_a_problem_and_each_note_has_its_advice(
    platform: Platform, tmp_path: Path
) -> None:
    findings = examine(platform, {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert not [one for one in findings if one.health is CheckHealth.PROBLEM]
    assert {one.check for one in findings if one.health is CheckHealth.NOTE} >= {"kafka", "connection"}
    assert all(one.advice for one in findings if one.health is not CheckHealth.OK)
    assert not platform.directory.exists()


def test_a_java_that_is_not_there_is_a_problem(platform: Platform) -> None:
    finding = found(platform, "java", INSTEP_JAVA="/nowhere/java")
    assert finding.health is CheckHealth.PROBLEM
    assert "INSTEP_JAVA" in finding.found


def test_damaged_jars_are_a_problem(platform: Platform, tmp_path: Path) -> None:
    jars = kafka_jars({"XDG_CACHE_HOME": str(tmp_path)})
    jars.directory.mkdir(parents=True)
    (jars.directory / ".complete").touch()
    finding = found(platform, "kafka", XDG_CACHE_HOME=str(tmp_path))
    assert finding.health is CheckHealth.PROBLEM
    assert str(jars.directory) in finding.advice


def test_a_disk_that_is_full_is_a_problem(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_LEAST_MIB", 2**60)
    monkeypatch.setattr(doctor, "_ENOUGH_MIB", 2**60)
    assert found(platform, "disk").health is CheckHealth.PROBLEM


def test_a_broker_elsewhere_that_does_not_answer_is_a_problem(platform: Platform) -> None:
    elsewhere = {"INSTEP_BOOTSTRAP_SERVERS": "127.0.0.1:1", "INSTEP_SECURITY_PROTOCOL": "PLAINTEXT"}
    finding = found(platform, "connection", **elsewhere)
    assert finding.health is CheckHealth.PROBLEM
    assert "127.0.0.1:1" in finding.found
