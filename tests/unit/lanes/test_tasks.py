"""The unexpected in a background task is never lost."""

import asyncio

from instep.lanes.tasks import Tasks


async def settled() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_the_unexpected_in_a_task_is_reported() -> None:
    failures: list[BaseException] = []
    tasks = Tasks(failures.append)

    async def broken() -> None:
        raise RuntimeError("unexpected")

    tasks.start(broken)
    await settled()
    assert [str(failure) for failure in failures] == ["unexpected"]


async def test_cancelled_tasks_end_without_a_report_and_others_go_on_until_then() -> None:
    failures: list[BaseException] = []
    ended: list[str] = []
    tasks = Tasks(failures.append)

    async def lasting() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("lasting")

    async def short() -> None:
        ended.append("short")

    tasks.start(lasting)
    await settled()
    tasks.start(short)
    tasks.start(short)
    await settled()
    assert ended == ["short", "short"]
    tasks.cancel()
    await settled()
    assert ended == ["short", "short", "lasting"]
    assert failures == []
