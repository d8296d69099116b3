"""Runs the `instep` command within the test's own process."""

import signal
import sys

import pytest

from instep import cli
from instep.service import stopping


def exit_code(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of `instep` with these arguments; the handlers of signals are as before afterwards."""
    monkeypatch.setattr(sys, "argv", ["instep", *arguments])
    before = {number: signal.getsignal(number) for number in stopping.ALL}
    try:
        with pytest.raises(SystemExit) as left:
            cli.main()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert isinstance(left.value.code, int)
    return left.value.code
