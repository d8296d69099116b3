"""Handles the signals for stopping a process: Ctrl-C, SIGTERM, and the SIGHUP of a closing terminal."""

import signal
from collections.abc import Callable
from types import FrameType

Handler = Callable[[int, FrameType | None], object]

# Windows has no SIGHUP.
HANG_UP: tuple[signal.Signals, ...] = (signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()
ALL = (signal.SIGINT, signal.SIGTERM, *HANG_UP)


def handle(handler: Handler, numbers: tuple[signal.Signals, ...] = ALL) -> None:
    """Have `handler` called for these signals. SIGHUP stays ignored where the caller ignores it, as `nohup` does."""
    for number in numbers:
        if number in HANG_UP and signal.getsignal(number) is signal.SIG_IGN:
            continue
        signal.signal(number, handler)
