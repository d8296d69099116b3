"""Java's cache of Kafka's classes: who gets it, and that a start never depends on it."""

from pathlib import Path

import pytest

from instep.local import aot, java
from instep.local.jars import Jars, pinned

NO_JAVA_OF_THEIR_OWN: dict[str, str] = {}


@pytest.fixture
def jars(tmp_path: Path) -> Jars:
    jars = Jars(pins=pinned(), cache=tmp_path)
    jars.directory.mkdir()
    return jars


def cache(jars: Jars) -> Path:
    file = jars.directory / "secured-25.0.2.1.aot"
    file.write_bytes(b"classes")
    return file


@pytest.fixture
def wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _: "25.0.2.1")


@pytest.mark.usefixtures("wheel")
def test_a_broker_is_given_the_cache_of_its_jars_and_its_java(jars: Jars) -> None:
    file = cache(jars)
    assert f"-XX:AOTCache={file}" in aot.options(jars, java.QUICK, NO_JAVA_OF_THEIR_OWN)
    assert f"-XX:AOTCache={file}" in aot.options(jars, java.LEAN, NO_JAVA_OF_THEIR_OWN)


@pytest.mark.usefixtures("wheel")
def test_without_a_cache_a_broker_is_given_no_option(jars: Jars) -> None:
    assert aot.options(jars, java.QUICK, NO_JAVA_OF_THEIR_OWN) == ()


@pytest.mark.usefixtures("wheel")
def test_a_java_of_the_users_own_is_given_no_option_that_it_may_not_know(jars: Jars) -> None:
    cache(jars)
    assert aot.options(jars, java.QUICK, {"INSTEP_JAVA": "/opt/java/bin/java"}) == ()


@pytest.mark.usefixtures("wheel")
def test_another_collector_cannot_use_the_cache(jars: Jars) -> None:
    cache(jars)
    assert aot.options(jars, java.FAST, NO_JAVA_OF_THEIR_OWN) == ()


def test_an_older_java_has_no_cache(jars: Jars, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _: "21.0.4.1")
    (jars.directory / "secured-21.0.4.1.aot").touch()
    assert aot.options(jars, java.QUICK, NO_JAVA_OF_THEIR_OWN) == ()


@pytest.mark.slow
@pytest.mark.usefixtures("wheel")
def test_a_cache_that_cannot_be_made_is_tried_once(jars: Jars, monkeypatch: pytest.MonkeyPatch) -> None:
    java_that_fails = jars.cache / "java"
    java_that_fails.write_text("#!/bin/sh\necho started >> $0.starts\nexit 1\n")
    java_that_fails.chmod(0o755)
    monkeypatch.setattr(java, "find_java", lambda: java_that_fails)
    (data := jars.cache / "formatted").mkdir()
    for _ in range(2):
        aot.make_cache(
            jars,
            data,
            lambda: ("process.roles=broker", lambda: None),
            environ=NO_JAVA_OF_THEIR_OWN,
        )
    assert (jars.cache / "java.starts").read_text() == "started\n"
    assert not jars.training.exists()
    assert aot.options(jars, java.QUICK, NO_JAVA_OF_THEIR_OWN) == ()
