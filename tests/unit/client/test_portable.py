"""A council's end works where POSIX is not: `client`, `adapters`, `cli` and `watch` import nothing that only POSIX has."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SERVICES = Path(__file__).resolve().parents[3] / "services"
BLOCKED = ("fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty")

IMPORT_ALL = f"""
import importlib, sys
import psutil  # chooses by the platform what to import, and this platform is Linux
from importlib.abc import MetaPathFinder

class Blocked(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name in {BLOCKED!r}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)

for name in {BLOCKED!r}:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Blocked())
for name in sys.argv[1:]:
    importlib.import_module(name)
print(len(sys.argv) - 1)
"""


def modules() -> list[str]:
    return sorted(
        ".".join(file.relative_to(SERVICES).with_suffix("").parts).removesuffix(".__init__")
        for room in ("adapters", "client", "cli", "watch")
        for file in (SERVICES / "instep" / room).rglob("*.py")
        if file.name != "__main__.py"
    )


def test_every_module_of_a_councils_end_imports_without_what_only_posix_has() -> None:
    names = modules()
    assert "instep.adapters.memory" in names
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *names], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(len(names))]
