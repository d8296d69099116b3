"""A bad setting names its variable; lanes start on the proven versions only."""

import pytest

from instep.errors import ConfigurationError
from instep.lanes import versions
from instep.lanes.settings import from_env
from instep.network.services import SERVICES

BROKER = {"INSTEP_BOOTSTRAP_SERVERS": "127.0.0.1:9092", "INSTEP_SECURITY_PROTOCOL": "PLAINTEXT"}


def test_defaults_are_enough() -> None:
    settings = from_env(BROKER, SERVICES["intake"])
    assert settings.management_port == 9701
    assert settings.management_host == "127.0.0.1"


@pytest.mark.parametrize("value", ["many", "70000", "-1"])
def test_a_bad_value_names_its_variable(value: str) -> None:
    with pytest.raises(ConfigurationError, match="INSTEP_MANAGEMENT_PORT"):
        from_env(BROKER | {"INSTEP_MANAGEMENT_PORT": value}, SERVICES["intake"])


def test_the_pinned_versions_are_installed() -> None:
    versions.check_versions()


def test_any_other_version_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(versions.PINNED, "aiokafka", "0.13.0")
    with pytest.raises(ConfigurationError, match="aiokafka"):
        versions.check_versions()
