"""Which signals end a process in order."""

import signal
from collections.abc import Iterator

import pytest

from instep.service import stopping


@pytest.fixture(autouse=True)
def handlers_are_put_back() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in stopping.ALL}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def heard(numbers: list[int]) -> stopping.Handler:
    return lambda number, _: numbers.append(number)


def test_an_interrupt_a_termination_and_a_closed_terminal_are_heard() -> None:
    numbers: list[int] = []
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    stopping.handle(heard(numbers))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.raise_signal(number)
    assert numbers == [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def test_under_nohup_a_closed_terminal_ends_nothing() -> None:
    numbers: list[int] = []
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stopping.handle(heard(numbers))
    signal.raise_signal(signal.SIGHUP)
    assert numbers == []
