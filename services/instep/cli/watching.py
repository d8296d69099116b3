"""Carries out `instep watch DIR`: puts the room of watching together with publishing, work lists and the clock."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import typer

from instep.adapters import load_mapping
from instep.cli.listing import connected, run
from instep.cli.output import stdout
from instep.cli.publish import PublishRequest, publish_into
from instep.cli.publish_report import RunResult
from instep.cli.watch_answers import keep_outcomes
from instep.cli.watch_lists import WorkLists
from instep.cli.watch_report import corrections, report, summary, unreadable_report
from instep.client.council import Council, council
from instep.client.days import LONDON
from instep.client.worklist import is_work_list
from instep.errors import FileFormatError, TheWorlds
from instep.watch.decide import STILL
from instep.watch.folder import Folder
from instep.watch.watcher import FilePublished, Unreadable, Watcher

LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOptions:
    """The user's options. `publish` holds those of publishing; its file is replaced by each file in turn."""

    folder: Path
    publish: PublishRequest
    every_s: float
    once: bool
    work_lists: bool


def watch_folder(watch: WatchOptions) -> None:
    """Watch until the process is ended; with `once`, exit with 1 when somebody has to correct something."""
    if watch.publish.mapping:
        load_mapping(watch.publish.mapping)  # a fault in it should show before the first file comes
    try:
        watcher = _watcher(watch)
        if not watch.once:
            say(f"Watching {watch.folder} for {watch.publish.authority}; Ctrl-C ends it.")
            _for_ever(watcher, watch.every_s)
        smooth = _rounds(watcher, watch.every_s)
    except (KeyboardInterrupt, SystemExit):
        say("Stopped. A file that was being published goes on at the next start; nothing is sent twice.")
        raise
    if watcher.to_correct or not smooth:
        raise typer.Exit(1)


def say(sentence: str) -> None:
    """Print a line with the time, for people and for logs."""
    stdout().print(f"{datetime.now(LONDON):%Y-%m-%d %H:%M:%S}  {sentence}", soft_wrap=True)


def _watcher(watch: WatchOptions) -> Watcher:
    folder = Folder(watch.folder.absolute())
    at = _patiently(lambda: _council(watch.publish.authority), watch)
    folder.prepare(at.authority)
    request = replace(watch.publish, authority=at.authority)
    lists = WorkLists(
        folder=folder, authority=at.authority, say=say, today=lambda: datetime.now(LONDON).date()
    )
    return Watcher(
        folder=folder,
        publish=lambda file: take_in(request, file),
        say=say,
        now=lambda: datetime.now(LONDON),
        chores=lists.make if watch.work_lists else lambda: None,
    )


def _council(name: str) -> Council:
    """The council of a name, as the network knows it."""
    return run(council(*connected(), name))


def _patiently(ask: Callable[[], Council], watch: WatchOptions) -> Council:
    """The answer to a question; while the broker is away the question is asked again, but not with `once`."""
    pause_s, said = watch.every_s, ""
    while True:
        try:
            return ask()
        except TheWorlds as error:
            if watch.once:
                raise
            if str(error) != said:
                said = str(error)
                say(f"{said} Trying again.")
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _for_ever(watcher: Watcher, every_s: float) -> None:
    pause_s = every_s
    while True:
        pause_s = every_s if watcher.round() else min(2 * pause_s, max(LONGEST_PAUSE_S, every_s))
        time.sleep(pause_s)


def _rounds(watcher: Watcher, every_s: float) -> bool:
    """As many rounds as a file that stands still needs to be taken; whether the last went smoothly."""
    for _ in range(STILL):
        watcher.round()
        time.sleep(every_s)
    return watcher.round()


def take_in(request: PublishRequest, file: Path) -> FilePublished | Unreadable:
    """Keep the outcomes of a filled work list; publish any other file."""
    return keep_outcomes(request, file) if is_work_list(file) else publish(request, file)


def publish(request: PublishRequest, file: Path) -> FilePublished | Unreadable:
    """Publish a file as `instep publish` does, and say what became of it."""
    results = RunResult()
    try:
        publish_into(replace(request, file=file), results)
    except FileFormatError as error:
        sentence = str(error).replace(str(file), file.name)
        return Unreadable(summary=sentence, report=unreadable_report(file.name, sentence, results))
    return FilePublished(
        summary=summary(results),
        report=report(file.name, results, datetime.now(LONDON)),
        corrections=corrections(request, file, results),
    )
