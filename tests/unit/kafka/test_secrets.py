"""Secrets: made once, for their owner's eyes, and never overwritten."""

import threading
from pathlib import Path

import pytest

from instep.errors import ConfigurationError
from instep.kafka.secrets import read_secret, secret, write_private


def test_a_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    directory = tmp_path / "secrets"
    made = secret(directory, "leeds")
    assert len(made) >= 43, "256 bits"
    assert (directory / "leeds").stat().st_mode & 0o777 == 0o600
    assert directory.stat().st_mode & 0o777 == 0o700
    assert secret(directory, "leeds") == made
    assert secret(directory, "bradford") != made
    assert sorted(file.name for file in directory.iterdir()) == ["bradford", "leeds"]


def test_a_secret_that_is_there_holds(tmp_path: Path) -> None:
    (tmp_path / "leeds").write_text("of our own\n")
    assert secret(tmp_path, "leeds") == "of our own"


def test_of_many_who_make_one_at_once_all_have_the_same(tmp_path: Path) -> None:
    secrets_made: list[str] = []
    threads = [
        threading.Thread(target=lambda: secrets_made.append(secret(tmp_path, "leeds"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(secrets_made) == 8
    assert len(set(secrets_made)) == 1


def test_an_empty_or_absent_secret_is_named(tmp_path: Path) -> None:
    (tmp_path / "leeds").write_text("\n")
    with pytest.raises(ConfigurationError, match="The secret of leeds is empty"):
        read_secret(tmp_path / "leeds", "The secret of leeds")
    with pytest.raises(ConfigurationError, match="INSTEP_SASL_PASSWORD_FILE cannot be read"):
        read_secret(tmp_path / "nowhere", "INSTEP_SASL_PASSWORD_FILE")


def test_a_private_file_replaces_one_that_others_could_read(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"old")
    (tmp_path / "key").chmod(0o644)
    write_private(tmp_path / "key", b"new")
    assert (tmp_path / "key").read_bytes() == b"new"
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
