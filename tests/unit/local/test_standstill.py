"""A wait goes on while something moves, and is given up with one sentence when nothing does."""

from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from instep.demo.access_probes import _answer
from instep.errors import NotConnectedError, PlatformError
from instep.local import standstill
from instep.local.standstill import Standstill, patiently

LOG = Path("/somewhere/broker.log")


class Clock:
    """A clock that is told what time it is."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standstill, "_PAUSE_S", 0.0)
    monkeypatch.setattr(standstill, "_LONGEST_PAUSE_S", 0.0)


def look(still: Standstill, clock: Clock, states: Callable[[int], object], every_s: float) -> None:
    for number in range(1000):
        clock.now += every_s
        still.look(states(number))


def test_a_wait_has_no_limit_while_something_moves(clock: Clock) -> None:
    still = Standstill("the topics", LOG, within_s=300.0, clock=clock)
    look(still, clock, lambda number: number // 100, every_s=2.9)
    assert clock.now > 2800


def test_a_standstill_says_for_what_it_waited_how_long_and_where_to_look(clock: Clock) -> None:
    still = Standstill("the topics", LOG, within_s=300.0, clock=clock)
    said = r"Nothing has moved for 300 s while waiting for the topics: see /somewhere/broker\.log\."
    with pytest.raises(PlatformError, match=said):
        look(still, clock, lambda _: "as before", every_s=5.0)
    assert 300 < clock.now < 320


def test_a_process_that_was_stopped_itself_gives_nothing_up_when_it_goes_on(clock: Clock) -> None:
    still = Standstill("the topics", LOG, within_s=300.0, clock=clock)
    still.look("as before")
    clock.now += 100_000
    for _ in range(10):
        still.look("as before")


@pytest.mark.parametrize(
    "error", [NotConnectedError("busy"), KafkaConnectionError(), OSError(), TimeoutError()]
)
async def test_a_step_without_an_answer_is_taken_again(error: Exception, clock: Clock) -> None:
    errors = [error, error, error]

    async def step() -> str:
        if errors:
            raise errors.pop()
        return "answered"

    assert await patiently(step, Standstill("an answer", LOG, clock=clock)) == "answered"


async def test_a_step_that_is_never_answered_is_given_up_with_its_last_error(clock: Clock) -> None:
    async def step() -> None:
        clock.now += 20.0
        raise TimeoutError

    with pytest.raises(
        PlatformError, match=r"waiting for an answer \(the last try ended with TimeoutError\)"
    ):
        await patiently(step, Standstill("an answer", LOG, within_s=300.0, clock=clock))


async def test_no_answer_is_no_verdict_on_what_the_broker_refuses(clock: Clock) -> None:
    answers = [TopicAuthorizationFailedError("leeds.outbox"), TimeoutError(), KafkaConnectionError()]

    async def act() -> None:
        raise answers.pop()

    answer = await _answer(act, Standstill("the broker's answer", LOG, clock=clock))
    assert answer == "TopicAuthorizationFailedError"
    assert not answers
