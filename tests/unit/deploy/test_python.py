import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
CHOOSER = ROOT / "deploy" / "python"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SUPPORTED = ["3.11", "3.12", "3.13", "3.14"]
BASH = shutil.which("bash") or "bash"

STAND_IN = """\
#!/bin/sh
exec '{real}' -c '
import sys, sysconfig
sys.version_info = ({version}, 0, "final", 0)
sys.executable = "{path}"
{fault}
code = sys.argv[2]
del sys.argv[1:3]
exec(code)
' "$@"
"""


def python(path: Path, version: str, fault: str = "") -> Path:
    """This test's own Python under another version and name; `fault` is Python code that takes something away."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        STAND_IN.format(real=sys.executable, version=version.replace(".", ", "), path=path, fault=fault)
    )
    path.chmod(0o755)
    return path


def shim(path: Path) -> None:
    """What pyenv leaves on the PATH for a version that is installed and not chosen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n")
    path.chmod(0o755)


def choose(*places: Path, chosen: str = "", keeps: Path | None = None) -> subprocess.CompletedProcess[str]:
    arguments = ["keeps", str(keeps)] if keeps else []
    environ = {"PATH": os.pathsep.join(map(str, places)), "INSTEP_PYTHON": chosen}
    return subprocess.run(
        [BASH, str(CHOOSER), *arguments], env=environ, capture_output=True, text=True, check=False
    )


def printed(run: subprocess.CompletedProcess[str]) -> str:
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def refused(run: subprocess.CompletedProcess[str]) -> str:
    assert run.returncode == 1
    assert run.stdout == ""
    (line,) = run.stderr.splitlines()
    return line


def test_every_place_that_names_the_versions_names_the_same() -> None:
    allowed = SpecifierSet(PROJECT["project"]["requires-python"])
    assert [minor for minor in range(30) if f"3.{minor}.0" in allowed] == [11, 12, 13, 14]
    assert PROJECT["project"]["classifiers"] == [f"Programming Language :: Python :: {v}" for v in SUPPORTED]
    assert f'VERSIONS="{" ".join(reversed(SUPPORTED))}"' in CHOOSER.read_text()
    assert "Python 3.11, 3.12, 3.13 or 3.14" in (ROOT / "README.md").read_text()


def test_style_types_and_locks_are_made_for_the_oldest_version() -> None:
    tools = PROJECT["tool"]
    assert tools["mypy"]["python_version"] == SUPPORTED[0]
    assert tools["ruff"]["target-version"] == "py" + SUPPORTED[0].replace(".", "")
    assert f"--universal --python-version {SUPPORTED[0]}" in (ROOT / "Makefile").read_text()


def test_the_newest_version_is_taken(tmp_path: Path) -> None:
    for version in SUPPORTED:
        newest = python(tmp_path / f"python{version}", version)
        assert printed(choose(tmp_path)) == str(newest)


@pytest.mark.parametrize("name", ["python3", "python"])
def test_a_python_without_its_version_in_its_name_is_taken(tmp_path: Path, name: str) -> None:
    only = python(tmp_path / name, "3.12")
    assert printed(choose(tmp_path)) == str(only)


def test_a_shim_that_runs_nothing_is_passed_over(tmp_path: Path) -> None:
    shim(tmp_path / "shims" / "python3.13")
    shim(tmp_path / "shims" / "python3.12")
    older = python(tmp_path / "shims" / "python3.11", "3.11")
    assert printed(choose(tmp_path / "shims")) == str(older)


def test_a_python_behind_a_shim_of_its_name_is_found(tmp_path: Path) -> None:
    shim(tmp_path / "shims" / "python3.13")
    behind = python(tmp_path / "bin" / "python3.13", "3.13")
    python(tmp_path / "bin" / "python3.11", "3.11")
    assert printed(choose(tmp_path / "shims", tmp_path / "bin")) == str(behind)


@pytest.mark.parametrize(
    "fault",
    [
        *(f'sys.modules["{module}"] = None' for module in ("ssl", "sqlite3", "venv", "ensurepip")),
        'import venv; venv.create = lambda *_, **__: sys.exit("no space left")',
        'sysconfig.get_config_vars()["Py_GIL_DISABLED"] = 1',
        'sys.implementation.name = "pypy"',
    ],
)
def test_a_python_that_cannot_carry_instep_is_passed_over(tmp_path: Path, fault: str) -> None:
    python(tmp_path / "python3.13", "3.13", fault)
    assert "none is on the PATH" in refused(choose(tmp_path))
    older = python(tmp_path / "python3.11", "3.11")
    assert printed(choose(tmp_path)) == str(older)


@pytest.mark.parametrize("version", ["2.7", "3.10", "3.15"])
def test_a_version_that_is_not_supported_is_refused_by_a_sentence_that_names_those_that_are(
    tmp_path: Path, version: str
) -> None:
    unsupported = python(tmp_path / "python3", version)
    assert "3.11, 3.12, 3.13 or 3.14" in refused(choose(tmp_path))
    line = refused(choose(tmp_path, chosen=str(unsupported)))
    assert "3.11, 3.12, 3.13 or 3.14" in line
    assert f"INSTEP_PYTHON={unsupported}" in line


def test_instep_python_chooses_by_path_or_by_name(tmp_path: Path) -> None:
    python(tmp_path / "python3.14", "3.14")
    older = python(tmp_path / "python3.12", "3.12")
    assert printed(choose(tmp_path, chosen="python3.12")) == str(older)
    assert printed(choose(tmp_path, chosen=str(older))) == str(older)


def test_an_environment_of_a_supported_version_stays_unless_another_is_chosen(tmp_path: Path) -> None:
    newer = python(tmp_path / "python3.14", "3.14")
    made = python(tmp_path / "venv" / "bin" / "python", "3.12").parents[1]
    assert choose(tmp_path, keeps=made).returncode == 0
    assert choose(tmp_path, keeps=made, chosen=str(newer)).returncode == 1
    assert choose(tmp_path, keeps=made, chosen=str(python(tmp_path / "other", "3.12"))).returncode == 0


def test_an_environment_that_is_broken_absent_or_of_another_version_does_not_stay(tmp_path: Path) -> None:
    assert choose(keeps=tmp_path).returncode == 1
    shim(tmp_path / "broken" / "bin" / "python")
    assert choose(keeps=tmp_path / "broken").returncode == 1
    assert choose(keeps=python(tmp_path / "old" / "bin" / "python", "3.10").parents[1]).returncode == 1


def test_make_sets_up_anew_only_for_another_version_than_the_environment_has(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy", ignore=shutil.ignore_patterns("demo", "network"))
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    python(tmp_path / ".venv" / "bin" / "python", "3.12")
    (tmp_path / ".venv" / ".set-up").touch()

    def setup(version: str) -> str:
        chosen = [f"INSTEP_PYTHON={python(tmp_path / 'bin' / version, version)}"] if version else []
        command = ["make", "--dry-run", "setup", *chosen]
        inherited = {"INSTEP_PYTHON", "MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL"}
        environ = {name: value for name, value in os.environ.items() if name not in inherited}
        return subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True
        ).stdout

    assert "deploy/setup" not in setup("")
    assert "deploy/setup" not in setup("3.12")
    assert "deploy/setup" in setup("3.13")
