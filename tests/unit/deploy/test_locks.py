"""Whether `make lock` was run after the last change of pyproject.toml, as far as a machine without a network can tell."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
GROUPS = PROJECT["dependency-groups"]
PLATFORMS = ["linux", "darwin"]
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


@dataclass(frozen=True, kw_only=True)
class Pin:
    requirement: Requirement
    hashes: int
    asked_by_us: bool

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        (specifier,) = self.requirement.specifier
        return specifier.version

    def holds(self, python: str, platform: str) -> bool:
        environment = {
            "python_version": python,
            "python_full_version": f"{python}.0",
            "sys_platform": platform,
        }
        return self.requirement.marker is None or self.requirement.marker.evaluate(environment)


def pins(lock: str) -> Iterator[Pin]:
    text = (ROOT / "deploy" / lock).read_text()
    for block in re.split(r"\n(?=[a-z0-9])", text)[1:]:
        head, *rest = block.split(" \\\n")
        yield Pin(
            requirement=Requirement(head),
            hashes=sum(line.strip().startswith("--hash=sha256:") for line in rest),
            asked_by_us="instep (pyproject.toml" in block,
        )


def declared(*lists: list[str]) -> dict[str, Requirement]:
    requirements = [Requirement(line) for names in lists for line in names]
    return {canonicalize_name(r.name): r for r in requirements if r.name != PROJECT["project"]["name"]}


LOCKS = {
    "requirements.lock": declared(
        PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"].values(),
        GROUPS["dev"],
    ),
    "bench.lock": declared(GROUPS["bench"]),
    "fuzz.lock": declared(GROUPS["fuzz"]),
}
each_lock = pytest.mark.parametrize("lock", [*LOCKS, "uv.lock"])


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_what_pyproject_declares_and_nothing_that_it_no_longer_declares(lock: str) -> None:
    pinned = {pin.name: pin.version for pin in pins(lock) if pin.asked_by_us}
    assert pinned.keys() == LOCKS[lock].keys()
    for name, requirement in LOCKS[lock].items():
        assert pinned[name] in requirement.specifier


@each_lock
def test_every_python_has_the_same_versions(lock: str) -> None:
    """A failure seen on one Python is sought in the same packages on another."""
    for pin in pins(lock):
        for platform in PLATFORMS:
            assert len({pin.holds(python, platform) for python in PYTHONS}) == 1, pin


@each_lock
def test_every_pin_has_hashes_and_no_lock_names_a_registry(lock: str) -> None:
    assert all(pin.hashes for pin in pins(lock))
    text = (ROOT / "deploy" / lock).read_text()
    assert "://" not in text
    assert "index-url" not in text


@each_lock
def test_a_lock_says_how_it_is_made(lock: str) -> None:
    assert (ROOT / "deploy" / lock).read_text().splitlines()[1] == "#    make lock"
    assert f"-o deploy/{lock}" in (ROOT / "Makefile").read_text()


def test_uv_alone_is_in_the_lock_of_uv() -> None:
    assert [pin.name for pin in pins("uv.lock")] == ["uv"]
