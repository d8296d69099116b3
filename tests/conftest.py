"""What every test may rely on."""

import os

import pytest
from hypothesis import settings

# The machine may be busy: a slow example is no failure. A failing one is printed with the blob that repeats it.
settings.register_profile("instep", deadline=None, print_blob=True)
settings.load_profile("instep")


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a developer's shell says about Kafka must not reach a test; which Java runs it may."""
    for name in os.environ:
        if name.startswith("INSTEP_") and name != "INSTEP_JAVA":
            monkeypatch.delenv(name)
