"""Refuses to start unless Faust, mode and aiokafka have the versions on which the lanes were proven.

The lanes override private methods of the three libraries. Another version may lose events in silence.

The decision: `services/decisions/003-lanes-instead-of-fausts-exactly-once.md`.
"""

from importlib.metadata import version

from instep.errors import ConfigurationError

PINNED = {"faust-streaming": "0.15.3", "mode-streaming": "0.7.1", "aiokafka": "0.14.0"}


def check_versions() -> None:
    """Raise ConfigurationError unless exactly the versions that the lanes were proven on are installed."""
    for name, wanted in PINNED.items():
        installed = version(name)
        if installed != wanted:
            raise ConfigurationError(
                f"{name} {installed} is installed, and the lanes are proven on {wanted} only."
            )


def own_version() -> str:
    """The version of this distribution."""
    return version("instep")
