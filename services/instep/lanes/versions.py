"""The versions whose private methods the driver overrides: any other may lose events in silence, so it does not start."""

from importlib.metadata import version

from instep.errors import ConfigurationError

PINNED = {"faust-streaming": "0.15.3", "mode-streaming": "0.7.1", "aiokafka": "0.14.0"}


def check_versions() -> None:
    """Raise ConfigurationError unless exactly the versions that the lanes were proven on are installed."""
    for name, wanted in PINNED.items():
        found = version(name)
        if found != wanted:
            raise ConfigurationError(
                f"{name} {found} is installed, and the lanes are proven on {wanted} only."
            )


def own_version() -> str:
    """The version of this distribution."""
    return version("instep")
