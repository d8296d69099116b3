"""The registration of a broker that has died.

The controller keeps a registration until the broker's session has passed, and refuses the broker's next process until
then. A session lasts a minute here, and a minute after each crash is too long. So a controller alone is started first, whose
sessions last a second, and ended when it has fenced the dead broker.
"""

import time
from pathlib import Path

from instep.local.ports import LOOPBACK
from instep.local.process import Process

_SESSION_S = 1.0
_WITHIN_S = 30.0
_FENCED = "Fencing broker "
_IN_CHARGE = "Becoming the active controller"


def is_held(data: Path) -> bool:
    """Whether the controller may still hold the registration of a broker that was not ended in order."""
    return (data / "__cluster_metadata-0").exists() and not (data / ".kafka_cleanshutdown").exists()


def controller_alone(properties: str, port: int) -> str:
    """The settings of a broker with its controller, changed to those of the controller alone."""
    return f"""\
{properties}
process.roles=controller
listeners=CONTROLLER://{LOOPBACK}:{port}
advertised.listeners=CONTROLLER://{LOOPBACK}:{port}
broker.session.timeout.ms={_SESSION_S * 1000:.0f}
broker.heartbeat.interval.ms=100
"""


def wait_until_released(controller: Process, log: Path) -> None:
    """Return when the controller has fenced whom it knows, has nobody to fence, or has ended.

    When none of that happens in time, the broker itself has to wait for the session's end: slower, and no error.
    """
    until = time.monotonic() + _WITHIN_S
    in_charge = False
    while time.monotonic() < until and controller.alive():
        logged = log.read_text("utf-8", errors="replace")
        if _FENCED in logged:
            return
        if _IN_CHARGE in logged and not in_charge:
            in_charge = True
            until = time.monotonic() + 2 * _SESSION_S
        time.sleep(0.05)
