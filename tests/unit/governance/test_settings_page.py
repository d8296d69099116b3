"""The page of settings names each variable that the code reads, and no other."""

import re
from pathlib import Path

from instep.kafka.connection import NAMES, variable

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "deploy" / "settings.md").read_text(encoding="utf-8")
SET_UP = ("deploy/python", "deploy/setup", "Makefile")


def read_by_code() -> set[str]:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "services/instep").rglob("*.py")]
    texts += [(ROOT / name).read_text(encoding="utf-8") for name in SET_UP]
    return set(re.findall(r"\bINSTEP_[A-Z_]*[A-Z]\b", "\n".join(texts))) | {variable(name) for name in NAMES}


def test_the_page_and_the_code_name_the_same_variables() -> None:
    listed = set(re.findall(r"^\| `(INSTEP_[A-Z_]+)` \|", PAGE, re.MULTILINE))
    assert listed == read_by_code()


def test_the_ranges_on_the_page_are_those_of_the_code() -> None:
    code = "\n".join(
        (ROOT / "services/instep" / name).read_text(encoding="utf-8")
        for name in ("lanes/settings.py", "service/settings.py")
    )
    bounds = {
        name: (float(least), float(most.replace("_", "")))
        for name, least, most in re.findall(r'"(INSTEP_\w+)", \w+, [\w.]+, ([\d.]+), ([\d._]+)\)', code)
    }
    shown = {
        name: (float(least), float(most))
        for name, least, most in re.findall(
            r"^\| `(INSTEP_\w+)` \|.*\| ([\d.]+) to ([\d.]+) \|$", PAGE, re.MULTILINE
        )
    }
    assert shown == bounds
    assert len(bounds) == 6
