"""A worker gets a free state directory, or a sentence that says why there is none."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from instep.errors import ConfigurationError, InstepError, StateDirectoryError
from instep.lanes.slot import take_slot


def test_each_worker_gets_a_directory_of_its_own_and_a_dead_ones_is_free_again(tmp_path: Path) -> None:
    first, lock = take_slot(tmp_path / "state" / "uk-router")
    second, other = take_slot(tmp_path / "state" / "uk-router")
    assert (first.name, second.name) == ("worker-0", "worker-1")
    lock.close()
    third, again = take_slot(tmp_path / "state" / "uk-router")
    assert third == first
    assert list(first.iterdir()) == []
    other.close()
    again.close()


def in_the_way_of_the_base(base: Path) -> None:
    base.parent.write_text("a file")


def in_the_place_of_the_base(base: Path) -> None:
    base.parent.mkdir()
    base.write_text("a file")


def in_the_place_of_the_slot(base: Path) -> None:
    base.mkdir(parents=True)
    (base / "worker-0").write_text("a file")


def in_the_place_of_the_lock(base: Path) -> None:
    (base / "worker-0.lock").mkdir(parents=True)


@pytest.mark.parametrize(
    "obstacle",
    [
        in_the_way_of_the_base,
        in_the_place_of_the_base,
        in_the_place_of_the_slot,
        in_the_place_of_the_lock,
    ],
)
def test_what_lies_in_the_way_is_named_with_the_variable(
    tmp_path: Path, obstacle: Callable[[Path], None]
) -> None:
    base = tmp_path / "state" / "uk-router"
    obstacle(base)
    with pytest.raises(ConfigurationError) as refused:
        take_slot(base)
    assert str(base) in str(refused.value)
    assert "INSTEP_STATE_DIR" in str(refused.value)
    assert str(refused.value).count(". ") == 0, "one sentence"


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.EACCES, ConfigurationError),
        (errno.EROFS, ConfigurationError),
        (errno.ENAMETOOLONG, ConfigurationError),
        (errno.ENOSPC, StateDirectoryError),
        (errno.EDQUOT, StateDirectoryError),
    ],
)
@pytest.mark.parametrize("step", ["mkdir", "open"])
def test_what_no_retry_mends_is_a_setting_and_a_full_disk_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[InstepError], step: str
) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, step, refuse)
    with pytest.raises(error) as refused:
        take_slot(tmp_path)
    assert type(refused.value) is error
    assert f"The state directory {tmp_path} cannot be" in str(refused.value)
    assert os.strerror(number) in str(refused.value)
    assert "INSTEP_STATE_DIR" in str(refused.value)


@pytest.mark.slow
def test_a_disk_that_takes_a_name_and_no_content_is_found_out_at_once(tmp_path: Path) -> None:
    """As on a full disk: here the process may write files of no more than 100 bytes."""
    program = (
        "import resource, signal, sys; from pathlib import Path; from instep.lanes.slot import take_slot\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "try: take_slot(Path(sys.argv[1]))\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(
        f"StateDirectoryError The state directory {tmp_path} cannot be used just now"
    )


@pytest.mark.slow
def test_a_directory_that_this_user_may_not_write_is_named(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from instep.lanes.slot import take_slot\n"
        "if os.geteuid() == 0: os.seteuid(65534)  # root may write everywhere\n"
        "try: take_slot(Path(sys.argv[1]))\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    tmp_path.chmod(0o500)
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "state")],
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        tmp_path.chmod(0o700)
    assert done.stdout.startswith(
        f"ConfigurationError The state directory {tmp_path / 'state'} cannot be written"
    )
    assert "(Permission denied)" in done.stdout
